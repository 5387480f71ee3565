// The port to PostgreSQL: everything relational goes through these two interfaces and plain, schema-qualified SQL (PostgreSQL 15 subset).

export interface Answer<Row> {
  readonly rows: readonly Row[];
  readonly rowCount: number;
}

export interface Queryable {
  /** int8 arrives as bigint, numeric as string, jsonb parsed, bytea as Buffer. Parameters are $1, $2, …; arrays go through unnest. */
  query<Row extends object = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<Answer<Row>>;
}

export interface TransactionOptions {
  /** Instead of the pool's, for each statement of this transaction. */
  readonly statementTimeoutMs?: number;
}

export interface Database extends Queryable {
  /** Runs `work` in one transaction on one connection; commits when it resolves, rolls back and rethrows when it rejects. */
  transaction<T>(work: (connection: Queryable) => Promise<T>, options?: TransactionOptions): Promise<T>;
}

/** One step of a schema; immutable once released. `id` is unique over all modules, e.g. `readings-001`. */
export interface Migration {
  readonly id: string;
  readonly sql: string;
}

/** A lease as it was granted; its fencing token grows with every grant of that name. */
export interface Lease {
  readonly name: string;
  readonly holder: string;
  readonly token: bigint;
}
