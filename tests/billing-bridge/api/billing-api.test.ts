// The bridge's API over a real PostgreSQL: what it answers, to whom, and what it refuses; each answer is held against its documented form.
import type { FastifyInstance } from 'fastify';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Role, ROLES } from '../../../common/runtime/access.ts';
import { BUCKET_MS, LedgerFixture } from '../../support/ledger-fixture.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import { openApiFaults } from '../../support/openapi-check.ts';

const HOUR = 3_600_000;
const NOVEMBER = Date.parse('2026-11-01T00:00:00Z');
const DECEMBER = Date.parse('2026-12-01T00:00:00Z');

const CONTRACTS = {
  customers: [
    { id: 'acme', name: 'Acme', currency: 'EUR' },
    { id: 'bolt', name: 'Bolt', currency: 'USD' },
  ],
  price_plans: [
    {
      id: 'by-volume',
      currency: 'EUR',
      items: [
        { id: 'line', kind: 'flat', amount: '29.00' },
        { id: 'traffic', kind: 'per_unit', unit: 'MB', direction: 'sum', price: '0.0125' },
      ],
    },
    { id: 'flat', currency: 'USD', items: [{ id: 'line', kind: 'flat', amount: '5.00' }] },
  ],
  services: [
    {
      id: 'acme-port',
      customer: 'acme',
      plan: 'by-volume',
      from: '2026-11-01',
      service_level: 'gold',
      bindings: [{ device: 'sw1', interface: 'ge-0' }],
    },
    { id: 'bolt-line', customer: 'bolt', plan: 'flat', from: '2026-11-01' },
  ],
};

let server: TestDatabase;
let ledger: LedgerFixture;
let api: FastifyInstance;

beforeAll(async () => {
  server = await startTestDatabase();
});
afterAll(() => server.stop());

async function open(): Promise<void> {
  ledger = await LedgerFixture.make(server.database, NOVEMBER, { watermark: 'DEMO' });
  await ledger.apply(CONTRACTS);
  api = ledger.api();
}

/** Each test on a ledger of its own. */
function afresh(name: string, body: () => void): void {
  describe(name, () => {
    beforeEach(open);
    afterEach(() => api.close());
    body();
  });
}

/** Tests that write nothing, on one ledger. */
function together(name: string, body: () => void): void {
  describe(name, () => {
    beforeAll(open);
    afterAll(() => api.close());
    body();
  });
}

async function ask<T>(url: string, role: Role = 'billing'): Promise<T> {
  const answer = await api.inject({ url: `/billing/v1/${url}`, headers: { authorization: `Bearer ${role}` } });
  expect(`${answer.statusCode} ${answer.body}`).toMatch(/^200/);
  return answer.json<T>();
}

async function post(url: string, body: object, role: Role = 'billing'): Promise<{ status: number; body: unknown }> {
  const answer = await api.inject({
    method: 'POST',
    url: `/billing/v1/${url}`,
    headers: { authorization: `Bearer ${role}` },
    payload: body,
  });
  return { status: answer.statusCode, body: answer.json() };
}

async function refused(url: string, role: Role = 'billing'): Promise<unknown> {
  const answer = await api.inject({ url: `/billing/v1/${url}`, headers: { authorization: `Bearer ${role}` } });
  return [answer.statusCode, answer.json<{ error: { code: string } }>().error.code];
}

interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

async function all<T>(url: string, limit: number): Promise<T[]> {
  const items: T[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: Page<T> = await ask(
      `${url}${url.includes('?') ? '&' : '?'}limit=${limit}${cursor === '' ? '' : `&cursor=${cursor}`}`,
    );
    expect(page.items.length).toBeLessThanOrEqual(limit);
    items.push(...page.items);
    cursor = page.next;
  }
  return items;
}

/** November of acme: one port, a million octets in and two out in each of the first hours; charged. */
async function november(hours = 3): Promise<{ in: number; out: number }> {
  const port = ledger.usage.port('sw1', 'ge-0');
  for (let at = NOVEMBER; at < NOVEMBER + hours * HOUR; at += BUCKET_MS) {
    ledger.usage.add(port.in, at, 1_000_000n);
    ledger.usage.add(port.out, at, 2_000_000n);
  }
  ledger.usage.finish(DECEMBER);
  await ledger.clock.advance(DECEMBER - NOVEMBER + HOUR);
  await ledger.rate();
  return port;
}

