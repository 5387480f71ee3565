// What a deed of an operator makes of an alarm: the columns it sets, and what the history calls the state after it.
import { cleanText } from '../../common/model/table-columns.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Deed, OperatorAction, OperatorChange, OperatorState } from './alarm.ts';
import { type AlarmRow, timeOf } from './alarm-row.ts';

/** Beyond it nobody is left to hand an alarm to. */
const HIGHEST_LEVEL = 9;
const MAX_REFERENCE = 200;
const MAX_URL = 1000;

type Column =
  | 'operator_state'
  | 'operator'
  | 'operator_at_ms'
  | 'shelved_until_ms'
  | 'shelved_by'
  | 'shelf_reason'
  | 'assigned_to'
  | 'ticket'
  | 'ticket_url'
  | 'escalation_level'
  | 'escalation_reason';

export interface DeedEffect {
  readonly columns: Readonly<Partial<Record<Column, string | number | null>>>;
  readonly state: OperatorChange['state'];
}

/** Throws invalid_request for a deed that cannot be done to it. */
export function effectOf(deed: Deed, row: AlarmRow, action: OperatorAction, nowMs: EpochMs): DeedEffect {
  const state = row.operator_state;
  const operator = cleanText(action.operator);
  const reason = cleanText(action.text);
  switch (deed.verb) {
    case 'comment':
      return { columns: {}, state };
    case 'ack':
      return operatorState('ack', operator, nowMs);
    case 'close':
      return operatorState('closed', operator, nowMs);
    case 'unack':
      return operatorState('none', null, null);
    case 'shelve':
      if (!Number.isSafeInteger(deed.untilMs) || deed.untilMs <= nowMs)
        throw new WeirError('invalid_request', 'An alarm is shelved until a time to come.', { until: deed.untilMs });
      return {
        columns: { shelved_until_ms: deed.untilMs, shelved_by: operator, shelf_reason: reason },
        state: 'shelved',
      };
    case 'unshelve':
      return { columns: { shelved_until_ms: null, shelved_by: null, shelf_reason: null }, state: 'un-shelved' };
    case 'assign':
      return { columns: { assigned_to: text(deed.to, MAX_REFERENCE, 'to') }, state };
    case 'ticket':
      return {
        columns: { ticket: text(deed.reference, MAX_REFERENCE, 'reference'), ticket_url: urlOf(deed.url) },
        state,
      };
    case 'escalate':
      if (reason === '') throw new WeirError('invalid_request', 'text: an escalation needs its reason.');
      if (row.escalation_level >= HIGHEST_LEVEL)
        throw new WeirError('invalid_request', `The alarm is at the highest level, ${HIGHEST_LEVEL}.`);
      return { columns: { escalation_level: row.escalation_level + 1, escalation_reason: reason }, state };
  }
}

/** What the audit log calls it. */
export function auditVerb(deed: Deed): string {
  if (deed.verb === 'unack') return 'reset';
  return deed.verb === 'close' ? 'closed' : deed.verb;
}

/** What operators change of an alarm, for the audit log. */
export function operatorPart(row: AlarmRow): object {
  return {
    state: row.operator_state,
    operator: row.operator,
    shelvedUntil: row.shelved_until_ms === null ? null : timeOf(row.shelved_until_ms),
    shelfReason: row.shelf_reason,
    assignedTo: row.assigned_to,
    ticket: row.ticket,
    ticketUrl: row.ticket_url,
    escalationLevel: row.escalation_level,
  };
}

function operatorState(state: OperatorState, operator: string | null, atMs: EpochMs | null): DeedEffect {
  return { columns: { operator_state: state, operator, operator_at_ms: atMs }, state };
}

/** Null and nothing are the same. */
function text(value: string | null, most: number, name: string): string | null {
  const clean = cleanText(value ?? '').trim();
  if (clean.length > most) throw new WeirError('invalid_request', `${name}: expected at most ${most} characters.`);
  return clean === '' ? null : clean;
}

/** Pages show it as a link: nothing but http. */
function urlOf(value: string | null): string | null {
  const url = text(value, MAX_URL, 'url');
  if (url === null || (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol))) return url;
  throw new WeirError('invalid_request', 'url: expected an address that begins with http:// or https://.');
}
