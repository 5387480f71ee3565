// Statistics and shares of many resources out of the store's own sums: the same as out of points, with gaps, readings after the last bucket, and maintenance.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { metricsOf, parseFormula } from '../../../collector/kpi/formula.ts';
import { KPI_BOUNDS, type KpiBounds } from '../../../collector/kpi/kpi-bounds.ts';
import { KpiDesk } from '../../../collector/kpi/kpi-desk.ts';
import { DuckDbStore } from '../../../collector/store/duckdb-store.ts';
import type { MetricStore } from '../../../collector/store/store.ts';
import { SystemClock } from '../../../common/runtime/clock.ts';
import { interfacePoll, journalEntry } from '../../support/poll-builder.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { smallStoreConfig } from '../../support/small-store.ts';

const [STEP, HOUR, DAY] = [300_000, 3_600_000, 86_400_000];
const T0 = 20_700 * DAY;
const HOURS = 60;
const PORTS = Array.from({ length: 12 }, (_, port) => `p${port}`);
const SPAN = { fromMs: T0, toMs: T0 + HOURS * HOUR };

const folder = mkdtempSync(path.join(tmpdir(), 'weir-kpi-buckets-'));
let store: DuckDbStore;

beforeAll(async () => {
  store = new DuckDbStore(silentReporter().reporter, smallStoreConfig(path.join(folder, 'metrics.duckdb')), {
    clock: new SystemClock(),
  });
  await store.start();
  const octets = PORTS.map(() => 0n);
  const polls = Array.from({ length: (HOURS * HOUR) / STEP + 1 }, (_, at) => {
    const interfaces = PORTS.map((key, port) => {
      octets[port] = (octets[port] ?? 0n) + BigInt(((at * 7919 + port * 104_729) % 997) * 1_000_000);
      return {
        key,
        inOctets: octets[port] ?? 0n,
        outOctets: (octets[port] ?? 0n) / BigInt(1 + (at % 3)),
        speedBps: 1e9,
      };
    });
    // Of p11 one direction is never counted; now and then the device does not answer for some hours.
    const seen = interfaces.map(({ outOctets, ...one }, port) => {
      const states = { oper: (at + port * 5) % 90 < port * 2 ? 2 : 1, admin: (at + port) % 200 < port * 3 ? 2 : 1 };
      return one.key === 'p11' ? { ...one, ...states } : { ...one, ...states, outOctets };
    });
    return at % 160 > 140
      ? null
      : interfacePoll({ device: 'core1', atMs: T0 + at * STEP, interfaces: seen, intervalMs: STEP });
  });
  await store.apply(
    polls.flatMap((poll, at) => (poll === null ? [] : [journalEntry({ position: at + 1, polls: [poll] })])),
  );
  // The last hours stay readings.
  await store.rollUp(T0 + 55 * HOUR);
}, 30_000);
afterAll(async () => {
  await store.stop();
  rmSync(folder, { recursive: true, force: true });
});

function deskOf(read: Pick<MetricStore, 'many' | 'statistics' | 'shares'>, bounds: Partial<KpiBounds>): KpiDesk {
  const excluded = (resource: string): Promise<{ fromMs: number; toMs: number }[]> =>
    Promise.resolve(resource === 'core1/p3' ? [{ fromMs: T0 + 2 * HOUR, toMs: T0 + 9 * HOUR }] : []);
  return new KpiDesk(
    { store: read, excluded, alarms: { of: () => Promise.resolve(new Map()) } },
    { ...KPI_BOUNDS, ...bounds },
  );
}

const parts = [...PORTS, 'p99'].map((port) => ({ resource: `core1/${port}`, ...SPAN }));
/** Of the two metrics of a formula. */
const POINTS_OF_HOURS = (HOURS + 1) * parts.length * 2;

