// The desk at which work is left for agents and fetched by them. It lies in PostgreSQL, so that an agent may come to any collector.
import { z } from 'zod';
import { recordAudit } from '../../common/database/audit.ts';
import type { Database } from '../../common/database/database.ts';
import { readCursor, writeCursor } from '../../common/http/parameters.ts';
import { cleanText } from '../../common/model/table-columns.ts';
import { type DurationMs, type EpochMs, isoTime } from '../../common/model/time.ts';
import { EVERYTHING, type Viewpoint } from '../../common/model/viewpoint.ts';
import type { Principal } from '../../common/runtime/access.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { CounterMetric, Reporter } from '../../common/runtime/reporter.ts';
import { WaitingAgents } from './waiting-agents.ts';
import type {
  HandedOut,
  ProbeTarget,
  SequenceStep,
  SetVarbind,
  Work,
  WorkItem,
  WorkKind,
  WorkQuery,
  WorkRequest,
  WorkState,
} from './work-item.ts';

export interface WorkDeskDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: () => string;
}

/** Pieces of work of one agent that may be open at a time. */
export const MOST_OPEN = 100;
/** Of one answer. */
const MOST_AT_ONCE = 20;
/** Without a result for so long an item is given again: its agent knows what it has begun, so it is never done twice. */
const AGAIN_MS: DurationMs = 10_000;
const MAX_PAGE = 1000;
const cursorSchema = z.number().int();

interface WorkRow {
  readonly id: string;
  readonly ordinal: bigint;
  readonly agent: string;
  readonly kind: WorkKind;
  readonly device: string;
  /** Rows of an earlier version have only the first. */
  readonly parameters: {
    readonly varbinds: readonly SetVarbind[];
    readonly oids?: readonly string[];
    readonly steps?: readonly SequenceStep[];
    readonly probe?: ProbeTarget;
  };
  readonly state: WorkState;
  readonly asked_by: string;
  readonly reason: string;
  readonly created_at_ms: bigint;
  readonly expires_at_ms: bigint;
  readonly handed_out_at_ms: bigint | null;
  readonly finished_at_ms: bigint | null;
  readonly result: WorkItem['result'];
}

export class WorkDesk implements Work {
  readonly #reporter: Reporter;
  readonly #deps: WorkDeskDeps;
  readonly #waiting: WaitingAgents;
  readonly #asked: CounterMetric;
  readonly #handedOut: CounterMetric;

