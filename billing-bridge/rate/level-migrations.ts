// Tables of what service credits rest on: records of outages in versions that never change, and when the collector is asked again.
import type { Migration } from '../../common/database/database.ts';

export const levelMigrations: readonly Migration[] = [
  {
    id: 'billing-level-001',
    sql: `
      create table billing.level_evidence (
        id bigint generated always as identity primary key,
        service text not null,
        window_start_ms bigint not null,
        window_end_ms bigint not null,
        version int not null,
        complete boolean not null,
        digest text not null,
        asked_at_ms bigint not null,
        ports jsonb not null,
        unique (service, window_start_ms, version)
      );
      create trigger level_evidence_never_changes before update or delete or truncate on billing.level_evidence
        for each statement execute function billing.refuse_change();
      create table billing.level_check (
        service text not null,
        window_start_ms bigint not null,
        ports text not null,
        next_at_ms bigint not null,
        primary key (service, window_start_ms)
      );`,
  },
];
