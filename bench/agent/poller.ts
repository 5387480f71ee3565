// A process of the agent's benchmark: Weir's scheduler, sessions and spool as the agent composes them, polling a fleet, counting what is durable.
import { lookup } from 'node:dns/promises';
import { readdirSync, readlinkSync } from 'node:fs';
import { profilesFor, unforeseeable } from '../../agent/main.ts';
import { type PollSink, Scheduler } from '../../agent/poll/scheduler.ts';
import { SnmpAccess } from '../../agent/snmp/access.ts';
import type { RememberingReader } from '../../agent/snmp/table-reader.ts';
import { Spool, SPOOL_DEFAULTS } from '../../agent/spool/spool.ts';
import { startAll } from '../../common/runtime/component.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { createReporter } from '../../common/runtime/reporter.ts';

export interface PollerConfig {
  readonly devices: number;
  readonly portBase: number;
  readonly intervalMs: number;
  readonly firstPollWithinMs: number;
  readonly spoolFolder: string;
}

/** Of the process's whole life. */
export interface PollerCounts {
  /** Rows of interface tables whose poll is in the spool. */
  readonly interfaces: number;
  readonly polls: number;
  readonly notComplete: number;
}

/** Processors, names and the like are read once: the peers do not read them either. */
const ONCE_MS = 86_400_000;
/** Few at once and small batches: the spool fills a batch without waiting, and on a busy machine a poll still ends within its interval. */
const AGENT = { timeoutMs: 2000, retries: 2, concurrency: 40 };
const BATCH = { maxBatchPolls: 20 };
const SPOOL = { maxBytes: 4 * 1024 ** 3, maxAgeMs: 30 * 86_400_000 };

async function main(config: PollerConfig): Promise<void> {
  const reporter = createReporter({ component: 'bench', level: 'warn' });
  const clock = new SystemClock();
  const access = new SnmpAccess(reporter, AGENT, { clock, lookup, random: unforeseeable(), environment: {} });
  const spool = new Spool(
    reporter,
    { agent: 'bench', folder: config.spoolFolder, ...SPOOL, ...SPOOL_DEFAULTS, ...BATCH },
    { clock },
  );
  const counts = { interfaces: 0, polls: 0, notComplete: 0 };
  const sink: PollSink = {
    accept: async (poll, watermark) => {
      await spool.accept(poll, watermark);
      counts.polls += 1;
      if (poll.outcome !== 'complete') counts.notComplete += 1;
      for (const table of poll.tables) if (table.name === 'interface') counts.interfaces += table.index.length;
    },
  };
  const open = (device: string): RememberingReader => {
    const port = config.portBase + Number(device.slice('fleet'.length)) - 1;
    return access.openReader({ host: '127.0.0.1', port }, { version: '2c', community: 'public' });
  };
  const scheduler = new Scheduler(reporter, schedulerConfig(config), {
    clock,
    catalogue: profilesFor(null),
    sink,
    open,
  });
  // Counts are asked for many times a second: they cost no more than what is at hand.
  process.on('message', (asked) => process.send?.(asked === 'sockets' ? socketCount() : counts));
  process.on('disconnect', () => process.exit());
  await startAll([access, spool, scheduler]);
}

function schedulerConfig(config: PollerConfig): ConstructorParameters<typeof Scheduler>[1] {
  return {
    devices: Array.from({ length: config.devices }, (_, at) => ({
      name: `fleet${at + 1}`,
      intervalMs: config.intervalMs,
    })),
    concurrency: AGENT.concurrency,
    slowIntervalMs: ONCE_MS,
    inventoryIntervalMs: ONCE_MS,
    firstPollWithinMs: config.firstPollWithinMs,
    processId: 'bench',
  };
}

function socketCount(): number {
  const targets = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return targets.filter((target) => target.startsWith('socket:')).length;
}

await main(JSON.parse(process.argv[2] ?? '') as PollerConfig);
