// KPIs against hand-made histories: gaps, flapping, reboots; and what must hold of any history.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type AlarmSpell,
  meanTimeOf,
  type PointsByMetric,
  ratioOf,
  samplesOf,
  shareOf,
  statisticOf,
} from '../../../collector/kpi/compute.ts';
import { type Formula, parseFormula } from '../../../collector/kpi/formula.ts';
import { addWorkings, valueOf } from '../../../collector/kpi/working.ts';

const STEP = 60_000;
type Of<Kind extends Formula['kind']> = Extract<Formula, { kind: Kind }>;
const formula = <Kind extends Formula['kind']>(_kind: Kind, text: string): Of<Kind> => parseFormula(text) as Of<Kind>;

const AVAILABILITY = formula('share', 'share(oper_status == 1, while admin_status == 1)');
const ERRORS = formula('ratio', 'ratio(sum(delta in_errors), sum(delta in_packets))');

type Values = readonly (number | string | null)[];
const points = (columns: Readonly<Record<string, Values>>, coverage = 1): PointsByMetric =>
  new Map(
    Object.entries(columns).map(([metric, values]) => [
      metric,
      values.map((value, index) => ({ atMs: index * STEP, value, coverage: value === null ? 0 : coverage })),
    ]),
  );

describe('availability', () => {
  const cases: readonly (readonly [string, Values, Values, number | null, number])[] = [
    ['up all the time', [1, 1, 1, 1], [1, 1, 1, 1], 100, 1],
    ['down for one of four', [1, 2, 1, 1], [1, 1, 1, 1], 75, 1],
    ['a missing poll is neither up nor down', [1, null, 2, null], [1, null, 1, null], 50, 0.5],
    ['shut down on purpose counts for nothing', [1, 2, 2, 1], [1, 2, 2, 1], 100, 1],
    ['flapping at each poll', [1, 2, 1, 2], [1, 1, 1, 1], 50, 1],
    ['never known', [null, null], [null, null], null, 0],
    ['never meant to be up', [2, 2], [2, 2], null, 1],
    ['its purpose is not known', [1, 1], [1, null], 100, 0.5],
    ['states other than up are down (RFC 2863)', [1, 5, 7, 3], [1, 1, 1, 1], 25, 1],
  ];
  test.each(cases)('%s', (_name, oper, admin, value, coverage) => {
    const working = shareOf(AVAILABILITY, points({ oper_status: oper, admin_status: admin }), STEP);
    expect(valueOf(working, 100)).toMatchObject({ value, coverage });
  });

  test('excluded time is neither up, down nor a gap', () => {
    const known = points({ oper_status: [1, 2, null, 1], admin_status: [1, 1, null, 1] });
    const working = shareOf(AVAILABILITY, known, STEP, [{ fromMs: STEP, toMs: 3 * STEP }]);
    expect(valueOf(working, 100)).toMatchObject({ value: 100, coverage: 1 });
  });

  const status = fc.constantFrom(1, 2, null);
  test('lies in [0, 100], and any split of a period gives the same', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(status, status), { minLength: 1, maxLength: 60 }), fc.nat(60), (steps, cut) => {
        const of = (part: typeof steps) =>
          shareOf(
            AVAILABILITY,
            points({ oper_status: part.map(([oper]) => oper), admin_status: part.map(([, admin]) => admin) }),
            STEP,
          );
        const whole = valueOf(of(steps), 100);
        expect(whole.coverage).toBeGreaterThanOrEqual(0);
        expect(whole.coverage).toBeLessThanOrEqual(1);
        if (whole.value !== null) {
          expect(whole.value).toBeGreaterThanOrEqual(0);
          expect(whole.value).toBeLessThanOrEqual(100);
        }
        expect(addWorkings([of(steps.slice(0, cut)), of(steps.slice(cut))])).toEqual(of(steps));
      }),
    );
  });
});

