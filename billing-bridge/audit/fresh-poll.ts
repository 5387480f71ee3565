// A device asked by the auditor himself, against what is stored of it: how far each counter moved since its first reading of the day, and what was counted. Pure.
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { UsageRecord } from '../mediate/usage.ts';

export interface FreshCounter {
  readonly device: string;
  readonly interfaceKey: string;
  readonly direction: 'in' | 'out';
  readonly value: bigint;
  readonly width: 32 | 64;
  readonly atMs: EpochMs;
}

export interface StoredDay {
  /** The first reading since the day, or the epoch of the counter, began; null where there is none. */
  readonly first: { readonly value: bigint; readonly atMs: EpochMs } | null;
  /** From the bucket of that reading on. */
  readonly records: readonly UsageRecord[];
  readonly bucketMs: DurationMs;
}

export interface FreshComparison {
  readonly device: string;
  readonly interfaceKey: string;
  readonly direction: 'in' | 'out';
  /** By the device, since the first reading. */
  readonly moved: bigint;
  /** By the usage records, of whatever quality. */
  readonly counted: bigint;
  /** What may lie in the interval of the first reading, and in buckets that are not final yet: so many times the busiest bucket of the day. */
  readonly slack: bigint;
  readonly verdict: 'agrees' | 'differs' | 'not_comparable';
  /** Why it cannot be compared. */
  readonly reason: string | null;
}

const COUNTER32_MODULUS = 2n ** 32n;

export function compareFresh(fresh: FreshCounter, stored: StoredDay): FreshComparison {
  const { device, interfaceKey, direction } = fresh;
  const nothing = { device, interfaceKey, direction, moved: 0n, counted: 0n, slack: 0n };
  const { first, records, bucketMs } = stored;
  const last = records.at(-1);
  if (first === null || last === undefined)
    return { ...nothing, verdict: 'not_comparable', reason: 'nothing is stored of it today' };
  if (records.some((record) => record.lostMs > 0))
    return { ...nothing, verdict: 'not_comparable', reason: 'the counter began anew since' };
  const sums = records.map(octetsOf);
  const counted = sums.reduce((sum, one) => sum + one, 0n);
  const busiest = sums.reduce((most, one) => (one > most ? one : most), 0n);
  const open = Math.max(0, Math.ceil((fresh.atMs - last.bucketStartMs - bucketMs) / bucketMs));
  const slack = busiest * BigInt(open + 1);
  let moved = fresh.value - first.value;
  // A narrow counter went round as often as what was counted says.
  while (fresh.width === 32 && moved < counted - slack) moved += COUNTER32_MODULUS;
  if (moved < 0n)
    return { ...nothing, counted, slack, verdict: 'not_comparable', reason: 'the counter began anew since' };
  const difference = moved > counted ? moved - counted : counted - moved;
  return {
    ...nothing,
    moved,
    counted,
    slack,
    verdict: difference <= slack ? 'agrees' : 'differs',
    reason: null,
  };
}

function octetsOf({ octets }: UsageRecord): bigint {
  return octets.good + octets.wrapped + octets.gap + octets.suspended;
}
