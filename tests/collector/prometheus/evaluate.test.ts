// PromQL over a store of known series: values by hand, laws that hold for any values, and a clear refusal for the rest.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EVERYTHING, type Viewpoint } from '../../../common/model/viewpoint.ts';
import { evaluate } from '../../../collector/prometheus/evaluate.ts';
import { parseExpression } from '../../../collector/prometheus/parse-expression.ts';
import { MetricList, Samples, type SampleStore } from '../../../collector/prometheus/samples.ts';
import type { Axis } from '../../../collector/prometheus/vector.ts';
import type { StoredSeries } from '../../../collector/store/store.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const T0 = 1_790_000_000_000 - (1_790_000_000_000 % 3_600_000);
const MINUTE = 60_000;

interface Line {
  readonly metric: string;
  readonly resource: string;
  readonly description?: string;
  readonly tags?: Record<string, string>;
  /** One value a minute from T0; null is a gap. */
  readonly values: readonly (number | null)[];
}

/** A store that holds one value a minute, and answers any grid of whole fractions or multiples of it. */
function storeOf(lines: readonly Line[]): SampleStore {
  const stored = lines
    .map(({ metric, resource, description = '', tags = {} }): StoredSeries => {
      const slash = resource.indexOf('/');
      const point = metric.startsWith('point.');
      const part = slash === -1 || point ? '' : resource.slice(slash + 1);
      const device = point ? '' : slash === -1 ? resource : resource.slice(0, slash);
      return { metric, resource, device, part, description, unit: '', tags };
    })
    .toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  return {
    catalogue: async ({ metric, device, after, limit }) =>
      stored
        .filter(
          (one) => (metric === undefined || one.metric === metric) && (device === undefined || one.device === device),
        )
        .filter((one) => after === undefined || keyOf(one) > keyOf(after))
        .slice(0, limit),
    many: async ({ metric, resources, fromMs, toMs, stepMs = MINUTE, function: wanted }) => {
      const from = Math.floor(fromMs / stepMs) * stepMs;
      const to = Math.ceil(toMs / stepMs) * stepMs;
      return resources.map((resource) => {
        const values = lines.find((one) => one.metric === metric && one.resource === resource)?.values ?? [];
        const points = [];
        for (let atMs = from; atMs < to; atMs += stepMs) {
          const held: { value: number; ms: number }[] = [];
          for (const [at, value] of values.entries()) {
            const ms = Math.min(atMs + stepMs, T0 + (at + 1) * MINUTE) - Math.max(atMs, T0 + at * MINUTE);
            if (ms > 0 && value !== null) held.push({ value, ms });
          }
          const known = held.reduce((sum, { ms }) => sum + ms, 0);
          const numbers = held.map(({ value }) => value);
          const value =
            known === 0
              ? null
              : wanted === 'min'
                ? Math.min(...numbers)
                : wanted === 'max'
                  ? Math.max(...numbers)
                  : wanted === 'last'
                    ? (numbers.at(-1) ?? null)
                    : held.reduce((sum, one) => sum + one.value * one.ms, 0) / known;
          points.push({ atMs, value, coverage: known / stepMs });
        }
        return { metric, resource, function: wanted, unit: '', fromMs: from, toMs: to, stepMs, points };
      });
    },
  };
}

function keyOf({ metric, resource }: { readonly metric: string; readonly resource: string }): string {
  return `${metric}\u0000${resource}`;
}

const LINES: readonly Line[] = [
  { metric: 'in_octets', resource: 'core1/ge-0/0/1', values: [10, 20, 30, 40, 50, 60] },
  { metric: 'in_octets', resource: 'core1/ge-0/0/2', values: [1, 2, null, null, 5, 6] },
  { metric: 'in_octets', resource: 'edge1/ge-0/0/1', values: [100, 100, 100, 100, 100, 100] },
  { metric: 'oper_status', resource: 'core1/ge-0/0/1', values: [1, 1, 2, 2, 1, 1] },
  { metric: 'speed_bps', resource: 'core1/ge-0/0/1', values: [1000, 1000, 1000, 1000, 1000, 1000] },
  { metric: 'reachable', resource: 'core1', values: [1, 1, 1, 1, 1, 1] },
  { metric: 'reachable', resource: 'edge1', values: [1, 0, 0, 1, 1, 1] },
  {
    metric: 'processor_usage_percent',
    resource: 'core1/processor:3',
    description: 'CPU 3',
    values: [7, 8, 9, 10, 11, 12],
  },
  { metric: 'point.cpu.usage', resource: 'points/host=web-1', tags: { host: 'web-1' }, values: [3, 3, 3, 3, 3, 3] },
];

