// The schema of putting it right: diagnoses with their steps, and corrective actions with what became of them.
import type { Migration } from '../../common/database/database.ts';

export const repairMigrations: readonly Migration[] = [
  {
    id: 'repair-001',
    // No reference to the alarm: its check would lock rows that the projection of faults locks in another order.
    sql: `
      create schema if not exists repair;
      create table repair.run (
        id int8 generated always as identity primary key,
        alarm int8 not null,
        raised_at_ms int8 not null,
        device text not null,
        runbook text not null,
        title text not null,
        trigger text not null,
        asked_by text not null,
        state text not null,
        reason text,
        plan jsonb not null,
        created_at_ms int8 not null,
        finished_at_ms int8
      );
      create unique index run_once on repair.run (alarm, raised_at_ms) where trigger = 'raised';
      create index run_by_alarm on repair.run (alarm, id desc);
      create index run_running on repair.run (id) where state = 'running';
      create index run_lately on repair.run (created_at_ms);
      create table repair.step (
        run int8 not null references repair.run (id) on delete cascade,
        ordinal int2 not null,
        kind text not null,
        state text not null,
        works jsonb not null,
        begun_at_ms int8 not null,
        until_ms int8 not null,
        finished_at_ms int8,
        summary text not null,
        entries jsonb not null,
        left_out int4 not null,
        primary key (run, ordinal)
      );
      create table repair.action (
        id int8 generated always as identity primary key,
        key text not null unique,
        alarm int8 not null,
        raised_at_ms int8 not null,
        action text not null,
        title text not null,
        target text not null,
        device text not null,
        agent text not null,
        plan jsonb,
        policy text,
        requested_by text not null,
        role text not null,
        reason text not null,
        state text not null,
        message text not null default '',
        outcome text,
        before jsonb,
        after jsonb,
        checks jsonb,
        created_at_ms int8 not null,
        effect_at_ms int8,
        verify_until_ms int8,
        check_at_ms int8,
        check_number int4 not null default 0,
        finished_at_ms int8
      );
      create index action_by_alarm on repair.action (alarm, id desc);
      create index action_open on repair.action (id) where finished_at_ms is null;
      create index action_lately on repair.action (created_at_ms);`,
  },
];
