// The network of the demo: core, distribution, access, a firewall, a server and a power unit, and everything that goes wrong with them.
import type {
  Flow,
  FlowProfile,
  Network,
  Recurrence,
  SimulatedDevice,
  SimulatedInterface,
  SimulatedNeighbour,
  SimulatedSensor,
} from './network.ts';

const MINUTE_MS = 60_000;
const G = 1e9;
const M = 1e6;

/** One link goes down for 8 s in every 40. */
const FLAPPING: Recurrence = { firstMs: 12_000, everyMs: 40_000, forMs: 8_000 };
/** access5 restarts. */
const REBOOTING: Recurrence = { firstMs: 25_000, everyMs: 10 * MINUTE_MS, forMs: 7_000 };
/** access6 does not answer. */
const SILENT: Recurrence = { firstMs: 14_000, everyMs: 5 * MINUTE_MS, forMs: 20_000 };
const BURSTING: Recurrence = { firstMs: 20_000, everyMs: 3 * MINUTE_MS, forMs: 30_000 };

const IDLE: FlowProfile = { lowBps: 0, highBps: 0 };

interface LinkPlan {
  readonly a: readonly [device: string, port: string];
  readonly b: readonly [device: string, port: string];
  readonly speedBps: number;
  readonly towardsB: FlowProfile;
  readonly towardsA: FlowProfile;
  readonly linkDown?: Recurrence;
}

const steady = (lowMbps: number, highMbps: number): FlowProfile => ({ lowBps: lowMbps * M, highBps: highMbps * M });

const LINKS: readonly LinkPlan[] = [
  {
    a: ['core1', 'xe-0/0/0'],
    b: ['core2', 'xe-0/0/0'],
    speedBps: 10 * G,
    towardsB: steady(300, 1400),
    towardsA: steady(250, 1100),
  },
  {
    a: ['core1', 'xe-0/0/1'],
    b: ['dist1', 'Ethernet49'],
    speedBps: 10 * G,
    towardsB: steady(900, 2600),
    towardsA: steady(200, 800),
  },
  {
    a: ['core2', 'xe-0/0/1'],
    b: ['dist2', 'Ethernet49'],
    speedBps: 10 * G,
    towardsB: steady(800, 2300),
    towardsA: steady(200, 700),
  },
  {
    a: ['core1', 'xe-0/0/2'],
    b: ['dist2', 'Ethernet50'],
    speedBps: 10 * G,
    towardsB: steady(50, 200),
    towardsA: steady(20, 90),
  },
  {
    a: ['core2', 'xe-0/0/2'],
    b: ['dist1', 'Ethernet50'],
    speedBps: 10 * G,
    towardsB: steady(50, 200),
    towardsA: steady(20, 90),
  },
  { a: ['core1', 'ge-0/1/0'], b: ['fw1', 'port1'], speedBps: G, towardsB: steady(120, 520), towardsA: steady(60, 240) },
  ...[1, 2, 3, 4, 5, 6].flatMap((number): LinkPlan[] => {
    const speedBps = number === 4 ? 100 * M : G;
    const share = number === 4 ? 0.12 : 1;
    const [first, second] = number <= 3 ? ['dist1', 'dist2'] : ['dist2', 'dist1'];
    const uplink = (port: number): [string, string] => [
      `access${number}`,
      number === 4 ? `FastEthernet0/${port}` : `GigabitEthernet1/0/${port}`,
    ];
    return [
      {
        a: [first ?? '', `Ethernet${number}`],
        b: uplink(25),
        speedBps,
        towardsB: steady(150 * share, 560 * share),
        towardsA: steady(40 * share, 180 * share),
      },
      {
        a: [second ?? '', `Ethernet${number}`],
        b: uplink(26),
        speedBps,
        towardsB: steady(2, 9),
        towardsA: steady(1, 5),
        ...(number === 3 ? { linkDown: FLAPPING } : {}),
      },
    ];
  }),
  {
    a: ['access1', 'GigabitEthernet1/0/24'],
    b: ['server1', 'eth0'],
    speedBps: G,
    towardsB: steady(30, 140),
    towardsA: { ...steady(80, 300), burst: { bps: 950 * M, when: BURSTING } },
  },
  {
    a: ['access2', 'GigabitEthernet1/0/24'],
    b: ['pdu1', 'eth0'],
    speedBps: 100 * M,
    towardsB: steady(0.01, 0.05),
    towardsA: steady(0.01, 0.05),
  },
];

