// discover(): a simulated network with an address for each device, a real snmpd with version 3, IPv6, and devices with several addresses.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { TAG } from '../../../agent/snmp/ber.ts';
import { discover, type DiscoverRequest } from '../../../agent/main.ts';
import type { CredentialConfiguration } from '../../../common/runtime/device-configuration.ts';
import { type DiscoveredNetwork, startDiscoveredNetwork } from '../../support/discovered-network.ts';
import { freePortBlock } from '../../support/free-port.ts';
import { deviceMib } from '../../support/interface-mib.ts';
import { describeWith } from '../../support/requirements.ts';
import { ScriptedDevice } from '../../support/scripted-device.ts';
import { type Snmpd, SNMPD_USER, startSnmpd } from '../../support/snmpd.ts';
import { startUdpRelay, type UdpRelay } from '../../support/udp-relay.ts';

const community = (text: string): CredentialConfiguration => ({ version: '2c', community: text });
const SETS = [
  { name: 'old', credential: community('wrong') },
  { name: 'office', credential: community('office-community') },
];

function request(targets: readonly string[], port: number, more: Partial<DiscoverRequest> = {}): DiscoverRequest {
  return {
    targets,
    configured: [],
    credentials: SETS,
    port,
    timeoutMs: 300,
    retries: 1,
    packetsPerSecond: 2000,
    concurrency: 32,
    hops: 0,
    within: [],
    beyond: false,
    profilesFolder: null,
    ...more,
  };
}

describe('a simulated network on 127.0.1.0/28', () => {
  let network: DiscoveredNetwork;
  beforeAll(async () => {
    network = await startDiscoveredNetwork('127.0.1.1', 'office-community');
  });
  afterAll(() => network.stop());

  /** The names of what is reached from a device over that many cables at most. */
  function reached(from: string, hops: number): string[] {
    const found = new Set([from]);
    for (let hop = 0; hop < hops; hop += 1) {
      const before = [...found];
      for (const name of before) {
        const device = network.definition.devices.find((one) => one.name === name);
        for (const port of device?.ports ?? []) if (port.neighbour !== null) found.add(port.neighbour.device);
      }
    }
    return [...found].toSorted();
  }

  test('every device is found once, told what it is, and by which credentials', async () => {
    const progress: number[] = [];
    const result = await discover(request(['127.0.1.0/28'], network.port), {
      onProgress: ({ done }) => progress.push(done),
    });
    const { devices } = network.definition;
    expect(result.complete).toBe(true);
    expect(result.addresses).toEqual({ total: 14, done: 14 });
    expect(result.devices.map((one) => one.name)).toEqual(devices.map((one) => one.name));
    expect(progress).toEqual(Array.from({ length: 15 }, (_, at) => at));
    for (const [at, found] of result.devices.entries()) {
      const device = devices[at];
      expect(found.address).toBe(`127.0.1.${at + 1}:${network.port}`);
      expect(found).toMatchObject({ credential: 'office', hop: 0, configuredAs: null, otherAddresses: [] });
      expect(found.identity).toMatchObject({
        sysName: device?.name,
        sysObjectID: device?.model.sysObjectId,
        serial: device?.serial,
        interfaces: device?.ports.length,
        complete: true,
      });
      expect(found.identity.vendor).not.toBeNull();
      expect(found.adjacent).toEqual(reached(found.name, 1).filter((name) => name !== found.name));
    }
    expect(result.refusing).toEqual([]);
  });

  test.each([0, 1, 2, 9])('from one device on, %i hops', async (hops) => {
    const result = await discover(request(['127.0.1.1'], network.port, { hops, within: ['127.0.1.0/24'] }));
    expect(result.devices.map((one) => one.name).toSorted()).toEqual(reached('core1', hops));
    for (const found of result.devices) {
      expect(reached('core1', found.hop)).toContain(found.name);
      if (found.hop > 0) expect(reached('core1', found.hop - 1)).not.toContain(found.name);
    }
  });

  test.each<[string, Partial<DiscoverRequest>]>([
    ['without bounds', {}],
    ['with bounds elsewhere', { within: ['192.0.2.0/24'] }],
    ['beyond, but never into loopback', { beyond: true }],
  ])('neighbours are not followed %s', async (_, more) => {
    const result = await discover(request(['127.0.1.1'], network.port, { hops: 3, ...more }));
    expect(result.devices.map((one) => one.name)).toEqual(['core1']);
    expect(result.addresses.total).toBe(1);
  });

  test('only the part of the neighbours that lies within is followed', async () => {
    const within = [network.addressOf('core2')];
    const result = await discover(request(['127.0.1.1'], network.port, { hops: 3, within }));
    expect(result.devices.map((one) => one.name)).toEqual(['core1', 'core2']);
  });

  test('what is configured is known by its address, by a name that leads there, and keeps its name', async () => {
    const { port } = network;
    const result = await discover(
      request(['127.0.1.0/29', '127.0.0.1'], port, {
        configured: [
          { name: 'the-core', address: { host: '127.0.1.1', port } },
          { name: 'core2', address: { host: '192.0.2.99', port } },
          { name: 'unresolvable', address: { host: 'no-such-host.invalid', port } },
        ],
      }),
    );
    const byAddress = new Map(result.devices.map((one) => [one.address.split(':')[0], one]));
    expect(byAddress.get('127.0.1.1')).toMatchObject({ name: 'the-core', configuredAs: 'the-core' });
    expect(byAddress.get('127.0.1.2')).toMatchObject({ name: `core2-127.0.1.2-${port}`, configuredAs: null });
  });

  test('one device under three addresses is one; a configured address of it comes first', async () => {
    const { port } = network;
    const target = { host: network.addressOf('fw1'), port };
    const relays: UdpRelay[] = [];
    for (const host of ['127.0.3.1', '127.0.3.2']) relays.push(await startUdpRelay({ host, port }, target));
    try {
      const targets = ['127.0.3.0/29', target.host];
      const result = await discover(request(targets, port));
      expect(result.devices).toHaveLength(1);
      expect(result.devices[0]).toMatchObject({
        name: 'fw1',
        address: `127.0.3.1:${port}`,
        otherAddresses: [`127.0.3.2:${port}`, `${target.host}:${port}`],
      });
      const configured = [{ name: 'firewall', address: { host: '127.0.3.2', port } }];
      const again = await discover(request(targets, port, { configured }));
      expect(again.devices).toHaveLength(1);
      expect(again.devices[0]).toMatchObject({
        name: 'firewall',
        address: `127.0.3.2:${port}`,
        configuredAs: 'firewall',
      });
    } finally {
      for (const relay of relays) await relay.stop();
    }
  });

  test('over IPv6', async () => {
    const { port } = network;
    const relay = await startUdpRelay({ host: '::1', port }, { host: network.addressOf('dist1'), port });
    try {
      const result = await discover(request(['::/126'], port));
      expect(result.devices.map((one) => [one.name, one.address])).toEqual([['dist1', `[::1]:${port}`]]);
    } finally {
      await relay.stop();
    }
  });

  test('stopped early it tells what it found so far', async () => {
    const stop = new AbortController();
    const running = discover(
      request(['127.0.1.0/28', '127.0.2.0/24'], network.port, {
        credentials: SETS.slice(1),
        concurrency: 4,
        timeoutMs: 2000,
      }),
      {
        signal: stop.signal,
        onProgress: ({ found }) => {
          if (found >= 13) setTimeout(() => stop.abort(), 50);
        },
      },
    );
    const result = await running;
    expect(result.complete).toBe(false);
    expect(result.devices).toHaveLength(13);
    expect(result.addresses.done).toBeLessThan(result.addresses.total);
  });

  test('a secret that does not resolve is told at once', async () => {
    const credentials = [{ name: 'vault', credential: community('${NOT_SET_HERE}') }];
    await expect(discover(request(['127.0.1.1'], network.port, { credentials }))).rejects.toMatchObject({
      code: 'secret_unresolved',
    });
  });

  test('a name that leads nowhere is told as such, and holds nothing up', async () => {
    const result = await discover(request(['no-such-host.invalid', '127.0.1.2'], network.port));
    expect(result.devices.map((one) => one.name)).toEqual(['core2']);
    expect(result.refusing).toEqual([
      { address: `no-such-host.invalid:${network.port}`, credential: 'old', code: 'address_unresolved' },
    ]);
  });
});

