// Who polls: whether each agent reports, how far its batches are applied, and whether its clock can be trusted.
import { ago, moment } from './format.ts';
import { hrefOf } from './place.ts';
import { Problem } from './problem.tsx';
import { type Column, Table } from './table.tsx';
import type { Agent, Page } from './types.ts';
import { useAll, useAnswer } from './use-answer.ts';
import { said, t } from './words.ts';

export function Agents() {
  const agents = useAnswer<Page<Agent>>('/api/v1/agents?limit=50');
  const rows = agents.data?.items ?? [];
  return (
    <section class="card" aria-label={t('agents')}>
      <header>
        <h2>
          <a href={hrefOf(['agents'])}>{t('agents')}</a>
        </h2>
        <span class="note">{t('agents.note')}</span>
      </header>
      {agents.refused !== 403 && <Problem text={agents.problem} old={agents.data !== null} />}
      {agents.refused === 403 && <p class="empty">{t('problem.scope')}</p>}
      {agents.data !== null && rows.length === 0 && <p class="empty">{t('agents.none')}</p>}
      <ul class="facts">
        {rows.map((agent) => (
          <li key={agent.name}>
            <strong>
              <bdi>{agent.name}</bdi>
            </strong>{' '}
            <State agent={agent} />{' '}
            <span class="note">{t('agents.last', { ago: ago(agent.lastBatchAt, Date.now()) })}</span>{' '}
            {agent.applied !== null && agent.received !== null && (
              <span class="note">{t('agents.applied', { applied: agent.applied, received: agent.received })}</span>
            )}
            <Doubts agent={agent} />
          </li>
        ))}
      </ul>
      {agents.data?.next != null && <p class="note">{t('agents.more')}</p>}
    </section>
  );
}

function State({ agent: { state } }: { readonly agent: Agent }) {
  const look = state === 'silent' ? 'state-down' : state === 'reporting' ? 'state-up' : '';
  return <span class={look}>{said('state', state)}</span>;
}

function Doubts({ agent }: { readonly agent: Agent }) {
  const { clockSound, clockOffsetMs, superseded } = agent;
  return (
    <>
      {clockSound === false && <div class="state-down">{t('agents.clock', { ms: clockOffsetMs ?? '?' })}</div>}
      {superseded !== null && (
        <div class="note">{t('agents.superseded', { ago: ago(superseded.refusedAt, Date.now()) })}</div>
      )}
    </>
  );
}

export function AgentsView() {
  const agents = useAll<Agent>('/api/v1/agents');
  const columns: readonly Column<Agent>[] = [
    { id: 'name', title: t('name'), value: ({ name }) => name },
    {
      id: 'state',
      title: t('state'),
      value: ({ state }) => said('state', state),
      cell: (agent) => (
        <>
          <State agent={agent} />
          <Doubts agent={agent} />
        </>
      ),
    },
    { id: 'devices', title: t('devices'), value: ({ devices }) => devices, kind: 'figure' },
    {
      id: 'last',
      title: t('agents.lastBatch'),
      value: ({ lastBatchAt }) => lastBatchAt,
      cell: ({ lastBatchAt }) => ago(lastBatchAt, Date.now()),
      kind: 'figure',
    },
    { id: 'received', title: t('agents.received'), value: ({ received }) => received, kind: 'wide figure' },
    { id: 'waiting', title: t('agents.waiting'), value: waitingOf, kind: 'figure' },
    {
      id: 'clock',
      title: t('agents.clockOffset'),
      value: ({ clockOffsetMs }) => clockOffsetMs,
      cell: ({ clockOffsetMs }) => (clockOffsetMs === null ? '–' : `${Math.round(clockOffsetMs)} ms`),
      kind: 'wide figure',
    },
    {
      id: 'first',
      title: t('firstSeen'),
      value: ({ firstSeenAt }) => firstSeenAt,
      cell: ({ firstSeenAt }) => moment(firstSeenAt),
      kind: 'wide figure',
    },
  ];
  return (
    <section class="card" aria-label={t('agents')}>
      <header>
        <h2>{t('agents')}</h2>
        <span class="note">{t('agents.note')}</span>
      </header>
      <Problem text={agents.problem} old={agents.data !== null} />
      <Table
        name={t('agents')}
        rows={agents.data ?? []}
        columns={columns}
        keyOf={({ name }) => name}
        empty={agents.data === null ? null : t('agents.none')}
      />
    </section>
  );
}

/** Batches that are held and not yet applied. */
function waitingOf({ received, applied }: Agent): number | null {
  return received === null || applied === null ? null : received - applied;
}
