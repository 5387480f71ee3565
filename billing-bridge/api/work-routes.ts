// Routes of the scheduled work: what ran, what failed, and a run now.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { isoTime } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { TaskState } from '../queue/scheduled-work.ts';
import type { DeadLetter } from '../queue/work-queue.ts';
import { WORK_STARTERS } from './access.ts';
import { describeSchedule } from './forms.ts';
import { deadLetterForm, scheduleForm } from './whole-schemas.ts';

/** The part of ScheduledWork that is asked here. */
export interface Work {
  states(): TaskState[];
  runNow(name: string): Promise<TaskState | null>;
  deadLetters(limit: number): Promise<{ readonly items: readonly DeadLetter[]; readonly all: number }>;
  retryDeadLetter(id: string): Promise<boolean>;
}

/** What a page shows of them; more wait behind, and are counted. */
const MOST_DEAD_LETTERS = 1_000;

function addDeadLetters(routes: DescribedRoutes, work: Work): void {
  routes.add(
    {
      method: 'GET',
      url: '/billing/v1/dead-letters',
      access: WORK_STARTERS,
      summary: 'Jobs of the billing queue that their consumer has given up, newest first.',
      query: z.strictObject({ limit: z.coerce.number().int().min(1).max(MOST_DEAD_LETTERS).default(100) }),
      answer: z.object({ items: z.array(deadLetterForm), all: z.number().int(), next: z.null() }),
    },
    async ({ query }) => {
      const { items, all } = await work.deadLetters(query.limit);
      return {
        items: items.map(({ failedAtMs, ...one }) => ({
          ...one,
          failedAt: failedAtMs === null ? null : isoTime(failedAtMs),
        })),
        all,
        next: null,
      };
    },
  );
  routes.add(
    {
      method: 'POST',
      url: '/billing/v1/dead-letters/:id/retry',
      access: WORK_STARTERS,
      summary: 'Puts a job that failed for good back on the queue, with all its attempts.',
      params: z.object({ id: z.string().max(300) }),
      body: z.strictObject({}),
      answer: z.object({ id: z.string(), retried: z.literal(true) }),
    },
    async ({ params }) => {
      if (await work.retryDeadLetter(params.id)) return { id: params.id, retried: true as const };
      throw new WeirError('not_found', `No job ${params.id} has failed.`);
    },
  );
}

export function addWorkRoutes(routes: DescribedRoutes, work: Work): void {
  addDeadLetters(routes, work);
  routes.add(
    {
      method: 'GET',
      url: '/billing/v1/schedules',
      access: WORK_STARTERS,
      summary: 'The scheduled work of this process: mediation, rating, and the relay to the billing queue.',
      answer: z.object({ items: z.array(scheduleForm), next: z.null() }),
    },
    () => Promise.resolve({ items: work.states().map(describeSchedule), next: null }),
  );
  routes.add(
    {
      method: 'POST',
      url: '/billing/v1/schedules/:name/run',
      access: WORK_STARTERS,
      summary: 'Runs it now and answers when it has; what is due comes from the ledger, so nothing is done twice.',
      params: z.object({ name: z.string().max(100) }),
      body: z.strictObject({}),
      answer: scheduleForm,
    },
    async ({ params }) => {
      const state = await work.runNow(params.name);
      if (state !== null) return describeSchedule(state);
      throw new WeirError('not_found', `There is no schedule ${params.name}.`, {
        schedules: work.states().map(({ name }) => name),
      });
    },
  );
}
