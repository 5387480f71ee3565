// What is metered beside octets, from polls of a power unit and a switch through the readings to usage: as the device said it, in permanent meters.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { MediationRun } from '../../../billing-bridge/mediate/mediation-run.ts';
import { PulledAgainProof } from '../../../billing-bridge/mediate/usage-proof.ts';
import { METERED_CLASSES, meteredRows } from '../../../collector/readings/metered-rows.ts';
import { PostgresReadings } from '../../../collector/readings/postgres-readings.ts';
import type { Column, Poll } from '../../../common/model/poll.ts';
import { BUCKET, MediationFixture, MINUTE, NO_FENCE, T0 } from '../../support/mediation-fixture.ts';
import { interfacePoll, journalEntry, tableAt } from '../../support/poll-builder.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import {
  clearReadings,
  Crash,
  CrashingDatabase,
  migrateReadings,
  readingsProjection,
  withWatermarks,
} from './readings-fixture.ts';

const ALL = new Set(METERED_CLASSES);
const numbers = (name: string, values: readonly number[]): Column => ({
  kind: 'number',
  name,
  values: Float64Array.from(values),
});
const texts = (name: string, values: readonly (string | null)[]): Column => ({ kind: 'text', name, values });

describe('rows of a poll', () => {
  const told = (name: 'outlet' | 'sensor', index: string[], columns: Column[], wanted = ALL): object => {
    const { rows, misfits } = meteredRows(tableAt({ atMs: T0 }, name, index, columns), wanted, []);
    return { rows: rows.map((row) => [row.key, row.class, row.in, row.out]), misfits };
  };

  test('an outlet: its energy, power and current, in mWh, mW and mA', () => {
    const columns = [
      numbers('energyWattHours', [1234.567, 5]),
      numbers('powerWatts', [230.5, Number.NaN]),
      numbers('currentAmperes', [1.002, 0]),
    ];
    expect(told('outlet', ['1', '2'], columns)).toEqual({
      rows: [
        ['outlet:1', 'energy', 1_234_567n, null],
        ['outlet:1', 'power', 230_500n, 230_500n],
        ['outlet:1', 'current', 1002n, 1002n],
        ['outlet:2', 'energy', 5000n, null],
        ['outlet:2', 'current', 0n, 0n],
      ],
      misfits: 0,
    });
  });

  test('all packets: unicast, multicast and broadcast as one counter that wraps as they do, where the profile reads all three', () => {
    const packets = (width: 32 | 64, counters: Readonly<Record<string, bigint>>): object => {
      const [table] = interfacePoll({
        device: 'sw1',
        atMs: T0,
        interfaces: [{ key: 'ge-0', width, inPackets: 2n ** BigInt(width) - 3n, counters }],
      }).tables;
      if (table === undefined) throw new Error('no table');
      const { rows } = meteredRows(table, ALL, ['ge-0']);
      return rows
        .filter((row) => row.class === 'packets' || row.class === 'all_packets')
        .map((row) => [row.class, row.width, row.in, row.out]);
    };
    const wide = { ifHCInMulticastPkts: 4n, ifHCInBroadcastPkts: 5n };
    const unicast = ['packets', 64, 2n ** 64n - 3n, null];
    expect(packets(64, wide)).toEqual([unicast, ['all_packets', 64, 6n, null]]);
    expect(packets(32, { ifInMulticastPkts: 4n, ifInBroadcastPkts: 5n })).toEqual([
      ['packets', 32, 2n ** 32n - 3n, null],
      ['all_packets', 32, 6n, null],
    ]);
    // A sum without one of them would be another quantity.
    expect(packets(64, { ifHCInMulticastPkts: 4n })).toEqual([unicast]);
    expect(packets(64, {})).toEqual([unicast]);
  });

  test('what no meter counts is told: negative, and beyond all measure', () => {
    expect(told('outlet', ['1', '2'], [numbers('powerWatts', [-1, 1e300])])).toEqual({ rows: [], misfits: 2 });
  });

  test('sensors by their unit; a current only beside energy: that of a laser is nobody’s bill', () => {
    const sensors = (kinds: string[], units: string[]): Column[] => [
      texts('class', kinds),
      texts('unit', units),
      numbers(
        'value',
        kinds.map(() => 2.5),
      ),
    ];
    expect(
      told(
        'sensor',
        ['a', 'b', 'c', 'd'],
        sensors(['power_consumed', 'energy', 'power', 'current'], ['kWh', 'Wh', 'W', 'A']),
      ),
    ).toMatchObject({
      rows: [
        ['sensor:a', 'energy', 2_500_000n, null],
        ['sensor:b', 'energy', 2500n, null],
        ['sensor:c', 'power', 2500n, 2500n],
        ['sensor:d', 'current', 2500n, 2500n],
      ],
    });
    expect(told('sensor', ['a', 'b'], sensors(['current', 'temperature'], ['A', '°C']))).toMatchObject({ rows: [] });
  });

  test('only what is wanted', () => {
    expect(
      told(
        'outlet',
        ['1'],
        [numbers('powerWatts', [5]), numbers('currentAmperes', [1])],
        new Set(['current'] as const),
      ),
    ).toMatchObject({
      rows: [['outlet:1', 'current', 1000n, 1000n]],
    });
  });
});

