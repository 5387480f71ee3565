// Charges against usage and contracts: every charge that stands is computed again, and every usage and every fee that should have one is looked for.
import type { Database } from '../../common/database/database.ts';
import { classOf, isGauge } from '../../common/model/meter-class.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { bucketStart } from '../../common/model/time.ts';
import type { ContractBook } from '../account/contract-book.ts';
import type { Meter, UsageReader } from '../mediate/usage.ts';
import { type ChargeRow, chargeOf, CHARGE_COLUMNS, type Charge, windowKey } from './charge-store.ts';
import { countsOf, MeterIndex } from './rating-input.ts';
import { meterTermsOf, needsNoUsage } from './price-item.ts';
import { feesWithoutCharge, markedPeriods, type MissingFee } from './reconcile-fees.ts';
import type { ReadPairs } from './poll-pairs.ts';
import { chargeFor, pairsFor, withEvidence, workOf } from './price-window.ts';
import { dueByUsage, type DueWindow, termsOf } from './windows.ts';

export interface ChargeDifference {
  readonly kind: 'amount' | 'quantity' | 'usage' | 'no_charge' | 'no_contract';
  readonly service: string;
  readonly item: string;
  readonly windowStartMs: EpochMs;
  readonly charge: string | null;
  readonly expected: string;
  readonly found: string;
}

export interface ChargeReconciliation {
  readonly charges: number;
  readonly usageRecords: number;
  readonly differences: readonly ChargeDifference[];
}

export interface ReconcileChargesDeps {
  readonly database: Database;
  readonly usage: UsageReader;
  readonly bucketMs: DurationMs;
  readonly windowMs: DurationMs;
  /** No usage begins at or after it: time without usage need not be stepped through. */
  readonly usageEndMs?: EpochMs;
  /** Also what is due and not rated yet: to see what rating is about to change. */
  readonly pending?: boolean;
  /** As of rating. */
  readonly pairs?: ReadPairs | undefined;
}

const CHARGES_AT_ONCE = 1_000;
const STEP_MS = 3_600_000;
/** No serial is above it. */
const EVERYTHING = 2n ** 63n;

/**
 * Charges whose window begins in the span. What is due and not rated yet, and usage that rating has not looked at yet, are no
 * differences but work under way, also where the bridge works on while this looks: first the place is read up to which usage was
 * looked through, then what is due, then the charges, so that usage before the place is due or charged in one of the two.
 */
export async function reconcileCharges(
  deps: ReconcileChargesDeps,
  book: ContractBook,
  fromMs: EpochMs,
  toMs: EpochMs,
): Promise<ChargeReconciliation> {
  const index = new MeterIndex(await deps.usage.allMeters());
  const marked = await markedPeriods(deps.database);
  const pending = deps.pending === true;
  const lookedAt = pending ? EVERYTHING : await lookedThrough(deps.database);
  const due = pending ? new Set<string>() : await dueKeys(deps.database, fromMs, toMs);
  const rerated = pending ? new Set<string>() : await reratedServices(deps.database);
  const differences: ChargeDifference[] = [];
  const seen = new Set<string>();
  let charges = 0;
  let after = 0n;
  for (;;) {
    const page = await standing(deps.database, fromMs, toMs, after);
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.id;
    charges += page.length;
    for (const charge of page) {
      const key = windowKey(charge.service, charge.item, charge.windowStartMs);
      seen.add(key);
      if (!due.has(key) && !rerated.has(charge.service))
        differences.push(...(await recompute(deps, book, index, charge, lookedAt)));
    }
  }
  const covered = ({ service, item, startMs }: DueWindow): boolean => {
    const key = windowKey(service, item, startMs);
    return seen.has(key) || due.has(key) || rerated.has(service);
  };
  const usage = await usageWithoutCharge(deps, book, index, { fromMs, toMs, lookedAt, covered });
  const fees = feesWithoutCharge(book, marked, deps.bucketMs, { fromMs, toMs, covered });
  return {
    charges,
    usageRecords: usage.records,
    differences: [...differences, ...usage.differences, ...fees.map(missingFee)],
  };
}

async function recompute(
  deps: ReconcileChargesDeps,
  book: ContractBook,
  index: MeterIndex,
  charge: Charge,
  lookedAt: bigint,
): Promise<ChargeDifference[]> {
  const window: DueWindow = {
    service: charge.service,
    item: charge.item,
    startMs: charge.windowStartMs,
    endMs: charge.windowEndMs,
  };
  const contract = workOf(window, book, index);
  const [work] = contract === null ? [] : await withEvidence(deps.database, [contract]);
  // What its credit rests on is asked for anew: work under way.
  if (work?.evidence === null) return [];
  if (work === undefined) return [difference('no_contract', charge, 'a contract', 'none')];
  const meters = [...new Set(work.meters.map((meter) => meter.meter))];
  const usage = await deps.usage.columns(meters, window.startMs, window.endMs);
  if ([...usage.values()].some((columns) => columns.lastSerial > lookedAt)) return [];
  const pairs = await pairsFor(work, deps.pairs);
  const { charge: again, restsOnSame } = chargeFor(work, book, usage, deps.bucketMs, pairs);
  const found: ChargeDifference[] = [];
  if (again.amount !== charge.amount) found.push(difference('amount', charge, again.amount, charge.amount));
  if (again.quantity !== charge.quantity) found.push(difference('quantity', charge, again.quantity, charge.quantity));
  if (!restsOnSame(charge.inputDigest)) found.push(difference('usage', charge, again.inputDigest, charge.inputDigest));
  return found;
}

