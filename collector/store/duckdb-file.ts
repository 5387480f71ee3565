// The DuckDB file: opened with bounds, one writing transaction at a time, reads beside it, and its errors with codes.
import { existsSync } from 'node:fs';
import { DuckDBInstance, type DuckDBConnection, type DuckDBValue } from '@duckdb/node-api';
import type { EpochMs } from '../../common/model/time.ts';
import { messageOf, WeirError } from '../../common/runtime/errors.ts';
import { isTornLog, setLogsAside } from './duckdb-log.ts';
import { migrate, SCHEMA_VERSION } from './duckdb-schema.ts';

export interface DuckDbFileConfig {
  readonly file: string;
  readonly memoryLimitMb: number;
  readonly threads: number;
}

interface OpenedInstance {
  readonly instance: DuckDBInstance;
  readonly writer: DuckDBConnection;
  readonly setAside: readonly string[];
}

/** Reads at once: each holds a thread of DuckDB and some memory. */
const MAX_READS = 4;

export class DuckDbFile {
  /** Torn logs that were set aside so that it opened; what they held is in the journal. */
  readonly setAside: readonly string[];
  readonly #instance: DuckDBInstance;
  readonly #writer: DuckDBConnection;
  readonly #file: string;
  readonly #threads: number;
  readonly #reads = new Set<Promise<unknown>>();
  #writing: Promise<unknown> = Promise.resolve();
  #besides: Promise<unknown> = Promise.resolve();
  #wide = 0;
  #widening: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(opened: OpenedInstance, { file, threads }: DuckDbFileConfig) {
    this.#instance = opened.instance;
    this.setAside = opened.setAside;
    this.#writer = opened.writer;
    this.#file = file;
    this.#threads = threads;
  }

  /**
   * `nowMs` names a torn log that is set aside; an older `version` is for tests of what comes after it.
   * Throws store_damaged, store_too_new, store_full, store_unavailable or data_folder_in_use.
   */
  static async open(config: DuckDbFileConfig, nowMs: EpochMs, version = SCHEMA_VERSION): Promise<DuckDbFile> {
    const { file } = config;
    const existed = existsSync(file);
    try {
      const { instance, setAside } = await openedInstance(config, nowMs);
      const writer = await instance.connect();
      await migrate(writer, file, version).catch((error: unknown) => {
        writer.closeSync();
        instance.closeSync();
        throw error;
      });
      return new DuckDbFile({ instance, setAside, writer }, config);
    } catch (error) {
      throw storeError(error, file, existed);
    }
  }

  /** All or nothing, one after the other. */
  async transaction<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    const turn = this.#writing.then(() => this.#transact(work));
    this.#writing = turn.catch(() => undefined);
    return turn;
  }

  async #transact<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    this.#refuseClosed();
    try {
      await this.#writer.run('begin transaction');
      const result = await work(this.#writer);
      await this.#writer.run('commit');
      return result;
    } catch (error) {
      await this.#writer.run('rollback').catch(() => undefined);
      throw storeError(error, this.#file, true);
    }
  }

  /**
   * All or nothing beside the writing transactions: for tables that those never change. One after the other; sees everything committed before.
   * `reader`: for long reads meanwhile. DuckDB ends a stream early, without a word, once its own connection runs anything else.
   */
  async beside<T>(work: (connection: DuckDBConnection, reader: DuckDBConnection) => Promise<T>): Promise<T> {
    const turn = this.#besides.then(() => this.#transactBeside(work));
    this.#besides = turn.catch(() => undefined);
    return turn;
  }

  /** Writes the log into the file and gives back the room of what was deleted, beside readers and writers; does nothing while one writes. */
  async checkpoint(): Promise<void> {
    await this.transactionless('checkpoint');
  }

  async transactionless(sql: string): Promise<void> {
    const turn = this.#writing.then(async () => {
      await this.#besides;
      this.#refuseClosed();
      await this.#writer.run(sql);
    });
    this.#writing = turn.catch(() => undefined);
    await turn.catch((error: unknown) => {
      throw storeError(error, this.#file, true);
    });
  }

  /** What was being written when this was called has ended. */
  async written(): Promise<void> {
    await this.#writing;
  }

  async #transactBeside<T>(work: (connection: DuckDBConnection, reader: DuckDBConnection) => Promise<T>): Promise<T> {
    this.#refuseClosed();
    const connection = await this.#instance.connect();
    const reader = await this.#instance.connect();
    try {
      await connection.run('begin transaction');
      const result = await work(connection, reader);
      await connection.run('commit');
      return result;
    } catch (error) {
      await connection.run('rollback').catch(() => undefined);
      throw storeError(error, this.#file, true);
    } finally {
      reader.closeSync();
      connection.closeSync();
    }
  }

  /** Rows of a query on a connection of its own, each handed to `take`, at most `maxRows`; whether that was all of them. */
  async read(
    sql: string,
    values: Record<string, DuckDBValue>,
    maxRows: number,
    take: (row: readonly DuckDBValue[]) => void,
  ): Promise<boolean> {
    while (this.#reads.size >= MAX_READS) await Promise.race(this.#reads);
    this.#refuseClosed();
    const reading = this.#stream(sql, values, maxRows, take);
    const settled = reading.then(
      () => undefined,
      () => undefined,
    );
    this.#reads.add(settled);
    try {
      return await reading;
    } catch (error) {
      throw storeError(error, this.#file, true);
    } finally {
      this.#reads.delete(settled);
    }
  }

  /** While this works, questions are answered by several threads of DuckDB. Worth its while where many readings are gone through. */
  async widely<T>(work: () => Promise<T>): Promise<T> {
    this.#wide += 1;
    await this.#setThreads();
    try {
      return await work();
    } finally {
      this.#wide -= 1;
      await this.#setThreads();
    }
  }

  /** Where that fails the work goes on with as many as there are. */
  async #setThreads(): Promise<void> {
    this.#widening = this.#widening
      .then(async () => {
        if (this.#closed) return;
        const connection = await this.#instance.connect();
        try {
          await connection.run(`set threads = ${this.#wide > 0 ? this.#threads : 1}`);
        } finally {
          connection.closeSync();
        }
      })
      .catch(() => undefined);
    return this.#widening;
  }

  async #stream(
    sql: string,
    values: Record<string, DuckDBValue>,
    maxRows: number,
    take: (row: readonly DuckDBValue[]) => void,
  ): Promise<boolean> {
    const connection = await this.#instance.connect();
    try {
      const result = await connection.stream(sql, values);
      let rows = 0;
      for (let chunk = await result.fetchChunk(); chunk !== null; chunk = await result.fetchChunk()) {
        if (chunk.rowCount === 0) break;
        for (const row of chunk.getRows()) {
          if (rows === maxRows) return false;
          rows += 1;
          take(row);
        }
      }
      return true;
    } finally {
      connection.closeSync();
    }
  }

  /** Waits for what runs, writes the log into the file, and lets it go. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#writing;
    await this.#besides;
    await Promise.all(this.#reads);
    await this.#widening;
    this.#writer.closeSync();
    this.#instance.closeSync();
  }

  #refuseClosed(): void {
    if (this.#closed) throw new WeirError('store_unavailable', 'The metric store is closed.', { file: this.#file });
  }
}

async function openedInstance(
  config: DuckDbFileConfig,
  nowMs: EpochMs,
): Promise<Pick<OpenedInstance, 'instance' | 'setAside'>> {
  try {
    return { instance: await createInstance(config), setAside: [] };
  } catch (error) {
    if (!isTornLog(error)) throw error;
    const setAside = setLogsAside(config.file, nowMs);
    return { instance: await createInstance(config), setAside };
  }
}

/**
 * With one thread until `widely`: who has work done by another thread of DuckDB waits for it without sleeping, which costs what writes
 * rows a sixth more.
 */
function createInstance({ file, memoryLimitMb }: DuckDbFileConfig): Promise<DuckDBInstance> {
  return DuckDBInstance.create(file, {
    memory_limit: `${memoryLimitMb}MB`,
    threads: '1',
    // Nothing is fetched from the network, whatever a query says.
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    temp_directory: `${file}.tmp`,
    max_temp_directory_size: '1GB',
  });
}

const FULL = /No space left|ENOSPC|disk (is )?full|Disk quota exceeded|max_temp_directory_size/i;
const TOO_NEW = /storage version greater than|can only read versions|newer version of DuckDB/i;
const IN_USE = /Could not set lock on file|Conflicting lock/i;
const DAMAGED =
  /not a valid DuckDB|Serialization Error|corrupt|checksum|replaying WAL|magic bytes|INTERNAL Error|storage version|Could not read enough bytes/i;
const UNAVAILABLE =
  /IO Error|invalidated|FATAL Error|Out of Memory|Connection Error|Interrupt|TransactionContext Error/i;

/** DuckDB tells errors by their text only; what is none of these is a mistake of ours and stays as it is. */
export function storeError(error: unknown, file: string, existed: boolean): unknown {
  if (error instanceof WeirError) return error;
  const text = messageOf(error);
  const wrap = (
    code: 'store_full' | 'store_damaged' | 'store_too_new' | 'store_unavailable' | 'data_folder_in_use',
    what: string,
  ) => new WeirError(code, `${what}: ${firstLine(text)}`, { file }, error);
  if (FULL.test(text)) return wrap('store_full', `No room for the metric store ${file}`);
  if (IN_USE.test(text)) return wrap('data_folder_in_use', `Another process holds the metric store ${file}`);
  if (TOO_NEW.test(text)) return wrap('store_too_new', `A newer DuckDB wrote the metric store ${file}`);
  if (existed && DAMAGED.test(text)) return wrap('store_damaged', `The metric store ${file} is damaged`);
  if (UNAVAILABLE.test(text)) return wrap('store_unavailable', `The metric store ${file} does not work`);
  return error;
}

function firstLine(text: string): string {
  return `${(text.split('\n')[0] ?? '').slice(0, 300)}.`;
}
