// The network of the demo: core, distribution, access, a firewall, a server and a power unit, cabled, and everything that goes wrong with them.
import { CUSTOMER_PORTS } from './demo-customers.ts';
import type { Stream } from './flow.ts';
import { G, M, MODELS, type ModelName, type PortDraft, portsOf } from './models.ts';
import type { DeviceDefinition, NetworkDefinition, SensorDefinition } from './network.ts';
import { recurring } from './recurrence.ts';
import type { DayShape } from './waves.ts';

/** access5 restarts, and numbers its interfaces anew. */
const RESTARTS = recurring(25, 600, 7);
/** access6 does not answer. */
const SILENCES = recurring(10, 300, 20);
/** The second uplink of access3 flaps. */
const FLAPS = recurring(12, 40, 8);
/** A line card of core2 restarts: counters of one port begin at 0 while the router stays up. */
const CARD_RESETS = recurring(90, 900, 5);
const RACK_BURSTS = recurring(20, 180, 40);
const BACKUP_BURSTS = recurring(70, 240, 30);

const HOUR_TICKS = 360_000;
const DAY_TICKS = 24 * HOUR_TICKS;
const UPTIME_WRAP = 2 ** 32;
/** sysUpTime of dist2 passes 2^32 three minutes after the first start: 497 days up, and no boot. */
const TICKS_TO_WRAP = 18_000;

/** The order decides the port that a device answers on. */
const DEVICES: readonly (readonly [name: string, make: ModelName])[] = [
  ['core1', 'core'],
  ['core2', 'core'],
  ['dist1', 'distribution'],
  ['dist2', 'distribution'],
  ['access1', 'cisco'],
  ['access2', 'cisco'],
  ['access3', 'cisco'],
  ['access4', 'oldCisco'],
  ['access5', 'juniper'],
  ['access6', 'mikrotik'],
  ['fw1', 'firewall'],
  ['server1', 'server'],
  ['pdu1', 'pdu'],
];

const UPLINKS: Readonly<Record<string, readonly [string, string]>> = {
  access1: ['Te1/0/1', 'Te1/0/2'],
  access2: ['Te1/0/1', 'Te1/0/2'],
  access3: ['Te1/0/1', 'Te1/0/2'],
  access4: ['Fa0/25', 'Fa0/26'],
  access5: ['xe-0/1/0', 'xe-0/1/1'],
  access6: ['sfp-sfpplus1', 'sfp-sfpplus2'],
};

interface End {
  readonly device: string;
  readonly port: string;
}

const at = (device: string, port: string): End => ({ device, port });

/** Draws cables between ports and puts streams through them. */
class Cabling {
  readonly #drafts: ReadonlyMap<string, PortDraft[]>;

  constructor(drafts: ReadonlyMap<string, PortDraft[]>) {
    this.#drafts = drafts;
  }

  port(end: End): PortDraft {
    const port = this.#drafts.get(end.device)?.find((one) => one.name === end.port);
    if (port === undefined) throw new Error(`BUG: ${end.device} has no port ${end.port}`);
    return port;
  }

  customer(end: End, alias: string | Buffer, down: Stream, up: Stream): void {
    const port = this.port(end);
    Object.assign(port, { alias, adminUp: true, in: [up], out: [down] } satisfies Partial<PortDraft>);
  }

  /** Both ends run at the speed of the slower, count the same streams crosswise, and see each other by LLDP. */
  link(a: End, b: End, towardsA: readonly Stream[], towardsB: readonly Stream[]): void {
    const [portA, portB] = [this.port(a), this.port(b)];
    const speedBps = Math.min(portA.speedBps, portB.speedBps);
    const join = (mine: PortDraft, far: End, streams: Pick<PortDraft, 'in' | 'out'>): void => {
      const alias = `${far.device} ${far.port}`;
      Object.assign(mine, { ...streams, speedBps, alias, adminUp: true, neighbour: far } satisfies Partial<PortDraft>);
    };
    join(portA, b, { in: towardsA, out: towardsB });
    join(portB, a, { in: towardsB, out: towardsA });
  }

