// Credential sets as they may be printed or written: every secret as a reference, and which variables somebody has to set.
import type { CredentialConfiguration } from '../common/runtime/device-configuration.ts';

const SECRETS = ['community', 'auth_passphrase', 'priv_passphrase'] as const;
const ENDINGS = { community: 'COMMUNITY', auth_passphrase: 'AUTH', priv_passphrase: 'PRIV' } as const;

export interface ReferencedSet {
  readonly set: Readonly<Record<string, unknown>>;
  /** Variables that stand in place of secrets. */
  readonly variables: readonly string[];
}

/** Whether a text is a reference (common/runtime/secrets.ts) and not the secret itself. */
function isReference(text: string): boolean {
  return /^\$\{[A-Za-z_][A-Za-z0-9_]*\}$/.test(text) || text.startsWith('file:');
}

/**
 * `name` in capitals begins the names of the variables. References that stand there already are kept where a person wrote them; what comes
 * from elsewhere is taken as it stands, or a stranger could have any file read and sent as a community.
 */
export function referencedSet(
  name: string,
  credential: CredentialConfiguration,
  writtenBy: 'a person' | 'elsewhere',
): ReferencedSet {
  const prefix = name
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]+/g, '_')
    .replace(/^(?=\d)/, '_');
  const set: Record<string, unknown> = { ...credential };
  if (credential.version === '3' && credential.context === '') delete set['context'];
  const variables: string[] = [];
  for (const field of SECRETS) {
    const secret = set[field];
    if (typeof secret !== 'string') continue;
    if (writtenBy === 'a person' && isReference(secret)) continue;
    const variable = `${prefix}_${ENDINGS[field]}`;
    variables.push(variable);
    set[field] = `\${${variable}}`;
  }
  return { set, variables };
}
