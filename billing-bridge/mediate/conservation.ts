// Conservation: for every epoch, the octets of its buckets are its last reading less its first, to the octet; what differs is told.
import type { Queryable } from '../../common/database/database.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { octetsOf } from './bucket-content.ts';
import { stateOf } from './device-book.ts';
import { type Bucket, bucketOf, lastBucketOf } from './grid.ts';
import type { MeterState } from './meter-state.ts';
import { findMeters } from './usage-queries.ts';
import type { Meter } from './usage.ts';

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
): Promise<ConservationFinding[]> {
  const findings: ConservationFinding[] = [];
  const described = await findMeters(connection, { ids: meters });
  const states = await statesOf(
    connection,
    described.map((meter) => meter.device),
  );
  for (const meter of described) {
    const state = states.get(meter.id);
    if (state === undefined) continue;
    const stretches = await stretchesOf(connection, state, fromMs, toMs);
    for (const group of groupsOf(stretches, bucketMs)) {
      if (group.toMs < fromMs || group.fromMs >= toMs) continue;
      const { found, wraps } = await sumOf(connection, state, group);
      const expected = group.moved + BigInt(wraps) * COUNTER32_MODULUS;
      if (found !== expected) findings.push({ meter, fromMs: group.fromMs, toMs: group.toMs, expected, found });
    }
  }
  return findings;
}

/** All epochs of a meter, cut at the lines around the span. */
async function stretchesOf(
  connection: Queryable,
  state: MeterState,
  fromMs: EpochMs,
  toMs: EpochMs,
): Promise<Stretch[]> {
  const { rows: lines } = await connection.query<{ at_ms: bigint; value: string }>(
    `select at_ms, value from usage.checkpoint where meter = $1
        and at_ms >= coalesce((select max(at_ms) from usage.checkpoint where meter = $1 and at_ms <= $2), 0)
        and at_ms <= coalesce((select min(at_ms) from usage.checkpoint where meter = $1 and at_ms >= $3), $4)
      order by at_ms`,
    [state.meter, fromMs, toMs, Number.MAX_SAFE_INTEGER],
  );
  const { rows: epochs } = await connection.query<EpochRow>(
    `select first_at_ms, first_value, previous_at_ms, previous_value from usage.epoch where meter = $1 order by first_at_ms`,
    [state.meter],
  );
  const begin = epochBegins(epochs, state);
  const stretches: Stretch[] = [];
  for (const epoch of begin) {
    const inside = lines
      .map((line) => ({ atMs: Number(line.at_ms), value: BigInt(line.value) }))
      .filter((line) => line.atMs > epoch.fromMs && line.atMs < epoch.toMs);
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

async function sumOf(
  connection: Queryable,
  state: MeterState,
  group: Group,
): Promise<{ found: bigint; wraps: number }> {
  const { rows } = await connection.query<{ octets: string | null; wraps: bigint | null }>(
    `select sum(good + wrapped + gap + suspended) as octets, sum(wraps)::int8 as wraps from (
       select distinct on (bucket) good, wrapped, gap, suspended, wraps from usage.record
        where meter = $1 and bucket between $2 and $3 order by bucket, version desc) newest`,
    [state.meter, group.first, group.last],
  );
  let found = BigInt(rows[0]?.octets ?? 0);
  let wraps = Number(rows[0]?.wraps ?? 0n);
  const { open } = state;
  if (open !== null && open.bucket >= group.first && open.bucket <= group.last) {
    found += octetsOf(open);
    wraps += open.wraps;
  }
  return { found, wraps };
}
