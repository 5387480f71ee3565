// The scheduled work of the bridge, in the order in which usage becomes money: mediate, rate, and the relay to the billing queue.
import type { ChainPublisher } from './audit/chain-sinks.ts';
import type { BillingBridgeConfig } from './config.ts';
import type { Mediation } from './mediate/mediation.ts';
import type { OutboxRelay } from './queue/outbox.ts';
import type { HeldLease, Task } from './queue/scheduled-work.ts';
import type { QuotaWatch } from './quota/quota-watch.ts';
import type { RatingRun } from './rate/rating-run.ts';
import type { MessageSender } from './send/message-sender.ts';

export interface TaskParts {
  readonly mediation: Mediation;
  readonly rating: RatingRun;
  readonly relay: OutboxRelay;
  /** Null where no sink is configured. */
  readonly publisher: ChainPublisher | null;
  /** Null where no quota is configured. */
  readonly quotas: QuotaWatch | null;
  readonly sender: MessageSender;
  readonly stopping: AbortSignal;
}

/** Each wakes the next where it did something, so that a reading becomes a charge within one interval. */
export function tasksOf(
  config: Pick<BillingBridgeConfig, 'mediateEveryMs' | 'rateEveryMs'>,
  { mediation, rating, relay, publisher, quotas, sender, stopping }: TaskParts,
): Task[] {
  return [
    {
      name: 'mediate',
      everyMs: config.mediateEveryMs,
      // What does not get final by a reading does so by a watermark: rating looks also where no record was written.
      run: async ({ fence }) => {
        const summary = await mediation.run(fence, stopping);
        return { did: summary.records > 0, summary };
      },
      wakes: 'rate',
    },
    {
      name: 'rate',
      everyMs: config.rateEveryMs,
      run: async (lease) => {
        const summary = await rating.run(lease);
        return { did: summary.charges > 0, summary: { ...summary, run: summary.run?.toString() ?? null } };
      },
      wakes: 'relay',
    },
    {
      name: 'relay',
      everyMs: config.rateEveryMs,
      needsQueue: true,
      run: async ({ fence }) => {
        const summary = await relay.run(fence);
        return { did: summary.delivered > 0, summary };
      },
    },
    {
      name: 'messages',
      everyMs: config.rateEveryMs,
      run: async ({ fence }) => {
        const summary = await sender.run(fence, stopping);
        return { did: summary.sent > 0, summary };
      },
    },
    ...(publisher === null
      ? []
      : [
          {
            name: 'ledger-sinks',
            everyMs: config.rateEveryMs,
            run: async ({ fence }: HeldLease) => {
              const summary = await publisher.run(fence);
              return { did: summary.delivered > 0, summary };
            },
          },
        ]),
    ...(quotas === null
      ? []
      : [
          {
            name: 'quotas',
            everyMs: config.rateEveryMs,
            run: async ({ fence }: HeldLease) => {
              const summary = await quotas.run(fence);
              return { did: summary.reached > 0, summary };
            },
            wakes: 'relay',
          },
        ]),
  ];
}
