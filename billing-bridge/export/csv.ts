// Rows as CSV (RFC 4180) that a spreadsheet can open without running what is written in them.

/** number: digits for a machine, never touched where they are a plain decimal. */
export type ColumnKind = 'text' | 'number';

export interface Column<Row> {
  readonly name: string;
  readonly kind: ColumnKind;
  readonly of: (row: Row) => string | number | bigint | null;
}

export const textColumn = <Row>(name: string, of: Column<Row>['of']): Column<Row> => ({ name, kind: 'text', of });
export const numberColumn = <Row>(name: string, of: Column<Row>['of']): Column<Row> => ({ name, kind: 'number', of });

const DECIMAL = /^-?\d+(\.\d+)?$/;
/** What spreadsheets take for the beginning of a formula, also after white space that they drop. */
const FORMULA = /^[\s]*[=+\-@\t\r]/;

export function csvHeader<Row>(columns: readonly Column<Row>[]): string {
  return columns.map(({ name }) => quoted(name)).join(',');
}

export function csvRow<Row>(columns: readonly Column<Row>[], row: Row): string {
  return columns.map(({ kind, of }) => csvField(kind, of(row))).join(',');
}

/** An apostrophe before what would be a formula makes it text; it is the only change. */
export function csvField(kind: ColumnKind, value: string | number | bigint | null): string {
  if (value === null) return '';
  const text = String(value);
  if (kind === 'number' && DECIMAL.test(text)) return text;
  return quoted(FORMULA.test(text) ? `'${text}` : text);
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
