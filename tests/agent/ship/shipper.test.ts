// The shipper: whatever the collector and the network do, every batch is applied in the end, in order, and none is let go before.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { outcomeOf, retryAfterMs } from '../../../agent/ship/collector-client.ts';
import { type HttpClient, NodeHttpClient } from '../../../agent/ship/http-client.ts';
import { Shipper, type ShipperConfig, type ShipperDeps } from '../../../agent/ship/shipper.ts';
import { TlsFiles } from '../../../common/runtime/tls-files.ts';
import { Spool, SPOOL_DEFAULTS, type SpoolConfig } from '../../../agent/spool/spool.ts';
import type { Poll } from '../../../common/model/poll.ts';
import { type Clock, SystemClock } from '../../../common/runtime/clock.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import { CertificateAuthority, loaded } from '../../support/certificates.ts';
import { CollectorDouble, DatabaseDouble, type Fault } from '../../support/collector-double.ts';
import { talliesOf } from '../../support/counter-tally.ts';
import { interfacePoll } from '../../support/poll-builder.ts';
import { describeWith } from '../../support/requirements.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const START = Date.UTC(2026, 10, 24);
const URL_A = 'http://collector-a.test';
const TOKEN = 'token-of-agent-1';

let folder: string;
const cleanups: (() => Promise<void>)[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-ship-'));
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  rmSync(folder, { recursive: true, force: true });
});

interface Rig {
  readonly spool: Spool;
  readonly shipper: Shipper;
  readonly lines: string[];
  readonly health: () => { readonly healthy: boolean; readonly message: string } | undefined;
  readonly metrics: () => Promise<string>;
  stop(): Promise<void>;
}

interface RigOptions {
  readonly clock: Clock;
  readonly urls?: readonly string[];
  readonly spool?: Partial<SpoolConfig>;
  readonly ship?: Partial<ShipperConfig>;
  readonly deps?: Partial<ShipperDeps>;
}

async function start(options: RigOptions): Promise<Rig> {
  const { clock } = options;
  const { reporter, lines } = silentReporter();
  const spoolConfig = { ...SPOOL_DEFAULTS, agent: 'agent-1', folder, maxBytes: 1e9, maxAgeMs: 1e12, ...options.spool };
  const spool = new Spool(reporter, spoolConfig, { clock, freeBytes: () => 1e12 });
  const shipConfig = { agent: 'agent-1', collectorUrls: options.urls ?? [URL_A], timeoutMs: 2000, ...options.ship };
  const shipper = new Shipper(reporter, shipConfig, {
    clock,
    spool,
    token: () => TOKEN,
    random: () => 0.5,
    http: new NodeHttpClient({ clock, tls: null }),
    ...options.deps,
  });
  await spool.start();
  await shipper.start();
  const stop = async (): Promise<void> => {
    await shipper.stop();
    await spool.stop();
  };
  cleanups.push(stop);
  return {
    spool,
    shipper,
    lines,
    health: () => reporter.healthStates()['ship'],
    metrics: () => reporter.metricsText(),
    stop,
  };
}

let octets = 0n;

/** Writes one batch with one poll, told apart by its octets; gives them. */
async function write(spool: Spool, device = 'core1'): Promise<bigint> {
  octets += 1n;
  const poll = interfacePoll({ device, atMs: START, interfaces: [{ key: 'eth0', inOctets: octets }] });
  const kept = spool.accept(poll, { device, completeUntilMs: START });
  await spool.flush();
  await kept;
  return octets;
}

function appliedOctets(collector: CollectorDouble): bigint[] {
  return collector.appliedBatches.flatMap((batch) =>
    batch.polls.map((poll) => {
      const column = poll.tables[0]?.columns.find(({ name }) => name === 'ifHCInOctets');
      return column?.kind === 'counter' ? (column.values[0] ?? 0n) : 0n;
    }),
  );
}

