// The name of a billing bridge in its leases, kept in the data folder: one that was killed takes its own leases over at once.
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { messageOf, WeirError } from '../../common/runtime/errors.ts';
import { holdLock } from '../../common/runtime/process-lock.ts';

const LOCK = 'billing-bridge.lock';
const NAME = 'billing-bridge.name';
const NAME_TEXT = /^billing-bridge [!-~]+ [0-9a-f-]{36}$/;

/** The name and the release of the folder. Throws data_folder_in_use where a bridge that is alive has the name: two of one name would take each other's leases; data_folder_unusable where it cannot be kept. */
export function takeHolder(folder: string): { holder: string; release: () => void } {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const release = holdLock(path.join(folder, LOCK));
    try {
      return { holder: nameIn(path.join(folder, NAME)), release };
    } catch (error) {
      release();
      throw error;
    }
  } catch (cause) {
    if (cause instanceof WeirError) throw cause;
    const message = `Cannot write the data folder ${folder}: ${messageOf(cause)}.`;
    throw new WeirError('data_folder_unusable', message, { folder }, cause);
  }
}

function nameIn(file: string): string {
  const kept = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  if (NAME_TEXT.test(kept)) return kept;
  // Not there, or cut short by a crash.
  const name = `billing-bridge ${hostname() || 'host'} ${randomUUID()}`;
  writeFileSync(`${file}.new`, `${name}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return name;
}
