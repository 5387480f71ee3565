// Does an operator's deed to a locked alarm in the caller's transaction: the columns, the history of operators, the audit log.
import { recordAudit } from '../../common/database/audit.ts';
import type { Queryable } from '../../common/database/database.ts';
import { cleanText } from '../../common/model/table-columns.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Deed, OperatorAction } from './alarm.ts';
import { ALARM_COLUMNS, type AlarmRow } from './alarm-row.ts';
import { auditVerb, effectOf, operatorPart } from './operator-deed.ts';

/** Operators' changes kept of one alarm; the oldest go first, the audit log keeps all. */
export const MAX_OPERATOR_CHANGES = 500;
const MAX_TEXT = 2000;

/** `system`, `onBehalfOf`: through which other system, and for whom there, it was done, if for one. The alarm as it is then. */
export async function actOn(
  connection: Queryable,
  held: AlarmRow,
  deed: Deed,
  action: OperatorAction & { readonly system?: string; readonly onBehalfOf?: string },
  nowMs: EpochMs,
): Promise<AlarmRow> {
  if (action.text.length > MAX_TEXT)
    throw new WeirError('invalid_request', `The text is longer than ${MAX_TEXT} characters.`, { most: MAX_TEXT });
  const { columns, state } = effectOf(deed, held, action, nowMs);
  const sets = Object.keys(columns).map((column, at) => `${column} = $${at + 2}`);
  // Also where nothing but a comment came: the alarm is another for those who ask what changed.
  const { rows } = await connection.query<AlarmRow>(
    `update faults.alarm set ${sets.length === 0 ? 'operator_state = operator_state' : sets.join(', ')}
      where id = $1 returning ${ALARM_COLUMNS}`,
    [held.id, ...Object.values(columns)],
  );
  const [after] = rows;
  if (after === undefined) throw new Error(`BUG: the locked alarm ${held.id} is gone`);
  await connection.query(
    'insert into faults.operator_change (alarm, at_ms, operator, state, text, action, system, on_behalf_of) values ($1, $2, $3, $4, $5, $6, $7, $8)',
    [
      held.id,
      nowMs,
      cleanText(action.operator),
      state,
      cleanText(action.text),
      deed.verb,
      action.system ?? null,
      action.onBehalfOf ?? null,
    ],
  );
  await connection.query(
    `delete from faults.operator_change where alarm = $1 and id <=
       (select id from faults.operator_change where alarm = $1 order by id desc offset $2 limit 1)`,
    [held.id, MAX_OPERATOR_CHANGES],
  );
  await recordAudit(connection, {
    atMs: nowMs,
    actor: cleanText(action.operator),
    role: action.role,
    action: `alarm.${auditVerb(deed)}`,
    subject: `alarm/${held.id}`,
    before: operatorPart(held),
    after: operatorPart(after),
    ...(action.text === '' ? {} : { note: cleanText(action.text) }),
  });
  return after;
}
