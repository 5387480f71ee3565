// The pairs of consecutive polls of meters, from the raw readings: for contracts whose samples are these and not intervals of the grid.
import type { Queryable } from '../../common/database/database.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { ReadingsSource } from './mediation.ts';
import { nextStep } from './meter-state.ts';
import { readingOf } from './page-readings.ts';
import { inOrder, type Reading } from './reading.ts';
import { isReleased, type Release, releasesOf } from './releases.ts';
import { releasedSpan, type Span } from './span.ts';

export interface MeterPair {
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  readonly octets: bigint;
  /** Over more than 1.5 polling intervals. */
  readonly gap: boolean;
}

export interface MeterPairsDeps {
  readonly database: Queryable;
  readonly source: ReadingsSource;
  readonly bucketMs: DurationMs;
}

const READINGS_AT_ONCE = 10_000;

/** For rating. */
export function pairReader(
  deps: { readonly database: Queryable; readonly readings: ReadingsSource },
  bucketMs: DurationMs,
): (meters: readonly number[], fromMs: EpochMs, toMs: EpochMs) => ReturnType<typeof pairsOf> {
  const reading = { database: deps.database, source: deps.readings, bucketMs };
  return (...wanted) => pairsOf(reading, ...wanted);
}

/** By meter, those that end in (fromMs, toMs]. Lost and suspended spans are none; released ones are. Throws collector_unreachable. */
export async function pairsOf(
  deps: MeterPairsDeps,
  meters: readonly number[],
  fromMs: EpochMs,
  toMs: EpochMs,
): Promise<ReadonlyMap<number, readonly MeterPair[]>> {
  const found = new Map<number, readonly MeterPair[]>();
  for (const meter of meters) {
    const readings = await readingsOf(deps.source, meter, fromMs, toMs);
    const releases = await releasesOf(deps.database, meter);
    const pairs = pairsIn(readings, releases, deps.bucketMs);
    found.set(
      meter,
      pairs.filter((pair) => pair.toMs > fromMs && pair.toMs <= toMs),
    );
  }
  return found;
}

/** Pure: readings in the order of `inOrder`. */
export function pairsIn(readings: readonly Reading[], releases: readonly Release[], bucketMs: DurationMs): MeterPair[] {
  const pairs: MeterPair[] = [];
  let last: Reading | null = null;
  for (const reading of readings) {
    const step = nextStep(last, reading, bucketMs);
    if (step.kind === 'older') continue;
    if (step.kind === 'span' && last !== null) {
      const pair = pairOf(believed(step.span, last, reading, releases));
      if (pair !== null) pairs.push(pair);
    }
    last = reading;
  }
  return pairs;
}

function believed(span: Span, last: Reading, reading: Reading, releases: readonly Release[]): Span {
  const held = span.kind === 'implausible' && !span.whole;
  return held && isReleased(releases, span) ? releasedSpan(span, last, reading) : span;
}

function pairOf({ kind, fromMs, toMs, octets }: Span): MeterPair | null {
  if (kind === 'lost' || kind === 'implausible') return null;
  return { fromMs, toMs, octets, gap: kind === 'gap' };
}

async function readingsOf(source: ReadingsSource, meter: number, fromMs: EpochMs, toMs: EpochMs): Promise<Reading[]> {
  const found: Reading[] = [];
  let cursor: string | null = null;
  do {
    // The one before and the one behind belong to pairs at the edges.
    const query = { meter, fromMs, toMs: toMs + 1, withNeighbours: true, cursor, limit: READINGS_AT_ONCE };
    const answer = await source.ofMeter(query);
    found.push(...answer.items.map(readingOf));
    cursor = answer.next;
  } while (cursor !== null);
  return inOrder(found);
}
