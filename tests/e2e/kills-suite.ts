// The whole pipeline on the demo network, its processes killed at random moments: every lawful octet billed once, every alarm told once, by the simulator's truth.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Exact } from '../../common/model/exact.ts';
import type { MeterReading } from '../../common/wire/reading-page.ts';
import { type NetworkEvent, eventsBetween } from '../../simulator/schedule.ts';
import { ADMINISTRATOR, type ChildName, type RunningPipeline, startPipeline } from '../support/running-pipeline.ts';
import { octetsBefore, type TrueSpan, trueSpans, trueValue } from '../support/truth-oracle.ts';
import { runWeir, waitFor } from '../support/weir-process.ts';

const POLL_MS = 2000;
const BUCKET_MS = 10_000;
const WINDOW_MS = 20_000;
const KILLS_EACH = 3;
const CHILDREN: readonly ChildName[] = ['agent', 'collector', 'billing-bridge'];
const PRICE_PER_GB = '0.045';

interface Meter {
  readonly id: number;
  readonly device: string;
  readonly interfaceKey: string;
  readonly direction: 'in' | 'out';
  readonly class: string;
}

interface Usage {
  readonly bucketStart: string;
  readonly version: number;
  readonly octets: Readonly<Record<'good' | 'wrapped' | 'gap' | 'suspended', string>>;
  readonly lostMs: number;
}

interface Checked {
  readonly meter: Meter;
  readonly readings: readonly MeterReading[];
  readonly spans: readonly TrueSpan[];
  readonly usage: readonly Usage[];
}

const FROM = '2020-01-01T00:00:00Z';
const TO = '2100-01-01T00:00:00Z';

function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export interface Variant {
  readonly name: string;
  /** Servers of the variant, and how to stop them. */
  readonly servers: () => Promise<{ databaseUrl?: string; queueUrl?: string; stop: () => Promise<void> }>;
}

/** Times at which the agent was killed, and at which it was seen to poll again. */
interface AgentOutage {
  readonly fromMs: number;
  toMs: number;
}

