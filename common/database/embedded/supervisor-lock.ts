// One supervisor at a time on a data folder: `supervisor.pid` names it by process id and start time.
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import { codeOf, WeirError } from '../../runtime/errors.ts';
import { aliveSince } from '../../runtime/process-alive.ts';

const LOCK = 'supervisor.pid';
const MAX_TRIES = 10;

/** Takes the folder and returns the release; throws data_folder_in_use where a live process holds it. What a dead one left is cleared. */
export function holdSupervisorLock(folder: string): () => void {
  const lock = path.join(folder, LOCK);
  const own = path.join(folder, `.${LOCK}-${process.pid}-${randomBytes(6).toString('hex')}`);
  const text = JSON.stringify({ pid: process.pid, since: aliveSince(process.pid) });
  writeFileSync(own, text, { mode: 0o600 });
  try {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      if (linked(own, lock)) return () => release(lock, text);
      clearStale(folder, lock);
    }
  } finally {
    rmSync(own, { force: true });
  }
  throw inUse(folder, null);
}

/** A link is made whole or not at all, so nobody ever reads half a lock. */
function linked(own: string, lock: string): boolean {
  try {
    linkSync(own, lock);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

function clearStale(folder: string, lock: string): void {
  const seen = read(lock);
  if (seen === null) return;
  const holder = parse(seen);
  if (holder !== null && aliveSince(holder.pid) === holder.since) throw inUse(folder, holder.pid);
  const aside = path.join(folder, `.${LOCK}-stale-${process.pid}-${randomBytes(6).toString('hex')}`);
  try {
    renameSync(lock, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return; // another start cleared it
    throw error;
  }
  // Another start may have put its own lock there after we looked: give it back.
  if (read(aside) !== seen) linked(aside, lock);
  rmSync(aside, { force: true });
}

function release(lock: string, text: string): void {
  if (read(lock) === text) rmSync(lock, { force: true });
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

function parse(text: string): { pid: number; since: string } | null {
  try {
    const held: unknown = JSON.parse(text);
    if (typeof held !== 'object' || held === null || !('pid' in held) || !('since' in held)) return null;
    return typeof held.pid === 'number' && typeof held.since === 'string' ? { pid: held.pid, since: held.since } : null;
  } catch {
    return null; // damaged by hand: nobody's
  }
}

function inUse(folder: string, pid: number | null): WeirError {
  const who = pid === null ? 'Another Weir' : `Another Weir (process ${pid})`;
  return new WeirError('data_folder_in_use', `${who} runs PostgreSQL on ${folder}.`, { folder, pid });
}
