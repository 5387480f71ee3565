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
  readonly line: number;
  readonly plan: string;
  readonly plan_version: number;
  readonly exact_amount: string;
  readonly billed_before: string;
  readonly amount: string;
  /** Amounts of lines of earlier bills for the same group. */
  readonly before: readonly string[];
  /** Amounts of the charges that stood when the bill was made: of each window the newest that this bill or one before it holds. */
  readonly standing: readonly string[];
}

const SAME_GROUP = `other.final and other.service = l.service and other.item = l.item and other.plan = l.plan
  and other.plan_version = l.plan_version and other.period_start_ms = l.period_start_ms`;
const LINES = `select l.line, l.plan, l.plan_version, l.exact_amount, l.billed_before, l.amount,
    array(select other.amount from billing.bill_line other join billing.bill b on b.id = other.bill
      where ${SAME_GROUP} and b.serial < $2) as before,
    array(select distinct on (c.window_start_ms) c.amount from billing.bill_line other
      join billing.bill b on b.id = other.bill
      join billing.bill_line_charge h on h.bill = other.bill and h.line = other.line and h.final
      join billing.charge c on c.id = h.charge
      where ${SAME_GROUP} and b.serial <= $2 and not exists (
        select 1 from billing.bill_line_charge later_h join billing.bill later_b on later_b.id = later_h.bill
          join billing.charge later on later.id = later_h.charge
        where later_h.final and later_b.serial <= $2 and later.service = c.service and later.item = c.item
          and later.window_start_ms = c.window_start_ms and later.version > c.version)
      order by c.window_start_ms, c.version desc) as standing
  from billing.bill_line l where l.bill = $1 order by l.line`;

/** Recomputes each line and total of the closed bills whose period begins in the span, and looks for charges of theirs that no bill holds. */
export async function reconcileBills(
  connection: Queryable,
  book: ContractBook,
  fromMs: EpochMs,
  toMs: EpochMs,
): Promise<BillReconciliation> {
  const bills = await connection.query<{ id: string; serial: bigint; total: string }>(
    `select id, serial, total from billing.bill where category = 'normal' and period_start_ms >= $1 and period_start_ms < $2
      order by serial`,
    [fromMs, toMs],
  );
  const differences: BillDifference[] = [];
  let lines = 0;
  for (const bill of bills.rows) {
    const found = await connection.query<LineSums>(LINES, [bill.id, bill.serial]);
    lines += found.rows.length;
    for (const line of found.rows) differences.push(...lineDifferences(book, bill.id, line));
    const sum = sumOf(found.rows.map((line) => line.amount).filter((amount) => Exact.parse(amount) !== null));
    if (differs(sum, bill.total))
      differences.push(difference('bill_total', bill.id, null, null, sum.toString(), bill.total));
  }
  differences.push(...(await unbilled(connection, fromMs, toMs)));
  return { bills: bills.rows.length, lines, differences };
}

/** A line is the rounded sum of what stood when it was made, less what was billed before. */
function lineDifferences(book: ContractBook, bill: string, line: LineSums): BillDifference[] {
  const found: BillDifference[] = [];
  const tell = (expected: string, is: string): void =>
    void found.push(difference('line_sum', bill, line.line, null, expected, is));
  const sum = sumOf(line.standing);
  if (differs(sum, line.exact_amount)) tell(sum.toString(), line.exact_amount);
  const before = sumOf(line.before);
  if (differs(before, line.billed_before)) tell(before.toString(), line.billed_before);
  const plan = book.plans.find((one) => one.id === line.plan && one.version === line.plan_version);
  if (plan === undefined) {
    tell(`a version of plan ${line.plan}`, String(line.plan_version));
    return found;
  }
  const amount = sum.round(plan.rounding.places, plan.rounding.mode).subtract(before);
  if (differs(amount, line.amount)) tell(amount.toString(), line.amount);
  return found;
}

/** A text that is no number differs from every number. */
function differs(expected: Exact, text: string): boolean {
  const found = Exact.fromText(text);
  return found === null || found.compare(expected) !== 0;
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
