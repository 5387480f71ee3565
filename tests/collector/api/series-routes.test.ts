// The routes of series over HTTP: several resources, groups, the period before, stacks, the catalogue and its pages.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SeriesAnswer } from '../../../collector/api/answers.ts';
import { type CollectorFixture, eventually, startCollectorFixture } from '../../support/collector-fixture.ts';
import { interfacePoll } from '../../support/poll-builder.ts';

const STEP_MS = 5000;
const ROUNDS = 12;
let fixture: CollectorFixture;
let remove: () => Promise<void>;
let beganMs: number;

beforeAll(async () => {
  ({ fixture, remove } = await startCollectorFixture({ devices: [{ name: 'core1' }, { name: 'core2' }] }));
  beganMs = Math.floor((Date.now() - ROUNDS * STEP_MS) / STEP_MS) * STEP_MS;
  for (let at = 0; at < ROUNDS; at += 1) {
    const polls = ['core1', 'core2'].map((device, number) =>
      interfacePoll({
        device,
        atMs: beganMs + at * STEP_MS,
        intervalMs: STEP_MS,
        interfaces: [1, 2, 3].map((port) => ({
          key: `p${port}`,
          // Twice as fast in the second half.
          inOctets: BigInt((at + Math.max(0, at - 6)) * 5000 * (port + 3 * number)),
          speedBps: 1e9,
        })),
      }),
    );
    await fixture.receipt({ sequence: at + 1, polls });
  }
  await fixture.applied(ROUNDS);
  await eventually(
    async () => (await fixture.metric('weir_projection_lag_entries{projection="store"}')) === 0,
    'stored',
  );
});
afterAll(() => remove());

const span = (from: number, to: number): string =>
  `from=${new Date(beganMs + from * STEP_MS).toISOString()}&to=${new Date(beganMs + to * STEP_MS).toISOString()}&step=5s`;
/** Rounded: the times of readings are less the measured offset of the agent's clock. */
const values = (one: Pick<SeriesAnswer, 'points'>): unknown[] => one.points.map((point) => rounded(point.value));
const rounded = (value: number | string | null): unknown => (typeof value === 'number' ? Math.round(value) : value);

test('several resources are a list, one a series, a group one series of them', async () => {
  const both = `metric=in_octets&resource=core1/p1&resource=core1/p2&${span(0, 3)}`;
  const list = await fixture.get<{ items: SeriesAnswer[]; next: null }>(`/api/v1/series?${both}`);
  expect(list.items.map((one) => [one.resource, ...values(one)])).toEqual([
    ['core1/p1', 1000, 1000, 1000],
    ['core1/p2', 2000, 2000, 2000],
  ]);
  const sum = await fixture.get<SeriesAnswer>(`/api/v1/series?${both}&group=sum`);
  expect([sum.group, sum.resources, values(sum)]).toEqual(['sum', ['core1/p1', 'core1/p2'], [3000, 3000, 3000]]);
});

test('the period before lies on the times of this one', async () => {
  const one = await fixture.get<SeriesAnswer>(
    `/api/v1/series?metric=in_octets&resource=core1/p1&${span(7, 9)}&previous=30s`,
  );
  expect(values(one)).toEqual([2000, 2000]);
  expect(values(one.previous ?? { points: [] })).toEqual([1000, 1000]);
  expect(one.previous?.points.map((point) => point.at)).toEqual(one.points.map((point) => point.at));
});

test('the first as series, the rest as their sum', async () => {
  const stack = await fixture.get<{ items: SeriesAnswer[]; other: SeriesAnswer; leftOut: number }>(
    `/api/v1/series/stack?metric=in_octets&limit=2&${span(0, 3)}`,
  );
  expect(stack.items.map((one) => one.resource)).toEqual(['core2/p3', 'core2/p2']);
  expect([values(stack.other), stack.leftOut]).toEqual([[10_000, 10_000, 10_000], 0]);
  const top = await fixture.get<{ items: { resource: string; value: number }[] }>(
    `/api/v1/series/top?metric=in_octets&function=max&device=core1&limit=1&${span(0, 12).replace('&step=5s', '')}`,
  );
  expect(top.items.map((one) => [one.resource, rounded(one.value)])).toEqual([['core1/p3', 6000]]);
});

test('the catalogue in pages', async () => {
  interface Page {
    readonly items: readonly { readonly resource: string }[];
    readonly next: string | null;
  }
  const found: string[] = [];
  for (let next: string | null = ''; next !== null; ) {
    const cursor = next === '' ? '' : `&cursor=${next}`;
    const page: Page = await fixture.get<Page>(`/api/v1/metrics/resources?metric=in_bps&limit=4${cursor}`);
    found.push(...page.items.map((one) => one.resource));
    next = page.next;
  }
  expect(found).toEqual(['core1/p1', 'core1/p2', 'core1/p3', 'core2/p1', 'core2/p2', 'core2/p3']);
});
