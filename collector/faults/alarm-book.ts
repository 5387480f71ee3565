// Alarms as the API reads them, and what operators do to them; resources never lose state by it (RFC 8632: two lifecycles).
import { recordAudit } from '../../common/database/audit.ts';
import type { Database, Queryable } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { EVERYTHING, type Viewpoint } from '../../common/model/viewpoint.ts';
import { cleanText } from '../../common/model/table-columns.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import {
  type Alarm,
  type AlarmHistory,
  type Alarms,
  type AlarmsPage,
  type AlarmsQuery,
  type AlarmsSummary,
  type MaintenanceOf,
  MAX_ALARMS_PAGE,
  type OperatorAction,
  type OperatorChange,
  type OperatorState,
  type Publish,
  SEVERITIES,
  type Severity,
} from './alarm.ts';
import { ALARM_COLUMNS, type AlarmRow, alarmOf, timeOf } from './alarm-row.ts';

export interface AlarmBookDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly publish: Publish;
  /** Default none. */
  readonly maintenanceOf?: MaintenanceOf;
}

const USUAL_PAGE = 100;
/** Operators' changes kept of one alarm; the oldest go first. */
const MAX_OPERATOR_CHANGES = 500;
const MAX_TEXT = 2000;

interface SummaryRow {
  readonly severity: Severity;
  readonly is_cleared: boolean;
  readonly closed: boolean;
  readonly shelved: boolean;
  readonly count: bigint;
}

export class AlarmBook implements Alarms {
  readonly #deps: AlarmBookDeps;

  readonly #viewpoint: Viewpoint;

  constructor(deps: AlarmBookDeps, viewpoint: Viewpoint = EVERYTHING) {
    this.#deps = deps;
    this.#viewpoint = viewpoint;
  }

