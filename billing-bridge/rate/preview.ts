// What a running period costs so far: the same prices on the usage there is, written nowhere.
import { Exact } from '../../common/model/exact.ts';
import { nextPeriod, type Period, periodAt } from '../../common/model/period.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { columnsOf, type UsageColumns } from '../../common/model/usage-columns.ts';
import type { ContractBook } from '../account/contract-book.ts';
import type { Customer, PlanVersion, Service } from '../account/contract.ts';
import type { UsageReader } from '../mediate/usage.ts';
import {
  isAdditive,
  isFee,
  meterTermsOf,
  needsNoUsage,
  type PriceItem,
  type Rated,
  rateItem,
  workingOf,
} from './price-item.ts';
import { feeInput } from './price-window.ts';
import { MeterIndex, metersIn, ratingInput } from './rating-input.ts';
import { type FeeStretch, stretchesIn } from './stretches.ts';
import { type RatingWindow, termsOf } from './windows.ts';

export interface PreviewLine {
  readonly service: string;
  readonly item: string;
  readonly itemName: string;
  readonly kind: string;
  readonly plan: string;
  readonly planVersion: number;
  readonly quantity: string;
  readonly unit: string;
  readonly exactAmount: string;
  readonly amount: string;
  readonly working: unknown;
}

export interface Preview {
  readonly customer: string;
  readonly period: Period;
  readonly untilMs: EpochMs;
  readonly currency: string;
  readonly total: string;
  readonly lines: readonly PreviewLine[];
}

export interface PreviewDeps {
  readonly usage: Pick<UsageReader, 'latest' | 'allMeters'>;
  readonly bucketMs: DurationMs;
}

/** Items of the plan at the start of the period; additive items and fees under several plan versions are priced by each in its time. */
export async function preview(
  deps: PreviewDeps,
  book: ContractBook,
  customer: Customer,
  at: EpochMs,
): Promise<Preview> {
  const period = periodAt(at, customer.cycle, customer.zone);
  const index = new MeterIndex(await deps.usage.allMeters());
  const lines: PreviewLine[] = [];
  let total = Exact.zero;
  for (const service of book.servicesOf(customer.id)) {
    if (service.fromMs >= period.endMs || (service.toMs ?? Infinity) <= period.startMs) continue;
    for (const span of spansOf(book, service, period, at)) {
      const line = await previewLine(deps, { customer, service, period, ...span, index });
      lines.push(line.line);
      total = total.add(line.amount);
    }
  }
  const places = Math.max(2, ...lines.map((line) => (line.amount.split('.')[1] ?? '').length));
  return {
    customer: customer.id,
    period,
    untilMs: at,
    currency: customer.currency,
    total: total.toFixed(places, 'half_up'),
    lines,
  };
}

interface Span {
  readonly plan: PlanVersion;
  readonly item: PriceItem;
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  /** Where it is not the period of the preview. */
  readonly period?: Period;
  /** Of a fee. */
  readonly stretch?: FeeStretch;
  /** What of it was charged in advance, before the terms changed. */
  readonly paid?: FeeStretch;
}

function spansOf(book: ContractBook, service: Service, period: Period, at: EpochMs): Span[] {
  const toMs = Math.min(at, period.endMs);
  const whole = termsOf(book, service, period);
  const spans: Span[] =
    whole === null
      ? []
      : whole.items
          // What is given back for outages is known once the period is over.
          .filter((item) => !isAdditive(item) && !isFee(item.price) && item.price.kind !== 'service_credit')
          .map((item) => ({ plan: whole, item, fromMs: period.startMs, toMs }));
  spans.push(...feesOf(book, service, period));
  const begins = [
    period.startMs,
    ...book.plans.map((plan) => plan.validFromMs),
    ...service.plans.map((plan) => plan.fromMs),
  ].filter((begin) => begin >= period.startMs && begin < toMs);
  const cuts = [...new Set(begins)].toSorted((left, right) => left - right);
  cuts.forEach((fromMs, position) => {
    const endMs = cuts[position + 1] ?? toMs;
    const plan = termsOf(book, service, { startMs: fromMs, endMs });
    for (const item of plan?.items ?? [])
      if (plan !== null && isAdditive(item)) spans.push({ plan, item, fromMs, toMs: endMs });
  });
  return merged(spans);
}

