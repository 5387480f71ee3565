// Single facts of the charges: one by its id, the newest that rests on usage, and how many there are.
import type { Queryable } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { CHARGE_COLUMNS, type Charge, type ChargeRow, chargeOf } from './charge-store.ts';

/** Null also where it is of none of the customers; null for them: everybody's. */
export async function chargeById(
  connection: Queryable,
  id: bigint,
  customers: readonly string[] | null,
): Promise<Charge | null> {
  const { rows } = await connection.query<ChargeRow>(
    `select ${CHARGE_COLUMNS} from billing.charge where id = $1 and ($2::text[] is null or customer = any($2))`,
    [id, customers],
  );
  return rows[0] === undefined ? null : chargeOf(rows[0]);
}

/** How far back the newest charge with usage is looked for: behind it may lie years of flat fees. */
const LOOK_BACK = 10_000;

export async function newestChargeWithUsage(connection: Queryable): Promise<Charge | null> {
  const { rows } = await connection.query<ChargeRow>(
    `select ${CHARGE_COLUMNS} from (select * from billing.charge order by id desc limit $1) newest
      where usage_records > 0 order by id desc limit 1`,
    [LOOK_BACK],
  );
  return rows[0] === undefined ? null : chargeOf(rows[0]);
}

export interface BillLineOfCharge {
  readonly bill: string;
  readonly line: number;
  /** False in an interim bill. */
  readonly final: boolean;
}

export async function billLinesOf(connection: Queryable, charge: bigint): Promise<BillLineOfCharge[]> {
  const { rows } = await connection.query<BillLineOfCharge>(
    'select bill, line, final from billing.bill_line_charge where charge = $1 order by final desc, bill, line',
    [charge],
  );
  return [...rows];
}

/** Counts what was added since it counted last: charges are only ever added, and by one run at a time, in the order of their ids. */
export class ChargeCount {
  readonly #connection: Queryable;
  #counted = { untilId: 0n, count: 0n };

  constructor(connection: Queryable) {
    this.#connection = connection;
  }

  async now(): Promise<bigint> {
    const from = this.#counted;
    const { rows } = await this.#connection.query<{ count: bigint; last: bigint }>(
      'select count(*)::int8 as count, coalesce(max(id), $1)::int8 as last from billing.charge where id > $1',
      [from.untilId],
    );
    const added = rows[0] ?? { count: 0n, last: from.untilId };
    const counted = { untilId: added.last, count: from.count + added.count };
    // Two that counted at once from the same place found the same or more.
    if (counted.untilId > this.#counted.untilId) this.#counted = counted;
    return counted.count;
  }
}

/** The beginning of the first window that was ever charged, or null. */
export async function firstWindowMs(connection: Queryable): Promise<EpochMs | null> {
  const { rows } = await connection.query<{ first: bigint | null }>(
    'select min(window_start_ms)::int8 as first from billing.charge',
  );
  const first = rows[0]?.first ?? null;
  return first === null ? null : Number(first);
}
