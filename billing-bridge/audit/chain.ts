// The hash chain over the ledger: appended in the transaction of what it seals, verified from its first entry to its head.
import { createHash } from 'node:crypto';
import type { Database, Queryable } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { CHAIN_KINDS, type ChainKind, SEALED_CONTENT } from './migrations.ts';

/** Seals rows of one kind as they are in this transaction. */
export type Seal = (connection: Queryable, kind: ChainKind, keys: readonly string[], atMs: EpochMs) => Promise<void>;

export const seal: Seal = async (connection, kind, keys, atMs) => {
  if (keys.length > 0) await connection.query('select billing.seal($1, $2, $3)', [kind, keys, atMs]);
};

export interface ChainHead {
  readonly position: bigint;
  /** Hexadecimal. */
  readonly hash: string;
}

export interface ChainEntry extends ChainHead {
  readonly kind: ChainKind;
  readonly keys: readonly string[];
  readonly atMs: EpochMs;
}

/**
 * content_changed: rows are not as they were sealed. hash_wrong: the entry itself was changed. position_missing: an entry is gone.
 * head_wrong: entries at the end are gone. not_sealed: rows that no entry seals. published_differs: another hash was told outside.
 */
export type ChainMistake =
  | 'content_changed'
  | 'hash_wrong'
  | 'position_missing'
  | 'head_wrong'
  | 'not_sealed'
  | 'published_differs';

export interface ChainFinding {
  readonly mistake: ChainMistake;
  readonly position: string;
  readonly kind: ChainKind | null;
  readonly keys: readonly string[];
}

export interface ChainProof {
  readonly entries: number;
  /** Rows sealed, by kind. */
  readonly rows: Readonly<Record<ChainKind, number>>;
  readonly head: ChainHead;
  /** The first that is bad; null is the only good answer. */
  readonly bad: ChainFinding | null;
}

interface EntryRow {
  readonly position: bigint;
  readonly kind: ChainKind;
  readonly keys: readonly string[];
  readonly at_ms: bigint;
  readonly digest: string;
  readonly hash: string;
  readonly content: string | null;
}

const PAGE = 200;
const FIRST_HASH = createHash('sha256').update('weir ledger').digest('hex');
/** Asked by the text that this version knows, not by what the database has under a name. */
const CONTENT = `case c.kind ${CHAIN_KINDS.map((kind) => `when '${kind}' then (${SEALED_CONTENT[kind].replaceAll('keys', 'c.keys')})`).join(' ')} end`;
const TABLES: Readonly<Record<ChainKind, readonly [table: string, key: string]>> = {
  charge: ['billing.charge', 'id'],
  bill: ['billing.bill', 'id'],
  bill_state: ['billing.bill_state', 'id'],
  credit_note: ['billing.credit_note', 'serial'],
  payment: ['billing.payment', 'serial'],
};
const MAX_NAMED = 20;

/** Computes every entry anew, as of one instant. `published` are heads that were told outside, by their positions. */
export function verifyChain(
  database: Database,
  published: ReadonlyMap<string, string>,
  progress: (position: bigint) => void = () => undefined,
): Promise<ChainProof> {
  return database.transaction(
    async (connection) => {
      await connection.query('set transaction isolation level repeatable read, read only');
      const { rows } = await connection.query<{ position: bigint; hash: string }>(
        `select position, encode(hash, 'hex') as hash from billing.chain_head`,
      );
      const head = rows[0] ?? { position: 0n, hash: '' };
      const walk = new ChainWalk(published);
      for (;;) {
        const page = await connection.query<EntryRow>(
          `select c.position, c.kind, c.keys, c.at_ms, encode(c.digest, 'hex') as digest, encode(c.hash, 'hex') as hash,
             ${CONTENT} as content from billing.chain c where c.position > $1 order by c.position limit ${PAGE}`,
          [walk.position],
        );
        for (const row of page.rows) walk.take(row);
        progress(walk.position);
        if (walk.bad !== null || page.rows.length < PAGE) break;
      }
      const bad = walk.bad ?? walk.endsAt(head) ?? (await notSealed(connection, walk.rows));
      return { entries: walk.entries, rows: walk.rows, head, bad };
    },
    { statementTimeoutMs: 3_600_000 },
  );
}

class ChainWalk {
  position = 0n;
  entries = 0;
  bad: ChainFinding | null = null;
  readonly rows: Record<ChainKind, number> = { charge: 0, bill: 0, bill_state: 0, credit_note: 0, payment: 0 };
  readonly #published: ReadonlyMap<string, string>;
  #hash = FIRST_HASH;

  constructor(published: ReadonlyMap<string, string>) {
    this.#published = published;
  }

  take(row: EntryRow): void {
    if (this.bad !== null) return;
    const mistake = this.#mistake(row);
    if (mistake !== null) {
      const position = (mistake === 'position_missing' ? this.position + 1n : row.position).toString();
      this.bad = { mistake, position, kind: row.kind, keys: row.keys.slice(0, MAX_NAMED) };
      return;
    }
    this.position = row.position;
    this.#hash = row.hash;
    this.entries += 1;
    this.rows[row.kind] += row.keys.length;
  }

  endsAt(head: ChainHead): ChainFinding | null {
    if (head.position === this.position && head.hash === this.#hash) return null;
    return { mistake: 'head_wrong', position: head.position.toString(), kind: null, keys: [] };
  }

  #mistake(row: EntryRow): ChainMistake | null {
    if (row.position !== this.position + 1n) return 'position_missing';
    const digest = sha256(row.content ?? '');
    if (digest !== row.digest) return 'content_changed';
    const hash = createHash('sha256')
      .update(Buffer.from(this.#hash, 'hex'))
      .update(`${row.position}|${row.kind}|${row.keys.join(',')}|${row.at_ms}|`)
      .update(Buffer.from(row.digest, 'hex'))
      .digest('hex');
    if (hash !== row.hash) return 'hash_wrong';
    const told = this.#published.get(row.position.toString());
    return told === undefined || told === hash ? null : 'published_differs';
  }
}

/** Rows that were put beside the chain, or keys that it seals twice. */
async function notSealed(
  connection: Queryable,
  sealed: Readonly<Record<ChainKind, number>>,
): Promise<ChainFinding | null> {
  for (const kind of CHAIN_KINDS) {
    const [table, key] = TABLES[kind];
    const { rows } = await connection.query<{ count: bigint }>(`select count(*)::int8 as count from ${table}`);
    if (Number(rows[0]?.count ?? 0n) === sealed[kind]) continue;
    const found = await connection.query<{ key: string }>(
      `select ${key}::text as key from ${table} where ${key}::text not in (
         select unnest(keys) from billing.chain where kind = $1) order by ${key} limit ${MAX_NAMED}`,
      [kind],
    );
    return { mistake: 'not_sealed', position: '', kind, keys: found.rows.map((row) => row.key) };
  }
  return null;
}

/** Entries after a position, oldest first, for whoever keeps them outside. */
export async function chainAfter(connection: Queryable, position: bigint, limit: number): Promise<ChainEntry[]> {
  const { rows } = await connection.query<Omit<EntryRow, 'digest' | 'content'>>(
    `select position, kind, keys, at_ms, encode(hash, 'hex') as hash from billing.chain where position > $1 order by position limit $2`,
    [position, limit],
  );
  return rows.map(({ at_ms: atMs, ...row }) => ({ ...row, atMs: Number(atMs) }));
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
