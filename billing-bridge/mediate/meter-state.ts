// The pure core of mediation: what is remembered of a meter, and what one more reading makes of it.
import type { EpochEnd } from '../../common/model/counter.ts';
import { isOlderThan } from '../../common/model/reading-order.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { addPart, type BucketContent, contentOf } from './bucket-content.ts';
import { type Bucket, bucketOf, CHECKPOINT_MS } from './grid.ts';
import type { Reading } from './reading.ts';
import { releasedSpan, type Span, spanBetween } from './span.ts';
import { octetsUntil, splitSpan } from './split.ts';

/** The last reading that counted, and the one bucket that is not complete yet. */
export interface MeterState {
  readonly meter: number;
  last: Reading;
  /** Time of the newest reading that was seen, whether it counted or not: what comes with an older time is late. */
  seenMs: EpochMs;
  /** Buckets before this one are written; what still falls into them makes new versions. */
  closedBefore: Bucket;
  /** Never before `closedBefore`; null where nothing was added yet. */
  open: BucketContent | null;
}

/** Where a new epoch began, and how the one before ended: between the two nothing can be known. */
export interface EpochBegin {
  readonly meter: number;
  readonly first: Reading;
  /** Null for the first epoch of a meter. */
  readonly previous: Reading | null;
  readonly end: EpochEnd | null;
}

/** What becomes of readings. */
export interface MeterSink {
  /** A bucket is complete; the content is the sink's own from now on. */
  close(meter: number, content: BucketContent): void;
  /** More has fallen into a bucket that was closed before. */
  amend(meter: number, content: BucketContent): void;
  begin(epoch: EpochBegin): void;
  /** Value of the counter on a line of CHECKPOINT_MS inside an epoch: not wrapped where the wrap is counted behind the line. */
  checkpoint(meter: number, at: EpochMs, value: bigint): void;
  /** Octets above line rate. */
  suspend(meter: number, span: Span): void;
  /** Did people decide that octets above line rate are to be believed there? */
  released(meter: number, span: Span): boolean;
  /** Every span, to be counted. */
  span(span: Span): void;
  /** A reading that turned out to be older than the last one. */
  leaveOut(): void;
}

/** What the next reading of a meter means: the one decision, of two readings alone. */
export type Step =
  | { readonly kind: 'first' }
  | { readonly kind: 'older' }
  | { readonly kind: 'span'; readonly span: Span };

export function nextStep(last: Reading | null, reading: Reading, bucketMs: DurationMs): Step {
  if (last === null) return { kind: 'first' };
  if (isOlderThan(last, reading)) return { kind: 'older' };
  return { kind: 'span', span: spanBetween(last, reading, bucketMs) };
}

/** The state of a meter after its first reading; nothing before it is usage. */
export function firstState(meter: number, reading: Reading, bucketMs: DurationMs, sink: MeterSink): MeterState {
  sink.begin({ meter, first: reading, previous: null, end: null });
  return startAt(meter, reading, bucketMs);
}

/** As if everything up to this reading had been mediated. */
export function startAt(meter: number, reading: Reading, bucketMs: DurationMs): MeterState {
  const at = reading.observedAtMs;
  return { meter, last: reading, seenMs: at, closedBefore: bucketOf(at, bucketMs), open: null };
}

/**
 * Takes the next reading of a meter: its time is after `seenMs`. Buckets before `deviceClosed` count as closed too (a device may
 * be closed by its watermark as a whole).
 */
export function mediateReading(
  state: MeterState,
  reading: Reading,
  deviceClosed: Bucket,
  bucketMs: DurationMs,
  sink: MeterSink,
): void {
  const { meter, last } = state;
  const step = nextStep(last, reading, bucketMs);
  state.seenMs = reading.observedAtMs;
  if (step.kind !== 'span') return sink.leaveOut();
  const held = step.span.kind === 'implausible' && !step.span.whole;
  const span = held && sink.released(meter, step.span) ? releasedSpan(step.span, last, reading) : step.span;
  sink.span(span);
  if (span.kind === 'lost') sink.begin({ meter, first: reading, previous: last, end: span.end });
  else checkpoints(meter, last, reading, span, sink);
  if (span.kind === 'implausible') sink.suspend(meter, span);
  addSpan(state, span, Math.max(state.closedBefore, deviceClosed), bucketMs, sink);
  closeBefore(state, bucketOf(reading.observedAtMs, bucketMs), sink);
  state.last = reading;
}

/** Everything before the bucket is final for this meter. */
export function closeBefore(state: MeterState, bucket: Bucket, sink: MeterSink): void {
  if (bucket <= state.closedBefore) return;
  state.closedBefore = bucket;
  if (state.open === null || state.open.bucket >= bucket) return;
  sink.close(state.meter, state.open);
  state.open = null;
}

function addSpan(state: MeterState, span: Span, closedBefore: Bucket, bucketMs: DurationMs, sink: MeterSink): void {
  splitSpan(span, bucketMs, (bucket, octets, ms, last) => {
    let content = state.open;
    if (bucket < closedBefore) {
      const amendment = contentOf(bucket);
      addPart(amendment, span, octets, ms, last);
      return sink.amend(state.meter, amendment);
    }
    if (content?.bucket !== bucket) {
      if (content !== null) sink.close(state.meter, content);
      content = contentOf(bucket);
      state.open = content;
    }
    addPart(content, span, octets, ms, last);
  });
}

/** A wrap is counted in the bucket in which its span ends: on a line before that the value goes on beyond 2^32. */
function checkpoints(meter: number, last: Reading, reading: Reading, span: Span, sink: MeterSink): void {
  const first = Math.floor(span.fromMs / CHECKPOINT_MS) + 1;
  const final = Math.floor(span.toMs / CHECKPOINT_MS);
  // A gauge has no value that goes on from line to line.
  if (first > final || span.whole || reading.integration !== null) return;
  for (let line = first; line <= final; line += 1) {
    const at = line * CHECKPOINT_MS;
    sink.checkpoint(meter, at, at === span.toMs ? reading.value : last.value + octetsUntil(span, at));
  }
}
