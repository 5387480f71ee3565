// One process at a time on a folder: a lock file that names its holder, so that a holder that died never blocks the next.
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { codeOf, WeirError } from './errors.ts';
import { aliveSince } from './process-alive.ts';

interface Holder {
  readonly pid: number;
  readonly since: string;
}

const TRIES = 200;
const PAUSE_MS = 1;

/** Takes the lock; data_folder_in_use where a process that is alive holds it. System errors (EACCES, ENOSPC) are the caller's to name. Returns the release. */
export function holdLock(file: string): () => void {
  const own = `${file}.${process.pid}-${randomBytes(6).toString('hex')}`;
  writeFileSync(own, JSON.stringify({ pid: process.pid, since: aliveSince(process.pid) }), { mode: 0o600 });
  try {
    for (let tries = 0; tries < TRIES; tries += 1) {
      if (linked(own, file)) return releaseOf(file);
      clearDead(own, file);
    }
  } finally {
    rmSync(own, { force: true });
  }
  throw inUse(file, null);
}

/** A link is made whole or not at all, and only where nothing is: nobody ever reads half a lock. */
function linked(own: string, file: string): boolean {
  try {
    linkSync(own, file);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Clears what a dead holder left; throws where the holder lives. Only one start clears at a time, and looks again before it
 * does: otherwise the second of two that saw the dead holder would clear the lock that the first has made since.
 */
function clearDead(own: string, file: string): void {
  if (read(file) === null) return;
  refuseLiving(file);
  const clearing = `${file}.clearing`;
  if (!linked(own, clearing)) {
    const other = read(clearing);
    // It died while it cleared.
    if (other !== null && livingIn(other) === null) rmSync(clearing, { force: true });
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    return;
  }
  try {
    refuseLiving(file);
    rmSync(file, { force: true });
  } finally {
    rmSync(clearing, { force: true });
  }
}

function refuseLiving(file: string): void {
  const holder = livingIn(read(file) ?? '');
  if (holder !== null) throw inUse(file, holder.pid);
}

/** Gives the lock back once: what another holds since then stays. */
function releaseOf(file: string): () => void {
  const text = read(file);
  let held = true;
  return () => {
    if (held && text !== null && read(file) === text) rmSync(file, { force: true });
    held = false;
  };
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** The holder that a lock names, where it is alive; null for a dead one, and for a text that names nobody. */
function livingIn(text: string): Holder | null {
  const holder = holderIn(text);
  return holder !== null && aliveSince(holder.pid) === holder.since ? holder : null;
}

function holderIn(text: string): Holder | null {
  try {
    const held: unknown = JSON.parse(text);
    if (typeof held !== 'object' || held === null || !('pid' in held) || !('since' in held)) return null;
    return typeof held.pid === 'number' && typeof held.since === 'string' ? { pid: held.pid, since: held.since } : null;
  } catch {
    return null; // damaged by hand: nobody's
  }
}

function inUse(file: string, pid: number | null): WeirError {
  const folder = path.dirname(file);
  const who = pid === null ? 'Another Weir' : `Another Weir (process ${pid})`;
  return new WeirError('data_folder_in_use', `${who} runs on ${folder}.`, { folder, pid });
}
