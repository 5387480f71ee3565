// Weir's side of the agent's benchmark: the poller process, its counts and what it costs.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { AGENT_NODE_FLAGS } from '../../agent/node-flags.ts';
import { cpuSeconds } from '../machine/processes.ts';
import { type Running, until, type Workshop } from '../machine/workshop.ts';
import type { Fleet } from './fleet.ts';
import type { PollerConfig, PollerCounts } from './poller.ts';

const ANSWER_MS = 30_000;

export interface WeirPoller {
  readonly running: Running;
  readonly counts: () => Promise<PollerCounts>;
  readonly sockets: () => Promise<number>;
}

export function startPoller(
  workshop: Workshop,
  fleet: Pick<Fleet, 'devices' | 'portBase'>,
  times: Pick<PollerConfig, 'intervalMs' | 'firstPollWithinMs'>,
): WeirPoller {
  const spoolFolder = path.join(workshop.folder, `spool-${fleet.portBase}-${fleet.devices}`);
  mkdirSync(spoolFolder, { recursive: true });
  const config: PollerConfig = { devices: fleet.devices, portBase: fleet.portBase, spoolFolder, ...times };
  const running = workshop.worker('agent/poller.js', config, AGENT_NODE_FLAGS);
  return {
    running,
    counts: async () => (await running.ask('counts', ANSWER_MS)) as PollerCounts,
    sockets: async () => (await running.ask('sockets', ANSWER_MS)) as number,
  };
}

/** Until it has done that many polls: then profiles and names are known, sizes learnt and the code is compiled. */
export async function pollsDone(poller: WeirPoller, polls: number, timeoutMs: number): Promise<PollerCounts> {
  let counts = await poller.counts();
  const explain = (): string => `Weir has done ${counts.polls} polls of ${polls}\n${poller.running.output()}`;
  await until(
    async () => {
      counts = await poller.counts();
      return counts.polls >= polls;
    },
    timeoutMs,
    explain,
  );
  return counts;
}

export interface Rate {
  readonly interfaces: number;
  readonly cpuSeconds: number;
  /** Polls that were cut short. */
  readonly notComplete?: number;
}

/** That many polls, at its own pace. */
export async function measurePoller(poller: WeirPoller, polls: number, timeoutMs: number): Promise<Rate> {
  const before = await poller.counts();
  const cpuBefore = cpuSeconds([poller.running.pid]);
  await pollsDone(poller, before.polls + polls, timeoutMs);
  const after = await poller.counts();
  const cpuAfter = cpuSeconds([poller.running.pid]);
  return {
    interfaces: after.interfaces - before.interfaces,
    cpuSeconds: cpuAfter - cpuBefore,
    notComplete: after.notComplete - before.notComplete,
  };
}
