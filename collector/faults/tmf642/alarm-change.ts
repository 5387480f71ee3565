// What a PATCH makes of an alarm, decided without a database: what the resource says changes only where another system speaks for it.
import type { EpochMs } from '../../../common/model/time.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import type { Severity } from '../alarm.ts';
import type { AlarmRow } from '../alarm-row.ts';
import { type AlarmPatch, mergeSaid, type Said } from './tmf-body.ts';
import { stateOf, type TmfAlarm, type TmfComment } from './tmf-alarm.ts';

export interface AlarmDecision {
  readonly said: Said;
  /** A change of what the resource says; null where it says the same. */
  readonly status: {
    readonly kind: 'changed' | 'cleared';
    readonly severity: Severity;
    readonly text: string;
    readonly atMs: EpochMs | null;
  } | null;
  readonly acknowledge: boolean | null;
  readonly escalate: boolean | null;
  readonly parents: readonly bigint[] | null;
  /** Those that are not there yet. */
  readonly comments: readonly { readonly comment: string; readonly userId?: string; readonly systemId?: string }[];
}

/** Of an alarm that Weir found itself: the rest is what polls say. */
const OF_OPERATORS = new Set([
  'ackState',
  'ackSystemId',
  'ackUserId',
  'alarmEscalation',
  'comment',
  'parentAlarm',
  'correlatedAlarm',
  'isRootCause',
  'affectedService',
  'serviceAffecting',
  'plannedOutageIndicator',
  'place',
]);

/** `shown`: the alarm as it is told. Throws alarm_of_poll, alarm_is_cleared or invalid_request. */
export function decidePatch(row: AlarmRow, shown: TmfAlarm, patch: AlarmPatch): AlarmDecision {
  const given = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined));
  if (row.source_system_id === null) refuseOfPoll(shown, given);
  const status = statusOf(row, patch);
  const said = { ...mergeSaid(row.external ?? {}, given) };
  if (row.source_system_id !== null) said['state'] = nextState(row, patch);
  return {
    said,
    status,
    acknowledge: patch.ackState === undefined || patch.ackState === null ? null : patch.ackState === 'acknowledged',
    escalate: patch.alarmEscalation === undefined ? null : patch.alarmEscalation === true,
    parents: parentsOf(row.id, patch.parentAlarm),
    comments: newComments(shown['comment'] as readonly TmfComment[] | undefined, patch.comment ?? []),
  };
}

/** Saying what is so already is no change. */
function refuseOfPoll(shown: TmfAlarm, given: Readonly<Record<string, unknown>>): void {
  const told: Readonly<Record<string, unknown>> = shown;
  const asText = (value: unknown): unknown => (typeof value === 'string' ? Date.parse(value) : value);
  for (const [name, value] of Object.entries(given)) {
    const same = name.endsWith('Time') ? asText(told[name]) === value : told[name] === value;
    if (!OF_OPERATORS.has(name) && !same)
      throw new WeirError('alarm_of_poll', `${name}: the resource itself says this of the alarm ${shown.id}.`, {
        alarm: shown.id,
        attribute: name,
      });
  }
}

function statusOf(row: AlarmRow, patch: AlarmPatch): AlarmDecision['status'] {
  const { perceivedSeverity: severity, state } = patch;
  const clears = severity === 'cleared' || state === 'cleared';
  if (clears && ((severity ?? 'cleared') !== 'cleared' || (state ?? 'cleared') !== 'cleared'))
    throw new WeirError(
      'invalid_request',
      'state: an alarm that is cleared has both the state and the severity cleared.',
    );
  if (row.is_cleared) {
    if (clears || (severity === undefined && state === undefined)) return textOf(row, patch, row.severity);
    throw new WeirError('alarm_is_cleared', `The alarm ${row.id} is cleared.`, { alarm: row.id.toString() });
  }
  if (clears)
    return {
      kind: 'cleared',
      severity: row.severity,
      text: 'Cleared by its source.',
      atMs: patch.alarmClearedTime ?? null,
    };
  return textOf(row, patch, severity ?? row.severity);
}

function textOf(row: AlarmRow, patch: AlarmPatch, severity: Severity): AlarmDecision['status'] {
  const text = patch.alarmDetails === undefined ? row.text : (patch.alarmDetails ?? '');
  if (row.source_system_id === null || row.is_cleared || (text === row.text && severity === row.severity)) return null;
  return { kind: 'changed', severity, text, atMs: patch.alarmChangedTime ?? null };
}

function nextState(row: AlarmRow, patch: AlarmPatch): string {
  if (patch.state === 'raised' || patch.state === 'updated') return patch.state;
  const resource = Object.keys(patch).some((name) => !OF_OPERATORS.has(name));
  return resource && !row.is_cleared ? 'updated' : stateOf(row) === 'updated' ? 'updated' : 'raised';
}

export function parentsOf(
  own: bigint | null,
  parents: readonly { readonly id: string }[] | null | undefined,
): readonly bigint[] | null {
  if (parents === undefined) return null;
  return [...new Set((parents ?? []).map(({ id }) => idOf(id)))].filter((id) => id !== own);
}

/** Ids of alarms are decimal. */
export function idOf(id: string): bigint {
  if (/^\d{1,18}$/.test(id)) return BigInt(id);
  throw new WeirError('invalid_request', `There is no alarm ${id.slice(0, 40)}.`, { alarm: id.slice(0, 40) });
}

/** What was said is never taken back: a list without it takes nothing away. */
function newComments(
  held: readonly TmfComment[] | undefined,
  given: readonly {
    readonly comment: string;
    readonly userId?: string | undefined;
    readonly systemId?: string | undefined;
  }[],
): AlarmDecision['comments'] {
  const known = held ?? [];
  return given
    .filter((one) => !known.some((old) => old.comment === one.comment && (one.userId ?? old.userId) === old.userId))
    .map(({ comment, userId, systemId }) => ({
      comment,
      ...(userId === undefined ? {} : { userId }),
      ...(systemId === undefined ? {} : { systemId }),
    }));
}
