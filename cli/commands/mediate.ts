// `weir mediate`: one run of mediation now, under the lease of the bridge.
import { LEDGER_HELP, LEDGER_OPTIONS, refuseArguments } from '../billing/billing-options.ts';
import { withLedger } from '../billing/open-ledger.ts';
import type { Command } from '../command.ts';

export const mediateCommand: Command = {
  name: 'mediate',
  summary: 'run mediation once',
  help: `usage: weir mediate [OPTIONS]

Pulls what is new at the collector and turns it into usage records, as the bridge does by itself. Run again it writes nothing
more. Readings are asked for with WEIR_BRIDGE_TOKEN, else with the tokens of the data folder.

${LEDGER_HELP}`,
  options: LEDGER_OPTIONS,
  run: async (context) => {
    refuseArguments(context, 'mediate');
    return withLedger<0 | 1>(context, 'mediate', async ({ mediation, underLease }) => {
      context.progress('mediating …');
      const summary = await underLease('billing-mediate', ({ fence }) => mediation.run(fence, context.signal));
      if (context.json) context.print(JSON.stringify(summary));
      else
        context.print(
          `${summary.records} usage records written, ${summary.corrected} of them corrections, from ${summary.pages} pages of readings` +
            (summary.quarantined === 0 ? '' : `; the collector keeps ${summary.quarantined} batches aside`),
        );
      return 0;
    });
  },
};
