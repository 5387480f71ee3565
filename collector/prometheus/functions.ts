// Functions of instant vectors and scalars that are understood; every other is refused by name.
import { type Expression, notUnderstood } from './expression.ts';
import type { Labels } from './metric-names.ts';
import { RegularExpression, type StepBudget } from './regular-expression.ts';
import { promName } from './metric-names.ts';
import { type Axis, constant, mapped, type Value, type VectorSeries, without } from './vector.ts';

const SIMPLE: Readonly<Record<string, (value: number) => number>> = {
  abs: Math.abs,
  ceil: Math.ceil,
  floor: Math.floor,
  sqrt: Math.sqrt,
  exp: Math.exp,
  ln: Math.log,
  log2: Math.log2,
  log10: Math.log10,
  sgn: Math.sign,
};

type Call = (given: readonly Value[], axis: Axis, written: readonly Expression[], steps: StepBudget) => Value;

const OTHERS: Readonly<Record<string, Call>> = {
  round: ([vector, to], axis) => {
    const unit = to === undefined ? constant(axis, 1) : scalarOf(to, 'round');
    return each(vector, 'round', (value, at) => Math.round(value / (unit[at] ?? 1)) * (unit[at] ?? 1));
  },
  clamp: ([vector, least, most]) => {
    const [low, high] = [scalarOf(least, 'clamp'), scalarOf(most, 'clamp')];
    return each(vector, 'clamp', (value, at) => {
      const [bottom, top] = [low[at] ?? value, high[at] ?? value];
      return bottom > top ? Number.NaN : Math.max(bottom, Math.min(top, value));
    });
  },
  clamp_min: ([vector, least]) => {
    const low = scalarOf(least, 'clamp_min');
    return each(vector, 'clamp_min', (value, at) => Math.max(low[at] ?? value, value));
  },
  clamp_max: ([vector, most]) => {
    const high = scalarOf(most, 'clamp_max');
    return each(vector, 'clamp_max', (value, at) => Math.min(high[at] ?? value, value));
  },
  scalar: ([vector], axis) => {
    const series = vectorOf(vector, 'scalar');
    const values = constant(axis, Number.NaN).map((none, at) => {
      const [first, second] = series.filter((one) => !Number.isNaN(one.values[at] ?? Number.NaN));
      return second === undefined ? (first?.values[at] ?? none) : none;
    });
    return { kind: 'scalar', values };
  },
  vector: ([scalar]) => ({ kind: 'vector', series: [{ labels: {}, values: scalarOf(scalar, 'vector') }] }),
  time: (_, axis) => ({
    kind: 'scalar',
    values: constant(axis, 0).map((_value, at) => (axis.fromMs + at * axis.stepMs) / 1000),
  }),
  absent: ([vector], axis, [written]) => {
    const series = vectorOf(vector, 'absent');
    const values = constant(axis, 1).map((one, at) =>
      series.some(({ values: held }) => !Number.isNaN(held[at] ?? Number.NaN)) ? Number.NaN : one,
    );
    return { kind: 'vector', series: [{ labels: equalLabels(written), values }] };
  },
  sort: ([vector]) => sorted(vector, 'sort', 1),
  sort_desc: ([vector]) => sorted(vector, 'sort_desc', -1),
  label_replace: (given, _axis, _written, steps) => {
    const [, target = '', replacement = '', source = '', pattern = ''] = given.map(textOf);
    const test = new RegularExpression(pattern, steps);
    checkLabel(target);
    return relabelled(given[0], 'label_replace', (labels) => {
      const found = test.find(labels[source] ?? '');
      if (found === null) return labels;
      const value = replacement.replaceAll(/\$(?:(\w+)|\{(\w+)\})/g, (_, plain?: string, braced?: string) => {
        const name = plain ?? braced ?? '';
        return (/^\d+$/.test(name) ? found.groups[Number(name)] : found.named.get(name)) ?? '';
      });
      return value === '' ? without(labels, [target]) : { ...labels, [target]: value };
    });
  },
  label_join: (given) => {
    const [, target = '', separator = '', ...sources] = given.map(textOf);
    checkLabel(target);
    return relabelled(given[0], 'label_join', (labels) => ({
      ...labels,
      [target]: sources.map((source) => labels[source] ?? '').join(separator),
    }));
  },
};

