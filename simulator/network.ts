// What a simulated network is made of: devices, interfaces, links, and a schedule of what happens to them. All of it data.

/** A window that comes again: [firstMs, firstMs + forMs), then every `everyMs`, on the network's own clock (0 at its first start). */
export interface Recurrence {
  readonly firstMs: number;
  readonly everyMs: number;
  readonly forMs: number;
}

/** Octets per second that a flow carries; between the two by time of day and chance, with bursts on top. */
export interface FlowProfile {
  readonly lowBps: number;
  readonly highBps: number;
  /** Bursts to this rate in these windows. */
  readonly burst?: { readonly bps: number; readonly when: Recurrence };
  /** Packets in a thousand that are damaged. */
  readonly errorsPerMille?: number;
}

export interface SimulatedInterface {
  readonly ifIndex: number;
  readonly name: string;
  readonly descr: string;
  /** Bytes as the device holds them: not every alias is UTF-8. */
  readonly alias: Buffer;
  /** IANAifType. */
  readonly type: number;
  readonly mtu: number;
  readonly speedBps: number;
  readonly mac: string;
  /** 32: the device has no ifXTable octet counters. */
  readonly width: 32 | 64;
  readonly adminUp: boolean;
  /** The flows whose octets it counts; two ends of a link name the same two flows crosswise. */
  readonly inFlow: string;
  readonly outFlow: string;
  /** Octets already counted when the network began. */
  readonly initialIn: bigint;
  readonly initialOut: bigint;
}

export interface SimulatedSensor {
  readonly name: string;
  /** EntitySensorDataType (RFC 3433): 4 voltsDC, 5 amperes, 6 watts, 8 celsius, 10 rpm, … */
  readonly type: number;
  /** EntitySensorDataScale: 8 milli, 9 units, … and decimals. */
  readonly scale: number;
  readonly precision: number;
  readonly low: number;
  readonly high: number;
}

export interface SimulatedNeighbour {
  readonly localIfIndex: number;
  readonly remoteName: string;
  readonly remotePort: string;
  readonly remoteMac: string;
}

export interface SimulatedDevice {
  readonly name: string;
  readonly sysObjectId: string;
  readonly sysDescr: string;
  readonly location: string;
  readonly model: string;
  readonly serial: string;
  readonly software: string;
  readonly interfaces: readonly SimulatedInterface[];
  readonly sensors: readonly SimulatedSensor[];
  readonly processors: number;
  readonly memoryBytes: number;
  readonly neighbours: readonly SimulatedNeighbour[];
  /** How long it had been up when the network began. */
  readonly uptimeAtStartMs: number;
  /** While a window lasts it is restarting: silent, its links down; then its uptime and counters begin at 0. */
  readonly reboots: Recurrence | null;
  /** It does not answer, but goes on forwarding and counting. */
  readonly silences: Recurrence | null;
}

export interface Flow {
  readonly id: string;
  readonly profile: FlowProfile;
  /** Devices whose restart stops it, and the windows in which its link is down. */
  readonly devices: readonly string[];
  readonly linkDown: Recurrence | null;
}

export interface Network {
  readonly seed: number;
  readonly devices: readonly SimulatedDevice[];
  readonly flows: ReadonlyMap<string, Flow>;
}

/** The number of the window that holds `atMs`, or null. */
export function windowAt(recurrence: Recurrence, atMs: number): number | null {
  if (atMs < recurrence.firstMs) return null;
  const number = Math.floor((atMs - recurrence.firstMs) / recurrence.everyMs);
  return atMs - recurrence.firstMs - number * recurrence.everyMs < recurrence.forMs ? number : null;
}

/** How many windows have ended by `atMs`. */
export function windowsEnded(recurrence: Recurrence, atMs: number): number {
  return Math.max(0, Math.floor((atMs - recurrence.firstMs - recurrence.forMs) / recurrence.everyMs) + 1);
}

/** The time of the last beginning or end of a window at or before `atMs`, or null. */
export function lastEdge(recurrence: Recurrence, atMs: number): number | null {
  if (atMs < recurrence.firstMs) return null;
  const number = Math.floor((atMs - recurrence.firstMs) / recurrence.everyMs);
  const begin = recurrence.firstMs + number * recurrence.everyMs;
  return atMs >= begin + recurrence.forMs ? begin + recurrence.forMs : begin;
}
