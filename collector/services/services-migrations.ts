// The tables of the mirror: the last copy of the bridge's feed, so that a start knows it before the bridge answers.
import type { Migration } from '../../common/database/database.ts';

export const servicesMigrations: readonly Migration[] = [
  {
    id: 'services-001',
    sql: `
      create schema if not exists services;
      create table services.mirror (
        singleton boolean primary key default true check (singleton),
        version int8 not null,
        fresh_at_ms int8 not null
      );
      create table services.service (
        id text primary key,
        content jsonb not null
      );`,
  },
];
