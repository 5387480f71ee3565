// One run of rating: marks what is due, prices what is final, and writes charges with their outbox rows in one transaction, once.
import type { Database, Queryable } from '../../common/database/database.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { CounterMetric, Reporter } from '../../common/runtime/reporter.ts';
import type { ContractBook } from '../account/contract-book.ts';
import type { StoredReadings, UsageReader } from '../mediate/usage.ts';
import type { UsageColumns } from '../../common/model/usage-columns.ts';
import {
  type Charge,
  clearDue,
  dueWindows,
  insertCharges,
  type NewCharge,
  type StandingCharge,
  standingCharges,
  windowKey,
} from './charge-store.ts';
import type { CountedMeter } from './counted-usage.ts';
import type { ReadPairs } from './poll-pairs.ts';
import { chargeFor, pairsFor, type PricedWindow, withEvidence, type Work, workOf } from './price-window.ts';
import {
  type FinalRecord,
  type FinalRecordQuery,
  findFinalRecords,
  isSilent,
  isWaitedOut,
  writeFinalRecords,
} from './final-record.ts';
import { type Fence, lastRerating, markByTime, markByUsage, markReratings } from './mark-due.ts';
import { MeterIndex } from './rating-input.ts';
import { vanishedAt, VanishedPorts } from './vanished-ports.ts';
import type { DueWindow } from './windows.ts';

export interface RatingConfig {
  readonly windowMs: DurationMs;
  readonly bucketMs: DurationMs;
}

/** Tells an operator's own billing system: called in the transaction that writes the charges. */
export type PublishCharges = (connection: Queryable, run: bigint, charges: readonly Charge[]) => Promise<void>;

export interface RatingDeps {
  readonly database: Database;
  readonly usage: UsageReader;
  /** Of the contracts now, or up to a serial. */
  readonly book: (until?: bigint) => Promise<ContractBook>;
  readonly publish: PublishCharges;
  /** For contracts whose samples are pairs of polls. */
  readonly pairs?: ReadPairs;
  readonly clock: Clock;
}

/** The lease under which a run works. */
export interface RunLease {
  readonly holder: string;
  readonly token: bigint;
  readonly fence: Fence;
}

/** What a run rests on, as it was stored when it began. */
interface Stored {
  readonly usage: bigint | null;
  /** Null where no contract ranks pairs of polls. */
  readonly readings: StoredReadings | null;
}

export interface RatingSummary {
  readonly run: bigint | null;
  readonly usageRecords: number;
  readonly charges: number;
  /** Windows that have ended whose meters are not final yet. */
  readonly waiting: number;
}

const WINDOWS_AT_ONCE = 500;
/** Buckets that are read at once, about fifty octets each: a month of a dozen ports. Two such portions are in memory: one is priced while the next is read. */
const BUCKETS_AT_ONCE = 250_000;

export class RatingRun {
  readonly #config: RatingConfig;
  readonly #deps: RatingDeps;
  readonly #written: CounterMetric;
  readonly #vanished: VanishedPorts;

