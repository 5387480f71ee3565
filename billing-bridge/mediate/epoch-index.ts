// In which epoch a reading lies: an epoch is named by the time of its first reading, so that late readings rename nothing.
import type { Queryable } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';

export class EpochIndex {
  readonly #firsts = new Map<number, EpochMs[]>();

  /** Epochs of these meters that hold a time in [from, to]. */
  static async read(connection: Queryable, meters: readonly number[], from: EpochMs, to: EpochMs): Promise<EpochIndex> {
    const index = new EpochIndex();
    if (meters.length === 0) return index;
    const { rows } = await connection.query<{ meter: number; first_at_ms: bigint }>(
      `select e.meter, e.first_at_ms from unnest($1::int4[]) as wanted (meter)
         cross join lateral (
           select meter, first_at_ms from usage.epoch where meter = wanted.meter and first_at_ms > $2 and first_at_ms <= $3
           union all
           (select meter, first_at_ms from usage.epoch where meter = wanted.meter and first_at_ms <= $2
             order by first_at_ms desc limit 1)) e
        order by e.meter, e.first_at_ms`,
      [meters, from, to],
    );
    for (const row of rows) {
      const known = index.#firsts.get(row.meter);
      if (known === undefined) index.#firsts.set(row.meter, [Number(row.first_at_ms)]);
      else known.push(Number(row.first_at_ms));
    }
    return index;
  }

  /** The time at which the epoch of a reading began; 0 where no epoch holds it. */
  epochAt(meter: number, at: EpochMs): bigint {
    const firsts = this.#firsts.get(meter) ?? [];
    let low = 0;
    let high = firsts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((firsts[middle] ?? 0) <= at) low = middle + 1;
      else high = middle;
    }
    return BigInt(firsts[low - 1] ?? 0);
  }
}
