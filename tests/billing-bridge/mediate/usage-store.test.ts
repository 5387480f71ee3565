// The book of usage: the reader that rating asks, in memory and in PostgreSQL, and what gates and people ask beside it.
import { BLOCK_BUCKETS, blockOf, markStale } from '../../../billing-bridge/mediate/sealed-usage.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contentOf } from '../../../billing-bridge/mediate/bucket-content.ts';
import { firstState } from '../../../billing-bridge/mediate/meter-state.ts';
import { GatheringSink } from '../../../billing-bridge/mediate/gathering-sink.ts';
import { Reading } from '../../../billing-bridge/mediate/reading.ts';
import { insertRecords, newestOf } from '../../../billing-bridge/mediate/record-rows.ts';
import { encodeStates } from '../../../billing-bridge/mediate/state-codec.ts';
import { type OpenUsage, sameAsRecords, usageReaderConformance } from '../../conformance/usage-reader.ts';
import { BUCKET, MediationFixture, MINUTE, T0, toldRecord } from '../../support/mediation-fixture.ts';
import { MemoryUsage } from '../../support/memory-usage.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

let server: TestDatabase;
beforeAll(async () => {
  server = await startTestDatabase();
});
afterAll(() => server.stop());

describe('the double of tests', () => {
  usageReaderConformance(() => {
    const usage = new MemoryUsage(BUCKET);
    const done = Promise.resolve();
    return Promise.resolve({
      reader: usage,
      port: (device, interfaceKey) => Promise.resolve(usage.port(device, interfaceKey)),
      add: (meter, at, good) => {
        usage.add(meter, at, good);
        return done;
      },
      finish: (meter, untilMs) => {
        usage.finish(untilMs, meter);
        return done;
      },
    });
  });
});

describe('PostgreSQL', () => {
  usageReaderConformance(async (): Promise<OpenUsage> => {
    const { database } = server;
    const { store } = await MediationFixture.empty(database);
    let meters = 0;
    let serial = 1n;
    const final = new Map<number, number>();
    return {
      reader: store,
      port: async (device, interfaceKey) => {
        meters += 2;
        const port = { in: meters - 1, out: meters };
        await database.query(`insert into usage.meter values ($1, $3, $4, 'in'), ($2, $3, $4, 'out')`, [
          port.in,
          port.out,
          device,
          interfaceKey,
        ]);
        return port;
      },
      add: async (meter, at, good) => {
        const bucket = at / BUCKET;
        const version = ((await newestOf(database, [meter], [bucket]))[0]?.version ?? 0) + 1;
        const content = { ...contentOf(bucket), good, coveredMs: BUCKET, firstMs: at, lastMs: at + BUCKET };
        await insertRecords(database, [{ meter, version, content }], serial, BUCKET);
        serial += 1n;
      },
      finish: async (meter, untilMs) => {
        final.set(meter, untilMs);
        const clock = { observedAtMs: T0, monotonicMs: 0, uptimeTicks: 0, processId: 'p', intervalMs: MINUTE };
        const states = [...final].map(([id, until]) => {
          const reading = new Reading(clock, { width: 64, speedBps: null }, 0n, null);
          return { ...firstState(id, reading, BUCKET, new GatheringSink()), closedBefore: until / BUCKET };
        });
        await database.query(
          `insert into usage.device values ('r1', 0, 60000, $1, '') on conflict (device) do update set meters = $1`,
          [encodeStates(states)],
        );
      },
    };
  });
});

