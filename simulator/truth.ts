// What is true of a simulated network: every counter is a pure function of (seed, device, boot, interface, direction, uptime), in exact integers.
import { Flow } from './flow.ts';
import { PortSwitch } from './port-switch.ts';
import { type DeviceDefinition, type NetworkDefinition, type PortDefinition, RENUMBERING_STEP } from './network.ts';
import { inWindow, lastEdge, type Recurrence, TICK_MS, windowsBegun, windowsEnded, windowStart } from './recurrence.ts';
import { mixed, Waves } from './waves.ts';

const TIME_TICKS_MODULUS = 2 ** 32;
const OCTETS_PER_PACKET = 700n;
const SENSOR_STEP_TICKS = 1_000;
const PROCESSOR_STEP_TICKS = 500;

export type Direction = 'in' | 'out';

/** One instant of one device. */
export interface Instant {
  /** 0 for the boot that the network began with. */
  readonly boot: number;
  /** Ticks since that boot, not reduced by 2^32. */
  readonly uptimeTicks: number;
  /** Ticks since the network began. */
  readonly tick: number;
}

export interface Interface {
  readonly device: DeviceDefinition;
  readonly port: PortDefinition;
  readonly flows: { readonly in: Flow; readonly out: Flow };
  /** What was set of it: the one thing that is no function of time. */
  readonly state: PortSwitch;
}

export interface Device {
  readonly definition: DeviceDefinition;
  readonly interfaces: readonly Interface[];
}

export interface Network {
  readonly name: string;
  readonly seed: number;
  /** UTC of tick 0. */
  readonly startedAtMs: number;
  readonly devices: readonly Device[];
  readonly byName: ReadonlyMap<string, Device>;
}

/** Makes a network of its definition; `startedAtMs` is when its clock began, which is all that it shares with ours. */
export function createNetwork(definition: NetworkDefinition, seed: number, startedAtMs: number): Network {
  const waves = new Waves(seed);
  const devices = definition.devices.map((device) => ({
    definition: device,
    interfaces: device.ports.map((port) => ({
      device,
      port,
      flows: { in: new Flow(waves, seed, port.in), out: new Flow(waves, seed, port.out) },
      state: new PortSwitch(port.adminUp),
    })),
  }));
  const byName = new Map(devices.map((device) => [device.definition.name, device]));
  return { name: definition.name, seed, startedAtMs, devices, byName };
}

export function deviceOf(network: Network, name: string): Device {
  const device = network.byName.get(name);
  if (device === undefined) throw new RangeError(`there is no device ${name}`);
  return device;
}

/** An interface by its name, or by the ifIndex it has in that boot. */
export function interfaceOf(network: Network, device: string, boot: number, which: number | string): Interface {
  const { interfaces, definition } = deviceOf(network, device);
  const found = interfaces.find(({ port }) =>
    typeof which === 'string' ? port.name === which : ifIndexOf(definition, port, boot) === which,
  );
  if (found === undefined) throw new RangeError(`${device} has no interface ${which}`);
  return found;
}

export function ifIndexOf(device: DeviceDefinition, port: PortDefinition, boot: number): number {
  return device.renumbers && boot % 2 === 1 ? port.ifIndex + RENUMBERING_STEP : port.ifIndex;
}

/** Tick of the network's clock at which a boot began; the first one lies before its start. */
export function bootTick(device: DeviceDefinition, boot: number): number {
  if (boot === 0 || device.restarts === null) return -device.uptimeAtStart;
  return windowStart(device.restarts, boot - 1) + device.restarts.length;
}

/** Where a device is at a tick; null while it restarts. */
export function instantAt(device: DeviceDefinition, tick: number): Instant | null {
  if (device.restarts !== null && inWindow(device.restarts, tick)) return null;
  const boot = device.restarts === null ? 0 : windowsEnded(device.restarts, tick);
  return { boot, uptimeTicks: tick - bootTick(device, boot), tick };
}

export function tickAt(network: Network, epochMs: number): number {
  return Math.max(0, Math.floor((epochMs - network.startedAtMs) / TICK_MS));
}

/** Which boot a device is in at a time, and for how long it is up; null while it restarts. */
export function bootAt(network: Network, device: string, epochMs: number): Instant | null {
  return instantAt(deviceOf(network, device).definition, tickAt(network, epochMs));
}

/** UTC of an uptime of a boot, in milliseconds; to within a tick. */
export function epochAt(network: Network, device: string, boot: number, uptimeTicks: number): number {
  return network.startedAtMs + TICK_MS * tickOf(deviceOf(network, device).definition, boot, uptimeTicks);
}

/** An uptime as the device tells it, reduced by 2^32, that would lie before the network began has wrapped. */
function tickOf(device: DeviceDefinition, boot: number, uptimeTicks: number): number {
  const tick = bootTick(device, boot) + uptimeTicks;
  return tick < 0 ? tick + TIME_TICKS_MODULUS : tick;
}

