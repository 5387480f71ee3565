// Text as it is drawn from left to right: Arabic letters in the forms in which they join, and words written from the right turned around.

/** Isolated, final, initial, medial: as many of them as the letter has, by Unicode's order of its presentation forms. */
const FORMS = presentationForms();
const LAM = 0x0644;
/** The isolated ligature of lam with each alef; the final one follows it. */
const LAM_ALEF: ReadonlyMap<number, number> = new Map([
  [0x0622, 0xfef5],
  [0x0623, 0xfef7],
  [0x0625, 0xfef9],
  [0x0627, 0xfefb],
]);
const TATWEEL = 0x0640;
const MIRRORED: Readonly<Record<string, string>> = { '(': ')', ')': '(', '[': ']', ']': '[', '<': '>', '>': '<' };
const FROM_RIGHT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/u;
const FROM_LEFT = /\p{L}|\p{N}/u;
const MARK = /\p{M}/u;

export function visualText(text: string): string {
  if (!FROM_RIGHT.test(text)) return text;
  const letters = joined(Array.from(text));
  const first = letters.find((letter) => FROM_RIGHT.test(letter) || FROM_LEFT.test(letter)) ?? '';
  const startsRight = FROM_RIGHT.test(first);
  const runs = runsOf(letters, startsRight);
  const ordered = startsRight ? runs.toReversed() : runs;
  return ordered.map((run) => (run.fromRight ? turned(run.letters) : run.letters).join('')).join('');
}

/** What a drawn letter says, for who searches or copies. */
export function saidBy(letter: string): string {
  return letter.normalize('NFKC');
}

interface Run {
  readonly fromRight: boolean;
  readonly letters: string[];
}

/** Spaces and signs between letters of one direction belong to it; those between two directions go in that of the whole text. */
function runsOf(letters: readonly string[], startsRight: boolean): Run[] {
  const runs: Run[] = [];
  let waiting: string[] = [];
  for (const letter of letters) {
    const fromRight = FROM_RIGHT.test(letter);
    if (!fromRight && !FROM_LEFT.test(letter)) {
      waiting.push(letter);
      continue;
    }
    const last = runs.at(-1);
    if (last?.fromRight === fromRight) last.letters.push(...waiting, letter);
    else if (last?.fromRight === startsRight) {
      last.letters.push(...waiting);
      runs.push({ fromRight, letters: [letter] });
    } else runs.push({ fromRight, letters: [...waiting, letter] });
    waiting = [];
  }
  runs.at(-1)?.letters.push(...waiting);
  return runs;
}

/** A mark stays behind the letter that carries it. */
function turned(letters: readonly string[]): string[] {
  const groups: string[] = [];
  for (const letter of letters) {
    if (MARK.test(letter) && groups.length > 0) groups[groups.length - 1] = `${groups.at(-1) ?? ''}${letter}`;
    else groups.push(MIRRORED[letter] ?? letter);
  }
  return groups.toReversed();
}

function joined(letters: readonly string[]): string[] {
  const result: string[] = [];
  let joins = false;
  for (let at = 0; at < letters.length; at += 1) {
    const letter = letters[at] ?? '';
    const code = letter.codePointAt(0) ?? 0;
    if (MARK.test(letter)) {
      result.push(letter);
      continue;
    }
    const after = nextLetter(letters, at);
    const ligature = code === LAM ? LAM_ALEF.get(after.code) : undefined;
    if (ligature !== undefined && after.at === at + 1) {
      result.push(String.fromCodePoint(ligature + (joins ? 1 : 0)));
      joins = false;
      at = after.at;
      continue;
    }
    const forms = FORMS.get(code) ?? [];
    const joinsNext = (forms.length === 4 || code === TATWEEL) && joinsBefore(after.code);
    const form = forms[joins && forms.length > 1 ? (joinsNext ? 3 : 1) : joinsNext ? 2 : 0];
    result.push(form === undefined ? letter : String.fromCodePoint(form));
    joins = joinsNext;
  }
  return result;
}

function nextLetter(letters: readonly string[], at: number): { code: number; at: number } {
  let next = at + 1;
  while (MARK.test(letters[next] ?? '')) next += 1;
  return { code: letters[next]?.codePointAt(0) ?? 0, at: next };
}

function joinsBefore(code: number): boolean {
  return code === TATWEEL || (FORMS.get(code)?.length ?? 0) > 1;
}

function presentationForms(): Map<number, number[]> {
  const forms = new Map<number, number[]>();
  const blocks = [
    [0xfb50, 0xfbe7],
    [0xfbfc, 0xfbff],
    [0xfe80, 0xfef4],
  ] as const;
  for (const [first, last] of blocks)
    for (let code = first; code <= last; code += 1) {
      const letter = Array.from(String.fromCodePoint(code).normalize('NFKC'));
      const base = letter[0]?.codePointAt(0) ?? 0;
      if (letter.length === 1 && base !== code) forms.set(base, [...(forms.get(base) ?? []), code]);
    }
  return forms;
}
