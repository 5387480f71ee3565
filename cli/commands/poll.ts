// weir poll: one poll of one device, printed for a person or as JSON; takes the options people know from snmpget.
import { pollAndExplain } from '../../agent/poll-once.ts';
import { agentOnlySchema } from '../../agent/config.ts';
import type { Poll } from '../../common/model/poll.ts';
import { ERROR_TABLE, type ErrorCode } from '../../common/runtime/error-table.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Command, CommandContext } from '../command.ts';
import {
  CREDENTIAL_HELP,
  CREDENTIAL_OPTIONS,
  givenCredential,
  retriesOption,
  timeoutOption,
} from '../credential-options.ts';
import { textOption } from '../options.ts';
import { pollDocument } from '../poll/document.ts';
import { explainDocument, printExplanation } from '../poll/explain.ts';
import { printPoll } from '../poll/print.ts';

export const pollCommand: Command = {
  name: 'poll',
  summary: 'poll one device once and print what it says',
  help: `usage: weir poll ADDRESS[:PORT] [OPTIONS]

ADDRESS is a host name, an IPv4 address, an IPv6 address or [IPv6]:PORT.

${CREDENTIAL_HELP}
  -t SECONDS       how long to wait for an answer; default 2
  -r NUMBER        how often to try again; default 2
  --answer-bytes NUMBER         what answers are aimed at; default 1400, over a thin line less
  --requests-per-second NUMBER  no more than that; default as fast as it answers
  --explain        how it went: sizes chosen and why, times, bytes, the profile
  --json           one JSON object; with --explain it has the key explain`,
  options: {
    ...CREDENTIAL_OPTIONS,
    timeout: { type: 'string', short: 't' },
    retries: { type: 'string', short: 'r' },
    explain: { type: 'boolean' },
    'answer-bytes': { type: 'string' },
    'requests-per-second': { type: 'string' },
  },
  run,
};

async function run(context: CommandContext): Promise<0 | 1> {
  const [address, ...rest] = context.positionals;
  if (address === undefined || rest.length > 0) throw new WeirError('misused', 'Expected one ADDRESS[:PORT].');
  const whole = configurationOf(address, context);
  context.progress(`polling ${address} …`);
  const options = { environment: context.environment, signal: context.signal };
  const { poll, explanation } = await pollAndExplain(whole, options);
  if (poll.outcome === 'failed') throw failureOf(poll, address, context);
  const explain = context.options['explain'] === true;
  if (context.json) {
    const document = { ...pollDocument(poll), ...(explain ? { explain: explainDocument(explanation) } : {}) };
    context.print(JSON.stringify(document, null, 2));
    return 0;
  }
  printPoll(poll, address, (line) => context.print(line));
  if (explain) printExplanation(explanation, (line) => context.print(line));
  return 0;
}

/** The options as the configuration of one device, held against the same schema as a file. */
function configurationOf(address: string, context: CommandContext): ReturnType<typeof parsed> {
  return parsed({
    credentials: { given: givenCredential(context, textOption(context, 'community') ?? 'public') },
    devices: [{ name: 'device', address, credential: 'given' }],
    agent: { timeout_ms: timeoutOption(context, 2000), retries: retriesOption(context, 2), lines: lineOf(context) },
  });
}

/** As if the device stood behind a thin line; none where nothing was said of it. */
function lineOf(context: CommandContext): object {
  const answerBytes = textOption(context, 'answer-bytes');
  const rate = textOption(context, 'requests-per-second');
  if (answerBytes === undefined && rate === undefined) return {};
  return {
    given: {
      devices: ['device'],
      ...(answerBytes === undefined ? {} : { answer_bytes: Number(answerBytes) }),
      ...(rate === undefined ? {} : { requests_per_second: Number(rate) }),
    },
  };
}

function parsed(whole: unknown): ReturnType<typeof agentOnlySchema.parse> {
  const result = agentOnlySchema.safeParse(whole);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new WeirError('misused', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}.`);
}

function failureOf(poll: Poll, address: string, context: CommandContext): WeirError {
  const code = isErrorCode(poll.failure) ? poll.failure : 'unexpected';
  const version = context.options['version'] ?? '2c';
  const who = version === '3' ? `user ${String(context.options['user'])}` : 'the community given';
  const tried = `SNMP version ${String(version)}, ${who}, ${poll.requests} requests, ${poll.retries} of them retries`;
  return new WeirError(code, `${address}: ${ERROR_TABLE[code].meaning} Tried: ${tried}.`, {
    address,
    version,
    requests: poll.requests,
    retries: poll.retries,
    durationMs: poll.finishedAtMs - poll.startedAtMs,
  });
}

function isErrorCode(text: string | null): text is ErrorCode {
  return text !== null && Object.hasOwn(ERROR_TABLE, text);
}
