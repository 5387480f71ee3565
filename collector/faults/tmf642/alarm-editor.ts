// What other systems do to alarms through TMF642: enter, change and delete them; every change stands in the audit log.
import { recordAudit } from '../../../common/database/audit.ts';
import type { Database, Queryable } from '../../../common/database/database.ts';
import { cleanKey, cleanText } from '../../../common/model/table-columns.ts';
import type { EpochMs } from '../../../common/model/time.ts';
import { sees, type Viewpoint } from '../../../common/model/viewpoint.ts';
import type { Principal } from '../../../common/runtime/access.ts';
import type { Clock } from '../../../common/runtime/clock.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import { actOn } from '../act-on-alarm.ts';
import type { Deed, Publish } from '../alarm.ts';
import type { AlarmChange } from '../alarm-machine.ts';
import { type AlarmRow, alarmOf } from '../alarm-row.ts';
import { EXTERNAL_ALARM } from '../alarm-types.ts';
import { writeChanges } from '../alarm-writer.ts';
import { type AlarmDecision, decidePatch, parentsOf } from './alarm-change.ts';
import { findRow, oneTold, requireSeen } from './alarm-reader.ts';
import {
  auditOf,
  type Behalf,
  behalfOfClear,
  columnsOf,
  findExternal,
  isSame,
  keyOf,
  markClear,
  statusOf,
  update,
} from './external-alarm.ts';
import { type AlarmCreate, type AlarmPatch, cleanBody, mergeSaid } from './tmf-body.ts';
import type { TmfAlarm } from './tmf-alarm.ts';

export interface AlarmEditorDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly publish: Publish;
  readonly historyEntries: number;
}

export interface Author {
  readonly principal: Principal;
  readonly viewpoint: Viewpoint;
}

type Change = Pick<AlarmChange, 'kind' | 'severity' | 'text' | 'atMs'>;

export class AlarmEditor {
  readonly #deps: AlarmEditorDeps;

  constructor(deps: AlarmEditorDeps) {
    this.#deps = deps;
  }

