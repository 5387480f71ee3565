// Which shares of quotas were reached.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { pageOf, pageParameters, readCursor, writeCursor } from '../../common/http/parameters.ts';
import { isoTime } from '../../common/model/time.ts';
import type { Ledger } from '../ledger.ts';
import { CUSTOMER_READERS, customersSeen } from './access.ts';
import { idParameter } from './charge-routes.ts';

const eventForm = z.object({
  quota: z.string(),
  service: z.string(),
  customer: z.string(),
  period: z.string(),
  share: z.number().int().describe('percent'),
  limitOctets: z.string(),
  usedOctets: z.string(),
  at: z.iso.datetime(),
});

export function addQuotaRoutes(routes: DescribedRoutes, ledger: Ledger): void {
  routes.add(
    {
      method: 'GET',
      url: '/billing/v1/quota-events',
      access: CUSTOMER_READERS,
      scoped: true,
      summary: 'Shares of quotas that were reached, newest first; each once a period.',
      query: z.strictObject(pageParameters),
      answer: pageOf(eventForm),
    },
    async ({ query, principal }) => {
      const before = readCursor(query.cursor, idParameter);
      const found = await ledger.quotaEvents({ customers: customersSeen(principal), before, limit: query.limit + 1 });
      const items = found.slice(0, query.limit);
      const last = found.length > query.limit ? items.at(-1) : undefined;
      return {
        items: items.map(({ serial: _serial, atMs, ...event }) => ({ ...event, at: isoTime(atMs) })),
        next: last === undefined ? null : writeCursor(last.serial.toString()),
      };
    },
  );
}
