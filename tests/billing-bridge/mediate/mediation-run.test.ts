// Mediation on a real PostgreSQL: when buckets are final, what makes new versions, and that neither crash, replay nor second process counts an octet twice.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Leases, leaseMigrations } from '../../../common/database/lease.ts';
import { migrate } from '../../../common/database/migrate.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import { type BundledProgram, bundledProgram } from '../../support/bundled-program.ts';
import { FailingDatabase } from '../../support/failing-database.ts';
import { BUCKET, MediationFixture, MINUTE, NO_FENCE, T0, toldRecord } from '../../support/mediation-fixture.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

let server: TestDatabase;
let fixture: MediationFixture;
let device: string;
let port: { readonly in: number; readonly out: number };
let layout: number;

beforeAll(async () => {
  server = await startTestDatabase();
  await MediationFixture.empty(server.database);
});
afterAll(() => server.stop());
beforeEach(async () => {
  fixture = await MediationFixture.beside(server.database);
  device = `r${fixture.source.port('x', 'x').in}`;
  layout = fixture.source.layout(device, [{ name: 'ge-0/0/0' }]);
  port = fixture.source.port(device, 'ge-0/0/0');
});

/** One poll of the port at a minute after T0: octets in (and out, the same by default). */
function poll(minute: number, incoming: bigint | null, outgoing: bigint | null = incoming, uptime = 1_000_000): void {
  const uptimeTicks = uptime + minute * 6000;
  fixture.source.poll({ layout, atMs: T0 + minute * MINUTE, octets: [[incoming, outgoing]], uptimeTicks });
}

/** Polls of every minute in [from, to]: 60 octets a minute. */
function steady(from: number, to: number): void {
  for (let minute = from; minute <= to; minute += 1) poll(minute, BigInt(minute) * 60n);
}

const finalMinute = async (meter: number): Promise<number> =>
  ((await fixture.store.finalUntil([meter])).get(meter) ?? T0) / MINUTE - T0 / MINUTE;

