// How the tests run: one project; tests that start servers or processes have time for it.
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './tests/support/longest-first.ts';

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // More than the two cores that they are measured on: most of them wait for something else.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
  },
});
