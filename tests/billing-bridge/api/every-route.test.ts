// Every route that the bridge really has, with every role and with scopes of another customer and of a site: who may is a table.
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Role, ROLES } from '../../../common/runtime/access.ts';
import { RouteTable } from '../../support/route-table.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import { twoCustomers } from '../../support/two-customers.ts';

const MONEY: readonly Role[] = ['billing'];
const BILLS: readonly Role[] = ['care', 'billing'];
const CUSTOMERS: readonly Role[] = ['operator', 'care', 'billing'];
const USAGE: readonly Role[] = ['viewer', 'operator', 'care', 'billing'];
const EVERYBODY: readonly Role[] = ['viewer', 'operator', 'care', 'billing', 'bridge'];

/** What a scope of another customer gets: its own rows, a bare list of them, no answer about this thing (404), the same as everybody, or a refusal. */
type Scoped = 'rows' | 'list' | 'absent' | 'same' | 'refused';

/** Of each route: who may beside an administrator, and what becomes of a scope. A route that is missing fails the test. */
const TABLE: Readonly<Record<string, readonly [roles: readonly Role[], scoped: Scoped]>> = {
  'GET /billing/v1/customers': [CUSTOMERS, 'rows'],
  'GET /billing/v1/customers/:id/summary': [BILLS, 'absent'],
  'GET /billing/v1/services': [CUSTOMERS, 'rows'],
  'GET /billing/v1/meters': [USAGE, 'rows'],
  'GET /billing/v1/usage': [USAGE, 'rows'],
  'GET /billing/v1/charges': [BILLS, 'rows'],
  'GET /billing/v1/charges/:id': [BILLS, 'absent'],
  'GET /billing/v1/charges/:id/evidence': [MONEY, 'absent'],
  'GET /billing/v1/bills': [BILLS, 'rows'],
  'GET /billing/v1/bills/:id': [BILLS, 'absent'],
  'GET /billing/v1/bills/:id/credit-notes/:number/document': [BILLS, 'absent'],
  'GET /billing/v1/bills/:id/document': [BILLS, 'absent'],
  'GET /billing/v1/bills/:id/lines/:line/evidence': [MONEY, 'absent'],
  'GET /billing/v1/bills/preview': [BILLS, 'absent'],
  'GET /billing/v1/credit-notes': [BILLS, 'rows'],
  'GET /billing/v1/openapi.json': [EVERYBODY, 'same'],
  'GET /billing/v1/bill-runs': [MONEY, 'refused'],
  'GET /billing/v1/bill-runs/held': [MONEY, 'refused'],
  'GET /billing/v1/bill-runs/running': [MONEY, 'refused'],
  'GET /billing/v1/price-plans': [MONEY, 'refused'],
  'GET /billing/v1/feed': [['bridge', 'billing'], 'refused'],
  'GET /billing/v1/failing-channels': [['bridge', 'billing'], 'refused'],
  'GET /billing/v1/overview': [MONEY, 'refused'],
  'GET /billing/v1/reconciliation': [MONEY, 'refused'],
  'GET /billing/v1/quota-events': [CUSTOMERS, 'rows'],
  'GET /billing/v1/final-records': [BILLS, 'rows'],
  'POST /billing/v1/services/:id/rebinding': [MONEY, 'refused'],
  'GET /billing/v1/schedules': [['operator', 'billing'], 'refused'],
  'GET /billing/v1/suspense': [['viewer', 'operator', 'billing'], 'refused'],
  'GET /billing/v1/dead-letters': [['operator', 'billing'], 'refused'],
  'POST /billing/v1/dead-letters/:id/retry': [['operator', 'billing'], 'refused'],
  'GET /billing/v1/suspense/released': [['viewer', 'operator', 'billing'], 'refused'],
  'POST /billing/v1/suspense/release': [MONEY, 'refused'],
  'GET /billing/v1/customers/:id/usage-links': [BILLS, 'absent'],
  'POST /billing/v1/customers/:id/usage-links': [MONEY, 'refused'],
  'DELETE /billing/v1/usage-links/:id': [MONEY, 'refused'],
  'GET /billing/v1/payments': [BILLS, 'rows'],
  'POST /billing/v1/bills/:id/payments': [MONEY, 'refused'],
  'POST /billing/v1/payments/:id/reversal': [MONEY, 'refused'],
  'GET /billing/v1/messages': [BILLS, 'rows'],
  'POST /billing/v1/messages/:id/retry': [MONEY, 'refused'],
  'POST /billing/v1/bills/:id/mail': [MONEY, 'refused'],
  'GET /metrics': [['viewer', 'operator'], 'refused'],
  'GET /tmf-api/customerBillManagement/v4/appliedCustomerBillingRate': [BILLS, 'list'],
  'GET /tmf-api/customerBillManagement/v4/appliedCustomerBillingRate/:id': [BILLS, 'absent'],
  'GET /tmf-api/customerBillManagement/v4/customerBill': [BILLS, 'list'],
  'GET /tmf-api/customerBillManagement/v4/customerBill/:id': [BILLS, 'absent'],
  'GET /tmf-api/customerBillManagement/v4/customerBillOnDemand': [BILLS, 'list'],
  'GET /tmf-api/customerBillManagement/v4/customerBillOnDemand/:id': [BILLS, 'absent'],
  'GET /tmf-api/usageManagement/v4/usage': [BILLS, 'list'],
  'GET /tmf-api/usageManagement/v4/usage/:id': [BILLS, 'absent'],
  'GET /tmf-api/usageManagement/v4/usageSpecification': [BILLS, 'same'],
  'GET /tmf-api/usageManagement/v4/usageSpecification/:id': [BILLS, 'same'],
  'PATCH /tmf-api/customerBillManagement/v4/customerBill/:id': [MONEY, 'refused'],
  'POST /tmf-api/customerBillManagement/v4/customerBillOnDemand': [MONEY, 'refused'],
  'POST /billing/v1/quotes': [MONEY, 'refused'],
  'POST /tmf-api/customerBillManagement/v4/hub': [MONEY, 'refused'],
  'DELETE /tmf-api/customerBillManagement/v4/hub/:id': [MONEY, 'refused'],
  'POST /billing/v1/bill-runs': [MONEY, 'refused'],
  'POST /billing/v1/bills/:id/credit-notes': [MONEY, 'refused'],
  'POST /billing/v1/bills/:id/state': [MONEY, 'refused'],
  'POST /billing/v1/schedules/:name/run': [['operator', 'billing'], 'refused'],
};
/** They ask for the code of a link instead of a token (tests/billing-bridge/link). */
const LINKS = ['', '/bills/:id', '/page.css'].map((page) => `GET /billing/link/:code${page}`);
/** They tell whether it lives. */
const OPEN: readonly string[] = ['GET /healthz', 'GET /readyz', ...LINKS];

