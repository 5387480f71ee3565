// What lies between two readings of a meter: a quantity with how it is known, or a loss without one.
import { difference, type EpochEnd, GAP_INTERVALS } from '../../common/model/counter.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { bucketOf, lastBucketOf, MAX_SPAN_BUCKETS } from './grid.ts';
import { gaugeSpan } from './gauge-span.ts';
import type { Reading } from './reading.ts';

export const SPAN_KINDS = ['good', 'wrap32', 'gap', 'implausible', 'lost'] as const;

/** As `difference` says; implausible also where a span is too long to be split. */
export type SpanKind = (typeof SPAN_KINDS)[number];

export interface Span {
  readonly kind: SpanKind;
  /** UTC of its two readings: what decides the grid. */
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  /** 0 for lost. */
  readonly octets: bigint;
  readonly wrapped: boolean;
  /** Why the epoch ended; null unless lost. */
  readonly end: EpochEnd | null;
  /** Too long to be split: everything stands in its last bucket. */
  readonly whole: boolean;
  /** Values of a gauge at both ends between which it runs straight; absent where octets are spread evenly. */
  readonly slope?: { readonly first: bigint; readonly last: bigint };
}

/** `observed` is the later in the order of `inOrder`, and not older than `previous` by `isOlderThan`. */
export function spanBetween(previous: Reading, observed: Reading, bucketMs: DurationMs): Span {
  if (observed.integration !== null) return gaugeSpan(previous, observed, observed.integration, bucketMs);
  const limits = {
    speedBps: fasterOf(previous.speedBps, observed.speedBps),
    intervalMs: Math.max(previous.intervalMs, observed.intervalMs),
  };
  const found = difference(previous, observed, limits);
  const fromMs = previous.observedAtMs;
  const toMs = observed.observedAtMs;
  const whole = lastBucketOf(fromMs, toMs, bucketMs) - bucketOf(fromMs, bucketMs) >= MAX_SPAN_BUCKETS;
  if (found.kind === 'lost') return { kind: 'lost', fromMs, toMs, octets: 0n, wrapped: false, end: found.end, whole };
  const kind = whole ? 'implausible' : found.kind;
  return { kind, fromMs, toMs, octets: found.delta, wrapped: found.wrapped, end: null, whole };
}

/** The same octets as what they are without the bound of line rate. */
export function releasedSpan(span: Span, previous: Reading, observed: Reading): Span {
  const longMs = GAP_INTERVALS * Math.max(previous.intervalMs, observed.intervalMs);
  const kind = span.toMs - span.fromMs > longMs ? 'gap' : span.wrapped ? 'wrap32' : 'good';
  return { ...span, kind };
}

/** A link whose speed changed in between may have had the higher one; one that is not stated is no reason to doubt the other. */
function fasterOf(one: bigint | null, other: bigint | null): bigint | null {
  if (one === null || other === null) return one ?? other;
  return one > other ? one : other;
}
