// The task resources of TMF642: acknowledge, clear, comment and group alarms by patterns; each done at once in one transaction, and kept with what it really changed.
import { z } from 'zod';
import { recordAudit } from '../../../common/database/audit.ts';
import type { Database, Queryable } from '../../../common/database/database.ts';
import { cleanText } from '../../../common/model/table-columns.ts';
import { type EpochMs, isoTime } from '../../../common/model/time.ts';
import type { Clock } from '../../../common/runtime/clock.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import type { Publish } from '../alarm.ts';
import { seen, seesAlarm } from '../alarm-query.ts';
import { ALARM_COLUMNS, type AlarmRow, alarmOf } from '../alarm-row.ts';
import type { AlarmEditor, Author } from './alarm-editor.ts';
import { conditionsOf, filtersOfPattern } from './filter.ts';
import { cleanBody, commentSchema } from './tmf-body.ts';
import { alarmRef, TMF642_BASE } from './tmf-alarm.ts';

/** As many as one task acts on: one that fits more is refused whole. */
const MAX_TASK_ALARMS = 1000;
/** Tasks kept, the newest. */
const KEPT_TASKS = 10_000;

const word = z.string().min(1).max(200);
const time = z.iso.datetime({ offset: true });
const patterns = z
  .array(
    z.record(z.string(), z.unknown()).refine((pattern) => Object.keys(pattern).length > 0, 'expected an attribute'),
  )
  .min(1)
  .max(100);
const reference = z.looseObject({ id: z.union([z.string(), z.number().int()]).transform(String) });
/** What a task is and has changed, Weir says. */
const COMMON = { state: z.string().optional(), '@type': z.string().optional(), '@baseType': z.string().optional() };
const acknowledging = z.strictObject({
  ...COMMON,
  ackSystemId: word,
  ackUserId: word,
  ackTime: time.optional(),
  alarmPattern: patterns,
});
const grouping = z.strictObject({
  ...COMMON,
  sourceSystemId: word,
  alarmChangedTime: time,
  parentAlarm: reference,
  correlatedAlarm: z.array(reference).min(1).max(MAX_TASK_ALARMS),
});

export const TASKS = {
  ackAlarms: { result: 'ackedAlarm', schema: acknowledging },
  unAckAlarms: { result: 'unAckedAlarm', schema: acknowledging },
  clearAlarms: {
    result: 'clearedAlarm',
    schema: z.strictObject({
      ...COMMON,
      clearSystemId: word,
      clearUserId: word,
      alarmClearedTime: time,
      alarmPattern: patterns,
    }),
  },
  commentAlarms: {
    result: 'commentedAlarm',
    schema: z.strictObject({ ...COMMON, comment: commentSchema, alarmPattern: patterns }),
  },
  groupAlarms: { result: 'groupedAlarm', schema: grouping },
  unGroupAlarms: { result: 'unGroupedAlarm', schema: grouping },
} as const;
export type TaskKind = keyof typeof TASKS;
export const TASK_KINDS = Object.keys(TASKS) as readonly TaskKind[];

type Task = Readonly<Record<string, unknown>>;

export interface AlarmTasksDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly publish: Publish;
  readonly editor: AlarmEditor;
}

/** What became of the alarms that it was about. */
type Work = (connection: Queryable, nowMs: EpochMs) => Promise<AlarmRow[]>;

export class AlarmTasks {
  readonly #deps: AlarmTasksDeps;

  constructor(deps: AlarmTasksDeps) {
    this.#deps = deps;
  }

