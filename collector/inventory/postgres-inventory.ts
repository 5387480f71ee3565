// Answers what devices and interfaces there are, from the tables that the readings projection keeps.
import { z } from 'zod';
import type { Database } from '../../common/database/database.ts';
import { readCursor, writeCursor } from '../../common/http/parameters.ts';
import { interfaceResource } from '../../common/model/interface-identity.ts';
import { LEAST_STALE_MS, STALE_INTERVALS } from '../../common/model/staleness.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { EVERYTHING, type Viewpoint } from '../../common/model/viewpoint.ts';
import {
  type Inventory,
  type InventoryCounts,
  type InventoryDevice,
  type InventoryInterface,
  type InventoryPage,
  MAX_INVENTORY_PAGE,
} from './inventory.ts';

const MOST_ID = 2 ** 31 - 1;
/** PostgreSQL refuses it in a text, so no name has it. */
const NUL = '\0';
const nameCursor = z.string().max(1000);
/** [if_order, id] of the last interface of the page before; if_order in decimal. */
const interfaceCursor = z.tuple([z.string().regex(/^\d{1,19}$/), z.int().min(1).max(MOST_ID)]);

export class PostgresInventory implements Inventory {
  readonly #database: Database;

  constructor(deps: { readonly database: Database }) {
    this.#database = deps.database;
  }

  async devices(viewpoint: Viewpoint, cursor: string | null, limit: number): Promise<InventoryPage<InventoryDevice>> {
    const after = readCursor(cursor ?? undefined, nameCursor) ?? '';
    const { rows } = await this.#database.query<DeviceRow>(
      `${SELECT_DEVICES} where device.name > $1 and ${SEES_DEVICE} order by device.name limit $2`,
      [after.replaceAll(NUL, ''), pageSize(limit) + 1, devicesSeen(viewpoint)],
    );
    return pageOf(rows, pageSize(limit), deviceOf, (row) => row.name);
  }

  async device(viewpoint: Viewpoint, name: string): Promise<InventoryDevice> {
    const { rows } = name.includes(NUL)
      ? { rows: [] }
      : await this.#database.query<DeviceRow>(
          `${SELECT_DEVICES} where device.name = $1 and $2::int = 0 and ${SEES_DEVICE}`,
          [name, 0, devicesSeen(viewpoint)],
        );
    const [row] = rows;
    if (row === undefined) throw new WeirError('not_found', `The device ${name} was never seen.`, { device: name });
    return deviceOf(row);
  }

  async interfaces(
    viewpoint: Viewpoint,
    device: string,
    cursor: string | null,
    limit: number,
  ): Promise<InventoryPage<InventoryInterface>> {
    const [order, id] = readCursor(cursor ?? undefined, interfaceCursor) ?? ['-1', 0];
    const found = await this.device(this.#partlySeen(viewpoint, device) ? EVERYTHING : viewpoint, device);
    const { rows } = await this.#database.query<InterfaceRow>(
      `${SELECT_INTERFACES} where interface.device = $1 and (if_order, interface.id) > ($2::numeric, $3) and ${SEES_INTERFACE(5)}
        order by if_order, interface.id limit $4`,
      [found.id, order, id, pageSize(limit) + 1, devicesSeen(viewpoint), viewpoint.resources],
    );
    return pageOf(rows, pageSize(limit), interfaceOf, (row) => [row.if_order.toString(), row.id]);
  }

  async interface(viewpoint: Viewpoint, id: number): Promise<InventoryInterface> {
    const known = Number.isInteger(id) && id >= 1 && id <= MOST_ID;
    const { rows } = known
      ? await this.#database.query<InterfaceRow>(
          `${SELECT_INTERFACES} where interface.id = $1 and ${SEES_INTERFACE(2)}`,
          [id, devicesSeen(viewpoint), viewpoint.resources],
        )
      : { rows: [] };
    const [row] = rows;
    if (row === undefined) throw new WeirError('not_found', `There is no interface with the id ${id}.`, { id });
    return interfaceOf(row);
  }

  /** Single interfaces of it are seen, itself is not. */
  #partlySeen(viewpoint: Viewpoint, device: string): boolean {
    return !viewpoint.everything && viewpoint.resources.some((resource) => resource.startsWith(`${device}/`));
  }

  async counts(viewpoint: Viewpoint, nowMs: EpochMs): Promise<InventoryCounts> {
    const { rows } = await this.#database.query<Record<'devices' | 'reachable' | 'interfaces' | 'up', bigint>>(
      viewpoint.everything
        ? `select (select count(*) from inventory.device) as devices,
                  (select count(*) from inventory.device where ${ANSWERS(1)}) as reachable,
                  (select count(*) from inventory.interface where gone_at_ms is null) as interfaces,
                  (select count(*) from inventory.interface where gone_at_ms is null and oper_status = 1) as up`
        : `with seen as (
             select interface.oper_status from inventory.interface interface
               join inventory.device device on device.id = interface.device
              where gone_at_ms is null and ${SEES_INTERFACE(1)})
           select (select count(*) from inventory.device where name = any($1::text[])) as devices,
                  (select count(*) from inventory.device
                    where name = any($1::text[]) and ${ANSWERS(3)}) as reachable,
                  (select count(*) from seen) as interfaces,
                  (select count(*) from seen where oper_status = 1) as up`,
      viewpoint.everything ? [nowMs] : [viewpoint.devices, viewpoint.resources, nowMs],
    );
    const [row] = rows;
    return {
      devices: { total: Number(row?.devices ?? 0n), reachable: Number(row?.reachable ?? 0n) },
      interfaces: { total: Number(row?.interfaces ?? 0n), up: Number(row?.up ?? 0n) },
    };
  }
}

