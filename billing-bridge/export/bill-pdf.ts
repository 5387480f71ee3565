// A bill, or a credit note, as a PDF: parties, lines, tax, totals, usage, and the head of the ledger; the same bytes whenever it is asked for.
import { Exact } from '../../common/model/exact.ts';
import { isoTime } from '../../common/model/time.ts';
import type { PostalAddress } from '../bill/legal-entity.ts';
import type { TaxGroup } from '../bill/tax.ts';
import { type BillDocument, type CreditNoteDocument, type PrintedLine, titleOf } from './bill-document.ts';
import { drawGraph } from './graph-page.ts';
import { BOLD, type Column, LEFT, PageWriter, PLAIN, RIGHT } from './page-writer.ts';
import { type Colour, PAGE, PdfDocument } from './pdf-document.ts';
import type { TrueTypeFont } from './true-type.ts';

const GREY: Colour = [0.4, 0.4, 0.4];
const WIDTH = RIGHT - LEFT;
const COLUMNS = {
  line: { x: LEFT, width: 22 },
  text: { x: LEFT + 24, width: 246 },
  quantity: { x: LEFT + 276, width: 110, right: true },
  amount: { x: RIGHT - 92, width: 92, right: true },
} as const satisfies Record<string, Column>;

/** Plain and bold. */
export type BillFonts = readonly [TrueTypeFont, TrueTypeFont];

interface Party {
  readonly name: string;
  readonly address: PostalAddress;
  readonly taxId: string | null;
}

export function billPdf(document: BillDocument, fonts: BillFonts): Buffer {
  const { bill, lines, graphs, ledgerHead } = document;
  const { invoice, period } = bill;
  const title = titleOf(bill);
  const pdf = begin(fonts, title, invoice?.seller.name ?? 'Weir', bill.issuedAtMs);
  const page = new PageWriter(pdf);
  drawHead(
    page,
    title,
    invoice?.seller ?? null,
    invoice?.buyer ?? { name: bill.customerName, address: null, taxId: null },
    [
      ['Date', invoice?.issueDate ?? isoTime(bill.issuedAtMs).slice(0, 10)],
      ['Due', invoice?.dueDate ?? null],
      ['Period', `${period.name} (${period.zone})`],
      ['Bill', bill.id],
      ['Customer', bill.customer],
      ['Your reference', invoice?.buyer.reference ?? null],
      ['Your tax number', invoice?.buyer.taxId ?? null],
    ],
  );
  drawLines(
    page,
    lines.map((line) => ({ line, amount: line.amount })),
    bill.currency,
    period.name,
  );
  drawTotals(
    page,
    invoice ?? { net: bill.total, taxes: [], tax: '', gross: bill.total },
    bill.currency,
    invoice !== null,
  );
  if (invoice?.seller.payment) page.paragraph(invoice.seller.payment, { x: LEFT, width: WIDTH }, PLAIN, 8.5);
  for (const graph of graphs) drawGraph(page, graph);
  if (ledgerHead !== null) {
    page.need(30);
    page.y += 14;
    page.put(`Ledger head: ${ledgerHead}`, { x: LEFT, width: WIDTH }, PLAIN, 6.5, GREY);
  }
  drawFeet(pdf, invoice?.seller ?? null, title, bill.watermark);
  return pdf.bytes();
}

export function creditNotePdf({ note, bill, lines }: CreditNoteDocument, fonts: BillFonts): Buffer {
  const { invoice } = bill;
  if (invoice === null) throw new Error(`BUG: a credit note of ${bill.id}, which is no invoice`);
  const title = `Credit note ${note.number}`;
  const pdf = begin(fonts, title, invoice.seller.name, note.atMs);
  const page = new PageWriter(pdf);
  drawHead(page, title, invoice.seller, invoice.buyer, [
    ['Date', note.issueDate],
    ['Of invoice', `${note.billNumber} of ${invoice.issueDate}`],
    ['Customer', bill.customer],
    ['Your tax number', invoice.buyer.taxId],
    ['Reason', note.reason],
  ]);
  const credited = note.lines.flatMap(({ line, amount }) => {
    const found = lines.find((one) => one.line === line);
    return found === undefined ? [] : [{ line: found, amount }];
  });
  drawLines(page, credited, note.currency, bill.period.name);
  drawTotals(page, note, note.currency, true);
  drawFeet(pdf, invoice.seller, title, bill.watermark);
  return pdf.bytes();
}

function begin(fonts: BillFonts, title: string, author: string, atMs: number): PdfDocument {
  const createdAt = `D:${isoTime(atMs).slice(0, 19).replaceAll(/[-:T]/g, '')}Z`;
  return new PdfDocument(fonts, { title, author, createdAt });
}

function drawHead(
  page: PageWriter,
  title: string,
  seller: Party | null,
  buyer: { readonly name: string; readonly address: PostalAddress | null; readonly taxId: string | null },
  facts: readonly (readonly [string, string | null])[],
): void {
  if (seller !== null) {
    page.put(seller.name, { x: LEFT, width: WIDTH }, BOLD, 11);
    page.y += 13;
    page.put(addressLines(seller.address).join(' · '), { x: LEFT, width: WIDTH }, PLAIN, 7.5, GREY);
    page.y += 34;
  }
  const top = page.y;
  const left: Column = { x: LEFT, width: 230 };
  page.put(buyer.name, left, BOLD, 10);
  for (const text of buyer.address === null ? [] : addressLines(buyer.address)) {
    page.y += 13;
    page.put(text, left, PLAIN, 9.5);
  }
  const below = page.y;
  page.y = top;
  for (const [name, value] of facts) {
    if (value === null) continue;
    page.put(name, { x: 320, width: 80 }, PLAIN, 8.5, GREY);
    page.put(value, { x: 402, width: RIGHT - 402 }, PLAIN, 8.5);
    page.y += 12.5;
  }
  page.y = Math.max(page.y, below) + 36;
  page.put(title, { x: LEFT, width: WIDTH }, BOLD, 15);
  page.y += 24;
}