test.for([
  'p95(max(in_utilisation, out_utilisation))',
  'p95(sum(in_utilisation, out_utilisation))',
  'p99(min(in_utilisation, out_utilisation))',
  'avg(max(in_utilisation, out_utilisation))',
  'min(sum(in_utilisation, out_utilisation))',
  'max(max(in_utilisation, out_utilisation))',
  'p95(in_bps)',
])('%s', async (text) => {
  const formula = parseFormula(text);
  for (const [stepMs, most] of [
    [STEP, POINTS_OF_HOURS * 12],
    [HOUR, POINTS_OF_HOURS],
    [DAY, POINTS_OF_HOURS / 10],
  ] as const) {
    const handed: number[] = [];
    const byBuckets = deskOf(
      {
        statistics: (query) => store.statistics(query),
        many: (query) => {
          handed.push((query.resources.length * (query.toMs - query.fromMs)) / (query.stepMs ?? 1));
          return store.many(query);
        },
      },
      { maxPoints: 1, maxBuckets: most },
    );
    const byPoints = deskOf({ many: (query) => store.many(query) }, { maxPoints: most, maxBuckets: most });
    const [summed, read] = [
      await byBuckets.compute({ formula }, parts, [SPAN], true),
      await byPoints.compute({ formula }, parts, [SPAN], true),
    ];
    expect([summed.stepMs, read.stepMs]).toEqual([stepMs, stepMs]);
    const workings = (computed: typeof summed) =>
      (computed.windows[0]?.parts ?? []).map(({ part, working }) => ({ resource: part.resource, ...working }));
    const truth = new Map(workings(read).map((one) => [one.resource, one]));
    expect(truth.size).toBe(parts.length);
    for (const one of workings(summed)) {
      const wanted = truth.get(one.resource);
      expect(Number(one.numerator), one.resource).toBeCloseTo(Number(wanted?.numerator), 3);
      expect(Number(one.denominator), one.resource).toBeCloseTo(Number(wanted?.denominator), 3);
      expect(one.knownMs, one.resource).toBeCloseTo(wanted?.knownMs ?? -1, 3);
      expect(one.wantedMs, one.resource).toBe(wanted?.wantedMs);
    }
    // But for the readings after the last bucket, and the port that has maintenance, no point is handed over.
    const all = metricsOf(formula).length * parts.length * ((SPAN.toMs - SPAN.fromMs) / stepMs);
    if (stepMs < DAY) expect(handed.reduce((sum, count) => sum + count, 0)).toBeLessThan(all / 2);
  }
});

test.for([
  'share(oper_status == 1, while admin_status == 1)',
  'share(oper_status != 1)',
  'share(admin_status < 2, while oper_status >= 2)',
])('%s: out of runs what minutes give, to the millisecond', async (text) => {
  const formula = parseFormula(text);
  let handed = 0;
  const byRuns = deskOf(
    {
      shares: (query) => store.shares(query),
      many: (query) => {
        handed += query.resources.length * (query.toMs - query.fromMs);
        return store.many(query);
      },
    },
    { maxPoints: 20_000 },
  );
  const byMinutes = deskOf({ many: (query) => store.many(query) }, {});
  const [summed, read] = [
    await byRuns.compute({ formula }, parts, [SPAN]),
    await byMinutes.compute({ formula }, parts, [SPAN]),
  ];
  expect([summed.stepMs, read.stepMs]).toEqual([60_000, 60_000]);
  const workings = (computed: typeof summed) =>
    new Map((computed.windows[0]?.parts ?? []).map(({ part, working }) => [part.resource, working]));
  expect(workings(summed)).toEqual(workings(read));
  expect(summed.windows[0]?.whole).toEqual(read.windows[0]?.whole);
  expect(Number(summed.windows[0]?.whole.denominator)).toBeGreaterThan(Number(summed.windows[0]?.whole.numerator));
  expect(handed).toBeGreaterThan(0);
  expect(handed).toBeLessThan(parts.length * (SPAN.toMs - SPAN.fromMs));
});
