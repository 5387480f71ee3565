// A token as a row: made of random bytes, kept as its hash. Whoever makes one writes the audit log in the same transaction.
import { createHash, randomBytes } from 'node:crypto';
import type { EpochMs } from '../model/time.ts';
import type { Role, Scope } from '../runtime/access.ts';
import type { Queryable } from './database.ts';

/** Who makes or revokes a token. */
export interface TokenActor {
  readonly actor: string;
  readonly role: string;
}

export interface TokenRowWords {
  readonly name: string;
  readonly role: Role;
  readonly scope: Scope | null;
  readonly createdMs: EpochMs;
  readonly expiresAtMs: EpochMs | null;
}

const PREFIX = 'weir_';
const TOKEN_BYTES = 32;
/** Of its hash, in hexadecimal: tells two tokens of one name apart. */
export const TOKEN_ID_LENGTH = 12;

/** A new token and its id; the token itself is nowhere else. */
export async function insertToken(
  connection: Queryable,
  { name, role, scope, createdMs, expiresAtMs }: TokenRowWords,
): Promise<{ readonly token: string; readonly id: string }> {
  const token = `${PREFIX}${randomBytes(TOKEN_BYTES).toString('base64url')}`;
  const hash = tokenHash(token);
  await connection.query(
    `insert into access.token (hash, name, role, given, created_ms, scope, expires_ms)
     values ($1, $2, $3, false, $4, $5, $6)`,
    [hash, name, role, createdMs, scope === null ? null : JSON.stringify(scope), expiresAtMs],
  );
  return { token, id: hash.toString('hex').slice(0, TOKEN_ID_LENGTH) };
}

export function tokenHash(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