export function killsSuite(variant: Variant): void {
  let folder = '';
  let pipeline: RunningPipeline;
  let stopServers: () => Promise<void> = () => Promise.resolve();
  const outages: AgentOutage[] = [];
  const seed = Number(process.env['WEIR_SEED'] ?? Date.now() % 1_000_000);
  const kills: Record<ChildName, number> = { agent: 0, collector: 0, 'billing-bridge': 0 };
  let checked: Checked[] = [];
  let finalUntilMs = 0;

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'weir-kills-'));
    chmodSync(folder, 0o711);
    const { stop, ...urls } = await variant.servers();
    stopServers = stop;
    pipeline = await startPipeline({
      folder,
      pollIntervalMs: POLL_MS,
      bucketMs: BUCKET_MS,
      ratingWindowMs: WINDOW_MS,
      ...urls,
    });
    await killAtRandom();
    await settle();
  }, 420_000);

  afterAll(async () => {
    await pipeline?.stop();
    await stopServers();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  async function killAtRandom(): Promise<void> {
    process.stdout.write(`kills (${variant.name}): WEIR_SEED=${seed}\n`);
    const random = seededRandom(seed);
    const order = CHILDREN.flatMap((child) => Array.from({ length: KILLS_EACH }, () => child))
      .map((child) => ({ child, at: random() }))
      .toSorted((a, b) => a.at - b.at);
    await sleep(12_000);
    for (const { child } of order) {
      await sleep(500 + random() * 6000);
      await waitFor(
        () => pipeline.killChild(child),
        60_000,
        () => `${child} to run`,
      );
      kills[child] += 1;
      if (child === 'agent') outages.push({ fromMs: Date.now(), toMs: Number.POSITIVE_INFINITY });
    }
  }

  /** The next flap of the link that flaps: whatever the order of the kills, they leave one alone. */
  function undisturbedFlap(): NetworkEvent {
    const fromMs = Date.now() + 3 * POLL_MS;
    const flap = eventsBetween(pipeline.network, fromMs, fromMs + 120_000).find(
      (event) => isFlap(event) && event.fromMs > fromMs,
    );
    if (flap === undefined) throw new Error('no flap within two minutes');
    return flap;
  }

  const isFlap = (event: NetworkEvent): boolean =>
    event.kind === 'linkDown' && event.device === 'access3' && event.interface === 'Te1/0/2';

  /** Waits until usage of some time after the last kill is final, and everything before it is read into the test. */
  async function settle(): Promise<void> {
    for (const child of CHILDREN)
      await waitFor(
        () => pipeline.pidsOf(child).length === 1,
        60_000,
        () => `${child} to run again`,
      );
    const quietMs = Math.max(Date.now() + 2 * WINDOW_MS, undisturbedFlap().toMs + 4 * POLL_MS + WINDOW_MS);
    // What the oracle knows is traffic; tests/billing-bridge/mediate has the meters of power units.
    const meters = (await pipeline.all<Meter>('/billing/v1/meters?limit=1000')).filter(
      ({ class: meterClass }) => meterClass === 'octets',
    );
    finalUntilMs = Math.floor(quietMs / WINDOW_MS) * WINDOW_MS;
    const probe = meters.find((meter) => meter.device === 'access4' && meter.interfaceKey === 'Fa0/1');
    if (probe === undefined) throw new Error('no meter of access4');
    await waitFor(
      async () => {
        const [usage, charges] = await Promise.all([usageOf(probe), chargesOf('acme-lab')]);
        return (
          usage.some((record) => Date.parse(record.bucketStart) >= finalUntilMs) &&
          charges.some((charge) => Date.parse(charge.windowEnd) >= finalUntilMs)
        );
      },
      180_000,
      () => `usage and charges until ${new Date(finalUntilMs).toISOString()}; ${pipeline.weir.output()}`,
    );
    checked = [];
    for (const meter of meters) {
      const readings = await pipeline.all<MeterReading>(
        `/api/v1/readings?meter=${meter.id}&from=${FROM}&to=${TO}&limit=10000`,
      );
      checked.push({
        meter,
        readings,
        spans: trueSpans(pipeline.network, meter, readings),
        usage: await usageOf(meter),
      });
    }
    for (const outage of outages) {
      const after = checked.flatMap(({ readings }) => readings.map((reading) => Date.parse(reading.observedAt)));
      outage.toMs = Math.max(
        ...CHILDREN.map(() => after.filter((at) => at > outage.fromMs).reduce((a, b) => Math.min(a, b), Infinity)),
      );
    }
  }

  const usageOf = (meter: Meter): Promise<Usage[]> =>
    pipeline.all<Usage>(`/billing/v1/usage?meter=${meter.id}&from=${FROM}&to=${TO}&limit=10000`);

  const chargesOf = (
    service: string,
  ): Promise<{ id: string; item: string; amount: string; windowStart: string; windowEnd: string }[]> =>
    pipeline.all(`/billing/v1/charges?service=${service}&limit=1000`);

  const sumOf = (usage: readonly Usage[], kinds: readonly (keyof Usage['octets'])[]): bigint =>
    usage
      .filter((record) => Date.parse(record.bucketStart) < finalUntilMs)
      .reduce((sum, record) => kinds.reduce((inner, kind) => inner + BigInt(record.octets[kind]), sum), 0n);

  test('each process was killed, and the whole network was seen', () => {
    expect(kills).toEqual({ agent: KILLS_EACH, collector: KILLS_EACH, 'billing-bridge': KILLS_EACH });
    const devices = new Set(checked.map(({ meter }) => meter.device));
    expect(devices.size).toBe(pipeline.network.devices.length);
    expect(checked.length).toBeGreaterThan(300);
    for (const { meter, readings } of checked)
      expect(readings.length, `${meter.device}/${meter.interfaceKey}`).toBeGreaterThan(10);
  });

  test('every reading is what the device showed, once', () => {
    const wrong = checked.flatMap(({ meter, readings }) =>
      readings
        .filter((reading) => BigInt(reading.value) !== trueValue(pipeline.network, meter, reading))
        .map((reading) => ({ ...meter, reading })),
    );
    expect(wrong).toEqual([]);
    for (const { readings } of checked) {
      const places = new Set(
        readings.map((reading) => `${reading.incarnation} ${reading.sequence} ${reading.ordinal}`),
      );
      expect(places.size).toBe(readings.length);
    }
  });

  test('every lawful octet is in the usage exactly once, by its class', () => {
    const wrong = checked.flatMap(({ meter, spans, usage }) => {
      const expected = {
        counted: octetsBefore(spans, 'counted', finalUntilMs),
        gap: octetsBefore(spans, 'gap', finalUntilMs),
        suspended: 0n,
      };
      const found = {
        counted: sumOf(usage, ['good', 'wrapped']),
        gap: sumOf(usage, ['gap']),
        suspended: sumOf(usage, ['suspended']),
      };
      const same = expected.counted === found.counted && expected.gap === found.gap && found.suspended === 0n;
      return same ? [] : [{ ...meter, expected, found }];
    });
    expect(wrong).toEqual([]);
    const all = checked.reduce((sum, { usage }) => sum + sumOf(usage, ['good', 'wrapped', 'gap']), 0n);
    expect(all).toBeGreaterThan(10n ** 9n);
    const wrapped = checked.reduce((sum, { usage }) => sum + sumOf(usage, ['wrapped']), 0n);
    expect(wrapped).toBeGreaterThan(0n);
  });

  test('one version stands of each bucket, and none is missing between the first reading and the last', () => {
    for (const { meter, readings, usage } of checked) {
      const starts = usage.map((record) => Date.parse(record.bucketStart)).filter((at) => at < finalUntilMs);
      expect(new Set(starts).size).toBe(starts.length);
      const first = Math.floor(Date.parse(readings[0]?.observedAt ?? '') / BUCKET_MS) * BUCKET_MS;
      const expected = [];
      for (let at = first; at < finalUntilMs; at += BUCKET_MS) expected.push(at);
      expect(
        starts.toSorted((a, b) => a - b),
        `${meter.device}/${meter.interfaceKey}`,
      ).toEqual(expected);
    }
  });

  test('gaps are where the schedule or a kill of the agent put them, lost spans where the schedule did', () => {
    const events = scheduled();
    for (const { meter, spans } of checked) {
      const silent = [
        ...events.filter((event) => event.kind === 'silence' && event.device === meter.device),
        ...outages,
      ];
      for (const span of spans.filter((one) => one.kind === 'gap')) {
        const explained = silent.some((event) => span.fromMs < event.toMs + 2 * POLL_MS && event.fromMs < span.toMs);
        // On a busy machine a poll may be late; it is never left out, so such a span is short.
        const late = span.toMs - span.fromMs < 2 * POLL_MS;
        expect(
          explained || late,
          `${meter.device}/${meter.interfaceKey} ${JSON.stringify({ ...span, octets: String(span.octets) })}`,
        ).toBe(true);
      }
      for (const event of events.filter((one) => one.kind === 'silence' && one.device === meter.device)) {
        const seen = (spans[0]?.fromMs ?? 0) < event.fromMs && (spans.at(-1)?.toMs ?? 0) > event.toMs;
        const across = spans.filter(
          (span) => span.kind === 'gap' && span.fromMs < event.toMs && span.toMs > event.fromMs,
        );
        expect(across.length, `silence of ${meter.device}/${meter.interfaceKey}`).toBeGreaterThanOrEqual(seen ? 1 : 0);
      }
      const [firstMs, lastMs] = [spans[0]?.fromMs ?? 0, spans.at(-1)?.toMs ?? 0];
      // A restart is seen once the device answers again; the counters of a card begin anew at once.
      const inside = events.filter(
        (event) =>
          event.device === meter.device &&
          event.fromMs > firstMs &&
          ((event.kind === 'restart' && event.toMs < lastMs) ||
            (event.kind === 'reset' && event.interface === meter.interfaceKey && event.fromMs < lastMs)),
      );
      expect(spans.filter((span) => span.kind === 'lost').length, `${meter.device}/${meter.interfaceKey}`).toBe(
        inside.length,
      );
    }
    expect(checked.some(({ spans }) => spans.some((span) => span.kind === 'lost'))).toBe(true);
    expect(checked.some(({ spans }) => spans.some((span) => span.kind === 'gap'))).toBe(true);
  });

  test('lost time stands in the usage where the schedule has it, and nowhere else', () => {
    for (const { meter, spans, usage } of checked) {
      const expected = spans
        .filter((span) => span.kind === 'lost' && span.fromMs < finalUntilMs)
        .reduce((sum, span) => sum + Math.min(span.toMs, finalUntilMs) - span.fromMs, 0);
      const found = usage
        .filter((record) => Date.parse(record.bucketStart) < finalUntilMs)
        .reduce((sum, record) => sum + record.lostMs, 0);
      expect(found, `${meter.device}/${meter.interfaceKey}`).toBe(expected);
    }
  });

  test('the charge of a service is the price of its octets, worked by hand', async () => {
    const charges = (await chargesOf('acme-lab')).filter(
      (charge) => charge.item === 'volume' && Date.parse(charge.windowEnd) <= finalUntilMs,
    );
    const charged = charges.reduce((sum, charge) => sum.add(Exact.fromText(charge.amount) ?? Exact.zero), Exact.zero);
    const octets = checked
      .filter(({ meter }) => meter.device === 'access4' && meter.interfaceKey === 'Fa0/1')
      .reduce((sum, { usage }) => sum + sumOf(usage, ['good', 'wrapped', 'gap']), 0n);
    const byHand = Exact.ratio(octets, 10n ** 9n).multiply(Exact.parse(PRICE_PER_GB) ?? Exact.zero);
    expect(octets).toBeGreaterThan(0n);
    expect(charged.toString()).toBe(byHand.toString());
    expect(new Set(charges.map((charge) => charge.windowStart)).size).toBe(charges.length);
  });

  test('weir reconcile finds no difference', async () => {
    const { code, output } = await runWeir(
      ['reconcile', '--json', '--config', pipeline.configurationFile, '--data', pipeline.dataFolder],
      { environment: { WEIR_ADMIN_TOKEN: ADMINISTRATOR } },
    );
    expect(output).toContain('"differences":[]');
    expect(code, output).toBe(0);
  }, 120_000);

  test('no alarm is lost or raised twice', async () => {
    const alarms = await pipeline.all<{ id: string; resource: string; alarmType: string }>(
      '/api/v1/alarms?state=all&limit=500',
    );
    const histories = await Promise.all(
      alarms.map(async (alarm) => ({
        ...alarm,
        changes: (
          await pipeline.ask<{ statusChanges: { at: string; severity: string; origin: string }[] }>(
            `/api/v1/alarms/${alarm.id}`,
          )
        ).statusChanges.toReversed(),
      })),
    );
    for (const { resource, alarmType, changes } of histories) {
      const states = changes.map((change) => change.severity === 'cleared');
      for (let at = 1; at < states.length; at += 1)
        expect(states[at], `${alarmType} of ${resource}: ${JSON.stringify(changes)}`).not.toBe(states[at - 1]);
      expect(new Set(changes.map((change) => change.origin)).size).toBe(changes.length);
    }
    const raised = (alarmType: string, resource: string): number =>
      histories
        .find((one) => one.alarmType === alarmType && one.resource === resource)
        ?.changes.filter((change) => change.severity !== 'cleared').length ?? 0;
    const [firstMs, lastMs] = seenBetween();
    const within = (event: NetworkEvent): boolean => event.fromMs > firstMs && event.toMs < lastMs - 3 * POLL_MS;
    const events = scheduled().filter(within);
    const restarts = events.filter((event) => event.kind === 'restart');
    expect(restarts.length).toBeGreaterThan(0);
    expect(raised('device-rebooted', 'access5')).toBe(restarts.length);
    const untouched = (event: NetworkEvent): boolean =>
      !outages.some((outage) => outage.fromMs < event.toMs && event.fromMs < outage.toMs + 2 * POLL_MS);
    const silences = events.filter((event) => event.kind === 'silence' && event.device === 'access6');
    expect(raised('device-unreachable', 'access6')).toBeGreaterThanOrEqual(silences.filter(untouched).length);
    expect(raised('device-unreachable', 'access6')).toBeLessThanOrEqual(silences.length);
    const flaps = events.filter(isFlap);
    expect(flaps.filter(untouched).length).toBeGreaterThan(0);
    expect(raised('interface-down', 'access3/Te1/0/2')).toBeGreaterThanOrEqual(flaps.filter(untouched).length);
  });

  function seenBetween(): [number, number] {
    const times = checked
      .flatMap(({ readings }) => [readings[0], readings.at(-1)])
      .map((reading) => Date.parse(reading?.observedAt ?? ''));
    return [Math.min(...times), Math.max(...times)];
  }

  function scheduled(): NetworkEvent[] {
    const [firstMs, lastMs] = seenBetween();
    return eventsBetween(pipeline.network, firstMs, lastMs);
  }
}
