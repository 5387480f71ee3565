// The readings of one meter: held against all pages read by the cursor, whatever the span, the page or the order in which polls came.
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { JournaledBatch } from '../../../collector/project/projection.ts';
import { readMeter } from '../../../collector/readings/meter-readings.ts';
import { PostgresReadings } from '../../../collector/readings/postgres-readings.ts';
import type { MeterReading, MeterReadingsAnswer } from '../../../common/wire/reading-page.ts';
import { journalEntry } from '../../support/poll-builder.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import {
  clearReadings,
  migrateReadings,
  type Port,
  portsPoll,
  readAll,
  readingsProjection,
  rowsOf,
  START_MS,
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

interface PollWords {
  readonly second: number;
  readonly agent: 'a' | 'b';
  /** Of three ports: there, silent, or not in the table. */
  readonly ports: readonly ('there' | 'silent' | 'gone')[];
  readonly rowsInSegment: number;
}

/** Polls of one device by two agents, in the order of their arrival. */
function entriesOf(polls: readonly PollWords[]): JournaledBatch[] {
  const sequences = new Map<string, number>();
  return polls.map(({ second, agent, ports, rowsInSegment }, number) => {
    const sequence = (sequences.get(agent) ?? 0) + 1;
    sequences.set(agent, sequence);
    const rows = ports.flatMap((state, at): Port[] => {
      const place = { ifIndex: String(at + 1), ifName: `p${at + 1}`, speedBps: 1e9 };
      const octets = BigInt(number * 10 + at);
      if (state === 'gone') return [];
      return [
        state === 'silent' ? place : { ...place, in: octets, out: octets + 2n ** 63n, discontinuity: number % 3 },
      ];
    });
    // Rows of a device in trouble come a minute apart: polls overlap.
    const atMs = START_MS + second * 1000;
    const poll = portsPoll({ atMs, ports: rows, rowsInSegment, processId: `process of ${agent}` });
    const tables = poll.tables.map((table) => ({
      ...table,
      segments: table.segments.map((segment, at) => ({
        ...segment,
        sentAtMs: atMs + at * 60_000,
        receivedAtMs: atMs + at * 60_000,
      })),
    }));
    const journal = `journal of ${agent}`;
    return journalEntry({ position: sequence, sequence, agent, journal, polls: [{ ...poll, tables }] });
  });
}

const polls = fc.array(
  fc.record({
    second: fc.integer({ min: 0, max: 400 }),
    agent: fc.constantFrom('a' as const, 'b' as const),
    ports: fc.array(fc.constantFrom('there' as const, 'there' as const, 'silent' as const, 'gone' as const), {
      minLength: 3,
      maxLength: 3,
    }),
    rowsInSegment: fc.integer({ min: 1, max: 3 }),
  }),
  { maxLength: 25 },
);

interface Truth {
  readonly atMs: number;
  readonly journal: string;
  readonly position: number;
  readonly value: string;
}

/** All readings of a meter as the bridge got them, in the order of time. */
async function truthOf(meter: number): Promise<Truth[]> {
  const { answers } = await readAll(readings);
  const layouts = answers.flatMap((answer) => answer.layouts);
  const found = answers.flatMap((answer) =>
    rowsOf(answer, layouts).flatMap((rows, at) => {
      const page = answer.items[at];
      const row = rows.find((one) => one.meters.in === meter || one.meters.out === meter);
      const value = row?.meters.in === meter ? row.in : (row?.out ?? null);
      if (page === undefined || row === undefined || value === null) return [];
      return [{ atMs: row.atMs, journal: page.journal, position: page.position, value: value.toString() }];
    }),
  );
  const { rows } = await postgres.database.query<{ name: string }>('select name from readings.journal order by id');
  const order = rows.map((row) => row.name);
  return found.toSorted(
    (a, b) => a.atMs - b.atMs || order.indexOf(a.journal) - order.indexOf(b.journal) || a.position - b.position,
  );
}

async function readWhole(
  meter: number,
  span: { readonly fromMs: number; readonly toMs: number; readonly withNeighbours: boolean },
  limit: number,
  chunk: number,
): Promise<MeterReading[]> {
  const found: MeterReading[] = [];
  let cursor: string | null = null;
  do {
    const query = { meter, ...span, cursor, limit };
    const answer: MeterReadingsAnswer = await readMeter(postgres.database, query, { few: chunk, many: chunk });
    expect(answer.items.length).toBeLessThanOrEqual(limit);
    found.push(...answer.items);
    cursor = answer.next;
  } while (cursor !== null);
  return found;
}

const short = ({ observedAt, journal, position, value }: MeterReading): Truth => ({
  atMs: Date.parse(observedAt),
  journal,
  position,
  value,
});

