// Invoices in PostgreSQL: written with their bill, in its transaction, and never changed.
import type { Queryable } from '../../common/database/database.ts';
import type { Invoice, InvoiceBuyer, InvoiceDraft, Seller } from './invoice.ts';
import type { LegalEntity } from './legal-entity.ts';
import { takeNumber } from './number-series.ts';
import type { TaxGroup } from './tax.ts';

export interface InvoiceRow {
  readonly number: string;
  readonly issue_date: string;
  readonly due_date: string;
  readonly seller: Seller;
  readonly buyer: InvoiceBuyer;
  readonly invoice_currency: string;
  readonly net: string;
  readonly tax: string;
  readonly gross: string;
  readonly taxes: readonly TaxGroup[];
}

/** For a query that joins billing.invoice as `i`. */
export const INVOICE_COLUMNS = `i.number, i.issue_date, i.due_date, i.seller, i.buyer, i.currency as invoice_currency, i.net, i.tax,
  i.gross, i.taxes`;

/** Gives the bill its number. Call it before anything else of the transaction is locked that others wait for. */
export async function insertInvoice(
  connection: Queryable,
  bill: string,
  seller: LegalEntity,
  draft: InvoiceDraft,
): Promise<string> {
  const taken = await takeNumber(connection, seller.id, seller.billNumbers, draft.issueDate);
  await connection.query(
    `insert into billing.invoice (bill, legal_entity, series, sequence, number, issue_date, due_date, seller, buyer, currency,
       net, tax, gross, taxes) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
    [
      bill,
      seller.id,
      taken.series,
      taken.sequence,
      taken.number,
      draft.issueDate,
      draft.dueDate,
      JSON.stringify(draft.seller),
      JSON.stringify(draft.buyer),
      draft.currency,
      draft.net,
      draft.tax,
      draft.gross,
      JSON.stringify(draft.taxes),
    ],
  );
  return taken.number;
}

/** Null for a bill that has none: an interim one, or one of before there were invoices. */
export function invoiceOf(row: Omit<InvoiceRow, 'number'> & { readonly number: string | null }): Invoice | null {
  if (row.number === null) return null;
  return {
    number: row.number,
    issueDate: row.issue_date,
    dueDate: row.due_date,
    seller: row.seller,
    buyer: row.buyer,
    currency: row.invoice_currency,
    net: row.net,
    tax: row.tax,
    gross: row.gross,
    taxes: row.taxes,
  };
}
