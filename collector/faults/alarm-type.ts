// What the inventory of alarm types says of each (RFC 8632 §4.1).

export interface AlarmType {
  /** ITU-T X.733 / X.736 event type, as TMF642 spells it. */
  readonly eventType:
    | 'communicationsAlarm'
    | 'equipmentAlarm'
    | 'environmentalAlarm'
    | 'processingErrorAlarm'
    | 'qualityOfServiceAlarm'
    | 'timeDomainViolation';
  /** ITU-T X.733 probable cause, as TMF642 spells it. */
  readonly probableCause: string;
  readonly description: string;
  readonly proposedRepair: string;
  /** Whether the resource itself can end it. */
  readonly willClear: boolean;
  /** What it is about, and what stands in the qualifier; '' where there is none. */
  readonly resource: string;
  readonly qualifiers: string;
  /** When it ends. */
  readonly ends: string;
  /** Its rule in `collector.faults`; null where it has none. */
  readonly rule: string | null;
}

export interface NamedAlarmType extends AlarmType {
  readonly alarmType: string;
}
