// KPIs of a real collector over HTTP: an outage of known length, a link that was down, exact counters, and who may ask for what.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CollectorFixture, eventually, startCollectorFixture } from '../../support/collector-fixture.ts';
import { type InterfaceReading, interfacePoll } from '../../support/poll-builder.ts';

const MINUTE = 60_000;
const POLLS = 60;
/** core1 does not answer polls 20 to 31, its link is down in polls 40 to 45; poll 50 never came. */
const AWAY = [20, 32] as const;
const DOWN = [40, 46] as const;
const MISSING = 50;

interface Answer {
  readonly value: number | null;
  readonly coverage: number;
  readonly numerator: string;
  readonly denominator: string;
  readonly status: string | null;
  readonly resources: number;
  readonly sources: readonly string[];
  readonly series: readonly { readonly value: number | null }[];
}

const OWN_KPIS = `
kpis:
  - name: received-errors
    title: Received packets with errors
    formula: ratio(sum(delta in_errors), sum(delta in_packets))
    unit: "%"
    resources: [interface]
    direction: lower-is-better
`;

let folder: string;
let fixture: CollectorFixture;
let remove: () => Promise<void>;
let [fromMs, toMs] = [0, 0];

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-kpis-'));
  const own = path.join(folder, 'own.yaml');
  writeFileSync(own, OWN_KPIS);
  ({ fixture, remove } = await startCollectorFixture({
    collector: { kpis: own },
    devices: [
      { name: 'core1', site: 'hall-1', interval_ms: MINUTE },
      { name: 'access1', site: 'hall-2', interval_ms: MINUTE },
    ],
  }));
  toMs = Math.floor(Date.now() / MINUTE) * MINUTE - MINUTE;
  fromMs = toMs - POLLS * MINUTE;
  let sequence = 0;
  for (let at = 0; at <= POLLS; at += 1) {
    if (at === MISSING) continue;
    sequence += 1;
    await fixture.receipt({ sequence, polls: pollsAt(at) });
  }
  await fixture.applied(sequence);
  await eventually(
    async () => (await fixture.metric('weir_projection_lag_entries{projection="store"}')) === 0,
    'stored',
  );
  await eventually(async () => (await ask('reachability', 'resource=access1')).coverage > 0.9, 'readable');
});
afterAll(async () => {
  await remove();
  rmSync(folder, { recursive: true, force: true });
});

const inside = (at: number, [from, to]: readonly [number, number]): boolean => at >= from && at < to;

function pollsAt(at: number) {
  const words = { atMs: fromMs + at * MINUTE, intervalMs: MINUTE };
  const counting = (key: string, oper: number, admin = 1): InterfaceReading => ({
    key,
    oper,
    admin,
    speedBps: 1_000_000_000,
    inOctets: BigInt(at) * 75_000_000n,
    outOctets: BigInt(at) * 750_000_000n,
    inPackets: BigInt(at) * 1000n,
    inErrors: BigInt(at) * 3n,
  });
  const core = interfacePoll({
    ...words,
    device: 'core1',
    interfaces: [counting('ge-0', inside(at, DOWN) ? 2 : 1), counting('ge-1', 2, 2)],
    ...(inside(at, AWAY) ? { failure: 'timed_out' } : {}),
  });
  return [core, interfacePoll({ ...words, device: 'access1', interfaces: [counting('ge-0', 1)] })];
}

const span = (): string => `from=${new Date(fromMs).toISOString()}&to=${new Date(toMs).toISOString()}`;
const ask = (name: string, query: string): Promise<Answer> => fixture.get(`/api/v1/kpis/${name}?${query}&${span()}`);

describe('an outage of known length', () => {
  test('is what reachability lacks, to the poll interval', async () => {
    const { value, coverage, numerator, denominator, status } = await ask('reachability', 'resource=core1');
    const downMs = Number(denominator) - Number(numerator);
    expect(Math.abs(downMs - (AWAY[1] - AWAY[0]) * MINUTE)).toBeLessThanOrEqual(MINUTE);
    expect(value).toBeCloseTo((100 * Number(numerator)) / Number(denominator), 9);
    expect(coverage).toBeGreaterThan(0.95);
    expect(status).toBe('critical');
  });

  test('leaves the interface unknown, and a link that was down is down', async () => {
    const { coverage, numerator, denominator } = await ask('interface-availability', 'resource=core1/ge-0');
    const downMs = Number(denominator) - Number(numerator);
    expect(Math.abs(downMs - (DOWN[1] - DOWN[0]) * MINUTE)).toBeLessThanOrEqual(MINUTE);
    expect(coverage).toBeLessThan(0.9);
    expect(coverage).toBeGreaterThan(0.7);
  });

  test('an interface that is shut down has no availability', async () => {
    expect((await ask('interface-availability', 'resource=core1/ge-1')).value).toBe(null);
  });

  test('is repaired in the time that its alarm says', async () => {
    const { value, numerator, denominator, sources } = await ask('mean-time-to-repair', 'resource=core1/ge-0');
    expect(sources).toEqual(['interface-down', 'device-unreachable']);
    expect(Number(denominator)).toBeGreaterThan(0);
    expect(value).toBeCloseTo(Number(numerator) / 1000 / Number(denominator), 6);
  });
});

