// The limits that a device gives its sensors, as far as they make sense, and where a value stands to them: pure.
import type { Table } from '../../common/model/poll.ts';
import { numbersOf } from '../../common/model/table-columns.ts';

/** One direction: `first` is where the first alarm begins, `limit` the worse one, null where there is only a warning level. */
export interface Side {
  readonly first: number;
  readonly limit: number | null;
  /** What a share of hysteresis is measured by. */
  readonly span: number;
}

export interface Limits {
  readonly low: Side | null;
  readonly high: Side | null;
}

type Level = 'warning' | 'limit';

/** Reads the limits of a row; null where it has none that make sense. */
export function limitsOf(table: Table): (row: number) => Limits | null {
  const [lowLimits, lowWarnings] = [numbersOf(table, 'lowLimit'), numbersOf(table, 'lowWarning')];
  const [highWarnings, highLimits] = [numbersOf(table, 'highWarning'), numbersOf(table, 'highLimit')];
  if (lowLimits === undefined && lowWarnings === undefined && highWarnings === undefined && highLimits === undefined)
    return () => null;
  return (row) =>
    soundLimits(
      finite(lowLimits?.[row]),
      finite(lowWarnings?.[row]),
      finite(highWarnings?.[row]),
      finite(highLimits?.[row]),
    );
}

/** Devices write noughts where they have no limits, and warning levels beyond the limit; what contradicts itself is none. */
export function soundLimits(
  lowLimit: number | null,
  lowWarning: number | null,
  highWarning: number | null,
  highLimit: number | null,
): Limits | null {
  const given = [lowLimit, lowWarning, highWarning, highLimit].filter((level) => level !== null);
  if (given.length === 0 || (given.length > 1 && given.every((level) => level === given[0]))) return null;
  const highs = [highWarning, highLimit].filter((level) => level !== null);
  const lows = [lowWarning, lowLimit].filter((level) => level !== null);
  if (highs.length > 0 && lows.length > 0 && Math.max(...lows) >= Math.min(...highs)) return null;
  const [least, most] = [Math.min(...given), Math.max(...given)];
  const span = highs.length > 0 && lows.length > 0 ? most - least : Math.max(Math.abs(most), Math.abs(least), 1);
  const side = (levels: readonly number[], first: number, limit: number | null): Side | null =>
    levels.length === 0 ? null : { first, limit, span };
  // A warning level beyond the limit would never be seen: the limit alone counts then.
  return { low: side(lows, Math.max(...lows), lowLimit), high: side(highs, Math.min(...highs), highLimit) };
}

/**
 * The level that the value is beyond; null where it is well, undefined where it is inside of the first level by less than the margin
 * while an alarm is held. A value within the margin of the limit keeps the worse of the two.
 */
export function sideOf(
  side: Side,
  direction: 'low' | 'high',
  value: number,
  { margin, held }: { readonly margin: number; readonly held: Level | null },
): Level | null | undefined {
  if (!Number.isFinite(value)) return undefined;
  const past = (level: number, by: number): boolean => (direction === 'high' ? value > level - by : value < level + by);
  const { first, limit } = side;
  if (limit !== null && past(limit, held === 'limit' ? margin : 0)) return 'limit';
  const hasWarning = limit === null || first !== limit;
  if (hasWarning && past(first, 0)) return 'warning';
  if (held !== null && past(first, margin)) return hasWarning ? 'warning' : undefined;
  return null;
}

function finite(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}
