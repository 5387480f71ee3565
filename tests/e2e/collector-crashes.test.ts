// Collectors that are killed, replaced, and come back: store, alarms and readings equal those of a run without trouble, asked over the API.
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Poll } from '../../common/model/poll.ts';
import type { Receipt } from '../../common/model/batch.ts';
import { type ReadingsAnswer, unpackValues } from '../../common/wire/reading-page.ts';
import { type BundledProgram, bundledProgram } from '../support/bundled-program.ts';
import { ADMINISTRATOR, AGENT, CollectorFixture, eventually, INCARNATION } from '../support/collector-fixture.ts';
import { interfacePoll } from '../support/poll-builder.ts';
import { startTestDatabase, type TestDatabase } from '../support/test-database.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 90_000 });

const MINUTE = 60_000;
const T0 = Math.floor(Date.now() / MINUTE) * MINUTE - 90 * MINUTE;
const BATCHES = 60;
const KILLS = 8;
const DOWN = [
  [10, 20],
  [35, 41],
  [55, 70],
] as const;

/** A little in one minute, much in the next: a poll that were missing would show in the series of both. */
const octetsAt = (sequence: number): bigint =>
  BigInt(Math.floor(sequence / 2)) * 66_000n + BigInt(sequence % 2) * 6000n;

function pollOf(sequence: number): Poll {
  const oper = DOWN.some(([from, to]) => sequence >= from && sequence < to) ? 2 : 1;
  return interfacePoll({
    device: 'core1',
    atMs: T0 + sequence * MINUTE,
    interfaces: [{ key: 'ge-0/0/1', inOctets: octetsAt(sequence), outOctets: 1n, speedBps: 1e9, oper }],
  });
}

const send = (fixture: CollectorFixture, sequence: number): Promise<Receipt> =>
  fixture.receipt({ sequence, polls: [pollOf(sequence)] });

async function sendAll(fixture: CollectorFixture, from: number, to: number): Promise<void> {
  for (let sequence = from; sequence <= to; sequence += 1) await send(fixture, sequence);
}

async function readingsOf(fixture: CollectorFixture): Promise<bigint[]> {
  const found: bigint[] = [];
  for (let after = ''; ; ) {
    const answer = await fixture.get<ReadingsAnswer>(`/api/v1/readings?after=${after}`);
    for (const page of answer.items) {
      const rows = answer.layouts.find(({ id }) => id === page.layout)?.rows.length ?? 0;
      found.push(unpackValues(page.values, page.present, rows * 3)[0] ?? -1n);
    }
    if (!answer.more) return found.toSorted((a, b) => (a < b ? -1 : 1));
    after = answer.next;
  }
}

/** Times are corrected by a clock offset that is measured at each arrival, some milliseconds; polls are a minute apart. */
function minuteOf(at: string): number {
  return Math.round((Date.parse(at) - T0) / MINUTE);
}

/** When the interface went down and came up, as the alarm's history tells it. */
async function historyOf(fixture: CollectorFixture): Promise<unknown[]> {
  const { items } = await fixture.get<{ items: { id: string; alarmType: string; resource: string }[] }>(
    '/api/v1/alarms?state=all',
  );
  const found = [];
  for (const { id, alarmType, resource } of items.filter(({ alarmType: type }) => type === 'interface-down')) {
    const { statusChanges } = await fixture.get<{ statusChanges: { at: string; severity: string }[] }>(
      `/api/v1/alarms/${id}`,
    );
    found.push({
      alarmType,
      resource,
      changes: statusChanges.map(({ at, severity }) => ({ at: minuteOf(at), severity })),
    });
  }
  return found;
}

/** Octets of each minute between the first poll and the last, in steps wide enough for a time that is some milliseconds off. */
async function seriesOf(fixture: CollectorFixture): Promise<number[]> {
  const [from, to] = [T0 + MINUTE, T0 + BATCHES * MINUTE].map((at) => new Date(at).toISOString());
  const place = `metric=in_octets&resource=core1/ge-0/0/1&function=delta&from=${from}&to=${to}&step=1m`;
  const { points } = await fixture.get<{ points: { value: string | null }[] }>(`/api/v1/series?${place}`);
  return points.map(({ value }) => Math.round(Number(value ?? -1) / 6000));
}

const caughtUp = (fixture: CollectorFixture): Promise<void> =>
  eventually(
    async () => {
      const { items, journal } = await fixture.get<{
        items: { position: number | null }[];
        journal: { lastPosition: number };
      }>('/api/v1/projections');
      return items.every(({ position }) => position === journal.lastPosition);
    },
    'all projections at the end of the journal',
    60_000,
  );

const valuesTo = (last: number): bigint[] => Array.from({ length: last }, (_, at) => octetsAt(at + 1));

