// The objects of a device as columns of rows in the order of their OIDs: nothing is stored a cell, values are made when they are asked for.
import { compareOids, type Oid, oidContents, oidSuffix } from './ber.ts';
import type { ResponseWriter } from './response-writer.ts';
import type { Instant } from './truth.ts';

/** The rows of a table, shared by its columns. */
export class Rows {
  readonly indexes: readonly Oid[];
  readonly suffixes: readonly Uint8Array[];

  /** Indexes in the order of a walk. */
  constructor(indexes: readonly Oid[]) {
    for (const [at, index] of indexes.entries())
      if (at > 0 && compareOids(indexes[at - 1] ?? [], index) >= 0) throw new Error('BUG: rows are out of order');
    this.indexes = indexes;
    this.suffixes = indexes.map((index) => oidSuffix(index));
  }
}

/** The one row of a scalar. */
export const SCALAR = new Rows([[0]]);

export interface MibColumn {
  readonly oid: Oid;
  readonly rows: Rows;
  /** Counter64: SNMPv1 does not know it and never sees it (RFC 3584 §4.2.2.1). */
  readonly wide: boolean;
  /** Sets the value of a row, by its number from 0. */
  readonly write: (row: number, instant: Instant, out: ResponseWriter) => void;
  /** Of a column that may be set: what sets an INTEGER, null where it may not have that value. */
  readonly accept?: (row: number, value: number) => (() => void) | null;
}

/** A cell: column × PLACES + row. */
export type Place = number;
export const NOWHERE: Place = -1;
const PLACES = 1_048_576;

export class MibView {
  readonly #columns: readonly MibColumn[];
  readonly #prefixes: readonly Uint8Array[];

  constructor(columns: readonly MibColumn[]) {
    this.#columns = columns
      .filter((column) => column.rows.indexes.length > 0)
      .toSorted((left, right) => compareOids(left.oid, right.oid));
    this.#prefixes = this.#columns.map((column) => oidContents(column.oid));
  }

  /** The cell of that name, or NOWHERE. */
  find(oid: Oid): Place {
    const at = this.#columnOf(oid);
    const column = this.#columns[at];
    if (column === undefined || !startsWith(oid, column.oid)) return NOWHERE;
    const suffix = oid.slice(column.oid.length);
    const row = firstRow(column.rows.indexes, suffix, false);
    const index = column.rows.indexes[row];
    return index !== undefined && compareOids(index, suffix) === 0 ? at * PLACES + row : NOWHERE;
  }

  /** Whether the name lies under a column that there is. */
  knows(oid: Oid): boolean {
    const column = this.#columns[this.#columnOf(oid)];
    return column !== undefined && startsWith(oid, column.oid);
  }

  /** The first cell whose name comes after, or NOWHERE. */
  next(oid: Oid): Place {
    const at = this.#columnOf(oid);
    const column = this.#columns[at];
    if (column !== undefined && startsWith(oid, column.oid)) {
      const row = firstRow(column.rows.indexes, oid.slice(column.oid.length), true);
      if (row < column.rows.indexes.length) return at * PLACES + row;
    }
    return at + 1 < this.#columns.length ? (at + 1) * PLACES : NOWHERE;
  }

  after(place: Place): Place {
    const at = Math.floor(place / PLACES);
    if ((place % PLACES) + 1 < (this.#columns[at]?.rows.indexes.length ?? 0)) return place + 1;
    return at + 1 < this.#columns.length ? (at + 1) * PLACES : NOWHERE;
  }

  /** The same place, or the beginning of the next column that is not wide. */
  afterWide(place: Place): Place {
    let at = Math.floor(place / PLACES);
    if (place === NOWHERE || this.#columns[at]?.wide !== true) return place;
    while (this.#columns[at]?.wide === true) at += 1;
    return at < this.#columns.length ? at * PLACES : NOWHERE;
  }

  isWide(place: Place): boolean {
    return this.#columns[Math.floor(place / PLACES)]?.wide === true;
  }

  /** What sets the cell; `not_writable`, or `wrong_value` where it may not have that one. */
  setting(place: Place, value: number): (() => void) | 'not_writable' | 'wrong_value' {
    const accept = this.#columns[Math.floor(place / PLACES)]?.accept;
    if (accept === undefined) return 'not_writable';
    return accept(place % PLACES, value) ?? 'wrong_value';
  }

  /** Writes name and value; false where the message is full. */
  write(place: Place, instant: Instant, out: ResponseWriter): boolean {
    const at = Math.floor(place / PLACES);
    const column = this.#columns[at];
    if (column === undefined) throw new Error('BUG: a place outside of the view');
    column.write(place % PLACES, instant, out);
    return this.#named(place, out);
  }

  /** Writes endOfMibView under the name of a cell. */
  writeEnd(place: Place, tag: number, out: ResponseWriter): boolean {
    out.empty(tag);
    return this.#named(place, out);
  }

  #named(place: Place, out: ResponseWriter): boolean {
    const at = Math.floor(place / PLACES);
    const prefix = this.#prefixes[at];
    const suffix = this.#columns[at]?.rows.suffixes[place % PLACES];
    if (prefix === undefined || suffix === undefined) throw new Error('BUG: a place outside of the view');
    return out.varbind(prefix, suffix);
  }

  /** The last column whose OID is not above; -1 where all are. */
  #columnOf(oid: Oid): number {
    let [low, high] = [0, this.#columns.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareOids(this.#columns[middle]?.oid ?? [], oid) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

function startsWith(oid: Oid, prefix: Oid): boolean {
  if (oid.length < prefix.length) return false;
  for (let at = 0; at < prefix.length; at += 1) if (oid[at] !== prefix[at]) return false;
  return true;
}

/** The first row whose index is not below the suffix, or, with `above`, is above it. */
function firstRow(indexes: readonly Oid[], suffix: Oid, above: boolean): number {
  let [low, high] = [0, indexes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const order = compareOids(indexes[middle] ?? [], suffix);
    if (above ? order > 0 : order >= 0) high = middle;
    else low = middle + 1;
  }
  return low;
}