describe('finality', () => {
  test('a bucket is written once a reading at its end or after exists; nothing before the first reading is usage', async () => {
    steady(2, 9);
    expect(await fixture.run()).toEqual({ pages: 8, records: 2, corrected: 0, quarantined: 0 });
    expect(await fixture.told(port.in)).toEqual(['0 v1: good 180, 3 min']);
    expect(await finalMinute(port.in)).toBe(5);
    poll(10, 600n);
    await fixture.run();
    expect(await fixture.told(port.in)).toEqual(['0 v1: good 180, 3 min', '5 v1: good 300, 5 min']);
    expect(await finalMinute(port.in)).toBe(10);
    expect(await fixture.run()).toMatchObject({ pages: 0, records: 0 });
  });

  test('a bucket with more octets than an int8 holds keeps no block of others from being sealed', async () => {
    poll(0, 0n, 0n);
    poll(1, 2n ** 64n - 1n, 7n);
    poll(3000, 2n ** 64n - 1n, 7n);
    expect(await fixture.run()).toMatchObject({ pages: 3 });
    const columns = await fixture.store.columns([port.in, port.out], T0, T0 + 1440 * MINUTE);
    const place = columns.get(port.in)?.offset ?? -1;
    expect(columns.get(port.in)?.table.large.get(place)?.good).toBe(2n ** 64n - 1n);
    const { rows } = await server.database.query<{ meter: number }>(
      'select distinct meter from usage.sealed where meter = any($1::int[])',
      [[port.in, port.out]],
    );
    expect(rows).toContainEqual({ meter: port.out });
    // The store adds its days from records where there is no block.
    const totals = await fixture.store.totals(T0, T0 + 1440 * MINUTE);
    expect(totals.find(({ meter }) => meter.id === port.in)?.octets).toBe(2n ** 64n - 1n);
    expect((await fixture.proof().reconcile(T0, T0 + 1440 * MINUTE)).differences).toEqual([]);
  });

  test('octets are split at the line, the parts add up', async () => {
    const { source } = fixture;
    for (const [at, octets] of [
      [4.5, 0n],
      [5.5, 7n],
      [10.5, 1000n],
    ] as const)
      source.poll({ layout, atMs: T0 + at * MINUTE, octets: [[octets, null]] });
    await fixture.run();
    source.watermark(device, T0 + 60 * MINUTE);
    await fixture.run();
    expect(await fixture.told(port.in)).toEqual([
      '0 v1: good 3, 0.5 min',
      '5 v1: good 4 gap 893, 5 min gap 4.5',
      '10 v1: gap 100, 0.5 min gap 0.5',
    ]);
  });

  test('what no reading closes the watermark closes, a while after: two buckets or five intervals', async () => {
    steady(0, 7);
    fixture.source.watermark(device, T0 + 19.9 * MINUTE);
    await fixture.run();
    expect(await finalMinute(port.in)).toBe(5);
    fixture.source.watermark(device, T0 + 20 * MINUTE);
    await fixture.run();
    expect(await fixture.told(port.in)).toEqual(['0 v1: good 300, 5 min', '5 v1: good 120, 2 min']);
    expect(await finalMinute(port.in)).toBe(10);
    // A device that is dead goes on being final as long as its agent says that it looked.
    fixture.source.watermark(device, T0 + 1440 * MINUTE);
    await fixture.run();
    expect(await finalMinute(port.in)).toBe(1430);
    expect(await fixture.latest(port.in)).toHaveLength(2);
  });

  test('the hold grows with the interval of the device', async () => {
    const { source } = fixture;
    source.poll({ layout, atMs: T0, octets: [[0n, 0n]], intervalMs: 5 * MINUTE });
    source.watermark(device, T0 + 29 * MINUTE);
    await fixture.run();
    expect(await finalMinute(port.in)).toBe(0);
    source.watermark(device, T0 + 30 * MINUTE);
    await fixture.run();
    expect(await finalMinute(port.in)).toBe(5);
  });

  test('a watermark from the future closes nothing that has not ended', async () => {
    fixture.clock.step(T0 + 12 * MINUTE - fixture.clock.now());
    steady(0, 12);
    fixture.source.watermark(device, T0 + 10_000 * MINUTE);
    await fixture.run();
    expect(await finalMinute(port.in)).toBe(10);
  });

  test('an outage of a few polls makes no second versions', async () => {
    steady(0, 4);
    for (let minute = 5; minute <= 11; minute += 1) {
      fixture.source.watermark(device, T0 + minute * MINUTE);
      await fixture.run();
    }
    steady(12, 15);
    expect(await fixture.run()).toMatchObject({ corrected: 0 });
    expect(await fixture.told(port.in)).toEqual([
      '0 v1: good 240 gap 60, 5 min gap 1',
      '5 v1: gap 300, 5 min gap 5',
      '10 v1: good 180 gap 120, 5 min gap 2',
    ]);
  });

  test('a device that comes back after its buckets were closed: its octets are a gap, in new versions of what was there', async () => {
    steady(0, 12);
    fixture.source.watermark(device, T0 + 60 * MINUTE);
    await fixture.run();
    expect(await fixture.told(port.in)).toEqual([
      '0 v1: good 300, 5 min',
      '5 v1: good 300, 5 min',
      '10 v1: good 120, 2 min',
    ]);
    steady(62, 65);
    expect(await fixture.run()).toMatchObject({ records: 22, corrected: 2 });
    const told = await fixture.told(port.in);
    expect(told.slice(1, 5)).toEqual([
      '5 v1: good 300, 5 min',
      '10 v2: good 120 gap 180, 5 min gap 3',
      '15 v1: gap 300, 5 min gap 5',
      '20 v1: gap 300, 5 min gap 5',
    ]);
    expect(told.slice(-2)).toEqual(['55 v1: gap 300, 5 min gap 5', '60 v1: good 180 gap 120, 5 min gap 2']);
    expect(await fixture.store.conservation([port.in, port.out], T0, T0 + 60 * MINUTE)).toEqual([]);
  });

  test('a meter that leaves is closed by the watermark of its device', async () => {
    const both = fixture.source.layout(device, [{ name: 'ge-0/0/0' }, { name: 'ge-0/0/1' }]);
    const gone = fixture.source.port(device, 'ge-0/0/1');
    for (let minute = 0; minute <= 7; minute += 1)
      fixture.source.poll({
        layout: both,
        atMs: T0 + minute * MINUTE,
        octets: [
          [0n, 0n],
          [BigInt(minute), 0n],
        ],
      });
    steady(8, 40);
    fixture.source.watermark(device, T0 + 40 * MINUTE);
    await fixture.run();
    expect(await fixture.told(gone.in)).toEqual(['0 v1: good 5, 5 min', '5 v1: good 2, 2 min']);
    expect(await finalMinute(gone.in)).toBe(30);
    expect(await finalMinute(port.in)).toBe(40);
  });

  test('a value that is absent in a poll is no reading: the octets are a gap when it is back', async () => {
    steady(0, 3);
    poll(4, null, 240n);
    steady(5, 5);
    await fixture.run();
    expect(await fixture.told(port.in)).toEqual(['0 v1: good 180 gap 120, 5 min gap 2']);
    expect(await fixture.told(port.out)).toEqual(['0 v1: good 300, 5 min']);
  });
});