afresh('contracts', () => {
  test('customers, services and price plans as they are kept', async () => {
    expect(await ask('customers')).toEqual({
      items: [
        { id: 'acme', name: 'Acme', currency: 'EUR', zone: 'UTC', cycle: 'month' },
        { id: 'bolt', name: 'Bolt', currency: 'USD', zone: 'UTC', cycle: 'month' },
      ],
      next: null,
    });
    expect(await ask('services?customer=acme')).toMatchObject({
      items: [
        {
          id: 'acme-port',
          customer: 'acme',
          from: '2026-11-01T00:00:00.000Z',
          to: null,
          plans: [{ plan: 'by-volume', from: '2026-11-01T00:00:00.000Z' }],
          bindings: [{ device: 'sw1', interfaceKey: 'ge-0', from: '2026-11-01T00:00:00.000Z', to: null }],
        },
      ],
    });
    await ledger.clock.advance(HOUR);
    const dearer = structuredClone(CONTRACTS);
    Object.assign(dearer.price_plans[1]?.items[0] ?? {}, { amount: '6.00' });
    await ledger.apply(dearer);
    const plans = await ask<Page<{ id: string; versions: object[] }>>('price-plans');
    expect(plans.items.map(({ id, versions }) => [id, versions.length])).toEqual([
      ['by-volume', 1],
      ['flat', 2],
    ]);
    expect(plans.items[1]?.versions[1]).toMatchObject({
      version: 2,
      validFrom: '2026-11-01T01:00:00.000Z',
      cancelled: false,
      terms: { items: [{ amount: '6.00' }] },
    });
  });

  test('applied twice, nothing changes: neither versions nor the feed', async () => {
    const first = await ask<{ version: string }>('feed', 'bridge');
    expect(await ledger.apply(CONTRACTS)).toBe(0);
    expect(await ask<{ version: string }>('feed', 'bridge')).toEqual(first);
  });

  test('pages meet without a gap', async () => {
    expect((await all<{ id: string }>('customers', 1)).map(({ id }) => id)).toEqual(['acme', 'bolt']);
  });
});

afresh('feed', () => {
  async function feed(tag?: string): Promise<{ status: number; tag: string; body: string }> {
    const answer = await api.inject({
      url: '/billing/v1/feed',
      headers: { authorization: 'Bearer bridge', ...(tag === undefined ? {} : { 'if-none-match': tag }) },
    });
    return { status: answer.statusCode, tag: String(answer.headers['etag']), body: answer.body };
  }

  test('is sent again only after a change of contracts or of money', async () => {
    const first = await feed();
    expect(first.status).toBe(200);
    expect(JSON.parse(first.body)).toMatchObject({
      items: [
        {
          service: 'acme-port',
          customer: { id: 'acme', name: 'Acme' },
          bindings: [{ device: 'sw1', interfaceKey: 'ge-0' }],
          serviceLevel: 'gold',
          running: {
            amount: '29.00',
            currency: 'EUR',
            periodStart: '2026-11-01T00:00:00.000Z',
            periodEnd: '2026-12-01T00:00:00.000Z',
          },
        },
        { service: 'bolt-line', serviceLevel: null, bindings: [], running: { amount: '5.00', currency: 'USD' } },
      ],
      next: null,
    });
    await ledger.clock.advance(60_000);
    const again = await feed(first.tag);
    expect([again.status, again.body, again.tag]).toEqual([304, '', first.tag]);
    ledger.usage.add(ledger.usage.port('sw1', 'ge-0').in, NOVEMBER, 1_000_000n);
    await ledger.clock.advance(60_000);
    const richer = await feed(first.tag);
    expect(richer.status).toBe(200);
    expect(JSON.parse(richer.body)).toMatchObject({ items: [{ running: { amount: '29.01' } }, {}] });
    await ledger.apply({ ...CONTRACTS, services: CONTRACTS.services.slice(0, 1) });
    await ledger.clock.advance(60_000);
    const shorter = await feed(richer.tag);
    expect(JSON.parse(shorter.body)).toMatchObject({ items: [{ service: 'acme-port' }] });
  });
});

