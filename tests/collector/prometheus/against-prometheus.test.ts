// The same samples in a real Prometheus and in Weir's store: the same answers to the same queries.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  ADMINISTRATOR,
  type CollectorFixture,
  eventually,
  startCollectorFixture,
} from '../../support/collector-fixture.ts';
import { freePortBlock } from '../../support/free-port.ts';
import { interfacePoll } from '../../support/poll-builder.ts';
import { describeWith } from '../../support/requirements.ts';

const RUNS = 200;
const INTERVAL_MS = 15_000;
const SAMPLES = 120;
/** Times of evaluation lie on whole steps, samples a second before them. */
const BEFORE_MS = 1000;

interface Sample {
  readonly name: 'a' | 'b' | 'one' | 'single' | 'lone';
  readonly labels: Readonly<Record<string, string>>;
  readonly value: (at: number) => number;
}

const HOSTS = ['h1', 'h2', 'h3'];
const SERIES: readonly Sample[] = [
  ...HOSTS.flatMap((host, row) =>
    ['0', '1'].flatMap((core, column): Sample[] => [
      { name: 'a', labels: { host, core }, value: (at) => ((at * (row + 2) + column * 5) % 11) - 3 },
      { name: 'b', labels: { host, core }, value: (at) => ((at + row * 3) % 7) + column + 0.25 },
    ]),
  ),
  ...HOSTS.map((host, row): Sample => ({ name: 'one', labels: { host, site: `s${row}` }, value: () => row + 1 })),
  { name: 'single', labels: {}, value: (at) => 10 + (at % 3) },
  { name: 'lone', labels: { host: 'h1', core: '0' }, value: (at) => at % 2 },
];

const QUERIES: readonly string[] = [
  '1+1',
  '-2^2',
  '2^3^2',
  '-1 * -2 ^ 2',
  '5 % 3 - 10 / 4',
  '1 > bool 2',
  'lab_a',
  'lab_a{host="h1"}',
  'lab_a{host!="h1",core=~"0|2"}',
  'lab_a{host!~"h(1|2)"}',
  '{__name__=~"lab_(a|b)",host="h1"}',
  'lab_a offset 1m',
  '-lab_a',
  'lab_a * 2',
  'lab_a > 2',
  'lab_a > bool 2',
  '2 < lab_a',
  'lab_a == lab_b',
  'lab_a + lab_b',
  'lab_a / lab_b',
  'lab_a - on(host, core) lab_b',
  'lab_a > on(host, core) lab_b',
  'lab_a{core="0"} < ignoring(core) lab_lone',
  'lab_a{core="0"} > ignoring(core) lab_a{core="1"}',
  'lab_a{core="0"} >= on(host) lab_a{core="1"}',
  'lab_a * on(host) group_left lab_one',
  'lab_a * on(host) group_left(site) lab_one',
  'lab_a > on(host) group_left(site) lab_one',
  'lab_one + on(host) group_right lab_a',
  'lab_one + on(host) lab_a',
  'lab_a + on(host) lab_one',
  'lab_a and lab_lone',
  'lab_a and on(host) lab_lone',
  'lab_a unless on(host) lab_lone',
  'lab_lone or lab_a',
  'lab_lone or on(host) lab_a',
  'lab_a > 5 or lab_b > 5',
  'sum(lab_a)',
  'sum by (host) (lab_a)',
  'sum without (core) (lab_a)',
  'sum by (nothing) (lab_a)',
  'avg by (core) (lab_a)',
  'min(lab_a)',
  'max by (host) (lab_a)',
  'count(lab_a > 0)',
  'count by (host) (lab_a > 0)',
  'group by (host) (lab_a)',
  'stddev by (core) (lab_b)',
  'quantile(0.3, lab_a)',
  'quantile by (host) (0.9, lab_b)',
  'topk(2, lab_b)',
  'topk by (host) (1, lab_b)',
  'bottomk(1, lab_b)',
  'sum(topk(2, lab_b))',
  'topk(0, lab_a)',
  'abs(lab_a)',
  'ceil(lab_b / 3)',
  'floor(lab_b / 3)',
  'round(lab_b / 3, 0.5)',
  'round(lab_a / 2)',
  'sqrt(lab_b)',
  'exp(lab_b)',
  'ln(lab_b)',
  'log2(lab_b)',
  'log10(lab_b)',
  'sgn(lab_a)',
  'clamp(lab_a, -1, 4)',
  'clamp(lab_a, 4, -1)',
  'clamp_min(lab_a, 0)',
  'clamp_max(lab_a, 3)',
  'vector(3)',
  'scalar(lab_single)',
  'scalar(lab_a > 7)',
  'lab_a * scalar(lab_single)',
  'lab_a + scalar(topk(1, lab_one))',
  'absent(lab_a)',
  'absent(lab_none{host="x",core!="1"})',
  'absent(sum(lab_none))',
  'sum(lab_none)',
  'lab_a + lab_none',
  'label_replace(lab_a, "short", "$1-$2", "host", "(h)([0-9])")',
  'label_replace(lab_a, "host", "", "host", ".*")',
  'label_replace(lab_a, "short", "x$$", "host", "none")',
  'label_replace(lab_a, "core", "", "core", ".*")',
  'label_join(lab_a, "both", "/", "host", "core")',
  'sum by (short) (label_replace(lab_a, "short", "$1", "host", "h(.*)"))',
  '-{__name__=~"lab_(a|b)",host="h1"}',
  'sum(lab_a) / sum(lab_b)',
  '(lab_a + lab_b) * 2 > 10',
  'sum(lab_a) by (host) > 3 and sum(lab_b) by (host) < 12',
  '1 / (lab_a * 0 + 2)',
  'max_over_time(lab_one[5m])',
  'min_over_time(lab_one[5m])',
  'avg_over_time(lab_one[5m])',
  'last_over_time(lab_a[1m])',
  'present_over_time(lab_a[1m])',
  'sum(avg_over_time(lab_one[3m])) by (site)',
  'lab_a +',
  'foo(lab_a)',
  'lab_a offset 5m offset 2m',
  'sum(lab_a) offset 5m',
  'sum(lab_a, lab_b)',
  'lab_a and 1',
  'rate(lab_a)',
  '{}',
  'lab_a{host=~"("}',
];

