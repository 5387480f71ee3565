// Usage of a service over a period as two curves to be drawn: columns of the highest interval in each. Pure; for the eye, never for money.
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { UsageRecord } from '../mediate/usage.ts';

export interface GraphMeter {
  readonly meter: number;
  readonly direction: 'in' | 'out';
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
}

export interface UsageGraph {
  readonly title: string;
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  readonly zone: string;
  /** bit/s; null where nothing was measured. */
  readonly in: readonly (number | null)[];
  readonly out: readonly (number | null)[];
  /** The billed percentile. */
  readonly level: { readonly label: string; readonly bps: number } | null;
}

/** Wider than a page has points, so that no peak is hidden by another. */
const COLUMNS = 460;
const INTERVAL_MS = 300_000;

export function usageGraph(
  about: Omit<UsageGraph, 'in' | 'out'>,
  meters: readonly GraphMeter[],
  records: readonly UsageRecord[],
  bucketMs: DurationMs,
): UsageGraph {
  const intervalMs = Math.max(INTERVAL_MS, bucketMs);
  const sums = { in: new Map<number, bigint>(), out: new Map<number, bigint>() };
  for (const record of records) {
    const at = record.bucketStartMs;
    const held = meters.find((one) => one.meter === record.meter && at >= one.fromMs && at < one.toMs);
    if (held === undefined) continue;
    const { good, wrapped, gap } = record.octets;
    const interval = Math.floor((at - about.fromMs) / intervalMs);
    const own = sums[held.direction];
    own.set(interval, (own.get(interval) ?? 0n) + good + wrapped + gap);
  }
  const intervals = Math.max(1, Math.ceil((about.toMs - about.fromMs) / intervalMs));
  const columns = Math.min(COLUMNS, intervals);
  const curve = (own: ReadonlyMap<number, bigint>): (number | null)[] => {
    const highest: (number | null)[] = Array.from({ length: columns }, () => null);
    for (const [interval, octets] of own) {
      const column = Math.min(columns - 1, Math.floor((interval * columns) / intervals));
      highest[column] = Math.max(highest[column] ?? 0, (Number(octets) * 8000) / intervalMs);
    }
    return highest;
  };
  return { ...about, in: curve(sums.in), out: curve(sums.out) };
}

/** A round number at or above the highest value, for the top of the axis. */
export function axisTop(graph: Pick<UsageGraph, 'in' | 'out' | 'level'>): number {
  const highest = [...graph.in, ...graph.out].reduce<number>(
    (most, value) => Math.max(most, value ?? 0),
    graph.level?.bps ?? 0,
  );
  if (highest <= 0) return 1;
  const step = 10 ** Math.floor(Math.log10(highest));
  return [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].map((factor) => factor * step).find((top) => top >= highest) ?? step * 10;
}

export function rateText(bps: number): string {
  const units = ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s'];
  const power = bps <= 0 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bps) / 3));
  const value = bps / 1000 ** power;
  return `${Number(value.toPrecision(4))} ${units[power] ?? ''}`;
}
