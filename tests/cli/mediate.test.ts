// `weir mediate`: one run, with the token of the data folder; run again it writes nothing more.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mediateCommand } from '../../cli/commands/mediate.ts';
import { Leases } from '../../common/database/lease.ts';
import { BillingCommands, HOUR, MARCH } from '../support/billing-commands.ts';

let billing: BillingCommands;
beforeAll(async () => {
  billing = await BillingCommands.start();
});
afterAll(() => billing.stop());

test('pulls what is new and says what it wrote', async () => {
  billing.poll(MARCH, MARCH + HOUR);
  // 12 buckets of four meters; the last reading lies on the line that closes the twelfth.
  expect(await billing.run(mediateCommand)).toEqual({
    code: 0,
    lines: ['48 usage records written, 0 of them corrections, from 61 pages of readings'],
  });
  expect(await billing.json(mediateCommand)).toEqual({ pages: 0, records: 0, corrected: 0, quarantined: 0 });
  billing.readings.quarantined = 3;
  expect((await billing.run(mediateCommand)).lines[0]).toContain('keeps 3 batches aside');
});

test('waits until the bridge is done with its own run', async () => {
  const leases = new Leases(billing.database.database);
  const lease = await leases.acquire('billing-mediate', 'the bridge', 60_000);
  if (lease === null) throw new Error('the lease is held');
  let done = false;
  const run = billing.run(mediateCommand).finally(() => {
    done = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(done).toBe(false);
  await leases.release(lease);
  expect((await run).code).toBe(0);
});

test('refused: an argument, and a collector that does not let it in', async () => {
  await expect(billing.run(mediateCommand, {}, ['now'])).rejects.toMatchObject({ code: 'misused' });
  await expect(billing.run(mediateCommand, { data: '/nowhere' })).rejects.toMatchObject({ code: 'secret_unresolved' });
});