async function until(clock: VirtualClock, done: () => boolean, mostSeconds = 5000): Promise<void> {
  for (let second = 0; second < mostSeconds && !done(); second += 1) await clock.advance(1000);
  expect(done()).toBe(true);
}

const isEmpty = (spool: Spool): boolean => spool.firstSequence > spool.lastSequence;

describe('under any faults', () => {
  const fault: fc.Arbitrary<Fault> = fc.oneof(
    { weight: 5, arbitrary: fc.constant<Fault>({ kind: 'none' }) },
    fc.constantFrom<Fault>(
      { kind: 'drop' },
      { kind: 'drop-answer' },
      { kind: 'hang' },
      { kind: 'damage' },
      { kind: 'answer', status: 429, code: 'overloaded', retryAfter: '7' },
      { kind: 'answer', status: 503, code: 'database_busy' },
      { kind: 'answer', status: 507, code: 'journal_full' },
      { kind: 'answer', status: 403, code: 'device_not_assigned' },
      { kind: 'answer', status: 302 },
    ),
  );
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.constant('write') },
    { weight: 4, arbitrary: fc.constant('wait') },
    fc.constantFrom('wait long', 'apply', 'lose journal', 'restart'),
  );

  test('every batch is applied once, in order, and the spool is empty in the end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.array(fault, { maxLength: 40 }), async (steps, faults) => {
        const clock = new VirtualClock(START);
        const collector = new CollectorDouble();
        collector.appliesAtOnce = false;
        const queue = [...faults];
        collector.nextFault = () => queue.shift() ?? { kind: 'none' };
        const options = {
          clock,
          deps: { http: collector.client(clock) },
          spool: { folder: mkdtempSync(path.join(folder, 'run-')) },
        };
        let rig = await start(options);
        const written: bigint[] = [];
        for (const one of steps) {
          if (one === 'write') written.push(await write(rig.spool));
          else if (one === 'wait') await clock.advance(1500);
          else if (one === 'wait long') await clock.advance(40_000);
          else if (one === 'apply') collector.apply(2);
          else if (one === 'lose journal') collector.loseJournal();
          else {
            await rig.stop();
            rig = await start(options);
          }
          // What is not applied is still in the spool.
          expect(rig.spool.firstSequence).toBeLessThanOrEqual(collector.appliedBatches.length + 1);
        }
        queue.length = 0;
        collector.appliesAtOnce = true;
        collector.apply();
        await until(clock, () => isEmpty(rig.spool) && rig.health()?.healthy === true);
        expect(appliedOctets(collector)).toEqual(written);
        await rig.stop();
      }),
      { numRuns: 60 },
    );
  });
});

