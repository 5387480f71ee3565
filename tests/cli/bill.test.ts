// `weir bill` on a real ledger: shows a bill, and writes the same PDF each time, readable by its owner alone.
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { auditCommand } from '../../cli/commands/audit.ts';
import { usageLinkCommand } from '../../cli/commands/usage-link.ts';
import { billCommand } from '../../cli/commands/bill.ts';
import { billRunCommand } from '../../cli/commands/bill-run.ts';
import { monthEndCommand } from '../../cli/commands/month-end.ts';
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

test('sending needs an address and a server; what is no address is misuse', async () => {
  await expect(billing.run(billCommand, {}, ['send', BILL])).rejects.toMatchObject({ code: 'mail_refused' });
  const to = ['ap@bolt.example'];
  await expect(billing.run(billCommand, { to }, ['send', BILL])).rejects.toMatchObject({ code: 'mail_refused' });
  await expect(billing.run(billCommand, { to: ['bolt'] }, ['send', BILL])).rejects.toMatchObject({ code: 'misused' });
  const sent = await billing.configured('mail: { host: 127.0.0.1, from: bills@weir.example }', () =>
    Promise.all([1, 2].map(() => billing.json<object>(billCommand, { to, request: 'r' }, ['send', BILL]))),
  );
  expect(sent[0]).toMatchObject({ recipients: to, state: 'intended' });
  expect(sent[1]).toEqual(sent[0]);
});

test('a payment is recorded once a request, and shown with what is open', async () => {
  await expect(billing.run(billCommand, { amount: '1' }, ['pay', BILL])).rejects.toMatchObject({ code: 'misused' });
  const asked = { amount: '0.01', date: '2024-03-05', reference: 'wire 7', request: 'w7' };
  for (let times = 0; times < 2; times += 1)
    expect(await billing.json<object>(billCommand, asked, ['pay', BILL])).toMatchObject({
      state: 'partiallyPaid',
      settlement: { paid: '0.01', overpaid: '0.00' },
    });
  const { lines } = await billing.run(billCommand, {}, ['show', BILL]);
  expect(lines.join('\n')).toMatch(/payment of 2024-03-05: 0\.01 EUR, wire 7\n +open [\d.]+ EUR/);
});

test('a usage link is made, listed and taken back', async () => {
  await expect(billing.run(usageLinkCommand, {}, ['create', 'nobody'])).rejects.toMatchObject({ code: 'not_found' });
  await expect(billing.run(usageLinkCommand, { days: '731' }, ['create', 'bolt'])).rejects.toMatchObject({
    code: 'misused',
  });
  const options = { note: 'portal', url: 'https://weir.example' };
  const made = await billing.json<{ id: string; link: string }>(usageLinkCommand, options, ['create', 'bolt']);
  expect(made.link).toMatch(/^https:\/\/weir\.example\/billing\/link\/[\w-]{43}$/);
  expect((await billing.run(usageLinkCommand, {}, ['list', 'bolt'])).lines[0]).toMatch(/ works +until .* portal$/);
  await billing.run(usageLinkCommand, {}, ['revoke', made.id]);
  expect((await billing.run(usageLinkCommand, {}, ['list', 'bolt'])).lines[0]).toContain(' revoked ');
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

test('weir month-end: samples, gaps, sums; what could not be compared is said', async () => {
  const { code, lines } = await billing.run(monthEndCommand, { period: '2024-03-01' });
  expect(lines[0]).toBe('2024-03-01: 4 meters');
  expect(lines[1]).toMatch(/^samples: 1152 expected, \d+ received, \d+ whole, 0 corrected by late readings$/);
  expect(lines.join('\n')).toContain('ports with traffic that nobody holds: 0');
  expect(lines.join('\n')).toContain('links were not compared: The collector answers');
  expect(lines.at(-1)).toMatch(/^billed: 1 bills, [\d.]+ EUR$/);
  expect(code).toBe(0);
  const document = await billing.json<{ meters: object[] }>(monthEndCommand, { period: '2024-03-01' });
  expect(document.meters[0]).toMatchObject({ samples: { expected: 288 }, state: { state: 'billed' } });
  await expect(billing.run(monthEndCommand)).rejects.toMatchObject({ code: 'misused' });
});

test('weir audit: exit code 0 while everything is as it was sealed, 1 and the entry where not', async () => {
  const sound = await billing.run(auditCommand);
  expect([sound.code, sound.lines.at(-1)]).toEqual([0, 'everything is as it was sealed']);
  expect(sound.lines[0]).toMatch(
    /^\d+ entries verified, which seal \d+ charge, 1 bill, 2 bill_state, 0 credit_note, 1 payment$/,
  );
  await expect(billing.run(auditCommand, { head: ['7'] })).rejects.toMatchObject({ code: 'misused' });
  await expect(billing.run(auditCommand, { published: '/nowhere' })).rejects.toMatchObject({ code: 'misused' });
  const head = `1:${'ab'.repeat(32)}`;
  expect((await billing.run(auditCommand, { head: [head] })).lines.at(-1)).toMatch(
    /^BAD: entry 1: another hash was told/,
  );
  await billing.database.database.query(
    `alter table billing.bill disable trigger all; update billing.bill set total = '0.00'; alter table billing.bill enable trigger all`,
  );
  const document = await billing.json<{ bad: object }>(auditCommand);
  expect(document.bad).toMatchObject({ mistake: 'content_changed', kind: 'bill', keys: [BILL] });
  expect((await billing.run(auditCommand)).code).toBe(1);
});
