// Processes killed at random on what `weir up` brings along: the packaged PostgreSQL, and BullMQ in it.
import { describe } from 'vitest';
import { killsSuite } from './kills-suite.ts';

describe('kills on the embedded stores', () => {
  killsSuite({ name: 'embedded', servers: () => Promise.resolve({ stop: () => Promise.resolve() }) });
});
