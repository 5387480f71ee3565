// Devices behind a thin line: few at once, all in the end, and nobody elsewhere waits for them. Under the virtual clock.
import { afterEach, describe, expect, test } from 'vitest';
import type { ScheduledDevice } from '../../../agent/poll/polled-device.ts';
import { metric, MINUTE, names, type Rig, start, stopRigs } from '../../support/scheduler-rig.ts';

afterEach(stopRigs);

const COUNT = 40;
const all = names(COUNT);
/** Every second one. */
const behind = all.filter((_, at) => at % 2 === 0);
const elsewhere = all.filter((_, at) => at % 2 === 1);
const IN_FLIGHT = 2;
const SLOW_MS = 1400;

const onLine = (line: string | null, intervalMs = MINUTE): ScheduledDevice[] =>
  all.map((name) => ({ name, intervalMs, ...(line !== null && behind.includes(name) ? { line } : {}) }));

/** At most so many of these were read at once. */
function mostAtOnce(rig: Rig, devices: readonly string[]): number {
  const edges = devices
    .flatMap((name) => rig.readers.get(name)?.spans ?? [])
    .flatMap(({ from, to }) => [
      { at: from, step: 1 },
      { at: to ?? Number.POSITIVE_INFINITY, step: -1 },
    ])
    .toSorted((a, b) => a.at - b.at || a.step - b.step);
  let [now, most] = [0, 0];
  for (const { step } of edges) {
    now += step;
    most = Math.max(most, now);
  }
  return most;
}

function thin(line: string | null = 'thin', dead = false): Promise<Rig> {
  const config = { devices: onLine(line), concurrency: 4, firstPollWithinMs: 1000 };
  return start(all, config, { placesOf: (name) => (name === 'thin' ? IN_FLIGHT : null) }, (reader, name) => {
    if (!behind.includes(name)) return;
    reader.latencyMs = SLOW_MS;
    reader.dead = dead;
  });
}

describe('a thin line', () => {
  test('takes so many at once, all of them within the interval, and no place of anybody else', async () => {
    const rig = await thin();
    await rig.clock.advance(1500);
    expect(new Set(rig.polls.map(({ device }) => device))).toEqual(new Set(elsewhere));
    expect(rig.scheduler.summary()).toMatchObject({ waitingForLine: behind.length - IN_FLIGHT, polling: IN_FLIGHT });
    await rig.clock.advance(MINUTE);
    expect(mostAtOnce(rig, behind)).toBe(IN_FLIGHT);
    for (const name of behind) expect(rig.pollsOf(name).length, name).toBeGreaterThanOrEqual(1);
    await rig.clock.advance(5 * MINUTE);
    for (const name of elsewhere) expect(rig.pollsOf(name).length, name).toBeGreaterThanOrEqual(6);
    expect(mostAtOnce(rig, behind)).toBe(IN_FLIGHT);
  });

  test('whose bound is none is no line: the same devices take the places of all', async () => {
    const rig = await thin('wide');
    await rig.clock.advance(1500);
    expect(rig.scheduler.summary().waitingForLine).toBe(0);
    expect(new Set(rig.polls.map(({ device }) => device)).size).toBeLessThan(elsewhere.length);
  });

  test('whose devices are dead probes them one at a time and leaves the other place to the living', async () => {
    const rig = await thin('thin', true);
    const alive = behind[3] ?? '';
    const reader = rig.readers.get(alive);
    if (reader === undefined) throw new Error('no reader');
    reader.dead = false;
    reader.latencyMs = 10;
    await rig.clock.advance(20 * MINUTE);
    const others = behind.filter((name) => name !== alive);
    for (const name of others) expect(rig.scheduler.explain(name)?.breakerOpen, name).toBe(true);
    expect(rig.pollsOf(alive).filter(({ outcome }) => outcome === 'complete').length).toBeGreaterThanOrEqual(18);
    expect(metric(await rig.metrics(), 'agent_devices_silent')).toBe(others.length);
  });

  test('is left by a device whose configuration says so, also while it waits for a place', async () => {
    const rig = await thin();
    await rig.clock.advance(1500);
    const waiting = behind.filter((name) => rig.readers.get(name)?.readings.length === 0);
    expect(waiting.length).toBeGreaterThan(IN_FLIGHT);
    const changes = rig.scheduler.configure(onLine(null));
    expect(changes.changed.toSorted()).toEqual(behind.toSorted());
    await rig.clock.advance(SLOW_MS);
    expect(rig.scheduler.summary().waitingForLine).toBe(0);
    await rig.clock.advance(MINUTE);
    expect(mostAtOnce(rig, behind)).toBe(4);
    for (const name of behind) expect(rig.scheduler.explain(name)?.line).toBeNull();
  });

  test('has as many places as it is configured to have now', async () => {
    let places: number | null = IN_FLIGHT;
    const config = { devices: onLine('thin'), concurrency: 8, firstPollWithinMs: 1000 };
    const rig = await start(all, config, { placesOf: () => places }, (reader, name) => {
      if (behind.includes(name)) reader.latencyMs = SLOW_MS;
    });
    await rig.clock.advance(1500);
    expect(rig.scheduler.summary().polling).toBe(IN_FLIGHT);
    places = 5;
    await rig.clock.advance(2 * SLOW_MS);
    expect(rig.scheduler.summary().polling).toBe(5);
    places = 1;
    // A poll in hand ends in its place: a few answers, each as slow.
    await rig.clock.advance(4 * SLOW_MS);
    expect(rig.scheduler.summary().polling).toBe(1);
    places = null;
    await rig.clock.advance(8 * SLOW_MS);
    expect(rig.scheduler.summary().waitingForLine).toBe(0);
    await rig.clock.advance(MINUTE);
    for (const name of behind) expect(rig.pollsOf(name).length, name).toBeGreaterThanOrEqual(1);
  });

  test('is no excuse for being forgotten: a device that is removed while it waits is gone, and one asked for comes', async () => {
    const rig = await thin();
    await rig.clock.advance(1500);
    const [first = '', second = ''] = behind.filter((name) => rig.readers.get(name)?.readings.length === 0).slice(-2);
    const asked = rig.scheduler.pollNow(second);
    rig.scheduler.configure(onLine('thin').filter(({ name }) => name !== first));
    await rig.clock.advance(MINUTE);
    expect((await asked).outcome).toBe('complete');
    expect(rig.pollsOf(first)).toEqual([]);
    expect(rig.scheduler.summary()).toMatchObject({ devices: COUNT - 1 });
  });
});