  constructor(reporter: Reporter, deps: WorkDeskDeps) {
    this.#reporter = reporter;
    this.#deps = deps;
    this.#asked = reporter.counter('work_asked_total', 'Work asked of agents, by kind', ['kind']);
    this.#handedOut = reporter.counter('work_handed_out_total', 'Work given to agents');
    this.#waiting = new WaitingAgents(reporter, {
      clock: deps.clock,
      withWork: async (agents) => {
        const { rows } = await deps.database.query<{ agent: string }>(
          `select distinct agent from agents.work where agent = any($1::text[]) and ${TO_BE_GIVEN('$2', '$3')}`,
          [agents, deps.clock.now(), deps.clock.now() - AGAIN_MS],
        );
        return rows.map(({ agent }) => agent);
      },
    });
  }

  start(): Promise<void> {
    return this.#waiting.start();
  }

  /** Lets go of every agent that waits. */
  stop(): Promise<void> {
    return this.#waiting.stop();
  }

  async ask(agent: string, request: WorkRequest, by: Principal): Promise<WorkItem> {
    const { database, clock, newId } = this.#deps;
    const nowMs = clock.now();
    const id = request.id ?? newId();
    const { varbinds, oids = [], steps = [] } = request;
    const rows = await database.transaction(async (connection) => {
      const { rows: made } = await connection.query<WorkRow>(
        `insert into agents.work (id, agent, kind, device, parameters, state, asked_by, reason, created_at_ms, expires_at_ms)
       select $1, $2, $3, $4, $5::jsonb, 'queued', $6, $7, $8::int8, $9::int8
        where (select count(*) from agents.work
                where agent = $2 and state in ('queued', 'handed_out') and expires_at_ms > $8::int8) < $10
       on conflict (id) do nothing returning ${COLUMNS}`,
        [
          id,
          agent,
          request.kind,
          request.device,
          JSON.stringify({ varbinds, oids, steps, ...probeOf(request) }),
          by.name,
          cleanText(request.reason),
          nowMs,
          nowMs + request.expiresMs,
          MOST_OPEN,
        ],
      );
      if (made.length > 0)
        await recordAudit(connection, {
          atMs: nowMs,
          actor: by.name,
          role: by.role,
          action: `work.${request.kind}`,
          subject: `device/${request.device}`,
          // Which values, not what was written: it may be a secret.
          after: { id, agent, oids: allOf({ varbinds, steps }).map(({ oid }) => oid), ...probeOf(request) },
          note: cleanText(request.reason),
        });
      return made;
    });
    const [row] = rows;
    if (row === undefined && request.id !== undefined) {
      const held = await this.#find(EVERYTHING, agent, id);
      if (held !== null) return held;
    }
    if (row === undefined)
      throw new WeirError('overloaded', `The agent ${agent} has ${MOST_OPEN} pieces of work that are not done.`, {
        bound: 'work of an agent',
        most: MOST_OPEN,
        retryAfterSeconds: AGAIN_MS / 1000,
      });
    this.#asked.add(1, { kind: request.kind });
    const item = itemOf(row, nowMs);
    // Whoever asks for a change of the network stands in the log, whatever becomes of the database.
    this.#reporter.info('work asked', { ...item, varbinds: item.varbinds.map(({ oid }) => oid), role: by.role });
    this.#waiting.wake(agent);
    return item;
  }

  async take(agent: string, waitMs: DurationMs, signal: AbortSignal): Promise<readonly HandedOut[]> {
    const untilMs = this.#deps.clock.monotonicMs() + waitMs;
    for (;;) {
      const taken = await this.#takeNow(agent);
      const leftMs = untilMs - this.#deps.clock.monotonicMs();
      if (taken.length > 0 || leftMs <= 0 || signal.aborted) return taken;
      if (!(await this.#waiting.wait(agent, leftMs, signal))) return [];
    }
  }

  async get(viewpoint: Viewpoint, agent: string, id: string): Promise<WorkItem> {
    const found = await this.#find(viewpoint, agent, id);
    if (found === null) throw new WeirError('not_found', `The agent ${agent} has no work ${id}.`, { agent, id });
    return found;
  }

  async #find(viewpoint: Viewpoint, agent: string, id: string): Promise<WorkItem | null> {
    const { rows } = await this.#deps.database.query<WorkRow>(
      `select ${COLUMNS} from agents.work where agent = $1 and id = $2 and ${SEEN('$3')}`,
      [cleanText(agent), cleanText(id), devicesOf(viewpoint)],
    );
    const [row] = rows;
    return row === undefined ? null : itemOf(row, this.#deps.clock.now());
  }

  async list(viewpoint: Viewpoint, query: WorkQuery): ReturnType<Work['list']> {
    const nowMs = this.#deps.clock.now();
    const limit = Math.max(1, Math.min(MAX_PAGE, Math.trunc(query.limit)));
    const before = readCursor(query.cursor, cursorSchema) ?? Number.MAX_SAFE_INTEGER;
    const values: unknown[] = [before, limit + 1, nowMs, devicesOf(viewpoint)];
    const conditions = ['ordinal < $1', '$3::int8 is not null', SEEN('$4')];
    for (const [column, wanted] of [
      ['agent', query.agent],
      ['device', query.device],
      [STATE_NOW, query.state],
    ]) {
      if (wanted === undefined) continue;
      values.push(cleanText(wanted));
      conditions.push(`${column} = $${values.length}`);
    }
    const { rows } = await this.#deps.database.query<WorkRow>(
      `select ${COLUMNS} from agents.work where ${conditions.join(' and ')} order by ordinal desc limit $2`,
      values,
    );
    const items = rows.slice(0, limit);
    const last = items.at(-1);
    const next = rows.length > limit && last !== undefined ? writeCursor(Number(last.ordinal)) : null;
    return { items: items.map((row) => itemOf(row, nowMs)), next };
  }

  /** Each row to one caller: another collector that looks at the same moment skips what is locked. */
  async #takeNow(agent: string): Promise<readonly HandedOut[]> {
    const nowMs = this.#deps.clock.now();
    const { rows } = await this.#deps.database.query<WorkRow>(
      `update agents.work set state = 'handed_out', handed_out_at_ms = $2
        where id in (select id from agents.work
                      where agent = $1 and ${TO_BE_GIVEN('$2', '$3')}
                      order by ordinal limit ${MOST_AT_ONCE} for update skip locked)
       returning ${COLUMNS}`,
      [agent, nowMs, nowMs - AGAIN_MS],
    );
    if (rows.length > 0) this.#handedOut.add(rows.length);
    return rows
      .toSorted((a, b) => Number(a.ordinal - b.ordinal))
      .map((row) => ({
        id: row.id,
        kind: row.kind,
        device: row.device,
        varbinds: row.parameters.varbinds,
        oids: row.parameters.oids ?? [],
        steps: row.parameters.steps ?? [],
        ...probeOf(row.parameters),
        expiresInMs: Number(row.expires_at_ms) - nowMs,
      }));
  }
}

