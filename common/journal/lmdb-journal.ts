// The durable ordered log over LMDB: group commit, a free-space reserve, checksums, and positions that are never given twice.
import { randomUUID } from 'node:crypto';
import { mkdirSync, statfsSync } from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { type Database, open, type RootDatabase } from 'lmdb';
import { codeOf, messageOf, WeirError } from '../runtime/errors.ts';
import { holdLock } from '../runtime/process-lock.ts';
import type { Reporter } from '../runtime/reporter.ts';
import { checkJournalFile } from './file-check.ts';
import type { Journal, JournalEntry } from './journal.ts';

export interface JournalOptions {
  readonly folder: string;
  /** Entries kept never add up to more than this. */
  readonly maxBytes: number;
  /** Nothing is written while the disk has less than this free. */
  readonly reserveBytes: number;
  /** Appends waiting for a commit, in bytes; above it append rejects with journal_full. */
  readonly maxPendingBytes: number;
}

export interface JournalDeps {
  /** Free bytes of the disk that holds the folder; default statfs. */
  readonly freeBytes?: (folder: string) => number;
}

export interface OpenJournal extends Journal {
  /** Commits what waits, closes the file, lets go of the lock. Safe twice. */
  close(): Promise<void>;
}

interface State {
  readonly id: string;
  first: number;
  last: number;
  bytes: number;
}

interface Waiting {
  readonly run: () => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const FILE = 'journal.mdb';
const CHECKSUM_BYTES = 4;
/** A commit that fails with less than this free failed for want of room: LMDB reports a short write as an input/output error (measured). */
const DISK_FULL_BYTES = 4 * 1024 * 1024;
const STATE_KEY = 'state';
const NOTE_PREFIX = 'note:';
/** A group never grows past this many steps: a commit must not hold the process for long. */
const GROUP_STEPS = 2000;

/** Opens or makes the journal in the folder. Errors: data_folder_unusable, data_folder_in_use, journal_damaged. */
export function openJournal(reporter: Reporter, options: JournalOptions, deps: JournalDeps = {}): OpenJournal {
  let release: (() => void) | null = null;
  try {
    mkdirSync(options.folder, { recursive: true, mode: 0o700 });
    release = holdLock(path.join(options.folder, 'lock'));
    checkJournalFile(path.join(options.folder, FILE));
    return new LmdbJournal(reporter, options, deps.freeBytes ?? freeBytesOf, release);
  } catch (cause) {
    release?.();
    if (cause instanceof WeirError) throw cause;
    if (/MDB_INVALID|MDB_CORRUPTED|MDB_VERSION_MISMATCH|not an LMDB file/i.test(messageOf(cause))) {
      throw new WeirError(
        'journal_damaged',
        `The journal in ${options.folder} cannot be read: ${messageOf(cause)}.`,
        { folder: options.folder },
        cause,
      );
    }
    throw new WeirError(
      'data_folder_unusable',
      `Cannot open the journal in ${options.folder}: ${messageOf(cause)}.`,
      { folder: options.folder },
      cause,
    );
  }
}

function freeBytesOf(folder: string): number {
  const disk = statfsSync(folder);
  return disk.bavail * disk.bsize;
}

class LmdbJournal implements OpenJournal {
  readonly #reporter: Reporter;
  readonly #options: JournalOptions;
  readonly #freeBytes: (folder: string) => number;
  readonly #release: () => void;
  readonly #root: RootDatabase<Buffer, string>;
  readonly #entries: Database<Buffer, number>;
  #state: State;
  #waiting: Waiting[] = [];
  #pendingBytes = 0;
  #scheduled = false;
  #closed = false;

