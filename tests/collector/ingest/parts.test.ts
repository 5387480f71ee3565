// The parts of ingest one by one, without a server: streams and their recovery, applied marks, agents' incarnations, bodies in hand.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AgentStates } from '../../../collector/ingest/agent-states.ts';
import { AppliedMarks } from '../../../collector/ingest/applied-marks.ts';
import { AssignedDevices } from '../../../collector/ingest/assigned-devices.ts';
import { BatchIngest } from '../../../collector/ingest/batch-ingest.ts';
import { type Hold, InFlight } from '../../../collector/ingest/in-flight.ts';
import { MAX_RANGES, StreamTable } from '../../../collector/ingest/streams.ts';
import { Superseded } from '../../../collector/ingest/superseded.ts';
import type { InventoryDevice } from '../../../collector/inventory/inventory.ts';
import { type BatchEnvelope, BatchJournal } from '../../../collector/journal/batch-journal.ts';
import type { Answer, Database } from '../../../common/database/database.ts';
import { openJournal } from '../../../common/journal/lmdb-journal.ts';
import { holds, NOTHING_HELD } from '../../../common/model/sequence-ranges.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

function envelope(sequence: number, more: Partial<BatchEnvelope> = {}): BatchEnvelope {
  return {
    agent: 'agent-1',
    incarnation: 'incarnation-1',
    sequence,
    sha256: sequence.toString(16).padStart(64, '0'),
    receivedAtMs: 1,
    clockOffsetMs: 0,
    ...more,
  };
}

const STREAM = { agent: 'agent-1', incarnation: 'incarnation-1' };

