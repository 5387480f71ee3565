// Lays the five-minute buckets of a day that has ended in the order of resources, so that a question about one interface passes over most blocks.
import type { EpochMs } from '../../common/model/time.ts';
import type { Breather } from '../../common/runtime/breather.ts';
import type { DuckDbFile } from './duckdb-file.ts';
import { DAY_MS } from './roll-up.ts';

/** Resources of one transaction: the log of what is deleted, and the memory for sorting, rest on it. */
const SLICE = 100;
const MAX_RESOURCES = 5_000_000;

/** Slice by slice, each in a transaction: the same buckets elsewhere, so that a crash between two of them changes nothing. */
export async function orderDay(file: DuckDbFile, dayMs: EpochMs, breather: Breather): Promise<void> {
  const ids: number[] = [];
  const span = { from: BigInt(dayMs), to: BigInt(dayMs + DAY_MS) };
  await file.read(
    'select distinct resource from rollup_5m where at_ms >= $from and at_ms < $to order by resource',
    span,
    MAX_RESOURCES,
    (row) => ids.push(Number(row[0])),
  );
  for (let first = 0; first < ids.length; first += SLICE) {
    const [from = 0, to = 0] = [ids[first], ids[Math.min(ids.length, first + SLICE) - 1]];
    const buckets = `from rollup_5m where at_ms >= $from and at_ms < $to and resource between ${from} and ${to}`;
    await file.beside(async (connection) => {
      await connection.run(
        `create or replace temp table ordered_buckets as select * ${buckets} order by resource, field, at_ms`,
        span,
      );
      await connection.run(`delete ${buckets}`, span);
      await connection.run('insert into rollup_5m select * from ordered_buckets');
      await connection.run('drop table ordered_buckets');
    });
    await breather.breathe();
  }
}