  constructor(reporter: Reporter, options: JournalOptions, freeBytes: (folder: string) => number, release: () => void) {
    this.#reporter = reporter;
    this.#options = options;
    this.#freeBytes = freeBytes;
    this.#release = release;
    // overlappingSync would let a commit return before it is on the disk.
    this.#root = open<Buffer, string>({
      path: path.join(options.folder, FILE),
      noSubdir: true,
      encoding: 'binary',
      maxDbs: 2,
      overlappingSync: false,
      cache: false,
    });
    this.#entries = this.#root.openDB<Buffer, number>({ name: 'entries', encoding: 'binary' });
    this.#state = this.#loadState();
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
    if (this.#pendingBytes + bytes.length > this.#options.maxPendingBytes) {
      return Promise.reject(
        new WeirError('journal_full', 'Too much waits to be written to the journal.', { retryAfterSeconds: 1 }),
      );
    }
    this.#pendingBytes += bytes.length;
    let position = 0;
    const framed = frame(bytes);
    return this.#enqueue(() => {
      if (this.#state.bytes + bytes.length > this.#options.maxBytes) {
        throw new WeirError(
          'journal_full',
          `The journal in ${this.#options.folder} is at its bound of ${this.#options.maxBytes} bytes.`,
          { retryAfterSeconds: 10 },
        );
      }
      position = this.#state.last + 1;
      this.#entries.putSync(position, framed);
      this.#state = { ...this.#state, last: position, bytes: this.#state.bytes + bytes.length };
    })
      .finally(() => {
        this.#pendingBytes -= bytes.length;
      })
      .then(() => position);
  }

  read(after: number, maxEntries: number, maxBytes: number): JournalEntry[] {
    const found: JournalEntry[] = [];
    let size = 0;
    const start = Math.max(after + 1, this.#state.first);
    for (let position = start; position <= this.#state.last && found.length < maxEntries; position += 1) {
      const framed = this.#entries.get(position);
      if (framed === undefined) throw this.#damaged(position);
      const bytes = Buffer.from(framed.subarray(CHECKSUM_BYTES));
      if (crc32(bytes) !== framed.readUInt32LE(0)) throw this.#damaged(position);
      if (found.length > 0 && size + bytes.length > maxBytes) break;
      found.push({ position, bytes });
      size += bytes.length;
    }
    return found;
  }

  trim(upTo: number): Promise<void> {
    return this.#enqueue(() => {
      const until = Math.min(upTo, this.#state.last);
      let { first, bytes } = this.#state;
      for (; first <= until; first += 1) {
        bytes -= (this.#entries.get(first)?.length ?? CHECKSUM_BYTES) - CHECKSUM_BYTES;
        this.#entries.removeSync(first);
      }
      this.#state = { ...this.#state, first, bytes };
    }, true);
  }

  note(key: string): Uint8Array | undefined {
    const kept = this.#root.get(`${NOTE_PREFIX}${key}`);
    return kept === undefined ? undefined : Buffer.from(kept);
  }

  setNote(key: string, bytes: Uint8Array): Promise<void> {
    return this.#enqueue(() => {
      this.#root.putSync(`${NOTE_PREFIX}${key}`, Buffer.from(bytes));
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#commitGroup();
    this.#closed = true;
    await this.#root.close();
    this.#release();
  }

  #enqueue(run: () => void, makesRoom = false): Promise<void> {
    if (this.#closed) return Promise.reject(new WeirError('not_ready', 'The journal is closed.'));
    return new Promise((resolve, reject) => {
      // What makes room must go through also where nothing else may be written.
      if (makesRoom) this.#commit([{ run, resolve, reject }]);
      else {
        this.#waiting.push({ run, resolve, reject });
        this.#schedule();
      }
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
    if (group.length === 0) return;
    const free = this.#freeBytes(this.#options.folder);
    if (free < this.#options.reserveBytes + this.#pendingBytes * 2) {
      const full = new WeirError(
        'journal_full',
        `The disk of ${this.#options.folder} has ${free} bytes free; ${this.#options.reserveBytes} are kept in reserve.`,
        { free, reserve: this.#options.reserveBytes, retryAfterSeconds: 10 },
      );
      for (const one of group) one.reject(full);
      return;
    }
    this.#commit(group);
  }

  /**
   * One synchronous transaction for the group: an asynchronous LMDB write aborts the process on a full disk (measured),
   * this one throws, and nothing of the group stays.
   */
  #commit(group: readonly Waiting[]): void {
    const before = this.#state;
    const refused = new Map<Waiting, unknown>();
    try {
      this.#root.transactionSync(() => {
        for (const one of group) {
          try {
            one.run();
          } catch (error) {
            if (!(error instanceof WeirError)) throw error;
            refused.set(one, error);
          }
        }
        this.#root.putSync(STATE_KEY, Buffer.from(JSON.stringify(this.#state)));
      });
    } catch (cause) {
      this.#state = before;
      const error = this.#explain(cause);
      this.#reporter.error('journal commit failed', {
        folder: this.#options.folder,
        code: error.code,
        message: messageOf(cause),
      });
      for (const one of group) one.reject(error);
      return;
    }
    for (const one of group) {
      if (refused.has(one)) one.reject(refused.get(one));
      else one.resolve();
    }
  }

  #explain(cause: unknown): WeirError {
    const text = `${codeOf(cause)} ${messageOf(cause)}`;
    if (/ENOSPC|EDQUOT|No space left|MDB_MAP_FULL/i.test(text) || freeBytesOf(this.#options.folder) < DISK_FULL_BYTES) {
      return new WeirError(
        'journal_full',
        `The disk of ${this.#options.folder} is full.`,
        { retryAfterSeconds: 10 },
        cause,
      );
    }
    return new WeirError(
      'data_folder_unusable',
      `Cannot write the journal in ${this.#options.folder}: ${messageOf(cause)}.`,
      { folder: this.#options.folder },
      cause,
    );
  }

  #loadState(): State {
    const kept = this.#root.get(STATE_KEY);
    if (kept !== undefined) return this.#parseState(kept);
    const made = { id: randomUUID(), first: 1, last: 0, bytes: 0 };
    this.#root.transactionSync(() => {
      this.#root.putSync(STATE_KEY, Buffer.from(JSON.stringify(made)));
    });
    return made;
  }

  #parseState(kept: Buffer): State {
    const state: unknown = JSON.parse(kept.toString('utf8'));
    if (
      typeof state === 'object' &&
      state !== null &&
      'id' in state &&
      'first' in state &&
      'last' in state &&
      'bytes' in state
    ) {
      const { id, first, last, bytes } = state;
      if (
        typeof id === 'string' &&
        typeof first === 'number' &&
        typeof last === 'number' &&
        typeof bytes === 'number'
      ) {
        return { id, first, last, bytes };
      }
    }
    throw this.#damaged(0);
  }

  #damaged(position: number): WeirError {
    return new WeirError(
      'journal_damaged',
      `The journal in ${this.#options.folder} is damaged at position ${position}.`,
      { folder: this.#options.folder, position },
    );
  }
}

function frame(bytes: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(bytes.length + CHECKSUM_BYTES);
  framed.writeUInt32LE(crc32(bytes), 0);
  framed.set(bytes, CHECKSUM_BYTES);
  return framed;
}
