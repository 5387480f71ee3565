// `weir audit`: computes the hash chain over the ledger anew, and names the first entry that is bad.
import type { ChainFinding, ChainMistake, ChainProof } from '../../billing-bridge/audit/chain.ts';
import { headsIn } from '../../billing-bridge/audit/chain-sinks.ts';
import { type RepeatedRun, repeatRun } from '../../billing-bridge/rate/repeat-run.ts';
import { messageOf, WeirError } from '../../common/runtime/errors.ts';
import { LEDGER_HELP, LEDGER_OPTIONS, refuseArguments } from '../billing/billing-options.ts';
import { withLedger } from '../billing/open-ledger.ts';
import type { Command, CommandContext } from '../command.ts';
import { textOption, textsOption, wholeNumberOption } from '../options.ts';

export const auditCommand: Command = {
  name: 'audit',
  summary: 'verify the hash chain over charges, bills and credit notes',
  help: `usage: weir audit [--published FILE] [--head POSITION:HASH] [--run ID] [OPTIONS]

  --published FILE      a file that the ledger was told to (billing_bridge.ledger_sinks): every head in it must fit
  --head POSITION:HASH  a head from elsewhere, such as one printed on a bill; may be given again
  --run ID              also rates that run once more, from the usage records and contracts that were stored when it ran
${LEDGER_HELP}

Reads every charge, bill, state of a bill and credit note as it was sealed, and computes each hash from the one before. Writes
nothing; may be run while the bridge works. Exit code 1 where something is not as it was sealed; the first such entry is named.`,
  options: {
    ...LEDGER_OPTIONS,
    published: { type: 'string' },
    head: { type: 'string', multiple: true },
    run: { type: 'string' },
  },
  run: async (context) => {
    refuseArguments(context, 'audit');
    const published = await publishedHeads(context);
    const run = wholeNumberOption(context, 'run', { otherwise: 0, least: 0, most: Number.MAX_SAFE_INTEGER });
    return withLedger<0 | 1>(context, 'audit', async ({ ledger, config }) => {
      const proof = await ledger.audit(published, (position) => context.progress(`${position} entries …`));
      const again = run === 0 ? null : await repeatRun(ledger.rating.deps, config.bucketMs, BigInt(run));
      if (context.json) context.print(JSON.stringify({ ...documentOf(proof), ...repeatedOf(again) }));
      else print(context, proof, published.size);
      if (!context.json && again !== null) printRepeated(context, again);
      return proof.bad === null && (again?.differences.length ?? 0) === 0 ? 0 : 1;
    });
  },
};

async function publishedHeads(context: CommandContext): Promise<Map<string, string>> {
  const file = textOption(context, 'published');
  const heads = file === undefined ? new Map<string, string>() : await readHeads(file);
  for (const text of textsOption(context, 'head')) {
    const [, position, hash] = /^(\d{1,18})[: ]([0-9a-f]{64})$/.exec(text) ?? [];
    if (position === undefined || hash === undefined)
      throw new WeirError('misused', `--head takes POSITION:HASH, not ${text}.`);
    heads.set(position, hash);
  }
  return heads;
}

async function readHeads(file: string): Promise<Map<string, string>> {
  try {
    return await headsIn(file);
  } catch (cause) {
    throw new WeirError('misused', `Cannot read ${file}: ${messageOf(cause)}.`, { file }, cause);
  }
}

function repeatedOf(again: RepeatedRun | null): object {
  if (again === null) return {};
  const { run, usageSerial, contractSerial, charges, differences } = again;
  return {
    repeated: {
      run: run.toString(),
      usageSerial: usageSerial.toString(),
      contractSerial: contractSerial.toString(),
      charges,
      differences: differences.map(({ charge, ...rest }) => ({ charge: charge.toString(), ...rest })),
    },
  };
}

function printRepeated(context: CommandContext, again: RepeatedRun): void {
  const { run, usageSerial, contractSerial, charges, differences } = again;
  context.print(
    `run ${run} repeated from usage up to ${usageSerial} and contracts up to ${contractSerial}: ${charges} charges, ${differences.length} differences`,
  );
  for (const { charge, field, expected, found, cause } of differences)
    context.print(`  charge ${charge} ${field}: was ${expected}, is ${found}${cause === null ? '' : ` (${cause})`}`);
}

function documentOf({ head, ...proof }: ChainProof): object {
  return { ...proof, head: { position: head.position.toString(), hash: head.hash } };
}

const SAID: Readonly<Record<ChainMistake, string>> = {
  content_changed: 'what it seals was changed, or is gone',
  hash_wrong: 'the entry itself was changed',
  position_missing: 'it is not there',
  head_wrong: 'the head of the chain does not fit its last entry: entries at its end are gone',
  not_sealed: 'rows that no entry seals',
  published_differs: 'another hash was told outside',
};

function print(context: CommandContext, { entries, rows, head, bad }: ChainProof, published: number): void {
  const sealed = Object.entries(rows).map(([kind, count]) => `${count} ${kind}`);
  context.print(`${entries} entries verified, which seal ${sealed.join(', ')}`);
  if (published > 0) context.print(`${published} heads from elsewhere`);
  context.print(`head ${head.position} ${head.hash}`);
  context.print(bad === null ? 'everything is as it was sealed' : `BAD: ${describe(bad)}`);
}

function describe({ mistake, position, kind, keys }: ChainFinding): string {
  const place = position === '' ? '' : `entry ${position}: `;
  return `${place}${SAID[mistake]}${kind === null ? '' : ` (${kind} ${keys.join(', ')})`}`;
}
