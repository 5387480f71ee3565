// The MIB of a simulated device: SNMPv2-MIB, IF-MIB, HOST-RESOURCES-MIB, ENTITY-MIB, ENTITY-SENSOR-MIB, LLDP-MIB.
import { integer, octets, type Oid, oidValue, TAG, unsigned, type Value } from './ber.ts';
import type { MibColumn } from './mib-view.ts';
import type { SimulatedDevice, SimulatedInterface } from './network.ts';
import type { Direction, Instant, Truth } from './truth.ts';

const UPTIME_MODULUS = 2 ** 32;
const GAUGE32_MAX = 2 ** 32 - 1;
const ENTITY_CHASSIS = 1;
const ENTITY_SENSOR_BASE = 1000;

function oid(text: string): Oid {
  return text.split('.').map(Number);
}

const scalar = (name: string, value: (instant: Instant) => Value): MibColumn => ({
  oid: oid(name),
  rows: [[0]],
  value: (_row, instant) => value(instant),
});

function macBytes(mac: string): Buffer {
  return Buffer.from(mac.replaceAll(':', ''), 'hex');
}

export function mibOf(truth: Truth, device: SimulatedDevice): MibColumn[] {
  return [
    ...systemGroup(device),
    ...interfaceTables(truth, device),
    ...hostResources(truth, device),
    ...entities(truth, device),
    ...lldp(device),
  ];
}

function systemGroup(device: SimulatedDevice): MibColumn[] {
  return [
    scalar('1.3.6.1.2.1.1.1', () => octets(device.sysDescr)),
    scalar('1.3.6.1.2.1.1.2', () => oidValue(oid(device.sysObjectId))),
    scalar('1.3.6.1.2.1.1.3', (instant) => unsigned(TAG.timeTicks, instant.uptimeTicks % UPTIME_MODULUS)),
    scalar('1.3.6.1.2.1.1.4', () => octets('noc@example.net')),
    scalar('1.3.6.1.2.1.1.5', () => octets(device.name)),
    scalar('1.3.6.1.2.1.1.6', () => octets(device.location)),
    scalar('1.3.6.1.2.1.1.7', () => integer(78)),
  ];
}

function interfaceTables(truth: Truth, device: SimulatedDevice): MibColumn[] {
  const { interfaces } = device;
  const rows = interfaces.map((one) => [one.ifIndex]);
  const column = (name: string, value: (one: SimulatedInterface, instant: Instant) => Value | null): MibColumn => ({
    oid: oid(name),
    rows,
    value: (row, instant) => {
      const one = interfaces[row];
      return one === undefined ? null : value(one, instant);
    },
  });
  const counter = (
    name: string,
    width: 32 | 64,
    count: (one: SimulatedInterface, instant: Instant) => bigint,
  ): MibColumn =>
    column(name, (one, instant) =>
      width > one.width
        ? null
        : unsigned(width === 64 ? TAG.counter64 : TAG.counter32, BigInt.asUintN(width, count(one, instant))),
    );
  const traffic = (direction: Direction) => (one: SimulatedInterface, instant: Instant) =>
    truth.octets(device, instant.boot, one, direction, instant.uptimeTicks);
  const packets = (direction: Direction) => (one: SimulatedInterface, instant: Instant) =>
    truth.packets(device, instant, one, direction);
  const errors = (direction: Direction) => (one: SimulatedInterface, instant: Instant) =>
    truth.errors(device, instant, one, direction);
  const wideRows = interfaces.some((one) => one.width === 64);
  const status = (up: boolean): Value => integer(up ? 1 : 2);
  const base = '1.3.6.1.2.1.2.2.1';
  const extended = '1.3.6.1.2.1.31.1.1.1';
  return [
    scalar('1.3.6.1.2.1.2.1', () => integer(interfaces.length)),
    column(`${base}.1`, (one) => integer(one.ifIndex)),
    column(`${base}.2`, (one) => octets(one.descr)),
    column(`${base}.3`, (one) => integer(one.type)),
    column(`${base}.4`, (one) => integer(one.mtu)),
    column(`${base}.5`, (one) => unsigned(TAG.gauge32, Math.min(GAUGE32_MAX, one.speedBps))),
    column(`${base}.6`, (one) => octets(macBytes(one.mac))),
    column(`${base}.7`, (one) => status(one.adminUp)),
    column(`${base}.8`, (one, instant) => status(truth.linkUp(one, instant.atMs))),
    column(`${base}.9`, (one, instant) =>
      unsigned(TAG.timeTicks, truth.lastChangeTicks(device, instant, one) % UPTIME_MODULUS),
    ),
    counter(`${base}.10`, 32, traffic('in')),
    counter(`${base}.11`, 32, packets('in')),
    counter(`${base}.13`, 32, () => 0n),
    counter(`${base}.14`, 32, errors('in')),
    counter(`${base}.16`, 32, traffic('out')),
    counter(`${base}.17`, 32, packets('out')),
    counter(`${base}.19`, 32, () => 0n),
    counter(`${base}.20`, 32, errors('out')),
    column(`${extended}.1`, (one) => octets(one.name)),
    ...(wideRows
      ? [
          counter(`${extended}.6`, 64, traffic('in')),
          counter(`${extended}.7`, 64, packets('in')),
          counter(`${extended}.10`, 64, traffic('out')),
          counter(`${extended}.11`, 64, packets('out')),
        ]
      : []),
    column(`${extended}.15`, (one) => unsigned(TAG.gauge32, Math.round(one.speedBps / 1e6))),
    column(`${extended}.18`, (one) => octets(one.alias)),
    column(`${extended}.19`, () => unsigned(TAG.timeTicks, 0)),
    scalar('1.3.6.1.2.1.31.1.5', () => unsigned(TAG.timeTicks, 0)),
  ];
}