afresh('usage', () => {
  test('meters say who holds their interface', async () => {
    const other = await LedgerFixture.make(server.database, NOVEMBER, {
      infrastructure: [{ device: 'sw1', interface: 'up-*', reason: 'uplink' }],
    });
    await other.apply(CONTRACTS);
    for (const name of ['ge-0', 'up-1', 'ge-9']) other.usage.port('sw1', name);
    const answer = await other.api().inject({
      url: '/billing/v1/meters?device=sw1',
      headers: { authorization: 'Bearer viewer' },
    });
    const nothing = { service: null, customer: null, reason: null };
    const { items } = answer.json<Page<object>>();
    expect(items).toHaveLength(6);
    expect(items[0]).toEqual({
      ...nothing,
      id: 1,
      device: 'sw1',
      interfaceKey: 'ge-0',
      class: 'octets',
      direction: 'in',
      state: 'billed',
      service: 'acme-port',
      customer: 'acme',
    });
    expect(items[2]).toMatchObject({ ...nothing, id: 3, state: 'infrastructure', reason: 'uplink' });
    expect(items[4]).toMatchObject({ ...nothing, id: 5, state: 'unassigned' });
    const unassigned = await other.api().inject({
      url: '/billing/v1/meters?state=unassigned&interface=ge-9',
      headers: { authorization: 'Bearer viewer' },
    });
    expect(unassigned.json<Page<{ id: number }>>().items.map(({ id }) => id)).toEqual([5, 6]);
  });

  test('usage by meter, by port, by time and by version', async () => {
    const port = ledger.usage.port('sw1', 'ge-0');
    const big = 2n ** 63n + 1n;
    for (let bucket = 0; bucket < 5; bucket += 1) ledger.usage.add(port.in, NOVEMBER + bucket * BUCKET_MS, big);
    ledger.usage.add(port.in, NOVEMBER, 7n);
    ledger.usage.add(port.out, NOVEMBER, 9n);
    const records = await all<{ bucketStart: string; version: number; octets: { good: string } }>(
      `usage?meter=${port.in}`,
      2,
    );
    expect(records.map(({ octets }) => octets.good)).toEqual(['7', ...Array.from({ length: 4 }, () => String(big))]);
    expect(records[0]).toMatchObject({
      bucketStart: '2026-11-01T00:00:00.000Z',
      version: 2,
      octets: { good: '7', wrapped: '0', gap: '0', suspended: '0' },
    });
    expect(
      await all(`usage?device=sw1&interface=ge-0&from=2026-11-01T00:00:00Z&to=2026-11-01T00:05:00Z`, 100),
    ).toHaveLength(2);
    expect(await all(`usage?meter=${port.in}&versions=all`, 100)).toHaveLength(6);
  });

  test('what is held back, with whom it belongs to', async () => {
    const port = ledger.usage.port('sw1', 'ge-0');
    const meter = { id: port.in, device: 'sw1', interfaceKey: 'ge-0', direction: 'in' as const };
    const [fromMs, toMs] = [NOVEMBER, NOVEMBER + BUCKET_MS];
    ledger.usage.suspended = [
      { meter, reason: 'implausible', end: null, fromMs, toMs, octets: '18446744073709551615' },
      { meter, reason: 'lost', end: 'restart', fromMs, toMs, octets: null },
    ];
    expect(await all('suspense', 1)).toMatchObject([
      { meter: port.in, reason: 'implausible', octets: '18446744073709551615', service: 'acme-port', customer: 'acme' },
      { estimatedValue: null, reason: 'lost', end: 'restart', octets: null, from: '2026-11-01T00:00:00.000Z' },
    ]);
  });
});

