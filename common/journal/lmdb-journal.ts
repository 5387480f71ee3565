// Opens the durable ordered log over LMDB: one process at a time on a folder, a file that is whole, and a code for what is wrong.
import { existsSync, mkdirSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { messageOf, WeirError } from '../runtime/errors.ts';
import { holdLock } from '../runtime/process-lock.ts';
import type { Reporter } from '../runtime/reporter.ts';
import { checkJournalFile, type ShortFile } from './file-check.ts';
import type { Journal } from './journal.ts';
import { freeBytesOf, JOURNAL_FILE, type JournalDeps, type JournalOptions, type LogDeps, LmdbLog } from './lmdb-log.ts';

/** Octets for the first pages of a journal and of its lock. */
const ROOM_TO_BEGIN = 256 * 1024;

export type { JournalDeps, JournalOptions } from './lmdb-log.ts';

export interface OpenJournal extends Journal {
  /** Gives the journal a new id, for one that turns out to be an older state or a copy of itself; positions go on. */
  renewId(): Promise<void>;
  /** Commits what waits, closes the file, lets go of the lock. Safe twice. */
  close(): Promise<void>;
}

/** Opens or makes the journal in the folder. Errors: data_folder_unusable, data_folder_in_use, journal_damaged (the file is kept as it was). */
export function openJournal(reporter: Reporter, options: JournalOptions, deps: JournalDeps = {}): OpenJournal {
  const { folder } = options;
  let release: (() => void) | null = null;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    refuseWithoutRoom(folder, deps.freeBytes ?? freeBytesOf);
    release = holdLock(path.join(folder, 'lock'));
    const short = checkJournalFile(path.join(folder, JOURNAL_FILE));
    if (short !== null) return openShort(reporter, options, { ...deps, onClosed: release }, short);
    return new LmdbLog(reporter, options, { ...deps, onClosed: release });
  } catch (cause) {
    release?.();
    throw explained(folder, cause);
  }
}

/** A page behind the end of a mapped file ends the process when it is read: the file gets its length back, and everything in it is read once. */
function openShort(reporter: Reporter, options: JournalOptions, deps: LogDeps, short: ShortFile): LmdbLog {
  const file = path.join(options.folder, JOURNAL_FILE);
  let log: LmdbLog | null = null;
  try {
    truncateSync(file, short.wanted);
    log = new LmdbLog(reporter, options, deps);
    log.verify();
    return log;
  } catch (cause) {
    log?.abandon();
    truncateSync(file, short.size);
    const message = `${file} has lost its end: ${short.size} of ${short.wanted} bytes.`;
    throw new WeirError('journal_damaged', message, { folder: options.folder, ...short }, cause);
  }
}

/** LMDB maps the files it makes: where the disk has no room for their first pages, touching them ends the process without a word. */
function refuseWithoutRoom(folder: string, freeBytes: (folder: string) => number): void {
  const made = [JOURNAL_FILE, `${JOURNAL_FILE}-lock`].every((name) => existsSync(path.join(folder, name)));
  const free = made ? Number.POSITIVE_INFINITY : freeBytes(folder);
  if (free >= ROOM_TO_BEGIN) return;
  throw new WeirError(
    'data_folder_unusable',
    `The disk of ${folder} has no room for a journal: ${free} bytes are free.`,
    {
      folder,
      free,
      needed: ROOM_TO_BEGIN,
    },
  );
}

function explained(folder: string, cause: unknown): WeirError {
  if (cause instanceof WeirError) return cause;
  const message = messageOf(cause);
  return /MDB_INVALID|MDB_CORRUPTED|MDB_PAGE_NOTFOUND|MDB_VERSION_MISMATCH|not an LMDB file/i.test(message)
    ? new WeirError('journal_damaged', `The journal in ${folder} cannot be read: ${message}.`, { folder }, cause)
    : new WeirError('data_folder_unusable', `Cannot open the journal in ${folder}: ${message}.`, { folder }, cause);
}
