// What a build found the YAML of the profiles to say (profiles.json beside them), so that a start need not parse half a megabyte of YAML.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';

const FILE = 'profiles.json';

const built = z.record(z.string(), z.object({ head: z.unknown(), text: z.string() }));
export type BuiltFile = z.output<typeof built>[string];

export class BuiltProfiles {
  readonly #files: Readonly<Record<string, BuiltFile>>;

  /** Of a folder; without the file, or where it cannot be read, it knows nothing and all YAML is parsed. */
  constructor(folder: string) {
    this.#files = readFiles(path.join(folder, FILE));
  }

  /** What the build made of a file with exactly this text; null where it has not seen that text, because somebody changed it since. */
  of(text: string): BuiltFile | null {
    return this.#files[createHash('sha256').update(text).digest('hex')] ?? null;
  }
}

function readFiles(place: string): Readonly<Record<string, BuiltFile>> {
  try {
    return built.parse(JSON.parse(readFileSync(place, 'utf8')));
  } catch {
    return {};
  }
}
