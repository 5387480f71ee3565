// Finds what has to be rated: changed usage, changed bindings, and periods that ended. It only marks; marking twice is marking once.
import { classOf } from '../../common/model/meter-class.ts';
import type { Database, Queryable } from '../../common/database/database.ts';
import { type Period, periodAt } from '../../common/model/period.ts';
import { bucketStart, type DurationMs, type EpochMs } from '../../common/model/time.ts';
import type { ContractBook } from '../account/contract-book.ts';
import type { Service } from '../account/contract.ts';
import type { TouchedCell, UsageReader } from '../mediate/usage.ts';
import { type DueRow, dueOf, markDue, windowKey } from './charge-store.ts';
import type { PriceItem } from './price-item.ts';
import { MeterIndex, metersIn } from './rating-input.ts';
import { dueByChange, dueByEnd, dueByTime, dueInPeriod, dueInSpan, type DueWindow } from './windows.ts';

/** Throws lease_lost where the run no longer holds its lease; called in the transaction of every effect. */
export type Fence = (connection: Queryable) => Promise<void>;

export interface MarkDueDeps {
  readonly database: Database;
  readonly usage: UsageReader;
  /** The contracts as they are now. */
  readonly book: () => Promise<ContractBook>;
}

const USAGE_PAGE = 100_000;
const PERIODS_AT_ONCE = 1_000;
const RERATINGS_AT_ONCE = 200;
/** Whose whole usage is told by cells at one time: a year of an hour's windows is 8,766 of them each. */
const METERS_AT_ONCE = 20;

/** Looks through usage that was not looked through yet; returns how many records. */
export async function markByUsage(
  deps: MarkDueDeps,
  book: ContractBook,
  known: MeterIndex,
  windowMs: DurationMs,
  fence: Fence,
): Promise<number> {
  let looked = 0;
  let index = known;
  for (;;) {
    // Who was bound meanwhile is not in the book: what is passed over now would never be theirs. The next run goes on with the new one.
    if ((await deps.book()).serial !== book.serial) return looked;
    const { rows } = await deps.database.query<{ usage_serial: bigint }>(
      'select usage_serial from billing.rating_position',
    );
    const touched = await deps.usage.touchedAfter(rows[0]?.usage_serial ?? 0n, USAGE_PAGE, windowMs);
    const { lastSerial, cells } = touched;
    if (lastSerial === null) return looked;
    // A meter that was made since the index was read comes with its first records: passed over now, they would never be rated.
    if (cells.some(({ meter }) => index.byId(meter) === undefined))
      index = new MeterIndex(await deps.usage.allMeters());
    const windows = windowsOf(cells, book, index, windowMs);
    await deps.database.transaction(async (connection) => {
      await fence(connection);
      await markDue(connection, windows);
      await connection.query('update billing.rating_position set usage_serial = $1', [lastSerial]);
    });
    looked += touched.records;
  }
}

/** What usage in these cells makes due. A cell lies in one cell of the grid of windows, so that within a binding and a period its buckets make the same due. */
function windowsOf(
  cells: readonly TouchedCell[],
  book: ContractBook,
  index: MeterIndex,
  windowMs: DurationMs,
): DueWindow[] {
  const windows = new Map<string, DueWindow>();
  const seen = new Set<string>();
  const periods = new Map<string, Period>();
  for (const { meter: id, firstMs, lastMs } of cells) {
    const meter = index.byId(id);
    if (meter === undefined) continue;
    for (const { service, binding } of book.holdersIn(meter.device, meter.interfaceKey, firstMs, lastMs + 1)) {
      const untilMs = Math.min(lastMs + 1, binding.toMs ?? Infinity);
      for (let at = Math.max(firstMs, binding.fromMs); at < untilMs; ) {
        const customer = book.customerOf(service);
        const known = periods.get(customer.id);
        const same = known !== undefined && at >= known.startMs && at < known.endMs;
        const period = same ? known : periodAt(at, customer.cycle, customer.zone);
        periods.set(customer.id, period);
        const once = `${service.id} ${classOf(meter)} ${bucketStart(at, windowMs)} ${period.startMs}`;
        if (!seen.has(once))
          for (const window of dueInPeriod(book, service, at, windowMs, period, classOf(meter)))
            windows.set(windowKey(window.service, window.item, window.startMs), window);
        seen.add(once);
        at = period.endMs;
      }
    }
  }
  return [...windows.values()];
}

/** Marks period items of periods that ended since the last look, with or without usage. */
export async function markByTime(deps: MarkDueDeps, book: ContractBook, now: EpochMs, fence: Fence): Promise<void> {
  const { rows } = await deps.database.query<{ service: string; due_until_ms: bigint }>(
    'select service, due_until_ms from billing.service_progress',
  );
  const progress = new Map(rows.map((row) => [row.service, Number(row.due_until_ms)]));
  const inAdvance = plansWith(book, ({ price }) => price.kind === 'flat_in_advance');
  for (const service of book.services.values()) {
    const ahead = service.plans.some(({ plan }) => inAdvance.has(plan));
    for (;;) {
      const after = progress.get(service.id) ?? service.recurringFromMs;
      const windows = dueByTime(book, service, after, now, PERIODS_AT_ONCE);
      const last = windows.at(-1);
      if (last === undefined) break;
      const untilMs = last.dueMs ?? last.endMs;
      const stale = ahead ? await staleInAdvance(deps.database, book, service, windows, after, untilMs) : [];
      await deps.database.transaction(async (connection) => {
        await fence(connection);
        await markDue(connection, [...stale, ...windows]);
        await connection.query(
          `insert into billing.service_progress (service, due_until_ms) values ($1, $2)
           on conflict (service) do update set due_until_ms = excluded.due_until_ms`,
          [service.id, untilMs],
        );
      });
      progress.set(service.id, untilMs);
    }
  }
}