/** Ports with what has passed by their n-th reading: a steady one, one that swings, a slow one. */
const PORTS: readonly { readonly key: string; readonly octets: (at: number) => bigint }[] = [
  { key: 'xe-0', octets: (at) => BigInt(at) * 1_500_000n },
  { key: 'xe-1', octets: (at) => BigInt(Math.round(at * 900_000 + 500_000 * Math.sin(at / 12))) },
  { key: 'xe-2', octets: (at) => 12_345_678_901_234n + BigInt(at) * 15n },
];
/** Of counters; Prometheus extrapolates to the edges of a range, Weir knows the spans between readings. */
const RATES: readonly (readonly [query: string, within: number])[] = [
  ['rate(weir_interface_in_octets_total{interface="xe-0"}[5m])', 1e-6],
  ['increase(weir_interface_in_octets_total{interface="xe-0"}[5m])', 1e-6],
  ['irate(weir_interface_in_octets_total{interface="xe-0"}[1m])', 1e-6],
  ['rate(weir_interface_in_octets_total{interface="xe-2"}[5m])', 1e-6],
  ['rate(weir_interface_in_octets_total[5m])', 0.02],
  ['sum(rate(weir_interface_in_octets_total[3m]))', 0.03],
  ['sum by (device) (increase(weir_interface_in_octets_total[10m]))', 0.02],
  ['topk(1, rate(weir_interface_in_octets_total[5m])) * 8', 0.02],
  ['rate(weir_interface_in_octets_total[5m] offset 5m)', 0.02],
  ['max(rate(weir_interface_in_octets_total[5m])) by (interface) > 1000', 0.02],
];

const OFF_THE_MINUTE: readonly string[] = [
  'lab_a',
  'lab_a offset 15s',
  'lab_a offset 30s',
  'lab_a offset 45s',
  'lab_a - (lab_a offset 45s)',
  'sum(lab_b offset 75s) by (host)',
  'last_over_time(lab_a[45s])',
  'last_over_time(lab_a[1m] offset 30s)',
  'avg_over_time(lab_one[2m] offset 45s)',
];

