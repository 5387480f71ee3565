// The scheduled work of the bridge, in the order in which usage becomes money: mediate, rate, the relay to the billing queue, bills.
import { type DurationMs, isoTime } from '../common/model/time.ts';
import type { ChainPublisher } from './audit/chain-sinks.ts';
import type { BillSchedule, ScheduledBills } from './bill/bill-schedule.ts';
import type { BillingBridgeConfig } from './config.ts';
import type { BillHub } from './hub/bill-hub.ts';
import type { Mediation } from './mediate/mediation.ts';
import type { OutboxRelay } from './queue/outbox.ts';
import type { Task } from './queue/scheduled-work.ts';
import type { QuotaWatch } from './quota/quota-watch.ts';
import type { LevelWatch } from './rate/level-watch.ts';
import type { RatingRun } from './rate/rating-run.ts';
import type { MessageSender } from './send/message-sender.ts';

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
  { mediation, rating, levels, relay, publisher, quotas, sender, hub, bills, stopping }: TaskParts,
): Task[] {
  const everyMs = config.rateEveryMs;
  return [
    {
      name: 'mediate',
      everyMs: config.mediateEveryMs,
      // What does not get final by a reading does so by a watermark: rating looks also where no record was written.
      run: async ({ fence }, progress) =>
        did(
          await mediation.run(fence, stopping, (done) => progress({ done, of: null, what: 'pages' })),
          ({ records }) => records,
        ),
      wakes: 'rate',
    },
    {
      name: 'rate',
      everyMs,
      run: async (lease, progress) => {
        const summary = await rating.run(lease, (done) => progress({ done, of: null, what: 'charges' }));
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
    {
      name: 'messages',
      everyMs,
      run: async ({ fence }) => {
        const { events } = await hub.run(fence);
        const summary = { events, ...(await sender.run(fence, stopping)) };
        return { did: summary.sent > 0, summary };
      },
    },
    ...whereConfigured(everyMs, { levels, publisher, quotas }),
    ...bills.map(billTask),
  ];
}

function whereConfigured(
  everyMs: DurationMs,
  { levels, publisher, quotas }: Pick<TaskParts, 'levels' | 'publisher' | 'quotas'>,
): Task[] {
  const tasks: Task[] = [];
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
