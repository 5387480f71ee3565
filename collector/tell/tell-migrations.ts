// The schema of telling: messages, what each covers, and the ledger of what each subscriber was last told of each alarm.
import type { Migration } from '../../common/database/database.ts';

export const tellMigrations: readonly Migration[] = [
  {
    id: 'telling-001',
    sql: `
      create schema if not exists tell;
      create table tell.message (
        id int8 generated always as identity primary key,
        key text not null unique,
        channel text not null,
        kind text not null,
        content jsonb not null,
        state text not null default 'intended',
        attempts int4 not null default 0,
        uncertain boolean not null default false,
        created_at_ms int8 not null,
        next_try_ms int8 not null,
        claimed_until_ms int8 not null default 0,
        tried_at_ms int8,
        done_at_ms int8,
        failure text
      );
      create index message_waiting on tell.message (channel, id) where state in ('intended', 'sending');
      create index message_dead on tell.message (channel, id) where state = 'dead';
      create index message_lately on tell.message (channel, created_at_ms);
      create index message_digest on tell.message (channel, created_at_ms) where kind = 'digest';
      create table tell.message_item (
        message int8 not null references tell.message (id) on delete cascade,
        alarm int8 not null references faults.alarm (id) on delete cascade,
        kind text not null,
        severity text,
        operator_state text,
        primary key (message, alarm)
      );
      create index message_item_by_alarm on tell.message_item (alarm, message desc);
      create table tell.ledger (
        alarm int8 not null references faults.alarm (id) on delete cascade,
        channel text not null,
        severity text,
        operator_state text,
        told_at_ms int8,
        thread text,
        since_ms int8,
        waiting_since_ms int8,
        message int8 references tell.message (id),
        primary key (alarm, channel)
      ) with (fillfactor = 80);
      create index ledger_by_message on tell.ledger (message) where message is not null;
      create index ledger_believed on tell.ledger (alarm) where severity is not null or message is not null;`,
  },
];
