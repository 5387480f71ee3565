// Routes of charges, and of what each rests on.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { pageOf, pageParameters, readCursor, timeParameter, writeCursor } from '../../common/http/parameters.ts';
import type { Principal } from '../../common/runtime/access.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Ledger } from '../ledger.ts';
import type { Charge } from '../rate/charge-store.ts';
import { BILL_READERS, customersSeen, MONEY_READERS } from './access.ts';
import { describeCharge } from './forms.ts';
import { chargeDetailForm, chargeForm, evidenceForm } from './schemas.ts';

/** Usage records that an answer of evidence shows unless asked for more; the rest is told by its number and can be read as usage. */
const EVIDENCE_RECORDS = 200;

/** What is asked of evidence: how many usage records, and whether the readings behind them. */
export const evidenceParameters = {
  records: z.coerce.number().int().min(1).max(10_000).default(EVIDENCE_RECORDS),
  readings: z
    .enum(['true', 'false'])
    .default('true')
    .transform((text) => text === 'true'),
};

export const idParameter = z
  .string()
  .regex(/^\d{1,18}$/, 'expected a whole number')
  .transform((text) => BigInt(text));

const URL = '/billing/v1/charges';

export function addChargeRoutes(routes: DescribedRoutes, ledger: Ledger): void {
  routes.add(
    {
      method: 'GET',
      url: URL,
      access: BILL_READERS,
      scoped: true,
      summary: 'Charges whose window begins in [from, to), newest first; the newest version of each, or all of them.',
      query: z.strictObject({
        service: z.string().optional(),
        customer: z.string().optional(),
        from: timeParameter.optional(),
        to: timeParameter.optional(),
        versions: z.enum(['latest', 'all']).default('latest'),
        ...pageParameters,
      }),
      answer: pageOf(chargeForm),
    },
    async ({ query, principal }) => {
      const found = await ledger.charges({
        customers: customersSeen(principal),
        customer: query.customer,
        service: query.service,
        fromMs: query.from,
        toMs: query.to,
        allVersions: query.versions === 'all',
        beforeId: readCursor(query.cursor, idParameter) ?? undefined,
        limit: query.limit + 1,
      });
      const items = found.slice(0, query.limit);
      const last = found.length > query.limit ? items.at(-1) : undefined;
      return { items: items.map(describeCharge), next: last === undefined ? null : writeCursor(last.id.toString()) };
    },
  );
  routes.add(
    {
      method: 'GET',
      url: `${URL}/:id`,
      access: BILL_READERS,
      scoped: true,
      summary: 'One charge with its working, and the bill lines that hold it.',
      params: z.object({ id: idParameter }),
      answer: chargeDetailForm,
    },
    async ({ params, principal }) => {
      const charge = await existing(ledger, params.id, principal);
      return { ...describeCharge(charge), working: charge.working, bills: await ledger.billLinesOf(charge.id) };
    },
  );
  routes.add(
    {
      method: 'GET',
      url: `${URL}/:id/evidence`,
      access: MONEY_READERS,
      scoped: true,
      summary: 'The usage records behind a charge, and the raw readings behind these, each with the batch it came in.',
      params: z.object({ id: idParameter }),
      query: z.strictObject(evidenceParameters),
      answer: evidenceForm,
    },
    async ({ params, query, principal }) =>
      ledger.evidence(await existing(ledger, params.id, principal), {
        maxRecords: query.records,
        readings: query.readings,
      }),
  );
}

async function existing(ledger: Ledger, id: bigint, principal: Principal | null): Promise<Charge> {
  const charge = await ledger.charge(id, customersSeen(principal));
  if (charge === null) throw new WeirError('not_found', `There is no charge ${id}.`, { charge: id.toString() });
  return charge;
}
