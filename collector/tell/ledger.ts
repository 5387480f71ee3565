// The ledger in PostgreSQL: what each subscriber was last told of each alarm, and the messages; every change of both is one transaction.
import type { Queryable } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { OperatorState, Severity } from '../faults/alarm.ts';
import type { AlarmRow } from '../faults/alarm-row.ts';
import type { Lately, LedgerChange, NewMessage, Storm } from './messages-due.ts';
import type { Belief, ItemKind, LedgerRow, MessageContent } from './told.ts';

/** Of alarms that this announcer looks at in one pass; the worst first. */
export const MAX_ALARMS = 50_000;
/** Of collector/faults/alarm-row.ts, whose rows these are. */
const ALARM_COLUMNS = `id, resource, alarm_type, qualifier, device, severity, is_cleared, text, threshold, created_at_ms,
  raised_at_ms, changed_at_ms, cleared_at_ms, operator_state, operator, operator_at_ms, shelved_until_ms`;
/** "tell" in ASCII. */
const ADVISORY_LOCK = 0x74_65_6c_6c;

interface StoredRow {
  readonly alarm: bigint;
  readonly channel: string;
  readonly severity: Severity | null;
  readonly operator_state: OperatorState | null;
  readonly told_at_ms: bigint | null;
  readonly thread: string | null;
  readonly since_ms: bigint | null;
  readonly waiting_since_ms: bigint | null;
  readonly message: bigint | null;
  readonly kind: ItemKind | null;
  readonly new_severity: Severity | null;
  readonly new_operator_state: OperatorState | null;
}

/** Only one announcer decides at a time; false where another does. Held until the transaction ends. */
export async function lockDecision(connection: Queryable): Promise<boolean> {
  const { rows } = await connection.query<{ held: boolean }>('select pg_try_advisory_xact_lock($1) as held', [
    ADVISORY_LOCK,
  ]);
  return rows[0]?.held === true;
}

/** Alarms that may be told, or of which somebody believes something or is being told. */
export async function alarmsToLookAt(connection: Queryable): Promise<readonly AlarmRow[]> {
  const { rows } = await connection.query<AlarmRow>(
    `select ${ALARM_COLUMNS} from faults.alarm
      where not is_cleared
         or id in (select alarm from tell.ledger where severity is not null or message is not null)
      order by array_position(array['critical', 'major', 'minor', 'warning', 'indeterminate'], severity), id
      limit ${MAX_ALARMS + 1}`,
  );
  return rows;
}

/** Alarms that a subscriber was told of and not that they are over. */
export async function believedBy(connection: Queryable, channel: string): Promise<readonly AlarmRow[]> {
  const { rows } = await connection.query<AlarmRow>(
    `select ${ALARM_COLUMNS} from faults.alarm
      where not is_cleared and id in (select alarm from tell.ledger where channel = $1 and severity is not null)
      order by id limit ${MAX_ALARMS}`,
    [channel],
  );
  return rows;
}

/** One alarm; null where there is none. */
export async function alarmOfId(connection: Queryable, id: string): Promise<AlarmRow | null> {
  const { rows } = await connection.query<AlarmRow>(`select ${ALARM_COLUMNS} from faults.alarm where id = $1`, [id]);
  return rows[0] ?? null;
}

export async function loadLedger(
  connection: Queryable,
  alarms: readonly string[],
  open: ReadonlySet<string>,
): Promise<ReadonlyMap<string, ReadonlyMap<string, LedgerRow>>> {
  const { rows } = await connection.query<StoredRow>(
    `select ledger.alarm, ledger.channel, ledger.severity, ledger.operator_state, ledger.told_at_ms, ledger.thread,
            ledger.since_ms, ledger.waiting_since_ms, ledger.message, item.kind,
            item.severity as new_severity, item.operator_state as new_operator_state
       from tell.ledger ledger
       left join tell.message_item item on item.message = ledger.message and item.alarm = ledger.alarm
      where ledger.alarm = any($1::int8[])`,
    [alarms],
  );
  const found = new Map<string, Map<string, LedgerRow>>();
  for (const row of rows) {
    const own = found.get(row.alarm.toString()) ?? new Map<string, LedgerRow>();
    found.set(row.alarm.toString(), own);
    own.set(row.channel, rowOf(row, open));
  }
  return found;
}

function rowOf(row: StoredRow, open: ReadonlySet<string>): LedgerRow {
  const number = (value: bigint | null): number | null => (value === null ? null : Number(value));
  return {
    alarm: row.alarm.toString(),
    channel: row.channel,
    belief: beliefOf(row.severity, row.operator_state),
    toldAtMs: number(row.told_at_ms),
    thread: row.thread,
    sinceMs: number(row.since_ms),
    waitingSinceMs: number(row.waiting_since_ms),
    intent:
      row.message === null || row.kind === null
        ? null
        : {
            message: row.message.toString(),
            kind: row.kind,
            belief: beliefOf(row.new_severity, row.new_operator_state),
            open: open.has(row.message.toString()),
          },
  };
}

