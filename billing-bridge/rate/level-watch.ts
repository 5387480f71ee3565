// Asks the collector for the outages of periods that ended, keeps what it tells in versions, and has credits rated anew where that is another.
import type { Database, Queryable } from '../../common/database/database.ts';
import type { PortRecord } from '../../common/model/service-level.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf } from '../../common/runtime/errors.ts';
import type { CounterMetric, Reporter } from '../../common/runtime/reporter.ts';
import type { ContractBook } from '../account/contract-book.ts';
import type { Service } from '../account/contract.ts';
import { type DueRow, dueOf, markDue } from './charge-store.ts';
import {
  type BoundSpan,
  evidenceDigest,
  evidenceKey,
  fittingEvidence,
  newestEvidence,
  portRecordOf,
  portsIn,
  portsKey,
} from './level-evidence.ts';
import type { Fence } from './mark-due.ts';
import type { OutageSource } from './outage-source.ts';
import { dueByTime, type DueWindow, termsOf } from './windows.ts';

export interface LevelWatchDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly source: OutageSource;
  readonly book: () => Promise<ContractBook>;
}

export interface LevelSummary {
  /** Windows that the collector was asked about. */
  readonly asked: number;
  /** Of which something new was kept. */
  readonly kept: number;
  /** Of which agents have not told everything yet. */
  readonly waiting: number;
}

/** An alarm that clears late, or a batch that comes late, still corrects a period for so long. */
const CORRECTED_MS: DurationMs = 40 * 86_400_000;
/** After it what agents have not told is not waited for any more. */
const PATIENCE_MS: DurationMs = 3 * 86_400_000;
const AGAIN_MS: DurationMs = 6 * 3_600_000;
const AGAIN_WHILE_WAITING_MS: DurationMs = 300_000;
const LOOK_BACK_EVERY_MS: DurationMs = 1_800_000;
const MOST_AT_ONCE = 500;
const MOST_DUE = 10_000;

interface Wanted {
  readonly window: DueWindow;
  readonly service: Service;
  readonly ports: readonly BoundSpan[];
}

export class LevelWatch {
  readonly #deps: LevelWatchDeps;
  readonly #kept: CounterMetric;
  #lookedBackAtMs: EpochMs | null = null;

