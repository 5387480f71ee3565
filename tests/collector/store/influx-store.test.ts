// The store on InfluxDB against the conformance suite with a real influxd, and what only it has: refused lines, outages, servers that say no.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { appliedMigrations, claim, projectionPosition, setPosition } from '../../../collector/project/applied.ts';
import { influxMigrations, listRejected } from '../../../collector/store/influx-book.ts';
import { influxConfigOf, influxSchema } from '../../../collector/store/influx-config.ts';
import type { JournaledBatch } from '../../../collector/project/projection.ts';
import { InfluxStore } from '../../../collector/store/influx-store.ts';
import { migrate } from '../../../common/database/migrate.ts';
import type { Point } from '../../../common/model/point.ts';
import { type Clock, SystemClock } from '../../../common/runtime/clock.ts';
import { codeOf } from '../../../common/runtime/errors.ts';
import { metricStoreConformance } from '../../conformance/metric-store.ts';
import { type RealServer, startInfluxDb, startVictoriaMetrics } from '../../support/real-influxdb.ts';
import { TcpRelay } from '../../support/tcp-relay.ts';
import { interfacePoll, journalEntry } from '../../support/poll-builder.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { describeWith } from '../../support/requirements.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

let postgres: TestDatabase;
beforeAll(async () => {
  postgres = await startTestDatabase();
  await migrate(postgres.database, [...appliedMigrations, ...influxMigrations]);
});
afterAll(() => postgres.stop());

async function forgetAll(): Promise<void> {
  await postgres.database.query(
    `truncate readings.applied_mark, readings.projection_position, readings.influx_resource, readings.influx_point_place,
              readings.influx_rejected_line`,
  );
}

function storeOn(
  words: Readonly<Record<string, unknown>>,
  clock: Clock = new SystemClock(),
  readingsAtOnce?: number,
): InfluxStore {
  const config = influxConfigOf(influxSchema.parse(words), 0, (reference) => reference);
  return new InfluxStore(silentReporter().reporter, config, {
    clock,
    database: postgres.database,
    claim,
    positionOf: projectionPosition,
    setPosition,
    ...(readingsAtOnce === undefined ? {} : { readingsAtOnce }),
  });
}

