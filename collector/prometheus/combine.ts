// Two operands made one: arithmetic, comparisons and sets between scalars and vectors, matched by their labels as Prometheus does.
import { ARITHMETIC, COMPARISONS, type Matching, notUnderstood, type Operator } from './expression.ts';
import type { Labels } from './metric-names.ts';
import { labelKey, only, type Value, type VectorSeries, without } from './vector.ts';

const COMPUTE: Readonly<Record<string, (left: number, right: number) => number>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => left / right,
  '%': (left, right) => left % right,
  '^': (left, right) => left ** right,
};
const COMPARE: Readonly<Record<string, (left: number, right: number) => boolean>> = {
  '==': (left, right) => left === right,
  '!=': (left, right) => left !== right,
  '>': (left, right) => left > right,
  '<': (left, right) => left < right,
  '>=': (left, right) => left >= right,
  '<=': (left, right) => left <= right,
};

interface Terms {
  readonly operator: Operator;
  readonly bool: boolean;
  readonly matching: Matching;
}

export function combine(terms: Terms, left: Value, right: Value): Value {
  if (left.kind === 'text' || right.kind === 'text') throw notUnderstood('Text has no operators', terms.operator);
  const { operator, bool } = terms;
  const sets = !isArithmetic(operator) && !isComparison(operator);
  if (left.kind === 'vector' && right.kind === 'vector')
    return {
      kind: 'vector',
      series: sets ? setsOf(terms, left.series, right.series) : matched(terms, left.series, right.series),
    };
  if (sets) throw notUnderstood('and, or and unless stand between two vectors', operator);
  if (left.kind === 'scalar' && right.kind === 'scalar') {
    if (isComparison(operator) && !bool) throw notUnderstood('A comparison of two numbers needs bool', operator);
    return { kind: 'scalar', values: eachOf(terms, left.values, right.values, left.values) };
  }
  const vector = left.kind === 'vector' ? left.series : right.kind === 'vector' ? right.series : [];
  return {
    kind: 'vector',
    series: vector.map(({ labels, values }) => ({
      labels: keepsName(terms) ? labels : without(labels, ['__name__']),
      values:
        left.kind === 'scalar'
          ? eachOf(terms, left.values, values, values)
          : eachOf(terms, values, right.kind === 'scalar' ? right.values : values, values),
    })),
  };
}

/** A comparison that filters leaves the series what it was. */
function keepsName({ operator, bool }: Terms): boolean {
  return isComparison(operator) && !bool;
}

function eachOf({ operator, bool }: Terms, left: Float64Array, right: Float64Array, kept: Float64Array): Float64Array {
  const compute = COMPUTE[operator];
  const compare = COMPARE[operator];
  return left.map((a, at) => {
    const b = right[at] ?? Number.NaN;
    if (Number.isNaN(a) || Number.isNaN(b)) return Number.NaN;
    if (compute !== undefined) return compute(a, b);
    const holds = compare?.(a, b) === true;
    return bool ? Number(holds) : holds ? (kept[at] ?? Number.NaN) : Number.NaN;
  });
}

function signature(labels: Labels, matching: Matching): string {
  return labelKey(
    matching.on === null ? without(labels, [...matching.ignoring, '__name__']) : only(labels, matching.on),
  );
}

function matched(terms: Terms, left: readonly VectorSeries[], right: readonly VectorSeries[]): VectorSeries[] {
  const { matching } = terms;
  const flipped = matching.group === 'right';
  const [many, one] = flipped ? [right, left] : [left, right];
  const ones = new Map<string, VectorSeries>();
  for (const series of one) {
    const key = signature(series.labels, matching);
    if (ones.has(key))
      throw notUnderstood('Several series of one side match: name the labels that tell them apart', key);
    ones.set(key, series);
  }
  const seen = new Set<string>();
  return many.flatMap((series) => {
    const key = signature(series.labels, matching);
    const other = ones.get(key);
    if (other === undefined) return [];
    if (matching.group === null && seen.has(key))
      throw notUnderstood('Several series of both sides match: group_left or group_right is needed', key);
    seen.add(key);
    const [a, b] = flipped ? [other.values, series.values] : [series.values, other.values];
    return [{ labels: resultLabels(terms, series.labels, other.labels), values: eachOf(terms, a, b, series.values) }];
  });
}

function resultLabels(terms: Terms, labels: Labels, other: Labels): Labels {
  const { matching } = terms;
  if (matching.group !== null)
    return {
      ...without(labels, keepsName(terms) ? matching.include : ['__name__', ...matching.include]),
      ...only(other, matching.include),
    };
  if (matching.on !== null) return only(labels, matching.on);
  return without(labels, keepsName(terms) ? matching.ignoring : ['__name__', ...matching.ignoring]);
}

function setsOf(
  { operator, matching }: Terms,
  left: readonly VectorSeries[],
  right: readonly VectorSeries[],
): VectorSeries[] {
  const there = presence(right, matching);
  const filtered = (wanted: boolean): VectorSeries[] =>
    left.map(({ labels, values }) => {
      const other = there.get(signature(labels, matching));
      return { labels, values: values.map((value, at) => ((other?.[at] === 1) === wanted ? value : Number.NaN)) };
    });
  if (operator === 'and') return filtered(true);
  if (operator === 'unless') return filtered(false);
  const own = presence(left, matching);
  const added = right.map(({ labels, values }) => {
    const other = own.get(signature(labels, matching));
    return { labels, values: values.map((value, at) => (other?.[at] === 1 ? Number.NaN : value)) };
  });
  return merged([...left, ...added]);
}

/** By signature, the times at which some series has a value. */
function presence(series: readonly VectorSeries[], matching: Matching): Map<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  for (const { labels, values } of series) {
    const key = signature(labels, matching);
    const bits = found.get(key) ?? new Uint8Array(values.length);
    for (const [at, value] of values.entries()) if (!Number.isNaN(value)) bits[at] = 1;
    found.set(key, bits);
  }
  return found;
}

/** Series of equal labels whose values do not overlap are one. */
function merged(series: readonly VectorSeries[]): VectorSeries[] {
  const found = new Map<string, VectorSeries>();
  for (const one of series) {
    const key = labelKey(one.labels);
    const held = found.get(key);
    if (held === undefined) found.set(key, { labels: one.labels, values: one.values.slice() });
    else
      for (const [at, value] of one.values.entries())
        if (Number.isNaN(held.values[at] ?? Number.NaN)) held.values[at] = value;
  }
  return [...found.values()];
}

function isArithmetic(operator: Operator): boolean {
  return ARITHMETIC.some((one) => one === operator);
}

function isComparison(operator: Operator): boolean {
  return COMPARISONS.some((one) => one === operator);
}
