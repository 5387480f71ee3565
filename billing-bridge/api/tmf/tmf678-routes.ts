// TMF678, Customer Bill Management v4: bills, their lines, and bills on demand.
import { z } from 'zod';
import type { DescribedRoutes } from '../../../common/http/described-routes.ts';
import { periodAt } from '../../../common/model/period.ts';
import { isoTime } from '../../../common/model/time.ts';
import { type Principal, principalOf } from '../../../common/runtime/access.ts';
import type { Clock } from '../../../common/runtime/clock.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import type { Bill } from '../../bill/bill-store.ts';
import type { BillOnDemand } from '../../bill/bill-on-demand.ts';
import type { BillHub } from '../../hub/bill-hub.ts';
import type { Ledger } from '../../ledger.ts';
import { BILL_READERS, customersSeen, MONEY_WRITERS } from '../access.ts';
import { existing, type BillRoutesDeps } from '../bill-routes.ts';
import { BILL_ATTRIBUTES, BILLS_URL, customerBillForm, RATE_ATTRIBUTES, rateForm } from './customer-bill-form.ts';
import { answerList, inTmfForm } from './tmf-list.ts';
import { equals, fieldsOf, readTmfQuery, type Resource, selected, type TmfQuery } from './tmf-query.ts';

export interface Tmf678Deps extends Pick<BillRoutesDeps, 'runBills' | 'billStates'> {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly hub: Pick<BillHub, 'add' | 'remove'>;
}

const anyQuery = z.record(z.string(), z.unknown());
const anything = z.unknown();
const idParams = z.object({ id: z.string().max(400) });
const PAGE = 200;
const ON_DEMAND_ATTRIBUTES = [
  'id',
  'href',
  'description',
  'lastUpdate',
  'name',
  'billingAccount',
  'customerBill',
  'relatedParty',
  'state',
  '@baseType',
  '@schemaLocation',
  '@type',
];

export function addTmf678Routes(routes: DescribedRoutes, deps: Tmf678Deps): void {
  addHub(routes, deps);
  addBills(routes, deps);
  addRates(routes, deps.ledger);
  addOnDemand(routes, deps);
}

function addBills(routes: DescribedRoutes, { ledger, billStates }: Tmf678Deps): void {
  const url = `${BILLS_URL}/customerBill`;
  const read = { access: BILL_READERS, scoped: true, answer: anything } as const;
  routes.add(
    { method: 'GET', url, summary: 'TMF678: bills.', query: anyQuery, ...read },
    ({ query, principal, reply }) =>
      inTmfForm(reply, () => {
        const asked = readTmfQuery(query, BILL_ATTRIBUTES);
        return answerList(reply, asked, billForms(ledger, asked, principal));
      }),
  );
  routes.add(
    { method: 'GET', url: `${url}/:id`, summary: 'TMF678: one bill.', params: idParams, query: anyQuery, ...read },
    ({ params, query, principal, reply }) =>
      inTmfForm(reply, async () => {
        const fields = fieldsOf(query['fields'], BILL_ATTRIBUTES);
        return selected(await customerBill(ledger, await existing(ledger, params.id, principal)), fields);
      }),
  );
  const body = z.strictObject({ state: z.enum(billStates), '@type': z.string().optional() });
  routes.add(
    {
      method: 'PATCH',
      url: `${url}/:id`,
      access: MONEY_WRITERS,
      summary: 'TMF678: says what happened to a bill; its state is all that can change.',
      params: idParams,
      body,
      answer: anything,
    },
    ({ params, body: { state }, principal, reply }) =>
      inTmfForm(reply, async () => {
        const by = principalOf(principal).name;
        return customerBill(ledger, await ledger.changeBillState({ bill: params.id, state, by }));
      }),
  );
}

