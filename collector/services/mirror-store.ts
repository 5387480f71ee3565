// The last copy of the feed in PostgreSQL: replaced in one transaction under the version of the contracts, never by an older one.
import type { Database, Queryable } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { MirroredService } from './service-book.ts';

export interface KeptCopy {
  readonly version: string;
  readonly freshAtMs: EpochMs;
  readonly services: readonly MirroredService[];
}

export class MirrorStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Null before the first copy. */
  load(): Promise<KeptCopy | null> {
    return this.#database.transaction(async (connection) => {
      // Shared with nobody who writes: version and services are of one copy.
      const { rows } = await connection.query<{ version: bigint; fresh_at_ms: bigint }>(
        `select version, fresh_at_ms from services.mirror for share`,
      );
      const [row] = rows;
      if (row === undefined) return null;
      const kept = await connection.query<{ content: MirroredService }>(
        `select content from services.service order by id collate "C"`,
      );
      return {
        version: row.version.toString(),
        freshAtMs: Number(row.fresh_at_ms),
        services: kept.rows.map(({ content }) => content),
      };
    });
  }

  /** False where a newer version is kept already, by another collector: then nothing is written. */
  replace(copy: KeptCopy): Promise<boolean> {
    return this.#database.transaction(async (connection) => {
      if (!(await takeVersion(connection, copy))) return false;
      await connection.query(`delete from services.service where not (id = any($1::text[]))`, [
        copy.services.map(({ id }) => id),
      ]);
      await connection.query(
        `insert into services.service (id, content) select * from unnest($1::text[], $2::jsonb[])
         on conflict (id) do update set content = excluded.content where service.content is distinct from excluded.content`,
        [copy.services.map(({ id }) => id), copy.services.map((service) => JSON.stringify(service))],
      );
      return true;
    });
  }

  /** The same copy was seen again. */
  async confirm(version: string, freshAtMs: EpochMs): Promise<void> {
    await this.#database.query(
      `update services.mirror set fresh_at_ms = greatest(fresh_at_ms, $2) where version = $1`,
      [BigInt(version), freshAtMs],
    );
  }
}

async function takeVersion(connection: Queryable, { version, freshAtMs }: KeptCopy): Promise<boolean> {
  const { rowCount } = await connection.query(
    `insert into services.mirror (version, fresh_at_ms) values ($1, $2)
     on conflict (singleton) do update set version = excluded.version, fresh_at_ms = excluded.fresh_at_ms
     where mirror.version <= excluded.version`,
    [BigInt(version), freshAtMs],
  );
  return rowCount > 0;
}