function plansWith(book: ContractBook, has: (item: PriceItem) => boolean): Set<string> {
  return new Set(book.plans.filter(({ items }) => items.some(has)).map(({ id }) => id));
}

/** Charges in advance that stand where no stretch begins any more: terms that were to come were taken back. They are rated to nothing. */
async function staleInAdvance(
  connection: Queryable,
  book: ContractBook,
  service: Service,
  windows: readonly DueWindow[],
  afterMs: EpochMs,
  untilMs: EpochMs,
): Promise<DueWindow[]> {
  const { cycle, zone } = book.customerOf(service);
  const fromMs = periodAt(Math.max(service.recurringFromMs, afterMs), cycle, zone).startMs;
  const { rows } = await connection.query<DueRow>(
    `select distinct on (item, window_start_ms) service, item, window_start_ms, window_end_ms from billing.charge
      where service = $1 and kind = 'flat_in_advance' and window_start_ms >= $2 and window_start_ms < $3
      order by item, window_start_ms, version desc`,
    [service.id, fromMs, untilMs],
  );
  const current = new Set(windows.map(({ item, startMs }) => windowKey(service.id, item, startMs)));
  return rows.map(dueOf).filter(({ item, startMs }) => !current.has(windowKey(service.id, item, startMs)));
}

/** The last change of a contract whose usage waits to be marked anew; a book that is read afterwards knows of it. */
export async function lastRerating(connection: Queryable): Promise<bigint> {
  const { rows } = await connection.query<{ last: bigint }>(
    'select coalesce(max(id), 0)::int8 as last from billing.rerating',
  );
  return rows[0]?.last ?? 0n;
}

/** Marks what changed bindings touch, up to the last change that the book knows of: charges that stand in the spans, and usage that has a holder now. */
export async function markReratings(
  deps: MarkDueDeps,
  book: ContractBook,
  { until, nowMs }: { readonly until: bigint; readonly nowMs: EpochMs },
  index: MeterIndex,
  windowMs: DurationMs,
  fence: Fence,
): Promise<void> {
  const cycled = plansWith(book, ({ price }) => 'cycle' in price && price.cycle !== undefined);
  for (;;) {
    const { rows } = await deps.database.query<{ id: bigint; service: string; from_ms: bigint; to_ms: bigint }>(
      'select id, service, from_ms, to_ms from billing.rerating where id <= $2 order by id limit $1',
      [RERATINGS_AT_ONCE, until],
    );
    if (rows.length === 0) return;
    const spans = rows.flatMap((row) => {
      const service = book.services.get(row.service);
      if (service === undefined) return [];
      // Another begin of the service moves every cycle that counts from it.
      const moves = service.plans.some(({ plan }) => cycled.has(plan));
      const endMs = Number(row.to_ms);
      return [{ service, startMs: Number(row.from_ms), endMs: moves ? Math.max(endMs, nowMs) : endMs }];
    });
    // One transaction at the end: a crash begins these spans again, and marking is idempotent.
    const windows = await chargedWindows(deps.database, spans);
    for (const { service, ...span } of spans)
      windows.push(
        ...dueByEnd(book, service),
        ...dueByChange(book, service, span),
        ...dueInSpan(book, service, span, nowMs),
      );
    const meters = spans.flatMap(({ service, ...span }) => metersIn(service, span, index));
    for (let at = 0; at < meters.length; at += METERS_AT_ONCE) {
      const cells = await deps.usage.cellsIn(meters.slice(at, at + METERS_AT_ONCE), windowMs);
      windows.push(...windowsOf(cells, book, index, windowMs));
    }
    await deps.database.transaction(async (connection) => {
      await fence(connection);
      await markDue(connection, windows);
      await connection.query('delete from billing.rerating where id = any($1::int8[])', [rows.map(({ id }) => id)]);
    });
  }
}

async function chargedWindows(
  connection: Queryable,
  spans: readonly { readonly service: Service; readonly startMs: EpochMs; readonly endMs: EpochMs }[],
): Promise<DueWindow[]> {
  const { rows } = await connection.query<DueRow>(
    `select distinct on (c.service, c.item, c.window_start_ms) c.service, c.item, c.window_start_ms, c.window_end_ms
       from unnest($1::text[], $2::int8[], $3::int8[]) as span (service, from_ms, to_ms)
       join billing.charge c on c.service = span.service and c.window_end_ms > from_ms and c.window_start_ms <= to_ms
      order by c.service, c.item, c.window_start_ms, c.version desc`,
    [spans.map(({ service }) => service.id), spans.map(({ startMs }) => startMs), spans.map(({ endMs }) => endMs)],
  );
  return rows.map(dueOf);
}
