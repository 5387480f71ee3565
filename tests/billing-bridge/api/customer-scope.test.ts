// A token whose scope names customers: of the bridge it sees their rows and nobody else's, page by page and one by one.
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import { twoCustomers } from '../../support/two-customers.ts';

interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

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

async function answer(url: string, token: string): Promise<{ status: number; code: string | null; text: string }> {
  const got = await api.inject({ url: `/billing/v1/${url}`, headers: { authorization: `Bearer ${token}` } });
  const code = got.statusCode < 400 ? null : got.json<{ error: { code: string } }>().error.code;
  return { status: got.statusCode, code, text: got.body };
}

async function ask<T>(url: string, token: string): Promise<T> {
  const { status, text } = await answer(url, token);
  expect(`${status} ${text}`).toMatch(/^200/);
  return JSON.parse(text) as T;
}

describe.for(['care', 'billing', 'administrator'])('%s of acme', (role) => {
  const mine = `${role}@customers=acme`;

  test('lists hold rows of acme alone', async () => {
    expect((await ask<Page<object>>('customers', mine)).items).toMatchObject([{ id: 'acme' }]);
    expect((await ask<Page<object>>('services', mine)).items).toMatchObject([{ id: 'acme-port' }]);
    expect((await ask<Page<object>>('bills', mine)).items).toMatchObject([{ id: 'acme-2026-11' }]);
    const charges = await ask<Page<{ customer: string }>>('charges?versions=all&limit=1000', mine);
    expect(new Set(charges.items.map(({ customer }) => customer))).toEqual(new Set(['acme']));
    const meters = await ask<Page<{ interfaceKey: string }>>('meters', mine);
    expect(meters.items.map(({ interfaceKey }) => interfaceKey)).toEqual(['ge-0', 'ge-0']);
  });

  test('usage of a port that changed hands is theirs for as long as they held it', async () => {
    const meters = new Map(
      (await ask<Page<{ id: number; interfaceKey: string }>>('meters', 'viewer')).items.map((one) => [one.id, one]),
    );
    const told = await ask<Page<{ meter: number; bucketStart: string }>>('usage?limit=1000', mine);
    const hours = (name: string): string[] =>
      told.items
        .filter(({ meter }) => meters.get(meter)?.interfaceKey === name)
        .map(({ bucketStart }) => bucketStart.slice(11, 13));
    expect(hours('ge-0')).toEqual(['00', '11', '12', '13', '00', '11', '12', '13']);
    expect(hours('shared')).toEqual(['00', '11', '00', '11']);
    expect([...hours('ge-1'), ...hours('stray')]).toEqual([]);
    expect((await ask<Page<object>>('usage?device=sw1&interface=ge-1', mine)).items).toEqual([]);
  });

  test('asked for bolt, a list is empty and a single thing is not there, as if there were none', async () => {
    const [foreign] = (await ask<Page<{ id: string }>>('charges?customer=bolt&limit=1', 'billing')).items;
    for (const list of ['services?customer=bolt', 'bills?customer=bolt', 'charges?customer=bolt'])
      expect((await ask<Page<object>>(list, mine)).items).toEqual([]);
    for (const one of ['bills/bolt-2026-11', `charges/${foreign?.id}`, 'bills/preview?customer=bolt'])
      expect(await answer(one, mine)).toMatchObject({ status: 404, code: 'not_found' });
    expect((await answer('bills/bolt-2026-11', mine)).text.replaceAll('bolt', 'x')).toBe(
      (await answer('bills/none-2026-11', mine)).text.replaceAll('none', 'x'),
    );
  });

  test('one of its own is told, without the ports of others that a gate found', async () => {
    const bill = await ask<{ gates: { name: string; findings: object[] }[] }>('bills/acme-2026-11', mine);
    expect(bill.gates.flatMap(({ findings }) => findings)).toEqual([]);
    expect(await ask('bills/preview?customer=acme', mine)).toMatchObject({ customer: 'acme' });
  });

  test('what is of all customers is refused with its reason', async () => {
    const span = 'from=2026-11-01T00:00:00Z&to=2026-11-01T01:00:00Z';
    for (const place of ['overview', 'bill-runs', 'price-plans', 'feed', 'schedules', `reconciliation?${span}`]) {
      const { status, code } = await answer(place, mine);
      expect([place, status, role === 'care' ? 'forbidden' : 'scope_too_narrow']).toEqual([place, 403, code]);
    }
  });
});

test('evidence of a charge: of their own, and not of others', async () => {
  const [own] = (await ask<Page<{ id: string }>>('charges?customer=acme&limit=1', 'billing')).items;
  const [foreign] = (await ask<Page<{ id: string }>>('charges?customer=bolt&limit=1', 'billing')).items;
  const mine = 'billing@customers=acme';
  expect((await answer(`charges/${own?.id}/evidence`, mine)).status).toBe(200);
  expect((await answer('bills/acme-2026-11/lines/1/evidence', mine)).status).toBe(200);
  expect((await answer(`charges/${foreign?.id}/evidence`, mine)).status).toBe(404);
  expect((await answer('bills/bolt-2026-11/lines/1/evidence', mine)).status).toBe(404);
});

test('pages of a scope meet without a gap', async () => {
  const found: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: Page<{ id: string }> = await ask(
      `charges?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`,
      'care@customers=acme',
    );
    found.push(...page.items.map(({ id }) => id));
    cursor = page.next;
  }
  const all = await ask<Page<{ id: string }>>('charges?customer=acme&limit=1000', 'billing');
  expect(found).toEqual(all.items.map(({ id }) => id));
});

test('several customers are a union; one that does not exist adds nothing', async () => {
  const bills = await ask<Page<object>>('bills', 'care@customers=acme,bolt,nobody');
  expect(bills.items).toHaveLength(2);
  expect((await ask<Page<object>>('bills', 'care@customers=nobody')).items).toEqual([]);
});

test('a scope of sites alone is refused, which no empty list could say', async () => {
  for (const place of ['customers', 'services', 'bills', 'charges', 'usage', 'meters', 'bills/preview?customer=acme'])
    expect(await answer(place, 'billing@sites=north')).toMatchObject({ status: 403, code: 'scope_too_narrow' });
  expect((await answer('bills', 'billing@sites=north')).text).toContain('names no customer');
});

test('nothing is changed under a scope', async () => {
  const bill = { url: '/billing/v1/bills/acme-2026-11/state', payload: { state: 'sent' } };
  const run = { url: '/billing/v1/bill-runs', payload: { period: '2026-11', account: 'acme' } };
  const work = { url: '/billing/v1/schedules/mediate/run', payload: {} };
  for (const asked of [bill, run, work]) {
    const headers = { authorization: 'Bearer administrator@customers=acme' };
    const got = await api.inject({ method: 'POST', headers, ...asked });
    expect([got.statusCode, got.json<{ error: { code: string } }>().error.code]).toEqual([403, 'scope_too_narrow']);
  }
});
