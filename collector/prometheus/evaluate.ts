// Evaluates a query on the times of an axis: selectors ask the store, everything else is arithmetic on what they gave.
import { aggregate } from './aggregate.ts';
import { combine } from './combine.ts';
import { type Expression, notUnderstood } from './expression.ts';
import { callFunction, FUNCTIONS, scalarOf, vectorOf } from './functions.ts';
import { RANGE_FUNCTIONS, type Samples } from './samples.ts';
import { type Axis, constant, mapped, type Value, withValues, without } from './vector.ts';

export async function evaluate(expression: Expression, axis: Axis, samples: Samples): Promise<Value> {
  const inner = (one: Expression): Promise<Value> => evaluate(one, axis, samples);
  switch (expression.kind) {
    case 'number':
      return { kind: 'scalar', values: constant(axis, expression.value) };
    case 'text':
      return { kind: 'text', value: expression.value };
    case 'selector':
      if (expression.rangeMs !== null) throw notUnderstood('A range stands only inside a function', 'selector');
      return { kind: 'vector', series: withValues(await samples.values(expression, null, axis)) };
    case 'negation':
      return distinct(negated(await inner(expression.operand)));
    case 'call':
      return called(expression, axis, samples, inner);
    case 'aggregation': {
      const series = vectorOf(await inner(expression.operand), expression.name);
      const parameter =
        expression.parameter === null
          ? constant(axis, Number.NaN)
          : scalarOf(await inner(expression.parameter), expression.name);
      return { kind: 'vector', series: withValues(aggregate(expression.name, series, expression, parameter)) };
    }
    case 'binary': {
      const [left, right] = [await inner(expression.left), await inner(expression.right)];
      return distinct(combine(expression, left, right));
    }
  }
}

async function called(
  { name, arguments: written }: Extract<Expression, { kind: 'call' }>,
  axis: Axis,
  samples: Samples,
  inner: (one: Expression) => Promise<Value>,
): Promise<Value> {
  if (Object.hasOwn(RANGE_FUNCTIONS, name)) {
    const [range] = written;
    if (written.length !== 1 || range?.kind !== 'selector' || range.rangeMs === null)
      throw notUnderstood(`${name} takes a selector with a range, as in ${name}(metric[5m])`, name);
    const series = await samples.values(range, name, axis);
    const kept = name === 'last_over_time';
    return {
      kind: 'vector',
      series: withValues(series.map((one) => (kept ? one : { ...one, labels: without(one.labels, ['__name__']) }))),
    };
  }
  if (!FUNCTIONS.includes(name)) throw notUnderstood('This function is not understood here', name);
  const given: Value[] = [];
  for (const one of written) given.push(await inner(one));
  return distinct(callFunction(name, given, { axis, written, steps: samples.steps }));
}

function distinct(value: Value): Value {
  return value.kind === 'vector' ? { kind: 'vector', series: withValues(value.series) } : value;
}

function negated(value: Value): Value {
  if (value.kind === 'text') throw notUnderstood('Text has no sign', '-');
  if (value.kind === 'scalar') return { kind: 'scalar', values: value.values.map((one) => -one) };
  return {
    kind: 'vector',
    series: value.series.map(({ labels, values }) => ({
      labels: without(labels, ['__name__']),
      values: mapped(values, (one) => -one),
    })),
  };
}
