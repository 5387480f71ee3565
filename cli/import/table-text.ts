// Reads tables of text as spreadsheets write them (RFC 4180): comma, semicolon or tab, quotes, a byte order mark, any end of line.
import { type ImportIssue, unreadable } from './imported.ts';

export interface TextTable {
  /** As written, trimmed. */
  readonly header: readonly string[];
  readonly rows: readonly TextRow[];
}

export interface TextRow {
  /** Of the file, from 1: where the row begins. */
  readonly line: number;
  readonly cells: readonly string[];
}

const SEPARATORS = [',', ';', '\t'];

/** Throws import_unreadable with every line that does not fit the header, or the quote that never ends. Empty lines are none. */
export function readTable(text: string, file: string): TextTable {
  const plain = text.replace(/^\uFEFF/, '');
  const separator = separatorOf(plain);
  const records = recordsOf(plain, separator, file).filter(({ cells }) => cells.some((cell) => cell !== ''));
  const [head, ...rows] = records;
  if (head === undefined) throw unreadable(file, [{ line: 1, message: 'there is no header' }]);
  const header = head.cells;
  const twice = header.find((name, at) => name !== '' && header.indexOf(name) !== at);
  if (twice !== undefined) throw unreadable(file, [{ line: head.line, message: `two columns are called ${twice}` }]);
  const issues: ImportIssue[] = rows
    .filter(({ cells }) => cells.length > header.length && cells.slice(header.length).some((cell) => cell !== ''))
    .map(({ line, cells }) => ({
      line,
      message: `${cells.length} cells, but the header has ${header.length}`,
    }));
  if (issues.length > 0) throw unreadable(file, issues);
  return { header, rows };
}

/** What the header has most of, outside quotes. */
function separatorOf(text: string): string {
  const header = (/^(?:"(?:[^"]|"")*"|[^\r\n"])*/.exec(text)?.[0] ?? '').replaceAll(/"(?:[^"]|"")*"/g, '');
  const counts = SEPARATORS.map((separator) => header.split(separator).length);
  return SEPARATORS[counts.indexOf(Math.max(...counts))] ?? ',';
}

function recordsOf(text: string, separator: string, file: string): TextRow[] {
  const records: TextRow[] = [];
  let line = 1;
  let begins = 1;
  let cells: string[] = [];
  for (let at = 0; at <= text.length; ) {
    const quoted = /^[ ]*"/.exec(text.slice(at, at + 64));
    let cell: string;
    if (quoted === null) {
      const end = endOfPlain(text, at, separator);
      cell = text.slice(at, end).trim();
      at = end;
    } else {
      const from = at + quoted[0].length;
      const end = endOfQuoted(text, from);
      if (end === -1) throw unreadable(file, [{ line, message: 'a quote that never ends' }]);
      cell = text.slice(from, end).replaceAll('""', '"').trim();
      line += text.slice(from, end).split('\n').length - 1;
      at = endOfPlain(text, end + 1, separator);
      if (text.slice(end + 1, at).trim() !== '') throw unreadable(file, [{ line, message: 'text behind a quote' }]);
    }
    cells.push(cell);
    if (text[at] === separator) {
      at += 1;
      continue;
    }
    records.push({ line: begins, cells });
    cells = [];
    if (at >= text.length) break;
    at += text.startsWith('\r\n', at) ? 2 : 1;
    line += 1;
    begins = line;
  }
  return records;
}

function endOfPlain(text: string, from: number, separator: string): number {
  let at = from;
  while (at < text.length && text[at] !== separator && text[at] !== '\n' && text[at] !== '\r') at += 1;
  return at;
}

/** Of the quote that closes; two in a row are one of the text. -1: none. */
function endOfQuoted(text: string, from: number): number {
  let at = text.indexOf('"', from);
  while (at !== -1 && text[at + 1] === '"') at = text.indexOf('"', at + 2);
  return at;
}
