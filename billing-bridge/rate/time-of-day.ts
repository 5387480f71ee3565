// Time of day: bands of the week in the contract's zone, each with its price.
import { Exact } from '../../common/model/exact.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { type Priced, Sum } from './working.ts';

/** Minutes of the local day, half open, on the days named (0 is Sunday). */
export interface TimeBand {
  readonly name: string;
  readonly days: readonly number[];
  readonly fromMinute: number;
  readonly toMinute: number;
  readonly price: Exact;
}

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** The band of an instant: the first that holds it; null where none does. `zoneOffsetMs` is what the zone adds to UTC then. */
export function bandAt(at: EpochMs, zoneOffsetMs: number, bands: readonly TimeBand[]): TimeBand | null {
  const local = at + zoneOffsetMs;
  const day = new Date(local).getUTCDay();
  const minute = Math.floor((((local % DAY_MS) + DAY_MS) % DAY_MS) / MINUTE_MS);
  return bands.find((band) => band.days.includes(day) && minute >= band.fromMinute && minute < band.toMinute) ?? null;
}

/** Quantities by the instant they began, each priced by its band; what no band holds is priced at `otherwise`. */
export function priceTimeOfDay(
  parts: readonly { readonly atMs: EpochMs; readonly zoneOffsetMs: number; readonly quantity: Exact }[],
  bands: readonly TimeBand[],
  otherwise: Exact,
): Priced {
  const byBand = new Map<TimeBand | null, Exact>();
  for (const part of parts) {
    const band = bandAt(part.atMs, part.zoneOffsetMs, bands);
    byBand.set(band, (byBand.get(band) ?? Exact.zero).add(part.quantity));
  }
  const sum = new Sum();
  for (const [band, quantity] of byBand)
    sum.multiply(band === null ? 'outside the bands' : `band ${band.name}`, quantity, band?.price ?? otherwise);
  return sum.priced();
}
