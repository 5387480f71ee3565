// Splits a span over the half-open UTC grid in whole octets, or in whole units of another meter: the parts add up exactly and do not depend on anything but the span.
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { type Bucket, bucketOf, lastBucketOf } from './grid.ts';
import type { Span } from './span.ts';

/** `last` is true for the part in which the span ends. */
export type VisitPart = (bucket: Bucket, octets: bigint, ms: DurationMs, last: boolean) => void;

/** Octets of a span up to a time inside it: evenly spread, rounded down, so that what is left over falls to the later part. */
export function octetsUntil(span: Pick<Span, 'fromMs' | 'toMs' | 'octets' | 'slope'>, at: EpochMs): bigint {
  if (at >= span.toMs) return span.octets;
  if (at <= span.fromMs) return 0n;
  if (span.slope !== undefined) return areaUntil(span.slope, BigInt(at - span.fromMs), BigInt(span.toMs - span.fromMs));
  return (span.octets * BigInt(at - span.fromMs)) / BigInt(span.toMs - span.fromMs);
}

/** The area under a straight line up to `done` of `all` milliseconds, rounded down: at the end it is what the whole span has. */
export function areaUntil({ first, last }: NonNullable<Span['slope']>, done: bigint, all: bigint): bigint {
  return (2n * first * done * all + (last - first) * done * done) / (2n * all);
}

/** Visits the parts in the order of their buckets. */
export function splitSpan(span: Span, bucketMs: DurationMs, visit: VisitPart): void {
  const { fromMs, toMs, octets } = span;
  const first = bucketOf(fromMs, bucketMs);
  const last = lastBucketOf(fromMs, toMs, bucketMs);
  if (first === last) return visit(first, octets, toMs - fromMs, true);
  if (span.whole) {
    visit(first, 0n, (first + 1) * bucketMs - fromMs, false);
    return visit(last, octets, toMs - last * bucketMs, true);
  }
  let begin = fromMs;
  let before = 0n;
  for (let bucket = first; bucket < last; bucket += 1) {
    const end = (bucket + 1) * bucketMs;
    const until = octetsUntil(span, end);
    visit(bucket, until - before, end - begin, false);
    begin = end;
    before = until;
  }
  visit(last, octets - before, toMs - begin, true);
}
