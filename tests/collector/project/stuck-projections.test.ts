// One projection that hangs, fails or is poisoned, with the real runner on a real journal: the others go on, and a stuck metric store never holds up evidence.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BatchJournal, type JournaledBody } from '../../../collector/journal/batch-journal.ts';
import { BatchReader } from '../../../collector/project/batch-reader.ts';
import { type ProjectionControl, UNTOUCHED } from '../../../collector/project/projection-controls.ts';
import { ProjectionRunner, type RunnerConfig } from '../../../collector/project/projection-runner.ts';
import type { JournaledBatch, Projection } from '../../../collector/project/projection.ts';
import type { AuditEntry } from '../../../common/database/audit.ts';
import { type OpenJournal, openJournal } from '../../../common/journal/lmdb-journal.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import { encodeBatch } from '../../../common/wire/batch-codec.ts';
import { eventually } from '../../support/collector-fixture.ts';
import { ShiftedClock } from '../../support/shifted-clock.ts';
import { silentReporter } from '../../support/silent-reporter.ts';

const MIB = 1024 * 1024;
const CONFIG: RunnerConfig = {
  chunkEntries: 4,
  chunkBytes: MIB,
  keepEntries: 0,
  keepMs: 0,
  keepBytes: 0,
  storeBacklogBytes: 2 * MIB,
};

const KEEPING = { ...CONFIG, keepEntries: 100 };
const PAUSED = {
  atMs: 1,
  actor: 'anna',
  role: 'administrator',
  action: 'projection.pause',
  subject: 'projection/store',
};
const REPLAYED = { ...PAUSED, action: 'projection.replay' };

/** Keeps its position in memory, and does before each chunk what the test says. */
class ScriptedProjection implements Projection {
  readonly name: Projection['name'];
  readonly seen: number[] = [];
  readonly again: number[] = [];
  before: (entries: readonly JournaledBatch[]) => Promise<void> = () => Promise.resolve();
  beforeRewind: () => Promise<void> = () => Promise.resolve();
  committed = 0;

  constructor(name: Projection['name']) {
    this.name = name;
  }

  async position(): Promise<number> {
    return this.committed;
  }

  async rewind(_journal: string, position: number): Promise<void> {
    await this.beforeRewind();
    this.committed = position;
  }

  async apply(entries: readonly JournaledBatch[]): Promise<void> {
    await this.before(entries);
    for (const { position, batch } of entries) if (batch.createdAtMs === 1) this.seen.push(position);
    for (const { position, again } of entries) if (again === true) this.again.push(position);
    this.committed = entries.at(-1)?.position ?? this.committed;
  }
}

