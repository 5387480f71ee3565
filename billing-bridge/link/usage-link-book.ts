// Usage links in PostgreSQL: each opens the page of one customer and nothing else, until it ends or is taken back; kept as a hash, every step audited.
import { createHash, randomBytes } from 'node:crypto';
import { recordAudit } from '../../common/database/audit.ts';
import type { Database, Migration } from '../../common/database/database.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';

export const usageLinkMigrations: readonly Migration[] = [
  {
    id: 'billing-usage-link-001',
    sql: `
      create table billing.usage_link (
        hash bytea primary key,
        id text not null unique,
        customer text not null,
        note text not null,
        created_by text not null,
        created_at_ms bigint not null,
        expires_at_ms bigint not null,
        revoked_at_ms bigint,
        last_used_ms bigint
      );
      create index usage_link_by_customer on billing.usage_link (customer, created_at_ms);`,
  },
];

export interface UsageLink {
  /** The first characters of its hash: no secret. */
  readonly id: string;
  readonly customer: string;
  readonly note: string;
  readonly createdBy: string;
  readonly createdAtMs: EpochMs;
  readonly expiresAtMs: EpochMs;
  readonly revokedAtMs: EpochMs | null;
  /** To a quarter of an hour. */
  readonly lastUsedAtMs: EpochMs | null;
}

export interface LinkActor {
  readonly name: string;
  readonly role: string;
}

interface LinkRow {
  readonly id: string;
  readonly customer: string;
  readonly note: string;
  readonly created_by: string;
  readonly created_at_ms: bigint;
  readonly expires_at_ms: bigint;
  readonly revoked_at_ms: bigint | null;
  readonly last_used_ms: bigint | null;
}

const CODE_BYTES = 32;
/** Neither much shorter nor longer than one that was given: anything else is not even hashed. */
const CODE = /^[A-Za-z0-9_-]{43}$/;
const ID_LENGTH = 12;
const USE_NOTED_MS: DurationMs = 900_000;
/** Of one customer, that work at one time. */
const MOST_OPEN = 100;
const SHOWN = 1000;
const COLUMNS = 'id, customer, note, created_by, created_at_ms, expires_at_ms, revoked_at_ms, last_used_ms';

export class UsageLinkBook {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  /** Its code is shown this once. Throws usage_links_full. */
  create(
    asked: { readonly customer: string; readonly note: string; readonly lifeMs: DurationMs },
    by: LinkActor,
  ): Promise<UsageLink & { readonly code: string }> {
    const { customer, note, lifeMs } = asked;
    const code = randomBytes(CODE_BYTES).toString('base64url');
    const hash = hashOf(code);
    const id = hash.toString('hex').slice(0, ID_LENGTH);
    const nowMs = this.#clock.now();
    return this.#database.transaction(async (connection) => {
      const { rows: open } = await connection.query<{ open: bigint }>(
        'select count(*) as open from billing.usage_link where customer = $1 and revoked_at_ms is null and expires_at_ms > $2',
        [customer, nowMs],
      );
      if (Number(open[0]?.open ?? 0n) >= MOST_OPEN)
        throw new WeirError('usage_links_full', `${customer} has ${MOST_OPEN} links that work.`, { most: MOST_OPEN });
      const { rows } = await connection.query<LinkRow>(
        `insert into billing.usage_link (hash, id, customer, note, created_by, created_at_ms, expires_at_ms)
         values ($1, $2, $3, $4, $5, $6, $7) returning ${COLUMNS}`,
        [hash, id, customer, note, by.name, nowMs, nowMs + lifeMs],
      );
      const after = { customer, note, expiresAtMs: nowMs + lifeMs };
      const entry = { atMs: nowMs, actor: by.name, role: by.role, action: 'usage_link.create' };
      await recordAudit(connection, { ...entry, subject: `usage_link/${id}`, after });
      if (rows[0] === undefined) throw new Error('BUG: an insert returned no row');
      return { ...linkOf(rows[0]), code };
    });
  }

  /** Whose page a code opens; null where it is not known, has ended, or was taken back. */
  async open(code: string): Promise<UsageLink | null> {
    if (!CODE.test(code)) return null;
    const nowMs = this.#clock.now();
    const { rows } = await this.#database.query<LinkRow>(
      `select ${COLUMNS} from billing.usage_link where hash = $1 and revoked_at_ms is null and expires_at_ms > $2`,
      [hashOf(code), nowMs],
    );
    const [row] = rows;
    if (row === undefined) return null;
    if (row.last_used_ms === null || Number(row.last_used_ms) < nowMs - USE_NOTED_MS)
      await this.#database.query('update billing.usage_link set last_used_ms = $2 where id = $1', [row.id, nowMs]);
    return linkOf(row);
  }

  /** At once, for every page that is asked for afterwards; twice it is done once. Throws not_found. */
  revoke(id: string, by: LinkActor): Promise<UsageLink> {
    const nowMs = this.#clock.now();
    return this.#database.transaction(async (connection) => {
      const { rows } = await connection.query<LinkRow>(
        `select ${COLUMNS} from billing.usage_link where id = $1 for update`,
        [id],
      );
      const [row] = rows;
      if (row === undefined) throw new WeirError('not_found', `There is no usage link ${id}.`, { link: id });
      if (row.revoked_at_ms !== null) return linkOf(row);
      await connection.query('update billing.usage_link set revoked_at_ms = $2 where id = $1', [id, nowMs]);
      await recordAudit(connection, {
        atMs: nowMs,
        actor: by.name,
        role: by.role,
        action: 'usage_link.revoke',
        subject: `usage_link/${id}`,
        before: { customer: row.customer },
      });
      return linkOf({ ...row, revoked_at_ms: BigInt(nowMs) });
    });
  }

  /** Newest first, also those that ended. */
  async of(customer: string): Promise<UsageLink[]> {
    const { rows } = await this.#database.query<LinkRow>(
      `select ${COLUMNS} from billing.usage_link where customer = $1 order by created_at_ms desc, id limit ${SHOWN}`,
      [customer],
    );
    return rows.map(linkOf);
  }
}

function linkOf(row: LinkRow): UsageLink {
  const time = (ms: bigint | null): number | null => (ms === null ? null : Number(ms));
  return {
    id: row.id,
    customer: row.customer,
    note: row.note,
    createdBy: row.created_by,
    createdAtMs: Number(row.created_at_ms),
    expiresAtMs: Number(row.expires_at_ms),
    revokedAtMs: time(row.revoked_at_ms),
    lastUsedAtMs: time(row.last_used_ms),
  };
}

function hashOf(code: string): Buffer {
  return createHash('sha256').update(code).digest();
}
