// The spool: what it took is kept in order, what it cannot keep is told, and no clock or crash makes it lose a batch.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { addGap, gapsBefore } from '../../../agent/spool/gap-list.ts';
import { Spool, SPOOL_DEFAULTS, type SpoolConfig } from '../../../agent/spool/spool.ts';
import type { Batch } from '../../../common/model/batch.ts';
import type { DeviceEvent } from '../../../common/model/event.ts';
import type { Poll } from '../../../common/model/poll.ts';
import { decodeBatch } from '../../../common/wire/batch-codec.ts';
import { talliesOf } from '../../support/counter-tally.ts';
import { interfacePoll } from '../../support/poll-builder.ts';
import { describeWith } from '../../support/requirements.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { seededRandom } from '../../support/snmp-access.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const START = Date.UTC(2026, 10, 24);
const DAY_MS = 86_400_000;

let folder: string;
let clock: VirtualClock;
let free: number;
let spools: Spool[];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-spool-'));
  clock = new VirtualClock(START);
  free = 1e12;
  spools = [];
});

afterEach(async () => {
  for (const spool of spools) await spool.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Opened {
  readonly spool: Spool;
  readonly lines: string[];
  readonly metrics: () => Promise<string>;
}

async function open(config: Partial<SpoolConfig> = {}): Promise<Opened> {
  const { reporter, lines } = silentReporter();
  const whole = { ...SPOOL_DEFAULTS, agent: 'agent-1', folder, maxBytes: 1e9, maxAgeMs: 30 * DAY_MS, ...config };
  const spool = new Spool(reporter, whole, { clock, freeBytes: () => free });
  spools.push(spool);
  await spool.start();
  return { spool, lines, metrics: () => reporter.metricsText() };
}

const pollOf = (device: string, octets = 1n): Poll =>
  interfacePoll({ device, atMs: clock.now(), interfaces: [{ key: 'eth0', inOctets: octets }] });

const hand = (spool: Spool, poll: Poll): Promise<void> =>
  spool.accept(poll, { device: poll.device, completeUntilMs: poll.finishedAtMs });

const event = (id: string, device = 'core1'): DeviceEvent => ({
  id,
  device,
  source: '192.0.2.1',
  origin: 'inform',
  name: 'linkDown',
  observedAtMs: clock.now(),
  uptimeTicks: 5,
  interfaceKey: null,
  details: [{ name: 'ifIndex', value: '3' }],
});

async function batches(spool: Spool): Promise<Batch[]> {
  const found: Batch[] = [];
  for (let after = 0; ; after = found.at(-1)?.sequence ?? 0) {
    const next = await spool.next(after);
    if (next === null) return found;
    const batch = decodeBatch(next.bytes);
    expect(batch.sequence).toBe(next.sequence);
    expect(batch.incarnation).toBe(spool.incarnation);
    found.push(batch);
  }
}

/** Hands one poll over and has it written as a batch of its own. */
async function write(spool: Spool, device: string, octets = 1n): Promise<string> {
  const kept = hand(spool, pollOf(device, octets)).then(
    () => 'kept',
    (error: { code: string }) => error.code,
  );
  await spool.flush();
  return kept;
}

describe('gathering', () => {
  test('polls of one linger become one batch, with the last watermark of each device', async () => {
    const { spool } = await open();
    const first = pollOf('a');
    const kept = [hand(spool, first), hand(spool, pollOf('b'))];
    await clock.advance(400);
    const last = pollOf('a', 2n);
    kept.push(hand(spool, last), spool.accept(null, { device: 'c', completeUntilMs: 7 }));
    await clock.advance(500);
    expect(await spool.next(0)).toBeNull();
    await clock.advance(100);
    await Promise.all(kept);
    const [batch, ...others] = await batches(spool);
    expect(others).toEqual([]);
    expect(batch?.polls.map((poll) => poll.device)).toEqual(['a', 'b', 'a']);
    expect(batch?.polls[0]).toEqual(first);
    expect(batch?.watermarks).toEqual([
      { device: 'a', completeUntilMs: last.finishedAtMs },
      { device: 'b', completeUntilMs: START },
      { device: 'c', completeUntilMs: 7 },
    ]);
  });

  test('a full batch does not wait, and what comes after it waits its own time', async () => {
    const { spool } = await open({ maxBatchPolls: 2 });
    await clock.advance(10);
    await Promise.all([hand(spool, pollOf('a')), hand(spool, pollOf('b'))]);
    await clock.advance(900);
    const third = hand(spool, pollOf('c'));
    await clock.advance(999);
    expect(spool.lastSequence).toBe(1);
    await clock.advance(1);
    await third;
    expect((await batches(spool)).map((batch) => batch.polls.length)).toEqual([2, 1]);
  });

  test('many bytes do not wait either', async () => {
    const { spool } = await open({ maxBatchBytes: 1000 });
    const interfaces = Array.from({ length: 50 }, (_, at) => ({ key: `eth${at}`, inOctets: 1n }));
    await hand(spool, interfacePoll({ device: 'big', atMs: START, interfaces }));
    expect(spool.lastSequence).toBe(1);
  });

  test('stopping writes what waits; a stopped spool refuses with a code, and goes on where it was', async () => {
    const { spool } = await open();
    const { incarnation } = spool;
    const kept = hand(spool, pollOf('a'));
    await spool.stop();
    await spool.stop();
    await kept;
    await expect(hand(spool, pollOf('b'))).rejects.toMatchObject({ code: 'not_ready' });
    await spool.start();
    expect(spool.incarnation).toBe(incarnation);
    expect(await write(spool, 'c')).toBe('kept');
    expect((await batches(spool)).map((batch) => [batch.sequence, batch.polls[0]?.device])).toEqual([
      [1, 'a'],
      [2, 'c'],
    ]);
  });

  test('a poll that no batch can hold is refused alone', async () => {
    const { spool, metrics } = await open();
    const broken = pollOf('broken');
    const [table] = broken.tables;
    if (table === undefined) throw new Error('BUG: a poll without a table');
    const wrong = { ...broken, tables: [{ ...table, segments: [] }] };
    const polls = [pollOf('a'), wrong, pollOf('b'), pollOf('c')].map((poll) => hand(spool, poll));
    const settled = Promise.allSettled(polls);
    await spool.flush();
    expect((await settled).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    const devices = (await batches(spool)).flatMap((batch) => batch.polls.map((poll) => poll.device));
    expect(devices).toEqual(['a', 'b', 'c']);
    expect(await metrics()).toContain('weir_spool_polls_refused_total{code="unexpected"} 1');
  });
});

describe('events', () => {
  const idsIn = (found: readonly Batch[]): string[] => found.flatMap(({ events }) => events.map(({ id }) => id));

  test('an event is on the disk before it resolves, and does not wait for polls longer than 20 ms', async () => {
    const { spool } = await open({ lingerMs: 60_000 });
    let kept = false;
    const poll = hand(spool, pollOf('a'));
    const one = event('one');
    void spool.acceptEvent(one).then(() => {
      kept = true;
    });
    await clock.advance(19);
    expect([kept, spool.lastSequence]).toEqual([false, 0]);
    await clock.advance(1);
    expect(kept).toBe(true);
    // What waited goes with it.
    await poll;
    const copy = path.join(folder, 'copy');
    mkdirSync(copy);
    copyFileSync(path.join(folder, 'journal.mdb'), path.join(copy, 'journal.mdb'));
    const other = await open({ folder: copy });
    expect(await batches(other.spool)).toMatchObject([{ events: [one], polls: [{ device: 'a' }] }]);
  });

  test('many at once share one write, also those that come while it is waited for', async () => {
    const { spool } = await open({ lingerMs: 60_000, maxBatchPolls: 1000 });
    const taken = Array.from({ length: 300 }, (_, at) => spool.acceptEvent(event(`early-${at}`)));
    await clock.advance(10);
    taken.push(...Array.from({ length: 300 }, (_, at) => spool.acceptEvent(event(`late-${at}`))));
    await clock.advance(10);
    await Promise.all(taken);
    expect(spool.lastSequence).toBe(1);
    expect(idsIn(await batches(spool))).toHaveLength(600);
    // The next one waits its own time.
    const next = spool.acceptEvent(event('next'));
    await clock.advance(19);
    expect(spool.lastSequence).toBe(1);
    await clock.advance(1);
    await next;
    expect(spool.lastSequence).toBe(2);
  });

  test('on a full disk it is refused with the code: whoever sent it sends it again', async () => {
    const { spool } = await open();
    free = 0;
    const refused = expect(spool.acceptEvent(event('one'))).rejects.toMatchObject({ code: 'journal_full' });
    await clock.advance(20);
    await refused;
    expect(spool.lastSequence).toBe(0);
  });

  test('thinning takes no event', async () => {
    const { spool, metrics } = await open({ maxBytes: 60_000 });
    const handed: string[] = [];
    for (let minute = 0; minute < 400; minute += 1) {
      handed.push(`event-${minute}`);
      void spool.acceptEvent(event(`event-${minute}`, 'a'));
      expect(await write(spool, 'a', BigInt(minute))).toBe('kept');
      await clock.advance(60_000);
    }
    expect(await metrics()).toMatch(/weir_spool_polls_thinned_total [1-9]/);
    const told = await batches(spool);
    expect(idsIn(told)).toEqual(handed.slice(spool.firstSequence - 1));
    expect(told.flatMap(({ polls }) => polls).length).toBeLessThan(told.length / 2);
  });
});

describe('notifications in a full spool', () => {
  test('traps and informs go before a batch with polls is given up; what the agent says itself and results of work stay', async () => {
    const { spool, metrics, lines } = await open({ maxBytes: 30_000 });
    for (let minute = 0; minute < 120; minute += 1) {
      const origin = minute % 10 === 0 ? 'work' : minute % 10 === 1 ? 'agent' : minute % 2 === 0 ? 'trap' : 'inform';
      const details = [{ name: 'text', value: randomBytes(200).toString('base64') }];
      void spool.acceptEvent({ ...event(`event-${minute}`, 'b'), origin, details });
      expect(await write(spool, 'a', BigInt(minute))).toBe('kept');
      await clock.advance(60_000);
    }
    const found = await batches(spool);
    // No octet is lost: every sequence is there, and nothing is told as a gap.
    expect([spool.firstSequence, spool.lastSequence]).toEqual([1, 120]);
    expect(found.flatMap(({ gaps }) => gaps)).toEqual([]);
    const events = found.flatMap((batch) => batch.events);
    expect(events.filter(({ origin }) => origin === 'work')).toHaveLength(12);
    expect(events.filter(({ origin }) => origin === 'agent')).toHaveLength(12);
    expect(events.at(-1)?.id).toBe('event-119');
    expect(events.length).toBeLessThan(120);
    for (const { thinned, events: own } of found) if (!thinned) expect(own.length).toBe(1);
    expect(await metrics()).toContain(`weir_spool_notifications_dropped_total ${120 - events.length}`);
    expect(lines.filter((line) => line.includes('notifications'))).toHaveLength(1);
  });

  test('what a collector may hold stays as it is', async () => {
    const { spool } = await open({ maxBytes: 20_000 });
    for (let minute = 0; minute < 100; minute += 1) {
      if (minute === 20) spool.markSent(20);
      const details = [{ name: 'text', value: randomBytes(200).toString('base64') }];
      void spool.acceptEvent({ ...event(`event-${minute}`, 'b'), origin: 'trap', details });
      expect(await write(spool, 'a', BigInt(minute))).toBe('kept');
      await clock.advance(60_000);
    }
    for (const { sequence, events } of await batches(spool)) if (sequence <= 20) expect(events).toHaveLength(1);
  });
});

describe('thinning', () => {
  /** A poll a minute; the octets tell which. */
  async function minutes(spool: Spool, count: number, device = 'a'): Promise<void> {
    for (let minute = 0; minute < count; minute += 1) {
      expect(await write(spool, device, BigInt(minute))).toBe('kept');
      await clock.advance(60_000);
    }
  }
  const pollsIn = (found: readonly Batch[]): number => found.reduce((sum, { polls }) => sum + polls.length, 0);

  test('before anything is dropped, every sequence stays, marked, on one grid after the other', async () => {
    const { spool, lines } = await open({ maxBytes: 40_000 });
    await minutes(spool, 90);
    expect((await batches(spool)).every(({ thinned }) => !thinned)).toBe(true);
    await minutes(spool, 60);
    const some = await batches(spool);
    expect(some.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 150 }, (_, at) => at + 1));
    expect(some.some(({ thinned }) => thinned)).toBe(true);
    for (const { thinned, polls, watermarks } of some) {
      expect(polls.length).toBe(thinned ? 0 : 1);
      expect(watermarks.length).toBe(polls.length);
    }
    await minutes(spool, 180);
    const more = await batches(spool);
    expect(more.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 330 }, (_, at) => at + 1));
    expect(pollsIn(more)).toBeLessThan(pollsIn(some));
    const grids = lines
      .filter((line) => line.includes('thinned'))
      .map((line) => (JSON.parse(line) as { one_poll_every_ms: number }).one_poll_every_ms);
    expect(grids).toEqual([300_000, 900_000]);
  });

  test('what was sent is thinned last: no sequence should exist in two forms', async () => {
    const { spool } = await open({ maxBytes: 40_000 });
    await minutes(spool, 60);
    spool.markSent(50);
    await minutes(spool, 120);
    const found = await batches(spool);
    expect(found.filter(({ sequence }) => sequence <= 50).every(({ thinned }) => !thinned)).toBe(true);
    expect(found.filter(({ thinned }) => thinned).length).toBeGreaterThan(50);
    expect(found).toHaveLength(180);
    // Also by the next process, which does not know what was sent.
    await spool.stop();
    await spool.start();
    await minutes(spool, 200);
    expect((await batches(spool)).some(({ sequence, thinned }) => sequence <= 50 && thinned)).toBe(true);
    expect(spool.firstSequence).toBe(1);
  });

  test('goes on after a restart where it was, and a batch that the disk changed holds nothing up', async () => {
    const first = await open({ maxBytes: 40_000 });
    await minutes(first.spool, 100);
    const needle = Buffer.from((await first.spool.next(6))?.bytes ?? []).subarray(-40);
    await first.spool.stop();
    const file = path.join(folder, 'journal.mdb');
    const bytes = readFileSync(file);
    for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + 1)) bytes[at] = 0;
    writeFileSync(file, bytes);
    const { spool, metrics } = await open({ maxBytes: 40_000 });
    await minutes(spool, 100);
    expect([spool.firstSequence, spool.lastSequence]).toEqual([1, 200]);
    expect(await metrics()).not.toContain('weir_spool_batches_dropped_total{');
    await spool.trimApplied(7);
    expect(spool.firstSequence).toBe(8);
    const found: Batch[] = [];
    for (let next = await spool.next(7); next !== null; next = await spool.next(next.sequence))
      found.push(decodeBatch(next.bytes));
    expect(found).toHaveLength(193);
    expect(pollsIn(found)).toBeLessThan(100);
  });
});