/** Queries made by chance; without divisions and roots, since what is no number is no value here. */
const { vector: anyQuery } = fc.letrec<{ vector: string; scalar: string }>((tie) => ({
  scalar: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom('0', '1', '2.5', '-3', '7') },
    { weight: 1, arbitrary: fc.constantFrom('scalar(lab_single)', 'scalar(sum(lab_a))', 'scalar(max(lab_b))') },
  ),
  vector: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(
      'lab_a',
      'lab_b',
      'lab_one',
      'lab_single',
      'lab_lone',
      'lab_a{core="0"}',
      'lab_b{host=~"h[12]"}',
      'lab_none',
      'lab_b offset 2m',
    ),
    fc
      .tuple(
        fc.constantFrom('sum', 'avg', 'min', 'max', 'count', 'group', 'stddev'),
        fc.constantFrom('', ' by (host)', ' by (core)', ' without (core)', ' by (host, core)', ' without (site)'),
        tie('vector'),
      )
      .map(([name, by, of]) => `${name}${by} (${of})`),
    fc
      .tuple(fc.constantFrom('topk', 'bottomk'), fc.constantFrom('20', '0'), tie('vector'))
      .map(([name, k, of]) => `${name}(${k}, ${of})`),
    fc
      .tuple(
        tie('vector'),
        fc.constantFrom('+', '-', '*', '>', '<=', '== bool', '!=', '> bool', 'and', 'or', 'unless'),
        fc.constantFrom('', ' on(host)', ' on(host, core)', ' ignoring(core)', ' ignoring(site, core)', ' on()'),
        tie('vector'),
      )
      .map(([left, operator, on, right]) => `(${left}) ${operator}${on} (${right})`),
    fc
      .tuple(
        tie('vector'),
        fc.constantFrom('+', '-', '*'),
        fc.constantFrom('group_left', 'group_right', 'group_left(site)'),
        tie('vector'),
      )
      .map(([left, operator, group, right]) => `(${left}) ${operator} on(host) ${group} (${right})`),
    fc
      .tuple(tie('vector'), fc.constantFrom('+', '*', '>', '<', '>= bool'), tie('scalar'))
      .map(([of, operator, by]) => `(${of}) ${operator} ${by}`),
    fc
      .tuple(fc.constantFrom('abs', 'ceil', 'sgn', 'absent', 'sort', '-', 'floor'), tie('vector'))
      .map(([name, of]) => `${name}(${of})`),
    tie('vector').map((of) => `clamp_max(${of}, 3)`),
    tie('vector').map((of) => `label_replace(${of}, "host", "x$1", "host", "h(1|2)")`),
    tie('vector').map((of) => `label_join(${of}, "core", "-", "core", "host")`),
  ),
}));

interface Answer {
  readonly ok: boolean;
  readonly type: string;
  readonly values: ReadonlyMap<string, readonly (readonly [number, number])[]>;
  readonly order: readonly string[];
  readonly error: string;
}

