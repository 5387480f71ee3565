// Final records: what was known of ports when they left a service.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { pageOf, pageParameters, readCursor, writeCursor } from '../../common/http/parameters.ts';
import { isoTime } from '../../common/model/time.ts';
import type { Ledger } from '../ledger.ts';
import type { FinalRecord } from '../rate/final-record.ts';
import { BILL_READERS, customersSeen } from './access.ts';
import { idParameter } from './charge-routes.ts';

const time = z.iso.datetime();
const finalRecordForm = z.object({
  id: z.string(),
  customer: z.string(),
  service: z.string(),
  meter: z.number().int(),
  device: z.string(),
  interfaceKey: z.string(),
  class: z.string(),
  direction: z.string(),
  endedAt: time,
  outcome: z
    .enum(['final', 'waited_out', 'interface_gone', 'device_silent'])
    .describe(
      'waited_out: nobody read the device any more for three days; interface_gone, device_silent: the port is still bound and was not read for three days',
    ),
  lastBucketStart: time.nullable(),
  lastVersion: z.number().int().nullable(),
  lastReadingAt: time.nullable(),
  usageSerial: z.string().nullable().describe('the last usage record that was stored then'),
  at: time,
});

export function addFinalRecordRoutes(routes: DescribedRoutes, ledger: Ledger): void {
  routes.add(
    {
      method: 'GET',
      url: '/billing/v1/final-records',
      access: BILL_READERS,
      scoped: true,
      summary: 'Ports that left a service, or vanished from it, newest first: up to where their usage was known then.',
      query: z.strictObject({ service: z.string().optional(), ...pageParameters }),
      answer: pageOf(finalRecordForm),
    },
    async ({ query, principal }) => {
      const found = await ledger.rating.finalRecords({
        customers: customersSeen(principal),
        service: query.service,
        before: readCursor(query.cursor, idParameter),
        limit: query.limit + 1,
      });
      const items = found.slice(0, query.limit);
      const last = found.length > query.limit ? items.at(-1) : undefined;
      return { items: items.map(described), next: last === undefined ? null : writeCursor(last.id.toString()) };
    },
  );
}

function described(record: FinalRecord): object {
  const { id, endedAtMs, lastBucketMs, lastReadingAtMs, usageSerial, madeAtMs, ...rest } = record;
  return {
    ...rest,
    id: id.toString(),
    endedAt: isoTime(endedAtMs),
    lastBucketStart: lastBucketMs === null ? null : isoTime(lastBucketMs),
    lastReadingAt: lastReadingAtMs === null ? null : isoTime(lastReadingAtMs),
    usageSerial: usageSerial?.toString() ?? null,
    at: isoTime(madeAtMs),
  };
}