describe('bounds', () => {
  test('above the bound on bytes the oldest go, and the next batch says which', async () => {
    const { spool, metrics } = await open({ maxBytes: 20_000 });
    for (let turn = 0; turn < 200; turn += 1) expect(await write(spool, `device-${turn}`, BigInt(turn))).toBe('kept');
    const kept = await batches(spool);
    expect(kept.at(-1)?.sequence).toBe(200);
    expect(kept.length).toBeGreaterThan(10);
    expect(kept.length).toBeLessThan(150);
    expect(kept.map((batch) => batch.sequence)).toEqual(kept.map((_, at) => spool.firstSequence + at));
    // Everything before the first is told as missing by some batch that was written.
    const told = kept.flatMap((batch) => batch.gaps);
    expect(told.at(-1)?.lastSequence).toBe(spool.firstSequence - 1);
    expect(told.every((gap) => gap.reason === 'spool_bytes')).toBe(true);
    expect(await metrics()).toContain(
      `weir_spool_batches_dropped_total{reason="spool_bytes"} ${spool.firstSequence - 1}`,
    );
  });

  test('gaps that no batch has told yet survive a restart, and are told once', async () => {
    const first = await open({ maxAgeMs: DAY_MS });
    for (const device of ['a', 'b', 'c']) await write(first.spool, device);
    await clock.advance(2 * DAY_MS);
    expect(first.spool.firstSequence).toBe(4);
    await first.spool.stop();
    const { spool } = await open({ maxAgeMs: DAY_MS });
    await write(spool, 'd');
    await write(spool, 'e');
    expect((await batches(spool)).map((batch) => batch.gaps)).toEqual([
      [{ firstSequence: 1, lastSequence: 3, reason: 'spool_age' }],
      [],
    ]);
  });

  test('only what is too old goes', async () => {
    const { spool } = await open({ maxAgeMs: DAY_MS });
    for (let hour = 0; hour < 60; hour += 1) {
      await write(spool, 'a');
      await clock.advance(3_600_000);
    }
    const kept = await batches(spool);
    expect(kept.length).toBeGreaterThanOrEqual(24);
    expect(kept.length).toBeLessThanOrEqual(25);
  });

  test('a wall clock that steps makes nothing old', async () => {
    const { spool } = await open({ maxAgeMs: DAY_MS });
    clock.step(-50 * 365 * DAY_MS);
    await write(spool, 'before the clock was set');
    clock.step(100 * 365 * DAY_MS);
    await clock.advance(3_600_000);
    await write(spool, 'after');
    await clock.advance(3_600_000);
    expect(await batches(spool)).toHaveLength(2);
  });

  test('age goes on over a restart', async () => {
    const first = await open({ maxAgeMs: DAY_MS });
    await write(first.spool, 'a');
    await clock.advance(0.9 * DAY_MS);
    await write(first.spool, 'b');
    await first.spool.stop();
    clock = new VirtualClock(START + DAY_MS);
    const { spool } = await open({ maxAgeMs: DAY_MS });
    await clock.advance(0.2 * DAY_MS);
    expect((await batches(spool)).map((batch) => batch.polls[0]?.device)).toEqual(['b']);
  });

  test('a full disk refuses with the code and is counted; polling goes on, and so does the spool once there is room', async () => {
    const { spool, metrics, lines } = await open();
    expect(await write(spool, 'a')).toBe('kept');
    free = 0;
    expect(await write(spool, 'a', 2n)).toBe('journal_full');
    expect(await write(spool, 'a', 3n)).toBe('journal_full');
    free = 1e12;
    expect(await write(spool, 'a', 4n)).toBe('kept');
    const kept = await batches(spool);
    // The sequences have no hole: what was refused was never a batch, its counters are in the next poll.
    expect(kept.map((batch) => batch.sequence)).toEqual([1, 2]);
    expect(await metrics()).toContain('weir_spool_polls_refused_total{code="journal_full"} 2');
    expect(lines.some((line) => line.includes('polls not kept'))).toBe(true);
  });
});

