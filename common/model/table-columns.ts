// The values of a table's columns by name and kind, and device text made fit for a database.
import { type CounterColumn, columnOf, type Table, type TextColumn } from './poll.ts';

/** The values of a text column; undefined where the table has none of that name. */
export function textsOf(table: Table, name: string): TextColumn['values'] | undefined {
  const column = columnOf(table, name);
  return column?.kind === 'text' ? column.values : undefined;
}

/** The values of a number column; undefined where the table has none of that name. */
export function numbersOf(table: Table, name: string): Float64Array | undefined {
  const column = columnOf(table, name);
  return column?.kind === 'number' ? column.values : undefined;
}

/** A counter column; undefined where the table has none of that name. */
export function countersOf(table: Table, name: string): CounterColumn | undefined {
  const column = columnOf(table, name);
  return column?.kind === 'counter' ? column : undefined;
}

const MOST_CHARACTERS = 1000;
/** NUL, which devices pad with and PostgreSQL refuses, and halves of surrogate pairs, which are no characters. */
// eslint-disable-next-line no-control-regex -- NUL is what this is about
const UNFIT = /\0|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Text of a device without what a database cannot hold, at most 1000 long where nothing else is said. */
export function cleanText(text: string, most = MOST_CHARACTERS): string {
  const short = text.length > most ? text.slice(0, most) : text;
  return short.replace(UNFIT, '');
}

/** A number of a device as a whole one that a database can hold; null where it is absent or none. */
export function wholeOrNull(value: number | undefined): number | null {
  if (value === undefined || !Number.isFinite(value)) return null;
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Math.round(value)));
}
