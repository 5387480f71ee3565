// Whole months on a virtual clock: from the counter of a known device through mediation and rating to the bill, against sums made from the truth alone.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reconcileCharges } from '../../billing-bridge/rate/reconcile-charges.ts';
import { periodNamed } from '../../common/model/period.ts';
import { BillingFixture, BUCKET_MS, WINDOW_MS } from '../support/billing-fixture.ts';
import { MediationFixture } from '../support/mediation-fixture.ts';
import { expectedMonth, GRID_MS, type MonthEvents, type MonthPort, pollMonth } from '../support/month-network.ts';
import { startTestDatabase, type TestDatabase } from '../support/test-database.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOTHING: MonthEvents = { missed: new Set(), bootBefore: null, renumberedFrom: null, secondAgent: false };

let server: TestDatabase;
beforeAll(async () => {
  server = await startTestDatabase();
});
afterAll(() => server.stop());

/** A day's shape with noise; the same for the same time. */
function shape(seed: number, at: number): number {
  const hour = (at % DAY) / HOUR;
  const noise = Math.imul((at / GRID_MS) ^ seed, 0x9e37_79b1) >>> 8;
  return Math.round(2_000_000_000 * (1.2 + Math.sin((hour / 12) * Math.PI)) + (noise % 900_000_000));
}

function port(name: string, seed: number, more: Partial<MonthPort> = {}): MonthPort {
  const moves = (at: number): { in: number; out: number } => ({
    in: shape(seed, at),
    out: Math.floor(shape(seed + 77, at) / 2),
  });
  return { name, begin: 1_000_000n, moves, ...more };
}

/** One service on ports, from counters to its bill. */
async function billMonth(
  month: string,
  zone: string,
  ports: readonly MonthPort[],
  eventsOf: (startMs: number, endMs: number) => Partial<MonthEvents> = () => ({}),
): Promise<void> {
  const period = periodNamed(month, zone);
  if (period === null) throw new Error(`no month ${month}`);
  const { startMs, endMs } = period;
  const events = { ...NOTHING, ...eventsOf(startMs, endMs) };
  const mediation = await MediationFixture.empty(server.database);
  pollMonth(mediation.source, 'r1', ports, events, startMs - 2 * HOUR, endMs + 2 * HOUR);
  await mediation.clock.advance(Math.max(0, endMs + DAY - mediation.clock.now()));
  await mediation.run();

  const billing = await BillingFixture.make(server.database, endMs + DAY, mediation.store);
  const bindings = ports.map(({ name }) => ({ device: 'r1', interface: name }));
  const items = [
    { id: 'burst', kind: 'percentile', unit: 'Mbit/s', commit: '10', commit_price: '90', overage_price: '0.5' },
    { id: 'traffic', kind: 'per_unit', unit: 'GB', direction: 'sum', price: '0.01' },
    { id: 'port', kind: 'flat', amount: '25' },
  ];
  await billing.apply({
    customers: [{ id: 'acme', name: 'Acme', currency: 'EUR', billing_zone: zone }],
    price_plans: [{ id: 'month', currency: 'EUR', items }],
    services: [{ id: 'acme-1', customer: 'acme', plan: 'month', from: `${month}-01`, bindings }],
  });
  await billing.rate();
  const expected = expectedMonth(ports, events, startMs, endMs);
  const charges = (await billing.charges()).filter((charge) => charge.windowStartMs < endMs);
  const burst = charges.find(({ item }) => item === 'burst');
  if (burst === undefined) throw new Error('the month has no burstable charge');
  const { rankings } = burst.working as { rankings: { octets: string; ranked: number; intervals: number }[] };
  expect(rankings.map(({ ranked, intervals }) => [ranked, intervals])).toEqual(
    rankings.map(() => [expected.ranked, expected.intervals]),
  );
  const highest = rankings.map(({ octets }) => BigInt(octets)).reduce((a, b) => (a > b ? a : b));
  expect(highest).toBe(expected.sample);
  // Octets are billed to the octet, however the hours of the zone fall on windows: in units of 10^-9 GB.
  const octets = charges
    .filter(({ item }) => item === 'traffic')
    .reduce((sum, { quantity }) => sum + nanos(quantity), 0n);
  expect(octets).toBe(expected.in + expected.out);

  const conserved = await mediation.store.conservation(await meterIds(mediation), startMs, endMs);
  expect(conserved).toEqual([]);
  const book = await billing.accounts.book();
  const deps = { database: server.database, usage: mediation.store, bucketMs: BUCKET_MS, windowMs: WINDOW_MS };
  expect((await reconcileCharges(deps, book, startMs, endMs)).differences).toEqual([]);
}

