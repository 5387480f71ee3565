// Bills in PostgreSQL: written once in one transaction, read whole or in pages.
import type { Queryable } from '../../common/database/database.ts';
import type { BillingCycle, Period } from '../../common/model/period.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { Gate } from './gates.ts';
import type { Invoice } from './invoice.ts';
import { INVOICE_COLUMNS, invoiceOf, type InvoiceRow } from './invoice-store.ts';
import type { BillLine } from './lines.ts';
import { insertBillLines } from './line-rows.ts';
import { type Settlement, settlementOf } from './settlement.ts';

/** Bill states of TMF678. */
export type BillState = 'new' | 'onHold' | 'validated' | 'sent' | 'partiallyPaid' | 'settled';
export type BillCategory = 'normal' | 'interim';

export interface Bill {
  readonly serial: bigint;
  readonly id: string;
  readonly customer: string;
  readonly customerName: string;
  readonly period: Period;
  readonly category: BillCategory;
  readonly state: BillState;
  /** Since when it is in its state. */
  readonly stateAtMs: EpochMs;
  readonly currency: string;
  readonly total: string;
  readonly watermark: string | null;
  readonly gates: readonly Gate[];
  readonly issuedAtMs: EpochMs;
  /** Null where it has no number: an interim bill, or a customer without a legal entity. */
  readonly invoice: Invoice | null;
  /** The hash of the ledger with this bill as its last entry. */
  readonly ledgerHead: { readonly position: string; readonly hash: string } | null;
  /** What came in for it, and what credit notes gave back: exact sums. */
  readonly paid: string;
  readonly credited: string;
  /** What follows from them: what is open, what was overpaid. */
  readonly settlement: Settlement;
}

export type NewBill = Omit<
  Bill,
  'serial' | 'state' | 'stateAtMs' | 'invoice' | 'ledgerHead' | 'paid' | 'credited' | 'settlement'
>;

interface BillRow extends Omit<InvoiceRow, 'number'> {
  readonly number: string | null;
  readonly ledger_head: Bill['ledgerHead'];
  readonly paid: string;
  readonly credited: string;
  readonly serial: bigint;
  readonly id: string;
  readonly customer: string;
  readonly customer_name: string;
  readonly period: string;
  readonly cycle: BillingCycle;
  readonly zone: string;
  readonly period_start_ms: bigint;
  readonly period_end_ms: bigint;
  readonly category: BillCategory;
  readonly state: BillState | null;
  readonly state_at_ms: bigint | null;
  readonly currency: string;
  readonly total: string;
  readonly watermark: string | null;
  readonly gates: readonly Gate[];
  readonly issued_at_ms: bigint;
}

interface LineRow {
  readonly bill: string;
  readonly line: number;
  readonly kind: BillLine['kind'];
  readonly service: string;
  readonly item: string;
  readonly item_name: string;
  readonly plan: string;
  readonly plan_version: number;
  readonly period: string;
  readonly period_start_ms: bigint;
  readonly period_end_ms: bigint;
  readonly quantity: string;
  readonly unit: string;
  readonly exact_amount: string;
  readonly billed_before: string;
  readonly amount: string;
  readonly working: unknown;
}

const BILL = `select b.serial, b.id, b.customer, b.customer_name, b.period, b.cycle, b.zone, b.period_start_ms, b.period_end_ms,
  b.category, b.currency, b.total, b.watermark, b.gates, b.issued_at_ms,
  (select s.state from billing.bill_state s where s.bill = b.id order by s.id desc limit 1) as state,
  (select max(s.at_ms) from billing.bill_state s where s.bill = b.id) as state_at_ms,
  (select jsonb_build_object('position', c.position::text, 'hash', encode(c.hash, 'hex')) from billing.chain c
    where c.kind = 'bill' and c.keys[1] = b.id limit 1) as ledger_head,
  (select coalesce(sum(p.amount::numeric), 0)::text from billing.payment p where p.bill = b.id) as paid,
  (select coalesce(sum(n.gross::numeric), 0)::text from billing.credit_note n where n.bill = b.id) as credited,
  ${INVOICE_COLUMNS} from billing.bill b left join billing.invoice i on i.bill = b.id`;

