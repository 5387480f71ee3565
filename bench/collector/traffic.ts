// The traffic that every system of the collector's benchmark is fed: counters of many ports that grow as real ones do, round after round, the same for all.

export interface TrafficConfig {
  readonly devices: number;
  /** Number of the first, where several networks stand beside each other. */
  readonly firstDevice?: number;
  readonly portsEach: number;
  readonly intervalMs: number;
  /** Time of round 0. */
  readonly startMs: number;
}

/** The eight counters of an interface, and how fast each grows in a second at most. */
export const COUNTERS = [
  { name: 'in_octets', object: 'ifHCInOctets', width: 64, mostPerSecond: 40_000_000 },
  { name: 'out_octets', object: 'ifHCOutOctets', width: 64, mostPerSecond: 100_000_000 },
  { name: 'in_packets', object: 'ifHCInUcastPkts', width: 64, mostPerSecond: 60_000 },
  { name: 'out_packets', object: 'ifHCOutUcastPkts', width: 64, mostPerSecond: 120_000 },
  { name: 'in_errors', object: 'ifInErrors', width: 32, mostPerSecond: 0 },
  { name: 'out_errors', object: 'ifOutErrors', width: 32, mostPerSecond: 0 },
  { name: 'in_discards', object: 'ifInDiscards', width: 32, mostPerSecond: 1 },
  { name: 'out_discards', object: 'ifOutDiscards', width: 32, mostPerSecond: 1 },
] as const;

/** What is read of each port beside its counters, the same all the time: 1 is up. */
export const STATUSES = ['admin_status', 'oper_status'] as const;
export const STATUS_UP = 1;

/** One port in this many discards packets. */
const DISCARDING = 16;

/** The state of all counters at one round; `advance` goes on to the next, from none to round 0. */
export class Traffic {
  readonly config: TrafficConfig;
  #round = -1;
  /** By counter, then by port over all devices. */
  readonly #values: readonly BigUint64Array[];
  #random: number;

  constructor(config: TrafficConfig) {
    this.config = config;
    const ports = config.devices * config.portsEach;
    this.#random = 0x2545_f491;
    this.#values = COUNTERS.map(() => new BigUint64Array(ports));
    for (const [counter, values] of this.#values.entries())
      for (let port = 0; port < ports; port += 1)
        values[port] = BigInt(Math.floor(this.#next() * (counter < 4 ? 1e13 : 1e6)));
  }

  get round(): number {
    return this.#round;
  }

  /** Values of one round: each is a field that every system keeps and answers for. */
  get valuesEach(): number {
    return this.config.devices * this.config.portsEach * (COUNTERS.length + STATUSES.length);
  }

  /** When the device is polled in this round: spread over the interval. */
  atMs(device: number, round = this.#round): number {
    const { startMs, intervalMs, devices } = this.config;
    return startMs + round * intervalMs + Math.floor((device * intervalMs) / devices);
  }

  /** The values of one counter of a device's ports; a view that the next round changes. */
  of(device: number, counter: number): BigUint64Array {
    const { portsEach } = this.config;
    return (this.#values[counter] ?? new BigUint64Array()).subarray(device * portsEach, (device + 1) * portsEach);
  }

  advance(): void {
    this.#round += 1;
    const seconds = this.config.intervalMs / 1000;
    for (const [counter, values] of this.#values.entries()) {
      const most = (COUNTERS[counter]?.mostPerSecond ?? 0) * seconds;
      if (most === 0) continue;
      const step = most < 100 ? DISCARDING : 1;
      for (let port = 0; port < values.length; port += step)
        values[port] = (values[port] ?? 0n) + BigInt(Math.floor(this.#next() * most));
    }
  }

  /** xorshift32: the same traffic in every run. */
  #next(): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x;
    return (x >>> 0) / 2 ** 32;
  }
}

export const deviceName = (device: number): string => `fleet${device + 1}`;
export const portName = (port: number): string => `Gi1/0/${port + 1}`;
