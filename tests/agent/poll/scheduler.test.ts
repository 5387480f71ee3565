// Many devices under one scheduler: each in its turn, none twice at once, none hurt by another. Under a virtual clock; over UDP at the end.
import { lookup } from 'node:dns/promises';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { LearntFile } from '../../../agent/poll/learnt-file.ts';
import { Scheduler } from '../../../agent/poll/scheduler.ts';
import { phaseOf } from '../../../agent/poll/timetable.ts';
import { SnmpAccess } from '../../../agent/snmp/access.ts';
import type { Poll } from '../../../common/model/poll.ts';
import { SystemClock } from '../../../common/runtime/clock.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import { KeptFile } from '../../../common/runtime/kept-file.ts';
import { bareCatalogue } from '../../support/bare-profile.ts';
import { deviceMib } from '../../support/interface-mib.ts';
import {
  type FakeReader,
  metric,
  MINUTE,
  names,
  type Rig,
  start,
  stop,
  stopRigs,
} from '../../support/scheduler-rig.ts';
import { ScriptedDevice } from '../../support/scripted-device.ts';
import { seededRandom } from '../../support/snmp-access.ts';
import { silentReporter } from '../../support/silent-reporter.ts';

const catalogue = bareCatalogue();

afterEach(stopRigs);

describe('turns', () => {
  test('every device once soon after the start, then once an interval on its own place', async () => {
    const rig = await start(names(50));
    await rig.clock.advance(15_100);
    expect(new Set(rig.polls.map((poll) => poll.device)).size).toBe(50);
    await rig.clock.advance(10 * MINUTE);
    for (const device of names(50)) {
      const times = rig.pollsOf(device).map((poll) => poll.startedAtMs);
      expect(times.length).toBeGreaterThanOrEqual(10);
      for (const [at, time] of times.entries()) {
        if (at === 0) continue;
        expect(time % MINUTE).toBe(phaseOf(device, MINUTE));
        if (at > 1) expect(time - (times[at - 1] ?? 0)).toBe(MINUTE);
      }
    }
  });

  test('never more at once than the configuration allows, and all in the end', async () => {
    const rig = await start(names(40), { concurrency: 4, firstPollWithinMs: 0 }, {}, (reader) => {
      reader.latencyMs = 500;
    });
    await rig.clock.advance(MINUTE);
    const edges = [...rig.readers.values()].flatMap((reader) =>
      reader.spans.flatMap((span) => [
        { at: span.from, step: 1 },
        { at: span.to ?? Number.POSITIVE_INFINITY, step: -1 },
      ]),
    );
    let now = 0;
    let most = 0;
    for (const edge of edges.toSorted((a, b) => a.at - b.at || a.step - b.step)) {
      now += edge.step;
      most = Math.max(most, now);
    }
    expect(most).toBeLessThanOrEqual(4);
    expect(new Set(rig.polls.map((poll) => poll.device)).size).toBe(40);
  });

  test('a clock set back or on by an hour makes no two polls fall together and none fall out', async () => {
    const rig = await start(['core1']);
    await rig.clock.advance(5 * MINUTE);
    for (const step of [3_600_000, -7_200_000, 31_000]) {
      const spans = rig.readers.get('core1')?.spans ?? [];
      const before = spans.length;
      rig.clock.step(step);
      await rig.clock.advance(4 * MINUTE);
      expect(spans.length - before).toBeGreaterThanOrEqual(3);
      expect(spans.length - before).toBeLessThanOrEqual(5);
    }
  });

  test('a stop and a start go on', async () => {
    const rig = await start(['core1']);
    await rig.clock.advance(MINUTE);
    await stop(rig);
    const before = rig.polls.length;
    await rig.clock.advance(5 * MINUTE);
    expect(rig.polls.length).toBe(before);
    await rig.scheduler.start();
    await rig.clock.advance(5 * MINUTE);
    expect(rig.polls.length).toBeGreaterThanOrEqual(before + 5);
  });
});