describe('what people and gates ask', () => {
  let fixture: MediationFixture;
  let ports: { in: number; out: number }[];
  beforeAll(async () => {
    fixture = await MediationFixture.empty(server.database);
    const { source } = fixture;
    for (const device of ['r1', 'r2']) {
      const layout = source.layout(device, [{ name: 'a' }, { name: 'b' }]);
      for (let minute = 0; minute <= 20; minute += 1)
        source.poll({
          layout,
          atMs: T0 + minute * MINUTE,
          uptimeTicks: 1_000_000 + minute * 6000,
          octets: [
            [BigInt(minute) * 60n, 0n],
            [BigInt(minute) * 6n, BigInt(minute)],
          ],
          clockSound: device === 'r1' || minute !== 7,
        });
      for (const minute of [21, 22])
        source.poll({
          layout,
          atMs: T0 + minute * MINUTE,
          uptimeTicks: minute * 6000 - 126_000,
          octets: [
            [5n, 5n],
            [5n, 5n],
          ],
        });
    }
    source.quarantined = 3;
    await fixture.run();
    ports = ['r1', 'r2'].flatMap((device) => [source.port(device, 'a'), source.port(device, 'b')]);
  });

  const query = {
    held: null,
    meter: null,
    device: null,
    interfaceKey: null,
    fromMs: T0,
    toMs: T0 + 60 * MINUTE,
    versions: 'latest',
    cursor: null,
    limit: 100,
  } as const;

  test('records by page, by meter, device, port and span', async () => {
    expect((await fixture.store.page(query)).items).toHaveLength(32);
    expect((await fixture.store.page({ ...query, device: 'r2' })).items).toHaveLength(16);
    expect((await fixture.store.page({ ...query, device: 'r2', interfaceKey: 'b' })).items).toHaveLength(8);
    const meter = ports[0]?.in ?? 0;
    expect((await fixture.store.page({ ...query, meter })).items.map(toldRecord)).toEqual([
      '0 v1: good 300, 5 min',
      '5 v1: good 300, 5 min',
      '10 v1: good 300, 5 min',
      '15 v1: good 300, 5 min',
    ]);
    expect((await fixture.store.page({ ...query, meter, device: 'r2' })).items).toEqual([]);
    const inside = await fixture.store.page({ ...query, meter, fromMs: T0 + 5 * MINUTE, toMs: T0 + 10 * MINUTE });
    expect(inside.items).toHaveLength(1);
    const found: string[] = [];
    let cursor: string | null = null;
    do {
      const page = await fixture.store.page({ ...query, cursor, limit: 5 });
      found.push(...page.items.map((one) => `${one.meter} ${one.bucketStartMs}`));
      cursor = page.next;
    } while (cursor !== null);
    expect(new Set(found).size).toBe(32);
    expect(found).toHaveLength(32);
    await expect(fixture.store.page({ ...query, cursor: 'x' })).rejects.toMatchObject({ code: 'invalid_request' });
  });

  test('records of a port while somebody held it, and of no other port or time', async () => {
    const held = { device: 'r2', interfaceKey: 'b', fromMs: T0 + 5 * MINUTE, toMs: T0 + 15 * MINUTE };
    const items = (await fixture.store.page({ ...query, held: [held] })).items;
    expect(items).toHaveLength(4);
    expect(new Set(items.map(({ bucketStartMs }) => bucketStartMs))).toEqual(
      new Set([T0 + 5 * MINUTE, T0 + 10 * MINUTE]),
    );
    // A bucket that began before is not theirs.
    const later = { ...held, fromMs: T0 + 6 * MINUTE, toMs: null };
    expect((await fixture.store.page({ ...query, held: [later] })).items).toHaveLength(4);
    expect((await fixture.store.page({ ...query, held: [held], device: 'r1' })).items).toEqual([]);
    expect((await fixture.store.page({ ...query, held: [] })).items).toEqual([]);
    expect((await fixture.store.page({ ...query, held: [held], versions: 'all', limit: 3 })).next).not.toBeNull();
  });

  test('counts, totals and where usage begins', async () => {
    expect(await fixture.store.counts()).toEqual({ records: 32n, meters: 8, lastBucketStartMs: T0 + 15 * MINUTE });
    expect(await fixture.store.begin()).toBe(T0);
    const totals = await fixture.store.totals(T0, T0 + 10 * MINUTE);
    expect(totals.map((one) => [one.meter.device, one.meter.interfaceKey, one.meter.direction, one.octets])).toEqual([
      ['r1', 'a', 'in', 600n],
      ['r2', 'a', 'in', 600n],
      ['r1', 'b', 'in', 60n],
      ['r2', 'b', 'in', 60n],
      ['r1', 'b', 'out', 10n],
      ['r2', 'b', 'out', 10n],
      ['r1', 'a', 'out', 0n],
      ['r2', 'a', 'out', 0n],
    ]);
  });

  test('suspense, newest first, page by page', async () => {
    const all = await fixture.store.suspense({ cursor: null, limit: 100 });
    expect(all.items).toHaveLength(8);
    expect(all.items[0]).toMatchObject({ reason: 'lost', end: 'reboot', octets: null, toMs: T0 + 21 * MINUTE });
    const pages: number[] = [];
    let cursor: string | null = null;
    do {
      const page = await fixture.store.suspense({ cursor, limit: 3 });
      pages.push(...page.items.map((item) => item.meter.id));
      cursor = page.next;
    } while (cursor !== null);
    expect(pages).toEqual(all.items.map((item) => item.meter.id));
    await expect(fixture.store.suspense({ cursor: '7', limit: 1 })).rejects.toMatchObject({ code: 'invalid_request' });
  });

  test('clocks that were off, by device and day; batches kept aside', async () => {
    const meters = ports.map((port) => port.in);
    expect(await fixture.store.unsoundClocks(meters, T0, T0 + 60 * MINUTE)).toEqual([
      { device: 'r2', agent: 'agent-1', polls: 1, from: '2026-11-24T00:07:00.000Z', to: '2026-11-24T00:07:00.000Z' },
    ]);
    expect(await fixture.store.unsoundClocks(meters.slice(0, 2), T0, T0 + 60 * MINUTE)).toEqual([]);
    expect(await fixture.store.unsoundClocks(meters, T0 + 8 * MINUTE, T0 + 60 * MINUTE)).toEqual([]);
    expect(await fixture.store.quarantined()).toBe(3);
  });
});

