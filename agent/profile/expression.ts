// Evaluates what a profile says of a row: pure functions from cells to numbers and texts.
import type { Condition, Conditions, NumberExpression, TextExpression } from './schema-values.ts';

export type Cell = string | number | null;

/** The cells of one row by name. `index` and its parts (`index.N`, see partOf) always exist. */
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
      if (name.startsWith('index.')) return partOf(parts, name.slice('index.'.length));
      return cells(name);
    },
  };
}

/** `N` a part of the index (from the end where negative), `N+` the parts from there on, `N:M` M parts, `N$` the text whose length stands at N. */
function partOf(parts: readonly string[], wanted: string): string | null {
  const at = Number.parseInt(wanted, 10);
  const from = at < 0 ? parts.length + at : at;
  if (wanted.endsWith('+')) return parts.slice(from).join('.') || null;
  if (wanted.endsWith('$')) return dottedText(parts.slice(from + 1, from + 1 + Number(parts[from])));
  const count = wanted.split(':')[1];
  if (count !== undefined) return parts.slice(from, from + Number(count)).join('.') || null;
  return parts[from] ?? null;
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
  return Object.entries(conditions ?? {}).every(([name, condition]) => holdsOf(condition, row.cell(name)));
}

/** An absent cell meets no condition but `not`, `not_matches` and `present: false`. */
function holdsOf(condition: Condition, cell: Cell): boolean {
  const text = cell === null ? null : String(cell);
  const { above, below, present } = condition;
  if (condition.in !== undefined && (text === null || !condition.in.includes(text))) return false;
  if (condition.not !== undefined && text !== null && condition.not.includes(text)) return false;
  if (condition.matches !== undefined && (text === null || !condition.matches.test(text))) return false;
  if (condition.not_matches !== undefined && text !== null && condition.not_matches.test(text)) return false;
  if (above !== undefined && !(asNumber(cell) > above)) return false;
  if (below !== undefined && !(asNumber(cell) < below)) return false;
  return present === undefined || present === (text !== null && text.trim() !== '');
}

function stepNumber(step: NumberStep, row: Row): number {
  if (!holds(step.when, row)) return Number.NaN;
  let cell = row.cell(step.column);
  if (cell === null || step.absent?.includes(String(cell)) === true) return Number.NaN;
  if (step.pattern !== undefined) cell = firstGroup(step.pattern, String(cell));
  let value = readNumber(step, cell);
  for (const other of step.plus ?? []) value += orZero(row.cell(other));
  for (const other of step.minus ?? []) value -= orZero(row.cell(other));
  if (step.from !== undefined) value = step.from - value;
  if (step.add !== undefined) value += step.add;
  if (step.multiply !== undefined) value *= step.multiply;
  if (step.divide !== undefined) value /= step.divide;
  if (step.multiply_by !== undefined) value *= asNumber(row.cell(step.multiply_by));
  if (step.divide_by !== undefined) value /= asNumber(row.cell(step.divide_by));
  value = scaled(value, step, row);
  if (step.fahrenheit === true) value = (value - 32) / 1.8;
  // No light at all is minus infinity: absent.
  if (step.as_dbm === true) value = 10 * Math.log10(value);
  if (step.within !== undefined && !(value >= step.within[0] && value <= step.within[1])) return Number.NaN;
  return value;
}

function readNumber(step: NumberStep, cell: Cell): number {
  if (step.map !== undefined) return step.map[String(cell)] ?? step.map['*'] ?? Number.NaN;
  let value = asNumber(cell);
  if (step.base !== undefined && cell !== null) {
    const digits = String(cell).replaceAll(/[\s:]|^0x/g, '');
    value = /^[\da-f]+$/i.test(digits) ? Number.parseInt(digits, step.base) : Number.NaN;
  }
  if (step.signed !== undefined && value >= 2 ** (step.signed - 1)) value -= 2 ** step.signed;
  if (step.unsigned !== undefined && value < 0) value += 2 ** step.unsigned;
  return value;
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
  return power < 0 ? value / 10 ** -power : value * 10 ** power;
}

function stepText(step: TextStep, row: Row): string | null {
  if (!holds(step.when, row)) return null;
  const cell = step.text === undefined ? row.cell(step.column ?? '') : filled(step.text, row);
  if (cell === null) return null;
  let text: string | null = formatted(String(cell), step.format);
  if (step.pattern !== undefined) text = matched(step.pattern, text, step.write);
  if (step.map !== undefined && text !== null) text = step.map[text] ?? step.map['*'] ?? null;
  return text;
}

function formatted(text: string, format: TextStep['format']): string {
  if (format === 'text') return hexToText(text);
  if (format === 'mac') return text.split(':').length === MAC_OCTETS ? text : hexToText(text);
  if (format === 'network-address') return networkAddress(text);
  if (format === 'dotted-address') return dottedAddress(text);
  if (format === 'dotted-text') return dottedText(text.split('.')) ?? '';
  return text;
}

function firstGroup(pattern: RegExp, text: string): string | null {
  const match = pattern.exec(text);
  return match === null ? null : (match[1] ?? match[0]);
}

/** The first group of the match, or what is to be written of its groups. */
function matched(pattern: RegExp, text: string, write: string | undefined): string | null {
  if (write === undefined) return firstGroup(pattern, text);
  const match = pattern.exec(text);
  return match === null ? null : write.replaceAll(/\$(\d)/g, (_, group: string) => match[Number(group)] ?? '');
}

/** Many agents send figures as text, some with the unit: `23.5 C`. */
const FIGURE = /^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*[^\d\s]{0,8}\s*$/;

function asNumber(cell: Cell): number {
  if (typeof cell === 'number') return cell;
  return Number(FIGURE.exec(cell ?? '')?.[1] ?? Number.NaN);
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
  if (octets[0] === 2 && octets.length === 17) return addressOf(octets.subarray(1));
  return hex;
}

/** 4 or 16 octets of an index, also behind their number, as an address; anything else as it is. */
function dottedAddress(dotted: string): string {
  const parts = dotted.split('.').map(Number);
  const octets = parts.length === 5 || parts.length === 17 ? parts.slice(1) : parts;
  if (octets.some((octet) => !(octet >= 0 && octet <= 255))) return dotted;
  if (octets.length === 4) return octets.join('.');
  return octets.length === 16 ? addressOf(Buffer.from(octets)) : dotted;
}

function addressOf(octets: Buffer): string {
  return Array.from({ length: 8 }, (_, at) => octets.readUInt16BE(at * 2).toString(16)).join(':');
}

function dottedText(parts: readonly string[]): string | null {
  const octets = parts.map(Number);
  if (octets.length === 0 || octets.some((octet) => !(octet >= 0 && octet <= 255))) return null;
  return Buffer.from(octets).toString('utf8').replaceAll('\0', '');
}