describeWith('root', 'on a disk of its own that is too small for the bound', () => {
  test('thins what it has and goes on; whatever happens, no octet of what it kept is lost, and with room it is as ever', async () => {
    const disk = path.join(folder, 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', disk]);
    try {
      const { reporter } = silentReporter();
      const bounds = { agent: 'agent-1', folder: path.join(disk, 'spool'), maxBytes: 1e9, maxAgeMs: 30 * DAY_MS };
      const config = { ...SPOOL_DEFAULTS, ...bounds, reserveBytes: 1024 * 1024 };
      const spool = new Spool(reporter, config, { clock });
      spools.push(spool);
      await spool.start();
      const random = seededRandom(7);
      const octets = Array.from({ length: 400 }, () => 0n);
      const kept: Poll[] = [];
      let refused = 0;
      for (let minute = 0; minute < 120; minute += 1) {
        // Many ports whose values nothing compresses, in some thirty batches a minute.
        for (let device = 0; device < 30; device += 1) {
          const interfaces = octets.map((value, at) => {
            octets[at] = value + BigInt(Math.floor(random() * 2 ** 40));
            return { key: `eth${at}`, inOctets: octets[at] ?? 0n, outOctets: (octets[at] ?? 0n) * 7n, speedBps: 1e14 };
          });
          const poll = interfacePoll({ device: `device-${device}`, atMs: clock.now(), interfaces });
          const taken = hand(spool, poll).then(
            () => (device === 0 ? kept.push(poll) : 0),
            () => {
              refused += 1;
            },
          );
          await spool.flush();
          await taken;
        }
        await clock.advance(60_000);
      }
      // Whole, they would be much more than the disk; what finds no room while there is much to thin is in the next poll.
      expect(refused).toBeLessThan(4);
      expect(spool.firstSequence).toBe(1);
      const found = (await batches(spool)).flatMap(({ polls }) => polls.filter(({ device }) => device === 'device-0'));
      expect(found.length).toBeLessThan(kept.length / 2);
      expect(talliesOf(found)).toEqual(talliesOf(kept));
      execFileSync('mount', ['-o', 'remount,size=256m', disk]);
      expect(await write(spool, 'after')).toBe('kept');
      await spool.stop();
    } finally {
      for (const spool of spools) await spool.stop();
      execFileSync('umount', [disk]);
    }
  }, 60_000);
});

describe('damage and copies', () => {
  test('a batch that the disk changed is given up once those before it are applied, and is told', async () => {
    const { spool } = await open();
    for (const device of ['a', 'b', 'c']) await write(spool, device);
    const needle = Buffer.from((await spool.next(1))?.bytes ?? []).subarray(-40);
    await spool.stop();
    const file = path.join(folder, 'journal.mdb');
    const bytes = readFileSync(file);
    for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + 1)) bytes[at] = 0;
    writeFileSync(file, bytes);
    await spool.start();
    expect((await spool.next(0))?.sequence).toBe(1);
    expect(await spool.next(1)).toBeNull();
    await spool.trimApplied(1);
    expect((await spool.next(1))?.sequence).toBe(3);
    await write(spool, 'd');
    expect((await batches(spool)).map((batch) => batch.gaps)).toEqual([
      [],
      [{ firstSequence: 2, lastSequence: 2, reason: 'spool_damaged' }],
    ]);
  });

  test('pages that are garbage are told at the start, and the file is left as it is', async () => {
    const { spool } = await open();
    for (const device of ['a', 'b', 'c']) await write(spool, device);
    await spool.stop();
    const file = path.join(folder, 'journal.mdb');
    const bytes = readFileSync(file);
    bytes.fill(0xa5, 2 * 4096 + 24);
    writeFileSync(file, bytes);
    await expect(open()).rejects.toMatchObject({ code: 'journal_damaged' });
    expect(readFileSync(file).equals(bytes)).toBe(true);
  });

  test('renewed, all that is kept goes on under the new incarnation, also after a restart', async () => {
    const { spool } = await open();
    const { incarnation } = spool;
    for (const device of ['a', 'b']) await write(spool, device);
    await spool.renew();
    expect(spool.incarnation).not.toBe(incarnation);
    await write(spool, 'c');
    expect((await batches(spool)).map((batch) => [batch.sequence, batch.polls[0]?.device])).toEqual([
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
    ]);
    const renewed = spool.incarnation;
    await spool.stop();
    await spool.start();
    expect(spool.incarnation).toBe(renewed);
    expect(await batches(spool)).toHaveLength(3);
  });
});