  under(viewpoint: Viewpoint): AlarmBook {
    return viewpoint.everything ? this : new AlarmBook(this.#deps, viewpoint);
  }

  /** The last changed first. */
  async list(query: AlarmsQuery): Promise<AlarmsPage> {
    const nowMs = this.#deps.clock.now();
    const limit = Math.max(1, Math.min(MAX_ALARMS_PAGE, Math.trunc(query.limit ?? USUAL_PAGE)));
    const values: unknown[] = [nowMs, limit + 1, ...seen(this.#viewpoint)];
    const conditions = [conditionOf(query.state ?? 'all'), seesAlarm(3)];
    const add = (condition: (place: string) => string, value: unknown): void => {
      values.push(value);
      conditions.push(condition(`$${values.length}`));
    };
    if (query.severity !== undefined) add((place) => `severity = ${place}`, query.severity);
    if (query.device !== undefined) add((place) => `device = ${place}`, query.device);
    if (query.resource !== undefined) add((place) => `resource = ${place}`, query.resource);
    if (query.cursor !== undefined) {
      const [changedAtMs, id] = readCursor(query.cursor);
      add((place) => `(changed_at_ms, id) < (${place}::int8, $${values.length + 1}::int8)`, changedAtMs);
      values.push(id);
    }
    const { rows } = await this.#deps.database.query<AlarmRow>(
      `select ${ALARM_COLUMNS} from faults.alarm where $1::int8 is not null and ${conditions.join(' and ')}
        order by changed_at_ms desc, id desc limit $2`,
      values,
    );
    const items = rows.slice(0, limit);
    const last = items.at(-1);
    return {
      items: items.map((row) => alarmOf(row, nowMs, this.#deps.maintenanceOf)),
      next: rows.length > limit && last !== undefined ? `${last.changed_at_ms}.${last.id}` : null,
    };
  }

  async get(id: string): Promise<Alarm & AlarmHistory> {
    const { database, clock } = this.#deps;
    const row = await findAlarm(database, this.#viewpoint, id, false);
    const changes = await database.query<{
      at_ms: bigint;
      severity: Severity | 'cleared';
      text: string;
      journal: string;
      position: bigint;
      ordinal: number;
    }>(
      'select at_ms, severity, text, journal, position, ordinal from faults.status_change where alarm = $1 order by id desc',
      [row.id],
    );
    const actions = await database.query<{
      at_ms: bigint;
      operator: string;
      state: OperatorChange['state'];
      text: string;
    }>('select at_ms, operator, state, text from faults.operator_change where alarm = $1 order by id desc limit $2', [
      row.id,
      MAX_OPERATOR_CHANGES,
    ]);
    return {
      ...alarmOf(row, clock.now(), this.#deps.maintenanceOf),
      statusChanges: changes.rows.map((change) => ({
        at: timeOf(change.at_ms),
        severity: change.severity,
        text: change.text,
        origin: `${change.journal}/${change.position}/${change.ordinal}`,
      })),
      operatorChanges: actions.rows.map(({ at_ms: atMs, operator, state, text }) => ({
        at: timeOf(atMs),
        operator,
        state,
        text,
      })),
    };
  }

  async summary(): Promise<AlarmsSummary> {
    const { rows } = await this.#deps.database.query<SummaryRow>(
      `select severity, is_cleared, operator_state = 'closed' as closed,
              coalesce(shelved_until_ms > $1, false) as shelved, count(*) as count
         from faults.alarm where ${seesAlarm(2)} group by 1, 2, 3, 4`,
      [this.#deps.clock.now(), ...seen(this.#viewpoint)],
    );
    const count = (wanted: (row: SummaryRow) => boolean): number =>
      rows.filter(wanted).reduce((sum, row) => sum + Number(row.count), 0);
    return {
      severities: SEVERITIES.map((severity) => {
        const of = (wanted: (row: SummaryRow) => boolean): number =>
          count((row) => !row.shelved && row.severity === severity && wanted(row));
        return {
          severity,
          total: of(() => true),
          notCleared: of((row) => !row.is_cleared),
          cleared: of((row) => row.is_cleared),
          clearedNotClosed: of((row) => row.is_cleared && !row.closed),
          clearedClosed: of((row) => row.is_cleared && row.closed),
          notClearedClosed: of((row) => !row.is_cleared && row.closed),
          notClearedNotClosed: of((row) => !row.is_cleared && !row.closed),
        };
      }),
      shelved: count((row) => row.shelved),
    };
  }

  setState(id: string, state: OperatorState, action: OperatorAction): Promise<Alarm> {
    return this.#act(id, action, state === 'none' ? 'reset' : state, async (connection, row, nowMs) => {
      await connection.query(
        'update faults.alarm set operator_state = $2, operator = $3, operator_at_ms = $4 where id = $1',
        [row.id, state, state === 'none' ? null : cleanText(action.operator), state === 'none' ? null : nowMs],
      );
      return state;
    });
  }

  comment(id: string, action: OperatorAction): Promise<Alarm> {
    return this.#act(id, action, 'comment', async (_, row) => row.operator_state);
  }

  shelve(id: string, untilMs: EpochMs, action: OperatorAction): Promise<Alarm> {
    return this.#act(id, action, 'shelve', async (connection, row, nowMs) => {
      if (!Number.isSafeInteger(untilMs) || untilMs <= nowMs)
        throw new WeirError('invalid_request', 'An alarm is shelved until a time to come.', { until: untilMs });
      await connection.query('update faults.alarm set shelved_until_ms = $2 where id = $1', [row.id, untilMs]);
      return 'shelved';
    });
  }

  unshelve(id: string, action: OperatorAction): Promise<Alarm> {
    return this.#act(id, action, 'unshelve', async (connection, row) => {
      await connection.query('update faults.alarm set shelved_until_ms = null where id = $1', [row.id]);
      return 'un-shelved';
    });
  }

