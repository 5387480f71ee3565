// Rows into DuckDB by data chunks: values go straight into the column vectors, 2048 rows at a time.
import {
  BIGINT,
  type DuckDBAppender,
  type DuckDBConnection,
  DuckDBDataChunk,
  DOUBLE,
  HUGEINT,
  type DuckDBType,
  type DuckDBValue,
  type DuckDBVector,
  INTEGER,
  UBIGINT,
  UINTEGER,
  UTINYINT,
  VARCHAR,
} from '@duckdb/node-api';
import { COUNTER_COLUMNS } from './metrics.ts';

export const CHUNK_ROWS = 2048;

/** Column types of the metric tables, in the order of the schema (duckdb-schema.ts). */
export const TABLES = {
  interface_metrics: [
    INTEGER,
    BIGINT,
    UINTEGER,
    ...COUNTER_COLUMNS.map(() => UBIGINT),
    UINTEGER,
    UINTEGER,
    UINTEGER,
    BIGINT,
    INTEGER,
    UBIGINT,
    UTINYINT,
    UTINYINT,
  ],
  device_metrics: [INTEGER, BIGINT, INTEGER, UTINYINT, INTEGER, INTEGER, INTEGER, UINTEGER],
  gauge_metrics: [INTEGER, BIGINT, INTEGER, DOUBLE],
  point_metrics: [INTEGER, BIGINT, DOUBLE, BIGINT],
  point_texts: [INTEGER, BIGINT, VARCHAR, BIGINT],
} as const satisfies Record<string, readonly DuckDBType[]>;

/** Tables of roll-ups. */
const ROLLED = {
  rollup_5m: [INTEGER, UTINYINT, BIGINT, DOUBLE, DOUBLE, DOUBLE, DOUBLE, INTEGER, INTEGER, HUGEINT],
  rollup_gap: [INTEGER, UTINYINT, BIGINT, BIGINT, HUGEINT],
  state_run: [INTEGER, UTINYINT, BIGINT, BIGINT, DOUBLE],
} as const satisfies Record<string, readonly DuckDBType[]>;

const ALL: Readonly<Record<string, readonly DuckDBType[]>> = { ...TABLES, ...ROLLED };

export type TableName = keyof typeof TABLES;
export type AppendedTable = TableName | keyof typeof ROLLED;

/** Takes whole chunks for one table inside a transaction. */
export class ChunkAppender {
  readonly #connection: DuckDBConnection;
  readonly #table: AppendedTable;
  #appender: DuckDBAppender | null = null;

  constructor(connection: DuckDBConnection, table: AppendedTable) {
    this.#connection = connection;
    this.#table = table;
  }

  async open(): Promise<void> {
    this.#appender = await this.#connection.createAppender(this.#table);
  }

  append(chunk: DuckDBDataChunk): void {
    if (this.#appender === null) throw new Error('BUG: rows without an appender');
    this.#appender.appendDataChunk(chunk);
  }

  /** Hands everything to the transaction. */
  finish(): void {
    this.#appender?.closeSync();
    this.#appender = null;
  }

  /** Forgets rows that were not finished: left alone they would be written when the appender is collected, by whatever transaction runs then. */
  abandon(): void {
    this.#appender?.clear();
    this.finish();
  }
}

/** One table's rows, value by value. */
export class TableAppender {
  readonly #types: readonly DuckDBType[];
  readonly #chunks: ChunkAppender;
  #chunk: DuckDBDataChunk | null = null;
  #vectors: DuckDBVector[] = [];
  #rows = 0;

  constructor(connection: DuckDBConnection, table: AppendedTable) {
    this.#types = ALL[table] ?? [];
    this.#chunks = new ChunkAppender(connection, table);
  }

  open(): Promise<void> {
    return this.#chunks.open();
  }

  /** Values in the order of the columns. */
  append(values: readonly DuckDBValue[]): void {
    if (this.#chunk === null) {
      const chunk = DuckDBDataChunk.create(this.#types, CHUNK_ROWS);
      this.#chunk = chunk;
      this.#vectors = this.#types.map((_, column) => chunk.getColumnVector(column));
      this.#rows = 0;
    }
    const row = this.#rows;
    for (let column = 0; column < this.#vectors.length; column += 1)
      this.#vectors[column]?.setItem(row, values[column] ?? null);
    this.#rows += 1;
    if (this.#rows === CHUNK_ROWS) this.#flushChunk();
  }

  /** Hands everything to the transaction. */
  finish(): void {
    if (this.#rows > 0) this.#flushChunk();
    this.#chunks.finish();
  }

  /** As of ChunkAppender. */
  abandon(): void {
    this.#chunks.abandon();
    this.#chunk = null;
  }

  #flushChunk(): void {
    if (this.#chunk === null) throw new Error('BUG: rows without a chunk');
    for (const vector of this.#vectors) vector.flush();
    this.#chunk.rowCount = this.#rows;
    this.#chunks.append(this.#chunk);
    this.#chunk = null;
    this.#rows = 0;
  }
}
