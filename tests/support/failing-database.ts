// A database that dies at the n-th query, before or after it took place: what a crash there would leave.
import type { Answer, Database, Queryable } from '../../common/database/database.ts';

export class FailingDatabase implements Database {
  readonly #database: Database;
  #left: number;
  readonly #after: boolean;
  failed = false;

  constructor(database: Database, failAt: number, after: boolean) {
    this.#database = database;
    this.#left = failAt;
    this.#after = after;
  }

  async query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Answer<Row>> {
    return this.#through(() => this.#database.query<Row>(text, values));
  }

  transaction<T>(work: (connection: Queryable) => Promise<T>): Promise<T> {
    return this.#through(() =>
      this.#database.transaction((connection) =>
        work({
          query: <Row extends object>(text: string, values?: readonly unknown[]) =>
            this.#through(() => connection.query<Row>(text, values)),
        }),
      ),
    );
  }

  async #through<T>(work: () => Promise<T>): Promise<T> {
    if (!this.#after) this.#count();
    const result = await work();
    if (this.#after) this.#count();
    return result;
  }

  #count(): void {
    this.#left -= 1;
    if (this.#left < 0) {
      this.failed = true;
      throw new Error('the process died here');
    }
  }
}