describe('what can not be counted', () => {
  test('a boot loses a span without a quantity; both epochs are conserved', async () => {
    steady(0, 6);
    for (let minute = 8; minute <= 15; minute += 1) poll(minute, BigInt(minute), BigInt(minute), -42_000);
    await fixture.run();
    expect(await fixture.told(port.in)).toEqual([
      '0 v1: good 300, 5 min',
      '5 v1: good 62, 3 min lost 2',
      '10 v1: good 5, 5 min',
    ]);
    const { items } = await fixture.store.suspense({ cursor: null, limit: 10 });
    expect(items.filter((item) => item.meter.id === port.in)).toEqual([
      {
        meter: { id: port.in, device, interfaceKey: 'ge-0/0/0', direction: 'in' },
        reason: 'lost',
        end: 'reboot',
        fromMs: T0 + 6 * MINUTE,
        toMs: T0 + 8 * MINUTE,
        octets: null,
      },
    ]);
    expect(await fixture.store.conservation([port.in], T0, T0 + 20 * MINUTE)).toEqual([]);
    const records = await fixture.latest(port.in);
    expect(records.map((record) => record.evidence)).toEqual([
      { epoch: BigInt(T0), firstReadingAtMs: T0, lastReadingAtMs: T0 + 5 * MINUTE },
      { epoch: BigInt(T0), firstReadingAtMs: T0 + 5 * MINUTE, lastReadingAtMs: T0 + 10 * MINUTE },
      { epoch: BigInt(T0 + 8 * MINUTE), firstReadingAtMs: T0 + 10 * MINUTE, lastReadingAtMs: T0 + 15 * MINUTE },
    ]);
  });

  test('octets above line rate are suspended with their octets, and are no time covered', async () => {
    const slow = fixture.source.layout(device, [{ name: 'ge-0/0/0', speedBps: '8000' }]);
    for (const [minute, octets] of [0n, 1000n, 900_000_000n, 900_001_000n, 900_002_000n, 900_003_000n].entries())
      fixture.source.poll({ layout: slow, atMs: T0 + minute * MINUTE, octets: [[octets, 0n]] });
    await fixture.run();
    expect(await fixture.told(port.in)).toEqual(['0 v1: good 4000 suspended 899999000, 4 min']);
    const { items } = await fixture.store.suspense({ cursor: null, limit: 10 });
    expect(items.filter((item) => item.meter.id === port.in)).toMatchObject([
      { reason: 'implausible', end: null, fromMs: T0 + MINUTE, toMs: T0 + 2 * MINUTE, octets: '899999000' },
    ]);
    expect(await fixture.store.conservation([port.in], T0, T0 + 20 * MINUTE)).toEqual([]);
  });

  test('a Counter32 that wraps loses nothing', async () => {
    const narrow = fixture.source.layout(device, [{ name: 'ge-0/0/0', width: 32, speedBps: '100000000' }]);
    let counter = 2n ** 32n - 1000n;
    for (let minute = 0; minute <= 5; minute += 1, counter += 400n)
      fixture.source.poll({ layout: narrow, atMs: T0 + minute * MINUTE, octets: [[counter % 2n ** 32n, 0n]] });
    await fixture.run();
    expect(await fixture.told(port.in)).toEqual(['0 v1: good 1600 wrapped 400, 5 min']);
    expect(await fixture.store.conservation([port.in], T0, T0 + 20 * MINUTE)).toEqual([]);
  });

  test('times that no reading can have are left out and counted', async () => {
    const { source } = fixture;
    steady(0, 4);
    for (const atMs of [0, Date.parse('1999-12-31T00:00:00Z'), fixture.clock.now() + 2 * 86_400_000])
      source.poll({ layout, atMs, octets: [[1n, 1n]] });
    steady(5, 5);
    await fixture.run();
    expect(await fixture.told(port.in)).toEqual(['0 v1: good 300, 5 min']);
    expect(await fixture.metric('mediation_readings_total{outcome="unbelievable"}')).toBe(3);
  });
});

