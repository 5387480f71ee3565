// What the inventory knows of devices now and no stored reading tells: aliases, LAGs, neighbours, the limits of sensors. A trial begins with it.
import type { Queryable } from '../../../common/database/database.ts';
import type { DeviceEvent, EventOrigin } from '../../../common/model/event.ts';
import type { Column, Poll, Table } from '../../../common/model/poll.ts';
import type { EpochMs } from '../../../common/model/time.ts';
import { type DeviceThen, tablesThen } from './known-then.ts';

type Facts = Readonly<Record<string, string | number>>;

export interface KnownDeviceNow {
  readonly aliases: Map<string, string>;
  /** The LAG of each member. */
  readonly lags: Map<string, string>;
  readonly neighbours: Facts[];
  /** By index. */
  readonly sensors: Map<string, Facts>;
}

/** Of all devices of one trial. */
const MAX_ROWS = 500_000;

export async function readKnownNow(
  database: Queryable,
  devices: readonly string[],
): Promise<ReadonlyMap<string, KnownDeviceNow>> {
  const known = new Map<string, KnownDeviceNow>(
    devices.map((name) => [name, { aliases: new Map(), lags: new Map(), neighbours: [], sensors: new Map() }]),
  );
  const named = await database.query<{ device: string; key: string; alias: string | null; lag: string | null }>(
    `select device.name as device, interface.key, interface.if_alias as alias, interface.lag
       from inventory.interface interface join inventory.device device on device.id = interface.device
      where device.name = any($1::text[]) and interface.gone_at_ms is null
        and (interface.if_alias <> '' or interface.lag is not null)
      limit ${MAX_ROWS}`,
    [devices],
  );
  for (const { device, key, alias, lag } of named.rows) {
    known.get(device)?.aliases.set(key, alias ?? '');
    if (lag !== null) known.get(device)?.lags.set(key, lag);
  }
  const parts = await database.query<{ device: string; kind: string; key: string; facts: Facts }>(
    `select device.name as device, part.kind, part.key, part.facts
       from inventory.part part join inventory.device device on device.id = part.device
      where device.name = any($1::text[]) and part.kind in ('neighbour', 'sensor') and part.gone_at_ms is null
      limit ${MAX_ROWS}`,
    [devices],
  );
  for (const { device, kind, key, facts } of parts.rows) {
    if (kind === 'neighbour') known.get(device)?.neighbours.push(facts);
    else known.get(device)?.sensors.set(key, facts);
  }
  return known;
}

/** The poll with what is known beside it, of now and of then; `first`: of its device, so that aliases and neighbours of now are learnt once. */
export function withKnown(
  poll: Poll,
  { now, before }: { readonly now: KnownDeviceNow | undefined; readonly before: DeviceThen | undefined },
  first: boolean,
): Poll {
  if (now === undefined || poll.outcome === 'failed') return poll;
  const tables = poll.tables.map((table) => (table.name === 'sensor' ? withLimits(table, now) : table));
  if (first) tables.push(aliasTable(now));
  if (first && (before?.neighbours ?? null) === null) tables.push(neighbourTable(now));
  if (before !== undefined) tables.push(...tablesThen(before, poll.finishedAtMs));
  return { ...poll, tables };
}

const LIMITS = ['lowLimit', 'lowWarning', 'highWarning', 'highLimit'] as const;

function withLimits(table: Table, { sensors }: KnownDeviceNow): Table {
  const columns = LIMITS.map((name): Column => {
    const limits = table.index.map((index) => sensors.get(index)?.[name] ?? Number.NaN);
    return { kind: 'number', name, values: Float64Array.from(limits, Number) };
  });
  return { ...table, columns: [...table.columns, ...columns] };
}

function aliasTable({ aliases, lags }: KnownDeviceNow): Table {
  return tableOf('interface-inventory', aliases.size, [
    { kind: 'text', name: 'interfaceKey', values: [...aliases.keys()] },
    { kind: 'text', name: 'ifAlias', values: [...aliases.values()] },
    { kind: 'text', name: 'lagInterface', values: [...aliases.keys()].map((key) => lags.get(key) ?? '') },
  ]);
}

/** Incomplete: that one is missing from it says nothing. */
function neighbourTable({ neighbours }: KnownDeviceNow): Table {
  const names = ['localInterface', 'remoteDevice', 'remotePort', 'protocol'];
  const text = (name: string): Column => ({
    kind: 'text',
    name,
    values: neighbours.map((facts) => String(facts[name] ?? '')),
  });
  return tableOf('neighbour', neighbours.length, names.map(text));
}

function tableOf(name: Table['name'], rows: number, columns: readonly Column[]): Table {
  const index = Array.from({ length: rows }, (_, at) => String(at + 1));
  return { name, complete: false, index, segments: [], columns };
}

/** More notifications of one slice of time are not read: those of a storm say the same again and again. */
const MAX_EVENTS = 50_000;

interface EventRow {
  readonly event_id: string;
  readonly device: string;
  readonly origin: EventOrigin;
  readonly name: string;
  readonly observed_at_ms: bigint;
  readonly interface_key: string | null;
  readonly details: DeviceEvent['details'];
}

/** Notifications that were kept, in the order of their times. */
export async function readNotifications(
  database: Queryable,
  devices: readonly string[],
  fromMs: EpochMs,
  toMs: EpochMs,
): Promise<ReadonlyMap<string, DeviceEvent[]>> {
  const { rows } = await database.query<EventRow>(
    `select event_id, device, origin, name, observed_at_ms, interface_key, details
       from agents.device_event
      where device = any($1::text[]) and origin in ('trap', 'inform') and observed_at_ms >= $2 and observed_at_ms < $3
        and received_at_ms >= $2
      order by observed_at_ms, id limit ${MAX_EVENTS}`,
    [devices, Math.floor(fromMs), Math.ceil(toMs)],
  );
  const found = new Map<string, DeviceEvent[]>();
  for (const row of rows) {
    const events = found.get(row.device) ?? [];
    found.set(row.device, events);
    events.push({
      id: row.event_id,
      device: row.device,
      source: null,
      origin: row.origin,
      name: row.name,
      observedAtMs: Number(row.observed_at_ms),
      uptimeTicks: null,
      interfaceKey: row.interface_key,
      details: row.details,
    });
  }
  return found;
}
