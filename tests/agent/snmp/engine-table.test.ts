// The engine table and its store by themselves: what counts as a restart, what is kept when, bounds, clocks that step.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DeviceNotices } from '../../../agent/snmp/device-notices.ts';
import { EngineStore } from '../../../agent/snmp/engine-store.ts';
import { type EngineRecord, EngineTable } from '../../../agent/snmp/engine-table.ts';
import { KeyRing } from '../../../agent/snmp/key-ring.ts';
import { SealedFile } from '../../../agent/snmp/sealed-file.ts';
import type { DeviceEvent } from '../../../common/model/event.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const ID = (at: number): Buffer => Buffer.from(`80001f8804${String(at).padStart(12, '0')}`, 'hex');
const DAY = 86_400_000;

interface Life {
  readonly clock: VirtualClock;
  readonly table: EngineTable;
  readonly events: DeviceEvent[];
  readonly lines: string[];
}

function life(startMs = 1_700_000_000_000): Life {
  const clock = new VirtualClock(startMs);
  const { reporter, lines } = silentReporter();
  const events: DeviceEvent[] = [];
  const notices = new DeviceNotices(reporter, { clock, onEvent: (event) => events.push(event) });
  return { clock, table: new EngineTable(reporter, { clock, notices }), events, lines };
}

function recordOf({ clock }: Life, id: Buffer, boots = 1, time = 1000): EngineRecord {
  return { id, boots, time, learntAtMs: clock.monotonicMs(), keptTime: null };
}

/** One device whose engine was believed. */
function learn(now: Life, device: string, id: Buffer, boots = 1, time = 1000): EngineRecord {
  const record = recordOf(now, id, boots, time);
  now.table.memoryOf(device).confirm(record, null);
  return record;
}

describe('what is told', () => {
  test('nothing of a first meeting; of many with one id each once, with the first twenty named', () => {
    const now = life();
    for (let at = 0; at < 2000; at += 1) learn(now, `device${at}`, ID(1));
    expect(now.events).toHaveLength(1999);
    const last = now.events.at(-1);
    expect(last?.details.find(({ name }) => name === 'devices')?.value).toBe('2000');
    expect(last?.details.find(({ name }) => name === 'shared_with')?.value.split(', ')).toHaveLength(20);
    expect(now.table.engines().every(({ sharedWith }) => sharedWith.length === 20)).toBe(true);
  });

  test('a device that is polled no more shares with nobody', () => {
    const now = life();
    learn(now, 'a', ID(1));
    now.table.close('a');
    learn(now, 'b', ID(1));
    expect(now.events).toEqual([]);
    now.table.memoryOf('a');
    expect(now.table.engines().map(({ sharedWith }) => sharedWith)).toEqual([['a'], ['b']]);
  });

  test('the same of the same device again after ten minutes, with what was held back meanwhile', async () => {
    const now = life();
    const record = learn(now, 'a', ID(1));
    const memory = now.table.memoryOf('a');
    const restart = (): void => memory.confirm(record, { id: ID(1), boots: 1, time: 9999 });
    for (let at = 0; at < 4; at += 1) restart();
    await now.clock.advance(600_001);
    restart();
    expect(now.events.map(({ name }) => name)).toEqual(['engine_restarted', 'engine_restarted']);
    expect(now.events[0]?.id).not.toBe(now.events[1]?.id);
    expect(now.events[1]?.details).toContainEqual({ name: 'held_back', value: '3' });
  });
});

describe('what is kept', () => {
  test('time goes on by the wall clock while no agent runs', async () => {
    const before = life();
    learn(before, 'a', ID(1), 5, 1000);
    await before.clock.advance(60_000);
    const kept = before.table.kept();
    const after = life(before.clock.now() + DAY);
    after.table.load(kept);
    const record = after.table.memoryOf('a').recall();
    expect(record).toMatchObject({ boots: 5, time: 1060 + 86_400, keptTime: 1060 });
    expect(after.table.engines()).toMatchObject([{ device: 'a', timeSeconds: 1060 + 86_400 }]);
  });

  test('a wall clock that went back does not take time back; one kept unheard is kept as it was', async () => {
    const before = life();
    learn(before, 'a', ID(1), 5, 1000);
    const after = life(before.clock.now() - DAY);
    after.table.load(before.table.kept());
    expect(after.table.memoryOf('a').recall()?.time).toBe(1000);
    await after.clock.advance(5000);
    const third = life(after.clock.now() + 10_000);
    third.table.load(after.table.kept());
    expect(third.table.memoryOf('a').recall()).toMatchObject({ time: 1015, keptTime: 1000 });
  });

  test('more than fifty thousand: those that are polled stay', () => {
    const now = life();
    learn(now, 'polled', ID(1));
    for (let at = 0; at < 50_010; at += 1) {
      learn(now, `gone${at}`, ID(at + 2));
      now.table.close(`gone${at}`);
    }
    const kept = now.table.kept();
    expect(kept).toHaveLength(50_000);
    expect(kept.some(({ device }) => device === 'polled')).toBe(true);
  }, 60_000);
});

describe('the store', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'weir-engine-store-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function storeOf(now: Life, place = path.join(folder, 'engines')): EngineStore {
    const { reporter } = silentReporter();
    const file = new SealedFile(reporter, place);
    const ring = new KeyRing({ secret: () => file.key(), derive: () => Promise.reject(new Error('not asked')) });
    return new EngineStore(reporter, { clock: now.clock, table: now.table, ring, file });
  }
  const readBack = async (): Promise<string[]> => {
    const now = life();
    const store = storeOf(now);
    await store.start();
    for (const device of ['a', 'b']) now.table.memoryOf(device);
    const found = now.table.engines().map(({ device }) => device);
    await store.stop();
    return found;
  };

  test('writes ten seconds after a change, so that a killed process loses little', async () => {
    const now = life();
    const store = storeOf(now);
    await store.start();
    learn(now, 'a', ID(1));
    await now.clock.advance(9000);
    expect(await readBack()).toEqual([]);
    await now.clock.advance(2000);
    expect(await readBack()).toEqual(['a']);
    await store.stop();
  });

  test('writes at the end what is new, and is safe to stop twice and without a start', async () => {
    const now = life();
    const store = storeOf(now);
    await store.stop();
    await store.start();
    learn(now, 'b', ID(1));
    await store.stop();
    await store.stop();
    expect(await readBack()).toEqual(['b']);
  });

  test('a folder that cannot be written costs the memory, nothing else', async () => {
    const now = life();
    const store = storeOf(now, '/dev/null/engines');
    await store.start();
    learn(now, 'a', ID(1));
    await now.clock.advance(20_000);
    expect(now.table.engines()).toHaveLength(1);
    await store.stop();
  });
});
