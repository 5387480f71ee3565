// Every scenario of this folder (tests/support/cause-scenario.ts has the language), each with its devices polled in many orders: people are told the same.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type CauseScenario, parseCauseScenario, playCauseScenario } from '../../support/cause-scenario.ts';

const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.txt'));
const ORDERS = 25;

/** Some number from 0 to 1 that looks like chance and is always the same. */
function chance(seed: number, at: number): number {
  const turned = Math.sin(seed * 127.1 + at * 311.7) * 43_758.5453;
  return turned - Math.floor(turned);
}

function hold(scenario: CauseScenario, seed: number): void {
  const played = playCauseScenario(scenario, (_, at) => chance(seed, at));
  const roots = scenario.roots.map(({ atMs }) => ({ atMs, resources: played.roots.get(atMs) }));
  expect({ seed, roots }).toEqual({ seed, roots: scenario.roots });
  expect({ seed, told: played.told }).toEqual({ seed, told: scenario.told });
  expect(played.longestHeldMs).toBeLessThanOrEqual(60_000);
}

describe('scenarios of causes', () => {
  test('there are some', () => expect(files.length).toBeGreaterThan(10));

  test.each(files)('%s', (file) => {
    const scenario = parseCauseScenario(readFileSync(path.join(import.meta.dirname, file), 'utf8'));
    for (let seed = 1; seed <= ORDERS; seed += 1) hold(scenario, seed);
  });

  test('the runner itself refuses what it should', () => {
    const wrong = parseCauseScenario('device a\ndevice b under a\nat 10s a dies\nuntil 300s\nroots 300s b\ntold b');
    expect(() => hold(wrong, 1)).toThrow('a');
    expect(() => parseCauseScenario('sometime a dies')).toThrow('line 1');
  });
});
