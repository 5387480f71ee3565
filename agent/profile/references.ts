// Finds the cells that a rule of a profile speaks of and that it does not read: a misspelt name would otherwise be a sensor that never comes.
import type { NumberExpression, Rule, TextExpression } from './schema.ts';

export interface UnknownCell {
  readonly path: readonly (string | number)[];
  readonly cell: string;
}

type Path = readonly (string | number)[];

/** Where the names of cells stand in a rule beside its own columns. */
const FACTS = ['sysDescr', 'sysObjectID', 'sysName'];
const INDEX = /^index(\.\d+)?$/;
const STEP_CELLS = ['column', 'multiply_by', 'scale', 'precision'] as const;
const STEP_LISTS = ['plus', 'minus'] as const;

/** `system`: whether the facts of the system group are cells too. */
export function unknownCells(rule: Rule & Readonly<Record<string, unknown>>, system: boolean): UnknownCell[] {
  const known = new Set([...Object.keys(rule.columns), ...Object.keys(rule.scalars), ...Object.keys(rule.lookups)]);
  if (system) for (const fact of FACTS) known.add(fact);
  const found: UnknownCell[] = [];
  const look = (cell: string, path: Path): void => {
    if (!known.has(cell) && !INDEX.test(cell)) found.push({ path, cell });
  };
  const template = (text: string, path: Path): void => {
    for (const match of text.matchAll(/\{([^}]+)\}/g)) look(match[1] ?? '', path);
  };
  for (const cell of Object.keys(rule.where)) look(cell, ['where', cell]);
  for (const [name, { key }] of Object.entries(rule.lookups)) template(key, ['lookups', name, 'key']);
  for (const [field, value] of Object.entries(rule)) {
    if (!Array.isArray(value)) continue;
    const steps: TextExpression | NumberExpression = value;
    for (const [at, step] of steps.entries()) {
      // In the file a single step stands without a list.
      const path = [field, at];
      if (typeof step === 'string') {
        if (NUMBER_FIELDS.has(field)) look(step, path);
        else template(step, path);
      } else if (typeof step === 'object') lookInStep(step, path, look);
    }
  }
  return found;
}

/** The fields whose texts are names of columns; the texts of all others are templates. */
const NUMBER_FIELDS: ReadonlySet<string> = new Set([
  'usage_percent',
  'total_bytes',
  'used_bytes',
  'free_bytes',
  'used_percent',
  'value',
  'low_limit',
  'high_limit',
]);

type Step = Exclude<(TextExpression | NumberExpression)[number], string | number>;

function lookInStep(step: Step, path: Path, look: (cell: string, path: Path) => void): void {
  const fields: Readonly<Record<string, unknown>> = step;
  for (const field of STEP_CELLS) {
    const cell = fields[field];
    if (typeof cell === 'string') look(cell, [...path, field]);
  }
  for (const field of STEP_LISTS) {
    const cells = fields[field];
    if (Array.isArray(cells)) for (const [at, cell] of cells.entries()) look(String(cell), [...path, field, at]);
  }
  for (const cell of Object.keys(step.when ?? {})) look(cell, [...path, 'when', cell]);
}
