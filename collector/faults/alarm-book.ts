// Alarms as the API reads them, and what operators do to them; resources never lose state by it (RFC 8632: two lifecycles).
import type { Database, Queryable } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { EVERYTHING, type Viewpoint } from '../../common/model/viewpoint.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import {
  type Alarm,
  type AlarmHistory,
  type AlarmSelection,
  type Alarms,
  type AlarmsPage,
  type AlarmsQuery,
  type AlarmsSummary,
  type Folding,
  type BulkAnswer,
  type BulkOutcome,
  type Deed,
  type MaintenanceOf,
  MAX_ALARMS_PAGE,
  MAX_BULK_ALARMS,
  type OperatorAction,
  type OperatorChange,
  type OperatorState,
  type Publish,
  SEVERITIES,
  type Severity,
} from './alarm.ts';
import { cursorAfter, listQuery, seen, seesAlarm } from './alarm-query.ts';
import { ALARM_COLUMNS, type AlarmRow, alarmOf, timeOf } from './alarm-row.ts';
import { actOn, MAX_OPERATOR_CHANGES } from './act-on-alarm.ts';
import { foldingsOf } from './cause/folding.ts';

export interface AlarmBookDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly publish: Publish;
  /** Default none. */
  readonly maintenanceOf?: MaintenanceOf;
}

const USUAL_PAGE = 100;

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

  async list(query: AlarmsQuery): Promise<AlarmsPage> {
    const nowMs = this.#deps.clock.now();
    const limit = Math.max(1, Math.min(MAX_ALARMS_PAGE, Math.trunc(query.limit ?? USUAL_PAGE)));
    const { text, values } = listQuery(query, this.#viewpoint, nowMs, limit);
    const { rows } = await this.#deps.database.query<AlarmRow>(text, values);
    const items = rows.slice(0, limit);
    const last = items.at(-1);
    const foldingOf = await this.#foldings(items);
    return {
      items: items.map((row) => ({ ...alarmOf(row, nowMs, this.#deps.maintenanceOf), ...foldingOf(row.id) })),
      next: rows.length > limit && last !== undefined ? cursorAfter(last, query.sort) : null,
    };
  }

  async get(id: string): Promise<Alarm & Folding & AlarmHistory> {
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
      action: string | null;
      text: string;
    }>(
      'select at_ms, operator, state, action, text from faults.operator_change where alarm = $1 order by id desc limit $2',
      [row.id, MAX_OPERATOR_CHANGES],
    );
    return {
      ...alarmOf(row, clock.now(), this.#deps.maintenanceOf),
      ...(await this.#foldings([row]))(row.id),
      statusChanges: changes.rows.map((change) => ({
        at: timeOf(change.at_ms),
        severity: change.severity,
        text: change.text,
        origin: `${change.journal}/${change.position}/${change.ordinal}`,
      })),
      operatorChanges: actions.rows.map(({ at_ms: atMs, ...change }) => ({ at: timeOf(atMs), ...change })),
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
    const verbs = { none: 'unack', ack: 'ack', closed: 'close' } as const;
    return this.act(id, { verb: verbs[state] }, action);
  }

  comment(id: string, action: OperatorAction): Promise<Alarm> {
    return this.act(id, { verb: 'comment' }, action);
  }

  shelve(id: string, untilMs: EpochMs, action: OperatorAction): Promise<Alarm> {
    return this.act(id, { verb: 'shelve', untilMs }, action);
  }

  unshelve(id: string, action: OperatorAction): Promise<Alarm> {
    return this.act(id, { verb: 'unshelve' }, action);
  }

  async actOnAll(selection: AlarmSelection, deed: Deed, action: OperatorAction): Promise<BulkAnswer> {
    const { ids, more } = await this.#idsOf(selection);
    const items: BulkOutcome[] = [];
    for (const id of ids) {
      try {
        await this.act(id, deed, action);
        items.push({ id, outcome: 'changed', message: null });
      } catch (error) {
        if (!(error instanceof WeirError) || error.status >= 500) throw error;
        items.push({ id, outcome: error.code, message: error.message });
      }
    }
    const changed = items.filter(({ outcome }) => outcome === 'changed').length;
    return { changed, refused: items.length - changed, items, more };
  }

  #foldings(rows: readonly AlarmRow[]): Promise<(id: bigint) => Folding> {
    const ids = rows.map(({ id }) => id);
    return foldingsOf(this.#deps.database, ids, seesAlarm(2, 'alarm.'), seen(this.#viewpoint));
  }

  async #idsOf(selection: AlarmSelection): Promise<{ readonly ids: readonly string[]; readonly more: boolean }> {
    if ('ids' in selection) {
      const ids = [...new Set(selection.ids)];
      if (ids.length <= MAX_BULK_ALARMS) return { ids, more: false };
      throw new WeirError('invalid_request', `ids: expected at most ${MAX_BULK_ALARMS}.`, { most: MAX_BULK_ALARMS });
    }
    const { items, next } = await this.list({ ...selection.query, limit: MAX_BULK_ALARMS });
    return { ids: items.map(({ id }) => id), more: next !== null };
  }

  /** Acts on the locked alarm, writes it into the history of operators and the audit log, tells the listeners. */
  async act(id: string, deed: Deed, action: OperatorAction): Promise<Alarm> {
    const nowMs = this.#deps.clock.now();
    const row = await this.#deps.database.transaction(async (connection) => {
      const held = await findAlarm(connection, this.#viewpoint, id, true);
      return actOn(connection, held, deed, action, nowMs);
    });
    const alarm = alarmOf(row, nowMs, this.#deps.maintenanceOf);
    this.#deps.publish('alarm', { change: 'operator', ...alarm });
    return alarm;
  }
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
