// Bill runs that are under way, and bills that a schedule could not make yet.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { isoTime } from '../../common/model/time.ts';
import type { Ledger } from '../ledger.ts';
import { MONEY_READERS } from './access.ts';
import type { BillRoutesDeps } from './bill-routes.ts';
import { time } from './schemas.ts';

export function addBillRunRoutes(routes: DescribedRoutes, deps: Pick<BillRoutesDeps, 'ledger' | 'runningBills'>): void {
  addHeldBills(routes, deps.ledger);
  addRunningBills(routes, deps);
}

const heldForm = z.object({ schedule: z.string(), period: z.string(), customer: z.string(), since: time });

function addHeldBills(routes: DescribedRoutes, ledger: Ledger): void {
  routes.add(
    {
      method: 'GET',
      url: '/billing/v1/bill-runs/held',
      access: MONEY_READERS,
      summary: 'Bills that a gate held back at the last try of their schedule, the oldest first; they are tried again.',
      query: z.strictObject({ limit: z.coerce.number().int().min(1).max(10_000).default(100) }),
      answer: z.object({ items: z.array(heldForm), next: z.null() }),
    },
    async ({ query }) => {
      const held = await ledger.heldBills(query.limit);
      return { items: held.map(({ sinceMs, ...one }) => ({ ...one, since: isoTime(sinceMs) })), next: null };
    },
  );
}

const runningForm = z.object({
  period: z.string(),
  account: z.string().nullable(),
  interim: z.boolean(),
  by: z.string(),
  startedAt: time,
  done: z.number().int().describe('accounts'),
  of: z.number().int().nullable().describe('null while it waits for another run'),
});

function addRunningBills(routes: DescribedRoutes, { runningBills }: Pick<BillRoutesDeps, 'runningBills'>): void {
  routes.add(
    {
      method: 'GET',
      url: '/billing/v1/bill-runs/running',
      access: MONEY_READERS,
      summary: 'Bill runs under way in this process, and how far each is.',
      answer: z.object({ items: z.array(runningForm), next: z.null() }),
    },
    () => {
      const items = runningBills().map(({ startedAtMs, ...run }) => ({ ...run, startedAt: isoTime(startedAtMs) }));
      return Promise.resolve({ items, next: null });
    },
  );
}
