// `weir bill-run`: makes the bills of a period, or says which gate holds each back.
import type { AccountResult, BillRunResult } from '../../billing-bridge/bill/bill-run.ts';
import { GATE_NAMES, type Gate, type GateName, holding } from '../../billing-bridge/bill/gates.ts';
import { BILL_LEASE } from '../../billing-bridge/bill-runner.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { LEDGER_HELP, LEDGER_OPTIONS, refuseArguments } from '../billing/billing-options.ts';
import { withLedger } from '../billing/open-ledger.ts';
import type { Command, CommandContext } from '../command.ts';
import { textOption } from '../options.ts';

const SHOWN_FINDINGS = 5;

export const billRunCommand: Command = {
  name: 'bill-run',
  summary: 'make the bills of a period',
  help: `usage: weir bill-run --period PERIOD [OPTIONS]

  --period PERIOD  2026-11 for a month, 2026-11-24 for a day, 2026-11-24T08Z for an hour (UTC); accounts that are billed by
                   another cycle are left out
  --account ID     only this one
  --interim        bills of what there is, also of a running period; they close nothing
  --accept GATE    goes on although the gate is closed; may be given again. Gates: ${GATE_NAMES.slice(0, 4).join(', ')},
                   ${GATE_NAMES.slice(4).join(', ')}
${LEDGER_HELP}

A bill that was made stays as it is: run again, nothing changes. Exit code 1 where a bill was held back.`,
  options: {
    ...LEDGER_OPTIONS,
    period: { type: 'string' },
    account: { type: 'string' },
    interim: { type: 'boolean' },
    accept: { type: 'string', multiple: true },
  },
  run: async (context) => {
    refuseArguments(context, 'bill-run');
    const period = textOption(context, 'period');
    if (period === undefined) throw new WeirError('misused', 'weir bill-run takes --period PERIOD.');
    const request = {
      period,
      account: textOption(context, 'account'),
      interim: context.options['interim'] === true,
      accept: acceptedGates(context),
      by: `weir bill-run by ${context.environment['USER'] ?? 'nobody known'}`,
    };
    return withLedger(context, 'bill-run', async ({ ledger, underLease }) => {
      context.progress(`making the bills of ${period} …`);
      const result = await underLease(BILL_LEASE, ({ fence }) =>
        ledger.billRun.run({
          ...request,
          fence,
          progress: (done, of) => context.progress(`${done} of ${of} accounts …`),
        }),
      );
      if (context.json) context.print(JSON.stringify({ ...result, watermark: ledger.watermark }));
      else print(context, result, ledger.watermark);
      return result.accounts.some(({ outcome }) => outcome === 'held') ? 1 : 0;
    });
  },
};

function acceptedGates(context: CommandContext): GateName[] {
  const given = [context.options['accept'] ?? []].flat().flatMap((text) => String(text).split(','));
  return given.map((text) => {
    const gate = GATE_NAMES.find((name) => name === text);
    if (gate === undefined)
      throw new WeirError('misused', `--accept takes one of ${GATE_NAMES.join(', ')}, not ${text}.`);
    return gate;
  });
}

const OUTCOMES: Readonly<Record<AccountResult['outcome'], string>> = {
  made: 'made',
  closed: 'was made before',
  held: 'held back',
  nothing: 'nothing to bill',
};

function print(context: CommandContext, result: BillRunResult, watermark: string | null): void {
  const mark = watermark === null ? '' : `  ${watermark}`;
  context.print(`${result.interim ? 'interim bills' : 'bills'} of ${result.period}${mark}`);
  for (const { account, outcome, bill, total, currency, gates } of result.accounts) {
    const money = total === null ? '' : `${total} ${currency}${mark}`;
    context.print(`  ${account.padEnd(24)}${OUTCOMES[outcome].padEnd(18)}${(bill ?? '').padEnd(36)}${money}`.trimEnd());
    for (const gate of outcome === 'held' ? holding(gates) : []) printGate(context, gate);
  }
  const held = result.accounts.filter(({ outcome }) => outcome === 'held').length;
  if (held > 0)
    context.print(
      `${held} held back: put the gates in order, or accept them by name (--accept GATE). [bill_gate_closed]`,
    );
}

function printGate(context: CommandContext, gate: Gate): void {
  context.print(`    gate ${gate.name}: ${gate.count} not in order`);
  for (const finding of gate.findings.slice(0, SHOWN_FINDINGS)) context.print(`      ${JSON.stringify(finding)}`);
  if (gate.count > SHOWN_FINDINGS) context.print(`      and ${gate.count - SHOWN_FINDINGS} more (--json)`);
}
