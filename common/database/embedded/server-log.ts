// The server's own log: a file that it appends to by itself, also while nobody supervises it, cut back here when it grows past its bound.
import { closeSync, copyFileSync, fstatSync, openSync, readSync, statSync, truncateSync } from 'node:fs';

const MAX_BYTES = 5 * 1024 * 1024;
const TAIL_BYTES = 2000;

export class ServerLog {
  readonly #file: string;
  readonly #maxBytes: number;

  constructor(file: string, maxBytes: number = MAX_BYTES) {
    this.#file = file;
    this.#maxBytes = maxBytes;
  }

  /** A descriptor for the server to append to; the caller closes it. */
  open(): number {
    this.cutBack();
    return openSync(this.#file, 'a', 0o600);
  }

  get size(): number {
    return statSync(this.#file, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Past the bound the file becomes FILE.1 and starts anew in place: the server appends to it, so it goes on at the new end. Lines written in between are lost. */
  cutBack(): void {
    if (this.size <= this.#maxBytes) return;
    copyFileSync(this.#file, `${this.#file}.1`);
    truncateSync(this.#file);
  }

  /** The last words written at or after `start` (a size from before). */
  tail(start: number): string {
    const descriptor = openSync(this.#file, 'r');
    try {
      const { size } = fstatSync(descriptor);
      const from = Math.max(Math.min(start, size), size - TAIL_BYTES);
      const bytes = Buffer.alloc(size - from);
      readSync(descriptor, bytes, 0, bytes.length, from);
      return bytes.toString('utf8').trim();
    } finally {
      closeSync(descriptor);
    }
  }
}
