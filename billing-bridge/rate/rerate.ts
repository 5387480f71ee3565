// Rating a span anew: first the difference between the charges that stand and what usage and contracts say now; applied only when asked.
import type { Database } from '../../common/database/database.ts';
import { Exact } from '../../common/model/exact.ts';
import { periodAt } from '../../common/model/period.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { ContractBook } from '../account/contract-book.ts';
import { markDue } from './charge-store.ts';
import { isAdditive } from './price-item.ts';
import { type ChargeDifference, reconcileCharges, type ReconcileChargesDeps } from './reconcile-charges.ts';
import { dueByChange, type DueWindow, type RatingWindow, termsOf, windowAt } from './windows.ts';

export interface RatedSpan {
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  /** Null: all. */
  readonly account: string | null;
}

export interface ReratingDifference {
  readonly customer: string;
  readonly service: string;
  readonly item: string;
  readonly windowStartMs: EpochMs;
  /** Null where no charge stands. */
  readonly charge: string | null;
  /** Exact amounts; of a window without a charge the new one is known once it is rated. */
  readonly before: string;
  readonly after: string | null;
}

export interface ReratingPlan {
  readonly charges: number;
  readonly differences: readonly ReratingDifference[];
  /** Sum of what the amounts would change by, exact, by currency. */
  readonly change: Readonly<Record<string, string>>;
  readonly windows: readonly DueWindow[];
}

/** What rating anew would change of charges whose window begins in the span. Writes nothing. */
export async function planRerating(
  deps: ReconcileChargesDeps,
  book: ContractBook,
  span: RatedSpan,
): Promise<ReratingPlan> {
  const found = await reconcileCharges(deps, book, span.fromMs, span.toMs);
  const windows = new Map<string, DueWindow>();
  const differences = new Map<string, ReratingDifference>();
  const change = new Map<string, Exact>();
  for (const one of found.differences) {
    const service = book.services.get(one.service);
    if (service === undefined || (span.account !== null && service.customer !== span.account)) continue;
    const key = `${one.service} ${one.item} ${one.windowStartMs}`;
    const standing = await standingOf(deps.database, one);
    const endMs = standing?.endMs ?? endOf(book, one, deps.windowMs);
    if (endMs === null) continue;
    windows.set(key, { service: one.service, item: one.item, startMs: one.windowStartMs, endMs });
    const before = standing?.amount ?? '0';
    const after =
      one.kind === 'amount' ? one.expected : (differences.get(key)?.after ?? (one.charge === null ? null : before));
    differences.set(key, {
      customer: service.customer,
      service: one.service,
      item: one.item,
      windowStartMs: one.windowStartMs,
      charge: one.charge,
      before,
      after,
    });
    // A fee of before it was split leaves a part that no charge holds yet.
    const rest = dueByChange(book, service, { startMs: one.windowStartMs, endMs }).filter(
      ({ item, startMs }) => item === one.item && startMs > one.windowStartMs && startMs < endMs,
    );
    for (const window of rest) windows.set(`${window.service} ${window.item} ${window.startMs}`, window);
    if (one.kind === 'amount') {
      const { currency } = book.customerOf(service);
      const by = exact(one.expected).subtract(exact(one.found));
      change.set(currency, (change.get(currency) ?? Exact.zero).add(by));
    }
  }
  return {
    charges: found.charges,
    differences: [...differences.values()],
    change: Object.fromEntries([...change].map(([currency, sum]) => [currency, sum.toString()])),
    windows: [...windows.values()],
  };
}

/** Marks the windows of a plan; the next run of rating prices them, by what is true then. */
export async function applyRerating(database: Database, plan: ReratingPlan): Promise<void> {
  await database.transaction((connection) => markDue(connection, plan.windows));
}

async function standingOf(
  database: Database,
  { charge }: ChargeDifference,
): Promise<{ amount: string; endMs: EpochMs } | null> {
  if (charge === null) return null;
  const { rows } = await database.query<{ amount: string; window_end_ms: bigint }>(
    'select amount, window_end_ms from billing.charge where id = $1',
    [charge],
  );
  return rows[0] === undefined ? null : { amount: rows[0].amount, endMs: Number(rows[0].window_end_ms) };
}

/** Of whatever its item counts, or of time alone. */
function endOf(book: ContractBook, one: ChargeDifference, windowMs: number): EpochMs | null {
  const service = book.services.get(one.service);
  if (service === undefined) return null;
  const { cycle, zone } = book.customerOf(service);
  const period = periodAt(one.windowStartMs, cycle, zone);
  const fits = (window: RatingWindow): boolean => {
    const item = termsOf(book, service, window)?.items.find(({ id }) => id === one.item);
    return item !== undefined && window.startMs === one.windowStartMs && isAdditive(item) === (window !== period);
  };
  const fee = dueByChange(book, service, { startMs: one.windowStartMs, endMs: one.windowStartMs + 1 }).find(
    ({ item, startMs }) => item === one.item && startMs === one.windowStartMs,
  );
  return (fee ?? [windowAt(one.windowStartMs, windowMs, period), period].find(fits))?.endMs ?? null;
}

function exact(text: string): Exact {
  const value = Exact.fromText(text);
  if (value === null) throw new Error(`BUG: ${text} is no exact number`);
  return value;
}