describe('two collectors on one database, and a spool that thins', () => {
  const fault = fc.oneof(
    { weight: 3, arbitrary: fc.constant<Fault>({ kind: 'none' }) },
    fc.constantFrom<Fault>(
      { kind: 'drop' },
      { kind: 'drop-answer' },
      { kind: 'hang' },
      { kind: 'answer', status: 503, code: 'database_busy' },
    ),
  );
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.constant('write') },
    fc.constantFrom('wait', 'apply', 'lose journal', 'restart', 'away'),
  );

  test('whatever befalls, each sequence is applied once and the octets are all there', async () => {
    let thinned = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 120, size: 'max' }),
        fc.array(fc.tuple(fault, fault), { minLength: 1, maxLength: 60, size: 'max' }),
        async (steps, faults) => {
          const clock = new VirtualClock(START);
          const database = new DatabaseDouble();
          const collectors = [new CollectorDouble(database), new CollectorDouble(database)] as const;
          let away = false;
          for (const [which, collector] of collectors.entries()) {
            let at = 0;
            collector.appliesAtOnce = false;
            collector.nextFault = () => {
              at += 1;
              return away ? { kind: 'drop' } : (faults[at % faults.length]?.[which] ?? { kind: 'none' });
            };
          }
          const http: HttpClient = {
            request: (request) => collectors[request.url.startsWith(URL_A) ? 0 : 1].client(clock).request(request),
          };
          const spool = { folder: mkdtempSync(path.join(folder, 'run-')), maxBytes: 18_000 };
          const options = { clock, urls: [URL_A, 'http://collector-b.test'], deps: { http }, spool };
          let rig = await start(options);
          const written: Poll[] = [];
          const writeOne = async (): Promise<void> => {
            const interfaces = [
              { key: 'eth0', inOctets: BigInt(written.length) * 1000n, outOctets: 1n, speedBps: 1e9 },
            ];
            const poll = interfacePoll({ device: 'core1', atMs: clock.now(), interfaces });
            const kept = rig.spool.accept(poll, { device: 'core1', completeUntilMs: clock.now() });
            await rig.spool.flush();
            await kept;
            written.push(poll);
            await clock.advance(60_000);
          };
          for (const one of steps) {
            if (one === 'write') await writeOne();
            else if (one === 'wait') await clock.advance(400_000);
            else if (one === 'apply') collectors[steps.length % 2 === 0 ? 0 : 1].apply(2);
            else if (one === 'lose journal') collectors[0].loseJournal();
            else if (one === 'away') away = !away;
            else {
              await rig.stop();
              rig = await start(options);
            }
          }
          for (const collector of collectors) {
            collector.nextFault = () => ({ kind: 'none' });
            collector.appliesAtOnce = true;
            collector.apply();
          }
          await until(clock, () => isEmpty(rig.spool) && rig.health()?.healthy === true);
          expect(database.batches.map(({ sequence }) => sequence)).toEqual(written.map((_, at) => at + 1));
          expect(talliesOf(database.batches.flatMap(({ polls }) => polls))).toEqual(talliesOf(written));
          thinned += database.batches.filter((batch) => batch.thinned).length;
          await rig.stop();
        },
      ),
      { numRuns: 25 },
    );
    expect(thinned).toBeGreaterThan(0);
  }, 120_000);
});