describe('conservation', () => {
  let fixture: MediationFixture;
  let meter: number;
  const WEEK = 7 * 86_400_000;
  /** The second of the lines on which values are kept. */
  const LINE = Math.ceil(T0 / WEEK) * WEEK + WEEK;
  beforeAll(async () => {
    fixture = await MediationFixture.empty(server.database);
    const layout = fixture.source.layout('r1', [{ name: 'a', width: 32, speedBps: '8000000' }]);
    meter = fixture.source.port('r1', 'a').in;
    // Four weeks of hourly readings, each two minutes past the hour: 30,000,003 octets an hour and a wrap now and then.
    for (let hour = 0; hour <= 24 * 28; hour += 1) {
      const at = hour * 3_600_000 + 120_000;
      const wrapping = (BigInt(hour) * 30_000_003n + 4_000_000_000n) % 2n ** 32n;
      const words = { layout, atMs: T0 + at, intervalMs: 3_600_000, uptimeTicks: 1_000_000 + at / 10 };
      fixture.source.poll({ ...words, octets: [[wrapping, null]] });
    }
    await fixture.run();
  });

  /** As mediation writes, which marks the block that holds the bucket. */
  async function asWritten(sql: string, bucket: number): Promise<void> {
    await server.database.query(sql, [meter, bucket]);
    await markStale(server.database, [{ meter, bucket }]);
  }

  const found = (from: number, to: number): Promise<object[]> => fixture.store.conservation([meter], from, to);

  test('holds over weeks, wraps on week lines or not', async () => {
    const { rows } = await server.database.query('select 1 from usage.checkpoint');
    expect(rows).toHaveLength(4);
    expect(await found(T0, T0 + 5 * WEEK)).toEqual([]);
    expect((await server.database.query('select 1 from usage.record where wraps > 0')).rows.length).toBeGreaterThan(2);
  });

  test.each([
    ['before a week line', LINE],
    ['behind a week line', LINE + 4 * BUCKET],
    ['the middle', T0 + 2 * WEEK + 3 * 86_400_000],
    ['the end', T0 + 4 * WEEK],
  ])('a record that is wrong by one octet is found where it is: %s', async (_, at) => {
    const bucket = Math.floor(at / BUCKET) - 3;
    const forged = `insert into usage.record (serial, first_ms, last_ms, meter, bucket, covered_ms, version, good, gap, wraps)
      select 1000000 + $2, first_ms, last_ms, meter, bucket, covered_ms, version + 1, good + 1, gap, wraps
        from usage.record where meter = $1 and bucket = $2`;
    await asWritten(forged, bucket);
    const findings = await found(at - 86_400_000, at);
    expect(findings).toMatchObject([{ meter, device: 'r1', interface: 'a', direction: 'in', difference: '1' }]);
    // Weeks beside it are in order.
    expect(await found(T0, T0 + 86_400_000)).toEqual([]);
    const proof = await fixture.proof().reconcile(at - 86_400_000, at);
    expect(proof.differences.map((one) => one.kind).toSorted()).toEqual(['conservation', 'record']);
    const undo = forged
      .replace('1000000 +', '2000000 +')
      .replace('good + 1', 'good - 1')
      .replace('bucket = $2', 'bucket = $2 and version = 2');
    await asWritten(undo, bucket);
    expect(await found(at - 86_400_000, at)).toEqual([]);
  });

  test('sealed or not, in whole blocks or parts of them, columns say what the records say', async () => {
    const { rows } = await server.database.query<{ blocks: bigint; others: bigint }>(
      'select count(*) as blocks, count(others) as others from usage.sealed where meter = $1',
      [meter],
    );
    // The last day too: it was final when it ended. Days with a wrap or a correction tell more of some buckets.
    expect(rows[0]).toMatchObject({ blocks: 28n, others: 5n });
    const DAY = 86_400_000;
    expect(await sameAsRecords(fixture.store, [meter], T0 - DAY, T0 + 5 * WEEK)).toBeGreaterThan(8_000);
    await sameAsRecords(fixture.store, [meter], T0 + DAY + 7 * BUCKET, T0 + 3 * DAY - BUCKET);
    await sameAsRecords(fixture.store, [meter], T0 + DAY, T0 + 2 * DAY);
    await markStale(server.database, [{ meter, bucket: Math.floor((T0 + 2 * DAY) / BUCKET) }]);
    await sameAsRecords(fixture.store, [meter], T0, T0 + 5 * DAY);
  });

  test('a block that says something else than its records is found by the gate, and told by the proof', async () => {
    const block = blockOf(Math.floor((T0 + 2 * WEEK) / BUCKET));
    const at = block * 86_400_000;
    await server.database.query('update usage.sealed set octets = octets + 1 where meter = $1 and block = $2', [
      meter,
      block,
    ]);
    expect(await found(at, at + 86_400_000)).toMatchObject([{ meter, difference: '1' }]);
    const proof = await fixture.proof().reconcile(at, at + 86_400_000);
    expect(proof.differences).toMatchObject([{ kind: 'sealed', meter, atMs: at }]);
    await markStale(server.database, [{ meter, bucket: block * BLOCK_BUCKETS }]);
    expect(await found(at, at + 86_400_000)).toEqual([]);
    await fixture.run();
    const { rows } = await server.database.query('select 1 from usage.sealed where stale');
    expect(rows).toEqual([]);
    expect((await fixture.proof().reconcile(at, at + 86_400_000)).differences).toEqual([]);
  });

  test('a record that is missing is found', async () => {
    await server.database.query('alter table usage.record disable trigger record_never_changes');
    const bucket = Math.floor((T0 + 3 * WEEK) / BUCKET) + 100;
    await asWritten('delete from usage.record where meter = $1 and bucket = $2', bucket);
    expect(await found(T0 + 3 * WEEK, T0 + 4 * WEEK)).toHaveLength(1);
    const proof = await fixture.proof().reconcile(T0 + 3 * WEEK, T0 + 4 * WEEK);
    expect(proof.differences.map((one) => one.kind).toSorted()).toEqual(['conservation', 'missing']);
    expect(proof.differences.find((one) => one.kind === 'missing')).toMatchObject({
      meter,
      device: 'r1',
      interfaceKey: 'a',
      direction: 'in',
      atMs: bucket * BUCKET,
      found: 'none',
    });
  });
});