describe('of several', () => {
  test('a site is made of its interfaces, everything of all sites', async () => {
    const [hall1, hall2, all] = await Promise.all([
      ask('interface-availability', 'site=hall-1'),
      ask('interface-availability', 'site=hall-2'),
      ask('interface-availability', ''),
    ]);
    expect(Number(hall1.denominator) + Number(hall2.denominator)).toBe(Number(all.denominator));
    expect(Number(hall1.numerator) + Number(hall2.numerator)).toBe(Number(all.numerator));
    expect([hall1.resources, hall2.resources, all.resources]).toEqual([2, 1, 3]);
    // The same in one question.
    const sites = await fixture.get<{ whole: Answer; items: (Answer & { site: string })[] }>(
      `/api/v1/kpis/interface-availability/sites?${span()}`,
    );
    const figures = ({ value, numerator, denominator, coverage, resources }: Answer) => ({
      value,
      numerator,
      denominator,
      coverage,
      resources,
    });
    expect(sites.items.map((one) => [one.site, figures(one)])).toEqual([
      ['hall-1', figures(hall1)],
      ['hall-2', figures(hall2)],
    ]);
    expect(figures(sites.whole)).toEqual(figures(all));
  });

  test('a series adds up to its whole', async () => {
    const whole = await ask('reachability', 'resource=core1&step=600000');
    expect(whole.series).toHaveLength(6);
    const values = whole.series.map(({ value }) => value ?? -1);
    expect(Math.min(...values)).toBeLessThan(20);
    expect(Math.max(...values)).toBe(100);
  });

  test('counters are whole numbers, in a KPI of the operator; a missing poll, whose shape nobody knows, is left out', async () => {
    const { numerator, denominator, value } = await ask('received-errors', 'resource=access1/ge-0');
    // 58 of 60 minutes; what a poll off the minute moved is split between two steps in whole packets.
    expect(Math.abs(Number(numerator) - 174)).toBeLessThanOrEqual(3);
    expect(Math.abs(Number(denominator) - 58_000)).toBeLessThanOrEqual(1000);
    expect(value).toBeCloseTo(0.3, 1);
    const utilisation = await ask('utilisation-average', 'resource=access1/ge-0');
    expect(utilisation.value).toBeCloseTo(10, 1);
  });

  test('the worst come first', async () => {
    const { items, unknown } = await fixture.get<{ items: { resource: string }[]; unknown: number }>(
      `/api/v1/kpis/interface-availability/ranking?${span()}`,
    );
    expect(items.map(({ resource }) => resource)).toEqual(['core1/ge-0', 'access1/ge-0']);
    expect(unknown).toBe(1);
  });

  test('a report as JSON and as CSV', async () => {
    const report = await fixture.get<{ items: { kpi: { name: string } }[] }>(
      `/api/v1/kpi-report?site=hall-1&${span()}`,
    );
    expect(report.items.map(({ kpi }) => kpi.name)).toContain('interface-availability');
    const csv = await fixture.ask(`/api/v1/kpi-report?site=hall-1&format=csv&${span()}`);
    expect(csv.headers.get('content-type')).toContain('text/csv');
    const lines = String(csv.body).split('\r\n');
    expect(lines[0]).toBe('kpi,title,target,from,to,value,unit,coverage,status,numerator,denominator,resources');
    expect(lines).toHaveLength(report.items.length + 2);
  });
});

describe('refused', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['kpis/none?period=2026-11', 404],
    ['kpis/reachability', 400],
    ['kpis/reachability?period=2026-13', 400],
    ['kpis/reachability?period=2026-W54', 400],
    ['kpis/reachability?period=2020-01&zone=Moon/Crater', 400],
    ['kpis/reachability?period=2020-01&resource=core1&site=hall-1', 400],
    ['kpis/reachability?period=2020-01&resource=core1/ge-0', 400],
    ['kpis/reachability?period=2020-01&site=none', 404],
    ['kpis/utilisation-p95/sites?period=2020-01', 400],
    ['kpis/reachability?period=2020-01&service=none', 404],
    ['kpis/reachability?from=2090-01-01T00:00:00Z&to=2090-02-01T00:00:00Z', 400],
    ['kpis/reachability?period=2020-01&resource=core1&step=60000', 400],
  ];
  test.each(cases)('%s', async (place, status) => {
    expect((await fixture.ask(`/api/v1/${place}`)).status).toBe(status);
  });

  test('a viewer is not told of customers', async () => {
    const token = await fixture.token('v', 'viewer');
    expect((await fixture.ask('/api/v1/kpis', { token })).status).toBe(200);
    const answer = await fixture.ask(`/api/v1/kpis/reachability?service=x&${span()}`, { token });
    expect(answer.status).toBe(403);
  });
});