/** Usage of a bound port in a window that has ended and that no charge covers; nothing used needs no charge. */
async function usageWithoutCharge(
  deps: ReconcileChargesDeps,
  book: ContractBook,
  index: MeterIndex,
  span: {
    readonly fromMs: EpochMs;
    readonly toMs: EpochMs;
    /** The serial up to which rating has looked. */
    readonly lookedAt: bigint;
    readonly covered: (window: DueWindow) => boolean;
  },
): Promise<{ records: number; differences: ChargeDifference[] }> {
  const { fromMs, toMs, lookedAt, covered } = span;
  const meters = index.all();
  const missing = new Map<string, { window: DueWindow; octets: bigint }>();
  let records = 0;
  const endMs = Math.min(toMs, deps.usageEndMs ?? toMs);
  for (let at = bucketStart(fromMs, STEP_MS); at < endMs; at += STEP_MS) {
    const page = await deps.usage.latest(
      meters.map((meter) => meter.id),
      Math.max(at, fromMs),
      Math.min(at + STEP_MS, endMs),
    );
    records += page.length;
    for (const record of page) {
      const meter = index.byId(record.meter);
      // Whether the gap of a gauge counts is for its contract to say.
      const gap = meter !== undefined && isGauge(classOf(meter)) ? 0n : record.octets.gap;
      const octets = record.octets.good + record.octets.wrapped + gap;
      if (octets === 0n || meter === undefined || record.serial > lookedAt) continue;
      const holder = book.holderAt(meter.device, meter.interfaceKey, record.bucketStartMs);
      if (holder === null) continue;
      for (const window of dueByUsage(book, holder.service, record.bucketStartMs, deps.windowMs, classOf(meter))) {
        const key = windowKey(window.service, window.item, window.startMs);
        if (covered(window) || window.endMs > toMs || !countsMeter(book, window, meter)) continue;
        const before = missing.get(key)?.octets ?? 0n;
        missing.set(key, { window, octets: before + octets });
      }
    }
  }
  const differences = [...missing.values()].map(
    ({ window, octets }): ChargeDifference => ({
      kind: 'no_charge',
      service: window.service,
      item: window.item,
      windowStartMs: window.startMs,
      charge: null,
      expected: `a charge for ${octets} octets`,
      found: 'none',
    }),
  );
  return { records, differences };
}

/** An item that counts only one direction, or one integral of a gauge, needs no charge for the other. */
function countsMeter(book: ContractBook, window: DueWindow, meter: Meter): boolean {
  const service = book.services.get(window.service);
  const plan = service === undefined ? null : termsOf(book, service, window);
  const price = plan?.items.find((item) => item.id === window.item)?.price;
  if (price === undefined || needsNoUsage(price)) return false;
  if (isGauge(classOf(meter))) return countsOf(meter, meterTermsOf(price));
  return !['in', 'out'].includes(price.direction) || price.direction === meter.direction;
}

async function standing(database: Database, fromMs: EpochMs, toMs: EpochMs, after: bigint): Promise<Charge[]> {
  const { rows } = await database.query<ChargeRow>(
    `select ${CHARGE_COLUMNS} from billing.charge c
      where window_start_ms >= $1 and window_start_ms < $2 and id > $3 and not exists (
        select 1 from billing.charge later where later.service = c.service and later.item = c.item
          and later.window_start_ms = c.window_start_ms and later.version > c.version)
      order by id limit $4`,
    [fromMs, toMs, after, CHARGES_AT_ONCE],
  );
  return rows.map(chargeOf);
}

async function dueKeys(database: Database, fromMs: EpochMs, toMs: EpochMs): Promise<Set<string>> {
  const { rows } = await database.query<{ service: string; item: string; window_start_ms: bigint }>(
    'select service, item, window_start_ms from billing.due_window where window_start_ms >= $1 and window_start_ms < $2',
    [fromMs, toMs],
  );
  return new Set(rows.map((row) => windowKey(row.service, row.item, Number(row.window_start_ms))));
}

async function lookedThrough(database: Database): Promise<bigint> {
  const { rows } = await database.query<{ usage_serial: bigint }>('select usage_serial from billing.rating_position');
  return rows[0]?.usage_serial ?? 0n;
}

/** Services whose bindings changed and whose usage was not marked anew yet. */
async function reratedServices(database: Database): Promise<Set<string>> {
  const { rows } = await database.query<{ service: string }>('select distinct service from billing.rerating');
  return new Set(rows.map((row) => row.service));
}

function missingFee({ window, amount }: MissingFee): ChargeDifference {
  const { service, item, startMs } = window;
  const expected = `a charge of ${amount}`;
  return { kind: 'no_charge', service, item, windowStartMs: startMs, charge: null, expected, found: 'none' };
}

function difference(kind: ChargeDifference['kind'], charge: Charge, expected: string, found: string): ChargeDifference {
  return {
    kind,
    service: charge.service,
    item: charge.item,
    windowStartMs: charge.windowStartMs,
    charge: charge.id.toString(),
    expected,
    found,
  };
}
