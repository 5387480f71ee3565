// TMF678 and TMF635 against the specifications themselves: every reading operation, filters, fields, pages, PATCH, and bills on demand.
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BILL_ATTRIBUTES, RATE_ATTRIBUTES } from '../../../billing-bridge/api/tmf/customer-bill-form.ts';
import { SPECIFICATION_ATTRIBUTES, USAGE_ATTRIBUTES } from '../../../billing-bridge/api/tmf/usage-form.ts';
import { describeWith } from '../../support/requirements.ts';
import { SwaggerContract } from '../../support/swagger-contract.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import { twoCustomers } from '../../support/two-customers.ts';

const bills = new SwaggerContract('TMF678/TMF678-CustomerBill-v4.0.0.swagger.json');
const usage = new SwaggerContract('TMF635/TMF635-UsageManagement-v4.0.0.swagger.json');

let server: TestDatabase;
let api: FastifyInstance;
beforeAll(async () => {
  server = await startTestDatabase();
  ({ api } = await twoCustomers(server.database));
}, 60_000);
afterAll(async () => {
  await api.close();
  await server.stop();
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

async function ask(
  url: string,
  more: { method?: 'PATCH' | 'POST'; payload?: object; type?: string; token?: string } = {},
): Promise<Answer> {
  const response = await api.inject({
    method: more.method ?? 'GET',
    url,
    headers: { authorization: `Bearer ${more.token ?? 'billing'}`, 'content-type': more.type ?? 'application/json' },
    ...(more.payload === undefined ? {} : { payload: JSON.stringify(more.payload) }),
  });
  return { status: response.statusCode, headers: response.headers, body: JSON.parse(response.body) };
}

async function list(url: string): Promise<Record<string, unknown>[]> {
  const { status, body } = await ask(url);
  expect(`${url} ${status}`).toBe(`${url} ${status === 206 ? 206 : 200}`);
  return body as Record<string, unknown>[];
}

const RESOURCES = [
  [bills, 'customerBill', 'CustomerBill', BILL_ATTRIBUTES],
  [bills, 'appliedCustomerBillingRate', 'AppliedCustomerBillingRate', RATE_ATTRIBUTES],
  [bills, 'customerBillOnDemand', 'CustomerBillOnDemand', null],
  [usage, 'usage', 'Usage', USAGE_ATTRIBUTES],
  [usage, 'usageSpecification', 'UsageSpecification', SPECIFICATION_ATTRIBUTES],
] as const;

describeWith('corpus', 'as the specifications say', () => {
  describe.each(
    RESOURCES.map(([contract, resource, definition, attributes]) => ({ resource, contract, definition, attributes })),
  )('$resource', ({ contract, resource, definition, attributes }) => {
    const url = `${contract.basePath}/${resource}`;

    test('is a path of the specification; lists and single resources are as it says', async () => {
      expect(contract.paths[`/${resource}`]).toHaveProperty('get');
      const all = await list(url);
      expect(all.length).toBeGreaterThan(0);
      for (const one of all.slice(0, 20)) {
        expect(contract.faults(definition, one)).toEqual([]);
        expect((await ask(`${url}/${String(one['id'])}`)).body).toEqual(one);
        expect(String(one['href'])).toBe(`${url}/${String(one['id'])}`);
      }
    });

    test('knows every attribute of the specification and no other', () => {
      if (attributes !== null) expect([...attributes].toSorted()).toEqual(contract.attributesOf(definition).toSorted());
    });

    test('fields, offset and limit', async () => {
      const all = await list(url);
      const short = await list(`${url}?fields=href&limit=1&offset=${all.length - 1}`);
      expect(short).toHaveLength(1);
      expect(short[0]?.['id']).toBe(all.at(-1)?.['id']);
      expect(Object.keys(short[0] ?? {}).filter((name) => !['id', 'href', '@type'].includes(name))).toEqual([]);
      const page = await ask(`${url}?limit=1`);
      expect(page.status).toBe(all.length > 1 ? 206 : 200);
      expect([page.headers['x-total-count'], page.headers['x-result-count']]).toEqual([String(all.length), '1']);
      expect(await list(`${url}?offset=${all.length}`)).toEqual([]);
    });

    test('what it does not know is refused, in the form of the specification', async () => {
      for (const wrong of [
        `${url}?nonsense=1`,
        `${url}?fields=nonsense`,
        `${url}?limit=-1`,
        `${url}/nothing-of-the-kind`,
      ]) {
        const { status, body } = await ask(wrong);
        expect(`${wrong} ${status}`).toBe(`${wrong} ${wrong.includes('?') ? 400 : 404}`);
        expect(contract.faults('Error', body)).toEqual([]);
      }
    });
  });

  describe('filters', () => {
    const url = `${bills.basePath}/customerBill`;
    test.each([
      ['billingAccount.id=acme', ['acme-2026-11']],
      ['relatedParty.id=bolt', ['bolt-2026-11']],
      ['id=acme-2026-11,bolt-2026-11', ['acme-2026-11', 'bolt-2026-11']],
      ['state=new', []],
      ['state=validated&category=normal&billingAccount.name=Acme', ['acme-2026-11']],
      ['taxIncludedAmount.value.gt=1000000', []],
      ['taxIncludedAmount.value.gte=0', ['acme-2026-11', 'bolt-2026-11']],
      ['billDate.gt=2026-12-01T02:00:00%2B02:00', ['acme-2026-11', 'bolt-2026-11']],
      ['billDate.lt=2026-11-30T00:00:00Z', []],
      ['billingAccount.id.ne=acme', ['bolt-2026-11']],
    ])('customerBill?%s', async (query, expected) => {
      expect((await list(`${url}?${query}`)).map((one) => String(one['id'])).toSorted()).toEqual(expected);
    });

    test('lines of one bill; usage of one customer in a time', async () => {
      const lines = await list(`${bills.basePath}/appliedCustomerBillingRate?bill.id=acme-2026-11`);
      expect(lines.map((one) => one['id'])).toEqual(['acme-2026-11.1', 'acme-2026-11.2']);
      const rated = `${usage.basePath}/usage?relatedParty.id=acme&usageType=per_unit`;
      const all = await list(rated);
      const until = await list(`${rated}&usageDate.gte=2026-11-01T00:00:00Z&usageDate.lt=2026-11-01T11:00:00Z`);
      expect([all.length > until.length, until.map((one) => one['usageDate'])]).toEqual([
        true,
        ['2026-11-01T00:00:00.000Z'],
      ]);
      expect(until[0]).toMatchObject({ status: 'billed', ratedProductUsage: [{ isBilled: true }] });
    });

    test('a token of one customer is told of nobody else', async () => {
      for (const [contract, resource] of RESOURCES.filter(([, name]) => name !== 'usageSpecification')) {
        const { body } = await ask(`${contract.basePath}/${resource}`, { token: 'care@customers=bolt' });
        expect(JSON.stringify(body)).not.toMatch(/acme/i);
      }
    });
  });

  describe('a bill', () => {
    const url = `${bills.basePath}/customerBill/acme-2026-11`;

    test('has the amounts of the invoice, less what was given back', async () => {
      const { body } = await ask(url);
      const { body: own } = await ask('/billing/v1/bills/acme-2026-11');
      const { invoice, creditNotes } = own as {
        invoice: { net: string; gross: string; number: string };
        creditNotes: { gross: string }[];
      };
      const due = (Number(invoice.gross) * 100 - Number(creditNotes[0]?.gross) * 100) / 100;
      expect(body).toMatchObject({
        billNo: invoice.number,
        taxExcludedAmount: { unit: 'EUR', value: Number(invoice.net) },
        taxIncludedAmount: { unit: 'EUR', value: Number(invoice.gross) },
        amountDue: { unit: 'EUR', value: due },
        remainingAmount: { unit: 'EUR', value: due },
        taxItem: [{ taxCategory: 'standard', taxRate: 19 }],
      });
    });

    test('is patched in its state alone, by those who may, along the ways there are', async () => {
      const patch = (payload: object, type = 'application/merge-patch+json', token = 'billing') =>
        ask(url, { method: 'PATCH', payload, type, token });
      expect((await patch({ state: 'sent' }, undefined, 'care')).status).toBe(403);
      expect((await patch({ amountDue: { unit: 'EUR', value: 0 } })).status).toBe(400);
      const refused = await patch({ state: 'settled' });
      expect([refused.status, bills.faults('Error', refused.body)]).toEqual([409, []]);
      const sent = await patch({ state: 'sent' });
      expect([sent.status, bills.faults('CustomerBill', sent.body)]).toEqual([200, []]);
      expect((await patch({ state: 'settled' }, 'application/json')).body).toMatchObject({
        state: 'settled',
        remainingAmount: { value: 0 },
      });
      expect((await ask(url)).body).toMatchObject({ state: 'settled' });
      expect((await list(`${bills.basePath}/customerBill?state=settled`)).map((one) => one['id'])).toEqual([
        'acme-2026-11',
      ]);
    });
  });

  test('a bill on demand is an interim bill of the running period, or rejected where there is nothing', async () => {
    const url = `${bills.basePath}/customerBillOnDemand`;
    const made = await ask(url, { method: 'POST', payload: { billingAccount: { id: 'acme' }, name: 'a look' } });
    expect([made.status, bills.faults('CustomerBillOnDemand', made.body)]).toEqual([201, []]);
    expect(made.body).toMatchObject({ name: 'a look', state: 'rejected' });
    expect((await ask(String(made.headers['location']))).body).toEqual(made.body);
    const nobody = await ask(url, { method: 'POST', payload: { billingAccount: { id: 'nobody' } } });
    expect([nobody.status, bills.faults('Error', nobody.body)]).toEqual([404, []]);
  });
});
