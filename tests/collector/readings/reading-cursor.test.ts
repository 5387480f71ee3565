// What the bridge pulls: nothing is skipped or repeated whatever the page, the journal or the moment, and no watermark runs ahead of the pages.
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { JournaledBatch } from '../../../collector/project/projection.ts';
import { Quarantine } from '../../../collector/project/quarantine.ts';
import { PostgresReadings } from '../../../collector/readings/postgres-readings.ts';
import { journalEntry } from '../../support/poll-builder.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import {
  clearReadings,
  migrateReadings,
  MINUTE,
  portsPoll,
  readAll,
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

interface BatchWords {
  readonly journal: string;
  readonly agent: string;
  readonly polls: number;
  /** When it was received, in seconds; the order of commits is another. */
  readonly receivedAt?: number;
}

/** Entries in commit order: positions grow per journal, sequences per agent; a poll a device and second. */
function entriesOf(batches: readonly BatchWords[]): JournaledBatch[] {
  const positions = new Map<string, number>();
  const sequences = new Map<string, number>();
  return batches.map(({ journal, agent, polls, receivedAt }, number) => {
    const position = (positions.get(journal) ?? 0) + 1 + (number % 3);
    const sequence = (sequences.get(agent) ?? 0) + 1;
    positions.set(journal, position);
    sequences.set(agent, sequence);
    const list = Array.from({ length: polls }, (_, place) =>
      portsPoll({
        device: `${agent}-device${place % 3}`,
        atMs: START_MS + number * 1000 + place,
        ports: [{ ifIndex: '1', ifName: 'p1', in: BigInt(number * 100 + place), out: 0n }],
      }),
    );
    const receivedAtMs = START_MS + (receivedAt ?? number) * 1000 + 500;
    return withWatermarks(journalEntry({ position, sequence, journal, agent, polls: list, receivedAtMs }));
  });
}

const batches = fc.array(
  fc.record({
    journal: fc.constantFrom('journal-1', 'journal-2', 'journal-3'),
    agent: fc.constantFrom('a', 'b'),
    polls: fc.integer({ min: 0, max: 4 }),
    receivedAt: fc.integer({ min: 0, max: 60 }),
  }),
  { minLength: 1, maxLength: 14 },
);