function samplesOf(lines: readonly Line[], viewpoint: Viewpoint = EVERYTHING): Samples {
  const store = storeOf(lines);
  return new Samples(store, new MetricList(store, new VirtualClock(T0)), viewpoint);
}

/** At one time of whole minutes after T0. */
async function at(query: string, minutes: number, viewpoint?: Viewpoint, lines = LINES): Promise<unknown> {
  const axis: Axis = { fromMs: T0 + minutes * MINUTE, stepMs: 15_000, count: 1 };
  const value = await evaluate(parseExpression(query), axis, samplesOf(lines, viewpoint));
  if (value.kind === 'text') return value.value;
  if (value.kind === 'scalar') return value.values[0];
  return Object.fromEntries(value.series.map(({ labels, values }) => [nameOf(labels), values[0]]));
}

function nameOf({ device, interface: port, ...rest }: Readonly<Record<string, string>>): string {
  const { __name__: _, description: __, ...others } = rest;
  return [device, port, ...Object.values(others)].filter((one) => one !== undefined).join(' ');
}

describe('instant queries over long ranges', () => {
  /** Two days and seven minutes: whole steps of five minutes, and two minutes after the last of them. */
  const MINUTES = 2887;
  const rising = Array.from({ length: MINUTES + 60 }, (_, minute) => minute);
  const lines: readonly Line[] = [
    { metric: 'processor_usage_percent', resource: 'core1/processor:3', values: rising },
    // Unknown but for the last two minutes, and as much of the days before.
    {
      metric: 'uptime_seconds',
      resource: 'core1',
      values: rising.map((minute) => (minute >= MINUTES - 2 ? 9 : minute === 2000 || minute === 2001 ? 1 : null)),
    },
    { metric: 'in_octets', resource: 'core1/ge-0/0/1', values: rising.map(() => 10) },
  ];
  const cases: readonly [string, number][] = [
    // From the step that the range begins in to the very end.
    ['avg_over_time(weir_processor_usage_percent[1d])', (1445 + 2886) / 2],
    ['min_over_time(weir_processor_usage_percent[1d])', 1445],
    ['max_over_time(weir_processor_usage_percent[1d])', 2886],
    ['last_over_time(weir_processor_usage_percent[1d])', 2886],
    ['avg_over_time(weir_processor_usage_percent[1d] offset 7m)', (1440 + 2879) / 2],
    ['max_over_time(weir_processor_usage_percent[7d])', 2886],
    ['avg_over_time(weir_processor_usage_percent[30d])', 2886 / 2],
    // The rest of a day is made of five minutes.
    ['avg_over_time(weir_processor_usage_percent[90d])', 2884 / 2],
    ['avg_over_time(weir_device_uptime_seconds[1d])', 5],
    ['increase(weir_interface_in_octets_total[1d])', 864_000],
    ['rate(weir_interface_in_octets_total[30d])', 10],
  ];
  test.each(cases)('%s', async (query, wanted) => {
    const [value] = Object.values((await at(query, MINUTES, EVERYTHING, lines)) as Record<string, number>);
    expect(value).toBeCloseTo(wanted, 9);
  });

  test('beyond a thousand days it is refused', async () => {
    await expect(at('rate(weir_interface_in_octets_total[1001d])', MINUTES, EVERYTHING, lines)).rejects.toMatchObject({
      code: 'query_too_large',
    });
  });
});