describe('one collector', () => {
  let clock: VirtualClock;
  let collector: CollectorDouble;
  beforeEach(() => {
    clock = new VirtualClock(START);
    collector = new CollectorDouble();
  });
  const rigged = (more: Partial<RigOptions> = {}): Promise<Rig> =>
    start({ clock, ...more, deps: { http: collector.client(clock), ...more.deps } });

  test('asks first, then sends one batch at a time, in order', async () => {
    const { spool } = await rigged();
    for (let turn = 0; turn < 3; turn += 1) await write(spool);
    await until(clock, () => isEmpty(spool));
    expect(collector.requests).toEqual([
      { method: 'GET', sequence: null },
      { method: 'POST', sequence: 1 },
      { method: 'POST', sequence: 2 },
      { method: 'POST', sequence: 3 },
    ]);
  });

  test('received is not applied: the spool keeps the batches and asks on', async () => {
    collector.appliesAtOnce = false;
    const { spool, metrics } = await rigged();
    for (let turn = 0; turn < 3; turn += 1) await write(spool);
    await clock.advance(60_000);
    expect([spool.firstSequence, spool.lastSequence]).toEqual([1, 3]);
    expect(await metrics()).toContain('weir_ship_lag_batches 3');
    expect(await metrics()).toMatch(/weir_ship_oldest_seconds (59|60)/);
    collector.apply(2);
    await clock.advance(2000);
    expect(spool.firstSequence).toBe(3);
    collector.apply();
    await clock.advance(2000);
    expect(isEmpty(spool)).toBe(true);
    expect(await metrics()).toContain('weir_ship_lag_batches 0');
    expect(await metrics()).toContain('weir_ship_batches_total 3');
  });

  test('a collector that lost its journal gets everything that was not applied again', async () => {
    collector.appliesAtOnce = false;
    const { spool } = await rigged();
    const written = [await write(spool), await write(spool), await write(spool)];
    await clock.advance(3000);
    collector.apply(1);
    collector.loseJournal();
    collector.appliesAtOnce = true;
    await until(clock, () => isEmpty(spool));
    expect(appliedOctets(collector)).toEqual(written);
  });

  test('429 waits as long as it was told', async () => {
    const faults: Fault[] = [{ kind: 'none' }, { kind: 'answer', status: 429, retryAfter: '40' }];
    collector.nextFault = () => faults.shift() ?? { kind: 'none' };
    const { spool } = await rigged();
    await write(spool);
    await clock.advance(39_000);
    expect(collector.requests).toHaveLength(2);
    await clock.advance(2000);
    expect(isEmpty(spool)).toBe(true);
  });

  test('a refusal is kept, told once, tried slowly, and over when it is over', async () => {
    collector.nextFault = () => ({ kind: 'answer', status: 403, code: 'device_not_assigned' });
    const { spool, lines, health, metrics } = await rigged();
    await write(spool);
    await clock.advance(3_600_000);
    expect(collector.requests.length).toBeGreaterThan(10);
    expect(collector.requests.length).toBeLessThan(30);
    expect(spool.firstSequence).toBe(1);
    expect(health()).toMatchObject({ healthy: false, message: 'device_not_assigned: told to say device_not_assigned' });
    expect(lines.filter((line) => line.includes('not shipping'))).toHaveLength(1);
    expect(await metrics()).toMatch(/weir_ship_answers_total{kind="device_not_assigned"} \d+/);
    collector.nextFault = () => ({ kind: 'none' });
    await clock.advance(300_000);
    expect(isEmpty(spool)).toBe(true);
    expect(health()?.healthy).toBe(true);
    expect(lines.filter((line) => line.includes('"shipping"'))).toHaveLength(1);
  });

  test('a collector that is away is tried again with more and more patience', async () => {
    collector.nextFault = () => ({ kind: 'drop' });
    const { spool, health } = await rigged();
    await write(spool);
    await clock.advance(600_000);
    expect(collector.requests.length).toBeLessThan(40);
    expect(health()).toMatchObject({ healthy: false, message: 'collector_unreachable: connect ECONNREFUSED' });
    collector.nextFault = () => ({ kind: 'none' });
    await clock.advance(31_000);
    expect(isEmpty(spool)).toBe(true);
  });

  test('a token that cannot be had is told, and asked for again', async () => {
    let token: string | null = null;
    const asked = (): string => {
      if (token === null) throw new Error('the token file is away');
      return token;
    };
    const { spool, health } = await rigged({ deps: { token: asked } });
    await write(spool);
    await clock.advance(1000);
    expect(health()).toMatchObject({ healthy: false, message: 'unexpected: the token file is away' });
    expect(collector.requests).toEqual([]);
    token = TOKEN;
    await clock.advance(60_000);
    expect(isEmpty(spool)).toBe(true);
  });

  test('a collector that takes a batch and holds nothing is not asked in a hurry', async () => {
    const { spool } = await rigged();
    const nothing = { status: 200, headers: {}, text: JSON.stringify({ received: 0, applied: 0 }) };
    const handle = collector.handle.bind(collector);
    collector.handle = () => nothing;
    await write(spool);
    await clock.advance(60_000);
    expect(collector.requests.length).toBeLessThan(12);
    expect(spool.firstSequence).toBe(1);
    collector.handle = handle;
    await clock.advance(31_000);
    expect(isEmpty(spool)).toBe(true);
  });

  test('batches that the spool gave up do not hold up those behind them', async () => {
    collector.nextFault = () => ({ kind: 'drop' });
    const { spool } = await rigged({ spool: { maxBytes: 10_000 } });
    for (let turn = 0; turn < 100; turn += 1) await write(spool, `device-${turn}`);
    const first = spool.firstSequence;
    expect(first).toBeGreaterThan(10);
    collector.nextFault = () => ({ kind: 'none' });
    await until(clock, () => isEmpty(spool));
    expect(collector.appliedBatches.map((batch) => batch.sequence)).toEqual(
      Array.from({ length: 100 - first + 1 }, (_, at) => first + at),
    );
    expect(collector.appliedBatches.flatMap((batch) => batch.gaps).at(-1)?.lastSequence).toBe(first - 1);
  });

  test('a spool restored from a copy goes on under a new incarnation, and loses nothing that was polled since', async () => {
    const copy = path.join(folder, 'copy');
    const own = path.join(folder, 'own');
    const before = await rigged({ spool: { folder: own } });
    const written = [await write(before.spool), await write(before.spool)];
    await before.stop();
    cpSync(own, copy, { recursive: true });
    const later = await rigged({ spool: { folder: own } });
    for (let turn = 0; turn < 4; turn += 1) written.push(await write(later.spool));
    await until(clock, () => isEmpty(later.spool));
    await later.stop();
    const restored = await rigged({ spool: { folder: copy } });
    const { incarnation } = restored.spool;
    for (let turn = 0; turn < 6; turn += 1) written.push(await write(restored.spool));
    await until(clock, () => isEmpty(restored.spool));
    expect(restored.spool.incarnation).not.toBe(incarnation);
    expect(new Set(appliedOctets(collector))).toEqual(new Set(written));
  });

  test('a machine that is set back while it runs is found by the conflict', async () => {
    const own = path.join(folder, 'own');
    const before = await rigged({ spool: { folder: own } });
    const { spool } = before;
    const written = [await write(spool), await write(spool), await write(spool)];
    await clock.advance(5000);
    await before.stop();
    // The same sequences once more, from a state that knows nothing of them: as a snapshot of memory and disk would give.
    rmSync(own, { recursive: true });
    const other = new CollectorDouble();
    const elsewhere = await start({ clock, spool: { folder: own }, deps: { http: other.client(clock) } });
    await clock.advance(1000);
    const forged = elsewhere.spool.incarnation;
    written.push(await write(elsewhere.spool));
    await clock.advance(1000);
    other.appliesAtOnce = false;
    const conflict = JSON.stringify({ received: 2, applied: 0, quarantined: { code: 'batch_conflict', message: 'm' } });
    let answered = false;
    const handle = other.handle.bind(other);
    other.handle = (question, fault) => {
      if (answered || question.method !== 'POST') return handle(question, fault);
      answered = true;
      return { status: 200, headers: {}, text: conflict };
    };
    written.push(await write(elsewhere.spool));
    await clock.advance(1000);
    expect(elsewhere.spool.incarnation).not.toBe(forged);
    other.appliesAtOnce = true;
    other.apply();
    await until(clock, () => isEmpty(elsewhere.spool));
    expect(appliedOctets(other)).toEqual(written.slice(3));
  });
});