describe('cursor', () => {
  const plan = fc.array(
    fc.record({
      commits: fc.array(fc.constantFrom('journal-1', 'journal-2', 'journal-3'), { maxLength: 4 }),
      limit: fc.integer({ min: 1, max: 5 }),
    }),
    { minLength: 1, maxLength: 12 },
  );
  const nameOf = (device: string, atMs: number): string => `${device} ${atMs}`;

  test('never skips, never repeats, whatever the limits, however late a journal commits; watermarks never run ahead', async () => {
    await fc.assert(
      fc.asyncProperty(batches, plan, async (words, turns) => {
        await clearReadings(postgres.database);
        readings = new PostgresReadings({ database: postgres.database });
        const projection = readingsProjection(postgres.database);
        const entries = entriesOf(words);
        const waiting = [...entries];
        const read = new Set<string>();
        const places = new Map<string, number>();
        let cursor: string | null = null;
        for (let turn = 0; ; turn += 1) {
          const { commits, limit } = turns[turn % turns.length] ?? { commits: [], limit: 1 };
          for (const journal of turn < 30 ? commits : [waiting[0]?.journal]) {
            const next = waiting.findIndex((entry) => entry.journal === journal);
            if (next >= 0) await projection.apply(waiting.splice(next, 1));
          }
          const answer = await readings.after(cursor, limit);
          if (answer.items.length > limit) expect(new Set(answer.items.map((page) => page.sequence)).size).toBe(1);
          const rows = rowsOf(answer);
          for (const [at, page] of answer.items.entries()) {
            const name = nameOf(page.device, rows[at]?.[0]?.atMs ?? 0);
            expect(read.has(name)).toBe(false);
            read.add(name);
            expect(page.position).toBeGreaterThanOrEqual(places.get(page.journal) ?? 0);
            places.set(page.journal, page.position);
          }
          // Whoever was told a watermark has every poll before it.
          for (const { batch } of entries)
            for (const { device, startedAtMs } of batch.polls)
              if (startedAtMs <= (answer.watermarks[device] ?? 0)) expect(read).toContain(nameOf(device, startedAtMs));
          cursor = answer.next;
          if (waiting.length > 0 || answer.more) continue;
          expect(read.size).toBe(entries.reduce((sum, { batch }) => sum + batch.polls.length, 0));
          const devices = new Set(entries.flatMap(({ batch }) => batch.polls.map((poll) => poll.device)));
          expect(new Set(Object.keys(answer.watermarks))).toEqual(devices);
          break;
        }
      }),
      { numRuns: 40 },
    );
  }, 180_000);

  test('readers and two collectors at once: everything once', async () => {
    const words = Array.from({ length: 60 }, (_, at) => ({
      journal: `journal-${(at % 2) + 1}`,
      agent: at % 3 === 0 ? 'a' : 'b',
      polls: 2,
    }));
    const entries = entriesOf(words);
    const writers = ['journal-1', 'journal-2'].map(async (journal) => {
      const projection = readingsProjection(postgres.database);
      for (const entry of entries) if (entry.journal === journal) await projection.apply([entry]);
    });
    const writing = { done: false };
    const written = Promise.all(writers).then(() => {
      writing.done = true;
    });
    const read: string[] = [];
    let cursor: string | null = null;
    for (;;) {
      const last = writing.done;
      const answer = await readings.after(cursor, 3);
      cursor = answer.next;
      const rows = rowsOf(answer);
      read.push(...answer.items.map((page, at) => nameOf(page.device, rows[at]?.[0]?.atMs ?? 0)));
      if (last && !answer.more) break;
    }
    await written;
    const expected = entries.flatMap(({ batch }) => batch.polls.map((poll) => nameOf(poll.device, poll.startedAtMs)));
    expect(read.toSorted()).toEqual(expected.toSorted());
  });

  test('with nothing new it stays as it is, and watermarks are told nevertheless', async () => {
    const projection = readingsProjection(postgres.database);
    const empty = await readings.after(null, 5);
    expect(empty).toMatchObject({ items: [], layouts: [], more: false, watermarks: {}, quarantined: 0 });
    expect((await readings.after(empty.next, 5)).next).toBe(empty.next);
    const [first] = entriesOf([{ journal: 'journal-1', agent: 'a', polls: 1 }]);
    if (first === undefined) throw new Error('no entry');
    await projection.apply([first]);
    const answer = await readings.after(empty.next, 5);
    const again = await readings.after(answer.next, 5);
    expect(again).toMatchObject({ items: [], layouts: [], next: answer.next, more: false });
    expect(again.watermarks).toEqual({ 'a-device0': START_MS });
  });

  test('a batch larger than the limit comes whole and alone; an answer never ends inside one', async () => {
    const words = [1, 4, 1, 2].map((polls) => ({ journal: 'journal-1', agent: 'a', polls }));
    await readingsProjection(postgres.database).apply(entriesOf(words));
    const { answers } = await readAll(readings, 3);
    expect(answers.map((answer) => answer.items.map((page) => page.ordinal))).toEqual([[0], [0, 1, 2, 3], [0, 0, 1]]);
    expect(answers.map((answer) => answer.more)).toEqual([true, true, false]);
  });

  test('an answer is bounded in bytes, and goes on where it stopped', async () => {
    const ports = Array.from({ length: 5000 }, (_, number) => ({
      ifIndex: String(number + 1),
      ifName: `p${number}`,
      in: BigInt(number),
      out: 2n ** 64n - 1n - BigInt(number),
    }));
    const entries = Array.from({ length: 90 }, (_, minute) =>
      journalEntry({ position: minute + 1, polls: [portsPoll({ atMs: START_MS + minute * MINUTE, ports })] }),
    );
    await readingsProjection(postgres.database).apply(entries);
    const { answers } = await readAll(readings);
    expect(answers.length).toBeGreaterThan(1);
    for (const answer of answers) expect(JSON.stringify(answer).length).toBeLessThan(16 * 1024 * 1024);
    expect(answers.flatMap((answer) => answer.items.map((page) => page.position))).toEqual(
      entries.map((entry) => entry.position),
    );
  });

  test('one that was never given is refused', async () => {
    await readingsProjection(postgres.database).apply(entriesOf([{ journal: 'journal-1', agent: 'a', polls: 1 }]));
    const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const wrong = [
      '',
      'x',
      '🚰',
      encoded(null),
      encoded([1]),
      encoded('journal-1'),
      encoded({ 'journal-1': -1 }),
      encoded({ 'journal-1': 1.5 }),
      encoded({ 'journal-1': '1' }),
      encoded({ 'journal-1': 2 ** 60 }),
      encoded({ 'journal-1': 99 }),
      encoded({ elsewhere: 1 }),
      encoded({ '': 1 }),
    ];
    for (const cursor of wrong)
      await expect(readings.after(cursor, 5), cursor).rejects.toMatchObject({ code: 'invalid_request' });
    expect((await readings.after(encoded({ 'journal-1': 1 }), 5)).items).toEqual([]);
  });
});

