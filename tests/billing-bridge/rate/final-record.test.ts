// A port that leaves a service: its usage up to the end is charged and closed once, what comes later is an adjustment, what flows later is nobody's.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findFinalRecords } from '../../../billing-bridge/rate/final-record.ts';
import { BillingFixture, BUCKET_MS, type ContractsText } from '../../support/billing-fixture.ts';
import { auditMigrations } from '../../../common/database/audit.ts';
import { migrate } from '../../../common/database/migrate.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const START = Date.parse('2026-11-01T00:00:00Z');
/** In the middle of an hour of rating. */
const END = Date.parse('2026-11-10T10:30:00Z');
const MB = 1_000_000n;

let server: TestDatabase;
beforeAll(async () => {
  server = await startTestDatabase();
});
afterAll(() => server.stop());

const contracts: ContractsText = {
  customers: [{ id: 'acme', name: 'Acme', currency: 'EUR' }],
  price_plans: [{ id: 'p', currency: 'EUR', items: [{ id: 'traffic', kind: 'per_unit', unit: 'MB', price: '1' }] }],
  services: [
    {
      id: 's',
      customer: 'acme',
      plan: 'p',
      from: '2026-11-01',
      bindings: [{ device: 'r1', interface: 'a', to: '2026-11-10T10:30:00Z' }],
    },
  ],
};

async function begun(): Promise<{ billing: BillingFixture; port: { in: number; out: number } }> {
  const billing = await BillingFixture.make(server.database, START);
  await billing.apply(contracts);
  const port = billing.usage.port('r1', 'a');
  // A megabyte in each bucket, before the end and behind it.
  for (let at = END - HOUR; at < END + HOUR; at += BUCKET_MS) billing.usage.add(port.in, at, MB);
  await billing.clock.advance(END + HOUR - START);
  return { billing, port };
}

const records = (): ReturnType<typeof findFinalRecords> =>
  findFinalRecords(server.database, { customers: null, before: null, limit: 100 });
const amounts = async (billing: BillingFixture): Promise<string[]> =>
  (await billing.charges()).map(({ amount, version }) => `${amount} v${version}`).toSorted();

test('closed at once where everything up to the end is final; what comes later is a correction, and no second record', async () => {
  const { billing, port } = await begun();
  await billing.rate();
  expect([await amounts(billing), await records()]).toEqual([[], []]);
  billing.usage.finish(END + HOUR);
  await billing.rate();
  // Six buckets of the hour before, six of the one in which it ends; none of those behind.
  expect(await amounts(billing)).toEqual(['6 v1', '6 v1']);
  const made = await records();
  expect(made.toReversed()).toMatchObject([
    {
      service: 's',
      customer: 'acme',
      meter: port.in,
      endedAtMs: END,
      outcome: 'final',
      lastBucketMs: END - BUCKET_MS,
      lastVersion: 1,
    },
    { meter: port.out, endedAtMs: END, outcome: 'final', lastBucketMs: null },
  ]);
  billing.usage.add(port.in, END - BUCKET_MS, 3n * MB);
  await billing.rate();
  expect(await amounts(billing)).toEqual(['6 v1', '8 v2']);
  expect(await records()).toEqual(made);
  await expect(server.database.query('delete from billing.final_record')).rejects.toThrow(/never change/);
});

test('where nobody reads the device any more it is waited for, three days, and then closed with what is known', async () => {
  const { billing, port } = await begun();
  billing.usage.finish(END - HOUR);
  await billing.rate();
  await billing.clock.advance(2 * DAY);
  await billing.rate();
  expect([await amounts(billing), await records()]).toEqual([[], []]);
  const run = async (): Promise<(string | number | undefined)[]> => {
    const { accounts } = await billing
      .billRun(server.database, ['finality', 'conservation'])
      .run({ period: '2026-11', interim: false, accept: [], by: 'test', fence: () => Promise.resolve() });
    const found = (gate: string): number | undefined => accounts[0]?.gates.find(({ name }) => name === gate)?.count;
    return [accounts[0]?.outcome, found('finality'), found('unassigned')];
  };
  await billing.clock.advance(DAY);
  await billing.rate();
  expect(await amounts(billing)).toEqual(['6 v1', '6 v1']);
  expect(await records()).toMatchObject([{ outcome: 'waited_out' }, { outcome: 'waited_out', meter: port.in }]);
  await billing.clock.advance(20 * DAY);
  await billing.rate();
  // What flowed behind the end is nobody's, and told.
  expect(await run()).toEqual(['made', 0, 1]);
});

const bound = (...ports: object[]): ContractsText => ({
  customers: [
    { id: 'acme', name: 'Acme', currency: 'EUR' },
    { id: 'other', name: 'Other', currency: 'EUR' },
  ],
  price_plans: [{ id: 'p', currency: 'EUR', items: [{ id: 'traffic', kind: 'percentile', overage_price: '1' }] }],
  services: [
    { id: 's', customer: 'acme', plan: 'p', from: '2026-11-01', bindings: ports },
    { id: 't', customer: 'other', plan: 'p', from: '2026-11-01', bindings: [{ device: 'r2', interface: 'a' }] },
  ],
});

/** Outcome of a bill run of November by account, with the gate that tells of ports that vanished. */
async function billed(billing: BillingFixture): Promise<unknown[]> {
  const { accounts } = await billing
    .billRun(server.database, ['finality', 'conservation'])
    .run({ period: '2026-11', interim: false, accept: [], by: 'test', fence: () => Promise.resolve() });
  return accounts.map(({ account, outcome, gates }) => [
    account,
    outcome,
    gates.find(({ name }) => name === 'finality')?.count,
    gates
      .find(({ name }) => name === 'vanished')
      ?.findings.map(({ interface: name, reason, readUntil }) => [name, reason, readUntil]),
  ]);
}