/** Who stands behind the access ports that carry traffic. */
const CUSTOMERS: Readonly<
  Record<string, readonly (readonly [port: number, alias: string | Buffer, down: number, up: number])[]>
> = {
  access1: [
    [1, 'Acme Ltd, head office', 40, 12],
    [2, 'Acme Ltd, warehouse', 25, 8],
  ],
  access2: [
    [1, 'Globex transit A', 300, 120],
    [2, 'Globex transit B', 260, 90],
    [7, 'Initech, bad cable', 20, 6],
  ],
  // "Café Zürich" as an old console wrote it: Latin-1, not UTF-8.
  access3: [
    [1, Buffer.from('Caf\u00e9 Z\u00fcrich', 'latin1'), 30, 9],
    [2, 'Initech branch', 45, 14],
  ],
  access4: [
    [1, 'Acme Ltd, lab', 34, 30],
    [2, 'Initech archive', 28, 22],
  ],
  access5: [
    [1, 'Globex office', 60, 25],
    [2, 'nobody told billing', 15, 5],
  ],
  access6: [
    [1, 'Initech campus', 70, 22],
    [2, 'sold last week', 18, 7],
  ],
};

const CELSIUS = 8;
const WATTS = 6;
const AMPERES = 5;
const VOLTS_AC = 3;
const UNITS = 9;

const sensor = (name: string, type: number, low: number, high: number, precision = 0): SimulatedSensor => ({
  name,
  type,
  scale: UNITS,
  precision,
  low,
  high,
});

interface Model {
  readonly sysObjectId: string;
  readonly sysDescr: string;
  readonly model: string;
  readonly software: string;
}

const MODELS = {
  core: {
    sysObjectId: '1.3.6.1.4.1.2636.1.1.1.2.29',
    sysDescr: 'Juniper Networks, Inc. mx240 internet router, kernel JUNOS 21.4R3.15',
    model: 'MX240',
    software: '21.4R3.15',
  },
  dist: {
    sysObjectId: '1.3.6.1.4.1.30065.1.3011.7050.3741.2048',
    sysDescr: 'Arista Networks EOS version 4.28.3M running on an Arista Networks DCS-7050TX-48',
    model: 'DCS-7050TX-48',
    software: '4.28.3M',
  },
  access: {
    sysObjectId: '1.3.6.1.4.1.9.1.1208',
    sysDescr: 'Cisco IOS Software, C2960X Software (C2960X-UNIVERSALK9-M), Version 15.2(7)E7, RELEASE SOFTWARE (fc2)',
    model: 'WS-C2960X-24TS-L',
    software: '15.2(7)E7',
  },
  old: {
    sysObjectId: '1.3.6.1.4.1.9.1.324',
    sysDescr: 'Cisco Internetwork Operating System Software, C2950 Software (C2950-I6Q4L2-M), Version 12.1(22)EA14',
    model: 'WS-C2950-24',
    software: '12.1(22)EA14',
  },
  firewall: {
    sysObjectId: '1.3.6.1.4.1.12356.101.1.1005',
    sysDescr: 'FortiGate-100F',
    model: 'FGT_100F',
    software: '7.2.5',
  },
  server: {
    sysObjectId: '1.3.6.1.4.1.8072.3.2.10',
    sysDescr: 'Linux server1 6.1.0-28-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.119-1 x86_64',
    model: 'PowerEdge R640',
    software: '6.1.0-28-amd64',
  },
  pdu: {
    sysObjectId: '1.3.6.1.4.1.13742.6',
    sysDescr: 'Raritan PX3-5190R, rack power unit',
    model: 'PX3-5190R',
    software: '4.0.20',
  },
} as const satisfies Record<string, Model>;

const DAY_MS = 86_400_000;

/** Names of the plain ports of a device, before its links are known. */
function portsOf(name: string): string[] {
  if (name === 'access4') return Array.from({ length: 26 }, (_, at) => `FastEthernet0/${at + 1}`);
  if (name.startsWith('access')) return Array.from({ length: 26 }, (_, at) => `GigabitEthernet1/0/${at + 1}`);
  if (name.startsWith('dist'))
    return [...Array.from({ length: 8 }, (_, at) => `Ethernet${at + 1}`), 'Ethernet49', 'Ethernet50'];
  if (name.startsWith('core')) return ['xe-0/0/0', 'xe-0/0/1', 'xe-0/0/2', 'xe-0/0/3', 'ge-0/1/0', 'ge-0/1/1'];
  if (name === 'fw1') return ['port1', 'wan1', 'dmz'];
  return ['eth0'];
}

