// What a person decided of a projection, kept so that a restart does not forget it: paused, or going through entries again up to a position.
import { type AuditEntry, recordAudit } from '../../common/database/audit.ts';
import type { Database } from '../../common/database/database.ts';

export interface ProjectionControl {
  readonly paused: boolean;
  /** Entries up to this position are gone through again; 0 where none are. */
  readonly againThrough: number;
}

export const UNTOUCHED: ProjectionControl = { paused: false, againThrough: 0 };

export interface ProjectionControls {
  load(projection: string, journal: string): Promise<ProjectionControl>;
  /** With who decided it, in one transaction: there is neither a change without its entry nor an entry without its change. */
  save(projection: string, journal: string, control: ProjectionControl, audit: AuditEntry): Promise<void>;
}

export class PostgresControls implements ProjectionControls {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async load(projection: string, journal: string): Promise<ProjectionControl> {
    const { rows } = await this.#database.query<{ paused: boolean; again_through: bigint }>(
      'select paused, again_through from readings.projection_control where projection = $1 and journal = $2',
      [projection, journal],
    );
    const [row] = rows;
    return row === undefined ? UNTOUCHED : { paused: row.paused, againThrough: Number(row.again_through) };
  }

  async save(projection: string, journal: string, control: ProjectionControl, audit: AuditEntry): Promise<void> {
    await this.#database.transaction(async (connection) => {
      await connection.query(
        `insert into readings.projection_control (projection, journal, paused, again_through) values ($1, $2, $3, $4)
         on conflict (projection, journal)
         do update set paused = excluded.paused, again_through = excluded.again_through`,
        [projection, journal, control.paused, control.againThrough],
      );
      await recordAudit(connection, audit);
    });
  }
}
