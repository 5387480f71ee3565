// Interfaces across devices: the list that people look through, and the physical ports that traffic is summed over.
import { z } from 'zod';
import type { Database } from '../../common/database/database.ts';
import { readCursor, writeCursor } from '../../common/http/parameters.ts';
import { interfaceResource } from '../../common/model/interface-identity.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { Viewpoint } from '../../common/model/viewpoint.ts';
import { type InventoryPage, MAX_INVENTORY_PAGE } from './inventory.ts';

/** shut: by its administrator. down: wanted up as far as the device knows, and anything but up. there: all but those that are gone. */
export const INTERFACE_STATES = ['up', 'down', 'shut', 'gone', 'there'] as const;
export type InterfaceState = (typeof INTERFACE_STATES)[number];

export interface InterfacesQuery {
  /** Null: all; what is not seen is left out either way. */
  readonly devices: readonly string[] | null;
  readonly state: InterfaceState;
  /** Each of the words stands somewhere in device, name, alias or description, in any case. */
  readonly words: readonly string[];
  readonly cursor: string | null;
  readonly limit: number;
}

export interface ListedInterface {
  readonly id: number;
  readonly device: string;
  readonly key: string;
  readonly resource: string;
  readonly ifName: string | null;
  readonly ifDescr: string | null;
  readonly ifAlias: string | null;
  /** Decimal. */
  readonly speedBps: string | null;
  readonly adminStatus: number | null;
  readonly operStatus: number | null;
  readonly goneAtMs: EpochMs | null;
  /** Of the page that begins behind it. */
  readonly cursor: string;
}

export interface Ports {
  readonly ports: readonly { readonly device: string; readonly resource: string }[];
  /** There are more than the bound. */
  readonly cut: boolean;
}

export interface Interfaces {
  /** By device and ifIndex. Throws invalid_request for a cursor that was never given. */
  list(viewpoint: Viewpoint, query: InterfacesQuery): Promise<InventoryPage<ListedInterface>>;
  /** Physical ports that are there; neither LAGs nor sub-interfaces, which carry the same octets again. */
  ports(viewpoint: Viewpoint, limit: number): Promise<Ports>;
}

/** ethernetCsmacd, and what older devices call it; where the type is not known, a port. */
const PHYSICAL = [6, 62, 69, 117] as const;

const CONDITIONS: Readonly<Record<InterfaceState, string>> = {
  there: 'gone_at_ms is null',
  gone: 'gone_at_ms is not null',
  shut: 'gone_at_ms is null and admin_status = 2',
  up: 'gone_at_ms is null and admin_status is distinct from 2 and oper_status = 1',
  down: 'gone_at_ms is null and admin_status is distinct from 2 and oper_status is distinct from 1',
};

/** [device, if_order, id] of the last of the page before. */
const place = z.tuple([z.string().max(200), z.string().regex(/^\d{1,19}$/), z.int().min(1)]);

/** $1: names of devices, null for all; $2: single interfaces of others. */
const SEES = `($1::text[] is null or device.name = any($1) or device.name || '/' || interface.key = any($2::text[]))`;

interface Row {
  readonly id: number;
  readonly device: string;
  readonly key: string;
  readonly if_order: bigint;
  readonly if_name: string | null;
  readonly if_descr: string | null;
  readonly if_alias: string | null;
  readonly speed_bps: bigint | null;
  readonly admin_status: number | null;
  readonly oper_status: number | null;
  readonly gone_at_ms: bigint | null;
}

export class InterfaceList implements Interfaces {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async list(viewpoint: Viewpoint, query: InterfacesQuery): Promise<InventoryPage<ListedInterface>> {
    const [device, order, id] = readCursor(query.cursor ?? undefined, place) ?? ['', '-1', 0];
    const limit = Math.max(1, Math.min(MAX_INVENTORY_PAGE, Math.trunc(query.limit)));
    const { rows } = await this.#database.query<Row>(
      `select interface.id, device.name as device, interface.key, if_order, if_name, if_descr, if_alias, speed_bps,
              admin_status, oper_status, gone_at_ms
         from inventory.interface interface join inventory.device device on device.id = interface.device
        where ${SEES} and ($3::text[] is null or device.name = any($3)) and ${CONDITIONS[query.state]}
          and (device.name, if_order, interface.id) > ($4, $5::numeric, $6)
          and concat_ws(E'\\n', device.name, interface.key, if_name, if_alias, if_descr) ilike all ($7::text[])
        order by device.name, if_order, interface.id limit $8`,
      [
        ...seen(viewpoint),
        query.devices,
        device.replaceAll('\0', ''),
        order,
        id,
        query.words.map((word) => `%${word.replaceAll('\0', '').replaceAll(/[\\%_]/g, (sign) => `\\${sign}`)}%`),
        limit + 1,
      ],
    );
    const items = rows.slice(0, limit).map(listed);
    return { items, next: rows.length > limit ? (items.at(-1)?.cursor ?? null) : null };
  }

  async ports(viewpoint: Viewpoint, limit: number): Promise<Ports> {
    const { rows } = await this.#database.query<{ readonly device: string; readonly key: string }>(
      `select device.name as device, interface.key
         from inventory.interface interface join inventory.device device on device.id = interface.device
        where ${SEES} and gone_at_ms is null and (if_type is null or if_type = any($3::int8[]))
        order by device.name, interface.id limit $4`,
      [...seen(viewpoint), PHYSICAL, limit + 1],
    );
    const ports = rows.slice(0, limit).map(({ device, key }) => ({ device, resource: interfaceResource(device, key) }));
    return { ports, cut: rows.length > limit };
  }
}

function seen(viewpoint: Viewpoint): readonly unknown[] {
  return viewpoint.everything ? [null, []] : [viewpoint.devices, viewpoint.resources];
}

function listed(row: Row): ListedInterface {
  return {
    id: row.id,
    device: row.device,
    key: row.key,
    resource: interfaceResource(row.device, row.key),
    ifName: row.if_name,
    ifDescr: row.if_descr,
    ifAlias: row.if_alias,
    speedBps: row.speed_bps?.toString() ?? null,
    adminStatus: row.admin_status,
    operStatus: row.oper_status,
    goneAtMs: row.gone_at_ms === null ? null : Number(row.gone_at_ms),
    cursor: writeCursor([row.device, `${row.if_order}`, row.id]),
  };
}
