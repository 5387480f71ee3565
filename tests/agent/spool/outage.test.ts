// Three days without a collector, on a spool that is far too small for them: it stays within its bounds, and no octet is lost.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Shipper } from '../../../agent/ship/shipper.ts';
import { Spool, SPOOL_DEFAULTS } from '../../../agent/spool/spool.ts';
import type { Poll } from '../../../common/model/poll.ts';
import { CollectorDouble } from '../../support/collector-double.ts';
import { CounterTally } from '../../support/counter-tally.ts';
import { interfacePoll } from '../../support/poll-builder.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const START = Date.UTC(2026, 10, 24);
const INTERVAL_MS = 120_000;
/** Polls in an hour. */
const HOUR = 30;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-outage-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Numbers that look random and are the same in each run (the constants are those of Numerical Recipes). */
function scattered(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

class Device {
  readonly #random: (below: number) => number;
  readonly name: string;
  #octets: [bigint, bigint];
  #bootedAtMs = START - 40 * 86_400_000;
  #silentFor = 0;

  constructor(number: number) {
    this.name = `device-${number}`;
    this.#random = scattered(number + 1);
    this.#octets = [BigInt(number) * 10n ** 12n, 5n];
  }

  /** An interval goes by; the clock that does not step is the one of the polls. */
  poll(clock: VirtualClock, processId: string): Poll {
    const monotonicMs = clock.monotonicMs();
    const nowMs = START + monotonicMs;
    if (this.#random(3000) === 0) {
      this.#bootedAtMs = nowMs - 5000;
      this.#octets = [0n, 0n];
    }
    if (this.#silentFor === 0 && this.#random(2000) === 0) this.#silentFor = this.#random(200);
    this.#octets = [this.#octets[0] + BigInt(this.#random(700_000_000)), this.#octets[1] + BigInt(this.#random(9000))];
    const [inOctets, outOctets] = this.#octets;
    const silent = this.#silentFor > 0;
    if (silent) this.#silentFor -= 1;
    return interfacePoll({
      device: this.name,
      atMs: clock.now(),
      intervalMs: INTERVAL_MS,
      monotonicMs,
      processId,
      uptimeTicks: Math.floor((nowMs - this.#bootedAtMs) / 10) % 2 ** 32,
      interfaces: [{ key: 'eth0', inOctets, outOctets, speedBps: 1e9 }],
      ...(silent ? { failure: 'snmp_timeout' } : {}),
    });
  }
}

class Tallies {
  readonly #byDevice = new Map<string, readonly CounterTally[]>();

  add(poll: Poll): void {
    const known = this.#byDevice.get(poll.device) ?? [new CounterTally('In'), new CounterTally('Out')];
    this.#byDevice.set(poll.device, known);
    for (const tally of known) tally.add(poll);
  }

  all(): unknown {
    return [...this.#byDevice].map(([device, tallies]) => [device, tallies.map(({ octets, lost }) => [octets, lost])]);
  }
}

describe('72 hours without a collector', () => {
  test('bytes, disk and memory stay within bounds, and everything comes after the return, over a full disk, clock steps and a restart', async () => {
    const clock = new VirtualClock(START);
    const collector = new CollectorDouble();
    collector.nextFault = () => ({ kind: 'drop' });
    const { reporter } = silentReporter();
    let free = 1e12;
    const maxBytes = 400_000;
    const bounds = { ...SPOOL_DEFAULTS, agent: 'agent-1', folder, maxBytes, maxAgeMs: 30 * 86_400_000 };
    const spool = new Spool(reporter, bounds, { clock, freeBytes: () => free });
    const http = collector.client(clock);
    const ship = { agent: 'agent-1', collectorUrls: ['http://collector.test'], timeoutMs: 2000 };
    const shipper = new Shipper(reporter, ship, {
      clock,
      spool,
      http,
      token: () => collector.token,
      random: () => 0.5,
    });
    const parts = [spool, shipper];
    for (const part of parts) await part.start();
    const devices = Array.from({ length: 50 }, (_, at) => new Device(at));
    const polled = new Tallies();
    let refused = 0;
    let heapAfterADay = 0;
    let lastPollAtMs = 0;
    for (let turn = 0; turn < 72 * HOUR; turn += 1) {
      if (turn === 20 * HOUR) clock.step(5 * 3_600_000);
      if (turn === 31 * HOUR) clock.step(-9 * 3_600_000);
      if (turn === 40 * HOUR) free = 0;
      if (turn === 41 * HOUR) free = 1e12;
      if (turn === 50 * HOUR) {
        for (const part of parts.toReversed()) await part.stop();
        for (const part of parts) await part.start();
      }
      if (turn === 24 * HOUR) heapAfterADay = process.memoryUsage().heapUsed;
      const processId = turn < 50 * HOUR ? 'process-1' : 'process-2';
      lastPollAtMs = clock.now();
      const polls = devices.map((device) => device.poll(clock, processId));
      const taken = polls.map((poll) =>
        spool.accept(poll, { device: poll.device, completeUntilMs: poll.finishedAtMs }).then(
          () => polled.add(poll),
          () => {
            refused += 1;
          },
        ),
      );
      await spool.flush();
      await Promise.all(taken);
      await clock.advance(INTERVAL_MS);
    }
    // The disk was full for an hour; what was not kept then is counted, and its octets are in the next poll.
    expect(refused).toBe(50 * HOUR);
    const metrics = await reporter.metricsText();
    expect(metrics).toContain(`weir_spool_polls_refused_total{code="journal_full"} ${refused}`);
    expect(metrics).not.toContain('weir_spool_batches_dropped_total{');
    expect(metrics).toMatch(/weir_spool_polls_thinned_total [1-9]\d{5}/);
    expect(Number(/weir_spool_bytes (\d+)/.exec(metrics)?.[1])).toBeLessThanOrEqual(maxBytes);
    // LMDB takes whole pages, and some for itself.
    expect(statSync(path.join(folder, 'journal.mdb')).size).toBeLessThan(2 * maxBytes + 4 * 1024 * 1024);
    expect(process.memoryUsage().heapUsed - heapAfterADay).toBeLessThan(60e6);
    expect([spool.firstSequence, spool.lastSequence]).toEqual([1, 71 * HOUR]);

    collector.nextFault = () => ({ kind: 'none' });
    for (let second = 0; second < 4000 && spool.firstSequence <= spool.lastSequence; second += 1)
      await clock.advance(1000);
    const applied = new Tallies();
    for (const batch of collector.appliedBatches) for (const poll of batch.polls) applied.add(poll);
    expect(applied.all()).toEqual(polled.all());
    const untils = new Map<string, number>();
    for (const { watermarks } of collector.appliedBatches)
      for (const { device, completeUntilMs } of watermarks) untils.set(device, completeUntilMs);
    expect([...untils.values()]).toEqual(devices.map(() => lastPollAtMs));
    expect(collector.appliedBatches.map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 71 * HOUR }, (_, at) => at + 1),
    );
    expect(collector.appliedBatches.flatMap(({ gaps }) => gaps)).toEqual([]);
    for (const part of parts.toReversed()) await part.stop();
  }, 120_000);
});
