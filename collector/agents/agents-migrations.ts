// The tables of what passes between agents and collector beside polls: events, work, and who polled what until when.
import type { Migration } from '../../common/database/database.ts';

export const agentsMigrations: readonly Migration[] = [
  {
    id: 'agents-001',
    sql: `
      create schema if not exists agents;
      create table agents.device_event (
        id int8 generated always as identity primary key,
        agent text not null,
        event_id text not null,
        device text,
        source text,
        origin text not null,
        name text not null,
        observed_at_ms int8 not null,
        received_at_ms int8 not null,
        uptime_ticks int8,
        interface_key text,
        details jsonb not null,
        unique (agent, event_id)
      );
      create index device_event_by_device on agents.device_event (device, id desc);
      create index device_event_by_receipt on agents.device_event (received_at_ms);
      create table agents.work (
        id text primary key,
        ordinal int8 not null generated always as identity,
        agent text not null,
        kind text not null,
        device text not null,
        parameters jsonb not null,
        state text not null,
        asked_by text not null,
        reason text not null,
        created_at_ms int8 not null,
        expires_at_ms int8 not null,
        handed_out_at_ms int8,
        finished_at_ms int8,
        result jsonb
      );
      create index work_open on agents.work (agent, ordinal) where state in ('queued', 'handed_out');
      create unique index work_by_ordinal on agents.work (ordinal desc);
      create table agents.assignment (
        device text not null,
        agent text not null,
        since_ms int8 not null,
        until_ms int8,
        primary key (device, agent)
      );`,
  },
];
