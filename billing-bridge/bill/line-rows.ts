// The lines of a bill as rows, with the charges behind them: a few statements a bill, however many lines it has.
import type { Queryable } from '../../common/database/database.ts';
import type { BillLine } from './lines.ts';

/** Of one statement. */
const LINES_AT_ONCE = 500;
const CHARGES_AT_ONCE = 10_000;

/** `final`: of a bill that closes, which holds only charges that no other bill does. */
export async function insertBillLines(
  connection: Queryable,
  bill: string,
  lines: readonly BillLine[],
  { final, unbilled }: { readonly final: boolean; readonly unbilled: ReadonlySet<bigint> },
): Promise<void> {
  for (let at = 0; at < lines.length; at += LINES_AT_ONCE)
    await insertLines(connection, bill, lines.slice(at, at + LINES_AT_ONCE), final);
  const held = lines.flatMap(({ line, charges }) =>
    charges.filter((charge) => !final || unbilled.has(charge)).map((charge) => ({ line, charge })),
  );
  for (let at = 0; at < held.length; at += CHARGES_AT_ONCE)
    await insertLineCharges(connection, bill, held.slice(at, at + CHARGES_AT_ONCE), final);
}

async function insertLines(
  connection: Queryable,
  bill: string,
  lines: readonly BillLine[],
  final: boolean,
): Promise<void> {
  const column = <T>(of: (line: BillLine) => T): T[] => lines.map(of);
  await connection.query(
    `insert into billing.bill_line (bill, final, line, kind, service, item, item_name, plan, plan_version, period, period_start_ms,
       period_end_ms, quantity, unit, exact_amount, billed_before, amount, working)
     select $1, $2, * from unnest($3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::int[], $10::text[],
       $11::int8[], $12::int8[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[], $18::jsonb[])`,
    [
      bill,
      final,
      column((one) => one.line),
      column((one) => one.kind),
      column((one) => one.service),
      column((one) => one.item),
      column((one) => one.itemName),
      column((one) => one.plan),
      column((one) => one.planVersion),
      column((one) => one.period.name),
      column((one) => one.period.startMs),
      column((one) => one.period.endMs),
      column((one) => one.quantity),
      column((one) => one.unit),
      column((one) => one.exactAmount),
      column((one) => one.billedBefore),
      column((one) => one.amount),
      column((one) => JSON.stringify(one.working)),
    ],
  );
}

async function insertLineCharges(
  connection: Queryable,
  bill: string,
  held: readonly { readonly line: number; readonly charge: bigint }[],
  final: boolean,
): Promise<void> {
  await connection.query(
    `insert into billing.bill_line_charge (bill, line, charge, final)
     select $1, line, charge, $4 from unnest($2::int[], $3::int8[]) as held (line, charge)`,
    [bill, held.map(({ line }) => line), held.map(({ charge }) => charge), final],
  );
}
