// Collects the rows of a walk into typed columns and notes which answer each row came in.
import type { Segment } from '../../common/model/poll.ts';
import type { ErrorCode } from '../../common/runtime/error-table.ts';
import { TAG } from './ber.ts';
import { type Cells, cellsOf } from './cells.ts';
import type { SnmpResponse } from './session.ts';
import type { OidCache, ReadTable, TableRequest } from './table-reader.ts';
import type { Varbinds } from './varbinds.ts';
import type { RowSink } from './walker.ts';

/** Of a table that was never read to its end. */
const FIRST_CAPACITY = 16;
const SYS_UPTIME_PREFIX = '1.3.6.1.2.1.1.3';
const LEFT_OUT = 'table_incomplete' satisfies ErrorCode;

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
  #lastTicks: number | null = null;
  /** sysUpTime went back between two answers. */
  #restarted = false;
  /** Columns of rows whose clocks are from before. */
  #leftOut = false;

  constructor(request: TableRequest, expectedRows: number, oids: OidCache) {
    this.#request = request;
    this.#oids = oids;
    const capacity = expectedRows > 0 ? expectedRows : FIRST_CAPACITY;
    this.#cells = cellsOf(request.columns, capacity);
    this.#beside = (request.beside ?? []).map(() => Number.NaN);
  }

  answer({ varbinds }: SnmpResponse): void {
    this.#uptimeTicks = this.#headNumber(varbinds, 0, SYS_UPTIME_PREFIX, TAG.timeTicks);
    if (this.#uptimeTicks !== null) {
      if (this.#lastTicks !== null && this.#uptimeTicks < this.#lastTicks) this.#restarted = true;
      this.#lastTicks = this.#uptimeTicks;
    }
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
    } else if (this.#restarted) {
      // Counters from after a restart under clocks from before it would read as a wrap.
      this.#leftOut = true;
      return;
    }
    for (let column = 0; column < this.#cells.length; column += 1) {
      const position = positions[column] ?? -1;
      if (position >= 0) this.#cells[column]?.put(row, response.varbinds, position);
    }
  }

  finish(complete: boolean, failure: ErrorCode | null): ReadTable {
    const rows = this.#index.length;
    const columns = this.#cells.map((cells) => cells.finish(rows));
    const outcome = this.#leftOut ? { complete: false, failure: failure ?? LEFT_OUT } : { complete, failure };
    return { ...outcome, index: this.#index, segments: this.#segments, columns, beside: this.#beside };
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