afresh('charges and their evidence', () => {
  test('a charge leads back to usage records and to the readings with their batch', async () => {
    const port = await november();
    const charges = await all<{ id: string; item: string; amount: string; windowStart: string }>(
      'charges?service=acme-port',
      2,
    );
    expect(charges.map(({ item }) => item).toSorted()).toEqual(['line', 'traffic', 'traffic', 'traffic']);
    const traffic = charges.find(({ item }) => item === 'traffic');
    // 12 buckets of 3 MB at 0.0125.
    expect(traffic?.amount).toBe('0.45');
    expect(await ask(`charges/${traffic?.id}`)).toMatchObject({
      status: 'rated',
      bills: [],
      working: { steps: [{ quantity: '36', price: '0.0125', amount: '0.45' }] },
    });
    const evidence = await ask<{ usage: { meter: number; records: object[]; readings: object[] }[] }>(
      `charges/${traffic?.id}/evidence?records=20`,
    );
    expect(evidence.usage.map(({ meter, records }) => [meter, records.length])).toEqual([
      [port.in, 12],
      [port.out, 8],
    ]);
    expect(evidence.usage[1]).toMatchObject({ recordsInAll: 12, readingsComplete: true });
    expect(evidence.usage[0]?.readings[0]).toMatchObject({ agent: 'agent-1', sequence: 7, batchSha256: 'ab' });
    const short = await ask<object>(`charges/${traffic?.id}/evidence?readings=false`);
    expect(JSON.stringify(short)).not.toContain('agent-1');
  });

  test('a collector that is away takes the readings with it and nothing else', async () => {
    await november(1);
    ledger.readings.away = true;
    const [charge] = (await all<{ id: string; item: string }>('charges', 10)).filter(({ item }) => item === 'traffic');
    expect(await ask(`charges/${charge?.id}/evidence`)).toMatchObject({
      usage: [
        {
          recordsInAll: 12,
          readings: null,
          readingsProblem: 'The collector does not answer. [collector_unreachable]',
        },
        {},
      ],
    });
  });

  test('by customer, time and version', async () => {
    const port = await november();
    ledger.usage.add(port.in, NOVEMBER, 5_000_000n);
    await ledger.rate();
    expect(await all('charges?customer=bolt', 10)).toHaveLength(1);
    const hour = 'from=2026-11-01T00:00:00Z&to=2026-11-01T01:00:00Z';
    const newest = await all<{ item: string; version: number }>(`charges?customer=acme&${hour}`, 10);
    expect(newest.map(({ item, version }) => `${item} ${version}`)).toEqual(['traffic 2', 'line 1']);
    expect(await all(`charges?customer=acme&${hour}&versions=all`, 10)).toHaveLength(3);
  });

  test('overview: the newest charge back to its readings, in the shape of the first page', async () => {
    await november(1);
    const port = ledger.usage.port('sw2', 'ge-7');
    ledger.usage.add(port.in, DECEMBER, 2n ** 64n);
    ledger.usage.add(port.out, DECEMBER, 4n);
    const overview = await ask<{ latest: { usage: object[]; readings: { meter: number }[] } }>('overview');
    expect(overview).toMatchObject({
      usageRecords: '26',
      charges: '3',
      watermark: 'DEMO',
      customers: [
        { id: 'acme', name: 'Acme', currency: 'EUR', running: '29.00' },
        { id: 'bolt', name: 'Bolt', currency: 'USD', running: '5.00' },
      ],
      running: [
        { currency: 'EUR', total: '29.00', customers: 1 },
        { currency: 'USD', total: '5.00', customers: 1 },
      ],
      unassigned: [{ device: 'sw2', interface: 'ge-7', octets: String(2n ** 64n + 4n) }],
      latest: {
        charge: { service: 'acme-port', item: 'traffic', quantity: '36', unit: 'MB', amount: '0.45', currency: 'EUR' },
      },
    });
    expect(overview.latest.usage[0]).toEqual({
      meter: 1,
      device: 'sw1',
      interfaceKey: 'ge-0',
      direction: 'in',
      bucketStart: '2026-11-01T00:00:00.000Z',
      version: 1,
      octets: '1000000',
      quality: 'good',
    });
    expect(new Set(overview.latest.readings.map(({ meter }) => meter))).toEqual(new Set([1]));
    ledger.readings.away = true;
    await ledger.clock.advance(10_000);
    expect(await ask('overview')).toMatchObject({ latest: { readings: [] } });
  });
});

