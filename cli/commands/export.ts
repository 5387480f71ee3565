// `weir export`: bills, charges or usage as JSON or CSV, to standard output or a file.
import { WeirError } from '../../common/runtime/errors.ts';
import { instantOption, LEDGER_HELP, LEDGER_OPTIONS } from '../billing/billing-options.ts';
import { type ExportFormat, writeExport } from '../billing/export-writer.ts';
import { exported, type ExportKind, EXPORT_KINDS, type ExportQuery } from '../billing/exported.ts';
import { withLedger } from '../billing/open-ledger.ts';
import { openOutput } from '../billing/output.ts';
import type { Command, CommandContext } from '../command.ts';
import { textOption } from '../options.ts';

export const exportCommand: Command = {
  name: 'export',
  summary: 'write bills, charges or usage as JSON or CSV',
  help: `usage: weir export bills|charges|usage [OPTIONS]

  --format json|csv  default json
  --out FILE         instead of standard output; the file is there only when it is whole
  --period PERIOD    2026-11, 2026-11-24 or 2026-11-24T08Z: bills of that period; charges whose window begins in it, by the
                     customer's own time zone; usage whose bucket begins in it, by UTC
  --from, --to TIME  instead: a date (midnight UTC) or an instant; of bills, the beginning of their period
  --account ID       bills and charges of this one only
${LEDGER_HELP}

CSV has one row a bill line, charge or usage record. A text that a spreadsheet would take for a formula begins with an
apostrophe. The watermark of the configuration stands in every form.`,
  options: {
    ...LEDGER_OPTIONS,
    format: { type: 'string' },
    out: { type: 'string' },
    period: { type: 'string' },
    from: { type: 'string' },
    to: { type: 'string' },
    account: { type: 'string' },
  },
  run: async (context) => {
    const kind = kindOf(context);
    const out = textOption(context, 'out');
    const format = formatOf(context, out);
    const query = queryOf(context, kind);
    return withLedger<0 | 1>(context, 'export', async ({ ledger }) => {
      const output = openOutput(out ?? null, context);
      let items = 0;
      try {
        for await (const line of writeExport(format, await exported(ledger, kind, query))) {
          if (line.item) items += 1;
          output.write(line.text);
          if (line.item && items % 10_000 === 0) context.progress(`${items} …`);
          if (context.signal.aborted) break;
        }
        if (!context.signal.aborted) output.finish();
      } finally {
        output.discard();
      }
      if (context.signal.aborted) return 1;
      if (out !== undefined)
        context.print(context.json ? JSON.stringify({ file: out, items }) : `${items} ${kind} written to ${out}`);
      return 0;
    });
  },
};

function kindOf(context: CommandContext): ExportKind {
  const [word, ...rest] = context.positionals;
  const kind = EXPORT_KINDS.find((one) => one === word);
  if (kind === undefined || rest.length > 0)
    throw new WeirError('misused', `weir export takes one of ${EXPORT_KINDS.join(', ')}.`);
  return kind;
}

function formatOf(context: CommandContext, out: string | undefined): ExportFormat {
  const text = textOption(context, 'format') ?? 'json';
  if (text !== 'json' && text !== 'csv') throw new WeirError('misused', `--format is json or csv, not ${text}.`);
  if (text === 'csv' && context.json && out === undefined)
    throw new WeirError('misused', '--json and --format csv on one output; give --out FILE or one of the two.');
  return text;
}

function queryOf(context: CommandContext, kind: ExportKind): ExportQuery {
  const query = {
    period: textOption(context, 'period') ?? null,
    fromMs: instantOption(context, 'from'),
    toMs: instantOption(context, 'to'),
    account: textOption(context, 'account') ?? null,
  };
  if (query.period !== null && (query.fromMs !== null || query.toMs !== null))
    throw new WeirError('misused', 'Give --period or --from and --to, not both.');
  if (query.fromMs !== null && query.toMs !== null && query.toMs <= query.fromMs)
    throw new WeirError('misused', '--to is not after --from.');
  if (query.account !== null && kind === 'usage')
    throw new WeirError('misused', 'Usage has no account: leave --account out.');
  return query;
}
