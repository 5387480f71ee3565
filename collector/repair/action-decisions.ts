// What comes next of a corrective action, from what its work and the device say. Pure. Its life:
//
//   asked ──the agent did it, or nobody knows how far it came──► verifying ──all is as expected──► verified
//     │ └──surely nothing was set──► failed                         │ └──its time is over──► not_verified
//     └──no agent came for it in time──► not_sent                   └──values are neither as expected nor as before──► restoring
//                                                                                              restored ◄──┴──► restore_failed
import type { EpochMs } from '../../common/model/time.ts';
import type { ActionPlan } from './action-plan.ts';
import type { ClosedWork } from './work-findings.ts';
import { saidOf } from './work-findings.ts';

export const OPEN_STATES = ['asked', 'sending', 'verifying', 'restoring'] as const;
export const ACTION_STATES = [
  ...OPEN_STATES,
  'verified',
  'not_verified',
  'restored',
  'restore_failed',
  'failed',
  'not_sent',
  'refused',
] as const;
export type ActionState = (typeof ACTION_STATES)[number];

/** Values by identifier; null where nobody could read them. */
export type Values = Readonly<Record<string, string>>;

export interface Effect {
  /** done: the agent said so; unknown: it may have been done, in whole or in part; never: surely nothing was set. */
  readonly outcome: 'done' | 'unknown' | 'never';
  readonly message: string;
  readonly before: Values | null;
}

/** After these nobody knows whether the device carried it out: nothing is sent again, what the device has is looked at. */
const UNSURE: readonly string[] = ['work_interrupted', 'unexpected', 'poll_deadline'];

/** Null while the agent is still at it. `handedOut`: an agent has fetched it. */
export function effectOf(work: ClosedWork & { readonly handedOutAt: string | null }): Effect | null {
  const said = saidOf(work);
  switch (work.state) {
    case 'queued':
    case 'handed_out':
      return null;
    case 'done':
      return { outcome: 'done', message: 'done', before: valuesOf(said, 'before.') };
    case 'expired':
      return work.handedOutAt === null
        ? { outcome: 'never', message: 'no agent came for it in time', before: null }
        : { outcome: 'unknown', message: 'the agent took it and never said what became of it', before: null };
    case 'failed': {
      const code = said.get('code') ?? 'unexpected';
      const message = `${code}: ${said.get('message') ?? ''}`;
      const steps = said.get('detail.stepsDone');
      const begun = steps !== undefined && !(steps === '0' && code === 'snmp_refused');
      return {
        outcome: begun || UNSURE.includes(code) ? 'unknown' : 'never',
        message,
        before: valuesOf(said, 'detail.before.'),
      };
    }
  }
}

function valuesOf(said: ReadonlyMap<string, string>, prefix: string): Values | null {
  const found = [...said].filter(([name]) => name.startsWith(prefix));
  return found.length === 0
    ? null
    : Object.fromEntries(found.map(([name, value]) => [name.slice(prefix.length), value]));
}

export interface Observed {
  /** What the device has now; null where it could not be read since. */
  readonly values: Values | null;
  /** By a poll since it was done; null: not polled since. */
  readonly interfaceUp: boolean | null;
  readonly alarmCleared: boolean;
}

export interface Checks {
  readonly values: boolean | null;
  readonly interfaceUp: boolean | null;
  readonly alarmCleared: boolean | null;
}

export function checksOf(plan: Pick<ActionPlan, 'expect' | 'expected'>, observed: Observed): Checks {
  const wants = (one: ActionPlan['expect'][number]): boolean => plan.expect.includes(one);
  const { values, interfaceUp, alarmCleared } = observed;
  return {
    values: !wants('values') || values === null ? null : plan.expected.every(({ oid, value }) => values[oid] === value),
    interfaceUp: wants('interface_up') ? interfaceUp : null,
    alarmCleared: wants('alarm_cleared') ? alarmCleared : null,
  };
}

export type Verdict =
  | { readonly next: 'wait' }
  | { readonly next: 'verified' | 'not_verified' | 'restoring'; readonly message: string };

export interface VerifyMoment {
  readonly plan: Pick<ActionPlan, 'expect' | 'expected' | 'restore' | 'steps'>;
  readonly outcome: 'done' | 'unknown';
  readonly before: Values | null;
  readonly observed: Observed;
  readonly untilMs: EpochMs;
  readonly nowMs: EpochMs;
}

export function verdictOf({ plan, outcome, before, observed, untilMs, nowMs }: VerifyMoment): Verdict {
  const checks = checksOf(plan, observed);
  const wanted = plan.expect.map(
    (one) => ({ values: checks.values, interface_up: checks.interfaceUp, alarm_cleared: checks.alarmCleared })[one],
  );
  if (wanted.length === 0 && outcome === 'unknown')
    return { next: 'not_verified', message: 'nobody knows whether it was done' };
  if (wanted.every((one) => one === true)) return { next: 'verified', message: 'all is as expected' };
  const over = nowMs >= untilMs;
  // What was left half done is put back at once; what was done is given its time.
  const wrong = checks.values === false && (outcome === 'unknown' || over);
  const restorable = plan.restore === 'before' && before !== null && !isAsBefore(plan, before, observed.values);
  if (restorable && (wrong || (over && checks.values === null)))
    return { next: 'restoring', message: 'the values are not as expected: what was before is set again' };
  if (!over) return { next: 'wait' };
  return { next: 'not_verified', message: missing(plan, checks).join('; ') };
}

/** Whether what may have been set is as it was before. */
function isAsBefore({ steps }: Pick<ActionPlan, 'steps'>, before: Values, values: Values | null): boolean {
  const oids = steps.flatMap(({ varbinds }) => varbinds.map(({ oid }) => oid));
  return values !== null && oids.every((oid) => values[oid] !== undefined && values[oid] === before[oid]);
}

function missing({ expect }: Pick<ActionPlan, 'expect'>, { values, interfaceUp, alarmCleared }: Checks): string[] {
  const said: string[] = [];
  if (expect.includes('values') && values !== true)
    said.push(values === null ? 'the values could not be read' : 'the values are not as expected');
  if (expect.includes('interface_up') && interfaceUp !== true)
    said.push(interfaceUp === null ? 'the device was not polled since' : 'the interface is not up');
  if (expect.includes('alarm_cleared') && alarmCleared !== true) said.push('the alarm still stands');
  return said;
}