/** What only acme has: itself, its service, its plan, and the port that it alone holds. */
const FOREIGN = /acme|ge-0/i;

let server: TestDatabase;
let api: FastifyInstance;
let routes: readonly string[];
let charge = '';

beforeAll(async () => {
  server = await startTestDatabase();
  const table = new RouteTable();
  table.watch();
  ({ api } = await twoCustomers(server.database));
  routes = table.done();
  const { json } = await ask('GET', '/billing/v1/charges?customer=acme&limit=1', 'billing');
  charge = json<{ items: { id: string }[] }>().items[0]?.id ?? '';
}, 60_000);
afterAll(async () => {
  await api.close();
  await server.stop();
});

function ask(method: string, url: string, token: string | null) {
  return api.inject({
    method: method === 'POST' || method === 'PATCH' || method === 'DELETE' ? method : 'GET',
    url,
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
    // Of no form that a route takes: who may not is refused before it is looked at, who may changes nothing.
    ...(method === 'GET' ? {} : { payload: { nothing: 'of the kind' } }),
  });
}

/** The route, where it is about one thing about one of acme. */
function asked(route: string, token: string | null) {
  const [method = '', place = ''] = route.split(' ');
  const ids: [string, string][] = [
    ['/charges/', charge],
    ['/usage/', charge],
    ['/customers/', 'acme'],
    ['/usageSpecification/', 'per_unit'],
    ['/customerBillOnDemand/', '1'],
    ['/appliedCustomerBillingRate/', 'acme-2026-11.1'],
  ];
  const id = ids.find(([part]) => place.includes(part))?.[1] ?? 'acme-2026-11';
  const queries: Readonly<Record<string, string>> = {
    '/billing/v1/bills/preview': '?customer=acme',
    '/billing/v1/reconciliation': '?from=2026-11-01T00:00:00Z&to=2026-11-01T01:00:00Z',
  };
  const url = place
    .replace(':id', id)
    .replace(':line', '1')
    .replace(':number', 'CN-2026-000001')
    .replace(':name', 'mediate');
  return ask(method, `${url}${queries[place] ?? ''}`, token);
}

test('the table knows every route, and no other', () => {
  expect(Object.keys(TABLE).concat(OPEN).toSorted()).toEqual(routes);
});

test.for(Object.entries(TABLE))(
  '%s: each role as the table says, and nobody without a token',
  async ([route, [roles]]) => {
    for (const token of [null, 'nobody']) expect((await asked(route, token)).statusCode).toBe(401);
    for (const role of ROLES) {
      const { statusCode } = await asked(route, role);
      const may = roles.includes(role) || role === 'administrator';
      const expected = !may ? 403 : !route.startsWith('GET') ? 400 : 200;
      expect(`${role} ${statusCode}`).toBe(`${role} ${expected}`);
    }
  },
);

test.for(Object.entries(TABLE))('%s: a scope of bolt hears nothing of acme', async ([route, [roles, scoped]]) => {
  for (const role of ROLES) {
    if (!roles.includes(role) && role !== 'administrator') continue;
    const { statusCode, body } = await asked(route, `${role}@customers=bolt`);
    const expected = { rows: 200, list: 200, same: 200, absent: 404, refused: 403 }[scoped];
    expect(`${role} ${statusCode}`).toBe(`${role} ${expected}`);
    if (scoped === 'refused') expect(body).toContain('scope_too_narrow');
    if (scoped !== 'rows' && scoped !== 'list') continue;
    const parsed = JSON.parse(body) as { items: unknown[] } | unknown[];
    expect(Array.isArray(parsed) ? parsed : parsed.items).not.toEqual([]);
    expect(body).not.toMatch(FOREIGN);
  }
});

test.for(Object.entries(TABLE))('%s: a scope of sites alone is refused', async ([route, [roles, scoped]]) => {
  for (const role of ROLES) {
    if (!roles.includes(role) && role !== 'administrator') continue;
    const { statusCode, body } = await asked(route, `${role}@sites=north`);
    expect(`${role} ${statusCode}`).toBe(`${role} ${scoped === 'same' ? 200 : 403}`);
    if (scoped !== 'same') expect(body).toContain('scope_too_narrow');
  }
});