describe('exact', () => {
  test.each([2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n])('%s octets in a bucket', async (octets) => {
    poll(0, 0n);
    poll(1, octets);
    poll(5, octets);
    await fixture.run();
    const [record] = await fixture.latest(port.in);
    expect(record?.octets.good).toBe(octets);
    expect((await fixture.store.totals(T0, T0 + BUCKET)).find((total) => total.meter.id === port.in)?.octets).toBe(
      octets,
    );
    expect(await fixture.store.conservation([port.in, port.out], T0, T0 + BUCKET)).toEqual([]);
    expect((await fixture.proof().reconcile(T0, T0 + BUCKET)).differences).toEqual([]);
  });

  test('more than 2^64 in one bucket, over a reset', async () => {
    poll(0, 0n);
    poll(1, 2n ** 64n - 1n);
    poll(2, 0n);
    poll(3, 2n ** 64n - 1n);
    // Kept open over a restart.
    await fixture.run();
    fixture.mediation = fixture.fresh();
    poll(5, 2n ** 64n - 1n);
    await fixture.run();
    const [record] = await fixture.latest(port.in);
    expect(record?.octets).toMatchObject({ good: 2n ** 65n - 2n });
    expect(record?.lostMs).toBe(MINUTE);
  });
});

describe('late readings', () => {
  test('make a new version of exactly the buckets that change', async () => {
    const { source } = fixture;
    steady(0, 6);
    const late = [7, 8].map((minute) =>
      source.page({
        layout,
        atMs: T0 + minute * MINUTE,
        octets: [[BigInt(minute) * 90n, null]],
        uptimeTicks: 1_000_000 + minute * 6000,
      }),
    );
    for (let minute = 9; minute <= 20; minute += 1) poll(minute, BigInt(minute) * 90n);
    await fixture.run();
    expect(await fixture.told(port.in)).toEqual([
      '0 v1: good 300, 5 min',
      '5 v1: good 150 gap 450, 5 min gap 3',
      '10 v1: good 450, 5 min',
      '15 v1: good 450, 5 min',
    ]);
    source.add(...late);
    expect(await fixture.run()).toMatchObject({ records: 1, corrected: 1 });
    expect(await fixture.told(port.in)).toEqual([
      '0 v1: good 300, 5 min',
      '5 v2: good 600, 5 min',
      '10 v1: good 450, 5 min',
      '15 v1: good 450, 5 min',
    ]);
    const page = await fixture.store.page({
      held: null,
      meter: port.in,
      device: null,
      interfaceKey: null,
      fromMs: T0,
      toMs: T0 + 10 * MINUTE,
      versions: 'all',
      cursor: null,
      limit: 10,
    });
    expect(page.items.map(toldRecord)).toEqual([
      '0 v1: good 300, 5 min',
      '5 v1: good 150 gap 450, 5 min gap 3',
      '5 v2: good 600, 5 min',
    ]);
    expect(await fixture.store.conservation([port.in], T0, T0 + 60 * MINUTE)).toEqual([]);
    expect(await fixture.metric('mediation_readings_total{outcome="late"}')).toBe(2);
    expect(await fixture.metric('usage_records_total{version="corrected"}')).toBe(1);
  });

  test('that show a boot end an epoch that seemed to go on', async () => {
    const { source } = fixture;
    poll(0, 1000n);
    poll(1, 2000n);
    const late = source.page({ layout, atMs: T0 + 3 * MINUTE, octets: [[10n, 10n]], uptimeTicks: 100 });
    for (let minute = 6; minute <= 10; minute += 1)
      source.poll({ layout, atMs: T0 + minute * MINUTE, octets: [[5000n, 5000n]], uptimeTicks: null });
    await fixture.run();
    expect(await fixture.told(port.in)).toEqual(
      ['0 v1: good 1000 gap 2400, 5 min gap 4', '5 v1: good 0, 5 min gap 1'].map((one) =>
        one.replace('good 0', 'gap 600'),
      ),
    );
    source.add(late);
    await fixture.run();
    expect(await fixture.told(port.in)).toEqual([
      '0 v2: good 1000 gap 3326, 3 min gap 2 lost 2',
      '5 v2: gap 1664, 5 min gap 1',
    ]);
    expect(await fixture.store.conservation([port.in], T0, T0 + 60 * MINUTE)).toEqual([]);
  });

  test('before the first reading: usage begins earlier', async () => {
    const late = [0, 1, 2].map((minute) =>
      fixture.source.page({
        layout,
        atMs: T0 + minute * MINUTE,
        octets: [[BigInt(minute) * 60n, null]],
        uptimeTicks: 1_000_000 + minute * 6000,
      }),
    );
    steady(3, 10);
    await fixture.run();
    fixture.source.add(...late);
    await fixture.run();
    expect(await fixture.told(port.in)).toEqual(['0 v2: good 300, 5 min', '5 v1: good 300, 5 min']);
    expect((await fixture.latest(port.in))[1]?.evidence.epoch).toBe(BigInt(T0));
  });

  test('whose surroundings the collector no longer has count for nothing, and are told', async () => {
    const { source } = fixture;
    steady(0, 12);
    await fixture.run();
    const late = source.page({ layout, atMs: T0 + 2.5 * MINUTE, octets: [[150n, 150n]], uptimeTicks: 1_015_000 });
    source.events = source.events.slice(8);
    source.journal = 'journal-2';
    source.add(late);
    await fixture.run();
    expect(await fixture.told(port.in)).toEqual(['0 v1: good 300, 5 min', '5 v1: good 300, 5 min']);
    expect(await fixture.metric('mediation_readings_total{outcome="unresolved"}')).toBe(2);
  });

  test('wait while the collector does not answer for them', async () => {
    const { source } = fixture;
    steady(0, 2);
    steady(4, 12);
    await fixture.run();
    const before = await fixture.store.counts();
    steady(3, 3);
    source.failure = new WeirError('collector_unreachable', 'down');
    await expect(fixture.run()).rejects.toMatchObject({ code: 'collector_unreachable' });
    expect(await fixture.store.counts()).toEqual(before);
    source.failure = null;
    await fixture.run();
    expect(await fixture.told(port.in)).toEqual(['0 v2: good 300, 5 min', '5 v1: good 300, 5 min']);
  });
});

