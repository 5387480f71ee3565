// A small file that a process keeps for its next life: replaced whole, so that a crash leaves the old one or the new one.
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import { codeOf, messageOf } from './errors.ts';
import type { Reporter } from './reporter.ts';

/** What is larger is not read: it cannot be ours. */
const MOST_BYTES = 256 * 1024 * 1024;

/**
 * Remembers, never decides: what it holds can be learnt again, so a file that cannot be read is told and taken for absent,
 * and a disk that refuses to write costs the memory of this life only.
 */
export class KeptFile {
  readonly #reporter: Reporter;
  readonly #place: string;

  constructor(reporter: Reporter, place: string) {
    this.#reporter = reporter;
    this.#place = place;
  }

  /** The bytes as last written; null where there are none or they cannot be read. */
  read(): Buffer | null {
    try {
      const { size } = statSync(this.#place);
      if (size > MOST_BYTES) throw new Error(`it has ${size} bytes`);
      return readFileSync(this.#place);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') this.#tell('a kept file cannot be read', error);
      return null;
    }
  }

  /** Replaces it, readable by this user alone; false where the disk refuses, which is told. */
  write(bytes: Uint8Array): boolean {
    const beside = `${this.#place}.new`;
    try {
      mkdirSync(path.dirname(this.#place), { recursive: true, mode: 0o700 });
      const file = openSync(beside, 'w', 0o600);
      try {
        for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(beside, this.#place);
      return true;
    } catch (error) {
      this.#tell('a kept file cannot be written', error);
      return false;
    }
  }

  #tell(message: string, error: unknown): void {
    this.#reporter.warn(message, { place: this.#place, error: messageOf(error) });
  }
}
