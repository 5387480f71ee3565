// Finds the cells that a rule of a profile speaks of and that it does not read: a misspelt name would otherwise be a sensor that never comes.
import type { Rule } from './schema-rules.ts';
import type { NumberExpression, TextExpression } from './schema-values.ts';

export interface UnknownCell {
  readonly path: readonly (string | number)[];
  readonly cell: string;
}

type Path = readonly (string | number)[];
type Look = (cell: string, path: Path) => void;
type Fields = Readonly<Record<string, unknown>>;

const FACTS = ['sysDescr', 'sysObjectID', 'sysName'];
/** The index, a part, the parts from one on, some of them, or the text whose length stands at one. */
const INDEX = /^index(\.-?\d+(\+|\$|:\d+)?)?$/;
/** Where the names of cells stand in a step. */
const STEP_CELLS = ['column', 'multiply_by', 'divide_by', 'scale', 'precision'] as const;
const STEP_LISTS = ['plus', 'minus'] as const;

/** `system`: whether the facts of the system group are cells too. */
export function unknownCells(rule: Rule & Fields, system: boolean): UnknownCell[] {
  const own = [...Object.keys(rule.columns), ...Object.keys(rule.scalars)];
  const known = new Set([...own, ...Object.keys(rule.lookups)]);
  const found: UnknownCell[] = [];
  const look: Look = (cell, path) => {
    // Rows are chosen before the facts are laid beside them.
    const isFact = system && FACTS.includes(cell) && !path.includes('where');
    if (!known.has(cell) && !isFact && !INDEX.test(cell)) found.push({ path, cell });
  };
  const earlier = new Set(own);
  for (const [name, { key }] of Object.entries(rule.lookups)) {
    for (const cell of cellsOf(key)) {
      if (!earlier.has(cell) && !INDEX.test(cell)) found.push({ path: ['lookups', name, 'key'], cell });
    }
    earlier.add(name);
  }
  lookInFields(rule, [], look);
  return found;
}

function lookInFields(fields: Fields, at: Path, look: Look): void {
  for (const [field, value] of Object.entries(fields)) {
    const path = [...at, field];
    if (field === 'where' && typeof value === 'object' && value !== null) {
      for (const cell of Object.keys(value)) look(cell, [...path, cell]);
    }
    if (!Array.isArray(value)) continue;
    for (const [number, entry] of value.entries()) {
      if (field === 'readings') lookInFields(entry as Fields, [...path, number], look);
      else lookInStep(entry as Step, field, [...path, number], look);
    }
  }
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
  'low_warning',
  'high_warning',
  'high_limit',
  'remote_as',
  'local_as',
  'established_seconds',
  'current_amperes',
  'voltage_volts',
  'power_watts',
  'energy_watt_hours',
]);

type Step = (TextExpression | NumberExpression)[number];

function lookInStep(step: Step, field: string, path: Path, look: Look): void {
  if (typeof step === 'number') return;
  if (typeof step === 'string') {
    for (const cell of NUMBER_FIELDS.has(field) ? [step] : cellsOf(step)) look(cell, path);
    return;
  }
  const fields: Fields = step;
  for (const name of STEP_CELLS) {
    const cell = fields[name];
    if (typeof cell === 'string') look(cell, [...path, name]);
  }
  if (typeof fields['text'] === 'string') for (const cell of cellsOf(fields['text'])) look(cell, [...path, 'text']);
  for (const name of STEP_LISTS) {
    const cells = fields[name];
    if (Array.isArray(cells)) for (const [at, cell] of cells.entries()) look(String(cell), [...path, name, at]);
  }
  for (const cell of Object.keys(step.when ?? {})) look(cell, [...path, 'when', cell]);
}

/** The names in the braces of a template. */
function cellsOf(template: string): string[] {
  return [...template.matchAll(/\{([^}]+)\}/g)].map((match) => match[1] ?? '');
}
