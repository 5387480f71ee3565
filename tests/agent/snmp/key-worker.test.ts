// Keys from the worker thread: the same as derived here, the loop free meanwhile, the thread gone when idle; also from a bundle of one file.
import { once } from 'node:events';
import { createHash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { keyDerivation, type KeyRequest } from '../../../agent/snmp/key-derivation.ts';
import { KeyRing } from '../../../agent/snmp/key-ring.ts';
import { KeyWorker } from '../../../agent/snmp/key-worker.ts';
import { SystemClock } from '../../../common/runtime/clock.ts';
import { bundledProgram } from '../../support/bundled-program.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const here = keyDerivation(createHash);
const request = (at: number, hash = 'sha512'): KeyRequest => ({
  hash,
  authPassphrase: `authentication ${at}`,
  privacy: { passphrase: `privacy ${at}`, keyLength: 32, extension: 'reeder' },
  engineId: Uint8Array.from({ length: 12 }, (_, octet) => octet + at),
});

let worker: KeyWorker;
afterEach(() => worker.stop());

describe('the worker', () => {
  test.for(['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'])(
    '%s: gives the keys that are derived here',
    async (hash) => {
      worker = new KeyWorker({ clock: new SystemClock() });
      const keys = await worker.derive(request(1, hash));
      const expected = here.derive(request(1, hash));
      expect(Buffer.from(keys.auth ?? []).toString('hex')).toBe(Buffer.from(expected.auth ?? []).toString('hex'));
      expect(Buffer.from(keys.privacy ?? []).toString('hex')).toBe(Buffer.from(expected.privacy ?? []).toString('hex'));
    },
  );

  test('answers each of many requests with its own keys, and the loop turns on meanwhile', async () => {
    worker = new KeyWorker({ clock: new SystemClock() });
    let turns = 0;
    let done = false;
    const spin = (): void => {
      turns += 1;
      if (!done) setImmediate(spin);
    };
    setImmediate(spin);
    const all = await Promise.all(Array.from({ length: 60 }, (_, at) => worker.derive(request(at))));
    done = true;
    // Derived in the loop, a request would be one turn of 4 ms and more.
    expect(turns).toBeGreaterThan(600);
    for (const at of [0, 31, 59]) expect(Buffer.from(all[at]?.auth ?? [])).toEqual(here.derive(request(at)).auth);
  });

  test('ends when nothing was asked for a while, and comes back', async () => {
    const clock = new VirtualClock(0);
    worker = new KeyWorker({ clock });
    await worker.derive(request(1));
    await clock.advance(29_000);
    await worker.derive(request(2));
    await clock.advance(29_000);
    expect(worker.running).toBe(true);
    await clock.advance(2000);
    expect(worker.running).toBe(false);
    expect((await worker.derive(request(3))).auth).toHaveLength(64);
  });

  test('what it cannot do rejects with a code, and it goes on', async () => {
    worker = new KeyWorker({ clock: new SystemClock() });
    await expect(worker.derive(request(1, 'no-such-hash'))).rejects.toMatchObject({ code: 'key_worker_failed' });
    expect((await worker.derive(request(1))).auth).toHaveLength(64);
  });

  test('whoever waits while it is stopped is told', async () => {
    worker = new KeyWorker({ clock: new SystemClock() });
    const waiting = worker.derive(request(1));
    const outcome = expect(waiting).rejects.toMatchObject({ code: 'key_worker_failed' });
    await worker.stop();
    await outcome;
  });

  test('works inside a bundle of one file', async () => {
    worker = new KeyWorker({ clock: new SystemClock() });
    const program = await bundledProgram('derive-in-bundle.ts');
    try {
      const child = program.start([JSON.stringify({ ...request(5), engineId: [...request(5).engineId] })]);
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
      const [code] = (await once(child, 'close')) as [number];
      expect([code, output.trim()]).toEqual([0, Buffer.from(here.derive(request(5)).privacy ?? []).toString('hex')]);
    } finally {
      program.remove();
    }
  });
});

describe('the ring of keys', () => {
  function ring(secret = 1): { ring: KeyRing; derived: KeyRequest[] } {
    const derived: KeyRequest[] = [];
    const derive = (asked: KeyRequest) => {
      derived.push(asked);
      return Promise.resolve(here.derive(asked));
    };
    return { ring: new KeyRing({ secret: () => Buffer.alloc(32, secret), derive }), derived };
  }

  test('derives once for all devices of a set at an engine, also when they ask at once', async () => {
    const { ring: keys, derived } = ring();
    await Promise.all([1, 2, 3].map(async () => keys.keysFor(request(1))));
    expect(keys.keysFor(request(1))).not.toBeInstanceOf(Promise);
    expect(derived).toHaveLength(1);
    await keys.keysFor(request(2));
    await keys.keysFor({ ...request(1), hash: 'sha384' });
    await keys.keysFor({ ...request(1), privacy: null });
    expect(derived).toHaveLength(4);
  });

  test('what was kept is found again under the same secret, and not under another; no passphrase is in it', async () => {
    const { ring: before } = ring();
    const keys = await before.keysFor(request(1));
    const kept = before.kept();
    expect(JSON.stringify(kept)).not.toMatch(/authentication|privacy 1/);
    const { ring: after, derived } = ring();
    after.load(kept);
    expect(after.keysFor(request(1))).toEqual(keys);
    const { ring: other, derived: derivedAgain } = ring(2);
    other.load(kept);
    await other.keysFor(request(1));
    expect([derived.length, derivedAgain.length]).toEqual([0, 1]);
  });

  test('a failure is not remembered', async () => {
    let failing = true;
    const keys = new KeyRing({
      secret: () => Buffer.alloc(32),
      derive: (asked) => (failing ? Promise.reject(new Error('no')) : Promise.resolve(here.derive(asked))),
    });
    await expect(Promise.resolve(keys.keysFor(request(1)))).rejects.toThrow('no');
    failing = false;
    expect((await keys.keysFor(request(1))).auth).toHaveLength(64);
  });
});