  /** The same posted again changes nothing; a cleared one is raised anew. Throws alarm_exists, not_found beyond the scope. */
  create(given: AlarmCreate, author: Author): Promise<TmfAlarm> {
    const body = cleanBody(given);
    const resource = cleanKey(body.alarmedObject.id);
    if (!sees(author.viewpoint, resource))
      throw new WeirError('not_found', 'There is no such alarmed object.', { alarmedObject: resource });
    const source = cleanKey(body.sourceSystemId);
    const external = body.externalAlarmId === undefined ? this.#deps.newId() : cleanKey(body.externalAlarmId);
    const { severity, cleared } = statusOf(body);
    const wanted = {
      said: { ...mergeSaid({}, body), state: body.state === 'updated' ? 'updated' : 'raised' },
      severity,
      text: cleanText(body.alarmDetails ?? ''),
    };
    return this.#told('raised', author, async (connection, nowMs) => {
      await connection.query('select pg_advisory_xact_lock(hashtextextended($1, 8632))', [`${source}/${external}`]);
      const held = await findExternal(connection, source, external);
      if (held !== null) {
        if (held.resource === resource && !held.is_cleared && isSame(held, wanted)) return held;
        if (held.resource !== resource || !held.is_cleared)
          throw new WeirError('alarm_exists', `${source} has an alarm ${external} already.`, {
            alarm: sees(author.viewpoint, held.resource) ? held.id.toString() : null,
          });
      }
      const raised = { kind: 'raised', severity, text: wanted.text, atMs: body.alarmRaisedTime } as const;
      const clear = {
        kind: 'cleared',
        severity,
        text: 'Cleared by its source.',
        atMs: body.alarmClearedTime ?? nowMs,
      } as const;
      const key = { resource, alarmType: EXTERNAL_ALARM, qualifier: `${source}/${external}` };
      const entered = await this.#change(connection, key, cleared ? [raised, clear] : [raised]);
      const parents = parentsOf(entered.id, body.parentAlarm) ?? [];
      await requireSeen(connection, author.viewpoint, parents);
      const row = await update(connection, entered.id, [
        ['source_system_id', source],
        ['external_alarm_id', external],
        ['external', JSON.stringify(wanted.said)],
        ['parent_alarms', parents],
        ['escalation_level', body.alarmEscalation === true ? 1 : 0],
      ]);
      await this.#audit(connection, author, 'alarm.create', null, row, nowMs);
      return this.#operators(connection, row, author, body, nowMs, {
        acknowledge: body.ackState === 'acknowledged' ? true : null,
        comments: (body.comment ?? []).map(({ comment, userId, systemId }) => ({
          comment,
          ...(userId === undefined ? {} : { userId }),
          ...(systemId === undefined ? {} : { systemId }),
        })),
      });
    });
  }

  patch(id: string, given: AlarmPatch, author: Author): Promise<TmfAlarm> {
    const body = cleanBody(given);
    return this.#told('changed', author, async (connection, nowMs) => {
      const held = await findRow(connection, author.viewpoint, id, 'for update');
      const shown = await oneTold(connection, held, author.viewpoint);
      const decision = decidePatch(held, shown, body);
      let row = held;
      if (decision.status !== null)
        row = await this.#change(connection, keyOf(held), [
          { ...decision.status, text: cleanText(decision.status.text), atMs: decision.status.atMs ?? nowMs },
        ]);
      if (decision.status?.kind === 'cleared' && body.alarmDetails !== undefined)
        row = await update(connection, held.id, [['text', cleanText(body.alarmDetails ?? '')]]);
      const columns = columnsOf(held, decision);
      await requireSeen(connection, author.viewpoint, decision.parents ?? []);
      if (columns.length > 0) row = await update(connection, held.id, columns);
      if (decision.status?.kind === 'cleared') row = await markClear(connection, row, behalfOfClear(body));
      if (row !== held) await this.#audit(connection, author, 'alarm.change', held, row, nowMs);
      return this.#operators(connection, row, author, body, nowMs, decision);
    });
  }

  /** Throws alarm_is_active: what is wrong is never made unseen. */
  async delete(id: string, author: Author): Promise<void> {
    const nowMs = this.#deps.clock.now();
    const gone = await this.#deps.database.transaction(async (connection) => {
      const row = await findRow(connection, author.viewpoint, id, 'for update');
      if (!row.is_cleared)
        throw new WeirError('alarm_is_active', `The alarm ${id} is not cleared.`, { alarm: row.id.toString() });
      await this.#audit(connection, author, 'alarm.delete', row, null, nowMs);
      await connection.query('delete from faults.alarm where id = $1', [row.id]);
      return row;
    });
    this.#deps.publish('alarm', { change: 'purged', ...alarmOf(gone, nowMs) });
  }

  /** For the tasks: in the caller's transaction, on a locked row. */
  async acknowledge(
    connection: Queryable,
    row: AlarmRow,
    acknowledged: boolean,
    author: Author,
    behalf: Behalf,
    nowMs: EpochMs,
  ): Promise<AlarmRow> {
    const after = await this.#act(connection, row, { verb: acknowledged ? 'ack' : 'unack' }, author, behalf, '', nowMs);
    if (!acknowledged) return after;
    const said = {
      ...after.external,
      ackAtMs: Number(after.operator_at_ms),
      ackUserId: behalf.userId ?? author.principal.name,
      ackSystemId: behalf.systemId ?? author.principal.name,
    };
    return update(connection, row.id, [['external', JSON.stringify(said)]]);
  }

  async clear(
    connection: Queryable,
    row: AlarmRow,
    author: Author,
    behalf: Behalf,
    atMs: EpochMs,
    nowMs: EpochMs,
  ): Promise<AlarmRow> {
    const change = { kind: 'cleared', severity: row.severity, text: 'Cleared by its source.', atMs } as const;
    const cleared = await this.#change(connection, keyOf(row), [change]);
    const after = await markClear(connection, cleared, behalf);
    await this.#audit(connection, author, 'alarm.clear', row, after, nowMs);
    return after;
  }

  comment(
    connection: Queryable,
    row: AlarmRow,
    text: string,
    author: Author,
    behalf: Behalf,
    nowMs: EpochMs,
  ): Promise<AlarmRow> {
    return this.#act(connection, row, { verb: 'comment' }, author, behalf, text, nowMs);
  }

  async group(
    connection: Queryable,
    row: AlarmRow,
    parents: readonly bigint[],
    author: Author,
    nowMs: EpochMs,
  ): Promise<AlarmRow> {
    const after = await update(connection, row.id, [['parent_alarms', parents]]);
    await this.#audit(connection, author, 'alarm.group', row, after, nowMs);
    return after;
  }

  async #operators(
    connection: Queryable,
    held: AlarmRow,
    author: Author,
    body: AlarmCreate | AlarmPatch,
    nowMs: EpochMs,
    { acknowledge, comments }: Pick<AlarmDecision, 'acknowledge' | 'comments'>,
  ): Promise<AlarmRow> {
    let row = held;
    const behalf = { userId: body.ackUserId ?? null, systemId: body.ackSystemId ?? null };
    if (acknowledge !== null && acknowledge !== (row.operator_state !== 'none'))
      row = await this.acknowledge(connection, row, acknowledge, author, behalf, nowMs);
    for (const { comment, userId, systemId } of comments)
      row = await this.comment(
        connection,
        row,
        comment,
        author,
        { userId: userId ?? null, systemId: systemId ?? null },
        nowMs,
      );
    return row;
  }

  #act(
    connection: Queryable,
    row: AlarmRow,
    deed: Deed,
    { principal }: Author,
    behalf: Behalf,
    text: string,
    nowMs: EpochMs,
  ): Promise<AlarmRow> {
    const action = {
      operator: principal.name,
      role: principal.role,
      text,
      ...(behalf.systemId === null ? {} : { system: cleanText(behalf.systemId) }),
      ...(behalf.userId === null ? {} : { onBehalfOf: cleanText(behalf.userId) }),
    };
    return actOn(connection, row, deed, action, nowMs);
  }

  async #change(
    connection: Queryable,
    key: Pick<AlarmChange, 'resource' | 'alarmType' | 'qualifier'>,
    changes: readonly Change[],
  ): Promise<AlarmRow> {
    const journal = `api/${this.#deps.newId()}`;
    const written = await writeChanges(
      connection,
      changes.map((change, ordinal) => ({
        ...key,
        ...change,
        threshold: null,
        origin: { journal, position: 0, ordinal },
      })),
      this.#deps.historyEntries,
    );
    const row = written[0]?.row;
    if (row === undefined) throw new Error('BUG: a change of an alarm was not written');
    return row;
  }

  #audit(
    connection: Queryable,
    { principal }: Author,
    action: string,
    before: AlarmRow | null,
    after: AlarmRow | null,
    atMs: EpochMs,
  ): Promise<void> {
    const id = (after ?? before)?.id;
    return recordAudit(connection, {
      atMs,
      actor: principal.name,
      role: principal.role,
      action,
      subject: `alarm/${id}`,
      ...(before === null ? {} : { before: auditOf(before) }),
      ...(after === null ? {} : { after: auditOf(after) }),
    });
  }

  async #told(
    kind: 'raised' | 'changed',
    author: Author,
    work: (connection: Queryable, nowMs: EpochMs) => Promise<AlarmRow>,
  ): Promise<TmfAlarm> {
    const nowMs = this.#deps.clock.now();
    const { row, alarm } = await this.#deps.database.transaction(async (connection) => {
      const after = await work(connection, nowMs);
      return { row: after, alarm: await oneTold(connection, after, author.viewpoint) };
    });
    this.#deps.publish('alarm', { change: row.is_cleared ? 'cleared' : kind, ...alarmOf(row, nowMs) });
    return alarm;
  }
}