describe('instant queries', () => {
  const octets = 'weir_interface_in_octets_total';
  const cases: readonly [string, number, unknown][] = [
    ['1 + 2 * 3', 1, 7],
    ['-(2 ^ 3)', 1, -8],
    ['weir_device_reachable', 2, { core1: 1, edge1: 0 }],
    ['weir_device_reachable == 0', 2, { edge1: 0 }],
    ['weir_device_reachable == bool 0', 2, { core1: 0, edge1: 1 }],
    ['count(weir_device_reachable == 0)', 2, { '': 1 }],
    [`rate(${octets}{device="core1"}[2m])`, 2, { 'core1 ge-0/0/1': 15, 'core1 ge-0/0/2': 1.5 }],
    [`increase(${octets}{interface="ge-0/0/1",device="core1"}[1m])`, 3, { 'core1 ge-0/0/1': 1800 }],
    [`irate(${octets}{device="edge1"}[5m])`, 5, { 'edge1 ge-0/0/1': 100 }],
    [`sum by (device) (rate(${octets}[1m]))`, 1, { core1: 11, edge1: 100 }],
    [`sum without (interface) (rate(${octets}[1m])) * 8`, 1, { core1: 88, edge1: 800 }],
    [`topk(1, rate(${octets}[1m]))`, 1, { 'edge1 ge-0/0/1': 100 }],
    [`bottomk(1, rate(${octets}[1m]))`, 1, { 'core1 ge-0/0/2': 1 }],
    [`quantile(0.5, rate(${octets}[1m]))`, 1, { '': 10 }],
    [`rate(${octets}{device=~"c.*",interface!~".*/2"}[1m])`, 1, { 'core1 ge-0/0/1': 10 }],
    [`rate(${octets}{device="core1",interface="ge-0/0/1"}[1m] offset 2m)`, 3, { 'core1 ge-0/0/1': 10 }],
    [
      `rate(${octets}{device="core1"}[1m]) * 8 / on (device, interface) weir_interface_speed_bits_per_second`,
      1,
      { 'core1 ge-0/0/1': 0.08 },
    ],
    [
      `rate(${octets}{device="core1"}[1m]) * on (device) group_left () weir_device_reachable`,
      1,
      { 'core1 ge-0/0/1': 10, 'core1 ge-0/0/2': 1 },
    ],
    ['max_over_time(weir_processor_usage_percent[3m])', 3, { 'core1 3': 9 }],
    ['min_over_time(weir_processor_usage_percent[3m])', 3, { 'core1 3': 7 }],
    ['avg_over_time(weir_processor_usage_percent[3m])', 3, { 'core1 3': 8 }],
    ['cpu_usage', 1, { 'web-1': 3 }],
    ['{__name__=~"weir_device_.*",device="core1"}', 1, { core1: 1 }],
    ['absent(weir_device_reachable{device="gone"})', 1, { gone: 1 }],
    ['weir_device_reachable and weir_device_reachable > 0', 2, { core1: 1 }],
    ['weir_device_reachable unless weir_device_reachable > 0', 2, { edge1: 0 }],
    ['(weir_device_reachable > 0) or (weir_device_reachable + 5)', 2, { core1: 1, edge1: 5 }],
    ['scalar(weir_device_reachable{device="core1"}) + 1', 1, 2],
    ['clamp(vector(9), 1, 4) + round(vector(2.6))', 1, { '': 7 }],
    [
      'label_replace(weir_device_reachable{device="core1"}, "role", "$1", "device", "(core).*")',
      1,
      { 'core1 core': 1 },
    ],
    [
      'label_join(weir_device_reachable{device="core1"}, "both", "-", "device", "device")',
      1,
      { 'core1 core1-core1': 1 },
    ],
    ['time()', 1, T0 / 1000 + 60],
    ['"text"', 1, 'text'],
  ];
  test.each(cases)('%s', async (query, minutes, expected) => {
    expect(await at(query, minutes)).toEqual(expected);
  });

  test('a missing poll is no value, and no zero', async () => {
    const query = `rate(${octets}{interface="ge-0/0/2"}[1m])`;
    expect(await at(query, 3)).toEqual({});
    expect(await at(`sum(rate(${octets}{device="core1"}[1m]))`, 3)).toEqual({ '': 30 });
    expect(await at(`rate(${octets}{interface="ge-0/0/2"}[4m])`, 4)).toEqual({ 'core1 ge-0/0/2': 1.5 });
  });

  test('an instant value is looked for in the last five minutes', async () => {
    const lines: Line[] = [{ metric: 'reachable', resource: 'core1', values: [1] }];
    expect(await at('weir_device_reachable', 5, EVERYTHING, lines)).toEqual({ core1: 1 });
    expect(await at('weir_device_reachable', 7, EVERYTHING, lines)).toEqual({});
  });
});

describe('over a span', () => {
  async function over(
    query: string,
    fromMinutes: number,
    count: number,
    stepMs = MINUTE,
  ): Promise<(number | null)[][]> {
    const axis: Axis = { fromMs: T0 + fromMinutes * MINUTE, stepMs, count };
    const value = await evaluate(parseExpression(query), axis, samplesOf(LINES));
    if (value.kind !== 'vector') throw new Error('no vector');
    return value.series.map(({ values }) => [...values].map((one) => (Number.isNaN(one) ? null : one)));
  }

  test('each time has its own window', async () => {
    const query = 'rate(weir_interface_in_octets_total{device="core1"}[2m])';
    expect(await over(query, 1, 6)).toEqual([
      [10, 15, 25, 35, 45, 55],
      [1, 1.5, 2, null, 5, 5.5],
    ]);
  });

  test('a status holds to the next', async () => {
    expect(await over('weir_interface_oper_status', 1, 6)).toEqual([[1, 1, 2, 2, 1, 1]]);
  });

  test('a range that fits no grid of few points is widened to whole steps', async () => {
    const query = 'rate(weir_interface_in_octets_total{device="edge1"}[61s])';
    expect(await over(query, 2, 3, MINUTE)).toEqual([[100, 100, 100]]);
  });
});

