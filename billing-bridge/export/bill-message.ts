// The message that a bill is sent with: to whom, what it says, and the bill as a PDF. Pure; who sends it is another matter.
import { type BillFonts, billPdf } from './bill-pdf.ts';
import { type BillDocument, titleOf } from './bill-document.ts';

export interface Message {
  /** The same for one bill however often it is sent, so that a repeat is known as one. */
  readonly id: string;
  readonly to: string;
  readonly replyTo: string | null;
  readonly subject: string;
  readonly text: string;
  readonly attachments: readonly { readonly name: string; readonly type: string; readonly content: Buffer }[];
}

/** Null where the bill is no invoice, or its buyer has no address to send to. */
export function billMessage(document: BillDocument, fonts: BillFonts): Message | null {
  const { bill } = document;
  const { invoice } = bill;
  if (invoice === null || invoice.buyer.email === null) return null;
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
    id: `bill-${bill.id}`,
    to: invoice.buyer.email,
    replyTo: invoice.seller.email,
    subject: `${mark}${oneLine(title)} of ${oneLine(invoice.seller.name)}`,
    text,
    attachments: [{ name: fileName(title), type: 'application/pdf', content: billPdf(document, fonts) }],
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
