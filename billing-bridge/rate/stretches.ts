// Fees of time, cut where the terms change: each stretch of a cycle under one version of a plan has a charge of its own. Pure.
import { cycleAt, cycleRule } from '../../common/model/cycle.ts';
import { Exact } from '../../common/model/exact.ts';
import { firstDayOf, nextPeriod, type Period, periodAt } from '../../common/model/period.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { ContractBook, TermSpan } from '../account/contract-book.ts';
import type { Customer, PlanVersion, Service } from '../account/contract.ts';
import { isFee, type Price, type PriceItem } from './price-item.ts';
import type { DueWindow, RatingWindow } from './windows.ts';

/** What one version of a plan charges an item for: its part of a cycle, within the time of the service. */
export interface FeeStretch {
  readonly plan: PlanVersion;
  readonly item: PriceItem;
  /** The period, or the cycle of the item's own. */
  readonly cycle: Period;
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  /** Where its charge stands: inside the period on whose bill it is, or, in advance, the one before. */
  readonly window: RatingWindow;
}

/**
 * Stretches that have to do with a period: those whose charge stands in it, and what was paid in advance for a time that it has a
 * part of, which may have become shorter or longer since.
 */
export function stretchesIn(book: ContractBook, service: Service, period: Period): FeeStretch[] {
  // In arrears it is charged where it ends.
  return touching(book, service, period).filter(
    ({ item, toMs }) => item.price.kind === 'flat_in_advance' || toMs <= period.endMs,
  );
}

/** Stretches cut to a period: what fees come to in it, whenever they are charged. */
export function accruedIn(book: ContractBook, service: Service, period: Period): FeeStretch[] {
  return touching(book, service, period).map((one) => ({
    ...one,
    fromMs: Math.max(one.fromMs, period.startMs),
    toMs: Math.min(one.toMs, period.endMs),
  }));
}

function touching(book: ContractBook, service: Service, period: Period): FeeStretch[] {
  const customer = book.customerOf(service);
  const terms = book.termsOver(service);
  const now = terms.filter(({ fromMs, toMs }) => fromMs < period.endMs && toMs > period.startMs);
  const items = new Set(now.flatMap(({ plan }) => plan.items.filter(({ price }) => isFee(price)).map(({ id }) => id)));
  return [...items].flatMap((id) =>
    itemSpans(terms, id).flatMap((span) => cutByCycles(span, service, customer, period)),
  );
}

/** The stretch whose charge stands at an instant; null where there is none, or none any more. */
export function stretchAt(book: ContractBook, service: Service, item: string, startMs: EpochMs): FeeStretch | null {
  const { cycle, zone } = book.customerOf(service);
  const period = periodAt(startMs, cycle, zone);
  return (
    stretchesIn(book, service, period).find((one) => one.item.id === item && one.window.startMs === startMs) ?? null
  );
}

/** Of an item that was a fee in some version of the service's plans, the newest: for a charge that stands where there is no stretch any more. */
export function formerFee(
  book: ContractBook,
  service: Service,
  id: string,
): { readonly plan: PlanVersion; readonly item: PriceItem } | null {
  const names = new Set(service.plans.map(({ plan }) => plan));
  for (const plan of book.plans.toReversed()) {
    const item = names.has(plan.id) ? plan.items.find((one) => one.id === id && isFee(one.price)) : undefined;
    if (item !== undefined) return { plan, item };
  }
  return null;
}

/** What of a period is to be rated: at its end, or, in advance, at its begin. */
export function dueStretches(
  book: ContractBook,
  service: Service,
  period: Period,
  which: 'all' | 'in_advance',
): DueWindow[] {
  const first = periodAt(service.recurringFromMs, period.cycle, period.zone).startMs;
  return stretchesIn(book, service, period)
    .filter(({ window }) => window.startMs >= first)
    .filter(({ item, fromMs, window }) => {
      if (which === 'all') return true;
      return item.price.kind === 'flat_in_advance' && fromMs < period.endMs && window.startMs >= period.startMs;
    })
    .map(({ item, window }) => ({
      service: service.id,
      item: item.id,
      ...window,
      dueMs: which === 'all' ? period.endMs : period.startMs,
    }));
}

