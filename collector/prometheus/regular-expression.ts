// Regular expressions of strangers in time linear in their text: a subset of RE2 (https://github.com/google/re2/wiki/Syntax), run by Pike's machine.
import { WeirError } from '../../common/runtime/errors.ts';
import { type Node, parseExpression, type Test } from './regular-expression-syntax.ts';

type Instruction =
  | { readonly kind: 'character'; readonly test: Test }
  | { kind: 'split'; first: number; second: number }
  | { kind: 'jump'; to: number }
  | { readonly kind: 'save'; readonly slot: number }
  | { readonly kind: 'assert'; readonly what: 'start' | 'end' | 'word' | 'notWord' }
  | { readonly kind: 'match' };

/** Steps of the machine are the instructions times the characters. */
const MAX_INSTRUCTIONS = 2000;

/** Groups by number, 0 is the whole; undefined where a group took no part. Named groups by name too. */
export interface Found {
  readonly groups: readonly (string | undefined)[];
  readonly named: ReadonlyMap<string, string | undefined>;
}

export class RegularExpression {
  readonly #program: readonly Instruction[];
  readonly #groups: number;
  readonly #names: ReadonlyMap<string, number>;
  readonly #literal: string | null;
  readonly #answers = new Map<string, boolean>();

  /** Throws invalid_request where it is none, or one beyond the subset or the bound. Matches whole texts, as Prometheus does. */
  constructor(pattern: string) {
    this.#literal = /^[\w /:=,;@#%&~<>!"'-]*$/.test(pattern) ? pattern : null;
    const { node, groups, names } = parseExpression(pattern);
    this.#groups = groups;
    this.#names = names;
    const program: Instruction[] = [];
    compile(node, program);
    program.push({ kind: 'match' });
    this.#program = program;
  }

  matches(text: string): boolean {
    if (this.#literal !== null) return text === this.#literal;
    const known = this.#answers.get(text);
    if (known !== undefined) return known;
    const answer = this.find(text) !== null;
    if (this.#answers.size < MAX_ANSWERS) this.#answers.set(text, answer);
    return answer;
  }

  /** Of the whole text; null where it does not match. */
  find(text: string): Found | null {
    const slots = run(this.#program, Array.from(text), (this.#groups + 1) * 2);
    if (slots === null) return null;
    const characters = Array.from(text);
    const groups: (string | undefined)[] = [text];
    for (let group = 1; group <= this.#groups; group += 1) {
      const [from, to] = [slots[group * 2] ?? -1, slots[group * 2 + 1] ?? -1];
      groups.push(from < 0 || to < 0 ? undefined : characters.slice(from, to).join(''));
    }
    return { groups, named: new Map([...this.#names].map(([name, group]) => [name, groups[group]])) };
  }
}

const MAX_ANSWERS = 10_000;

function compile(node: Node, program: Instruction[]): void {
  if (program.length > MAX_INSTRUCTIONS)
    throw new WeirError('invalid_request', 'The regular expression is larger than what is taken.', {
      most: MAX_INSTRUCTIONS,
    });
  switch (node.kind) {
    case 'empty':
      return;
    case 'character':
      program.push({ kind: 'character', test: node.test });
      return;
    case 'assert':
      program.push({ kind: 'assert', what: node.what });
      return;
    case 'group':
      program.push({ kind: 'save', slot: node.number * 2 });
      compile(node.node, program);
      program.push({ kind: 'save', slot: node.number * 2 + 1 });
      return;
    case 'sequence':
      for (const part of node.parts) compile(part, program);
      return;
    case 'either':
      compileEither(node.parts, program);
      return;
    case 'repeat':
      compileRepeat(node, program);
  }
}

function compileEither(parts: readonly Node[], program: Instruction[]): void {
  const jumps: { kind: 'jump'; to: number }[] = [];
  parts.forEach((part, at) => {
    if (at === parts.length - 1) return compile(part, program);
    const split: Instruction = { kind: 'split', first: program.length + 1, second: 0 };
    program.push(split);
    compile(part, program);
    const jump = { kind: 'jump' as const, to: 0 };
    program.push(jump);
    jumps.push(jump);
    split.second = program.length;
  });
  for (const jump of jumps) jump.to = program.length;
}

function compileRepeat(node: Extract<Node, { kind: 'repeat' }>, program: Instruction[]): void {
  const { least, most, greedy } = node;
  for (let count = 0; count < least; count += 1) compile(node.node, program);
  const open = (): Extract<Instruction, { kind: 'split' }> => {
    const split = { kind: 'split' as const, first: program.length + 1, second: program.length + 1 };
    program.push(split);
    return split;
  };
  const leave = (split: Extract<Instruction, { kind: 'split' }>): void => {
    if (greedy) split.second = program.length;
    else split.first = program.length;
  };
  if (most === null) {
    const split = open();
    compile(node.node, program);
    program.push({ kind: 'jump', to: program.indexOf(split) });
    leave(split);
    return;
  }
  const splits: Extract<Instruction, { kind: 'split' }>[] = [];
  for (let count = least; count < most; count += 1) {
    splits.push(open());
    compile(node.node, program);
  }
  for (const split of splits) leave(split);
}

interface Thread {
  readonly at: number;
  readonly slots: readonly number[];
}

/** The slots of the first way that takes the whole text; null where none does. */
function run(program: readonly Instruction[], text: readonly string[], slots: number): readonly number[] | null {
  let threads: Thread[] = [];
  const begin = Array.from({ length: slots }, () => -1);
  add(program, threads, new Set(), { at: 0, slots: begin }, text, 0);
  for (let place = 0; place < text.length; place += 1) {
    const next: Thread[] = [];
    const seen = new Set<number>();
    const character = text[place] ?? '';
    for (const thread of threads) {
      const instruction = program[thread.at];
      if (instruction?.kind === 'character' && instruction.test(character))
        add(program, next, seen, { at: thread.at + 1, slots: thread.slots }, text, place + 1);
    }
    threads = next;
    if (threads.length === 0) return null;
  }
  return threads.find((thread) => program[thread.at]?.kind === 'match')?.slots ?? null;
}

/** Follows what takes no character; each instruction once, the preferred way first. */
function add(
  program: readonly Instruction[],
  threads: Thread[],
  seen: Set<number>,
  first: Thread,
  text: readonly string[],
  place: number,
): void {
  const waiting: Thread[] = [first];
  for (let thread = waiting.pop(); thread !== undefined; thread = waiting.pop()) {
    if (seen.has(thread.at)) continue;
    seen.add(thread.at);
    const { at, slots } = thread;
    const instruction = program[at];
    if (instruction === undefined) continue;
    if (instruction.kind === 'jump') waiting.push({ at: instruction.to, slots });
    else if (instruction.kind === 'split')
      waiting.push({ at: instruction.second, slots }, { at: instruction.first, slots });
    else if (instruction.kind === 'save') waiting.push({ at: at + 1, slots: slots.with(instruction.slot, place) });
    else if (instruction.kind === 'assert') {
      if (holds(instruction.what, text, place)) waiting.push({ at: at + 1, slots });
    } else threads.push(thread);
  }
}

function holds(what: 'start' | 'end' | 'word' | 'notWord', text: readonly string[], place: number): boolean {
  if (what === 'start') return place === 0;
  if (what === 'end') return place === text.length;
  const word = (character: string | undefined): boolean => character !== undefined && /^\w$/.test(character);
  return (word(text[place - 1]) !== word(text[place])) === (what === 'word');
}
