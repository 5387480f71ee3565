// Sealed usage: the newest records of a meter in blocks of 288 buckets (a day of five minutes), so that a month is read as days and not as single rows.
import type { Database, Queryable } from '../../common/database/database.ts';
import type { DurationMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Bucket } from './grid.ts';

/** Buckets of a block; the records stay, a block is only another way to read them. */
export const BLOCK_BUCKETS = 288;
/** A block that is not final for nearly all meters is sealed once usage has come so far beyond its end. What comes later makes its blocks be sealed anew. */
const HOLD_BUCKETS = 12;
const METERS_AT_ONCE = 500;
/** How long one run seals at most before it ends with the block in hand: a database with years of records must not keep readings waiting. */
const SEAL_MS = 30_000;
const STALE_AT_ONCE = 2_000;
/** Octets of a sealed bucket take six bytes; a block with more in one bucket (7 Tbit/s through five minutes) stays unsealed. */
const MOST_OCTETS = 2n ** 48n - 1n;
/** A block with more is left out only once its bytes are there: until then no octets may be too large for an int8. */
const bytesOf = (column: string): string => `int8send(least(${column}, ${MOST_OCTETS})::int8)`;

const PLAIN =
  'version = 1 and covered_ms = $1::int4 and gap_ms = 0 and lost_ms = 0 and wrapped = 0 and gap = 0 and suspended = 0';
const OTHER = [
  `int2send((bucket % ${BLOCK_BUCKETS})::int2)`,
  ...['version', 'covered_ms', 'gap_ms', 'lost_ms'].map((column) => `int4send(${column})`),
  ...['wrapped', 'gap', 'suspended'].map(bytesOf),
].join(' || ');

/** What a block says of its newest records; $1 is the length of a bucket. */
const CONTENT = `max(serial) as last_serial, count(*)::int4 as records, sum(wraps)::int4 as wraps,
    sum(good + wrapped + gap + suspended) as octets, sum(good + wrapped + gap) as rated,
    case when count(*) < ${BLOCK_BUCKETS} then string_agg(int2send((bucket % ${BLOCK_BUCKETS})::int2), '' order by bucket) end as places,
    string_agg(substring(${bytesOf('good')} from 3), '' order by bucket) as good,
    string_agg(${OTHER}, '' order by bucket) filter (where not (${PLAIN})) as others`;
const COLUMNS = ['last_serial', 'records', 'wraps', 'octets', 'rated', 'places', 'good', 'others'];

/** Seals block $2 of the meters $3. Blocks that are sealed and good stay as they are. */
const SEAL = `
  insert into usage.sealed as held (meter, block, ${COLUMNS.join(', ')})
  select meter, $2::int4, ${CONTENT}
    from (select distinct on (meter, bucket) * from usage.record
           where meter = any((select array_agg(m) from unnest($3::int4[]) as m where not exists (
                   select from usage.sealed s where s.meter = m and s.block = $2 and not s.stale))::int4[])
             and bucket >= $2 * ${BLOCK_BUCKETS} and bucket < ($2 + 1) * ${BLOCK_BUCKETS}
           order by meter, bucket, version desc) newest
   group by meter having greatest(max(good), max(wrapped), max(gap), max(suspended)) <= ${MOST_OCTETS}
  on conflict (meter, block) do update
    set stale = false, ${COLUMNS.map((column) => `${column} = excluded.${column}`).join(', ')}`;

/** Blocks of meter $2 from $3 to $4 that do not say what their records say. */
const WRONG = `
  select s.block, s.octets as found, again.octets as expected
    from usage.sealed s cross join lateral (
      select ${CONTENT} from (select distinct on (bucket) * from usage.record
         where meter = s.meter and bucket >= s.block * ${BLOCK_BUCKETS} and bucket < (s.block + 1) * ${BLOCK_BUCKETS}
         order by bucket, version desc) newest) again
   where s.meter = $2 and s.block between $3 and $4 and not s.stale
     and (${COLUMNS.map((column) => `s.${column}`).join(', ')})
       is distinct from (${COLUMNS.map((column) => `again.${column}`).join(', ')})
   order by s.block`;

export function blockOf(bucket: Bucket): number {
  return Math.floor(bucket / BLOCK_BUCKETS);
}

export interface SealDeps {
  readonly database: Database;
  readonly bucketMs: DurationMs;
  readonly clock: Clock;
  /** Throws lease_lost; called in every transaction. */
  readonly fence: (connection: Queryable) => Promise<void>;
  /** Buckets before it are final for nearly all meters: the end of a period is then rated and billed from a block, not from its records. Absent: not known. */
  readonly finalBefore?: Bucket;
}

