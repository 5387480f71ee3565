// The log inside an open LMDB file: group commit, a free-space reserve, checksums, and positions that are never given twice.
import { randomUUID } from 'node:crypto';
import { statfsSync, statSync } from 'node:fs';
import path from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import { codeOf, messageOf, WeirError } from '../runtime/errors.ts';
import type { Reporter } from '../runtime/reporter.ts';
import { FRAME_BYTES, type JournalState, seal, sealState, unseal, unsealState } from './frame.ts';
import type { Journal, JournalEntry } from './journal.ts';

export interface JournalOptions {
  readonly folder: string;
  /** Entries kept never add up to more than this. */
  readonly maxBytes: number;
  /** Nothing is appended while the disk has less than this free; trimming and notes may use it. */
  readonly reserveBytes: number;
  /** Appends waiting for a commit, in bytes; above it append rejects with journal_full. */
  readonly maxPendingBytes: number;
}

export interface JournalDeps {
  /** Free bytes of the disk that holds the folder; default statfs. */
  readonly freeBytes?: (folder: string) => number;
}

export interface LogDeps extends JournalDeps {
  /** Called once the file is closed. */
  readonly onClosed: () => void;
}

interface Step {
  readonly run: () => void;
  /** Bytes it adds to the disk; 0 for what may use the reserve. */
  readonly adds: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export const JOURNAL_FILE = 'journal.mdb';
/** A commit that fails with less than this free failed for want of room: LMDB reports a short write as an input/output error (measured). */
const DISK_FULL_BYTES = 4 * 1024 * 1024;
/** An entry takes whole pages, and the tree above the entries grows with them. */
const PAGE_FACTOR = 2;
const FILE_OVERHEAD_BYTES = 4 * 1024 * 1024;
const STATE_KEY = 'state';
const NOTE_PREFIX = 'note:';
/** A group never grows past this many steps, a trim past this many entries a commit: no commit may hold the process for long. */
const GROUP_STEPS = 2000;
const TRIM_ENTRIES = 500;

export function freeBytesOf(folder: string): number {
  const disk = statfsSync(folder);
  return disk.bavail * disk.bsize;
}

/** Opened by lmdb-journal.ts, which holds the lock and has looked at the file. */
export class LmdbLog implements Journal {
  readonly #reporter: Reporter;
  readonly #options: JournalOptions;
  readonly #freeBytes: (folder: string) => number;
  readonly #onClosed: () => void;
  readonly #root: RootDatabase<Buffer, string>;
  readonly #entries: Database<Buffer, number>;
  #state: JournalState;
  #sealedState: Buffer;
  #waiting: Step[] = [];
  #pendingBytes = 0;
  #scheduled = false;
  #closed = false;

  constructor(reporter: Reporter, options: JournalOptions, deps: LogDeps) {
    this.#reporter = reporter;
    this.#options = options;
    this.#freeBytes = deps.freeBytes ?? freeBytesOf;
    this.#onClosed = deps.onClosed;
    // overlappingSync would let a commit return before it is on the disk.
    this.#root = open<Buffer, string>({
      path: path.join(options.folder, JOURNAL_FILE),
      noSubdir: true,
      encoding: 'binary',
      maxDbs: 2,
      overlappingSync: false,
      cache: false,
    });
    this.#entries = this.#root.openDB<Buffer, number>({ name: 'entries', encoding: 'binary' });
    [this.#state, this.#sealedState] = this.#loadState();
  }

  get id(): string {
    return this.#state.id;
  }

  firstPosition(): number {
    return this.#state.first;
  }

  lastPosition(): number {
    return this.#state.last;
  }

  sizeBytes(): number {
    return this.#state.bytes;
  }

  append(bytes: Uint8Array): Promise<number> {
    if (this.#pendingBytes + bytes.length > this.#options.maxPendingBytes)
      return Promise.reject(full('Too much waits to be written to the journal.', 1));
    this.#pendingBytes += bytes.length;
    let position = 0;
    const framed = seal(bytes);
    const appended = this.#enqueue(framed.length, () => {
      const { folder, maxBytes } = this.#options;
      if (this.#state.bytes + bytes.length > maxBytes)
        throw full(`The journal in ${folder} is at its bound of ${maxBytes} bytes.`, 10);
      position = this.#state.last + 1;
      this.#entries.putSync(position, framed);
      this.#state = { ...this.#state, last: position, bytes: this.#state.bytes + bytes.length };
    });
    return appended
      .finally(() => {
        this.#pendingBytes -= bytes.length;
      })
      .then(() => position);
  }

