// The parts of the receiver, each by itself: names, the engine's lives, buckets, the memory of repetitions, what the kernel tells, prompted polls, the thread's lives.
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { BlockList } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { agentConfig, agentOnlySchema } from '../../../agent/config.ts';
import { isNetwork } from '../../../agent/trap/config.ts';
import { canonicalAddress, resolveAll } from '../../../agent/trap/device-addresses.ts';
import { DuplicateFilter, REMEMBERED_FOR_MS } from '../../../agent/trap/duplicate-filter.ts';
import { EngineFeed } from '../../../agent/trap/engine-feed.ts';
import type { FromThread, TrapSettings } from '../../../agent/trap/exchange.ts';
import { dropsIn, kernelDrops } from '../../../agent/trap/kernel-drops.ts';
import { loadNames } from '../../../agent/trap/names.ts';
import { nextLife } from '../../../agent/trap/own-engine.ts';
import { PollPrompter } from '../../../agent/trap/poll-prompter.ts';
import { SourceBook } from '../../../agent/trap/sources.ts';
import { TallyBook } from '../../../agent/trap/tally-book.ts';
import { type Tell, ThreadKeeper } from '../../../agent/trap/thread-keeper.ts';
import { SourceBuckets, TokenBucket } from '../../../agent/trap/token-bucket.ts';
import { SystemClock } from '../../../common/runtime/clock.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { MemoryFile } from '../../support/trap-rig.ts';
import { NAMES, trapSettings } from '../../support/trap-settings.ts';
import { waitFor } from '../../support/weir-process.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-trap-parts-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('configuration', () => {
  const parse = (traps: unknown): ReturnType<typeof agentOnlySchema.safeParse> =>
    agentOnlySchema.safeParse({ agent: { traps }, credentials: { c: { version: '2c', community: 'public' } } });

  test('nothing is received unless it is asked for, and then on loopback', () => {
    expect(agentConfig(agentOnlySchema.parse({}), {}).traps).toBeNull();
    expect(agentConfig(agentOnlySchema.parse({ agent: { traps: {} } }), {}).traps).toMatchObject({
      port: 162,
      listen: ['127.0.0.1'],
      acceptUnknown: false,
    });
  });

  test.each([
    ['a host name', { listen: 'localhost' }],
    ['a network that is none', { networks: ['10.0.0.0/33'] }],
    ['an engine ID that is too short', { users: [{ engine_id: '80001f', credential: 'c' }] }],
    ['a set that does not exist', { credentials: ['d'] }],
    ['a user of a set that does not exist', { users: [{ engine_id: '8000000005aabb', credential: 'd' }] }],
  ])('not: %s', (_what, traps) => {
    expect(parse(traps).success).toBe(false);
  });

  test('engine IDs in any spelling', () => {
    const whole = agentOnlySchema.parse({
      agent: { traps: { users: [{ engine_id: '0x80001F8880AA', credential: 'c' }] } },
      credentials: { c: { version: '2c', community: 'public' } },
    });
    expect(agentConfig(whole, {}).traps?.users).toEqual([{ engineId: '80001f8880aa', credential: 'c' }]);
  });

  test.each([
    ['10.0.0.0/8', true],
    ['10.0.0.1', true],
    ['2001:db8::/128', true],
    ['2001:db8::/129', false],
    ['10.0.0/8', false],
    ['x/8', false],
  ])('%s is a network: %s', (given, is) => expect(isNetwork(given)).toBe(is));
});

describe('names', () => {
  const write = (file: string, content: string): void => writeFileSync(path.join(folder, file), content);

  test('those that come with Weir can be read and have no two meanings', () => {
    expect(Object.keys(NAMES.notifications).length).toBeGreaterThan(60);
  });

  test("a folder of one's own goes before", () => {
    write('mine.yaml', 'notifications:\n  .1.3.6.1.6.3.1.1.5.3: { name: portLost, severity: critical }\n');
    const names = loadNames([path.resolve(import.meta.dirname, '../../../config/traps'), folder]);
    expect(names.notifications['1.3.6.1.6.3.1.1.5.3']).toEqual({ name: 'portLost', severity: 'critical' });
    expect(names.notifications['1.3.6.1.6.3.1.1.5.4']?.name).toBe('linkUp');
  });

  test.each([
    ['an OID that is none', 'notifications: { 1.x: a }', 'configuration_invalid'],
    ['a severity that is none', 'notifications: { 1.3.6: { name: a, severity: bad } }', 'configuration_invalid'],
    ['another key', 'traps: {}', 'configuration_invalid'],
    ['no YAML', 'notifications: [', 'configuration_syntax'],
  ])('not: %s', (_what, content, code) => {
    write('mine.yaml', content);
    expect(() => loadNames([folder])).toThrow(expect.objectContaining({ code }));
  });

  test('two files that disagree, a folder that is missing', () => {
    write('a.yaml', 'objects: { 1.3.6.1: one }');
    write('b.yaml', 'objects: { 1.3.6.1: two }');
    expect(() => loadNames([folder])).toThrow(expect.objectContaining({ code: 'trap_names_conflict' }));
    expect(() => loadNames([path.join(folder, 'none')])).toThrow(
      expect.objectContaining({ code: 'configuration_missing' }),
    );
  });
});

