// The port to what bills look like on paper.
import type { Bill } from '../bill/bill-store.ts';

export interface PrintedDocument {
  readonly type: string;
  /** Of a file, without anything that a header or a file system reads otherwise. */
  readonly name: string;
  readonly content: Buffer;
}

export interface BillDocuments {
  bill(bill: Bill, format: 'pdf' | 'csv'): Promise<PrintedDocument>;
  /** Null where the bill has no such note. */
  creditNote(bill: Bill, number: string): Promise<PrintedDocument | null>;
}
