// Opens readers and sessions for tests: short timeouts, chance that can be repeated.
import { lookup } from 'node:dns/promises';
import { SnmpAccess } from '../../agent/snmp/access.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { silentReporter } from './silent-reporter.ts';

/** Mulberry32: numbers in [0, 1) from a seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function testAccess(config: { timeoutMs?: number; retries?: number } = {}): {
  access: SnmpAccess;
  metrics: () => Promise<string>;
} {
  const { reporter } = silentReporter();
  const access = new SnmpAccess(
    reporter,
    { timeoutMs: config.timeoutMs ?? 150, retries: config.retries ?? 2 },
    { clock: new SystemClock(), lookup, random: seededRandom(7), environment: {} },
  );
  return { access, metrics: () => reporter.metricsText() };
}

export const PUBLIC = { version: '2c', community: 'public' } as const;
