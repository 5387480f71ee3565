// What rules of faults are made of in the configuration, and how the code writes it.
import { z } from 'zod';
import { SEVERITIES, type Severity } from './alarm.ts';

export const severity = (usual: Severity) => z.enum(SEVERITIES).default(usual);
export const polls = (usual: number) => z.number().int().min(1).max(1000).default(usual);
export const durationMs = (usual: number) => z.number().int().min(0).max(31_536_000_000).default(usual);
export const enabled = z.boolean().default(true);

/** A regular expression without flags; short, so that somebody can read it. */
export const pattern = z
  .string()
  .min(1)
  .max(200)
  .refine((text) => isPattern(text), { message: 'expected a regular expression' });

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, 'u') instanceof RegExp;
  } catch {
    return false;
  }
}

const compiled = new Map<string, RegExp>();
/** Patterns that are kept compiled; they come from the configuration, so there are few. */
const MAX_COMPILED = 5000;

/** Whether one of the patterns fits. Patterns see the first 200 characters: no text of a device may keep them busy. */
export function fitsOne(patterns: readonly string[], text: string): boolean {
  const short = text.slice(0, 200);
  return patterns.some((source) => patternOf(source).test(short));
}

function patternOf(source: string): RegExp {
  const held = compiled.get(source);
  if (held !== undefined) return held;
  const made = new RegExp(source, 'u');
  if (compiled.size >= MAX_COMPILED) compiled.clear();
  compiled.set(source, made);
  return made;
}

type CamelKey<Key extends string> = Key extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelKey<Tail>>}`
  : Key;

/** The same with keys as the code writes them: `raise_after_polls` is `raiseAfterPolls`. */
export type Camel<Value> = Value extends readonly (infer Item)[]
  ? readonly Camel<Item>[]
  : Value extends object
    ? { readonly [Key in keyof Value & string as CamelKey<Key>]: Camel<Value[Key]> }
    : Value;

export function camelOf<Value>(value: Value): Camel<Value> {
  return camelled(value) as Camel<Value>;
}

function camelled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camelled);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, held]) => [
      key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      camelled(held),
    ]),
  );
}
