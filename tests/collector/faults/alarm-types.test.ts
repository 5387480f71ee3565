// The inventory of alarm types: its page is made of it, and each type is raised somewhere by a rule that exists.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ALARM_TYPES } from '../../../collector/faults/alarm-types.ts';
import { alarmsPage } from '../../../collector/faults/alarms-page.ts';
import { faultsSchema } from '../../../collector/faults/fault-rules.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const FOLDER = path.join(ROOT, 'collector/faults');

test('docs/alarms.md is the inventory', () => {
  expect(readFileSync(path.join(ROOT, 'docs/alarms.md'), 'utf8')).toBe(alarmsPage());
});

test('every type is raised somewhere, by a rule that exists', () => {
  const all = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('-alarm-types.ts'))
    .map((file) => readFileSync(path.join(FOLDER, file), 'utf8'))
    .join('\n');
  expect(Object.keys(ALARM_TYPES).filter((type) => !all.includes(`'${type}'`))).toEqual([]);
  const rules = [...new Set(Object.values(ALARM_TYPES).map(({ rule }) => rule))];
  expect(rules.filter((rule) => rule !== null && !(rule in faultsSchema.shape))).toEqual([]);
});