  async replace(position: number, bytes: Uint8Array): Promise<boolean> {
    const framed = seal(bytes);
    let replaced = false;
    await this.#enqueue(0, () => {
      replaced = position >= this.#state.first && position <= this.#state.last;
      if (!replaced) return;
      const more = framed.length - (this.#entries.get(position)?.length ?? FRAME_BYTES);
      this.#entries.putSync(position, framed);
      this.#state = { ...this.#state, bytes: this.#state.bytes + more };
    });
    return replaced;
  }

  read(after: number, maxEntries: number, maxBytes: number): JournalEntry[] {
    const found: JournalEntry[] = [];
    let size = 0;
    const start = Math.max(after + 1, this.#state.first);
    for (let position = start; position <= this.#state.last && found.length < maxEntries; position += 1) {
      const bytes = unseal(this.#entries.get(position));
      if (bytes === null) {
        if (found.length > 0) break;
        throw this.#damaged(`at position ${position}`, { position });
      }
      if (found.length > 0 && size + bytes.length > maxBytes) break;
      found.push({ position, bytes });
      size += bytes.length;
    }
    return found;
  }

  async trim(upTo: number): Promise<void> {
    for (;;) {
      let more = false;
      await this.#enqueue(0, () => {
        const until = Math.min(upTo, this.#state.last, this.#state.first + TRIM_ENTRIES - 1);
        let { first, bytes } = this.#state;
        for (; first <= until; first += 1) {
          bytes -= (this.#entries.get(first)?.length ?? FRAME_BYTES) - FRAME_BYTES;
          this.#entries.removeSync(first);
        }
        this.#state = { ...this.#state, first, bytes };
        more = first <= Math.min(upTo, this.#state.last);
      });
      if (!more) return;
    }
  }

  note(key: string): Uint8Array | undefined {
    const framed = this.#root.get(`${NOTE_PREFIX}${key}`);
    if (framed === undefined) return undefined;
    const bytes = unseal(framed);
    if (bytes === null) throw this.#damaged(`in the note ${key}`);
    return bytes;
  }

  setNote(key: string, bytes: Uint8Array): Promise<void> {
    const framed = seal(bytes);
    return this.#enqueue(0, () => {
      this.#root.putSync(`${NOTE_PREFIX}${key}`, framed);
    });
  }

  renewId(): Promise<void> {
    return this.#enqueue(0, () => {
      this.#state = { ...this.#state, id: randomUUID() };
    });
  }

  /** Reads everything and writes the state again: throws where a page that is in use is not whole. */
  verify(): void {
    const { first, last } = this.#state;
    for (let position = first; position <= last; position += 1) this.read(position - 1, 1, 0);
    for (const key of this.#root.getKeys({ start: NOTE_PREFIX }))
      if (key.startsWith(NOTE_PREFIX)) this.note(key.slice(NOTE_PREFIX.length));
    this.#root.transactionSync(() => this.#root.putSync(STATE_KEY, this.#sealedState));
  }

  /** Commits what waits and closes the file. Safe twice. */
  async close(): Promise<void> {
    if (this.#closed) return;
    while (this.#waiting.length > 0) this.#commitGroup();
    this.#closed = true;
    await this.#root.close();
    this.#onClosed();
  }

  /** Closes the file of a log that proved unusable; its opener lets go of the lock. */
  abandon(): void {
    this.#closed = true;
    // Without asynchronous writes under way the file is closed when this returns.
    void this.#root.close();
  }

  #enqueue(adds: number, run: () => void): Promise<void> {
    if (this.#closed) return Promise.reject(new WeirError('not_ready', 'The journal is closed.'));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ run, adds, resolve, reject });
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#commitGroup();
      if (this.#waiting.length > 0) this.#schedule();
    });
  }

  #commitGroup(): void {
    const group = this.#waiting.splice(0, GROUP_STEPS);
    const adding = group.filter((step) => step.adds > 0);
    const refusal = adding.length === 0 ? null : this.#noRoomFor(adding.reduce((sum, step) => sum + step.adds, 0));
    if (refusal === null) return this.#commit(group);
    for (const step of adding) step.reject(refusal);
    this.#commit(group.filter((step) => step.adds === 0));
  }

  #noRoomFor(bytes: number): WeirError | null {
    const { folder, reserveBytes } = this.#options;
    try {
      const free = this.#freeBytes(folder);
      if (free >= reserveBytes + bytes * PAGE_FACTOR || this.#reusableBytes() >= bytes * PAGE_FACTOR) return null;
      return full(`The disk of ${folder} has ${free} bytes free; ${reserveBytes} are kept in reserve.`, 10);
    } catch (cause) {
      return this.#unusable(cause);
    }
  }

  /** The file never shrinks: after a long backlog it may hold the disk itself, and the room is in its own free pages. */
  #reusableBytes(): number {
    const { size } = statSync(path.join(this.#options.folder, JOURNAL_FILE));
    return size - this.#state.bytes * PAGE_FACTOR - FILE_OVERHEAD_BYTES;
  }

  /**
   * One synchronous transaction for the group: an asynchronous LMDB write aborts the process on a full disk (measured),
   * this one throws, and nothing of the group stays.
   */
  #commit(group: readonly Step[]): void {
    if (group.length === 0) return;
    const [before, sealedBefore] = [this.#state, this.#sealedState];
    const refused = new Map<Step, WeirError>();
    try {
      this.#root.transactionSync(() => {
        this.#assertAlone();
        for (const step of group) {
          try {
            step.run();
          } catch (error) {
            if (!(error instanceof WeirError)) throw error;
            refused.set(step, error);
          }
        }
        this.#sealedState = sealState(this.#state);
        this.#root.putSync(STATE_KEY, this.#sealedState);
      });
    } catch (cause) {
      [this.#state, this.#sealedState] = [before, sealedBefore];
      const error = this.#explain(cause);
      const { folder } = this.#options;
      this.#reporter.error('journal commit failed', { folder, code: error.code, message: messageOf(cause) });
      for (const step of group) step.reject(error);
      return;
    }
    for (const step of group) {
      const refusal = refused.get(step);
      if (refusal === undefined) step.resolve();
      else step.reject(refusal);
    }
  }

  /** The lock names a process, and processes in two containers can have one number: what another wrote must not be written over. */
  #assertAlone(): void {
    if (this.#root.get(STATE_KEY)?.equals(this.#sealedState) === true) return;
    const { folder } = this.#options;
    throw new WeirError('data_folder_in_use', `Another process has written to the journal in ${folder}.`, { folder });
  }

  #explain(cause: unknown): WeirError {
    if (cause instanceof WeirError) return cause;
    const text = `${codeOf(cause)} ${messageOf(cause)}`;
    if (/MDB_CORRUPTED|MDB_PAGE_NOTFOUND|MDB_PANIC/.test(text))
      return this.#damaged(`: ${messageOf(cause)}`, {}, cause);
    if (/ENOSPC|EDQUOT|No space left|MDB_MAP_FULL/i.test(text) || this.#diskIsFull())
      return full(`The disk of ${this.#options.folder} is full.`, 10, cause);
    return this.#unusable(cause);
  }

  #diskIsFull(): boolean {
    try {
      return freeBytesOf(this.#options.folder) < DISK_FULL_BYTES;
    } catch {
      return false; // the folder itself is gone
    }
  }

  #loadState(): [JournalState, Buffer] {
    const kept = this.#root.get(STATE_KEY);
    if (kept === undefined) {
      const made = { id: randomUUID(), first: 1, last: 0, bytes: 0 };
      const sealed = sealState(made);
      this.#root.transactionSync(() => this.#root.putSync(STATE_KEY, sealed));
      return [made, sealed];
    }
    const state = unsealState(kept);
    if (state === null) throw this.#damaged('in its state');
    const ends = [false, true].flatMap((reverse) => [...this.#entries.getKeys({ reverse, limit: 1 })]);
    const told = state.last < state.first ? [] : [state.first, state.last];
    if (ends.join() !== told.join()) throw this.#damaged('at its beginning or its end');
    return [state, Buffer.from(kept)];
  }

  #damaged(where: string, detail: { readonly position?: number } = {}, cause?: unknown): WeirError {
    const { folder } = this.#options;
    const message = `The journal in ${folder} is damaged ${where}.`;
    return new WeirError('journal_damaged', message, { folder, ...detail }, cause);
  }

  #unusable(cause: unknown): WeirError {
    const { folder } = this.#options;
    const message = `Cannot write the journal in ${folder}: ${messageOf(cause)}.`;
    return new WeirError('data_folder_unusable', message, { folder }, cause);
  }
}

function full(message: string, retryAfterSeconds: number, cause?: unknown): WeirError {
  return new WeirError('journal_full', message, { retryAfterSeconds }, cause);
}
