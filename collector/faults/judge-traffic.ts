// What the counters of an interface say between two polls: utilisation against its speed, and packets with errors.
import { type CounterReading, difference } from '../../common/model/counter.ts';
import { type CounterColumn, counterAt, observedAt, type Table } from '../../common/model/poll.ts';
import { countersOf, numbersOf } from '../../common/model/table-columns.ts';
import { TIME_TICKS_MODULUS } from '../../common/model/time.ts';
import type { ThresholdInformation } from './alarm.ts';
import { type CounterRows, type KeptCounter, type RowClock, readingOf } from './counter-rows.ts';
import { type InterfaceMemory, remember, type StreakName } from './device-memory.ts';
import type { ThresholdRule } from './fault-rules.ts';
import { isActive, OFF, type Round } from './round.ts';

interface Watched {
  /** Place in KEPT_COUNTERS. */
  readonly counter: number;
  readonly columns: readonly (CounterColumn | undefined)[];
  readonly alarmType: 'high-utilisation' | 'interface-errors';
  readonly qualifier: 'in' | 'out';
  readonly streak: StreakName;
  readonly rule: ThresholdRule;
}

/** A quick look is trusted below this part of the level that raises. */
const FAR_BELOW = 0.5;
const HALF_OF_32_BITS = 2n ** 31n;

/** Judges one row after the other of a table and keeps their counters. */
export function trafficOf(round: Round, table: Table): (found: InterfaceMemory, row: number) => void {
  const { memory, rules } = round;
  const speeds = numbersOf(table, 'ifSpeedBps');
  const discontinuities = numbersOf(table, 'ifCounterDiscontinuityTime');
  const watched = watchedOf(table, rules.highUtilisation, rules.interfaceErrors);
  let at = 0;
  return (found, row) => {
    while ((table.segments[at + 1]?.firstRow ?? Number.POSITIVE_INFINITY) <= row) at += 1;
    const segment = table.segments[at];
    if (segment === undefined) return;
    const clock: RowClock = {
      observedAtMs: observedAt(segment, round.clockOffsetMs),
      monotonicMs: segment.monotonicMs,
      uptimeTicks: ticksOrNull(segment.uptimeTicks),
      discontinuityTicks: ticksOrNull(discontinuities?.[row]),
      processHash: round.processHash,
    };
    const counters = watched.map(({ columns }) => cellOf(columns, row));
    const speedBps = speeds?.[row] ?? Number.NaN;
    const before = memory.rows.clock(found.slot);
    if (before !== null && before.observedAtMs < clock.observedAtMs)
      for (const [place, one] of watched.entries())
        judgeCounter(round, found, one, clock, counters[place] ?? null, speedBps, memory.rows);
    memory.rows.write(found.slot, clock, counters);
  };
}

function watchedOf(table: Table, utilisation: ThresholdRule, errors: ThresholdRule): Watched[] {
  const octets = { alarmType: 'high-utilisation', rule: utilisation } as const;
  const faulty = { alarmType: 'interface-errors', rule: errors } as const;
  const columns = (...names: string[]): Watched['columns'] => names.map((name) => countersOf(table, name));
  return [
    { counter: 0, columns: columns('ifHCInOctets', 'ifInOctets'), qualifier: 'in', streak: 'in', ...octets },
    { counter: 1, columns: columns('ifHCOutOctets', 'ifOutOctets'), qualifier: 'out', streak: 'out', ...octets },
    { counter: 2, columns: columns('ifInErrors'), qualifier: 'in', streak: 'in-errors', ...faulty },
    { counter: 3, columns: columns('ifOutErrors'), qualifier: 'out', streak: 'out-errors', ...faulty },
  ];
}

function judgeCounter(
  round: Round,
  found: InterfaceMemory,
  one: Watched,
  clock: RowClock,
  counter: KeptCounter | null,
  speedBps: number,
  rows: CounterRows,
): void {
  const { memory, atMs, say } = round;
  const { rule, alarmType, qualifier } = one;
  const resource = `${memory.device}/${found.key}`;
  const raised = memory.active.size > 0 && isActive(memory, resource, alarmType, qualifier);
  if (!rule.enabled) {
    if (raised) say({ active: false, resource, alarmType, qualifier, atMs, text: OFF });
    return;
  }
  const octets = alarmType === 'high-utilisation';
  if (counter === null || (octets && !(speedBps > 0))) return;
  const streak = found.streaks[one.streak];
  if (!raised && (streak === undefined || streak.raise === 0)) {
    const seconds = (clock.observedAtMs - (rows.clock(found.slot)?.observedAtMs ?? clock.observedAtMs)) / 1000;
    const moved = rows.about(
      found.slot,
      one.counter,
      Number(counter.value >> 32n),
      Number(counter.value & 0xffff_ffffn),
    );
    const level = octets ? (rule.raiseAt * speedBps) / 800 : rule.raiseAt;
    if (moved >= 0 && seconds > 0 && moved < seconds * level * FAR_BELOW) return;
  }
  const previous = rows.reading(found.slot, one.counter);
  if (previous === null) return;
  const rate = rateOf(previous, readingOf(clock, counter), octets ? speedBps : null, round.poll.intervalMs);
  if (rate === null) {
    // Polls in a row are polls with nothing unknown between them.
    if (streak !== undefined) remember(memory, streak, { raise: 0 });
    return;
  }
  const observed = octets ? (rate * 800) / speedBps : rate;
  judgeLevel(round, found, one, observed, raised);
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
  const key = { resource: `${memory.device}/${found.key}`, alarmType, qualifier };
  const words = alarmType === 'high-utilisation' ? 'Utilisation' : 'Packets with errors';
  const unit = alarmType === 'high-utilisation' ? '%' : ' a second';
  const figure = observed.toFixed(observed < 10 ? 2 : 1);
  const text = `${words} ${qualifier} of ${found.key} of ${memory.device}: ${figure}${unit}`;
  if (!raised && raise >= rule.raiseAfterPolls) {
    const threshold: ThresholdInformation = {
      indicator: alarmType === 'high-utilisation' ? `${qualifier}_utilisation` : `${qualifier}_errors`,
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

function cellOf(columns: Watched['columns'], row: number): KeptCounter | null {
  for (const column of columns) {
    const value = column === undefined ? null : counterAt(column, row);
    if (column !== undefined && value !== null) return { value, width: column.width };
  }
  return null;
}

function ticksOrNull(value: number | null | undefined): number | null {
  if (value === null || value === undefined) return null;
  return Number.isInteger(value) && value >= 0 && value < TIME_TICKS_MODULUS ? value : null;
}
