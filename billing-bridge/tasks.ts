// The scheduled work of the bridge, in the order in which usage becomes money: mediate, rate, and the relay to the billing queue.
import type { ChainPublisher } from './audit/chain-sinks.ts';
import type { BillingBridgeConfig } from './config.ts';
import type { Mediation } from './mediate/mediation.ts';
import type { OutboxRelay } from './queue/outbox.ts';
import type { Task } from './queue/scheduled-work.ts';
import type { QuotaWatch } from './quota/quota-watch.ts';
import type { LevelWatch } from './rate/level-watch.ts';
import type { RatingRun } from './rate/rating-run.ts';

export interface TaskParts {
  readonly mediation: Mediation;
  readonly rating: RatingRun;
  /** Null where nobody can be asked for outages. */
  readonly levels: LevelWatch | null;
  readonly relay: OutboxRelay;
  /** Null where no sink is configured. */
  readonly publisher: ChainPublisher | null;
  /** Null where no quota is configured. */
  readonly quotas: QuotaWatch | null;
  readonly stopping: AbortSignal;
}

/** Each wakes the next where it did something, so that a reading becomes a charge within one interval. */
export function tasksOf(
  config: Pick<BillingBridgeConfig, 'mediateEveryMs' | 'rateEveryMs'>,
  { mediation, rating, levels, relay, publisher, quotas, stopping }: TaskParts,
): Task[] {
  const everyMs = config.rateEveryMs;
  const tasks: Task[] = [
    {
      name: 'mediate',
      everyMs: config.mediateEveryMs,
      // What does not get final by a reading does so by a watermark: rating looks also where no record was written.
      run: async ({ fence }) => did(await mediation.run(fence, stopping), ({ records }) => records),
      wakes: 'rate',
    },
    {
      name: 'rate',
      everyMs,
      run: async (lease) => {
        const summary = await rating.run(lease);
        return { did: summary.charges > 0, summary: { ...summary, run: summary.run?.toString() ?? null } };
      },
      wakes: 'relay',
    },
    {
      name: 'relay',
      everyMs,
      needsQueue: true,
      run: async ({ fence }) => did(await relay.run(fence), ({ delivered }) => delivered),
    },
  ];
  if (levels !== null)
    tasks.push({
      name: 'service-levels',
      everyMs,
      run: async ({ fence }) => did(await levels.run(fence), ({ kept }) => kept),
      wakes: 'rate',
    });
  if (publisher !== null)
    tasks.push({
      name: 'ledger-sinks',
      everyMs,
      run: async ({ fence }) => did(await publisher.run(fence), ({ delivered }) => delivered),
    });
  if (quotas !== null)
    tasks.push({
      name: 'quotas',
      everyMs,
      run: async ({ fence }) => did(await quotas.run(fence), ({ reached }) => reached),
      wakes: 'relay',
    });
  return tasks;
}

function did<Summary extends object>(summary: Summary, count: (summary: Summary) => number) {
  return { did: count(summary) > 0, summary };
}
