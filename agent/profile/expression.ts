// Evaluates what a profile says of a row: pure functions from cells to numbers and texts.
import type { Conditions, NumberExpression, TextExpression } from './schema.ts';

export type Cell = string | number | null;

/** The cells of one row by name. `index` and `index.N` (its parts) always exist. */
export interface Row {
  readonly index: string;
  cell(name: string): Cell;
}

type NumberStep = Exclude<NumberExpression[number], number | string>;
type TextStep = Exclude<TextExpression[number], string>;

/** EntitySensorDataScale (RFC 3433): 9 is units, each step a factor of 1,000. */
const SCALE_UNITS = 9;
const MAC_OCTETS = 6;

export function rowOf(index: string, cells: (name: string) => Cell): Row {
  const parts = index.split('.');
  return {
    index,
    cell: (name) => {
      if (name === 'index') return index;
      if (name.startsWith('index.')) return parts.at(Number(name.slice('index.'.length))) ?? null;
      return cells(name);
    },
  };
}

/** The first step that gives a number; NaN where none does. */
export function numberOf(expression: NumberExpression | undefined, row: Row): number {
  for (const step of expression ?? []) {
    if (typeof step === 'number') return step;
    const value = typeof step === 'string' ? asNumber(row.cell(step)) : stepNumber(step, row);
    if (Number.isFinite(value)) return value;
  }
  return Number.NaN;
}

/** The first step that gives text that is not empty; null where none does. */
export function textOf(expression: TextExpression | undefined, row: Row): string | null {
  return textsOf(expression, row)[0] ?? null;
}

/** All steps that give text, in order. */
export function textsOf(expression: TextExpression | undefined, row: Row): string[] {
  return (expression ?? []).flatMap((step) => {
    const text = typeof step === 'string' ? filled(step, row) : stepText(step, row);
    return text === null || text.trim() === '' ? [] : [text.trim()];
  });
}

/** A template with its `{cells}` filled in; null where one of them is absent or empty. */
export function filled(template: string, row: Row): string | null {
  let whole = true;
  const text = template.replaceAll(/\{([^}]+)\}/g, (_, name: string) => {
    const cell = row.cell(name);
    if (cell === null || cell === '') whole = false;
    return String(cell);
  });
  return whole ? text : null;
}

export function holds(conditions: Conditions | undefined, row: Row): boolean {
  return Object.entries(conditions ?? {}).every(([name, condition]) => {
    const cell = row.cell(name);
    if ('in' in condition) return cell !== null && condition.in.includes(String(cell));
    if ('not' in condition) return cell === null || !condition.not.includes(String(cell));
    return cell !== null && condition.matches.test(String(cell));
  });
}

function stepNumber(step: NumberStep, row: Row): number {
  if (!holds(step.when, row)) return Number.NaN;
  let cell = row.cell(step.column);
  if (cell === null || step.absent?.includes(String(cell)) === true) return Number.NaN;
  if (step.pattern !== undefined) cell = firstGroup(step.pattern, String(cell));
  let value = step.map === undefined ? asNumber(cell) : (step.map[String(cell)] ?? Number.NaN);
  for (const other of step.plus ?? []) value += orZero(row.cell(other));
  for (const other of step.minus ?? []) value -= orZero(row.cell(other));
  if (step.from !== undefined) value = step.from - value;
  if (step.multiply !== undefined) value *= step.multiply;
  if (step.divide !== undefined) value /= step.divide;
  if (step.multiply_by !== undefined) value *= asNumber(row.cell(step.multiply_by));
  return scaled(value, step, row);
}

function scaled(value: number, step: NumberStep, row: Row): number {
  let power = 0;
  if (step.scale !== undefined) power += 3 * (asNumber(row.cell(step.scale)) - SCALE_UNITS);
  if (step.precision !== undefined) {
    // Only positive precision moves the point; negative ones tell how many digits to trust.
    const precision = asNumber(row.cell(step.precision));
    if (precision > 0) power -= precision;
  }
  // Dividing by a power of ten is exact where multiplying by its inverse is not: 235 / 10 is 23.5.
  const result = power < 0 ? value / 10 ** -power : value * 10 ** power;
  return step.as_dbm === true ? 10 * Math.log10(result) : result;
}

function stepText(step: TextStep, row: Row): string | null {
  if (!holds(step.when, row)) return null;
  const cell = row.cell(step.column);
  if (cell === null) return null;
  let text: string | null = String(cell);
  if (step.format === 'text') text = hexToText(text);
  if (step.format === 'mac' && text.split(':').length !== MAC_OCTETS) text = hexToText(text);
  if (step.format === 'network-address') text = networkAddress(text);
  if (step.pattern !== undefined) text = firstGroup(step.pattern, text);
  if (step.map !== undefined && text !== null) text = step.map[text] ?? null;
  return text;
}

function firstGroup(pattern: RegExp, text: string): string | null {
  const match = pattern.exec(text);
  return match === null ? null : (match[1] ?? match[0]);
}

function asNumber(cell: Cell): number {
  if (typeof cell === 'number') return cell;
  if (cell === null || cell.trim() === '') return Number.NaN;
  return Number(cell);
}

function orZero(cell: Cell): number {
  const value = asNumber(cell);
  return Number.isNaN(value) ? 0 : value;
}

function hexToText(hex: string): string {
  return Buffer.from(hex.replaceAll(':', ''), 'hex').toString('utf8').replaceAll('\0', '');
}

/** LLDP network address: an IANA family octet (1 IPv4, 2 IPv6), then the address. */
function networkAddress(hex: string): string {
  const octets = Buffer.from(hex.replaceAll(':', ''), 'hex');
  if (octets[0] === 1 && octets.length === 5) return octets.subarray(1).join('.');
  if (octets[0] === 2 && octets.length === 17) {
    return Array.from({ length: 8 }, (_, at) => octets.readUInt16BE(1 + at * 2).toString(16)).join(':');
  }
  return hex;
}
