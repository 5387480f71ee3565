// Payments in PostgreSQL: each recorded once a request beside its bill, which never changes; corrections are reversals, and states follow in the same transaction.
import type { Database, Queryable } from '../../common/database/database.ts';
import type { Exact } from '../../common/model/exact.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Seal } from '../audit/chain.ts';
import { enterState, lockedBill } from './bill-state.ts';
import { type Bill, findBill } from './bill-store.ts';
import { placesOf } from './invoice.ts';
import { exact, settlementOf, stateAfterPayment } from './settlement.ts';

/** transfer: from or to another bill of the customer; reversal: of a payment that did not come after all. */
export type PaymentKind = 'payment' | 'refund' | 'transfer' | 'reversal';

export interface Payment {
  readonly serial: bigint;
  readonly bill: string;
  readonly customer: string;
  readonly request: string;
  readonly kind: PaymentKind;
  /** Negative where it went back. */
  readonly amount: string;
  readonly currency: string;
  /** The date on which it came, as the bank says. */
  readonly paidOn: string;
  readonly reference: string;
  /** The other bill of a transfer, the serial of the payment that is reversed; null for the others. */
  readonly other: string | null;
  readonly by: string;
  readonly atMs: EpochMs;
}

export interface PaymentRequest {
  readonly bill: string;
  /** Chosen by who asks: asked again under it, the payment that was recorded is the answer. */
  readonly request: string;
  /** Above nothing, in the currency of the bill. */
  readonly amount: string;
  readonly paidOn: string;
  readonly reference: string;
  readonly by: string;
  /** refund: gives back what was paid too much. transfer: pays with what was paid too much for another bill. */
  readonly kind: 'payment' | 'refund' | 'transfer';
  readonly from?: string | undefined;
}

export interface PaymentBookDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly seal: Seal;
}

interface PaymentRow {
  readonly serial: bigint;
  readonly bill: string;
  readonly customer: string;
  readonly request: string;
  readonly kind: PaymentKind;
  readonly amount: string;
  readonly currency: string;
  readonly paid_on: string;
  readonly reference: string;
  readonly other: string | null;
  readonly by_whom: string;
  readonly at_ms: bigint;
}

const PAYMENT = 'select p.*, b.customer from billing.payment p join billing.bill b on b.id = p.bill';

type NewPayment = Omit<Payment, 'serial' | 'customer' | 'currency' | 'atMs'>;

export class PaymentBook {
  readonly #deps: PaymentBookDeps;

  constructor(deps: PaymentBookDeps) {
    this.#deps = deps;
  }

  /** Throws not_found, or payment_refused. */
  record(asked: PaymentRequest): Promise<Payment> {
    return this.#deps.database.transaction(async (connection) => {
      const [bill, source] = await lockBoth(connection, asked.bill, asked.from ?? null);
      const before = await paymentOf(connection, asked.bill, asked.request);
      if (before !== null) return before;
      const amount = amountOf(asked.amount, bill);
      refuseInterim(bill);
      const { kind, from, ...told } = asked;
      if (kind === 'refund') refuseBeyond(bill, amount, settlementOf(bill).overpaid);
      if (kind === 'transfer') {
        if (source === null) throw refused('A transfer names the bill that was overpaid.', { bill: bill.id });
        if (source.id === bill.id || source.customer !== bill.customer || source.currency !== bill.currency)
          throw refused(`${source.id} is not another bill of the same customer and currency.`, { from: source.id });
        refuseBeyond(source, amount, settlementOf(source).overpaid);
        const back = { ...told, bill: source.id, kind, amount: amount.negate().toString(), other: bill.id };
        // Its own request there, so that two transfers of one bill stay two.
        await this.#write(connection, source, { ...back, request: `${bill.id} ${asked.request}` });
      }
      const own = kind === 'refund' ? amount.negate() : amount;
      return this.#write(connection, bill, { ...told, kind, amount: own.toString(), other: from ?? null });
    });
  }

  /** A payment that did not come after all, whole; once. Throws not_found, or payment_refused. */
  reverse(serial: bigint, { reason, by }: { readonly reason: string; readonly by: string }): Promise<Payment> {
    return this.#deps.database.transaction(async (connection) => {
      const { rows } = await connection.query<PaymentRow>(`${PAYMENT} where p.serial = $1`, [serial]);
      const [row] = rows;
      if (row === undefined)
        throw new WeirError('not_found', `There is no payment ${serial}.`, { payment: serial.toString() });
      if (row.kind !== 'payment')
        throw refused(`${serial} is a ${row.kind}: only a payment can be reversed.`, { kind: row.kind });
      const bill = await lockedBill(connection, row.bill);
      const request = `reversal of ${serial}`;
      const before = await paymentOf(connection, bill.id, request);
      if (before !== null) return before;
      return this.#write(connection, bill, {
        bill: bill.id,
        request,
        kind: 'reversal',
        amount: exact(row.amount).negate().toString(),
        paidOn: new Date(this.#deps.clock.now()).toISOString().slice(0, 10),
        reference: reason,
        other: serial.toString(),
        by,
      });
    });
  }

  /** Oldest first. */
  async ofBill(bill: string): Promise<Payment[]> {
    const { rows } = await this.#deps.database.query<PaymentRow>(`${PAYMENT} where p.bill = $1 order by p.serial`, [
      bill,
    ]);
    return rows.map(paymentOfRow);
  }

  /** Of several bills, oldest first. */
  async ofBills(bills: readonly string[]): Promise<Payment[]> {
    if (bills.length === 0) return [];
    const { rows } = await this.#deps.database.query<PaymentRow>(
      `${PAYMENT} where p.bill = any($1) order by p.serial`,
      [bills],
    );
    return rows.map(paymentOfRow);
  }

  /** Newest first; only theirs where customers are named. */
  async find(query: {
    readonly customers: readonly string[] | null;
    readonly customer?: string | undefined;
    readonly before?: bigint | undefined;
    readonly limit: number;
  }): Promise<Payment[]> {
    const { rows } = await this.#deps.database.query<PaymentRow>(
      `${PAYMENT} where ($1::text[] is null or b.customer = any($1)) and ($2::text is null or b.customer = $2)
         and ($3::int8 is null or p.serial < $3) order by p.serial desc limit $4`,
      [query.customers, query.customer ?? null, query.before ?? null, query.limit],
    );
    return rows.map(paymentOfRow);
  }

  async #write(connection: Queryable, bill: Bill, payment: NewPayment): Promise<Payment> {
    const { seal, clock } = this.#deps;
    const atMs = clock.now();
    const { rows } = await connection.query<{ serial: bigint }>(
      `insert into billing.payment (bill, request, kind, amount, currency, paid_on, reference, other, by_whom, at_ms)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning serial`,
      [
        bill.id,
        payment.request,
        payment.kind,
        payment.amount,
        bill.currency,
        payment.paidOn,
        payment.reference,
        payment.other,
        payment.by,
        atMs,
      ],
    );
    const serial = rows[0]?.serial;
    if (serial === undefined) throw new Error('BUG: an insert returned no serial');
    await seal(connection, 'payment', [serial.toString()], atMs);
    await followMoney(connection, seal, bill.id, { by: payment.by, atMs, reversed: payment.kind === 'reversal' });
    return { ...payment, serial, customer: bill.customer, currency: bill.currency, atMs };
  }
}