describe('one device cannot hurt another', () => {
  test('a slow device delays only itself, is broken off at its deadline, and is never polled twice at once', async () => {
    const rig = await start(names(10), {}, {}, (reader, device) => {
      if (device === 'device-3') reader.latencyMs = 300_000;
    });
    await rig.clock.advance(10 * MINUTE);
    for (const device of names(10)) {
      if (device !== 'device-3') expect(rig.pollsOf(device).length).toBeGreaterThanOrEqual(10);
    }
    const slow = rig.pollsOf('device-3');
    expect(slow.length).toBeGreaterThanOrEqual(8);
    for (const poll of slow) expect(poll.failure).toMatch(/^(poll_deadline|snmp_timeout)$/);
    expect(slow.some((poll) => poll.outcome === 'complete')).toBe(false);
    expectNoOverlap(rig, 'device-3');
  });

  test('one that does not even heed its deadline: no overlap, and what is left out is counted', async () => {
    const rig = await start(names(3), {}, {}, (reader, device) => {
      if (device !== 'device-1') return;
      reader.latencyMs = 200_000;
      reader.deaf = true;
    });
    await rig.clock.advance(20 * MINUTE);
    expectNoOverlap(rig, 'device-1');
    expect(rig.pollsOf('device-0').length).toBeGreaterThanOrEqual(20);
    expect(metric(await rig.metrics(), 'agent_polls_skipped_total')).toBeGreaterThanOrEqual(5);
  });

  test('a secret that does not resolve is a failed poll with its code at every interval', async () => {
    const rig = await start(['core1'], {
      devices: ['core1', 'nobody'].map((name) => ({ name, intervalMs: MINUTE })),
    });
    await rig.clock.advance(6 * MINUTE);
    expect(rig.pollsOf('core1').length).toBeGreaterThanOrEqual(6);
    const failed = rig.pollsOf('nobody');
    expect(failed.length).toBeGreaterThanOrEqual(6);
    for (const poll of failed) expect(poll).toMatchObject({ outcome: 'failed', failure: 'secret_unresolved' });
  });

  test('a mistake of ours at one device is told, and the others go on', async () => {
    const rig = await start(names(3), {}, {}, (reader, device) => {
      if (device === 'device-2') reader.broken = new TypeError('undefined is not a function');
    });
    await rig.clock.advance(3 * MINUTE);
    expect(rig.pollsOf('device-2')[0]).toMatchObject({ outcome: 'failed', failure: 'unexpected' });
    expect(rig.pollsOf('device-1').length).toBeGreaterThanOrEqual(3);
  });

  function expectNoOverlap(rig: Rig, device: string): void {
    const spans = rig.readers.get(device)?.readings ?? [];
    expect(spans.length).toBeGreaterThan(2);
    for (const [at, span] of spans.entries()) {
      const next = spans[at + 1];
      if (next !== undefined) expect(span.to).toBeLessThanOrEqual(next.from);
    }
  }
});

