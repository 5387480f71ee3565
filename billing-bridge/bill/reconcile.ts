// Proof from the end back: bills against charges, to the last decimal; zero differences is the only good answer.
import type { Queryable } from '../../common/database/database.ts';
import { Exact } from '../../common/model/exact.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { ContractBook } from '../account/contract-book.ts';
import { sumOf } from './lines.ts';

export interface BillDifference {
  readonly kind: 'line_sum' | 'bill_total' | 'charge_never_billed';
  readonly bill: string | null;
  readonly line: number | null;
  readonly charge: string | null;
  readonly expected: string;
  readonly found: string;
}

export interface BillReconciliation {
  readonly bills: number;
  readonly lines: number;
  readonly differences: readonly BillDifference[];
}

interface LineSums {
  readonly bill: string;
  readonly line: number;
  readonly plan: string;
  readonly plan_version: number;
  readonly exact_amount: string;
  readonly billed_before: string;
  readonly amount: string;
}

/** Recomputes each line and total of the closed bills whose period begins in the span, and looks for charges of theirs that no bill holds. */
export async function reconcileBills(
  connection: Queryable,
  book: ContractBook,
  fromMs: EpochMs,
  toMs: EpochMs,
): Promise<BillReconciliation> {
  const bills = await connection.query<{ id: string; total: string }>(
    `select id, total from billing.bill where category = 'normal' and period_start_ms >= $1 and period_start_ms < $2
      order by serial`,
    [fromMs, toMs],
  );
  const differences: BillDifference[] = [];
  let lines = 0;
  for (const bill of bills.rows) {
    const found = await connection.query<LineSums>(
      `select bill, line, plan, plan_version, exact_amount, billed_before, amount from billing.bill_line where bill = $1`,
      [bill.id],
    );
    lines += found.rows.length;
    for (const line of found.rows) differences.push(...(await lineDifferences(connection, book, line)));
    const sum = sumOf(found.rows.map((line) => line.amount));
    if (sum.compare(Exact.parse(bill.total) ?? Exact.zero) !== 0)
      differences.push(difference('bill_total', bill.id, null, null, sum.toString(), bill.total));
  }
  differences.push(...(await unbilled(connection, fromMs, toMs)));
  return { bills: bills.rows.length, lines, differences };
}

/** A line is the rounded sum of what stood when it was made, less what was billed before. */
async function lineDifferences(connection: Queryable, book: ContractBook, line: LineSums): Promise<BillDifference[]> {
  const plan = book.plans.find((one) => one.id === line.plan && one.version === line.plan_version);
  const { rows } = await connection.query<{ amount: string }>(
    `select c.amount from billing.bill_line_charge h join billing.charge c on c.id = h.charge
      where h.bill = $1 and h.line = $2`,
    [line.bill, line.line],
  );
  const found: BillDifference[] = [];
  const exact = Exact.fromText(line.exact_amount) ?? Exact.zero;
  const before = Exact.fromText(line.billed_before) ?? Exact.zero;
  // The first line of a group holds all its charges; an adjustment holds only those that changed.
  if (before.isZero()) {
    const sum = sumOf(rows.map((row) => row.amount));
    if (sum.compare(exact) !== 0)
      found.push(difference('line_sum', line.bill, line.line, null, sum.toString(), line.exact_amount));
  }
  if (plan !== undefined) {
    const amount = exact.round(plan.rounding.places, plan.rounding.mode).subtract(before);
    if (amount.compare(Exact.parse(line.amount) ?? Exact.zero) !== 0)
      found.push(difference('line_sum', line.bill, line.line, null, amount.toString(), line.amount));
  }
  return found;
}

/** A charge that stands in a closed period and in no bill is due as an adjustment: it is told, because the next bill must take it. */
async function unbilled(connection: Queryable, fromMs: EpochMs, toMs: EpochMs): Promise<BillDifference[]> {
  const { rows } = await connection.query<{ id: bigint; amount: string; bill: string }>(
    `select c.id, c.amount, b.id as bill from billing.charge c
       join billing.bill b on b.customer = c.customer and b.category = 'normal'
        and c.window_start_ms >= b.period_start_ms and c.window_start_ms < b.period_end_ms
      where b.period_start_ms >= $1 and b.period_start_ms < $2
        and not exists (select 1 from billing.bill_line_charge h where h.charge = c.id and h.final)
        and not exists (select 1 from billing.charge later where later.service = c.service and later.item = c.item
          and later.window_start_ms = c.window_start_ms and later.version > c.version)
      order by c.id limit 10000`,
    [fromMs, toMs],
  );
  return rows.map((row) => difference('charge_never_billed', row.bill, null, row.id.toString(), row.amount, '0'));
}

function difference(
  kind: BillDifference['kind'],
  bill: string | null,
  line: number | null,
  charge: string | null,
  expected: string,
  found: string,
): BillDifference {
  return { kind, bill, line, charge, expected, found };
}
