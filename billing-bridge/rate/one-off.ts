// One-off: a fee that is charged once, in the period in which the service begins or ends.
import type { Exact } from '../../common/model/exact.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { type Priced, Sum } from './working.ts';

export interface OneOffPrice {
  readonly amount: Exact;
  /** start: as for setting it up. end: as for taking it down. */
  readonly when: 'start' | 'end';
}

/** When the service begins and ends; null: it goes on. One that was entered long after it began is not charged for its begin: that period is not rated. */
export interface ServiceTimes {
  readonly startMs: EpochMs;
  readonly endMs: EpochMs | null;
}

/** In the half-open period that holds the day; an end on the line of two periods belongs to the one that it ends. */
export function isChargedIn(
  { when }: Pick<OneOffPrice, 'when'>,
  service: ServiceTimes,
  period: { readonly fromMs: EpochMs; readonly toMs: EpochMs },
): boolean {
  if (when === 'start') return service.startMs >= period.fromMs && service.startMs < period.toMs;
  return service.endMs !== null && service.endMs > period.fromMs && service.endMs <= period.toMs;
}

export function priceOneOff(price: OneOffPrice, charged: boolean): Priced {
  const sum = new Sum();
  if (charged)
    sum.fixed(price.when === 'start' ? 'once, as the service begins' : 'once, as the service ends', price.amount);
  return sum.priced();
}