test('a port that vanished while it is bound: a record with the reason, told by the gate, moved or ended in one step, and no bill waits for ever', async () => {
  const billing = await BillingFixture.make(server.database, START);
  await server.database.query('drop schema if exists access cascade');
  await migrate(server.database, auditMigrations);
  await billing.apply(
    bound({ device: 'r1', interface: 'a' }, { device: 'r1', interface: 'b' }, { device: 'r3', interface: 'a' }),
  );
  const [a, b, gone, other] = [
    billing.usage.port('r1', 'a'),
    billing.usage.port('r1', 'b'),
    billing.usage.port('r3', 'a'),
    billing.usage.port('r2', 'a'),
  ];
  const december = START + 30 * DAY;
  const use = (port: { in: number; out: number }, fromMs: number, untilMs: number): void => {
    for (let at = fromMs; at < untilMs; at += HOUR)
      for (const meter of [port.in, port.out]) {
        billing.usage.add(meter, at + HOUR - BUCKET_MS, MB);
        billing.usage.seen.set(meter, at + HOUR);
      }
  };
  // The card of b was taken out on the tenth; r3 is read for the last time on the twenty-ninth.
  use(a, START, december);
  use(b, START, START + 9 * DAY);
  use(gone, START, START + 28 * DAY);
  use(other, START, december + HOUR);
  for (const { in: into, out } of [a, b, other])
    for (const meter of [into, out]) billing.usage.finish(december + HOUR, meter);
  for (const meter of [gone.in, gone.out]) billing.usage.finish(START + 28 * DAY, meter);
  await billing.clock.advance(30 * DAY + HOUR);
  await billing.rate();
  const lost = ['b', 'interface_gone', '2026-11-10T00:00:00.000Z'];
  // r3 may only be cut off.
  expect(await billed(billing)).toEqual([
    ['acme', 'held', 2, [lost]],
    ['other', 'made', 0, []],
  ]);
  // Nobody else is read either: that says nothing of r3.
  await billing.clock.advance(5 * DAY);
  await billing.rate();
  expect((await billed(billing))[0]).toEqual(['acme', 'held', 2, [lost]]);
  use(other, december + HOUR, december + 5 * DAY);
  billing.usage.finish(december + 5 * DAY, other.in);
  billing.usage.finish(december + 5 * DAY, other.out);
  for (const { in: into, out } of [a, b])
    for (const meter of [into, out]) billing.usage.finish(december + 4 * DAY, meter);
  use(a, december, december + 4 * DAY);
  await billing.rate();
  const silent = ['a', 'device_silent', '2026-11-29T00:00:00.000Z'];
  expect((await records()).filter(({ meter }) => [b.in, gone.out, a.in].includes(meter))).toMatchObject([
    {
      meter: gone.out,
      outcome: 'device_silent',
      endedAtMs: START + 28 * DAY,
      lastBucketMs: START + 28 * DAY - BUCKET_MS,
    },
    { meter: b.in, outcome: 'interface_gone', endedAtMs: START + 9 * DAY },
  ]);
  const count = (await records()).length;
  await billing.rate();
  expect(await records()).toHaveLength(count);
  // One step each: the cable of b is in c since then, and the service over r3 ended there.
  const by = { name: 'kim', role: 'billing', reason: 'card swapped' };
  const moved = { device: 'r1', interface: 'b', atMs: START + 9 * DAY, to: { device: 'r1', interface: 'c' } };
  const c = billing.usage.port('r1', 'c');
  use(c, START + 9 * DAY, december);
  for (const meter of [c.in, c.out]) billing.usage.finish(december + 4 * DAY, meter);
  await billing.accounts.rebind('s', moved, by);
  await billing.accounts.rebind('s', moved, by);
  await expect(
    billing.accounts.rebind('s', { ...moved, to: { device: 'r2', interface: 'a' } }, by),
  ).rejects.toMatchObject({
    code: 'not_found',
  });
  await expect(
    billing.accounts.rebind(
      't',
      { device: 'r2', interface: 'a', atMs: START + DAY, to: { device: 'r1', interface: 'a' } },
      by,
    ),
  ).rejects.toMatchObject({ code: 'meter_bound_twice' });
  await expect(
    billing.accounts.rebind('t', { device: 'r2', interface: 'a', atMs: START + 99 * DAY, to: null }, by),
  ).rejects.toMatchObject({ code: 'binding_refused' });
  // Applied again, the configuration does not undo it.
  await billing.apply(
    bound({ device: 'r1', interface: 'a' }, { device: 'r1', interface: 'b' }, { device: 'r3', interface: 'a' }),
  );
  await billing.rate();
  expect((await billed(billing))[0]).toEqual(['acme', 'made', 0, [silent]]);
  await billing.accounts.rebind('s', { device: 'r3', interface: 'a', atMs: START + 28 * DAY, to: null }, by);
  await billing.rate();
  expect((await billed(billing))[0]).toEqual(['acme', 'closed', 0, [silent]]);
  const { rows } = await server.database.query('select action, subject, note from access.audit order by id');
  expect(rows).toEqual([
    { action: 'binding.move', subject: 'service/s', note: 'card swapped' },
    { action: 'binding.end', subject: 'service/s', note: 'card swapped' },
  ]);
});
