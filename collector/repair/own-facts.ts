// What the collector knows of its own chain: the last batches of agents, and how far the projections of a collector have come.
import type { Queryable } from '../../common/database/database.ts';
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import { type Entry, type Finding, finding } from './entry.ts';

export interface AgentContact {
  readonly agent: string;
  readonly lastBatchAtMs: EpochMs | null;
  readonly lastSequence: bigint | null;
  readonly received: bigint | null;
  /** By readings and faults. */
  readonly applied: bigint | null;
  readonly clockOffsetMs: bigint | null;
}

interface ContactRow {
  readonly agent: string;
  readonly last_batch_at_ms: bigint | null;
  readonly last_sequence: bigint | null;
  readonly received: bigint | null;
  readonly applied: bigint | null;
  readonly clock_offset_ms: bigint | null;
}

/** Of each that was ever heard, in its newest incarnation. */
export async function contactsOf(database: Queryable, agents: readonly string[]): Promise<readonly AgentContact[]> {
  const { rows } = await database.query<ContactRow>(
    `select distinct on (agent) agent, last_batch_at_ms, last_sequence, received, clock_offset_ms,
            (select min(through) from readings.applied_mark mark
              where mark.agent = seen.agent and mark.incarnation = seen.incarnation
                and projection in ('readings', 'faults')) as applied
       from inventory.agent_incarnation seen where agent = any($1::text[]) order by agent, ordinal desc`,
    [agents],
  );
  return rows.map((row) => ({
    agent: row.agent,
    lastBatchAtMs: row.last_batch_at_ms === null ? null : Number(row.last_batch_at_ms),
    lastSequence: row.last_sequence,
    received: row.received,
    applied: row.applied,
    clockOffsetMs: row.clock_offset_ms,
  }));
}

export interface ProjectionState {
  readonly projection: string;
  readonly position: bigint;
  readonly paused: boolean;
}

/** Of a collector, by its journal; the metric store keeps its own position. */
export async function projectionsOf(database: Queryable, journal: string): Promise<readonly ProjectionState[]> {
  const { rows } = await database.query<ProjectionState>(
    `select projection, position, coalesce(control.paused, false) as paused
       from readings.projection_position left join readings.projection_control control using (projection, journal)
      where journal = $1 order by projection`,
    [journal],
  );
  return rows;
}

export interface AgentDevices {
  readonly all: number;
  readonly silent: number;
}

/** `agents`: those asked about, in their order; each was heard or was not. */
export function agentsFinding(
  agents: readonly string[],
  contacts: readonly AgentContact[],
  devices: ReadonlyMap<string, AgentDevices>,
  nowMs: EpochMs,
): Finding {
  if (agents.length === 0) return finding('skipped', 'no agent is known for it');
  const words = agents.map((agent) => {
    const { all, silent } = devices.get(agent) ?? { all: 0, silent: 0 };
    const contact = contacts.find((one) => one.agent === agent);
    return {
      agent,
      contact: contactWords(contact, nowMs),
      devices: `${all} devices, ${silent} of them without an answer`,
    };
  });
  const entries = words.flatMap(({ agent, contact, devices: told }): Entry[] => [
    { about: `agent:${agent}`, name: agent, value: contact },
    { about: `agent:${agent}`, name: agent, value: told },
  ]);
  const [first] = words;
  const more = agents.length === 1 ? '' : `; ${agents.length - 1} more agents`;
  return finding('done', `${first?.agent ?? ''}: ${first?.contact ?? ''}; ${first?.devices ?? ''}${more}`, entries);
}

function contactWords(contact: AgentContact | undefined, nowMs: EpochMs): string {
  if (contact === undefined || contact.lastBatchAtMs === null) return 'never heard';
  const { lastBatchAtMs, lastSequence, received, applied, clockOffsetMs } = contact;
  const ago = Math.max(0, Math.round((nowMs - lastBatchAtMs) / 1000));
  const clock = clockOffsetMs === null ? '' : `, clock off by ${clockOffsetMs} ms`;
  const behind = received === null || applied === null || applied >= received ? '' : `, applied through ${applied}`;
  return `last batch ${ago} s ago, at ${isoTime(lastBatchAtMs)}: sequence ${lastSequence ?? '?'}${behind}${clock}`;
}

export function projectionsFinding(journal: string, states: readonly ProjectionState[]): Finding {
  if (states.length === 0) return finding('failed', `no projection of ${journal} has a position`);
  const furthest = states.reduce((most, { position }) => (position > most ? position : most), 0n);
  const entries = states.map(({ projection, position, paused }): Entry => {
    const behind = position === furthest ? 'the furthest' : `${furthest - position} entries behind the furthest`;
    return {
      about: `collector:${journal}`,
      name: projection,
      value: `at entry ${position}, ${behind}${paused ? '; paused by an operator' : ''}`,
    };
  });
  return finding('done', entries.map(({ name, value }) => `${name} ${value}`).join('; '), entries);
}
