// Targets, turns, kept results, periods and spells of alarms: the parts of the KPI book by themselves.
import { describe, expect, test } from 'vitest';
import { EVERYTHING, sees, type Viewpoint } from '../../../common/model/viewpoint.ts';
import { type StatusRow, spellsOf } from '../../../collector/kpi/alarm-spells.ts';
import { type KpiDefinition, kpisOf } from '../../../collector/kpi/definition.ts';
import { KpiBook } from '../../../collector/kpi/kpi-book.ts';
import type { Part } from '../../../collector/kpi/kpi-desk.ts';
import { spanOfPeriod } from '../../../collector/kpi/kpi-period.ts';
import { KpiTargets, type Target } from '../../../collector/kpi/kpi-targets.ts';
import type { Span } from '../../../collector/kpi/compute.ts';
import type { MirroredService } from '../../../collector/services/service-book.ts';
import { ServiceIndex } from '../../../collector/services/service-index.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const HOUR = 3_600_000;
const NOW = Date.parse('2026-11-10T12:00:00Z');

const definitions = new Map(
  kpisOf(
    `kpis:
  - { name: availability, title: A, formula: share(oper_status == 1), unit: "%", resources: [interface], direction: higher-is-better, thresholds: { warning: 99, critical: 90 } }
  - { name: reachability, title: R, formula: share(reachable == 1), unit: "%", resources: [device], direction: higher-is-better }
  - { name: worst, title: W, formula: p95(in_utilisation), unit: "%", resources: [interface], direction: lower-is-better }`,
    'test.yaml',
    { checkMetric: () => undefined, alarmTypes: [] },
  ).map((kpi): [string, KpiDefinition] => [kpi.name, kpi]),
);
const kpi = (name: string): KpiDefinition => {
  const found = definitions.get(name);
  if (found === undefined) throw new Error(name);
  return found;
};

const bound = (device: string, interfaceKey: string, fromMs: number, toMs: number | null) => ({
  device,
  interfaceKey,
  fromMs,
  toMs,
});
const service = (id: string, customer: string, bindings: MirroredService['bindings']): MirroredService => ({
  id,
  name: id,
  customer: { id: customer, name: customer },
  fromMs: NOW - 10 * HOUR,
  toMs: null,
  bindings,
  running: null,
});
const index = new ServiceIndex([
  // Moved from one port to another: each counts while it is bound.
  service('moved', 'acme', [bound('a', 'ge-0', 0, NOW - 2 * HOUR), bound('b', 'ge-1', NOW - 2 * HOUR, null)]),
  service('other', 'bolt', [bound('b', 'ge-2', 0, null)]),
]);
const SERIES = ['a/ge-0', 'b/ge-1', 'b/ge-2', 'c/ge-0'];

const targets = new KpiTargets({
  services: { service: (id) => index.byId.get(id), ofCustomer: (id) => index.byCustomer.get(id) ?? [] },
  devicesOf: (site) => (site === 'hall' ? ['a', 'b'] : []),
  sees,
  store: {
    catalogue: ({ metric = '', device }) =>
      Promise.resolve(
        (metric === 'reachable' ? ['a', 'b', 'c'] : SERIES)
          .map((resource) => ({
            metric,
            resource,
            device: resource.split('/')[0] ?? '',
            part: '',
            description: '',
            unit: '',
            tags: {},
          }))
          .filter((one) => device === undefined || one.device === device),
      ),
  },
});
const SPAN = { fromMs: NOW - 4 * HOUR, toMs: NOW };
const SCOPED: Viewpoint = { everything: false, devices: ['c'], resources: ['b/ge-1'], customers: ['acme'] };

