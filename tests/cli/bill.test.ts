// `weir bill` on a real ledger: shows a bill, and writes the same PDF each time, readable by its owner alone.
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { billCommand } from '../../cli/commands/bill.ts';
import { billRunCommand } from '../../cli/commands/bill-run.ts';
import { mediateCommand } from '../../cli/commands/mediate.ts';
import { BillingCommands, HOUR, MARCH } from '../support/billing-commands.ts';
import { readPdf } from '../support/read-pdf.ts';

const BILL = 'bolt-2024-03-01';
let billing: BillingCommands;
let number = '';
beforeAll(async () => {
  billing = await BillingCommands.start();
  billing.poll(MARCH + 7 * HOUR, MARCH + 9 * HOUR);
  billing.poll(MARCH + 31 * HOUR, MARCH + 31 * HOUR);
  await billing.run(mediateCommand);
  await billing.rate();
  const made = await billing.run(billRunCommand, {
    period: '2024-03-01',
    account: 'bolt',
    accept: ['gaps', 'suspense'],
  });
  if (made.code !== 0) throw new Error(made.lines.join('\n'));
  const { lines } = await billing.run(billCommand, {}, ['show', BILL]);
  number = /^Invoice (\S+)/.exec(lines[0] ?? '')?.[1] ?? '';
}, 60_000);
afterAll(() => billing.stop());

test.for([[[]], [['show']], [['print', BILL]], [['show', BILL, 'x']]] as [string[]][])(
  '%j is misuse',
  async ([positionals]) => {
    await expect(billing.run(billCommand, {}, positionals)).rejects.toMatchObject({ code: 'misused' });
  },
);

test('an unknown bill or format', async () => {
  await expect(billing.run(billCommand, {}, ['show', 'nobody'])).rejects.toMatchObject({ code: 'not_found' });
  await expect(billing.run(billCommand, { format: 'doc' }, ['export', BILL])).rejects.toMatchObject({
    code: 'misused',
  });
});

test('shows lines, tax and total, by id and by number', async () => {
  const { lines } = await billing.run(billCommand, {}, ['show', number]);
  const told = lines.map((line) => line.trim().replaceAll(/ +/g, ' '));
  expect(told[0]).toBe(`Invoice ${number} DEMO Bolt, "Nut" & Co 2024-03-01 validated`);
  expect(told[1]).toMatch(/^1 \+Traffic bolt-port [\d.]+ MB [\d.]+ EUR$/);
  expect(told.join('\n')).toMatch(/tax 19 % on [\d.]+ [\d.]+ EUR\ntotal [\d.]+ EUR\ndue \d{4}/);
  const document = await billing.json<object>(billCommand, {}, ['show', BILL]);
  expect(document).toMatchObject({ id: BILL, invoice: { number }, lines: [{ line: 1 }] });
});

test('writes the same PDF each time, for nobody but its owner; CSV and JSON beside it', async () => {
  const written = async (format: string, name: string): Promise<Buffer> => {
    const out = path.join(billing.folder, name);
    await billing.run(billCommand, { format, out }, ['export', BILL]);
    expect(statSync(out).mode & 0o777).toBe(0o600);
    return readFileSync(out);
  };
  const first = await written('pdf', 'a.pdf');
  expect((await written('pdf', 'b.pdf')).equals(first)).toBe(true);
  const { texts, drawn } = readPdf(first);
  expect(texts).toContain(`Invoice ${number}`);
  expect(texts).toContain('Usage of bolt-port');
  expect(drawn).toContain(' h f');
  expect((await written('csv', 'a.csv')).toString()).toMatch(/^watermark,bill,.*\r\nDEMO,bolt-2024-03-01,/);
  expect(JSON.parse((await written('json', 'a.json')).toString())).toMatchObject({ id: BILL, invoice: { number } });
});