describe('several collectors', () => {
  const URL_B = 'http://collector-b.test';
  const HOUR_MS = 3_600_000;
  let clock: VirtualClock;
  let database: DatabaseDouble;
  let first: CollectorDouble;
  let second: CollectorDouble;

  beforeEach(() => {
    clock = new VirtualClock(START);
    database = new DatabaseDouble();
    first = new CollectorDouble(database);
    second = new CollectorDouble(database);
  });

  const byHost = (): HttpClient => ({
    request: (request) => (request.url.startsWith(URL_A) ? first : second).client(clock).request(request),
  });
  const rigged = (more: Partial<RigOptions> = {}): Promise<Rig> =>
    start({ clock, urls: [URL_A, URL_B], deps: { http: byHost() }, ...more });
  const sequences = (collector: CollectorDouble): (number | null)[] =>
    collector.requests.map(({ sequence }) => sequence);
  async function writeMany(spool: Spool, count: number): Promise<bigint[]> {
    const written: bigint[] = [];
    for (let turn = 0; turn < count; turn += 1) written.push(await write(spool));
    return written;
  }

  test('the next is tried at once where one cannot be reached, and kept', async () => {
    first.nextFault = () => ({ kind: 'drop' });
    const { spool } = await rigged();
    const written = await writeMany(spool, 2);
    await clock.advance(100);
    expect(isEmpty(spool)).toBe(true);
    expect(appliedOctets(second)).toEqual(written);
    expect(first.requests).toHaveLength(1);
    second.nextFault = () => ({ kind: 'answer', status: 507, code: 'journal_full' });
    await write(spool);
    await clock.advance(20_000);
    expect(first.requests.length).toBeGreaterThan(3);
    expect(first.requests.length).toBeLessThan(20);
  });

  test('what one received and did not apply goes to the next, from behind what the database has, and the first comes back with an old journal', async () => {
    first.appliesAtOnce = false;
    const { spool } = await rigged();
    const written = await writeMany(spool, 10);
    await clock.advance(3000);
    first.apply(6);
    await clock.advance(1500);
    expect([spool.firstSequence, spool.lastSequence]).toEqual([7, 10]);
    first.nextFault = () => ({ kind: 'drop' });
    await clock.advance(2000);
    expect(sequences(second).slice(0, 5)).toEqual([null, 7, 8, 9, 10]);
    expect(isEmpty(spool)).toBe(true);
    written.push(...(await writeMany(spool, 10)));
    await clock.advance(1000);
    expect(isEmpty(spool)).toBe(true);
    // It is back, its journal ends at 10, and it never applied more than 6 of it.
    first.nextFault = () => ({ kind: 'none' });
    first.appliesAtOnce = true;
    first.apply();
    const before = first.requests.length;
    await clock.advance(HOUR_MS);
    written.push(...(await writeMany(spool, 3)));
    await clock.advance(1000);
    expect(sequences(first).slice(before)).toEqual([null, 21, 22, 23]);
    expect(isEmpty(spool)).toBe(true);
    expect(appliedOctets(first)).toEqual(written);
  });

  test('the preferred one is returned to, but not at once, and what is shipped does not wait for it', async () => {
    first.nextFault = () => ({ kind: 'hang' });
    const { spool } = await rigged();
    await write(spool);
    await clock.advance(3000);
    expect(isEmpty(spool)).toBe(true);
    // It hangs for hours more: it is looked for more and more seldom, and nothing lags.
    const before = first.requests.length;
    for (let minute = 0; minute < 300; minute += 1) {
      await write(spool);
      await clock.advance(60_000);
      expect(isEmpty(spool)).toBe(true);
    }
    expect(first.requests.length - before).toBeGreaterThan(3);
    expect(first.requests.length - before).toBeLessThan(10);
    first.nextFault = () => ({ kind: 'none' });
    await clock.advance(HOUR_MS + 60_000);
    second.requests.length = 0;
    await write(spool);
    await clock.advance(1000);
    expect(isEmpty(spool)).toBe(true);
    expect(second.requests).toEqual([]);
  });

  test('one that answers but takes no batch is not flapped to', async () => {
    first.nextFault = () => ({ kind: 'none' });
    const handle = first.handle.bind(first);
    first.handle = (question, fault) =>
      handle(question, question.method === 'POST' ? { kind: 'answer', status: 507, code: 'journal_full' } : fault);
    const { spool, lines } = await rigged();
    const written: bigint[] = [];
    for (let minute = 0; minute < 720; minute += 1) {
      written.push(await write(spool));
      await clock.advance(60_000);
    }
    expect(appliedOctets(second)).toEqual(written);
    expect(sequences(first).filter((sequence) => sequence !== null).length).toBeLessThan(20);
    expect(lines.filter((line) => line.includes('not shipping')).length).toBeLessThan(20);
  });

  test('where all say what they hold and none takes a batch, none is asked in a hurry', async () => {
    for (const collector of [first, second]) {
      const handle = collector.handle.bind(collector);
      collector.handle = (question, fault) =>
        handle(question, question.method === 'POST' ? { kind: 'answer', status: 503, code: 'database_busy' } : fault);
    }
    const { spool, lines } = await rigged();
    await write(spool);
    await clock.advance(HOUR_MS);
    expect(first.requests.length + second.requests.length).toBeLessThan(800);
    expect(lines.filter((line) => line.includes('not shipping'))).toHaveLength(2);
    const alone = await start({ clock, deps: { http: byHost() }, spool: { folder: path.join(folder, 'alone') } });
    first.requests.length = 0;
    await write(alone.spool);
    await clock.advance(600_000);
    expect(first.requests.length).toBeLessThan(200);
  });

  test('a certificate that is not trusted is told once, the other collector is used, and alone it is tried slowly', async () => {
    const http = byHost();
    let asked = 0;
    const wary: HttpClient = {
      request: (request) => {
        if (!request.url.startsWith(URL_A)) return http.request(request);
        asked += 1;
        return Promise.reject(new WeirError('collector_certificate_untrusted', `${URL_A}: self-signed certificate`));
      },
    };
    const { spool, lines, health } = await rigged({ deps: { http: wary } });
    await write(spool);
    await clock.advance(1000);
    expect(isEmpty(spool)).toBe(true);
    expect(health()?.healthy).toBe(true);
    second.nextFault = () => ({ kind: 'drop' });
    await clock.advance(2 * HOUR_MS);
    await write(spool);
    await clock.advance(HOUR_MS);
    expect(lines.filter((line) => line.includes('collector_certificate_untrusted'))).toHaveLength(1);
    expect(lines.filter((line) => line.includes('collector_unreachable'))).toHaveLength(1);
    const alone = await start({ clock, deps: { http: wary }, spool: { folder: path.join(folder, 'alone') } });
    asked = 0;
    await write(alone.spool);
    await clock.advance(HOUR_MS);
    expect(alone.lines.filter((line) => line.includes('collector_certificate_untrusted'))).toHaveLength(1);
    expect(alone.health()).toMatchObject({
      healthy: false,
      message: `collector_certificate_untrusted: ${URL_A}: self-signed certificate`,
    });
    expect(alone.spool.firstSequence).toBe(1);
    // Those of the first agent are among them.
    expect(asked).toBeLessThan(2 * 150);
  });

  test('a database that was set back behind what the spool has forgotten is told loudly, once, and shipping goes on', async () => {
    const { spool, lines, metrics } = await rigged();
    await writeMany(spool, 10);
    await clock.advance(1000);
    expect(isEmpty(spool)).toBe(true);
    database.setBack(spool.incarnation, 4);
    first.loseJournal();
    // Its restart is noticed.
    const faults: Fault[] = [{ kind: 'drop' }];
    first.nextFault = () => faults.shift() ?? { kind: 'none' };
    second.nextFault = () => ({ kind: 'drop' });
    const written = await writeMany(spool, 2);
    await clock.advance(60_000);
    const told = lines.filter((line) => line.includes('no longer has batches'));
    expect(told).toHaveLength(1);
    expect(JSON.parse(told[0] ?? '')).toMatchObject({ url: URL_A, firstSequence: 5, lastSequence: 10 });
    expect(await metrics()).toContain('weir_ship_lost_batches_total 6');
    expect(isEmpty(spool)).toBe(true);
    expect(appliedOctets(first).slice(-2)).toEqual(written);
  });
});

