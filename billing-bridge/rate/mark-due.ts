// Finds what has to be rated: changed usage, changed bindings, and periods that ended. It only marks; marking twice is marking once.
import type { Database, Queryable } from '../../common/database/database.ts';
import { type Period, periodAt } from '../../common/model/period.ts';
import { bucketStart, type DurationMs, type EpochMs } from '../../common/model/time.ts';
import type { ContractBook } from '../account/contract-book.ts';
import type { TouchedCell, UsageColumns, UsageReader } from '../mediate/usage.ts';
import { markDue, windowKey } from './charge-store.ts';
import { MeterIndex, metersIn } from './rating-input.ts';
import { dueByTime, dueInPeriod, type DueWindow } from './windows.ts';

/** Throws lease_lost where the run no longer holds its lease; called in the transaction of every effect. */
export type Fence = (connection: Queryable) => Promise<void>;

export interface MarkDueDeps {
  readonly database: Database;
  readonly usage: UsageReader;
}

const USAGE_PAGE = 100_000;
const PERIODS_AT_ONCE = 1_000;
const RERATING_STEP_MS = 86_400_000;
const FIRST_RECORDS = 1_000;
const CUT_OFF_MS = 40 * 86_400_000;

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
        const once = `${service.id} ${bucketStart(at, windowMs)} ${period.startMs}`;
        if (!seen.has(once))
          for (const window of dueInPeriod(book, service, at, windowMs, period))
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
  for (const service of book.services.values()) {
    for (;;) {
      const after = progress.get(service.id) ?? service.recurringFromMs;
      const windows = dueByTime(book, service, after, now, PERIODS_AT_ONCE);
      const last = windows.at(-1);
      if (last === undefined) break;
      await deps.database.transaction(async (connection) => {
        await fence(connection);
        await markDue(connection, windows);
        await connection.query(
          `insert into billing.service_progress (service, due_until_ms) values ($1, $2)
           on conflict (service) do update set due_until_ms = excluded.due_until_ms`,
          [service.id, last.endMs],
        );
      });
      progress.set(service.id, last.endMs);
    }
  }
}

/** Marks what changed bindings touch: charges that stand in the span, and usage that has a holder now. */
export async function markReratings(
  deps: MarkDueDeps,
  book: ContractBook,
  index: MeterIndex,
  windowMs: DurationMs,
  fence: Fence,
): Promise<void> {
  let begin: EpochMs | null = null;
  for (;;) {
    const { rows } = await deps.database.query<{ id: bigint; service: string; from_ms: bigint; to_ms: bigint }>(
      'select id, service, from_ms, to_ms from billing.rerating order by id limit 1',
    );
    const rerating = rows[0];
    if (rerating === undefined) return;
    const service = book.services.get(rerating.service);
    const [fromMs, toMs] = [Number(rerating.from_ms), Number(rerating.to_ms)];
    // One transaction at the end: a crash begins the span again, and marking is idempotent.
    const windows: DueWindow[] =
      service === undefined ? [] : await chargedWindows(deps.database, service.id, fromMs, toMs);
    const meters = service === undefined ? [] : metersIn(service, { startMs: fromMs, endMs: toMs }, index);
    begin ??= await usageBegin(deps);
    for (let at = Math.max(fromMs, begin ?? toMs); at < toMs && meters.length > 0; at += RERATING_STEP_MS) {
      const ids = [...new Set(meters.map((one) => one.meter))];
      const usage = await deps.usage.columns(ids, at, Math.min(toMs, at + RERATING_STEP_MS));
      const cells = [...usage.values()].flatMap((columns) => cellsOf(columns, windowMs));
      windows.push(...windowsOf(cells, book, index, windowMs));
    }
    await deps.database.transaction(async (connection) => {
      await fence(connection);
      await markDue(connection, windows);
      await connection.query('delete from billing.rerating where id = $1', [rerating.id]);
    });
  }
}

/** Cells of the grid in which there are records. */
function cellsOf(columns: UsageColumns, windowMs: DurationMs): TouchedCell[] {
  const cells = new Map<EpochMs, TouchedCell>();
  for (const [place, version] of columns.versions.entries()) {
    if (version === 0) continue;
    const at = columns.firstMs + place * columns.bucketMs;
    const cell = bucketStart(at, windowMs);
    cells.set(cell, { meter: columns.meter, firstMs: cells.get(cell)?.firstMs ?? at, lastMs: at });
  }
  return [...cells.values()];
}

async function chargedWindows(
  connection: Queryable,
  service: string,
  fromMs: EpochMs,
  toMs: EpochMs,
): Promise<DueWindow[]> {
  const { rows } = await connection.query<{ item: string; window_start_ms: bigint; window_end_ms: bigint }>(
    `select distinct on (item, window_start_ms) item, window_start_ms, window_end_ms from billing.charge
      where service = $1 and window_end_ms > $2 and window_start_ms < $3 order by item, window_start_ms, version desc`,
    [service, fromMs, toMs],
  );
  return rows.map((row) => ({
    service,
    item: row.item,
    startMs: Number(row.window_start_ms),
    endMs: Number(row.window_end_ms),
  }));
}

/** Years before the first reading need not be stepped through. Readings of an agent that was cut off may be older than those that came first. */
async function usageBegin(deps: MarkDueDeps): Promise<EpochMs | null> {
  const records = await deps.usage.changedAfter(0n, FIRST_RECORDS);
  if (records.length === 0) return null;
  return records.reduce((first, record) => Math.min(first, record.bucketStartMs), Infinity) - CUT_OFF_MS;
}
