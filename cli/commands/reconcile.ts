// `weir reconcile`: usage against counters, charges against usage, bills against charges; every difference, and none is the only good answer.
import type { Reconciliation } from '../../billing-bridge/reconciliation.ts';
import { isoTime } from '../../common/model/time.ts';
import { instantOption, LEDGER_HELP, LEDGER_OPTIONS, refuseArguments } from '../billing/billing-options.ts';
import { withLedger } from '../billing/open-ledger.ts';
import {
  endsCompared,
  outsideAgrees,
  outsideDocument,
  polledAfresh,
  printOutside,
  TOLERANCE_PPM,
} from '../billing/outside.ts';
import { wholeNumberOption } from '../options.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Command, CommandContext } from '../command.ts';

export const reconcileCommand: Command = {
  name: 'reconcile',
  summary: 'prove conservation and print every difference',
  help: `usage: weir reconcile [--from TIME] [--to TIME] [--poll] [--outside] [OPTIONS]

  --from TIME      a date (midnight UTC) or an instant; default: where usage begins
  --to TIME        default: now
  --poll           also asks every device of the configuration that has meters, from here and past agent and collector, and holds each
                   counter against the last reading that is stored of it: between the two lies no more than the line carries
  --outside        also holds the two ends of each link, and access ports and uplinks, against each other, as weir month-end does
  --tolerance-ppm N  how far two ends may differ, in parts per million; default ${TOLERANCE_PPM}
${LEDGER_HELP}

Reads the raw readings of the collector again and computes everything anew: usage against counters, charges against usage,
bills against charges. Writes nothing; may be run while the bridge works. Exit code 1 where there is a difference.`,
  options: {
    ...LEDGER_OPTIONS,
    from: { type: 'string' },
    to: { type: 'string' },
    poll: { type: 'boolean' },
    outside: { type: 'boolean' },
    'tolerance-ppm': { type: 'string' },
  },
  run: async (context) => {
    refuseArguments(context, 'reconcile');
    const [from, to] = [instantOption(context, 'from'), instantOption(context, 'to')];
    if (from !== null && to !== null && to <= from) throw new WeirError('misused', '--to is not after --from.');
    const tolerance = wholeNumberOption(context, 'tolerance-ppm', {
      otherwise: TOLERANCE_PPM,
      least: 0,
      most: 1_000_000,
    });
    return withLedger(context, 'reconcile', async (opened) => {
      const { ledger, clock } = opened;
      const now = clock.now();
      const fromMs = from ?? (await ledger.begin()) ?? now;
      context.progress(`reading everything from ${isoTime(fromMs)} again …`);
      const found = await ledger.reconcile(fromMs, Math.max(fromMs, to ?? now));
      const span = { startMs: fromMs, endMs: Math.max(fromMs, to ?? now) };
      const ends = context.options['outside'] === true ? await endsCompared(context, opened, span, tolerance) : null;
      const polled = context.options['poll'] === true ? await polledAfresh(context, opened) : null;
      if (context.json) context.print(JSON.stringify({ ...document(found), ...outsideDocument(ends, polled) }));
      else {
        print(context, found);
        printOutside(context, ends, polled);
      }
      return found.differences === 0 && outsideAgrees(ends, polled) ? 0 : 1;
    });
  },
};

/** Every difference, with what it was found between. */
function allDifferences({ usage, charges, bills }: Reconciliation): object[] {
  return [
    ...usage.differences.map(({ atMs, ...difference }) => ({ of: 'usage', at: isoTime(atMs), ...difference })),
    ...charges.differences.map(({ windowStartMs, ...difference }) => ({
      of: 'charges',
      windowStart: isoTime(windowStartMs),
      ...difference,
    })),
    ...bills.differences.map((difference) => ({ of: 'bills', ...difference })),
  ];
}

function document(found: Reconciliation): object {
  const { differences: _usage, ...usage } = found.usage;
  const { differences: _charges, ...charges } = found.charges;
  const { differences: _bills, ...bills } = found.bills;
  return {
    from: isoTime(found.fromMs),
    to: isoTime(found.toMs),
    usage,
    charges,
    bills,
    differences: allDifferences(found),
  };
}

function print(context: CommandContext, found: Reconciliation): void {
  const { usage, charges, bills } = found;
  const row = (what: string, of: string, differences: number): void =>
    context.print(`  ${what.padEnd(26)}${of.padEnd(56)}${differences}`);
  context.print(`from ${isoTime(found.fromMs)} to ${isoTime(found.toMs)}`);
  context.print(`  ${''.padEnd(26)}${''.padEnd(56)}differences`);
  row(
    'usage against counters',
    `${usage.meters} meters, ${usage.readings} readings, ${usage.records} records`,
    usage.differences.length,
  );
  row(
    'charges against usage',
    `${charges.charges} charges, ${charges.usageRecords} records`,
    charges.differences.length,
  );
  row('bills against charges', `${bills.bills} bills, ${bills.lines} lines`, bills.differences.length);
  const { good, wrapped, gap, suspended } = usage.octets;
  context.print(
    `  octets: ${good} good, ${wrapped} wrapped, ${gap} gap, ${suspended} suspended; ${usage.lostSpans} lost spans`,
  );
  for (const difference of allDifferences(found)) context.print(`  ${JSON.stringify(difference)}`);
}
