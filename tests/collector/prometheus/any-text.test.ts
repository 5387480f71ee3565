// Any text as a query: answered, or refused with a code, never a failure of ours and never for long.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { evaluate } from '../../../collector/prometheus/evaluate.ts';
import { parseExpression } from '../../../collector/prometheus/parse-expression.ts';
import { MetricList, type SampleStore, Samples } from '../../../collector/prometheus/samples.ts';
import { EVERYTHING } from '../../../common/model/viewpoint.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const METRIC = 'point.lab.a';
const store: SampleStore = {
  catalogue: async ({ after }) =>
    after === undefined
      ? [{ metric: METRIC, resource: 'points/h=1', device: '', part: '', description: '', unit: '', tags: { h: '1' } }]
      : [],
  many: async ({ metric, resources, fromMs, toMs, stepMs = 60_000, function: wanted }) =>
    resources.map((resource) => ({
      metric,
      resource,
      function: wanted,
      unit: '',
      fromMs,
      toMs,
      stepMs,
      points: [{ atMs: fromMs, value: 1, coverage: 1 }],
    })),
};

async function outcome(query: string): Promise<string> {
  const samples = new Samples(store, new MetricList(store, new VirtualClock(0)), EVERYTHING);
  try {
    await evaluate(parseExpression(query), { fromMs: 600_000, stepMs: 60_000, count: 3 }, samples);
    return 'answered';
  } catch (error) {
    if (error instanceof WeirError && error.status < 500) return error.code;
    throw error;
  }
}

const WORDS = [
  'lab_a',
  'lab_b',
  '{',
  '}',
  '(',
  ')',
  '[5m]',
  '[1h]',
  '[5m:1m]',
  ' offset 5m',
  ' @ 1',
  ',',
  '"x"',
  "'y'",
  '`z`',
  '=',
  '=~',
  '!=',
  '!~',
  'sum',
  'topk',
  'quantile',
  'count_values',
  ' by (h) ',
  ' without (h) ',
  ' on(h) ',
  ' ignoring(h) ',
  ' group_left(h) ',
  ' group_right ',
  'rate(',
  'avg_over_time(',
  'label_replace(',
  'label_join(',
  'clamp(',
  'round(',
  'scalar(',
  'vector(',
  'time()',
  'absent(',
  'sort(',
  '+',
  '-',
  '*',
  '/',
  '%',
  '^',
  '==',
  '>',
  '< bool ',
  ' and ',
  ' or ',
  ' unless ',
  ' atan2 ',
  '1',
  '-2',
  '0x1f',
  '1e9',
  'Inf',
  'NaN',
  '5m',
  '#',
  '\n',
  '__name__',
  '__proto__',
  'constructor',
  '\\',
  '{h=~"(a+)+$"}',
  '{h=~"["}',
  '{__name__=~".+"}',
];

test.each([
  ['words of the language', fc.array(fc.constantFrom(...WORDS), { maxLength: 14 }).map((words) => words.join(''))],
  ['any text', fc.string({ unit: 'binary', maxLength: 60 })],
  [
    'calls of anything',
    fc
      .tuple(
        fc.constantFrom(
          'toString',
          'constructor',
          'rate',
          'sum',
          'clamp',
          'label_replace',
          'scalar',
          'deriv',
          'histogram_quantile',
        ),
        fc.array(fc.constantFrom('lab_a', 'lab_a[5m]', '1', '"h"', 'sum(lab_a)', '"("'), { maxLength: 6 }),
      )
      .map(([name, given]) => `${name}(${given.join(', ')})`),
  ],
] as const)('%s', async (name, arbitrary) => {
  let answered = 0;
  await fc.assert(
    fc.asyncProperty(arbitrary, async (query) => {
      if ((await outcome(query)) === 'answered') answered += 1;
    }),
    { numRuns: 3000 },
  );
  // Some of them are queries; were none, nothing beyond the reader would be looked at.
  expect(name === 'any text' || answered > 20).toBe(true);
});

test.each([
  ['parentheses', `${'('.repeat(4900)}1${')'.repeat(4900)}`],
  ['signs', `${'-'.repeat(9000)}1`],
  ['sums', Array.from({ length: 4900 }, () => '1').join('+')],
  ['powers', Array.from({ length: 4900 }, () => '1').join('^')],
  ['matchers', `lab_a{${'h="1",'.repeat(1600)}}`],
  ['labels', `sum by (${'h,'.repeat(4800)}) (lab_a)`],
  ['brackets', 'lab_a'.concat('[5m]'.repeat(2400))],
  ['regular expressions', `lab_a{h=~"${'(a|'.repeat(300)}b${')'.repeat(300)}"}`],
  ['repetitions', 'lab_a{h=~"((a{1,1000}){1,1000}){1,1000}"}'],
])('as much of %s as fits', async (_, query) => {
  const startedAt = Date.now();
  expect(await outcome(query)).toMatch(/^(answered|query_\w+|invalid_request)$/);
  expect(Date.now() - startedAt).toBeLessThan(2000);
});

/** Runs `task` with a fifth of the stack left, however long the stack is here. */
function nearTheEndOfTheStack<Result>(task: () => Result): Result {
  let deepest = 0;
  const measure = (depth: number): void => {
    deepest = depth;
    measure(depth + 1);
  };
  try {
    measure(0);
  } catch {
    // The stack has ended: its length in frames is known now.
  }
  const descend = (left: number): Result => (left > 0 ? descend(left - 1) : task());
  return descend(Math.floor(deepest * 0.8));
}

test.each([
  ['open parentheses', '('],
  ['open braces', '{'],
  ['closing braces', '}'],
  ['closing parentheses', ')'],
  ['brackets', '['],
  ['commas', ','],
  ['names', 'a '],
  ['numbers', '1 '],
  ['sums', '1+'],
  ['signs', '-'],
  ['sets', 'a or '],
  ['offsets', 'a offset 5m '],
  ['instants', 'a @ 1 '],
  ['calls', 'rate('],
  ['sums of sums', 'sum('],
  ['labels', 'sum by (h) '],
  ['matchers', 'a{h="1"}'],
  ['open matchers', 'a{'],
  ['texts', '"x" '],
  ['comments', '#\n'],
  ['unknown signs', '$'],
])('%s without end are refused, not the end of the stack', (_, word) => {
  for (const query of [
    word.repeat(10_000 / word.length),
    `1${word.repeat(9_990 / word.length)}1`,
    `1 ${word.repeat(400 / word.length)} 1`,
  ])
    expect(() => nearTheEndOfTheStack(() => parseExpression(query))).toThrow(WeirError);
});
