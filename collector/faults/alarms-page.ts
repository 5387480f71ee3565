// The text of docs/alarms.md, made of the inventory of alarm types so that the two cannot differ (npm run docs:alarms).
import { NAMED_ALARM_TYPES } from './alarm-types.ts';

export function alarmsPage(): string {
  const rows = NAMED_ALARM_TYPES.flatMap((type) => [
    `## \`${type.alarmType}\``,
    '',
    type.description,
    '',
    `- Resource: ${type.resource}${type.qualifiers === '' ? '' : `; qualifier: ${type.qualifiers}`}.`,
    `- Ends: ${type.ends}`,
    `- What to do: ${type.proposedRepair}`,
    `- Rule: ${type.rule === null ? 'none' : `\`collector.faults.${type.rule}\``}. X.733: ${type.eventType}, ${type.probableCause}.`,
    '',
  ]);
  return [
    '# Alarm types',
    '',
    'What an alarm may be about (RFC 8632 §4.1): what each type means, when it ends, and what to do about it. `GET /api/v1/alarm-types` has',
    'the same. Made from `collector/faults/alarm-types.ts` by `npm run docs:alarms`. Levels and severities are in',
    '[configuration.md](configuration.md), the reasons in [decisions/alarms.md](decisions/alarms.md).',
    '',
    ...rows,
  ].join('\n');
}
