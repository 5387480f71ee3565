// Composes the agent: which stage hands to which. The only file of the agent that knows two stages.
import { randomFillSync, randomUUID } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { fileURLToPath } from 'node:url';
import type { Poll } from '../common/model/poll.ts';
import { SystemClock } from '../common/runtime/clock.ts';
import { WeirError } from '../common/runtime/errors.ts';
import { createReporter } from '../common/runtime/reporter.ts';
import { type AgentConfiguration, agentConfig } from './config.ts';
import { DeviceState } from './poll/device-state.ts';
import { pollDevice } from './poll/poll-device.ts';
import { loadProfiles } from './profile/catalogue.ts';
import type { ProfileCatalogue } from './profile/profile.ts';
import { SnmpAccess } from './snmp/access.ts';

/** The profiles that come with Weir, beside this file in a checkout and in a build. */
const PROFILES = fileURLToPath(new URL('../config/profiles', import.meta.url));

const RANDOM_POOL = 1024;

/** Numbers in [0, 1) that nobody can foresee, so that nobody can forge an answer to an open request. */
export function unforeseeable(): () => number {
  const pool = new Uint32Array(RANDOM_POOL);
  let at = RANDOM_POOL;
  return () => {
    if (at >= RANDOM_POOL) {
      randomFillSync(pool);
      at = 0;
    }
    const word = pool[at] ?? 0;
    at += 1;
    return word / 2 ** 32;
  };
}

/** The profiles of a folder, or those that come with Weir. */
export function profilesFor(folder: string | null): ProfileCatalogue {
  return loadProfiles(folder ?? PROFILES);
}

export interface PollOnceOptions {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
}

/** Polls the first device of a configuration once, everything included; what the device does wrong stands in the poll. */
export async function pollOnce(
  whole: Pick<AgentConfiguration, 'agent' | 'devices' | 'credentials'>,
  options: PollOnceOptions = {},
): Promise<Poll> {
  const environment = options.environment ?? {};
  const config = agentConfig(whole, environment);
  const device = config.devices[0];
  if (device === undefined) throw new WeirError('misused', 'The configuration has no device to poll.');
  const clock = new SystemClock();
  const reporter = createReporter({ component: 'agent', level: 'silent' });
  const deps = { clock, lookup, random: unforeseeable(), environment };
  const access = new SnmpAccess(reporter, { timeoutMs: config.timeoutMs, retries: config.retries }, deps);
  const plan = {
    device: device.name,
    intervalMs: device.intervalMs,
    slowIntervalMs: config.slowIntervalMs,
    inventoryIntervalMs: config.inventoryIntervalMs,
    processId: randomUUID(),
  };
  const signal = options.signal ?? new AbortController().signal;
  await access.start();
  try {
    const reader = access.openReader(device.address, device.credential);
    const catalogue = profilesFor(config.profilesFolder);
    return await pollDevice(reader, plan, new DeviceState(), { times: clock, catalogue }, signal);
  } finally {
    await access.stop();
  }
}
