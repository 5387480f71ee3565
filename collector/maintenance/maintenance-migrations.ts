// The schema of maintenance: versions of windows, and what planned upgrades found before and after.
import type { Migration } from '../../common/database/database.ts';

export const maintenanceMigrations: readonly Migration[] = [
  {
    id: 'maintenance-001',
    sql: `
      create schema if not exists maintenance;
      create sequence maintenance.window_id;
      create sequence maintenance.serial;
      create table maintenance.window_version (
        id int8 not null,
        version int4 not null,
        serial int8 not null,
        definition jsonb not null,
        by text not null,
        valid_from_ms int8 not null,
        valid_until_ms int8,
        over_at_ms int8,
        primary key (id, version)
      );
      create unique index window_version_current on maintenance.window_version (id) where valid_until_ms is null;
      create index window_version_by_serial on maintenance.window_version (serial);
      create table maintenance.upgrade (
        window_id int8 not null,
        from_ms int8 not null,
        to_ms int8 not null,
        device text not null,
        before text,
        after text,
        settled boolean not null default false,
        primary key (window_id, from_ms, device)
      );
      create index upgrade_open on maintenance.upgrade (to_ms) where not settled;`,
  },
];
