// Routes of the scheduled work: what ran, what failed, and a run now.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { TaskState } from '../queue/scheduled-work.ts';
import { WORK_STARTERS } from './access.ts';
import { describeSchedule } from './forms.ts';
import { scheduleForm } from './whole-schemas.ts';

/** The part of ScheduledWork that is asked here. */
export interface Work {
  states(): TaskState[];
  runNow(name: string): Promise<TaskState | null>;
}

export function addWorkRoutes(routes: DescribedRoutes, work: Work): void {
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
