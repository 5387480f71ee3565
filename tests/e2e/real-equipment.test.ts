// Real equipment, real counters: Debian's snmpd beside a veth pair, a known load, and the kernel's own octets found again on the bill.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Exact } from '../../common/model/exact.ts';
import { describeWith } from '../support/requirements.ts';
import { startWeir, waitFor, type WeirProcess } from '../support/weir-process.ts';

const NEAR = `weir-near-${process.pid}`;
const FAR = `weir-far-${process.pid}`;
/** In a namespace of its own every port is free. TEST-NET-1 addresses (RFC 5737) exist on the pair only. */
const [NEAR_ADDRESS, FAR_ADDRESS] = ['192.0.2.1', '192.0.2.2'];
const TOKEN = 'weir_real-equipment-test';
const PRICE_PER_MB = '0.0125';

let folder = '';
let snmpd: ChildProcess | null = null;
const sinks: ChildProcess[] = [];
let weir: WeirProcess | null = null;

function ip(...args: string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8' });
}

function inNear(...args: string[]): string {
  return execFileSync('ip', ['netns', 'exec', NEAR, ...args], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
}

/** Asks the pipeline inside the namespace, from a process inside it. */
function ask<T>(url: string): T {
  const script = `const a = await fetch(${JSON.stringify(url)}, {headers: {authorization: 'Bearer ${TOKEN}'}}); process.stdout.write(await a.text()); process.exit(a.ok ? 0 : 1)`;
  return JSON.parse(inNear(process.execPath, '--input-type=module', '-e', script)) as T;
}

interface KernelOctets {
  readonly in: bigint;
  readonly out: bigint;
}

function kernelOctets(): KernelOctets {
  const read = (name: string): bigint => BigInt(inNear('cat', `/sys/class/net/near0/statistics/${name}`).trim());
  return { in: read('rx_bytes'), out: read('tx_bytes') };
}

function makePair(): void {
  for (const space of [NEAR, FAR]) {
    ip('netns', 'add', space);
    ip('-n', space, 'link', 'set', 'lo', 'up');
    // Router solicitations and duplicate address detection would add octets nobody sent.
    execFileSync('ip', [
      'netns',
      'exec',
      space,
      'sh',
      '-c',
      'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6',
    ]);
  }
  ip('link', 'add', 'near0', 'netns', NEAR, 'type', 'veth', 'peer', 'name', 'far0', 'netns', FAR);
  for (const [space, device, address] of [
    [NEAR, 'near0', NEAR_ADDRESS],
    [FAR, 'far0', FAR_ADDRESS],
  ] as const) {
    ip('-n', space, 'address', 'add', `${address}/30`, 'dev', device);
    ip('-n', space, 'link', 'set', device, 'up');
  }
  const macOf = (space: string, device: string): string => {
    const links: unknown = JSON.parse(ip('-n', space, '-j', 'link', 'show', 'dev', device));
    const first: unknown = Array.isArray(links) ? links[0] : null;
    return typeof first === 'object' && first !== null && 'address' in first ? String(first.address) : '';
  };
  // No ARP: only what the test sends crosses the pair.
  ip('-n', NEAR, 'neigh', 'add', FAR_ADDRESS, 'lladdr', macOf(FAR, 'far0'), 'dev', 'near0', 'nud', 'permanent');
  ip('-n', FAR, 'neigh', 'add', NEAR_ADDRESS, 'lladdr', macOf(NEAR, 'near0'), 'dev', 'far0', 'nud', 'permanent');
}

async function startSnmpd(): Promise<void> {
  const configuration = path.join(folder, 'snmpd.conf');
  writeFileSync(configuration, 'rocommunity public 127.0.0.1\nsysName bench-router\nagentaddress udp:127.0.0.1:1161\n');
  const env = { ...process.env, SNMP_PERSISTENT_DIR: path.join(folder, 'snmp'), SNMPCONFPATH: folder };
  snmpd = spawn(
    'ip',
    [
      'netns',
      'exec',
      NEAR,
      '/usr/sbin/snmpd',
      '-f',
      '-LE',
      '3',
      '-C',
      '-c',
      configuration,
      '-p',
      path.join(folder, 'snmpd.pid'),
    ],
    { env, stdio: 'ignore' },
  );
  await waitFor(
    () => snmpAnswers(),
    15_000,
    () => 'snmpd to answer',
  );
}

function snmpAnswers(): boolean {
  try {
    inNear('snmpget', '-v2c', '-c', 'public', '-r', '0', '-t', '1', '127.0.0.1:1161', '1.3.6.1.2.1.1.3.0');
    return true;
  } catch {
    return false;
  }
}

/** What snmpd says of the pair's near end: it caches, the kernel does not. */
function snmpdOctets(): KernelOctets {
  const index = inNear('cat', '/sys/class/net/near0/ifindex').trim();
  const read = (column: number): bigint =>
    BigInt(
      inNear(
        'snmpget',
        '-v2c',
        '-c',
        'public',
        '-Oqv',
        '127.0.0.1:1161',
        `1.3.6.1.2.1.31.1.1.1.${column}.${index}`,
      ).trim(),
    );
  return { in: read(6), out: read(10) };
}

/** Listens on the port that is pushed at, so that no ICMP message comes back. */
async function listenFor(space: string, address: string): Promise<ChildProcess> {
  const script = `const s=(await import('node:dgram')).createSocket('udp4');s.bind(9,'${address}',()=>process.stdout.write('bound'))`;
  const sink = spawn('ip', ['netns', 'exec', space, process.execPath, '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await new Promise<void>((resolve) => sink.stdout?.once('data', () => resolve()));
  return sink;
}

/** Pushes `count` datagrams of `size` octets from the near end to the far end and, half as many, back. */
function push(count: number, size: number): void {
  const script = (to: string, number: number): string =>
    `const s=(await import('node:dgram')).createSocket('udp4');const b=Buffer.alloc(${size});for(let i=0;i<${number};i++){await new Promise(r=>s.send(b,9,'${to}',r));if(i%50===0)await new Promise(r=>setTimeout(r,2))}s.close()`;
  execFileSync('ip', [
    'netns',
    'exec',
    NEAR,
    process.execPath,
    '--input-type=module',
    '-e',
    script(FAR_ADDRESS, count),
  ]);
  execFileSync('ip', [
    'netns',
    'exec',
    FAR,
    process.execPath,
    '--input-type=module',
    '-e',
    script(NEAR_ADDRESS, count / 2),
  ]);
}

const CONFIGURATION = `
credentials:
  local: { version: 2c, community: public }
devices:
  - { name: bench-router, address: "127.0.0.1:1161", credential: local }
agent: { name: bench-agent, poll_interval_ms: 1000 }
billing_bridge: { bucket_ms: 5000, rating_window_ms: 5000, mediate_every_ms: 1000, rate_every_ms: 1000 }
customers:
  - { id: acme, name: Acme, currency: EUR }
price_plans:
  - id: by-volume
    currency: EUR
    items:
      - { id: traffic, kind: per_unit, unit: MB, direction: sum, price: "${PRICE_PER_MB}" }
services:
  - { id: acme-port, customer: acme, plan: by-volume, from: "2020-01-01T00:00:00Z", bindings: [{ device: bench-router, interface: near0 }] }
`;

interface UsageItem {
  readonly bucketStart: string;
  readonly version: number;
  readonly octets: {
    readonly good: string;
    readonly wrapped: string;
    readonly gap: string;
    readonly suspended: string;
  };
}

function usageOf(meter: number): UsageItem[] {
  return ask<{ items: UsageItem[] }>(
    `http://127.0.0.1:8081/billing/v1/usage?meter=${meter}&from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z&limit=10000`,
  ).items;
}

function metersOfPair(): { in: number; out: number } | null {
  const meters = ask<{ items: { id: number; device: string; interfaceKey: string; direction: 'in' | 'out' }[] }>(
    'http://127.0.0.1:8081/billing/v1/meters?limit=1000',
  ).items.filter((meter) => meter.interfaceKey === 'near0');
  const idOf = (direction: string): number | undefined => meters.find((meter) => meter.direction === direction)?.id;
  const [inward, outward] = [idOf('in'), idOf('out')];
  return inward === undefined || outward === undefined ? null : { in: inward, out: outward };
}

const sum = (items: readonly UsageItem[], kind: keyof UsageItem['octets']): bigint =>
  items.reduce((total, item) => total + BigInt(item.octets[kind]), 0n);

describeWith(['root', 'iproute2', 'snmpd', 'snmp'], 'real equipment', () => {
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'weir-real-'));
    chmodSync(folder, 0o755);
    makePair();
    await startSnmpd();
    sinks.push(await listenFor(NEAR, NEAR_ADDRESS), await listenFor(FAR, FAR_ADDRESS));
    const file = path.join(folder, 'weir.yaml');
    writeFileSync(file, CONFIGURATION);
    weir = startWeir(['up', '--config', file, '--data', path.join(folder, 'data')], {
      prefix: ['ip', 'netns', 'exec', NEAR],
      environment: { WEIR_ADMIN_TOKEN: TOKEN },
    });
    await weir.says('up after', 60_000);
  }, 120_000);

  afterAll(async () => {
    await weir?.interrupt();
    snmpd?.kill('SIGTERM');
    for (const sink of sinks) sink.kill('SIGKILL');
    for (const space of [NEAR, FAR])
      execFileSync('sh', [
        '-c',
        `ip netns pids ${space} 2>/dev/null | xargs -r kill -9; ip netns delete ${space} 2>/dev/null || true`,
      ]);
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  test('the usage records hold exactly the octets that the kernel counted, and the charge is the price worked by hand', async () => {
    await waitFor(
      () => metersOfPair() !== null,
      60_000,
      () => `meters of the pair; ${weir?.output() ?? ''}`,
    );
    const meters = metersOfPair() ?? { in: 0, out: 0 };
    // The first reading begins the count: let snmpd's cache pass on the idle state, and let it be read and mediated, before the load.
    const before = kernelOctets();
    await waitFor(
      () => snmpdOctets().out === before.out && snmpdOctets().in === before.in,
      60_000,
      () => 'snmpd to say the idle state',
    );
    await new Promise((resolve) => setTimeout(resolve, 3000));

    push(4000, 1200);
    const after = kernelOctets();
    const expected = { in: after.in - before.in, out: after.out - before.out };
    // 4000 datagrams of 1200 + 8 (UDP) + 20 (IPv4) + 14 (Ethernet) octets one way, half of them back.
    expect(expected.out).toBe(4000n * 1242n);
    expect(expected.in).toBe(2000n * 1242n);

    await waitFor(
      () => snmpdOctets().out === after.out && snmpdOctets().in === after.in,
      60_000,
      () => "snmpd's cache to pass",
    );
    await waitFor(
      () => sum(usageOf(meters.out), 'good') === expected.out && sum(usageOf(meters.in), 'good') === expected.in,
      60_000,
      () =>
        `octets ${expected.in} in, ${expected.out} out; have ${JSON.stringify([usageOf(meters.in), usageOf(meters.out)])}`,
    );
    for (const meter of [meters.in, meters.out]) {
      for (const kind of ['wrapped', 'gap', 'suspended'] as const) expect(sum(usageOf(meter), kind)).toBe(0n);
    }
    expect(kernelOctets()).toEqual(after);

    const price = Exact.parse(PRICE_PER_MB) ?? Exact.zero;
    const byHand = Exact.ratio(expected.in + expected.out, 1_000_000n).multiply(price);
    const charged = (): Exact => {
      const charges = ask<{ items: { amount: string }[] }>(
        'http://127.0.0.1:8081/billing/v1/charges?service=acme-port&limit=10000',
      ).items;
      return charges.reduce((total, charge) => total.add(Exact.fromText(charge.amount) ?? Exact.zero), Exact.zero);
    };
    await waitFor(
      () => charged().compare(byHand) === 0,
      60_000,
      () => `charges of ${byHand.toString()}, have ${charged().toString()}`,
    );
  }, 300_000);

  test('weir poll says what snmpd says', () => {
    const answer: unknown = JSON.parse(
      inNear(
        process.execPath,
        path.resolve(import.meta.dirname, '../../dist/cli/weir.js'),
        'poll',
        '127.0.0.1:1161',
        '-c',
        'public',
        '--json',
      ),
    );
    expect(answer).toMatchObject({
      device: { sysName: 'bench-router' },
      poll: { complete: true },
    });
    expect(JSON.stringify(answer)).toContain(`"ifHCOutOctets":"${snmpdOctets().out}"`);
  });
});
