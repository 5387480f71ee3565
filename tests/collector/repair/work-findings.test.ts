// What is told of values that were read: those that are there; of those that are not, how many, and which only where there is nothing else to tell.
import { expect, test } from 'vitest';
import type { NamedValue } from '../../../collector/repair/runbook.ts';
import { readFinding } from '../../../collector/repair/work-findings.ts';

const value = (name: string, oid: string): NamedValue => ({ name, oid, words: { 2: 'down' } });
const EIGHT = Array.from({ length: 8 }, (_, at) => value(`v${at}`, `1.3.${at}`));

test.each([
  ['all there', [value('a', '1.1'), value('b', '1.2')], { '1.1': '2', '1.2': 'x' }, 'a down (2), b x', 2],
  ['some not', [value('a', '1.1'), value('b', '1.2'), value('c', '1.3.*')], { '1.1': '5' }, 'a 5, 2 not there', 1],
  ['a column', [value('a', '1.1.*')], { '1.1.7': '2', '1.1.9': '3' }, 'a.7 down (2), a.9 3', 2],
  ['none', [value('a', '1.1'), value('b', '1.2.*')], {}, 'the device has none of them: a, b', 0],
  [
    'many',
    [...EIGHT, value('w', '1.9')],
    Object.fromEntries(EIGHT.map(({ oid }) => [oid, '1'])),
    'v0 1, v1 1, v2 1, v3 1, v4 1, v5 1, 2 more, 1 not there',
    8,
  ],
])('%s', (_, asked, held, summary, entries) => {
  const said = new Map(Object.entries(held).map(([oid, text]) => [`value.${oid}`, text]));
  const found = readFinding(said, asked, 'core1/p1');
  expect([found.summary, found.entries.length]).toEqual([summary, entries]);
});
