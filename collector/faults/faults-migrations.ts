// The schema of fault management in PostgreSQL: alarms and their two histories, and what the rules remember.
import type { Migration } from '../../common/database/database.ts';
import { causeMigrations } from './cause/cause-migrations.ts';
import { downRecordMigrations } from './down-record-migrations.ts';
import { faultsLifeMigrations } from './faults-life-migrations.ts';
import { priorityMigrations } from './priority-migrations.ts';

export const faultsMigrations: readonly Migration[] = [
  {
    id: 'faults-001',
    sql: `
      create schema if not exists faults;
      create table faults.alarm (
        id int8 generated always as identity primary key,
        resource text not null,
        alarm_type text not null,
        qualifier text not null,
        device text,
        severity text not null,
        is_cleared boolean not null,
        text text not null,
        threshold jsonb,
        created_at_ms int8 not null,
        raised_at_ms int8 not null,
        changed_at_ms int8 not null,
        cleared_at_ms int8,
        operator_state text not null default 'none',
        operator text,
        operator_at_ms int8,
        shelved_until_ms int8,
        unique (resource, alarm_type, qualifier)
      );
      create index alarm_by_change on faults.alarm (changed_at_ms desc, id desc);
      create index alarm_active on faults.alarm (changed_at_ms desc, id desc) where not is_cleared;
      create index alarm_by_device on faults.alarm (device, changed_at_ms desc, id desc);
      create table faults.status_change (
        id int8 generated always as identity primary key,
        alarm int8 not null references faults.alarm (id) on delete cascade,
        at_ms int8 not null,
        severity text not null,
        text text not null,
        journal text not null,
        position int8 not null,
        ordinal int4 not null,
        unique (journal, position, ordinal)
      );
      create index status_change_by_alarm on faults.status_change (alarm, id desc);
      create table faults.operator_change (
        id int8 generated always as identity primary key,
        alarm int8 not null references faults.alarm (id) on delete cascade,
        at_ms int8 not null,
        operator text not null,
        state text not null,
        text text not null
      );
      create index operator_change_by_alarm on faults.operator_change (alarm, id desc);
      create table faults.device_state (
        device text primary key,
        agent text not null default '',
        interval_ms int8 not null default 0,
        last_at_ms int8 not null default 0,
        version int8 not null default 0,
        state jsonb,
        counters bytea
      ) with (fillfactor = 60);
      create table faults.agent_state (
        agent text primary key,
        last_received_at_ms int8 not null default 0,
        version int8 not null default 0,
        state jsonb
      ) with (fillfactor = 60);`,
  },
  {
    id: 'faults-002',
    sql: `
      create table faults.wanted_interface (
        device text not null,
        interface_key text not null,
        wanted boolean not null,
        primary key (device, interface_key)
      );`,
  },
  ...causeMigrations,
  ...faultsLifeMigrations,
  ...downRecordMigrations,
  ...priorityMigrations,
  {
    // Counters hardly compress, and are written anew at every poll: trying took a third of what PostgreSQL had to do.
    id: 'faults-003-store',
    sql: 'alter table faults.device_state alter column counters set storage external',
  },
];
