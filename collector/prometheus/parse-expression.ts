// From the text of a query to its tree: the grammar is Prometheus' own (lezer-promql), what is taken of it is decided here.
import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';
import type { DurationMs } from '../../common/model/time.ts';
import {
  AGGREGATIONS,
  ARITHMETIC,
  COMPARISONS,
  type Expression,
  type Matcher,
  type Matching,
  notUnderstood,
  type Operator,
  SET_OPERATORS,
  type Selector,
} from './expression.ts';
import { RegularExpression } from './regular-expression.ts';

export const MAX_QUERY_CHARACTERS = 10_000;
const MAX_DEPTH = 60;
/** What may open a level of nesting: more is refused unread, as the parser builds its tree by recursion. */
const MAX_OPENINGS = 300;
const QUOTED = /"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`/gs;
const OPENINGS = /[-+*/%^([<>=!@{]|\b(?:and|or|unless|atan2|offset)\b/gi;
const OPERATORS: readonly Operator[] = [...ARITHMETIC, ...COMPARISONS, ...SET_OPERATORS];
const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
};

/** Throws query_not_understood, also for PromQL that is valid and not understood here. */
export function parseExpression(query: string): Expression {
  if (query.length > MAX_QUERY_CHARACTERS) throw notUnderstood('The query is too long', query.slice(0, 50));
  if (query.trim() === '') throw notUnderstood('The query is empty', query);
  const openings =
    query
      .replaceAll(QUOTED, '')
      .replaceAll(/\{[^{}]*\}/g, '')
      .match(OPENINGS)?.length ?? 0;
  if (openings > MAX_OPENINGS)
    throw notUnderstood(`The query has more than ${MAX_OPENINGS} operators and parentheses`, query.slice(0, 50));
  const tree = parser.parse(query);
  tree.iterate({
    enter: (node) => {
      if (node.type.isError)
        throw notUnderstood(
          `The query is not PromQL at character ${node.from + 1}`,
          query.slice(Math.max(0, node.from - 20), node.to + 20),
        );
    },
  });
  const top = tree.topNode.firstChild;
  if (top === null) throw notUnderstood('The query is empty', query);
  return new Reader(query).read(top, 0);
}

/** `5m`, `1h30m`, or a number of seconds; null where it is neither. */
export function durationOf(text: string): DurationMs | null {
  if (/^\d+(\.\d+)?$/.test(text)) return Math.round(Number(text) * 1000);
  const parts = [...text.matchAll(/(\d+)(ms|s|m|h|d|w|y)/g)];
  if (parts.length === 0 || parts.map(([whole]) => whole).join('') !== text) return null;
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNITS_MS[unit ?? ''] ?? 0), 0);
}

class Reader {
  readonly #query: string;

  constructor(query: string) {
    this.#query = query;
  }

