// `weir export`: bills, charges and usage as JSON and CSV; safe to open, whole or not there, with the watermark in every form.
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { csvField } from '../../billing-bridge/export/csv.ts';
import { billRunCommand } from '../../cli/commands/bill-run.ts';
import { exportCommand } from '../../cli/commands/export.ts';
import { mediateCommand } from '../../cli/commands/mediate.ts';
import { BillingCommands, HOUR, MARCH } from '../support/billing-commands.ts';

let billing: BillingCommands;
beforeAll(async () => {
  billing = await BillingCommands.start();
  // Two hours at the end of February 29 in Chicago, one of March 1, and a reading that closes the day everywhere.
  billing.poll(MARCH + 4 * HOUR, MARCH + 7 * HOUR);
  billing.poll(MARCH + 30 * HOUR, MARCH + 30 * HOUR);
  await billing.run(mediateCommand);
  await billing.rate();
  await billing.run(billRunCommand, { period: '2024-03-01', accept: ['earlier_period'] });
}, 120_000);
afterAll(() => billing.stop());

const lines = async (kind: string, options: Record<string, string> = {}): Promise<readonly string[]> =>
  (await billing.run(exportCommand, options, [kind])).lines;

interface Exported {
  readonly export: string;
  readonly watermark: string;
  readonly items: readonly Record<string, unknown>[];
}

const json = async (kind: string, options: Record<string, string> = {}): Promise<Exported> => {
  const parsed: unknown = JSON.parse((await lines(kind, options)).join('\n'));
  return parsed as Exported;
};

describe('bills', () => {
  test('CSV: a row a line, what would be a formula is text', async () => {
    const [header, ...rows] = await lines('bills', { format: 'csv', account: 'acme' });
    expect(header).toBe(
      'watermark,bill,customer,customer_name,category,state,period,period_from,period_to,zone,issued_at,currency,' +
        'bill_total,line,kind,line_period,service,item,item_name,plan,plan_version,quantity,unit,exact_amount,billed_before,amount,number,issue_date,due_date,' +
        'tax_percent,tax_code,bill_net,bill_tax,bill_gross',
    );
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatch(
      /^DEMO,acme-2024-03-01,acme,'=HYPERLINK\(1\),normal,validated,2024-03-01,2024-03-01T00:00:00.000Z,2024-03-02T00:00:00.000Z,UTC,[^,]+,EUR,[\d.]+,1,charge,2024-03-01,acme-port,traffic,'\+Traffic,by-volume,1,[\d.]+,MB,[\d.]+,0,[\d.]+,,,,,,,,$/,
    );
    const bolt = await lines('bills', { format: 'csv', account: 'bolt' });
    expect(bolt[1]).toContain('"Bolt, ""Nut"" & Co"');
    expect(bolt[1]).toMatch(/,\d{4}-000001,\d{4}-\d\d-\d\d,\d{4}-\d\d-\d\d,19,S,[\d.]+,[\d.]+,[\d.]+$/);
  });

  test('JSON: bills with their lines; by period and by time', async () => {
    const all = await json('bills');
    expect(all).toMatchObject({ export: 'bills', watermark: 'DEMO' });
    expect(all.items.map(({ id, watermark }) => [id, watermark])).toEqual([
      ['bolt-2024-03-01', 'DEMO'],
      ['acme-2024-03-01', 'DEMO'],
    ]);
    // The day before was passed over by its gate: it stands on this bill as an adjustment.
    expect(all.items[0]).toMatchObject({
      lines: [
        { service: 'bolt-port', kind: 'charge', amount: '0.23' },
        { kind: 'adjustment', amount: '0.45', period: { name: '2024-02-29' } },
      ],
    });
    expect((await json('bills', { period: '2024-02-29' })).items).toEqual([]);
    expect((await json('bills', { from: '2024-03-01', to: '2024-03-02' })).items).toHaveLength(2);
    expect((await json('bills', { from: '2024-03-02' })).items).toHaveLength(0);
  });
});

