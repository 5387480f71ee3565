// From verdicts of the rules to changes of alarms: the same alarm is raised, changed and cleared, never entered twice (RFC 8632 §3).
import type { EpochMs } from '../../common/model/time.ts';
import type { AlarmKey, Severity, ThresholdInformation } from './alarm.ts';

/** What a rule holds of one resource now. No verdict is no opinion: the alarm stays as it is. */
export type Verdict = AlarmKey & { readonly atMs: EpochMs; readonly text: string } & (
    | {
        readonly active: true;
        readonly severity: Severity;
        readonly threshold: ThresholdInformation | null;
        /** When it was first seen, where a rule waits before it raises. */
        readonly sinceMs?: EpochMs | null;
        /** False where what is carried goes on: no outage of the services that are bound there. */
        readonly losesService?: boolean;
        readonly probableCause?: string;
      }
    | { readonly active: false }
  );

/** An alarm that is not cleared, as the memory of its subject has it. */
export interface ActiveAlarm extends AlarmKey {
  readonly severity: Severity;
  readonly text: string;
  readonly raisedAtMs: EpochMs;
}

export interface AlarmChange extends AlarmKey {
  readonly kind: 'raised' | 'changed' | 'cleared';
  /** Of a cleared alarm the severity it had. */
  readonly severity: Severity;
  readonly text: string;
  readonly threshold: ThresholdInformation | null;
  /** Where it is another than that of the type. */
  readonly probableCause?: string;
  readonly atMs: EpochMs;
  /** Of what was raised: when it was first seen; absent where that is `atMs`. */
  readonly sinceMs?: EpochMs;
  /** Only there where it is false. */
  readonly losesService?: false;
}

export type ActiveAlarms = Map<string, ActiveAlarm>;

export function alarmKeyText(key: AlarmKey): string {
  return `${key.alarmType} ${key.qualifier} ${key.resource}`;
}

/** The change that a verdict makes, or null where the alarm is that way already; `active` is brought up to date. */
export function settle(active: ActiveAlarms, verdict: Verdict): AlarmChange | null {
  const { resource, alarmType, qualifier, text } = verdict;
  const key = alarmKeyText(verdict);
  const held = active.get(key);
  const base = { resource, alarmType, qualifier, text };
  // Time of an alarm does not run backwards, though two clocks may tell of it.
  const atMs = Math.max(verdict.atMs, held?.raisedAtMs ?? verdict.atMs);
  if (!verdict.active) {
    if (held === undefined) return null;
    active.delete(key);
    return { kind: 'cleared', ...base, severity: held.severity, threshold: null, atMs };
  }
  const { severity, threshold, probableCause } = verdict;
  if (held !== undefined && held.severity === severity && held.text === text) return null;
  active.set(key, { ...base, severity, raisedAtMs: held?.raisedAtMs ?? atMs });
  const cause = probableCause === undefined ? {} : { probableCause };
  if (held !== undefined) return { kind: 'changed', ...base, severity, threshold, atMs, ...cause };
  const sinceMs = verdict.sinceMs ?? atMs;
  return {
    kind: 'raised',
    ...base,
    severity,
    threshold,
    atMs,
    ...cause,
    ...(sinceMs < atMs ? { sinceMs } : {}),
    ...(verdict.losesService === false ? { losesService: false } : {}),
  };
}
