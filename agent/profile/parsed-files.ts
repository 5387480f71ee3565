// What a build found the YAML of the profiles to say (profiles.json beside them), so that a start need not parse half a megabyte of YAML.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const FILE = 'profiles.json';

export class ParsedFiles {
  readonly #values: Readonly<Record<string, unknown>>;

  /** Of a folder; without the file, or where it cannot be read, it knows nothing and all YAML is parsed. */
  constructor(folder: string) {
    this.#values = readValues(path.join(folder, FILE));
  }

  /** What a file with exactly this text says; undefined where the build has not seen that text, because somebody changed it since. */
  valueOf(text: string): unknown {
    return this.#values[createHash('sha256').update(text).digest('hex')];
  }
}

function readValues(place: string): Readonly<Record<string, unknown>> {
  try {
    const values: unknown = JSON.parse(readFileSync(place, 'utf8'));
    return isRecord(values) ? values : {};
  } catch {
    return {};
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
