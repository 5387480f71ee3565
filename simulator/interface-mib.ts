// SNMPv2-MIB system (RFC 3418) and IF-MIB (RFC 2863) of a simulated device.
import { oidContents, oidOf, TAG } from './ber.ts';
import { columnOf, integerColumn, macBytes, scalar, textColumn, type Write } from './mib-columns.ts';
import { type MibColumn, Rows } from './mib-view.ts';
import type { ResponseWriter } from './response-writer.ts';
import {
  type Device,
  type Direction,
  discontinuityTicks,
  ifIndexOf,
  inErrorsAt,
  type Instant,
  type Interface,
  lastChangeTicks,
  octetsAt,
  operUp,
  outDiscardsAt,
  packetsAt,
} from './truth.ts';

const UPTIME_MODULUS = 2 ** 32;
const GAUGE32_MAX = 2 ** 32 - 1;
const COUNTER32_MASK = 0xffffffffn;
const IF_TABLE = '1.3.6.1.2.1.2.2.1';
const IF_X_TABLE = '1.3.6.1.2.1.31.1.1.1';
const [UP, DOWN] = [1, 2];
const TRUE = 1;
const FALSE = 2;

const timeTicks = (ticks: number, out: ResponseWriter): void => out.unsigned(TAG.timeTicks, ticks % UPTIME_MODULUS);
const counter32 = (count: bigint, out: ResponseWriter): void =>
  out.unsigned(TAG.counter32, Number(count & COUNTER32_MASK));

export function systemGroup(device: Device): MibColumn[] {
  const { definition } = device;
  const vendorOid = oidContents(oidOf(definition.model.sysObjectId));
  const text = (value: string): ((instant: Instant, out: ResponseWriter) => void) => {
    const bytes = Buffer.from(value);
    return (_instant, out) => out.octets(bytes);
  };
  return [
    scalar('1.3.6.1.2.1.1.1', text(definition.model.sysDescr)),
    scalar('1.3.6.1.2.1.1.2', (_instant, out) => out.oid(vendorOid)),
    scalar('1.3.6.1.2.1.1.3', (instant, out) => timeTicks(instant.uptimeTicks, out)),
    scalar('1.3.6.1.2.1.1.4', text('noc@example.net')),
    scalar('1.3.6.1.2.1.1.5', text(definition.name)),
    scalar('1.3.6.1.2.1.1.6', text(definition.location)),
    scalar('1.3.6.1.2.1.1.7', (_instant, out) => out.integer(78)),
  ];
}

export function interfaceTables(device: Device, boot: number): MibColumn[] {
  const { interfaces, definition } = device;
  const ordered = interfaces.toSorted((left, right) => left.port.ifIndex - right.port.ifIndex);
  const rows = new Rows(ordered.map((one) => [ifIndexOf(definition, one.port, boot)]));
  return [
    scalar('1.3.6.1.2.1.2.1', (_instant, out) => out.integer(interfaces.length)),
    scalar('1.3.6.1.2.1.31.1.5', (_instant, out) => timeTicks(0, out)),
    ...describing(ordered, rows, boot),
    ...states(ordered, rows),
    ...narrowCounters(ordered, rows),
    ...wideCounters(device, boot),
  ];
}

function describing(ordered: readonly Interface[], rows: Rows, boot: number): MibColumn[] {
  const column = (text: string, write: Write<Interface>): MibColumn => columnOf(text, rows, ordered, write);
  return [
    integerColumn(
      `${IF_TABLE}.1`,
      rows,
      ordered.map((one) => ifIndexOf(one.device, one.port, boot)),
    ),
    textColumn(
      `${IF_TABLE}.2`,
      rows,
      ordered.map((one) => one.port.descr),
    ),
    column(`${IF_TABLE}.3`, ({ port }, _instant, out) => out.integer(port.type)),
    column(`${IF_TABLE}.4`, ({ port }, _instant, out) => out.integer(port.mtu)),
    column(`${IF_TABLE}.5`, ({ port }, _instant, out) =>
      out.unsigned(TAG.gauge32, Math.min(GAUGE32_MAX, port.speedBps)),
    ),
    textColumn(
      `${IF_TABLE}.6`,
      rows,
      ordered.map((one) => macBytes(one.port.mac)),
    ),
    textColumn(
      `${IF_X_TABLE}.1`,
      rows,
      ordered.map((one) => one.port.name),
    ),
    column(`${IF_X_TABLE}.15`, ({ port }, _instant, out) => out.unsigned(TAG.gauge32, Math.round(port.speedBps / 1e6))),
    column(`${IF_X_TABLE}.16`, (_one, _instant, out) => out.integer(FALSE)),
    column(`${IF_X_TABLE}.17`, ({ port }, _instant, out) => out.integer(port.neighbour === null ? FALSE : TRUE)),
    textColumn(
      `${IF_X_TABLE}.18`,
      rows,
      ordered.map((one) => one.port.alias),
    ),
  ];
}

function states(ordered: readonly Interface[], rows: Rows): MibColumn[] {
  const column = (text: string, write: Write<Interface>): MibColumn => columnOf(text, rows, ordered, write);
  return [
    {
      ...column(`${IF_TABLE}.7`, ({ state }, _instant, out) => out.integer(state.adminUp ? UP : DOWN)),
      accept: (row, value) => {
        const state = ordered[row]?.state;
        if (state === undefined || (value !== UP && value !== DOWN)) return null;
        return () => state.setAdmin(value === UP);
      },
    },
    column(`${IF_TABLE}.8`, (one, instant, out) => out.integer(operUp(one, instant.tick) ? UP : DOWN)),
    column(`${IF_TABLE}.9`, (one, instant, out) => timeTicks(lastChangeTicks(one, instant), out)),
    column(`${IF_X_TABLE}.19`, (one, instant, out) => timeTicks(discontinuityTicks(one, instant), out)),
  ];
}

function narrowCounters(ordered: readonly Interface[], rows: Rows): MibColumn[] {
  const counter = (column: number, count: (one: Interface, instant: Instant) => bigint): MibColumn =>
    columnOf(`${IF_TABLE}.${column}`, rows, ordered, (one, instant, out) => counter32(count(one, instant), out));
  const none = (): bigint => 0n;
  return [
    counter(10, (one, instant) => octetsAt(one, 'in', instant)),
    counter(11, (one, instant) => packetsAt(one, 'in', instant)),
    counter(13, none),
    counter(14, inErrorsAt),
    counter(15, none),
    counter(16, (one, instant) => octetsAt(one, 'out', instant)),
    counter(17, (one, instant) => packetsAt(one, 'out', instant)),
    counter(19, outDiscardsAt),
    counter(20, none),
  ];
}

/** Only of interfaces that have them. */
function wideCounters(device: Device, boot: number): MibColumn[] {
  const wide = device.interfaces
    .filter((one) => one.port.width === 64)
    .toSorted((left, right) => left.port.ifIndex - right.port.ifIndex);
  const rows = new Rows(wide.map((one) => [ifIndexOf(device.definition, one.port, boot)]));
  const counter = (
    column: number,
    direction: Direction,
    count: (one: Interface, direction: Direction, instant: Instant) => bigint,
  ): MibColumn => ({
    ...columnOf(`${IF_X_TABLE}.${column}`, rows, wide, (one, instant, out) =>
      out.counter64(BigInt.asUintN(64, count(one, direction, instant))),
    ),
    wide: true,
  });
  return [
    counter(6, 'in', octetsAt),
    counter(7, 'in', packetsAt),
    counter(10, 'out', octetsAt),
    counter(11, 'out', packetsAt),
  ];
}
