// The nouns of fault management (RFC 8632): an alarm is the state of a resource, keyed by resource, type and qualifier; clearing never deletes it.
import type { EpochMs } from '../../common/model/time.ts';
import type { Viewpoint } from '../../common/model/viewpoint.ts';

/** Worst first. "Cleared" is no severity but a state of its own. */
export const SEVERITIES = ['critical', 'major', 'minor', 'warning', 'indeterminate'] as const;
export type Severity = (typeof SEVERITIES)[number];

export interface AlarmKey {
  /** `device`, `device/interfaceKey`, `agent:NAME` or `site:NAME` (no device can have a name with a colon). */
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
  readonly shelvedBy: string | null;
  readonly shelfReason: string | null;
  /** Who sees to it. */
  readonly assignedTo: string | null;
  /** Of the ticket system; free text, and where it is to be seen. */
  readonly ticket: string | null;
  readonly ticketUrl: string | null;
  /** How often it was handed up since it was raised; 0: never. */
  readonly escalationLevel: number;
  readonly escalationReason: string | null;
  /** Which system entered it, and under which name there; null for what Weir found itself. */
  readonly sourceSystemId: string | null;
  readonly externalAlarmId: string | null;
  /** When resource or operators last changed anything of it, by the clock of the database. */
  readonly updatedAt: string;
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
  /** What was done, as the address of the action says it; null where an earlier version wrote it. */
  readonly action: string | null;
  readonly text: string;
}

/** Newest first. */
export interface AlarmHistory {
  readonly statusChanges: readonly StatusChange[];
  readonly operatorChanges: readonly OperatorChange[];
}

/** What the cause of an alarm is (collector/faults/cause). */
export interface Folding {
  /** Id of the alarm that it is a symptom of; null where it is its own cause. */
  readonly rootAlarm: string | null;
  /** How many are symptoms of it. */
  readonly symptoms: number;
}

export interface AlarmsQuery {
  /** active: raised and not shelved; root: active, and no symptom. */
  readonly state?: 'active' | 'root' | 'cleared' | 'shelved' | 'all';
  readonly severity?: Severity;
  readonly device?: string;
  readonly resource?: string;
  readonly severityAtLeast?: Severity;
  readonly alarmType?: string;
  readonly resourcePrefix?: string;
  /** Part of text, resource, ticket or type, in any case. */
  readonly text?: string;
  /** '' for those that nobody has. */
  readonly assignedTo?: string;
  /** '' for those without one. */
  readonly ticket?: string;
  readonly operatorState?: OperatorState;
  /** By `updatedAt`. */
  readonly changedSinceMs?: EpochMs;
  /** Default `changed`. Under `id` no change moves an alarm from page to page. */
  readonly sort?: AlarmSort;
  readonly cursor?: string;
  /** At most MAX_ALARMS_PAGE. */
  readonly limit?: number;
}

export interface AlarmsPage {
  readonly items: readonly (Alarm & Folding)[];
  readonly next: string | null;
}

export const MAX_ALARMS_PAGE = 1000;

/** Last changed first, last raised first, worst first, what hangs most on it first (raised ones only), or oldest entry first. */
export const ALARM_SORTS = ['changed', 'raised', 'severity', 'priority', 'id'] as const;
export type AlarmSort = (typeof ALARM_SORTS)[number];

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

/** What is done to an alarm by operators; none of it changes the state of the resource. */
export type Deed =
  | { readonly verb: 'ack' | 'unack' | 'close' | 'comment' | 'unshelve' | 'escalate' }
  | { readonly verb: 'shelve'; readonly untilMs: EpochMs }
  /** Null takes it back. */
  | { readonly verb: 'assign'; readonly to: string | null }
  | { readonly verb: 'ticket'; readonly reference: string | null; readonly url: string | null };

/** Alarms that are done the same to in one go. */
export type AlarmSelection = { readonly ids: readonly string[] } | { readonly query: AlarmsQuery };

export const MAX_BULK_ALARMS = 500;

export interface BulkOutcome {
  readonly id: string;
  /** `changed`, or the code of the refusal. */
  readonly outcome: string;
  readonly message: string | null;
}

export interface BulkAnswer {
  readonly changed: number;
  readonly refused: number;
  readonly items: readonly BulkOutcome[];
  /** True where the filter fits more alarms than one request acts on: ask again. */
  readonly more: boolean;
}

/** What the API asks; not_found where no alarm has the id, invalid_request for a cursor that this list never gave or a time that is over. */
export interface Alarms {
  /** The same alarms as that viewpoint sees them: of others it knows nothing, and changes nothing. */
  under(viewpoint: Viewpoint): Alarms;
  list(query: AlarmsQuery): Promise<AlarmsPage>;
  get(id: string): Promise<Alarm & Folding & AlarmHistory>;
  summary(): Promise<AlarmsSummary>;
  /** `none` takes an acknowledgement back. The alarm as it is then. */
  setState(id: string, state: OperatorState, action: OperatorAction): Promise<Alarm>;
  comment(id: string, action: OperatorAction): Promise<Alarm>;
  shelve(id: string, untilMs: EpochMs, action: OperatorAction): Promise<Alarm>;
  unshelve(id: string, action: OperatorAction): Promise<Alarm>;
  act(id: string, deed: Deed, action: OperatorAction): Promise<Alarm>;
  /** Each alarm in a transaction of its own: one that is refused stops no other. */
  actOnAll(selection: AlarmSelection, deed: Deed, action: OperatorAction): Promise<BulkAnswer>;
}

export interface PurgeQuestion {
  /** Null: as the policy says. */
  readonly clearedBeforeMs: EpochMs | null;
  readonly closedOnly: boolean;
  /** Only says what would go. */
  readonly dryRun: boolean;
}

export interface PurgeAnswer {
  readonly dryRun: boolean;
  readonly purged: number;
  /** True where one request lets no more go: ask again. */
  readonly more: boolean;
  /** The first of them. */
  readonly items: readonly {
    readonly id: string;
    readonly resource: string;
    readonly alarmType: string;
    readonly clearedAt: string | null;
    readonly rule: string;
  }[];
}

/** RFC 8632 purge-alarms, for alarms that are cleared only. */
export interface AlarmsPurge {
  purge(question: PurgeQuestion, by: { readonly name: string; readonly role: string }): Promise<PurgeAnswer>;
}

/** Live events; the page asks again for what it shows. */
export type Publish = (kind: 'alarm' | 'event' | 'problem', data: Readonly<Record<string, unknown>>) => void;