describe('targets', () => {
  const partsOf = async (name: string, target: Target, viewpoint: Viewpoint): Promise<string[]> =>
    (await targets.partsOf(kpi(name), target, SPAN, viewpoint)).map(
      ({ resource, fromMs, toMs }) => `${resource} ${(NOW - fromMs) / HOUR} ${(NOW - toMs) / HOUR}`,
    );
  const cases: readonly (readonly [string, string, Target, Viewpoint, readonly string[]])[] = [
    ['a site', 'availability', { kind: 'site', id: 'hall' }, EVERYTHING, ['a/ge-0 4 0', 'b/ge-1 4 0', 'b/ge-2 4 0']],
    ['devices of a site', 'reachability', { kind: 'site', id: 'hall' }, EVERYTHING, ['a 4 0', 'b 4 0']],
    ['a device', 'availability', { kind: 'device', id: 'b' }, EVERYTHING, ['b/ge-1 4 0', 'b/ge-2 4 0']],
    [
      'a service that moved',
      'availability',
      { kind: 'service', id: 'moved' },
      EVERYTHING,
      ['a/ge-0 4 2', 'b/ge-1 2 0'],
    ],
    ['devices of a service', 'reachability', { kind: 'service', id: 'moved' }, EVERYTHING, ['a 4 2', 'b 2 0']],
    ['what a scope sees of everything', 'availability', { kind: 'network' }, SCOPED, ['b/ge-1 4 0', 'c/ge-0 4 0']],
    ['what a scope sees of a site', 'availability', { kind: 'site', id: 'hall' }, SCOPED, ['b/ge-1 4 0']],
    ['a customer in scope', 'availability', { kind: 'customer', id: 'acme' }, SCOPED, ['a/ge-0 4 2', 'b/ge-1 2 0']],
  ];
  test.each(cases)('%s', async (_name, name, target, viewpoint, parts) => {
    expect(await partsOf(name, target, viewpoint)).toEqual(parts);
  });

  const hidden: readonly Target[] = [
    { kind: 'resource', id: 'b/ge-2' },
    { kind: 'device', id: 'a' },
    { kind: 'service', id: 'other' },
    { kind: 'customer', id: 'bolt' },
    { kind: 'site', id: 'nowhere' },
  ];
  test.each(hidden)('beyond the scope: $kind $id', async (target) => {
    await expect(targets.partsOf(kpi('availability'), target, SPAN, SCOPED)).rejects.toMatchObject({
      code: 'not_found',
    });
  });
});

/** c is configured no more. */
const SITES: Readonly<Record<string, string>> = { a: 'hall', b: 'yard' };

function bookOf(compute?: () => Promise<never>) {
  const clock = new VirtualClock(NOW);
  const asked: (readonly Part[])[] = [];
  const desk = {
    compute: (_kpi: unknown, parts: readonly Part[], windows: readonly Span[]) => {
      asked.push(parts);
      if (compute !== undefined) return compute();
      const working = (part: Part) => {
        const up = { 'a/ge-0': 50, 'b/ge-1': 95, 'b/ge-2': 100 }[part.resource] ?? 0;
        const denominator = part.resource === 'c/ge-0' ? 0 : 100;
        return { part, working: { numerator: up, denominator, knownMs: denominator, wantedMs: 100 } };
      };
      const all = parts.map(working);
      const sum = { numerator: 99, denominator: 100, knownMs: 100, wantedMs: 100 };
      return Promise.resolve({ windows: windows.map((span) => ({ span, whole: sum, parts: all })), stepMs: 60_000 });
    },
  };
  const book = new KpiBook(silentReporter().reporter, {
    clock,
    definitions,
    desk,
    targets,
    siteOf: (device) => SITES[device] ?? null,
  });
  return { book, asked, clock };
}
const QUESTION = {
  target: { kind: 'network' } as const,
  viewpoint: EVERYTHING,
  fromMs: NOW - 4 * HOUR,
  toMs: NOW - HOUR,
};

