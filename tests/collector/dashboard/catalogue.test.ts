// The words of the page: the same keys and the same blanks in each language, none empty, none that no view uses.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const SOURCES = path.resolve(import.meta.dirname, '../../../collector/dashboard/web/src');
const read = (name: string): Record<string, string> =>
  JSON.parse(readFileSync(path.join(SOURCES, name), 'utf8')) as Record<string, string>;
const english = read('english.json');
const arabic = read('arabic.json');
/** Put together from what the server says. */
const DYNAMIC =
  /^(severity|state|kind|alarmType|deed|noDiagnosis|alarms\.state|faults|graph\.tier|search|stat|theme|weekday|kpi\.(of|period|by))\./;

test('both languages have the same keys, and no empty word', () => {
  expect(Object.keys(arabic).toSorted()).toEqual(Object.keys(english).toSorted());
  for (const word of [...Object.values(english), ...Object.values(arabic)]) expect(word.trim()).not.toBe('');
});

test('the blanks of a word are the same in both', () => {
  const blanks = (text: string | undefined) => (text?.match(/\{\w+\}/g) ?? []).toSorted();
  const different = Object.keys(english).filter(
    (key) => JSON.stringify(blanks(english[key])) !== JSON.stringify(blanks(arabic[key])),
  );
  expect(different).toEqual([]);
});

test('every word is used', () => {
  const code = readdirSync(SOURCES)
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => readFileSync(path.join(SOURCES, name), 'utf8'))
    .join('\n');
  const unused = Object.keys(english).filter((key) => !DYNAMIC.test(key) && !code.includes(`'${key}'`));
  expect(unused).toEqual([]);
});
