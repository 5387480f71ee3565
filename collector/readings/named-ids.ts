// Short ids for the names of journals and streams, so that the rows that repeat them stay small; those in use are kept in memory.
import type { Queryable } from '../../common/database/database.ts';

/** Far beyond the agents and collectors of one network; then all are read again. */
const MAX_IDS = 50_000;

export interface StreamName {
  readonly agent: string;
  readonly incarnation: string;
}

export class NamedIds {
  readonly #journals = new Map<string, number>();
  readonly #streams = new Map<string, number>();

  async journals(connection: Queryable, names: Iterable<string>): Promise<(name: string) => number> {
    bound(this.#journals);
    const missing = [...new Set(names)].filter((name) => !this.#journals.has(name)).toSorted();
    if (missing.length > 0) {
      const find = 'select id, name from readings.journal where name = any($1::text[])';
      const add = `insert into readings.journal (name) select name from unnest($1::text[]) as new (name)
                    order by name collate "C" on conflict do nothing`;
      for (const row of await findOrAdd<{ id: number; name: string }>(connection, find, add, [missing], missing.length))
        this.#journals.set(row.name, row.id);
    }
    return (name) => idOf(this.#journals, name);
  }

  async streams(connection: Queryable, streams: Iterable<StreamName>): Promise<(stream: StreamName) => number> {
    bound(this.#streams);
    const wanted = new Map([...streams].map((stream) => [keyOf(stream), stream]));
    const missing = [...wanted].filter(([key]) => !this.#streams.has(key)).toSorted(([a], [b]) => (a < b ? -1 : 1));
    if (missing.length > 0) {
      const names = missing.map(([, stream]) => stream);
      const values = [names.map((one) => one.agent), names.map((one) => one.incarnation)];
      const find = `select id, agent, incarnation from readings.stream
                     where (agent, incarnation) in (select * from unnest($1::text[], $2::text[]))`;
      const add = `insert into readings.stream (agent, incarnation)
                   select agent, incarnation from unnest($1::text[], $2::text[]) as new (agent, incarnation)
                    order by agent collate "C", incarnation collate "C" on conflict do nothing`;
      for (const row of await findOrAdd<StreamName & { id: number }>(connection, find, add, values, names.length))
        this.#streams.set(keyOf(row), row.id);
    }
    return (stream) => idOf(this.#streams, keyOf(stream));
  }

  /** After a transaction that failed, ids made in it do not exist. */
  forget(): void {
    this.#journals.clear();
    this.#streams.clear();
  }
}

async function findOrAdd<Row extends object>(
  connection: Queryable,
  find: string,
  add: string,
  values: readonly unknown[],
  count: number,
): Promise<readonly Row[]> {
  const { rows } = await connection.query<Row>(find, values);
  if (rows.length === count) return rows;
  await connection.query(add, values);
  return (await connection.query<Row>(find, values)).rows;
}

function bound(ids: Map<string, number>): void {
  if (ids.size > MAX_IDS) ids.clear();
}

function idOf(ids: ReadonlyMap<string, number>, key: string): number {
  const id = ids.get(key);
  if (id === undefined) throw new Error(`BUG: ${key} has no id`);
  return id;
}

function keyOf(stream: StreamName): string {
  return JSON.stringify([stream.agent, stream.incarnation]);
}