/** The state that a bill has now that money moved, or a credit note was issued. In the transaction of that. */
export async function followMoney(
  connection: Queryable,
  seal: Seal,
  id: string,
  { by, atMs, reversed = false }: { readonly by: string; readonly atMs: EpochMs; readonly reversed?: boolean },
): Promise<void> {
  const bill = await findBill(connection, id, null);
  const state = bill === null ? null : stateAfterPayment(bill, reversed);
  if (bill !== null && state !== null) await enterState(connection, seal, bill, { bill: id, state, by, atMs });
}

/** In one order, whichever of the two is paid: two transfers do not wait for each other for ever. */
async function lockBoth(connection: Queryable, id: string, from: string | null): Promise<[Bill, Bill | null]> {
  if (from === null || from === id)
    return [await lockedBill(connection, id), from === null ? null : await lockedBill(connection, id)];
  const [first, second] = [id, from].toSorted();
  if (first === undefined || second === undefined) throw new Error('BUG: two bills are two');
  const locked = new Map([
    [first, await lockedBill(connection, first)],
    [second, await lockedBill(connection, second)],
  ]);
  const [bill, source] = [locked.get(id), locked.get(from)];
  if (bill === undefined) throw new Error('BUG: a bill that is locked is gone');
  return [bill, source ?? null];
}

function refuseInterim(bill: Bill): void {
  if (bill.category === 'interim')
    throw refused(`Nobody is asked to pay the interim bill ${bill.id}.`, { bill: bill.id });
}

function amountOf(text: string, { currency, id }: Bill): Exact {
  const amount = exact(text);
  const places = placesOf(currency);
  if (amount.isZero() || amount.isNegative() || amount.round(places, 'half_up').compare(amount) !== 0)
    throw refused(`${text} is no amount of ${currency}: above nothing, with up to ${places} places.`, {
      bill: id,
      amount: text,
    });
  return amount;
}

function refuseBeyond(bill: Bill, amount: Exact, overpaid: string): void {
  if (amount.compare(exact(overpaid)) > 0)
    throw refused(`${bill.id} was overpaid by ${overpaid} ${bill.currency}; ${amount.toString()} is more.`, {
      bill: bill.id,
      overpaid,
    });
}

function refused(message: string, detail: Record<string, unknown>): WeirError {
  return new WeirError('payment_refused', message, detail);
}

async function paymentOf(connection: Queryable, bill: string, request: string): Promise<Payment | null> {
  const { rows } = await connection.query<PaymentRow>(`${PAYMENT} where p.bill = $1 and p.request = $2`, [
    bill,
    request,
  ]);
  return rows[0] === undefined ? null : paymentOfRow(rows[0]);
}

function paymentOfRow({ paid_on: paidOn, by_whom: by, at_ms: at, ...row }: PaymentRow): Payment {
  return { ...row, paidOn, by, atMs: Number(at) };
}
