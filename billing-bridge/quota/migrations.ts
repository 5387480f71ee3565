// The table of thresholds that quotas reached: each once a period.
import type { Migration } from '../../common/database/database.ts';

export const quotaMigrations: readonly Migration[] = [
  {
    id: 'billing-quota-001',
    sql: `
      create table billing.quota_event (
        serial bigint generated always as identity primary key,
        quota text not null,
        service text not null,
        customer text not null,
        period text not null,
        period_start_ms bigint not null,
        share int not null,
        limit_octets numeric not null,
        used_octets numeric not null,
        at_ms bigint not null,
        unique (quota, period_start_ms, share)
      );
      create trigger quota_event_never_changes before update or delete or truncate on billing.quota_event
        for each statement execute function billing.refuse_change();`,
  },
];
