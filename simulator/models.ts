// The makes of equipment in simulated networks: what each says of itself and how it names its ports.
import type { Model, PortDefinition } from './network.ts';

export const M = 1e6;
export const G = 1e9;

const ETHERNET = 6;
const LOOPBACK = 24;
const VIRTUAL = 53;
const LAG = 161;
const JUMBO = 9192;

export const MODELS = {
  core: {
    sysObjectId: '1.3.6.1.4.1.2636.1.1.1.2.29',
    sysDescr:
      'Juniper Networks, Inc. mx240 internet router, kernel JUNOS 21.4R3.15, Build date: 2022-09-21 09:32:33 UTC',
    vendor: 'Juniper Networks',
    model: 'MX240',
    software: '21.4R3.15',
    maxMessageBytes: 9_000,
  },
  distribution: {
    sysObjectId: '1.3.6.1.4.1.30065.1.3011.7050.3741.2048',
    sysDescr: 'Arista Networks EOS version 4.28.3M running on an Arista Networks DCS-7050TX-48',
    vendor: 'Arista Networks',
    model: 'DCS-7050TX-48',
    software: '4.28.3M',
    maxMessageBytes: 65_507,
  },
  cisco: {
    sysObjectId: '1.3.6.1.4.1.9.1.1208',
    sysDescr:
      'Cisco IOS Software, C2960X Software (C2960X-UNIVERSALK9-M), Version 15.2(7)E7, RELEASE SOFTWARE (fc2)\r\nTechnical Support: http://www.cisco.com/techsupport',
    vendor: 'Cisco',
    model: 'WS-C2960X-24TD-L',
    software: '15.2(7)E7',
    maxMessageBytes: 1_472,
  },
  oldCisco: {
    sysObjectId: '1.3.6.1.4.1.9.1.325',
    sysDescr:
      'Cisco Internetwork Operating System Software \r\nIOS (tm) C2950 Software (C2950-I6Q4L2-M), Version 12.1(22)EA14',
    vendor: 'Cisco',
    model: 'WS-C2950C-24',
    software: '12.1(22)EA14',
    maxMessageBytes: 1_400,
  },
  juniper: {
    sysObjectId: '1.3.6.1.4.1.2636.1.1.1.2.131',
    sysDescr:
      'Juniper Networks, Inc. ex2300-24t Ethernet Switch, kernel JUNOS 20.4R3.8, Build date: 2021-06-22 14:11:44 UTC',
    vendor: 'Juniper Networks',
    model: 'EX2300-24T',
    software: '20.4R3.8',
    maxMessageBytes: 1_472,
  },
  mikrotik: {
    sysObjectId: '1.3.6.1.4.1.14988.1',
    sysDescr: 'RouterOS CRS326-24G-2S+',
    vendor: 'MikroTik',
    model: 'CRS326-24G-2S+',
    software: '7.11.2',
    maxMessageBytes: 1_472,
  },
  firewall: {
    sysObjectId: '1.3.6.1.4.1.12356.101.1.1005',
    sysDescr: 'FortiGate-100F',
    vendor: 'Fortinet',
    model: 'FGT_100F',
    software: '7.2.5',
    maxMessageBytes: 1_472,
  },
  server: {
    sysObjectId: '1.3.6.1.4.1.8072.3.2.10',
    sysDescr: 'Linux server1 6.1.0-28-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.119-1 (2024-11-22) x86_64',
    vendor: 'Dell',
    model: 'PowerEdge R640',
    software: '6.1.0-28-amd64',
    maxMessageBytes: 65_507,
  },
  pdu: {
    sysObjectId: '1.3.6.1.4.1.13742.6',
    sysDescr: 'PX3-5190R - PX3 040020',
    vendor: 'Raritan',
    model: 'PX3-5190R',
    software: '4.0.20',
    maxMessageBytes: 484,
  },
} as const satisfies Record<string, Model>;

export type ModelName = keyof typeof MODELS;

/** A port while a network is being cabled. */
export type PortDraft = { -readonly [Key in keyof PortDefinition]: PortDefinition[Key] };

interface PortPlan {
  readonly name: string;
  readonly descr?: string;
  readonly ifIndex: number;
  readonly type?: number;
  readonly mtu?: number;
  readonly speedBps: number;
}

const numbered = (first: number, last: number, plan: (number: number) => PortPlan): PortPlan[] =>
  Array.from({ length: last - first + 1 }, (_, at) => plan(first + at));

const junosPorts = (plans: readonly Omit<PortPlan, 'ifIndex'>[]): PortPlan[] =>
  plans.map((plan, at) => ({ mtu: 1514, ...plan, ifIndex: 501 + at }));

