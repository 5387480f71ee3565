// Every fault scenario of this folder through the pure state machine (tests/support/fault-scenario.ts has the language).
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { playScenario } from '../../support/fault-machine.ts';
import { parseScenario } from '../../support/fault-scenario.ts';

const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.txt'));

describe('fault scenarios', () => {
  test('there are some', () => expect(files.length).toBeGreaterThan(10));

  test.each(files)('%s', (file) => {
    const scenario = parseScenario(readFileSync(path.join(import.meta.dirname, file), 'utf8'));
    expect(playScenario(scenario)).toEqual(scenario.expected);
  });

  test('the runner itself refuses what it should', () => {
    const wrong = parseScenario('at 0s core1 p1 up\npoll core1 every 60s from 0s until 120s\nat 30s core1 p1 down');
    expect(playScenario(wrong)).toEqual(['raised interface-down core1/p1 major at 60s']);
    expect(() => parseScenario('sometime core1 is down')).toThrow('line 1');
  });
});
