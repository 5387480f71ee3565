// Access tokens: made once, shown once, kept as hashes, and turned into the principal behind a request.
import type { EpochMs } from '../model/time.ts';
import { type Authenticator, type Principal, type Role, ROLES, type Scope } from '../runtime/access.ts';
import type { Clock } from '../runtime/clock.ts';
import { WeirError } from '../runtime/errors.ts';
import type { CounterMetric, Reporter } from '../runtime/reporter.ts';
import { auditMigrations, recordAudit } from './audit.ts';
import type { Database, Migration } from './database.ts';
import { signInLinkMigrations } from './sign-in-links.ts';
import { insertToken, TOKEN_ID_LENGTH, type TokenActor, tokenHash } from './token-rows.ts';

export const accessMigrations: readonly Migration[] = [
  {
    id: 'access-001',
    sql: `
      create schema if not exists access;
      create table access.token (
        hash bytea primary key,
        name text not null,
        role text not null,
        given boolean not null,
        created_ms int8 not null,
        revoked_ms int8
      );
      create index token_name on access.token (name)`,
  },
  {
    id: 'access-002',
    sql: `
      alter table access.token add column scope jsonb, add column expires_ms int8`,
  },
  ...auditMigrations,
  {
    id: 'access-003',
    sql: 'alter table access.token add column last_used_ms int8',
  },
  ...signInLinkMigrations,
];

export interface TokenEntry {
  /** The first characters of the hash: tells two tokens of one name apart, and is no secret. */
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  /** Registered from outside (WEIR_ADMIN_TOKEN and the like), not made here. */
  readonly given: boolean;
  readonly createdAt: EpochMs;
  readonly revokedAt: EpochMs | null;
  /** To a quarter of an hour; null: never. */
  readonly lastUsedAt: EpochMs | null;
  /** From then on it is refused; null: never. */
  readonly expiresAt: EpochMs | null;
  readonly scope: Scope | null;
}

/** Weir itself, or whoever may run its commands beside its database. */
export const SYSTEM: TokenActor = { actor: 'system', role: 'system' };

/** Of a token that is made. */
export interface TokenLimits {
  readonly scope?: Scope | null;
  readonly expiresAtMs?: EpochMs | null;
}

const CACHE_MS = 10_000;
const CACHE_ENTRIES = 1000;
/** A use is written down where the last one that was is so old: four writes an hour and token at most, however many processes ask. */
const USE_NOTED_MS = 900_000;
/** Nobody's token is longer; what is, is not even hashed. */
const MAX_TOKEN_LENGTH = 1024;
const SHORT_TOKEN_LENGTH = 24;

/**
 * Kept is the SHA-256 of a token. A slow, salted password hash defends secrets that can be guessed; 256 random bits cannot, at any
 * speed, so a plain hash is right, and it can be looked up. The look-up also settles timing: an index compares hashes, and how
 * far a comparison got tells nothing of a token whose hash an attacker cannot steer.
 */
export class TokenStore implements Authenticator {
  readonly #reporter: Reporter;
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #usesLost: CounterMetric;
  readonly #cache = new Map<string, { readonly principal: Principal; readonly until: number }>();
  /** Moves on when the cache is cleared: an answer asked for before is not remembered. */
  #generation = 0;

  constructor(reporter: Reporter, database: Database, deps: { readonly clock: Clock }) {
    this.#reporter = reporter;
    this.#database = database;
    this.#clock = deps.clock;
    this.#usesLost = reporter.counter('token_uses_lost_total', 'Uses of a token that could not be written down');
  }

