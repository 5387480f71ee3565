// The schema of what operators and other systems say of an alarm: owner, ticket, escalation, shelf, and what a system beyond Weir calls it; and the hub that tells others.
import type { Migration } from '../../common/database/database.ts';

export const faultsLifeMigrations: readonly Migration[] = [
  {
    id: 'faults-life-001',
    sql: `
      alter table faults.alarm
        add column assigned_to text,
        add column ticket text,
        add column ticket_url text,
        add column escalation_level int2 not null default 0,
        add column escalation_reason text,
        add column shelf_reason text,
        add column shelved_by text,
        add column updated_at_ms int8 not null default 0,
        add column source_system_id text,
        add column external_alarm_id text,
        add column external jsonb,
        add column parent_alarms int8[] not null default '{}',
        add column severity_rank int2 not null generated always as (
          case severity when 'critical' then 5 when 'major' then 4 when 'minor' then 3 when 'warning' then 2 else 1 end
        ) stored,
        add column searched_text text not null generated always as (
          lower(text || chr(10) || resource || chr(10) || coalesce(ticket, '') || chr(10) || alarm_type)
        ) stored;
      update faults.alarm set updated_at_ms = changed_at_ms;
      create unique index alarm_by_source on faults.alarm (source_system_id, external_alarm_id);
      create index alarm_by_severity on faults.alarm (severity_rank desc, changed_at_ms desc, id desc);
      create index alarm_by_update on faults.alarm (updated_at_ms desc, id desc);
      create index alarm_by_raise on faults.alarm (raised_at_ms desc, id desc);
      create index alarm_by_clearance on faults.alarm (cleared_at_ms) where is_cleared;
      create index alarm_grouped on faults.alarm (id) where parent_alarms <> '{}';
      create index alarm_by_parent on faults.alarm using gin (parent_alarms) where parent_alarms <> '{}';
      alter table faults.operator_change
        add column action text, add column system text, add column on_behalf_of text;
      create function faults.alarm_is_updated() returns trigger language plpgsql as $$
        begin
          new.updated_at_ms := (extract(epoch from clock_timestamp()) * 1000)::int8;
          return new;
        end $$;
      create trigger alarm_is_updated before insert or update on faults.alarm
        for each row execute function faults.alarm_is_updated();
      create function faults.active_alarm_stays() returns trigger language plpgsql as $$
        begin
          if not old.is_cleared then raise exception 'an active alarm is never deleted'; end if;
          return old;
        end $$;
      create trigger active_alarm_stays before delete on faults.alarm
        for each row execute function faults.active_alarm_stays();`,
  },
  {
    id: 'faults-hub-001',
    sql: `
      create table faults.alarm_listener (
        id text primary key,
        callback text not null,
        query text not null,
        created_by text not null,
        created_at_ms int8 not null,
        cursor int8 not null,
        failures int4 not null default 0,
        failing_since_ms int8,
        next_try_at_ms int8 not null default 0,
        last_told_at_ms int8,
        last_failure text,
        missed int8 not null default 0,
        ended_at_ms int8,
        end_reason text
      );
      create unique index alarm_listener_once on faults.alarm_listener (md5(callback || ' ' || query)) where ended_at_ms is null;
      create table faults.alarm_task (
        ordinal int8 generated always as identity primary key,
        id text not null unique,
        kind text not null,
        actor text not null,
        at_ms int8 not null,
        task jsonb not null
      );
      create index alarm_task_by_kind on faults.alarm_task (kind, ordinal desc);
      create table faults.alarm_event (
        id int8 generated always as identity primary key,
        event_id uuid not null default gen_random_uuid(),
        at_ms int8 not null default (extract(epoch from clock_timestamp()) * 1000)::int8,
        transaction xid8 not null default pg_current_xact_id(),
        alarm int8,
        before jsonb,
        after jsonb,
        task_kind text,
        task jsonb,
        unique (transaction, alarm)
      );
      /* Ids grow in the order of the commits: so nobody who reads after an id misses what commits late. */
      create function faults.somebody_listens() returns boolean language plpgsql as $$
        begin
          perform pg_advisory_xact_lock(8632642);
          return exists (select from faults.alarm_listener where ended_at_ms is null);
        end $$;
      /* At the commit, so that an alarm that changes several times in one transaction is told once, as it is then. */
      create function faults.tell_alarm() returns trigger language plpgsql as $$
        declare
          changed int8 := case tg_op when 'DELETE' then old.id else new.id end;
          alarm_now jsonb;
        begin
          if not faults.somebody_listens() then return null; end if;
          select to_jsonb(alarm) into alarm_now from faults.alarm where id = changed;
          if alarm_now is null and tg_op = 'INSERT' then return null; end if;
          insert into faults.alarm_event (alarm, before, after)
          values (changed, case tg_op when 'INSERT' then null else to_jsonb(old) end, alarm_now)
          on conflict do nothing;
          return null;
        end $$;
      create constraint trigger alarm_is_told after insert or update or delete on faults.alarm
        deferrable initially deferred for each row execute function faults.tell_alarm();
      create function faults.tell_task() returns trigger language plpgsql as $$
        begin
          if not faults.somebody_listens() then return null; end if;
          insert into faults.alarm_event (task_kind, task, before)
          values (new.kind, new.task, null), (new.kind, new.task, '{}');
          return null;
        end $$;
      create constraint trigger task_is_told after insert on faults.alarm_task
        deferrable initially deferred for each row execute function faults.tell_task();`,
  },
];