interface AmountOfLine {
  readonly line: PrintedLine;
  readonly amount: string;
}

function drawLines(page: PageWriter, rows: readonly AmountOfLine[], currency: string, period: string): void {
  const heading = (): void => {
    page.put('Description', COLUMNS.text, BOLD, 8);
    page.put('Quantity', COLUMNS.quantity, BOLD, 8);
    page.put(`Amount ${currency}`, COLUMNS.amount, BOLD, 8);
    page.y += 5;
    page.rule([0.3, 0.3, 0.3]);
    page.y += 12;
  };
  heading();
  page.heading = heading;
  for (const { line, amount } of rows) {
    const about = [line.service, ...(line.period.name === period ? [] : [`of ${line.period.name}`])];
    if (line.kind === 'adjustment') about.push(`correction, ${line.billedBefore} billed before`);
    const name = page.wrapped(line.itemName, COLUMNS.text.width, PLAIN, 9);
    page.need(name.length * 12 + 16);
    page.put(String(line.line), COLUMNS.line, PLAIN, 8, GREY);
    page.put(quantityText(line), COLUMNS.quantity, PLAIN, 9);
    page.put(amount, COLUMNS.amount, PLAIN, 9);
    for (const text of name) {
      page.put(text, COLUMNS.text, PLAIN, 9);
      page.y += 11;
    }
    page.put(about.join(' · '), COLUMNS.text, PLAIN, 7, GREY);
    page.y += 5;
    page.rule();
    page.y += 12;
  }
  page.heading = null;
}

interface Totals {
  readonly net: string;
  readonly tax: string;
  readonly gross: string;
  readonly taxes: readonly TaxGroup[];
}

function drawTotals(page: PageWriter, totals: Totals, currency: string, taxed: boolean): void {
  const row = (name: string, amount: string, font: number): void => {
    page.put(name, { x: LEFT + 180, width: 206, right: true }, font, 9);
    page.put(amount, COLUMNS.amount, font, 9);
    page.y += 14;
  };
  page.need(40 + totals.taxes.length * 14);
  page.y += 4;
  if (taxed) row('Net', totals.net, PLAIN);
  for (const group of totals.taxes)
    row(`Tax ${group.percent} % ${group.country} on ${group.taxable}`, group.tax, PLAIN);
  row(`Total ${currency}`, totals.gross, BOLD);
  page.y += 4;
  for (const note of new Set(totals.taxes.flatMap((group) => group.note ?? [])))
    page.paragraph(`${note}.`.replace(/\.\.$/, '.'), { x: LEFT, width: WIDTH }, PLAIN, 8.5);
  page.y += 6;
}

function drawFeet(
  pdf: PdfDocument,
  seller:
    | (Party & { readonly registration: string | null; readonly email: string | null; readonly phone: string | null })
    | null,
  title: string,
  watermark: string | null,
): void {
  const about = [seller?.name, seller?.registration, seller?.taxId, seller?.email, seller?.phone];
  const pages = pdf.pages;
  for (let at = 0; at < pages; at += 1)
    pdf.onPage(at, () => {
      const number = `${title} · ${at + 1}/${pages}`;
      pdf.text(number, RIGHT - pdf.widthOf(number, PLAIN, 7), PAGE.height - 44, PLAIN, 7, GREY);
      const text = about.filter((one) => one !== null && one !== undefined).join(' · ');
      pdf.text(text.slice(0, 110), LEFT, PAGE.height - 56, PLAIN, 7, GREY);
      if (watermark !== null)
        pdf.text(watermark, RIGHT - pdf.widthOf(watermark, BOLD, 22), 40, BOLD, 22, [0.85, 0.3, 0.3]);
    });
}

export function addressLines(address: PostalAddress): string[] {
  const place = [address.postalCode, address.city].filter((one) => one !== null).join(' ');
  return [...address.lines, place, ...(address.region === null ? [] : [address.region]), countryName(address.country)];
}

function countryName(code: string): string {
  return new Intl.DisplayNames('en', { type: 'region', fallback: 'code' }).of(code) ?? code;
}

const RATES: Readonly<Record<string, string>> = {
  '1 bit/s': 'bit/s',
  '1000 bit/s': 'kbit/s',
  '1000000 bit/s': 'Mbit/s',
  '1000000000 bit/s': 'Gbit/s',
};

/** To the eye: three places; the exact quantity stands in the evidence. */
export function quantityText({ quantity, unit }: Pick<PrintedLine, 'quantity' | 'unit'>): string {
  const exact = Exact.fromText(quantity);
  const text = exact === null ? quantity : exact.toFixed(3, 'half_up').replace(/\.?0+$/, '');
  return `${text} ${RATES[unit] ?? unit}`;
}
