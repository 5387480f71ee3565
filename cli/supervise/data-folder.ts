// The data folder of `weir up`: made private, held by one supervisor at a time, home of the access tokens.
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { codeOf, messageOf, WeirError } from '../../common/runtime/errors.ts';

export interface Tokens {
  readonly administrator: string;
  readonly agent: string;
  readonly bridge: string;
}

const LOCK = 'weir.lock';
const TOKENS = 'tokens.json';

/** Makes the folder (mode 0700) and takes it; `data_folder_in_use` where another Weir that is alive holds it, `data_folder_unusable` where it cannot be written. Returns the release. */
export function holdDataFolder(folder: string): () => void {
  const lock = path.join(folder, LOCK);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    dropStaleLock(lock);
    const descriptor = openSync(lock, 'wx', 0o600);
    writeSync(descriptor, JSON.stringify({ pid: process.pid, started: startOf(process.pid) }));
    closeSync(descriptor);
  } catch (cause) {
    if (cause instanceof WeirError) throw cause;
    if (codeOf(cause) === 'EEXIST') throw inUse(folder, null, cause);
    throw new WeirError(
      'data_folder_unusable',
      `Cannot write the data folder ${folder}: ${messageOf(cause)}.`,
      { folder },
      cause,
    );
  }
  return () => rmSync(lock, { force: true });
}

function dropStaleLock(lock: string): void {
  if (!existsSync(lock)) return;
  const held = readLock(lock);
  if (held !== null && alive(held.pid) && startOf(held.pid) === held.started) throw inUse(path.dirname(lock), held.pid);
  rmSync(lock, { force: true });
}

function readLock(lock: string): { pid: number; started: string } | null {
  try {
    const held: unknown = JSON.parse(readFileSync(lock, 'utf8'));
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

/** The tokens of this folder, made at the first start (mode 0600). WEIR_ADMIN_TOKEN replaces the administrator's. */
export function tokensOf(folder: string, administrator: string | undefined): Tokens {
  const file = path.join(folder, TOKENS);
  const kept = existsSync(file) ? parseTokens(readFileSync(file, 'utf8'), file) : makeTokens(file);
  return administrator === undefined || administrator === '' ? kept : { ...kept, administrator };
}

function parseTokens(text: string, file: string): Tokens {
  try {
    const tokens: unknown = JSON.parse(text);
    if (
      typeof tokens === 'object' &&
      tokens !== null &&
      'administrator' in tokens &&
      'agent' in tokens &&
      'bridge' in tokens
    ) {
      const { administrator, agent, bridge } = tokens;
      if (typeof administrator === 'string' && typeof agent === 'string' && typeof bridge === 'string')
        return { administrator, agent, bridge };
    }
  } catch {
    // told below, like any other damage
  }
  throw new WeirError('data_folder_unusable', `${file} is damaged; move it away and new tokens are made.`, { file });
}

function makeTokens(file: string): Tokens {
  const token = (): string => `weir_${randomBytes(32).toString('base64url')}`;
  const tokens = { administrator: token(), agent: token(), bridge: token() };
  writeFileSync(`${file}.new`, JSON.stringify(tokens, null, 2), { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return tokens;
}
