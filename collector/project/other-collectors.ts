// Whether other collectors on the same database have applied something since it was asked last: their projections' positions have moved.
import type { Queryable } from '../../common/database/database.ts';

/** Collectors that are gone keep a row each; no more are looked at. */
const MAX_POSITIONS = 1000;

export class OtherCollectors {
  readonly #database: Queryable;
  readonly #own: string;
  #seen: string | null = null;

  constructor(database: Queryable, own: string) {
    this.#database = database;
    this.#own = own;
  }

  /** False the first time, and where the database does not answer. */
  async haveMoved(): Promise<boolean> {
    const now = await this.#positions().catch(() => null);
    if (now === null) return false;
    const moved = this.#seen !== null && this.#seen !== now;
    this.#seen = now;
    return moved;
  }

  async #positions(): Promise<string> {
    const { rows } = await this.#database.query<{ projection: string; journal: string; position: bigint }>(
      `select projection, journal, position from readings.projection_position
        where journal <> $1 order by projection, journal limit ${MAX_POSITIONS}`,
      [this.#own],
    );
    return rows.map(({ projection, journal, position }) => `${projection} ${journal} ${position}`).join('\n');
  }
}