  /** A new token for the name; one name may have several, so that a token can be replaced without a gap. It is shown this once. */
  async create(name: string, role: Role, limits: TokenLimits = {}, by: TokenActor = SYSTEM): Promise<string> {
    const { scope = null, expiresAtMs = null } = limits;
    const createdMs = this.#clock.now();
    const token = await this.#database.transaction(async (connection) => {
      const made = await insertToken(connection, { name, role, scope, createdMs, expiresAtMs });
      const after = { name, role, scope, expiresAtMs };
      const subject = `token/${made.id}`;
      await recordAudit(connection, { atMs: createdMs, ...by, action: 'token.create', subject, after });
      return made.token;
    });
    return token;
  }

  /** Registers a token that came from outside; again and again without effect. It takes the place of the token given before under this name, so that a changed environment voids the old one. */
  async ensure(token: string, name: string, role: Role): Promise<void> {
    if (token.length < SHORT_TOKEN_LENGTH)
      this.#reporter.warn('a given token is short enough to be guessed; use 32 random bytes', { name, role });
    const now = this.#clock.now();
    await this.#database.transaction(async (connection) => {
      await connection.query(
        `insert into access.token (hash, name, role, given, created_ms) values ($1, $2, $3, true, $4)
         on conflict (hash) do update set name = excluded.name, role = excluded.role, given = true, revoked_ms = null,
                scope = null, expires_ms = null`,
        [tokenHash(token), name, role, now],
      );
      await connection.query(
        'update access.token set revoked_ms = $3 where name = $1 and hash <> $2 and given and revoked_ms is null',
        [name, tokenHash(token), now],
      );
    });
    this.#forget();
  }

  /** All tokens ever made whose scope lies within (null: all), by name and age; revoked ones stay listed. */
  async list(within: Scope | null = null): Promise<TokenEntry[]> {
    const { rows } = await this.#database.query<TokenRow>(
      `select hash, name, role, given, created_ms, revoked_ms, scope, expires_ms, last_used_ms from access.token
        where ${scopeWithin('$1')} order by name, created_ms, hash`,
      [jsonOf(within)],
    );
    return rows.map((row) => ({
      id: row.hash.toString('hex').slice(0, TOKEN_ID_LENGTH),
      name: row.name,
      role: roleOf(row.role),
      given: row.given,
      createdAt: Number(row.created_ms),
      revokedAt: row.revoked_ms === null ? null : Number(row.revoked_ms),
      expiresAt: row.expires_ms === null ? null : Number(row.expires_ms),
      scope: row.scope,
      lastUsedAt: row.last_used_ms === null ? null : Number(row.last_used_ms),
    }));
  }

  /** Revokes the tokens of a name whose scope lies within (null: all), and its sign-in links that nobody has used; or only the one with this id. Returns how many tokens. Here at once, in other processes within 10 s. */
  async revoke(name: string, id = '', by: TokenActor = SYSTEM, within: Scope | null = null): Promise<number> {
    const atMs = this.#clock.now();
    const revoked = await this.#database.transaction(async (connection) => {
      const { rows } = await connection.query<{ hash: Buffer; role: string }>(
        `update access.token set revoked_ms = $3
          where name = $1 and revoked_ms is null and starts_with(encode(hash, 'hex'), $2)
            and ${scopeWithin('$4')} returning hash, role`,
        [name, id, atMs, jsonOf(within)],
      );
      // A link of the name would open the door again.
      if (id === '')
        await connection.query(`delete from access.sign_in_link where name = $1 and ${scopeWithin('$2')}`, [
          name,
          jsonOf(within),
        ]);
      for (const { hash, role } of rows) {
        const subject = `token/${hash.toString('hex').slice(0, TOKEN_ID_LENGTH)}`;
        await recordAudit(connection, { atMs, ...by, action: 'token.revoke', subject, before: { name, role } });
      }
      return rows.length;
    });
    this.#forget();
    return revoked;
  }

  /** Unknown tokens are looked up each time: what was just made works at once, and a flood of guesses pushes nothing out of the cache. */
  async authenticate(token: string): Promise<Principal | null> {
    if (token.length > MAX_TOKEN_LENGTH) return null;
    const hash = tokenHash(token);
    const key = hash.toString('base64');
    const now = this.#clock.monotonicMs();
    const cached = this.#cache.get(key);
    if (cached !== undefined && cached.until > now) return cached.principal;
    const generation = this.#generation;
    const { rows } = await this.#database.query<
      Pick<TokenRow, 'name' | 'role' | 'scope' | 'expires_ms' | 'last_used_ms'>
    >(
      `select name, role, scope, expires_ms, last_used_ms from access.token
        where hash = $1 and revoked_ms is null and coalesce(expires_ms > $2, true)`,
      [hash, this.#clock.now()],
    );
    const row = rows[0];
    this.#cache.delete(key);
    if (row === undefined) return null;
    await this.#noteUse(hash, row.last_used_ms);
    const principal: Principal = {
      name: row.name,
      role: roleOf(row.role),
      scope: row.scope,
      ...(row.expires_ms === null ? {} : { expiresAtMs: Number(row.expires_ms) }),
    };
    const leftMs = row.expires_ms === null ? CACHE_MS : Number(row.expires_ms) - this.#clock.now();
    if (generation === this.#generation) this.#remember(key, principal, now + Math.min(CACHE_MS, leftMs));
    return principal;
  }

  /** A hint for whoever tidies tokens up: that it cannot be written down keeps nobody out. */
  async #noteUse(hash: Buffer, lastMs: bigint | null): Promise<void> {
    const nowMs = this.#clock.now();
    const before = nowMs - USE_NOTED_MS;
    if (lastMs !== null && Number(lastMs) > before) return;
    try {
      await this.#database.query(
        'update access.token set last_used_ms = $2 where hash = $1 and coalesce(last_used_ms <= $3, true)',
        [hash, nowMs, before],
      );
    } catch {
      this.#usesLost.add();
    }
  }

  #forget(): void {
    this.#generation += 1;
    this.#cache.clear();
  }

  /** A Map keeps the order of insertion: the first entry is the oldest. */
  #remember(key: string, principal: Principal, until: number): void {
    for (const oldest of this.#cache.keys()) {
      if (this.#cache.size < CACHE_ENTRIES) break;
      this.#cache.delete(oldest);
    }
    this.#cache.set(key, { principal, until });
  }
}

interface TokenRow {
  readonly hash: Buffer;
  readonly name: string;
  readonly role: string;
  readonly given: boolean;
  readonly created_ms: bigint;
  readonly revoked_ms: bigint | null;
  readonly scope: Scope | null;
  readonly expires_ms: bigint | null;
  readonly last_used_ms: bigint | null;
}

function jsonOf(scope: Scope | null): string | null {
  return scope === null ? null : JSON.stringify(scope);
}

/** holdsScope in SQL: a row without a scope sees everything, and lies within no scope. */
function scopeWithin(place: string): string {
  return `(${place}::jsonb is null or (scope->'sites' <@ (${place}::jsonb->'sites')
    and scope->'customers' <@ (${place}::jsonb->'customers')))`;
}

function roleOf(text: string): Role {
  const role = ROLES.find((one) => one === text);
  if (role === undefined) throw new WeirError('unexpected', `The database has a token with the unknown role ${text}.`);
  return role;
}