async function meterIds(mediation: MediationFixture): Promise<number[]> {
  return (await mediation.store.allMeters()).map(({ id }) => id);
}

function nanos(decimal: string): bigint {
  const [whole = '0', fraction = ''] = decimal.split('.');
  return BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
}

/** Six of a hundred polls, the same each time; those on the lines of the month are there, so that no span crosses into another. */
function someMissed(startMs: number, endMs: number): Set<number> {
  const missed = new Set<number>();
  for (let at = startMs + GRID_MS; at < endMs; at += GRID_MS)
    if ((Math.imul(at / GRID_MS, 0x85eb_ca6b) >>> 8) % 100 < 6) missed.add(at);
  return missed;
}

describe('months of every length, and both changes of the clock', () => {
  test.each([
    ['2026-02', 'UTC', 28 * 288],
    ['2028-02', 'UTC', 29 * 288],
    ['2026-11', 'Asia/Kolkata', 30 * 288],
    ['2026-12', 'UTC', 31 * 288],
    ['2026-03', 'Europe/Berlin', 31 * 288 - 12],
    ['2026-10', 'Europe/Berlin', 31 * 288 + 12],
    ['2026-03', 'America/New_York', 31 * 288 - 12],
    ['2026-11', 'America/New_York', 30 * 288 + 12],
    ['2026-10', 'Australia/Lord_Howe', 31 * 288 - 6],
    ['2026-04', 'Australia/Lord_Howe', 30 * 288 + 6],
  ])('%s in %s has %i intervals, each counted once', async (month, zone, intervals) => {
    const period = periodNamed(month, zone);
    expect(((period?.endMs ?? 0) - (period?.startMs ?? 0)) / GRID_MS).toBe(intervals);
    await billMonth(month, zone, [port('ge-0', 1)]);
  });
});

describe('what happens in a month', () => {
  test('six of a hundred polls are missed: octets are exact, and intervals of unknown shape are not ranked', () =>
    billMonth('2026-11', 'UTC', [port('ge-0', 2)], (startMs, endMs) => ({ missed: someMissed(startMs, endMs) })));

  test('the device boots, and its counters begin anew, on the line where the month begins', () =>
    billMonth('2026-11', 'UTC', [port('ge-0', 3)], (startMs) => ({ bootBefore: startMs })));

  test('the device boots in the middle: what it moved before nobody knows, and nothing is invented for it', () =>
    billMonth('2026-11', 'UTC', [port('ge-0', 4)], (startMs) => ({ bootBefore: startMs + 15 * DAY })));

  test('an active and a standby port: their sum is ranked, not the sum of their percentiles', async () => {
    const turn = (at: number): boolean => Math.floor(at / (6 * HOUR)) % 2 === 0;
    const none = { in: 0, out: 0 };
    const half = (name: string, active: boolean): MonthPort => {
      const whole = port(name, 5);
      return { ...whole, moves: (at) => (turn(at) === active ? whole.moves(at) : none) };
    };
    await billMonth('2026-11', 'UTC', [half('ge-0', true), half('ge-1', false)]);
  });

  test('two agents poll the same device: nothing counts twice', () =>
    billMonth('2026-11', 'UTC', [port('ge-0', 6)], () => ({ secondAgent: true })));

  test('counters beyond 2^53, and one that crosses 2^63', () =>
    billMonth('2026-11', 'UTC', [
      port('ge-0', 7, { begin: 2n ** 53n + 1n }),
      port('ge-1', 8, { begin: 2n ** 63n - 1_000_000_000_000n }),
    ]));

  test('rows of the table change places in the middle of the month: each port keeps what is its own', () =>
    billMonth(
      '2026-11',
      'UTC',
      [port('ge-0', 9), port('ge-1', 10, { moves: () => ({ in: 5, out: 7 }) })],
      (startMs) => ({ renumberedFrom: startMs + 11 * DAY + GRID_MS }),
    ));

  test('all of it at once, in a zone whose clock changes', () =>
    billMonth(
      '2026-10',
      'Europe/Berlin',
      [port('ge-0', 11, { begin: 2n ** 60n }), port('ge-1', 12), port('ge-2', 13)],
      (startMs, endMs) => ({
        missed: someMissed(startMs + 15 * DAY + HOUR, endMs - DAY),
        bootBefore: startMs + 15 * DAY,
        renumberedFrom: startMs + 3 * DAY,
      }),
    ));
});
