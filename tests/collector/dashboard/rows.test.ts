// Tables as they are read: numbers in names in their order, what is not known last, every word of a filter found.
import { expect, test } from 'vitest';
import { filtered, sorted } from '../../../collector/dashboard/web/src/rows.ts';

interface Row {
  readonly name: string | null;
  readonly speed: number | null;
}
const COLUMNS = [
  { id: 'name', value: ({ name }: Row) => name },
  { id: 'speed', value: ({ speed }: Row) => speed },
];
const row = (name: string | null, speed: number | null = null): Row => ({ name, speed });
const names = (rows: readonly Row[]) => rows.map(({ name }) => name);

test.each([
  ['name', ['ge-0/0/2', 'ge-0/0/10', 'xe-0/0/1', null]],
  ['-name', ['xe-0/0/1', 'ge-0/0/10', 'ge-0/0/2', null]],
  ['nothing', ['xe-0/0/1', null, 'ge-0/0/10', 'ge-0/0/2']],
])('sorted by %s', (sort, order) => {
  expect(names(sorted([row('xe-0/0/1'), row(null), row('ge-0/0/10'), row('ge-0/0/2')], COLUMNS, sort))).toEqual(order);
});

test('numbers are no words: 9 before 10, and zero is known', () => {
  const rows = [row('a', 10), row('b', null), row('c', 9), row('d', 0)];
  expect(names(sorted(rows, COLUMNS, 'speed'))).toEqual(['d', 'c', 'a', 'b']);
  expect(names(sorted(rows, COLUMNS, '-speed'))).toEqual(['a', 'c', 'd', 'b']);
});

test.each([
  ['', ['Core1', 'core2']],
  ['CORE', ['Core1', 'core2']],
  ['core 20', ['core2']],
  ['nowhere', []],
])('filtered by %j', (words, found) => {
  expect(names(filtered([row('Core1', 10), row('core2', 20)], COLUMNS, words))).toEqual(found);
});