afresh('bills', () => {
  test('made once, read whole, led back to readings, said paid', async () => {
    await november();
    const run = { period: '2026-11', accept: ['unassigned'] };
    const made = await post('bill-runs', run);
    expect(made).toMatchObject({
      status: 200,
      body: {
        accounts: [
          { account: 'acme', outcome: 'made', total: '30.35' },
          { account: 'bolt', outcome: 'made' },
        ],
      },
    });
    expect(await post('bill-runs', { ...run, account: 'acme' })).toMatchObject({
      body: { accounts: [{ outcome: 'closed', bill: 'acme-2026-11', total: '30.35' }] },
    });
    expect((await all<{ id: string }>('bills', 1)).map(({ id }) => id)).toEqual(['bolt-2026-11', 'acme-2026-11']);
    expect(await all('bills?customer=acme&period=2026-11&category=normal', 5)).toHaveLength(1);
    expect(await ask('bills/acme-2026-11')).toMatchObject({
      state: 'validated',
      total: '30.35',
      watermark: 'DEMO',
      lines: [
        { line: 1, item: 'line', amount: '29.00' },
        { line: 2, item: 'traffic', quantity: '108', exactAmount: '1.35', amount: '1.35' },
      ],
    });
    const evidence = await all<{ charge: string; usage: { records: object[]; readings: object[] }[] }>(
      'bills/acme-2026-11/lines/2/evidence',
      2,
    );
    expect(evidence).toHaveLength(3);
    expect(evidence[0]?.usage[0]?.records).toHaveLength(12);
    expect(evidence[0]?.usage[0]?.readings.length).toBeGreaterThan(0);
    expect(await ask(`charges/${evidence[0]?.charge}`)).toMatchObject({
      bills: [{ bill: 'acme-2026-11', line: 2, final: true }],
    });

    expect(await post('bills/acme-2026-11/state', { state: 'sent' })).toMatchObject({ body: { state: 'sent' } });
    expect(await post('bills/acme-2026-11/state', { state: 'sent' })).toMatchObject({ status: 200 });
    expect(await post('bills/acme-2026-11/state', { state: 'validated' })).toMatchObject({
      status: 409,
      body: { error: { code: 'bill_state_refused', detail: { next: ['partiallyPaid', 'settled'] } } },
    });
    expect(await ask('bills/acme-2026-11')).toMatchObject({ state: 'sent' });
    const { rows } = await server.database.query<{ state: string; by_whom: string }>(
      `select state, by_whom from billing.bill_state where bill = 'acme-2026-11' order by id`,
    );
    expect(rows.map(({ state, by_whom: by }) => `${state} ${by}`)).toEqual(['validated a billing', 'sent a billing']);
  });

  test('care reads a bill and its charges, and not which ports of others a gate found', async () => {
    await november();
    const stray = ledger.usage.port('sw2', 'ge-7');
    ledger.usage.add(stray.in, NOVEMBER, 5n);
    await post('bill-runs', { period: '2026-11', accept: ['unassigned'] });
    const found = await ask<{ gates: object[] }>('bills/acme-2026-11');
    expect(found.gates).toContainEqual(expect.objectContaining({ name: 'unassigned', findings: [expect.anything()] }));
    const told = await ask<{ gates: object[]; lines: object[] }>('bills/acme-2026-11', 'care');
    expect(told.lines).toHaveLength(2);
    expect(told.gates).toContainEqual(expect.objectContaining({ name: 'unassigned', count: 1, findings: [] }));
    const list = await ask<Page<object>>('bills?customer=acme', 'care');
    expect(JSON.stringify([list, told])).not.toContain('sw2');
    const [charge] = (await ask<Page<{ id: string }>>('charges?customer=acme', 'care')).items;
    expect(await ask(`charges/${charge?.id}`, 'care')).toMatchObject({ bills: [{ bill: 'acme-2026-11' }] });
    for (const place of [`charges/${charge?.id}/evidence`, 'bills/acme-2026-11/lines/1/evidence'])
      expect(await refused(place, 'care')).toEqual([403, 'forbidden']);
  });

  test('a preview at the end of the period is the bill', async () => {
    await november(30);
    const preview = await ask<{ total: string; lines: { item: string; amount: string; exactAmount: string }[] }>(
      'bills/preview?customer=acme&at=2026-11-30T23:59:59.999Z',
    );
    await post('bill-runs', { period: '2026-11', account: 'acme' });
    const bill = await ask<typeof preview>('bills/acme-2026-11');
    expect(preview).toMatchObject({ total: bill.total, watermark: 'DEMO' });
    const figures = ({ lines }: typeof preview): string[] =>
      lines.map(({ item, amount, exactAmount }) => `${item} ${exactAmount} ${amount}`).toSorted();
    expect(figures(preview)).toEqual(figures(bill));
  });

  test('held back by a hard gate: one account is refused, a run of all says which', async () => {
    await november();
    ledger.usage.conservationFindings = [{ meter: 1, octets: '5' }];
    expect(await post('bill-runs', { period: '2026-11', account: 'acme' })).toMatchObject({
      status: 409,
      body: { error: { code: 'bill_gate_closed', detail: { gates: [{ name: 'conservation', count: 1 }] } } },
    });
    const run = await post('bill-runs', { period: '2026-11' });
    expect(run).toMatchObject({ status: 200, body: { accounts: [{ outcome: 'held' }, { outcome: 'held' }] } });
    expect(await all('bills', 5)).toEqual([]);
    const runs = await all<{ by: string; account: string | null }>('bill-runs', 1);
    expect(runs.map(({ by, account }) => [by, account])).toEqual([
      ['a billing', null],
      ['a billing', 'acme'],
    ]);
    const accepted = await post('bill-runs', { period: '2026-11', account: 'acme', accept: ['conservation'] });
    expect(accepted).toMatchObject({ body: { accounts: [{ outcome: 'made' }] } });
    const { gates } = await ask<{ gates: { name: string; accepted: boolean }[] }>('bills/acme-2026-11');
    expect(gates.find(({ name }) => name === 'conservation')).toMatchObject({ accepted: true, count: 1 });
  });

  test('an interim bill of a running period closes nothing, and nobody is asked to pay it', async () => {
    const interim = await post('bill-runs', { period: '2026-11', account: 'bolt', interim: true });
    expect(interim).toMatchObject({ body: { accounts: [{ outcome: 'nothing' }] } });
    const port = ledger.usage.port('sw1', 'ge-0');
    ledger.usage.add(port.in, NOVEMBER, 1_000_000n);
    ledger.usage.finish(NOVEMBER + HOUR);
    await ledger.clock.advance(HOUR);
    await ledger.rate();
    expect(await post('bill-runs', { period: '2026-11', account: 'acme', interim: true })).toMatchObject({
      body: { accounts: [{ outcome: 'made', bill: 'acme-2026-11-interim-1' }] },
    });
    expect(await post('bills/acme-2026-11-interim-1/state', { state: 'validated' })).toMatchObject({
      status: 409,
      body: { error: { code: 'bill_state_refused', detail: { next: [] } } },
    });
  });

  test('a line that a bill does not have', async () => {
    await november();
    await post('bill-runs', { period: '2026-11', accept: ['unassigned'] });
    expect(await refused('bills/acme-2026-11/lines/9/evidence')).toEqual([404, 'not_found']);
  });

  test('who holds the lease of bill runs alone makes bills', async () => {
    await november();
    const lease = await ledger.leases.acquire('billing-bill', 'another', 60_000);
    expect(lease).not.toBeNull();
    expect(await post('bill-runs', { period: '2026-11' })).toMatchObject({
      status: 409,
      body: { error: { code: 'run_elsewhere' } },
    });
    expect(await all('bill-runs', 5)).toEqual([]);
  });

  test('reconciliation: usage, charges and bills, with every difference', async () => {
    const port = await november();
    await post('bill-runs', { period: '2026-11', accept: ['unassigned'] });
    const span = 'reconciliation?from=2026-11-01T00:00:00Z&to=2026-12-01T00:00:00Z';
    expect(await ask(span)).toMatchObject({
      differences: 0,
      charges: { charges: 5, usageRecords: 72, differences: [] },
      bills: { bills: 2, lines: 3, differences: [] },
    });
    // Usage that rating has not looked at yet is work under way; usage that it passed over is a difference.
    const fifthHour = NOVEMBER + 5 * HOUR;
    ledger.usage.add(port.in, fifthHour, 9n);
    expect(await ask(span)).toMatchObject({ differences: 0 });
    await server.database.query('update billing.rating_position set usage_serial = usage_serial + 1');
    expect(await ask(span)).toMatchObject({
      differences: 1,
      charges: {
        differences: [
          {
            kind: 'no_charge',
            item: 'traffic',
            windowStart: '2026-11-01T05:00:00.000Z',
            expected: 'a charge for 9 octets',
          },
        ],
      },
    });
    await server.database.query('update billing.rating_position set usage_serial = usage_serial - 1');
    await ledger.rate();
    ledger.proof.differences = [
      {
        kind: 'conservation',
        meter: port.in,
        device: 'sw1',
        interfaceKey: 'ge-0',
        direction: 'in',
        atMs: NOVEMBER,
        expected: '1',
        found: '2',
      },
    ];
    ledger.usage.add(port.in, NOVEMBER, 5_000_000n);
    await ledger.rate();
    expect(await ask(span)).toMatchObject({
      differences: 3,
      usage: { differences: [{ kind: 'conservation', at: '2026-11-01T00:00:00.000Z' }], differencesInAll: 1 },
      // Both corrections came after the bill was closed: the next one takes them.
      bills: {
        differences: [
          { kind: 'charge_never_billed', bill: 'acme-2026-11' },
          { kind: 'charge_never_billed', bill: 'acme-2026-11' },
        ],
      },
    });
  });
});

