// Every telling scenario of this folder through the pure decision (tests/support/telling-scenario.ts has the language).
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { playTelling } from '../../support/telling-scenario.ts';

const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.txt'));

describe('telling scenarios', () => {
  test('there are some', () => expect(files.length).toBeGreaterThan(15));

  test.each(files)('%s', (file) => {
    const { heard, expected, complaints } = playTelling(readFileSync(path.join(import.meta.dirname, file), 'utf8'));
    expect(heard).toEqual(expected);
    // Who wants no word of the end hears of the next beginning without it.
    expect(complaints).toEqual(file === 'no-clears-wanted.txt' ? ['raised 1 twice'] : []);
  });

  test('the player itself refuses what it should', () => {
    const { heard } = playTelling('route channels=noc wait=0s\nat 0s raise 1 major');
    expect(heard).toEqual(['noc raised 1 at 0s']);
    expect(() => playTelling('sometime 1 is raised')).toThrow('line 1');
  });
});