  constructor(reporter: Reporter, deps: LevelWatchDeps) {
    this.#deps = deps;
    this.#kept = reporter.counter(
      'service_level_records_kept_total',
      'Records of outages kept, by whether they were the first of their period',
      ['version'],
    );
  }

  /** Running it again changes nothing more. Throws what the source throws once the others are done, and lease_lost. */
  async run(fence: Fence): Promise<LevelSummary> {
    const { database, clock } = this.#deps;
    const book = await this.#deps.book();
    const wanted = await this.#wanted(book, await this.#candidates(book));
    const summary = { asked: 0, kept: 0, waiting: 0 };
    let failure: unknown = null;
    for (const one of wanted) {
      try {
        const told = await this.#ask(one);
        summary.asked += 1;
        const nowMs = clock.now();
        const waits = !told.complete && nowMs < one.window.endMs + PATIENCE_MS;
        if (waits) summary.waiting += 1;
        const kept = await database.transaction((connection) => this.#keep(connection, fence, one, told, waits));
        if (kept) summary.kept += 1;
      } catch (error) {
        if (['collector_unreachable', 'lease_lost', 'secret_unresolved'].includes(codeOf(error))) throw error;
        failure ??= error;
      }
    }
    if (failure !== null) throw failure;
    return summary;
  }

  /** What is due, and from time to time what ended lately. */
  async #candidates(book: ContractBook): Promise<DueWindow[]> {
    const { database, clock } = this.#deps;
    const nowMs = clock.now();
    const { rows } = await database.query<DueRow>(
      `select service, item, window_start_ms, window_end_ms from billing.due_window
        where window_end_ms <= $1 and service = any($2::text[]) order by window_end_ms, service limit $3`,
      [nowMs, creditedServices(book).map(({ id }) => id), MOST_DUE],
    );
    const due = rows.map(dueOf);
    if (this.#lookedBackAtMs !== null && nowMs - this.#lookedBackAtMs < LOOK_BACK_EVERY_MS) return due;
    this.#lookedBackAtMs = nowMs;
    const ended = creditedServices(book).flatMap((service) =>
      dueByTime(book, service, Math.max(service.recurringFromMs, nowMs - CORRECTED_MS), nowMs, MOST_DUE),
    );
    return [...due, ...ended];
  }

  /** Of those the ones whose time it is, each period of a service once. */
  async #wanted(book: ContractBook, candidates: readonly DueWindow[]): Promise<Wanted[]> {
    const { database, clock } = this.#deps;
    const found = new Map<string, Wanted>();
    for (const window of candidates) {
      const service = book.services.get(window.service);
      if (service === undefined || !isCredit(book, service, window)) continue;
      found.set(evidenceKey(window), { window, service, ports: portsIn(service, window) });
    }
    const all = [...found.values()];
    const checks = await readChecks(database, all);
    const evidence = await newestEvidence(
      database,
      all.map(({ window }) => window),
    );
    const nowMs = clock.now();
    return all
      .filter(({ window, service, ports }) => {
        const check = checks.get(evidenceKey(window));
        if (check === undefined || check.ports !== portsKey(ports)) return true;
        const isKept = fittingEvidence(evidence.get(evidenceKey(window)), service, window) !== null;
        return nowMs >= check.nextAtMs && (!isKept || nowMs < window.endMs + CORRECTED_MS);
      })
      .slice(0, MOST_AT_ONCE);
  }

  async #ask({ window, service, ports }: Wanted): Promise<{ ports: PortRecord[]; complete: boolean }> {
    const records: PortRecord[] = [];
    let complete = true;
    for (const port of ports) {
      const { resource, fromMs, toMs } = port;
      const told = await this.#deps.source.outagesOf({ resource, service: service.id, fromMs, toMs });
      records.push(portRecordOf(port, told));
      complete &&= told.knownUntilMs === null || told.knownUntilMs >= Math.min(toMs, window.endMs);
    }
    return { ports: records, complete };
  }

  /** True where it is another than what was kept. */
  async #keep(
    connection: Queryable,
    fence: Fence,
    { window, ports: bound }: Wanted,
    { ports, complete }: { readonly ports: readonly PortRecord[]; readonly complete: boolean },
    waits: boolean,
  ): Promise<boolean> {
    await fence(connection);
    const nowMs = this.#deps.clock.now();
    await connection.query(
      `insert into billing.level_check (service, window_start_ms, ports, next_at_ms) values ($1, $2, $3, $4)
       on conflict (service, window_start_ms) do update set ports = excluded.ports, next_at_ms = excluded.next_at_ms`,
      [window.service, window.startMs, portsKey(bound), nowMs + (waits ? AGAIN_WHILE_WAITING_MS : AGAIN_MS)],
    );
    if (waits) return false;
    const held = (await newestEvidence(connection, [window])).get(evidenceKey(window));
    const digest = evidenceDigest(ports, complete);
    if (held?.digest === digest) return false;
    const version = (held?.version ?? 0) + 1;
    await connection.query(
      `insert into billing.level_evidence (service, window_start_ms, window_end_ms, version, complete, digest, asked_at_ms, ports)
       values ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [window.service, window.startMs, window.endMs, version, complete, digest, nowMs, JSON.stringify(ports)],
    );
    const book = await this.#deps.book();
    await markDue(connection, creditsOf(book, window));
    this.#kept.add(1, { version: version === 1 ? 'first' : 'correction' });
    return true;
  }
}

/** Services whose plans, of whatever time, have a credit. */
function creditedServices(book: ContractBook): Service[] {
  const plans = new Set(
    book.plans.filter(({ items }) => items.some(({ price }) => price.kind === 'service_credit')).map(({ id }) => id),
  );
  return plans.size === 0
    ? []
    : [...book.services.values()].filter((service) => service.plans.some(({ plan }) => plans.has(plan)));
}

function isCredit(book: ContractBook, service: Service, window: DueWindow): boolean {
  const item = termsOf(book, service, window)?.items.find(({ id }) => id === window.item);
  return item?.price.kind === 'service_credit';
}

/** Every credit of the service in the window. */
function creditsOf(book: ContractBook, window: DueWindow): DueWindow[] {
  const service = book.services.get(window.service);
  if (service === undefined) return [];
  return (termsOf(book, service, window)?.items ?? [])
    .filter(({ price }) => price.kind === 'service_credit')
    .map(({ id }) => ({ ...window, item: id }));
}

async function readChecks(
  connection: Queryable,
  wanted: readonly Wanted[],
): Promise<Map<string, { readonly ports: string; readonly nextAtMs: EpochMs }>> {
  const { rows } = await connection.query<{
    service: string;
    window_start_ms: bigint;
    ports: string;
    next_at_ms: bigint;
  }>(
    `select c.service, c.window_start_ms, c.ports, c.next_at_ms
       from unnest($1::text[], $2::int8[]) as asked (service, window_start_ms)
       join billing.level_check c using (service, window_start_ms)`,
    [wanted.map(({ window }) => window.service), wanted.map(({ window }) => window.startMs)],
  );
  return new Map(
    rows.map((row) => [
      evidenceKey({ service: row.service, startMs: Number(row.window_start_ms) }),
      { ports: row.ports, nextAtMs: Number(row.next_at_ms) },
    ]),
  );
}
