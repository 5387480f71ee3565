// Conservation: for every epoch, the octets of its buckets are its last reading less its first, to the octet; what differs is told.
import type { Queryable } from '../../common/database/database.ts';
import { classOf, isGauge } from '../../common/model/meter-class.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { octetsOf } from './bucket-content.ts';
import { stateOf } from './device-book.ts';
import { type Bucket, bucketOf, lastBucketOf } from './grid.ts';
import type { MeterState } from './meter-state.ts';
import { findMeters } from './usage-queries.ts';
import type { Meter } from './usage.ts';
import { type SummedFrom, sumsOf } from './usage-sums.ts';

export interface ConservationFinding {
  readonly meter: Meter;
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  readonly expected: bigint;
  readonly found: bigint;
}

/** A stretch of one epoch between two known values of the counter. */
interface Stretch {
  readonly fromMs: EpochMs;
  readonly fromValue: bigint;
  readonly toMs: EpochMs;
  readonly toValue: bigint;
}

/** Stretches that share buckets: their octets can only be told together. */
interface Group {
  readonly first: Bucket;
  last: Bucket;
  moved: bigint;
  readonly fromMs: EpochMs;
  toMs: EpochMs;
}

interface EpochRow {
  readonly first_at_ms: bigint;
  readonly first_value: string;
  readonly previous_at_ms: bigint | null;
  readonly previous_value: string | null;
}

const COUNTER32_MODULUS = 2n ** 32n;

/** What every device of these meters remembers, by meter. */
export async function statesOf(connection: Queryable, devices: Iterable<string>): Promise<Map<number, MeterState>> {
  const { rows } = await connection.query<{ device: string; meters: Buffer; dormant: Buffer }>(
    'select device, meters, dormant from usage.device where device = any($1::text[])',
    [[...new Set(devices)]],
  );
  const states = new Map<number, MeterState>();
  for (const row of rows)
    for (const [meter, state] of stateOf(row.device, row.meters, row.dormant).meters) states.set(meter, state);
  return states;
}

/** Call it in a transaction that sees one moment. Whole epochs are cut at the week lines around the span, where the value of the counter is kept. */
export async function conservationOf(
  connection: Queryable,
  bucketMs: DurationMs,
  meters: readonly number[],
  fromMs: EpochMs,
  toMs: EpochMs,
  from: SummedFrom = 'sealed',
): Promise<ConservationFinding[]> {
  const findings: ConservationFinding[] = [];
  // The sums of a gauge have no counter to be held against: only mediating it again proves them (usage-proof.ts).
  const described = (await findMeters(connection, { ids: meters })).filter((meter) => !isGauge(classOf(meter)));
  const states = await statesOf(
    connection,
    described.map((meter) => meter.device),
  );
  const known = await countersOf(connection, meters, fromMs, toMs);
  const groups = described.flatMap((meter) => {
    const state = states.get(meter.id);
    if (state === undefined) return [];
    return groupsOf(stretchesOf(known.get(meter.id), state), bucketMs)
      .filter((group) => group.toMs >= fromMs && group.fromMs < toMs)
      .map((group) => ({ meter, state, group }));
  });
  const sums = await sumsOf(
    connection,
    groups.map(({ meter, group }) => ({ meter: meter.id, from: group.first, to: group.last + 1 })),
    from,
  );
  for (const [place, { meter, state, group }] of groups.entries()) {
    const { found, wraps } = withOpen(sums[place] ?? { octets: 0n, wraps: 0 }, state, group);
    const expected = group.moved + BigInt(wraps) * COUNTER32_MODULUS;
    if (found !== expected) findings.push({ meter, fromMs: group.fromMs, toMs: group.toMs, expected, found });
  }
  return findings;
}

/** What is kept of a counter: where its epochs begin, and its value at the lines around the span. */
interface CounterHistory {
  readonly lines: { readonly atMs: EpochMs; readonly value: bigint }[];
  readonly epochs: EpochRow[];
}