let database: TestDatabase;
let folders: string[];
beforeEach(async () => {
  database = await startTestDatabase();
  folders = [];
});
afterEach(async () => {
  await database.stop();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-crashes-'));
  folders.push(folder);
  return folder;
}

const journalOf = (folder: string): string => path.join(folder, 'collector', 'journal');

describe('killed at random moments', () => {
  let program: BundledProgram;
  let undisturbed: { alarms: unknown[]; series: number[] };
  beforeAll(async () => {
    program = await bundledProgram('collector-until-killed.ts');
    const other = await startTestDatabase();
    const folder = mkdtempSync(path.join(tmpdir(), 'weir-crashes-'));
    const fixture = new CollectorFixture(other, folder, {});
    await fixture.start();
    await sendAll(fixture, 1, BATCHES);
    await caughtUp(fixture);
    undisturbed = { alarms: await historyOf(fixture), series: await seriesOf(fixture) };
    await fixture.stop();
    await other.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  afterAll(() => program.remove());

  async function started(folder: string): Promise<{ child: ChildProcess; client: CollectorFixture }> {
    const child = program.start([database.url, folder, ADMINISTRATOR, AGENT]);
    const port = await new Promise<string>((resolve, reject) => {
      child.stdout.once('data', (text: Buffer) => resolve(text.toString().trim()));
      child.once('exit', (code) => reject(new Error(`ended with ${code}`)));
    });
    return { child, client: new CollectorFixture(database, folder, {}, `http://127.0.0.1:${port}`) };
  }

  test('the same as a run without a kill', async () => {
    const seed = Number(process.env['WEIR_SEED'] ?? Date.now() % 1_000_000);
    process.stdout.write(`collector crashes: WEIR_SEED=${seed}\n`);
    let state = seed >>> 0;
    const random = (): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 2 ** 32;
    };
    const folder = newFolder();
    let next = 1;
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const { child, client } = await started(folder);
      const ended = new Promise((resolve) => child.once('exit', resolve));
      const until = Math.floor((BATCHES * kill) / (KILLS + 1));
      // From in the middle of a batch to long after the last answer, so that every projection is hit.
      const afterMs = random() * 400;
      let timer: NodeJS.Timeout | null = null;
      while (next <= until) {
        if (next >= until - 3) timer ??= setTimeout(() => child.kill('SIGKILL'), afterMs);
        const receipt = await send(client, next).catch(() => null);
        if (receipt === null) break;
        next += 1;
      }
      timer ??= setTimeout(() => child.kill('SIGKILL'), afterMs);
      await ended;
    }
    const fixture = new CollectorFixture(database, folder, {});
    await fixture.start();
    try {
      await sendAll(fixture, next, BATCHES);
      await caughtUp(fixture);
      expect(await readingsOf(fixture)).toEqual(valuesTo(BATCHES));
      expect(await historyOf(fixture)).toEqual(undisturbed.alarms);
      expect(await seriesOf(fixture)).toEqual(undisturbed.series);
      expect(undisturbed.series.slice(1)).toEqual(
        Array.from({ length: BATCHES - 2 }, (_, at) => (at % 2 === 0 ? 1 : 10)),
      );
      expect(undisturbed.alarms).toHaveLength(1);
      expect((undisturbed.alarms[0] as { changes: unknown[] }).changes).toHaveLength(5);
      expect((await fixture.get<{ items: unknown[] }>('/api/v1/quarantine')).items).toEqual([]);
    } finally {
      await fixture.stop();
    }
  });
});

describe('two collectors on one database', () => {
  const controls = async (fixture: CollectorFixture, verb: 'pause' | 'resume'): Promise<void> => {
    for (const name of ['readings', 'faults', 'store'])
      expect((await fixture.post(`/api/v1/projections/${name}/${verb}`, {})).status).toBe(200);
  };

  test('one dies with batches it has not applied, the other takes over, the first comes back: once each, and no alarm of the past', async () => {
    const [a, b] = [new CollectorFixture(database, newFolder(), {}), new CollectorFixture(database, newFolder(), {})];
    try {
      await a.start();
      await sendAll(a, 1, 5);
      await a.applied(5);
      await caughtUp(a);
      // Acknowledged and not applied; in them the interface goes down.
      await controls(a, 'pause');
      await sendAll(a, 6, 15);
      await a.stop();
      await b.start();
      const receipt = await b.get<Receipt>(`/api/v1/batches/receipt?incarnation=${INCARNATION}`, AGENT);
      expect(receipt.applied).toBe(5);
      await sendAll(b, 6, 25);
      await b.applied(25);
      const alarms = await historyOf(b);
      expect((alarms[0] as { changes: unknown[] }).changes).toHaveLength(2);
      const notifications = await b.get('/api/v1/alarms?state=all');
      await a.restart();
      await controls(a, 'resume');
      await caughtUp(a);
      expect(await historyOf(b)).toEqual(alarms);
      expect(await b.get('/api/v1/alarms?state=all')).toEqual(notifications);
      expect(await readingsOf(b)).toEqual(valuesTo(25));
      expect(await readingsOf(a)).toEqual(valuesTo(25));
    } finally {
      await a.stop();
      await b.stop();
    }
  });
});

describe('a journal that is lost', () => {
  test('garbled: refused with what to do; taken away: agents go back to what was applied, and nothing is doubled', async () => {
    const folder = newFolder();
    const fixture = new CollectorFixture(database, folder, {});
    try {
      await fixture.start();
      await sendAll(fixture, 1, 5);
      await fixture.applied(5);
      expect((await fixture.post('/api/v1/projections/readings/pause', {})).status).toBe(200);
      await sendAll(fixture, 6, 9);
      await fixture.stop();
      writeFileSync(path.join(journalOf(folder), 'journal.mdb'), Buffer.alloc(16_384, 0x55));
      await expect(fixture.start()).rejects.toMatchObject({ code: 'journal_damaged' });
      rmSync(journalOf(folder), { recursive: true });
      await fixture.restart();
      const receipt = await fixture.get<Receipt>(`/api/v1/batches/receipt?incarnation=${INCARNATION}`, AGENT);
      expect(receipt).toMatchObject({ received: 5, applied: 5 });
      await sendAll(fixture, 6, 12);
      await fixture.applied(12);
      await caughtUp(fixture);
      expect(await readingsOf(fixture)).toEqual(valuesTo(12));
      expect((await historyOf(fixture))[0]).toMatchObject({ changes: [expect.anything()] });
    } finally {
      await fixture.stop();
    }
  });
});
