// The way that the map shows from a symptom to its cause.
import { expect, test } from 'vitest';
import { wayBetween } from '../../../collector/dashboard/web/src/way.ts';

const LINKS: readonly (readonly [string, string])[] = [
  ['core1', 'dist1'],
  ['dist1', 'access1'],
  ['core1', 'core2'],
  ['core2', 'dist2'],
  ['access1', 'dist2'],
  ['alone1', 'alone2'],
];

test.each<readonly [from: string, to: string, way: readonly string[] | null]>([
  ['access1', 'core1', ['access1', 'dist1', 'core1']],
  ['core1', 'access1', ['core1', 'dist1', 'access1']],
  ['dist1', 'core2', ['dist1', 'core1', 'core2']],
  ['core1', 'core1', ['core1']],
  ['core1', 'alone1', null],
  ['core1', 'nowhere', null],
])('from %s to %s', (from, to, way) => {
  expect(wayBetween(LINKS, from, to)).toEqual(way);
});
