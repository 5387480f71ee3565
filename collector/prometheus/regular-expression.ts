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
/** Of one query, over all texts that its expressions are held against: about a second in which nobody else has a turn. */
const MAX_STEPS = 10_000_000;

/** What the expressions of one query may cost together. */
export class StepBudget {
  #left: number;

  constructor(steps = MAX_STEPS) {
    this.#left = steps;
  }

  /** Throws query_too_large. */
  spend(steps: number): void {
    this.#left -= steps;
    if (this.#left < 0)
      throw new WeirError('query_too_large', 'The query is too large: its regular expressions take too many steps.');
  }
}

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
  readonly #budget: StepBudget;

  /** Throws invalid_request where it is none, or one beyond the subset or the bound. Matches whole texts, as Prometheus does. */
  constructor(pattern: string, budget = new StepBudget()) {
    this.#budget = budget;
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

  /** Of the whole text; null where it does not match. Throws query_too_large once the budget is spent. */
  find(text: string): Found | null {
    const slots = run(this.#program, Array.from(text), (this.#groups + 1) * 2, this.#budget);
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
function run(
  program: readonly Instruction[],
  text: readonly string[],
  slots: number,
  budget: StepBudget,
): readonly number[] | null {
  const closure = new Closure(program, text, budget);
  let threads: Thread[] = [];
  const begin = Array.from({ length: slots }, () => -1);
  closure.add(threads, { at: 0, slots: begin }, 0);
  for (let place = 0; place < text.length; place += 1) {
    const next: Thread[] = [];
    const character = text[place] ?? '';
    closure.begin();
    for (const thread of threads) {
      const instruction = program[thread.at];
      if (instruction?.kind === 'character' && instruction.test(character))
        closure.add(next, { at: thread.at + 1, slots: thread.slots }, place + 1);
    }
    threads = next;
    if (threads.length === 0) return null;
  }
  return threads.find((thread) => program[thread.at]?.kind === 'match')?.slots ?? null;
}

/** Follows what takes no character; at one place of the text each instruction once, the preferred way first. */
class Closure {
  readonly #program: readonly Instruction[];
  readonly #text: readonly string[];
  readonly #budget: StepBudget;
  /** At which turn an instruction was met last. */
  readonly #met: Uint32Array;
  #turn = 1;

  constructor(program: readonly Instruction[], text: readonly string[], budget: StepBudget) {
    this.#program = program;
    this.#text = text;
    this.#budget = budget;
    this.#met = new Uint32Array(program.length);
  }

  /** At the next place all may be met again. */
  begin(): void {
    this.#turn += 1;
  }

  add(threads: Thread[], first: Thread, place: number): void {
    const waiting: Thread[] = [first];
    let steps = 0;
    for (let thread = waiting.pop(); thread !== undefined; thread = waiting.pop()) {
      steps += 1;
      const { at, slots } = thread;
      if (this.#met[at] === this.#turn) continue;
      this.#met[at] = this.#turn;
      const instruction = this.#program[at];
      if (instruction === undefined) continue;
      if (instruction.kind === 'jump') waiting.push({ at: instruction.to, slots });
      else if (instruction.kind === 'split')
        waiting.push({ at: instruction.second, slots }, { at: instruction.first, slots });
      else if (instruction.kind === 'save') {
        // A copy of all groups.
        steps += Math.ceil(slots.length / SLOTS_A_STEP);
        waiting.push({ at: at + 1, slots: slots.with(instruction.slot, place) });
      } else if (instruction.kind === 'assert') {
        if (holds(instruction.what, this.#text, place)) waiting.push({ at: at + 1, slots });
      } else threads.push(thread);
    }
    this.#budget.spend(steps);
  }
}

const SLOTS_A_STEP = 16;

function holds(what: 'start' | 'end' | 'word' | 'notWord', text: readonly string[], place: number): boolean {
  if (what === 'start') return place === 0;
  if (what === 'end') return place === text.length;
  const word = (character: string | undefined): boolean => character !== undefined && /^\w$/.test(character);
  return (word(text[place - 1]) !== word(text[place])) === (what === 'word');
}