describe('once only', () => {
  test('records can neither be changed nor deleted', async () => {
    steady(0, 5);
    await fixture.run();
    for (const sql of ['update usage.record set good = 0', 'delete from usage.record', 'truncate usage.record'])
      await expect(server.database.query(sql)).rejects.toThrow('never change');
  });

  test('serials are dense and grow as records are committed', async () => {
    const before = await fixture.store.counts();
    steady(0, 10);
    await fixture.run();
    steady(20, 30);
    await fixture.run();
    const changed = await fixture.store.changedAfter(before.records, 1000);
    expect(changed.map((record) => record.serial)).toEqual(changed.map((_, at) => before.records + BigInt(at) + 1n));
    expect((await fixture.store.counts()).records).toBe(before.records + BigInt(changed.length));
  });

  test('a cursor that the collector does not know: everything is pulled again, nothing is counted again', async () => {
    steady(0, 12);
    await fixture.run();
    const before = await fixture.store.counts();
    fixture.source.journal = 'another';
    const { asked } = fixture.source;
    expect(await fixture.run()).toMatchObject({ pages: 13, records: 0 });
    expect(await fixture.store.counts()).toEqual(before);
    expect(await fixture.metric('mediation_cursor_lost_total')).toBe(1);
    // Known by the place in their journal, so nothing was asked again.
    expect(fixture.source.asked).toBe(asked);
    steady(13, 15);
    await fixture.run();
    expect(await fixture.told(port.in)).toHaveLength(3);
  });

  test('readings that come again in another journal change nothing', async () => {
    steady(0, 12);
    await fixture.run();
    const again = fixture.source.pages.map((page) => ({ ...page, journal: 'journal-2' }));
    fixture.source.add(...again);
    expect(await fixture.run()).toMatchObject({ pages: 13, records: 0 });
    expect(await fixture.proof().reconcile(T0, T0 + 60 * MINUTE)).toMatchObject({ differences: [] });
  });

  test('two processes at once', async () => {
    steady(0, 200);
    const both = [fixture.fresh({ pagesAtOnce: 7 }), fixture.fresh({ pagesAtOnce: 5 })];
    await Promise.all(both.map((mediation) => mediation.run(NO_FENCE)));
    const records = await fixture.latest(port.in);
    expect(records.map((record) => record.version)).toEqual(records.map(() => 1));
    expect(records.reduce((sum, record) => sum + record.octets.good, 0n)).toBe(200n * 60n);
  });

  test('whoever has lost the lease writes nothing', async () => {
    await migrate(server.database, leaseMigrations);
    const leases = new Leases(server.database);
    const lease = await leases.acquire('mediate', 'a', 60_000);
    if (lease === null) throw new Error('not granted');
    await leases.release(lease);
    await leases.acquire('mediate', 'b', 60_000);
    steady(0, 10);
    const fence = (connection: Parameters<typeof leases.assertHeld>[0]): Promise<void> =>
      leases.assertHeld(connection, lease);
    await expect(fixture.run(fence)).rejects.toMatchObject({ code: 'lease_lost' });
    expect(await fixture.told(port.in)).toEqual([]);
    await fixture.run();
    expect(await fixture.told(port.in)).toHaveLength(2);
  });

  test('an aborted run stops between answers', async () => {
    steady(0, 10);
    expect(await fixture.mediation.run(NO_FENCE, AbortSignal.abort())).toMatchObject({ pages: 0 });
  });

  test.each([false, true])(
    'a crash at any query, and a run after it (after the query: %s)',
    { timeout: 120_000 },
    async (after) => {
      const expected = [
        '0 v2: good 300, 5 min',
        '5 v1: good 300, 5 min',
        '10 v1: good 300, 5 min',
        '15 v2: good 120 gap 180, 5 min gap 3',
        '20 v1: good 180 gap 120, 5 min gap 2',
      ];
      for (let failAt = 0; ; failAt += 1) {
        fixture = await MediationFixture.beside(server.database);
        layout = fixture.source.layout(`c${fixture.source.port('x', 'x').in}`, [{ name: 'a' }]);
        const name = `c${fixture.source.port('x', 'x').in}`;
        port = fixture.source.port(name, 'a');
        steady(0, 2);
        steady(4, 17);
        fixture.source.watermark(name, T0 + 30 * MINUTE);
        await fixture.run();
        steady(3, 3);
        steady(22, 27);
        const broken = new FailingDatabase(server.database, failAt, after);
        await fixture
          .fresh({ pagesAtOnce: 3 }, broken)
          .run(NO_FENCE)
          .catch((error: unknown) => expect(String(error)).toContain('died here'));
        await fixture.run();
        expect(await fixture.told(port.in)).toEqual(expected);
        expect(await fixture.store.conservation([port.in, port.out], T0, T0 + 60 * MINUTE)).toEqual([]);
        if (!broken.failed) break;
        expect(failAt).toBeLessThan(300);
      }
    },
  );
});