describe('CDP, and devices that tell little', () => {
  const devices: ScriptedDevice[] = [];
  afterEach(async () => {
    for (const device of devices.splice(0)) await device.stop();
  });
  const CDP = '1.3.6.1.4.1.9.9.23.1.2.1.1';
  const cdp = (
    ifIndex: number,
    address: Uint8Array,
    protocol: number,
    id: string,
  ): Parameters<typeof deviceMib>[0]['more'] => [
    { oid: `${CDP}.3.${ifIndex}.1`, tag: TAG.integer, value: protocol },
    { oid: `${CDP}.4.${ifIndex}.1`, tag: TAG.octets, value: address },
    { oid: `${CDP}.6.${ifIndex}.1`, tag: TAG.octets, value: id },
  ];

  test('CDP neighbours are read with their addresses, and followed into the bounds', async () => {
    const far = new ScriptedDevice(deviceMib({ ports: [], sysName: 'far' }));
    devices.push(far);
    const port = await far.start();
    const near = new ScriptedDevice(
      deviceMib({
        ports: [{ index: 1, descr: 'Gi0/1' }],
        sysName: 'near',
        more: [
          ...(cdp(1, Uint8Array.of(127, 0, 0, 1), 1, 'far(FOC1234)') ?? []),
          ...(cdp(2, Uint8Array.of(0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9), 20, 'six') ?? []),
          ...(cdp(3, Uint8Array.of(1, 2, 3), 1, 'broken') ?? []),
          ...(cdp(4, Uint8Array.of(10, 0, 0, 1), 9, 'appletalk') ?? []),
        ],
      }),
    );
    devices.push(near);
    const nearPort = await near.start();
    const relay = await startUdpRelay({ host: '127.0.4.1', port }, { host: '127.0.0.1', port: nearPort });
    try {
      const result = await discover(request(['127.0.4.1'], port, { hops: 1, within: ['127.0.0.0/8'] }));
      expect(result.devices.map((one) => [one.name, one.hop, one.adjacent])).toEqual([
        ['near', 0, ['far']],
        ['far', 1, ['near']],
      ]);
      expect(result.devices[0]?.identity.neighbours).toEqual([
        { protocol: 'cdp', name: 'far', chassisMac: null, addresses: ['127.0.0.1'] },
        { protocol: 'cdp', name: 'six', chassisMac: null, addresses: ['2001:db8::9'] },
        { protocol: 'cdp', name: 'broken', chassisMac: null, addresses: [] },
        { protocol: 'cdp', name: 'appletalk', chassisMac: null, addresses: [] },
      ]);
    } finally {
      await relay.stop();
    }
  });

  test.each(['1', '2c'] as const)('version %s: a device of which only the name is known', async (version) => {
    const device = new ScriptedDevice([
      { oid: '1.3.6.1.2.1.1.3.0', tag: TAG.timeTicks, value: 5 },
      { oid: '1.3.6.1.2.1.1.5.0', tag: TAG.octets, value: 'quiet' },
    ]);
    devices.push(device);
    const port = await device.start();
    const credentials = [{ name: 'any', credential: { version, community: 'x' } as const }];
    const result = await discover(request(['127.0.0.1'], port, { credentials }));
    expect(result.devices[0]?.identity).toMatchObject({
      sysName: 'quiet',
      sysObjectID: null,
      vendor: null,
      serial: null,
      engineId: null,
      interfaces: null,
      neighbours: [],
      chassisMacs: [],
    });
  });

  test('a device that falls silent after its first answer is still found', async () => {
    const device = new ScriptedDevice(deviceMib({ ports: [], sysName: 'shy' }), {
      silentWhere: (found) => found.some((object) => object.oid !== '1.3.6.1.2.1.1.3.0'),
    });
    devices.push(device);
    const port = await device.start();
    const result = await discover(request(['127.0.0.1'], port, { timeoutMs: 100, retries: 0 }));
    expect(result.devices[0]).toMatchObject({ name: `device-127.0.0.1-${port}`, identity: { complete: false } });
  });
});