describe('a projection that is stuck', () => {
  let folder: string;
  let opened: OpenJournal;
  let journal: BatchJournal;
  let clock: ShiftedClock;
  let runner: ProjectionRunner;
  let letGo: () => void;
  let hangs: Promise<void>;
  let audited: AuditEntry[];
  let refusesToSave = false;
  let quarantined: { reader: string; position: number }[];
  const { reporter } = silentReporter();
  let told = silentReporter();
  let readings: ScriptedProjection;
  let faults: ScriptedProjection;
  let store: ScriptedProjection;

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'weir-stuck-'));
    const options = { folder, maxBytes: 4 * MIB, reserveBytes: 0, maxPendingBytes: 4 * MIB };
    opened = openJournal(reporter, options);
    journal = new BatchJournal(opened);
    clock = new ShiftedClock();
    told = silentReporter();
    quarantined = [];
    hangs = new Promise((resolve) => {
      letGo = resolve;
    });
    readings = new ScriptedProjection('readings');
    faults = new ScriptedProjection('faults');
    store = new ScriptedProjection('store');
    make(CONFIG);
  });

  afterEach(async () => {
    letGo();
    await runner.stop();
    await opened.close();
    rmSync(folder, { recursive: true });
  });

  function make(config: RunnerConfig): void {
    const controls = new Map<string, ProjectionControl>();
    audited = [];
    refusesToSave = false;
    runner = new ProjectionRunner(
      told.reporter,
      config,
      {
        clock,
        random: () => 0,
        journal,
        reader: new BatchReader(
          journal,
          { cacheBytes: 0, decodedBytes: 1e9 },
          { clock, readPoints: () => Promise.reject(new Error('no points here')) },
        ),
        quarantine: {
          keep: async (reader, _id: string, { position }: JournaledBody) => {
            quarantined.push({ reader, position });
          },
          release: async () => undefined,
        },
        controls: {
          load: async (name) => controls.get(name) ?? UNTOUCHED,
          save: async (name, _id, control, audit) => {
            if (refusesToSave) throw new WeirError('database_unreachable', 'Gone.');
            controls.set(name, control);
            audited.push(audit);
          },
        },
        onCommitted: () => undefined,
        beforeTrim: async () => undefined,
      },
      [readings, faults, store],
    );
  }

  let sequence = 0;
  async function append(count: number, bytes = 0, agent = 'agent-1'): Promise<void> {
    for (let at = 0; at < count; at += 1) {
      sequence += 1;
      const stream = { agent, incarnation: 'incarnation-1', sequence };
      const body =
        bytes > 0
          ? new Uint8Array(bytes).fill(7)
          : encodeBatch({ ...stream, createdAtMs: 1, thinned: false, polls: [], events: [], watermarks: [], gaps: [] });
      await journal.append({ ...stream, sha256: '', receivedAtMs: clock.now(), clockOffsetMs: 0 }, body);
      runner.wake();
    }
  }

  const positionsAre = (wanted: Record<string, number>): Promise<void> =>
    eventually(
      async () => Object.entries(wanted).every(([name, position]) => runner.positions()[name] === position),
      `positions ${JSON.stringify(wanted)}, not ${JSON.stringify(runner.positions())}`,
    );

  async function metric(name: string, projection: string): Promise<number> {
    const text = await told.reporter.metricsText();
    const start = `weir_${name}{projection="${projection}"} `;
    const line = text.split('\n').find((one) => one.startsWith(start));
    return Number(line?.slice(start.length) ?? Number.NaN);
  }

  test('hangs for ever: the others go on; lag is told while it hangs, and health after a minute', async () => {
    store.before = () => hangs;
    await runner.start();
    await append(10);
    await positionsAre({ readings: 10, faults: 10, store: 0 });
    clock.leap(30_000);
    await append(1);
    await positionsAre({ readings: 11, faults: 11 });
    expect(await metric('projection_lag_entries', 'store')).toBe(11);
    expect(await metric('projection_lag_seconds', 'store')).toBeGreaterThanOrEqual(30);
    expect(await metric('projection_lag_entries', 'readings')).toBe(0);
    expect(await metric('projection_applied_total', 'readings')).toBe(11);
    expect(told.reporter.healthStates()['projection store']?.healthy).toBe(true);
    clock.leap(31_000);
    const health = told.reporter.healthStates();
    expect(health['projection store']).toMatchObject({ healthy: false });
    expect(health['projection store']?.message).toMatch(/at position 0: has been at one chunk for 6\d s/);
    expect(health['projection readings']?.healthy).toBe(true);
    expect(journal.firstPosition()).toBe(1);
    letGo();
    await positionsAre({ store: 11 });
    expect(store.seen).toEqual(Array.from({ length: 11 }, (_, at) => at + 1));
    expect(told.reporter.healthStates()['projection store']?.healthy).toBe(true);
  });

  test('hangs: who pauses it is answered, and it pauses once it is through', async () => {
    make({ ...CONFIG, patienceMs: 50 });
    store.before = () => hangs;
    await runner.start();
    await append(1);
    await positionsAre({ readings: 1 });
    await expect(runner.pause('store', true, PAUSED)).rejects.toMatchObject({ code: 'projection_busy' });
    letGo();
    await positionsAre({ store: 1 });
    await eventually(async () => runner.states().some(({ paused }) => paused), 'it pauses');
    // Who did it stands there although the answer had been that it lasts.
    expect(audited).toEqual([PAUSED]);
    await append(1);
    await positionsAre({ readings: 2, store: 1 });
  });

  test('cannot be set back: nothing is written of it, and nothing is gone through again', async () => {
    make(KEEPING);
    store.beforeRewind = () => Promise.reject(new WeirError('store_unavailable', 'Not now.'));
    await runner.start();
    await append(3);
    await positionsAre({ readings: 3, store: 3 });
    await expect(runner.replay('store', 1, REPLAYED)).rejects.toMatchObject({ code: 'store_unavailable' });
    await append(1);
    await positionsAre({ store: 4 });
    expect(audited).toEqual([]);
    expect(store.seen).toEqual([1, 2, 3, 4]);
    store.beforeRewind = () => Promise.resolve();
    await runner.replay('store', 2, REPLAYED);
    await positionsAre({ store: 4 });
    expect(store.again).toEqual([2, 3, 4]);
    expect(audited).toEqual([{ ...REPLAYED, after: { from: 2, entries: 3 } }]);
  });

  test.each([
    ['stands where it stood', 0, [1, 2, 3, 4]],
    ['cannot be taken back either: what comes again passes as applied', 2, [1, 2, 3, 1, 2, 3, 4]],
  ] as const)('is set back where nobody can write who did it: %s', async (_, fails, seen) => {
    make(KEEPING);
    await runner.start();
    await append(3);
    await positionsAre({ readings: 3, store: 3 });
    refusesToSave = true;
    let rewinds = 0;
    store.beforeRewind = async () => {
      rewinds += 1;
      if (rewinds === fails) throw new WeirError('store_unavailable', 'Not now.');
    };
    await expect(runner.replay('store', 1, REPLAYED)).rejects.toMatchObject({ code: 'database_unreachable' });
    await append(1);
    await positionsAre({ store: 4 });
    expect(store.seen).toEqual(seen);
    expect(store.again).toEqual([]);
    expect(audited).toEqual([]);
  });

  test('fails for want of its surroundings: it is tried again and sets nothing aside; the others go on', async () => {
    let full = true;
    faults.before = async () => {
      if (full) throw new WeirError('database_unreachable', 'Gone.');
    };
    await runner.start();
    await append(6);
    await positionsAre({ readings: 6, store: 6, faults: 0 });
    await eventually(async () => (await metric('projection_failures_total', 'faults')) >= 3, 'three tries');
    expect(told.reporter.healthStates()['projection faults']).toMatchObject({ healthy: false });
    expect(runner.states().find(({ name }) => name === 'faults')).toMatchObject({ lagEntries: 6, position: 0 });
    expect(quarantined).toEqual([]);
    full = false;
    await positionsAre({ faults: 6 });
    expect(faults.seen).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('rejects one batch: only it is set aside, only there', async () => {
    readings.before = async (entries) => {
      if (entries.some(({ position, batch }) => position === 3 && batch.createdAtMs === 1))
        throw new WeirError('batch_unreadable', 'A poison.');
    };
    await runner.start();
    await append(6);
    await positionsAre({ readings: 6, store: 6, faults: 6 });
    expect(readings.seen).toEqual([1, 2, 4, 5, 6]);
    expect(faults.seen).toEqual([1, 2, 3, 4, 5, 6]);
    expect(quarantined).toEqual([{ reader: 'readings', position: 3 }]);
    expect(await metric('projection_set_aside_total', 'readings')).toBe(1);
  });

  test('of one agent nothing passes any more: all of it is set aside, and the others are not held up', async () => {
    // Twenty tries, each after a pause: nothing here is about how long they are.
    const sleep = clock.sleep.bind(clock);
    clock.sleep = (ms, signal) => sleep(Math.min(ms, 5), signal);
    readings.before = async (entries) => {
      if (entries.some(({ position, batch }) => position > 1 && batch.agent === 'agent-1' && batch.createdAtMs === 1))
        throw new WeirError('batch_unreadable', 'A poison.');
    };
    await runner.start();
    await append(1, 0, 'agent-2');
    await append(4);
    await append(1, 0, 'agent-2');
    await positionsAre({ readings: 6 });
    expect(readings.seen).toEqual([1, 6]);
    expect(quarantined.map(({ position }) => position)).toEqual([2, 3, 4, 5]);
  });

  test('a store that is stuck for so long that the journal is full: only the store misses the oldest, and says so', async () => {
    store.before = () => hangs;
    await runner.start();
    const bytes = 64 * 1024;
    // 10 MiB through a journal that takes 4.
    for (let at = 1; at <= 160; at += 1) {
      await append(1, bytes);
      await positionsAre({ readings: at, faults: at });
      clock.leap(20_000);
    }
    expect(runner.positions()['store']).toBe(0);
    await eventually(async () => journal.sizeBytes() <= CONFIG.storeBacklogBytes, 'the oldest have gone');
    const kept = journal.lastPosition() - journal.firstPosition() + 1;
    expect(kept).toBeGreaterThan(0);
    // The chunk that hangs was read before they went.
    store.before = () => Promise.resolve();
    letGo();
    await positionsAre({ store: 160 });
    const missed = await metric('projection_missed_total', 'store');
    expect(missed).toBeGreaterThan(100);
    expect(await metric('projection_missed_total', 'readings')).toBeNaN();
    expect(told.reporter.healthStates()['projection store']).toMatchObject({ healthy: false });
    expect(told.reporter.healthStates()['projection store']?.message).toMatch(/were gone from the journal/);
    expect((await metric('projection_applied_total', 'store')) + missed).toBe(160);
    clock.leap(3_601_000);
    expect(told.reporter.healthStates()['projection store']?.healthy).toBe(true);
  });

  test('evidence is never passed over: with the faults stuck the journal fills, and takes no more', async () => {
    faults.before = () => hangs;
    await runner.start();
    const bytes = 512 * 1024;
    await expect(append(20, bytes)).rejects.toMatchObject({ code: 'journal_full' });
    expect(journal.firstPosition()).toBe(1);
    faults.before = () => Promise.resolve();
    letGo();
    await positionsAre({ faults: journal.lastPosition() });
    expect(await metric('projection_missed_total', 'faults')).toBeNaN();
  });

  test('a database of an older backup: what the journal still has is applied again, what it has no longer is told', async () => {
    await append(10);
    await journal.trim(6);
    readings.committed = 2;
    faults.committed = 8;
    store.committed = 10;
    await runner.start();
    await positionsAre({ readings: 10, faults: 10, store: 10 });
    expect(readings.seen).toEqual([7, 8, 9, 10]);
    expect(faults.seen).toEqual([9, 10]);
    expect(store.seen).toEqual([]);
    expect(await metric('projection_missed_total', 'readings')).toBe(4);
    const health = told.reporter.healthStates();
    expect(health['projection readings']).toMatchObject({
      healthy: false,
      message: 'at position 10: entries_missed: positions 3 to 6 were gone from the journal before they were applied',
    });
    expect(health['projection faults']?.healthy).toBe(true);
  });

  test('holds less after a failure than it had told: it is gone through from where it stands', async () => {
    await runner.start();
    await append(8);
    await positionsAre({ store: 8 });
    store.before = async () => {
      store.before = () => Promise.resolve();
      store.committed = 3;
      throw new WeirError('store_unavailable', 'Opened at an earlier position.');
    };
    await append(1);
    await eventually(async () => store.seen.includes(9), 'the last one');
    expect(store.seen.slice(8)).toEqual([4, 5, 6, 7, 8, 9]);
    expect(readings.seen).toHaveLength(9);
  });

  test('what is gone from the journal is counted once, however often what follows fails', async () => {
    await append(10);
    await journal.trim(6);
    store.committed = 2;
    let left = 3;
    store.before = async () => {
      if ((left -= 1) >= 0) throw new WeirError('store_unavailable', 'Not now.');
    };
    await runner.start();
    await positionsAre({ store: 10 });
    expect(await metric('projection_missed_total', 'store')).toBe(4);
    const lines = told.lines.filter((line) => line.includes('entries_missed') && line.includes('"store"'));
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '{}')).toMatchObject({ code: 'entries_missed', from: 3, to: 6, projection: 'store' });
  });
});
