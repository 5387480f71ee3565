// The schema of what operators and other systems say of an alarm: owner, ticket, escalation, shelf, and what a system beyond Weir calls it.
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
        ) stored;
      update faults.alarm set updated_at_ms = changed_at_ms;
      create unique index alarm_by_source on faults.alarm (source_system_id, external_alarm_id);
      create index alarm_by_severity on faults.alarm (severity_rank desc, changed_at_ms desc, id desc);
      create index alarm_by_update on faults.alarm (updated_at_ms desc, id desc);
      create index alarm_by_raise on faults.alarm (raised_at_ms desc, id desc);
      create index alarm_by_clearance on faults.alarm (cleared_at_ms) where is_cleared;
      create index alarm_by_parent on faults.alarm using gin (parent_alarms) where parent_alarms <> '{}';
      alter table faults.operator_change add column action text, add column system text;
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
];