describe('refusals', () => {
  test('another grid than usage was counted on', async () => {
    steady(0, 5);
    await fixture.run();
    const other = fixture.fresh({ bucketMs: MINUTE });
    await expect(other.run(NO_FENCE)).rejects.toMatchObject({ code: 'contract_change_refused' });
  });

  test('a meter that is another port now, or a port that is another meter', async () => {
    steady(0, 5);
    await fixture.run();
    const { source } = fixture;
    const known = source.layouts.get(layout);
    if (known === undefined) throw new Error('no layout');
    for (const [at, change] of [
      { interfaceKey: 'other' },
      { meters: { in: port.in + 5000, out: port.out + 5000 } },
    ].entries()) {
      const id = layout + 500 + at;
      source.layouts.set(id, { ...known, id, rows: known.rows.map((row) => ({ ...row, ...change })) });
      const cursor = source.events.length;
      source.poll({ layout: id, atMs: T0 + 6 * MINUTE, octets: [[1n, 1n]] });
      await expect(fixture.run()).rejects.toMatchObject({ code: 'meter_changed' });
      source.events = source.events.slice(0, cursor);
    }
    expect(await fixture.told(port.in)).toEqual(['0 v1: good 300, 5 min']);
  });

  test('a page that does not hold what its layout says', async () => {
    steady(0, 5);
    const page = fixture.source.page({ layout, atMs: T0 + 6 * MINUTE, octets: [[1n, 1n]] });
    fixture.source.add({ ...page, values: page.values.slice(0, 8) });
    await expect(fixture.run()).rejects.toMatchObject({ code: 'collector_answer_unusable' });
    expect(await fixture.told(port.in)).toEqual([]);
  });
});

