// Interfaces into DuckDB by whole columns: the words of a poll are copied into arrays of a chunk, and those into its vectors.
import { type DuckDBConnection, DuckDBDataChunk, type DuckDBType } from '@duckdb/node-api';
import { CHUNK_ROWS, ChunkAppender, TABLES } from './duckdb-append.ts';
import { type InterfaceColumns, writeWords } from './interface-columns.ts';
import { COUNTER_COLUMNS } from './metrics.ts';

const TYPES: readonly DuckDBType[] = TABLES.interface_metrics;

/** The columns of a chunk in the order of the schema; those of 64 bits also as words. */
interface ChunkArrays {
  readonly resource: Int32Array;
  readonly atMs: Uint32Array;
  readonly flags: Uint32Array;
  readonly counters: readonly BigUint64Array[];
  readonly uptimeTicks: Uint32Array;
  readonly discontinuityTicks: Uint32Array;
  readonly process: Uint32Array;
  readonly monotonicMs: Uint32Array;
  readonly intervalMs: Int32Array;
  readonly speedBps: Uint32Array;
  readonly adminStatus: Uint8Array;
  readonly operStatus: Uint8Array;
}

/** The appender of `interface_metrics` inside a transaction. */
export class InterfaceAppender {
  readonly #chunks: ChunkAppender;
  readonly #arrays = newArrays();
  #rows = 0;

  constructor(connection: DuckDBConnection) {
    this.#chunks = new ChunkAppender(connection, 'interface_metrics');
  }

  open(): Promise<void> {
    return this.#chunks.open();
  }

  /** `ids`: the resource of each row, 0 where the row is left out. Returns how many rows were taken. */
  append(ids: Int32Array, columns: InterfaceColumns, process: number, intervalMs: number): number {
    let taken = 0;
    for (let from = 0; from < ids.length; ) {
      if (ids[from] === 0) {
        from += 1;
        continue;
      }
      let to = from + 1;
      while (to < ids.length && ids[to] !== 0 && to - from < CHUNK_ROWS - this.#rows) to += 1;
      this.#copy(ids, columns, from, to);
      this.#arrays.process.fill(process, this.#rows, this.#rows + to - from);
      this.#arrays.intervalMs.fill(intervalMs, this.#rows, this.#rows + to - from);
      this.#rows += to - from;
      taken += to - from;
      if (this.#rows === CHUNK_ROWS) this.#flushChunk();
      from = to;
    }
    return taken;
  }

  /** Hands everything to the transaction. */
  finish(): void {
    if (this.#rows > 0) this.#flushChunk();
    this.#chunks.finish();
  }

  /** As of ChunkAppender. */
  abandon(): void {
    this.#chunks.abandon();
    this.#rows = 0;
  }

  #copy(ids: Int32Array, columns: InterfaceColumns, from: number, to: number): void {
    const arrays = this.#arrays;
    const at = this.#rows;
    arrays.resource.set(ids.subarray(from, to), at);
    arrays.flags.set(columns.flags.subarray(from, to), at);
    arrays.uptimeTicks.set(columns.uptimeTicks.subarray(from, to), at);
    arrays.discontinuityTicks.set(columns.discontinuityTicks.subarray(from, to), at);
    arrays.adminStatus.set(columns.adminStatus.subarray(from, to), at);
    arrays.operStatus.set(columns.operStatus.subarray(from, to), at);
    for (const [counter, values] of arrays.counters.entries())
      values.set((columns.counters[counter] ?? new BigUint64Array()).subarray(from, to), at);
    for (let row = from; row < to; row += 1) {
      const place = at + row - from;
      writeWords(arrays.atMs, place, columns.atMs[row] ?? 0);
      writeWords(arrays.monotonicMs, place, Math.round(columns.monotonicMs[row] ?? 0));
      writeWords(arrays.speedBps, place, columns.speedBps[row] ?? 0);
    }
  }

  #flushChunk(): void {
    const chunk = DuckDBDataChunk.create(TYPES, this.#rows);
    for (const [column, values] of inOrder(this.#arrays).entries()) {
      const vector = chunk.getColumnVector(column);
      const { buffer, byteOffset, byteLength } = itemsOf(vector);
      // All of a vector is valid as it is made.
      new Uint8Array(buffer, byteOffset, byteLength).set(new Uint8Array(values.buffer, values.byteOffset, byteLength));
      vector.flush();
    }
    this.#chunks.append(chunk);
    this.#rows = 0;
  }
}

function newArrays(): ChunkArrays {
  const words = (): Uint32Array => new Uint32Array(CHUNK_ROWS * 2);
  const numbers = (): Uint32Array => new Uint32Array(CHUNK_ROWS);
  return {
    resource: new Int32Array(CHUNK_ROWS),
    atMs: words(),
    flags: numbers(),
    counters: COUNTER_COLUMNS.map(() => new BigUint64Array(CHUNK_ROWS)),
    uptimeTicks: numbers(),
    discontinuityTicks: numbers(),
    process: numbers(),
    monotonicMs: words(),
    intervalMs: new Int32Array(CHUNK_ROWS),
    speedBps: words(),
    adminStatus: new Uint8Array(CHUNK_ROWS),
    operStatus: new Uint8Array(CHUNK_ROWS),
  };
}

/** As TABLES has them. */
function inOrder(arrays: ChunkArrays): readonly ArrayBufferView<ArrayBufferLike>[] {
  return [
    arrays.resource,
    arrays.atMs,
    arrays.flags,
    ...arrays.counters,
    arrays.uptimeTicks,
    arrays.discontinuityTicks,
    arrays.process,
    arrays.monotonicMs,
    arrays.intervalMs,
    arrays.speedBps,
    arrays.adminStatus,
    arrays.operStatus,
  ];
}

/** The array behind a vector of numbers, which the binding does not show: setItem would want a bigint for each value. */
function itemsOf(vector: object): ArrayBufferView<ArrayBufferLike> {
  const items: unknown = 'items' in vector ? vector.items : undefined;
  if (!ArrayBuffer.isView(items)) throw new Error('BUG: a vector of DuckDB without an array of its items');
  return items;
}