describe('a device that falls silent', () => {
  test('is told as failed at every interval, asked ever less, and polled in full at once when it answers', async () => {
    const rig = await start(['core1', 'core2']);
    await rig.clock.advance(2 * MINUTE);
    const reader = rig.readers.get('core1') as FakeReader;
    reader.dead = true;
    const before = rig.pollsOf('core1').length;
    await rig.clock.advance(30 * MINUTE);
    const silent = rig.pollsOf('core1').slice(before);
    // One more, soon after the first, confirms the silence.
    expect(silent.length).toBe(31);
    for (const poll of silent) expect(poll).toMatchObject({ outcome: 'failed', failure: 'snmp_timeout', tables: [] });
    expect(reader.probes).toBeGreaterThan(3);
    expect(reader.probes).toBeLessThan(12);
    expect(rig.scheduler.reports().find(({ device }) => device === 'core1')).toMatchObject({
      breakerOpen: true,
      probePauseMs: 5 * MINUTE,
      failure: 'snmp_timeout',
    });
    expect(metric(await rig.metrics(), 'agent_devices_silent')).toBe(1);
    expect(rig.health()).toEqual({ healthy: true, message: '2 devices, 1 of them silent' });

    reader.dead = false;
    await rig.clock.advance(5 * MINUTE + 1000);
    expect(rig.pollsOf('core1').at(-1)).toMatchObject({ outcome: 'complete' });
    expect(metric(await rig.metrics(), 'agent_devices_silent')).toBe(0);
    expect(rig.pollsOf('core2').every((poll) => poll.outcome === 'complete')).toBe(true);
  });

  test('one that flaps keeps its breaker closed: each answer counts anew', async () => {
    const rig = await start(['core1']);
    const reader = rig.readers.get('core1') as FakeReader;
    for (let turn = 0; turn < 12; turn += 1) {
      reader.dead = turn % 2 !== 0;
      await rig.clock.advance(MINUTE);
    }
    expect(reader.probes).toBe(0);
    expect(rig.pollsOf('core1').filter((poll) => poll.outcome === 'complete').length).toBeGreaterThanOrEqual(3);
  });
});

describe('a poll that confirms', () => {
  const failedAt = (rig: Rig, device: string): number[] =>
    rig
      .pollsOf(device)
      .filter(({ outcome }) => outcome === 'failed')
      .map(({ startedAtMs }) => startedAtMs);

  test('comes once, seconds after a silence began, and leaves the turns where they are', async () => {
    const rig = await start(names(10));
    await rig.clock.advance(2 * MINUTE);
    for (const reader of rig.readers.values()) reader.dead = true;
    await rig.clock.advance(3 * MINUTE);
    const waits = names(10).map((device) => {
      const [first = 0, second = 0, third = 0, ...later] = failedAt(rig, device);
      expect(first % MINUTE).toBe(phaseOf(device, MINUTE));
      expect([third, ...later]).toEqual([third, ...later].map((_, at) => first + (at + 1) * MINUTE));
      return second - first;
    });
    for (const wait of waits) {
      expect(wait).toBeGreaterThanOrEqual(2000);
      expect(wait).toBeLessThan(5000);
    }
    expect(new Set(waits).size).toBeGreaterThan(5);
  });

  test('comes once more when a device that was silent for long answers again', async () => {
    const rig = await start(['core1']);
    const reader = rig.readers.get('core1') as FakeReader;
    reader.dead = true;
    await rig.clock.advance(10 * MINUTE);
    reader.dead = false;
    await rig.clock.advance(6 * MINUTE);
    const [first = 0, second = 0, third = 0] = rig
      .pollsOf('core1')
      .flatMap(({ outcome, startedAtMs }) => (outcome === 'complete' ? [startedAtMs] : []));
    expect(second - first).toBeLessThan(5000);
    expect(third - first).toBe(MINUTE);
  });

  test('of many that fall together there are few at once; the others wait for their turns, and are counted', async () => {
    const rig = await start(names(500), { concurrency: 40 });
    await rig.clock.advance(2 * MINUTE);
    const before = rig.polls.length;
    for (const reader of rig.readers.values()) {
      reader.dead = true;
      reader.latencyMs = 2000;
    }
    await rig.clock.advance(MINUTE);
    const confirming = rig.polls.length - before - 500;
    // Ten at once, each for about five seconds.
    expect(confirming).toBeGreaterThan(50);
    expect(confirming).toBeLessThanOrEqual(150);
    const leftOut = metric(await rig.metrics(), 'agent_confirming_polls_left_out_total');
    expect(leftOut).toBeGreaterThan(300);
    expect(leftOut + confirming).toBeLessThanOrEqual(510);
  });

  test.each([
    ['a turn comes soon anyway', 10_000, null],
    ['it is no silence', MINUTE, new WeirError('snmp_authentication_failed', 'wrong key')],
  ])('does not come where %s', async (_, intervalMs, broken) => {
    const rig = await start(['core1'], { devices: [{ name: 'core1', intervalMs }] });
    await rig.clock.advance(2 * MINUTE);
    const reader = rig.readers.get('core1') as FakeReader;
    reader.dead = broken === null;
    reader.broken = broken;
    await rig.clock.advance(4 * MINUTE);
    const times = failedAt(rig, 'core1');
    expect(times.length).toBeGreaterThanOrEqual(4);
    for (const time of times) expect(time % intervalMs).toBe(phaseOf('core1', intervalMs));
  });

  test('that somebody asked for meanwhile is the same poll', async () => {
    const rig = await start(['core1']);
    await rig.clock.advance(2 * MINUTE);
    const reader = rig.readers.get('core1') as FakeReader;
    reader.dead = true;
    while (failedAt(rig, 'core1').length === 0) await rig.clock.advance(500);
    const asked = rig.scheduler.pollNow('core1');
    await rig.clock.advance(10_000);
    expect(await asked).toMatchObject({ outcome: 'failed' });
    expect(failedAt(rig, 'core1').length).toBe(2);
    await rig.clock.advance(MINUTE);
    expect(failedAt(rig, 'core1').length).toBe(3);
  });
});