describe('a day that ended', () => {
  test('is sealed once nearly all of it is final, and anew for the few that were late', async () => {
    const fixture = await MediationFixture.empty(server.database);
    const many = Array.from({ length: 60 }, (_, port) => ({
      name: `a${port}`,
      width: 64 as const,
      speedBps: '8000000',
    }));
    const layouts = { r1: fixture.source.layout('r1', many), r2: fixture.source.layout('r2', many.slice(0, 1)) };
    const poll = (device: 'r1' | 'r2', hour: number): void => {
      const octets = many.slice(0, device === 'r1' ? 60 : 1).map((_, port) => BigInt(hour * 1000 + port));
      const atMs = T0 + hour * 3_600_000;
      const clock = { atMs, intervalMs: 3_600_000, uptimeTicks: 1_000_000 + hour * 360_000 };
      fixture.source.poll({ layout: layouts[device], ...clock, octets: octets.map((value) => [value, null]) });
    };
    const sealed = async (day: number): Promise<object> => {
      const { rows } = await server.database.query(
        `select count(*) as blocks, count(*) filter (where records = ${BLOCK_BUCKETS}) as whole, count(*) filter (where stale) as stale
           from usage.sealed where block = $1`,
        [blockOf(T0 / BUCKET) + day],
      );
      return rows[0] ?? {};
    };
    const meters = [fixture.source.port('r1', 'a7').in, fixture.source.port('r2', 'a0').in];
    for (let hour = 0; hour <= 24; hour += 1) poll('r1', hour);
    for (let hour = 0; hour <= 23; hour += 1) poll('r2', hour);
    await fixture.run();
    expect(await sealed(0)).toEqual({ blocks: 61n, whole: 60n, stale: 0n });
    await sameAsRecords(fixture.store, meters, T0, T0 + 86_400_000);
    poll('r2', 24);
    await fixture.run();
    expect(await sealed(0)).toEqual({ blocks: 61n, whole: 61n, stale: 0n });
    await sameAsRecords(fixture.store, meters, T0, T0 + 86_400_000);
    // The other way round nearly all are late.
    for (let hour = 25; hour <= 48; hour += 1) poll('r2', hour);
    for (let hour = 25; hour <= 47; hour += 1) poll('r1', hour);
    await fixture.run();
    expect(await sealed(1)).toEqual({ blocks: 0n, whole: 0n, stale: 0n });
    await sameAsRecords(fixture.store, meters, T0, T0 + 2 * 86_400_000);
    poll('r1', 48);
    await fixture.run();
    expect(await sealed(1)).toEqual({ blocks: 61n, whole: 61n, stale: 0n });
  });
});
