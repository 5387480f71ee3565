// Interfaces into DuckDB by whole columns: the words of a poll are copied into arrays of a chunk, and those into its vectors.
import { type DuckDBConnection, DuckDBDataChunk, type DuckDBType, type DuckDBVector } from '@duckdb/node-api';
import { CHUNK_ROWS, ChunkAppender, TABLES } from './duckdb-append.ts';
import { type InterfaceColumns, writeWords } from './interface-columns.ts';
import { COUNTER_COLUMNS } from './metrics.ts';

const TYPES: readonly DuckDBType[] = TABLES.interface_metrics;

/** The columns of a chunk as arrays of its vectors; those of 64 bits but the counters as words. */
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

/** The one chunk that all rows go through, transaction after transaction: DuckDB copies what it is handed. */
export class InterfaceChunk {
  readonly arrays: ChunkArrays;
  readonly #chunk = DuckDBDataChunk.create(TYPES, CHUNK_ROWS);
  readonly #vectors: readonly DuckDBVector[];

  constructor() {
    this.#vectors = TYPES.map((_, column) => this.#chunk.getColumnVector(column));
    this.arrays = arraysOf(this.#vectors);
  }

  /** With the first rows of the arrays; all of a vector is valid as it is made. */
  filled(rows: number): DuckDBDataChunk {
    for (const vector of this.#vectors) vector.flush();
    this.#chunk.rowCount = rows;
    return this.#chunk;
  }
}

/** The appender of `interface_metrics` inside a transaction. */
export class InterfaceAppender {
  readonly #chunks: ChunkAppender;
  readonly #chunk: InterfaceChunk;
  readonly #arrays: ChunkArrays;
  #rows = 0;

  /** `chunk` is nobody else's until the transaction has ended. */
  constructor(connection: DuckDBConnection, chunk: InterfaceChunk) {
    this.#chunks = new ChunkAppender(connection, 'interface_metrics');
    this.#chunk = chunk;
    this.#arrays = chunk.arrays;
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
    this.#chunks.append(this.#chunk.filled(this.#rows));
    this.#rows = 0;
  }
}

/** As TABLES has them. */
function arraysOf(vectors: readonly DuckDBVector[]): ChunkArrays {
  const all = vectors.map((vector) => itemsOf(vector));
  let column = 0;
  const next = (): ArrayBufferView<ArrayBufferLike> => {
    const items = all[column];
    if (items === undefined) throw new Error('BUG: a chunk of the interfaces with too few columns');
    column += 1;
    return items;
  };
  const numbers = ({ buffer, byteOffset, byteLength }: ArrayBufferView<ArrayBufferLike>): Uint32Array =>
    new Uint32Array(buffer, byteOffset, byteLength / 4);
  const signed = ({ buffer, byteOffset, byteLength }: ArrayBufferView<ArrayBufferLike>): Int32Array =>
    new Int32Array(buffer, byteOffset, byteLength / 4);
  const wide = ({ buffer, byteOffset, byteLength }: ArrayBufferView<ArrayBufferLike>): BigUint64Array =>
    new BigUint64Array(buffer, byteOffset, byteLength / 8);
  const octets = ({ buffer, byteOffset, byteLength }: ArrayBufferView<ArrayBufferLike>): Uint8Array =>
    new Uint8Array(buffer, byteOffset, byteLength);
  return {
    resource: signed(next()),
    atMs: numbers(next()),
    flags: numbers(next()),
    counters: COUNTER_COLUMNS.map(() => wide(next())),
    uptimeTicks: numbers(next()),
    discontinuityTicks: numbers(next()),
    process: numbers(next()),
    monotonicMs: numbers(next()),
    intervalMs: signed(next()),
    speedBps: numbers(next()),
    adminStatus: octets(next()),
    operStatus: octets(next()),
  };
}

/** The array behind a vector of numbers, which the binding does not show: setItem would want a bigint for each value. */
function itemsOf(vector: object): ArrayBufferView<ArrayBufferLike> {
  const items: unknown = 'items' in vector ? vector.items : undefined;
  if (!ArrayBuffer.isView(items)) throw new Error('BUG: a vector of DuckDB without an array of its items');
  return items;
}
