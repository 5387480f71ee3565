// What bill runs found and did, as they wrote it down: read in pages for people.
import type { Queryable } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';

export interface BillRunEntry {
  readonly id: bigint;
  readonly period: string;
  readonly account: string | null;
  readonly interim: boolean;
  readonly accepted: readonly string[];
  readonly by: string;
  readonly atMs: EpochMs;
  /** A BillRunResult, as it was then. */
  readonly result: unknown;
}

interface BillRunRow {
  readonly id: bigint;
  readonly period: string;
  readonly account: string | null;
  readonly interim: boolean;
  readonly accepted: readonly string[];
  readonly by_whom: string;
  readonly at_ms: bigint;
  readonly result: unknown;
}

/** Newest first; `beforeId` null begins with the newest. */
export async function findBillRuns(
  connection: Queryable,
  query: { readonly beforeId: bigint | null; readonly limit: number },
): Promise<BillRunEntry[]> {
  const { rows } = await connection.query<BillRunRow>(
    `select id, period, account, interim, accepted, by_whom, at_ms, result from billing.bill_run
      where $1::int8 is null or id < $1 order by id desc limit $2`,
    [query.beforeId, query.limit],
  );
  return rows.map(({ by_whom: by, at_ms: at, ...row }) => ({ ...row, by, atMs: Number(at) }));
}
