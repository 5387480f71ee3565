// weir poll: one poll of one device, printed for a person or as JSON; takes the options people know from snmpget.
import { pollOnce } from '../../agent/main.ts';
import { agentOnlySchema } from '../../agent/config.ts';
import type { Poll } from '../../common/model/poll.ts';
import { ERROR_TABLE, type ErrorCode } from '../../common/runtime/error-table.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Command, CommandContext } from '../command.ts';
import { pollDocument } from '../poll/document.ts';
import { printPoll } from '../poll/print.ts';

const AUTH_PROTOCOLS = ['MD5', 'SHA', 'SHA224', 'SHA256', 'SHA384', 'SHA512'];
/** As snmpget spells them; AES-256 there is Blumenthal's key extension, AES-256-C Reeder's (Cisco). */
const PRIV_PROTOCOLS: Readonly<Record<string, string>> = {
  DES: 'DES',
  AES: 'AES',
  AES128: 'AES',
  AES256: 'AES256B',
  AES256B: 'AES256B',
  AES256C: 'AES256R',
  AES256R: 'AES256R',
};

export const pollCommand: Command = {
  name: 'poll',
  summary: 'poll one device once and print what it says',
  help: `usage: weir poll ADDRESS[:PORT] [OPTIONS]

ADDRESS is a host name, an IPv4 address, an IPv6 address or [IPv6]:PORT.

  -v 1|2c|3        SNMP version; default 2c
  -c COMMUNITY     community of version 1 and 2c; default public
  -u USER          user of version 3
  -l LEVEL         noAuthNoPriv, authNoPriv or authPriv
  -a PROTOCOL      ${AUTH_PROTOCOLS.join(', ')}
  -A PASSPHRASE    for authentication; also \${VARIABLE} or file:PATH
  -x PROTOCOL      DES, AES, AES-256 (Blumenthal), AES-256-C (Reeder)
  -X PASSPHRASE    for privacy; also \${VARIABLE} or file:PATH
  -n CONTEXT       context of version 3
  -t SECONDS       how long to wait for an answer; default 2
  -r NUMBER        how often to try again; default 2
  --json           one JSON object`,
  options: {
    version: { type: 'string', short: 'v' },
    community: { type: 'string', short: 'c' },
    user: { type: 'string', short: 'u' },
    level: { type: 'string', short: 'l' },
    'auth-protocol': { type: 'string', short: 'a' },
    'auth-passphrase': { type: 'string', short: 'A' },
    'priv-protocol': { type: 'string', short: 'x' },
    'priv-passphrase': { type: 'string', short: 'X' },
    context: { type: 'string', short: 'n' },
    timeout: { type: 'string', short: 't' },
    retries: { type: 'string', short: 'r' },
  },
  run,
};

async function run(context: CommandContext): Promise<0 | 1> {
  const [address, ...rest] = context.positionals;
  if (address === undefined || rest.length > 0) throw new WeirError('misused', 'Expected one ADDRESS[:PORT].');
  const whole = configurationOf(address, context);
  context.progress(`polling ${address} …`);
  const poll = await pollOnce(whole, { environment: context.environment, signal: context.signal });
  if (poll.outcome === 'failed') throw failureOf(poll, address, context);
  if (context.json) context.print(JSON.stringify(pollDocument(poll), null, 2));
  else printPoll(poll, address, (line) => context.print(line));
  return 0;
}

/** The options as the configuration of one device, held against the same schema as a file. */
function configurationOf(address: string, context: CommandContext): ReturnType<typeof parsed> {
  const option = (name: string): string | undefined => {
    const given = context.options[name];
    return typeof given === 'string' ? given : undefined;
  };
  const version = option('version') ?? '2c';
  const credential =
    version === '3'
      ? {
          version,
          user: option('user'),
          level: levelOf(option('level'), option('auth-passphrase'), option('priv-passphrase')),
          auth_protocol: option('auth-protocol')?.toUpperCase().replace('-', '').replace('SHA1', 'SHA'),
          auth_passphrase: option('auth-passphrase'),
          priv_protocol: privacyOf(option('priv-protocol')),
          priv_passphrase: option('priv-passphrase'),
          context: option('context'),
        }
      : { version, community: option('community') ?? 'public' };
  return parsed({
    credentials: { given: withoutAbsent(credential) },
    devices: [{ name: 'device', address, credential: 'given' }],
    agent: { timeout_ms: milliseconds(option('timeout')), retries: count(option('retries')) },
  });
}

function parsed(whole: unknown): ReturnType<typeof agentOnlySchema.parse> {
  const result = agentOnlySchema.safeParse(whole);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new WeirError('misused', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}.`);
}

/** The level may be left out: it is what the passphrases allow. */
function levelOf(given: string | undefined, auth: string | undefined, priv: string | undefined): string {
  const levels = ['noAuthNoPriv', 'authNoPriv', 'authPriv'];
  if (given !== undefined) return levels.find((level) => level.toLowerCase() === given.toLowerCase()) ?? given;
  return priv !== undefined ? 'authPriv' : auth !== undefined ? 'authNoPriv' : 'noAuthNoPriv';
}

function privacyOf(given: string | undefined): string | undefined {
  return given === undefined ? undefined : (PRIV_PROTOCOLS[given.toUpperCase().replaceAll('-', '')] ?? given);
}

function milliseconds(seconds: string | undefined): number {
  if (seconds === undefined) return 2000;
  if (!/^\d+(\.\d+)?$/.test(seconds)) throw new WeirError('misused', `-t ${seconds}: expected seconds.`);
  return Math.round(Number(seconds) * 1000);
}

function count(given: string | undefined): number {
  if (given === undefined) return 2;
  if (!/^\d+$/.test(given)) throw new WeirError('misused', `-r ${given}: expected a number.`);
  return Number(given);
}

function withoutAbsent(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
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
  return text !== null && text in ERROR_TABLE;
}
