// Tables of rating: charges for ever, what is due, and how far usage was looked through.
import type { Migration } from '../../common/database/database.ts';

export const ratingMigrations: readonly Migration[] = [
  {
    id: 'billing-rate-001',
    sql: `
      create table billing.rating_run (
        id bigint generated always as identity primary key,
        holder text not null,
        token bigint not null,
        started_at_ms bigint not null
      );
      create table billing.charge (
        id bigint generated always as identity primary key,
        run bigint not null references billing.rating_run (id),
        customer text not null,
        service text not null,
        item text not null,
        item_name text not null,
        kind text not null,
        window_start_ms bigint not null,
        window_end_ms bigint not null,
        version int not null,
        plan text not null,
        plan_version int not null,
        currency text not null,
        quantity text not null,
        unit text not null,
        amount text not null,
        usage_records int not null,
        input_digest text not null,
        rated_at_ms bigint not null,
        working jsonb not null,
        evidence jsonb not null,
        unique (service, item, window_start_ms, version)
      );
      create index charge_by_customer on billing.charge (customer, window_start_ms);
      create trigger charge_never_changes before update or delete or truncate on billing.charge
        for each statement execute function billing.refuse_change();
      create table billing.due_window (
        service text not null,
        item text not null,
        window_start_ms bigint not null,
        window_end_ms bigint not null,
        primary key (service, item, window_start_ms)
      );
      create index due_window_by_end on billing.due_window (window_end_ms, service, item, window_start_ms);
      create table billing.rating_position (
        one boolean primary key default true check (one),
        usage_serial bigint not null
      );
      insert into billing.rating_position (usage_serial) values (0);
      create table billing.service_progress (
        service text primary key,
        due_until_ms bigint not null
      );`,
  },
  {
    id: 'billing-rate-002-meters',
    sql: `
      -- What is charged in advance is due before its window ends.
      alter table billing.due_window add column due_at_ms bigint;
      update billing.due_window set due_at_ms = window_end_ms;
      alter table billing.due_window alter column due_at_ms set not null;
      drop index billing.due_window_by_end;
      create index due_window_by_time on billing.due_window (due_at_ms, service, item, window_start_ms);`,
  },
  {
    id: 'billing-rate-003-meters',
    sql: `
      -- What was stored when a run rated: usage records and versions of contracts up to these.
      alter table billing.rating_run add column usage_serial bigint, add column contract_serial bigint;
      create index charge_by_run on billing.charge (run, id);`,
  },
  {
    id: 'billing-rate-004-meters',
    sql: `
      -- What was known of a port when it left a service.
      create table billing.final_record (
        id bigint generated always as identity primary key,
        customer text not null,
        service text not null,
        meter int not null,
        device text not null,
        interface_key text not null,
        class text not null,
        direction text not null,
        ended_at_ms bigint not null,
        outcome text not null,
        last_bucket_ms bigint,
        last_version int,
        last_reading_at_ms bigint,
        usage_serial bigint,
        made_at_ms bigint not null,
        unique (service, meter, ended_at_ms)
      );
      create index final_record_by_end on billing.final_record (ended_at_ms);
      create trigger final_record_never_changes before update or delete or truncate on billing.final_record
        for each statement execute function billing.refuse_change();`,
  },
  {
    id: 'billing-rate-005-bill',
    sql: `
      -- Which readings were mediated when a run rated: for contracts that rank pairs of polls.
      alter table billing.rating_run add column readings jsonb;`,
  },
];
