// Service levels as a file: no cell that a spreadsheet would run, whatever a service is called.
import { expect, test } from 'vitest';
import { levelsCsv } from '../../../collector/service-levels/service-level-csv.ts';
import type { LevelOfService } from '../../../collector/service-levels/service-level-desk.ts';

test.each([
  ['Transit, Paris', '"Transit, Paris"'],
  ['=1+1', "'=1+1"],
  ['-2+3+cmd|x', "'-2+3+cmd|x"],
  [' @SUM(A1)', "' @SUM(A1)"],
  ['-12.5', '-12.5'],
  ['a-b', 'a-b'],
])('a service called %j', (name, written) => {
  const level = { measuredMs: 0, outageMs: 0, excludedMs: 0, degradedMs: 0, outages: [] };
  const one = {
    service: { id: 's1', name, customer: { id: 'c1' } },
    span: { fromMs: 0, toMs: 1 },
    level,
    knownUntilMs: 1,
  } as unknown as LevelOfService;
  expect(levelsCsv([one]).split('\r\n')[1]).toMatch(`c1,s1,${written},,1970-`);
});
