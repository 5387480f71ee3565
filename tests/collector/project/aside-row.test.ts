// What failed and what passed before an entry, and whether it may be set aside then.
import { expect, test } from 'vitest';
import { AsideRow } from '../../../collector/project/aside-row.ts';

/** `+a`: one of a passed; `-a`: one of a was set aside. */
const CASES: readonly (readonly [string, string, boolean])[] = [
  ['nothing yet', '', true],
  ['fewer than a row', '-a -a', true],
  ['a row, and nobody was ever taken', '-a -a -a', false],
  ['a row, and only its own were ever taken', '+a -a -a -a', false],
  ['a row of one agent beside others that pass', '+b -a -a -a', true],
  ['a long one of it', '+a +b -a -a -a -a -a -a', true],
  ['another agent fails as well', '+b -a -b -a', false],
  ['another failed first', '+a +b -b -a -a', false],
  ['one passed in between', '-a -a -a +a -a -a', true],
];

test.each(CASES)('%s: %s', (_, before, may) => {
  const row = new AsideRow();
  for (const word of before.split(' ').filter((one) => one !== ''))
    if (word.startsWith('+')) row.passed(word.slice(1));
    else row.setAside(word.slice(1));
  expect(row.mayTake('a')).toBe(may);
});