describe('watermarks', () => {
  const poll = (device: string, minute: number) =>
    portsPoll({ device, atMs: START_MS + minute * MINUTE, ports: [{ ifIndex: '1', ifName: 'p1', in: 1n, out: 1n }] });
  const batch = (
    words: { readonly sequence: number; readonly minute: number } & Partial<Parameters<typeof journalEntry>[0]>,
  ): JournaledBatch =>
    withWatermarks(journalEntry({ position: words.sequence, ...words, polls: [poll('core1', words.minute)] }));
  const now = async (): Promise<Record<string, number>> => {
    const { answers } = await readAll(readings);
    return Object.fromEntries(
      Object.entries(answers.at(-1)?.watermarks ?? {}).map(([device, atMs]) => [device, (atMs - START_MS) / MINUTE]),
    );
  };

  test('are told only where nothing more is to be read, never ahead of the pages', async () => {
    const projection = readingsProjection(postgres.database);
    await projection.apply([1, 2, 3].map((minute) => batch({ sequence: minute, minute })));
    const { answers } = await readAll(readings, 1);
    expect(answers.map((answer) => answer.watermarks)).toEqual([{}, {}, { core1: START_MS + 3 * MINUTE }]);
  });

  test('count once the batches before are applied, whichever collector has them', async () => {
    const [one, other] = [readingsProjection(postgres.database), readingsProjection(postgres.database)];
    await one.apply([batch({ sequence: 1, minute: 1 })]);
    await other.apply([batch({ sequence: 3, minute: 3, journal: 'journal-2' })]);
    await other.apply([batch({ sequence: 4, minute: 4, journal: 'journal-2' })]);
    expect(await now()).toEqual({ core1: 1 });
    await one.apply([batch({ sequence: 6, minute: 6 })]);
    expect(await now()).toEqual({ core1: 1 });
    await one.apply([batch({ sequence: 2, minute: 2, position: 7 })]);
    expect(await now()).toEqual({ core1: 4 });
    await one.apply([batch({ sequence: 5, minute: 5, position: 8 })]);
    expect(await now()).toEqual({ core1: 6 });
    const { rows } = await postgres.database.query('select * from readings.waiting_watermark');
    expect(rows).toEqual([]);
  });

  test('count past what an agent says it gave up', async () => {
    const projection = readingsProjection(postgres.database);
    const gaps = [{ firstSequence: 1, lastSequence: 4, reason: 'spool_bytes' }];
    await projection.apply([batch({ sequence: 5, minute: 5, gaps })]);
    expect(await now()).toEqual({ core1: 5 });
  });

  test('of two agents of a device the later one holds', async () => {
    const projection = readingsProjection(postgres.database);
    await projection.apply([
      batch({ sequence: 1, minute: 5, agent: 'a', position: 1 }),
      batch({ sequence: 1, minute: 3, agent: 'b', position: 2 }),
    ]);
    expect(await now()).toEqual({ core1: 5 });
    await projection.apply([batch({ sequence: 2, minute: 6, agent: 'b', position: 3 })]);
    expect(await now()).toEqual({ core1: 6 });
  });

  test("are in the collector's time, and never later than their batch came", async () => {
    const projection = readingsProjection(postgres.database);
    await projection.apply([batch({ sequence: 1, minute: 5, clockOffsetMs: 2 * MINUTE })]);
    expect(await now()).toEqual({ core1: 3 });
    await projection.apply([batch({ sequence: 2, minute: 60, receivedAtMs: START_MS + 7 * MINUTE })]);
    expect(await now()).toEqual({ core1: 7 });
  });

  test('one without a poll counts, also of a device that was never polled', async () => {
    const entry = batch({ sequence: 1, minute: 1 });
    const watermarks = [
      { device: 'core1', completeUntilMs: START_MS },
      { device: 'quiet', completeUntilMs: START_MS },
    ];
    await readingsProjection(postgres.database).apply([{ ...entry, batch: { ...entry.batch, polls: [], watermarks } }]);
    expect(await now()).toEqual({ core1: 0, quiet: 0 });
  });

  test('that waited are told although their device has no other news', async () => {
    const projection = readingsProjection(postgres.database);
    await projection.apply([batch({ sequence: 2, minute: 2 })]);
    const missing = journalEntry({ position: 3, sequence: 1, polls: [poll('core2', 1)] });
    await projection.apply([missing]);
    expect(await now()).toEqual({ core1: 2 });
    await projection.apply([batch({ sequence: 3, minute: 3, position: 4 })]);
    expect(await now()).toEqual({ core1: 3 });
  });
});

describe('summary', () => {
  test('pages, the last reading, and batches that are missing from the readings', async () => {
    expect(await readings.summary()).toEqual({ pages: 0n, lastObservedAtMs: null, quarantined: 0 });
    await readingsProjection(postgres.database).apply(
      entriesOf([
        { journal: 'journal-1', agent: 'a', polls: 2 },
        { journal: 'journal-2', agent: 'b', polls: 3 },
      ]),
    );
    const quarantine = new Quarantine(postgres.database, () => START_MS);
    const envelope = {
      agent: 'a',
      incarnation: 'i',
      sequence: 9,
      sha256: 'ff'.repeat(32),
      receivedAtMs: START_MS,
      clockOffsetMs: 0,
    };
    const body = { position: 9, envelope, body: Buffer.from('?') };
    const reason = { code: 'batch_unreadable', message: 'it does not begin as one' };
    await quarantine.keep('ingest', 'journal-1', body, reason);
    await quarantine.keep('ingest', 'journal-2', body, reason);
    await quarantine.keep('store', 'journal-1', { ...body, position: 10 }, reason);
    expect(await readings.summary()).toEqual({ pages: 5n, lastObservedAtMs: START_MS + 1002, quarantined: 1 });
    expect((await readings.after(null, 10)).quarantined).toBe(1);
  });
});
