// Tables of the contracts: every version that ever was stated, and spans to rate again because bindings changed.
import type { Migration } from '../../common/database/database.ts';

export const accountMigrations: readonly Migration[] = [
  {
    id: 'billing-account-001',
    sql: `
      create schema if not exists billing;
      create table billing.contract_version (
        serial bigint generated always as identity unique,
        kind text not null check (kind in ('customer', 'price_plan', 'service')),
        id text not null,
        version int not null,
        stated text not null,
        valid_from_ms bigint not null,
        applied_at_ms bigint not null,
        document jsonb,
        primary key (kind, id, version)
      );
      create table billing.rerating (
        id bigint generated always as identity primary key,
        service text not null,
        from_ms bigint not null,
        to_ms bigint not null
      );
      create function billing.refuse_change() returns trigger language plpgsql as $$
        begin
          raise exception 'rows of %.% never change', tg_table_schema, tg_table_name using errcode = 'integrity_constraint_violation';
        end
      $$;
      create trigger contract_version_never_changes before update or delete or truncate on billing.contract_version
        for each statement execute function billing.refuse_change();`,
  },
];
