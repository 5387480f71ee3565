// Reads a regular expression in the syntax of RE2 as far as it is understood here; everything else is refused by name.
import { WeirError } from '../../common/runtime/errors.ts';

export type Test = (character: string) => boolean;

export type Node =
  | { readonly kind: 'empty' }
  | { readonly kind: 'character'; readonly test: Test }
  | { readonly kind: 'assert'; readonly what: 'start' | 'end' | 'word' | 'notWord' }
  | { readonly kind: 'group'; readonly node: Node; readonly number: number }
  | { readonly kind: 'sequence'; readonly parts: readonly Node[] }
  | { readonly kind: 'either'; readonly parts: readonly Node[] }
  | {
      readonly kind: 'repeat';
      readonly node: Node;
      readonly least: number;
      /** Null: without end. */
      readonly most: number | null;
      readonly greedy: boolean;
    };

export interface ParsedExpression {
  readonly node: Node;
  readonly groups: number;
  readonly names: ReadonlyMap<string, number>;
}

const MAX_PATTERN = 1000;
const MAX_DEPTH = 100;
/** As in RE2. */
const MAX_REPEAT = 1000;

const CLASSES: Readonly<Record<string, RegExp>> = {
  d: /^[0-9]$/,
  D: /^[^0-9]$/su,
  w: /^[0-9A-Za-z_]$/,
  W: /^[^0-9A-Za-z_]$/su,
  s: /^[\t\n\f\r ]$/,
  S: /^[^\t\n\f\r ]$/su,
};
const CONTROLS: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f', v: '\v', a: '\u0007' };

/** Throws invalid_request. */
export function parseExpression(pattern: string): ParsedExpression {
  if (pattern.length > MAX_PATTERN)
    throw new WeirError('invalid_request', `A regular expression has at most ${MAX_PATTERN} characters.`, {
      most: MAX_PATTERN,
    });
  return new Reader(pattern).whole();
}

/** Nothing stays where nothing is: what is repeated then has at least one instruction, and the bound on them holds. */
function sequenceOf(parts: readonly Node[]): Node {
  const full = parts.filter((part) => part.kind !== 'empty');
  const [only] = full;
  if (only === undefined) return { kind: 'empty' };
  return full.length === 1 ? only : { kind: 'sequence', parts: full };
}

class Reader {
  readonly #pattern: string;
  readonly #characters: readonly string[];
  readonly #names = new Map<string, number>();
  #at = 0;
  #groups = 0;
  #depth = 0;
  #fold = false;
  /** As Prometheus sets it: a dot is any character. */
  #dotAll = true;

  constructor(pattern: string) {
    this.#pattern = pattern;
    this.#characters = Array.from(pattern);
  }

  whole(): ParsedExpression {
    const node = this.#either();
    if (this.#at < this.#characters.length) throw this.#wrong('unexpected )');
    return { node, groups: this.#groups, names: this.#names };
  }

  #wrong(what: string): WeirError {
    return new WeirError('invalid_request', `The regular expression ${JSON.stringify(this.#pattern)}: ${what}.`, {
      pattern: this.#pattern,
      at: this.#at,
    });
  }

  #peek(): string | undefined {
    return this.#characters[this.#at];
  }