describe('the own engine', () => {
  const { reporter, lines } = silentReporter();
  let seed = 0;
  const random = (): Uint8Array => {
    seed += 1;
    return new Uint8Array(12).fill(seed);
  };

  test('is made once and counts its lives', () => {
    const file = new MemoryFile();
    const first = nextLife({ reporter, file, random });
    expect(first).toEqual({ id: `8000000005${'01'.repeat(12)}`, boots: 1 });
    expect(nextLife({ reporter, file, random })).toEqual({ id: first.id, boots: 2 });
    expect(nextLife({ reporter, file, random })).toEqual({ id: first.id, boots: 3 });
  });

  test('is another where its count cannot be kept, cannot be read, or is at its end', () => {
    const file = new MemoryFile();
    const first = nextLife({ reporter, file, random });
    file.refuse = true;
    const second = nextLife({ reporter, file, random });
    expect([second.boots, second.id === first.id]).toEqual([1, false]);
    file.refuse = false;
    expect(nextLife({ reporter, file, random })).toEqual({ id: first.id, boots: 2 });
    file.bytes = Buffer.from('{"engine_id":"zz"}');
    expect(nextLife({ reporter, file, random }).id).not.toBe(first.id);
    expect(lines.at(-1)).toContain('cannot be read');
    file.bytes = Buffer.from(JSON.stringify({ engine_id: 'aabbccddee', boots: 2 ** 31 - 2 }));
    expect(nextLife({ reporter, file, random })).toMatchObject({ boots: 1 });
  });
});

describe('bounds', () => {
  test('a bucket gives what it holds and what comes in', () => {
    const bucket = new TokenBucket(10, 0);
    const take = (count: number, nowMs: number): number =>
      Array.from({ length: count }, () => bucket.take(nowMs)).filter(Boolean).length;
    expect([take(100, 0), take(100, 500), take(100, 10_000)]).toEqual([20, 5, 20]);
  });

  test('sources beyond the bound share one bucket, and forged ones do not refill that of a known one', () => {
    const buckets = new SourceBuckets(1, 0, 100);
    expect([buckets.take('a', 0), buckets.take('a', 0), buckets.take('a', 0)]).toEqual([true, true, false]);
    const taken = Array.from({ length: 10_000 }, (_, at) => buckets.take(`forged ${at}`, 0)).filter(Boolean);
    expect([taken.length, buckets.size]).toEqual([99 + 2, 100]);
    expect(buckets.take('a', 0)).toBe(false);
    expect(buckets.take('late', 5000)).toBe(true);
    expect(buckets.size).toBeLessThanOrEqual(2);
  });

  test('the memory of repetitions ends, is bounded, and says what it forgot too early', () => {
    const filter = new DuplicateFilter(10);
    const forgotten = Array.from({ length: 25 }, (_, at) => filter.add(`key ${at}`, at, at));
    expect([filter.size, forgotten.reduce((sum, count) => sum + count, 0)]).toEqual([10, 15]);
    expect([filter.find('key 14', 30), filter.find('key 15', 30)]).toEqual([
      null,
      expect.objectContaining({ token: 15 }),
    ]);
    expect(filter.find('key 24', 24 + REMEMBERED_FOR_MS)).toBeNull();
    expect([filter.add('new', 99, 30 + REMEMBERED_FOR_MS), filter.size]).toEqual([0, 1]);
  });

  test('sources are named up to a number; those of devices have names of their own', () => {
    const book = new TallyBook();
    for (let at = 0; at < 1000; at += 1) book.add('dropped', 'unknown_source', `10.0.0.${at}`, false);
    book.add('dropped', 'wrong_community', '10.9.9.9', true);
    const taken = book.take();
    expect(taken).toHaveLength(22);
    expect(taken.find((one) => one.source === 'other')?.count).toBe(980);
    expect(taken.at(-1)).toEqual({ what: 'dropped', reason: 'wrong_community', source: '10.9.9.9', count: 1 });
    expect(book.take()).toEqual([]);
  });
});

