// What one meter moved in one bucket, while it is being added up.
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { Bucket } from './grid.ts';
import type { Span } from './span.ts';

export interface BucketContent {
  readonly bucket: Bucket;
  good: bigint;
  wrapped: bigint;
  gap: bigint;
  suspended: bigint;
  /** Time inside spans whose octets are rated; of it, inside gaps; and inside lost spans. */
  coveredMs: DurationMs;
  gapMs: DurationMs;
  lostMs: DurationMs;
  /** Spans with a wrap of a Counter32 that end in this bucket. */
  wraps: number;
  /** The readings at the outer ends of the spans that have a part in it; equal only where none has. */
  firstMs: EpochMs;
  lastMs: EpochMs;
}

/** Of a bucket that no span reaches into. */
export function emptyContent(bucket: Bucket, bucketMs: DurationMs): BucketContent {
  const at = bucket * bucketMs;
  return { ...contentOf(bucket), firstMs: at, lastMs: at };
}

/** To be added to; its outer ends are those of the first part. */
export function contentOf(bucket: Bucket): BucketContent {
  return {
    bucket,
    good: 0n,
    wrapped: 0n,
    gap: 0n,
    suspended: 0n,
    coveredMs: 0,
    gapMs: 0,
    lostMs: 0,
    wraps: 0,
    firstMs: Number.MAX_SAFE_INTEGER,
    lastMs: Number.MIN_SAFE_INTEGER,
  };
}

export function addPart(content: BucketContent, span: Span, octets: bigint, ms: DurationMs, last: boolean): void {
  if (span.fromMs < content.firstMs) content.firstMs = span.fromMs;
  if (span.toMs > content.lastMs) content.lastMs = span.toMs;
  if (last && span.wrapped) content.wraps += 1;
  switch (span.kind) {
    case 'good':
      content.good += octets;
      content.coveredMs += ms;
      return;
    case 'wrap32':
      content.wrapped += octets;
      content.coveredMs += ms;
      return;
    case 'gap':
      content.gap += octets;
      content.coveredMs += ms;
      content.gapMs += ms;
      return;
    case 'implausible':
      content.suspended += octets;
      return;
    case 'lost':
      content.lostMs += ms;
  }
}

export function addContent(into: BucketContent, more: BucketContent): void {
  into.good += more.good;
  into.wrapped += more.wrapped;
  into.gap += more.gap;
  into.suspended += more.suspended;
  into.coveredMs += more.coveredMs;
  into.gapMs += more.gapMs;
  into.lostMs += more.lostMs;
  into.wraps += more.wraps;
  // An empty content has its ends where no reading was.
  const empty = into.firstMs === into.lastMs;
  into.firstMs = empty ? more.firstMs : Math.min(into.firstMs, more.firstMs);
  into.lastMs = empty ? more.lastMs : Math.max(into.lastMs, more.lastMs);
}

export function sameContent(one: BucketContent, other: BucketContent): boolean {
  return (
    one.good === other.good &&
    one.wrapped === other.wrapped &&
    one.gap === other.gap &&
    one.suspended === other.suspended &&
    one.coveredMs === other.coveredMs &&
    one.gapMs === other.gapMs &&
    one.lostMs === other.lostMs &&
    one.wraps === other.wraps &&
    one.firstMs === other.firstMs &&
    one.lastMs === other.lastMs
  );
}

export function octetsOf(content: Pick<BucketContent, 'good' | 'wrapped' | 'gap' | 'suspended'>): bigint {
  return content.good + content.wrapped + content.gap + content.suspended;
}

/** For people: what differs is named. */
export function describeContent(content: BucketContent): string {
  const { good, wrapped, gap, suspended, coveredMs, gapMs, lostMs, wraps, firstMs, lastMs } = content;
  return `good ${good} wrapped ${wrapped} gap ${gap} suspended ${suspended} wraps ${wraps}, covered ${coveredMs} ms, gap ${gapMs} ms, lost ${lostMs} ms, readings ${firstMs} to ${lastMs}`;
}