/** Of each function the least and the most arguments. */
const ARGUMENTS: Readonly<Record<string, readonly [number, number]>> = {
  round: [1, 2],
  clamp: [3, 3],
  clamp_min: [2, 2],
  clamp_max: [2, 2],
  scalar: [1, 1],
  vector: [1, 1],
  time: [0, 0],
  absent: [1, 1],
  sort: [1, 1],
  sort_desc: [1, 1],
  label_replace: [5, 5],
  label_join: [3, 50],
};

/** In the order of the alphabet; docs/promql.md lists the same. */
export const FUNCTIONS: readonly string[] = [...Object.keys(SIMPLE), ...Object.keys(OTHERS)].toSorted();

/** One of FUNCTIONS; throws query_not_understood where it is given something else than it takes. */
export function callFunction(
  name: string,
  given: readonly Value[],
  {
    axis,
    written,
    steps,
  }: { readonly axis: Axis; readonly written: readonly Expression[]; readonly steps: StepBudget },
): Value {
  const [least, most] = Object.hasOwn(SIMPLE, name) ? [1, 1] : (ARGUMENTS[name] ?? [0, 0]);
  const simple = Object.hasOwn(SIMPLE, name) ? SIMPLE[name] : undefined;
  const other = Object.hasOwn(OTHERS, name) ? OTHERS[name] : undefined;
  if (given.length < least || given.length > most)
    throw notUnderstood(`${name} takes ${least} to ${most} arguments`, name);
  if (simple !== undefined) return each(given[0], name, simple);
  return other?.(given, axis, written, steps) ?? { kind: 'vector', series: [] };
}

function each(value: Value | undefined, name: string, change: (value: number, at: number) => number): Value {
  const series = vectorOf(value, name).map(({ labels, values }) => {
    let at = -1;
    return {
      labels: without(labels, ['__name__']),
      values: values.map((one) => {
        at += 1;
        return Number.isNaN(one) ? one : change(one, at);
      }),
    };
  });
  return { kind: 'vector', series };
}

function relabelled(value: Value | undefined, name: string, change: (labels: Labels) => Labels): Value {
  return {
    kind: 'vector',
    series: vectorOf(value, name).map(({ labels, values }) => ({ labels: change(labels), values })),
  };
}

/** By the value of the last time; for an instant query that is its only one. */
function sorted(value: Value | undefined, name: string, order: 1 | -1): Value {
  const last = (series: VectorSeries): number => mapped(series.values, (one) => one).at(-1) ?? Number.NaN;
  return { kind: 'vector', series: vectorOf(value, name).toSorted((a, b) => order * (last(a) - last(b))) };
}

export function vectorOf(value: Value | undefined, name: string): readonly VectorSeries[] {
  if (value?.kind !== 'vector') throw notUnderstood(`${name} takes an instant vector`, name);
  return value.series;
}

export function scalarOf(value: Value | undefined, name: string): Float64Array {
  if (value?.kind !== 'scalar') throw notUnderstood(`${name} takes a number here`, name);
  return value.values;
}

function textOf(value: Value): string {
  return value.kind === 'text' ? value.value : '';
}

function checkLabel(name: string): void {
  if (promName(name) !== name) throw notUnderstood('This is no name of a label', name);
}

/** Labels that a selector fixes, as Prometheus gives them to `absent`. */
function equalLabels(written: Expression | undefined): Labels {
  if (written?.kind !== 'selector') return {};
  const fixed = written.matchers.filter(({ label, operator }) => operator === '=' && label !== '__name__');
  return Object.fromEntries(fixed.map(({ label, value }) => [label, value]));
}
