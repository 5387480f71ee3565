// What happens to a scheduler while it runs: other devices, wishes, what it learns, and a network of which half is dead. Under a virtual clock.
import { afterEach, describe, expect, test } from 'vitest';
import { LearntFile } from '../../../agent/poll/learnt-file.ts';
import type { PingResult } from '../../../agent/poll/ping.ts';
import type { ScheduledDevice } from '../../../agent/poll/polled-device.ts';
import { phaseOf } from '../../../agent/poll/timetable.ts';
import { FRESH_MEMORY } from '../../../agent/snmp/walk-sizing.ts';
import { codeOf } from '../../../common/runtime/errors.ts';
import { FakeReader, MINUTE, names, type Rig, start, stop, stopRigs } from '../../support/scheduler-rig.ts';

afterEach(stopRigs);

const device = (name: string, words: Partial<ScheduledDevice> = {}): ScheduledDevice => ({
  name,
  intervalMs: MINUTE,
  access: 'as before',
  ...words,
});
const timesOf = (rig: Rig, name: string): number[] => rig.pollsOf(name).map((poll) => poll.startedAtMs);
const reader = (rig: Rig, name: string): FakeReader => {
  const found = rig.readers.get(name);
  if (found === undefined) throw new Error(`no reader of ${name}`);
  return found;
};

describe('another list of devices', () => {
  /** Times of the polls of all but one device, in a run of 20 minutes in which that one is changed, or not. */
  async function timesOfOthers(change: ((rig: Rig) => void) | null): Promise<Map<string, number[]>> {
    const rig = await start(names(30), { devices: names(30).map((name) => device(name)) });
    await rig.clock.advance(5 * MINUTE + 1234);
    change?.(rig);
    await rig.clock.advance(15 * MINUTE);
    return new Map(
      names(30)
        .slice(1)
        .map((name) => [name, timesOf(rig, name)]),
    );
  }

  const all = (): ScheduledDevice[] => names(30).map((name) => device(name));
  test.each<[string, (rig: Rig) => void]>([
    [
      'another interval',
      (rig) => rig.scheduler.configure([device('device-0', { intervalMs: 10_000 }), ...all().slice(1)]),
    ],
    [
      'another access',
      (rig) => rig.scheduler.configure([device('device-0', { access: 'otherwise' }), ...all().slice(1)]),
    ],
    ['it is gone', (rig) => rig.scheduler.configure(all().slice(1))],
    ['a new one beside it', (rig) => rig.scheduler.configure([device('new'), ...all()])],
    ['the same list', (rig) => rig.scheduler.configure(all())],
  ])('%s of one device: all others are polled as if nothing had happened, to the millisecond', async (_, change) => {
    const undisturbed = await timesOfOthers(null);
    expect(await timesOfOthers(change)).toEqual(undisturbed);
    for (const times of undisturbed.values()) expect(times.length).toBeGreaterThanOrEqual(20);
  });

  test('tells what it changed', async () => {
    const rig = await start(['a', 'b', 'c'], { devices: ['a', 'b', 'c'].map((name) => device(name)) });
    const list = [device('a'), device('b', { intervalMs: 30_000 }), device('d')];
    expect(rig.scheduler.configure(list)).toEqual({ added: ['d'], changed: ['b'], removed: ['c'] });
    expect(rig.scheduler.configure(list)).toEqual({ added: [], changed: [], removed: [] });
    expect(rig.scheduler.reports().map((report) => report.device)).toEqual(['a', 'b', 'd']);
  });

  test('a new device is polled soon and then on its own place', async () => {
    const rig = await start(['a', 'new'], { devices: [device('a')] });
    await rig.clock.advance(3 * MINUTE + 77);
    expect(rig.pollsOf('new')).toEqual([]);
    rig.scheduler.configure([device('a'), device('new')]);
    await rig.clock.advance(15_000);
    expect(rig.pollsOf('new').length).toBe(1);
    await rig.clock.advance(5 * MINUTE);
    for (const time of timesOf(rig, 'new').slice(1)) expect(time % MINUTE).toBe(phaseOf('new', MINUTE));
  });

  test('a device that is gone ends its poll in hand, which is kept, and is not polled again', async () => {
    const closed: string[] = [];
    const rig = await start(
      ['a', 'b'],
      { firstPollWithinMs: 0 },
      { close: (name) => void closed.push(name) },
      (one) => {
        one.latencyMs = 2000;
      },
    );
    await rig.clock.advance(1000);
    rig.scheduler.configure([{ name: 'b', intervalMs: MINUTE }]);
    await rig.clock.advance(10 * MINUTE);
    expect(rig.pollsOf('a').map((poll) => poll.outcome)).toEqual(['complete']);
    expect(rig.pollsOf('b').length).toBeGreaterThanOrEqual(10);
    expect(closed).toEqual(['a']);
    expect(rig.scheduler.explain('a')).toBeNull();
  });

  test('gone and back while its poll is in hand: nothing is lost and nothing doubled', async () => {
    const rig = await start(['a'], { firstPollWithinMs: 0 }, {}, (one) => {
      one.latencyMs = 2000;
    });
    await rig.clock.advance(1000);
    rig.scheduler.configure([]);
    rig.scheduler.configure([{ name: 'a', intervalMs: MINUTE }]);
    await rig.clock.advance(5 * MINUTE);
    const times = timesOf(rig, 'a');
    expect(times.length).toBeGreaterThanOrEqual(5);
    for (const [at, time] of times.entries()) if (at > 1) expect(time - (times[at - 1] ?? 0)).toBe(MINUTE);
  });

  test('another interval keeps session and names; another access opens a new session and believes nothing', async () => {
    const opened: string[] = [];
    const fake = new Map<string, FakeReader>();
    const rig = await start(
      ['a'],
      { devices: [device('a')] },
      {
        open: (name) => {
          opened.push(name);
          const made = new FakeReader(rig.clock);
          fake.set(name, made);
          return made;
        },
      },
    );
    await rig.clock.advance(2 * MINUTE);
    rig.scheduler.configure([device('a', { intervalMs: 20_000 })]);
    await rig.clock.advance(2 * MINUTE);
    expect(opened).toEqual(['a']);
    const isFull = (poll: { readonly tables: readonly { readonly name: string }[] } | undefined): boolean =>
      poll?.tables.some((table) => table.name === 'interface-inventory') === true;
    expect(rig.pollsOf('a').filter(isFull).length).toBe(1);
    rig.scheduler.configure([device('a', { intervalMs: 20_000, access: 'otherwise' })]);
    await rig.clock.advance(MINUTE);
    expect(opened).toEqual(['a', 'a']);
    expect(rig.pollsOf('a').filter(isFull).length).toBe(2);
  });
});

