// Spans of a question out of the tiers: buckets, gaps and runs of state where it is rolled up, raw readings where it is not yet.
import type { DuckDbFile } from './duckdb-file.ts';
import { among, readSpans } from './duckdb-queries.ts';
import { MAX_READINGS, tooMany } from './reading-bounds.ts';
import type { CounterMetric, NumberMetric } from './metrics.ts';
import type { Resource } from './resource-book.ts';
import { type Field, fieldOf } from './roll-up.ts';
import { movedUntil, type Span } from './spans.ts';
import { type SeriesFunction, type Tier, TIERS } from './store.ts';
import { type Section, TIER_MS } from './tier-plan.ts';

/** What of a bucket stands for it, where its mean does not. */
const PLACES: Readonly<Record<SeriesFunction, 'min' | 'max' | 'last' | null>> = {
  rate: null,
  avg: null,
  p95: null,
  p99: null,
  delta: null,
  min: 'min',
  max: 'max',
  last: 'last',
};
const PLACE_COLUMNS = { min: 'least', max: 'most', last: 'last' } as const;

/**
 * By resource, in the order of time; of one of the sections where it is named. Raw spans are cut where buckets stand beside them. Of buckets only
 * what the function asks for is read: their other columns are most of the work.
 */
export async function readTieredSpans(
  file: DuckDbFile,
  metric: CounterMetric | NumberMetric,
  resources: readonly Pick<Resource, 'id' | 'intervalMs'>[],
  sections: readonly Section[],
  wanted: SeriesFunction,
  only?: Section,
): Promise<Map<number, Span[]>> {
  const found = new Map<number, Span[]>();
  if (resources.length === 0) return found;
  const add = (resource: number, span: Span): void => {
    const spans = found.get(resource);
    if (spans === undefined) found.set(resource, [span]);
    else spans.push(span);
  };
  const ids = resources.map((one) => one.id);
  for (const section of only === undefined ? sections : [only]) {
    if (section.tier === 'raw') {
      const raw = await readSpans(file, metric, resources, section.fromMs, section.toMs);
      for (const [resource, spans] of raw)
        for (const span of spans) for (const cut of cutTo(span, section, sections)) add(resource, cut);
    } else await readRolled(file, fieldOf(metric), ids, section, wanted, add);
  }
  if (sections.length > 1 || sections[0]?.tier !== 'raw')
    for (const spans of found.values()) spans.sort((a, b) => a.fromMs - b.fromMs || a.toMs - b.toMs);
  return found;
}

/** What of a raw span is not in the buckets beside its section; a gap is in none, and stands where it ends. */
function cutTo(span: Span, section: Section, sections: readonly Section[]): Span[] {
  const alone = sections.length === 1;
  if (alone) return [span];
  const before = sections.some((one) => one.toMs === section.fromMs);
  const after = sections.some((one) => one.fromMs === section.toMs);
  if (span.value === null && span.delta !== null)
    return after && span.toMs > section.toMs ? [] : before && span.toMs <= section.fromMs ? [] : [span];
  const fromMs = before ? Math.max(span.fromMs, section.fromMs) : span.fromMs;
  const toMs = after ? Math.min(span.toMs, section.toMs) : span.toMs;
  if (toMs <= fromMs) return [];
  if (span.delta === null || (fromMs === span.fromMs && toMs === span.toMs)) return [{ ...span, fromMs, toMs }];
  return [{ ...span, fromMs, toMs, delta: movedUntil(span, span.delta, toMs) - movedUntil(span, span.delta, fromMs) }];
}

async function readRolled(
  file: DuckDbFile,
  field: Field,
  ids: readonly number[],
  section: Section,
  wanted: SeriesFunction,
  add: (resource: number, span: Span) => void,
): Promise<void> {
  const span = { field: field.field, from: BigInt(Math.floor(section.fromMs)), to: BigInt(Math.ceil(section.toMs)) };
  if (field.state) {
    const all = await file.read(
      `select resource, from_ms, to_ms, value from state_run
        where ${among(ids)} and field = $field and to_ms > $from and from_ms < $to and from_ms > $from - 3600001`,
      span,
      MAX_READINGS,
      (row) => {
        const [fromMs, toMs] = [Math.max(Number(row[1]), section.fromMs), Math.min(Number(row[2]), section.toMs)];
        add(Number(row[0]), { fromMs, toMs, value: Number(row[3]), delta: null });
      },
    );
    if (!all) throw tooMany();
    return;
  }
  const lengthMs = TIER_MS[section.tier];
  const place = PLACES[wanted];
  const moves = field.counter && wanted === 'delta';
  const delta = (moved: unknown): bigint | null => (moves ? BigInt(moved as bigint) * BigInt(field.times) : null);
  const all = await file.read(
    `select resource, at_ms, mean, known_ms, ${place === null ? '0' : PLACE_COLUMNS[place]}, ${moves ? 'moved' : '0'} from rollup_${section.tier}
      where ${among(ids)} and field = $field and at_ms > $from - ${lengthMs} and at_ms < $to`,
    span,
    MAX_READINGS,
    (row) => {
      const fromMs = Number(row[1]);
      const value = Number(row[2]) * field.times;
      const knownMs = Number(row[3]);
      const bucket = place === null ? { knownMs } : { knownMs, [place]: Number(row[4]) * field.times };
      add(Number(row[0]), { fromMs, toMs: fromMs + lengthMs, value, delta: delta(row[5]), bucket });
    },
  );
  if (!all) throw tooMany();
  // Nothing but its octets is known of a gap.
  if (!moves) return;
  await file.read(
    `select resource, from_ms, to_ms, moved from rollup_gap
      where ${among(ids)} and field = $field and to_ms > $from and to_ms <= $to`,
    span,
    MAX_READINGS,
    (row) => add(Number(row[0]), { fromMs: Number(row[1]), toMs: Number(row[2]), value: null, delta: delta(row[3]) }),
  );
}

export function coarsestOf(sections: readonly Section[]): Tier {
  return TIERS[Math.max(0, ...sections.map((one) => TIERS.indexOf(one.tier)))] ?? 'raw';
}
