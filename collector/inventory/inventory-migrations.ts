// The tables of devices and interfaces: permanent ids, and each as it was last seen.
import type { Migration } from '../../common/database/database.ts';
import { changeMigrations } from './change-book.ts';
import { partMigrations } from './part-book.ts';

export const inventoryMigrations: readonly Migration[] = [
  {
    id: 'inventory-001',
    sql: `
      create schema if not exists inventory;
      create table inventory.device (
        id int not null generated always as identity primary key,
        name text collate "C" not null unique,
        revision int8 not null default 0,
        first_seen_ms int8 not null,
        complete_until_ms int8,
        interfaces_at_ms int8,
        agent text,
        last_poll_at_ms int8,
        last_answer_at_ms int8,
        last_outcome text,
        last_failure text,
        last_poll_ms int8,
        last_requests int,
        last_retries int,
        interval_ms int8,
        uptime_ticks int8,
        sys_name text,
        sys_descr text,
        sys_object_id text,
        sys_location text,
        sys_contact text,
        vendor text,
        model text,
        os text,
        version text,
        serial text,
        profile text
      ) with (fillfactor = 70);

      create sequence inventory.meter_id as int;
      create table inventory.interface (
        id int not null generated always as identity primary key,
        device int not null references inventory.device (id),
        key text collate "C" not null,
        meter_in int not null unique default nextval('inventory.meter_id'),
        meter_out int not null unique default nextval('inventory.meter_id'),
        if_index text not null,
        if_order int8 not null generated always as (
          case when if_index ~ '^[0-9]{1,18}$' then if_index::int8 else 9223372036854775807 end
        ) stored,
        if_name text,
        if_descr text,
        if_alias text,
        if_type int8,
        mtu int8,
        speed_bps int8,
        mac text,
        admin_status int,
        oper_status int,
        first_seen_ms int8 not null,
        last_seen_ms int8 not null,
        gone_at_ms int8,
        unique (device, key)
      ) with (fillfactor = 80);`,
  },
  ...changeMigrations,
  ...partMigrations,
  // dot3StatsDuplexStatus (RFC 3635): 2 half, 3 full.
  { id: 'inventory-duplex-001-rules', sql: 'alter table inventory.interface add column duplex int;' },
  // Key of the LAG that it is a member of.
  {
    id: 'inventory-lag-001-rules',
    sql: 'alter table inventory.interface add column lag text; create index interface_lag on inventory.interface (device) where lag is not null;',
  },
];