describe('a poll that is asked for', () => {
  test('comes at once, and the places of the device stay where they were', async () => {
    const rig = await start(['a']);
    await rig.clock.advance(3 * MINUTE);
    const place = phaseOf('a', MINUTE);
    const before = rig.clock.now();
    const asked = rig.scheduler.pollNow('a');
    await rig.clock.advance(1000);
    expect((await asked).startedAtMs - before).toBeLessThan(100);
    await rig.clock.advance(3 * MINUTE);
    const regular = timesOf(rig, 'a').filter((time) => time % MINUTE === place);
    expect(regular.at(-1)).toBeGreaterThan(before + 2 * MINUTE);
    for (const [at, time] of regular.entries()) if (at > 0) expect(time - (regular[at - 1] ?? 0)).toBe(MINUTE);
  });

  test('joins the one in hand, and whoever asks meanwhile gets the same', async () => {
    const rig = await start(['a'], {}, {}, (one) => {
      one.latencyMs = 500;
    });
    await rig.clock.advance(2 * MINUTE);
    const spans = reader(rig, 'a').spans.length;
    const first = rig.scheduler.pollNow('a');
    await rig.clock.advance(100);
    const second = rig.scheduler.pollNow('a');
    await rig.clock.advance(2000);
    expect(await second).toBe(await first);
    expect(reader(rig, 'a').spans.length).toBe(spans + 1);
  });

  test('a storm of wishes makes a poll every five seconds, none at once with another', async () => {
    const rig = await start(['a']);
    await rig.clock.advance(2 * MINUTE);
    const before = timesOf(rig, 'a').length;
    for (let turn = 0; turn < 300; turn += 1) {
      void rig.scheduler.pollNow('a');
      await rig.clock.advance(100);
    }
    const times = timesOf(rig, 'a').slice(before);
    expect(times.length).toBeGreaterThanOrEqual(6);
    expect(times.length).toBeLessThanOrEqual(9);
    const spans = reader(rig, 'a').spans;
    for (const [at, span] of spans.entries()) expect(span.to ?? 0).toBeLessThanOrEqual(spans[at + 1]?.from ?? Infinity);
  });

  test('wakes a device that is only probed now and then', async () => {
    const rig = await start(['a']);
    await rig.clock.advance(MINUTE);
    reader(rig, 'a').dead = true;
    await rig.clock.advance(20 * MINUTE);
    expect(rig.scheduler.explain('a')?.breakerOpen).toBe(true);
    reader(rig, 'a').dead = false;
    const asked = rig.scheduler.pollNow('a');
    await rig.clock.advance(5000);
    expect(await asked).toMatchObject({ outcome: 'complete' });
    expect(rig.scheduler.explain('a')?.breakerOpen).toBe(false);
  });

  test('is refused for a device that is not there, beyond a bound, and by an agent that stops', async () => {
    const rig = await start(names(1100), { concurrency: 1, firstPollWithinMs: 0 }, {}, (one) => {
      one.latencyMs = 10_000;
    });
    const codes = names(1100).map((name) =>
      rig.scheduler.pollNow(name).then(
        () => 'polled',
        (error: unknown) => codeOf(error),
      ),
    );
    expect(await rig.scheduler.pollNow('nobody').catch(codeOf)).toBe('device_unknown');
    expect(await codes.at(-1)).toBe('poll_queue_full');
    await stop(rig);
    const told = await Promise.all(codes);
    // One is in hand, 1,000 wait.
    expect(told.filter((code) => code === 'poll_queue_full').length).toBe(99);
    expect(told.filter((code) => code === 'not_ready').length).toBeGreaterThan(900);
    expect(await rig.scheduler.pollNow('device-1').catch(codeOf)).toBe('not_ready');
  });

  test('of a device that is removed meanwhile is given up', async () => {
    const rig = await start(['a']);
    await rig.clock.advance(MINUTE);
    void rig.scheduler.pollNow('a');
    await rig.clock.advance(100);
    const asked = rig.scheduler.pollNow('a').catch(codeOf);
    rig.scheduler.configure([]);
    await rig.clock.advance(10_000);
    expect(await asked).toBe('device_unknown');
  });
});

