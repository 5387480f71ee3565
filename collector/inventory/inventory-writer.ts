// Keeps devices and interfaces in PostgreSQL in step with the polls: ids given once for ever, and only what changed is written.
import type { Queryable } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { Poll } from '../../common/model/poll.ts';
import {
  type InventoryChanges,
  type KnownDevice,
  type KnownInterface,
  noChanges,
  observePoll,
} from './known-device.ts';

/** Devices in memory; the ones longest unused are read again when they come. */
const MAX_DEVICES = 20_000;

interface DeviceRow {
  readonly id: number;
  readonly name: string;
  readonly last_poll_at_ms: bigint | null;
  readonly last_answer_at_ms: bigint | null;
  readonly last_outcome: string | null;
}

interface InterfaceRow {
  readonly id: number;
  readonly device: number;
  readonly key: string;
  readonly meter_in: number;
  readonly meter_out: number;
  readonly if_index: string;
  readonly if_name: string | null;
  readonly if_descr: string | null;
  readonly if_alias: string | null;
  readonly if_type: bigint | null;
  readonly mtu: bigint | null;
  readonly speed_bps: bigint | null;
  readonly mac: string | null;
  readonly admin_status: number | null;
  readonly oper_status: number | null;
  readonly last_seen_ms: bigint;
  readonly gone_at_ms: bigint | null;
}

export interface NewInterface {
  readonly key: string;
  readonly ifIndex: string;
}

export class InventoryWriter {
  readonly #devices = new Map<string, KnownDevice>();

  /** The devices of these names, made where they are new. All of it in the caller's transaction: call `forget` when that fails. */
  async devices(connection: Queryable, names: Iterable<string>, nowMs: EpochMs): Promise<Map<string, KnownDevice>> {
    const wanted = [...new Set(names)];
    const missing = wanted.filter((name) => !this.#devices.has(name)).toSorted();
    if (missing.length > 0) await this.#load(connection, missing, nowMs);
    const found = new Map<string, KnownDevice>();
    for (const name of wanted) {
      const device = this.#devices.get(name);
      if (device === undefined) throw new Error(`BUG: the device ${name} was made but is not there`);
      found.set(name, device);
      this.#devices.delete(name);
      this.#devices.set(name, device);
    }
    for (const [oldest, device] of this.#devices) {
      if (this.#devices.size <= MAX_DEVICES || found.get(oldest) === device) break;
      this.#devices.delete(oldest);
    }
    return found;
  }

  /** Gives ids to interfaces that a device has for the first time. */
  async register(
    connection: Queryable,
    wanted: ReadonlyMap<KnownDevice, readonly NewInterface[]>,
    nowMs: EpochMs,
  ): Promise<void> {
    const rows = [...wanted].flatMap(([device, list]) => list.map((one) => ({ device: device.id, ...one })));
    if (rows.length === 0) return;
    await connection.query(
      `insert into inventory.interface (device, key, if_index, first_seen_ms, last_seen_ms)
       select device, key, "ifIndex", $2, $2
         from jsonb_to_recordset($1::jsonb) as new (device int, key text, "ifIndex" text)
        order by device, key on conflict (device, key) do nothing`,
      [JSON.stringify(rows), nowMs],
    );
    await this.#loadInterfaces(connection, [...wanted.keys()]);
  }

  /** Takes polls into account, in the order they are given, and collects what `write` has to write. */
  observe(
    polls: Iterable<{
      readonly device: KnownDevice;
      readonly poll: Poll;
      readonly agent: string;
      readonly clockOffsetMs: number;
    }>,
  ): InventoryChanges {
    const changes = noChanges();
    for (const { device, poll, agent, clockOffsetMs } of polls)
      observePoll(device, poll, agent, clockOffsetMs, changes);
    return changes;
  }

  async write(connection: Queryable, changes: InventoryChanges): Promise<void> {
    if (changes.polls.size > 0) {
      const rows = [...changes.polls].map(([device, poll]) => ({ id: device.id, ...poll }));
      await connection.query(WRITE_POLLS, [JSON.stringify(rows.toSorted((a, b) => a.id - b.id))]);
    }
    if (changes.systems.size > 0) {
      const rows = [...changes.systems].map(([device, texts]) => ({ id: device.id, ...texts }));
      await connection.query(WRITE_SYSTEMS, [JSON.stringify(rows)]);
    }
    if (changes.interfaces.size > 0)
      await connection.query(WRITE_INTERFACES, [JSON.stringify([...changes.interfaces.keys()])]);
  }

  /** After a transaction that failed, what was taken from it is not true. */
  forget(names: Iterable<string>): void {
    for (const name of names) this.#devices.delete(name);
  }

  async #load(connection: Queryable, names: readonly string[], nowMs: EpochMs): Promise<void> {
    const select = `select id, name, last_poll_at_ms, last_answer_at_ms, last_outcome
                      from inventory.device where name = any($1::text[])`;
    let { rows } = await connection.query<DeviceRow>(select, [names]);
    if (rows.length < names.length) {
      await connection.query(
        `insert into inventory.device (name, first_seen_ms) select name, $2 from unnest($1::text[]) as new (name)
          order by name on conflict (name) do nothing`,
        [names, nowMs],
      );
      ({ rows } = await connection.query<DeviceRow>(select, [names]));
    }
    const devices = rows.map(deviceOf);
    for (const device of devices) this.#devices.set(device.name, device);
    await this.#loadInterfaces(connection, devices);
  }

  async #loadInterfaces(connection: Queryable, devices: readonly KnownDevice[]): Promise<void> {
    const byId = new Map(devices.map((device) => [device.id, device]));
    const { rows } = await connection.query<InterfaceRow>(
      `select id, device, key, meter_in, meter_out, if_index, if_name, if_descr, if_alias, if_type, mtu, speed_bps, mac,
              admin_status, oper_status, last_seen_ms, gone_at_ms
         from inventory.interface where device = any($1::int[])`,
      [[...byId.keys()]],
    );
    for (const row of rows) {
      const interfaces = byId.get(row.device)?.interfaces;
      if (interfaces !== undefined && !interfaces.has(row.key)) interfaces.set(row.key, interfaceOf(row));
    }
  }
}

