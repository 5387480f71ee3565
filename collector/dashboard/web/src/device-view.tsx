// One device: what it is, how it is, what it has, whom it hears, and what changed of it.
import type { ComponentChildren } from 'preact';
import { DeviceHealth } from './device-health.tsx';
import { ChangesTable, EventsTable, InterfacesTable, ModulesTable, NeighboursTable } from './device-parts.tsx';
import { stateOf } from './device-state.ts';
import { ago, duration, moment, readable } from './format.ts';
import { choose, hrefOf, usePlace } from './place.ts';
import { Problem } from './problem.tsx';
import { Badge } from './severity.tsx';
import type { Alarm, Device, Page } from './types.ts';
import { useAnswer } from './use-answer.ts';
import { said, t, type Word } from './words.ts';

const TABS: readonly {
  readonly id: string;
  readonly word: Word;
  readonly draw: (name: string) => ComponentChildren;
}[] = [
  { id: 'interfaces', word: 'interfaces', draw: (name) => <InterfacesTable device={name} /> },
  { id: 'health', word: 'tab.health', draw: (name) => <DeviceHealth device={name} /> },
  { id: 'neighbours', word: 'tab.neighbours', draw: (name) => <NeighboursTable device={name} /> },
  { id: 'modules', word: 'tab.modules', draw: (name) => <ModulesTable device={name} /> },
  { id: 'changes', word: 'tab.changes', draw: (name) => <ChangesTable device={name} /> },
  { id: 'events', word: 'tab.events', draw: (name) => <EventsTable device={name} /> },
];

export function DeviceView({ name }: { readonly name: string }) {
  const { query } = usePlace();
  const path = encodeURIComponent(name);
  const device = useAnswer<Device>(`/api/v1/devices/${path}`);
  const alarms = useAnswer<Page<Alarm>>(`/api/v1/alarms?state=active&device=${path}&limit=20`);
  const chosen = TABS.find(({ id }) => id === query.get('tab')) ?? TABS[0];
  return (
    <>
      <p class="trail">
        <a href={hrefOf(['devices'])}>{t('devices')}</a> / <bdi>{name}</bdi>
      </p>
      <Problem text={device.problem} old={device.data !== null} />
      {device.data !== null && <Identity device={device.data} alarms={alarms.data?.items ?? []} />}
      {device.data?.firstSeenAt === null && <p class="empty">{t('device.notSeenNote')}</p>}
      {device.data?.firstSeenAt != null && (
        <section class="card" aria-label={t('device.parts', { device: name })}>
          <div class="tabs" role="tablist" aria-label={t('device.parts', { device: name })}>
            {TABS.map(({ id, word }) => (
              <button
                key={id}
                type="button"
                role="tab"
                aria-selected={chosen?.id === id}
                onClick={() => choose({ tab: id, q: null, sort: null })}
              >
                {t(word)}
              </button>
            ))}
          </div>
          <div role="tabpanel">{chosen?.draw(name)}</div>
        </section>
      )}
    </>
  );
}

function Identity({ device, alarms }: { readonly device: Device; readonly alarms: readonly Alarm[] }) {
  const { word, look } = stateOf(device);
  return (
    <div class="columns even">
      <section class="card" aria-label={t('device.identity')}>
        <header>
          <h2>
            <bdi>{device.name}</bdi>
          </h2>
          <span class={look}>{word}</span>
          {!device.configured && <span class="note">{t('device.notConfigured')}</span>}
        </header>
        <Facts
          facts={[
            ['address', device.address],
            ['site', device.site],
            ['model', [device.vendor, device.model].filter(Boolean).join(' ')],
            ['version', [device.os, device.version].filter(Boolean).join(' ')],
            ['serial', device.serial],
            ['sysName', device.sysName],
            ['sysDescr', device.sysDescr],
            ['location', device.sysLocation],
            ['contact', device.sysContact],
            ['criticality', said('kind', device.criticality)],
            ['tags', device.tags.join(', ')],
            ['note', device.note],
          ]}
        />
      </section>
      <section class="card" aria-label={t('device.poll')}>
        <header>
          <h2>{t('device.poll')}</h2>
        </header>
        <Facts
          facts={[
            ['agent', device.agent],
            ['profile', device.profile],
            ['lastPoll', ago(device.lastPollAt, Date.now())],
            ['lastAnswer', ago(device.lastAnswerAt, Date.now())],
            ['device.outcome', device.lastOutcome === null ? null : said('state', device.lastOutcome)],
            ['device.failure', device.lastFailure],
            ['device.took', device.lastPollMs === null ? null : `${Math.round(device.lastPollMs)} ms`],
            [
              'device.requests',
              device.lastRequests === null
                ? null
                : `${device.lastRequests} (${t('device.retries', { n: device.lastRetries ?? 0 })})`,
            ],
            ['device.interval', device.intervalMs === null ? null : `${device.intervalMs / 1000} s`],
            ['uptime', device.uptimeTicks === null ? null : duration(device.uptimeTicks / 100)],
            ['firstSeen', moment(device.firstSeenAt)],
          ]}
        />
        <h3>{t('alarms')}</h3>
        {alarms.length === 0 && <p class="note">{t('alarms.quiet')}</p>}
        <ul class="facts">
          {alarms.map((alarm) => (
            <li key={alarm.id}>
              <Badge severity={alarm.severity} cleared={false} />{' '}
              <a href={hrefOf(['alarms', alarm.id])} class="quiet">
                <bdi>{readable(alarm.text)}</bdi>
              </a>
            </li>
          ))}
        </ul>
      </section>
    </div>
  );
}

/** What is not known is left out. */
export function Facts({ facts }: { readonly facts: readonly (readonly [Word, string | null])[] }) {
  return (
    <dl class="pairs">
      {facts.map(([word, value]) =>
        value === null || value === '' ? null : (
          <div key={word}>
            <dt>{t(word)}</dt>
            <dd>
              <bdi>{value}</bdi>
            </dd>
          </div>
        ),
      )}
    </dl>
  );
}