  /** Streams of all ports of a device that a customer is on. */
  behind(device: string, direction: 'in' | 'out'): Stream[] {
    return (this.#drafts.get(device) ?? [])
      .filter((port) => port.adminUp && port.neighbour === null)
      .flatMap((port) => port[direction]);
  }
}

function streamOf(id: string, mbps: number, shape: DayShape, extra: Partial<Stream> = {}): Stream {
  return { id, busyBps: mbps * M, shape, burst: null, stopped: null, ...extra };
}

function connectCustomers(cabling: Cabling): void {
  for (const one of CUSTOMER_PORTS) {
    const extra = one.device === 'access5' ? { stopped: RESTARTS } : {};
    const id = `${one.device} ${one.port}`;
    const bursting = id === 'access2 Gi1/0/1' ? { burst: { bps: 760 * M, windows: RACK_BURSTS } } : {};
    const down = streamOf(`${id} down`, one.downMbps, one.shape, { ...extra, ...bursting });
    cabling.customer(one, one.alias, down, streamOf(`${id} up`, one.upMbps, one.shape, extra));
  }
  cabling.port(at('access2', 'Gi1/0/1')).packetsPerDiscard = 900;
  cabling.port(at('access2', 'Gi1/0/7')).packetsPerError = 250;
}

/** Each access switch hangs on both distribution switches; the first uplink carries its customers, the second little. */
function connectAccess(cabling: Cabling): void {
  for (const [order, [device, [first, second]]] of Object.entries(UPLINKS).entries()) {
    const [home, other] = order < 3 ? ['dist1', 'dist2'] : ['dist2', 'dist1'];
    const stopped = device === 'access5' ? RESTARTS : device === 'access3' ? FLAPS : null;
    const spare = (direction: string): Stream => streamOf(`${device} spare ${direction}`, 3, 'hosting', { stopped });
    const port = `Ethernet${order + 1}`;
    cabling.link(at(home, port), at(device, first), cabling.behind(device, 'in'), cabling.behind(device, 'out'));
    cabling.link(at(other, port), at(device, second), [spare('up')], [spare('down')]);
  }
  for (const home of ['dist1', 'dist2']) cabling.port(at(home, 'Ethernet5')).downs = [RESTARTS];
  for (const end of [at('access3', 'Te1/0/2'), at('dist2', 'Ethernet3')]) cabling.port(end).downs = [FLAPS];
}

function connectSite(cabling: Cabling): void {
  const traffic = (id: string, mbps: number, shape: DayShape): Stream => streamOf(id, mbps, shape);
  cabling.link(
    at('access2', 'Gi1/0/24'),
    at('pdu1', 'eth0'),
    [traffic('pdu up', 0.04, 'hosting')],
    [traffic('pdu down', 0.02, 'hosting')],
  );
  const backup = { burst: { bps: 690 * M, windows: BACKUP_BURSTS } };
  cabling.link(
    at('dist1', 'Ethernet8'),
    at('server1', 'eth0'),
    [traffic('server up', 80, 'office')],
    [streamOf('server down', 140, 'office', backup)],
  );
  cabling.port(at('dist1', 'Ethernet8')).packetsPerDiscard = 2_000;
  const [inside, outside] = [[traffic('firewall down', 150, 'office')], [traffic('firewall up', 60, 'office')]];
  cabling.link(at('core1', 'ge-1/0/0'), at('fw1', 'wan1'), outside, inside);
  cabling.link(at('fw1', 'port1'), at('dist1', 'Ethernet7'), outside, inside);
}

function connectCore(cabling: Cabling): void {
  const behind = (devices: readonly string[], direction: 'in' | 'out'): Stream[] =>
    devices.flatMap((device) => cabling.behind(device, direction));
  const halves = [
    { core: 'core1', home: 'dist1', devices: ['dist1', 'access1', 'access2', 'access3'], transit: 'Northwind' },
    { core: 'core2', home: 'dist2', devices: ['dist2', 'access4', 'access5', 'access6'], transit: 'Contoso' },
  ];
  for (const [order, { core, home, devices, transit }] of halves.entries()) {
    const [up, down] = [behind(devices, 'in'), behind(devices, 'out')];
    cabling.link(at(core, 'xe-0/0/2'), at(home, 'Ethernet49'), up, down);
    const other = halves[1 - order]?.core ?? '';
    const spare = (direction: string): Stream => streamOf(`${home} spare ${direction}`, 6, 'hosting');
    cabling.link(at(other, 'xe-0/0/3'), at(home, 'Ethernet50'), [spare('up')], [spare('down')]);
    const exit = cabling.port(at(core, 'xe-0/1/0'));
    Object.assign(exit, { adminUp: true, alias: `Transit ${transit} AS6450${order}`, in: down, out: up });
  }
  const between = ['xe-0/0/0', 'xe-0/0/1'].map((port) => ({
    port,
    towards1: streamOf(`core ${port} 1`, 700, 'hosting'),
    towards2: streamOf(`core ${port} 2`, 900, 'hosting'),
  }));
  for (const { port, towards1, towards2 } of between)
    cabling.link(at('core1', port), at('core2', port), [towards1], [towards2]);
  const [all1, all2] = [between.map((one) => one.towards1), between.map((one) => one.towards2)];
  Object.assign(cabling.port(at('core1', 'ae0')), { alias: 'core2 ae0', in: all1, out: all2 });
  Object.assign(cabling.port(at('core2', 'ae0')), { alias: 'core1 ae0', in: all2, out: all1 });
  Object.assign(cabling.port(at('core2', 'xe-0/1/1')), {
    adminUp: true,
    alias: 'Exchange point, peering VLAN',
    in: [streamOf('exchange in', 1_900, 'home')],
    out: [streamOf('exchange out', 1_300, 'hosting')],
    resets: CARD_RESETS,
  });
}

/** What the counters show when the network begins. */
function initialOf(device: string, port: PortDraft, order: number): PortDraft['initial'] {
  if (port.in.length === 0) return { in: 0n, out: 0n };
  if (port.width === 32) {
    // Below 2^32 by what goes in the first 20 to 50 seconds: the first wraps are seen within a minute.
    const seconds = 20 + ((order * 7) % 30);
    const below = (streams: readonly Stream[]): bigint =>
      2n ** 32n - BigInt(Math.round((streams.reduce((sum, one) => sum + one.busyBps, 0) / 8) * seconds)) - 1n;
    return { in: below(port.in), out: below(port.out) };
  }
  // No signed integer and no double holds these.
  if (device === 'core1') return { in: 2n ** 63n + 1_234_567n + BigInt(order), out: 2n ** 63n - 40_000_000_000n };
  if (device === 'core2') return { in: 2n ** 53n + BigInt(2 * order + 1), out: 2n ** 60n + BigInt(order) };
  return { in: BigInt(order + 1) * 7_919_000_003n, out: BigInt(order + 1) * 104_729_000_019n };
}

const CELSIUS = 8;
const [VOLTS_AC, AMPERES, WATTS, RPM] = [3, 5, 6, 10];
const UNITS = 9;

const sensor = (name: string, type: number, low: number, high: number, precision = 0): SensorDefinition => ({
  name,
  type,
  scale: UNITS,
  precision,
  low,
  high,
});

function sensorsOf(make: ModelName): SensorDefinition[] {
  if (make === 'pdu')
    return [
      sensor('Inlet voltage', VOLTS_AC, 2_280, 2_320, 1),
      sensor('Inlet current', AMPERES, 620, 840, 2),
      sensor('Inlet active power', WATTS, 1_500, 1_900),
      sensor('Rack inlet temperature', CELSIUS, 215, 245, 1),
      ...[1, 2, 3, 4].map((outlet) => sensor(`Outlet ${outlet} active power`, WATTS, 210, 480)),
    ];
  if (make === 'mikrotik' || make === 'oldCisco') return [sensor('Temperature', CELSIUS, 34, 41)];
  return [
    sensor('Intake temperature', CELSIUS, 22, 31),
    sensor('Exhaust temperature', CELSIUS, 34, 48),
    sensor('Fan 1', RPM, 5_200, 5_900),
  ];
}

function deviceOf(name: string, make: ModelName, order: number, ports: readonly PortDraft[]): DeviceDefinition {
  const small = make === 'pdu';
  return {
    name,
    model: MODELS[make],
    location: small || make === 'server' ? 'Hall 2, rack 7' : 'Hall 1',
    serial: `SIM${String(order + 1).padStart(6, '0')}`,
    ports: ports.map((port, place) => ({ ...port, initial: initialOf(name, port, place) })),
    sensors: sensorsOf(make),
    processors: small ? 0 : make === 'server' ? 4 : make === 'core' ? 2 : 1,
    memoryBytes: small ? 0 : (make === 'oldCisco' ? 1 / 64 : make === 'server' ? 64 : 4) * 1024 ** 3,
    diskBytes: make === 'server' ? 480 * G : 0,
    lldpPortSubtype: make === 'server' ? 3 : 5,
    uptimeAtStart: name === 'dist2' ? UPTIME_WRAP - TICKS_TO_WRAP : (order + 3) * 3 * DAY_TICKS + order * 4_242,
    restarts: name === 'access5' ? RESTARTS : null,
    renumbers: name === 'access5',
    silences: name === 'access6' ? SILENCES : null,
  };
}

/** 13 devices; 1 Gbit/s and 10 Gbit/s, one switch of the nineties. */
export function demoNetwork(): NetworkDefinition {
  const drafts = new Map(DEVICES.map(([name, make], order) => [name, portsOf(make, order)]));
  const cabling = new Cabling(drafts);
  connectCustomers(cabling);
  connectAccess(cabling);
  connectSite(cabling);
  connectCore(cabling);
  const devices = DEVICES.map(([name, make], order) => deviceOf(name, make, order, drafts.get(name) ?? []));
  return { name: 'demo', devices };
}
