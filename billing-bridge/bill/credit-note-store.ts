// Credit notes in PostgreSQL: issued once for each request, in one transaction with their number; read by bill or by customer.
import type { Database, Queryable } from '../../common/database/database.ts';
import { localDate } from '../../common/model/period.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { Seal } from '../audit/chain.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { findBill, linesOf } from './bill-store.ts';
import { type CreditNote, type CreditRequest, credited, type CreditLine } from './credit-note.ts';
import type { LegalEntity } from './legal-entity.ts';
import { followMoney } from './payment-book.ts';
import { takeNumber } from './number-series.ts';
import type { TaxGroup } from './tax.ts';

export interface CreditNoteRequest extends CreditRequest {
  readonly bill: string;
  /** Chosen by who asks: asked again under it, the note that was made is the answer. */
  readonly request: string;
  readonly reason: string;
  readonly by: string;
  readonly atMs: EpochMs;
}

export interface CreditNoteDeps {
  readonly database: Database;
  readonly legalEntities: ReadonlyMap<string, LegalEntity>;
  readonly seal: Seal;
  /** In the transaction of the note: whoever is to hear of it. */
  readonly announce?: (connection: Queryable, note: CreditNote, email: string | null) => Promise<void>;
}

interface NoteRow {
  readonly serial: bigint;
  readonly number: string;
  readonly bill: string;
  readonly bill_number: string;
  readonly customer: string;
  readonly issue_date: string;
  readonly currency: string;
  readonly reason: string;
  readonly by_whom: string;
  readonly at_ms: bigint;
  readonly net: string;
  readonly tax: string;
  readonly gross: string;
  readonly taxes: readonly TaxGroup[];
  readonly lines: readonly CreditLine[];
}

const NOTE = `select n.serial, n.number, n.bill, i.number as bill_number, b.customer, n.issue_date, i.currency, n.reason, n.by_whom,
  n.at_ms, n.net, n.tax, n.gross, n.taxes, n.lines from billing.credit_note n join billing.invoice i on i.bill = n.bill
  join billing.bill b on b.id = n.bill`;

/** Throws not_found, or credit_refused where the bill is no invoice or more is asked than is left of it. */
export function issueCreditNote(deps: CreditNoteDeps, request: CreditNoteRequest): Promise<CreditNote> {
  return deps.database.transaction(async (connection) => {
    // Notes of one bill wait for each other: together they never give back more than it asked for.
    await connection.query('select from billing.bill where id = $1 for update', [request.bill]);
    const bill = await findBill(connection, request.bill, null);
    if (bill === null) throw new WeirError('not_found', `There is no bill ${request.bill}.`, { bill: request.bill });
    const before = await creditNotesOf(connection, bill.id);
    const made = await noteOf(connection, bill.id, request.request);
    if (made !== null) return made;
    const { invoice } = bill;
    const seller = invoice === null ? undefined : deps.legalEntities.get(invoice.seller.id);
    if (invoice === null || seller === undefined)
      throw new WeirError(
        'credit_refused',
        `The bill ${bill.id} is not an invoice of a legal entity that is configured.`,
        {
          bill: bill.id,
        },
      );
    const lines = await linesOf(connection, bill.id);
    const { lines: own, totals } = credited(invoice, lines, before, request, seller.taxRounding);
    const issueDate = localDate(request.atMs, bill.period.zone);
    const taken = await takeNumber(connection, seller.id, seller.creditNoteNumbers, issueDate);
    await connection.query(
      `insert into billing.credit_note (bill, request, legal_entity, series, sequence, number, issue_date, reason, by_whom, at_ms,
         net, tax, gross, taxes, lines) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
      [
        bill.id,
        request.request,
        seller.id,
        taken.series,
        taken.sequence,
        taken.number,
        issueDate,
        request.reason,
        request.by,
        request.atMs,
        totals.net,
        totals.tax,
        totals.gross,
        JSON.stringify(totals.taxes),
        JSON.stringify(own),
      ],
    );
    const note = await noteOf(connection, bill.id, request.request);
    await deps.seal(connection, 'credit_note', note === null ? [] : [note.serial.toString()], request.atMs);
    if (note === null) throw new Error('BUG: a credit note that was made is not there');
    await followMoney(connection, deps.seal, bill.id, { by: request.by, atMs: request.atMs });
    await deps.announce?.(connection, note, invoice.buyer.email);
    return note;
  });
}

/** Oldest first. */
export async function creditNotesOf(connection: Queryable, bill: string): Promise<CreditNote[]> {
  const { rows } = await connection.query<NoteRow>(`${NOTE} where n.bill = $1 order by n.serial`, [bill]);
  return rows.map(creditNoteOf);
}

/** Of several bills, oldest first. */
export async function creditNotesOfAll(connection: Queryable, bills: readonly string[]): Promise<CreditNote[]> {
  if (bills.length === 0) return [];
  const { rows } = await connection.query<NoteRow>(`${NOTE} where n.bill = any($1) order by n.serial`, [bills]);
  return rows.map(creditNoteOf);
}

export interface CreditNoteQuery {
  /** Only theirs, as a scope names them; null: everybody's. */
  readonly customers: readonly string[] | null;
  readonly customer?: string | undefined;
  readonly beforeSerial?: bigint | undefined;
  readonly limit: number;
}

/** Newest first. */
export async function findCreditNotes(connection: Queryable, query: CreditNoteQuery): Promise<CreditNote[]> {
  const { rows } = await connection.query<NoteRow>(
    `${NOTE} where ($1::text is null or b.customer = $1) and ($2::int8 is null or n.serial < $2)
       and ($3::text[] is null or b.customer = any($3)) order by n.serial desc limit $4`,
    [query.customer ?? null, query.beforeSerial ?? null, query.customers, query.limit],
  );
  return rows.map(creditNoteOf);
}

async function noteOf(connection: Queryable, bill: string, request: string): Promise<CreditNote | null> {
  const { rows } = await connection.query<NoteRow>(`${NOTE} where n.bill = $1 and n.request = $2`, [bill, request]);
  return rows[0] === undefined ? null : creditNoteOf(rows[0]);
}

function creditNoteOf(row: NoteRow): CreditNote {
  return {
    serial: row.serial,
    number: row.number,
    bill: row.bill,
    billNumber: row.bill_number,
    customer: row.customer,
    issueDate: row.issue_date,
    currency: row.currency,
    reason: row.reason,
    by: row.by_whom,
    atMs: Number(row.at_ms),
    lines: row.lines,
    net: row.net,
    tax: row.tax,
    gross: row.gross,
    taxes: row.taxes,
  };
}
