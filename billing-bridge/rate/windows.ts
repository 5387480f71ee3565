// What is rated at once: windows of the UTC grid cut at the contract's periods for additive items, whole periods for all others.
import type { MeterClass } from '../../common/model/meter-class.ts';
import { nextPeriod, type Period, periodAt } from '../../common/model/period.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { bucketStart } from '../../common/model/time.ts';
import type { ContractBook } from '../account/contract-book.ts';
import type { PlanVersion, Service } from '../account/contract.ts';
import { isAdditive, isFee, meterTermsOf, needsNoUsage, type PriceItem } from './price-item.ts';
import { dueInAdvance, dueStretches } from './stretches.ts';

export interface RatingWindow {
  readonly startMs: EpochMs;
  readonly endMs: EpochMs;
}

/** One thing to rate: (service, item, window start) has a charge, in versions. */
export interface DueWindow extends RatingWindow {
  readonly service: string;
  readonly item: string;
  /** When it is to be rated, where that is not its end. */
  readonly dueMs?: EpochMs;
}

/** The window of an instant: the grid cell, cut where a period begins or ends. Never cut by the service, whose dates may be corrected. */
export function windowAt(at: EpochMs, windowMs: DurationMs, period: Period): RatingWindow {
  const cell = bucketStart(at, windowMs);
  return { startMs: Math.max(cell, period.startMs), endMs: Math.min(cell + windowMs, period.endMs) };
}

/**
 * The terms that price a window of what is no fee: those at its start, or at the start of the service inside it. A service that begins behind it, as it does
 * once its begin was corrected, is priced by those at its start: a later plan may lack the item that is to be taken back.
 */
export function termsOf(book: ContractBook, service: Service, window: RatingWindow): PlanVersion | null {
  const within = service.fromMs < window.endMs;
  return book.planAt(service, within ? Math.max(window.startMs, service.fromMs) : window.startMs);
}

/** What usage of a service at an instant makes due. */
export function dueByUsage(
  book: ContractBook,
  service: Service,
  at: EpochMs,
  windowMs: DurationMs,
  counted: MeterClass = 'octets',
): DueWindow[] {
  const customer = book.customerOf(service);
  return dueInPeriod(book, service, at, windowMs, periodAt(at, customer.cycle, customer.zone), counted);
}

/** The same where the period of the instant is known, for the items that count usage of that class. */
export function dueInPeriod(
  book: ContractBook,
  service: Service,
  at: EpochMs,
  windowMs: DurationMs,
  period: Period,
  counted: MeterClass = 'octets',
): DueWindow[] {
  return [windowAt(at, windowMs, period), period].flatMap((window, index) => {
    const items = termsOf(book, service, window)?.items ?? [];
    return items
      .filter((item) => !needsNoUsage(item.price) && isAdditive(item) === (index === 0))
      .filter((item) => meterTermsOf(item.price).class === counted)
      .map((item) => due(service, item, window));
  });
}

/**
 * Period items of a service whose periods end in (afterMs, untilMs], with or without usage: at most `limit`. What is charged in advance is due
 * with the end of the period before; that of the period which ends is looked at once more: it may be the first, or the service may have changed.
 */
export function dueByTime(
  book: ContractBook,
  service: Service,
  afterMs: EpochMs,
  untilMs: EpochMs,
  limit: number,
): DueWindow[] {
  const customer = book.customerOf(service);
  const found: DueWindow[] = [];
  let period = periodAt(Math.max(service.recurringFromMs, afterMs), customer.cycle, customer.zone);
  while (period.endMs <= untilMs && found.length < limit) {
    const within = period.endMs > service.fromMs && (service.toMs === null || period.startMs < service.toMs);
    if (period.endMs > afterMs && within) {
      for (const item of termsOf(book, service, period)?.items ?? [])
        if (!isAdditive(item) && !isFee(item.price)) found.push(due(service, item, period));
      found.push(...dueStretches(book, service, period, 'all'), ...dueInAdvance(book, service, period));
    }
    if (service.toMs !== null && period.endMs >= service.toMs) break;
    period = nextPeriod(period);
  }
  return found;
}

/** Fees of the periods of a span, up to the one that runs: also where a change of the service made stretches that were not there. */
export function dueByChange(book: ContractBook, service: Service, span: RatingWindow): DueWindow[] {
  const customer = book.customerOf(service);
  const found: DueWindow[] = [];
  // Also the one before: what was paid ahead may now end where it ended.
  let period = periodAt(Math.max(service.recurringFromMs, span.startMs - 1), customer.cycle, customer.zone);
  while (period.startMs < span.endMs) {
    found.push(...dueStretches(book, service, period, 'all'));
    period = nextPeriod(period);
  }
  return found;
}

/** Period items in the periods that a changed span of a service touches: a fee may have moved into one that was looked at before, or none was charged yet. */
export function dueInSpan(
  book: ContractBook,
  service: Service,
  { startMs, endMs }: RatingWindow,
  nowMs: EpochMs,
): DueWindow[] {
  const { cycle, zone } = book.customerOf(service);
  return dueByTime(book, service, startMs, Math.min(nowMs, periodAt(endMs - 1, cycle, zone).endMs), Infinity);
}

/** Fees for the end of a service: due for its period also where the end is entered when that was rated already. */
export function dueByEnd(book: ContractBook, service: Service): DueWindow[] {
  if (service.toMs === null) return [];
  const customer = book.customerOf(service);
  const period = periodAt(service.toMs - 1, customer.cycle, customer.zone);
  return (termsOf(book, service, period)?.items ?? [])
    .filter(({ price }) => price.kind === 'one_off' && price.when === 'end')
    .map((item) => due(service, item, period));
}

function due(service: Service, item: PriceItem, window: RatingWindow): DueWindow {
  return { service: service.id, item: item.id, startMs: window.startMs, endMs: window.endMs };
}
