// Tables of mediation: usage records, which never change; where epochs begin; and how far each meter and the whole has come.
import type { Migration } from '../../common/database/database.ts';

export const usageMigrations: readonly Migration[] = [
  {
    id: 'usage-001',
    sql: `
      create schema if not exists usage;
      create table usage.meter (
        id int4 primary key,
        device text not null,
        interface_key text not null,
        direction text not null check (direction in ('in', 'out')),
        unique (device, interface_key, direction)
      );
      -- The one row that every mediating transaction locks and moves on: so their serials grow in the order of their commits.
      create table usage.mediation (
        one boolean primary key default true check (one),
        bucket_ms int8,
        cursor text,
        number int8 not null default 0,
        next_serial int8 not null default 1,
        last_bucket int4,
        quarantined int4 not null default 0
      );
      insert into usage.mediation default values;
      create table usage.journal (
        journal text primary key,
        position int8 not null,
        ordinal int4 not null
      );
      create table usage.device (
        device text primary key,
        closed_before int4 not null,
        interval_ms int8 not null,
        meters bytea not null,
        dormant bytea not null
      );
      alter table usage.device alter column meters set storage external, alter column dormant set storage external;
      create table usage.record (
        serial int8 not null,
        first_ms int8 not null,
        last_ms int8 not null,
        meter int4 not null,
        bucket int4 not null,
        covered_ms int4 not null,
        gap_ms int4 not null default 0,
        lost_ms int4 not null default 0,
        version int4 not null default 1,
        wraps int2 not null default 0,
        good numeric not null default 0,
        wrapped numeric not null default 0,
        gap numeric not null default 0,
        suspended numeric not null default 0,
        primary key (meter, bucket, version)
      );
      create unique index record_by_serial on usage.record (serial);
      create table usage.epoch (
        meter int4 not null,
        first_at_ms int8 not null,
        first_value numeric not null,
        width int2 not null,
        previous_at_ms int8,
        previous_value numeric,
        ended text,
        primary key (meter, first_at_ms)
      );
      create index epoch_by_time on usage.epoch (first_at_ms, meter) where ended is not null;
      create table usage.checkpoint (
        meter int4 not null,
        at_ms int8 not null,
        value numeric not null,
        primary key (meter, at_ms)
      );
      create table usage.implausible (
        meter int4 not null,
        to_ms int8 not null,
        from_ms int8 not null,
        octets numeric not null,
        primary key (meter, to_ms)
      );
      create index implausible_by_time on usage.implausible (to_ms, meter);
      create table usage.unsound_clock (
        device text not null,
        day int4 not null,
        agent text not null,
        pages int4 not null,
        from_ms int8 not null,
        to_ms int8 not null,
        primary key (device, day, agent)
      );
      create function usage.refuse_change() returns trigger language plpgsql as $$
        begin
          raise exception 'rows of %.% never change', tg_table_schema, tg_table_name using errcode = 'integrity_constraint_violation';
        end
      $$;
      create trigger record_never_changes before update or delete or truncate on usage.record
        for each statement execute function usage.refuse_change();`,
  },
  {
    id: 'usage-002-sealed',
    sql: `
      -- Another way to read usage.record: never the only place of anything.
      create table usage.sealed (
        meter int4 not null,
        block int4 not null,
        last_serial int8 not null,
        records int4 not null,
        wraps int4 not null,
        octets numeric not null,
        rated numeric not null,
        places bytea,
        good bytea not null,
        others bytea,
        stale boolean not null default false,
        primary key (meter, block)
      );
      alter table usage.sealed alter column good set storage external;
      create index sealed_stale on usage.sealed (block, meter) where stale;
      alter table usage.mediation add column sealing int4;`,
  },
  {
    id: 'usage-003-release',
    sql: `
      -- What people decided to believe; mediation obeys it whenever it goes through the readings again.
      create table usage.release (
        number int8 generated always as identity unique,
        meter int4 not null,
        from_ms int8 not null,
        to_ms int8 not null,
        octets numeric not null,
        reason text not null,
        by_whom text not null,
        at_ms int8 not null,
        primary key (meter, to_ms)
      );
      create trigger release_never_changes before update or delete or truncate on usage.release
        for each statement execute function usage.refuse_change();`,
  },
  {
    id: 'usage-004-meters',
    sql: `
      -- What is counted beside octets; of a gauge 'in' is the integral with the last value held, 'out' that by trapezoids.
      alter table usage.meter add column class text not null default 'octets';
      alter table usage.meter drop constraint meter_device_interface_key_direction_key;
      alter table usage.meter add unique (device, interface_key, class, direction);`,
  },
];
