// The readings of one meter in a span of time, cut out of the pages: for evidence, and to mediate again.
import { z } from 'zod';
import type { Queryable } from '../../common/database/database.ts';
import { readCursor, writeCursor } from '../../common/http/parameters.ts';
import { INTEGRATION_OF, isGauge } from '../../common/model/meter-class.ts';
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { LayoutRow, MeterReading, MeterReadingsAnswer } from '../../common/wire/reading-page.ts';
import { type MeterPage, type MeterPlaces, nextPages, type PageKey, previousPages } from './meter-pages.ts';
import { USUAL_SPAN_MS } from './page-writer.ts';
import { isPresent, segmentOfRow } from './packed-page.ts';
import { MAX_METER_READINGS, type MeterReadingsQuery } from './readings.ts';

/** The order of readings of a meter: time, then where they came from. */
type ReadingKey = readonly [atMs: EpochMs, journal: number, position: number, ordinal: number];

interface KeyedReading {
  readonly key: ReadingKey;
  readonly reading: MeterReading;
}

const cursorSchema = z.tuple([z.int(), z.int().min(0), z.int().min(0), z.int().min(0)]);
/** How many pages are read at once: where one reading is looked for, and where all are. */
export interface ChunkSizes {
  readonly few: number;
  readonly many: number;
}
const CHUNKS: ChunkSizes = { few: 16, many: 2000 };

/** Throws not_found where there is no such meter. */
export async function readMeter(
  database: Queryable,
  query: MeterReadingsQuery,
  chunks: ChunkSizes = CHUNKS,
): Promise<MeterReadingsAnswer> {
  const places = await findMeter(database, query.meter);
  const after = readCursor(query.cursor ?? undefined, cursorSchema);
  const limit = Math.max(1, Math.min(MAX_METER_READINGS, Math.trunc(query.limit)));
  const { fromMs, toMs, withNeighbours } = query;
  const before = withNeighbours && after === null ? await lastBefore(database, places, fromMs, chunks.few) : null;
  const found = before === null ? [] : [before];
  // The one before the span is no reading of it: a cursor that stands there starts at the span's beginning.
  const start = after !== null && after[0] < fromMs ? null : after;
  const inside = { fromMs, toMs, after: start, count: limit - found.length + 1 };
  found.push(...(await readingsIn(database, places, inside, chunks.many)));
  if (withNeighbours && found.length <= limit)
    found.push(
      ...(await readingsIn(database, places, { fromMs: toMs, toMs: null, after: null, count: 1 }, chunks.few)),
    );
  const kept = found.slice(0, limit);
  const last = kept.at(-1);
  return {
    items: kept.map(({ reading }) => reading),
    next: found.length > limit && last !== undefined ? writeCursor(last.key) : null,
  };
}

/** The device of the meter, and where in its layouts the meter stands. */
async function findMeter(database: Queryable, meter: number): Promise<MeterPlaces> {
  const known = Number.isInteger(meter) && meter >= 1 && meter < 2 ** 31;
  const { rows } = known
    ? await database.query<{ id: number; device: number; is_in: boolean; span_ms: bigint | null }>(
        `select found.id, found.device, is_in, longest.span_ms from (
           select id, device, meter_in = $1 as is_in from inventory.interface where meter_in = $1 or meter_out = $1
           union all
           select -id, device, meter_in = $1 from readings.metered where meter_in = $1 or meter_out = $1) as found
           left join readings.longest_page longest on longest.device = found.device`,
        [meter],
      )
    : { rows: [] };
  const [found] = rows;
  if (found === undefined) throw new WeirError('not_found', `There is no meter ${meter}.`, { meter });
  const { rows: layouts } = await database.query<{ id: number; row: number; rows: number; facts: LayoutRow }>(
    `select id, row, cardinality(interfaces) as rows, rows -> row as facts
       from readings.layout cross join lateral (select array_position(interfaces, $2) - 1 as row) as place
      where device = $1 and $2 = any(interfaces)`,
    [found.device, found.id],
  );
  return {
    meter,
    device: found.device,
    direction: found.is_in ? 'in' : 'out',
    spanMs: Math.max(USUAL_SPAN_MS, Number(found.span_ms ?? 0n)),
    layouts: new Map(layouts.map((layout) => [layout.id, layout])),
  };
}

