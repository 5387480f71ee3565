// The audit log: who changed what, when, from what to what; written in the transaction of the change, never altered afterwards.
import type { EpochMs } from '../model/time.ts';
import type { Migration, Queryable } from './database.ts';

export const auditMigrations: readonly Migration[] = [
  {
    id: 'audit-001',
    sql: `
      create schema if not exists access;
      create table access.audit (
        id int8 primary key generated always as identity,
        at_ms int8 not null,
        actor text not null,
        role text not null,
        action text not null,
        subject text not null,
        before jsonb,
        after jsonb,
        note text
      );
      create index audit_by_subject on access.audit (subject, id desc);
      create function access.audit_is_append_only() returns trigger language plpgsql as $$
        begin raise exception 'the audit log is append-only'; end $$;
      create trigger audit_is_append_only before update or delete on access.audit
        for each row execute function access.audit_is_append_only();
      create trigger audit_is_not_emptied before truncate on access.audit
        for each statement execute function access.audit_is_append_only();`,
  },
];

export interface AuditEntry {
  readonly atMs: EpochMs;
  /** Name of the principal, or of the part of Weir that acted by itself (`system`). */
  readonly actor: string;
  readonly role: string;
  /** What was done, as noun.verb: `device.create`, `token.revoke`, `projection.pause`. */
  readonly action: string;
  /** What it was done to: `device/NAME`, `token/ID`, `projection/store`. */
  readonly subject: string;
  /** Never with a secret. */
  readonly before?: unknown;
  readonly after?: unknown;
  readonly note?: string;
}

/** Call it in the transaction of the change. */
export async function recordAudit(connection: Queryable, entry: AuditEntry): Promise<void> {
  await connection.query(
    `insert into access.audit (at_ms, actor, role, action, subject, before, after, note)
     values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      entry.atMs,
      entry.actor,
      entry.role,
      entry.action,
      entry.subject,
      entry.before === undefined ? null : JSON.stringify(entry.before),
      entry.after === undefined ? null : JSON.stringify(entry.after),
      entry.note ?? null,
    ],
  );
}

export interface AuditQuery {
  readonly subject?: string;
  readonly actor?: string;
  /** Entries with a lower id only. */
  readonly before?: number;
  readonly limit: number;
  /** Who asks sees only entries of which this SQL holds; its values stand from `$5` on. */
  readonly seen?: { readonly condition: (firstPlace: number) => string; readonly values: readonly unknown[] };
}

export interface AuditRecord extends AuditEntry {
  readonly id: number;
}

/** The newest first. */
export async function listAudit(connection: Queryable, query: AuditQuery): Promise<AuditRecord[]> {
  const { rows } = await connection.query<AuditRow>(
    `select id, at_ms, actor, role, action, subject, before, after, note from access.audit
      where id < $1 and ($2::text is null or subject = $2) and ($3::text is null or actor = $3)
        and ${query.seen?.condition(5) ?? 'true'}
      order by id desc limit $4`,
    [
      query.before ?? Number.MAX_SAFE_INTEGER,
      query.subject ?? null,
      query.actor ?? null,
      query.limit,
      ...(query.seen?.values ?? []),
    ],
  );
  return rows.map(({ id, at_ms: atMs, actor, role, action, subject, before, after, note }) => ({
    id: Number(id),
    atMs: Number(atMs),
    actor,
    role,
    action,
    subject,
    before,
    after,
    ...(note === null ? {} : { note }),
  }));
}

interface AuditRow {
  readonly id: bigint;
  readonly at_ms: bigint;
  readonly actor: string;
  readonly role: string;
  readonly action: string;
  readonly subject: string;
  readonly before: unknown;
  readonly after: unknown;
  readonly note: string | null;
}
