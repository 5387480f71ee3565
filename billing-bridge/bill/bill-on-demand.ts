// Bills that somebody asked for outside the cycle (TMF678): each request with the interim bill it led to.
import type { Queryable } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';

export interface BillOnDemand {
  readonly serial: bigint;
  readonly customer: string;
  readonly name: string | null;
  readonly description: string | null;
  /** Null where there was nothing to bill. */
  readonly bill: string | null;
  readonly by: string;
  readonly atMs: EpochMs;
}

interface OnDemandRow {
  readonly serial: bigint;
  readonly customer: string;
  readonly name: string | null;
  readonly description: string | null;
  readonly bill: string | null;
  readonly by_whom: string;
  readonly at_ms: bigint;
}

export async function insertOnDemand(
  connection: Queryable,
  asked: Omit<BillOnDemand, 'serial'>,
): Promise<BillOnDemand> {
  const { rows } = await connection.query<OnDemandRow>(
    `insert into billing.bill_on_demand (customer, name, description, bill, by_whom, at_ms) values ($1, $2, $3, $4, $5, $6)
     returning *`,
    [asked.customer, asked.name, asked.description, asked.bill, asked.by, asked.atMs],
  );
  if (rows[0] === undefined) throw new Error('BUG: an insert returned no row');
  return onDemandOf(rows[0]);
}

/** Newest first; only theirs where customers are named. */
export async function findOnDemand(
  connection: Queryable,
  query: {
    readonly customers: readonly string[] | null;
    readonly serial?: bigint;
    readonly before?: bigint;
    readonly limit: number;
  },
): Promise<BillOnDemand[]> {
  const { rows } = await connection.query<OnDemandRow>(
    `select * from billing.bill_on_demand where ($1::text[] is null or customer = any($1)) and ($2::int8 is null or serial = $2)
       and ($3::int8 is null or serial < $3) order by serial desc limit $4`,
    [query.customers, query.serial ?? null, query.before ?? null, query.limit],
  );
  return rows.map(onDemandOf);
}

function onDemandOf({ by_whom: by, at_ms: at, ...row }: OnDemandRow): BillOnDemand {
  return { ...row, by, atMs: Number(at) };
}
