// The messages that a bill and a credit note are sent with: to whom, what they say, and the papers themselves. Pure; who sends them is another matter.
import { billCsv } from './bill-csv.ts';
import { type BillFonts, billPdf, creditNotePdf } from './bill-pdf.ts';
import { type BillDocument, type CreditNoteDocument, titleOf } from './bill-document.ts';

export interface Message {
  /** Null where its buyer has no address: then it goes where somebody says. */
  readonly to: string | null;
  readonly replyTo: string | null;
  readonly subject: string;
  readonly text: string;
  readonly attachments: readonly { readonly name: string; readonly type: string; readonly content: Buffer }[];
}

/** Null where the bill is no invoice. */
export function billMessage(document: BillDocument, fonts: BillFonts): Message | null {
  const { bill, lines } = document;
  const { invoice } = bill;
  if (invoice === null) return null;
  const mark = bill.watermark === null ? '' : `[${oneLine(bill.watermark)}] `;
  const title = titleOf(bill);
  const text = [
    `Dear ${invoice.buyer.name},`,
    '',
    `please find attached ${title} for ${bill.period.name}.`,
    '',
    `  Total:  ${invoice.gross} ${invoice.currency} (${invoice.net} and ${invoice.tax} tax)`,
    `  Due:    ${invoice.dueDate}`,
    ...(invoice.buyer.reference === null ? [] : [`  Your reference: ${invoice.buyer.reference}`]),
    ...(invoice.seller.payment === null ? [] : ['', invoice.seller.payment]),
    '',
    invoice.seller.name,
    ...(bill.watermark === null ? [] : ['', `This is not a real bill: ${bill.watermark}`]),
    '',
  ].join('\n');
  return {
    to: invoice.buyer.email,
    replyTo: invoice.seller.email,
    subject: `${mark}${oneLine(title)} of ${oneLine(invoice.seller.name)}`,
    text,
    attachments: [
      { name: fileName(title), type: 'application/pdf', content: billPdf(document, fonts) },
      {
        name: fileName(title, 'csv'),
        type: 'text/csv; charset=utf-8',
        content: Buffer.from(billCsv(bill, lines), 'utf8'),
      },
    ],
  };
}

/** Null where the bill is no invoice. */
export function creditNoteMessage(document: CreditNoteDocument, fonts: BillFonts): Message | null {
  const { note, bill } = document;
  const { invoice } = bill;
  if (invoice === null) return null;
  const mark = bill.watermark === null ? '' : `[${oneLine(bill.watermark)}] `;
  const title = `Credit note ${note.number}`;
  const text = [
    `Dear ${invoice.buyer.name},`,
    '',
    `please find attached ${title} for ${titleOf(bill)}.`,
    '',
    `  Given back:  ${note.gross} ${note.currency} (${note.net} and ${note.tax} tax)`,
    `  Reason:      ${oneLine(note.reason)}`,
    ...(invoice.buyer.reference === null ? [] : [`  Your reference: ${invoice.buyer.reference}`]),
    '',
    invoice.seller.name,
    ...(bill.watermark === null ? [] : ['', `This is not a real credit note: ${bill.watermark}`]),
    '',
  ].join('\n');
  return {
    to: invoice.buyer.email,
    replyTo: invoice.seller.email,
    subject: `${mark}${oneLine(title)} of ${oneLine(invoice.seller.name)}`,
    text,
    attachments: [{ name: fileName(title), type: 'application/pdf', content: creditNotePdf(document, fonts) }],
  };
}

/** A name that no file system, and no header, reads as anything else. */
export function fileName(title: string, extension = 'pdf'): string {
  return `${title.replaceAll(/[^A-Za-z0-9._-]+/g, '-').slice(0, 100)}.${extension}`;
}

/** A line break in a header would begin another header. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