describeWith('prometheus', 'a real Prometheus', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-prometheus-'));
  let fixture: CollectorFixture;
  let remove: () => Promise<void>;
  let prometheus: ChildProcess;
  let url = '';
  let endMs = 0;

  beforeAll(async () => {
    endMs = Math.floor(Date.now() / 60_000) * 60_000 - 60_000;
    ({ fixture, remove } = await startCollectorFixture());
    const samples = samplesUntil(endMs);
    await writePoints(fixture, samples);
    const polls = Array.from({ length: SAMPLES }, (_, at) =>
      interfacePoll({
        device: 'core1',
        atMs: timeOf(at, endMs),
        intervalMs: INTERVAL_MS,
        interfaces: PORTS.map(({ key, octets }) => ({ key, inOctets: octets(at), speedBps: 1e10 })),
      }),
    );
    await fixture.receipt({ sequence: 1, polls });
    await fixture.applied(1);
    url = await started(samples);
    const query = '/prometheus/api/v1/query?query=count({__name__=~"lab_.*"})';
    await eventually(async () => {
      const { data } = await fixture.get<{ data: { result: { value: [number, string] }[] } }>(
        `${query}&time=${endMs / 1000}`,
      );
      return data.result[0]?.value[1] === String(SERIES.length);
    }, 'the points in the store');
  }, 60_000);
  afterAll(async () => {
    prometheus.kill('SIGKILL');
    await remove();
    rmSync(folder, { recursive: true, force: true });
  });

  async function started(samples: readonly Timed[]): Promise<string> {
    const port = await freePortBlock(1);
    const [file, data] = [path.join(folder, 'samples.txt'), path.join(folder, 'data')];
    mkdirSync(data);
    writeFileSync(file, openMetrics(samples, endMs));
    execFileSync('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', file, data], { stdio: 'ignore' });
    writeFileSync(path.join(folder, 'prometheus.yml'), 'global: {}\n');
    prometheus = spawn(
      'prometheus',
      [
        `--config.file=${path.join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${data}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: 'ignore' },
    );
    const address = `http://127.0.0.1:${port}`;
    await eventually(async () => {
      const answer = await fetch(`${address}/-/ready`).catch(() => null);
      return answer?.ok === true;
    }, 'a ready Prometheus');
    return address;
  }

  async function both(place: string, form: Readonly<Record<string, string>>): Promise<[Answer, Answer]> {
    const body = new URLSearchParams(form).toString();
    const headers = { 'content-type': 'application/x-www-form-urlencoded', authorization: `Bearer ${ADMINISTRATOR}` };
    const ask = async (address: string): Promise<Answer> => {
      const answer = await fetch(`${address}/api/v1/${place}`, { method: 'POST', body, headers });
      return answerOf(await answer.json());
    };
    return Promise.all([ask(url), ask(`${fixture.url}/prometheus`)]);
  }

  test.each(QUERIES)('at one time: %s', async (query) => {
    const [expected, found] = await both('query', { query, time: String(endMs / 1000) });
    compare(expected, found);
    if (/^(topk|bottomk|sort)/.test(query)) expect(found.order).toEqual(expected.order);
  });

  test.each(QUERIES)('over a span: %s', async (query) => {
    const [start, end] = [String((endMs - 15 * 60_000) / 1000), String(endMs / 1000)];
    const [expected, found] = await both('query_range', { query, start, end, step: '60' });
    compare(expected, found);
  });

  test.each(OFF_THE_MINUTE)('at times off the minute: %s', async (query) => {
    for (const seconds of [15, 30, 45, 75])
      compare(...(await both('query', { query, time: String(endMs / 1000 - seconds) })));
    for (const step of ['15', '30', '60', '90']) {
      const stepMs = Number(step) * 1000;
      const end = Math.floor(endMs / stepMs) * stepMs;
      const [from, to] = [String((end - 10 * stepMs) / 1000), String(end / 1000)];
      compare(...(await both('query_range', { query, start: from, end: to, step })));
    }
  });

  test('queries made by chance: the same answer, or a refusal that says why', async () => {
    await fc.assert(
      fc.asyncProperty(anyQuery, async (query) => {
        const [start, end] = [String((endMs - 5 * 60_000) / 1000), String(endMs / 1000)];
        for (const [place, form] of [
          ['query', { query, time: end }],
          ['query_range', { query, start, end, step: '60' }],
        ] as const) {
          const [expected, found] = await both(place, form);
          if (!found.ok && /Several series (of|come)/.test(found.error)) continue;
          compare(expected, found);
        }
      }),
      { numRuns: RUNS },
    );
  }, 60_000);

  test.each(RATES)('of counters: %s within %d', async (query, within) => {
    const [start, end] = [String((endMs - 15 * 60_000) / 1000), String(endMs / 1000)];
    compare(...(await both('query', { query, time: end })), within);
    compare(...(await both('query_range', { query, start, end, step: '60' })), within);
  });
});

interface Timed {
  readonly sample: Sample;
  readonly atMs: number;
  readonly value: number;
}

const timeOf = (at: number, endMs: number): number => endMs - (SAMPLES - 1 - at) * INTERVAL_MS - BEFORE_MS;

