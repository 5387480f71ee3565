// The readings projection on a real PostgreSQL: pages as the bridge reads them, layouts, replays, crashes, several collectors.
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { JournaledBatch } from '../../../collector/project/projection.ts';
import { PostgresReadings } from '../../../collector/readings/postgres-readings.ts';
import type { Poll, Table } from '../../../common/model/poll.ts';
import { decodeBatch, encodeBatch } from '../../../common/wire/batch-codec.ts';
import { interfacePoll, journalEntry } from '../../support/poll-builder.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import {
  clearReadings,
  Crash,
  CrashingDatabase,
  migrateReadings,
  MINUTE,
  type Port,
  portsPoll,
  type Published,
  readAll,
  type ReadRow,
  readingsProjection,
  rowsOf,
  START_MS,
  withWatermarks,
} from './readings-fixture.ts';

let postgres: TestDatabase;
let readings: PostgresReadings;

beforeAll(async () => {
  postgres = await startTestDatabase();
  await migrateReadings(postgres.database);
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  await clearReadings(postgres.database);
  readings = new PostgresReadings({ database: postgres.database });
});

const port = (number: number, more: Partial<Port> = {}): Port => ({
  ifIndex: String(number),
  ifName: `p${number}`,
  in: BigInt(number),
  out: BigInt(number) * 2n,
  speedBps: 1e9,
  ...more,
});

/** Entries of one poll each, a minute apart, from position 1. */
function entriesOf(polls: readonly Poll[]): JournaledBatch[] {
  return polls.map((poll, at) => withWatermarks(journalEntry({ position: at + 1, polls: [poll] })));
}

const at = (minute: number): number => START_MS + minute * MINUTE;

async function pages(): Promise<ReadRow[][]> {
  const { answers } = await readAll(readings);
  const layouts = answers.flatMap((answer) => answer.layouts);
  return answers.flatMap((answer) => rowsOf(answer, layouts));
}

/** Every row of every table by names instead of ids, which a transaction that failed uses up. */
async function contents(): Promise<Record<string, unknown[]>> {
  const tables = {
    device: 'select * from inventory.device order by name',
    interface: `select device.name as of, interface.* from inventory.interface interface
                  join inventory.device device on device.id = interface.device order by device.name, key`,
    meters: `select count(*), count(distinct meter) from inventory.interface, unnest(array[meter_in, meter_out]) as meter`,
    batch: `select stream.agent, stream.incarnation, journal.name, batch.* from readings.batch batch
              join readings.stream stream on stream.id = batch.stream
              join readings.journal journal on journal.id = batch.journal order by agent, incarnation, sequence`,
    layout: `select device.name as of, rows::text from readings.layout layout
               join inventory.device device on device.id = layout.device order by of, layout.id`,
    page: `select journal.name, device.name as of, layout.rows::text as rows, page.* from readings.page page
             join readings.journal journal on journal.id = page.journal
             join inventory.device device on device.id = page.device
             join readings.layout layout on layout.id = page.layout order by name, position, ordinal`,
    journal: 'select name, pages, last_observed_at_ms from readings.journal order by name',
    waiting: 'select sequence, complete_until_ms from readings.waiting_watermark order by sequence',
  };
  const ids = ['id', 'revision', 'device', 'meter_in', 'meter_out', 'stream', 'journal', 'layout'];
  const found: Record<string, unknown[]> = {};
  for (const [name, sql] of Object.entries(tables)) {
    const { rows } = await postgres.database.query(sql);
    found[name] = rows.map((row) =>
      Object.fromEntries(
        Object.entries(row)
          .filter(([key]) => !ids.includes(key))
          .map(([key, value]) => [key, key === 'rows' && typeof value === 'string' ? withoutIds(value) : value]),
      ),
    );
  }
  return found;
}

function withoutIds(json: string): string {
  return json.replaceAll(/"(interfaceId|in|out)":\d+/g, '');
}

