// The part of PromQL that is understood, as a tree, and the refusal of the rest.
import type { DurationMs } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';

export interface Matcher {
  readonly label: string;
  readonly operator: '=' | '!=' | '=~' | '!~';
  readonly value: string;
}

export interface Selector {
  readonly kind: 'selector';
  readonly matchers: readonly Matcher[];
  readonly offsetMs: DurationMs;
  /** Of a range selector; null for an instant one. */
  readonly rangeMs: DurationMs | null;
}

export const AGGREGATIONS = [
  'sum',
  'avg',
  'min',
  'max',
  'count',
  'group',
  'stddev',
  'quantile',
  'topk',
  'bottomk',
] as const;
export type Aggregation = (typeof AGGREGATIONS)[number];

export const ARITHMETIC = ['+', '-', '*', '/', '%', '^'] as const;
export const COMPARISONS = ['==', '!=', '>', '<', '>=', '<='] as const;
export const SET_OPERATORS = ['and', 'or', 'unless'] as const;
export type Operator = (typeof ARITHMETIC)[number] | (typeof COMPARISONS)[number] | (typeof SET_OPERATORS)[number];

export interface Matching {
  /** null: all labels. */
  readonly on: readonly string[] | null;
  readonly ignoring: readonly string[];
  readonly group: 'left' | 'right' | null;
  /** Labels taken over from the one side. */
  readonly include: readonly string[];
}

export type Expression =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'text'; readonly value: string }
  | Selector
  | { readonly kind: 'negation'; readonly operand: Expression }
  | { readonly kind: 'call'; readonly name: string; readonly arguments: readonly Expression[] }
  | {
      readonly kind: 'aggregation';
      readonly name: Aggregation;
      readonly parameter: Expression | null;
      readonly operand: Expression;
      readonly by: readonly string[] | null;
      readonly without: readonly string[] | null;
    }
  | {
      readonly kind: 'binary';
      readonly operator: Operator;
      readonly bool: boolean;
      readonly matching: Matching;
      readonly left: Expression;
      readonly right: Expression;
    };

/** `what`: the words of the query that are at fault. */
export function notUnderstood(why: string, what: string): WeirError {
  return new WeirError('query_not_understood', `${why}: ${what.slice(0, 200)}`, { what: what.slice(0, 200) });
}

export function tooLarge(why: string): WeirError {
  return new WeirError('query_too_large', `The query is too large: ${why}.`);
}
