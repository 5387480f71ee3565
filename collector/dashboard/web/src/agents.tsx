// Who polls: whether each agent reports, how far its batches are applied, and whether its clock can be trusted.
import { ago } from './format.ts';
import { Problem } from './problem.tsx';
import type { Agent, Page } from './types.ts';
import { useAnswer } from './use-answer.ts';

export function Agents({ round }: { readonly round: number }) {
  const agents = useAnswer<Page<Agent>>('/api/v1/agents?limit=50', round);
  const rows = agents.data?.items ?? [];
  return (
    <section class="card" aria-label="Agents">
      <header>
        <h2>Agents</h2>
        <span class="note">a batch leaves an agent only once it is applied here</span>
      </header>
      <Problem text={agents.problem} old={agents.data !== null} />
      {agents.data !== null && rows.length === 0 && <p class="empty">No agent is configured.</p>}
      <ul class="facts">
        {rows.map((agent) => (
          <li key={agent.name}>
            <strong>{agent.name}</strong>{' '}
            <span class={agent.state === 'silent' ? 'state-down' : agent.state === 'reporting' ? 'state-up' : ''}>
              {agent.state}
            </span>
            , last batch {ago(agent.lastBatchAt, Date.now())}
            {agent.applied !== null && agent.received !== null && (
              <>
                , {agent.applied} of {agent.received} batches applied
              </>
            )}
            {agent.clockSound === false && (
              <span class="state-down">, clock off by {agent.clockOffsetMs} ms: its readings are marked</span>
            )}
            {agent.superseded !== null && (
              <>, an older spool of this name was refused {ago(agent.superseded.refusedAt, Date.now())}</>
            )}
          </li>
        ))}
      </ul>
      {agents.data?.next != null && <p class="note">There are more agents than are shown here.</p>}
    </section>
  );
}
