// Every device and when it was last seen; a device opens its interfaces, an interface its graph.
import { useState } from 'preact/hooks';
import { ago } from './format.ts';
import type { Device, InterfaceRow, Page } from './types.ts';
import { useAnswer } from './use-answer.ts';

interface DevicesProps {
  readonly round: number;
  readonly chosen: string | null;
  readonly onResource: (resource: string) => void;
}

export function Devices({ round, chosen, onResource }: DevicesProps) {
  const devices = useAnswer<Page<Device>>('/api/v1/devices?limit=500', round);
  const [open, setOpen] = useState<string | null>(null);
  const rows = devices.data?.items ?? [];
  const now = Date.now();
  return (
    <section class="card" aria-label="Devices">
      <header>
        <h2>Devices</h2>
        <span class="note">choose one to see its interfaces</span>
      </header>
      {devices.problem !== null && <p class="problem">{devices.problem}</p>}
      {rows.length === 0 && <p class="empty">{devices.data === null ? 'Asking…' : 'No device is configured.'}</p>}
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th>Name</th>
              <th>State</th>
              <th>Model</th>
              <th class="figure">Interfaces</th>
              <th class="figure">Last poll</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((device) => (
              <tr key={device.name} class={open === device.name ? 'chosen' : ''}>
                <td>
                  <button
                    type="button"
                    class="row"
                    aria-expanded={open === device.name}
                    onClick={() => setOpen(open === device.name ? null : device.name)}
                  >
                    {device.name}
                  </button>
                </td>
                <td class={device.reachable === true ? 'state-up' : device.reachable === false ? 'state-down' : ''}>
                  {device.reachable === true ? 'answers' : device.reachable === false ? 'silent' : 'not seen yet'}
                </td>
                <td>{[device.vendor, device.model].filter(Boolean).join(' ') || '–'}</td>
                <td class="figure">{device.interfaceCount}</td>
                <td class="figure">{ago(device.lastPollAt, now)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {open !== null && <Interfaces device={open} round={round} chosen={chosen} onResource={onResource} />}
    </section>
  );
}

function Interfaces({ device, round, chosen, onResource }: DevicesProps & { readonly device: string }) {
  const answer = useAnswer<Page<InterfaceRow>>(
    `/api/v1/devices/${encodeURIComponent(device)}/interfaces?limit=500`,
    round,
  );
  return (
    <div class="scroll">
      <table aria-label={`Interfaces of ${device}`}>
        <thead>
          <tr>
            <th>Interface</th>
            <th>Alias</th>
            <th>State</th>
          </tr>
        </thead>
        <tbody>
          {(answer.data?.items ?? []).map((row) => (
            <tr key={row.resource} class={chosen === row.resource ? 'chosen' : ''}>
              <td>
                <button type="button" class="row" onClick={() => onResource(row.resource)}>
                  {row.name}
                </button>
              </td>
              <td>{row.alias ?? ''}</td>
              <td class={row.operStatus === 'up' ? 'state-up' : row.adminStatus === 'down' ? '' : 'state-down'}>
                {row.adminStatus === 'down' ? 'shut' : (row.operStatus ?? '–')}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
