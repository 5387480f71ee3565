// The table of what is told to people and programs outside: written with what it is about, kept for ever, so that nothing is told twice under two keys.
import type { Migration } from '../../common/database/database.ts';

export const sendMigrations: readonly Migration[] = [
  {
    id: 'billing-send-001',
    sql: `
      create table billing.message (
        id bigint generated always as identity primary key,
        key text not null unique,
        channel text not null,
        kind text not null,
        subject text not null,
        customer text,
        recipients text[] not null,
        content jsonb,
        by_whom text not null,
        state text not null default 'intended' check (state in ('intended', 'sending', 'done', 'dead')),
        attempts int not null default 0,
        uncertain boolean not null default false,
        created_at_ms bigint not null,
        next_try_ms bigint not null,
        claimed_until_ms bigint not null default 0,
        tried_at_ms bigint,
        done_at_ms bigint,
        failure text
      );
      create index message_waiting on billing.message (channel, next_try_ms) where state in ('intended', 'sending');
      create index message_dead on billing.message (id) where state = 'dead';
      create index message_by_customer on billing.message (customer, id);
      create index message_by_subject on billing.message (subject, id);`,
  },
];
