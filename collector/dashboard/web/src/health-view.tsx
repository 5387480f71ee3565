// How Weir itself is: the way of a batch through the journal, what could not be used, and the schedules of the bridge.
import { BillingWork } from './billing-work.tsx';
import { ago, exactInteger, moment } from './format.ts';
import { Listed } from './device-parts.tsx';
import type { Agent, Page, ProjectionState } from './types.ts';
import { useAnswer, useAll } from './use-answer.ts';
import type { Column } from './table.tsx';
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
      <Spools />
      <BillingWork />
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
        id="parts"
        name={t('health.parts')}
        keyOf={({ name }) => name}
        columns={[
          { id: 'part', title: t('part'), value: ({ name }) => name },
          {
            id: 'state',
            title: t('state'),
            value: ({ healthy }) => (healthy ? 1 : 0),
            cell: ({ healthy, message }) => <bdi class={healthy ? 'state-up' : 'state-down'}>{message}</bdi>,
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
        id="readers"
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
        id="quarantine"
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

/** What an agent still keeps because it is not applied: beyond that its spool holds what it could not send. */
function Spools() {
  const answer = useAll<Agent>('/api/v1/agents', 2);
  const waitingOf = ({ received, applied }: Agent): number | null =>
    received === null || applied === null ? null : Math.max(0, received - applied);
  return (
    <section class="card" aria-label={t('health.spools')}>
      <header>
        <h2>{t('health.spools')}</h2>
        <span class="note">{t('health.spoolsNote')}</span>
      </header>
      <Listed
        answer={answer}
        id="spools"
        name={t('health.spools')}
        keyOf={({ name }) => name}
        columns={[
          { id: 'agent', title: t('agent'), value: ({ name }) => name },
          {
            id: 'last',
            title: t('agents.lastBatch'),
            value: ({ lastBatchAt }) => lastBatchAt,
            cell: ({ lastBatchAt }) => ago(lastBatchAt, Date.now()),
            kind: 'figure',
          },
          figureOf('received', t('agents.received'), ({ received }) => received),
          figureOf('applied', t('health.applied'), ({ applied }) => applied),
          figureOf('waiting', t('agents.waiting'), waitingOf),
        ]}
      />
    </section>
  );
}

function figureOf(id: string, title: string, value: (agent: Agent) => number | null): Column<Agent> {
  const cell = (agent: Agent) => {
    const figure = value(agent);
    return figure === null ? '–' : exactInteger(String(figure));
  };
  return { id, title, value, cell, kind: 'figure' };
}