afresh('dead letters', () => {
  test('told, and put back; of a job that has not failed there is none', async () => {
    const failed = { id: 'charges-1', attempts: 10, failedAt: '1970-01-01T00:00:00.000Z' };
    expect(await ask('dead-letters', 'operator')).toMatchObject({ all: 1, items: [failed] });
    const retried = { status: 200, body: { id: 'charges-1', retried: true } };
    expect(await post('dead-letters/charges-1/retry', {}, 'operator')).toEqual(retried);
    expect(await post('dead-letters/charges-2/retry', {})).toMatchObject({ status: 404 });
  });
});

afresh('schedules', () => {
  test('told and run', async () => {
    expect(await ask('schedules', 'operator')).toMatchObject({ items: [{ name: 'mediate', runs: 0 }] });
    expect(await post('schedules/mediate/run', {}, 'operator')).toMatchObject({ status: 200, body: { runs: 1 } });
    expect(ledger.work.asked).toEqual(['mediate']);
    expect(await post('schedules/rain/run', {})).toMatchObject({ status: 404 });
  });
});

together('access', () => {
  /** Who may read each, besides an administrator. */
  const READERS: Readonly<Record<string, readonly Role[]>> = {
    meters: ['viewer', 'operator', 'care', 'billing'],
    usage: ['viewer', 'operator', 'care', 'billing'],
    suspense: ['viewer', 'operator', 'billing'],
    customers: ['operator', 'care', 'billing'],
    services: ['operator', 'care', 'billing'],
    schedules: ['operator', 'billing'],
    feed: ['bridge', 'billing'],
    'price-plans': ['billing'],
    charges: ['care', 'billing'],
    bills: ['care', 'billing'],
    'bill-runs': ['billing'],
    overview: ['billing'],
    'bills/preview?customer=acme': ['care', 'billing'],
    'reconciliation?from=2026-11-01T00:00:00Z&to=2026-11-01T01:00:00Z': ['billing'],
    'openapi.json': ['viewer', 'operator', 'care', 'billing', 'bridge'],
  };

  test.for(Object.entries(READERS))('%s', async ([url, readers]) => {
    for (const role of ROLES) {
      const answer = await api.inject({ url: `/billing/v1/${url}`, headers: { authorization: `Bearer ${role}` } });
      const expected = role === 'administrator' || readers.includes(role) ? 200 : 403;
      expect(`${role} ${answer.statusCode}`).toBe(`${role} ${expected}`);
    }
  });

  test.for(['bill-runs', 'bills/acme-2026-11/state'])('POST %s: billing alone', async (url) => {
    for (const role of ['agent', 'bridge', 'viewer', 'operator', 'care'] as const)
      expect(await post(url, {}, role)).toMatchObject({ status: 403, body: { error: { code: 'forbidden' } } });
  });

  test('without a token, with an unknown one, or with the session cookie of a page: 401', async () => {
    const none = await api.inject({ url: '/billing/v1/customers' });
    const unknown = await api.inject({ url: '/billing/v1/customers', headers: { authorization: 'Bearer nobody' } });
    const cookie = await api.inject({
      method: 'POST',
      url: '/billing/v1/bill-runs',
      headers: { cookie: 'weir_session=billing' },
      payload: { period: '2026-11' },
    });
    for (const [answer, code] of [
      [none, 'token_missing'],
      [unknown, 'token_unknown'],
      [cookie, 'token_missing'],
    ] as const) {
      expect(answer.statusCode).toBe(401);
      expect(answer.json<{ error: { code: string } }>().error.code).toBe(code);
    }
  });

  test('no endpoint but health lets anybody in, beside the pages of usage links, which ask for their own code', async () => {
    const document = await ask<{ paths: Record<string, Record<string, { security?: unknown }>> }>('openapi.json');
    const closed = Object.entries(document.paths).filter(([place]) => !place.startsWith('/billing/link/'));
    const operations = closed.flatMap(([, path]) => Object.values(path));
    expect([operations.length > 20, Object.keys(document.paths).length - closed.length]).toEqual([true, 3]);
    expect(operations.filter(({ security }) => security !== undefined)).toEqual([]);
    expect(openApiFaults(document)).toEqual([]);
  });
});

