// The sensors of one interface: light in and out, temperature and bias of its optics, against the device's own limits.
import { useState } from 'preact/hooks';
import { measured } from './format.ts';
import { Problem } from './problem.tsx';
import { limitsText, SensorGraph, stateLook } from './sensor-graph.tsx';
import type { Span } from './span.ts';
import type { Page, PortSensor } from './types.ts';
import { useAnswer } from './use-answer.ts';
import { said, t } from './words.ts';

export function Optics({ id, span }: { readonly id: number; readonly span: Span }) {
  const sensors = useAnswer<Page<PortSensor>>(`/api/v1/interfaces/${id}/sensors`, { every: 6 });
  const [wanted, setWanted] = useState<string | null>(null);
  const items = sensors.data?.items ?? [];
  if (items.length === 0) return <Problem text={sensors.problem} />;
  // Light first: it is what fails.
  const chosen = items.find(({ key }) => key === wanted) ?? items.find((one) => one.class === 'dbm') ?? items[0];
  return (
    <section class="card" aria-label={t('optics')}>
      <header>
        <h2>{t('optics')}</h2>
        <span class="note">{t('optics.note')}</span>
      </header>
      <Problem text={sensors.problem} old={sensors.data !== null} />
      <div class="columns even">
        <div class="scroll" tabIndex={0} role="group" aria-label={t('optics.list')}>
          <table aria-label={t('optics.list')}>
            <thead>
              <tr>
                <th>{t('description')}</th>
                <th class="figure">{t('value')}</th>
                <th>{t('state')}</th>
                <th class="wide figure">{t('limits')}</th>
              </tr>
            </thead>
            <tbody>
              {items.map((sensor) => (
                <tr key={sensor.key} class={sensor.key === chosen?.key ? 'chosen' : ''}>
                  <td>
                    <button type="button" class="row" onClick={() => setWanted(sensor.key)}>
                      <bdi>{sensor.description ?? sensor.key}</bdi>
                    </button>
                  </td>
                  <td class="figure">{measured(sensor.value, sensor.unit ?? '')}</td>
                  <td class={stateLook(sensor.state)}>{sensor.state === null ? '' : said('state', sensor.state)}</td>
                  <td class="wide figure">{limitsText(sensor) ?? '–'}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
        {chosen !== undefined && <SensorGraph key={chosen.key} sensor={chosen} span={span} />}
      </div>
    </section>
  );
}
