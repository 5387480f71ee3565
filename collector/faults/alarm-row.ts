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
  readonly shelved_by: string | null;
  readonly shelf_reason: string | null;
  readonly assigned_to: string | null;
  readonly ticket: string | null;
  readonly ticket_url: string | null;
  readonly escalation_level: number;
  readonly escalation_reason: string | null;
  readonly source_system_id: string | null;
  readonly external_alarm_id: string | null;
  /** What another system says of an alarm beyond the columns, under the names of TMF642. */
  readonly external: Readonly<Record<string, unknown>> | null;
  /** What other systems or operators grouped it under. */
  readonly parent_alarms: readonly bigint[];
  readonly updated_at_ms: bigint;
}

export const ALARM_COLUMNS = `id, resource, alarm_type, qualifier, device, severity, is_cleared, text, threshold, created_at_ms,
  raised_at_ms, changed_at_ms, cleared_at_ms, operator_state, operator, operator_at_ms, shelved_until_ms, shelved_by,
  shelf_reason, assigned_to, ticket, ticket_url, escalation_level, escalation_reason, source_system_id, external_alarm_id, external,
  parent_alarms, updated_at_ms`;

/** Shelves end by time alone: nobody has to take an alarm from one. */
export function isShelved(row: Pick<AlarmRow, 'shelved_until_ms'>, nowMs: number): boolean {
  return row.shelved_until_ms !== null && Number(row.shelved_until_ms) > nowMs;
}

export function alarmOf(row: AlarmRow, nowMs: number, maintenanceOf: MaintenanceOf = () => null): Alarm {
  const { eventType, probableCause, proposedRepair } = natureOf(row);
  const shelved = isShelved(row, nowMs);
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
    shelvedUntil: shelved && row.shelved_until_ms !== null ? timeOf(row.shelved_until_ms) : null,
    shelvedBy: shelved ? row.shelved_by : null,
    shelfReason: shelved ? row.shelf_reason : null,
    assignedTo: row.assigned_to,
    ticket: row.ticket,
    ticketUrl: row.ticket_url,
    escalationLevel: row.escalation_level,
    escalationReason: row.escalation_reason,
    sourceSystemId: row.source_system_id,
    externalAlarmId: row.external_alarm_id,
    updatedAt: timeOf(row.updated_at_ms),
    maintenance: maintenanceOf(row, nowMs),
  };
}

/** What an alarm is by X.733: of one that another system entered, what that system said. */
export function natureOf({ alarm_type: type, external }: Pick<AlarmRow, 'alarm_type' | 'external'>): {
  readonly eventType: string;
  readonly probableCause: string;
  readonly proposedRepair: string;
} {
  const known = alarmTypeOf(type);
  const said = (name: string): string | null => {
    const value = external?.[name];
    return typeof value === 'string' ? value : null;
  };
  return {
    eventType: said('alarmType') ?? known.eventType,
    probableCause: said('probableCause') ?? known.probableCause,
    proposedRepair: said('proposedRepairedActions') ?? known.proposedRepair,
  };
}

export function timeOf(atMs: bigint): string {
  return isoTime(Number(atMs));
}
