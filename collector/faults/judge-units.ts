// What a device is: another version, another serial number, another module in a slot. Told once, as alarms that end by themselves.
import type { Table } from '../../common/model/poll.ts';
import { cleanKey, cleanText, textsOf } from '../../common/model/table-columns.ts';
import { type ActiveAlarm, alarmKeyText } from './alarm-machine.ts';
import type { FaultRules } from './fault-rules.ts';
import { end, type PartKey } from './part-level.ts';
import { MAX_REMEMBERED } from './parts-memory.ts';
import { OFF, type Round } from './round.ts';
import { endTold } from './told-parts.ts';

const MOST_CHARACTERS = 200;

/** Version and serial number of the device itself. */
export function judgeSystem(round: Round, table: Table): void {
  const { memory } = round;
  const { parts, device } = memory;
  const word = (name: string): string => cleanText(textsOf(table, name)?.[0] ?? '', MOST_CHARACTERS).trim();
  const [version, serial] = [word('version'), word('serial')];
  if (version !== '' && version !== parts.version) {
    if (parts.version !== '')
      tell(
        round,
        { resource: device, alarmType: 'device-upgraded', qualifier: '' },
        `${device} runs ${version} now, ${parts.version} before.`,
      );
    parts.version = version;
    memory.dirty = true;
  }
  if (serial !== '' && serial !== parts.serial) {
    if (parts.serial !== '')
      tell(
        round,
        { resource: device, alarmType: 'unit-replaced', qualifier: '' },
        `${device} has the serial number ${serial} now, ${parts.serial} before.`,
      );
    parts.serial = serial;
    memory.dirty = true;
  }
}

/**
 * Modules by their serial numbers: a device that numbers its entities anew has changed nothing, so a module is replaced only where the new
 * number was nowhere before and the old one is nowhere now.
 */
export function judgeModules(round: Round, table: Table): void {
  const { memory } = round;
  const { serials, serial: ownSerial } = memory.parts;
  const texts = ['serial', 'name', 'description', 'model'].map((name) => textsOf(table, name));
  const word = (at: number, row: number): string => cleanText(texts[at]?.[row] ?? '', MOST_CHARACTERS).trim();
  const before = new Set(serials.values());
  const now = new Set(table.index.map((_, row) => word(0, row)));
  for (const [row, index] of table.index.entries()) {
    const [slot, serial] = [cleanKey(index), word(0, row)];
    const old = serials.get(slot);
    if (serial === '' || serial === old || (old === undefined && serials.size >= MAX_REMEMBERED)) continue;
    if (!table.complete && old !== undefined) continue;
    // The chassis is a module too; the device itself has told of it.
    if (old !== undefined && !before.has(serial) && !now.has(old) && serial !== ownSerial) {
      const name = word(1, row) || word(2, row) || word(3, row) || `Module ${slot}`;
      const resource = `${memory.device}/module:${slot}`;
      const text = `${name} of ${memory.device} was replaced: serial number ${serial}, ${old} before.`;
      tell(round, { resource, alarmType: 'unit-replaced', qualifier: '' }, text);
    }
    serials.set(slot, serial);
    memory.dirty = true;
  }
}

function tell(round: Round, key: PartKey, text: string): void {
  const { memory, atMs, say, rules } = round;
  const rule = key.alarmType === 'device-upgraded' ? rules.deviceUpgraded : rules.unitReplaced;
  if (!rule.enabled || memory.parts.passing.size >= MAX_REMEMBERED) return;
  memory.parts.passing.set(alarmKeyText(key), atMs);
  memory.dirty = true;
  say({ active: true, ...key, severity: rule.severity, text, threshold: null, atMs });
}

function ruleOf(
  rules: FaultRules,
  held: ActiveAlarm | undefined,
): Pick<FaultRules['unitReplaced'], 'enabled' | 'clearAfterMs'> {
  if (held?.alarmType === 'device-upgraded') return rules.deviceUpgraded;
  if (held === undefined || held.alarmType === 'unit-replaced') return rules.unitReplaced;
  // Whatever the type: the qualifier of what a notification told begins with the name of its rule.
  const { enabled, conditions } = rules.notifications;
  const named = conditions.find(({ name }) => name === held.qualifier.split(' ')[0]);
  return { enabled: enabled && named?.enabled === true, clearAfterMs: named?.clearAfterMs ?? 0 };
}

/** Ends what ends by itself. */
export function endPassing(round: Round): void {
  const { memory, atMs, rules } = round;
  if (memory.parts.toldParts.size > 0) endTold(round);
  if (memory.parts.passing.size === 0) return;
  for (const [name, sinceMs] of memory.parts.passing) {
    const held = memory.active.get(name);
    const rule = ruleOf(rules, held);
    if (held !== undefined && rule.enabled && atMs - sinceMs < rule.clearAfterMs) continue;
    memory.parts.passing.delete(name);
    memory.dirty = true;
    if (held === undefined) continue;
    const key = {
      resource: held.resource,
      alarmType: held.alarmType as PartKey['alarmType'],
      qualifier: held.qualifier,
    };
    end(round, key, rule.enabled ? 'It was told long enough.' : OFF);
  }
}