function addHub(routes: DescribedRoutes, { hub }: Tmf678Deps): void {
  const url = `${BILLS_URL}/hub`;
  routes.add(
    {
      method: 'POST',
      url,
      access: MONEY_WRITERS,
      summary: 'TMF678: registers a listener for bills that are made and states that they enter.',
      body: z.object({ callback: z.string().max(1000), query: z.string().max(1000).nullish() }),
      answer: anything,
    },
    ({ body: { callback, query }, principal, reply }) =>
      inTmfForm(reply, async () => {
        const { name, role } = principalOf(principal);
        const listener = await hub.add(callback, query ?? '', { name, role });
        reply.status(201).header('location', `${url}/${listener.id}`);
        return listener;
      }),
  );
  routes.add(
    {
      method: 'DELETE',
      url: `${url}/:id`,
      access: MONEY_WRITERS,
      summary: 'TMF678: takes a listener away.',
      params: idParams,
      answer: anything,
    },
    ({ params, principal, reply }) =>
      inTmfForm(reply, async () => {
        const { name, role } = principalOf(principal);
        await hub.remove(params.id, { name, role });
        return reply.status(204).send();
      }),
  );
}

function addRates(routes: DescribedRoutes, ledger: Ledger): void {
  const url = `${BILLS_URL}/appliedCustomerBillingRate`;
  const read = { access: BILL_READERS, scoped: true, answer: anything } as const;
  routes.add(
    { method: 'GET', url, summary: 'TMF678: lines of bills.', query: anyQuery, ...read },
    ({ query, principal, reply }) =>
      inTmfForm(reply, () => {
        const asked = readTmfQuery(query, RATE_ATTRIBUTES);
        return answerList(reply, asked, rateForms(ledger, asked, principal));
      }),
  );
  routes.add(
    {
      method: 'GET',
      url: `${url}/:id`,
      summary: 'TMF678: one line of a bill.',
      params: idParams,
      query: anyQuery,
      ...read,
    },
    ({ params, query, principal, reply }) =>
      inTmfForm(reply, async () => {
        const fields = fieldsOf(query['fields'], RATE_ATTRIBUTES);
        const [, id, line] = /^(.+)\.(\d{1,7})$/.exec(params.id) ?? [];
        const bill = await existing(ledger, id ?? params.id, principal);
        const found = (await ledger.lines(bill.id)).find((one) => one.line === Number(line));
        if (found === undefined) throw new WeirError('not_found', `There is no line ${params.id}.`, { id: params.id });
        return selected(rateForm(bill, found), fields);
      }),
  );
}

function addOnDemand(routes: DescribedRoutes, { ledger, clock, runBills }: Tmf678Deps): void {
  const url = `${BILLS_URL}/customerBillOnDemand`;
  const read = { access: BILL_READERS, scoped: true, answer: anything } as const;
  routes.add(
    { method: 'GET', url, summary: 'TMF678: bills on demand.', query: anyQuery, ...read },
    ({ query, principal, reply }) =>
      inTmfForm(reply, () => {
        const asked = readTmfQuery(query, ON_DEMAND_ATTRIBUTES);
        return answerList(reply, asked, onDemandForms(ledger, principal));
      }),
  );
  routes.add(
    {
      method: 'GET',
      url: `${url}/:id`,
      summary: 'TMF678: one bill on demand.',
      params: idParams,
      query: anyQuery,
      ...read,
    },
    ({ params, query, principal, reply }) =>
      inTmfForm(reply, async () => {
        const fields = fieldsOf(query['fields'], ON_DEMAND_ATTRIBUTES);
        const serial = /^\d{1,18}$/.test(params.id) ? BigInt(params.id) : -1n;
        const [found] = await ledger.billsOnDemand({ customers: customersSeen(principal), serial, limit: 1 });
        if (found === undefined)
          throw new WeirError('not_found', `There is no request ${params.id}.`, { id: params.id });
        return selected(onDemandForm(found), fields);
      }),
  );
  const text = z.string().max(500).optional();
  routes.add(
    {
      method: 'POST',
      url,
      access: MONEY_WRITERS,
      summary: 'TMF678: an interim bill of the running period of an account, now.',
      body: z.object({ billingAccount: z.object({ id: z.string().max(300) }), name: text, description: text }),
      answer: anything,
    },
    ({ body, principal, reply }) =>
      inTmfForm(reply, async () => {
        const account = body.billingAccount.id;
        const customer = (await ledger.book()).customers.get(account);
        if (customer === undefined) throw new WeirError('not_found', `There is no account ${account}.`, { account });
        const now = clock.now();
        const period = periodAt(now, customer.cycle, customer.zone).name;
        const by = principalOf(principal).name;
        const { accounts } = await runBills({ period, account, interim: true, accept: [], by });
        const { name = null, description = null } = body;
        const bill = accounts[0]?.bill ?? null;
        const made = await ledger.addBillOnDemand({ customer: account, name, description, bill, by, atMs: now });
        const form = onDemandForm(made);
        reply.status(201).header('location', String(form['href']));
        return form;
      }),
  );
}

