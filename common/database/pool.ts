// The Database port over a bounded pool of `pg`: exact types, coded errors, and no lost server that ends the process.
import pg from 'pg';
import type { DurationMs } from '../model/time.ts';
import { WeirError } from '../runtime/errors.ts';
import type { Reporter } from '../runtime/reporter.ts';
import { codedError, isConnectionLost } from './connection-errors.ts';
import type { Answer, Database, Queryable, TransactionOptions } from './database.ts';

export interface DatabaseOptions {
  /** `postgres://user:password@host:port/database`. */
  readonly url: string;
  readonly maxConnections: number;
  /** Shown by the server in pg_stat_activity. */
  readonly applicationName: string;
  /** The server ends a longer statement (SQLSTATE 57014). Default two minutes; a migration sets its own. */
  readonly statementTimeoutMs?: DurationMs;
}

export interface OpenDatabase extends Database {
  /** Waits for what is running, then closes every connection. Safe to call twice. */
  close(): Promise<void>;
}

const STATEMENT_TIMEOUT_MS = 120_000;
/** The client gives up this much after the server should have: only where the server or the way to it is gone without a word. */
const SILENCE_MS = 15_000;
/** Longest wait for a free connection, or for a new one to open. */
const CONNECT_TIMEOUT_MS = 10_000;
const IDLE_TIMEOUT_MS = 30_000;
/** A transaction whose owner sleeps holds locks that others wait for. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 300_000;
const MAX_WAITING = 2000;

/** Opens lazily: the first query connects. Throws database_unreachable (try again), database_refused (credentials or name) or database_busy (no connection free). Errors of SQL itself pass as `pg` gives them, with SQLSTATE in `code`. */
export function openDatabase(reporter: Reporter, options: DatabaseOptions): OpenDatabase {
  return new PooledDatabase(reporter, options);
}

class PooledDatabase implements OpenDatabase {
  readonly #pool: pg.Pool;
  readonly #address: string;
  readonly #statementTimeoutMs: DurationMs;
  #lost: string | null = null;
  #probing = false;
  #closed: Promise<void> | null = null;

