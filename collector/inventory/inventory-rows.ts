// Reads devices and interfaces from their tables into the form in which the writer keeps them in memory.
import type { Queryable } from '../../common/database/database.ts';
import type { Poll } from '../../common/model/poll.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { KnownDevice, KnownInterface, LastParts, LastPoll } from './known-device.ts';
import { PART_KINDS, type PartKind } from './part-kinds.ts';

interface DeviceRow {
  readonly id: number;
  readonly name: string;
  readonly revision: bigint;
  readonly complete_until_ms: bigint | null;
  readonly interfaces_at_ms: bigint | null;
  readonly agent: string | null;
  readonly last_poll_at_ms: bigint | null;
  readonly last_answer_at_ms: bigint | null;
  readonly last_outcome: Poll['outcome'] | null;
  readonly last_failure: string | null;
  readonly last_poll_ms: bigint | null;
  readonly last_requests: number | null;
  readonly last_retries: number | null;
  readonly interval_ms: bigint | null;
  readonly uptime_ticks: bigint | null;
  readonly part_tables: Readonly<Partial<Record<PartKind, LastParts>>>;
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
  readonly duplex: number | null;
  readonly lag: string | null;
  readonly speed_bps: bigint | null;
  readonly mac: string | null;
  readonly admin_status: number | null;
  readonly oper_status: number | null;
  readonly last_seen_ms: bigint;
  readonly gone_at_ms: bigint | null;
}

interface Revision {
  readonly name: string;
  readonly revision: bigint;
}

/** The revisions of the devices of these names, locked in the order of their names, made where they are new. */
export async function lockDevices(
  connection: Queryable,
  names: readonly string[],
  nowMs: EpochMs,
): Promise<Map<string, number>> {
  const lock = `select name, revision from inventory.device
                 where name = any($1::text[]) order by name for no key update`;
  let { rows } = await connection.query<Revision>(lock, [names]);
  if (rows.length < names.length) {
    const there = new Set(rows.map((row) => row.name));
    await connection.query(
      `insert into inventory.device (name, first_seen_ms) select name, $2 from unnest($1::text[]) as new (name)
        order by name collate "C" on conflict (name) do nothing`,
      [names.filter((name) => !there.has(name)), nowMs],
    );
    ({ rows } = await connection.query<Revision>(lock, [names]));
  }
  return new Map(rows.map((row) => [row.name, Number(row.revision)]));
}

/** With their interfaces. */
export async function loadDevices(connection: Queryable, names: readonly string[]): Promise<KnownDevice[]> {
  const { rows } = await connection.query<DeviceRow>(
    `select id, name, revision, complete_until_ms, interfaces_at_ms, agent, last_poll_at_ms, last_answer_at_ms, last_outcome, last_failure,
            last_poll_ms, last_requests, last_retries, interval_ms, uptime_ticks, part_tables
       from inventory.device where name = any($1::text[])`,
    [names],
  );
  const devices = rows.map(deviceOf);
  await loadInterfaces(connection, devices);
  return devices;
}

/** Adds the interfaces that they have in the table and not in memory. */
export async function loadInterfaces(connection: Queryable, devices: readonly KnownDevice[]): Promise<void> {
  const byId = new Map(devices.map((device) => [device.id, device]));
  const { rows } = await connection.query<InterfaceRow>(
    `select id, device, key, meter_in, meter_out, if_index, if_name, if_descr, if_alias, if_type, mtu, duplex, lag, speed_bps, mac,
            admin_status, oper_status, last_seen_ms, gone_at_ms
       from inventory.interface where device = any($1::int[])`,
    [[...byId.keys()]],
  );
  for (const row of rows) {
    const interfaces = byId.get(row.device)?.interfaces;
    if (interfaces !== undefined && !interfaces.has(row.key)) interfaces.set(row.key, interfaceOf(row));
  }
}

function deviceOf(row: DeviceRow): KnownDevice {
  return {
    id: row.id,
    name: row.name,
    revision: Number(row.revision),
    interfaces: new Map(),
    last: lastPollOf(row),
    completeUntilMs: numberOf(row.complete_until_ms),
    interfacesAtMs: numberOf(row.interfaces_at_ms),
    details: 0,
    rows: null,
    partTables: partTablesOf(row),
  };
}

function partTablesOf({ part_tables: tables }: DeviceRow): Map<PartKind, LastParts> {
  return new Map(PART_KINDS.flatMap((kind) => (tables[kind] === undefined ? [] : [[kind, tables[kind]] as const])));
}

function lastPollOf(row: DeviceRow): LastPoll | null {
  if (row.last_poll_at_ms === null || row.last_outcome === null) return null;
  return {
    agent: row.agent ?? '',
    lastPollAtMs: Number(row.last_poll_at_ms),
    lastAnswerAtMs: numberOf(row.last_answer_at_ms),
    lastOutcome: row.last_outcome,
    lastFailure: row.last_failure,
    lastPollMs: Number(row.last_poll_ms ?? 0n),
    lastRequests: row.last_requests ?? 0,
    lastRetries: row.last_retries ?? 0,
    intervalMs: Number(row.interval_ms ?? 0n),
    uptimeTicks: numberOf(row.uptime_ticks),
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
    duplex: row.duplex,
    lag: row.lag,
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
