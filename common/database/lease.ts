// Leases with fencing tokens: a name is held by one process at a time, and what an old holder still does afterwards cannot commit.
import type { DurationMs } from '../model/time.ts';
import { WeirError } from '../runtime/errors.ts';
import type { Database, Lease, Migration, Queryable } from './database.ts';

export const leaseMigrations: readonly Migration[] = [
  {
    id: 'lease-001',
    sql: `
      create schema if not exists weir;
      create table weir.lease (
        name text primary key,
        holder text not null,
        token int8 not null,
        expires_ms int8 not null
      )`,
  },
];

/** Time is the database's own: the clocks of the holders may differ and do not matter. */
const NOW_MS = `(extract(epoch from clock_timestamp()) * 1000)::int8`;

/**
 * How an old holder is kept from doing harm, without trusting any clock: every grant raises the token; an effect locks the lease's row
 * FOR SHARE in its own transaction and checks the token there; a grant locks the row FOR NO KEY UPDATE, which excludes it. So an effect
 * either commits before the next grant, or sees the new token and fails. (FOR KEY SHARE would not do: it lets a grant pass.)
 */
export class Leases {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * The lease, or null where another holder's has not expired or one of its effects is just being committed; never waits for either.
   * `holder` names one loop of one process: asked again by the same holder it is granted again, with a new token that voids the old.
   */
  acquire(name: string, holder: string, ttlMs: DurationMs): Promise<Lease | null> {
    return this.#database.transaction(async (connection) => {
      await connection.query(
        `insert into weir.lease (name, holder, token, expires_ms) values ($1, '', 0, 0) on conflict do nothing`,
        [name],
      );
      const free = await connection.query(
        `select from weir.lease where name = $1 and (expires_ms <= ${NOW_MS} or holder = $2)
         for no key update skip locked`,
        [name, holder],
      );
      if (free.rowCount === 0) return null;
      const { rows } = await connection.query<{ token: bigint }>(
        `update weir.lease set token = token + 1, holder = $2, expires_ms = ${NOW_MS} + $3 where name = $1 returning token`,
        [name, holder, Math.round(ttlMs)],
      );
      const token = rows[0]?.token;
      if (token === undefined) throw new Error(`BUG: the locked lease ${name} is gone`);
      return { name, holder, token };
    });
  }

  /** Holds it `ttlMs` longer from now; also after it expired, if nobody was granted it since. Waits for effects that are just being committed, so never await it inside one. Throws lease_lost. */
  async renew(lease: Lease, ttlMs: DurationMs): Promise<void> {
    const { rowCount } = await this.#database.query(
      `update weir.lease set expires_ms = ${NOW_MS} + $3 where name = $1 and token = $2 and holder <> ''`,
      [lease.name, lease.token, Math.round(ttlMs)],
    );
    if (rowCount === 0) throw lost(lease);
  }

  /** Free for the next at once; nothing where it is lost already. */
  async release(lease: Lease): Promise<void> {
    await this.#database.query(`update weir.lease set expires_ms = 0, holder = '' where name = $1 and token = $2`, [
      lease.name,
      lease.token,
    ]);
  }

  /** To be called in the transaction of every effect, before or after its writes: it then commits only while the lease is held. Throws lease_lost where the token moved on or the time is over. */
  async assertHeld(connection: Queryable, lease: Lease): Promise<void> {
    const { rowCount } = await connection.query(
      `select from weir.lease where name = $1 and token = $2 and expires_ms > ${NOW_MS} for share`,
      [lease.name, lease.token],
    );
    if (rowCount === 0) throw lost(lease);
  }
}

function lost(lease: Lease): WeirError {
  return new WeirError('lease_lost', `The lease ${lease.name} is no longer held by ${lease.holder}.`, {
    lease: lease.name,
    holder: lease.holder,
    token: String(lease.token),
  });
}