  /** `body`: as the schema of its kind has read it. */
  async create(kind: TaskKind, given: object, author: Author): Promise<Task> {
    const body = cleanBody(given);
    const nowMs = this.#deps.clock.now();
    const id = this.#deps.newId();
    const work = this.#workOf(kind, body, author);
    const { changed, task } = await this.#deps.database.transaction(async (connection) => {
      const rows = await work(connection, nowMs);
      const made: Task = {
        id,
        href: `${TMF642_BASE}/${kind}/${id}`,
        ...body,
        state: 'done',
        [TASKS[kind].result]: rows.map((row) => alarmRef(row.id)),
        '@type': `${kind.slice(0, 1).toUpperCase()}${kind.slice(1)}`,
      };
      await keepTask(connection, kind, made, author, nowMs);
      return { changed: rows, task: made };
    });
    for (const row of changed)
      this.#deps.publish('alarm', { change: kind === 'clearAlarms' ? 'cleared' : 'operator', ...alarmOf(row, nowMs) });
    return task;
  }

  /** A principal with a scope sees the tasks of its own token alone: those of others name alarms that it may not see. */
  async list(
    kind: TaskKind,
    { principal }: Author,
    { filters, offset, limit }: { filters: Readonly<Record<string, string>>; offset: number; limit: number },
  ): Promise<{ readonly total: number; readonly tasks: readonly Task[] }> {
    const values: unknown[] = [kind, principal.scope === null ? null : principal.name];
    const conditions = ['kind = $1', '($2::text is null or actor = $2)'];
    for (const [name, value] of Object.entries(filters)) {
      values.push(name, cleanText(value));
      conditions.push(`task ->> $${values.length - 1} = $${values.length}`);
    }
    const where = conditions.join(' and ');
    const { database } = this.#deps;
    const counted = await database.query<{ total: bigint }>(
      `select count(*) as total from faults.alarm_task where ${where}`,
      values,
    );
    const { rows } = await database.query<{ task: Task }>(
      `select task from faults.alarm_task where ${where} order by ordinal
        offset $${values.length + 1} limit $${values.length + 2}`,
      [...values, offset, limit],
    );
    return { total: Number(counted.rows[0]?.total ?? 0n), tasks: rows.map(({ task }) => task) };
  }

  async get(kind: TaskKind, id: string, author: Author): Promise<Task> {
    const { tasks } = await this.list(kind, author, { filters: { id }, offset: 0, limit: 1 });
    const [task] = tasks;
    if (task === undefined) throw new WeirError('not_found', `There is no such task.`, { task: id });
    return task;
  }

  #workOf(kind: TaskKind, body: unknown, author: Author): Work {
    switch (kind) {
      case 'ackAlarms':
      case 'unAckAlarms':
        return this.#acknowledge(acknowledging.parse(body), kind === 'ackAlarms', author);
      case 'clearAlarms':
        return this.#clear(TASKS.clearAlarms.schema.parse(body), author);
      case 'commentAlarms':
        return this.#comment(TASKS.commentAlarms.schema.parse(body), author);
      case 'groupAlarms':
      case 'unGroupAlarms':
        return this.#group(grouping.parse(body), kind === 'groupAlarms', author);
    }
  }

  #acknowledge(body: z.output<typeof acknowledging>, wanted: boolean, author: Author): Work {
    const behalf = { userId: body.ackUserId, systemId: body.ackSystemId };
    return async (connection, nowMs) => {
      const rows = await fitting(connection, author, body.alarmPattern);
      return inTurn(
        rows.filter((row) => (row.operator_state === 'none') === wanted),
        (row) => this.#deps.editor.acknowledge(connection, row, wanted, author, behalf, nowMs),
      );
    };
  }

  /** What Weir found itself, only its resource clears. */
  #clear(body: z.output<(typeof TASKS)['clearAlarms']['schema']>, author: Author): Work {
    const behalf = { userId: body.clearUserId, systemId: body.clearSystemId };
    return async (connection, nowMs) => {
      const rows = await fitting(connection, author, body.alarmPattern);
      return inTurn(
        rows.filter((row) => row.source_system_id !== null && !row.is_cleared),
        (row) => this.#deps.editor.clear(connection, row, author, behalf, Date.parse(body.alarmClearedTime), nowMs),
      );
    };
  }

  #comment(body: z.output<(typeof TASKS)['commentAlarms']['schema']>, author: Author): Work {
    const { comment, userId, systemId } = body.comment;
    const behalf = { userId: userId ?? null, systemId: systemId ?? null };
    return async (connection, nowMs) => {
      const rows = await fitting(connection, author, body.alarmPattern);
      return inTurn(rows, (row) => this.#deps.editor.comment(connection, row, comment, author, behalf, nowMs));
    };
  }

  #group(body: z.output<typeof grouping>, wanted: boolean, author: Author): Work {
    const parentId = body.parentAlarm.id;
    const memberIds = [...new Set(body.correlatedAlarm.map(({ id }) => id))];
    return async (connection, nowMs) => {
      const rows = await named(connection, author, [parentId, ...memberIds]);
      const parent = rows.get(parentId);
      const members = memberIds.flatMap((id) => rows.get(id) ?? []);
      if (parent === undefined) throw new Error('BUG: a locked alarm is gone');
      const above = new Set([parentId, ...parent.parent_alarms.map(String)]);
      const turned = members.find((row) => wanted && above.has(row.id.toString()));
      if (turned !== undefined)
        throw new WeirError('invalid_request', `correlatedAlarm: ${turned.id} stands above itself then.`);
      const held = members.filter((row) => row.parent_alarms.map(String).includes(parentId) !== wanted);
      return inTurn(held, (row) => {
        const others = row.parent_alarms.map(BigInt).filter((one) => one.toString() !== parentId);
        return this.#deps.editor.group(connection, row, wanted ? [...others, parent.id] : others, author, nowMs);
      });
    };
  }
}

