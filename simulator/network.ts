// What a simulated network is made of: devices, ports, streams through them, and what happens to them. All of it data.
import type { Stream } from './flow.ts';
import type { Recurrence } from './recurrence.ts';

/** What a vendor says of a device. */
export interface Model {
  readonly sysObjectId: string;
  readonly sysDescr: string;
  readonly vendor: string;
  readonly model: string;
  readonly software: string;
  /** The longest message it sends (RFC 3417 §3.2: at least 484 octets). */
  readonly maxMessageBytes: number;
}

export interface PortDefinition {
  /** ifName. */
  readonly name: string;
  readonly descr: string;
  /** Text, or bytes where the device holds what is not UTF-8. */
  readonly alias: string | Buffer;
  readonly ifIndex: number;
  /** IANAifType: 6 ethernetCsmacd, 24 softwareLoopback, 53 propVirtual, 161 ieee8023adLag. */
  readonly type: number;
  readonly mtu: number;
  readonly speedBps: number;
  /** Six octets as lower-case hex with colons; '' where it has none. */
  readonly mac: string;
  /** 32: the device has no 64-bit counters for it. */
  readonly width: 32 | 64;
  readonly adminUp: boolean;
  /** What it receives and sends; an uplink names the streams of everything behind it. */
  readonly in: readonly Stream[];
  readonly out: readonly Stream[];
  /** Counters when the network began. */
  readonly initial: { readonly in: bigint; readonly out: bigint };
  /** ifOperStatus is down in these windows: the link flaps, or the device at the other end restarts. */
  readonly downs: readonly Recurrence[];
  /** Its line card restarts at the beginning of each: counters begin at 0, ifCounterDiscontinuityTime tells. */
  readonly resets: Recurrence | null;
  /** One received packet in so many is damaged; null: none. */
  readonly packetsPerError: number | null;
  /** One packet in so many is discarded on its way out; null: none. */
  readonly packetsPerDiscard: number | null;
  /** What stands at the other end and speaks LLDP. */
  readonly neighbour: { readonly device: string; readonly port: string } | null;
}

/** A sensor of ENTITY-SENSOR-MIB (RFC 3433). */
export interface SensorDefinition {
  readonly name: string;
  /** EntitySensorDataType: 3 voltsAC, 5 amperes, 6 watts, 8 celsius, 10 rpm. */
  readonly type: number;
  /** EntitySensorDataScale: 8 milli, 9 units. */
  readonly scale: number;
  /** Decimals in the value. */
  readonly precision: number;
  /** Between these the value moves, as it stands in entPhySensorValue. */
  readonly low: number;
  readonly high: number;
}

export interface DeviceDefinition {
  readonly name: string;
  readonly model: Model;
  readonly location: string;
  readonly serial: string;
  readonly ports: readonly PortDefinition[];
  readonly sensors: readonly SensorDefinition[];
  readonly processors: number;
  readonly memoryBytes: number;
  /** Octets of the disk; 0: none. */
  readonly diskBytes: number;
  /** How its LLDP names ports: by ifName (5) or by MAC address (3), as lldpd on a host does. */
  readonly lldpPortSubtype: 5 | 3;
  /** sysUpTime when the network began, ticks below 2^32. */
  readonly uptimeAtStart: number;
  /** In each window it restarts: silent, its lines down; at the end its uptime and counters begin at 0. */
  readonly restarts: Recurrence | null;
  /** Every other boot numbers its interfaces anew: ifIndex grows by 1,000. */
  readonly renumbers: boolean;
  /** In each window it does not answer, but goes on forwarding and counting. */
  readonly silences: Recurrence | null;
}

export interface NetworkDefinition {
  /** `demo`, `fleet 200x48`: a network kept in a data folder goes on only as the same one. */
  readonly name: string;
  readonly devices: readonly DeviceDefinition[];
}

export const RENUMBERING_STEP = 1_000;