describe('the spool', () => {
  test('that is full slows a device down; no poll piles up in memory', async () => {
    const waiting: (() => void)[] = [];
    let most = 0;
    const rig = await start(
      names(5),
      {},
      {
        sink: {
          accept: () =>
            new Promise<void>((resolve) => {
              waiting.push(resolve);
              most = Math.max(most, waiting.length);
            }),
        },
      },
    );
    await rig.clock.advance(10 * MINUTE);
    expect(most).toBe(5);
    for (const reader of rig.readers.values()) expect(reader.spans.length).toBe(1);
    for (const go of waiting.splice(0)) go();
    await rig.clock.advance(2 * MINUTE);
    for (const go of waiting.splice(0)) go();
    for (const reader of rig.readers.values()) expect(reader.spans.length).toBe(2);
    await rig.clock.advance(MINUTE);
    for (const go of waiting.splice(0)) go();
  });

  test('that refuses makes a missed poll: counted, told, and the next one is tried', async () => {
    let refuse = true;
    const kept: Poll[] = [];
    const sink = {
      accept: (poll: Poll) => {
        if (refuse) return Promise.reject(new WeirError('journal_full', 'no room'));
        kept.push(poll);
        return Promise.resolve();
      },
    };
    const rig = await start(['core1'], {}, { sink });
    await rig.clock.advance(3 * MINUTE);
    expect(metric(await rig.metrics(), 'agent_polls_lost_total\\{code="journal_full"\\}')).toBeGreaterThanOrEqual(3);
    expect(rig.health()?.healthy).toBe(false);
    expect(rig.health()?.message).toContain('journal_full');
    refuse = false;
    await rig.clock.advance(MINUTE);
    expect(kept.length).toBe(1);
    expect(rig.health()).toMatchObject({ healthy: true });
  });

  test('gets what polls in hand have when the agent stops, and no false silence', async () => {
    const rig = await start(names(20), { firstPollWithinMs: 0 }, {}, (reader, device) => {
      reader.latencyMs = device === 'device-7' ? 100_000 : 1000;
    });
    await rig.clock.advance(500);
    expect(rig.polls.length).toBe(0);
    await stop(rig);
    expect(rig.polls.filter((poll) => poll.outcome === 'failed')).toEqual([]);
    const before = rig.polls.length;
    await rig.clock.advance(5 * MINUTE);
    expect(rig.polls.length).toBe(before);
  });
});