describe('over HTTP', () => {
  async function untilEmpty(spool: Spool): Promise<void> {
    for (let turn = 0; turn < 1000 && !isEmpty(spool); turn += 1)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(isEmpty(spool)).toBe(true);
  }

  test('batches arrive whole over cut lines, silence, damage and a restart of the collector', async () => {
    const collector = new CollectorDouble();
    const faults = ['none', 'drop-answer', 'none', 'drop', 'none', 'damage', 'none', 'hang', 'none'] as const;
    const queue: Fault[] = faults.map((kind) => ({ kind }));
    queue.push({ kind: 'answer', status: 429, retryAfter: '0' });
    collector.nextFault = () => queue.shift() ?? { kind: 'none' };
    const listening = await collector.listen();
    const { spool } = await start({ clock: new SystemClock(), urls: [listening.url], ship: { timeoutMs: 300 } });
    const written: bigint[] = [];
    for (let turn = 0; turn < 6; turn += 1) written.push(await write(spool));
    await untilEmpty(spool);
    await listening.close();
    written.push(await write(spool));
    const again = await collector.listen(listening.port);
    cleanups.push(() => again.close());
    await untilEmpty(spool);
    expect(appliedOctets(collector)).toEqual(written);
    expect(queue).toEqual([]);
  });
});

