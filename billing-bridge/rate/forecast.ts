// Usage as it may go on to the end of a period: what was measured repeats, week for week, day for day, or as it was since it began. It is priced as real usage is.
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { Meter, UsageReader, UsageRecord } from '../mediate/usage.ts';

/** How usage of the ports goes on. `none`: nothing was measured, so nothing is expected. */
export type ForecastPattern = 'week' | 'day' | 'since_begin' | 'none';

const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;

/** Real until an instant, then repeated; for one preview. */
export class ForecastUsage implements Pick<UsageReader, 'latest' | 'allMeters'> {
  readonly #inner: Pick<UsageReader, 'latest' | 'allMeters'>;
  readonly #nowMs: EpochMs;
  /** The weakest that was used. */
  pattern: ForecastPattern = 'none';
  readonly #ranks: readonly ForecastPattern[] = ['none', 'week', 'day', 'since_begin'];

  constructor(inner: Pick<UsageReader, 'latest' | 'allMeters'>, nowMs: EpochMs) {
    this.#inner = inner;
    this.#nowMs = nowMs;
  }

  allMeters(): Promise<Meter[]> {
    return this.#inner.allMeters();
  }

  async latest(meters: readonly number[], fromMs: EpochMs, toMs: EpochMs): Promise<UsageRecord[]> {
    const measured = fromMs < this.#nowMs ? await this.#inner.latest(meters, fromMs, Math.min(toMs, this.#nowMs)) : [];
    if (toMs <= this.#nowMs) return measured;
    const lately = await this.#inner.latest(meters, this.#nowMs - WEEK_MS, this.#nowMs);
    const byMeter = new Map<number, UsageRecord[]>();
    for (const record of lately) byMeter.set(record.meter, [...(byMeter.get(record.meter) ?? []), record]);
    const expected = [...byMeter.values()].flatMap((records) =>
      this.#repeated(records, Math.max(fromMs, this.#nowMs), toMs),
    );
    return [...measured, ...expected].toSorted(
      (left, right) => left.meter - right.meter || left.bucketStartMs - right.bucketStartMs,
    );
  }

  #repeated(records: readonly UsageRecord[], fromMs: EpochMs, toMs: EpochMs): UsageRecord[] {
    const [first, last] = [records[0], records.at(-1)];
    if (first === undefined || last === undefined) return [];
    const { pattern, lengthMs, endMs } = patternOf(first, last);
    if (this.#ranks.indexOf(pattern) > this.#ranks.indexOf(this.pattern)) this.pattern = pattern;
    const result: UsageRecord[] = [];
    const source = records.filter((record) => record.bucketStartMs >= endMs - lengthMs);
    for (let shift = lengthMs; endMs - lengthMs + shift < toMs; shift += lengthMs)
      for (const record of source) {
        const bucketStartMs = record.bucketStartMs + shift;
        if (bucketStartMs >= fromMs && bucketStartMs < toMs) result.push({ ...record, bucketStartMs });
      }
    return result;
  }
}

function patternOf(
  first: UsageRecord,
  last: UsageRecord,
): { pattern: ForecastPattern; lengthMs: DurationMs; endMs: EpochMs } {
  const endMs = last.bucketStartMs + last.bucketMs;
  const spanMs = endMs - first.bucketStartMs;
  // A bucket at either end may be missing.
  if (spanMs >= WEEK_MS - 2 * first.bucketMs) return { pattern: 'week', lengthMs: WEEK_MS, endMs };
  if (spanMs >= DAY_MS) return { pattern: 'day', lengthMs: DAY_MS, endMs };
  return { pattern: 'since_begin', lengthMs: spanMs, endMs };
}
