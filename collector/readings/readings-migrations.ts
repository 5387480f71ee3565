// The tables of raw counters: one row a poll of a device with its values packed, the layouts that say whose they are, the batches they came in.
import type { Migration } from '../../common/database/database.ts';

/**
 * After the migrations of inventory and of applied marks. `page` has no foreign keys: it is written by one place, and a check a row
 * would cost more than the row. Values are stored as they are packed, so that one of them can be cut out without reading the rest.
 */
export const readingsMigrations: readonly Migration[] = [
  {
    id: 'readings-001',
    sql: `
      create schema if not exists readings;
      create table readings.journal (
        id int not null generated always as identity primary key,
        name text collate "C" not null unique,
        pages int8 not null default 0,
        last_observed_at_ms int8
      );
      create table readings.stream (
        id int not null generated always as identity primary key,
        agent text collate "C" not null,
        incarnation text collate "C" not null,
        unique (agent, incarnation)
      );
      create table readings.batch (
        stream int not null references readings.stream (id),
        sequence int8 not null,
        journal int not null references readings.journal (id),
        position int8 not null,
        sha256 bytea not null,
        received_at_ms int8 not null,
        clock_offset_ms int8 not null,
        clock_sound boolean not null,
        processes text[] not null,
        pages int not null,
        rows int not null,
        primary key (stream, sequence),
        unique (journal, position)
      );
      create table readings.layout (
        id int not null generated always as identity primary key,
        device int not null references inventory.device (id),
        sha256 bytea not null,
        interfaces int[] not null,
        rows json not null,
        unique (device, sha256)
      );
      create table readings.page (
        position int8 not null,
        observed_at_ms int8 not null,
        interval_ms int8 not null,
        journal int not null,
        ordinal int not null,
        device int not null,
        layout int not null,
        process int not null,
        segments bytea not null,
        octets bytea not null,
        discontinuity bytea,
        present bytea,
        primary key (journal, position, ordinal)
      );
      create index page_by_device on readings.page (device, observed_at_ms);
      alter table readings.page alter column segments set storage external, alter column octets set storage external,
        alter column discontinuity set storage external, alter column present set storage external;
      create table readings.longest_page (
        device int not null primary key references inventory.device (id),
        span_ms int8 not null
      );
      create table readings.waiting_watermark (
        stream int not null references readings.stream (id),
        sequence int8 not null,
        devices int[] not null,
        complete_until_ms int8[] not null,
        primary key (stream, sequence)
      );`,
  },
  // Of one sequence a collector may hold a thinned copy and another the whole: neither is another content.
  { id: 'readings-002', sql: 'alter table readings.batch add column thinned boolean not null default false;' },
  {
    id: 'readings-003-meters',
    sql: `
      -- What is metered beside the octets of interfaces; its rows stand in layouts under the negative id.
      create table readings.metered (
        id int not null generated always as identity primary key,
        device int not null references inventory.device (id),
        key text collate "C" not null,
        class text not null,
        meter_in int not null unique,
        meter_out int unique,
        unique (device, key, class)
      );
      alter table readings.layout add column kind text not null default 'interface';`,
  },
];
