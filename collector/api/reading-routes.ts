// Raw counters for the bridge and for whoever follows a bill line back, and the batches that could not be used.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { readCursor, timeParameter, writeCursor } from '../../common/http/parameters.ts';
import { isoTime } from '../../common/model/time.ts';
import { READERS, type Role } from '../../common/runtime/access.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Quarantine, QuarantinedBatch } from '../project/quarantine.ts';
import type { Readings } from '../readings/readings.ts';
import { listOf, meterReadingsAnswer, quarantineAnswer, readingsAnswer } from './answers.ts';
import { collectorPage, idParameter } from './parameters.ts';

export interface ReadingRoutesDeps {
  readonly readings: Readings;
  readonly quarantine: Pick<Quarantine, 'list' | 'body'>;
}

const MAX_PAGES = 2000;
const MAX_METER_READINGS = 10_000;
const cursor = z.string().max(10_000);

const readingsQuery = z
  .strictObject({
    after: cursor.optional().describe('`next` of the answer before; empty from the beginning'),
    meter: idParameter
      .max(2 ** 31 - 1)
      .optional()
      .describe('instead: readings of one meter'),
    from: timeParameter.optional().describe('of a meter: included'),
    to: timeParameter.optional().describe('of a meter: not included any more'),
    neighbours: z
      .enum(['true', 'false'])
      .default('false')
      .describe('of a meter: also the last reading before `from` and the first from `to` on'),
    cursor: cursor.optional().describe('of a meter: `next` of the page before'),
    limit: z.coerce.number().int().min(1).max(MAX_METER_READINGS).optional(),
  })
  .superRefine((query, context) => {
    const tell = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message });
    if (query.meter === undefined) {
      for (const name of ['from', 'to', 'cursor'] as const)
        if (query[name] !== undefined) tell(name, 'belongs to `meter`');
    } else {
      if (query.after !== undefined) tell('after', 'does not go with `meter`');
      if (query.from === undefined || query.to === undefined) tell('from', '`meter` needs `from` and `to`');
      else if (query.from >= query.to) tell('from', 'expected a time before `to`');
    }
  });

/** Bytes as they came from an agent: for those who look into what went wrong. */
const BODIES: readonly Role[] = ['operator'];

export function addReadingRoutes(routes: DescribedRoutes, { readings, quarantine }: ReadingRoutesDeps): void {
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/readings',
      access: READERS,
      summary:
        'Pages of raw counters committed after a cursor (`after`), or the readings of one meter (`meter`, `from`, `to`).',
      query: readingsQuery,
      answer: z.union([readingsAnswer, meterReadingsAnswer]),
    },
    async ({ query }) => {
      const { meter, from, to } = query;
      if (meter === undefined || from === undefined || to === undefined)
        return readings.after(
          query.after === undefined || query.after === '' ? null : query.after,
          limitOf(query.limit),
        );
      return readings.ofMeter({
        meter,
        fromMs: from,
        toMs: to,
        withNeighbours: query.neighbours === 'true',
        cursor: query.cursor ?? null,
        limit: query.limit ?? 1000,
      });
    },
  );
  addQuarantine(routes, quarantine);
}

function limitOf(asked: number | undefined): number {
  return Math.min(MAX_PAGES, asked ?? MAX_PAGES);
}

function addQuarantine(routes: DescribedRoutes, quarantine: ReadingRoutesDeps['quarantine']): void {
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/quarantine',
      access: READERS,
      summary: 'Batches that could not be used, kept whole with the reason, in the order they were kept.',
      query: z.strictObject(collectorPage),
      answer: listOf(quarantineAnswer),
    },
    async ({ query }) => {
      const after = readCursor(query.cursor, z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)) ?? 0;
      const found = await quarantine.list(after, query.limit + 1);
      const items = found.slice(0, query.limit);
      const last = items.at(-1);
      const next = found.length > items.length && last !== undefined ? writeCursor(last.id) : null;
      return { items: items.map(quarantinedOf), next };
    },
  );
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/quarantine/:id/body',
      access: BODIES,
      summary: 'The bytes of a batch in quarantine, as they arrived.',
      params: z.object({ id: idParameter }),
      answer: z.string().describe('octets'),
      contentType: 'application/octet-stream',
    },
    async ({ params, reply }) => {
      const body = await quarantine.body(params.id);
      if (body === null) throw new WeirError('not_found', `There is no batch ${params.id} in quarantine.`);
      void reply
        .type('application/octet-stream')
        .header('content-disposition', `attachment; filename="batch-${params.id}.weir"`);
      return reply.send(body);
    },
  );
}

function quarantinedOf({ receivedAtMs, ...batch }: QuarantinedBatch): z.output<typeof quarantineAnswer> {
  return { ...batch, receivedAt: isoTime(receivedAtMs) };
}
