// An alarm as it stands in the database, and as the API shows it.
import { isoTime } from '../../common/model/time.ts';
import type { Alarm, MaintenanceOf, OperatorState, Severity, ThresholdInformation } from './alarm.ts';
import { alarmTypeOf } from './alarm-types.ts';

export interface AlarmRow {
  readonly id: bigint;
  readonly resource: string;
  readonly alarm_type: string;
  readonly qualifier: string;
  readonly device: string | null;
  readonly severity: Severity;
  readonly is_cleared: boolean;
  readonly text: string;
  readonly threshold: ThresholdInformation | null;
  readonly created_at_ms: bigint;
  readonly raised_at_ms: bigint;
  readonly changed_at_ms: bigint;
  readonly cleared_at_ms: bigint | null;
  readonly operator_state: OperatorState;
  readonly operator: string | null;
  readonly operator_at_ms: bigint | null;
  readonly shelved_until_ms: bigint | null;
}

export const ALARM_COLUMNS = `id, resource, alarm_type, qualifier, device, severity, is_cleared, text, threshold, created_at_ms,
  raised_at_ms, changed_at_ms, cleared_at_ms, operator_state, operator, operator_at_ms, shelved_until_ms`;

export function alarmOf(row: AlarmRow, nowMs: number, maintenanceOf: MaintenanceOf = () => null): Alarm {
  const { eventType, probableCause, proposedRepair } = alarmTypeOf(row.alarm_type);
  const shelved = row.shelved_until_ms !== null && Number(row.shelved_until_ms) > nowMs;
  return {
    id: row.id.toString(),
    resource: row.resource,
    alarmType: row.alarm_type,
    qualifier: row.qualifier,
    device: row.device,
    severity: row.severity,
    isCleared: row.is_cleared,
    text: row.text,
    eventType,
    probableCause,
    proposedRepair,
    threshold: row.threshold,
    createdAt: timeOf(row.created_at_ms),
    raisedAt: timeOf(row.raised_at_ms),
    changedAt: timeOf(row.changed_at_ms),
    clearedAt: row.cleared_at_ms === null ? null : timeOf(row.cleared_at_ms),
    operatorState: row.operator_state,
    operator: row.operator,
    operatorChangedAt: row.operator_at_ms === null ? null : timeOf(row.operator_at_ms),
    shelvedUntil: shelved ? timeOf(row.shelved_until_ms) : null,
    maintenance: maintenanceOf(row, nowMs),
  };
}

export function timeOf(atMs: bigint): string {
  return isoTime(Number(atMs));
}