describeWith('influxdb', 'a real influxd', () => {
  let influx: RealServer;
  let databases = 0;
  beforeAll(async () => {
    influx = await startInfluxDb();
  });
  afterAll(() => influx.stop());

  async function freshDatabase(): Promise<string> {
    await forgetAll();
    const database = `weir ${(databases += 1)}`;
    await influx.query(`create database "${database}"`);
    return database;
  }

  // Asked window after window, as only long spans are else: the answers must be the same.
  describe('conformance', () => {
    metricStoreConformance(async () => {
      const database = await freshDatabase();
      const open = (): InfluxStore => storeOn({ url: influx.url, version: 1, database }, undefined, 40);
      let store = open();
      return {
        store,
        reopen: async () => {
          await store.stop();
          store = open();
          return store;
        },
        discard: async () => {
          await store.stop();
          await influx.query(`drop database "${database}"`);
        },
      };
    });
  });

  test('lines that are refused are set aside with the reason, all others are stored, in any place of the body', async () => {
    const database = await freshDatabase();
    const store = storeOn({ url: influx.url, version: 1, database });
    const idle = (atMs: number, value: number | string): Point => ({
      measurement: 'cpu',
      tags: [['host', 'a']],
      fields: [['idle', value]],
      atMs,
    });
    await store.apply([pointsEntry(1, [idle(T0, 1)])]);
    const bad = new Set([3, 4, 9, 63, 64, 99]);
    // A field of numbers is sent as text: a conflict of types, as two versions of a program make it.
    const points = Array.from({ length: 100 }, (_, at) => idle(T0 + (at + 1) * 1000, bad.has(at) ? 'idle' : at));
    const huge = { ...idle(T0, 1), fields: [['octets', 2n ** 63n]] as const };
    const long = { ...idle(T0, 1), tags: [['host', 'x'.repeat(70_000)]] as const };
    await store.apply([pointsEntry(2, points), pointsEntry(3, [huge, long, idle(T0 + 200_000, 200)])]);
    expect(await store.position('journal-1')).toBe(3);
    const { points: read } = await store.series({
      metric: 'point.cpu.idle',
      resource: 'points/host=a',
      fromMs: T0,
      toMs: T0 + 201_000,
      stepMs: 1000,
      function: 'last',
    });
    for (const at of [0, 5, 62, 98]) expect(read[at + 1]?.value).toBe(at);
    expect(read[200]?.value).toBe(200);
    const kept = await listRejected(postgres.database, 0, 100);
    expect(kept.map((one) => one.position).toSorted((a, b) => a - b)).toEqual([
      ...Array.from({ length: 6 }, () => 2),
      3,
      3,
    ]);
    expect(kept.filter((one) => one.reason.includes('field type conflict'))).toHaveLength(bad.size);
    expect(kept.filter((one) => one.reason.includes('64 bits'))).toHaveLength(1);
    expect(kept.filter((one) => one.reason.includes('octets, 65536 are the most'))).toHaveLength(1);
  });

  test("a database that is missing is nobody's line: nothing is set aside, nothing counts as applied, and it goes on once it is there", async () => {
    await forgetAll();
    const database = 'made later';
    const store = storeOn({ url: influx.url, version: 1, database });
    const entries = steady('core1', 2);
    await expect(store.apply(entries)).rejects.toMatchObject({ code: 'store_refused' });
    expect([await store.position('journal-1'), await listRejected(postgres.database, 0, 10)]).toEqual([0, []]);
    await influx.query(`create database "${database}"`);
    await store.apply(entries);
    expect(await octetsOf(store, 'core1', 2)).toBe('600');
  });

  test('names that line protocol and InfluxQL have no word for come back as they are', async () => {
    const database = await freshDatabase();
    const store = storeOn({ url: influx.url, version: 1, database });
    const names = [
      "it's",
      'a,b=c d',
      'back\\slash\\',
      '"quoted"',
      'per%5Cent',
      'per%cent',
      'back%5Cslash%5C',
      'Ünïcode/1',
      "\\'; drop",
    ];
    const polls = [0, 1].map((minute) =>
      interfacePoll({
        device: 'core1',
        atMs: T0 + minute * MINUTE,
        interfaces: names.map((key, at) => ({ key, inOctets: BigInt(minute * (at + 1) * 60) })),
      }),
    );
    const text = (measurement: string, tag: string): Point => ({
      measurement,
      tags: [[tag, tag]],
      fields: [[tag, 1]],
      atMs: T0,
    });
    const odd = ['#comment', 'weir_interface', 'a b,c', 'end\\'];
    await store.apply([
      journalEntry({ position: 1, polls }),
      pointsEntry(
        2,
        odd.map((one) => text(one, one)),
      ),
    ]);
    expect(await listRejected(postgres.database, 0, 10)).toEqual([]);
    const resources = (await store.catalogue({ metric: 'in_octets', limit: 100 })).map((one) => one.resource);
    expect(resources).toHaveLength(names.length);
    const query = { metric: 'in_octets', fromMs: T0, toMs: T0 + MINUTE, stepMs: MINUTE, function: 'avg' as const };
    const values = (await store.many({ ...query, resources })).map((one) => one.points[0]?.value);
    expect(values.map(Number).toSorted((a, b) => a - b)).toEqual(names.map((_, at) => at + 1));
    for (const one of odd) {
      const metric = `point.${one}.${one}`;
      const [known] = await store.catalogue({ metric, limit: 1 });
      const last = await store.latest({ metric, resources: [known?.resource ?? ''], sinceMs: T0 });
      expect(
        last.map((found) => found.value),
        metric,
      ).toEqual([1]);
    }
  });

  test('an outage of a day loses nothing: the answers are those of a run without', async () => {
    const day = steady('core1', 1440);
    const relay = new TcpRelay(null);
    await relay.start();
    try {
      const undisturbed = storeOn({ url: influx.url, version: 1, database: await freshDatabase() });
      await undisturbed.apply(day);
      const wanted = await answersOf(undisturbed);
      const database = await freshDatabase();
      const clock = new VirtualClock(T0);
      const store = storeOn({ url: `http://127.0.0.1:${relay.port}`, version: 1, database }, clock);
      relay.lead(influx.port);
      await store.apply(day.slice(0, 100));
      relay.lead(null);
      let failures = 0;
      // The journal keeps what the loop asks for again, every half hour of this day.
      for (let hours = 0; hours < 24; hours += 0.5) {
        await store.apply(day.slice(100, 356)).catch(() => (failures += 1));
        await clock.advance(1_800_000);
      }
      expect([failures, await store.position('journal-1')]).toEqual([48, 100]);
      relay.lead(influx.port);
      let position = 100;
      // It dies once more in the midst of it.
      setTimeout(() => relay.lead(null), 15);
      setTimeout(() => relay.lead(influx.port), 150);
      for (let tries = 0; position < day.length && tries < 1000; tries += 1) {
        await store
          .apply(day.slice(position, position + 64))
          .catch(() => new Promise((resolve) => setTimeout(resolve, 20)));
        position = await store.position('journal-1');
      }
      expect(await answersOf(store)).toEqual(wanted);
      expect(await listRejected(postgres.database, 0, 10)).toEqual([]);
    } finally {
      await relay.stop();
    }
  }, 60_000);
});