describeWith(['snmpd'], 'a real snmpd', () => {
  let snmpd: Snmpd;
  beforeAll(async () => {
    snmpd = await startSnmpd('lab-host.example.net');
  });
  afterAll(() => snmpd.stop());

  const user: CredentialConfiguration = {
    version: '3',
    user: SNMPD_USER.user,
    level: 'authPriv',
    auth_protocol: 'SHA',
    auth_passphrase: SNMPD_USER.auth,
    priv_protocol: 'AES',
    priv_passphrase: SNMPD_USER.priv,
    context: '',
  };

  test('version 3 after a community it does not know; engine id and all', async () => {
    const credentials = [...SETS, { name: 'v3', credential: user }];
    const result = await discover(request([snmpd.address], 161, { credentials }));
    expect(result.devices).toHaveLength(1);
    expect(result.devices[0]).toMatchObject({
      name: 'lab-host',
      address: snmpd.address,
      credential: 'v3',
      identity: { vendor: 'Net-SNMP', os: 'Linux' },
    });
    expect(result.devices[0]?.identity.engineId).toMatch(/^80:00:1f:88:/);
    expect(result.devices[0]?.identity.interfaces).toBeGreaterThan(0);
  });

  test('by community and by user, under two addresses, it is one device', async () => {
    const port = await freePortBlock(1);
    const relay = await startUdpRelay({ host: '127.0.5.1', port }, { host: '127.0.0.1', port: snmpd.port });
    try {
      const credentials = [{ name: 'public', credential: community('public') }];
      const result = await discover(request([snmpd.address, '127.0.5.1'], port, { credentials }));
      expect(result.devices.map((one) => [one.name, one.address, one.otherAddresses])).toEqual([
        ['lab-host', snmpd.address, [`127.0.5.1:${port}`]],
      ]);
    } finally {
      await relay.stop();
    }
  });

  test.each<[string, Partial<Extract<CredentialConfiguration, { version: '3' }>>, string]>([
    ['an unknown user', { user: 'nobody' }, 'snmp_unknown_user'],
    ['a wrong passphrase', { auth_passphrase: 'not-the-passphrase' }, 'snmp_authentication_failed'],
  ])('with %s it is told as a device that keeps us out', async (_, wrong, code) => {
    const credentials = [{ name: 'v3', credential: { ...user, ...wrong } }];
    const result = await discover(request([snmpd.address], 161, { credentials }));
    expect(result.devices).toEqual([]);
    expect(result.refusing).toEqual([{ address: snmpd.address, credential: 'v3', code }]);
  });
});