/** Of this period, and, in advance, of the next, whose fees stand on this one's bill. */
function feesOf(book: ContractBook, service: Service, period: Period): Span[] {
  const spanOf = (one: FeeStretch, of: Period): Span => ({
    plan: one.plan,
    item: one.item,
    fromMs: one.fromMs,
    toMs: one.toMs,
    period: of,
    stretch: one,
  });
  const now = stretchesIn(book, service, period)
    .filter((one) => one.item.price.kind !== 'flat_in_advance' || isNewIn(one, service, period))
    .map((one) => spanOf(one, period));
  now.push(...givenBack(book, service, period).map(([one, paid]) => ({ ...spanOf(one, period), paid })));
  const next = nextPeriod(period);
  if (service.toMs !== null && service.toMs <= next.startMs) return now;
  const ahead = stretchesIn(book, service, next)
    .filter(({ item, window }) => item.price.kind === 'flat_in_advance' && window.startMs >= next.startMs)
    .map((one) => spanOf(one, next));
  return [...now, ...ahead];
}

/** What was paid ahead to the end of its cycle and ends now, because the service has another plan. */
function givenBack(book: ContractBook, service: Service, period: Period): [FeeStretch, FeeStretch][] {
  const switched = new Set(service.plans.map(({ fromMs }) => fromMs).filter((at) => at > period.startMs));
  return stretchesIn(book, service, period).flatMap((one): [FeeStretch, FeeStretch][] => {
    if (one.item.price.kind !== 'flat_in_advance' || isNewIn(one, service, period) || !switched.has(one.toMs))
      return [];
    return [[one, { ...one, toMs: Math.min(one.cycle.endMs, service.toMs ?? one.cycle.endMs) }]];
  });
}

/** What was charged in advance for this period stands on the bill before, but where the service or these terms begin in it. */
function isNewIn({ fromMs, window }: FeeStretch, service: Service, period: Period): boolean {
  if (window.startMs < period.startMs) return false;
  const begins = Math.max(service.fromMs, service.recurringFromMs) >= period.startMs;
  return begins || service.plans.some((plan) => plan.fromMs === fromMs && fromMs > period.startMs);
}

/** Neighbouring spans under the same version are one line. */
function merged(spans: readonly Span[]): Span[] {
  const result: Span[] = [];
  for (const span of spans) {
    const at = result.findIndex(
      (one) =>
        span.stretch === undefined && one.item === span.item && one.plan === span.plan && one.toMs === span.fromMs,
    );
    const before = result[at];
    if (before === undefined) result.push(span);
    else result[at] = { ...before, toMs: span.toMs };
  }
  return result;
}

interface LineParts extends Span {
  readonly customer: Customer;
  readonly service: Service;
  readonly period: Period;
  readonly index: MeterIndex;
}

/** From a reader of columns where it is one; what is only supposed to come (a forecast) is given as records. */
async function columnsFrom(
  usage: Pick<UsageReader, 'latest'> & Partial<Pick<UsageReader, 'columns'>>,
  meters: readonly number[],
  { startMs, endMs }: RatingWindow,
  bucketMs: DurationMs,
): Promise<ReadonlyMap<number, UsageColumns>> {
  if (usage.columns !== undefined) return usage.columns(meters, startMs, endMs);
  return columnsOf(meters.length === 0 ? [] : await usage.latest(meters, startMs, endMs), startMs, endMs, bucketMs);
}

/** One item over one span, on the usage there is. */
export async function previewLine(deps: PreviewDeps, parts: LineParts): Promise<{ line: PreviewLine; amount: Exact }> {
  const { customer, service, period, plan, item } = parts;
  const window = { startMs: parts.fromMs, endMs: parts.toMs };
  const meters = needsNoUsage(item.price) ? [] : metersIn(service, window, parts.index, meterTermsOf(item.price));
  const ids = [...new Set(meters.map((meter) => meter.meter))];
  const usage = await columnsFrom(deps.usage, ids, window, deps.bucketMs);
  const found = rateItem(
    item,
    parts.stretch === undefined
      ? ratingInput({ customer, service, period, window, meters, usage, bucketMs: deps.bucketMs })
      : feeInput(customer, service, period, parts.stretch),
  );
  const paid =
    parts.paid === undefined ? null : rateItem(item, feeInput(customer, service, period, parts.paid)).amount.negate();
  const rated = paid === null ? found : lessPaid(found, paid);
  const amount = rated.amount.round(plan.rounding.places, plan.rounding.mode);
  return {
    amount,
    line: {
      service: service.id,
      item: item.id,
      itemName: item.name,
      kind: item.price.kind,
      plan: plan.id,
      planVersion: plan.version,
      quantity: rated.quantity.toString(),
      unit: rated.unit,
      exactAmount: rated.amount.toString(),
      amount: amount.toFixed(plan.rounding.places, plan.rounding.mode),
      working: workingOf(rated),
    },
  };
}

function lessPaid(rated: Rated, paid: Exact): Rated {
  const steps = [...rated.steps, { what: 'paid in advance', amount: paid.toString() }];
  return { ...rated, amount: rated.amount.add(paid), steps };
}
