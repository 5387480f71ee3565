// Opens readers and sessions for tests: short timeouts, chance that can be repeated.
import { lookup } from 'node:dns/promises';
import { SnmpAccess } from '../../agent/snmp/access.ts';
import type { Lookup } from '../../agent/snmp/address.ts';
import type { DeviceEvent } from '../../common/model/event.ts';
import { type Clock, SystemClock } from '../../common/runtime/clock.ts';
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

export interface TestAccess {
  readonly access: SnmpAccess;
  /** What was raised, in order. */
  readonly events: DeviceEvent[];
  readonly lines: string[];
  readonly metrics: () => Promise<string>;
}

export interface TestAccessConfig {
  readonly timeoutMs?: number;
  readonly retries?: number;
  readonly stateFolder?: string;
  readonly seed?: number;
  readonly clock?: Clock;
  readonly lookup?: Lookup;
  readonly environment?: Readonly<Record<string, string>>;
}

export function testAccess(config: TestAccessConfig = {}): TestAccess {
  const { reporter, lines } = silentReporter();
  const events: DeviceEvent[] = [];
  const { stateFolder } = config;
  const bounds = { timeoutMs: config.timeoutMs ?? 150, retries: config.retries ?? 2 };
  const access = new SnmpAccess(reporter, stateFolder === undefined ? bounds : { ...bounds, stateFolder }, {
    clock: config.clock ?? new SystemClock(),
    lookup: config.lookup ?? lookup,
    random: seededRandom(config.seed ?? 7),
    environment: config.environment ?? {},
    onEvent: (event) => events.push(event),
  });
  return { access, events, lines, metrics: () => reporter.metricsText() };
}

export const PUBLIC = { version: '2c', community: 'public' } as const;
