// `weir rerate`: shows what rating a span anew would change, and changes it only where --apply says so.
import { isoTime } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { instantOption, LEDGER_HELP, LEDGER_OPTIONS, refuseArguments } from '../billing/billing-options.ts';
import { withLedger } from '../billing/open-ledger.ts';
import type { Command } from '../command.ts';
import { textOption } from '../options.ts';

export const rerateCommand: Command = {
  name: 'rerate',
  summary: 'show what rating a period anew would change, and apply it',
  help: `usage: weir rerate --from TIME --to TIME [--account ID] [--apply] [OPTIONS]

  --from, --to TIME  a date (midnight UTC) or an instant: charges whose window begins in it
  --account ID       only this one
  --apply            rates anew what differs; without it nothing is written
${LEDGER_HELP}

Every charge of the span is computed again from the usage there is and the contracts as this configuration states them. What differs is
printed, with what it changes by: run it before the bridge is started on a changed configuration. --apply also applies the contracts.
Charges that a closed bill holds stay in it; the difference becomes an adjustment on the next.`,
  options: {
    ...LEDGER_OPTIONS,
    from: { type: 'string' },
    to: { type: 'string' },
    account: { type: 'string' },
    apply: { type: 'boolean' },
  },
  run: async (context) => {
    refuseArguments(context, 'rerate');
    const [fromMs, toMs] = [instantOption(context, 'from'), instantOption(context, 'to')];
    if (fromMs === null || toMs === null || toMs <= fromMs)
      throw new WeirError('misused', 'weir rerate takes --from TIME and a later --to TIME.');
    const account = textOption(context, 'account') ?? null;
    const apply = context.options['apply'] === true;
    return withLedger<0>(context, 'rerate', async ({ ledger, config, underLease }) => {
      const book = await ledger.accounts.bookWith(config.contracts);
      if (account !== null && !book.customers.has(account))
        throw new WeirError('not_found', `There is no account ${account}.`, { account });
      const plan = await ledger.planRerating(book, { fromMs, toMs, account });
      if (!context.json) {
        context.print(`${plan.charges} charges computed anew, ${plan.differences.length} windows differ`);
        for (const { customer, service, item, windowStartMs, before, after } of plan.differences)
          context.print(
            `  ${customer}  ${service}  ${item}  ${isoTime(windowStartMs)}  ${before} -> ${after ?? 'to be rated'}`,
          );
        for (const [currency, change] of Object.entries(plan.change))
          context.print(`  changes by ${change} ${currency}`);
      }
      let rated = 0;
      if (apply)
        rated = await underLease('billing-rate', async (lease) => {
          await ledger.accounts.apply(config.contracts);
          await ledger.applyRerating(plan);
          return (await ledger.rating.run(lease)).charges;
        });
      if (context.json) {
        const { windows, ...told } = plan;
        context.print(JSON.stringify({ ...told, windows: windows.length, applied: apply, rated }));
      } else context.print(apply ? `applied: ${rated} charges rated` : 'nothing was written; --apply rates them anew');
      return 0;
    });
  },
};
