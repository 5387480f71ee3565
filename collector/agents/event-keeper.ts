// Writes the events of batches, and closes the work whose results are among them, in the transaction of the projection that claims the batches.
import type { Queryable } from '../../common/database/database.ts';
import { type DeviceEvent, EVENT_LIMITS } from '../../common/model/event.ts';
import { cleanKey, cleanText } from '../../common/model/table-columns.ts';
import type { CounterMetric, Reporter } from '../../common/runtime/reporter.ts';
import type { JournaledBatch } from '../project/projection.ts';
import { EVENT_COLUMNS, type EventRow, type KeptEvent, keptEventOf } from './device-event.ts';
import { closeWork, resultOf } from './work-results.ts';

interface NewRow {
  readonly agent: string;
  readonly event_id: string;
  readonly device: string | null;
  readonly source: string | null;
  readonly origin: string;
  readonly name: string;
  readonly observed_at_ms: number;
  readonly received_at_ms: number;
  readonly uptime_ticks: number | null;
  readonly interface_key: string | null;
  readonly details: DeviceEvent['details'];
}

export class EventKeeper {
  readonly #reporter: Reporter;
  readonly #kept: CounterMetric;
  readonly #repeated: CounterMetric;
  readonly #conflicts: CounterMetric;

  constructor(reporter: Reporter) {
    this.#reporter = reporter;
    this.#kept = reporter.counter('device_events_total', 'Events of devices kept, by origin', ['origin']);
    this.#repeated = reporter.counter('device_events_repeated_total', 'Events that were kept before: no-ops');
    this.#conflicts = reporter.counter(
      'device_events_conflicting_total',
      'Events that came under the id of another; the first stays',
    );
  }

  /** Keeps each event once, by agent and id, and gives those that are new, in their order. */
  async keep(connection: Queryable, entries: readonly JournaledBatch[]): Promise<readonly KeptEvent[]> {
    const rows = entries.flatMap((entry) => entry.batch.events.map((event) => rowOf(entry, event)));
    if (rows.length === 0) return [];
    const answer = await connection.query<EventRow>(INSERT, [JSON.stringify(rows)]);
    await closeWork(
      connection,
      rows.flatMap((row) => resultOf(row) ?? []),
    );
    if (answer.rows.length < rows.length) await this.#countRepeated(connection, rows, answer.rows);
    return answer.rows.map(keptEventOf).toSorted((a, b) => Number(a.id) - Number(b.id));
  }

  /** What the collector itself has to tell of an agent; null where it was kept under this id before. */
  async keepNotice(database: Queryable, agent: string, event: DeviceEvent): Promise<KeptEvent | null> {
    const batch = { agent };
    const row = rowOf({ batch, receivedAtMs: event.observedAtMs, clockOffsetMs: 0 }, event);
    const { rows } = await database.query<EventRow>(INSERT, [JSON.stringify([row])]);
    const kept = rows.map(keptEventOf);
    this.committed(kept);
    return kept[0] ?? null;
  }

  /** To be told once the transaction has committed. */
  committed(kept: readonly KeptEvent[]): void {
    for (const { origin } of kept) this.#kept.add(1, { origin });
  }

  /** A replay brings the same again; another content under a known id is a mistake of the agent's, and must be seen. */
  async #countRepeated(connection: Queryable, rows: readonly NewRow[], fresh: readonly EventRow[]): Promise<void> {
    this.#repeated.add(rows.length - fresh.length);
    const { rows: others } = await connection.query<{ agent: string; event_id: string }>(CONFLICTS, [
      JSON.stringify(rows),
    ]);
    if (others.length === 0) return;
    this.#conflicts.add(others.length);
    this.#reporter.error('events under ids of others', { events: others.length, ...others[0] });
  }
}

interface Origin extends Pick<JournaledBatch, 'receivedAtMs' | 'clockOffsetMs'> {
  readonly batch: { readonly agent: string };
}

function rowOf({ batch, receivedAtMs, clockOffsetMs }: Origin, event: DeviceEvent): NewRow {
  return {
    agent: batch.agent,
    event_id: cleanKey(event.id),
    device: event.device === null ? null : cleanKey(event.device),
    source: event.source === null ? null : cleanText(event.source),
    origin: event.origin,
    name: cleanText(event.name),
    observed_at_ms: Math.min(receivedAtMs, Math.round(event.observedAtMs - clockOffsetMs)),
    received_at_ms: receivedAtMs,
    uptime_ticks: event.uptimeTicks,
    interface_key: event.interfaceKey === null ? null : cleanKey(event.interfaceKey),
    details: event.details.slice(0, EVENT_LIMITS.details).map(({ name, value }) => ({
      name: cleanText(name),
      value: cleanText(value, EVENT_LIMITS.textCharacters),
    })),
  };
}

const NEW = `jsonb_to_recordset($1::jsonb)
         as new (agent text, event_id text, device text, source text, origin text, name text, observed_at_ms int8,
                 received_at_ms int8, uptime_ticks int8, interface_key text, details jsonb)`;

const INSERT = `
  insert into agents.device_event (agent, event_id, device, source, origin, name, observed_at_ms, received_at_ms,
                                   uptime_ticks, interface_key, details)
  select agent, event_id, device, source, origin, name, observed_at_ms, received_at_ms, uptime_ticks, interface_key, details
    from ${NEW}
  on conflict (agent, event_id) do nothing returning ${EVENT_COLUMNS}`;

/** What a replay cannot change: the times depend on when a batch arrived, so they say nothing. */
const CONFLICTS = `
  select held.agent, held.event_id from agents.device_event held
    join ${NEW} on held.agent = new.agent and held.event_id = new.event_id
   where (held.device, held.origin, held.name, held.details) is distinct from (new.device, new.origin, new.name, new.details)`;