const COLUMNS = `id, ordinal, agent, kind, device, parameters, state, asked_by, reason, created_at_ms, expires_at_ms,
  handed_out_at_ms, finished_at_ms, result`;

const TO_BE_GIVEN = (now: string, again: string): string =>
  `state in ('queued', 'handed_out') and expires_at_ms > ${now}::int8
   and (handed_out_at_ms is null or handed_out_at_ms <= ${again}::int8)`;

/** Work is done at whole devices: who sees one port of a device sees none of it. */
const SEEN = (devices: string): string => `(${devices}::text[] is null or device = any(${devices}))`;

function devicesOf(viewpoint: Viewpoint): readonly string[] | null {
  return viewpoint.everything ? null : viewpoint.devices;
}

/** As `itemOf` tells it: a row is marked only some time after it expired. */
const STATE_NOW = `case when state in ('queued', 'handed_out') and expires_at_ms <= $3::int8 then 'expired' else state end`;

/** Stands only where it is one. */
function probeOf({ probe }: { readonly probe?: ProbeTarget }): { readonly probe?: ProbeTarget } {
  return probe === undefined ? {} : { probe };
}

function itemOf(row: WorkRow, nowMs: EpochMs): WorkItem {
  const over = ['queued', 'handed_out'].includes(row.state) && Number(row.expires_at_ms) <= nowMs;
  return {
    id: row.id,
    agent: row.agent,
    kind: row.kind,
    device: row.device,
    varbinds: allOf(row.parameters),
    ...probeOf(row.parameters),
    state: over ? 'expired' : row.state,
    askedBy: row.asked_by,
    reason: row.reason,
    createdAt: isoTime(Number(row.created_at_ms)),
    expiresAt: isoTime(Number(row.expires_at_ms)),
    handedOutAt: timeOrNull(row.handed_out_at_ms),
    finishedAt: timeOrNull(row.finished_at_ms),
    result: row.result,
  };
}

function allOf({
  varbinds,
  steps = [],
}: {
  readonly varbinds: readonly SetVarbind[];
  readonly steps?: readonly SequenceStep[];
}): readonly SetVarbind[] {
  return [...varbinds, ...steps.flatMap((step) => step.varbinds)];
}

function timeOrNull(atMs: bigint | null): string | null {
  return atMs === null ? null : isoTime(Number(atMs));
}
