// Reads InfluxDB line protocol as its documentation draws it: strict, bounded, line by line, so that one bad line costs no other.
// https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
import type { FieldValue, Point } from '../../common/model/point.ts';
import type { EpochMs } from '../../common/model/time.ts';

/** What one request may hold. */
export const LINE_LIMITS = {
  lines: 100_000,
  lineCharacters: 65_536,
  tags: 64,
  fields: 1000,
  nameCharacters: 256,
} as const;

export const PRECISIONS = ['ns', 'us', 'ms', 's'] as const;
export type Precision = (typeof PRECISIONS)[number];

export interface LineFault {
  /** From 1. */
  readonly line: number;
  readonly why: string;
  /** The beginning of the line. */
  readonly text: string;
}

export interface ReadLines {
  readonly points: readonly Point[];
  /** The first MAX_FAULTS of them. */
  readonly faults: readonly LineFault[];
  readonly refused: number;
}

export const MAX_FAULTS = 10;
const SHOWN_CHARACTERS = 120;
const LINES_A_PIECE = 64;
/** Units of a precision in a millisecond; seconds are the other way round. */
const PER_MS: Readonly<Record<Precision, bigint>> = { ns: 1_000_000n, us: 1000n, ms: 1n, s: 1n };
/** The last instant that a Date holds. */
const LAST_MS = 8.64e15;
const INTEGER = /^-?\d{1,19}i$/;
const UNSIGNED = /^\d{1,20}u$/;
const FLOAT = /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?$/;
const TRUTH: ReadonlyMap<string, boolean> = new Map([
  ...['t', 'T', 'true', 'True', 'TRUE'].map((text) => [text, true] as const),
  ...['f', 'F', 'false', 'False', 'FALSE'].map((text) => [text, false] as const),
]);

/** `receivedAtMs`: the time of lines that have none. `breathe` is called between two pieces of the work. */
export async function readLines(
  text: string,
  precision: Precision,
  receivedAtMs: EpochMs,
  breathe: () => Promise<void>,
): Promise<ReadLines> {
  const points: Point[] = [];
  const faults: LineFault[] = [];
  let [refused, number, at] = [0, 0, 0];
  while (at < text.length) {
    const end = lineEnd(text, at);
    const line = text.slice(at, text[end - 1] === '\r' ? end - 1 : end);
    at = end + 1;
    number += 1;
    if (number % LINES_A_PIECE === 0) await breathe();
    const begun = line.trimStart();
    if (begun === '' || begun.startsWith('#')) continue;
    const found =
      points.length + refused < LINE_LIMITS.lines ? readLine(begun, precision, receivedAtMs) : 'too many lines';
    if (typeof found !== 'string') {
      points.push(found);
      continue;
    }
    refused += 1;
    if (faults.length < MAX_FAULTS) faults.push({ line: number, why: found, text: line.slice(0, SHOWN_CHARACTERS) });
  }
  return { points, faults, refused };
}

/** A line ends at a newline that stands outside of a quoted text. */
function lineEnd(text: string, from: number): number {
  const newline = text.indexOf('\n', from);
  const end = newline === -1 ? text.length : newline;
  if (text.indexOf('"', from) === -1 || text.indexOf('"', from) > end) return end;
  let quoted = false;
  for (let at = from; at < text.length; at += 1) {
    const character = text[at];
    if (character === '\\') at += 1;
    // A quote begins a text only behind the sign of a field; in names it is a character like others.
    else if (character === '"') quoted = !quoted && text[at - 1] === '=';
    else if (character === '\n' && !quoted) return at;
  }
  // A quote that is never closed spoils its own line, not all that follow.
  return quoted ? end : text.length;
}

/** The point, or what is wrong with the line. */
function readLine(line: string, precision: Precision, receivedAtMs: EpochMs): Point | string {
  if (line.length > LINE_LIMITS.lineCharacters) return `it is longer than ${LINE_LIMITS.lineCharacters} characters`;
  const series = readSeries(line);
  if (typeof series === 'string') return series;
  const fields = readFields(line, series.end);
  if (typeof fields === 'string') return fields;
  const atMs = readTime(line.slice(fields.end).trim(), precision, receivedAtMs);
  if (typeof atMs === 'string') return atMs;
  return { measurement: series.measurement, tags: series.tags, fields: fields.fields, atMs };
}

interface Series {
  readonly measurement: string;
  readonly tags: Point['tags'];
  /** Where the fields begin. */
  readonly end: number;
}