describeWith('openssl', 'over TLS', () => {
  test('with a private authority and a certificate of its own; one of the collector that is over is told once, and what waited goes when it is renewed', async () => {
    const clock = new SystemClock();
    const authority = new CertificateAuthority(folder, 'authority');
    const ca = loaded(authority.files).cert;
    const asks = { ca, requestCert: true, rejectUnauthorized: true };
    const { certificate, key } = authority.sign('agent-1');
    const { reporter } = silentReporter();
    const config = {
      caFile: authority.files.certificate,
      certificateFile: certificate,
      keyFile: key,
      serverName: null,
    };
    const http = new NodeHttpClient({ clock, tls: new TlsFiles(reporter, config, { clock, environment: {} }) });
    cleanups.push(() => http.stop());
    const collector = new CollectorDouble();
    const good = loaded(authority.sign('collector'));
    const first = await collector.listen(0, { ...good, ...asks });
    const rig = await start({
      clock,
      urls: [first.url],
      spool: { folder: path.join(folder, 'spool') },
      deps: { http, random: () => 0 },
    });
    const written = [await write(rig.spool)];
    await expect.poll(() => isEmpty(rig.spool), { timeout: 10_000 }).toBe(true);
    await first.close();
    const over = loaded(authority.sign('over', { until: '20210101000000Z' }));
    const second = await collector.listen(first.port, { ...over, ...asks });
    written.push(await write(rig.spool));
    await expect
      .poll(() => rig.health()?.message, { timeout: 10_000 })
      .toMatch(/^collector_certificate_expired: https:/);
    await second.close();
    const third = await collector.listen(first.port, { ...good, ...asks });
    cleanups.push(() => third.close());
    await expect.poll(() => isEmpty(rig.spool), { timeout: 20_000 }).toBe(true);
    expect(appliedOctets(collector)).toEqual(written);
    expect(rig.lines.filter((line) => line.includes('collector_certificate_expired'))).toHaveLength(1);
  }, 60_000);
});

