// An export of another system as records of texts, whether it came as JSON of its API or as a table.
import { unreadable } from './imported.ts';
import { readTable } from './table-text.ts';

/** Names in lower case with `_` for blanks; empty and absent values are not there. */
export type TextRecord = ReadonlyMap<string, string>;

export interface PlacedRecord {
  readonly place: string;
  readonly record: TextRecord;
}

export interface Records {
  readonly records: readonly PlacedRecord[];
  /** The export says that it goes on elsewhere. */
  readonly continues: boolean;
}

/** Under which of these names an object of JSON holds what stands for it. */
const MEANING = ['address', 'value', 'name', 'location', 'display'];

/** `lists`: names under which the API wraps its list. Throws import_unreadable. */
export function readRecords(text: string, file: string, lists: readonly string[]): Records {
  const plain = text.replace(/^\uFEFF/, '');
  if (!/^\s*[[{]/.test(plain)) return { records: tableRecords(plain, file), continues: false };
  const whole = parsed(plain, file);
  const wrapper = isObject(whole) ? whole : {};
  const list = Array.isArray(whole) ? whole : lists.map((name) => wrapper[name]).find((one) => Array.isArray(one));
  if (!Array.isArray(list))
    throw unreadable(file, [{ line: 1, message: `expected a list, or one under ${lists.join(' or ')}` }]);
  const records = list.map((item: unknown, at) => ({ place: `device ${at + 1}`, record: recordOf(item) }));
  return { records, continues: typeof wrapper['next'] === 'string' };
}

function tableRecords(text: string, file: string): PlacedRecord[] {
  const { header, rows } = readTable(text, file);
  const names = header.map(keyOf);
  return rows.map(({ line, cells }) => ({
    place: `line ${line}`,
    record: new Map(names.flatMap((name, at) => entry(name, cells[at] ?? ''))),
  }));
}

function recordOf(item: unknown): TextRecord {
  return new Map(
    isObject(item) ? Object.entries(item).flatMap(([name, value]) => entry(keyOf(name), textOf(value))) : [],
  );
}

function entry(name: string, value: string): [string, string][] {
  return name === '' || value === '' ? [] : [[name, value]];
}

function keyOf(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replaceAll(/[\s-]+/g, '_');
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value.trim();
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (!isObject(value)) return '';
  const inner = MEANING.map((name) => value[name]).find((one) => typeof one === 'string' || typeof one === 'number');
  return inner === undefined ? '' : String(inner).trim();
}

/** Without the piece of the text that the parser's message quotes. */
function parsed(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const position = Number(/position (\d+)/.exec(error instanceof Error ? error.message : '')?.[1] ?? text.length);
    throw unreadable(file, [{ line: text.slice(0, position).split('\n').length, message: 'this is not JSON' }]);
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** As exports write yes. */
export function isTrue(text: string | undefined): boolean {
  return text !== undefined && /^(1|true|yes)$/i.test(text);
}
