// Graduated over changes of a running number (seats, ports) of which each counts for its share of the period.
import { Exact } from '../../common/model/exact.ts';
import { spanText, type Tier } from './tiers.ts';
import { least, most, type Priced, Sum } from './working.ts';

export interface ProratedEvent {
  /** Change of the number. */
  readonly units: Exact;
  /** The change times the share of the period that it lasted; of the same sign. */
  readonly prorated: Exact;
}

/** A change that crosses a bound is split over the tiers in proportion. Never negative. */
export function priceProratedGraduated(events: readonly ProratedEvent[], tiers: readonly Tier[]): Priced {
  const sum = new Sum();
  let running = Exact.zero;
  let highest = Exact.zero;
  for (const event of events) {
    const next = running.add(event.units);
    let from = Exact.zero;
    for (const [at, tier] of tiers.entries()) {
      const part = crossed(running, next, at === 0 ? null : from, tier.upTo);
      if (!part.isZero())
        sum.multiply(`tier ${spanText(from, tier.upTo)}`, event.prorated.multiply(part).divide(event.units), tier.unit);
      if (tier.upTo === null) break;
      from = tier.upTo;
    }
    running = next;
    highest = most(highest, running);
  }
  let from = Exact.zero;
  for (const [at, tier] of tiers.entries()) {
    if (at > 0 && highest.compare(from) <= 0) break;
    sum.fixed(`flat of tier ${spanText(from, tier.upTo)}`, tier.flat);
    if (tier.upTo === null) break;
    from = tier.upTo;
  }
  const priced = sum.priced();
  return priced.amount.isNegative() ? { amount: Exact.zero, steps: priced.steps } : priced;
}

/** The signed length of [running, next] that lies in (from, upTo]; the first tier has no lower end. */
function crossed(running: Exact, next: Exact, from: Exact | null, upTo: Exact | null): Exact {
  const clamp = (value: Exact): Exact => {
    const low = from === null ? value : most(from, value);
    return upTo === null ? low : least(upTo, low);
  };
  return clamp(next).subtract(clamp(running));
}