class Builder {
  readonly #flows = new Map<string, Flow>();
  readonly #links = new Map<string, { link: LinkPlan; end: 'a' | 'b' }>();

  constructor() {
    for (const link of LINKS) {
      this.#links.set(link.a.join(' '), { link, end: 'a' });
      this.#links.set(link.b.join(' '), { link, end: 'b' });
      const devices = [link.a[0], link.b[0]];
      const linkDown = link.linkDown ?? null;
      this.#flows.set(flowId(link, 'b'), { id: flowId(link, 'b'), profile: link.towardsB, devices, linkDown });
      this.#flows.set(flowId(link, 'a'), { id: flowId(link, 'a'), profile: link.towardsA, devices, linkDown });
    }
  }

  get flows(): ReadonlyMap<string, Flow> {
    return this.#flows;
  }

  interfaces(device: string, order: number): SimulatedInterface[] {
    return portsOf(device).map((name, at) => this.#interface(device, order, name, at + 1));
  }

  neighbours(device: string): SimulatedNeighbour[] {
    return portsOf(device).flatMap((name, at) => {
      const found = this.#links.get(`${device} ${name}`);
      if (found === undefined) return [];
      const [remoteName, remotePort] = found.end === 'a' ? found.link.b : found.link.a;
      return [
        {
          localIfIndex: at + 1,
          remoteName,
          remotePort,
          remoteMac: macOf(ORDER.indexOf(remoteName), portsOf(remoteName).indexOf(remotePort) + 1),
        },
      ];
    });
  }

  #interface(device: string, order: number, name: string, number: number): SimulatedInterface {
    const found = this.#links.get(`${device} ${name}`);
    const customer = CUSTOMERS[device]?.find(([port]) => port === number && number <= 24);
    const narrow = device === 'access4';
    const plain =
      narrow || device === 'pdu1' ? 100 * M : device.startsWith('dist') || name.startsWith('xe') ? 10 * G : G;
    const common = {
      ifIndex: number,
      name: shortName(name),
      descr: name,
      type: 6,
      mtu: 1500,
      mac: macOf(order, number),
      width: narrow ? (32 as const) : (64 as const),
      adminUp: true,
    };
    if (found !== undefined) {
      const { link, end } = found;
      const [remote, remotePort] = end === 'a' ? link.b : link.a;
      const ids =
        end === 'a'
          ? { inFlow: flowId(link, 'a'), outFlow: flowId(link, 'b') }
          : { inFlow: flowId(link, 'b'), outFlow: flowId(link, 'a') };
      return {
        ...common,
        ...ids,
        alias: Buffer.from(`to ${remote} ${shortName(remotePort)}`),
        speedBps: link.speedBps,
        ...this.#initial(device, number, narrow),
      };
    }
    const [down, up] = customer === undefined ? edgeRates(device, name) : [customer[2], customer[3]];
    const errors = customer !== undefined && String(customer[1]).includes('bad cable') ? { errorsPerMille: 4 } : {};
    const ids = { inFlow: `${device} ${name} in`, outFlow: `${device} ${name} out` };
    this.#flows.set(ids.inFlow, {
      id: ids.inFlow,
      profile: up === 0 ? IDLE : { ...steady(up * 0.2, up), ...errors },
      devices: [device],
      linkDown: null,
    });
    this.#flows.set(ids.outFlow, {
      id: ids.outFlow,
      profile: down === 0 ? IDLE : steady(down * 0.2, down),
      devices: [device],
      linkDown: null,
    });
    const alias = customer === undefined ? Buffer.alloc(0) : Buffer.from(customer[1]);
    return { ...common, ...ids, alias, speedBps: plain, ...this.#initial(device, number, narrow) };
  }

  #initial(device: string, number: number, narrow: boolean): { initialIn: bigint; initialOut: bigint } {
    // Close below 2^32, so that a 32-bit counter wraps within the first minute; above 2^63 on one port, above 2^53 on others.
    if (narrow)
      return { initialIn: 2n ** 32n - 60_000_000n, initialOut: 2n ** 32n - 90_000_000n - BigInt(number) * 1_000_000n };
    if (device === 'core1' && number === 1) return { initialIn: 2n ** 63n + 12_345n, initialOut: 2n ** 63n + 67_890n };
    if (device.startsWith('core'))
      return { initialIn: 2n ** 54n + BigInt(number), initialOut: 2n ** 54n + BigInt(number) * 3n };
    return { initialIn: BigInt(number) * 7_919_000_000n, initialOut: BigInt(number) * 104_729_000_000n };
  }
}