/** Writes a bill with its lines, the charges behind them and its first state, whose id is the answer. The unique index lets only one normal bill of a period in. */
export async function insertBill(
  connection: Queryable,
  bill: NewBill,
  lines: readonly BillLine[],
  unbilled: ReadonlySet<bigint>,
  by: string,
): Promise<bigint> {
  const { period } = bill;
  const final = bill.category === 'normal';
  await connection.query(
    `insert into billing.bill (id, customer, customer_name, period, cycle, zone, period_start_ms, period_end_ms, category, currency,
       total, watermark, gates, issued_at_ms) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
    [
      bill.id,
      bill.customer,
      bill.customerName,
      period.name,
      period.cycle,
      period.zone,
      period.startMs,
      period.endMs,
      bill.category,
      bill.currency,
      bill.total,
      bill.watermark,
      JSON.stringify(bill.gates),
      bill.issuedAtMs,
    ],
  );
  await insertBillLines(connection, bill.id, lines, { final, unbilled });
  return addState(connection, bill.id, final ? 'validated' : 'new', bill.issuedAtMs, by);
}

export async function addState(
  connection: Queryable,
  bill: string,
  state: BillState,
  atMs: EpochMs,
  by: string,
): Promise<bigint> {
  const { rows } = await connection.query<{ id: bigint }>(
    'insert into billing.bill_state (bill, state, at_ms, by_whom) values ($1, $2, $3, $4) returning id',
    [bill, state, atMs, by],
  );
  const id = rows[0]?.id;
  if (id === undefined) throw new Error('BUG: an insert returned no id');
  return id;
}

export interface BillQuery {
  /** Only theirs, as a scope names them; null: everybody's. */
  readonly customers: readonly string[] | null;
  readonly customer?: string | undefined;
  readonly period?: string | undefined;
  readonly category?: BillCategory | undefined;
  readonly beforeSerial?: bigint | undefined;
  readonly limit: number;
}

/** Newest first. */
export async function findBills(connection: Queryable, query: BillQuery): Promise<Bill[]> {
  const { rows } = await connection.query<BillRow>(
    `${BILL} where ($1::text is null or b.customer = $1) and ($2::text is null or b.period = $2)
       and ($3::text is null or b.category = $3) and ($4::int8 is null or b.serial < $4)
       and ($6::text[] is null or b.customer = any($6)) order by b.serial desc limit $5`,
    [
      query.customer ?? null,
      query.period ?? null,
      query.category ?? null,
      query.beforeSerial ?? null,
      query.limit,
      query.customers,
    ],
  );
  return rows.map(billOf);
}

/** Null also where it is of none of the customers; null for them: everybody's. */
export async function findBill(
  connection: Queryable,
  id: string,
  customers: readonly string[] | null,
): Promise<Bill | null> {
  const { rows } = await connection.query<BillRow>(
    `${BILL} where b.id = $1 and ($2::text[] is null or b.customer = any($2))`,
    [id, customers],
  );
  return rows[0] === undefined ? null : billOf(rows[0]);
}

/** The id of the newest bill with that invoice number. */
export async function billOfNumber(connection: Queryable, number: string): Promise<string | null> {
  const { rows } = await connection.query<{ bill: string }>(
    'select i.bill from billing.invoice i join billing.bill b on b.id = i.bill where i.number = $1 order by b.serial desc limit 1',
    [number],
  );
  return rows[0]?.bill ?? null;
}

/** Of these charges those that stand on a bill for good. */
export async function billedCharges(connection: Queryable, charges: readonly bigint[]): Promise<Set<bigint>> {
  const { rows } = await connection.query<{ charge: bigint }>(
    'select charge from billing.bill_line_charge where final and charge = any($1::int8[])',
    [charges],
  );
  return new Set(rows.map((row) => row.charge));
}

/** What a bill run says of the closed bill of a period; null where there is none. */
export async function closedBill(
  connection: Queryable,
  customer: string,
  period: Period,
): Promise<Pick<Bill, 'id' | 'total' | 'gates'> | null> {
  const { rows } = await connection.query<Pick<BillRow, 'id' | 'total' | 'gates'>>(
    `select id, total, gates from billing.bill where customer = $1 and period_start_ms = $2 and category = 'normal'`,
    [customer, period.startMs],
  );
  return rows[0] ?? null;
}

/** Lines of a bill in order, without the charges behind them. */
export async function linesOf(connection: Queryable, bill: string): Promise<Omit<BillLine, 'charges'>[]> {
  const { rows } = await connection.query<LineRow & { readonly cycle: BillingCycle; readonly zone: string }>(
    `select l.*, b.cycle, b.zone from billing.bill_line l join billing.bill b on b.id = l.bill where l.bill = $1 order by l.line`,
    [bill],
  );
  return rows.map((row) => ({
    line: row.line,
    kind: row.kind,
    service: row.service,
    item: row.item,
    itemName: row.item_name,
    plan: row.plan,
    planVersion: row.plan_version,
    period: {
      name: row.period,
      cycle: row.cycle,
      zone: row.zone,
      startMs: Number(row.period_start_ms),
      endMs: Number(row.period_end_ms),
    },
    quantity: row.quantity,
    unit: row.unit,
    exactAmount: row.exact_amount,
    billedBefore: row.billed_before,
    amount: row.amount,
    working: row.working,
  }));
}

function billOf(row: BillRow): Bill {
  const bill = {
    serial: row.serial,
    id: row.id,
    customer: row.customer,
    customerName: row.customer_name,
    period: {
      name: row.period,
      cycle: row.cycle,
      zone: row.zone,
      startMs: Number(row.period_start_ms),
      endMs: Number(row.period_end_ms),
    },
    category: row.category,
    state: row.state ?? 'new',
    stateAtMs: Number(row.state_at_ms ?? row.issued_at_ms),
    currency: row.currency,
    total: row.total,
    watermark: row.watermark,
    gates: row.gates,
    issuedAtMs: Number(row.issued_at_ms),
    invoice: invoiceOf(row),
    ledgerHead: row.ledger_head,
    paid: row.paid,
    credited: row.credited,
  };
  return { ...bill, settlement: settlementOf(bill) };
}
