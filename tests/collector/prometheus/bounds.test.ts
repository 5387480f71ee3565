// What one query may cost: bounds over all of its selectors, refused before the store is asked.
import { expect, test } from 'vitest';
import { evaluate } from '../../../collector/prometheus/evaluate.ts';
import { parseExpression } from '../../../collector/prometheus/parse-expression.ts';
import { MetricList, Samples, type SampleStore } from '../../../collector/prometheus/samples.ts';
import { EVERYTHING } from '../../../common/model/viewpoint.ts';
import { codeOf } from '../../../common/runtime/errors.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const METRIC = 'point.lab.a';
const SERIES = 500;

/** A store of many series of one metric, that counts what it is asked for. */
function counting(): { readonly store: SampleStore; readonly asked: { times: number } } {
  const asked = { times: 0 };
  const names = Array.from({ length: SERIES }, (_, at) => `points/host=${String(at).padStart(4, '0')}`);
  const store: SampleStore = {
    catalogue: async ({ after, limit }) =>
      names
        .filter((name) => after === undefined || name > after.resource)
        .slice(0, limit)
        .map((resource) => ({
          metric: METRIC,
          resource,
          device: '',
          part: '',
          description: '',
          unit: '',
          tags: { host: resource.slice(-4) },
        })),
    many: async ({ metric, resources, fromMs, toMs, stepMs = 60_000, function: wanted }) => {
      asked.times += 1;
      return resources.map((resource) => ({
        metric,
        resource,
        function: wanted,
        unit: '',
        fromMs,
        toMs,
        stepMs,
        points: [{ atMs: fromMs, value: 1, coverage: 1 }],
      }));
    },
  };
  return { store, asked };
}

test('names of metrics come without a look at every series, however many there are', async () => {
  const { store } = counting();
  let looked = 0;
  const endless: SampleStore = {
    ...store,
    catalogue: async (query) => {
      if (query.limit === 1) return store.catalogue(query);
      looked += 1;
      if (looked > 1) throw new Error('a second page was asked for');
      const [first] = await store.catalogue({ ...query, limit: 1 });
      return first === undefined ? [] : Array.from({ length: query.limit }, () => first);
    },
  };
  const samples = new Samples(endless, new MetricList(endless, new VirtualClock(0)), EVERYTHING);
  expect([...(await samples.names([]))]).toEqual(['lab_a']);
});

async function codeFor(query: string, count: number): Promise<{ readonly code: string; readonly times: number }> {
  const { store, asked } = counting();
  const samples = new Samples(store, new MetricList(store, new VirtualClock(0)), EVERYTHING);
  const code = await evaluate(parseExpression(query), { fromMs: 0, stepMs: 60_000, count }, samples).then(
    () => '',
    codeOf,
  );
  return { code, times: asked.times };
}

test('a query within the bounds is answered', async () => {
  expect(await codeFor('sum(lab_a) + sum(lab_a)', 1000)).toMatchObject({ code: '', times: 2 });
});

test('values are counted over all selectors, and the selector that goes beyond is not read', async () => {
  const sum = Array.from({ length: 8 }, () => 'sum(lab_a)').join(' + ');
  expect(await codeFor(sum, 1000)).toEqual({ code: 'query_too_large', times: 4 });
});

test('more selectors than the bound are refused, however few series they match', async () => {
  const many = (count: number): string => {
    const half = Math.floor(count / 2);
    return count === 1 ? 'sum(lab_a{host="0001"})' : `(${many(half)} + ${many(count - half)})`;
  };
  expect(await codeFor(many(50), 1)).toMatchObject({ code: '' });
  expect(await codeFor(many(51), 1)).toMatchObject({ code: 'query_too_large' });
});

test.each([
  ['a matcher', `{long=~"${'.*'.repeat(400)}x"}`],
  ['several matchers', `{long=~"${'.*'.repeat(101)}",long=~"${'.*'.repeat(102)}",long=~"${'.*'.repeat(103)}x"}`],
  ['a replacement', `label_replace(lab_a,"a","b","long","${'(.?)'.repeat(220)}(.*)x")`],
])('regular expressions that cost much of every text are refused, whatever asks: %s', async (_, query) => {
  const { store } = counting();
  const wordy: SampleStore = {
    ...store,
    catalogue: async (asked) =>
      (await store.catalogue(asked)).map((one) => ({ ...one, tags: { long: `${'a'.repeat(500)}${one.resource}` } })),
  };
  const samples = new Samples(wordy, new MetricList(wordy, new VirtualClock(0)), EVERYTHING);
  const asked = evaluate(parseExpression(query), { fromMs: 0, stepMs: 60_000, count: 1 }, samples);
  await expect(asked).rejects.toMatchObject({ code: 'query_too_large' });
});