together('refused', () => {
  test.for([
    ['usage?metre=1', 400, 'invalid_request'],
    ['usage?meter=zero', 400, 'invalid_request'],
    ['usage?from=yesterday', 400, 'invalid_request'],
    ['usage?limit=10001', 400, 'invalid_request'],
    ['charges?cursor=made-up', 400, 'invalid_request'],
    ['bills?cursor=W10', 400, 'invalid_request'],
    ['charges/abc', 400, 'invalid_request'],
    ['charges/999', 404, 'not_found'],
    ['charges/999/evidence', 404, 'not_found'],
    ['bills/nobody-2026-11', 404, 'not_found'],
    ['bills/nobody-2026-11/lines/1/evidence', 404, 'not_found'],
    ['bills/preview?customer=nobody', 404, 'not_found'],
    ['bills/preview', 400, 'invalid_request'],
    ['reconciliation?from=2026-11-02T00:00:00Z&to=2026-11-01T00:00:00Z', 400, 'invalid_request'],
    ['nothing', 404, 'not_found'],
  ] as const)('GET %s: %i %s', async ([url, status, code]) => {
    expect(await refused(url)).toEqual([status, code]);
  });

  test.for([
    ['bill-runs', { period: '2026-13' }, 400, 'period_unknown'],
    ['bill-runs', { period: '2026-11-01' }, 400, 'period_unknown'],
    ['bill-runs', { period: '2026-11' }, 409, 'period_open'],
    ['bill-runs', { period: '2026-11', account: 'nobody' }, 404, 'not_found'],
    ['bill-runs', { period: '2026-11', accept: ['everything'] }, 400, 'invalid_request'],
    ['bill-runs', { period: '2026-11', dry: true }, 400, 'invalid_request'],
    ['bill-runs', {}, 400, 'invalid_request'],
    ['bills/nobody-2026-11/state', { state: 'sent' }, 404, 'not_found'],
    ['bills/nobody-2026-11/state', { state: 'burnt' }, 400, 'invalid_request'],
  ] as const)('POST %s %j: %i %s', async ([url, body, status, code]) => {
    expect(await post(url, body)).toMatchObject({ status, body: { error: { code } } });
  });

  test('anything, while the database is not prepared; but health answers', async () => {
    ledger.prepared = false;
    expect(await refused('customers')).toEqual([503, 'not_ready']);
    const health = await api.inject({ url: '/healthz' });
    expect(health.statusCode).toBe(200);
    ledger.prepared = true;
  });
});

