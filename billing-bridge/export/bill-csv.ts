// A bill as rows of CSV: one a line.
import { isoTime } from '../../common/model/time.ts';
import type { Bill } from '../bill/bill-store.ts';
import type { TaxGroup } from '../bill/tax.ts';
import type { PrintedLine } from './bill-document.ts';
import { type Column, csvHeader, csvRow, numberColumn, textColumn } from './csv.ts';

export interface BillRow {
  readonly bill: Bill;
  readonly line: PrintedLine;
}

/** One row a line; what is true of the whole bill stands in each. */
export const BILL_COLUMNS: readonly Column<BillRow>[] = [
  textColumn('watermark', ({ bill }) => bill.watermark),
  textColumn('bill', ({ bill }) => bill.id),
  textColumn('customer', ({ bill }) => bill.customer),
  textColumn('customer_name', ({ bill }) => bill.customerName),
  textColumn('category', ({ bill }) => bill.category),
  textColumn('state', ({ bill }) => bill.state),
  textColumn('period', ({ bill }) => bill.period.name),
  textColumn('period_from', ({ bill }) => isoTime(bill.period.startMs)),
  textColumn('period_to', ({ bill }) => isoTime(bill.period.endMs)),
  textColumn('zone', ({ bill }) => bill.period.zone),
  textColumn('issued_at', ({ bill }) => isoTime(bill.issuedAtMs)),
  textColumn('currency', ({ bill }) => bill.currency),
  numberColumn('bill_total', ({ bill }) => bill.total),
  numberColumn('line', ({ line }) => line.line),
  textColumn('kind', ({ line }) => line.kind),
  textColumn('line_period', ({ line }) => line.period.name),
  textColumn('service', ({ line }) => line.service),
  textColumn('item', ({ line }) => line.item),
  textColumn('item_name', ({ line }) => line.itemName),
  textColumn('plan', ({ line }) => line.plan),
  numberColumn('plan_version', ({ line }) => line.planVersion),
  numberColumn('quantity', ({ line }) => line.quantity),
  textColumn('unit', ({ line }) => line.unit),
  numberColumn('exact_amount', ({ line }) => line.exactAmount),
  numberColumn('billed_before', ({ line }) => line.billedBefore),
  numberColumn('amount', ({ line }) => line.amount),
  textColumn('number', ({ bill }) => bill.invoice?.number ?? null),
  textColumn('issue_date', ({ bill }) => bill.invoice?.issueDate ?? null),
  textColumn('due_date', ({ bill }) => bill.invoice?.dueDate ?? null),
  numberColumn('tax_percent', ({ bill, line }) => taxOf(bill, line)?.percent ?? null),
  textColumn('tax_code', ({ bill, line }) => taxOf(bill, line)?.code ?? null),
  numberColumn('bill_net', ({ bill }) => bill.invoice?.net ?? null),
  numberColumn('bill_tax', ({ bill }) => bill.invoice?.tax ?? null),
  numberColumn('bill_gross', ({ bill }) => bill.invoice?.gross ?? null),
];

/** With a line of names first. */
export function billCsv(bill: Bill, lines: readonly PrintedLine[]): string {
  const rows = lines.map((line) => csvRow(BILL_COLUMNS, { bill, line }));
  return `${[csvHeader(BILL_COLUMNS), ...rows].join('\r\n')}\r\n`;
}

function taxOf(bill: Bill, { line }: PrintedLine): TaxGroup | null {
  return bill.invoice?.taxes.find((group) => group.lines.includes(line)) ?? null;
}