describe('what a device taught', () => {
  class Place {
    bytes: Uint8Array | null = null;
    writes = 0;
    read(): Uint8Array | null {
      return this.bytes;
    }
    write(bytes: Uint8Array): boolean {
      this.writes += 1;
      this.bytes = bytes;
      return true;
    }
  }
  const taught = new Map([['interface', { ...FRESH_MEMORY, ceiling: 4, cause: 'silence' as const }]]);

  test('is written every few minutes and at the stop, and told to the reader of the next life', async () => {
    const place = new Place();
    const first = await start(['a', 'b'], {}, { learnt: new LearntFile(place) });
    await first.clock.advance(2 * MINUTE);
    reader(first, 'a').taught = taught;
    await first.clock.advance(2 * MINUTE);
    expect(place.writes).toBe(0);
    await first.clock.advance(2 * MINUTE);
    expect(place.writes).toBe(1);
    await first.clock.advance(30 * MINUTE);
    expect(place.writes).toBe(1);
    reader(first, 'b').taught = taught;
    await stop(first);
    expect(place.writes).toBe(2);
    const second = await start(['a', 'b'], {}, { learnt: new LearntFile(place) });
    await second.clock.advance(MINUTE);
    expect(reader(second, 'a').recalled).toEqual(taught);
    expect(reader(second, 'b').recalled).toEqual(taught);
  });

  test('is not lost by a life in which the device was never polled', async () => {
    const place = new Place();
    const first = await start(['a'], {}, { learnt: new LearntFile(place) });
    await first.clock.advance(MINUTE);
    reader(first, 'a').taught = taught;
    await stop(first);
    await stop(await start(['a'], {}, { learnt: new LearntFile(place) }));
    expect(new LearntFile(place).read().get('a')?.limits).toEqual(taught);
  });
});

describe('counters that refresh slowly', () => {
  test('widen the interval of that device, which is said once; others keep theirs', async () => {
    const rig = await start(['slow', 'quick'], {
      devices: ['slow', 'quick'].map((name) => ({ name, intervalMs: 1000 })),
      firstPollWithinMs: 0,
    });
    const per = (ms: number) => () => BigInt(Math.floor(rig.clock.monotonicMs() / ms) * ms * 1000);
    reader(rig, 'slow').octets = per(5000);
    reader(rig, 'quick').octets = per(1);
    await rig.clock.advance(2 * MINUTE);
    expect(rig.notices).toMatchObject([
      {
        device: 'slow',
        name: 'counters_refresh_slowly',
        details: [
          { name: 'interval_ms', value: '5000' },
          { name: 'configured_interval_ms', value: '1000' },
        ],
      },
    ]);
    expect(rig.scheduler.explain('slow')).toMatchObject({ intervalMs: 5000, configuredIntervalMs: 1000 });
    expect(rig.scheduler.explain('quick')).toMatchObject({ intervalMs: 1000 });
    const late = rig.pollsOf('slow').slice(-4);
    expect(late.map((poll) => poll.intervalMs)).toEqual([5000, 5000, 5000, 5000]);
    expect((late[3]?.startedAtMs ?? 0) - (late[2]?.startedAtMs ?? 0)).toBe(5000);
    await rig.clock.advance(3 * MINUTE);
    expect(rig.notices.length).toBe(1);
  });

  test.each([
    [10_000, 30_000],
    [20_000, 40_000],
    [30_000, 60_000],
  ])('an interval of %i ms that was widened to %i ms is tried anew after an hour', async (intervalMs, refreshMs) => {
    const rig = await start(['slow'], { devices: [{ name: 'slow', intervalMs }], firstPollWithinMs: 0 });
    const per = (ms: number) => () => BigInt(Math.floor(rig.clock.monotonicMs() / ms) * ms * 1000);
    reader(rig, 'slow').octets = per(refreshMs);
    await rig.clock.advance(20 * MINUTE);
    expect(rig.scheduler.explain('slow')).toMatchObject({ intervalMs: refreshMs });
    reader(rig, 'slow').octets = per(1);
    await rig.clock.advance(65 * MINUTE);
    expect(rig.scheduler.explain('slow')).toMatchObject({ intervalMs });
  });
});

