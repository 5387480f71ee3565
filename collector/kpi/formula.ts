// The language of KPI formulas: small and closed, so that each can be checked before it is asked and shown with its working.
import { WeirError } from '../../common/runtime/errors.ts';

export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=';
export interface Condition {
  readonly metric: string;
  readonly comparison: Comparison;
  readonly bound: number;
}
export interface Term {
  readonly combine: 'one' | 'max' | 'min' | 'sum';
  readonly metrics: readonly string[];
}

export type Formula =
  /** Known time in which the condition holds, by known time (in which `while` holds). */
  | { readonly kind: 'share'; readonly condition: Condition; readonly while: Condition | null }
  | { readonly kind: 'statistic'; readonly statistic: 'avg' | 'min' | 'max' | 'p95' | 'p99'; readonly term: Term }
  /** What counters moved, exactly, by what others moved. */
  | { readonly kind: 'ratio'; readonly above: readonly string[]; readonly below: readonly string[] }
  | { readonly kind: 'mean_time'; readonly of: 'repair' | 'between_failures'; readonly alarms: readonly string[] };

interface Token {
  readonly text: string;
  readonly at: number;
}

const TOKEN = /\s*(?:([a-z][a-z0-9_.-]*)|(-?\d+(?:\.\d+)?)|(==|!=|<=|>=|<|>)|([(),]))/gy;
const MAX_LENGTH = 500;
const STATISTICS = ['avg', 'min', 'max', 'p95', 'p99'] as const;

/** Throws kpi_invalid with the column of what is wrong. */
export function parseFormula(text: string): Formula {
  return new Parser(text).formula();
}

/** Names of metrics that a formula asks the store for. */
export function metricsOf(formula: Formula): readonly string[] {
  switch (formula.kind) {
    case 'share':
      return [formula.condition, ...(formula.while === null ? [] : [formula.while])].map(({ metric }) => metric);
    case 'statistic':
      return formula.term.metrics;
    case 'ratio':
      return [...formula.above, ...formula.below];
    case 'mean_time':
      return [];
  }
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #length: number;
  #next = 0;

  constructor(text: string) {
    if (text.length > MAX_LENGTH) throw wrong(`a formula has at most ${MAX_LENGTH} characters`, MAX_LENGTH);
    this.#length = text.trimEnd().length;
    this.#tokens = tokensOf(text.trimEnd());
  }

  formula(): Formula {
    const name = this.#name('share, avg, min, max, p95, p99, ratio or mean_time');
    this.#expect('(');
    const found = this.#body(name);
    this.#expect(')');
    const rest = this.#tokens[this.#next];
    if (rest !== undefined) throw wrong(`nothing after the formula, found ${rest.text}`, rest.at);
    return found;
  }

  #body(name: Token): Formula {
    const statistic = STATISTICS.find((one) => one === name.text);
    if (statistic !== undefined) return { kind: 'statistic', statistic, term: this.#term() };
    switch (name.text) {
      case 'share': {
        const condition = this.#condition();
        if (!this.#has(',')) return { kind: 'share', condition, while: null };
        this.#expect('while');
        return { kind: 'share', condition, while: this.#condition() };
      }
      case 'ratio': {
        const above = this.#deltas();
        this.#expect(',');
        return { kind: 'ratio', above, below: this.#deltas() };
      }
      case 'mean_time': {
        const of = this.#name('repair or between_failures');
        if (of.text !== 'repair' && of.text !== 'between_failures')
          throw wrong(`repair or between_failures, found ${of.text}`, of.at);
        this.#expect(',');
        this.#expect('alarm');
        return { kind: 'mean_time', of: of.text, alarms: this.#list(() => this.#name('a type of alarm').text) };
      }
      default:
        throw wrong(`share, avg, min, max, p95, p99, ratio or mean_time, found ${name.text}`, name.at);
    }
  }

  #term(): Term {
    const name = this.#name('a metric, or max, min or sum of metrics');
    if (!this.#has('(')) return { combine: 'one', metrics: [name.text] };
    const { text } = name;
    if (text !== 'max' && text !== 'min' && text !== 'sum') throw wrong(`max, min or sum, found ${text}`, name.at);
    const metrics = this.#list(() => this.#name('a metric').text);
    this.#expect(')');
    return { combine: text, metrics };
  }

  #condition(): Condition {
    const metric = this.#name('a metric').text;
    const comparison = this.#take('a comparison');
    const bound = this.#take('a number');
    if (!/^[=!<>]/.test(comparison.text))
      throw wrong(`a comparison such as ==, found ${comparison.text}`, comparison.at);
    if (!/^-?\d/.test(bound.text)) throw wrong(`a number, found ${bound.text}`, bound.at);
    return { metric, comparison: comparison.text as Comparison, bound: Number(bound.text) };
  }

  #deltas(): readonly string[] {
    this.#expect('sum');
    this.#expect('(');
    const metrics = this.#list(() => {
      this.#expect('delta');
      return this.#name('a counter').text;
    });
    this.#expect(')');
    return metrics;
  }

  #list<Item>(item: () => Item): readonly Item[] {
    const items = [item()];
    while (this.#has(',')) items.push(item());
    return items;
  }

  #name(what: string): Token {
    const token = this.#take(what);
    if (/^[a-z]/.test(token.text)) return token;
    throw wrong(`${what}, found ${token.text}`, token.at);
  }

  #has(text: string): boolean {
    if (this.#tokens[this.#next]?.text !== text) return false;
    this.#next += 1;
    return true;
  }

  #expect(text: string): void {
    const token = this.#take(text);
    if (token.text !== text) throw wrong(`${text}, found ${token.text}`, token.at);
  }

  #take(what: string): Token {
    const token = this.#tokens[this.#next];
    if (token === undefined) throw wrong(`${what}, found the end`, this.#length);
    this.#next += 1;
    return token;
  }
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  const pattern = new RegExp(TOKEN);
  while (pattern.lastIndex < text.length) {
    const at = pattern.lastIndex;
    const blanks = /^\s*/.exec(text.slice(at))?.[0].length ?? 0;
    const found = pattern.exec(text);
    if (found === null) throw wrong('a name, a number, a comparison, a bracket or a comma', at + blanks);
    const token = found[1] ?? found[2] ?? found[3] ?? found[4] ?? '';
    tokens.push({ text: token, at: pattern.lastIndex - token.length });
  }
  return tokens;
}

function wrong(expected: string, at: number): WeirError {
  return new WeirError('kpi_invalid', `Column ${at + 1} of the formula: expected ${expected}.`, {
    column: at + 1,
    expected,
  });
}
