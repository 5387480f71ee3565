// Samples as the pairs of consecutive polls, where a contract says so: each belongs to the interval in which it ends, whole. Pure.
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { StoredReadings } from '../mediate/usage.ts';
import type { CountedUsage, IntervalSamples } from './counted-usage.ts';

/** What a meter moved between two polls. */
export interface PollPair {
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  readonly octets: bigint;
  /** Over more than 1.5 polling intervals. */
  readonly gap: boolean;
}

/** Reads the pairs of meters that end in (fromMs, toMs], from the readings that there are, or that were mediated at a time. */
export type ReadPairs = (
  meters: readonly number[],
  fromMs: EpochMs,
  toMs: EpochMs,
  until?: StoredReadings | null,
) => Promise<ReadonlyMap<number, readonly PollPair[]>>;

export interface PairedUsage extends CountedUsage {
  /** By meter, in order; what was lost or is suspended is none. */
  readonly pairs?: ReadonlyMap<number, readonly PollPair[]>;
}

/**
 * The average rate of the pairs that end in each interval, as octets of a whole one (rounded down). Pairs are not cut at the line, so
 * nothing of a peak goes to its neighbours; an interval in which none ends, or only a gap, was not measured.
 */
export function pairSamples(input: PairedUsage, intervalMs: DurationMs, withGaps: boolean): IntervalSamples {
  const firstMs = Math.ceil(input.fromMs / intervalMs) * intervalMs;
  const count = Math.max(0, Math.floor((input.toMs - firstMs) / intervalMs));
  const [knownMs, wantedMs] = [new Float64Array(count), new Float64Array(count)];
  const sums = { in: zeros(count), out: zeros(count) };
  for (const meter of input.meters) {
    const first = Math.max(0, Math.ceil((meter.fromMs - firstMs) / intervalMs));
    const past = Math.min(count, Math.floor((meter.toMs - firstMs) / intervalMs));
    for (let at = first; at < past; at += 1) wantedMs[at] = (wantedMs[at] ?? 0) + intervalMs;
    const moved = new Map<number, { octets: bigint; ms: number }>();
    for (const { fromMs, toMs, octets, gap } of input.pairs?.get(meter.meter) ?? []) {
      // One that ends on a line ends the interval before it.
      const at = Math.floor((toMs - 1 - firstMs) / intervalMs);
      if (at < first || at >= past || toMs <= fromMs || (gap && !withGaps)) continue;
      const before = moved.get(at) ?? { octets: 0n, ms: 0 };
      moved.set(at, { octets: before.octets + octets, ms: before.ms + toMs - fromMs });
    }
    const sum = sums[meter.direction];
    for (const [at, { octets, ms }] of moved) {
      sum[at] = (sum[at] ?? 0n) + (octets * BigInt(intervalMs)) / BigInt(ms);
      knownMs[at] = (knownMs[at] ?? 0) + intervalMs;
    }
  }
  return { firstMs, count, ...sums, knownMs, wantedMs };
}

function zeros(count: number): bigint[] {
  return Array.from({ length: count }, () => 0n);
}
