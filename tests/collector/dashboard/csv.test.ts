// Exported tables: RFC 4180, and no cell that a spreadsheet would run.
import { expect, test } from 'vitest';
import { toCsv } from '../../../collector/dashboard/web/src/csv.ts';

test('cells are quoted where they must be; what is not known is empty', () => {
  expect(
    toCsv(
      ['name', 'a "b"'],
      [
        ['core1, hall 1', 'two\nlines'],
        [null, 1.5],
      ],
    ),
  ).toBe('\uFEFFname,"a ""b"""\r\n"core1, hall 1","two\nlines"\r\n,1.5\r\n');
});

test.each([
  ['=1+1', "'=1+1"],
  ['+49 30', "'+49 30"],
  ['@SUM(A1)', "'@SUM(A1)"],
  ['-rm', "'-rm"],
  ['\tx', "'\tx"],
  [' =1+1', "' =1+1"],
  ['-2+3+cmd|x', "'-2+3+cmd|x"],
  ['-12.5', '-12.5'],
  ['ge-0/0/1', 'ge-0/0/1'],
])('%j is text', (cell, written) => {
  expect(toCsv(['x'], [[cell]])).toBe(`\uFEFFx\r\n${written}\r\n`);
});
