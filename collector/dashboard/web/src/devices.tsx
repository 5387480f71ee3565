// Every device and when it was last seen; a device opens its interfaces, an interface its graph.
import { useState } from 'preact/hooks';
import { ago } from './format.ts';
import { stateOf } from './device-state.ts';
import { Interfaces } from './interfaces.tsx';
import { hrefOf } from './place.ts';
import { Problem } from './problem.tsx';
import type { Device, Page } from './types.ts';
import { useAnswer } from './use-answer.ts';
import { t } from './words.ts';

interface DevicesProps {
  readonly chosen: string | null;
  readonly onResource: (resource: string) => void;
}

const SHOWN = 500;

export function Devices({ chosen, onResource }: DevicesProps) {
  const devices = useAnswer<Page<Device>>(`/api/v1/devices?limit=${SHOWN}`);
  const [open, setOpen] = useState<string | null>(null);
  const rows = devices.data?.items ?? [];
  return (
    <section class="card" aria-label={t('devices')}>
      <header>
        <h2>
          <a href={hrefOf(['devices'])}>{t('devices')}</a>
        </h2>
        <span class="note">{t('devices.choose')}</span>
      </header>
      <Problem text={devices.problem} old={devices.data !== null} />
      {rows.length === 0 && devices.problem === null && (
        <p class="empty">{devices.data === null ? t('asking') : t('devices.none')}</p>
      )}
      {rows.length > 0 && (
        <div class="scroll" tabIndex={0} role="group" aria-label={t('devices.list')}>
          <table>
            <thead>
              <tr>
                <th>{t('name')}</th>
                <th>{t('state')}</th>
                <th class="wide">{t('model')}</th>
                <th class="figure wide">{t('interfaces')}</th>
                <th class="figure">{t('lastPoll')}</th>
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
      {devices.data?.next != null && (
        <p class="note">
          <a href={hrefOf(['devices'])}>{t('devices.more')}</a>
        </p>
      )}
      {open !== null && <Interfaces device={open} chosen={chosen} onResource={onResource} />}
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
        {!device.configured && <span class="note"> {t('device.notConfigured')}</span>}
      </td>
      <td class={look}>
        {word}
        {device.lastFailure !== null && device.lastOutcome === 'failed' && <div class="note">{device.lastFailure}</div>}
      </td>
      <td class="wide name">
        <bdi>{[device.vendor, device.model].filter(Boolean).join(' ') || '–'}</bdi>
      </td>
      <td class="figure wide">{device.interfaceCount}</td>
      <td class="figure">{ago(device.lastPollAt, Date.now())}</td>
    </tr>
  );
}
