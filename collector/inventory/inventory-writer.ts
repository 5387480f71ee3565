// Keeps devices and interfaces in PostgreSQL in step with the polls: ids given once for ever, and only what changed is written.
import type { Queryable } from '../../common/database/database.ts';
import type { Poll, Table } from '../../common/model/poll.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { recordChanges } from './change-book.ts';
import { loadDevices, loadInterfaces, lockDevices } from './inventory-rows.ts';
import {
  type InventoryChanges,
  type KnownDevice,
  noChanges,
  type RowInterfaces,
  type Sighting,
} from './known-device.ts';
import { interfacesOf, newKeys, observePoll } from './observe-poll.ts';
import { writeParts } from './part-writer.ts';

/** Interfaces in memory, about 400 octets each; the devices longest unused go first and are read again when they come. */
const MAX_INTERFACES = 200_000;
const MAX_DEVICES = 20_000;

/**
 * A copy in memory is good as long as its revision is the row's, so that several collectors may write. Everything here belongs into one
 * transaction: `lock` first, `write` last, and `forget` when it fails.
 */
export class InventoryWriter {
  readonly #devices = new Map<string, KnownDevice>();

  /** The devices of these names, made where they are new, and locked until the transaction ends. */
  async lock(connection: Queryable, names: Iterable<string>, nowMs: EpochMs): Promise<Map<string, KnownDevice>> {
    const wanted = [...new Set(names)];
    const revisions = await lockDevices(connection, wanted, nowMs);
    const stale = wanted.filter((name) => this.#devices.get(name)?.revision !== revisions.get(name));
    if (stale.length > 0)
      for (const device of await loadDevices(connection, stale)) this.#devices.set(device.name, device);
    const found = new Map<string, KnownDevice>();
    for (const name of wanted) {
      const device = this.#devices.get(name);
      if (device === undefined) throw new Error(`BUG: the device ${name} was made but is not there`);
      found.set(name, device);
      this.#devices.delete(name);
      this.#devices.set(name, device);
    }
    if (stale.length > 0) this.#dropOldest(found);
    return found;
  }

  /** Gives ids to the interfaces that polls of locked devices have for the first time. */
  async register(
    connection: Queryable,
    polls: Iterable<{ readonly device: KnownDevice; readonly poll: Poll }>,
    nowMs: EpochMs,
    changes: InventoryChanges,
  ): Promise<void> {
    const rows = new Map<string, { readonly device: number; readonly key: string; readonly ifIndex: string }>();
    const devices = new Set<KnownDevice>();
    for (const { device, poll } of polls) {
      for (const one of newKeys(device, poll, changes)) {
        rows.set(`${device.id} ${one.key}`, { device: device.id, ...one });
        devices.add(device);
      }
    }
    if (rows.size === 0) return;
    await connection.query(
      `with added as (
         insert into inventory.interface (device, key, if_index, first_seen_ms, last_seen_ms)
         select device, key, "ifIndex", $2, $2
           from jsonb_to_recordset($1::jsonb) as new (device int, key text, "ifIndex" text)
          order by device, key collate "C" on conflict (device, key) do nothing
         returning device, key, if_index)
       insert into inventory.change (device, part, kind, before, after, at_ms)
       select device.name, added.key, 'interface_new', null, added.if_index, $2
         from added join inventory.device device on device.id = added.device
        where device.interfaces_at_ms is not null
       on conflict do nothing`,
      [JSON.stringify([...rows.values()]), nowMs],
    );
    await loadInterfaces(connection, [...devices]);
    for (const device of devices) changes.devices.add(device);
  }

  changes(): InventoryChanges {
    return noChanges();
  }

  /** Takes a poll into account, in the order they are given; `write` writes what it changed. False where it is older than the last. */
  observe(sighting: Sighting, changes: InventoryChanges): boolean {
    return observePoll(sighting, changes);
  }

  /** Polls of devices (by id) are complete up to these times, of which a later one stays; not all of the devices are locked. */
  async complete(
    connection: Queryable,
    untils: ReadonlyMap<number, EpochMs>,
    locked: Iterable<KnownDevice>,
    changes: InventoryChanges,
  ): Promise<void> {
    const others = new Map(untils);
    for (const device of locked) {
      const untilMs = others.get(device.id);
      others.delete(device.id);
      if (untilMs === undefined || untilMs <= (device.completeUntilMs ?? Number.NEGATIVE_INFINITY)) continue;
      device.completeUntilMs = untilMs;
      changes.devices.add(device);
    }
    if (others.size > 0) await connection.query(COMPLETE_OTHERS, [[...others.keys()], [...others.values()]]);
  }

  /** The interface of each row of a table that was registered; null where nothing says which one it is. */
  interfacesOf(device: KnownDevice, poll: Poll, table: Table, changes: InventoryChanges): RowInterfaces {
    return interfacesOf(device, poll, table, changes);
  }

  async write(connection: Queryable, changes: InventoryChanges): Promise<void> {
    if (changes.devices.size > 0) {
      const rows = [...changes.devices].map((device) => {
        device.revision += 1;
        const { id, revision, completeUntilMs, interfacesAtMs, last } = device;
        const partTables = Object.fromEntries(device.partTables);
        return { id, revision, completeUntilMs, interfacesAtMs, partTables, ...last };
      });
      await connection.query(WRITE_DEVICES, [JSON.stringify(rows)]);
    }
    await writeParts(connection, changes.parts);
    const systems =
      changes.systems.size === 0
        ? null
        : JSON.stringify([...changes.systems].map(([device, texts]) => ({ id: device.id, ...texts })));
    const interfaces = changes.interfaces.size === 0 ? null : JSON.stringify([...changes.interfaces]);
    if (systems === null && interfaces === null) return;
    const times = [...changes.devices].map(({ id, last }) => ({ id, atMs: last?.lastPollAtMs ?? 0 }));
    await recordChanges(connection, { systems, interfaces, times: JSON.stringify(times) });
    if (systems !== null) await connection.query(WRITE_SYSTEMS, [systems]);
    if (interfaces !== null) await connection.query(WRITE_INTERFACES, [interfaces]);
  }

  /** After a transaction that failed, what was taken from it is not true. */
  forget(names: Iterable<string>): void {
    for (const name of names) this.#devices.delete(name);
  }

  #dropOldest(used: ReadonlyMap<string, KnownDevice>): void {
    let interfaces = 0;
    for (const device of this.#devices.values()) interfaces += device.interfaces.size;
    for (const [name, device] of this.#devices) {
      if ((interfaces <= MAX_INTERFACES && this.#devices.size <= MAX_DEVICES) || used.has(name)) return;
      this.#devices.delete(name);
      interfaces -= device.interfaces.size;
    }
  }
}

const WRITE_DEVICES = `
  update inventory.device device
     set revision = seen.revision, complete_until_ms = seen."completeUntilMs",
         interfaces_at_ms = seen."interfacesAtMs", agent = seen.agent,
         last_poll_at_ms = seen."lastPollAtMs", last_answer_at_ms = seen."lastAnswerAtMs",
         last_outcome = seen."lastOutcome", last_failure = seen."lastFailure", last_poll_ms = seen."lastPollMs",
         last_requests = seen."lastRequests", last_retries = seen."lastRetries", interval_ms = seen."intervalMs",
         uptime_ticks = seen."uptimeTicks", part_tables = seen."partTables"
    from jsonb_to_recordset($1::jsonb) as seen (id int, revision int8, "completeUntilMs" int8, "interfacesAtMs" int8,
         agent text, "lastPollAtMs" int8, "lastAnswerAtMs" int8, "lastOutcome" text, "lastFailure" text,
         "lastPollMs" int8, "lastRequests" int, "lastRetries" int, "intervalMs" int8, "uptimeTicks" int8, "partTables" jsonb)
   where device.id = seen.id`;

const COMPLETE_OTHERS = `
  update inventory.device device
     set complete_until_ms = greatest(device.complete_until_ms, told.until_ms), revision = device.revision + 1
    from unnest($1::int[], $2::int8[]) as told (id, until_ms) where device.id = told.id`;

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
         if_type = seen."ifType", mtu = seen.mtu, duplex = seen.duplex, lag = seen.lag, speed_bps = seen."speedBps", mac = seen.mac,
         admin_status = seen."adminStatus", oper_status = seen."operStatus", last_seen_ms = seen."lastSeenMs",
         gone_at_ms = seen."goneAtMs"
    from jsonb_to_recordset($1::jsonb) as seen (id int, "ifIndex" text, "ifName" text, "ifDescr" text, "ifAlias" text,
         "ifType" int8, mtu int8, duplex int, lag text, "speedBps" int8, mac text, "adminStatus" int, "operStatus" int, "lastSeenMs" int8,
         "goneAtMs" int8)
   where interface.id = seen.id`;
