// Lines that the server of the metric store would not take, with its reason.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { readCursor, writeCursor } from '../../common/http/parameters.ts';
import { isoTime } from '../../common/model/time.ts';
import { READERS } from '../../common/runtime/access.ts';
import type { KeptLine } from '../store/influx-book.ts';
import { listOf } from './answers.ts';
import { collectorPage } from './parameters.ts';

export interface RejectedLineDeps {
  readonly rejectedLines: (after: number, limit: number) => Promise<readonly KeptLine[]>;
}

const whole = z.number().int().min(0);
const rejectedLine = z.object({
  id: whole,
  journal: z.string(),
  position: whole.describe('of the entry of the journal that the line was made of'),
  line: z.string().describe('line protocol, cut at 4,000 characters'),
  reason: z.string().describe('as the server told it'),
  keptAt: z.string(),
});

export function addRejectedLineRoutes(routes: DescribedRoutes, deps: RejectedLineDeps): void {
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/store/rejected-lines',
      access: READERS,
      summary: 'Lines that a metric store on InfluxDB would not take, in the order they were kept; the newest 10,000.',
      query: z.strictObject(collectorPage),
      answer: listOf(rejectedLine),
    },
    async ({ query }) => {
      const after = readCursor(query.cursor, z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)) ?? 0;
      const found = await deps.rejectedLines(after, query.limit + 1);
      const items = found.slice(0, query.limit);
      const last = items.at(-1);
      return {
        items: items.map(({ keptAtMs, ...line }) => ({ ...line, keptAt: isoTime(keptAtMs) })),
        next: found.length > items.length && last !== undefined ? writeCursor(last.id) : null,
      };
    },
  );
}