function beliefOf(severity: Severity | null, operatorState: OperatorState | null): Belief | null {
  return severity === null || operatorState === null ? null : { severity, operatorState };
}

/** What went to each channel within its span. */
export async function lately(
  connection: Queryable,
  channels: ReadonlyMap<string, Storm>,
  nowMs: EpochMs,
): Promise<ReadonlyMap<string, Lately>> {
  const names = [...channels.keys()];
  const { rows } = await connection.query<{ channel: string; messages: bigint; digest: bigint | null }>(
    `select asked.channel,
            (select count(*) from tell.message sent
              where sent.channel = asked.channel and sent.created_at_ms > asked.after and sent.state <> 'superseded') as messages,
            (select max(sent.created_at_ms) from tell.message sent
              where sent.channel = asked.channel and sent.kind = 'digest' and sent.state <> 'superseded') as digest
       from unnest($1::text[], $2::int8[]) as asked (channel, after)`,
    [names, names.map((name) => nowMs - (channels.get(name)?.spanMs ?? 0))],
  );
  return new Map(
    rows.map(({ channel, messages, digest }) => [
      channel,
      { messages: Number(messages), lastDigestAtMs: digest === null ? null : Number(digest) },
    ]),
  );
}

/**
 * Messages that another may take the place of: surely not accepted, or given up, and sent by nobody at the moment. Locked, so that nobody
 * begins to while it is decided.
 */
export async function lockOpen(connection: Queryable, nowMs: EpochMs): Promise<ReadonlySet<string>> {
  const { rows } = await connection.query<{ id: bigint }>(
    `select id from tell.message
      where (state = 'dead' or (state = 'intended' and not uncertain)) and claimed_until_ms <= $1
      order by id for update skip locked`,
    [nowMs],
  );
  return new Set(rows.map(({ id }) => id.toString()));
}

/** Takes messages back that `lockOpen` gave. */
export async function supersede(connection: Queryable, messages: readonly string[], nowMs: EpochMs): Promise<void> {
  if (messages.length === 0) return;
  await connection.query(`update tell.message set state = 'superseded', done_at_ms = $2 where id = any($1::int8[])`, [
    messages,
    nowMs,
  ]);
  await connection.query('update tell.ledger set message = null where message = any($1::int8[])', [messages]);
}

export async function writeLedger(connection: Queryable, changes: readonly LedgerChange[]): Promise<void> {
  if (changes.length === 0) return;
  const rows = changes.map(({ alarm, channel, belief, sinceMs, waitingSinceMs }) => ({
    alarm: Number(alarm),
    channel,
    forget: belief === null,
    since_ms: sinceMs,
    waiting_since_ms: waitingSinceMs,
  }));
  await connection.query(
    `insert into tell.ledger as held (alarm, channel, since_ms, waiting_since_ms)
     select alarm, channel, since_ms, waiting_since_ms
       from jsonb_to_recordset($1::jsonb) as new (alarm int8, channel text, since_ms int8, waiting_since_ms int8)
     on conflict (alarm, channel) do update set since_ms = excluded.since_ms, waiting_since_ms = excluded.waiting_since_ms`,
    [JSON.stringify(rows)],
  );
  await connection.query(
    `update tell.ledger held set severity = null, operator_state = null, thread = null
       from jsonb_to_recordset($1::jsonb) as new (alarm int8, channel text, forget boolean)
      where held.alarm = new.alarm and held.channel = new.channel and new.forget and held.severity is not null`,
    [JSON.stringify(rows)],
  );
}

/** The intent, before anything goes out: message, what it covers, and the ledger that points to it. */
export async function writeMessage(
  connection: Queryable,
  message: NewMessage & { readonly key: string },
  nowMs: EpochMs,
): Promise<void> {
  const { key, channel, kind, items, counts, folded, threads, covers } = message;
  const { rows } = await connection.query<{ id: bigint }>(
    `insert into tell.message (key, channel, kind, content, created_at_ms, next_try_ms)
     values ($1, $2, $3, $4, $5, $5) returning id`,
    [key, channel, kind, JSON.stringify({ kind, items, counts, folded, threads } satisfies MessageContent), nowMs],
  );
  const id = rows[0]?.id;
  const covered = covers.map(({ alarm, kind: said, belief }) => ({
    alarm: Number(alarm),
    kind: said,
    severity: belief?.severity ?? null,
    operator_state: belief?.operatorState ?? null,
  }));
  await connection.query(
    `insert into tell.message_item (message, alarm, kind, severity, operator_state)
     select $1, alarm, kind, severity, operator_state
       from jsonb_to_recordset($2::jsonb) as new (alarm int8, kind text, severity text, operator_state text)`,
    [id, JSON.stringify(covered)],
  );
  await connection.query(
    `update tell.ledger set message = $1, waiting_since_ms = null where channel = $2 and alarm = any($3::int8[])`,
    [id, channel, covers.map(({ alarm }) => alarm)],
  );
}
