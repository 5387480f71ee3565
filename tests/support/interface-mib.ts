// The objects of a small device for ScriptedDevice: system group and interface tables, in a few words that a test can change between polls.
import { TAG } from '../../agent/snmp/ber.ts';
import type { MibObject } from './scripted-device.ts';

const IF_ENTRY = '1.3.6.1.2.1.2.2.1';
const IF_X_ENTRY = '1.3.6.1.2.1.31.1.1.1';

export interface PortWords {
  readonly index: number;
  readonly descr: string;
  /** Default: as `descr`; null: the device has no ifXTable row for it. */
  readonly name?: string | null;
  readonly alias?: string;
  readonly in?: bigint;
  readonly out?: bigint;
  /** 32: only the narrow counters; 64: both, as devices have them. Default 64. */
  readonly width?: 32 | 64;
  readonly oper?: number;
  readonly discontinuity?: number;
  readonly speed?: number;
  readonly highSpeed?: number;
}

export interface DeviceWords {
  readonly ports: readonly PortWords[];
  /** null: sysUpTime does not exist. Default 1,000,000. */
  readonly uptime?: number | null;
  /** ifTableLastChange; default: it does not exist. */
  readonly lastChange?: number;
  readonly sysName?: string;
  readonly sysObjectId?: string;
  /** Objects beyond those here. */
  readonly more?: readonly MibObject[];
}

export function deviceMib(words: DeviceWords): MibObject[] {
  const { ports, uptime = 1_000_000, lastChange, sysName = 'scripted', sysObjectId = '1.3.6.1.4.1.99999.1' } = words;
  return [
    { oid: '1.3.6.1.2.1.1.1.0', tag: TAG.octets, value: 'a scripted device' },
    { oid: '1.3.6.1.2.1.1.2.0', tag: TAG.oid, value: sysObjectId },
    ...(uptime === null ? [] : [{ oid: '1.3.6.1.2.1.1.3.0', tag: TAG.timeTicks, value: uptime }]),
    { oid: '1.3.6.1.2.1.1.5.0', tag: TAG.octets, value: sysName },
    ...(lastChange === undefined ? [] : [{ oid: '1.3.6.1.2.1.31.1.5.0', tag: TAG.timeTicks, value: lastChange }]),
    ...ports.flatMap(portObjects),
    ...(words.more ?? []),
  ];
}

function portObjects(port: PortWords): MibObject[] {
  const { index, descr, name = descr, width = 64, in: inOctets = 0n, out: outOctets = 0n } = port;
  const low = (value: bigint): bigint => value & 0xffff_ffffn;
  const table = (column: number, tag: number, value: MibObject['value']): MibObject => ({
    oid: `${IF_ENTRY}.${column}.${index}`,
    tag,
    value,
  });
  const extension = (column: number, tag: number, value: MibObject['value']): MibObject => ({
    oid: `${IF_X_ENTRY}.${column}.${index}`,
    tag,
    value,
  });
  return [
    table(2, TAG.octets, descr),
    table(3, TAG.integer, 6),
    table(4, TAG.integer, 1500),
    table(5, TAG.gauge32, port.speed ?? 1_000_000_000),
    table(6, TAG.octets, Uint8Array.of(2, 0, 0, 0, index >> 8, index & 255)),
    table(7, TAG.integer, 1),
    table(8, TAG.integer, port.oper ?? 1),
    table(10, TAG.counter32, low(inOctets)),
    table(16, TAG.counter32, low(outOctets)),
    ...(name === null ? [] : [extension(1, TAG.octets, name)]),
    ...(name === null || width === 32
      ? []
      : [extension(6, TAG.counter64, inOctets), extension(10, TAG.counter64, outOctets)]),
    ...(port.highSpeed === undefined ? [] : [extension(15, TAG.gauge32, port.highSpeed)]),
    ...(port.alias === undefined ? [] : [extension(18, TAG.octets, port.alias)]),
    ...(port.discontinuity === undefined ? [] : [extension(19, TAG.timeTicks, port.discontinuity)]),
  ];
}
