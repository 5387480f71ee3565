// A log file that never grows past its bound: at half the bound it becomes FILE.1 and a new one begins.
import { closeSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import { codeOf } from '../../common/runtime/errors.ts';

export class BoundedLog {
  readonly #file: string;
  readonly #halfBytes: number;
  #descriptor: number | null = null;
  #written = 0;
  /** Bytes that the disk refused: a full disk must not stop what is being logged. */
  lostBytes = 0;

  constructor(file: string, maxBytes: number) {
    this.#file = file;
    this.#halfBytes = Math.floor(maxBytes / 2);
  }

  write(chunk: Uint8Array): void {
    try {
      if (this.#descriptor === null) this.#open();
      if (this.#written + chunk.length > this.#halfBytes) this.#turn();
      if (this.#descriptor !== null) writeSync(this.#descriptor, chunk);
      this.#written += chunk.length;
    } catch (error) {
      if (!['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'ENOENT'].includes(codeOf(error))) throw error;
      this.lostBytes += chunk.length;
    }
  }

  close(): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor);
    this.#descriptor = null;
  }

  #open(): void {
    this.#descriptor = openSync(this.#file, 'a', 0o600);
    this.#written = statSync(this.#file).size;
  }

  #turn(): void {
    this.close();
    renameSync(this.#file, `${this.#file}.1`);
    this.#open();
  }
}