  /** Who is no longer waited for: a port that left then, a device that is known up to then. */
  readonly waiting = {
    waitedOut: (endedAtMs: EpochMs): boolean => isWaitedOut(endedAtMs, this.#deps.clock.now()),
    isSilent,
  };

  /** Newest first. */
  finalRecords(query: FinalRecordQuery): Promise<FinalRecord[]> {
    return findFinalRecords(this.#deps.database, query);
  }

  /** When a port that vanished from a service was read last; null where none did. */
  vanishedAt(service: string, device: string, interfaceKey: string): Promise<EpochMs | null> {
    return vanishedAt(this.#deps.database, service, device, interfaceKey);
  }

  /** For whoever proves its charges, or repeats its runs. */
  get deps(): RatingDeps {
    return this.#deps;
  }

  constructor(reporter: Reporter, config: RatingConfig, deps: RatingDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#vanished = new VanishedPorts(deps);
    this.#written = reporter.counter('charges_written_total', 'Charges written, by kind of price', ['kind']);
  }

  /** Rates everything that is due and final. Running it again, or twice at once, changes nothing more. Throws lease_lost. */
  async run(lease: RunLease, progress: (charges: number) => void = () => undefined): Promise<RatingSummary> {
    const until = await lastRerating(this.#deps.database);
    const book = await this.#deps.book();
    const { windowMs } = this.#config;
    const before = new MeterIndex(await this.#deps.usage.allMeters());
    await markReratings(this.#deps, book, { until, nowMs: this.#deps.clock.now() }, before, windowMs, lease.fence);
    const usageRecords = await markByUsage(this.#deps, book, before, windowMs, lease.fence);
    await markByTime(this.#deps, book, this.#deps.clock.now(), lease.fence);
    // Read after the marks, it holds every meter whose usage is due.
    const index = new MeterIndex(await this.#deps.usage.allMeters());
    // All that was looked through is stored by now; what comes later makes its windows due again.
    const stored = await this.#stored();
    const state = { run: null as bigint | null, charges: 0, waiting: 0 };
    let after: DueWindow | null = null;
    for (;;) {
      const page = await dueWindows(this.#deps.database, this.#deps.clock.now(), after, WINDOWS_AT_ONCE);
      after = page.at(-1) ?? null;
      if (after === null) break;
      const { ready, obsolete, waiting } = await this.#sort(page, book, index);
      state.waiting += waiting;
      if (obsolete.length > 0)
        await this.#deps.database.transaction(async (connection) => {
          await lease.fence(connection);
          await clearDue(connection, obsolete);
        });
      if (ready.length === 0) continue;
      const done = await this.#rate(ready, book, lease, state.run, stored);
      state.run = done.run;
      state.charges += done.charges;
      progress(state.charges);
    }
    await writeFinalRecords(this.#deps, book, index, this.#deps.clock.now(), lease.fence);
    await this.#vanished.write(book, index, this.#deps.clock.now(), lease.fence);
    return { ...state, usageRecords };
  }

  /** The serial first: what is read by pairs is then of the same time or later, and stays so. */
  async #stored(): Promise<Stored> {
    const { usage, pairs } = this.#deps;
    const serial = (await usage.storedUntil?.()) ?? null;
    return { usage: serial, readings: pairs === undefined ? null : ((await usage.storedReadings?.()) ?? null) };
  }

  async #rate(
    ready: readonly Work[],
    book: ContractBook,
    lease: RunLease,
    run: bigint | null,
    stored: Stored,
  ): Promise<{ run: bigint | null; charges: number }> {
    const made = await this.#price(ready, book, stored);
    const now = this.#deps.clock.now();
    const windows = ready.map((one) => one.due);
    const result = await this.#deps.database.transaction(async (connection) => {
      await lease.fence(connection);
      // What stands is read under the lease, in the transaction that adds to it.
      const standing = await standingCharges(connection, windows);
      const charges = made.flatMap((one) => nextVersion(one, standing));
      const current =
        run ?? (charges.length === 0 ? null : await this.#beginRun(connection, lease, stored, book.serial));
      const written = current === null ? [] : await insertCharges(connection, charges, current, now);
      if (current !== null && written.length > 0) await this.#deps.publish(connection, current, written);
      await clearDue(connection, windows);
      return { run: current, written };
    });
    for (const charge of result.written) this.#written.add(1, { kind: charge.kind });
    return { run: result.run, charges: result.written.length };
  }

  /** A window is ready when every meter of the service is final up to its end, or was waited for since it left or fell silent. */
  async #sort(
    page: readonly DueWindow[],
    book: ContractBook,
    index: MeterIndex,
  ): Promise<{ ready: Work[]; obsolete: DueWindow[]; waiting: number }> {
    const obsolete: DueWindow[] = [];
    const work = page.flatMap((due): Work[] => {
      const found = workOf(due, book, index);
      if (found === null) obsolete.push(due);
      return found === null ? [] : [found];
    });
    const final = await this.#deps.usage.finalUntil([
      ...new Set(work.flatMap((one) => one.meters.map((meter) => meter.meter))),
    ]);
    const now = this.#deps.clock.now();
    const readUntil = await this.#deps.usage.readUntil();
    const isKnown = ({ meter, toMs, leavesMs = null }: CountedMeter): boolean =>
      (final.get(meter) ?? 0) >= toMs ||
      (leavesMs !== null && isWaitedOut(leavesMs, now)) ||
      isSilent(final.get(meter), readUntil);
    const known = await withEvidence(this.#deps.database, work);
    const ready = known.filter(({ meters, evidence }) => evidence !== null && meters.every(isKnown));
    return { ready, obsolete, waiting: work.length - ready.length };
  }

  /** Usage of many services of one span is read at once, by the database while others are priced here. */
  async #price(ready: readonly Work[], book: ContractBook, stored: Stored): Promise<PricedWindow[]> {
    const spans = new Map<string, Work[]>();
    for (const work of ready) {
      const span = spans.get(spanKey(work.due));
      if (span === undefined) spans.set(spanKey(work.due), [work]);
      else span.push(work);
    }
    const parts = [...spans.values()].flatMap((works) => [...portions(works, this.#config.bucketMs)]);
    const made: PricedWindow[] = [];
    let reading = this.#usageOf(parts[0], stored.usage);
    for (const [at, works] of parts.entries()) {
      const usage = await reading;
      reading = this.#usageOf(parts[at + 1], stored.usage);
      // Where pricing fails nobody waits for it any more.
      reading.catch(() => undefined);
      for (const work of works) {
        const pairs = await pairsFor(work, this.#deps.pairs, stored.readings);
        made.push(chargeFor(work, book, usage, this.#config.bucketMs, pairs));
      }
    }
    return made;
  }

  /** Of windows of one span. */
  async #usageOf(
    works: readonly Work[] | undefined,
    stored: bigint | null,
  ): Promise<ReadonlyMap<number, UsageColumns>> {
    const due = works?.[0]?.due;
    if (works === undefined || due === undefined) return new Map();
    const meters = new Set(works.flatMap((work) => work.meters.map(({ meter }) => meter)));
    return this.#deps.usage.columns([...meters], due.startMs, due.endMs, stored ?? undefined);
  }

  async #beginRun(connection: Queryable, lease: RunLease, stored: Stored, contracts: bigint): Promise<bigint> {
    const { rows } = await connection.query<{ id: bigint }>(
      `insert into billing.rating_run (holder, token, started_at_ms, usage_serial, contract_serial, readings)
       values ($1, $2, $3, $4, $5, $6) returning id`,
      [
        lease.holder,
        lease.token,
        this.#deps.clock.now(),
        stored.usage,
        contracts,
        stored.readings === null ? null : JSON.stringify(stored.readings),
      ],
    );
    const id = rows[0]?.id;
    if (id === undefined) throw new Error('BUG: an insert returned no id');
    return id;
  }
}

/** In the order of the windows, as many at a time as may be in memory: at least one. */
function* portions(ready: readonly Work[], bucketMs: DurationMs): Generator<readonly Work[]> {
  let [some, buckets] = [[] as Work[], 0];
  for (const work of ready) {
    const own = (work.meters.length * (work.due.endMs - work.due.startMs)) / bucketMs;
    if (some.length > 0 && buckets + own > BUCKETS_AT_ONCE) {
      yield some;
      [some, buckets] = [[], 0];
    }
    some.push(work);
    buckets += own;
  }
  if (some.length > 0) yield some;
}

function spanKey(window: { readonly startMs: number; readonly endMs: number }): string {
  return `${window.startMs} ${window.endMs}`;
}

/** Nothing where the standing charge rests on the same input and says the same (one that a mistake of ours made does not), or where nothing was used, held back or charged before. */
function nextVersion(
  { charge, restsOnSame }: PricedWindow,
  standing: ReadonlyMap<string, StandingCharge>,
): NewCharge[] {
  const before = standing.get(windowKey(charge.service, charge.item, charge.windowStartMs));
  // What is suspended is told by a charge of nothing: a bill run looks for it there.
  const nothing = charge.amount === '0' && charge.quantity === '0' && !holdsBack(charge.working);
  if (before === undefined) return nothing ? [] : [charge];
  const same = before.amount === charge.amount && before.quantity === charge.quantity;
  return same && restsOnSame(before.inputDigest) ? [] : [{ ...charge, version: before.version + 1 }];
}

function holdsBack(working: unknown): boolean {
  const coverage: unknown =
    typeof working === 'object' && working !== null && 'coverage' in working ? working.coverage : null;
  return (
    typeof coverage === 'object' &&
    coverage !== null &&
    'suspendedOctets' in coverage &&
    coverage.suspendedOctets !== '0'
  );
}
