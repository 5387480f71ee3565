// The scheduled work of the bridge, in the order in which usage becomes money: mediate, rate, the relay to the billing queue, bills.
import { isoTime } from '../common/model/time.ts';
import type { ChainPublisher } from './audit/chain-sinks.ts';
import type { BillSchedule, ScheduledBills } from './bill/bill-schedule.ts';
import type { BillingBridgeConfig } from './config.ts';
import type { BillHub } from './hub/bill-hub.ts';
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
  readonly hub: BillHub;
  readonly bills: readonly { readonly schedule: BillSchedule; readonly runs: ScheduledBills }[];
  readonly stopping: AbortSignal;
}

/** How often it is looked whether a bill run is due that no wake came for. */
const LOOK_FOR_BILLS_MS = 60_000;

/** Each wakes the next where it did something, so that a reading becomes a charge within one interval. */
export function tasksOf(
  config: Pick<BillingBridgeConfig, 'mediateEveryMs' | 'rateEveryMs'>,
  { mediation, rating, relay, publisher, quotas, sender, hub, bills, stopping }: TaskParts,
): Task[] {
  return [
    {
      name: 'mediate',
      everyMs: config.mediateEveryMs,
      // What does not get final by a reading does so by a watermark: rating looks also where no record was written.
      run: async ({ fence }, progress) => {
        const summary = await mediation.run(fence, stopping, (done) => progress({ done, of: null, what: 'pages' }));
        return { did: summary.records > 0, summary };
      },
      wakes: 'rate',
    },
    {
      name: 'rate',
      everyMs: config.rateEveryMs,
      run: async (lease, progress) => {
        const summary = await rating.run(lease, (done) => progress({ done, of: null, what: 'charges' }));
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
        const { events } = await hub.run(fence);
        const summary = { events, ...(await sender.run(fence, stopping)) };
        return { did: summary.sent > 0, summary };
      },
    },
    ...outwardTasks(config, { publisher, quotas }),
    ...bills.map(billTask),
  ];
}

function outwardTasks(
  config: Pick<BillingBridgeConfig, 'rateEveryMs'>,
  { publisher, quotas }: Pick<TaskParts, 'publisher' | 'quotas'>,
): Task[] {
  return [
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

function billTask({ schedule, runs }: TaskParts['bills'][number]): Task {
  return {
    name: `bill-runs-${schedule.name}`,
    everyMs: LOOK_FOR_BILLS_MS,
    cron: { pattern: schedule.pattern, zone: schedule.zone },
    run: async ({ fence }, progress) => {
      const { dueMs, ...summary } = await runs.run(fence, (done, of) => progress({ done, of, what: 'accounts' }));
      return { did: summary.made > 0, summary: { due: dueMs === null ? null : isoTime(dueMs), ...summary } };
    },
    wakes: 'messages',
  };
}