async function inTurn(rows: readonly AlarmRow[], work: (row: AlarmRow) => Promise<AlarmRow>): Promise<AlarmRow[]> {
  const done: AlarmRow[] = [];
  for (const row of rows) done.push(await work(row));
  return done;
}

/** Alarms that any pattern fits, locked, in one order for everybody. */
async function fitting(
  connection: Queryable,
  { viewpoint }: Author,
  alarmPatterns: readonly Readonly<Record<string, unknown>>[],
): Promise<AlarmRow[]> {
  const values: unknown[] = [...seen(viewpoint)];
  const any = alarmPatterns.map(
    (pattern) =>
      `(${conditionsOf(filtersOfPattern(pattern), values)
        .map((one) => `(${one})`)
        .join(' and ')})`,
  );
  const { rows } = await connection.query<AlarmRow>(
    `select ${ALARM_COLUMNS} from faults.alarm alarm where ${seesAlarm(1)} and (${any.join(' or ')})
      order by id limit ${MAX_TASK_ALARMS + 1} for update`,
    values,
  );
  if (rows.length > MAX_TASK_ALARMS)
    throw new WeirError('invalid_request', `alarmPattern: it fits more than ${MAX_TASK_ALARMS} alarms.`, {
      most: MAX_TASK_ALARMS,
    });
  return [...rows];
}

async function named(
  connection: Queryable,
  { viewpoint }: Author,
  ids: readonly string[],
): Promise<Map<string, AlarmRow>> {
  const decimal = ids.filter((id) => /^\d{1,18}$/.test(id));
  const { rows } = await connection.query<AlarmRow>(
    `select ${ALARM_COLUMNS} from faults.alarm where id = any($3::int8[]) and ${seesAlarm(1)} order by id for update`,
    [...seen(viewpoint), decimal],
  );
  const found = new Map(rows.map((row) => [row.id.toString(), row]));
  const missing = ids.find((id) => !found.has(id));
  if (missing === undefined) return found;
  throw new WeirError('not_found', `There is no alarm ${missing.slice(0, 40)}.`, { alarm: missing.slice(0, 40) });
}

async function keepTask(
  connection: Queryable,
  kind: TaskKind,
  task: Task,
  { principal }: Author,
  nowMs: EpochMs,
): Promise<void> {
  await connection.query('insert into faults.alarm_task (id, kind, actor, at_ms, task) values ($1, $2, $3, $4, $5)', [
    task['id'],
    kind,
    principal.name,
    nowMs,
    JSON.stringify(task),
  ]);
  await connection.query(
    `delete from faults.alarm_task where ordinal <= (select ordinal from faults.alarm_task order by ordinal desc offset ${KEPT_TASKS} limit 1)`,
  );
  await recordAudit(connection, {
    atMs: nowMs,
    actor: principal.name,
    role: principal.role,
    action: `alarm-task.${kind}`,
    subject: `alarm-task/${String(task['id'])}`,
    after: { alarms: task[TASKS[kind].result], at: isoTime(nowMs) },
  });
}
