// What alarms are asked for by, in the query of the list and in the body of an action on many.
import { z } from 'zod';
import { timeParameter } from '../../common/http/parameters.ts';
import type { AlarmSort, AlarmsQuery, OperatorState, Severity } from '../faults/alarm.ts';
import { collectorPage, deviceName, resourceName } from './parameters.ts';

const SEVERITIES: Readonly<Record<Severity, true>> = {
  critical: true,
  major: true,
  minor: true,
  warning: true,
  indeterminate: true,
};
const SORTS: Readonly<Record<AlarmSort, true>> = {
  changed: true,
  raised: true,
  severity: true,
  priority: true,
  id: true,
};
const STATES: Readonly<Record<OperatorState, true>> = { none: true, ack: true, closed: true };
const severity = z.enum(Object.keys(SEVERITIES) as Severity[]);
const word = z.string().max(200);

/** What the list and actions on many alarms are narrowed by. */
export const alarmFilters = {
  state: z
    .enum(['active', 'root', 'cleared', 'shelved', 'all'])
    .default('all')
    .describe('active: raised and not shelved; root: active and no symptom of another; cleared: not shelved either'),
  severity: severity.optional(),
  severity_at_least: severity.optional().describe('it and what is worse'),
  device: deviceName.optional(),
  resource: resourceName.optional(),
  resource_prefix: resourceName.optional(),
  type: word.optional().describe('such as interface-down'),
  text: word.min(1).optional().describe('a part of text, resource, ticket or type, in any case'),
  assigned_to: word.optional().describe('empty: those that nobody has'),
  ticket: word.optional().describe('empty: those without one'),
  operator_state: z.enum(Object.keys(STATES) as OperatorState[]).optional(),
  changed_since: timeParameter.optional().describe('by `updatedAt`, this moment included'),
};

export const alarmsListQuery = z.strictObject({
  ...alarmFilters,
  sort: z
    .enum(Object.keys(SORTS) as AlarmSort[])
    .default('changed')
    .describe(
      'last changed, last raised, worst first; priority: by severity and by what the resource carries, raised ones only; id: oldest first, and no change moves an alarm to another page',
    ),
  ...collectorPage,
});

const filterOnly = z.strictObject(alarmFilters);

/** Of the list, or of an action on all that a filter fits. */
export function alarmsQueryOf(query: z.output<typeof alarmsListQuery> | z.output<typeof filterOnly>): AlarmsQuery {
  const { severity_at_least, resource_prefix, type, assigned_to, operator_state, changed_since, ...same } = query;
  return given({
    ...same,
    severityAtLeast: severity_at_least,
    resourcePrefix: resource_prefix,
    alarmType: type,
    assignedTo: assigned_to,
    operatorState: operator_state,
    changedSinceMs: changed_since,
  });
}

type Given<T> = { [Key in keyof T]: Exclude<T[Key], undefined> };

/** Without the keys that were not given. */
function given<T extends object>(query: T): Given<T> {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined)) as Given<T>;
}
