// What a KPI is made of: sums that parts and periods add up in, and the value that follows from them.

/** How much is known of the time asked for, in milliseconds of one resource each. */
export interface Known {
  readonly knownMs: number;
  readonly wantedMs: number;
}

export interface Working extends Known {
  /** Exact where it is a bigint: what counters moved. */
  readonly numerator: number | bigint;
  readonly denominator: number | bigint;
}

export interface KpiValue {
  /** Null where nothing is known, or nothing happened that could be divided by. */
  readonly value: number | null;
  /** Part of the time asked for of which something is known, 0 to 1. */
  readonly coverage: number;
  readonly numerator: string;
  readonly denominator: string;
}

/** Parts of a whole: resources of a site, hours of a day. */
export function addWorkings(parts: readonly Working[]): Working {
  const sum = (of: 'numerator' | 'denominator'): number | bigint => {
    const values = parts.map((part) => part[of]);
    return values.length > 0 && values.every((value) => typeof value === 'bigint')
      ? values.reduce((total, value) => total + value, 0n)
      : values.reduce<number>((total, value) => total + Number(value), 0);
  };
  return {
    numerator: sum('numerator'),
    denominator: sum('denominator'),
    knownMs: parts.reduce((total, { knownMs }) => total + knownMs, 0),
    wantedMs: parts.reduce((total, { wantedMs }) => total + wantedMs, 0),
  };
}

/** `scale`: 100 for percent. */
export function valueOf(working: Working, scale: number): KpiValue {
  const { numerator, denominator, knownMs, wantedMs } = working;
  return {
    value: quotient(numerator, denominator, scale),
    coverage: wantedMs === 0 ? 0 : Math.min(1, knownMs / wantedMs),
    numerator: numerator.toString(),
    denominator: denominator.toString(),
  };
}

/** Digits of a quotient of integers that may pass 2^53. */
const PLACES = 1_000_000_000_000n;

function quotient(above: number | bigint, below: number | bigint, scale: number): number | null {
  if (below === 0 || below === 0n) return null;
  if (typeof above === 'bigint' && typeof below === 'bigint')
    return Number((above * BigInt(scale) * PLACES) / below) / Number(PLACES);
  return (Number(above) / Number(below)) * scale;
}