async function countersOf(
  connection: Queryable,
  meters: readonly number[],
  fromMs: EpochMs,
  toMs: EpochMs,
): Promise<Map<number, CounterHistory>> {
  const found = new Map(meters.map((meter): [number, CounterHistory] => [meter, { lines: [], epochs: [] }]));
  const lines = await connection.query<{ meter: number; at_ms: bigint; value: string }>(
    `select line.meter, at_ms, value from unnest($1::int4[]) as wanted (of_meter) cross join lateral (
       select meter, at_ms, value from usage.checkpoint where meter = of_meter
          and at_ms >= coalesce((select max(at_ms) from usage.checkpoint where meter = of_meter and at_ms <= $2), 0)
          and at_ms <= coalesce((select min(at_ms) from usage.checkpoint where meter = of_meter and at_ms >= $3), $4)) line
      order by line.meter, at_ms`,
    [meters, fromMs, toMs, Number.MAX_SAFE_INTEGER],
  );
  for (const row of lines.rows) found.get(row.meter)?.lines.push({ atMs: Number(row.at_ms), value: BigInt(row.value) });
  const epochs = await connection.query<EpochRow & { meter: number }>(
    `select meter, first_at_ms, first_value, previous_at_ms, previous_value from usage.epoch
      where meter = any($1::int4[]) order by meter, first_at_ms`,
    [meters],
  );
  for (const row of epochs.rows) found.get(row.meter)?.epochs.push(row);
  return found;
}

/** All epochs of a meter, cut at the lines around the span. */
function stretchesOf(history: CounterHistory | undefined, state: MeterState): Stretch[] {
  const stretches: Stretch[] = [];
  for (const epoch of epochBegins(history?.epochs ?? [], state)) {
    const inside = (history?.lines ?? []).filter((line) => line.atMs > epoch.fromMs && line.atMs < epoch.toMs);
    const points = [
      { atMs: epoch.fromMs, value: epoch.fromValue },
      ...inside,
      { atMs: epoch.toMs, value: epoch.toValue },
    ];
    for (const [at, point] of points.entries()) {
      const next = points[at + 1];
      if (next === undefined) continue;
      stretches.push({ fromMs: point.atMs, fromValue: point.value, toMs: next.atMs, toValue: next.value });
    }
  }
  return stretches;
}

function epochBegins(rows: readonly EpochRow[], state: MeterState): Stretch[] {
  return rows.map((row, at) => {
    const next = rows[at + 1];
    return {
      fromMs: Number(row.first_at_ms),
      fromValue: BigInt(row.first_value),
      toMs: next === undefined ? state.last.observedAtMs : Number(next.previous_at_ms),
      toValue: next === undefined ? state.last.value : BigInt(next.previous_value ?? 0),
    };
  });
}

function groupsOf(stretches: readonly Stretch[], bucketMs: DurationMs): Group[] {
  const groups: Group[] = [];
  for (const { fromMs, fromValue, toMs, toValue } of stretches) {
    const first = bucketOf(fromMs, bucketMs);
    const last = lastBucketOf(fromMs, toMs, bucketMs);
    const before = groups.at(-1);
    if (before !== undefined && first <= before.last) {
      before.last = Math.max(before.last, last);
      before.moved += toValue - fromValue;
      before.toMs = toMs;
    } else groups.push({ first, last, moved: toValue - fromValue, fromMs, toMs });
  }
  return groups;
}

/** The bucket that is still open has no record yet. */
function withOpen(
  sums: { readonly octets: bigint; readonly wraps: number },
  { open }: MeterState,
  group: Group,
): { found: bigint; wraps: number } {
  const inside = open !== null && open.bucket >= group.first && open.bucket <= group.last;
  return inside
    ? { found: sums.octets + octetsOf(open), wraps: sums.wraps + open.wraps }
    : { found: sums.octets, wraps: sums.wraps };
}
