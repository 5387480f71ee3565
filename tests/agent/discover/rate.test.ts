// The rate of a whole discovery, retries and version 3's own packets included, on a clock that stands still until it is moved; and that nothing else holds it up.
import { createSocket, type Socket } from 'node:dgram';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  Discovery,
  type DiscoveryConfig,
  type DiscoveryResult,
  type Progress,
} from '../../../agent/discover/discovery.ts';
import { knownDevices } from '../../../agent/discover/known-devices.ts';
import { sweepPlan } from '../../../agent/discover/targets.ts';
import { Pacer } from '../../../agent/line/pacer.ts';
import { profilesFor } from '../../../agent/main.ts';
import { SnmpAccess } from '../../../agent/snmp/access.ts';
import { parseAddress } from '../../../agent/snmp/address.ts';
import type { CredentialConfiguration } from '../../../common/runtime/device-configuration.ts';
import { freePortBlock } from '../../support/free-port.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { seededRandom } from '../../support/snmp-access.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const TIMEOUT_MS = 1000;
const NETWORK = '127.9.0.0/24';
/** One address of the network, where somebody listens and says nothing. */
const LISTENER = '127.9.0.77';

const community = (text: string): CredentialConfiguration => ({ version: '2c', community: text });
const SETS = [
  { name: 'one', credential: community('one') },
  { name: 'two', credential: community('two') },
];
const USER: CredentialConfiguration = { version: '3', user: 'watcher', level: 'noAuthNoPriv', context: '' };

let port = 0;
let listener: Socket;
let heard = 0;
let access: SnmpAccess | null = null;

beforeEach(async () => {
  port = await freePortBlock(1);
  heard = 0;
  listener = createSocket('udp4');
  listener.on('message', () => (heard += 1));
  await new Promise<void>((resolve) => listener.bind(port, LISTENER, resolve));
});
afterEach(async () => {
  await access?.stop();
  access = null;
  await new Promise<void>((resolve) => listener.close(() => resolve()));
});

interface Run {
  readonly clock: VirtualClock;
  /** When packets were let through. */
  readonly wentAtMs: readonly number[];
  readonly progress: readonly Progress[];
  readonly result: Promise<DiscoveryResult>;
}

async function start(
  config: Partial<DiscoveryConfig>,
  rate: { readonly packetsPerSecond: number; readonly burst: number },
  signal: AbortSignal,
): Promise<Run> {
  const clock = new VirtualClock(0);
  const wentAtMs: number[] = [];
  const progress: Progress[] = [];
  const pacer = new Pacer(rate, { clock });
  const opened = new SnmpAccess(
    silentReporter().reporter,
    { timeoutMs: TIMEOUT_MS, retries: 1 },
    {
      clock,
      lookup: () => Promise.reject(new Error('no names here')),
      random: seededRandom(7),
      environment: {},
      pace: async (waiting) => {
        await pacer.take(waiting);
        if (waiting?.aborted !== true) wentAtMs.push(clock.monotonicMs());
      },
    },
  );
  access = opened;
  await opened.start();
  const discovery = new Discovery(
    {
      credentials: SETS,
      retries: 1,
      concurrency: 1000,
      hops: 0,
      within: [],
      beyond: false,
      port,
      known: [],
      ...config,
    },
    {
      clock,
      catalogue: profilesFor(null),
      open: (address, { credential }) => opened.openReader(address, credential),
      onProgress: (one) => void progress.push(one),
    },
  );
  const result = discovery.run(sweepPlan([NETWORK], port, parseAddress), signal);
  return { clock, wentAtMs, progress, result };
}

/** The most packets in any second. */
function busiestSecond(sentAtMs: readonly number[]): number {
  let first = 0;
  let most = 0;
  for (const [last, at] of sentAtMs.entries()) {
    while ((sentAtMs[first] ?? 0) <= at - 1000) first += 1;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

describe('a discovery of 254 addresses where nobody answers', () => {
  const never = new AbortController().signal;

  test.each([
    ['two communities', SETS],
    ['a community and a user', [...SETS.slice(1), { name: 'v3', credential: USER }]],
  ])('sends four packets an address at the rate, whatever the concurrency: %s', async (_, credentials) => {
    const run = await start({ credentials }, { packetsPerSecond: 100, burst: 5 }, never);
    await run.clock.advance(30_000);
    const result = await run.result;
    expect(run.wentAtMs).toHaveLength(254 * 4);
    expect(heard).toBe(4);
    expect(busiestSecond(run.wentAtMs)).toBeLessThanOrEqual(105);
    expect(run.wentAtMs.at(-1)).toBeGreaterThanOrEqual(((254 * 4 - 5) * 1000) / 100);
    expect(run.wentAtMs.at(-1)).toBeLessThan(12_000);
    expect(result).toMatchObject({ complete: true, addresses: { total: 254, done: 254 }, devices: [], refusing: [] });
    expect(run.progress.at(-1)).toMatchObject({ done: 254, total: 254, found: 0, leftMs: 0 });
    expect(run.progress.filter((one) => one.done < 10).every((one) => one.leftMs === null)).toBe(true);
  });

  test('no more addresses are asked at once than the bound', async () => {
    const run = await start({ concurrency: 10 }, { packetsPerSecond: 100_000, burst: 5000 }, never);
    await run.clock.advance(500);
    expect(run.wentAtMs).toHaveLength(10);
    await run.clock.advance(150_000);
    expect((await run.result).addresses.done).toBe(254);
  });

  test('a stop ends it at once, with what was done', async () => {
    const stop = new AbortController();
    const run = await start({ concurrency: 50 }, { packetsPerSecond: 100, burst: 5 }, stop.signal);
    await run.clock.advance(8000);
    const went = run.wentAtMs.length;
    stop.abort();
    await run.clock.advance(25);
    const result = await run.result;
    expect(result.complete).toBe(false);
    expect(result.addresses.done).toBeGreaterThan(0);
    expect(result.addresses.done).toBeLessThan(254);
    await run.clock.advance(10_000);
    expect(run.wentAtMs).toHaveLength(went);
  });
});

describe('where configured devices are', () => {
  const configured = [
    { name: 'plain', address: { host: '192.0.2.1', port: 161 } },
    { name: 'six', address: { host: '2001:DB8::1', port: 1161 } },
    { name: 'named', address: { host: 'core1.example.net', port: 161 } },
    { name: 'gone', address: { host: 'gone.example.net', port: 161 } },
  ];

  test('names count by themselves and by where they lead', async () => {
    const lookup = (host: string): Promise<{ address: string; family: number }> =>
      host === 'core1.example.net'
        ? Promise.resolve({ address: '192.0.2.7', family: 4 })
        : Promise.reject(new Error('ENOTFOUND'));
    const known = await knownDevices(configured, { clock: new VirtualClock(0), lookup }, new AbortController().signal);
    expect(known.map((one) => one.addresses)).toEqual([
      ['192.0.2.1'],
      ['[2001:db8::1]:1161'],
      ['core1.example.net', '192.0.2.7'],
      ['gone.example.net'],
    ]);
  });

  test('a resolver that is away is not waited for longer than ten seconds', async () => {
    const clock = new VirtualClock(0);
    const lookup = (): Promise<never> => new Promise(() => undefined);
    const waiting = knownDevices(configured, { clock, lookup }, new AbortController().signal);
    await clock.advance(10_000);
    expect((await waiting).map((one) => one.addresses.length)).toEqual([1, 1, 1, 1]);
  });
});
