// What the counters of an interface say between two polls: utilisation against its speed, and packets with errors.
import { endianness } from 'node:os';
import { type CounterReading, difference } from '../../common/model/counter.ts';
import { type CounterColumn, observedAt, type Segment, type Table } from '../../common/model/poll.ts';
import { countersOf, numbersOf } from '../../common/model/table-columns.ts';
import { TIME_TICKS_MODULUS } from '../../common/model/time.ts';
import type { ThresholdInformation } from './alarm.ts';
import { presentBits, type RowClock, readingOf } from './counter-rows.ts';
import { type InterfaceMemory, remember, type StreakName } from './device-memory.ts';
import type { FaultRules, ThresholdRule } from './fault-rules.ts';
import { isActive, OFF, type Round } from './round.ts';

/** A counter column with its values as words of 32 bits, so that a bigint is made only where it is worth asking `difference`. */
interface Words {
  readonly column: CounterColumn;
  readonly words: Uint32Array;
}

type TrafficAlarmType = 'high-utilisation' | 'interface-errors' | 'interface-discards';

interface Watched {
  /** Place in KEPT_COUNTERS. */
  readonly counter: number;
  /** The wide one, and the narrow one that stands in for it. */
  readonly columns: readonly Words[];
  readonly alarmType: TrafficAlarmType;
  readonly qualifier: 'in' | 'out';
  readonly streak: StreakName;
  readonly rule: ThresholdRule;
  /** The column that has a value in the row that is looked at. */
  cell: Words | null;
}

/** One row of the table, as its counters are judged; the same object from row to row. */
interface Look {
  row: number;
  clock: Omit<RowClock, 'discontinuityTicks'>;
  discontinuityTicks: number | null;
  speedBps: number;
  /** Since its counters were read before. */
  seconds: number;
}

/** A quick look is trusted below this part of the level that raises: it rounds where a counter passes 2^53. */
const BELOW = 0.99;
const HALF_OF_32_BITS = 2n ** 31n;
/** Which of the two words of a counter holds its lower half. */
const LOW = endianness() === 'LE' ? 0 : 1;

/** Judges one row after the other of a table and keeps their counters. */
export function trafficOf(round: Round, table: Table): (found: InterfaceMemory, row: number) => void {
  const { memory, rules } = round;
  const speeds = numbersOf(table, 'ifSpeedBps');
  const discontinuities = numbersOf(table, 'ifCounterDiscontinuityTime');
  const watched = watchedOf(table, rules);
  const first = table.segments[0];
  if (first === undefined) return () => undefined;
  const look: Look = {
    row: 0,
    clock: clockOf(round, first),
    discontinuityTicks: null,
    speedBps: Number.NaN,
    seconds: 0,
  };
  let at = 0;
  return (found, row) => {
    for (let next = table.segments[at + 1]; next !== undefined && next.firstRow <= row; next = table.segments[at + 1]) {
      at += 1;
      look.clock = clockOf(round, next);
    }
    look.row = row;
    look.discontinuityTicks = ticksOrNull(discontinuities?.[row]);
    look.speedBps = speeds?.[row] ?? Number.NaN;
    look.seconds = memory.rows.secondsBefore(found.slot, look.clock);
    for (const one of watched) one.cell = cellOf(one.columns, row);
    if (look.seconds > 0) for (const one of watched) judgeCounter(round, found, one, look);
    memory.rows.write(found.slot, look.clock, look.discontinuityTicks);
    let bits = 0;
    for (const { cell, counter } of watched) {
      if (cell === null) continue;
      memory.rows.put(found.slot, counter, high(cell, row), low(cell, row));
      bits |= presentBits(counter, cell.column.width);
    }
    memory.rows.mark(found.slot, bits);
  };
}

function clockOf(round: Round, segment: Segment): Look['clock'] {
  return {
    observedAtMs: observedAt(segment, round.clockOffsetMs),
    monotonicMs: segment.monotonicMs,
    uptimeTicks: ticksOrNull(segment.uptimeTicks),
    processHash: round.processHash,
  };
}

function watchedOf(table: Table, rules: FaultRules): Watched[] {
  const cell: Words | null = null;
  const octets = { alarmType: 'high-utilisation', rule: rules.highUtilisation, cell } as const;
  const faulty = { alarmType: 'interface-errors', rule: rules.interfaceErrors, cell } as const;
  const dropped = { alarmType: 'interface-discards', rule: rules.interfaceDiscards, cell } as const;
  const columns = (...names: string[]): Words[] => names.flatMap((name) => wordsOf(countersOf(table, name)));
  return [
    { counter: 0, columns: columns('ifHCInOctets', 'ifInOctets'), qualifier: 'in', streak: 'in', ...octets },
    { counter: 1, columns: columns('ifHCOutOctets', 'ifOutOctets'), qualifier: 'out', streak: 'out', ...octets },
    { counter: 2, columns: columns('ifInErrors'), qualifier: 'in', streak: 'in-errors', ...faulty },
    { counter: 3, columns: columns('ifOutErrors'), qualifier: 'out', streak: 'out-errors', ...faulty },
    { counter: 4, columns: columns('ifInDiscards'), qualifier: 'in', streak: 'in-discards', ...dropped },
    { counter: 5, columns: columns('ifOutDiscards'), qualifier: 'out', streak: 'out-discards', ...dropped },
  ];
}

function wordsOf(column: CounterColumn | undefined): Words[] {
  if (column === undefined) return [];
  const { buffer, byteOffset, length } = column.values;
  return [{ column, words: new Uint32Array(buffer, byteOffset, length * 2) }];
}

