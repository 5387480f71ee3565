// What a bill, or a credit note, says on paper, gathered from the ledger: the same for its PDF, its CSV and the message it is sent with.
import type { Bill } from '../bill/bill-store.ts';
import type { CreditNote } from '../bill/credit-note.ts';
import type { BillLine } from '../bill/lines.ts';
import type { UsageGraph } from './usage-graph.ts';

export type PrintedLine = Omit<BillLine, 'charges'>;

export interface BillDocument {
  readonly bill: Bill;
  readonly lines: readonly PrintedLine[];
  readonly graphs: readonly UsageGraph[];
  /** Hash of the ledger with this bill as its last entry; null for a bill that closed nothing. */
  readonly ledgerHead: string | null;
}

export interface CreditNoteDocument {
  readonly note: CreditNote;
  readonly bill: Bill;
  readonly lines: readonly PrintedLine[];
}

export function titleOf({ category, invoice, id }: Bill): string {
  if (category === 'interim') return `Interim bill ${id}`;
  return invoice === null ? `Bill ${id}` : `Invoice ${invoice.number}`;
}