describe('ratios of counters', () => {
  test('are exact beyond 2^53, and their parts add up', () => {
    const huge = (2n ** 63n + 1n).toString();
    const working = ratioOf(ERRORS, points({ in_errors: ['1', '2'], in_packets: [huge, huge] }), STEP);
    expect([working.numerator, working.denominator]).toEqual([3n, 2n ** 64n + 2n]);
    expect(addWorkings([working, working]).denominator).toBe(2n ** 65n + 4n);
  });
  test('a restart of the device is a gap of both, not a jump', () => {
    const working = ratioOf(ERRORS, points({ in_errors: ['5', null, '5'], in_packets: ['100', '100', '100'] }), STEP);
    expect(valueOf(working, 100)).toMatchObject({ value: 5, coverage: 2 / 3, numerator: '10', denominator: '200' });
  });
  test('nothing carried, no rate', () => {
    const working = ratioOf(ERRORS, points({ in_errors: ['0'], in_packets: ['0'] }), STEP);
    expect(valueOf(working, 100)).toMatchObject({ value: null, coverage: 1 });
  });
});

describe('statistics', () => {
  const samples = (values: readonly number[]) => values.map((value) => ({ value, knownMs: STEP }));
  test('the higher direction of each step', () => {
    const term = formula('statistic', 'avg(max(in_utilisation, out_utilisation))').term;
    const known = points({ in_utilisation: [10, 50, null], out_utilisation: [20, 40, 90] });
    expect(samplesOf(term, known, STEP).map(({ value }) => value)).toEqual([20, 50]);
  });
  test('nearest rank, as bills have it', () => {
    const values = Array.from({ length: 100 }, (_, index) => index + 1);
    expect(statisticOf('p95', samples(values), 100 * STEP).numerator).toBe(95);
    expect(statisticOf('p95', samples([1, 2, 3]), 3 * STEP).numerator).toBe(3);
  });
  test('an average is weighted by what is known', () => {
    const working = statisticOf(
      'avg',
      [
        { value: 10, knownMs: 3 * STEP },
        { value: 50, knownMs: STEP },
      ],
      8 * STEP,
    );
    expect(valueOf(working, 1)).toMatchObject({ value: 20, coverage: 0.5 });
  });
  test('of nothing there is no value', () => {
    for (const statistic of ['avg', 'min', 'max', 'p95', 'p99'] as const)
      expect(valueOf(statisticOf(statistic, [], STEP), 1)).toMatchObject({ value: null, coverage: 0 });
  });
  test('lie between the least and the most', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 50 }), (values) => {
        for (const statistic of ['avg', 'min', 'max', 'p95', 'p99'] as const) {
          const value = valueOf(statisticOf(statistic, samples(values), STEP), 1).value ?? Number.NaN;
          expect(value).toBeGreaterThanOrEqual(Math.min(...values) - 1e-9);
          expect(value).toBeLessThanOrEqual(Math.max(...values) + 1e-9);
        }
      }),
    );
  });
});

describe('times from alarms', () => {
  const REPAIR = formula('mean_time', 'mean_time(repair, alarm interface-down)');
  const BETWEEN = formula('mean_time', 'mean_time(between_failures, alarm interface-down)');
  const span = { fromMs: 0, toMs: 100 };
  const cases: readonly (readonly [string, readonly AlarmSpell[], number | null, number | null])[] = [
    ['nothing happened', [], null, null],
    ['one outage', [{ raisedMs: 10, clearedMs: 30 }], 20, 80],
    [
      'two outages',
      [
        { raisedMs: 10, clearedMs: 30 },
        { raisedMs: 50, clearedMs: 60 },
      ],
      15,
      35,
    ],
    ['one that goes on is a failure, not a repair', [{ raisedMs: 90, clearedMs: null }], null, 90],
    ['one from before is a repair, not a failure', [{ raisedMs: -40, clearedMs: 10 }], 50, null],
    [
      'two alarms of one failure',
      [
        { raisedMs: 10, clearedMs: 30 },
        { raisedMs: 20, clearedMs: 40 },
      ],
      30,
      70,
    ],
  ];
  test.each(cases)('%s', (_name, spells, repair, between) => {
    expect(valueOf(meanTimeOf(REPAIR, spells, span), 1).value).toBe(repair);
    expect(valueOf(meanTimeOf(BETWEEN, spells, span), 1).value).toBe(between);
  });
});
