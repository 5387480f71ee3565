// `weir reconcile`: nothing to tell while everything adds up, and every difference where it does not.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mediateCommand } from '../../cli/commands/mediate.ts';
import { reconcileCommand } from '../../cli/commands/reconcile.ts';
import { BillingCommands, HOUR, MARCH } from '../support/billing-commands.ts';

let billing: BillingCommands;
beforeAll(async () => {
  billing = await BillingCommands.start();
});
afterAll(() => billing.stop());

interface Document {
  readonly from: string;
  readonly usage: { readonly meters: number; readonly records: number };
  readonly charges: { readonly charges: number };
  readonly differences: readonly { readonly of: string; readonly kind: string }[];
}

test('where there is nothing, there is no difference', async () => {
  expect(await billing.run(reconcileCommand)).toMatchObject({ code: 0 });
});

test('the whole time there is, from the first bucket on', async () => {
  billing.poll(MARCH, MARCH + 2 * HOUR);
  await billing.run(mediateCommand);
  await billing.rate();
  const { code, lines } = await billing.run(reconcileCommand);
  expect(code).toBe(0);
  expect(lines[0]).toMatch(/^from 2024-03-01T00:00:00\.000Z to /);
  expect(lines[2]).toMatch(/^ {2}usage against counters +4 meters, 484 readings, 96 records +0$/);
  expect(lines[3]).toMatch(/^ {2}charges against usage +4 charges, 96 records +0$/);
  expect(lines).toHaveLength(6);
  expect(await billing.json<Document>(reconcileCommand)).toMatchObject({ charges: { charges: 4 }, differences: [] });
});

test('a span, half-open', async () => {
  const options = { from: '2024-03-01T01:00:00Z', to: '2024-03-02' };
  const document = await billing.json<Document>(reconcileCommand, options);
  expect(document).toMatchObject({ from: '2024-03-01T01:00:00.000Z', usage: { records: 48 }, charges: { charges: 2 } });
});

test('readings that say something else, and a charge that is not there: every difference, exit code 1', async () => {
  const tampered = billing.readings.events.findIndex((event) => 'page' in event && event.page.sequence === 30);
  billing.readings.events.splice(tampered, 1);
  billing.readings.events.splice(29, 30);
  await billing.database.database.query(`
    alter table billing.charge disable trigger all;
    update billing.charge set amount = '99' where id = (select min(id) from billing.charge);
    alter table billing.charge enable trigger all;`);
  const { code, lines } = await billing.run(reconcileCommand);
  expect(code).toBe(1);
  const document = await billing.json<Document>(reconcileCommand);
  expect(new Set(document.differences.map(({ of, kind }) => `${of} ${kind}`))).toContain('charges amount');
  expect(document.differences.some(({ of }) => of === 'usage')).toBe(true);
  expect(lines.length).toBe(6 + document.differences.length);
});

test('misused', async () => {
  for (const options of [{ from: 'yesterday' }, { from: '2024-03-02', to: '2024-03-01' }])
    await expect(billing.run(reconcileCommand, options)).rejects.toMatchObject({ code: 'misused' });
  await expect(billing.run(reconcileCommand, {}, ['all'])).rejects.toMatchObject({ code: 'misused' });
});
