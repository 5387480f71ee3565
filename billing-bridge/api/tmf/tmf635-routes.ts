// TMF635, Usage Management v4: rated usage, read by those who settle it; Weir alone makes usage, from counters.
import { z } from 'zod';
import type { DescribedRoutes } from '../../../common/http/described-routes.ts';
import type { Principal } from '../../../common/runtime/access.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import type { Ledger } from '../../ledger.ts';
import { BILL_READERS, customersSeen } from '../access.ts';
import { answerList, inTmfForm } from './tmf-list.ts';
import { equals, fieldsOf, readTmfQuery, type Resource, selected, type TmfQuery } from './tmf-query.ts';
import { SPECIFICATION_ATTRIBUTES, specifications, USAGE_ATTRIBUTES, USAGE_URL, usageTmfForm } from './usage-form.ts';

const anyQuery = z.record(z.string(), z.unknown());
const anything = z.unknown();
const idParams = z.object({ id: z.string().max(400) });
const PAGE = 1_000;

export function addTmf635Routes(routes: DescribedRoutes, ledger: Ledger): void {
  const read = { method: 'GET', access: BILL_READERS, scoped: true, query: anyQuery, answer: anything } as const;
  routes.add({ ...read, url: `${USAGE_URL}/usage`, summary: 'TMF635: rated usage.' }, ({ query, principal, reply }) =>
    inTmfForm(reply, () => {
      const asked = readTmfQuery(query, USAGE_ATTRIBUTES);
      return answerList(reply, asked, usageForms(ledger, asked, principal));
    }),
  );
  routes.add(
    { ...read, url: `${USAGE_URL}/usage/:id`, summary: 'TMF635: one piece of rated usage.', params: idParams },
    ({ params, query, principal, reply }) =>
      inTmfForm(reply, async () => {
        const fields = fieldsOf(query['fields'], USAGE_ATTRIBUTES);
        const id = /^\d{1,18}$/.test(params.id) ? BigInt(params.id) : -1n;
        const charge = await ledger.charge(id, customersSeen(principal));
        if (charge === null) throw new WeirError('not_found', `There is no usage ${params.id}.`, { id: params.id });
        const billed = await ledger.billedCharges([id]);
        return selected(usageTmfForm(charge, billed.has(id)), fields);
      }),
  );
  routes.add(
    { ...read, url: `${USAGE_URL}/usageSpecification`, summary: 'TMF635: what kinds of usage there are.' },
    ({ query, reply }) =>
      inTmfForm(reply, () =>
        answerList(reply, readTmfQuery(query, SPECIFICATION_ATTRIBUTES), listOf(specifications())),
      ),
  );
  routes.add(
    { ...read, url: `${USAGE_URL}/usageSpecification/:id`, summary: 'TMF635: one kind of usage.', params: idParams },
    ({ params, query, reply }) =>
      inTmfForm(reply, () => {
        const fields = fieldsOf(query['fields'], SPECIFICATION_ATTRIBUTES);
        const found = specifications().find((one) => one['id'] === params.id);
        if (found === undefined)
          throw new WeirError('not_found', `There is no usage of kind ${params.id}.`, { id: params.id });
        return Promise.resolve(selected(found, fields));
      }),
  );
}

/** Newest first; looked for by customer and time where the filters say so. */
async function* usageForms(ledger: Ledger, query: TmfQuery, principal: Principal | null): AsyncGenerator<Resource> {
  const customers = customersSeen(principal);
  const customer = equals(query, 'relatedParty.id') ?? undefined;
  const time = (operators: readonly string[]): number | undefined => {
    const found = query.filters.find(
      ({ path, operator }) => path.join('.') === 'usageDate' && operators.includes(operator),
    );
    const at = Date.parse(found?.values[0] ?? '');
    return Number.isNaN(at) ? undefined : at;
  };
  const [fromMs, lastMs] = [time(['gte', 'gt']), time(['lt', 'lte'])];
  const toMs = lastMs === undefined ? undefined : lastMs + 1;
  let beforeId: bigint | undefined;
  for (;;) {
    const page = await ledger.charges({ customers, customer, fromMs, toMs, beforeId, limit: PAGE });
    const billed = await ledger.billedCharges(page.map((charge) => charge.id));
    for (const charge of page) yield usageTmfForm(charge, billed.has(charge.id));
    beforeId = page.at(-1)?.id;
    if (page.length < PAGE) return;
  }
}

async function* listOf(resources: readonly Resource[]): AsyncGenerator<Resource> {
  yield* await Promise.resolve(resources);
}
