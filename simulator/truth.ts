// What is true of a simulated network at an instant: every counter is a pure function of (network, device, boot, uptime), in exact integers.
import {
  type Flow,
  lastEdge,
  type Network,
  type SimulatedDevice,
  type SimulatedInterface,
  windowAt,
  windowsEnded,
} from './network.ts';

export const TICK_MS = 10;
const TICKS_PER_SLOT = 100;
const SLOT_MS = TICK_MS * TICKS_PER_SLOT;
const DAY_MS = 86_400_000;
const OCTETS_PER_PACKET = 700n;
/** Sums are kept at every so many slots; between two of them they are added up anew. */
const SLOTS_PER_MARK = 600;

export type Direction = 'in' | 'out';

/** One instant of one device. */
export interface Instant {
  readonly boot: number;
  /** Hundredths of a second since that boot, not reduced by 2^32. */
  readonly uptimeTicks: number;
  /** The network's clock, milliseconds since its first start. */
  readonly atMs: number;
}

/** A small, well-mixed hash to [0, 1): the same for ever for the same seed, text and number. */
function chance(seed: number, text: string, number: number): number {
  let h = (seed ^ Math.imul(number + 0x9e3779b9, 0x85ebca6b)) >>> 0;
  for (let at = 0; at < text.length; at += 1) h = Math.imul(h ^ text.charCodeAt(at), 0x01000193) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d) >>> 0;
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b) >>> 0;
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
}

export class Truth {
  readonly network: Network;
  readonly #devices: ReadonlyMap<string, SimulatedDevice>;
  readonly #sums = new Map<string, FlowSums>();

  constructor(network: Network) {
    this.network = network;
    this.#devices = new Map(network.devices.map((device) => [device.name, device]));
  }

  device(name: string): SimulatedDevice {
    const device = this.#devices.get(name);
    if (device === undefined) throw new RangeError(`there is no device ${name}`);
    return device;
  }

  /** The instant of a device at a time of the network's clock, or null while it restarts. */
  instantAt(device: SimulatedDevice, atMs: number): Instant | null {
    if (device.reboots !== null && windowAt(device.reboots, atMs) !== null) return null;
    const boot = device.reboots === null ? 0 : windowsEnded(device.reboots, atMs);
    return { boot, uptimeTicks: Math.floor((atMs - this.bootedAt(device, boot)) / TICK_MS), atMs };
  }

  /** When a boot began on the network's clock; the first one lies before its start. */
  bootedAt(device: SimulatedDevice, boot: number): number {
    if (boot === 0 || device.reboots === null) return -device.uptimeAtStartMs;
    return device.reboots.firstMs + (boot - 1) * device.reboots.everyMs + device.reboots.forMs;
  }

  /** Octets that an interface had counted at that uptime of that boot, not reduced by its width. */
  octets(
    device: SimulatedDevice,
    boot: number,
    one: SimulatedInterface,
    direction: Direction,
    uptimeTicks: number,
  ): bigint {
    const flow = this.#flowSums(direction === 'in' ? one.inFlow : one.outFlow);
    const bootTick = this.bootedAt(device, boot) / TICK_MS;
    const counted = flow.octetsUntil(bootTick + uptimeTicks) - flow.octetsUntil(bootTick);
    const initial = direction === 'in' ? one.initialIn : one.initialOut;
    return boot === 0 ? initial + counted : counted;
  }

  /** What the octet counter of that width shows. */
  counter(
    device: SimulatedDevice,
    instant: Pick<Instant, 'boot' | 'uptimeTicks'>,
    one: SimulatedInterface,
    direction: Direction,
    width: 32 | 64,
  ): bigint {
    return BigInt.asUintN(width, this.octets(device, instant.boot, one, direction, instant.uptimeTicks));
  }

  packets(device: SimulatedDevice, instant: Instant, one: SimulatedInterface, direction: Direction): bigint {
    return this.octets(device, instant.boot, one, direction, instant.uptimeTicks) / OCTETS_PER_PACKET;
  }

  errors(device: SimulatedDevice, instant: Instant, one: SimulatedInterface, direction: Direction): bigint {
    const perMille = this.#flow(direction === 'in' ? one.inFlow : one.outFlow).profile.errorsPerMille ?? 0;
    if (perMille === 0) return 0n;
    const initial = instant.boot === 0 ? (direction === 'in' ? one.initialIn : one.initialOut) : 0n;
    const counted = this.octets(device, instant.boot, one, direction, instant.uptimeTicks) - initial;
    return (counted * BigInt(perMille)) / (OCTETS_PER_PACKET * 1000n);
  }

  linkUp(one: SimulatedInterface, atMs: number): boolean {
    return one.adminUp && this.#flow(one.inFlow).profile.highBps > 0 && !this.#flowSums(one.inFlow).stopped(atMs);
  }