function samplesUntil(endMs: number): Timed[] {
  return SERIES.flatMap((sample) =>
    Array.from({ length: SAMPLES }, (_, at) => ({
      sample,
      atMs: timeOf(at, endMs),
      value: sample.value(at),
    })),
  );
}

async function writePoints(fixture: CollectorFixture, samples: readonly Timed[]): Promise<void> {
  const lines = samples.map(({ sample: { name, labels }, atMs, value }) => {
    const tags = Object.entries(labels).map(([key, text]) => `,${key}=${text}`);
    return `lab${tags.join('')} ${name}=${value} ${atMs}`;
  });
  const answer = await fixture.ask('/api/v2/write?precision=ms', { method: 'POST', body: lines.join('\n') });
  expect(answer.status).toBe(204);
}

function openMetrics(samples: readonly Timed[], endMs: number): string {
  const names = [...new Set(samples.map(({ sample }) => sample.name))];
  const lines = names.flatMap((name) => [
    `# TYPE lab_${name} gauge`,
    ...samples
      .filter(({ sample }) => sample.name === name)
      .map(({ sample: { labels }, atMs, value }) => {
        const pairs = Object.entries(labels).map(([key, text]) => `${key}="${text}"`);
        return `lab_${name}{${pairs.join(',')}} ${value} ${atMs / 1000}`;
      }),
  ]);
  const counters = PORTS.flatMap(({ key, octets }) =>
    Array.from({ length: SAMPLES }, (_, at) => {
      const labels = `device="core1",interface="${key}"`;
      return `weir_interface_in_octets_total{${labels}} ${octets(at)} ${timeOf(at, endMs) / 1000}`;
    }),
  );
  return `${[...lines, '# TYPE weir_interface_in_octets counter', ...counters].join('\n')}\n# EOF\n`;
}

interface Body {
  readonly status: string;
  readonly error?: string;
  readonly data?: {
    readonly resultType: string;
    readonly result:
      | readonly {
          readonly metric: Readonly<Record<string, string>>;
          readonly value?: readonly [number, string];
          readonly values?: readonly (readonly [number, string])[];
        }[]
      | readonly [number, string];
  };
}

function answerOf(body: unknown): Answer {
  const { status, error = '', data } = body as Body;
  const values = new Map<string, readonly (readonly [number, number])[]>();
  const pair = ([at, text]: readonly [number, string]): readonly [number, number] => [at, numberOf(text)];
  if (data?.resultType === 'scalar') values.set('', [pair(data.result as readonly [number, string])]);
  else if (data !== undefined)
    for (const { metric, value, values: many } of data.result as Exclude<
      typeof data.result,
      readonly [number, string]
    >) {
      const key = JSON.stringify(Object.entries(metric).toSorted(([a], [b]) => (a < b ? -1 : 1)));
      // Several series of the same labels are an error that must be seen.
      expect(values.has(key)).toBe(false);
      values.set(key, (many ?? (value === undefined ? [] : [value])).map(pair));
    }
  return { ok: status === 'success', type: data?.resultType ?? '', values, order: [...values.keys()], error };
}

const numberOf = (text: string): number =>
  text === '+Inf' ? Number.POSITIVE_INFINITY : text === '-Inf' ? Number.NEGATIVE_INFINITY : Number(text);

function compare(expected: Answer, found: Answer, within = 1e-9): void {
  expect([found.ok, found.type, found.ok ? '' : found.error]).toEqual([expected.ok, expected.type, expect.anything()]);
  expect([...found.values.keys()].toSorted()).toEqual([...expected.values.keys()].toSorted());
  for (const [key, all] of expected.values) {
    // What is no number is no value over a span (docs/promql.md).
    const wanted = found.type === 'matrix' ? all.filter(([, value]) => !Number.isNaN(value)) : all;
    const got = found.values.get(key) ?? [];
    expect([key, got.map(([at]) => at)]).toEqual([key, wanted.map(([at]) => at)]);
    for (const [at, [, value]] of wanted.entries()) {
      const other = got[at]?.[1] ?? Number.NaN;
      const close = Object.is(value, other) || Math.abs(value - other) <= within * Math.max(1, Math.abs(value));
      expect([key, at, value, other, close]).toEqual([key, at, value, other, true]);
    }
  }
}