  #take(): string {
    const character = this.#characters[this.#at];
    if (character === undefined) throw this.#wrong('it ends too early');
    this.#at += 1;
    return character;
  }

  #eat(text: string): boolean {
    const wanted = Array.from(text);
    if (!wanted.every((character, at) => this.#characters[this.#at + at] === character)) return false;
    this.#at += wanted.length;
    return true;
  }

  #either(): Node {
    const parts = [this.#sequence()];
    while (this.#eat('|')) parts.push(this.#sequence());
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : { kind: 'either', parts };
  }

  #sequence(): Node {
    const parts: Node[] = [];
    for (let next = this.#peek(); next !== undefined && next !== '|' && next !== ')'; next = this.#peek())
      parts.push(this.#repeated());
    return sequenceOf(parts);
  }

  #repeated(): Node {
    const node = this.#atom();
    const found = this.#count();
    if (found === null) return node;
    if (node.kind === 'empty') throw this.#wrong('a repetition of nothing');
    const greedy = !this.#eat('?');
    if (this.#count() !== null) throw this.#wrong('a repetition of a repetition');
    return found.most === 0 ? { kind: 'empty' } : { kind: 'repeat', node, ...found, greedy };
  }

  #count(): { readonly least: number; readonly most: number | null } | null {
    if (this.#eat('*')) return { least: 0, most: null };
    if (this.#eat('+')) return { least: 1, most: null };
    if (this.#eat('?')) return { least: 0, most: 1 };
    const match = /^\{(\d{1,5})(,(\d{0,5}))?\}/.exec(this.#characters.slice(this.#at, this.#at + 14).join(''));
    if (match === null) return null;
    this.#at += match[0].length;
    const least = Number(match[1]);
    const most = match[2] === undefined ? least : match[3] === '' || match[3] === undefined ? null : Number(match[3]);
    if (least > MAX_REPEAT || (most !== null && (most > MAX_REPEAT || most < least)))
      throw this.#wrong('a bad count of repetitions');
    return { least, most };
  }

  #atom(): Node {
    const character = this.#take();
    switch (character) {
      case '(':
        return this.#group();
      case '[':
        return { kind: 'character', test: this.#bracket() };
      case '.':
        return { kind: 'character', test: this.#dotAll ? () => true : (one) => one !== '\n' };
      case '^':
        return { kind: 'assert', what: 'start' };
      case '$':
        return { kind: 'assert', what: 'end' };
      case '*':
      case '+':
      case '?':
        throw this.#wrong(`nothing to repeat before ${character}`);
      case '\\':
        return this.#escaped();
      default:
        return { kind: 'character', test: this.#same(character) };
    }
  }

  #same(character: string): Test {
    if (!this.#fold) return (one) => one === character;
    const lower = character.toLowerCase();
    return (one) => one === character || one.toLowerCase() === lower;
  }

  #group(): Node {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw this.#wrong('groups in groups beyond the bound');
    const [fold, dotAll] = [this.#fold, this.#dotAll];
    let number: number | null = null;
    if (this.#eat('?P<') || this.#eat('?<')) {
      const name = this.#until('>');
      if (!/^\w+$/.test(name) || this.#names.has(name)) throw this.#wrong('a bad name of a group');
      number = this.#groups += 1;
      this.#names.set(name, number);
    } else if (this.#eat('?')) {
      if (this.#flags()) return this.#leave(fold, dotAll, true);
    } else number = this.#groups += 1;
    const node = this.#either();
    if (!this.#eat(')')) throw this.#wrong('a group without its )');
    this.#leave(fold, dotAll, false);
    return number === null ? node : { kind: 'group', node, number };
  }

  /** Flags set for the rest stay so until the group around them ends. */
  #leave(fold: boolean, dotAll: boolean, stays: boolean): Node {
    this.#depth -= 1;
    if (!stays) [this.#fold, this.#dotAll] = [fold, dotAll];
    return { kind: 'empty' };
  }

  /** After `(?`: true where it was flags alone. */
  #flags(): boolean {
    let on = true;
    for (;;) {
      const flag = this.#take();
      if (flag === ':') return false;
      if (flag === ')') return true;
      if (flag === '-' && on) on = false;
      else if (flag === 'i') this.#fold = on;
      else if (flag === 's') this.#dotAll = on;
      else throw this.#wrong(`(?${flag} is not understood`);
    }
  }

  #until(end: string): string {
    let text = '';
    for (let one = this.#take(); one !== end; one = this.#take()) text += one;
    return text;
  }

  #escaped(): Node {
    const character = this.#take();
    if (character === 'b') return { kind: 'assert', what: 'word' };
    if (character === 'B') return { kind: 'assert', what: 'notWord' };
    if (character === 'A') return { kind: 'assert', what: 'start' };
    if (character === 'z') return { kind: 'assert', what: 'end' };
    return { kind: 'character', test: this.#classOf(character) ?? this.#same(this.#plain(character)) };
  }

  #classOf(character: string): Test | null {
    const known = Object.hasOwn(CLASSES, character) ? CLASSES[character] : undefined;
    return known === undefined ? null : (one) => known.test(one);
  }

  /** The character that an escape stands for. */
  #plain(character: string): string {
    if (character === 'x') return this.#hexadecimal();
    if (Object.hasOwn(CONTROLS, character)) return CONTROLS[character] ?? character;
    if (/^[0-9A-Za-z]$/.test(character)) throw this.#wrong(`\\${character} is not understood`);
    return character;
  }

  #hexadecimal(): string {
    const digits = this.#eat('{') ? this.#until('}') : this.#take() + this.#take();
    const code = /^[0-9A-Fa-f]{1,6}$/.test(digits) ? Number.parseInt(digits, 16) : Number.NaN;
    if (!(code <= 0x10ffff)) throw this.#wrong('a bad \\x');
    return String.fromCodePoint(code);
  }

  #bracket(): Test {
    const negated = this.#eat('^');
    const tests: Test[] = [];
    for (let first = true; first || this.#peek() !== ']'; first = false) {
      if (this.#eat('[:')) throw this.#wrong('classes such as [:alpha:] are not understood');
      const character = this.#take();
      const known = character === '\\' ? this.#classOf(this.#peek() ?? '') : null;
      if (known !== null) {
        this.#take();
        tests.push(known);
        continue;
      }
      tests.push(this.#range(character === '\\' ? this.#plain(this.#take()) : character));
    }
    this.#take();
    return (one) => tests.some((test) => test(one)) !== negated;
  }

  #range(from: string): Test {
    const next = this.#characters[this.#at + 1];
    if (this.#peek() !== '-' || next === ']' || next === undefined) return this.#same(from);
    this.#take();
    const last = this.#take();
    const to = last === '\\' ? this.#plain(this.#take()) : last;
    const [low, high] = [from.codePointAt(0) ?? 0, to.codePointAt(0) ?? 0];
    if (high < low) throw this.#wrong('a range that goes backwards');
    const inside = (one: string): boolean => {
      const code = one.codePointAt(0) ?? -1;
      return code >= low && code <= high;
    };
    if (!this.#fold) return inside;
    return (one) => inside(one) || inside(one.toLowerCase()) || inside(one.toUpperCase());
  }
}