describeWith('victoria-metrics', 'a real VictoriaMetrics', () => {
  test('is written to, and says by a code that it is not read', async () => {
    await forgetAll();
    const victoria = await startVictoriaMetrics();
    try {
      const store = storeOn({ url: victoria.url, version: 'victoriametrics' });
      const cpu = { measurement: 'cpu', tags: [['host', 'a']] as const, atMs: T0 };
      await store.apply([...steady('core1', 3), pointsEntry(4, [{ ...cpu, fields: [['idle', 12.5]] }])]);
      expect(await store.position('journal-1')).toBe(4);
      await victoria.ask('/internal/force_flush');
      const exported = async (match: string): Promise<z.output<typeof exportAnswer>> =>
        exportAnswer.parse(
          JSON.parse(
            await victoria.ask(`/api/v1/export?${new URLSearchParams({ 'match[]': match, start: '0' }).toString()}`),
          ),
        );
      const octets = await exported('weir_interface_in_octets{device="core1",interface="p1"}');
      expect(octets.timestamps).toEqual([T0, T0 + MINUTE, T0 + 2 * MINUTE]);
      // It has floats only, which this close to 2^63 are a thousand apart.
      for (const [at, value] of octets.values.entries())
        expect(Math.abs(value - Number(2n ** 63n - 50_000n + BigInt(at) * 600n))).toBeLessThan(4096);
      expect((await exported('weir_device_reachable{device="core1"}')).values).toEqual([1, 1, 1]);
      expect((await exported('cpu_idle{host="a"}')).values).toEqual([12.5]);
      const query = { metric: 'in_octets', fromMs: T0, toMs: T0 + MINUTE };
      for (const asked of [
        store.series({ ...query, resource: 'core1/p1', function: 'avg' }),
        store.top({ ...query, limit: 1 }),
        store.latest({ metric: 'in_octets', resources: ['core1/p1'], sinceMs: T0 }),
      ])
        await expect(asked).rejects.toMatchObject({ code: 'store_reads_unsupported' });
      expect((await store.catalogue({ metric: 'in_octets', limit: 5 })).map((one) => one.resource)).toEqual([
        'core1/p1',
      ]);
    } finally {
      await victoria.stop();
    }
  }, 60_000);
});