/**
 * What the octet counter of an interface shows at that uptime of that boot (sysUpTime as it stood in the same response),
 * reduced by the counter's width: 64 bits, or 32 where the device has no wider one.
 */
export function counterAt(
  network: Network,
  device: string,
  boot: number,
  which: number | string,
  direction: Direction,
  uptimeTicks: number,
): bigint {
  const one = interfaceOf(network, device, boot, which);
  const tick = tickOf(one.device, boot, uptimeTicks);
  const instant = { boot, tick, uptimeTicks: tick - bootTick(one.device, boot) };
  return BigInt.asUintN(one.port.width, octetsAt(one, direction, instant));
}

/** Octets that an interface passed on in `[fromMs, toMs)`, whoever counted them; 0 before the network began. */
export function octetsBetween(
  network: Network,
  device: string,
  which: number | string,
  direction: Direction,
  fromMs: number,
  toMs: number,
): bigint {
  const { flows } = interfaceOf(network, device, 0, which);
  return flows[direction].until(tickAt(network, toMs)) - flows[direction].until(tickAt(network, fromMs));
}

/** Octets counted, before any width cuts them. */
export function octetsAt(one: Interface, direction: Direction, instant: Instant): bigint {
  const origin = originTick(one, instant);
  const sent = one.flows[direction].until(instant.tick);
  return origin <= 0 ? sent + one.port.initial[direction] : sent - one.flows[direction].until(origin);
}

/** Unicast packets counted, before any width cuts them. */
export function packetsAt(one: Interface, direction: Direction, instant: Instant): bigint {
  return octetsAt(one, direction, instant) / OCTETS_PER_PACKET;
}

export function inErrorsAt(one: Interface, instant: Instant): bigint {
  const every = one.port.packetsPerError;
  return every === null ? 0n : (packetsAt(one, 'in', instant) - packetsAtBeginning(one, 'in', instant)) / BigInt(every);
}

export function outDiscardsAt(one: Interface, instant: Instant): bigint {
  const every = one.port.packetsPerDiscard;
  if (every === null) return 0n;
  return (packetsAt(one, 'out', instant) - packetsAtBeginning(one, 'out', instant)) / BigInt(every);
}

/** Of errors and discards there were none when the network began. */
function packetsAtBeginning(one: Interface, direction: Direction, instant: Instant): bigint {
  return originTick(one, instant) <= 0 ? one.port.initial[direction] / OCTETS_PER_PACKET : 0n;
}

/** Tick at which the counters of an interface began to count: its boot, or a later restart of its line card. */
function originTick(one: Interface, instant: Instant): number {
  return Math.max(bootTick(one.device, instant.boot), lastReset(one.port.resets, instant.tick) ?? -Infinity);
}

function lastReset(resets: Recurrence | null, tick: number): number | null {
  if (resets === null) return null;
  const begun = windowsBegun(resets, tick);
  return begun === 0 ? null : windowStart(resets, begun - 1);
}

/** ifCounterDiscontinuityTime (RFC 2863): uptime at the last time the counters broke off since the boot; 0 where they did not. */
export function discontinuityTicks(one: Interface, instant: Instant): number {
  const sinceBoot = (lastReset(one.port.resets, instant.tick) ?? -Infinity) - (instant.tick - instant.uptimeTicks);
  return Math.max(0, sinceBoot);
}

/** ifOperStatus is up: switched on, something is connected, and no window holds it down. */
export function operUp(one: Interface, tick: number): boolean {
  return one.state.linkUp && !one.port.downs.some((windows) => inWindow(windows, tick));
}

/** ifLastChange (RFC 2863): uptime at which it came to its state; 0 where that was before the boot. */
export function lastChangeTicks(one: Interface, instant: Instant): number {
  const edges = one.port.downs.map((windows) => lastEdge(windows, instant.tick) ?? -Infinity);
  return Math.max(0, Math.max(...edges, -Infinity) - (instant.tick - instant.uptimeTicks));
}

/** Value of a sensor as entPhySensorValue holds it. */
export function sensorAt(network: Network, device: DeviceDefinition, sensor: number, tick: number): number {
  const one = device.sensors[sensor];
  if (one === undefined) throw new RangeError(`${device.name} has no sensor ${sensor}`);
  const step = mixed(network.seed, `${device.name} sensor ${sensor}`, Math.floor(tick / SENSOR_STEP_TICKS));
  return one.low + (step % (one.high - one.low + 1));
}

/** Load of a processor in per cent. */
export function processorAt(network: Network, device: DeviceDefinition, processor: number, tick: number): number {
  return (
    5 + (mixed(network.seed, `${device.name} processor ${processor}`, Math.floor(tick / PROCESSOR_STEP_TICKS)) % 40)
  );
}

/** Share of the memory in use in per cent. */
export function memoryAt(network: Network, device: DeviceDefinition, tick: number): number {
  return 40 + (mixed(network.seed, `${device.name} memory`, Math.floor(tick / PROCESSOR_STEP_TICKS)) % 12);
}