describe('addresses', () => {
  test('of names and in every spelling; a name that fails keeps what it had', async () => {
    const lookup = (host: string): Promise<string[]> =>
      host === 'twice' ? Promise.resolve(['10.0.0.1', '2001:DB8:0::1']) : Promise.reject(new Error('no such name'));
    const hosts = ['twice', 'gone', 'fe80:0::1%eth0', '10.0.0.7'].map((host) => ({ device: host, host }));
    const before = [{ device: 'gone', address: '10.0.0.3' }];
    const found = await resolveAll(hosts, lookup, before);
    expect(found.map(({ device, address }) => `${device} ${address}`).toSorted()).toEqual([
      '10.0.0.7 10.0.0.7',
      'fe80:0::1%eth0 fe80::1%eth0',
      'gone 10.0.0.3',
      'twice 10.0.0.1',
      'twice 2001:db8::1',
    ]);
    expect(canonicalAddress('not an address')).toBe('not an address');
  });

  test('networks of both families, with a zone', () => {
    const book = new SourceBook(['10.1.0.0/16', 'fe80::/10', '192.0.2.1', '203.0.113.128/25', '2001:db8::1']);
    const inside = {
      '10.1.2.3': true,
      '10.2.0.1': false,
      'fe80::5%eth0': true,
      'fec0::5': false,
      '2001:db8::1': true,
      '192.0.2.1': true,
      '192.0.2.2': false,
      '203.0.113.127': false,
      '203.0.113.255': true,
      nonsense: false,
    };
    for (const [address, is] of Object.entries(inside))
      expect([address, book.inNetworks(address)]).toEqual([address, is]);
    const all = new SourceBook(['0.0.0.0/0']);
    expect([all.inNetworks('255.1.2.3'), all.inNetworks('::1')]).toEqual([true, false]);
    expect(new SourceBook([]).inNetworks('10.0.0.1')).toBe(false);
  });

  test('IPv4 networks are what Node says they are', () => {
    const octet = fc.integer({ min: 0, max: 255 });
    const address = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join('.'));
    fc.assert(
      fc.property(address, fc.integer({ min: 0, max: 32 }), address, (network, length, other) => {
        const list = new BlockList();
        list.addSubnet(network, length, 'ipv4');
        const book = new SourceBook([`${network}/${length}`]);
        expect([book.inNetworks(network), book.inNetworks(other)]).toEqual([true, list.check(other, 'ipv4')]);
      }),
    );
  });
});

describe('what the kernel dropped', () => {
  const HEAD =
    '   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops';
  const LINE =
    '  357: 0100007F:0A2B 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 21535 2 0000000000000000 4711';
  const LINE6 =
    '  357: 000080FE00000000FF00000001000000:0A2B 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 1 2 0 12';

  test('is read from its table', () => {
    const table = [HEAD, LINE, LINE6].join('\n');
    expect(dropsIn(table, '127.0.0.1', 2603)).toBe(4711);
    expect(dropsIn(table, '127.0.0.2', 2603)).toBeNull();
    expect(dropsIn(table, 'fe80::ff:0:1', 2603)).toBe(12);
    expect(dropsIn('', '127.0.0.1', 1)).toBeNull();
  });

  test('of a real socket that nobody reads', async () => {
    const socket = createSocket('udp4');
    const sender = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const { port } = socket.address();
    expect(await kernelDrops('127.0.0.1', port)).toBe(process.platform === 'linux' ? 0 : null);
    await new Promise<void>((resolve) => sender.close(resolve));
    await new Promise<void>((resolve) => socket.close(resolve));
    expect(await kernelDrops('127.0.0.1', port)).toBeNull();
  });
});

describe('engines to tell', () => {
  test('only when something is news', () => {
    const feed = new EngineFeed();
    const engine = { device: 'a', engineId: 'aa', boots: 1, timeSeconds: 100 };
    expect(feed.news([], 1000)).toBeNull();
    expect(feed.news([engine], 1000)).toEqual([engine]);
    expect(feed.news([{ ...engine, timeSeconds: 161 }], 1060)).toBeNull();
    expect(feed.news([{ ...engine, timeSeconds: 60 }], 1060)).not.toBeNull();
    expect(feed.news([{ ...engine, boots: 2, timeSeconds: 60 }], 1060)).not.toBeNull();
    expect(feed.news([], 1060)).toEqual([]);
    feed.reset();
    expect(feed.news([engine], 1060)).not.toBeNull();
  });
});

