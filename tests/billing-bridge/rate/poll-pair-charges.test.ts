// A contract that ranks pairs of polls, from the polls to the charge and its proof, on a real PostgreSQL.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pairsOf } from '../../../billing-bridge/mediate/meter-pairs.ts';
import type { ReadPairs } from '../../../billing-bridge/rate/poll-pairs.ts';
import { reconcileCharges } from '../../../billing-bridge/rate/reconcile-charges.ts';
import { BillingFixture, WINDOW_MS } from '../../support/billing-fixture.ts';
import { BUCKET, MediationFixture, T0 } from '../../support/mediation-fixture.ts';
import { repeatRun } from '../../../billing-bridge/rate/repeat-run.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

const DAY = 86_400_000;
const PHASE = 150_000;

let server: TestDatabase;
beforeAll(async () => {
  server = await startTestDatabase();
});
afterAll(() => server.stop());

test('the charge is the percentile of the pairs, and is proven by reading them again', async () => {
  const mediation = await MediationFixture.empty(server.database);
  const { source, store } = mediation;
  const layout = source.layout('r1', [{ name: 'a' }]);
  const values: bigint[] = [];
  for (let place = -1; place <= DAY / BUCKET; place += 1) {
    const rate = BigInt((Math.imul(place + 7, 0x9e37_79b1) >>> 8) % 1_000_000_000);
    values.push((values.at(-1) ?? 0n) + rate);
    const atMs = T0 + place * BUCKET + PHASE;
    const octets = [[values.at(-1) ?? 0n, 0n]] as const;
    source.poll({ layout, atMs, octets, intervalMs: BUCKET, uptimeTicks: 1_000_000 + place * 30_000 });
  }
  source.watermark('r1', T0 + DAY + 100 * BUCKET);
  await mediation.run();
  const billing = await BillingFixture.make(server.database, T0 + 2 * DAY, store);
  const pairs: ReadPairs = (...wanted) => pairsOf({ database: server.database, source, bucketMs: BUCKET }, ...wanted);
  billing.pairs = pairs;
  await billing.apply({
    customers: [{ id: 'acme', name: 'Acme', currency: 'EUR', billing_cycle: 'day' }],
    price_plans: [
      {
        id: 'p',
        currency: 'EUR',
        items: [{ id: 'p95', kind: 'percentile', samples: 'poll_pair', overage_price: '1' }],
      },
    ],
    services: [
      {
        id: 's',
        customer: 'acme',
        plan: 'p',
        from: '2026-11-24',
        billed_from: '2026-11-24',
        bindings: [{ device: 'r1', interface: 'a' }],
      },
    ],
  });
  await billing.rate();
  const charges = (await billing.charges()).filter((charge) => charge.windowStartMs === T0);
  const [{ working } = { working: null }] = charges;
  const { rankings } = working as { rankings: { direction: string; ranked: number; octets: string }[] };
  // The pair that ends at 00:02:30 began the day before, and counts for the interval in which it ends.
  const moved = values
    .flatMap((value, place) => (place === 0 ? [] : [value - (values[place - 1] ?? 0n)]))
    .slice(0, DAY / BUCKET);
  const sorted = moved.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const expected = sorted[Math.ceil(sorted.length * 0.95) - 1] ?? 0n;
  expect(rankings[0]).toMatchObject({ direction: 'in', ranked: DAY / BUCKET, octets: expected.toString() });
  const deps = { database: server.database, usage: store, bucketMs: BUCKET, windowMs: WINDOW_MS, pairs };
  const book = await billing.accounts.book();
  expect((await reconcileCharges(deps, book, T0, T0 + DAY)).differences).toEqual([]);

  // Late readings in the middle and beside the edges: new charges, and the run of before stays what it was, bit for bit.
  const [{ run } = { run: 0n }] = charges;
  const again = {
    database: server.database,
    usage: store,
    book: (until?: bigint) => billing.accounts.book(until),
    pairs,
  };
  const before = await repeatRun(again, BUCKET, run);
  expect(before).toMatchObject({ differences: [], charges: charges.length });
  for (const [place, lateMs] of [
    [100, 60_000],
    [101, 60_000],
    [-1, 100_000],
    [-1, 140_000],
  ] as const)
    source.poll({
      layout,
      atMs: T0 + place * BUCKET + PHASE + lateMs,
      octets: [[values[place + 1] ?? 0n, 0n]],
      intervalMs: BUCKET,
      uptimeTicks: 1_000_000 + place * 30_000 + lateMs / 10,
    });
  await mediation.run();
  await billing.rate();
  const newest = (await billing.charges()).find((charge) => charge.windowStartMs === T0);
  expect(newest?.run).toBeGreaterThan(run);
  expect(newest?.version).toBe(2);
  expect(await repeatRun(again, BUCKET, run)).toEqual(before);
  expect(await repeatRun(again, BUCKET, newest?.run ?? 0n)).toMatchObject({ differences: [] });
  // A run that kept no place in the readings differs now, and says why.
  await server.database.query('update billing.rating_run set readings = null where id = $1', [run]);
  const [difference] = (await repeatRun(again, BUCKET, run)).differences;
  expect(difference?.cause).toMatch(/late ones/);
});