describe('streams', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'weir-streams-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  async function withJournal<T>(work: (journal: BatchJournal) => Promise<T>): Promise<T> {
    const { reporter } = silentReporter();
    const opened = openJournal(reporter, { folder, maxBytes: 1e7, reserveBytes: 0, maxPendingBytes: 1e7 });
    try {
      return await work(new BatchJournal(opened));
    } finally {
      await opened.close();
    }
  }

  test('what is received is the same after a restart, whatever was trimmed between', async () => {
    const sequences = fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(sequences, fc.nat(25), async (order, trimmed) => {
        const before = new StreamTable();
        const held = await withJournal(async (journal) => {
          before.recover(journal);
          const stream = before.get(STREAM) ?? before.add(STREAM, NOTHING_HELD);
          for (const sequence of order.filter((one) => !stream.has(one))) {
            await journal.append(envelope(sequence), Buffer.from('x'));
            stream.keep(envelope(sequence));
          }
          await before.save(journal);
          await journal.trim(Math.min(trimmed, journal.lastPosition()));
          return stream.held;
        });
        const after = new StreamTable();
        await withJournal(async (journal) => after.recover(journal));
        expect(after.get(STREAM)?.held).toEqual(held);
        for (const sequence of order) expect(holds(held, sequence)).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  test('sequences given up by the agent, or gone before it came, count as received', () => {
    const stream = new StreamTable().add(STREAM, NOTHING_HELD);
    stream.keep(envelope(5, { oldestSequence: 4 }));
    expect(stream.received).toBe(3);
    stream.keep(envelope(4));
    expect(stream.received).toBe(5);
    stream.keep(envelope(9, { gaps: [{ firstSequence: 6, lastSequence: 20, reason: 'spool full' }] }));
    // A gap of the future would swallow what is still to come.
    expect(stream.received).toBe(9);
    expect(stream.has(10)).toBe(false);
  });

  test('holes are remembered up to a bound; what fills one from below always fits', () => {
    const stream = new StreamTable().add(STREAM, NOTHING_HELD);
    for (let hole = 0; hole < MAX_RANGES; hole += 1) stream.keep(envelope(3 + 2 * hole));
    expect(stream.hasRoomFor(3 + 2 * MAX_RANGES)).toBe(false);
    expect(stream.hasRoomFor(1)).toBe(true);
    stream.keep(envelope(1));
    expect(stream.received).toBe(1);
  });

  test('the content of recent sequences is known, and a conflict only once', () => {
    const stream = new StreamTable().add(STREAM, NOTHING_HELD);
    for (let sequence = 1; sequence <= 300; sequence += 1) stream.keep(envelope(sequence));
    expect(stream.contentOf(300)).toBe(envelope(300).sha256);
    expect(stream.contentOf(1)).toBeNull();
    const other = 'f'.repeat(64);
    stream.keep(envelope(300, { sha256: other, quarantined: { code: 'batch_conflict', message: '' } }));
    expect(stream.contentOf(300)).toBe(envelope(300).sha256);
    expect(stream.knowsConflict(other)).toBe(true);
  });
});

describe('applied marks', () => {
  test('move up only, are told when they do, and stay where the database fails', async () => {
    const { reporter } = silentReporter();
    const told: number[] = [];
    let answer: number | 'fails' = 7;
    const marks = new AppliedMarks(reporter, {
      read: async (streams) => {
        if (answer === 'fails') throw new WeirError('database_unreachable', '');
        const through = answer;
        return streams.map((stream) => ({ ...stream, through }));
      },
      onApplied: (_stream, through) => told.push(through),
    });
    expect(marks.of(STREAM)).toBe(0);
    await marks.refresh([STREAM]);
    answer = 5;
    await marks.refresh([STREAM]);
    answer = 'fails';
    await marks.refresh([STREAM]);
    expect(marks.of(STREAM)).toBe(7);
    expect(told).toEqual([7]);
  });

  test('many streams at once are asked together, in bounded questions', async () => {
    const { reporter } = silentReporter();
    const asked: number[] = [];
    const marks = new AppliedMarks(reporter, {
      read: async (streams) => {
        asked.push(streams.length);
        return [];
      },
      onApplied: () => undefined,
    });
    const streams = Array.from({ length: 2500 }, (_, at) => ({ agent: `agent-${at}`, incarnation: 'incarnation-1' }));
    await Promise.all(streams.map((stream) => marks.refresh([stream])));
    expect(Math.max(...asked)).toBeLessThanOrEqual(1000);
    expect(asked.reduce((sum, one) => sum + one)).toBe(2500);
    expect(asked.length).toBeLessThan(10);
  });
});

const UNSEEN = { of: () => null, write: async () => undefined, refused: () => undefined };

/** A database that knows incarnations, and can be away. */
class Incarnations implements Database {
  readonly order: string[] = [];
  away = false;
  asked = 0;

  async query<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Answer<Row>> {
    this.asked += 1;
    if (this.away) throw new WeirError('database_unreachable', 'away');
    const incarnation = String(values[1]);
    if (text.startsWith('insert') && !this.order.includes(incarnation)) this.order.push(incarnation);
    const rows = text.startsWith('select')
      ? this.order.map((one, at) => ({ incarnation: one, first_seen_ms: BigInt(1_000_000 + at) }))
      : [];
    return { rows: rows as unknown[] as Row[], rowCount: rows.length };
  }

  transaction<T>(): Promise<T> {
    throw new Error('not asked for');
  }
}

describe('agents', () => {
  function statesOf() {
    const clock = new VirtualClock(1_000_000);
    const database = new Incarnations();
    const { reporter } = silentReporter();
    const states = new AgentStates(reporter, { database, clock, superseded: UNSEEN });
    return { clock, database, reporter, states };
  }
  const as = (incarnation: string) => ({ agent: 'agent-1', incarnation });

  test('a new incarnation takes over; the one before is told which came next and when, and which is the newest', async () => {
    const { states } = statesOf();
    expect(await states.admit(as('first-spool'))).toBeNull();
    expect(await states.admit(as('second-spool'))).toBeNull();
    expect(await states.admit(as('third-spool'))).toBeNull();
    expect(await states.admit(as('first-spool'))).toEqual({ newest: 'third-spool', sinceMs: 1_000_001 });
    expect(await states.admit(as('second-spool'))).toEqual({ newest: 'third-spool', sinceMs: 1_000_002 });
    expect(await states.admit(as('third-spool'))).toBeNull();
  });

  test('one that another collector has seen meanwhile is found within seconds', async () => {
    const { clock, database, states } = statesOf();
    await states.admit(as('first-spool'));
    database.order.push('elsewhere');
    await states.admit(as('first-spool'));
    await clock.advance(11_000);
    expect(await states.admit(as('first-spool'))).toMatchObject({ newest: 'elsewhere' });
  });

  test('the database is not asked for each batch, and not needed', async () => {
    const { clock, database, states } = statesOf();
    database.away = true;
    await states.admit(as('first-spool'));
    const asked = database.asked;
    for (let count = 0; count < 100; count += 1) await states.admit(as('first-spool'));
    expect(database.asked).toBe(asked);
    await clock.advance(11_000);
    await states.admit(as('first-spool'));
  });

  test('what was not written is written when the database is back', async () => {
    const { database, reporter, states } = statesOf();
    const seen = { ...as('first-spool'), lastBatchAtMs: 5, lastSequence: 1, received: 1, clockOffsetMs: 90_000 };
    states.seen(seen);
    database.away = true;
    await states.write();
    database.away = false;
    await states.write();
    const asked = database.asked;
    await states.write();
    expect(database.asked).toBe(asked);
    // Somebody else's wrong clock takes no collector out of service.
    expect(reporter.healthStates()['agent clocks']).toEqual({ healthy: true, message: 'off: agent-1 by 90000 ms' });
  });
});

describe('older spools that are refused', () => {
  const sign = (incarnation: string) => ({ agent: 'agent-1', incarnation });

  test('are told once for each two, kept for a database that is away, and counted each time', async () => {
    const { reporter } = silentReporter();
    const database = new Incarnations();
    const told: string[] = [];
    const superseded = new Superseded(reporter, {
      database,
      clock: new VirtualClock(1_000_000),
      tell: async ({ incarnation, newest }) => void told.push(`${incarnation} ${newest}`),
    });
    database.away = true;
    superseded.refused(sign('first-spool'), 'second-spool');
    superseded.refused(sign('first-spool'), 'second-spool');
    await superseded.write();
    expect([told, superseded.of('agent-1')?.incarnation]).toEqual([[], 'first-spool']);
    database.away = false;
    await superseded.write();
    superseded.refused(sign('first-spool'), 'second-spool');
    await superseded.write();
    superseded.refused(sign('first-spool'), 'third-spool');
    superseded.refused(sign('second-spool'), 'third-spool');
    await superseded.write();
    expect(told).toEqual(['first-spool second-spool', 'first-spool third-spool', 'second-spool third-spool']);
    expect(await reporter.metricsText()).toContain('weir_ingest_superseded_total{agent="agent-1"} 5');
    const asked = database.asked;
    await superseded.write();
    expect(database.asked).toBe(asked);
  });
});

describe('a journal that takes nothing', () => {
  test('is told in the health while it refuses, and no longer once a batch is kept or nobody sends', async () => {
    const { reporter } = silentReporter();
    const clock = new VirtualClock(1_000_000);
    let full = true;
    const journal = {
      id: 'journal-1',
      append: () => (full ? Promise.reject(new WeirError('journal_full', 'The disk is full.')) : Promise.resolve(1)),
      replace: () => Promise.resolve(false),
      read: () => [],
      firstPosition: () => 1,
      lastPosition: () => 0,
      sizeBytes: () => 0,
      trim: () => Promise.resolve(),
      note: () => undefined,
      setNote: () => Promise.resolve(),
      renewId: () => Promise.resolve(),
    };
    const kept: number[] = [];
    const ingest = new BatchIngest(reporter, {
      clock,
      journal: new BatchJournal(journal),
      streams: new StreamTable(),
      marks: new AppliedMarks(reporter, { read: async () => [], onApplied: () => undefined }),
      agents: new AgentStates(reporter, { clock, database: new Incarnations(), superseded: UNSEEN }),
      superseded: UNSEEN,
      assigned: { mayWrite: () => false, learnt: true },
      appliedContent: async () => null,
      onKept: (position) => kept.push(position),
    });
    const health = () => reporter.healthStates()['ingest'];
    const send = (sequence: number) => {
      const body = Buffer.from('no batch');
      const sha256 = createHash('sha256').update(body).digest('hex');
      const headers = { ...STREAM, sequence, sha256, sentAtMs: 1_000_000, oldestSequence: null };
      return ingest.accept({ name: 'agent-1', role: 'agent', scope: null }, headers, body, {
        arrivedAtMs: 1_000_000,
        charge: () => undefined,
      });
    };
    expect(health()).toMatchObject({ healthy: true });
    await expect(send(1)).rejects.toMatchObject({ code: 'journal_full' });
    expect(health()).toEqual({ healthy: false, message: 'journal_full: The disk is full.' });
    full = false;
    expect(await send(1)).toMatchObject({ received: 1 });
    expect(health()).toMatchObject({ healthy: true });
    expect(kept).toEqual([1]);
    full = true;
    await expect(send(2)).rejects.toMatchObject({ code: 'journal_full' });
    await clock.advance(61_000);
    expect(health()).toMatchObject({ healthy: true });
  });
});

describe('bodies in hand', () => {
  const overloaded = expect.objectContaining({ code: 'overloaded' }) as Error;

  test('are bounded in number and octets; one is always let in; a release counts once', () => {
    const { reporter } = silentReporter();
    const inFlight = new InFlight(reporter, { maxBodies: 2, maxBytes: 100 });
    const large = inFlight.take(1000);
    expect(() => inFlight.take(1)).toThrow(overloaded);
    large.release();
    large.release();
    const [a] = [inFlight.take(10), inFlight.take(10)];
    expect(() => inFlight.take(1)).toThrow(
      expect.objectContaining({ detail: { bound: 'in_flight', retryAfterSeconds: 1 } }),
    );
    a?.release();
    inFlight.take(90);
  });

  test('count what they become; one may go beyond the bound, and no second before it has gone', async () => {
    const { reporter } = silentReporter();
    const inFlight = new InFlight(reporter, { maxBodies: 9, maxBytes: 100 });
    const counted = async () => /in_flight_bytes (\d+)/.exec(await reporter.metricsText())?.[1];
    const [a, b] = [inFlight.take(10), inFlight.take(10)];
    a.more(60);
    expect(await counted()).toBe('80');
    a.more(60);
    expect(() => b.more(1)).toThrow(overloaded);
    expect(() => inFlight.take(1)).toThrow(overloaded);
    a.more(60);
    expect(await counted()).toBe('200');
    a.release();
    expect(await counted()).toBe('10');
    b.more(200);
    b.release();
    // It was answered: what still becomes of it is nobody's.
    b.more(50);
    expect(await counted()).toBe('0');
    inFlight.take(100);
  });

  test('whatever comes and goes: never more than the bound and the one beyond it, and all of it comes back', () => {
    const step = fc.record({ body: fc.nat(5), bytes: fc.integer({ min: 1, max: 60 }), ends: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { reporter } = silentReporter();
        const inFlight = new InFlight(reporter, { maxBodies: 4, maxBytes: 100 });
        const open = new Map<number, { hold: Hold; bytes: number }>();
        for (const { body, bytes, ends } of steps) {
          const one = open.get(body);
          try {
            if (one === undefined) open.set(body, { hold: inFlight.take(bytes), bytes });
            else if (ends) {
              open.delete(body);
              one.hold.release();
            } else {
              one.hold.more(bytes);
              one.bytes += bytes;
            }
          } catch (error) {
            expect(error).toMatchObject({ code: 'overloaded', detail: { retryAfterSeconds: 1 } });
          }
          const sizes = [...open.values()].map((each) => each.bytes);
          const total = sizes.reduce((sum, size) => sum + size, 0);
          expect(total - Math.max(0, ...sizes)).toBeLessThanOrEqual(100);
          expect(open.size).toBeLessThanOrEqual(4);
        }
        for (const { hold } of open.values()) hold.release();
        inFlight.take(100).release();
      }),
    );
  });
});

describe('whose device it is', () => {
  const seen = (name: string, agent: string | null) => ({ name, agent }) as InventoryDevice;
  const nobody = { devices: async () => ({ items: [], next: null }) };

  test('by the configuration, else by who polled it last', async () => {
    const assigned = new AssignedDevices([{ name: 'core1', agent: 'agent-1' }], { formerMs: 1000 });
    expect([
      assigned.learnt,
      assigned.mayWrite('agent-1', 'core1', 5),
      assigned.mayWrite('agent-2', 'gone1', 5),
    ]).toEqual([false, true, false]);
    const pages = [
      { items: [seen('core1', 'agent-9'), seen('gone1', 'agent-2')], next: 'more' },
      { items: [seen('gone2', null)], next: null },
    ];
    const inventory = {
      devices: async (_viewpoint: unknown, cursor: string | null) =>
        pages[cursor === null ? 0 : 1] ?? { items: [], next: null },
    };
    const told: unknown[] = [];
    const history = {
      settle: async (now: unknown, nowMs: number) => {
        told.push(now, nowMs);
        return [];
      },
    };
    await assigned.learn({ inventory, history }, 7);
    expect(told).toEqual([[{ device: 'core1', agent: 'agent-1' }], 7]);
    expect(
      [
        ['agent-1', 'core1'],
        ['agent-9', 'core1'],
        ['agent-2', 'gone1'],
        ['agent-1', 'gone1'],
        ['agent-1', 'gone2'],
      ].map(([agent = '', device = '']) => assigned.mayWrite(agent, device, 5)),
    ).toEqual([true, false, true, false, false]);
    expect(assigned.learnt).toBe(true);
  });

  test('what an agent read while it was assigned, and until it had heard of the change, is taken later too', async () => {
    const assigned = new AssignedDevices([{ name: 'core1', agent: 'agent-2' }], { formerMs: 1000 });
    const history = { settle: async () => [{ device: 'core1', agent: 'agent-1', untilMs: 50_000 }] };
    await assigned.learn({ inventory: nobody, history }, 60_000);
    const takes = (agent: string, atMs: number) => assigned.mayWrite(agent, 'core1', atMs);
    expect([takes('agent-1', 49_000), takes('agent-1', 51_000), takes('agent-1', 51_001)]).toEqual([true, true, false]);
    expect([takes('agent-2', 1), takes('agent-2', 99_000), takes('agent-3', 49_000)]).toEqual([true, true, false]);
  });
});