  constructor(reporter: Reporter, options: DatabaseOptions) {
    this.#address = addressOf(options.url);
    this.#statementTimeoutMs = options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS;
    this.#pool = new pg.Pool(poolConfig(options, this.#statementTimeoutMs));
    // A connection in hand has no listener of the pool's: without one here, a lost server would end the process.
    this.#pool.on('connect', (client) => client.on('error', () => undefined));
    this.#pool.on('error', (error) =>
      reporter.warn('idle database connection lost', { address: this.#address, message: error.message }),
    );
    reporter.health('database', () => this.#health());
  }

  query<Row extends object = Record<string, unknown>>(
    text: string,
    values: readonly unknown[] = [],
  ): Promise<Answer<Row>> {
    return this.#withConnection((client) => ask<Row>(client, text, values, this.#statementTimeoutMs));
  }

  transaction<T>(work: (connection: Queryable) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    const timeoutMs = options.statementTimeoutMs ?? this.#statementTimeoutMs;
    return this.#withConnection(async (client) => {
      await ask(client, 'begin', [], timeoutMs);
      const connection = new TransactionConnection(client, timeoutMs);
      try {
        if (options.statementTimeoutMs !== undefined)
          await connection.query(`set local statement_timeout = ${Math.ceil(timeoutMs)}`);
        const result = await work(connection);
        await connection.end();
        await commit(client, timeoutMs);
        return result;
      } catch (error) {
        await connection.end();
        await rollBack(client, error, timeoutMs);
        throw error;
      }
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#pool.end();
    return this.#closed;
  }

  async #withConnection<T>(use: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#connect();
    try {
      const result = await use(client);
      client.release();
      return result;
    } catch (error) {
      const reason = error instanceof UnusableConnection ? error.reason : error;
      client.release(error instanceof UnusableConnection || isConnectionLost(reason));
      throw this.#coded(reason);
    }
  }

  async #connect(): Promise<pg.PoolClient> {
    if (this.#closed !== null) throw new WeirError('database_unreachable', 'The database connection is closed.');
    if (this.#pool.waitingCount >= MAX_WAITING) throw this.#busy();
    try {
      const client = await this.#pool.connect();
      this.#lost = null;
      return client;
    } catch (error) {
      if (error instanceof Error && error.message === 'timeout exceeded when trying to connect') throw this.#busy();
      throw this.#coded(error);
    }
  }

  #busy(): WeirError {
    return new WeirError('database_busy', `No connection to ${this.#address} became free.`, {
      address: this.#address,
      connections: this.#pool.totalCount,
      waiting: this.#pool.waitingCount,
    });
  }

  #coded(error: unknown): unknown {
    const coded = codedError(error, this.#address);
    if (coded instanceof WeirError && coded.code === 'database_unreachable') this.#lost = coded.message;
    return coded;
  }

  /** A lost database is asked again when somebody looks, so that health returns without other traffic. */
  #health(): { healthy: boolean; message: string } {
    if (this.#lost === null) return { healthy: true, message: 'reachable' };
    if (!this.#probing && this.#closed === null) void this.#askAgain();
    return { healthy: false, message: this.#lost };
  }

  async #askAgain(): Promise<void> {
    this.#probing = true;
    await this.query('select 1').catch(() => undefined);
    this.#probing = false;
  }
}

/** One transaction's connection: queries run in the order they were asked, and none after its end, where it would commit by itself. */
class TransactionConnection implements Queryable {
  readonly #client: pg.PoolClient;
  readonly #timeoutMs: DurationMs;
  #ended = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(client: pg.PoolClient, timeoutMs: DurationMs) {
    this.#client = client;
    this.#timeoutMs = timeoutMs;
  }

  query<Row extends object = Record<string, unknown>>(
    text: string,
    values: readonly unknown[] = [],
  ): Promise<Answer<Row>> {
    if (this.#ended) return Promise.reject(new Error('BUG: a query on a transaction that has ended'));
    const answer = this.#last.then(() => ask<Row>(this.#client, text, values, this.#timeoutMs));
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#last;
  }
}

/** The connection is in an unknown state and must not be used again; `reason` is what the caller is told. */
class UnusableConnection extends Error {
  readonly reason: unknown;

  constructor(reason: unknown) {
    super('unusable connection');
    this.reason = reason;
  }
}

async function ask<Row extends object>(
  client: pg.PoolClient,
  text: string,
  values: readonly unknown[],
  timeoutMs: DurationMs,
): Promise<Answer<Row>> {
  // Several statements at once (no values) answer with a list: the last one counts.
  const answered: pg.QueryResult<Row> | pg.QueryResult<Row>[] = await client.query<Row>(
    bounded(text, values, timeoutMs),
  );
  const result = [answered].flat().at(-1);
  return { rows: result?.rows ?? [], rowCount: result?.rowCount ?? 0 };
}

/** A query that the client gives up some time after the server should have. */
function bounded(text: string, values: readonly unknown[], timeoutMs: DurationMs): pg.QueryConfig {
  const query = { text, values: [...values], query_timeout: timeoutMs + SILENCE_MS };
  return query;
}

async function commit(client: pg.PoolClient, timeoutMs: DurationMs): Promise<void> {
  // A refused commit (a deferred constraint) has rolled back; one whose answer was lost may have taken place: what repeats it must be idempotent.
  const answer = await client.query(bounded('commit', [], timeoutMs));
  if (answer.command !== 'COMMIT')
    throw new Error('BUG: the work of a transaction swallowed an error of one of its queries; nothing was committed');
}

async function rollBack(client: pg.PoolClient, reason: unknown, timeoutMs: DurationMs): Promise<void> {
  if (isConnectionLost(reason)) return;
  try {
    await client.query(bounded('rollback', [], timeoutMs));
  } catch {
    throw new UnusableConnection(reason);
  }
}

function poolConfig(options: DatabaseOptions, statementTimeoutMs: DurationMs): pg.PoolConfig {
  return {
    connectionString: options.url,
    max: options.maxConnections,
    application_name: options.applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    statement_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    keepAlive: true,
    types: { getTypeParser },
  };
}

const INT8 = 20;
const INT8_ARRAY = 1016;

/** int8 and int8[] as bigint; numeric stays text; the rest as `pg` has it. */
function getTypeParser(oid: number, format?: 'text' | 'binary'): unknown {
  if (format !== 'binary' && oid === INT8) return BigInt;
  if (format !== 'binary' && oid === INT8_ARRAY) return bigintArray;
  return pg.types.getTypeParser(oid, format);
}

/** A one-dimensional int8[] as the server writes it: `{1,NULL,3}`. */
function bigintArray(text: string): (bigint | null)[] {
  const inner = text.slice(1, -1);
  return inner === '' ? [] : inner.split(',').map((one) => (one === 'NULL' ? null : BigInt(one)));
}

/** host:port/database, never the password. */
function addressOf(url: string): string {
  try {
    const { host, pathname } = new URL(url);
    return `${host}${pathname}`;
  } catch {
    return 'the configured address';
  }
}
