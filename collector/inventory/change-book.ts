// What changed of devices and interfaces and when: written with the change itself, kept for a time, read by the viewpoint.
import type { Database, Migration, Queryable } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { Viewpoint } from '../../common/model/viewpoint.ts';

export const changeMigrations: readonly Migration[] = [
  {
    id: 'inventory-changes-001',
    sql: `
      create table inventory.change (
        id int8 primary key generated always as identity,
        device text collate "C" not null,
        part text not null,
        kind text not null,
        before text,
        after text,
        at_ms int8 not null,
        unique (device, part, kind, at_ms)
      );`,
  },
];

/**
 * upgrade: another software version; replacement: another serial number; renumbering: another ifIndex; relabel: another ifAlias;
 * presence: an interface is gone from a complete table, or there again; interface_new: one that no table had before. Of parts (`KIND:KEY`):
 * module_new, module_gone, module_replaced and module_upgrade, told of modules with a serial number; neighbour_new, neighbour_lost.
 */
export const CHANGE_KINDS = [
  'upgrade',
  'replacement',
  'model',
  'os',
  'sys_name',
  'location',
  'renumbering',
  'relabel',
  'speed',
  'mac',
  'presence',
  'interface_new',
  'module_new',
  'module_gone',
  'module_replaced',
  'module_upgrade',
  'neighbour_new',
  'neighbour_lost',
] as const;
export type ChangeKind = (typeof CHANGE_KINDS)[number];

export interface InventoryChange {
  readonly id: number;
  readonly device: string;
  /** '' for the device itself, the key of an interface, or `module:KEY` or `neighbour:KEY`. */
  readonly part: string;
  readonly kind: string;
  readonly before: string | null;
  readonly after: string | null;
  /** In the device's time, as its poll was. */
  readonly atMs: EpochMs;
}

export interface ChangesQuery {
  readonly device?: string;
  readonly kind?: ChangeKind;
  readonly before?: number;
  readonly limit: number;
}

/**
 * Before the rows are written: tells what of them is another. What was never known is no change, so a first sighting tells nothing;
 * the same poll again tells nothing more. `systems` and `interfaces` are the rows to be written, as JSON.
 */
export async function recordChanges(
  connection: Queryable,
  rows: { readonly systems: string | null; readonly interfaces: string | null; readonly times: string },
): Promise<void> {
  if (rows.systems !== null) await connection.query(SYSTEM_CHANGES, [rows.systems, rows.times]);
  if (rows.interfaces !== null) await connection.query(INTERFACE_CHANGES, [rows.interfaces, rows.times]);
}

const SYSTEM_CHANGES = `
  insert into inventory.change (device, part, kind, before, after, at_ms)
  select device.name, '', told.kind, told.before, told.after, polled."atMs"
    from inventory.device device
    join jsonb_to_recordset($1::jsonb) as seen (id int, "sysName" text, "sysLocation" text, model text, os text,
         version text, serial text) on seen.id = device.id
    join jsonb_to_recordset($2::jsonb) as polled (id int, "atMs" int8) on polled.id = device.id
    cross join lateral (values
         ('upgrade', device.version, seen.version), ('replacement', device.serial, seen.serial),
         ('model', device.model, seen.model), ('os', device.os, seen.os), ('sys_name', device.sys_name, seen."sysName"),
         ('location', device.sys_location, seen."sysLocation")) as told (kind, before, after)
   where told.before is not null and told.after is not null and told.before <> told.after
  on conflict do nothing`;

/** An alias that is taken away is a change too: an interface of which names were read has one, if only an empty one. */
const INTERFACE_CHANGES = `
  insert into inventory.change (device, part, kind, before, after, at_ms)
  select device.name, interface.key, told.kind, told.before, told.after, polled."atMs"
    from inventory.interface interface
    join inventory.device device on device.id = interface.device
    join jsonb_to_recordset($1::jsonb) as seen (id int, "ifIndex" text, "ifName" text, "ifDescr" text, "ifAlias" text,
         "speedBps" int8, mac text, "goneAtMs" int8) on seen.id = interface.id
    join jsonb_to_recordset($2::jsonb) as polled (id int, "atMs" int8) on polled.id = device.id
    cross join lateral (values
         ('renumbering', interface.if_index, seen."ifIndex"),
         ('relabel', case when coalesce(interface.if_name, interface.if_descr) is not null
                          then coalesce(interface.if_alias, '') end,
                     case when coalesce(seen."ifName", seen."ifDescr") is not null then coalesce(seen."ifAlias", '') end),
         ('speed', interface.speed_bps::text, seen."speedBps"::text),
         ('mac', interface.mac, seen.mac),
         ('presence', case when interface.gone_at_ms is null then 'present' else 'gone' end,
                      case when seen."goneAtMs" is null then 'present' else 'gone' end)) as told (kind, before, after)
   where told.before is not null and told.after is not null and told.before <> told.after
  on conflict do nothing`;

const FORGET_STEP = 5000;

interface Row {
  readonly id: bigint;
  readonly device: string;
  readonly part: string;
  readonly kind: string;
  readonly before: string | null;
  readonly after: string | null;
  readonly at_ms: bigint;
}

export class ChangeBook {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Forgets what is older, and what is more than so many, a few thousand at a time; returns how many. */
  async forget(olderThanMs: EpochMs, most: number): Promise<number> {
    const { rowCount } = await this.#database.query(
      `delete from inventory.change where id in (
         select id from inventory.change
          where at_ms < $1 or id <= (select max(id) from inventory.change) - $2 order by id limit ${FORGET_STEP})`,
      [olderThanMs, most],
    );
    return rowCount;
  }

  /** The last written first. */
  async list(viewpoint: Viewpoint, query: ChangesQuery): Promise<InventoryChange[]> {
    const { rows } = await this.#database.query<Row>(
      `select id, device, part, kind, before, after, at_ms from inventory.change
        where id < $1 and ($2::text is null or device = $2) and ($3::text is null or kind = $3)
          and ($4::text[] is null or device = any($4) or (device || '/' || part = any($5::text[])
                 and kind not like 'module%' and kind not like 'neighbour%'))
        order by id desc limit $6`,
      [
        query.before ?? Number.MAX_SAFE_INTEGER,
        query.device ?? null,
        query.kind ?? null,
        viewpoint.everything ? null : viewpoint.devices,
        viewpoint.resources,
        query.limit,
      ],
    );
    return rows.map(({ id, at_ms: atMs, ...row }) => ({ id: Number(id), ...row, atMs: Number(atMs) }));
  }
}
