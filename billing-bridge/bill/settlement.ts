// What of a bill is still to be paid, what was paid too much, and the state that follows. Pure, exact.
import { Exact } from '../../common/model/exact.ts';
import type { Bill, BillState } from './bill-store.ts';
import { placesOf } from './invoice.ts';

export interface Settlement {
  /** With tax, less what credit notes gave back. */
  readonly due: string;
  readonly paid: string;
  /** Never below nothing. */
  readonly open: string;
  /** Paid beyond what was due: the customer's balance. */
  readonly overpaid: string;
}

type Sums = Pick<Bill, 'category' | 'state' | 'currency' | 'total' | 'invoice' | 'paid' | 'credited'>;

/** A bill that somebody marked as settled has nothing open. Nobody is asked to pay an interim one. */
export function settlementOf(bill: Sums): Settlement {
  const places = placesOf(bill.currency);
  const text = (value: Exact): string => value.toFixed(places, 'half_up');
  // Lines may be finer than the currency: what is asked for is what can be paid.
  const due = exact(bill.invoice?.gross ?? bill.total)
    .round(places, 'half_up')
    .subtract(exact(bill.credited));
  const paid = exact(bill.paid);
  const left = due.subtract(paid);
  const nothing = bill.category === 'interim' || bill.state === 'settled' || left.isNegative();
  return {
    due: text(due),
    paid: text(paid),
    open: text(nothing ? Exact.zero : left),
    overpaid: text(left.isNegative() ? left.negate() : Exact.zero),
  };
}

/**
 * The state of a bill after money moved or a credit note was issued: settled once nothing is open, partly paid once something came, and back
 * to sent where all that came was reversed. Null where it stays: a bill that somebody marked as settled is left so.
 */
export function stateAfterPayment(bill: Sums, reversed: boolean): BillState | null {
  if (bill.state === 'settled' && !reversed) return null;
  const { due, open, paid } = settlementOf({ ...bill, state: 'sent' });
  const next = (): BillState => {
    const moved = !exact(paid).isZero();
    // A bill of nothing is not settled by its closing, but by money or a credit note.
    if (exact(open).isZero() && (moved || !exact(bill.credited).isZero() || exact(due).isNegative())) return 'settled';
    if (moved) return 'partiallyPaid';
    return reversed ? 'sent' : bill.state;
  };
  const state = next();
  return state === bill.state ? null : state;
}

export function exact(text: string): Exact {
  const value = Exact.fromText(text);
  if (value === null) throw new Error(`BUG: ${text} is no exact number`);
  return value;
}