  /** Runs the action on the locked alarm, writes it into the history of operators and the audit log, tells the listeners. */
  async #act(
    id: string,
    action: OperatorAction,
    verb: string,
    work: (connection: Queryable, row: AlarmRow, nowMs: EpochMs) => Promise<OperatorChange['state']>,
  ): Promise<Alarm> {
    const nowMs = this.#deps.clock.now();
    if (action.text.length > MAX_TEXT)
      throw new WeirError('invalid_request', `The text is longer than ${MAX_TEXT} characters.`, { most: MAX_TEXT });
    const row = await this.#deps.database.transaction(async (connection) => {
      const held = await findAlarm(connection, this.#viewpoint, id, true);
      const state = await work(connection, held, nowMs);
      await connection.query(
        'insert into faults.operator_change (alarm, at_ms, operator, state, text) values ($1, $2, $3, $4, $5)',
        [held.id, nowMs, cleanText(action.operator), state, cleanText(action.text)],
      );
      await connection.query(
        `delete from faults.operator_change where alarm = $1 and id <=
           (select id from faults.operator_change where alarm = $1 order by id desc offset $2 limit 1)`,
        [held.id, MAX_OPERATOR_CHANGES],
      );
      const after = await findAlarm(connection, this.#viewpoint, id, false);
      await recordAudit(connection, {
        atMs: nowMs,
        actor: cleanText(action.operator),
        role: action.role,
        action: `alarm.${verb}`,
        subject: `alarm/${held.id}`,
        before: operatorPart(held),
        after: operatorPart(after),
        ...(action.text === '' ? {} : { note: cleanText(action.text) }),
      });
      return after;
    });
    const alarm = alarmOf(row, nowMs, this.#deps.maintenanceOf);
    this.#deps.publish('alarm', { change: 'operator', ...alarm });
    return alarm;
  }
}

/** What operators change of an alarm, for the audit log. */
function operatorPart({ operator_state: state, operator, shelved_until_ms: untilMs }: AlarmRow): object {
  return { state, operator, shelvedUntil: untilMs === null ? null : timeOf(untilMs) };
}

/** The values of `seesAlarm`. */
function seen(viewpoint: Viewpoint): readonly unknown[] {
  return viewpoint.everything ? [null, []] : [viewpoint.devices, viewpoint.resources];
}

/** $N: names of devices, null for all; $N+1: single interfaces. Alarms of agents belong to no device. */
function seesAlarm(place: number): string {
  return `($${place}::text[] is null or device = any($${place}::text[]) or resource = any($${place + 1}::text[]))`;
}

/** $1 is now. */
function conditionOf(state: NonNullable<AlarmsQuery['state']>): string {
  const shelved = 'coalesce(shelved_until_ms > $1, false)';
  if (state === 'active') return `not is_cleared and not ${shelved}`;
  if (state === 'cleared') return `is_cleared and not ${shelved}`;
  return state === 'shelved' ? shelved : 'true';
}

async function findAlarm(connection: Queryable, viewpoint: Viewpoint, id: string, lock: boolean): Promise<AlarmRow> {
  const known = /^\d{1,18}$/.test(id);
  const { rows } = known
    ? await connection.query<AlarmRow>(
        `select ${ALARM_COLUMNS} from faults.alarm where id = $1 and ${seesAlarm(2)} ${lock ? 'for update' : ''}`,
        [id, ...seen(viewpoint)],
      )
    : { rows: [] };
  const row = rows[0];
  if (row === undefined) throw new WeirError('not_found', `There is no alarm ${id.slice(0, 40)}.`, { alarm: id });
  return row;
}

function readCursor(cursor: string): readonly [string, string] {
  const match = /^(-?\d{1,18})\.(\d{1,18})$/.exec(cursor);
  if (match === null) throw new WeirError('invalid_request', 'The cursor is not one that this list gave.', { cursor });
  return [match[1] ?? '', match[2] ?? ''];
}