describe('arrival', () => {
  test('wakes at a batch, at the time, and at the signal', async () => {
    const { spool } = await open();
    const stop = new AbortController();
    let woken = 0;
    const wait = (after: number): void => void spool.arrival(after, 5000, stop.signal).then(() => (woken += 1));
    wait(0);
    await clock.advance(4000);
    expect(woken).toBe(0);
    await write(spool, 'a');
    await clock.advance(0);
    expect(woken).toBe(1);
    wait(0);
    await clock.advance(0);
    expect(woken).toBe(2);
    wait(1);
    await clock.advance(5000);
    expect(woken).toBe(3);
    wait(1);
    stop.abort();
    await clock.advance(0);
    expect(woken).toBe(4);
  });
});

describe('gap list', () => {
  const range = fc.tuple(fc.integer({ min: 1, max: 3 }), fc.constantFrom('spool_bytes', 'spool_age'));

  test('tells every sequence that was given up, and no other, in few ranges', () => {
    fc.assert(
      fc.property(fc.array(range), fc.array(fc.boolean()), (ranges, skips) => {
        let next = 1;
        const given = new Set<number>();
        let gaps = addGap([], { firstSequence: 1, lastSequence: 1, reason: 'spool_age' });
        given.add(1);
        for (const [at, [length, reason]] of ranges.entries()) {
          next += skips[at] === true ? 2 : 1;
          gaps = addGap(gaps, { firstSequence: next, lastSequence: next + length - 1, reason });
          for (let more = 0; more < length; more += 1) given.add(next + more);
          next += length - 1;
        }
        const told = gaps.flatMap(({ firstSequence, lastSequence }) =>
          Array.from({ length: lastSequence - firstSequence + 1 }, (_, at) => firstSequence + at),
        );
        expect(told).toEqual([...given]);
        const kept = Math.ceil(next / 2);
        const before = gapsBefore(gaps, kept);
        expect(before.every((gap) => gap.firstSequence <= gap.lastSequence && gap.lastSequence < kept)).toBe(true);
        expect(before.at(-1)?.lastSequence ?? 0).toBe(Math.max(0, ...told.filter((sequence) => sequence < kept)));
      }),
    );
  });

  test('is bounded: the oldest ranges run together', () => {
    let gaps = addGap([], { firstSequence: 1, lastSequence: 1, reason: 'spool_age' });
    for (let at = 1; at < 3000; at += 1)
      gaps = addGap(gaps, { firstSequence: at * 2 + 1, lastSequence: at * 2 + 1, reason: 'spool_age' });
    expect(gaps).toHaveLength(1000);
    expect(gaps[0]?.firstSequence).toBe(1);
    expect(gaps.at(-1)?.lastSequence).toBe(5999);
  });
});
