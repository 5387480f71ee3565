// Fees that are charged once, discounts and a commitment, from the contract to the charge, on a real PostgreSQL.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BillingFixture, BUCKET_MS, type ContractsText } from '../../support/billing-fixture.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

const START = Date.parse('2026-11-01T00:00:00Z');
const DAY = 86_400_000;

let server: TestDatabase;
beforeAll(async () => {
  server = await startTestDatabase();
});
afterAll(() => server.stop());

function contracts(to?: string): ContractsText {
  return {
    customers: [{ id: 'acme', name: 'Acme', currency: 'EUR' }],
    price_plans: [
      {
        id: 'plan',
        currency: 'EUR',
        items: [
          { id: 'setup', kind: 'one_off', amount: '150' },
          { id: 'removal', kind: 'one_off', amount: '80', when: 'end', discounts: [{ name: 'half', percent: '50' }] },
          {
            id: 'volume',
            kind: 'commitment',
            unit: 'GB',
            direction: 'sum',
            commit: '30',
            commit_price: '60',
            overage_price: '2',
            discounts: [{ name: 'loyal', amount: '5' }],
          },
        ],
      },
    ],
    services: [
      {
        id: 'acme-1',
        customer: 'acme',
        plan: 'plan',
        from: '2026-11-16',
        ...(to === undefined ? {} : { to }),
        bindings: [{ device: 'r1', interface: 'ge-0' }],
      },
    ],
  };
}

test('once, in the period of the day, also where the end is entered after its period was rated', async () => {
  const billing = await BillingFixture.make(server.database, START);
  await billing.apply(contracts());
  const port = billing.usage.port('r1', 'ge-0');
  for (let at = START; at < START + 61 * DAY; at += DAY) billing.usage.add(port.in, at, 1_000_000_000n);
  billing.usage.finish(START + 61 * DAY);
  const told = async (): Promise<string[]> =>
    (await billing.charges())
      .map((one) => `${new Date(one.windowStartMs).toISOString().slice(0, 7)} ${one.item} ${one.amount}`)
      .toSorted();
  await billing.clock.advance(61 * DAY + BUCKET_MS);
  await billing.rate();
  // Half of November: 15 GB are held for 30, 15 were used; December used 31, one above.
  const rated = ['2026-11 setup 150', '2026-11 volume 25', '2026-12 volume 57'];
  expect(await told()).toEqual(rated);
  await billing.apply(contracts('2027-01-01'));
  await billing.rate();
  expect(await told()).toEqual([...rated, '2026-12 removal 40'].toSorted());
  expect(await billing.rate()).toMatchObject({ charges: 0 });
});

test('an end on an earlier day takes back what was charged behind it', async () => {
  const billing = await BillingFixture.make(server.database, START);
  await billing.apply(contracts());
  billing.usage.port('r1', 'ge-0');
  billing.usage.finish(START + 90 * DAY);
  await billing.clock.advance(61 * DAY + BUCKET_MS);
  await billing.rate();
  await billing.apply(contracts('2026-12-01'));
  await billing.rate();
  const amounts = (await billing.charges()).map((one) => `${one.item} ${one.amount}`).toSorted();
  expect(amounts).toEqual(['removal 40', 'setup 150', 'volume 0', 'volume 25']);
});