describe('a prompted poll', () => {
  test('one at a time; again where the poll in hand had begun before', async () => {
    const polls: { device: string; resolve: (startedAtMs: number) => void }[] = [];
    const prompter = new PollPrompter(silentReporter().reporter, {
      pollNow: (device) =>
        new Promise((resolve) => polls.push({ device, resolve: (startedAtMs) => resolve({ startedAtMs }) })),
    });
    const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    prompter.prompt('a', 100);
    prompter.prompt('a', 110);
    prompter.prompt('b', 100);
    expect(polls.map(({ device }) => device)).toEqual(['a', 'b']);
    polls[0]?.resolve(105);
    await settle();
    expect(polls.map(({ device }) => device)).toEqual(['a', 'b', 'a']);
    polls[2]?.resolve(110);
    await settle();
    expect(polls).toHaveLength(3);
    prompter.prompt('a', 200);
    expect(polls).toHaveLength(4);
  });

  test('a device that cannot be polled ends it, and may be prompted again', async () => {
    let asked = 0;
    const prompter = new PollPrompter(silentReporter().reporter, {
      pollNow: () => {
        asked += 1;
        return Promise.reject(new Error('unknown'));
      },
    });
    for (let at = 0; at < 2; at += 1) {
      prompter.prompt('a', at);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(asked).toBe(2);
  });
});

describe('the thread', () => {
  const program = (text: string): URL => new URL(`data:text/javascript,${encodeURIComponent(text)}`);
  const HEAD = "import { parentPort, workerData } from 'node:worker_threads';\n";
  const LISTENS = `${HEAD}parentPort.postMessage({ kind: 'listening' });\n`;

  function keeper(
    workerFile: URL,
    heard: FromThread[],
    tells: Tell[] = [],
  ): { keeper: ThreadKeeper; lives: () => number } {
    let restarts = 0;
    const made = new ThreadKeeper(silentReporter().reporter, {
      clock: new SystemClock(),
      workerFile,
      settings: () => trapSettings({ engine: { id: 'aabbccddee', boots: 1, seconds: restarts } }),
      opened: (tell) => void tells.push(tell),
      hear: (message) => void heard.push(message),
      restarted: () => {
        restarts += 1;
      },
    });
    return { keeper: made, lives: () => restarts };
  }

  test('that ends by itself lives again, with settings of that moment; what was meant for the old life reaches nobody', async () => {
    const heard: FromThread[] = [];
    const tells: Tell[] = [];
    const text = `${LISTENS}
      parentPort.on('message', (message) => {
        if (message.kind === 'stop') { parentPort.postMessage({ kind: 'stopped' }); parentPort.close(); return; }
        parentPort.postMessage({ kind: 'tally', tally: [{ seconds: workerData.engine.seconds, ...message }] });
        if (message.kind === 'kept' && message.token === 1) throw new Error('by accident');
      });`;
    const { keeper: thread, lives } = keeper(program(text), heard, tells);
    await thread.start();
    thread.tell({ kind: 'kept', token: 1 });
    await waitFor(
      () => tells.length === 2,
      10_000,
      () => 'a second life',
    );
    expect([lives(), thread.failure]).toEqual([1, null]);
    tells[0]?.({ kind: 'kept', token: 2 });
    tells[1]?.({ kind: 'kept', token: 3 });
    await waitFor(
      () => heard.length === 2,
      10_000,
      () => JSON.stringify(heard),
    );
    expect(heard).toMatchObject([{ tally: [{ token: 1, seconds: 0 }] }, { tally: [{ token: 3, seconds: 1 }] }]);
    await thread.stop();
    expect(thread.failure).toBe('not started');
    await thread.stop();
  });

  test.each([
    ['a program that is missing', new URL('file:///nowhere/trap-worker.js'), 'trap_thread_failed'],
    ['a program that ends at once', program(''), 'trap_thread_failed'],
    ['a program that throws', program('throw new Error("no");'), 'trap_thread_failed'],
    [
      'a port that is taken',
      program(`${HEAD}parentPort.postMessage({ kind: 'failed', code: 'EADDRINUSE', address: 'x', message: 'y' });`),
      'port_in_use',
    ],
    [
      'a port that is not for us',
      program(`${HEAD}parentPort.postMessage({ kind: 'failed', code: 'EACCES', address: 'x', message: 'y' });`),
      'trap_port_refused',
    ],
  ])('%s is told by a code', async (_what, file, code) => {
    await expect(keeper(file, []).keeper.start()).rejects.toMatchObject({ code });
  });

  test('settings are plain data', () => {
    const settings: TrapSettings = trapSettings();
    expect(structuredClone(settings)).toEqual(settings);
  });
});
