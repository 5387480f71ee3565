// Reads alarms for TMF642: rows by filters under a viewpoint, each with its comments and what is grouped under it.
import type { Queryable } from '../../../common/database/database.ts';
import type { EpochMs } from '../../../common/model/time.ts';
import type { Viewpoint } from '../../../common/model/viewpoint.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import { seen, seesAlarm } from '../alarm-query.ts';
import { ALARM_COLUMNS, type AlarmRow, timeOf } from '../alarm-row.ts';
import { conditionsOf, type Filter } from './filter.ts';
import { type Beside, NOTHING_BESIDE, type TmfAlarm, type TmfComment, tmfAlarmOf, WEIR_SYSTEM } from './tmf-alarm.ts';

export type AlarmOrder = 'id' | 'raised' | '-raised' | 'changed' | '-changed';

export interface AlarmQuestion {
  readonly filters: readonly Filter[];
  /** Shelved ones are hidden where it does not say otherwise. */
  readonly shelved: 'true' | 'false' | 'any';
  readonly order: AlarmOrder;
  readonly offset: number;
  readonly limit: number;
}

export interface AlarmList {
  readonly total: number;
  readonly alarms: readonly TmfAlarm[];
}

/** Told of one alarm; the audit log has all. */
const MAX_COMMENTS = 50;
const MAX_CHILDREN = 10_000;
const ORDERS: Readonly<Record<AlarmOrder, string>> = {
  id: 'id',
  raised: 'raised_at_ms, id',
  '-raised': 'raised_at_ms desc, id desc',
  changed: 'changed_at_ms, id',
  '-changed': 'changed_at_ms desc, id desc',
};

export async function listAlarms(
  connection: Queryable,
  viewpoint: Viewpoint,
  question: AlarmQuestion,
  nowMs: EpochMs,
): Promise<AlarmList> {
  const values: unknown[] = [...seen(viewpoint)];
  const conditions = [seesAlarm(1), ...conditionsOf(question.filters, values)];
  if (question.shelved !== 'any') {
    values.push(nowMs);
    const shelved = `coalesce(shelved_until_ms > $${values.length}, false)`;
    conditions.push(question.shelved === 'true' ? shelved : `not ${shelved}`);
  }
  const where = conditions.map((condition) => `(${condition})`).join(' and ');
  const counted = await connection.query<{ total: bigint }>(
    `select count(*) as total from faults.alarm alarm where ${where}`,
    values,
  );
  const { rows } = await connection.query<AlarmRow>(
    `select ${ALARM_COLUMNS} from faults.alarm alarm where ${where}
      order by ${ORDERS[question.order]} offset $${values.length + 1} limit $${values.length + 2}`,
    [...values, question.offset, question.limit],
  );
  return { total: Number(counted.rows[0]?.total ?? 0n), alarms: await toldOf(connection, rows, viewpoint) };
}

/** Throws not_found. */
export async function getAlarm(connection: Queryable, viewpoint: Viewpoint, id: string): Promise<TmfAlarm> {
  const row = await findRow(connection, viewpoint, id, '');
  return oneTold(connection, row, viewpoint);
}

export async function findRow(
  connection: Queryable,
  viewpoint: Viewpoint,
  id: string,
  lock: '' | 'for update',
): Promise<AlarmRow> {
  const { rows } = /^\d{1,18}$/.test(id)
    ? await connection.query<AlarmRow>(
        `select ${ALARM_COLUMNS} from faults.alarm where id = $1 and ${seesAlarm(2)} ${lock}`,
        [id, ...seen(viewpoint)],
      )
    : { rows: [] };
  const [row] = rows;
  if (row === undefined) throw new WeirError('not_found', `There is no alarm ${id.slice(0, 40)}.`, { alarm: id });
  return row;
}

/** Throws not_found: what is not seen is nobody's parent. */
export async function requireSeen(connection: Queryable, viewpoint: Viewpoint, ids: readonly bigint[]): Promise<void> {
  if (ids.length === 0) return;
  const { rows } = await connection.query<{ id: bigint }>(
    `select id from faults.alarm where id = any($1::int8[]) and ${seesAlarm(2)}`,
    [ids, ...seen(viewpoint)],
  );
  const there = new Set(rows.map(({ id }) => id));
  const missing = ids.find((id) => !there.has(id));
  if (missing !== undefined)
    throw new WeirError('not_found', `There is no alarm ${missing}.`, { alarm: String(missing) });
}

export async function oneTold(connection: Queryable, row: AlarmRow, viewpoint: Viewpoint): Promise<TmfAlarm> {
  const [alarm] = await toldOf(connection, [row], viewpoint);
  return alarm ?? tmfAlarmOf(row, NOTHING_BESIDE);
}

export async function toldOf(
  connection: Queryable,
  rows: readonly AlarmRow[],
  viewpoint: Viewpoint,
): Promise<TmfAlarm[]> {
  const beside = await besideOf(
    connection,
    rows.map(({ id }) => id),
    viewpoint,
  );
  return rows.map((row) => tmfAlarmOf(row, beside(row.id)));
}

/** Of each alarm what stands beside its row. */
export async function besideOf(
  connection: Queryable,
  ids: readonly bigint[],
  viewpoint: Viewpoint,
): Promise<(id: bigint) => Beside> {
  if (ids.length === 0) return () => NOTHING_BESIDE;
  const comments = await commentsOf(connection, ids);
  const children = await childrenOf(connection, ids, viewpoint);
  return (id) => ({ comments: comments.get(id) ?? [], children: children.get(id) ?? [] });
}

async function commentsOf(connection: Queryable, ids: readonly bigint[]): Promise<Map<bigint, TmfComment[]>> {
  const { rows } = await connection.query<{
    alarm: bigint;
    at_ms: bigint;
    text: string;
    user_id: string;
    system: string | null;
  }>(
    `select alarm, at_ms, text, user_id, system from (
       select alarm, id, at_ms, text, coalesce(on_behalf_of, operator) as user_id, system,
              row_number() over (partition by alarm order by id desc) as place
         from faults.operator_change where alarm = any($1::int8[]) and action = 'comment') said
      where place <= $2 order by id`,
    [ids, MAX_COMMENTS],
  );
  const found = new Map<bigint, TmfComment[]>();
  for (const { alarm, at_ms: atMs, text, user_id: userId, system } of rows)
    found.set(alarm, [
      ...(found.get(alarm) ?? []),
      { comment: text, userId, systemId: system ?? WEIR_SYSTEM, time: timeOf(atMs) },
    ]);
  return found;
}

async function childrenOf(
  connection: Queryable,
  ids: readonly bigint[],
  viewpoint: Viewpoint,
): Promise<Map<bigint, bigint[]>> {
  const { rows } = await connection.query<{ id: bigint; parent_alarms: bigint[] }>(
    `select id, parent_alarms from faults.alarm
      where parent_alarms && $1::int8[] and parent_alarms <> '{}' and ${seesAlarm(2)} order by id limit $4`,
    [ids, ...seen(viewpoint), MAX_CHILDREN],
  );
  const found = new Map<bigint, bigint[]>();
  for (const { id, parent_alarms: parents } of rows)
    for (const parent of parents) found.set(BigInt(parent), [...(found.get(BigInt(parent)) ?? []), id]);
  return found;
}
