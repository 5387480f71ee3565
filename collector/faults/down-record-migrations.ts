// When what carries services was down, kept apart from the histories of alarms, of which only the newest entries stay: bills rest on it.
import type { Migration } from '../../common/database/database.ts';

export const downRecordMigrations: readonly Migration[] = [
  {
    id: 'faults-down-record-001',
    // In the transaction of the change and by the database itself: whoever writes an alarm cannot forget it. What was kept before is taken over as far as it reaches.
    sql: `
      alter table faults.status_change add column since_ms int8, add column loses_service boolean not null default true;
      create table faults.down_record (
        alarm int8 not null,
        resource text not null,
        alarm_type text not null,
        from_ms int8 not null,
        to_ms int8,
        primary key (alarm, from_ms)
      );
      create unique index down_record_open on faults.down_record (alarm) where to_ms is null;
      create index down_record_by_resource on faults.down_record (resource, from_ms);
      create index down_record_by_end on faults.down_record (to_ms) where to_ms is not null;
      create function faults.note_down(of_alarm int8, at int8, since int8, new_severity text)
        returns void language plpgsql as $$
        begin
          if new_severity = 'cleared' then
            update faults.down_record set to_ms = greatest(from_ms, at) where alarm = of_alarm and to_ms is null;
          else
            insert into faults.down_record (alarm, resource, alarm_type, from_ms)
            select id, resource, alarm_type, coalesce(since, at) from faults.alarm
              where id = of_alarm and not exists (
                select from faults.down_record open where open.alarm = of_alarm and open.to_ms is null)
            on conflict (alarm, from_ms) do update set to_ms = null;
          end if;
        end $$;
      create function faults.keep_down_records() returns trigger language plpgsql as $$
        begin
          perform faults.note_down(change.alarm, change.at_ms, change.since_ms, change.severity)
            from (select added.* from added join faults.alarm on alarm.id = added.alarm
                   where alarm.alarm_type in ('interface-down', 'device-unreachable')
                     and (added.loses_service or added.severity = 'cleared')
                   order by added.id) as change;
          return null;
        end $$;
      create trigger down_is_kept after insert on faults.status_change
        referencing new table as added for each statement execute function faults.keep_down_records();
      do $$
        declare change record;
        begin
          for change in select status_change.* from faults.status_change join faults.alarm on alarm.id = status_change.alarm
                         where alarm.alarm_type in ('interface-down', 'device-unreachable') order by status_change.id
          loop
            perform faults.note_down(change.alarm, change.at_ms, null, change.severity);
          end loop;
        end $$;`,
  },
];
