// The pairs of consecutive polls of meters, from the raw readings: for contracts whose samples are these and not intervals of the grid.
import type { Queryable } from '../../common/database/database.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { MeterReading } from '../../common/wire/reading-page.ts';
import type { ReadingsSource } from './mediation.ts';
import { nextStep } from './meter-state.ts';
import { readingOf } from './page-readings.ts';
import { inOrder, type Reading } from './reading.ts';
import { isReleased, type Release, releasesOf } from './releases.ts';
import { releasedSpan, type Span } from './span.ts';
import type { StoredReadings } from './usage.ts';

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
): (
  meters: readonly number[],
  fromMs: EpochMs,
  toMs: EpochMs,
  until?: StoredReadings | null,
) => ReturnType<typeof pairsOf> {
  const reading = { database: deps.database, source: deps.readings, bucketMs };
  return (...wanted) => pairsOf(reading, ...wanted);
}

/**
 * By meter, those that end in (fromMs, toMs], from the readings that there are or that were mediated at a time (`until`). Lost and
 * suspended spans are none; released ones are. Throws collector_unreachable.
 */
export async function pairsOf(
  deps: MeterPairsDeps,
  meters: readonly number[],
  fromMs: EpochMs,
  toMs: EpochMs,
  until: StoredReadings | null = null,
): Promise<ReadonlyMap<number, readonly MeterPair[]>> {
  const found = new Map<number, readonly MeterPair[]>();
  for (const meter of meters) {
    const readings = await readingsOf(deps.source, meter, fromMs, toMs, until);
    const releases = await releasesOf(deps.database, meter, until?.releases ?? null);
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

async function readingsOf(
  source: ReadingsSource,
  meter: number,
  fromMs: EpochMs,
  toMs: EpochMs,
  until: StoredReadings | null,
): Promise<Reading[]> {
  const found: MeterReading[] = [];
  let cursor: string | null = null;
  do {
    // The one before and the one behind belong to pairs at the edges.
    const query = { meter, fromMs, toMs: toMs + 1, withNeighbours: true, cursor, limit: READINGS_AT_ONCE };
    const answer = await source.ofMeter(query);
    found.push(...answer.items);
    cursor = answer.next;
  } while (cursor !== null);
  if (until === null) return inOrder(found.map(readingOf));
  const stored = found.filter((reading) => wasStored(reading, until));
  const first = found[0];
  const later = first !== undefined && timeOf(first) < fromMs && !stored.includes(first);
  const before = later ? await lastBefore(source, meter, timeOf(first), until) : [];
  return inOrder([...before, ...stored].map(readingOf));
}

/** Readings that came later may stand between the span and the one that was its neighbour. */
const MOST_LATER = 1_000;

async function lastBefore(
  source: ReadingsSource,
  meter: number,
  beforeMs: EpochMs,
  until: StoredReadings,
): Promise<MeterReading[]> {
  for (let [at, tries] = [beforeMs, 0]; tries < MOST_LATER; tries += 1) {
    const asked = { meter, fromMs: at, toMs: at, withNeighbours: true, cursor: null, limit: 2 };
    const neighbour = (await source.ofMeter(asked)).items.find((reading) => timeOf(reading) < at);
    if (neighbour === undefined) return [];
    if (wasStored(neighbour, until)) return [neighbour];
    at = timeOf(neighbour);
  }
  return [];
}

function wasStored({ journal, position, ordinal }: MeterReading, { journals }: StoredReadings): boolean {
  const last = journals[journal];
  return last !== undefined && (position < last[0] || (position === last[0] && ordinal <= last[1]));
}

function timeOf({ observedAt }: MeterReading): EpochMs {
  return Date.parse(observedAt);
}
