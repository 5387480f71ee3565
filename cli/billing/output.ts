// Where an export goes: standard output, or a file that appears under its name only when it is whole.
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { CommandContext } from '../command.ts';

export interface Output {
  /** One line, without its end. */
  write(line: string): void;
  finish(): void;
  /** Leaves nothing behind of what was not finished. */
  discard(): void;
}

const PIECE_CHARACTERS = 65_536;

/** Throws output_unwritable where the file cannot be made. */
export function openOutput(file: string | null, context: Pick<CommandContext, 'print'>): Output {
  if (file === null) return { write: (line) => context.print(line), finish: () => undefined, discard: () => undefined };
  return new FileOutput(file);
}

class FileOutput implements Output {
  readonly #file: string;
  readonly #part: string;
  readonly #descriptor: number;
  #held = '';

  constructor(file: string) {
    this.#file = file;
    this.#part = `${file}.part`;
    // It holds what customers pay: for nobody but its owner.
    this.#descriptor = attempt(file, () => openSync(this.#part, 'w', 0o600));
  }

  write(line: string): void {
    this.#held += `${line}\n`;
    if (this.#held.length >= PIECE_CHARACTERS) this.#flush();
  }

  finish(): void {
    this.#flush();
    attempt(this.#file, () => {
      fsyncSync(this.#descriptor);
      closeSync(this.#descriptor);
      renameSync(this.#part, this.#file);
    });
  }

  discard(): void {
    rmSync(this.#part, { force: true });
  }

  #flush(): void {
    const bytes = Buffer.from(this.#held, 'utf8');
    this.#held = '';
    attempt(this.#file, () => {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#descriptor, bytes, at);
    });
  }
}

function attempt<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new WeirError('output_unwritable', `Cannot write ${file}: ${messageOf(cause)}.`, { file }, cause);
  }
}