const ciscoPorts = (): PortPlan[] => [
  { name: 'Vl1', descr: 'Vlan1', ifIndex: 1, type: VIRTUAL, speedBps: G },
  ...numbered(1, 24, (n) => ({
    name: `Gi1/0/${n}`,
    descr: `GigabitEthernet1/0/${n}`,
    ifIndex: 10_100 + n,
    speedBps: G,
  })),
  ...numbered(1, 2, (n) => ({
    name: `Te1/0/${n}`,
    descr: `TenGigabitEthernet1/0/${n}`,
    ifIndex: 10_124 + n,
    speedBps: 10 * G,
  })),
];

const PLANS: Readonly<Record<ModelName, () => PortPlan[]>> = {
  core: () =>
    junosPorts([
      { name: 'lo0', type: LOOPBACK, speedBps: 0 },
      { name: 'fxp0', speedBps: G },
      ...['xe-0/0/0', 'xe-0/0/1', 'xe-0/0/2', 'xe-0/0/3', 'xe-0/1/0', 'xe-0/1/1'].map((name) => ({
        name,
        mtu: JUMBO,
        speedBps: 10 * G,
      })),
      ...['ge-1/0/0', 'ge-1/0/1'].map((name) => ({ name, speedBps: G })),
      { name: 'ae0', type: LAG, mtu: JUMBO, speedBps: 20 * G },
    ]),
  distribution: () => [
    ...numbered(1, 16, (n) => ({ name: `Ethernet${n}`, ifIndex: n, mtu: 9214, speedBps: 10 * G })),
    ...numbered(49, 50, (n) => ({ name: `Ethernet${n}`, ifIndex: n, mtu: 9214, speedBps: 10 * G })),
    { name: 'Management1', ifIndex: 999_001, speedBps: G },
    { name: 'Loopback0', ifIndex: 5_000_000, type: LOOPBACK, mtu: 65_535, speedBps: 0 },
  ],
  cisco: ciscoPorts,
  oldCisco: () => [
    ...numbered(1, 26, (n) => ({ name: `Fa0/${n}`, descr: `FastEthernet0/${n}`, ifIndex: n, speedBps: 100 * M })),
    { name: 'Vl1', descr: 'Vlan1', ifIndex: 27, type: VIRTUAL, speedBps: 100 * M },
  ],
  juniper: () =>
    junosPorts([
      ...numbered(0, 23, (n) => ({ name: `ge-0/0/${n}`, ifIndex: 0, speedBps: G })),
      ...numbered(0, 1, (n) => ({ name: `xe-0/1/${n}`, ifIndex: 0, speedBps: 10 * G })),
      { name: 'irb', type: VIRTUAL, speedBps: G },
    ]),
  mikrotik: () => [
    ...numbered(1, 24, (n) => ({ name: `ether${n}`, ifIndex: n, speedBps: G })),
    ...numbered(1, 2, (n) => ({ name: `sfp-sfpplus${n}`, ifIndex: 24 + n, speedBps: 10 * G })),
    { name: 'bridge', ifIndex: 27, type: 209, speedBps: 0 },
  ],
  firewall: () => ['wan1', 'wan2', 'port1', 'dmz'].map((name, at) => ({ name, ifIndex: at + 1, speedBps: G })),
  server: () => [
    { name: 'lo', ifIndex: 1, type: LOOPBACK, mtu: 65_536, speedBps: 10 * M },
    { name: 'eth0', ifIndex: 2, speedBps: G },
  ],
  pdu: () => [{ name: 'eth0', descr: 'Ethernet', ifIndex: 1, speedBps: 100 * M }],
};

/** The ports of a device of that make, nothing connected: Ethernet is switched off, the rest is up without traffic. */
export function portsOf(make: ModelName, order: number): PortDraft[] {
  return PLANS[make]().map((plan, at) => {
    const type = plan.type ?? ETHERNET;
    return {
      name: plan.name,
      descr: plan.descr ?? plan.name,
      alias: '',
      ifIndex: plan.ifIndex,
      type,
      mtu: plan.mtu ?? 1500,
      speedBps: plan.speedBps,
      mac: type === LOOPBACK ? '' : macOf(order, at + 1),
      width: make === 'oldCisco' ? 32 : 64,
      adminUp: type !== ETHERNET,
      in: [],
      out: [],
      initial: { in: 0n, out: 0n },
      downs: [],
      resets: null,
      packetsPerError: null,
      packetsPerDiscard: null,
      neighbour: null,
    };
  });
}

/** Locally administered: no vendor's. */
export function macOf(device: number, port: number): string {
  const pair = (value: number): string => (value % 256).toString(16).padStart(2, '0');
  return `02:57:${pair(Math.floor(device / 256))}:${pair(device)}:${pair(Math.floor(port / 256))}:${pair(port)}`;
}