let server: TestDatabase;
beforeAll(async () => {
  server = await startTestDatabase();
  await migrateReadings(server.database);
});
afterAll(() => server.stop());
beforeEach(() => clearReadings(server.database));

/** Outlets of a power unit: W and Wh. */
function pduPoll(minute: number, outlets: Readonly<Record<string, readonly [watts: number, wattHours: number]>>): Poll {
  const atMs = T0 + minute * MINUTE;
  const index = Object.keys(outlets);
  const table = tableAt({ atMs, uptimeTicks: 1_000_000 + minute * 6000 }, 'outlet', index, [
    texts(
      'description',
      index.map((name) => `Outlet ${name}`),
    ),
    numbers(
      'powerWatts',
      index.map((name) => outlets[name]?.[0] ?? Number.NaN),
    ),
    numbers(
      'energyWattHours',
      index.map((name) => outlets[name]?.[1] ?? Number.NaN),
    ),
  ]);
  return interfacePoll({ device: 'pdu1', atMs, tables: [table] });
}

const entries = (polls: readonly Poll[], first = 1): ReturnType<typeof journalEntry>[] =>
  polls.map((poll, at) => withWatermarks(journalEntry({ position: first + at, sequence: first + at, polls: [poll] })));

async function meters(): Promise<string[]> {
  const { rows } = await server.database.query<{
    key: string;
    class: string;
    meter_in: number;
    meter_out: number | null;
  }>('select key, class, meter_in, meter_out from readings.metered order by id');
  return rows.map((row) => `${row.key} ${row.class} ${row.meter_in} ${row.meter_out ?? '-'}`);
}

test('outlets become usage; one that is silent for a poll keeps its place, one that comes joins; after a restart the meters are the same', async () => {
  const { store, clock, reporter } = await MediationFixture.empty(server.database);
  const { database } = server;
  const source = new PostgresReadings({ database });
  const bridge = new MediationRun(reporter, { bucketMs: BUCKET }, { database, source, clock });
  const wanted = ['energy', 'power'] as const;
  const projection = readingsProjection(database, [], silentReporter().reporter, wanted);
  await projection.apply(
    entries([
      pduPoll(0, { 1: [600, 1000], 2: [60, 50] }),
      pduPoll(1, { 1: [600, 1010] }),
      pduPoll(2, { 1: [600, 1020], 2: [60, 52] }),
    ]),
  );
  const before = await meters();
  expect(before).toEqual(['outlet:1 energy 1 -', 'outlet:1 power 2 3', 'outlet:2 energy 4 -', 'outlet:2 power 5 6']);
  const again = readingsProjection(database, [], silentReporter().reporter, wanted);
  await again.apply(
    entries(
      [pduPoll(3, { 1: [600, 1030], 2: [60, 53], 3: [5, 7] }), pduPoll(4, { 2: [60, 54], 1: [1200, 1040], 3: [5, 7] })],
      4,
    ),
  );
  await again.apply(
    entries([pduPoll(5, { 1: [1200, 3], 2: [60, 55], 3: [5, 8] }), pduPoll(6, { 1: [1200, 23], 2: [60, 56] })], 6),
  );
  expect((await meters()).slice(0, 4)).toEqual(before);
  expect(await meters()).toHaveLength(6);
  const { rows: layouts } = await database.query('select id from readings.layout');
  expect(layouts).toHaveLength(2);

  await bridge.run(NO_FENCE);
  const all = await store.allMeters();
  const of = (key: string, meterClass: string, direction = 'in'): number =>
    all.find((one) => one.interfaceKey === key && one.class === meterClass && one.direction === direction)?.id ?? 0;
  const sums = async (meter: number): Promise<bigint[]> =>
    (await store.latest([meter], T0, T0 + 2 * BUCKET)).map(({ octets }) => octets.good + octets.gap);
  // Four spans of 10 Wh; the fifth lost to the reset by hand.
  expect(await sums(of('outlet:1', 'energy'))).toEqual([40_000n]);
  expect(await sums(of('outlet:1', 'power'))).toEqual([600_000n * 4n * 60_000n + 1_200_000n * 60_000n]);
  expect(await sums(of('outlet:1', 'power', 'out'))).toEqual([
    600_000n * 3n * 60_000n + 900_000n * 60_000n + 1_200_000n * 60_000n,
  ]);
  expect(await sums(of('outlet:2', 'energy'))).toEqual([5000n]);
  const proof = new PulledAgainProof({ bucketMs: BUCKET }, { database, source, clock });
  expect((await proof.reconcile(T0, T0 + 86_400_000)).differences).toEqual([]);
  // The readings behind, with what they are.
  const readings = await source.ofMeter({
    meter: of('outlet:1', 'power', 'out'),
    fromMs: T0,
    toMs: T0 + MINUTE,
    withNeighbours: false,
    cursor: null,
    limit: 10,
  });
  expect(readings.items).toMatchObject([
    { value: '600000', integration: 'trapezoid', uptimeTicks: 1_000_000, width: 64 },
  ]);
});