describe('over UDP', () => {
  test('a dead device and a slow one beside healthy ones, with more devices than listeners warn of', async () => {
    const warnings: string[] = [];
    const listen = (warning: Error): void => void warnings.push(warning.message);
    process.on('warning', listen);
    const clock = new SystemClock();
    const { reporter } = silentReporter();
    const access = new SnmpAccess(
      reporter,
      { timeoutMs: 500, retries: 1 },
      { clock, lookup, random: seededRandom(3), environment: {} },
    );
    await access.start();
    const devices = new Map(
      names(20).map((name) => [
        name,
        new ScriptedDevice(deviceMib({ ports: [{ index: 1, descr: 'eth0', in: 5n }], sysName: name })),
      ]),
    );
    const ports = new Map<string, number>();
    for (const [name, device] of devices) ports.set(name, await device.start());
    const [dead, slow] = [devices.get('device-0'), devices.get('device-1')];
    if (dead !== undefined) dead.habits.dead = true;
    if (slow !== undefined) slow.habits.delayMs = 70;
    const polls: Poll[] = [];
    const scheduler = new Scheduler(
      reporter,
      {
        devices: names(20).map((name) => ({ name, intervalMs: 1000 })),
        concurrency: 50,
        slowIntervalMs: 1000,
        inventoryIntervalMs: 60_000,
        firstPollWithinMs: 0,
        processId: 'process',
      },
      {
        clock,
        catalogue,
        open: (name) =>
          access.openReader({ host: '127.0.0.1', port: ports.get(name) ?? 0 }, { version: '2c', community: 'public' }),
        sink: { accept: (poll) => Promise.resolve(void polls.push(poll)) },
      },
    );
    try {
      await scheduler.start();
      const enough = (): boolean => names(20).every((name) => polls.filter((poll) => poll.device === name).length >= 4);
      while (!enough()) await clock.sleep(50);
      await scheduler.stop();
      for (const name of names(20)) {
        const outcomes = new Set(polls.filter((poll) => poll.device === name).map((poll) => poll.outcome));
        expect([name, ...outcomes]).toEqual([name, name === 'device-0' ? 'failed' : 'complete']);
      }
      expect(warnings).toEqual([]);
    } finally {
      process.off('warning', listen);
      await scheduler.stop();
      await access.stop();
      for (const device of devices.values()) await device.stop();
    }
  });

  test('a device that is silent above a size is not silent again for an agent that starts anew', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'weir-learnt-'));
    const device = new ScriptedDevice(
      deviceMib({
        ports: Array.from({ length: 40 }, (_, at) => ({ index: at + 1, descr: `p${at}`, in: 5n })),
        lastChange: 1,
      }),
      { silentAbove: 24 },
    );
    const port = await device.start();

    /** One life of the agent, of so many polls; the retries of each. */
    async function life(polls: number): Promise<number[]> {
      const clock = new SystemClock();
      const { reporter } = silentReporter();
      const deps = { clock, lookup, random: seededRandom(3), environment: {} };
      const access = new SnmpAccess(reporter, { timeoutMs: 200, retries: 1 }, deps);
      await access.start();
      const retries: number[] = [];
      const scheduler = new Scheduler(
        reporter,
        {
          devices: [{ name: 'small', intervalMs: 4000 }],
          concurrency: 1,
          slowIntervalMs: 1000,
          inventoryIntervalMs: 60_000,
          firstPollWithinMs: 0,
          processId: 'process',
        },
        {
          clock,
          catalogue,
          open: () => access.openReader({ host: '127.0.0.1', port }, { version: '2c', community: 'public' }),
          sink: {
            accept: (poll) => {
              expect(poll).toMatchObject({ outcome: 'complete', failure: null });
              retries.push(poll.retries);
              return Promise.resolve();
            },
          },
          learnt: new LearntFile(new KeptFile(reporter, path.join(folder, 'learnt.json'))),
        },
      );
      await scheduler.start();
      while (retries.length < polls) await clock.sleep(20);
      await scheduler.stop();
      await access.stop();
      return retries;
    }

    try {
      expect((await life(1))[0]).toBeGreaterThan(0);
      expect(await life(1)).toEqual([0]);
    } finally {
      await device.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
