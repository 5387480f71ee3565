// Sign-in links: a code that is traded once, within minutes, for a token of a session; kept as a hash, and every step of it audited.
import { createHash, randomBytes } from 'node:crypto';
import type { DurationMs, EpochMs } from '../model/time.ts';
import type { Role, Scope } from '../runtime/access.ts';
import type { Clock } from '../runtime/clock.ts';
import { WeirError } from '../runtime/errors.ts';
import { recordAudit } from './audit.ts';
import type { Database, Migration, Queryable } from './database.ts';
import { insertToken, type TokenActor } from './token-rows.ts';

export const signInLinkMigrations: readonly Migration[] = [
  {
    id: 'access-sign-in-link-001',
    sql: `
      create table access.sign_in_link (
        hash bytea primary key,
        name text not null,
        role text not null,
        scope jsonb,
        created_ms int8 not null,
        expires_ms int8 not null,
        session_ms int8 not null,
        session_until_ms int8
      );
      create index sign_in_link_name on access.sign_in_link (name)`,
  },
];

export interface SignInLink {
  readonly name: string;
  readonly role: Role;
  readonly scope: Scope | null;
  /** It is good for so long. */
  readonly lifeMs: DurationMs;
  /** So long lasts the session that it opens. */
  readonly sessionMs: DurationMs;
  /** The session ends then at the latest; null: no such bound. */
  readonly sessionUntilMs: EpochMs | null;
}

export interface OpenedSession {
  readonly token: string;
  readonly expiresAtMs: EpochMs;
}

const PREFIX = 'weir_link_';
const CODE_BYTES = 32;
const ID_LENGTH = 12;
/** Links that nobody has used yet; one that has ended makes room. */
const MOST_OPEN = 1000;

/** Whether it looks like a code of a link: then it is no token, and opens nothing but a session. */
export function isLinkCode(text: string): boolean {
  return text.startsWith(PREFIX);
}

export class SignInLinks {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, deps: { readonly clock: Clock }) {
    this.#database = database;
    this.#clock = deps.clock;
  }

  /** Its code, which is shown this once. Throws sign_in_links_full. */
  async create(link: SignInLink, by: TokenActor): Promise<{ readonly code: string; readonly expiresAtMs: EpochMs }> {
    const code = `${PREFIX}${randomBytes(CODE_BYTES).toString('base64url')}`;
    const nowMs = this.#clock.now();
    const expiresAtMs = nowMs + link.lifeMs;
    await this.#database.transaction(async (connection) => {
      await connection.query('delete from access.sign_in_link where expires_ms <= $1', [nowMs]);
      await refuseMore(connection);
      await connection.query(
        `insert into access.sign_in_link (hash, name, role, scope, created_ms, expires_ms, session_ms, session_until_ms)
         values ($1, $2, $3, $4, $5, $6, $7, $8)`,
        [
          hashOf(code),
          link.name,
          link.role,
          link.scope === null ? null : JSON.stringify(link.scope),
          nowMs,
          expiresAtMs,
          link.sessionMs,
          link.sessionUntilMs,
        ],
      );
      const { name, role, scope } = link;
      const after = { name, role, scope, expiresAtMs };
      await recordAudit(connection, {
        atMs: nowMs,
        ...by,
        action: 'sign_in_link.create',
        subject: subjectOf(code),
        after,
      });
    });
    return { code, expiresAtMs };
  }

  /** The token of the session, once; null where the code is not known, was used or has ended. Of several at once one gets it. */
  async redeem(code: string): Promise<OpenedSession | null> {
    const nowMs = this.#clock.now();
    return this.#database.transaction(async (connection) => {
      const { rows } = await connection.query<LinkRow>(
        `delete from access.sign_in_link where hash = $1 and expires_ms > $2
         returning name, role, scope, session_ms, session_until_ms`,
        [hashOf(code), nowMs],
      );
      const [row] = rows;
      if (row === undefined) return null;
      const { name, role, scope } = row;
      const untilMs = row.session_until_ms === null ? Number.POSITIVE_INFINITY : Number(row.session_until_ms);
      const expiresAtMs = Math.min(nowMs + Number(row.session_ms), untilMs);
      const made = { name, role, scope, createdMs: nowMs, expiresAtMs };
      const { token, id } = await insertToken(connection, made);
      await recordAudit(connection, {
        atMs: nowMs,
        actor: name,
        role,
        action: 'sign_in_link.use',
        subject: subjectOf(code),
        after: { token: id, expiresAtMs },
      });
      return { token, expiresAtMs };
    });
  }
}

async function refuseMore(connection: Queryable): Promise<void> {
  const { rows } = await connection.query<{ open: bigint }>('select count(*) as open from access.sign_in_link');
  if (Number(rows[0]?.open ?? 0) >= MOST_OPEN)
    throw new WeirError('sign_in_links_full', `There are ${MOST_OPEN} sign-in links that nobody has used yet.`, {
      most: MOST_OPEN,
    });
}

interface LinkRow {
  readonly name: string;
  readonly role: Role;
  readonly scope: Scope | null;
  readonly session_ms: bigint;
  readonly session_until_ms: bigint | null;
}

function hashOf(code: string): Buffer {
  return createHash('sha256').update(code).digest();
}

function subjectOf(code: string): string {
  return `sign_in_link/${hashOf(code).toString('hex').slice(0, ID_LENGTH)}`;
}
