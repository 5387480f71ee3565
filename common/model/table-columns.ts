// The values of a table's columns by name and kind, and device text made fit for a database.
import { createHash } from 'node:crypto';
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
  return isPlain(short) ? short : short.replace(UNFIT, '');
}

/** Nearly all text is: there is nothing to look for then, and this is asked of each name in each poll. */
function isPlain(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0 || (code >= 0xd800 && code < 0xe000)) return false;
  }
  return true;
}

/** An entry of a B-tree of PostgreSQL has 2,704 octets, a character of UTF-16 up to three in UTF-8, and other columns stand beside. */
const MOST_KEY_CHARACTERS = 500;
const DIGEST_CHARACTERS = 16;

/**
 * The same of a text that stands in an index: were it longer, one device's name would hold up what all others say. Of a longer one a digest
 * takes the place of the end, so that two that begin alike stay two, whichever of them a poll brings.
 */
export function cleanKey(text: string): string {
  if (text.length <= MOST_KEY_CHARACTERS) return cleanText(text);
  const digest = createHash('sha256').update(text).digest('base64url').slice(0, DIGEST_CHARACTERS);
  return `${cleanText(text, MOST_KEY_CHARACTERS - DIGEST_CHARACTERS - 1)}~${digest}`;
}

/** A number of a device as a whole one that a database can hold; null where it is absent or none. */
export function wholeOrNull(value: number | undefined): number | null {
  if (value === undefined || !Number.isFinite(value)) return null;
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Math.round(value)));
}