interface Wanted {
  readonly fromMs: EpochMs;
  /** Half-open; null without end. */
  readonly toMs: EpochMs | null;
  readonly after: ReadingKey | null;
  readonly count: number;
}

/** At most `count` readings in the span after a key, in order. Pages come in the order of their first reading: one is settled when no later page can hold an earlier one. */
async function readingsIn(
  database: Queryable,
  places: MeterPlaces,
  wanted: Wanted,
  chunk: number,
): Promise<KeyedReading[]> {
  const found: KeyedReading[] = [];
  const beginMs = Math.max(wanted.fromMs, wanted.after?.[0] ?? wanted.fromMs);
  let key: PageKey | null = null;
  for (;;) {
    const pages = await nextPages(database, places, { beginMs, toMs: wanted.toMs, after: key, count: chunk });
    for (const page of pages.items) {
      const one = readingOf(places, page);
      if (one === null || one.key[0] < wanted.fromMs || (wanted.toMs !== null && one.key[0] >= wanted.toMs)) continue;
      if (wanted.after === null || compare(one.key, wanted.after) > 0) found.push(one);
    }
    found.sort((a, b) => compare(a.key, b.key));
    key = pages.last;
    const settledMs = key === null ? Number.POSITIVE_INFINITY : key[0];
    const unsettled = found.findIndex((one) => one.key[0] >= settledMs);
    const settled = unsettled === -1 ? found.length : unsettled;
    if (key === null || settled >= wanted.count) return found.slice(0, wanted.count);
  }
}

/** The last reading before a time; null where there is none. */
async function lastBefore(
  database: Queryable,
  places: MeterPlaces,
  beforeMs: EpochMs,
  chunk: number,
): Promise<KeyedReading | null> {
  let best: KeyedReading | null = null;
  let key: PageKey | null = null;
  for (;;) {
    const pages = await previousPages(database, places, { beforeMs, after: key, count: chunk });
    for (const page of pages.items) {
      const one = readingOf(places, page);
      if (one !== null && one.key[0] < beforeMs && (best === null || compare(one.key, best.key) > 0)) best = one;
    }
    key = pages.last;
    if (key === null || (best !== null && best.key[0] > key[0] + places.spanMs)) return best;
  }
}

function readingOf(places: MeterPlaces, page: MeterPage): KeyedReading | null {
  const layout = places.layouts.get(page.layout);
  if (layout === undefined) throw new Error(`BUG: a page of layout ${page.layout} was not asked for`);
  const { row, rows, facts } = layout;
  const bits = { rows, present: page.present };
  if (!isPresent(bits, places.direction, row)) return null;
  const [, atMs, monotonicMs, uptimeTicks] = segmentOfRow(page.segments, page.observedAtMs, row);
  const hasTicks = page.discontinuity !== null && isPresent(bits, 'discontinuity', row);
  const reading: MeterReading = {
    meter: places.meter,
    observedAt: isoTime(atMs),
    value: page.value.readBigUInt64LE().toString(),
    width: facts.width,
    ...(isGauge(facts.class ?? 'octets') ? { integration: INTEGRATION_OF[places.direction] } : {}),
    uptimeTicks,
    discontinuityTicks: hasTicks ? (page.discontinuity?.readUInt32LE() ?? null) : null,
    monotonicMs,
    processId: page.processId,
    intervalMs: page.intervalMs,
    speedBps: facts.speedBps,
    clockSound: page.clockSound,
    agent: page.agent,
    incarnation: page.incarnation,
    sequence: page.sequence,
    batchSha256: page.sha256.toString('hex'),
    journal: page.journalName,
    position: page.position,
    ordinal: page.ordinal,
  };
  return { key: [atMs, page.journal, page.position, page.ordinal], reading };
}

function compare(a: ReadingKey, b: ReadingKey): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2] || a[3] - b[3];
}
