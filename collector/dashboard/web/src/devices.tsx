// Every device and when it was last seen; a device opens its interfaces, an interface its graph.
import { useState } from 'preact/hooks';
import { ago } from './format.ts';
import { Interfaces } from './interfaces.tsx';
import { Problem } from './problem.tsx';
import type { Device, Page } from './types.ts';
import { useAnswer } from './use-answer.ts';

interface DevicesProps {
  readonly round: number;
  readonly chosen: string | null;
  readonly onResource: (resource: string) => void;
}

const SHOWN = 500;

interface State {
  readonly word: string;
  readonly look: string;
}

function stateOf(device: Device): State {
  if (device.reachable === null) return { word: 'not seen yet', look: '' };
  if (device.stale) return { word: 'no news', look: 'state-doubt' };
  return device.reachable ? { word: 'answers', look: 'state-up' } : { word: 'silent', look: 'state-down' };
}

export function Devices({ round, chosen, onResource }: DevicesProps) {
  const devices = useAnswer<Page<Device>>(`/api/v1/devices?limit=${SHOWN}`, round);
  const [open, setOpen] = useState<string | null>(null);
  const rows = devices.data?.items ?? [];
  return (
    <section class="card" aria-label="Devices">
      <header>
        <h2>Devices</h2>
        <span class="note">choose one to see its interfaces</span>
      </header>
      <Problem text={devices.problem} old={devices.data !== null} />
      {rows.length === 0 && devices.problem === null && (
        <p class="empty">{devices.data === null ? 'Asking…' : 'No device is configured.'}</p>
      )}
      {rows.length > 0 && (
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th>Name</th>
                <th>State</th>
                <th class="wide">Model</th>
                <th class="figure wide">Interfaces</th>
                <th class="figure">Last poll</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((device) => (
                <Row
                  key={device.name}
                  device={device}
                  open={open === device.name}
                  onToggle={() => setOpen(open === device.name ? null : device.name)}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {devices.data?.next != null && <p class="note">Only the first {SHOWN} are shown; the API has all of them.</p>}
      {open !== null && <Interfaces device={open} round={round} chosen={chosen} onResource={onResource} />}
    </section>
  );
}

interface RowProps {
  readonly device: Device;
  readonly open: boolean;
  readonly onToggle: () => void;
}

function Row({ device, open, onToggle }: RowProps) {
  const { word, look } = stateOf(device);
  const seen = [device.sysName, device.sysDescr].filter((text) => text !== null && text !== '').join('\n');
  return (
    <tr class={open ? 'chosen' : ''}>
      <td title={seen}>
        <button type="button" class="row" aria-expanded={open} onClick={onToggle}>
          {device.name}
        </button>
        {!device.configured && <span class="note"> no longer configured</span>}
      </td>
      <td class={look}>
        {word}
        {device.lastFailure !== null && device.lastOutcome === 'failed' && <div class="note">{device.lastFailure}</div>}
      </td>
      <td class="wide name">{[device.vendor, device.model].filter(Boolean).join(' ') || '–'}</td>
      <td class="figure wide">{device.interfaceCount}</td>
      <td class="figure">{ago(device.lastPollAt, Date.now())}</td>
    </tr>
  );
}
