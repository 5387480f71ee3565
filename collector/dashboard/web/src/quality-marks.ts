// Where the usage of an interface is not simply known: spans in which its shape is unknown, that are lost, or whose octets are held back. Pure.
import type { UsageRecord } from './billing-types.ts';

export const QUALITY_MARKS = ['gap', 'lost', 'suspended'] as const;
export type QualityMark = (typeof QUALITY_MARKS)[number];

export interface MarkedSpan {
  readonly kind: QualityMark;
  readonly fromMs: number;
  readonly toMs: number;
}

function marksOfRecord({ gapMs, lostMs, octets }: UsageRecord): readonly QualityMark[] {
  return [
    ...(gapMs > 0 ? (['gap'] as const) : []),
    ...(lostMs > 0 ? (['lost'] as const) : []),
    ...(octets.suspended === '0' ? [] : (['suspended'] as const)),
  ];
}

/** By kind and time; buckets that meet, of either direction, are one span. */
export function marksOf(records: readonly UsageRecord[]): readonly MarkedSpan[] {
  const buckets = records
    .flatMap((record) => {
      const fromMs = Date.parse(record.bucketStart);
      return marksOfRecord(record).map((kind) => ({ kind, fromMs, toMs: fromMs + record.bucketMs }));
    })
    .toSorted((one, other) => one.fromMs - other.fromMs);
  return QUALITY_MARKS.flatMap((kind) => {
    const spans: { kind: QualityMark; fromMs: number; toMs: number }[] = [];
    for (const bucket of buckets) {
      if (bucket.kind !== kind) continue;
      const last = spans.at(-1);
      if (last !== undefined && bucket.fromMs <= last.toMs) last.toMs = Math.max(last.toMs, bucket.toMs);
      else spans.push({ ...bucket });
    }
    return spans;
  });
}
