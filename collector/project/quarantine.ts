// Batches that cannot be used, kept whole with the reason: by ingest because they cannot be read, by a projection because it fails on them.
import { type AuditEntry, recordAudit } from '../../common/database/audit.ts';
import type { Database, Migration } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { BatchEnvelope, JournaledBody, QuarantineReason } from '../journal/batch-journal.ts';

export const quarantineMigrations: readonly Migration[] = [
  {
    id: 'quarantine-001',
    sql: `
      create schema if not exists readings;
      create table readings.quarantine (
        id int8 not null generated always as identity unique,
        journal text not null,
        position int8 not null,
        reader text not null,
        agent text not null,
        incarnation text not null,
        sequence int8 not null,
        sha256 text not null,
        code text not null,
        message text not null,
        received_at_ms int8 not null,
        kept_at_ms int8 not null,
        body bytea not null,
        primary key (journal, position, reader)
      );`,
  },
  {
    id: 'quarantine-002',
    sql: `
      alter table readings.quarantine add column resolved_at_ms int8, add column resolved_by text,
        add column envelope jsonb`,
  },
];

/** Who could not use the batch: everybody (`ingest`), or one projection. */
export type QuarantineReader = 'ingest' | 'readings' | 'faults' | 'store';

export interface QuarantinedBatch extends QuarantineReason {
  readonly id: number;
  readonly reader: string;
  readonly journal: string;
  readonly position: number;
  readonly agent: string;
  readonly incarnation: string;
  readonly sequence: number;
  readonly sha256: string;
  readonly receivedAtMs: EpochMs;
  readonly bytes: number;
}

interface Row {
  readonly id: bigint;
  readonly reader: string;
  readonly journal: string;
  readonly position: bigint;
  readonly agent: string;
  readonly incarnation: string;
  readonly sequence: bigint;
  readonly sha256: string;
  readonly code: string;
  readonly message: string;
  readonly received_at_ms: bigint;
  readonly bytes: number;
}

export interface QuarantinedEntry {
  readonly reader: QuarantineReader;
  readonly journal: string;
  readonly position: number;
  readonly envelope: BatchEnvelope;
  readonly body: Buffer;
}

interface EntryRow {
  readonly reader: QuarantineReader;
  readonly journal: string;
  readonly position: bigint;
  readonly agent: string;
  readonly incarnation: string;
  readonly sequence: bigint;
  readonly sha256: string;
  readonly received_at_ms: bigint;
  readonly body: Buffer;
  /** Null for what was kept by an older version. */
  readonly envelope: BatchEnvelope | null;
}

export class Quarantine {
  readonly #database: Database;
  readonly #now: () => EpochMs;

  constructor(database: Database, now: () => EpochMs) {
    this.#database = database;
    this.#now = now;
  }

  /** Keeps bytes and reason; again without effect. */
  async keep(reader: QuarantineReader, journal: string, entry: JournaledBody, reason: QuarantineReason): Promise<void> {
    const { envelope, body, position } = entry;
    await this.#database.query(
      `insert into readings.quarantine (journal, position, reader, agent, incarnation, sequence, sha256, code, message,
              received_at_ms, kept_at_ms, body, envelope)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) on conflict (journal, position, reader) do nothing`,
      [
        journal,
        position,
        reader,
        envelope.agent,
        envelope.incarnation,
        envelope.sequence,
        envelope.sha256,
        reason.code,
        reason.message.slice(0, 2000),
        envelope.receivedAtMs,
        this.#now(),
        Buffer.from(body.buffer, body.byteOffset, body.byteLength),
        JSON.stringify(envelope),
      ],
    );
  }

  /** Takes back what was kept, where the entry turns out not to be at fault. */
  async release(reader: QuarantineReader, journal: string, position: number): Promise<void> {
    await this.#database.query('delete from readings.quarantine where journal = $1 and position = $2 and reader = $3', [
      journal,
      position,
      reader,
    ]);
  }

  /** In the order they were kept, after an id (0 from the start). */
  async list(after: number, limit: number): Promise<QuarantinedBatch[]> {
    const { rows } = await this.#database.query<Row>(
      `select id, reader, journal, position, agent, incarnation, sequence, sha256, code, message, received_at_ms,
              octet_length(body) as bytes
         from readings.quarantine where id > $1 and resolved_at_ms is null order by id limit $2`,
      [after, limit],
    );
    return rows.map((row) => ({
      id: Number(row.id),
      reader: row.reader,
      journal: row.journal,
      position: Number(row.position),
      agent: row.agent,
      incarnation: row.incarnation,
      sequence: Number(row.sequence),
      sha256: row.sha256,
      code: row.code,
      message: row.message,
      receivedAtMs: Number(row.received_at_ms),
      bytes: row.bytes,
    }));
  }

  /** An entry as it stood in its journal; null where there is no such id or it is resolved. */
  async entry(id: number): Promise<QuarantinedEntry | null> {
    const { rows } = await this.#database.query<EntryRow>(
      `select reader, journal, position, agent, incarnation, sequence, sha256, received_at_ms, body, envelope
         from readings.quarantine where id = $1 and resolved_at_ms is null`,
      [id],
    );
    const [row] = rows;
    if (row === undefined) return null;
    const { quarantined: _, ...envelope } = row.envelope ?? {
      agent: row.agent,
      incarnation: row.incarnation,
      sequence: Number(row.sequence),
      sha256: row.sha256,
      receivedAtMs: Number(row.received_at_ms),
      clockOffsetMs: 0,
    };
    return { reader: row.reader, journal: row.journal, position: Number(row.position), envelope, body: row.body };
  }

  /** It went through after all; the row stays as a proof. */
  async resolve(id: number, by: AuditEntry): Promise<void> {
    await this.#database.transaction(async (connection) => {
      await connection.query('update readings.quarantine set resolved_at_ms = $2, resolved_by = $3 where id = $1', [
        id,
        this.#now(),
        by.actor,
      ]);
      await recordAudit(connection, by);
    });
  }

  /** It failed again, for this reason. */
  async retell(id: number, reason: QuarantineReason): Promise<void> {
    await this.#database.query('update readings.quarantine set code = $2, message = $3 where id = $1', [
      id,
      reason.code,
      reason.message.slice(0, 2000),
    ]);
  }

  /** The bytes as they arrived; null where there is no such id. */
  async body(id: number): Promise<Buffer | null> {
    const { rows } = await this.#database.query<{ body: Buffer }>(
      'select body from readings.quarantine where id = $1',
      [id],
    );
    return rows[0]?.body ?? null;
  }
}
