// One process at a time on a folder: a lock file that names its holder, so that a holder that died never blocks the next.
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { codeOf, WeirError } from './errors.ts';

/** Takes the lock; data_folder_in_use where a process that is alive holds it. System errors (EACCES, ENOSPC) are the caller's to name. Returns the release. */
export function holdLock(file: string): () => void {
  dropStaleLock(file);
  let descriptor: number;
  try {
    descriptor = openSync(file, 'wx', 0o600);
  } catch (cause) {
    if (codeOf(cause) === 'EEXIST') throw inUse(path.dirname(file), null, cause);
    throw cause;
  }
  writeSync(descriptor, JSON.stringify({ pid: process.pid, started: startOf(process.pid) }));
  closeSync(descriptor);
  return () => rmSync(file, { force: true });
}

function dropStaleLock(file: string): void {
  if (!existsSync(file)) return;
  const held = readLock(file);
  if (held !== null && alive(held.pid) && startOf(held.pid) === held.started) throw inUse(path.dirname(file), held.pid);
  rmSync(file, { force: true });
}

function readLock(file: string): { pid: number; started: string } | null {
  try {
    const held: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof held !== 'object' || held === null || !('pid' in held) || !('started' in held)) return null;
    return typeof held.pid === 'number' && typeof held.started === 'string'
      ? { pid: held.pid, started: held.started }
      : null;
  } catch {
    return null; // a lock cut short by a crash holds nothing
  }
}

function inUse(folder: string, pid: number | null, cause?: unknown): WeirError {
  const who = pid === null ? 'Another Weir' : `Another Weir (process ${pid})`;
  return new WeirError('data_folder_in_use', `${who} runs on ${folder}.`, { folder, pid }, cause);
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/** When a process began, so that a number given anew by the kernel is not mistaken for it; '' where the system does not tell. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