type ItemSpan = TermSpan & { readonly item: PriceItem };

/** Versions of one plan that say the same of an item are one span of it. */
function itemSpans(spans: readonly TermSpan[], id: string): ItemSpan[] {
  const found: ItemSpan[] = [];
  for (const span of spans) {
    const item = span.plan.items.find((one) => one.id === id);
    if (item === undefined || !isFee(item.price)) continue;
    const before = found.at(-1);
    if (before !== undefined && before.toMs === span.fromMs && saysTheSame(before, span.plan, item))
      found[found.length - 1] = { ...before, toMs: span.toMs };
    else found.push({ ...span, item });
  }
  return found;
}

function saysTheSame(before: ItemSpan, plan: PlanVersion, item: PriceItem): boolean {
  const said = (one: PlanVersion, of: PriceItem): string =>
    JSON.stringify([one.id, one.rounding, one.taxCategories?.[of.id], of], (_key, value: unknown) =>
      value instanceof Exact ? value.toString() : value,
    );
  return before.plan === plan || said(before.plan, before.item) === said(plan, item);
}

function cutByCycles(span: ItemSpan, service: Service, customer: Customer, period: Period): FeeStretch[] {
  const inAdvance = span.item.price.kind === 'flat_in_advance';
  const found: FeeStretch[] = [];
  for (let at = Math.max(span.fromMs, period.startMs); at < Math.min(span.toMs, period.endMs); ) {
    const cycle = cycleOf(span.item.price, service, customer, at);
    at = cycle.endMs;
    const stretch = { fromMs: Math.max(span.fromMs, cycle.startMs), toMs: Math.min(span.toMs, cycle.endMs) };
    const window = isPeriod(cycle, period)
      ? wholeWindow(stretch, service, period)
      : windowIn(stretch, inAdvance ? periodAt(stretch.fromMs, customer.cycle, customer.zone) : period);
    found.push({ plan: span.plan, item: span.item, cycle, ...stretch, window });
  }
  return found;
}

/** What the amount of a fee is for: the period, or its own cycle. */
function cycleOf(price: Price, service: Service, customer: Customer, at: EpochMs): Period {
  if (!('cycle' in price) || price.cycle === undefined) return periodAt(at, customer.cycle, customer.zone);
  const { months, anchor } = price.cycle;
  const billing = { fromMs: service.fromMs, zone: customer.zone, billingDay: firstDayOf(customer.cycle) };
  return cycleAt(cycleRule(months, anchor, billing), at, customer.zone);
}

function isPeriod(cycle: Period, period: Period): boolean {
  return cycle.startMs === period.startMs && cycle.endMs === period.endMs;
}

/** Cut by terms alone, never by the service, whose dates may be corrected. */
function wholeWindow(
  { fromMs, toMs }: { fromMs: EpochMs; toMs: EpochMs },
  service: Service,
  period: Period,
): RatingWindow {
  return {
    startMs: fromMs <= Math.max(period.startMs, service.fromMs) ? period.startMs : fromMs,
    endMs: toMs >= Math.min(period.endMs, service.toMs ?? Infinity) ? period.endMs : toMs,
  };
}

function windowIn({ fromMs, toMs }: { fromMs: EpochMs; toMs: EpochMs }, period: Period): RatingWindow {
  return { startMs: Math.max(fromMs, period.startMs), endMs: Math.min(toMs, period.endMs) };
}

/** Of the period after this one: what is charged in advance, with the end of this one, if the service goes on. */
export function dueInAdvance(book: ContractBook, service: Service, period: Period): DueWindow[] {
  if (service.toMs !== null && service.toMs <= period.endMs) return [];
  return dueStretches(book, service, nextPeriod(period), 'in_advance');
}
