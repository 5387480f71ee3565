// The order in which raised alarms are worked on, kept beside them: it changes with what a resource carries, which is no change of the alarm.
import type { Migration } from '../../common/database/database.ts';

export const priorityMigrations: readonly Migration[] = [
  {
    id: 'faults-priority-001',
    sql: `
      create table faults.carried (
        resource text primary key,
        impact int2 not null,
        by_hand boolean not null
      );
      create table faults.alarm_priority (of_alarm int8 primary key, priority int4 not null) with (fillfactor = 70);
      create index alarm_by_priority on faults.alarm_priority (priority desc, of_alarm desc);
      /* What was set by hand of a device counts for all of it; a part that is no port carries what its device does. */
      create function faults.impact_of(of_resource text, of_device text) returns int4 language sql stable as $$
        select coalesce(
          (select impact from faults.carried where resource = of_device and by_hand),
          (select impact from faults.carried where resource = of_resource),
          (select impact from faults.carried where resource = of_device and of_resource like '%/%:%'),
          0)::int4 $$;
      create function faults.priority_of(urgency int4, impact int4) returns int4 language sql immutable as $$
        select (urgency + impact) * 100 + urgency * 10 + impact $$;
      create function faults.keep_priorities() returns trigger language plpgsql as $$
        begin
          delete from faults.alarm_priority using changed where of_alarm = changed.id and changed.is_cleared;
          insert into faults.alarm_priority (of_alarm, priority)
          select id, faults.priority_of(severity_rank, faults.impact_of(resource, device)) from changed
            where not is_cleared order by id
          on conflict (of_alarm) do update set priority = excluded.priority
            where alarm_priority.priority <> excluded.priority;
          return null;
        end $$;
      create trigger priority_is_kept_on_insert after insert on faults.alarm
        referencing new table as changed for each statement execute function faults.keep_priorities();
      create trigger priority_is_kept_on_update after update on faults.alarm
        referencing new table as changed for each statement execute function faults.keep_priorities();
      insert into faults.alarm_priority (of_alarm, priority)
      select id, faults.priority_of(severity_rank, 0) from faults.alarm where not is_cleared;`,
  },
];
