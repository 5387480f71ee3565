// Where devices lie on the map, as operators have put them: one layout for everybody, kept with who moved what.
import { recordAudit } from '../../common/database/audit.ts';
import type { Database, Migration } from '../../common/database/database.ts';
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import { sees, type Viewpoint } from '../../common/model/viewpoint.ts';
import type { Principal } from '../../common/runtime/access.ts';
import type { Clock } from '../../common/runtime/clock.ts';

export const mapLayoutMigrations: readonly Migration[] = [
  {
    id: 'map-layout-001',
    sql: `
      create table inventory.map_spot (
        device text primary key,
        x float8 not null,
        y float8 not null,
        by_whom text not null,
        at_ms int8 not null
      );`,
  },
];

/** Parts of the width and of the height of the map, from its top left. */
export interface MapSpot {
  readonly device: string;
  readonly x: number;
  readonly y: number;
}

export interface KeptSpot extends MapSpot {
  readonly by: string;
  readonly at: string;
}

interface SpotRow extends MapSpot {
  readonly by_whom: string;
  readonly at_ms: bigint;
}

export interface MapLayouts {
  /** By device. */
  spots(viewpoint: Viewpoint): Promise<readonly KeptSpot[]>;
  move(spots: readonly MapSpot[], by: Principal): Promise<void>;
  /** Gives how many were let go. */
  clear(viewpoint: Viewpoint, by: Principal): Promise<number>;
}

export class MapLayout implements MapLayouts {
  readonly #deps: { readonly database: Database; readonly clock: Pick<Clock, 'now'> };

  constructor(deps: { readonly database: Database; readonly clock: Pick<Clock, 'now'> }) {
    this.#deps = deps;
  }

  async spots(viewpoint: Viewpoint): Promise<readonly KeptSpot[]> {
    const { rows } = await this.#deps.database.query<SpotRow>(
      `select device, x, y, by_whom, at_ms from inventory.map_spot
        where $1 or device = any($2::text[]) order by device`,
      [viewpoint.everything, viewpoint.devices],
    );
    return rows
      .filter(({ device }) => sees(viewpoint, device))
      .map(({ device, x, y, by_whom: by, at_ms: atMs }) => ({ device, x, y, by, at: isoTime(Number(atMs)) }));
  }

  move(spots: readonly MapSpot[], by: Principal): Promise<void> {
    const { database, clock } = this.#deps;
    const atMs: EpochMs = clock.now();
    return database.transaction(async (connection) => {
      await connection.query(
        `insert into inventory.map_spot (device, x, y, by_whom, at_ms)
         select device, x, y, $4, $5 from unnest($1::text[], $2::float8[], $3::float8[]) as moved (device, x, y)
         on conflict (device) do update
            set x = excluded.x, y = excluded.y, by_whom = excluded.by_whom, at_ms = excluded.at_ms`,
        [spots.map(({ device }) => device), spots.map(({ x }) => x), spots.map(({ y }) => y), by.name, atMs],
      );
      const entry = { atMs, actor: by.name, role: by.role, action: 'map.move', subject: 'map' };
      await recordAudit(connection, { ...entry, after: { spots } });
    });
  }

  clear(viewpoint: Viewpoint, by: Principal): Promise<number> {
    const { database, clock } = this.#deps;
    return database.transaction(async (connection) => {
      const { rows } = await connection.query<MapSpot>(
        'delete from inventory.map_spot where $1 or device = any($2::text[]) returning device, x, y',
        [viewpoint.everything, viewpoint.devices],
      );
      const entry = { atMs: clock.now(), actor: by.name, role: by.role, action: 'map.clear', subject: 'map' };
      if (rows.length > 0) await recordAudit(connection, { ...entry, before: { spots: rows } });
      return rows.length;
    });
  }
}
