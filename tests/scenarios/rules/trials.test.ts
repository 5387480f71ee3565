// Every trial of rules of this folder (tests/support/trial-scenario.ts has the language).
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { playTrial } from '../../support/trial-scenario.ts';

const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.txt'));

test.each(files)('%s', (file) => {
  const { found, expected } = playTrial(readFileSync(path.join(import.meta.dirname, file), 'utf8'));
  expect(expected.length).toBeGreaterThan(1);
  expect(found).toEqual(expected);
});
