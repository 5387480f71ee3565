// Gathers the credential sets that an export holds with its devices: equal ones are one set, numbered as they come.
import { checkUser } from '../../agent/snmp/usm.ts';
import { type CredentialConfiguration, credentialSchema } from '../../common/runtime/device-configuration.ts';
import { validName } from '../../agent/discover/naming.ts';
import { messageOf } from '../../common/runtime/errors.ts';
import { authProtocol, privacyProtocol } from '../credential-options.ts';
import type { TextRecord } from './records.ts';

export class FoundSets {
  readonly #prefix: string;
  readonly #byContent = new Map<string, string>();
  readonly sets = new Map<string, CredentialConfiguration>();

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** The name of the set, or why the device cannot have it. The fields are those of LibreNMS. */
  nameFor(record: TextRecord): { readonly name: string } | { readonly reason: string } {
    const raw = rawSet(record);
    if (raw === null) return { reason: 'the export has no credentials of it; name a set with --credential' };
    const parsed = credentialSchema.safeParse(raw);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      return { reason: `its credentials cannot be used: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}` };
    }
    const problem = parsed.data.version === '3' ? problemOf(parsed.data) : null;
    if (problem !== null) return { reason: `its credentials cannot be used: ${problem}` };
    const content = JSON.stringify(parsed.data);
    const known = this.#byContent.get(content);
    if (known !== undefined) return { name: known };
    const name = this.#freeName(parsed.data);
    this.#byContent.set(content, name);
    this.sets.set(name, parsed.data);
    return { name };
  }

  /** Of version 3 after the user; communities are numbered, as their names would tell them. */
  #freeName(set: CredentialConfiguration): string {
    const base = set.version === '3' ? validName(`${this.#prefix}-${set.user}`) : `${this.#prefix}-${set.version}`;
    if (set.version === '3' && !this.sets.has(base)) return base;
    let number = set.version === '3' ? 2 : 1;
    while (this.sets.has(`${base}-${number}`)) number += 1;
    return `${base}-${number}`;
  }
}

function rawSet(record: TextRecord): Readonly<Record<string, unknown>> | null {
  const version = (record.get('snmpver') ?? record.get('version') ?? 'v2c').toLowerCase().replace(/^v/, '');
  if (version !== '3') {
    const community = record.get('community');
    return community === undefined ? null : { version: version === '2' ? '2c' : version, community };
  }
  const user = record.get('authname');
  if (user === undefined) return null;
  const level = record.get('authlevel') ?? 'noAuthNoPriv';
  const [auth, priv] = [/^auth/i.test(level), /^authpriv$/i.test(level)];
  const given = {
    version,
    user,
    level: ['noAuthNoPriv', 'authNoPriv', 'authPriv'].find((one) => one.toLowerCase() === level.toLowerCase()) ?? level,
    auth_protocol: auth ? authProtocol(record.get('authalgo')) : undefined,
    auth_passphrase: auth ? record.get('authpass') : undefined,
    priv_protocol: priv ? privacyProtocol(record.get('cryptoalgo')) : undefined,
    priv_passphrase: priv ? record.get('cryptopass') : undefined,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function problemOf(set: Extract<CredentialConfiguration, { version: '3' }>): string | null {
  try {
    checkUser(set);
    return null;
  } catch (error) {
    return messageOf(error);
  }
}