afresh('quotes', () => {
  test('of a service: its own contract comes to what its bill will, another plan to what it would have been; nothing is written', async () => {
    await november();
    const { total } = await ask<{ total: string }>('bills/preview?customer=acme&at=2026-11-30T23:59:59Z');
    const terms = {
      ...CONTRACTS.price_plans[0],
      items: [{ id: 'traffic', kind: 'graduated', unit: 'MB', direction: 'out', tiers: [{ price: '0.05' }] }],
    };
    const asked = { service: 'acme-port', period: '2026-11' };
    const charges = await ask('charges');
    const { status, body } = await post('quotes', { ...asked, terms });
    expect(status).toBe(200);
    // Three hours of 12 buckets of two million octets out: 72 MB.
    expect(body).toMatchObject({
      plan: 'by-volume',
      version: 0,
      currency: 'EUR',
      total: '3.60',
      lines: [{ item: 'traffic', quantity: '72', unit: 'MB', working: { steps: [{ price: '0.05', amount: '3.6' }] } }],
      before: { plan: 'by-volume', version: 1, total },
    });
    expect((await post('quotes', { ...asked, plan: { id: 'by-volume' } })).body).toMatchObject({ total });
    expect(await ask('charges')).toEqual(charges);
  });

  test('of usage that is stated, and what is no plan is told where it is wrong', async () => {
    const usage = { in_octets: '800000000', out_octets: '0' };
    expect((await post('quotes', { plan: { id: 'by-volume', version: 1 }, usage })).body).toMatchObject({
      total: '39.00',
      before: null,
    });
    for (const [request, status, text] of [
      [{ usage }, 400, 'plan: expected it, or terms.'],
      [{ plan: { id: 'by-volume' } }, 400, 'usage: expected it'],
      [{ plan: { id: 'none' }, usage }, 404, 'There is no such version'],
      [{ plan: { id: 'by-volume' }, service: 'none' }, 404, 'There is no service none'],
      [{ plan: { id: 'by-volume' }, usage, period: 'soon' }, 400, 'period: expected one'],
      [
        { terms: { ...CONTRACTS.price_plans[0], items: [{ id: 'a', kind: 'flat', amount: 'x' }] }, usage },
        400,
        'terms.items.0.amount',
      ],
    ] as const) {
      const answer = await post('quotes', request);
      expect([answer.status, JSON.stringify(answer.body)]).toEqual([status, expect.stringContaining(text) as string]);
    }
  });
});
