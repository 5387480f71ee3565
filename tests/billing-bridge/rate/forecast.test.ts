// What a period may come to, and what rating it anew would change: on a real ledger, with usage and time in the test's hand.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { customerSchema, planSchema, serviceSchema } from '../../../billing-bridge/contract-schema.ts';
import { ForecastUsage } from '../../../billing-bridge/rate/forecast.ts';
import type { UsageRecord } from '../../../billing-bridge/mediate/usage.ts';
import { LedgerFixture } from '../../support/ledger-fixture.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOVEMBER = Date.parse('2026-11-01T00:00:00Z');
const DECEMBER = Date.parse('2026-12-01T00:00:00Z');
/** Octets of five minutes at 8 Mbit/s. */
const EIGHT_MBITS = 300_000_000n;

const contracts = (price: string, validFrom: object = {}) => ({
  customers: [{ id: 'acme', name: 'Acme', currency: 'EUR' }],
  price_plans: [
    {
      id: 'p',
      currency: 'EUR',
      ...validFrom,
      items: [
        { id: 'port', kind: 'flat', amount: '30' },
        { id: 'traffic', kind: 'per_unit', unit: 'GB', direction: 'sum', price },
        { id: 'burst', kind: 'percentile', commit: '5', commit_price: '2', overage_price: '3' },
      ],
    },
  ],
  services: [
    { id: 's', customer: 'acme', plan: 'p', from: '2026-11-01', bindings: [{ device: 'r1', interface: 'a' }] },
  ],
});

let server: TestDatabase;
let fixture: LedgerFixture;
let port: { in: number; out: number };
beforeAll(async () => {
  server = await startTestDatabase();
});
afterAll(() => server.stop());
beforeEach(async () => {
  fixture = await LedgerFixture.make(server.database, NOVEMBER);
  await fixture.apply(contracts('1'));
  port = fixture.usage.port('r1', 'a');
});

function use(fromMs: number, toMs: number, octets = EIGHT_MBITS): void {
  for (let at = fromMs; at < toMs; at += 300_000)
    for (const meter of [port.in, port.out]) fixture.usage.add(meter, at, octets);
  fixture.usage.finish(toMs);
}

describe('the forecast of a running month', () => {
  test('carries ten days on to the end: flat stays, volume grows, the percentile stays what it is', async () => {
    use(NOVEMBER, NOVEMBER + 10 * DAY);
    await fixture.clock.advance(10 * DAY);
    const api = fixture.api();
    const { body, statusCode } = await api.inject({
      method: 'GET',
      url: '/billing/v1/bills/preview?customer=acme&forecast=true',
      headers: { authorization: 'Bearer billing' },
    });
    expect([statusCode, body.slice(0, 200)]).toMatchObject([200, expect.any(String)]);
    const told = JSON.parse(body) as { total: string; lines: { item: string; quantity: string }[]; forecast: object };
    // 10 days of 288 intervals, 0.6 GB each.
    expect(told.lines.find((line) => line.item === 'traffic')?.quantity).toBe('1728');
    expect(told.lines.find((line) => line.item === 'burst')?.quantity).toBe('8');
    expect(told.forecast).toMatchObject({
      until: '2026-12-01T00:00:00.000Z',
      pattern: 'week',
      // 30 + 5184 + 2 for the commit + 3 × 3 above it.
      total: '5225.00',
      lines: expect.arrayContaining([
        expect.objectContaining({ item: 'port', amount: '30.00', commit: null }),
        expect.objectContaining({ item: 'traffic', quantity: '5184', amount: '5184.00' }),
        expect.objectContaining({ item: 'burst', quantity: '8', commit: '5', amount: '11.00' }),
      ]) as unknown,
    });
    const { rows } = await server.database.query('select from billing.charge');
    expect(rows).toHaveLength(0);
    await api.close();
  });

  test('of a period that is over is its preview', async () => {
    use(NOVEMBER, DECEMBER);
    const book = await fixture.ledger.book();
    const customer = book.customers.get('acme');
    if (customer === undefined) throw new Error('no customer');
    const { total } = await fixture.ledger.preview(book, customer, DECEMBER - 1);
    expect((await fixture.ledger.forecast(book, customer, DECEMBER - 1)).total).toBe(total);
  });
});

