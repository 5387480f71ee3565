// The nouns of fault management (RFC 8632): an alarm is the state of a resource, keyed by resource, type and qualifier; clearing never deletes it.
import type { EpochMs } from '../../common/model/time.ts';
import type { Viewpoint } from '../../common/model/viewpoint.ts';

/** Worst first. "Cleared" is no severity but a state of its own. */
export const SEVERITIES = ['critical', 'major', 'minor', 'warning', 'indeterminate'] as const;
export type Severity = (typeof SEVERITIES)[number];

export interface AlarmKey {
  /** `device`, `device/interfaceKey`, or `agent:NAME` (no device can have a name with a colon). */
  readonly resource: string;
  /** One of ALARM_TYPES (alarm-types.ts). */
  readonly alarmType: string;
  /** '' where the type needs none; a direction, say, where it does. */
  readonly qualifier: string;
}

/** ITU-T X.733 threshold information: what was seen, and the two levels of the hysteresis. */
export interface ThresholdInformation {
  readonly indicator: string;
  readonly unit: string;
  readonly observed: number;
  readonly raiseAt: number;
  readonly clearBelow: number;
}

/** Set by operators; `shelved` hides the alarm, whose state goes on being kept. */
export const OPERATOR_STATES = ['none', 'ack', 'closed'] as const;
export type OperatorState = (typeof OPERATOR_STATES)[number];

export interface Alarm extends AlarmKey {
  /** Permanent; decimal. */
  readonly id: string;
  readonly device: string | null;
  readonly severity: Severity;
  readonly isCleared: boolean;
  readonly text: string;
  readonly eventType: string;
  readonly probableCause: string;
  readonly proposedRepair: string;
  readonly threshold: ThresholdInformation | null;
  /** When it was raised for the first time, for the last time, when anything of it last changed, when it last cleared; ISO 8601, in the device's time. */
  readonly createdAt: string;
  readonly raisedAt: string;
  readonly changedAt: string;
  readonly clearedAt: string | null;
  readonly operatorState: OperatorState;
  /** Who acknowledged or closed it, and when. */
  readonly operator: string | null;
  readonly operatorChangedAt: string | null;
  readonly shelvedUntil: string | null;
  /** The maintenance window that its resource is in now. */
  readonly maintenance?: { readonly id: string; readonly until: string } | null;
}

/** Which maintenance window an alarm is in. */
export type MaintenanceOf = (
  alarm: { readonly resource: string; readonly device: string | null },
  atMs: EpochMs,
) => { readonly id: string; readonly until: string } | null;

export interface StatusChange {
  readonly at: string;
  readonly severity: Severity | 'cleared';
  readonly text: string;
  /** The journal entry it came from: `journal/position/ordinal`. */
  readonly origin: string;
}

export interface OperatorChange {
  readonly at: string;
  readonly operator: string;
  readonly state: OperatorState | 'shelved' | 'un-shelved';
  readonly text: string;
}

/** Newest first. */
export interface AlarmHistory {
  readonly statusChanges: readonly StatusChange[];
  readonly operatorChanges: readonly OperatorChange[];
}

export interface AlarmsQuery {
  /** active: raised and not shelved. */
  readonly state?: 'active' | 'cleared' | 'shelved' | 'all';
  readonly severity?: Severity;
  readonly device?: string;
  readonly resource?: string;
  readonly cursor?: string;
  /** At most MAX_ALARMS_PAGE. */
  readonly limit?: number;
}

export interface AlarmsPage {
  readonly items: readonly Alarm[];
  readonly next: string | null;
}

export const MAX_ALARMS_PAGE = 1000;

/** RFC 8632 §4.7: of each severity how many in which state; shelved alarms are counted apart only. */
export interface AlarmSummary {
  readonly severity: Severity;
  readonly total: number;
  readonly notCleared: number;
  readonly cleared: number;
  readonly clearedNotClosed: number;
  readonly clearedClosed: number;
  readonly notClearedClosed: number;
  readonly notClearedNotClosed: number;
}

export interface AlarmsSummary {
  readonly severities: readonly AlarmSummary[];
  readonly shelved: number;
}

/** What an operator does to an alarm. */
export interface OperatorAction {
  readonly operator: string;
  readonly role: string;
  readonly text: string;
}

/** What the API asks; not_found where no alarm has the id, invalid_request for a cursor that this list never gave or a time that is over. */
export interface Alarms {
  /** The same alarms as that viewpoint sees them: of others it knows nothing, and changes nothing. */
  under(viewpoint: Viewpoint): Alarms;
  list(query: AlarmsQuery): Promise<AlarmsPage>;
  get(id: string): Promise<Alarm & AlarmHistory>;
  summary(): Promise<AlarmsSummary>;
  /** `none` takes an acknowledgement back. The alarm as it is then. */
  setState(id: string, state: OperatorState, action: OperatorAction): Promise<Alarm>;
  comment(id: string, action: OperatorAction): Promise<Alarm>;
  shelve(id: string, untilMs: EpochMs, action: OperatorAction): Promise<Alarm>;
  unshelve(id: string, action: OperatorAction): Promise<Alarm>;
}

/** Live events; the page asks again for what it shows. */
export type Publish = (kind: 'alarm' | 'event', data: Readonly<Record<string, unknown>>) => void;
