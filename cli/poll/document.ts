// A poll as the JSON object of `weir poll --json` (64-bit counters as strings, absent values as null).
import type { Column, Poll, Table, TableName } from '../../common/model/poll.ts';
import { columnOf, counterAt } from '../../common/model/poll.ts';

type Value = string | number | null;
export type Line = Readonly<Record<string, Value>>;

export interface PollDocument {
  readonly device: Line;
  readonly interfaces: readonly Line[];
  readonly processors: readonly Line[];
  readonly memory: readonly Line[];
  readonly sensors: readonly Line[];
  readonly neighbours: readonly Line[];
  readonly storage: readonly Line[];
  readonly bgp_peers: readonly Line[];
  readonly outlets: readonly Line[];
  readonly modules: readonly Line[];
  readonly poll: Readonly<Record<string, unknown>>;
}

const SIZES = {
  description: 'description',
  total_bytes: 'totalBytes',
  used_bytes: 'usedBytes',
  used_percent: 'usedPercent',
};

/** The object of DESIGN §9: device, interfaces, processors, memory, sensors, neighbours, the other tables of a profile, poll. */
export function pollDocument(poll: Poll): PollDocument {
  return {
    device: deviceOf(poll),
    interfaces: interfacesOf(poll),
    processors: rowsOf(poll, 'processor', { description: 'description', usage_percent: 'usagePercent' }),
    memory: rowsOf(poll, 'memory', SIZES),
    sensors: rowsOf(poll, 'sensor', {
      class: 'class',
      description: 'description',
      value: 'value',
      unit: 'unit',
      state: 'state',
      low_limit: 'lowLimit',
      low_warning: 'lowWarning',
      high_warning: 'highWarning',
      high_limit: 'highLimit',
    }),
    neighbours: linesOf(tableNamed(poll, 'neighbour'), {
      local: 'localInterface',
      remote_device: 'remoteDevice',
      remote_port: 'remotePort',
      protocol: 'protocol',
    }),
    storage: rowsOf(poll, 'storage', SIZES),
    bgp_peers: linesOf(tableNamed(poll, 'bgp-peer'), {
      remote_address: 'remoteAddress',
      local_address: 'localAddress',
      remote_as: 'remoteAs',
      local_as: 'localAs',
      state: 'state',
      admin_status: 'adminStatus',
      established_s: 'establishedSeconds',
    }),
    outlets: rowsOf(poll, 'outlet', {
      description: 'description',
      state: 'state',
      current_a: 'currentAmperes',
      voltage_v: 'voltageVolts',
      power_w: 'powerWatts',
      energy_wh: 'energyWattHours',
    }),
    modules: rowsOf(poll, 'entity', {
      class: 'class',
      description: 'description',
      name: 'name',
      model: 'model',
      serial: 'serial',
      hardware: 'hardware',
      firmware: 'firmware',
      software: 'software',
      contained_in: 'containedIn',
    }),
    poll: {
      complete: poll.outcome === 'complete',
      requests: poll.requests,
      retries: poll.retries,
      duration_ms: poll.finishedAtMs - poll.startedAtMs,
      partial: poll.tables.filter((table) => !table.complete).map((table) => table.name),
      failure: poll.failure,
    },
  };
}

export function tableNamed(poll: Poll, name: TableName): Table | undefined {
  // The last one: where interfaces changed during the poll, it is the one that holds.
  return poll.tables.findLast((table) => table.name === name);
}

function deviceOf(poll: Poll): Line {
  const system = tableNamed(poll, 'system');
  const names = ['sysName', 'sysDescr', 'sysObjectID', 'sysLocation', 'sysContact'];
  const identified = ['vendor', 'model', 'os', 'version', 'serial', 'profile'];
  const device: Record<string, Value> = {};
  for (const name of [...names, ...identified]) device[name] = cell(system && columnOf(system, name), 0);
  const uptimeTicks = tableNamed(poll, 'interface')?.segments.at(-1)?.uptimeTicks ?? null;
  device['uptime_s'] = uptimeTicks === null ? null : uptimeTicks / 100;
  return device;
}

function interfacesOf(poll: Poll): Line[] {
  const inventory = tableNamed(poll, 'interface-inventory');
  const counters = tableNamed(poll, 'interface');
  const rowOfCounters = new Map(counters?.index.map((index, row) => [index, row]));
  const known = inventory ?? counters;
  return (known?.index ?? []).map((index, row) => {
    const line: Record<string, Value> = {
      ifIndex: Number(index),
      key: cell(known && columnOf(known, 'interfaceKey'), row),
    };
    for (const name of [
      'ifName',
      'ifDescr',
      'ifAlias',
      'ifPhysAddress',
      'ifType',
      'ifMtu',
      'ifLastChange',
      'ifDuplex',
    ]) {
      line[name] = cell(inventory && columnOf(inventory, name), row);
    }
    line['ifSpeed_bps'] = cell(inventory && columnOf(inventory, 'ifSpeedBps'), row);
    const at = rowOfCounters.get(index);
    for (const column of counters?.columns ?? []) {
      if (column.name !== 'interfaceKey' && column.name !== 'ifSpeedBps')
        line[column.name] = at === undefined ? null : cell(column, at);
    }
    return line;
  });
}

function rowsOf(poll: Poll, name: TableName, fields: Readonly<Record<string, string>>): Line[] {
  const table = tableNamed(poll, name);
  return linesOf(table, fields).map((line, row) => ({ index: table?.index[row] ?? null, ...line }));
}

function linesOf(table: Table | undefined, fields: Readonly<Record<string, string>>): Line[] {
  return (table?.index ?? []).map((_, row) =>
    Object.fromEntries(
      Object.entries(fields).map(([key, column]) => [key, cell(table && columnOf(table, column), row)]),
    ),
  );
}

function cell(column: Column | undefined, row: number): Value {
  if (column === undefined) return null;
  if (column.kind === 'counter') {
    const value = counterAt(column, row);
    return value === null ? null : value.toString();
  }
  const value = column.values[row] ?? null;
  return typeof value === 'number' && Number.isNaN(value) ? null : value;
}
