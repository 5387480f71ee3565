// Weir's side of the agent's benchmark: the poller process, its counts and what it costs.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { cpuSeconds } from '../machine/processes.ts';
import { pause, type Running, until, type Workshop } from '../machine/workshop.ts';
import type { Fleet } from './fleet.ts';
import type { PollerConfig, PollerCounts } from './poller.ts';

const ANSWER_MS = 30_000;

export interface WeirPoller {
  readonly running: Running;
  readonly counts: () => Promise<PollerCounts>;
}

export function startPoller(
  workshop: Workshop,
  fleet: Pick<Fleet, 'devices' | 'portBase'>,
  times: Pick<PollerConfig, 'intervalMs' | 'firstPollWithinMs'>,
): WeirPoller {
  const spoolFolder = path.join(workshop.folder, `spool-${fleet.portBase}-${fleet.devices}`);
  mkdirSync(spoolFolder, { recursive: true });
  const config: PollerConfig = { devices: fleet.devices, portBase: fleet.portBase, spoolFolder, ...times };
  const running = workshop.worker('agent/poller.js', config);
  return { running, counts: async () => (await running.ask('counts', ANSWER_MS)) as PollerCounts };
}

/** Until every device has been polled twice: then profiles and names are known, sizes learnt and the code is warm. */
export async function warmUp(poller: WeirPoller, fleet: Pick<Fleet, 'devices'>, timeoutMs: number): Promise<void> {
  const explain = (): string => `Weir does not poll the fleet twice\n${poller.running.output()}`;
  await until(async () => (await poller.counts()).polls >= fleet.devices * 2, timeoutMs, explain);
}

export interface Rate {
  readonly interfaces: number;
  readonly cpuSeconds: number;
}

/** What it does in that time, at its own pace. */
export async function measurePoller(poller: WeirPoller, ms: number): Promise<Rate> {
  const before = await poller.counts();
  const cpuBefore = cpuSeconds([poller.running.pid]);
  await pause(ms);
  const cpuAfter = cpuSeconds([poller.running.pid]);
  const after = await poller.counts();
  if (after.notComplete > before.notComplete) {
    throw new Error(
      `${after.notComplete - before.notComplete} polls of Weir were not complete: the machine is too busy`,
    );
  }
  return { interfaces: after.interfaces - before.interfaces, cpuSeconds: cpuAfter - cpuBefore };
}