describe('the book', () => {
  test('keeps what is over for ten minutes, and not what goes on', async () => {
    const { book, asked, clock } = bookOf();
    for (let time = 0; time < 3; time += 1) await book.value('availability', { ...QUESTION, stepMs: null });
    expect(asked).toHaveLength(1);
    await clock.advance(600_001);
    await book.value('availability', { ...QUESTION, stepMs: null });
    expect(asked).toHaveLength(2);
    for (let time = 0; time < 2; time += 1)
      await book.value('availability', { ...QUESTION, toMs: NOW * 2, stepMs: null });
    expect(asked).toHaveLength(4);
  });

  test('a result of one viewpoint is not told to another', async () => {
    const { book, asked } = bookOf();
    await book.value('availability', { ...QUESTION, stepMs: null });
    const scoped = await book.value('availability', { ...QUESTION, viewpoint: SCOPED, stepMs: null });
    expect([asked.length, scoped.resources]).toEqual([2, 2]);
  });

  test('time that lies ahead is not asked for', async () => {
    const { book } = bookOf();
    const { span } = await book.value('availability', { ...QUESTION, toMs: NOW + HOUR, stepMs: null });
    expect(span.toMs).toBe(NOW);
  });

  test('ranks by the direction of the KPI; the unknown are counted', async () => {
    const { book } = bookOf();
    const worst = await book.ranking('availability', { ...QUESTION, limit: 2, order: 'worst' });
    expect(worst.items.map(({ resource, status }) => `${resource} ${status}`)).toEqual([
      'a/ge-0 critical',
      'b/ge-1 warning',
    ]);
    expect([worst.resources, worst.unknown]).toEqual([4, 1]);
    const best = await book.ranking('availability', { ...QUESTION, limit: 1, order: 'best' });
    expect(best.items.map(({ resource, status }) => `${resource} ${status}`)).toEqual(['b/ge-2 good']);
  });

  test('site by site: sums of what adds up, and nothing of what does not', async () => {
    const { book, asked } = bookOf();
    const { items, whole } = await book.bySite('availability', QUESTION);
    const shown = items.map(({ site, value, status, resources }) => [site, value, status, resources]);
    expect(shown).toEqual([
      ['hall', 50, 'critical', 1],
      ['yard', 97.5, 'warning', 2],
    ]);
    expect(whole).toMatchObject({ numerator: '245', denominator: '300', resources: 4, coverage: 0.75 });
    expect(asked).toHaveLength(1);
    // A port of a customer is counted, and nobody is told where its device stands.
    const scoped = await book.bySite('availability', { ...QUESTION, viewpoint: SCOPED });
    expect([scoped.whole.resources, scoped.items]).toEqual([2, []]);
    await expect(book.bySite('worst', QUESTION)).rejects.toMatchObject({ code: 'invalid_request' });
    expect(asked).toHaveLength(2);
  });

  test('a report has a row for each KPI that the target has', async () => {
    const { book } = bookOf();
    const names = async (target: Target) =>
      (await book.report({ ...QUESTION, target })).map(({ definition }) => definition.name);
    expect(await names({ kind: 'site', id: 'hall' })).toEqual(['availability', 'reachability', 'worst']);
    expect(await names({ kind: 'resource', id: 'a/ge-0' })).toEqual(['availability', 'worst']);
    await expect(names({ kind: 'site', id: 'nowhere' })).rejects.toMatchObject({ code: 'not_found' });
  });

  test('more than may wait are refused, and one that fails holds up nobody', async () => {
    const { book } = bookOf(() => Promise.reject(new Error('the store is away')));
    const asked = Array.from({ length: 40 }, (_, at) =>
      book.value('availability', { ...QUESTION, fromMs: QUESTION.fromMs - at, stepMs: null }).then(
        () => 'answered',
        (error: unknown) => (error instanceof Error ? error.message : ''),
      ),
    );
    const said = await Promise.all(asked);
    expect(said.filter((text) => text === 'the store is away')).toHaveLength(32);
    expect(said.filter((text) => text.includes('wait already'))).toHaveLength(8);
    await expect(book.value('availability', { ...QUESTION, stepMs: null })).rejects.toThrow('the store is away');
  });
});

describe('periods', () => {
  const cases: readonly (readonly [string, string, string, string])[] = [
    ['2026-11', 'UTC', '2026-11-01T00:00:00.000Z', '2026-12-01T00:00:00.000Z'],
    ['2026-10-25', 'Europe/Berlin', '2026-10-24T22:00:00.000Z', '2026-10-25T23:00:00.000Z'],
    ['2026-W48', 'UTC', '2026-11-23T00:00:00.000Z', '2026-11-30T00:00:00.000Z'],
    ['2026-W01', 'UTC', '2025-12-29T00:00:00.000Z', '2026-01-05T00:00:00.000Z'],
    ['2026-W53', 'UTC', '2026-12-28T00:00:00.000Z', '2027-01-04T00:00:00.000Z'],
    ['2026-11-24T08Z', 'UTC', '2026-11-24T08:00:00.000Z', '2026-11-24T09:00:00.000Z'],
  ];
  test.each(cases)('%s in %s', (name, zone, from, to) => {
    const { fromMs, toMs } = spanOfPeriod(name, zone);
    expect([new Date(fromMs).toISOString(), new Date(toMs).toISOString()]).toEqual([from, to]);
  });
  test.each([
    ['2025-W53', 'UTC'],
    ['2026-W00', 'UTC'],
    ['2026-13', 'UTC'],
    ['yesterday', 'UTC'],
    ['2026-11', 'Moon/Crater'],
  ])('no period: %s in %s', (name, zone) => {
    expect(() => spanOfPeriod(name, zone)).toThrow(/expected|no week/);
  });
});

test('spells: a change of severity goes on with one, and alarms are told apart', () => {
  const row = (alarm: bigint, resource: string, at: bigint, severity: string): StatusRow => ({
    alarm,
    resource,
    at_ms: at,
    severity,
  });
  const spells = spellsOf([
    row(1n, 'a', 10n, 'minor'),
    row(1n, 'a', 12n, 'major'),
    row(1n, 'a', 20n, 'cleared'),
    row(1n, 'a', 30n, 'minor'),
    row(2n, 'a', 15n, 'cleared'),
    row(2n, 'a', 40n, 'minor'),
    row(2n, 'a', 41n, 'cleared'),
    row(3n, 'b', 5n, 'minor'),
  ]);
  expect(spells.get('a')).toEqual([
    { raisedMs: 10, clearedMs: 20 },
    { raisedMs: 30, clearedMs: null },
    { raisedMs: 40, clearedMs: 41 },
  ]);
  expect(spells.get('b')).toEqual([{ raisedMs: 5, clearedMs: null }]);
});