function deviceOf(row: DeviceRow): KnownDevice {
  return {
    id: row.id,
    name: row.name,
    interfaces: new Map(),
    lastPollAtMs: Number(row.last_poll_at_ms ?? 0n),
    lastAnswerAtMs: numberOf(row.last_answer_at_ms),
    reachable: row.last_outcome === null ? null : row.last_outcome !== 'failed',
  };
}

function interfaceOf(row: InterfaceRow): KnownInterface {
  return {
    id: row.id,
    key: row.key,
    meterIn: row.meter_in,
    meterOut: row.meter_out,
    ifIndex: row.if_index,
    ifName: row.if_name,
    ifDescr: row.if_descr,
    ifAlias: row.if_alias,
    ifType: numberOf(row.if_type),
    mtu: numberOf(row.mtu),
    speedBps: numberOf(row.speed_bps),
    mac: row.mac,
    adminStatus: row.admin_status,
    operStatus: row.oper_status,
    lastSeenMs: Number(row.last_seen_ms),
    goneAtMs: numberOf(row.gone_at_ms),
  };
}

function numberOf(value: bigint | null): number | null {
  return value === null ? null : Number(value);
}

const WRITE_POLLS = `
  update inventory.device device
     set agent = polled.agent, last_poll_at_ms = polled."lastPollAtMs", last_answer_at_ms = polled."lastAnswerAtMs",
         last_outcome = polled."lastOutcome", last_failure = polled."lastFailure", last_poll_ms = polled."lastPollMs",
         last_requests = polled."lastRequests", last_retries = polled."lastRetries", interval_ms = polled."intervalMs",
         uptime_ticks = coalesce(polled."uptimeTicks", device.uptime_ticks)
    from jsonb_to_recordset($1::jsonb) as polled (id int, agent text, "lastPollAtMs" int8, "lastAnswerAtMs" int8,
         "lastOutcome" text, "lastFailure" text, "lastPollMs" int8, "lastRequests" int, "lastRetries" int,
         "intervalMs" int8, "uptimeTicks" int8)
   where device.id = polled.id`;

const WRITE_SYSTEMS = `
  update inventory.device device
     set sys_name = seen."sysName", sys_descr = seen."sysDescr", sys_object_id = seen."sysObjectID",
         sys_location = seen."sysLocation", sys_contact = seen."sysContact", vendor = seen.vendor, model = seen.model,
         os = seen.os, version = seen.version, serial = seen.serial, profile = seen.profile
    from jsonb_to_recordset($1::jsonb) as seen (id int, "sysName" text, "sysDescr" text, "sysObjectID" text,
         "sysLocation" text, "sysContact" text, vendor text, model text, os text, version text, serial text, profile text)
   where device.id = seen.id`;

const WRITE_INTERFACES = `
  update inventory.interface interface
     set if_index = seen."ifIndex", if_name = seen."ifName", if_descr = seen."ifDescr", if_alias = seen."ifAlias",
         if_type = seen."ifType", mtu = seen.mtu, speed_bps = seen."speedBps", mac = seen.mac,
         admin_status = seen."adminStatus", oper_status = seen."operStatus", last_seen_ms = seen."lastSeenMs",
         gone_at_ms = seen."goneAtMs"
    from jsonb_to_recordset($1::jsonb) as seen (id int, "ifIndex" text, "ifName" text, "ifDescr" text, "ifAlias" text,
         "ifType" int8, mtu int8, "speedBps" int8, mac text, "adminStatus" int, "operStatus" int, "lastSeenMs" int8,
         "goneAtMs" int8)
   where interface.id = seen.id`;
