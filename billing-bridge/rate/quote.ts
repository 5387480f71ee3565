// What a plan would cost: for usage that a person states, or for that of a service in a period. The same prices; written nowhere.
import { Exact } from '../../common/model/exact.ts';
import type { Period } from '../../common/model/period.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { columnsOf, type RecordedUsage } from '../../common/model/usage-columns.ts';
import type { ContractBook } from '../account/contract-book.ts';
import type { PlanTerms, PlanVersion, Service } from '../account/contract.ts';
import { discounted } from './discount.ts';
import { OCTETS } from './metered.ts';
import { type PercentileContract, priceUnits } from './percentile.ts';
import { type PreviewDeps, type PreviewLine, previewLine } from './preview.ts';
import { type PriceItem, type Rated, rateItem, type RatingInput, workingOf } from './price-item.ts';
import { MeterIndex } from './rating-input.ts';
import { limitSpend } from './spend-limits.ts';
import { bpsOf } from './unit.ts';
import { most } from './working.ts';

/** A plan as it is quoted: of the book, or terms that nobody has agreed to yet, as version 0. */
export type QuotedPlan = PlanTerms & Pick<PlanVersion, 'id' | 'version'>;

export type QuoteLine = Omit<PreviewLine, 'service'>;

export interface Quote {
  readonly plan: string;
  readonly version: number;
  readonly period: Period;
  readonly currency: string;
  readonly total: string;
  readonly lines: readonly QuoteLine[];
}

/** Octets over the whole period, and what a percentile is taken to come to, in bit/s. */
export interface StatedUsage {
  readonly in: bigint;
  readonly out: bigint;
  readonly percentileIn: Exact;
  readonly percentileOut: Exact;
  /** Whether the service begins in the period: then fees for that are charged. */
  readonly begins: boolean;
}

/** Fine enough for bands of time in every zone. */
const SPREAD_MS = 900_000;
const [METER_IN, METER_OUT] = [1, 2];

/** Octets lie evenly over the period, which tells only where the time of day counts. */
export function quoteStated(plan: QuotedPlan, period: Period, stated: StatedUsage): Quote {
  const input = inputOf(period, stated);
  const lines = plan.items.map(byTheMonth).map((item) => lineOf(plan, item, ratedAs(item, input, stated)));
  return quoteOf(plan, period, lines);
}

/** A fee for several months is quoted by the month. */
function byTheMonth(item: PriceItem): PriceItem {
  const { price } = item;
  if ((price.kind !== 'flat' && price.kind !== 'flat_in_advance') || price.cycle === undefined) return item;
  const { cycle, amount, ...rest } = price;
  return { ...item, price: { ...rest, amount: amount.divide(Exact.integer(cycle.months)) } };
}

function ratedAs(item: PriceItem, input: RatingInput, stated: StatedUsage): Rated {
  const { price } = item;
  // What else is known of it (how much was measured) is the same for every kind of price.
  const rated = rateItem(item, input);
  if (price.kind !== 'percentile') return rated;
  const found = percentileUnits(price, stated);
  const priced = priceUnits(found.units, found.what, Exact.one, price);
  return {
    ...rated,
    ...limitSpend(discounted(priced, item.discounts), item.limits),
    quantity: found.units,
    rankings: [],
  };
}

function percentileUnits(
  { direction, unit, meter = OCTETS, factor = Exact.one, floor = Exact.zero }: PercentileContract,
  { percentileIn, percentileOut }: StatedUsage,
): { readonly units: Exact; readonly what: string } {
  // What is stated is traffic: of power, energy or ports nothing is.
  if (meter.class !== 'octets') return { units: Exact.zero, what: 'nothing of it is stated' };
  const inHigher = percentileIn.compare(percentileOut) >= 0;
  const [bps, what] =
    direction === 'sum'
      ? [percentileIn.add(percentileOut), 'in + out']
      : direction === 'in' || (direction !== 'out' && inHigher)
        ? [percentileIn, 'in']
        : [percentileOut, 'out'];
  const units = most(bps.divide(bpsOf(unit)).multiply(factor), floor);
  return { units, what: `${what}, as stated` };
}

/** Split in integers, so that the parts add up. */
function inputOf(period: Period, stated: StatedUsage): RatingInput {
  const { startMs, endMs } = period;
  const count = Math.max(1, Math.floor((endMs - startMs) / SPREAD_MS));
  const share = (octets: bigint, at: number): bigint =>
    (octets * BigInt(at + 1)) / BigInt(count) - (octets * BigInt(at)) / BigInt(count);
  const records = Array.from({ length: count }, (_, at) => at).flatMap((at): RecordedUsage[] =>
    ([METER_IN, METER_OUT] as const).map((meter) => ({
      serial: 0n,
      meter,
      bucketStartMs: startMs + at * SPREAD_MS,
      version: 1,
      octets: { good: share(meter === METER_IN ? stated.in : stated.out, at), wrapped: 0n, gap: 0n, suspended: 0n },
      coveredMs: SPREAD_MS,
      gapMs: 0,
      lostMs: 0,
    })),
  );
  const meter = (id: number, direction: 'in' | 'out') => ({ meter: id, direction, fromMs: startMs, toMs: endMs });
  return {
    fromMs: startMs,
    toMs: endMs,
    zone: period.zone,
    bucketMs: SPREAD_MS,
    meters: [meter(METER_IN, 'in'), meter(METER_OUT, 'out')],
    usage: columnsOf(records, startMs, endMs, SPREAD_MS),
    part: { covered: 1n, whole: 1n },
    service: { startMs: stated.begins ? startMs : startMs - 1, endMs: null },
  };
}

/** The usage that a service had in a period, under this plan throughout; of a period that goes on, until now. */
export async function quoteService(
  deps: PreviewDeps,
  book: ContractBook,
  asked: { readonly service: Service; readonly period: Period; readonly plan: QuotedPlan; readonly now: EpochMs },
): Promise<Quote> {
  const { service, period, plan, now } = asked;
  const customer = book.customerOf(service);
  const index = new MeterIndex(await deps.usage.allMeters());
  const parts = { customer, service, period, index, fromMs: period.startMs, toMs: Math.min(now, period.endMs) };
  const lines: QuoteLine[] = [];
  for (const item of plan.items.map(byTheMonth)) {
    const { line } = await previewLine(deps, { ...parts, plan: { ...plan, validFromMs: 0 }, item });
    const { service: _service, ...rest } = line;
    lines.push(rest);
  }
  return quoteOf(plan, period, lines);
}

function lineOf({ id, version, rounding }: QuotedPlan, item: PriceItem, rated: Rated): QuoteLine {
  return {
    item: item.id,
    itemName: item.name,
    kind: item.price.kind,
    plan: id,
    planVersion: version,
    quantity: rated.quantity.toString(),
    unit: rated.unit,
    exactAmount: rated.amount.toString(),
    amount: rated.amount.toFixed(rounding.places, rounding.mode),
    working: workingOf(rated),
  };
}

/** Rounded once a line, as a bill is. */
function quoteOf({ id, version, currency, rounding }: QuotedPlan, period: Period, lines: readonly QuoteLine[]): Quote {
  const total = lines.reduce((sum, { amount }) => sum.add(Exact.parse(amount) ?? Exact.zero), Exact.zero);
  return { plan: id, version, period, currency, total: total.toFixed(rounding.places, rounding.mode), lines };
}
