// How Weir itself is: the way of a batch through the journal, what could not be used, and the schedules of the bridge.
import { ago, moment } from './format.ts';
import { Listed } from './device-parts.tsx';
import type { Schedule } from './billing-types.ts';
import type { Page, ProjectionState } from './types.ts';
import { useAnswer, useAll } from './use-answer.ts';
import { useReader } from './reader.ts';
import { t } from './words.ts';

interface Quarantined {
  readonly id: number;
  readonly reader: string;
  readonly agent: string;
  readonly sequence: number;
  readonly code: string;
  readonly message: string;
  readonly receivedAt: string;
}

interface Readiness {
  readonly ready: boolean;
  readonly parts: Readonly<Record<string, { readonly healthy: boolean; readonly message: string }>>;
}

/** 503 says what is wrong as well as 200 says that nothing is. */
async function readiness(path: string): Promise<Readiness> {
  const answer = await fetch(path, { credentials: 'same-origin' });
  return (await answer.json()) as Readiness;
}

export function HealthView() {
  const { who } = useReader();
  if (who.scope !== null) return <p class="empty">{t('problem.scope')}</p>;
  return (
    <>
      <div class="columns even">
        <Parts />
        <Projections />
      </div>
      <Quarantine />
      <Schedules />
    </>
  );
}

function Parts() {
  const answer = useAnswer<Readiness>('/readyz', { by: readiness });
  const parts =
    answer.data === null ? null : Object.entries(answer.data.parts).map(([name, part]) => ({ name, ...part }));
  return (
    <section class="card" aria-label={t('health.parts')}>
      <header>
        <h2>{t('health.parts')}</h2>
      </header>
      <Listed
        answer={{ ...answer, data: parts }}
        name={t('health.parts')}
        keyOf={({ name }) => name}
        columns={[
          { id: 'part', title: t('part'), value: ({ name }) => name },
          {
            id: 'state',
            title: t('state'),
            value: ({ healthy }) => (healthy ? 1 : 0),
            cell: ({ healthy, message }) => <span class={healthy ? 'state-up' : 'state-down'}>{message}</span>,
          },
        ]}
      />
    </section>
  );
}

function Projections() {
  const answer = useAnswer<Page<ProjectionState>>('/api/v1/projections');
  return (
    <section class="card" aria-label={t('health.projections')}>
      <header>
        <h2>{t('health.projections')}</h2>
        <span class="note">{t('health.projectionsNote')}</span>
      </header>
      <Listed
        answer={{ ...answer, data: answer.data?.items ?? null }}
        name={t('health.projections')}
        keyOf={({ name }) => name}
        columns={[
          { id: 'name', title: t('name'), value: ({ name }) => name },
          {
            id: 'lag',
            title: t('health.lag'),
            value: ({ lagEntries }) => lagEntries,
            cell: ({ lagEntries, paused, lastFailure }) => (
              <span class={lastFailure !== null || paused ? 'state-doubt' : ''} title={lastFailure ?? ''}>
                {lagEntries}
                {paused && ` ${t('health.paused')}`}
              </span>
            ),
            kind: 'figure',
          },
          { id: 'position', title: t('health.position'), value: ({ position }) => position, kind: 'wide figure' },
          { id: 'failures', title: t('health.failures'), value: ({ failures }) => failures, kind: 'figure' },
        ]}
      />
    </section>
  );
}

function Quarantine() {
  const batches = useAll<Quarantined>('/api/v1/quarantine', 5);
  return (
    <section class="card" aria-label={t('health.quarantine')}>
      <header>
        <h2>{t('health.quarantine')}</h2>
        <span class="note">{t('health.quarantineNote')}</span>
      </header>
      <Listed
        answer={batches}
        name={t('health.quarantine')}
        keyOf={({ id }) => String(id)}
        columns={[
          {
            id: 'at',
            title: t('when'),
            value: ({ receivedAt }) => receivedAt,
            cell: ({ receivedAt }) => moment(receivedAt),
          },
          { id: 'agent', title: t('agent'), value: ({ agent }) => agent },
          { id: 'sequence', title: t('health.sequence'), value: ({ sequence }) => sequence, kind: 'figure' },
          { id: 'reader', title: t('health.reader'), value: ({ reader }) => reader, kind: 'wide' },
          { id: 'code', title: t('reason'), value: ({ code }) => code },
          { id: 'message', title: t('details'), value: ({ message }) => message, kind: 'wide' },
        ]}
      />
    </section>
  );
}

function Schedules() {
  const { may } = useReader();
  const answer = useAnswer<Page<Schedule>>(may.operate || may.sums ? '/billing/v1/schedules' : null, { every: 3 });
  if (!may.operate && !may.sums) return null;
  return (
    <section class="card" aria-label={t('health.schedules')}>
      <header>
        <h2>{t('health.schedules')}</h2>
      </header>
      <Listed
        answer={{ ...answer, data: answer.data?.items ?? null }}
        name={t('health.schedules')}
        keyOf={({ name }) => name}
        columns={[
          { id: 'name', title: t('name'), value: ({ name }) => name },
          {
            id: 'every',
            title: t('health.every'),
            value: ({ everyMs }) => everyMs / 1000,
            cell: ({ everyMs }) => `${everyMs / 1000} s`,
            kind: 'figure',
          },
          {
            id: 'last',
            title: t('health.lastRun'),
            value: ({ lastFinishedAt }) => lastFinishedAt,
            cell: ({ lastFinishedAt }) => ago(lastFinishedAt, Date.now()),
            kind: 'figure',
          },
          { id: 'runs', title: t('health.runs'), value: ({ runs }) => runs, kind: 'wide figure' },
          {
            id: 'error',
            title: t('problem'),
            value: ({ lastError }) => lastError,
            cell: ({ lastError }) => (lastError === null ? '' : <span class="state-down">{lastError}</span>),
          },
        ]}
      />
    </section>
  );
}
