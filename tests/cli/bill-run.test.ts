// `weir bill-run` on a real ledger: held at hard gates, made once, the same bill for ever, with its watermark.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { billRunCommand } from '../../cli/commands/bill-run.ts';
import { mediateCommand } from '../../cli/commands/mediate.ts';
import { reconcileCommand } from '../../cli/commands/reconcile.ts';
import { BillingCommands, HOUR, MARCH } from '../support/billing-commands.ts';

let billing: BillingCommands;
beforeAll(async () => {
  billing = await BillingCommands.start();
  billing.poll(MARCH, MARCH + 2 * HOUR);
  await billing.run(mediateCommand);
});
afterAll(() => billing.stop());

const bills = async (): Promise<number> => {
  const { rows } = await billing.database.database.query('select from billing.bill');
  return rows.length;
};

describe('refused before anything is asked', () => {
  test.for([
    [{}, []],
    [{ period: '2024-03-01' }, ['acme']],
    [{ period: '2024-03-01', accept: ['everything'] }, []],
  ] as [Record<string, string | string[]>, string[]][])('%j %j', async ([options, positionals]) => {
    await expect(billing.run(billRunCommand, { ...options, config: '/nowhere' }, positionals)).rejects.toMatchObject({
      code: 'misused',
    });
  });
});

test('a period that nobody is billed by, an account that is not there', async () => {
  await expect(billing.run(billRunCommand, { period: '2024-03' })).rejects.toMatchObject({ code: 'period_unknown' });
  const options = { period: '2024-03-01', account: 'nobody' };
  await expect(billing.run(billRunCommand, options)).rejects.toMatchObject({ code: 'not_found' });
});

test('held while usage is not final: exit code 1, the gate and what it found, no bill', async () => {
  const { code, lines } = await billing.run(billRunCommand, { period: '2024-03-01', account: 'acme' });
  expect(code).toBe(1);
  expect(lines[0]).toBe('bills of 2024-03-01  DEMO');
  expect(lines[1]).toBe('  acme                    held back');
  expect(lines[2]).toMatch(/^ {4}gate finality: \d not in order$/);
  expect(lines.join('\n')).toContain('"reason":"usage not final"');
  expect(lines.at(-1)).toContain('[bill_gate_closed]');
  const document = await billing.json<object>(billRunCommand, { period: '2024-03-01', account: 'acme' });
  expect(document).toMatchObject({ watermark: 'DEMO', accounts: [{ outcome: 'held', bill: null }] });
  expect(await bills()).toBe(0);
});

test('an interim bill closes nothing', async () => {
  await billing.rate();
  const { code, lines } = await billing.run(billRunCommand, { period: '2024-03-01', account: 'acme', interim: true });
  expect([code, lines]).toEqual([
    0,
    [
      'interim bills of 2024-03-01  DEMO',
      // Two hours of 60 polls of 0.3 MB at 0.0125.
      '  acme                    made              acme-2024-03-01-interim-1           0.45 EUR  DEMO',
    ],
  ]);
});

test('made when everything is final and the day before is billed, and the same bill for ever', async () => {
  // A reading when the day ends in Chicago too, and closes every bucket: 30 hours after the others.
  const end = MARCH + 30 * HOUR;
  billing.poll(end, end);
  await billing.run(mediateCommand);
  await billing.rate();
  const early = await billing.run(billRunCommand, { period: '2024-03-01' });
  expect([early.code, told(early.lines)]).toEqual([
    1,
    [
      'acme made acme-2024-03-01 0.45 EUR DEMO',
      'bolt held back',
      'gate earlier_period: 1 not in order',
      '{"firstUnbilledPeriod":"2024-02-29"}',
      '1 held back: put the gates in order, or accept them by name (--accept GATE). [bill_gate_closed]',
    ],
  ]);
  // In Chicago the two hours are still the evening of February 29, and four hours of the gap after them.
  const february = await billing.run(billRunCommand, { period: '2024-02-29', accept: ['clock,gaps', 'suspense'] });
  expect([february.code, told(february.lines)]).toEqual([
    0,
    ['acme nothing to bill', 'bolt made bolt-2024-02-29 0.45 EUR DEMO'],
  ]);
  expect((await billing.run(billRunCommand, { period: '2024-03-01' })).code).toBe(0);
  const again = await billing.json<{ accounts: object[] }>(billRunCommand, { period: '2024-03-01' });
  expect(again.accounts).toMatchObject([
    { account: 'acme', outcome: 'closed', bill: 'acme-2024-03-01', total: '0.45' },
    { account: 'bolt', outcome: 'closed', bill: 'bolt-2024-03-01', total: '0.00' },
  ]);
  expect(await bills()).toBe(4);
  const { rows } = await billing.database.database.query<{ by_whom: string }>('select by_whom from billing.bill_run');
  expect(new Set(rows.map((row) => row.by_whom))).toEqual(new Set(['weir bill-run by anna']));
  expect((await billing.run(reconcileCommand)).code).toBe(0);
}, 120_000);

/** Without the heading and the spaces of the table. */
function told(lines: readonly string[]): string[] {
  return lines.slice(1).map((line) => line.trim().replaceAll(/ +/g, ' '));
}