  /** Uptime at which the interface last changed its state; 0 when it has not since the boot (RFC 2863 ifLastChange). */
  lastChangeTicks(device: SimulatedDevice, instant: Instant, one: SimulatedInterface): number {
    const edge = this.#flowSums(one.inFlow).lastChange(instant.atMs);
    if (edge === null) return 0;
    return Math.max(0, Math.floor((edge - this.bootedAt(device, instant.boot)) / TICK_MS));
  }

  sensorValue(device: SimulatedDevice, sensor: number, atMs: number): number {
    const one = device.sensors[sensor];
    if (one === undefined) return 0;
    return Math.round(
      one.low +
        (one.high - one.low) * chance(this.network.seed, `${device.name} sensor ${sensor}`, Math.floor(atMs / 10_000)),
    );
  }

  /** Per cent. */
  processorLoad(device: SimulatedDevice, processor: number, atMs: number): number {
    return Math.round(5 + 40 * chance(this.network.seed, `${device.name} cpu ${processor}`, Math.floor(atMs / 5000)));
  }

  #flow(id: string): Flow {
    const flow = this.network.flows.get(id);
    if (flow === undefined) throw new RangeError(`there is no flow ${id}`);
    return flow;
  }

  #flowSums(id: string): FlowSums {
    let sums = this.#sums.get(id);
    if (sums === undefined) {
      sums = new FlowSums(
        this.network.seed,
        this.#flow(id),
        this.#flow(id).devices.map((name) => this.device(name)),
      );
      this.#sums.set(id, sums);
    }
    return sums;
  }
}

/** Octets that one flow has carried: constant within a slot of a second, added up exactly. */
class FlowSums {
  readonly #seed: number;
  readonly #flow: Flow;
  readonly #ends: readonly SimulatedDevice[];
  /** Octets until the beginning of slot mark × SLOTS_PER_MARK. */
  readonly #marks: bigint[] = [0n];
  /** Where the last question ended, because the next one mostly goes on from there. */
  #cached: { readonly slot: number; readonly octets: bigint } = { slot: 0, octets: 0n };

  constructor(seed: number, flow: Flow, ends: readonly SimulatedDevice[]) {
    this.#seed = seed;
    this.#flow = flow;
    this.#ends = ends;
  }

  /** Nothing flows before tick 0. */
  octetsUntil(tick: number): bigint {
    if (tick <= 0) return 0n;
    const slot = Math.floor(tick / TICKS_PER_SLOT);
    return this.#untilSlot(slot) + BigInt(this.#octetsPerTick(slot)) * BigInt(tick - slot * TICKS_PER_SLOT);
  }

  /** Whether the link is down, or an end of it is restarting, in the slot of that time. */
  stopped(atMs: number): boolean {
    const slotMs = Math.floor(atMs / SLOT_MS) * SLOT_MS;
    const { linkDown } = this.#flow;
    if (linkDown !== null && windowAt(linkDown, slotMs) !== null) return true;
    return this.#ends.some((device) => device.reboots !== null && windowAt(device.reboots, slotMs) !== null);
  }

  lastChange(atMs: number): number | null {
    const windows = [this.#flow.linkDown, ...this.#ends.map((device) => device.reboots)];
    const edges = windows
      .flatMap((window) => (window === null ? [] : [lastEdge(window, atMs)]))
      .filter((edge) => edge !== null);
    return edges.length === 0 ? null : Math.max(...edges);
  }

  #untilSlot(slot: number): bigint {
    while (this.#marks.length * SLOTS_PER_MARK <= slot) {
      const from = (this.#marks.length - 1) * SLOTS_PER_MARK;
      this.#marks.push((this.#marks.at(-1) ?? 0n) + this.#octetsBetween(from, from + SLOTS_PER_MARK));
    }
    const mark = Math.floor(slot / SLOTS_PER_MARK);
    const { slot: cachedSlot, octets } = this.#cached;
    const fromCache = cachedSlot <= slot && cachedSlot >= mark * SLOTS_PER_MARK;
    const sum = fromCache
      ? octets + this.#octetsBetween(cachedSlot, slot)
      : (this.#marks[mark] ?? 0n) + this.#octetsBetween(mark * SLOTS_PER_MARK, slot);
    this.#cached = { slot, octets: sum };
    return sum;
  }

  #octetsBetween(fromSlot: number, toSlot: number): bigint {
    let octets = 0n;
    for (let slot = fromSlot; slot < toSlot; slot += 1) octets += BigInt(this.#octetsPerTick(slot) * TICKS_PER_SLOT);
    return octets;
  }

  #octetsPerTick(slot: number): number {
    const atMs = slot * SLOT_MS;
    const { lowBps, highBps, burst } = this.#flow.profile;
    if (highBps === 0 || this.stopped(atMs)) return 0;
    if (burst !== undefined && windowAt(burst.when, atMs) !== null) return Math.floor(burst.bps / 800);
    const daily = 0.5 - 0.5 * Math.cos((2 * Math.PI * (atMs % DAY_MS)) / DAY_MS + 2);
    const shape = 0.55 * daily + 0.45 * chance(this.#seed, this.#flow.id, slot);
    return Math.floor((lowBps + (highBps - lowBps) * shape) / 800);
  }
}