function readSeries(line: string): Series | string {
  const name = readName(line, 0, ', ');
  const measurement = unescaped(name.text, ', ');
  if (measurement === '') return 'it has no measurement';
  if (measurement.length > LINE_LIMITS.nameCharacters) return 'its measurement has too long a name';
  const tags = new Map<string, string>();
  let at = name.end;
  while (line[at] === ',') {
    const key = readName(line, at + 1, '=, ');
    if (line[key.end] !== '=') return 'a tag has no value';
    const value = readName(line, key.end + 1, ', ');
    const [tag, content] = [unescaped(key.text, ',= '), unescaped(value.text, ',= ')];
    if (tag === '' || content === '') return 'a tag is empty';
    if (tag.length > LINE_LIMITS.nameCharacters || content.length > LINE_LIMITS.nameCharacters * 4)
      return 'a tag is too long';
    if (tags.has(tag)) return `the tag ${tag} stands twice`;
    tags.set(tag, content);
    if (tags.size > LINE_LIMITS.tags) return `it has more than ${LINE_LIMITS.tags} tags`;
    at = value.end;
  }
  if (line[at] !== ' ') return 'it has no fields';
  while (line[at] === ' ') at += 1;
  return { measurement, tags: [...tags].toSorted(([a], [b]) => (a < b ? -1 : 1)), end: at };
}

function readFields(line: string, from: number): { readonly fields: Point['fields']; readonly end: number } | string {
  const fields = new Map<string, FieldValue>();
  let at = from;
  for (;;) {
    const key = readName(line, at, '=, ');
    const name = unescaped(key.text, ',= ');
    if (line[key.end] !== '=' || name === '') return 'a field has no name or no value';
    if (name.length > LINE_LIMITS.nameCharacters) return 'a field has too long a name';
    const value = line[key.end + 1] === '"' ? readQuoted(line, key.end + 2) : readBare(line, key.end + 1);
    if (value === null) return `the field ${name} has a value that is none`;
    fields.set(name, value.value);
    if (fields.size > LINE_LIMITS.fields) return `it has more than ${LINE_LIMITS.fields} fields`;
    at = value.end;
    if (line[at] !== ',') break;
    at += 1;
  }
  if (at < line.length && line[at] !== ' ') return 'something stands behind a field';
  return { fields: [...fields], end: at };
}

interface FoundValue {
  readonly value: FieldValue;
  readonly end: number;
}

function readQuoted(line: string, from: number): FoundValue | null {
  let value = '';
  for (let at = from; at < line.length; at += 1) {
    const [character, next] = [line[at], line[at + 1]];
    if (character === '"') return { value, end: at + 1 };
    const escapes = character === '\\' && (next === '"' || next === '\\');
    value += escapes ? next : character;
    if (escapes) at += 1;
  }
  return null;
}

function readBare(line: string, from: number): FoundValue | null {
  let end = from;
  while (end < line.length && line[end] !== ',' && line[end] !== ' ') end += 1;
  const text = line.slice(from, end);
  const truth = TRUTH.get(text);
  if (truth !== undefined) return { value: truth, end };
  if (INTEGER.test(text)) return bounded(BigInt(text.slice(0, -1)), -(2n ** 63n), 2n ** 63n, end);
  if (UNSIGNED.test(text)) return bounded(BigInt(text.slice(0, -1)), 0n, 2n ** 64n, end);
  if (!FLOAT.test(text) || !Number.isFinite(Number(text))) return null;
  return { value: Number(text), end };
}

function bounded(value: bigint, least: bigint, above: bigint, end: number): FoundValue | null {
  return value >= least && value < above ? { value, end } : null;
}

/** Up to one of the characters that end a name, those behind a backslash aside. */
function readName(line: string, from: number, ends: string): { readonly text: string; readonly end: number } {
  let at = from;
  while (at < line.length && !ends.includes(line[at] ?? '')) at += line[at] === '\\' ? 2 : 1;
  const end = Math.min(at, line.length);
  return { text: line.slice(from, end), end };
}

/** A backslash before another character is itself. */
function unescaped(text: string, special: string): string {
  if (!text.includes('\\')) return text;
  let plain = '';
  for (let at = 0; at < text.length; at += 1) {
    const next = text[at + 1];
    if (text[at] === '\\' && next !== undefined && special.includes(next)) at += 1;
    plain += text[at];
  }
  return plain;
}

/** Rounded down to milliseconds. */
function readTime(text: string, precision: Precision, receivedAtMs: EpochMs): EpochMs | string {
  if (text === '') return receivedAtMs;
  if (!/^-?\d{1,19}$/.test(text)) return 'its time is no whole number';
  const units = BigInt(text);
  const floored = units - (((units % PER_MS[precision]) + PER_MS[precision]) % PER_MS[precision]);
  const atMs = precision === 's' ? Number(units) * 1000 : Number(floored / PER_MS[precision]);
  return Math.abs(atMs) <= LAST_MS ? atMs : 'its time lies outside of every calendar';
}