test('charges: the period is that of the customer, in his own time zone', async () => {
  const windows = async (account: string): Promise<unknown[]> =>
    (await json('charges', { period: '2024-03-01', account })).items
      .filter(({ quantity }) => quantity !== '0')
      .map(({ windowStart }) => windowStart)
      .toSorted((left, right) => (String(left) < String(right) ? -1 : 1));
  expect((await windows('acme'))[0]).toBe('2024-03-01T04:00:00.000Z');
  expect((await windows('bolt'))[0]).toBe('2024-03-01T06:00:00.000Z');
  const [header, ...rows] = await lines('charges', {
    format: 'csv',
    from: '2024-03-01T04:00:00Z',
    to: '2024-03-01T05:00:00Z',
  });
  expect(header?.split(',').slice(0, 4)).toEqual(['watermark', 'id', 'customer', 'service']);
  expect(rows).toHaveLength(2);
  expect(rows[0]).toMatch(/^DEMO,\d+,(acme|bolt),/);
});

test('usage: every record with its port, exact', async () => {
  const options = { from: '2024-03-01T04:00:00Z', to: '2024-03-01T05:00:00Z' };
  const { items } = await json('usage', options);
  expect(items).toHaveLength(4 * 12);
  expect(items[0]).toMatchObject({ device: 'sw1', interfaceKey: 'ge-0', direction: 'in', octets: { good: '500000' } });
  const rows = await lines('usage', { ...options, format: 'csv' });
  expect(rows).toHaveLength(1 + 4 * 12);
  expect(rows[1]).toMatch(/^DEMO,1,sw1,ge-0,in,2024-03-01T04:00:00.000Z,300000,1,500000,0,0,0,300000,0,0,/);
});

describe('to a file', () => {
  test('which is whole, and only its owner may read it', async () => {
    const file = path.join(billing.folder, 'bills.csv');
    const { code, lines: said } = await billing.run(exportCommand, { format: 'csv', out: file }, ['bills']);
    expect([code, said]).toEqual([0, [`2 bills written to ${file}`]]);
    expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(1 + 3 + 1);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(existsSync(`${file}.part`)).toBe(false);
    expect(await billing.json(exportCommand, { format: 'csv', out: file }, ['bills'])).toEqual({ file, items: 2 });
  });

  test('that cannot be written: a coded error, and nothing is left', async () => {
    const missing = path.join(billing.folder, 'no', 'bills.csv');
    await expect(billing.run(exportCommand, { out: missing }, ['bills'])).rejects.toMatchObject({
      code: 'output_unwritable',
    });
    const folder = path.join(billing.folder, 'a-folder');
    mkdirSync(folder);
    await expect(billing.run(exportCommand, { out: folder }, ['bills'])).rejects.toMatchObject({
      code: 'output_unwritable',
    });
    expect(existsSync(`${folder}.part`)).toBe(false);
  });
});

describe('misused', () => {
  test.for([
    [{}, []],
    [{}, ['everything']],
    [{}, ['bills', 'charges']],
    [{ format: 'xml' }, ['bills']],
    [{ period: '2024-03', from: '2024-03-01' }, ['bills']],
    [{ from: '2024-03-02', to: '2024-03-01' }, ['bills']],
    [{ from: 'yesterday' }, ['bills']],
    [{ account: 'acme' }, ['usage']],
    [{ format: 'csv', json: true }, ['bills']],
  ] as const)('%j %j', async ([options, positionals]) => {
    await expect(billing.run(exportCommand, { ...options, config: '/nowhere' }, positionals)).rejects.toMatchObject({
      code: 'misused',
    });
  });

  test('a period or an account that is none', async () => {
    await expect(lines('bills', { period: '2024-13' })).rejects.toMatchObject({ code: 'period_unknown' });
    await expect(lines('bills', { account: 'nobody' })).rejects.toMatchObject({ code: 'not_found' });
  });
});

test.for([
  ['text', 'Acme', 'Acme'],
  ['text', '=1+1', "'=1+1"],
  ['text', '@SUM(A1)', "'@SUM(A1)"],
  ['text', '-2+3', "'-2+3"],
  ['text', ' =1', "' =1"],
  ['text', '\t=1', "'\t=1"],
  ['text', '=1,2', `"'=1,2"`],
  ['text', 'a"b', '"a""b"'],
  ['text', 'two\nlines', '"two\nlines"'],
  ['text', null, ''],
  ['number', '-12.50', '-12.50'],
  ['number', 18_446_744_073_709_551_615n, '18446744073709551615'],
  ['number', '-1/3', "'-1/3"],
  ['number', '=1', "'=1"],
] as const)('CSV %s %s is %s', ([kind, value, expected]) => {
  expect(csvField(kind, value)).toBe(expected);
});