describe('ping', () => {
  const pingThat = (result: PingResult) => ({ ask: () => Promise.resolve(result) });

  test.each<[PingResult, string]>([
    ['answers', 'snmp_silent_but_reachable'],
    ['silent', 'device_silent'],
    ['unknown', 'snmp_timeout'],
  ])('%s: a device whose SNMP is silent fails with %s, also while it is only probed', async (result, failure) => {
    const rig = await start(['a'], { devices: [device('a', { host: '192.0.2.1' })] }, { ping: pingThat(result) });
    await rig.clock.advance(MINUTE);
    reader(rig, 'a').dead = true;
    const before = rig.pollsOf('a').length;
    await rig.clock.advance(20 * MINUTE);
    const failed = rig.pollsOf('a').slice(before);
    expect(failed.length).toBeGreaterThanOrEqual(19);
    for (const poll of failed) expect(poll).toMatchObject({ outcome: 'failed', failure });
    expect(rig.scheduler.explain('a')?.ping).toBe(result);
  });

  test.each<[PingResult, string, string | null]>([
    ['answers', 'complete', null],
    ['silent', 'failed', 'ping_timeout'],
    ['unknown', 'failed', 'ping_unavailable'],
  ])('%s: a device without SNMP is %s at every interval', async (result, outcome, failure) => {
    const rig = await start(
      [],
      { devices: [device('a', { snmp: false, host: '192.0.2.1' })] },
      { ping: pingThat(result) },
    );
    await rig.clock.advance(10 * MINUTE);
    expect(rig.polls.length).toBeGreaterThanOrEqual(10);
    for (const poll of rig.polls) expect(poll).toMatchObject({ outcome, failure, tables: [], requests: 0 });
    expect(rig.scheduler.summary().silent).toBe(outcome === 'failed' ? 1 : 0);
  });

  test('is not asked where SNMP answers', async () => {
    let asked = 0;
    const ping = { ask: () => Promise.resolve(((asked += 1), 'answers') as PingResult) };
    const rig = await start(['a'], { devices: [device('a', { host: '192.0.2.1' })] }, { ping });
    await rig.clock.advance(5 * MINUTE);
    expect(asked).toBe(0);
  });
});

describe('a network of which half is dead', () => {
  test('500 of 1,000 devices: each of the living is polled on time at every interval', async () => {
    const rig = await start(names(1000), { concurrency: 60 }, {}, (one, name) => {
      if (Number(name.split('-')[1]) % 2 === 1) return;
      one.dead = true;
      // Timeouts and the probe that tells silence from size.
      one.latencyMs = 8000;
    });
    await rig.clock.advance(8 * MINUTE);
    const lateness: number[] = [];
    for (const name of names(1000)) {
      if (Number(name.split('-')[1]) % 2 === 0) continue;
      const polls = rig.pollsOf(name);
      // In the first minute nobody knows yet who is dead.
      expect(polls.length).toBeGreaterThanOrEqual(7);
      expect(polls.every((poll) => poll.outcome === 'complete')).toBe(true);
      for (const poll of polls.slice(2)) lateness.push((poll.startedAtMs - phaseOf(name, MINUTE)) % MINUTE);
    }
    expect(Math.max(...lateness)).toBeLessThanOrEqual(1000);
    expect(rig.scheduler.summary().silent).toBe(500);
    const dead = names(1000).filter((name) => Number(name.split('-')[1]) % 2 === 0);
    const before = new Map(dead.map((name) => [name, rig.pollsOf(name).length]));
    await rig.clock.advance(5 * MINUTE);
    // And the dead are told as dead at every interval, once they are only probed.
    for (const name of dead) expect(rig.pollsOf(name).length - (before.get(name) ?? 0)).toBeGreaterThanOrEqual(4);
  }, 120_000);
});
