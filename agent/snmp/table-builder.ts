// Collects the rows of a walk into typed columns and notes which answer each row came in.
import type { Segment } from '../../common/model/poll.ts';
import type { ErrorCode } from '../../common/runtime/error-table.ts';
import { TAG } from './ber.ts';
import type { SnmpResponse } from './session.ts';
import type { ColumnRequest, OidCache, ReadColumn, ReadTable, TableRequest } from './table-reader.ts';
import { octetText, valueAt } from './value.ts';
import type { Varbinds } from './varbinds.ts';
import type { RowSink } from './walker.ts';

/** Of a table that was never read to its end. */
const FIRST_CAPACITY = 16;
const SYS_UPTIME_PREFIX = '1.3.6.1.2.1.1.3';

export class TableBuilder implements RowSink {
  readonly #request: TableRequest;
  readonly #oids: OidCache;
  readonly #cells: Cells[];
  readonly #index: string[] = [];
  /** Only once rows come for a second time, for other columns. */
  #rowOf: Map<string, number> | null = null;
  readonly #segments: Segment[] = [];
  readonly #beside: number[];
  #current: SnmpResponse | null = null;
  #uptimeTicks: number | null = null;
  #besideChanged = false;

  constructor(request: TableRequest, expectedRows: number, oids: OidCache) {
    this.#request = request;
    this.#oids = oids;
    const capacity = expectedRows > 0 ? expectedRows : FIRST_CAPACITY;
    this.#cells = request.columns.map((column) => cellsFor(column, capacity));
    this.#beside = (request.beside ?? []).map(() => Number.NaN);
  }

  answer({ varbinds }: SnmpResponse): void {
    this.#uptimeTicks = this.#headNumber(varbinds, 0, SYS_UPTIME_PREFIX, TAG.timeTicks);
    for (const [at, oid] of (this.#request.beside ?? []).entries()) {
      const value = this.#headNumber(varbinds, at + 1, oid, null) ?? Number.NaN;
      const before = this.#beside[at] ?? Number.NaN;
      if (!Number.isNaN(value) && !Number.isNaN(before) && value !== before) this.#besideChanged = true;
      this.#beside[at] = value;
    }
  }

  /** Whether a scalar beside was seen with two values. */
  get besideChanged(): boolean {
    return this.#besideChanged;
  }

  /** Rows so far. */
  get rows(): number {
    return this.#index.length;
  }

  revisit(): void {
    this.#rowOf ??= new Map(this.#index.map((index, row) => [index, row]));
  }

  row(index: string, response: SnmpResponse, positions: Int32Array): void {
    let row = this.#rowOf?.get(index);
    if (row === undefined) {
      row = this.#index.length;
      this.#index.push(index);
      this.#rowOf?.set(index, row);
      if (this.#current !== response) this.#beginSegment(response, row);
    }
    for (let column = 0; column < this.#cells.length; column += 1) {
      const position = positions[column] ?? -1;
      if (position >= 0) this.#cells[column]?.put(row, response.varbinds, position);
    }
  }

  finish(complete: boolean, failure: ErrorCode | null): ReadTable {
    const rows = this.#index.length;
    const columns = this.#cells.map((cells) => cells.finish(rows));
    return { complete, failure, index: this.#index, segments: this.#segments, columns, beside: this.#beside };
  }

  #beginSegment(response: SnmpResponse, firstRow: number): void {
    const { sentAtMs, receivedAtMs, monotonicMs } = response;
    this.#current = response;
    this.#segments.push({ firstRow, sentAtMs, receivedAtMs, monotonicMs, uptimeTicks: this.#uptimeTicks });
  }

  /** A non-repeater, believed only where it is the instance that was meant. */
  #headNumber(varbinds: Varbinds, at: number, oid: string, tag: number | null): number | null {
    if (at >= varbinds.count || !varbinds.startsWith(at, this.#oids.of(oid)) || !varbinds.hasValue(at)) return null;
    if (tag !== null && varbinds.tag(at) !== tag) return null;
    const value = varbinds.number(at);
    return Number.isNaN(value) ? null : value;
  }
}

/** One column being filled. Rows come in order but for columns that were split over requests. */
interface Cells {
  put(row: number, varbinds: Varbinds, position: number): void;
  finish(rows: number): ReadColumn;
}

function cellsFor(column: ColumnRequest, capacity: number): Cells {
  const { name, form } = column;
  switch (form) {
    case 'counter32':
      return counterCells(name, 32, capacity);
    case 'counter64':
      return counterCells(name, 64, capacity);
    case 'number':
      return numberCells(name, capacity);
    case 'text':
    case 'value':
    case 'hex':
    case 'address':
      return listCells(name, form);
  }
}

/** Only the type that was asked for counts: a Gauge32 in a Counter64 column is no counter. */
function counterCells(name: string, width: 32 | 64, capacity: number): Cells {
  let values = new BigUint64Array(capacity);
  let halves = new Uint32Array(values.buffer);
  let present = new Uint8Array(capacity);
  const type = width === 64 ? TAG.counter64 : TAG.counter32;
  return {
    put(row, varbinds, position) {
      if (varbinds.tag(position) !== type) return;
      if (row >= values.length) {
        values = enlarged(values, new BigUint64Array(row * 2));
        halves = new Uint32Array(values.buffer);
        present = enlarged(present, new Uint8Array(row * 2));
      }
      varbinds.counterInto(position, halves, row);
      present[row] = 1;
    },
    finish: (rows) => {
      if (rows > values.length) {
        values = enlarged(values, new BigUint64Array(rows));
        present = enlarged(present, new Uint8Array(rows));
      }
      return { kind: 'counter', name, width, values: cutTo(values, rows), present: cutTo(present, rows) };
    },
  };
}

function numberCells(name: string, capacity: number): Cells {
  let values = new Float64Array(capacity).fill(Number.NaN);
  return {
    put(row, varbinds, position) {
      if (row >= values.length) values = enlarged(values, new Float64Array(row * 2).fill(Number.NaN));
      values[row] = varbinds.number(position);
    },
    finish: (rows) => {
      if (rows > values.length) values = enlarged(values, new Float64Array(rows).fill(Number.NaN));
      return { kind: 'number', name, values: cutTo(values, rows) };
    },
  };
}

function listCells(name: string, form: 'text' | 'value' | 'hex' | 'address'): Cells {
  const values: (string | number | null)[] = [];
  return {
    put(row, varbinds, position) {
      while (values.length < row) values.push(null);
      if (form === 'text') {
        const octets = varbinds.octets(position);
        values[row] = octets === null ? varbinds.oidValue(position) : octetText(octets);
      } else {
        values[row] = varbinds.hasValue(position) ? valueAt(varbinds, position, form) : null;
      }
    },
    finish: (rows) => {
      while (values.length < rows) values.push(null);
      if (form !== 'text') return { kind: 'value', name, values };
      return { kind: 'text', name, values: values.map((value) => (value === null ? null : String(value))) };
    },
  };
}

/** A copy of the first rows; the column itself where it has just so many, as when a table is as long as it was at the last poll. */
function cutTo<T extends { readonly length: number; slice(start: number, end: number): T }>(
  column: T,
  rows: number,
): T {
  return column.length === rows ? column : column.slice(0, rows);
}

function enlarged<T extends BigUint64Array | Uint8Array | Float64Array>(from: T, to: T): T {
  if (from instanceof BigUint64Array && to instanceof BigUint64Array) to.set(from);
  else if (from instanceof Float64Array && to instanceof Float64Array) to.set(from);
  else if (from instanceof Uint8Array && to instanceof Uint8Array) to.set(from);
  return to;
}
