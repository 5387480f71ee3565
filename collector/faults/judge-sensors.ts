// Sensors of one poll against the limits that the device itself has for them, and the states it gives them in words.
import { observedAt, segmentOf, type Table } from '../../common/model/poll.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { sensorMetric } from '../../common/model/sensor-metric.ts';
import { cleanKey, cleanText, numbersOf, textsOf } from '../../common/model/table-columns.ts';
import type { Severity } from './alarm.ts';
import type { FaultRules } from './fault-rules.ts';
import { end, heldOf, isQuiet, judgePart, type PartKey, type PartState } from './part-level.ts';
import { isUnused } from './port-use.ts';
import type { Round } from './round.ts';
import { fitsOne } from './rule-fields.ts';
import { type Limits, limitsOf, sideOf, type Side } from './sensor-limits.ts';
import { endUnnamed, isToldAlone, settlesTold, STATE_TYPES, type StateType, toldTypeOf } from './told-parts.ts';

interface Sensor {
  readonly resource: string;
  readonly description: string;
  readonly sensorClass: string;
  readonly unit: string;
  readonly value: number;
  readonly state: string | null;
  readonly readAtMs: EpochMs;
}

/** Gives the resources of the table. */
export function judgeSensors(round: Round, table: Table): ReadonlySet<string> {
  const { memory } = round;
  const present = new Set<string>();
  const endedTypes = new Set<StateType>();
  const text = (name: string): ((row: number) => string | null) => {
    const values = textsOf(table, name);
    return (row) => values?.[row] ?? null;
  };
  const [classOf, descriptionOf, unitOf, stateOf] = [text('class'), text('description'), text('unit'), text('state')];
  const values = numbersOf(table, 'value');
  const limitsAt = limitsOf(table);
  for (const [row, index] of table.index.entries()) {
    const resource = `${memory.device}/sensor:${cleanKey(index)}`;
    present.add(resource);
    const value = values?.[row] ?? Number.NaN;
    const limits = limitsAt(row);
    const state = stateOf(row);
    if (isQuiet(round) && (state === null || state === 'ok') && isWithin(limits, value)) continue;
    const sensor = {
      resource,
      description: cleanText(descriptionOf(row) ?? '').trim() || `Sensor ${cleanText(index)}`,
      sensorClass: classOf(row) ?? '',
      unit: cleanText(unitOf(row) ?? '', 20),
      value,
      state,
      readAtMs: observedAt(segmentOf(table, row), round.clockOffsetMs),
    };
    judgeLimits(round, sensor, limits);
    const ended = judgeState(round, sensor, limits === null);
    if (ended !== null) endedTypes.add(ended);
  }
  for (const type of endedTypes) endUnnamed(round, type);
  return present;
}

function isWithin(limits: Limits | null, value: number): boolean {
  if (limits === null) return true;
  const { low, high } = limits;
  return !(high !== null && value > high.first) && !(low !== null && value < low.first);
}

function judgeLimits(round: Round, sensor: Sensor, limits: Limits | null): void {
  const rule = round.rules.sensorLimit;
  for (const direction of ['low', 'high'] as const) {
    const side = limits?.[direction] ?? null;
    const key: PartKey = { resource: sensor.resource, alarmType: 'sensor-limit', qualifier: direction };
    if (side === null || fitsOne(rule.ignore, sensor.description)) {
      end(round, key, `${sensor.description} of ${round.memory.device} has no such limit any more.`);
      continue;
    }
    judgePart(round, key, rule, limitState(round, sensor, direction, side, rule));
  }
}

function limitState(
  round: Round,
  sensor: Sensor,
  direction: 'low' | 'high',
  side: Side,
  rule: FaultRules['sensorLimit'],
): PartState {
  const { memory } = round;
  const held = heldOf(round, { resource: sensor.resource, alarmType: 'sensor-limit', qualifier: direction });
  const margin = (side.span * rule.hysteresisPercent) / 100;
  const found = sideOf(side, direction, sensor.value, {
    margin,
    held: held === undefined ? null : held.severity === rule.severity ? 'limit' : 'warning',
  });
  const name = `${sensor.description} of ${memory.device}`;
  const figure = `${Number(sensor.value.toPrecision(6))}${sensor.unit === '' ? '' : ` ${sensor.unit}`}`;
  if (found === null)
    return { severity: null, text: `${name} is within its limits again: ${figure}.`, threshold: null };
  // Light that is missing where nothing is plugged in, or wanted, is no fault of the optics.
  if (found !== undefined && sensor.sensorClass === 'dbm' && isUnused(round, sensor.description))
    return { severity: null, text: `The interface of ${name} is not in use.`, threshold: null };
  if (found === undefined) return { severity: undefined, text: '', threshold: null };
  const level = found === 'limit' ? (side.limit ?? side.first) : side.first;
  const beyond = direction === 'high' ? 'above' : 'below';
  return {
    severity: found === 'limit' ? rule.severity : rule.warningSeverity,
    text: `${name}: ${figure}, ${beyond} its ${found === 'limit' ? 'limit' : 'warning level'} of ${level}.`,
    threshold: {
      indicator: sensorMetric(sensor.sensorClass),
      unit: sensor.unit,
      observed: sensor.value,
      raiseAt: level,
      clearBelow: direction === 'high' ? side.first - margin : side.first + margin,
    },
  };
}

/** A sensor without limits of its own is as the device says in words. `alone`: it has no limits. Gives the type of the alarm that ended because it is well. */
function judgeState(round: Round, sensor: Sensor, alone: boolean): StateType | null {
  const rule = round.rules.sensorState;
  const { resource, description } = sensor;
  const type = toldTypeOf(round, resource) ?? stateTypeOf(description);
  let ended: StateType | null = null;
  for (const alarmType of STATE_TYPES) {
    const key: PartKey = { resource, alarmType, qualifier: '' };
    if (alarmType !== type || !alone || sensor.state === null || fitsOne(rule.ignore, description)) {
      if (!isQuiet(round) && !isToldAlone(round, key))
        end(round, key, `${description} of ${round.memory.device} tells no state any more.`);
      continue;
    }
    const state = stateState(round, sensor, rule);
    if (state.severity !== undefined && !settlesTold(round, resource, sensor.readAtMs)) continue;
    const held = heldOf(round, key) !== undefined;
    judgePart(round, key, rule, state);
    if (held && state.severity === null && heldOf(round, key) === undefined) ended = alarmType;
  }
  return ended;
}

function stateState({ memory }: Round, sensor: Sensor, rule: FaultRules['sensorState']): PartState {
  const severities: Readonly<Record<string, Severity | null>> = {
    ok: null,
    warning: rule.warningSeverity,
    critical: rule.severity,
  };
  const state = sensor.state ?? '';
  const name = `${sensor.description} of ${memory.device}`;
  const severity = Object.hasOwn(severities, state) ? severities[state] : undefined;
  return { severity, text: severity === null ? `${name} is well again.` : `${name}: ${state}.`, threshold: null };
}

/** By what makers call them; what is neither a fan nor a power supply is a sensor. */
export function stateTypeOf(description: string): StateType {
  if (/\bfan(s|tray|module)?\b|\bfan[ _-]?\d/iu.test(description)) return 'fan-failed';
  if (/\bpsu\b|\bpsu?[ _-]?\d|\bpower[ _-]?suppl(y|ies)\b|\bpwr[ _-]?(sup|\d)/iu.test(description))
    return 'power-supply-failed';
  return 'sensor-state';
}