  read(node: SyntaxNode, depth: number): Expression {
    if (depth > MAX_DEPTH) throw notUnderstood('The query is nested too deep', this.#text(node));
    const below = (child: SyntaxNode): Expression => this.read(child, depth + 1);
    switch (node.name) {
      case 'ParenExpr':
        return below(this.#only(node));
      case 'NumberDurationLiteral':
        return { kind: 'number', value: this.#number(node) };
      case 'StringLiteral':
        return { kind: 'text', value: this.#string(node) };
      case 'UnaryExpr':
        return this.#unary(node, below);
      case 'VectorSelector':
      case 'MatrixSelector':
      case 'OffsetExpr':
        return this.#selector(node);
      case 'FunctionCall':
        return this.#call(node, below);
      case 'AggregateExpr':
        return this.#aggregation(node, below);
      case 'BinaryExpr':
        return this.#binary(node, below);
      default:
        throw notUnderstood(`${node.name} is not understood here`, this.#text(node));
    }
  }

  #unary(node: SyntaxNode, below: (child: SyntaxNode) => Expression): Expression {
    const [sign, operand] = children(node);
    if (sign === undefined || operand === undefined) throw notUnderstood('A sign stands alone', this.#text(node));
    return this.#text(sign) === '-' ? { kind: 'negation', operand: below(operand) } : below(operand);
  }

  #selector(node: SyntaxNode): Selector {
    if (node.name === 'OffsetExpr') {
      const inner = this.#only(node);
      const sign = node.getChild('Sub') === null ? 1 : -1;
      const offset = node.getChild('OffsetDurationExpr');
      const selector = this.read(inner, 1);
      // The grammar takes a - b offset 5m for (a - b) offset 5m, whatever follows: which operand is meant has to be said.
      if (selector.kind !== 'selector' || selector.offsetMs !== 0 || offset === null)
        throw notUnderstood('An offset belongs to one selector: put both in parentheses', this.#text(node));
      return { ...selector, offsetMs: sign * this.#duration(offset) };
    }
    if (node.name === 'MatrixSelector') {
      const range = node.getChild('DurationExpr');
      if (range === null) throw notUnderstood('A range has no length', this.#text(node));
      const rangeMs = this.#duration(range);
      if (rangeMs < 1) throw notUnderstood('A range must be longer than 0', this.#text(node));
      return { ...this.#selector(this.#only(node)), rangeMs };
    }
    const matchers: Matcher[] = [];
    const name = node.getChild('Identifier');
    if (name !== null) matchers.push({ label: '__name__', operator: '=', value: this.#text(name) });
    for (const matcher of node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? [])
      matchers.push(this.#matcher(matcher));
    const quoted =
      node.getChild('LabelMatchers')?.getChild('QuotedLabelMatcher') ??
      node.getChild('LabelMatchers')?.getChild('QuotedLabelName');
    if (quoted != null) throw notUnderstood('Quoted label names are not understood here', this.#text(quoted));
    return { kind: 'selector', matchers, offsetMs: 0, rangeMs: null };
  }

  #matcher(node: SyntaxNode): Matcher {
    const [label, operator, value] = children(node);
    if (label === undefined || operator === undefined || value === undefined)
      throw notUnderstood('A matcher is not whole', this.#text(node));
    const sign = this.#text(operator);
    if (sign !== '=' && sign !== '!=' && sign !== '=~' && sign !== '!~')
      throw notUnderstood('A matcher has an operator that does not exist', this.#text(node));
    const content = this.#string(value);
    // Refused now, not when the first series is held against it.
    if (sign.endsWith('~')) void new RegularExpression(content);
    return { label: this.#text(label), operator: sign, value: content };
  }

  #call(node: SyntaxNode, below: (child: SyntaxNode) => Expression): Expression {
    const name = node.getChild('FunctionIdentifier');
    const body = node.getChild('FunctionCallBody');
    return {
      kind: 'call',
      name: name === null ? '' : this.#text(name),
      arguments: body === null ? [] : children(body).map(below),
    };
  }

  #aggregation(node: SyntaxNode, below: (child: SyntaxNode) => Expression): Expression {
    const operator = node.getChild('AggregateOp');
    const body = node.getChild('FunctionCallBody');
    const name = AGGREGATIONS.find((one) => operator !== null && one === this.#text(operator));
    const given = body === null ? [] : children(body).map(below);
    if (name === undefined) throw notUnderstood('This aggregation is not understood here', this.#text(node));
    const operand = given.at(-1);
    const parameters = ['topk', 'bottomk', 'quantile'].includes(name) ? 1 : 0;
    if (operand === undefined || given.length !== parameters + 1)
      throw notUnderstood(`${name} takes ${parameters + 1} arguments`, this.#text(node));
    const modifier = node.getChild('AggregateModifier');
    const labels = modifier?.getChild('GroupingLabels') ?? null;
    const names = labels === null ? [] : this.#labels(labels);
    return {
      kind: 'aggregation',
      name,
      parameter: parameters === 1 ? (given[0] ?? null) : null,
      operand,
      by: modifier?.getChild('By') == null ? null : names,
      without: modifier?.getChild('Without') == null ? null : names,
    };
  }

  #binary(node: SyntaxNode, below: (child: SyntaxNode) => Expression): Expression {
    const all = children(node);
    const [left, right] = [all[0], all.at(-1)];
    const operator = OPERATORS.find((one) => all[1] !== undefined && one === this.#text(all[1]).toLowerCase());
    if (left === undefined || right === undefined || operator === undefined)
      throw notUnderstood('This operator is not understood here', this.#text(node));
    const first = below(left);
    // The grammar takes the sign of -2 ^ 2 for the number's; it belongs to the power.
    const signed = operator === '^' && first.kind === 'number' && this.#text(left).startsWith('-');
    const binary: Expression = {
      kind: 'binary',
      operator,
      bool: node.getChild('BoolModifier') !== null,
      matching: this.#matching(node.getChild('MatchingModifierClause')),
      left: signed ? { kind: 'number', value: -first.value } : first,
      right: below(right),
    };
    return signed ? { kind: 'negation', operand: binary } : binary;
  }

  #matching(node: SyntaxNode | null): Matching {
    if (node === null) return { on: null, ignoring: [], group: null, include: [] };
    const [first, second] = node.getChildren('GroupingLabels').map((labels) => this.#labels(labels));
    const group = node.getChild('GroupLeft') !== null ? 'left' : node.getChild('GroupRight') !== null ? 'right' : null;
    const on = node.getChild('On') !== null;
    return { on: on ? (first ?? []) : null, ignoring: on ? [] : (first ?? []), group, include: second ?? [] };
  }

  #labels(node: SyntaxNode): string[] {
    return node.getChildren('LabelName').map((label) => this.#text(label));
  }

  #only(node: SyntaxNode): SyntaxNode {
    const child = node.firstChild;
    if (child === null) throw notUnderstood('Something is empty', this.#text(node));
    return child;
  }

  #number(node: SyntaxNode): number {
    const text = this.#text(node).toLowerCase();
    if (text === 'inf' || text === '+inf') return Number.POSITIVE_INFINITY;
    const value = text === 'nan' ? Number.NaN : Number(text);
    if (text === 'nan' || !Number.isNaN(value)) return value;
    const ms = durationOf(text);
    if (ms === null) throw notUnderstood('A number is none', text);
    return ms / 1000;
  }

  #duration(node: SyntaxNode): DurationMs {
    const ms = durationOf(this.#text(node));
    if (ms === null) throw notUnderstood('A length of time is not understood', this.#text(node));
    return ms;
  }

  /** In double or single quotes with the escapes of Go, or in backticks as it stands. */
  #string(node: SyntaxNode): string {
    const text = this.#text(node);
    const inner = text.slice(1, -1);
    if (text.startsWith('`')) return inner;
    return inner.replaceAll(/\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)/gs, (_, escape: string) => {
      if (escape.length > 1) return String.fromCodePoint(Number.parseInt(escape.slice(1), 16));
      return { n: '\n', r: '\r', t: '\t', a: '\u0007', b: '\b', f: '\f', v: '\v' }[escape] ?? escape;
    });
  }

  #text(node: SyntaxNode): string {
    return this.#query.slice(node.from, node.to);
  }
}

function children(node: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) found.push(child);
  return found;
}