describe('pages', () => {
  test('raw counters, clocks and the batch they came in, as the device said them', async () => {
    const ports = [port(1, { discontinuity: 7 }), port(2, { discontinuity: 9 }), port(3, { discontinuity: 9 })];
    const poll = portsPoll({ atMs: at(0), ports, names: true, rowsInSegment: 2, uptimeTicks: 500, monotonicMs: 12.5 });
    const entry = journalEntry({ position: 4, sequence: 9, polls: [poll], clockOffsetMs: 1500 });
    await readingsProjection(postgres.database).apply([{ ...entry, sha256: 'ab'.repeat(32) }]);
    const answer = await readings.after(null, 10);
    expect(answer.items).toMatchObject([
      {
        journal: 'journal-1',
        position: 4,
        ordinal: 0,
        agent: 'agent-1',
        incarnation: 'incarnation-1',
        sequence: 9,
        batchSha256: 'ab'.repeat(32),
        device: 'core1',
        processId: 'process-1',
        intervalMs: MINUTE,
        clockSound: true,
        segments: [
          [0, at(0) - 1500, 12.5, 500],
          [2, at(0) - 1490, 22.5, 501],
        ],
      },
    ]);
    const [rows] = rowsOf(answer);
    expect(rows).toMatchObject([
      { key: 'p1', ifIndex: '1', in: 1n, out: 2n, discontinuity: 7n, width: 64, speedBps: '1000000000' },
      { key: 'p2', ifIndex: '2', in: 2n, out: 4n, discontinuity: 9n },
      { key: 'p3', ifIndex: '3', in: 3n, out: 6n, discontinuity: 9n, uptimeTicks: 501 },
    ]);
    expect(new Set(rows?.flatMap(({ meters }) => [meters.in, meters.out])).size).toBe(6);
    expect(answer.layouts).toMatchObject([{ device: 'core1', rows: [{ ifName: 'p1' }, {}, {}] }]);
  });

  test('a clock more than 2 s off marks the readings', async () => {
    const offsets = [-2001, -2000, 0, 2000, 2001];
    const entries = offsets.map((clockOffsetMs, place) =>
      journalEntry({
        position: place + 1,
        clockOffsetMs,
        polls: [portsPoll({ atMs: at(place), ports: [port(1)] })],
      }),
    );
    await readingsProjection(postgres.database).apply(entries);
    const { items } = await readings.after(null, 10);
    expect(items.map((page) => page.clockSound)).toEqual([false, true, true, true, false]);
  });

  test('a device that answers nothing, or has no octets, has no page; its batch counts as applied', async () => {
    const polls = [
      interfacePoll({ device: 'core1', atMs: at(0), failure: 'snmp_timeout' }),
      portsPoll({ atMs: at(1), ports: [] }),
      portsPoll({ atMs: at(2), ports: [{ ifIndex: '1', ifName: 'lo' }] }),
    ];
    const projection = readingsProjection(postgres.database);
    await projection.apply(entriesOf(polls));
    expect(await pages()).toEqual([]);
    expect(await projection.position('journal-1')).toBe(3);
    expect((await readings.after(null, 10)).watermarks).toEqual({ core1: at(2) });
  });

  test('width is told row by row: wide where the device has it, else narrow; what has none says nothing of its width', async () => {
    const mixed = [port(1), port(2, { width: 32 }), { ifIndex: '3', ifName: 'lo' }];
    const words = { ports: mixed, atMs: at(0) };
    await readingsProjection(postgres.database).apply(
      entriesOf([portsPoll(words), portsPoll({ ...words, atMs: at(1) })]),
    );
    const found = await pages();
    expect(found.map((rows) => rows.map(({ key, width, in: octets }) => [key, width, octets]))).toEqual([
      [
        ['p1', 64, 1n],
        ['p2', 32, 2n],
        ['lo', 64, null],
      ],
      [
        ['p1', 64, 1n],
        ['p2', 32, 2n],
        ['lo', 64, null],
      ],
    ]);
    expect((await readAll(readings)).answers.flatMap((answer) => answer.layouts)).toHaveLength(1);
  });

  test('a row wide in one direction and narrow in the other keeps the wide one, and what is left out is counted', async () => {
    const { reporter } = silentReporter();
    const poll = portsPoll({ atMs: at(0), ports: [port(1), port(2)] });
    const tables = poll.tables.map(
      (table): Table => ({
        ...table,
        columns: table.columns.map((column) =>
          column.kind === 'counter' && column.name === 'ifHCOutOctets'
            ? { ...column, name: 'ifOutOctets', width: 32 }
            : column,
        ),
      }),
    );
    await readingsProjection(postgres.database, [], reporter).apply(entriesOf([{ ...poll, tables }]));
    expect((await pages())[0]).toMatchObject([
      { key: 'p1', width: 64, in: 1n, out: null },
      { key: 'p2', width: 64, in: 2n, out: null },
    ]);
    expect(await reporter.metricsText()).toContain('weir_readings_left_out_total{reason="width"} 2');
  });

  test('any 64-bit values, holes and clocks come back as they went, through the wire of the agent too', async () => {
    const value = fc.oneof(
      fc.constantFrom(0n, 2n ** 32n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    );
    const row = fc.record(
      {
        in: value,
        out: value,
        width: fc.constantFrom(32 as const, 64 as const),
        discontinuity: fc.constantFrom(0, 5, 2 ** 32 - 1),
      },
      { requiredKeys: [] },
    );
    const words = fc.record({
      rows: fc.array(row, { minLength: 1, maxLength: 9 }),
      rowsInSegment: fc.integer({ min: 1, max: 4 }),
      uptimeTicks: fc.constantFrom(0, 77, 2 ** 32 - 100),
      monotonicMs: fc.double({ min: 0, max: 1e12, noNaN: true }),
    });
    let minute = 0;
    const projection = readingsProjection(postgres.database);
    let cursor = (await readings.after(null, 1)).next;
    await fc.assert(
      fc.asyncProperty(words, async ({ rows, ...clocks }) => {
        minute += 1;
        const narrow = (octets: bigint | undefined, width: number | undefined): bigint | undefined =>
          width === 32 && octets !== undefined ? octets % 2n ** 32n : octets;
        const ports = rows.map((one, place): Port => {
          const { in: octetsIn, out: octetsOut, ...rest } = one;
          const [given, sent] = [narrow(octetsIn, one.width), narrow(octetsOut, one.width)];
          const counters = {
            ...(given === undefined ? {} : { in: given }),
            ...(sent === undefined ? {} : { out: sent }),
          };
          return { ifIndex: String(place + 1), ifName: `p${place + 1}`, ...rest, ...counters };
        });
        const entry = journalEntry({ position: minute, polls: [portsPoll({ atMs: at(minute), ports, ...clocks })] });
        await projection.apply([{ ...entry, batch: decodeBatch(encodeBatch(entry.batch)) }]);
        const answer = await readings.after(cursor, 10);
        cursor = answer.next;
        const some = ports.some((one) => one.in !== undefined || one.out !== undefined);
        const expected = ports.map((one, place) => {
          const segment = Math.floor(place / clocks.rowsInSegment);
          return {
            key: one.ifName,
            in: one.in ?? null,
            out: one.out ?? null,
            discontinuity: one.discontinuity === undefined ? null : BigInt(one.discontinuity),
            atMs: at(minute) + segment * 10,
            monotonicMs: clocks.monotonicMs + segment * 10,
            uptimeTicks: clocks.uptimeTicks + segment,
          };
        });
        expect(rowsOf(answer)).toMatchObject(some ? [expected] : []);
      }),
      { numRuns: 120 },
    );
  });

  test('thousands of interfaces, and text that a database cannot hold', async () => {
    const ports = Array.from({ length: 5000 }, (_, number) =>
      port(number + 1, { ifName: `p${number}\0\ud800`, ifAlias: 'ä\0\udfff', in: 2n ** 63n + BigInt(number) }),
    );
    const projection = readingsProjection(postgres.database);
    await projection.apply(
      entriesOf([
        portsPoll({ atMs: at(0), ports, names: true, rowsInSegment: 40, processId: 'p\0q' }),
        portsPoll({ atMs: at(1), ports, rowsInSegment: 40 }),
      ]),
    );
    const [first, second] = await pages();
    expect(first).toHaveLength(5000);
    expect(second?.[4999]).toMatchObject({ key: 'p4999', in: 2n ** 63n + 4999n });
    expect(new Set(second?.map((row) => row.meters.in)).size).toBe(5000);
  });
});

describe('rows that do not say whose they are', () => {
  test('take the names of the same poll; without them they are left out and counted, and the next poll spans them', async () => {
    const { reporter } = silentReporter();
    const ports = [port(1), port(2)];
    const projection = readingsProjection(postgres.database, [], reporter);
    await projection.apply(
      entriesOf([
        portsPoll({ atMs: at(0), ports, keyed: false }),
        portsPoll({ atMs: at(1), ports, keyed: false, names: true }),
        portsPoll({ atMs: at(2), ports }),
      ]),
    );
    const found = await pages();
    expect(found.map((rows) => rows.map((row) => row.key))).toEqual([
      ['p1', 'p2'],
      ['p1', 'p2'],
    ]);
    expect(found[0]?.map((row) => row.meters)).toEqual(found[1]?.map((row) => row.meters));
    expect(await reporter.metricsText()).toContain('weir_readings_left_out_total{reason="nameless"} 2');
  });

  test('a row without a key among others does not move the others', async () => {
    const known = [port(1), port(2), port(3)];
    const poll = portsPoll({ atMs: at(1), ports: known, known: [port(1), port(3)], rowsInSegment: 1 });
    await readingsProjection(postgres.database).apply(entriesOf([portsPoll({ atMs: at(0), ports: known }), poll]));
    const [before, after] = await pages();
    expect(after).toMatchObject([
      { key: 'p1', in: 1n, atMs: at(1) },
      { key: 'p3', in: 3n, atMs: at(1) + 20 },
    ]);
    expect(after?.[1]?.meters).toEqual(before?.[2]?.meters);
  });
});

describe('layouts', () => {
  async function layoutIds(polls: readonly Poll[]): Promise<number[]> {
    await readingsProjection(postgres.database).apply(entriesOf(polls));
    return (await readAll(readings)).answers.flatMap((answer) => answer.items.map((page) => page.layout));
  }
  const usual = [port(1), port(2)];

  const cases: readonly {
    readonly what: string;
    readonly ports: readonly Port[];
    readonly makesAnother: boolean;
    readonly names?: boolean;
    readonly complete?: boolean;
    readonly known?: readonly Port[];
  }[] = [
    { what: 'other values', ports: usual.map((one) => ({ ...one, in: 99n, out: 1n })), makesAnother: false },
    { what: 'another status', ports: usual.map((one) => ({ ...one, oper: 2 })), makesAnother: false },
    { what: 'a discontinuity', ports: usual.map((one) => ({ ...one, discontinuity: 5 })), makesAnother: false },
    { what: 'a counter missing', ports: [port(1), { ifIndex: '2', ifName: 'p2', speedBps: 1e9 }], makesAnother: false },
    { what: 'names read again', ports: usual, names: true, makesAnother: false },
    { what: 'a table cut short', ports: [port(1)], complete: false, makesAnother: false },
    { what: 'a table cut short in front', ports: [port(2)], complete: false, makesAnother: false },
    { what: 'an interface more', ports: [...usual, port(3)], makesAnother: true },
    { what: 'an interface less', ports: [port(1)], makesAnother: true },
    { what: 'another ifIndex', ports: [port(1, { ifIndex: '7' }), port(2)], makesAnother: true },
    { what: 'another order', ports: [port(2), port(1)], makesAnother: true },
    { what: 'another alias', ports: [port(1, { ifAlias: 'b' }), port(2)], names: true, makesAnother: true },
    { what: 'another speed', ports: [port(1, { speedBps: 1e10 }), port(2)], makesAnother: true },
    { what: 'another width', ports: [port(1, { width: 32 }), port(2)], makesAnother: true },
    { what: 'another name', ports: [port(1, { ifName: 'q' }), port(2)], names: true, makesAnother: true },
  ];

  test.each(cases)('$what: makes another: $makesAnother', async ({ makesAnother, ...words }) => {
    const before = portsPoll({ atMs: at(0), ports: usual, names: true });
    const [first, second, third] = await layoutIds([
      before,
      portsPoll({ atMs: at(1), ...words }),
      portsPoll({ atMs: at(2), ...words, names: false }),
    ]);
    expect(second === first).toBe(!makesAnother);
    expect(third).toBe(second);
  });

  test('what was before is the layout that was before, also after a restart', async () => {
    const words = [usual, [port(1)], usual, [port(1)], usual];
    const polls = words.map((ports, minute) => portsPoll({ atMs: at(minute), ports }));
    const entries = entriesOf(polls);
    await readingsProjection(postgres.database).apply(entries.slice(0, 3));
    await readingsProjection(postgres.database).apply(entries.slice(3));
    const ids = (await readAll(readings)).answers.flatMap((answer) => answer.items.map((page) => page.layout));
    expect(ids).toEqual([1, 2, 1, 2, 1]);
  });

  test('a table cut short keeps each value with its own meter and clock', async () => {
    const all = [1, 2, 3, 4, 5].map((number) => port(number));
    const some = [port(2), port(3), port(5)];
    await readingsProjection(postgres.database).apply(
      entriesOf([
        portsPoll({ atMs: at(0), ports: all }),
        portsPoll({ atMs: at(1), ports: some, complete: false, rowsInSegment: 1 }),
      ]),
    );
    const [, cut] = await pages();
    expect(cut).toMatchObject([
      { key: 'p1', in: null, out: null },
      { key: 'p2', in: 2n, out: 4n, atMs: at(1) },
      { key: 'p3', in: 3n, out: 6n, atMs: at(1) + 10 },
      { key: 'p4', in: null },
      { key: 'p5', in: 5n, out: 10n, atMs: at(1) + 20 },
    ]);
  });

  test('a poll that comes late has the speeds of its own time and changes nothing of now', async () => {
    const fast = [port(1, { speedBps: 1e10 })];
    await readingsProjection(postgres.database).apply(
      entriesOf([
        portsPoll({ atMs: at(5), ports: fast }),
        portsPoll({ atMs: at(2), ports: [port(1)] }),
        portsPoll({ atMs: at(6), ports: fast }),
      ]),
    );
    expect((await pages()).map(([row]) => row?.speedBps)).toEqual(['10000000000', '1000000000', '10000000000']);
  });
});

describe('once and only once', () => {
  const network = (minutes: number): JournaledBatch[] =>
    Array.from({ length: minutes }, (_, minute) => {
      const polls = ['core1', 'core2'].map((device, place) => {
        if (minute % 5 === 3 + place) return interfacePoll({ device, atMs: at(minute), failure: 'snmp_timeout' });
        const count = minute % 7 === 4 ? 2 : 3;
        const ports = Array.from({ length: count }, (__, number) =>
          port(number + 1, {
            in: BigInt(minute * 1000 + number),
            ...(minute % 4 === 0 ? { ifAlias: `alias ${minute}` } : {}),
          }),
        );
        return portsPoll({ device, atMs: at(minute), ports, names: minute % 4 === 0 });
      });
      return withWatermarks(journalEntry({ position: minute + 1, polls }));
    });
  const entries = network(16);

  async function truth(): Promise<unknown> {
    await clearReadings(postgres.database);
    for (const entry of entries) await readingsProjection(postgres.database).apply([entry]);
    return contents();
  }

  test('any chunks, replays, crashes and restarts come to the same rows', async () => {
    const expected = await truth();
    const plan = fc.record({
      chunks: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 }),
      crashes: fc.array(
        fc.record({
          turn: fc.integer({ min: 0, max: 9 }),
          queries: fc.integer({ min: 1, max: 20 }),
          restart: fc.boolean(),
        }),
        { maxLength: 5 },
      ),
      back: fc.integer({ min: 0, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(plan, async ({ chunks, crashes, back }) => {
        await clearReadings(postgres.database);
        const database = new CrashingDatabase(postgres.database);
        let running = readingsProjection(database);
        for (let turn = 0; ; turn += 1) {
          const position = await running.position('journal-1');
          if (position === entries.length) break;
          const begin = Math.max(0, position - back);
          const chunk = entries.slice(begin, position + (chunks[turn % chunks.length] ?? 1));
          const crash = crashes.find((one) => one.turn === turn);
          database.queriesLeft = crash?.queries ?? Number.POSITIVE_INFINITY;
          await running.apply(chunk).catch((error: unknown) => {
            if (!(error instanceof Crash)) throw error;
          });
          if (crash?.restart === true) running = readingsProjection(database);
        }
        expect(await contents()).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  }, 120_000);

  test('a transaction that fails at any query leaves nothing, and what is kept in memory recovers', async () => {
    const database = new CrashingDatabase(postgres.database);
    const [first, ...rest] = entries;
    if (first === undefined) throw new Error('no entries');
    const running = readingsProjection(database);
    await running.apply([first]);
    const before = await contents();
    let crashes = 0;
    for (;;) {
      database.queriesLeft = crashes + 1;
      const failed = await running.apply(rest.slice(0, 4)).then(
        () => false,
        (error: unknown) => error instanceof Crash && error.message === 'in a query',
      );
      if (!failed) break;
      expect(await contents()).toEqual(before);
      crashes += 1;
    }
    expect(crashes).toBeGreaterThan(8);
    database.queriesLeft = Number.POSITIVE_INFINITY;
    await running.apply(rest.slice(4));
    const found = await contents();
    expect(found).toEqual(await truth());
  });

  test('marks that were lost do not double anything: the batch itself is the key', async () => {
    await readingsProjection(postgres.database).apply(entries);
    const expected = await contents();
    await postgres.database.query('truncate readings.applied_mark, readings.projection_position');
    await readingsProjection(postgres.database).apply(entries);
    expect(await contents()).toEqual(expected);
  });

  test('two collectors with the same batches keep one page of each poll', async () => {
    const [one, other] = [readingsProjection(postgres.database), readingsProjection(postgres.database)];
    const again = entries.map((entry) => ({ ...entry, journal: 'journal-2' }));
    for (let place = 0; place < entries.length; place += 2)
      await Promise.all([one.apply(entries.slice(place, place + 2)), other.apply(again.slice(place, place + 2))]);
    const { answers } = await readAll(readings);
    const keys = answers.flatMap((answer) => answer.items.map((page) => `${page.device} ${page.sequence}`));
    expect(new Set(keys).size).toBe(keys.length);
    const polls = entries.flatMap(({ batch }) => batch.polls).filter((poll) => poll.outcome !== 'failed');
    expect(keys).toHaveLength(polls.length);
    expect([await one.position('journal-1'), await one.position('journal-2')]).toEqual([16, 16]);
    expect((await readings.summary()).pages).toBe(BigInt(polls.length));
  });

  test('the same sequence with another content is refused, a thinned copy is a no-op', async () => {
    const [entry] = entries;
    if (entry === undefined) throw new Error('no entries');
    const projection = readingsProjection(postgres.database);
    await projection.apply([entry]);
    const expected = await contents();
    const other = { ...entry, position: 2, sha256: '1'.repeat(64) };
    await expect(projection.apply([other])).rejects.toMatchObject({ code: 'batch_conflict' });
    expect(await projection.position('journal-1')).toBe(1);
    await projection.apply([{ ...other, batch: { ...other.batch, thinned: true } }]);
    await projection.apply([{ ...other, position: 3, batch: { ...other.batch, polls: [] } }]);
    expect(await projection.position('journal-1')).toBe(3);
    expect(await contents()).toEqual(expected);
    expect(await readings.appliedContent(entry.batch, 1)).toBe('0'.repeat(64));
    expect(await readings.appliedContent(entry.batch, 2)).toBeNull();
    expect(await readings.appliedContent({ agent: 'nobody', incarnation: 'x' }, 1)).toBeNull();
  });

  test('a thinned copy that came first stays: the whole one, in the journal of another collector, is a no-op', async () => {
    const [entry] = entries;
    if (entry === undefined) throw new Error('no entries');
    const [one, other] = [readingsProjection(postgres.database), readingsProjection(postgres.database)];
    const { batch } = entry;
    const thinned = {
      ...entry,
      sha256: '2'.repeat(64),
      batch: { ...batch, thinned: true, polls: batch.polls.slice(1) },
    };
    await one.apply([thinned]);
    const expected = await contents();
    await other.apply([{ ...entry, journal: 'journal-2' }]);
    expect(await other.position('journal-2')).toBe(entry.position);
    expect(await contents()).toEqual(expected);
    expect(await readings.appliedContent(batch, 1)).toBe('2'.repeat(64));
  });
});

describe('live events', () => {
  test('a poll of each device after its commit, and each beginning and end of answering', async () => {
    const published: Published[] = [];
    const database = new CrashingDatabase(postgres.database);
    const projection = readingsProjection(database, published);
    const failed = interfacePoll({ device: 'core1', atMs: at(1), failure: 'snmp_timeout' });
    const polls = [portsPoll({ atMs: at(0), ports: [port(1)] }), failed];
    database.queriesLeft = 8;
    await expect(projection.apply(entriesOf(polls))).rejects.toThrow(Crash);
    expect(published).toEqual([]);
    database.queriesLeft = Number.POSITIVE_INFINITY;
    await projection.apply(entriesOf(polls));
    expect(published.map(({ kind, data }) => [kind, data['device'], data['reachable'] ?? data['outcome']])).toEqual([
      ['device', 'core1', true],
      ['device', 'core1', false],
      ['poll', 'core1', 'failed'],
    ]);
    published.length = 0;
    const later = portsPoll({ atMs: at(2), ports: [port(1)] });
    await projection.apply([...entriesOf(polls), ...entriesOf([...polls, later]).slice(2)]);
    expect(published.map(({ kind, data }) => [kind, data['at']])).toEqual([
      ['device', new Date(at(2)).toISOString()],
      ['poll', new Date(at(2)).toISOString()],
    ]);
    published.length = 0;
    const late = entriesOf([...polls, later, portsPoll({ atMs: at(1), ports: [port(1)] })]).slice(3);
    await projection.apply(late);
    expect(published).toEqual([]);
  });
});