/** Seals blocks that ended, and those that were corrected since. Returns how many blocks of the grid were sealed; interrupted anywhere it goes on where it was. */
export async function sealUsage(deps: SealDeps, signal?: AbortSignal): Promise<number> {
  await sealStale(deps);
  let sealed = 0;
  const begunAt = deps.clock.monotonicMs();
  while (signal?.aborted !== true && deps.clock.monotonicMs() - begunAt < SEAL_MS) {
    const block = await nextBlock(deps);
    if (block === null) break;
    await sealBlock(deps, block);
    sealed += 1;
  }
  return sealed;
}

/** The block to be sealed next; it counts as sealed from here on, so that what is written into it meanwhile marks it. Null: none has ended. */
async function nextBlock(deps: SealDeps): Promise<number | null> {
  const { rows } = await deps.database.query<{
    sealing: number | null;
    last_bucket: number | null;
    first: bigint | null;
  }>('select sealing, last_bucket, (select min(first_at_ms) from usage.epoch) as first from usage.mediation');
  const { sealing = null, last_bucket: last = null, first = null } = rows[0] ?? {};
  if (last === null || first === null) return null;
  const next = sealing === null ? blockOf(Math.floor(Number(first) / deps.bucketMs)) : sealing;
  const end = (next + 1) * BLOCK_BUCKETS;
  return end <= (deps.finalBefore ?? 0) || end + HOLD_BUCKETS <= last ? next : null;
}

async function sealBlock(deps: SealDeps, block: number): Promise<void> {
  const { rows } = await deps.database.query<{ id: number }>('select id from usage.meter order by id');
  for (let at = 0; at < rows.length; at += METERS_AT_ONCE)
    await inTurn(deps, async (connection) => {
      await connection.query('update usage.mediation set sealing = $1', [block]);
      const some = rows.slice(at, at + METERS_AT_ONCE).map(({ id }) => id);
      await sealMeters(connection, deps.bucketMs, some, block);
    });
  await inTurn(deps, async (connection) => {
    await connection.query('update usage.mediation set sealing = $1', [block + 1]);
  });
}

async function sealMeters(
  connection: Queryable,
  bucketMs: DurationMs,
  meters: readonly number[],
  block: number,
): Promise<void> {
  await connection.query(SEAL, [bucketMs, block, meters]);
}

async function sealStale(deps: SealDeps): Promise<void> {
  const { rows } = await deps.database.query<{ meter: number; block: number }>(
    'select meter, block from usage.sealed where stale order by block, meter limit $1',
    [STALE_AT_ONCE],
  );
  const byBlock = groupedByBlock(rows);
  for (const [block, meters] of byBlock)
    await inTurn(deps, async (connection) => {
      await sealMeters(connection, deps.bucketMs, meters, block);
      // What cannot be sealed any more is read as records.
      await connection.query('delete from usage.sealed where stale and block = $1 and meter = any($2::int4[])', [
        block,
        meters,
      ]);
    });
}

function groupedByBlock(rows: readonly { readonly meter: number; readonly block: number }[]): Map<number, number[]> {
  const groups = new Map<number, number[]>();
  for (const { meter, block } of rows) {
    const group = groups.get(block);
    if (group === undefined) groups.set(block, [meter]);
    else group.push(meter);
  }
  return groups;
}

/** In turn with the transactions of mediation, which lock the same row: no record comes between looking and sealing. */
async function inTurn(deps: SealDeps, work: (connection: Queryable) => Promise<void>): Promise<void> {
  await deps.database.transaction(async (connection) => {
    await connection.query('select number from usage.mediation for update');
    await work(connection);
    await deps.fence(connection);
  });
}

/** Records are about to be written there: blocks that hold them are no longer what is. Call it in the transaction that writes. */
export async function markStale(
  connection: Queryable,
  touched: readonly { readonly meter: number; readonly bucket: Bucket }[],
): Promise<void> {
  if (touched.length === 0) return;
  const pairs = new Map(touched.map(({ meter, bucket }) => [`${meter} ${blockOf(bucket)}`, { meter, bucket }]));
  const wanted = [...pairs.values()];
  await connection.query(
    `update usage.sealed s set stale = true from unnest($1::int4[], $2::int4[]) as t (meter, block)
      where s.meter = t.meter and s.block = t.block and not s.stale`,
    [wanted.map(({ meter }) => meter), wanted.map(({ bucket }) => blockOf(bucket))],
  );
}

export interface WrongBlock {
  readonly block: number;
  /** Octets as records say, and as the block does: null where there are no records. */
  readonly expected: string | null;
  readonly found: string;
}

/** Holds the blocks of a meter that have a part in buckets [from, to) against their records: what is rated must be what is kept. */
export async function wrongBlocks(
  connection: Queryable,
  bucketMs: DurationMs,
  meter: number,
  from: Bucket,
  to: Bucket,
): Promise<readonly WrongBlock[]> {
  if (to <= from) return [];
  const { rows } = await connection.query<WrongBlock>(WRONG, [bucketMs, meter, blockOf(from), blockOf(to - 1)]);
  return rows;
}