describe('bounds', () => {
  test('a gap over more buckets than are kept in memory is written in pieces', async () => {
    const buckets = 25_000;
    poll(0, 0n);
    poll(5 * buckets, 25_000n * 7n);
    expect(await fixture.run()).toMatchObject({ records: 2 * buckets });
    const end = T0 + buckets * BUCKET;
    expect((await fixture.store.totals(T0, end)).find((total) => total.meter.id === port.in)?.octets).toBe(175_000n);
    expect(await fixture.store.conservation([port.in, port.out], T0 + 40 * 86_400_000, T0 + 41 * 86_400_000)).toEqual(
      [],
    );
  });

  test('meters that are gone for days are put apart and found again when they come back', async () => {
    const { source } = fixture;
    const both = source.layout(device, [{ name: 'ge-0/0/0' }, { name: 'ppp1' }]);
    const session = source.port(device, 'ppp1');
    source.poll({
      layout: both,
      atMs: T0,
      octets: [
        [0n, 0n],
        [0n, 0n],
      ],
      intervalMs: 3_600_000,
    });
    for (let hour = 1; hour <= 72; hour += 1) {
      source.poll({ layout, atMs: T0 + hour * 60 * MINUTE, octets: [[0n, 0n]], intervalMs: 3_600_000 });
      source.watermark(device, T0 + hour * 60 * MINUTE);
    }
    await fixture.run();
    const { rows } = await server.database.query<{ meters: number; dormant: number }>(
      'select length(meters) as meters, length(dormant) as dormant from usage.device where device = $1',
      [device],
    );
    expect(rows[0]?.dormant).toBeGreaterThan(60);
    fixture.mediation = fixture.fresh();
    source.poll({
      layout: both,
      atMs: T0 + 73 * 60 * MINUTE,
      octets: [
        [0n, 0n],
        [876n, 0n],
      ],
      intervalMs: 3_600_000,
    });
    await fixture.run();
    expect(
      (await fixture.store.totals(T0, T0 + 73 * 60 * MINUTE)).find((one) => one.meter.id === session.in)?.octets,
    ).toBe(876n);
    expect(await fixture.store.conservation([session.in], T0, T0 + 100 * 60 * MINUTE)).toEqual([]);
    const after = await server.database.query<{ dormant: number }>(
      'select length(dormant) as dormant from usage.device where device = $1',
      [device],
    );
    expect(after.rows[0]?.dormant).toBeLessThan(rows[0]?.dormant ?? 0);
  });
});

describe('killed', () => {
  let program: BundledProgram;
  beforeAll(async () => {
    program = await bundledProgram('mediate-until-killed.ts');
  }, 60_000);
  afterAll(() => program.remove());

  test('SIGKILL at any moment, started again and again: every octet once', { timeout: 120_000 }, async () => {
    await MediationFixture.empty(server.database);
    let commits = 0;
    for (let life = 0; life < 12; life += 1) {
      const child = program.start([server.url, '400']);
      const ended = new Promise((resolve) => child.once('close', resolve));
      // Each life gets a few transactions further and dies somewhere in one.
      const wanted = 1 + (life % 4);
      let seen = 0;
      for await (const chunk of child.stdout) {
        seen += String(chunk).split('\n').length - 1;
        if (seen < wanted) continue;
        child.kill('SIGKILL');
        break;
      }
      commits += seen;
      await ended;
    }
    expect(commits).toBeGreaterThan(12);
    const child = program.start([server.url, '0']);
    child.stdout.resume();
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
    const { rows } = await server.database.query<{ octets: string; most: number; records: bigint; last: bigint }>(
      `select sum(good) as octets, max(version) as most, count(*) as records, max(serial) as last from usage.record`,
    );
    // 4 meters, 1,000 minutes of 60 octets.
    expect(rows[0]).toMatchObject({ octets: String(4 * 1000 * 60), most: 1 });
    expect(rows[0]?.last).toBe(rows[0]?.records);
  });
});