test('the summary of a customer: octets by day, the total so far, for a token that sees it alone', async () => {
  use(NOVEMBER, NOVEMBER + 2 * DAY);
  await fixture.clock.advance(2 * DAY);
  const api = fixture.api();
  const ask = (token: string) =>
    api.inject({
      method: 'GET',
      url: '/billing/v1/customers/acme/summary',
      headers: { authorization: `Bearer ${token}` },
    });
  const day = (date: string) => ({ date, in: `${288n * EIGHT_MBITS}`, out: `${288n * EIGHT_MBITS}` });
  expect((await ask('care@customers=acme')).json<object>()).toMatchObject({
    customer: 'acme',
    until: '2026-11-03T00:00:00.000Z',
    services: [{ id: 's', in: `${576n * EIGHT_MBITS}`, days: [day('2026-11-01'), day('2026-11-02')] }],
    bills: [],
  });
  expect((await ask('care@customers=bolt')).statusCode).toBe(404);
  await api.close();
});

describe('usage that is carried on', () => {
  const record = (bucketStartMs: number, good: bigint): UsageRecord => ({
    serial: 1n,
    meter: 1,
    bucketStartMs,
    bucketMs: HOUR,
    version: 1,
    octets: { good, wrapped: 0n, gap: 0n, suspended: 0n },
    coveredMs: HOUR,
    gapMs: 0,
    lostMs: 0,
    evidence: { epoch: 1n, firstReadingAtMs: 0, lastReadingAtMs: 0 },
  });
  async function carried(hours: number): Promise<{ values: bigint[]; pattern: string }> {
    const now = 10 * 7 * DAY;
    const records = Array.from({ length: hours }, (_, at) => record(now - (hours - at) * HOUR, BigInt(at)));
    const usage = new ForecastUsage(
      {
        allMeters: () => Promise.resolve([]),
        latest: (_meters, fromMs, toMs) =>
          Promise.resolve(records.filter((one) => one.bucketStartMs >= fromMs && one.bucketStartMs < toMs)),
      },
      now,
    );
    const found = await usage.latest([1], now, now + 8 * DAY);
    return { values: found.map((one) => one.octets.good), pattern: usage.pattern };
  }
  const range = (length: number, from = 0): bigint[] => Array.from({ length }, (_, at) => BigInt(at + from));

  test('repeats the last week where there is one', async () => {
    const week = range(168, 32);
    expect(await carried(200)).toEqual({ pattern: 'week', values: [...week, ...week.slice(0, 24)] });
  });

  test('else the last day, else all there is; and nothing from nothing', async () => {
    const day = range(24, 16);
    expect(await carried(40)).toEqual({ pattern: 'day', values: Array.from({ length: 8 }, () => day).flat() });
    expect((await carried(5)).values.slice(0, 11)).toEqual([...range(5), ...range(5), 0n]);
    expect((await carried(5)).pattern).toBe('since_begin');
    expect(await carried(0)).toEqual({ pattern: 'none', values: [] });
  });
});

describe('rating anew', () => {
  test('tells what it would change before it does, changes it when asked, and then there is nothing to change', async () => {
    use(NOVEMBER, NOVEMBER + 2 * HOUR);
    fixture.usage.finish(DECEMBER);
    await fixture.clock.advance(DECEMBER - NOVEMBER + HOUR);
    await fixture.rate();
    const { ledger } = fixture;
    const span = { fromMs: NOVEMBER, toMs: DECEMBER, account: null };
    const plan = async (stated = contracts('1')) => {
      const book = await ledger.accounts.bookWith({
        customers: stated.customers.map((one) => customerSchema.parse(one)),
        price_plans: stated.price_plans.map((one) => planSchema.parse(one)),
        services: stated.services.map((one) => serviceSchema.parse(one)),
      });
      return ledger.planRerating(book, span);
    };
    const count = async (table: string): Promise<number> =>
      (await server.database.query(`select from billing.${table}`)).rows.length;
    expect(await plan()).toMatchObject({ charges: 4, differences: [], change: {} });
    // The port was theirs from the second hour on.
    const binding = { device: 'r1', interface: 'a', from: '2026-11-01T01:00:00Z' };
    const changed = {
      ...contracts('1'),
      services: contracts('1').services.map((one) => ({ ...one, bindings: [binding] })),
    };
    const [versions, charges] = [await count('contract_version'), await count('charge')];
    const found = await plan(changed);
    expect(found.differences.map((one) => [one.item, one.windowStartMs, one.before, one.after])).toEqual([
      ['traffic', NOVEMBER, '7.2', '0'],
      ['burst', NOVEMBER, '11', '11'],
    ]);
    expect(found.change).toEqual({ EUR: '-7.2' });
    expect([await count('contract_version'), await count('charge')]).toEqual([versions, charges]);
    await fixture.apply(changed);
    // Also while it waits to be rated.
    expect((await plan(changed)).change).toEqual({ EUR: '-7.2' });
    await ledger.applyRerating(found);
    expect((await fixture.rate()).charges).toBe(2);
    expect((await plan(changed)).differences).toEqual([]);
    expect((await ledger.planRerating(await ledger.book(), { ...span, account: 'nobody' })).differences).toEqual([]);
  });
});