test('rows that are called alike are one meter, the first of them, and hold up nothing', async () => {
  const poll = pduPoll(0, { '1': [10, 100], '1\u0000': [20, 200], '2': [30, 300] });
  await readingsProjection(server.database, [], silentReporter().reporter, ['energy']).apply(entries([poll]));
  expect((await meters()).map((meter) => meter.split(' ').slice(0, 2).join(' '))).toEqual([
    'outlet:1 energy',
    'outlet:2 energy',
  ]);
});

test('a crash at any query leaves meters and pages once', async () => {
  const polls = entries([pduPoll(0, { 1: [1, 1] }), pduPoll(1, { 1: [2, 2], 2: [3, 3] })]);
  for (let query = 1; ; query += 2) {
    await clearReadings(server.database);
    const crashing = new CrashingDatabase(server.database);
    const projection = readingsProjection(crashing, [], silentReporter().reporter, ['power']);
    crashing.queriesLeft = query;
    const crashed = await projection.apply(polls).then(
      () => false,
      (error: unknown) => error instanceof Crash,
    );
    crashing.queriesLeft = Number.POSITIVE_INFINITY;
    await projection.apply(polls);
    const { rows } = await server.database.query<{ pages: bigint }>('select count(*) as pages from readings.page');
    expect([(await meters()).length, Number(rows[0]?.pages)]).toEqual([2, 2]);
    if (!crashed) break;
  }
});

test('packets, ports that are up and uptime of a switch, where they are wanted, beside the octets', async () => {
  const { database } = server;
  const poll = (minute: number, oper: number): Poll =>
    interfacePoll({
      device: 'sw1',
      atMs: T0 + minute * MINUTE,
      uptimeTicks: 500 + minute * 6000,
      interfaces: [{ key: 'ge-0', inOctets: 5n, outOctets: 6n, inPackets: BigInt(minute) * 10n, oper }],
    });
  const { reporter } = silentReporter();
  await readingsProjection(database, [], reporter, ['packets', 'ports', 'uptime']).apply(
    entries([poll(0, 1), poll(1, 2)]),
  );
  const source = new PostgresReadings({ database });
  const { items, layouts } = await source.after(null, 100);
  expect(items).toHaveLength(4);
  const others = layouts.find(({ rows }) => rows[0]?.class !== undefined);
  expect(others?.rows.map((row) => [row.interfaceKey, row.class, row.meters.out === 0])).toEqual([
    ['ge-0', 'packets', false],
    ['ge-0', 'ports', false],
    ['system', 'uptime', true],
  ]);
  const values = async (place: number): Promise<string[]> => {
    const query = { fromMs: T0, toMs: T0 + BUCKET, withNeighbours: false, cursor: null, limit: 10 };
    return (await source.ofMeter({ meter: others?.rows[place]?.meters.in ?? 0, ...query })).items.map(
      ({ value }) => value,
    );
  };
  expect([await values(0), await values(1), await values(2)]).toEqual([
    ['0', '10'],
    ['1', '0'],
    ['500', '6500'],
  ]);
});