function judgeCounter(round: Round, found: InterfaceMemory, one: Watched, look: Look): void {
  const { memory, atMs, say } = round;
  const { rule, alarmType, qualifier } = one;
  const raised = memory.active.size > 0 && isActive(memory, resourceOf(memory, found), alarmType, qualifier);
  if (!rule.enabled) {
    if (raised) say({ active: false, resource: resourceOf(memory, found), alarmType, qualifier, atMs, text: OFF });
    return;
  }
  const octets = alarmType === 'high-utilisation';
  const { cell } = one;
  if (cell === null || (octets && !(look.speedBps > 0))) return;
  const streak = found.streaks[one.streak];
  if (!raised && (streak === undefined || streak.raise === 0)) {
    const moved = memory.rows.about(found.slot, one.counter, high(cell, look.row), low(cell, look.row));
    const level = octets ? (rule.raiseAt * look.speedBps) / 800 : rule.raiseAt;
    if (moved >= 0 && moved < look.seconds * level * BELOW) return;
  }
  const observed = observedOf(round, found, one, look, cell.column);
  if (observed === undefined) return;
  if (observed !== null) return judgeLevel(round, found, one, observed, raised);
  // Polls in a row are polls with nothing unknown between them.
  if (streak !== undefined) remember(memory, streak, { raise: 0 });
}

/** Percent of the speed, or a second; null where it cannot be known, undefined where there is no reading before. */
function observedOf(
  { memory, poll }: Round,
  found: InterfaceMemory,
  one: Watched,
  { clock, discontinuityTicks, speedBps, row }: Look,
  column: CounterColumn,
): number | null | undefined {
  const previous = memory.rows.reading(found.slot, one.counter);
  const value = column.values[row];
  if (previous === null || value === undefined) return undefined;
  const octets = one.alarmType === 'high-utilisation';
  const reading = readingOf({ ...clock, discontinuityTicks }, value, column.width);
  const rate = rateOf(previous, reading, octets ? speedBps : null, poll.intervalMs);
  return rate === null || !octets ? rate : (rate * 800) / speedBps;
}

function resourceOf(memory: Round['memory'], found: InterfaceMemory): string {
  return `${memory.device}/${found.key}`;
}

/** Counts polls above and below the two levels; between them the alarm stays as it is. */
function judgeLevel(round: Round, found: InterfaceMemory, one: Watched, observed: number, raised: boolean): void {
  const { memory, atMs, say } = round;
  const { rule, alarmType, qualifier } = one;
  const streak = found.streaks[one.streak] ?? { raise: 0, clear: 0 };
  found.streaks[one.streak] = streak;
  const raise = observed >= rule.raiseAt ? Math.min(streak.raise + 1, rule.raiseAfterPolls) : 0;
  const clear = raised && observed < rule.clearBelow ? Math.min(streak.clear + 1, rule.clearAfterPolls) : 0;
  remember(memory, streak, { raise, clear });
  const key = { resource: resourceOf(memory, found), alarmType, qualifier };
  const { words, indicator } = TOLD[alarmType];
  const unit = alarmType === 'high-utilisation' ? '%' : ' a second';
  const figure = observed.toFixed(observed < 10 ? 2 : 1);
  const text = `${words} ${qualifier} of ${found.key} of ${memory.device}: ${figure}${unit}`;
  if (!raised && raise >= rule.raiseAfterPolls) {
    const threshold: ThresholdInformation = {
      indicator: `${qualifier}_${indicator}`,
      unit: alarmType === 'high-utilisation' ? '%' : 'packet/s',
      observed,
      raiseAt: rule.raiseAt,
      clearBelow: rule.clearBelow,
    };
    say({ active: true, ...key, severity: rule.severity, text: `${text}, ${rule.raiseAt} raises.`, threshold, atMs });
  } else if (raised && clear >= rule.clearAfterPolls) {
    remember(memory, streak, { raise: 0, clear: 0 });
    say({ active: false, ...key, atMs, text: `${text}, below ${rule.clearBelow}.` });
  }
}

const TOLD: Readonly<Record<TrafficAlarmType, { readonly words: string; readonly indicator: string }>> = {
  'high-utilisation': { words: 'Utilisation', indicator: 'utilisation' },
  'interface-errors': { words: 'Packets with errors', indicator: 'errors' },
  'interface-discards': { words: 'Packets dropped', indicator: 'discards' },
};

/** Per second; null where the two may not be subtracted, or lie too far apart to say when it moved. */
function rateOf(
  previous: CounterReading,
  observed: CounterReading,
  speedBps: number | null,
  intervalMs: number,
): number | null {
  const speed = speedBps === null ? null : BigInt(Math.round(speedBps));
  const found = difference(previous, observed, { speedBps: speed, intervalMs });
  if ((found.kind !== 'good' && found.kind !== 'wrap32') || found.durationMs <= 0) return null;
  // A counter of packets has no line rate that would tell a reset from a wrap.
  if (speed === null && found.wrapped && found.delta > HALF_OF_32_BITS) return null;
  return (Number(found.delta) * 1000) / found.durationMs;
}

/** The column that has a value in the row; the wide one where both have. */
function cellOf(columns: readonly Words[], row: number): Words | null {
  const first = columns[0];
  if (first?.column.present[row] === 1) return first;
  for (const one of columns) if (one.column.present[row] === 1) return one;
  return null;
}

function high({ words }: Words, row: number): number {
  return words[row * 2 + 1 - LOW] ?? 0;
}

function low({ words }: Words, row: number): number {
  return words[row * 2 + LOW] ?? 0;
}

function ticksOrNull(value: number | null | undefined): number | null {
  if (value === null || value === undefined) return null;
  return Number.isInteger(value) && value >= 0 && value < TIME_TICKS_MODULUS ? value : null;
}
