// A customer's own link: shows that customer's usage and bills and nothing of anybody else, until it ends or is taken back.
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FAILED_SIGN_INS_PER_MINUTE } from '../../../common/http/sign-in-guard.ts';
import { usagePage } from '../../../billing-bridge/link/usage-page.ts';
import type { LedgerFixture } from '../../support/ledger-fixture.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import { twoCustomers } from '../../support/two-customers.ts';

const DAY = 86_400_000;
const URL = '/billing/v1/customers/acme/usage-links';

let server: TestDatabase;
let fixture: LedgerFixture;
let api: FastifyInstance;
beforeAll(async () => {
  server = await startTestDatabase();
  ({ ledger: fixture, api } = await twoCustomers(server.database));
}, 60_000);
afterAll(async () => {
  await api.close();
  await server.stop();
});

async function ask(method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object, token = 'billing') {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await api.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
  return { status: answer.statusCode, body: answer.json<Record<string, unknown>>() };
}

/** As a browser without anything else. */
const open = (url: string, headers: Record<string, string> = {}) => api.inject({ url, headers });

async function made(days = 30): Promise<{ id: string; link: string }> {
  const { body } = await ask('POST', URL, { days, note: 'for the portal' });
  return { id: String(body['id']), link: String(body['link']) };
}

test('shows usage, what it costs so far and the bills of its customer; the bill is the PDF', async () => {
  const { link } = await made();
  const page = await open(link);
  expect([page.statusCode, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
  expect(page.headers['content-security-policy']).toContain("default-src 'none'");
  expect(page.body).toContain('<h1>Acme</h1>');
  expect(page.body).toContain('2026-000001');
  expect(page.body).not.toMatch(/bolt/i);
  expect((await open(`${link}/page.css`)).headers['content-type']).toContain('text/css');
  const bill = await open(`${link}/bills/acme-2026-11`);
  expect([bill.statusCode, bill.body.slice(0, 5)]).toEqual([200, '%PDF-']);
});

test('opens nothing of another customer, and nothing else', async () => {
  const { link } = await made();
  const code = link.split('/').pop() ?? '';
  expect((await open(`${link}/bills/bolt-2026-11`)).statusCode).toBe(404);
  expect((await open(`${link}/bills/nothing`)).statusCode).toBe(404);
  for (const url of ['/billing/v1/bills', '/billing/v1/customers', URL])
    for (const headers of [{ authorization: `Bearer ${code}` }, { cookie: `weir_session=${code}` }])
      expect((await open(url, headers)).statusCode).toBe(401);
});

test('is refused once it ended or was taken back, at once, and is listed with who made it, without its code', async () => {
  const { id, link } = await made();
  expect((await open(link)).statusCode).toBe(200);
  const listed = await ask('GET', URL, undefined, 'care@customers=acme');
  const items = listed.body['items'] as Record<string, unknown>[];
  expect(items.find((one) => one['id'] === id)).toMatchObject({
    note: 'for the portal',
    createdBy: 'a billing',
    revokedAt: null,
  });
  expect(JSON.stringify(listed.body)).not.toContain(link.split('/').pop());
  expect((await ask('DELETE', `/billing/v1/usage-links/${id}`)).status).toBe(200);
  const gone = await open(link);
  expect([gone.statusCode, gone.json()]).toMatchObject([404, { error: { code: 'usage_link_unknown' } }]);
  expect((await ask('DELETE', `/billing/v1/usage-links/${id}`)).status).toBe(200);
  const short = await made(1);
  await fixture.clock.advance(DAY);
  expect((await open(short.link)).statusCode).toBe(404);
  const { rows } = await server.database.query<{ action: string }>(
    `select action from access.audit where subject = $1 order by id`,
    [`usage_link/${id}`],
  );
  expect(rows.map((row) => row.action)).toEqual(['usage_link.create', 'usage_link.revoke']);
});

test('a code is not guessed: what is none is not looked up, and who tries many is held off', async () => {
  const wrong = 'A'.repeat(43);
  expect((await open('/billing/link/short')).statusCode).toBe(404);
  expect((await open(`/billing/link/${wrong}`)).statusCode).toBe(404);
  let status = 0;
  for (let tries = 0; tries < FAILED_SIGN_INS_PER_MINUTE && status !== 429; tries += 1)
    status = (await open(`/billing/link/${wrong.slice(3)}${String(tries).padStart(3, '0')}`)).statusCode;
  expect(status).toBe(429);
  // A customer who comes through the same collector is another, and only a collector beside the bridge is believed.
  const { link } = await made();
  const forwarded = { 'x-forwarded-for': '192.0.2.7' };
  expect((await open(link)).statusCode).toBe(429);
  expect((await api.inject({ url: link, headers: forwarded, remoteAddress: '192.0.2.1' })).statusCode).toBe(200);
  for (let tries = 0; tries <= FAILED_SIGN_INS_PER_MINUTE; tries += 1)
    await api.inject({ url: `/billing/link/${wrong}`, headers: forwarded, remoteAddress: '192.0.2.1' });
  expect((await open((await made()).link, forwarded)).statusCode).toBe(200);
});

test('a customer has a bound of links; one that is not there has none', async () => {
  expect((await ask('POST', '/billing/v1/customers/nobody/usage-links', {})).status).toBe(404);
  expect((await ask('POST', URL, { days: 731 })).status).toBe(400);
  await server.database.query(
    `insert into billing.usage_link (hash, id, customer, note, created_by, created_at_ms, expires_at_ms)
     select sha256(n::text::bytea), n::text, 'acme', '', 'test', 0, 9000000000000 from generate_series(1, 100) n`,
  );
  expect(await ask('POST', URL, {})).toMatchObject({ status: 409, body: { error: { code: 'usage_links_full' } } });
});

test('what a name says is never part of the page', () => {
  const days = [{ date: '2026-11-01', in: '18446744073709551616', out: '0' }];
  const page = usagePage(
    {
      customer: 'a',
      name: '<script>alert("1")</script>',
      period: { name: '2026-11', cycle: 'month', zone: 'UTC', from: '', to: '' },
      until: '2026-11-02T00:00:00.000Z',
      currency: 'EUR',
      total: '1.00',
      watermark: 'DEMO',
      services: [{ id: 's', name: "'><b>", in: '18446744073709551616', out: '0', days }],
      bills: [],
    },
    '/billing/link/c',
  );
  expect(page).not.toMatch(/<script|<b>/);
  expect(page).toContain('DEMO: this is not a real bill.');
  expect(page).toContain('18446.74 PB');
  expect(page).toContain('height="160"');
});