describe('what is refused says what', () => {
  test.each([
    ['', 'empty'],
    ['weir_device_reachable{', 'not PromQL'],
    ['weir_interface_in_octets_total', 'rate, irate or increase'],
    ['rate(weir_device_reachable[5m])', 'A gauge has no rate'],
    ['weir_device_reachable[5m]', 'inside a function'],
    ['rate(weir_device_reachable)', 'takes a selector with a range'],
    ['deriv(weir_device_reachable[5m])', 'not understood'],
    ['histogram_quantile(0.9, weir_device_reachable)', 'not understood'],
    ['max_over_time(rate(weir_interface_in_octets_total[1m])[5m:1m])', 'SubqueryExpr is not understood'],
    ['weir_device_reachable @ 5', 'not understood'],
    ['count_values("x", weir_device_reachable)', 'not understood'],
    ['1 == 1', 'needs bool'],
    ['1 and 2', 'between two vectors'],
    ['sum(1)', 'takes an instant vector'],
    ['{device=""}', 'not empty'],
    ['weir_device_reachable * on () weir_device_reachable', 'match'],
  ])('%s', async (query, why) => {
    const failure = await at(query, 1).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(WeirError);
    expect((failure as WeirError).message).toContain(why);
    expect((failure as WeirError).status).toBeLessThan(500);
  });

  test('no text of signs makes it fail otherwise', async () => {
    const word = fc.constantFrom(
      'weir_device_reachable',
      'sum',
      '(',
      ')',
      '{',
      '}',
      '[5m]',
      'by',
      'device',
      '=',
      '"a"',
      '+',
      '5',
      'rate',
      ',',
      'and',
      '-',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 12 }), async (words) => {
        const failure = await at(words.join(' '), 1).catch((error: unknown) => error);
        if (failure instanceof Error) expect(failure).toBeInstanceOf(WeirError);
      }),
      { numRuns: 500 },
    );
  });
});

describe('laws', () => {
  const value = fc.integer({ min: 0, max: 1000 });
  const lines = fc.array(
    fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.array(fc.option(value), { minLength: 3, maxLength: 3 })),
    {
      minLength: 1,
      maxLength: 8,
    },
  );
  const stored = (given: readonly (readonly [string, readonly (number | null)[]])[]): Line[] =>
    given.map(([device, values], place) => ({ metric: 'in_octets', resource: `${device}/p${place}`, values }));
  const rates = 'rate(weir_interface_in_octets_total[1m])';

  test('a sum of sums is the sum; the greatest of the greatest is the greatest', async () => {
    await fc.assert(
      fc.asyncProperty(lines, async (given) => {
        for (const name of ['sum', 'max', 'min']) {
          const whole = await at(`${name}(${rates})`, 2, EVERYTHING, stored(given));
          expect(await at(`${name}(${name} by (device) (${rates}))`, 2, EVERYTHING, stored(given))).toEqual(whole);
        }
      }),
    );
  });

  test('the first k are of the whole, and no other is greater', async () => {
    await fc.assert(
      fc.asyncProperty(lines, fc.integer({ min: 0, max: 9 }), async (given, most) => {
        const all = (await at(rates, 2, EVERYTHING, stored(given))) as Record<string, number>;
        const top = (await at(`topk(${most}, ${rates})`, 2, EVERYTHING, stored(given))) as Record<string, number>;
        expect(all).toMatchObject(top);
        expect(Object.keys(top)).toHaveLength(Math.min(most, Object.keys(all).length));
        const rest = Object.entries(all).filter(([name]) => !(name in top));
        for (const [, one] of rest) expect(one).toBeLessThanOrEqual(Math.min(...Object.values(top), Number.MAX_VALUE));
      }),
    );
  });
});

describe('who sees what', () => {
  const site: Viewpoint = { everything: false, devices: ['edge1'], resources: [], customers: [] };
  const customer: Viewpoint = { everything: false, devices: [], resources: ['core1/ge-0/0/1'], customers: ['acme'] };

  test('a site sees its devices, a customer its interfaces, nobody of them points', async () => {
    expect(await at('weir_device_reachable', 1, site)).toEqual({ edge1: 1 });
    expect(await at('weir_device_reachable', 1, customer)).toEqual({});
    expect(await at('rate(weir_interface_in_octets_total[1m])', 1, customer)).toEqual({ 'core1 ge-0/0/1': 10 });
    expect(await at('cpu_usage', 1, site)).toEqual({});
    const names = (await samplesOf(LINES, site).find([])).map(({ labels }) => labels['device']);
    expect(new Set(names)).toEqual(new Set(['edge1']));
  });
});