function edgeRates(device: string, name: string): readonly [number, number] {
  return device === 'fw1' && name === 'wan1' ? [240, 480] : [0, 0];
}

function flowId(link: LinkPlan, towards: 'a' | 'b'): string {
  const [from, to] = towards === 'b' ? [link.a, link.b] : [link.b, link.a];
  return `${from.join(' ')} > ${to.join(' ')}`;
}

function shortName(name: string): string {
  return name
    .replace('GigabitEthernet', 'Gi')
    .replace('FastEthernet', 'Fa')
    .replace(/^Ethernet/, 'Et');
}

function macOf(order: number, number: number): string {
  const pair = (value: number): string => value.toString(16).padStart(2, '0');
  return `02:57:45:${pair(order)}:00:${pair(number)}`;
}

/** The place of a device decides its port. */
const ORDER: readonly string[] = [
  'core1',
  'core2',
  'dist1',
  'dist2',
  'access1',
  'access2',
  'access3',
  'access4',
  'access5',
  'access6',
  'fw1',
  'server1',
  'pdu1',
];

function modelOf(name: string): Model {
  if (name === 'access4') return MODELS.old;
  if (name === 'fw1') return MODELS.firewall;
  if (name === 'server1') return MODELS.server;
  if (name === 'pdu1') return MODELS.pdu;
  return name.startsWith('core') ? MODELS.core : name.startsWith('dist') ? MODELS.dist : MODELS.access;
}

function sensorsOf(name: string): SimulatedSensor[] {
  if (name === 'pdu1') {
    return [
      sensor('Inlet voltage', VOLTS_AC, 2280, 2320, 1),
      sensor('Inlet current', AMPERES, 620, 840, 2),
      sensor('Inlet active power', WATTS, 1500, 1900),
      sensor('Rack inlet temperature', CELSIUS, 215, 245, 1),
    ];
  }
  return [sensor('Intake temperature', CELSIUS, 22, 31), sensor('Exhaust temperature', CELSIUS, 34, 48)];
}

/** The demo network; the same for the same seed. */
export function demoNetwork(seed: number): Network {
  const builder = new Builder();
  const devices = ORDER.map((name, order): SimulatedDevice => {
    const model = modelOf(name);
    return {
      name,
      ...model,
      location: name === 'pdu1' || name === 'server1' ? 'Hall 2, rack 7' : 'Hall 1',
      serial: `SIM${String(seed).slice(-4)}${String(order).padStart(3, '0')}`,
      interfaces: builder.interfaces(name, order),
      sensors: sensorsOf(name),
      processors: name === 'pdu1' ? 0 : name === 'server1' ? 4 : 1,
      memoryBytes: name === 'pdu1' ? 0 : 4 * 1024 ** 3,
      neighbours: builder.neighbours(name),
      uptimeAtStartMs: (order + 3) * 3 * DAY_MS,
      reboots: name === 'access5' ? REBOOTING : null,
      silences: name === 'access6' ? SILENT : null,
    };
  });
  return { seed, devices, flows: builder.flows };
}

/** A plain fleet for benchmarks and scale tests: every port carries traffic, nothing fails. */
export function fleetNetwork(seed: number, devices: number, ports: number): Network {
  const flows = new Map<string, Flow>();
  const made = Array.from({ length: devices }, (_unused, order): SimulatedDevice => {
    const name = `fleet${order + 1}`;
    const interfaces = Array.from({ length: ports }, (_, at): SimulatedInterface => {
      const port = `Gi1/0/${at + 1}`;
      const ids = { inFlow: `${name} ${port} in`, outFlow: `${name} ${port} out` };
      for (const id of Object.values(ids)) flows.set(id, { id, profile: steady(5, 200), devices: [], linkDown: null });
      return {
        ifIndex: at + 1,
        name: port,
        descr: `GigabitEthernet1/0/${at + 1}`,
        alias: Buffer.from(`port ${at + 1}`),
        type: 6,
        mtu: 1500,
        speedBps: G,
        mac: macOf(order % 256, (at + 1) % 256),
        width: 64,
        adminUp: true,
        ...ids,
        initialIn: 0n,
        initialOut: 0n,
      };
    });
    return {
      name,
      ...MODELS.access,
      location: 'fleet',
      serial: `FLEET${order}`,
      interfaces,
      sensors: [],
      processors: 1,
      memoryBytes: 4 * 1024 ** 3,
      neighbours: [],
      uptimeAtStartMs: DAY_MS,
      reboots: null,
      silences: null,
    };
  });
  return { seed, devices: made, flows };
}