/** Null: every device. */
function devicesSeen(viewpoint: Viewpoint): readonly string[] | null {
  return viewpoint.everything ? null : viewpoint.devices;
}

const SEES_DEVICE = '($3::text[] is null or device.name = any($3::text[]))';

/** $N: now. */
const ANSWERS = (place: number): string =>
  `last_outcome <> 'failed' and last_poll_at_ms >= $${place}::int8 - greatest(${LEAST_STALE_MS}, ${STALE_INTERVALS} * coalesce(interval_ms, 0))`;

/** $N: names of devices, null for all; $N+1: single interfaces of others. */
const SEES_INTERFACE = (place: number): string =>
  `($${place}::text[] is null or device.name = any($${place}::text[]) or device.name || '/' || interface.key = any($${place + 1}::text[]))`;

function pageSize(limit: number): number {
  return Math.max(1, Math.min(MAX_INVENTORY_PAGE, Math.trunc(limit)));
}

/** A page of rows of which one more was asked for than it may have. */
function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  itemOf: (row: Row) => Item,
  placeOf: (row: Row) => unknown,
): InventoryPage<Item> {
  const kept = rows.slice(0, limit);
  const last = kept.at(-1);
  const next = rows.length > limit && last !== undefined ? writeCursor(placeOf(last)) : null;
  return { items: kept.map(itemOf), next };
}

const SELECT_DEVICES = `
  select device.*, (select count(*) from inventory.interface
           where interface.device = device.id and gone_at_ms is null) as interfaces
    from inventory.device device`;

const SELECT_INTERFACES = `
  select interface.*, device.name as device_name,
         case when gone_at_ms is null then greatest(last_seen_ms, interfaces_at_ms) else last_seen_ms end as there_at_ms
    from inventory.interface interface join inventory.device device on device.id = interface.device`;

interface DeviceRow {
  readonly id: number;
  readonly name: string;
  readonly first_seen_ms: bigint;
  readonly agent: string | null;
  readonly last_poll_at_ms: bigint | null;
  readonly last_answer_at_ms: bigint | null;
  readonly last_outcome: string | null;
  readonly last_failure: string | null;
  readonly last_poll_ms: bigint | null;
  readonly last_requests: number | null;
  readonly last_retries: number | null;
  readonly interval_ms: bigint | null;
  readonly uptime_ticks: bigint | null;
  readonly sys_name: string | null;
  readonly sys_descr: string | null;
  readonly sys_object_id: string | null;
  readonly sys_location: string | null;
  readonly sys_contact: string | null;
  readonly vendor: string | null;
  readonly model: string | null;
  readonly os: string | null;
  readonly version: string | null;
  readonly serial: string | null;
  readonly profile: string | null;
  readonly interfaces: bigint;
}

interface InterfaceRow {
  readonly id: number;
  readonly device_name: string;
  readonly key: string;
  readonly meter_in: number;
  readonly meter_out: number;
  readonly if_index: string;
  readonly if_order: bigint;
  readonly if_name: string | null;
  readonly if_descr: string | null;
  readonly if_alias: string | null;
  readonly if_type: bigint | null;
  readonly mtu: bigint | null;
  readonly speed_bps: bigint | null;
  readonly mac: string | null;
  readonly admin_status: number | null;
  readonly oper_status: number | null;
  readonly first_seen_ms: bigint;
  readonly there_at_ms: bigint;
  readonly gone_at_ms: bigint | null;
}

function deviceOf(row: DeviceRow): InventoryDevice {
  return {
    id: row.id,
    name: row.name,
    agent: row.agent,
    firstSeenMs: Number(row.first_seen_ms),
    lastPollAtMs: numberOf(row.last_poll_at_ms),
    lastAnswerAtMs: numberOf(row.last_answer_at_ms),
    lastOutcome: row.last_outcome,
    lastFailure: row.last_failure,
    lastPollMs: numberOf(row.last_poll_ms),
    lastRequests: row.last_requests,
    lastRetries: row.last_retries,
    intervalMs: numberOf(row.interval_ms),
    uptimeTicks: numberOf(row.uptime_ticks),
    sysName: row.sys_name,
    sysDescr: row.sys_descr,
    sysObjectID: row.sys_object_id,
    sysLocation: row.sys_location,
    sysContact: row.sys_contact,
    vendor: row.vendor,
    model: row.model,
    os: row.os,
    version: row.version,
    serial: row.serial,
    profile: row.profile,
    interfaceCount: Number(row.interfaces),
  };
}

function interfaceOf(row: InterfaceRow): InventoryInterface {
  return {
    id: row.id,
    device: row.device_name,
    key: row.key,
    resource: interfaceResource(row.device_name, row.key),
    meters: { in: row.meter_in, out: row.meter_out },
    ifIndex: row.if_index,
    ifName: row.if_name,
    ifDescr: row.if_descr,
    ifAlias: row.if_alias,
    ifType: numberOf(row.if_type),
    mtu: numberOf(row.mtu),
    speedBps: row.speed_bps?.toString() ?? null,
    mac: row.mac,
    adminStatus: row.admin_status,
    operStatus: row.oper_status,
    firstSeenMs: Number(row.first_seen_ms),
    lastSeenMs: Number(row.there_at_ms),
    goneAtMs: numberOf(row.gone_at_ms),
  };
}

function numberOf(value: bigint | null): number | null {
  return value === null ? null : Number(value);
}