describe('readings of a meter', () => {
  test('are those of the pages, in the order of time, each once, with their neighbours', async () => {
    const spans = fc.array(
      fc.record({
        fromS: fc.integer({ min: -10, max: 800 }),
        lengthS: fc.integer({ min: 1, max: 500 }),
        withNeighbours: fc.boolean(),
        limit: fc.integer({ min: 1, max: 6 }),
        chunk: fc.integer({ min: 1, max: 5 }),
        port: fc.integer({ min: 0, max: 2 }),
        out: fc.boolean(),
      }),
      { minLength: 4, maxLength: 4 },
    );
    await fc.assert(
      fc.asyncProperty(polls, spans, async (words, asked) => {
        await clearReadings(postgres.database);
        readings = new PostgresReadings({ database: postgres.database });
        const projection = readingsProjection(postgres.database);
        for (const entry of entriesOf(words)) await projection.apply([entry]);
        const { rows } = await postgres.database.query<{ meter_in: number; meter_out: number }>(
          'select meter_in, meter_out from inventory.interface order by key',
        );
        for (const { fromS, lengthS, withNeighbours, limit, chunk, port, out } of asked) {
          const meters = rows[port];
          if (meters === undefined) continue;
          const meter = out ? meters.meter_out : meters.meter_in;
          const [fromMs, toMs] = [START_MS + fromS * 1000, START_MS + (fromS + lengthS) * 1000];
          const all = await truthOf(meter);
          const before = all.findLast((one) => one.atMs < fromMs);
          const after = all.find((one) => one.atMs >= toMs);
          const inside = all.filter((one) => one.atMs >= fromMs && one.atMs < toMs);
          const expected = withNeighbours ? [...[before].flat(), ...inside, ...[after].flat()] : inside;
          const found = await readWhole(meter, { fromMs, toMs, withNeighbours }, limit, chunk);
          expect(found.map(short)).toEqual(expected.filter((one) => one !== undefined));
        }
      }),
      { numRuns: 30 },
    );
  }, 180_000);

  test('the last before a time may stand in a page that began long before others', async () => {
    const late = { agent: 'a' as const, ports: ['there', 'there', 'there'] as const, rowsInSegment: 1 };
    const whole = { ...late, agent: 'b' as const, rowsInSegment: 3 };
    const words = [
      { ...late, second: 0 },
      { ...whole, second: 50 },
      { ...whole, second: 60 },
    ];
    for (const entry of entriesOf(words)) await readingsProjection(postgres.database).apply([entry]);
    const query = { meter: 5, fromMs: START_MS + 130_000, toMs: START_MS + 131_000, withNeighbours: true };
    const chunks = { few: 1, many: 1 };
    const { items } = await readMeter(postgres.database, { ...query, cursor: null, limit: 9 }, chunks);
    expect(items.map((one) => Date.parse(one.observedAt) - START_MS)).toEqual([120_000]);
  });

  test('the first after a time may stand in a page that began after others', async () => {
    const late = { agent: 'a' as const, ports: ['there', 'there', 'there'] as const, rowsInSegment: 1 };
    const words = [
      { ...late, second: 0 },
      { ...late, second: 10 },
      { ...late, second: 20, agent: 'b' as const, rowsInSegment: 3 },
    ];
    for (const entry of entriesOf(words)) await readingsProjection(postgres.database).apply([entry]);
    const span = { fromMs: START_MS, toMs: START_MS + 600_000, withNeighbours: false };
    const found = await readWhole(5, span, 1, 1);
    expect(found.map((one) => Date.parse(one.observedAt) - START_MS)).toEqual([20_000, 120_000, 130_000]);
  });

  test('carry everything that a difference and an auditor ask for', async () => {
    const ports = [
      { ifIndex: '1', ifName: 'p1', in: 1n, out: 2n, discontinuity: 0 },
      { ifIndex: '2', ifName: 'p2', in: 2n ** 31n, out: 4n, width: 32 as const, speedBps: 1e7, discontinuity: 77 },
    ];
    const poll = portsPoll({ atMs: START_MS, ports, rowsInSegment: 1, uptimeTicks: 100, monotonicMs: 0.5 });
    const entry = journalEntry({ position: 3, sequence: 8, polls: [poll], clockOffsetMs: 5000 });
    await readingsProjection(postgres.database).apply([{ ...entry, sha256: 'cd'.repeat(32) }]);
    const query = { fromMs: 0, toMs: 2 * START_MS, withNeighbours: false, cursor: null, limit: 10 };
    const { items, next } = await readings.ofMeter({ ...query, meter: 3 });
    expect(next).toBeNull();
    expect(items).toEqual([
      {
        meter: 3,
        observedAt: new Date(START_MS - 5000 + 10).toISOString(),
        value: '2147483648',
        width: 32,
        uptimeTicks: 101,
        discontinuityTicks: 77,
        monotonicMs: 10.5,
        processId: 'process-1',
        intervalMs: 60_000,
        speedBps: '10000000',
        clockSound: false,
        agent: 'agent-1',
        incarnation: 'incarnation-1',
        sequence: 8,
        batchSha256: 'cd'.repeat(32),
        journal: 'journal-1',
        position: 3,
        ordinal: 0,
      },
    ]);
    const [first] = (await readings.ofMeter({ ...query, meter: 1 })).items;
    expect(first).toMatchObject({ value: '1', speedBps: null, discontinuityTicks: 0, uptimeTicks: 100 });
  });

  test('a meter that does not exist is not found, a cursor that was never given is refused', async () => {
    const query = { fromMs: 0, toMs: START_MS, withNeighbours: true, limit: 10 };
    for (const meter of [0, -1, 1.5, 9, 2 ** 40, Number.NaN])
      await expect(readings.ofMeter({ ...query, meter, cursor: null })).rejects.toMatchObject({ code: 'not_found' });
    await readingsProjection(postgres.database).apply(
      entriesOf([{ second: 1, agent: 'a', ports: ['there', 'there', 'there'], rowsInSegment: 3 }]),
    );
    for (const cursor of ['', 'x', Buffer.from('[1]').toString('base64url')])
      await expect(readings.ofMeter({ ...query, meter: 1, cursor })).rejects.toMatchObject({ code: 'invalid_request' });
  });
});
