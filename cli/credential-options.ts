// The options with which people tell snmpget how to reach a device, read as a credential set of the configuration.
import { WeirError } from '../common/runtime/errors.ts';
import type { Command, CommandContext } from './command.ts';
import { textOption } from './options.ts';

const AUTH_PROTOCOLS = ['MD5', 'SHA', 'SHA224', 'SHA256', 'SHA384', 'SHA512'];
/** As snmpget spells them; AES-192 and AES-256 there are Blumenthal's key extension, with -C Reeder's (Cisco). */
const PRIV_PROTOCOLS: Readonly<Record<string, string>> = {
  DES: 'DES',
  AES: 'AES',
  AES128: 'AES',
  AES192: 'AES192B',
  AES192B: 'AES192B',
  AES192C: 'AES192R',
  AES192R: 'AES192R',
  AES256: 'AES256B',
  AES256B: 'AES256B',
  AES256C: 'AES256R',
  AES256R: 'AES256R',
};

/** Lines of a help text. */
export const CREDENTIAL_HELP = `  -v 1|2c|3        SNMP version; default 2c
  -c COMMUNITY     community of version 1 and 2c; default public
  -u USER          user of version 3
  -l LEVEL         noAuthNoPriv, authNoPriv or authPriv
  -a PROTOCOL      ${AUTH_PROTOCOLS.join(', ')}
  -A PASSPHRASE    for authentication; also \${VARIABLE} or file:PATH
  -x PROTOCOL      DES, AES, AES-192, AES-256 (Blumenthal), AES-192-C, AES-256-C (Reeder)
  -X PASSPHRASE    for privacy; also \${VARIABLE} or file:PATH
  -n CONTEXT       context of version 3`;

export const CREDENTIAL_OPTIONS = {
  version: { type: 'string', short: 'v' },
  community: { type: 'string', short: 'c' },
  user: { type: 'string', short: 'u' },
  level: { type: 'string', short: 'l' },
  'auth-protocol': { type: 'string', short: 'a' },
  'auth-passphrase': { type: 'string', short: 'A' },
  'priv-protocol': { type: 'string', short: 'x' },
  'priv-passphrase': { type: 'string', short: 'X' },
  context: { type: 'string', short: 'n' },
} as const satisfies Command['options'];

/** Not yet held against the schema of credential sets. The level may be left out: it is what the passphrases allow. */
export function givenCredential(context: CommandContext, community: string): Readonly<Record<string, unknown>> {
  const option = (name: keyof typeof CREDENTIAL_OPTIONS): string | undefined => textOption(context, name);
  const version = option('version') ?? '2c';
  if (version !== '3') return { version, community };
  const given = {
    version,
    user: option('user'),
    level: levelOf(option('level'), option('auth-passphrase'), option('priv-passphrase')),
    auth_protocol: authProtocol(option('auth-protocol')),
    auth_passphrase: option('auth-passphrase'),
    priv_protocol: privacyProtocol(option('priv-protocol')),
    priv_passphrase: option('priv-passphrase'),
    context: option('context'),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** As snmpget and many exports spell a protocol of authentication; one that is not known stays as it is. */
export function authProtocol(given: string | undefined): string | undefined {
  return given
    ?.toUpperCase()
    .replaceAll('-', '')
    .replace(/^SHA1$/, 'SHA');
}

/** The same of privacy. */
export function privacyProtocol(given: string | undefined): string | undefined {
  return given === undefined ? undefined : (PRIV_PROTOCOLS[given.toUpperCase().replaceAll('-', '')] ?? given);
}

function levelOf(given: string | undefined, auth: string | undefined, priv: string | undefined): string {
  const levels = ['noAuthNoPriv', 'authNoPriv', 'authPriv'];
  if (given !== undefined) return levels.find((level) => level.toLowerCase() === given.toLowerCase()) ?? given;
  return priv !== undefined ? 'authPriv' : auth !== undefined ? 'authNoPriv' : 'noAuthNoPriv';
}

/** Seconds as snmpget takes them, in milliseconds. */
export function timeoutOption(context: CommandContext, otherwise: number): number {
  const seconds = textOption(context, 'timeout');
  if (seconds === undefined) return otherwise;
  if (!/^\d+(\.\d+)?$/.test(seconds)) throw new WeirError('misused', `-t ${seconds}: expected seconds.`);
  return Math.round(Number(seconds) * 1000);
}

export function retriesOption(context: CommandContext, otherwise: number): number {
  const given = textOption(context, 'retries');
  if (given === undefined) return otherwise;
  if (!/^\d+$/.test(given)) throw new WeirError('misused', `-r ${given}: expected a number.`);
  return Number(given);
}
