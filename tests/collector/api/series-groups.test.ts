// Series made one: what is not known is left out, exact numbers stay exact.
import { expect, test } from 'vitest';
import { groupPoints, shiftPoints } from '../../../collector/api/series-groups.ts';
import type { SeriesGroup } from '../../../collector/store/store.ts';

const line = (...values: readonly (number | string | null)[]) => ({
  points: values.map((value, at) => ({ atMs: at * 10, value, coverage: value === null ? 0 : 1 })),
});

test.each<[SeriesGroup, (number | string | null)[]]>([
  ['sum', [5, 2, null]],
  ['avg', [2.5, 2, null]],
  ['min', [1, 2, null]],
  ['max', [4, 2, null]],
])('%s of what is known', (group, values) => {
  const points = groupPoints([line(1, 2, null), line(4, null, null)], group);
  expect(points.map((point) => point.value)).toEqual(values);
  expect(points.map((point) => point.coverage)).toEqual([1, 0.5, 0]);
});

test.each<[SeriesGroup, string]>([
  ['sum', '18014398509481989'],
  ['avg', '9007199254740994'],
  ['min', '9007199254740993'],
  ['max', '9007199254740996'],
])('%s of exact numbers beyond 2^53', (group, value) => {
  const points = groupPoints([line('9007199254740993'), line('9007199254740996')], group);
  expect(points).toEqual([{ atMs: 0, value, coverage: 1 }]);
});

test('an earlier period lies on the times of the later one', () => {
  expect(shiftPoints(line(1, 2).points, 100).map((point) => point.atMs)).toEqual([100, 110]);
  expect(groupPoints([], 'sum')).toEqual([]);
});