async function* billPages(ledger: Ledger, account: string | null, principal: Principal | null): AsyncGenerator<Bill[]> {
  const customers = customersSeen(principal);
  let beforeSerial: bigint | undefined;
  for (;;) {
    const page = await ledger.bills({ customers, customer: account ?? undefined, beforeSerial, limit: PAGE });
    yield page;
    beforeSerial = page.at(-1)?.serial;
    if (page.length < PAGE) return;
  }
}

async function* billForms(ledger: Ledger, query: TmfQuery, principal: Principal | null): AsyncGenerator<Resource> {
  for await (const page of billPages(ledger, equals(query, 'billingAccount.id'), principal)) {
    const ids = page.map((bill) => bill.id);
    const [notes, payments] = [await ledger.creditNotesOfAll(ids), await ledger.payments.ofBills(ids)];
    for (const bill of page)
      yield customerBillForm(
        bill,
        notes.filter((note) => note.bill === bill.id),
        payments.filter((payment) => payment.bill === bill.id),
      );
  }
}

async function* rateForms(ledger: Ledger, query: TmfQuery, principal: Principal | null): AsyncGenerator<Resource> {
  const wanted = equals(query, 'bill.id');
  if (wanted !== null) {
    const bill = await ledger.bill(wanted, customersSeen(principal));
    for (const line of bill === null ? [] : await ledger.lines(bill.id)) if (bill !== null) yield rateForm(bill, line);
    return;
  }
  for await (const page of billPages(ledger, equals(query, 'billingAccount.id'), principal))
    for (const bill of page) for (const line of await ledger.lines(bill.id)) yield rateForm(bill, line);
}

async function* onDemandForms(ledger: Ledger, principal: Principal | null): AsyncGenerator<Resource> {
  const customers = customersSeen(principal);
  let before: bigint | undefined;
  for (;;) {
    const page = await ledger.billsOnDemand({ customers, ...(before === undefined ? {} : { before }), limit: PAGE });
    for (const one of page) yield onDemandForm(one);
    before = page.at(-1)?.serial;
    if (page.length < PAGE) return;
  }
}

/** One bill as TMF678 has it. */
export async function customerBill(ledger: Ledger, bill: Bill): Promise<Resource> {
  return customerBillForm(bill, await ledger.creditNotesOf(bill.id), await ledger.payments.ofBill(bill.id));
}

function onDemandForm({ serial, customer, name, description, bill, atMs }: BillOnDemand): Resource {
  const id = serial.toString();
  return {
    id,
    href: `${BILLS_URL}/customerBillOnDemand/${id}`,
    ...(name === null ? {} : { name }),
    ...(description === null ? {} : { description }),
    lastUpdate: isoTime(atMs),
    state: bill === null ? 'rejected' : 'done',
    billingAccount: { id: customer, '@type': 'BillingAccountRef', '@referredType': 'BillingAccount' },
    ...(bill === null
      ? {}
      : {
          customerBill: {
            id: bill,
            href: `${BILLS_URL}/customerBill/${encodeURIComponent(bill)}`,
            '@type': 'BillRef',
            '@referredType': 'CustomerBill',
          },
        }),
    '@type': 'CustomerBillOnDemand',
  };
}