describe('a server in trouble', () => {
  let answer: { status: number; after: string } | null;
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    request.resume();
    if (answer !== null) response.writeHead(answer.status, { 'retry-after': answer.after }).end('{}');
  });
  const urlOf = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  test('is left alone for as long as it asks for', async () => {
    await forgetAll();
    const clock = new VirtualClock(T0);
    const store = storeOn({ url: urlOf(), version: 1, database: 'd' }, clock);
    requests = 0;
    answer = { status: 503, after: '90' };
    await expect(store.apply(steady('core1', 1))).rejects.toMatchObject({ code: 'store_unavailable' });
    answer = { status: 204, after: '0' };
    const again = store.apply(steady('core1', 1));
    await clock.advance(89_000);
    expect(requests).toBe(1);
    await clock.advance(1000);
    await again;
    expect([requests, await store.position('journal-1')]).toEqual([2, 1]);
  });

  test('that never answers holds no connection and no row of the database meanwhile', async () => {
    await forgetAll();
    const store = storeOn({ url: urlOf(), version: 1, database: 'd', timeout_ms: 1500 });
    answer = null;
    requests = 0;
    const hanging = store.apply(steady('core1', 1)).catch((error: unknown) => codeOf(error));
    while (requests === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const { rows } = await postgres.database.query(
      `select 1 from pg_stat_activity where state like 'idle in transaction%' and application_name = 'weir-test'`,
    );
    expect(rows).toEqual([]);
    // Another collector that has the same batch goes ahead.
    await postgres.database.transaction((connection) => claim(connection, 'store', steady('core1', 1)));
    expect(await hanging).toBe('store_unavailable');
  });
});

const exportAnswer = z.object({ values: z.array(z.number()), timestamps: z.array(z.number()) });
const T0 = 1_790_000_000_000 - (1_790_000_000_000 % 3_600_000);
const MINUTE = 60_000;

function pointsEntry(position: number, points: readonly Point[]): JournaledBatch {
  return { ...journalEntry({ position, polls: [] }), points: { source: 'telegraf', points } };
}

/** One poll a minute, ten octets a second, near the top of what a counter can hold. */
function steady(device: string, count: number): JournaledBatch[] {
  return Array.from({ length: count }, (_, at) => {
    const interfaces = [{ key: 'p1', inOctets: 2n ** 63n - 50_000n + BigInt(at) * 600n, speedBps: 1e9 }];
    const poll = interfacePoll({ device, atMs: T0 + at * MINUTE, interfaces });
    return journalEntry({ position: at + 1, polls: [poll] });
  });
}

async function octetsOf(store: InfluxStore, device: string, minutes: number): Promise<unknown> {
  const query = { metric: 'in_octets', resource: `${device}/p1`, fromMs: T0, function: 'delta' as const };
  const { points } = await store.series({ ...query, toMs: T0 + minutes * MINUTE, stepMs: minutes * MINUTE });
  return points[0]?.value;
}

async function answersOf(store: InfluxStore): Promise<unknown> {
  const day = { fromMs: T0, toMs: T0 + 1440 * MINUTE };
  const series = await Promise.all(
    (['avg', 'delta', 'p95', 'last'] as const).map((wanted) =>
      store.series({ metric: 'in_octets', resource: 'core1/p1', ...day, stepMs: MINUTE, function: wanted }),
    ),
  );
  const { points } = series[1] ?? { points: [] };
  expect(points.filter((point) => point.value === '600')).toHaveLength(1439);
  return {
    series,
    top: await store.top({ metric: 'in_octets', ...day, limit: 3 }),
    latest: await store.latest({ metric: 'in_octets', resources: ['core1/p1'], sinceMs: T0 }),
    catalogue: await store.catalogue({ limit: 100 }),
  };
}