function hostResources(truth: Truth, device: SimulatedDevice): MibColumn[] {
  const processors = Array.from({ length: device.processors }, (_, at) => [196_608 + at]);
  const unit = 4096;
  const memory = [[1]];
  const only = device.memoryBytes > 0 ? memory : [];
  return [
    { oid: oid('1.3.6.1.2.1.25.2.3.1.2'), rows: only, value: () => oidValue(oid('1.3.6.1.2.1.25.2.1.2')) },
    { oid: oid('1.3.6.1.2.1.25.2.3.1.3'), rows: only, value: () => octets('Physical memory') },
    { oid: oid('1.3.6.1.2.1.25.2.3.1.4'), rows: only, value: () => integer(unit) },
    { oid: oid('1.3.6.1.2.1.25.2.3.1.5'), rows: only, value: () => integer(Math.floor(device.memoryBytes / unit)) },
    {
      oid: oid('1.3.6.1.2.1.25.2.3.1.6'),
      rows: only,
      value: (_row, instant) =>
        integer(Math.floor((device.memoryBytes * (30 + truth.processorLoad(device, 99, instant.atMs))) / (100 * unit))),
    },
    {
      oid: oid('1.3.6.1.2.1.25.3.3.1.2'),
      rows: processors,
      value: (row, instant) => integer(truth.processorLoad(device, row, instant.atMs)),
    },
    { oid: oid('1.3.6.1.2.1.25.3.2.1.3'), rows: processors, value: (row) => octets(`Processor ${row + 1}`) },
  ];
}

function entities(truth: Truth, device: SimulatedDevice): MibColumn[] {
  const { sensors } = device;
  const rows = [[ENTITY_CHASSIS], ...sensors.map((_, at) => [ENTITY_SENSOR_BASE + at])];
  const sensorRows = rows.slice(1);
  const physical = (column: number, value: (row: number) => Value): MibColumn => ({
    oid: oid(`1.3.6.1.2.1.47.1.1.1.1.${column}`),
    rows,
    value,
  });
  const sensor = (column: number, value: (row: number, instant: Instant) => Value): MibColumn => ({
    oid: oid(`1.3.6.1.2.1.99.1.1.1.${column}`),
    rows: sensorRows,
    value,
  });
  const chassis = (text: string) => (row: number) => octets(row === 0 ? text : '');
  return [
    physical(2, (row) => octets(row === 0 ? `${device.model} chassis` : (sensors[row - 1]?.name ?? ''))),
    physical(4, (row) => integer(row === 0 ? 0 : ENTITY_CHASSIS)),
    physical(5, (row) => integer(row === 0 ? 3 : 8)),
    physical(7, (row) => octets(row === 0 ? 'Chassis' : (sensors[row - 1]?.name ?? ''))),
    physical(10, chassis(device.software)),
    physical(11, chassis(device.serial)),
    physical(13, chassis(device.model)),
    sensor(1, (row) => integer(sensors[row]?.type ?? 2)),
    sensor(2, (row) => integer(sensors[row]?.scale ?? 9)),
    sensor(3, (row) => integer(sensors[row]?.precision ?? 0)),
    sensor(4, (row, instant) => integer(truth.sensorValue(device, row, instant.atMs))),
    sensor(5, () => integer(1)),
  ];
}

/** IEEE 802.1AB: the local ports, and what stands behind them. */
function lldp(device: SimulatedDevice): MibColumn[] {
  const { neighbours, interfaces } = device;
  const local = interfaces.map((one) => [one.ifIndex]);
  const remote = neighbours
    .map((one, at) => [0, one.localIfIndex, at + 1])
    .toSorted((a, b) => (a[1] ?? 0) - (b[1] ?? 0));
  const neighbour = (row: number) => neighbours[(remote[row]?.[2] ?? 1) - 1];
  const remoteColumn = (column: number, value: (row: number) => Value): MibColumn => ({
    oid: oid(`1.0.8802.1.1.2.1.4.1.1.${column}`),
    rows: remote,
    value,
  });
  return [
    { oid: oid('1.0.8802.1.1.2.1.3.3'), rows: [[0]], value: () => octets(device.name) },
    { oid: oid('1.0.8802.1.1.2.1.3.7.1.2'), rows: local, value: () => integer(5) },
    { oid: oid('1.0.8802.1.1.2.1.3.7.1.3'), rows: local, value: (row) => octets(interfaces[row]?.name ?? '') },
    { oid: oid('1.0.8802.1.1.2.1.3.7.1.4'), rows: local, value: (row) => octets(interfaces[row]?.descr ?? '') },
    remoteColumn(4, () => integer(4)),
    remoteColumn(5, (row) => octets(macBytes(neighbour(row)?.remoteMac ?? ''))),
    remoteColumn(6, () => integer(5)),
    remoteColumn(7, (row) => octets(neighbour(row)?.remotePort ?? '')),
    remoteColumn(8, (row) => octets(neighbour(row)?.remotePort ?? '')),
    remoteColumn(9, (row) => octets(neighbour(row)?.remoteName ?? '')),
    remoteColumn(10, () => octets('simulated')),
  ];
}