describe('answers', () => {
  test.for([
    ['7', 7000],
    [' 0 ', 0],
    ['99999', 300_000],
    ['Tue, 24 Nov 2026 00:00:30 GMT', 30_000],
    ['Mon, 23 Nov 2026 00:00:00 GMT', 0],
    ['soon', null],
    ['', null],
    [null, null],
  ] as const)('Retry-After %s is %s', ([header, ms]) => {
    expect(retryAfterMs(header, START)).toBe(ms);
  });

  const error = (code: string): unknown => ({ error: { code, message: 'm', detail: {} } });

  test.for([
    [200, { received: 1, applied: 0 }, 'receipt', undefined],
    [200, { received: -1, applied: 0 }, 'refused', 'status_200'],
    [200, null, 'refused', 'status_200'],
    [301, null, 'refused', 'status_301'],
    [400, error('batch_damaged'), 'later', 'batch_damaged'],
    [400, error('invalid_request'), 'refused', 'invalid_request'],
    [401, null, 'refused', 'status_401'],
    [403, error('agent_mismatch'), 'refused', 'agent_mismatch'],
    [408, null, 'later', 'status_408'],
    [409, error('agent_superseded'), 'refused', 'agent_superseded'],
    [413, null, 'refused', 'status_413'],
    [429, error('overloaded'), 'later', 'overloaded'],
    [502, '<html>', 'later', 'status_502'],
    [507, error('journal_full'), 'later', 'journal_full'],
  ] as const)('%s %j is %s %s', ([status, body, kind, code]) => {
    expect(outcomeOf(status, null, body)).toMatchObject(code === undefined ? { kind } : { kind, code });
  });
});
