// The objects of a device as columns of rows in OID order: nothing is stored a row, values are made when they are asked for.
import { encodeOid, type Oid, type Value } from './ber.ts';
import type { Instant } from './truth.ts';

export interface MibColumn {
  readonly oid: Oid;
  /** Row indexes in OID order; a scalar has the one row [0]. */
  readonly rows: readonly Oid[];
  readonly value: (row: number, instant: Instant) => Value | null;
}

export interface Place {
  readonly column: number;
  readonly row: number;
}

export function compareOids(a: Oid, b: Oid): number {
  const shared = Math.min(a.length, b.length);
  for (let at = 0; at < shared; at += 1) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function startsWith(oid: Oid, prefix: Oid): boolean {
  return oid.length >= prefix.length && prefix.every((part, at) => oid[at] === part);
}

export class MibView {
  readonly #columns: readonly MibColumn[];
  readonly #names = new Map<number, Buffer>();

  constructor(columns: readonly MibColumn[]) {
    this.#columns = columns.filter((column) => column.rows.length > 0).toSorted((a, b) => compareOids(a.oid, b.oid));
  }

  find(oid: Oid): Place | null {
    const column = this.#columnAtOrBefore(oid);
    const found = this.#columns[column];
    if (found === undefined || !startsWith(oid, found.oid)) return null;
    const suffix = oid.slice(found.oid.length);
    const row = firstRow(found.rows, (index) => compareOids(index, suffix) >= 0);
    const index = found.rows[row];
    return index !== undefined && compareOids(index, suffix) === 0 ? { column, row } : null;
  }

  next(oid: Oid): Place | null {
    const at = this.#columnAtOrBefore(oid);
    const found = this.#columns[at];
    if (found !== undefined && startsWith(oid, found.oid)) {
      const suffix = oid.slice(found.oid.length);
      const row = firstRow(found.rows, (index) => compareOids(index, suffix) > 0);
      if (row < found.rows.length) return { column: at, row };
    }
    return at + 1 < this.#columns.length ? { column: at + 1, row: 0 } : null;
  }

  after(place: Place): Place | null {
    const rows = this.#columns[place.column]?.rows.length ?? 0;
    if (place.row + 1 < rows) return { column: place.column, row: place.row + 1 };
    return place.column + 1 < this.#columns.length ? { column: place.column + 1, row: 0 } : null;
  }

  value(place: Place, instant: Instant): Value | null {
    return this.#columns[place.column]?.value(place.row, instant) ?? null;
  }

  /** The encoded OID, kept: names do not change. */
  name(place: Place): Buffer {
    const key = place.column * 65_536 + place.row;
    let name = this.#names.get(key);
    if (name === undefined) {
      const column = this.#columns[place.column];
      name = encodeOid([...(column?.oid ?? []), ...(column?.rows[place.row] ?? [])]);
      this.#names.set(key, name);
    }
    return name;
  }

  /** The last column whose OID is not above; -1 where all are. */
  #columnAtOrBefore(oid: Oid): number {
    let [low, high] = [0, this.#columns.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareOids(this.#columns[middle]?.oid ?? [], oid) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

function firstRow(rows: readonly Oid[], holds: (index: Oid) => boolean): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(rows[middle] ?? [])) high = middle;
    else low = middle + 1;
  }
  return low;
}
