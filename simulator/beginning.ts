// When a simulated network began, kept in the data folder: a second start goes on as if the first had never stopped.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { codeOf, WeirError } from '../common/runtime/errors.ts';

export interface Beginning {
  readonly network: string;
  readonly seed: number;
  /** UTC of tick 0. */
  readonly startedAtMs: number;
}

const STATE_FILE = 'simulator.json';

/** The beginning that was kept of the same network and seed; else now, which is kept. data_folder_unusable where that cannot be. */
export function beginningOf(dataFolder: string, network: string, seed: number, nowMs: number): Beginning {
  const file = path.join(dataFolder, STATE_FILE);
  const kept = read(file);
  if (kept !== null && kept.network === network && kept.seed === seed) return kept;
  const beginning = { network, seed, startedAtMs: nowMs };
  try {
    mkdirSync(dataFolder, { recursive: true });
    writeFileSync(`${file}.new`, `${JSON.stringify(beginning)}\n`);
    renameSync(`${file}.new`, file);
  } catch (cause) {
    throw new WeirError('data_folder_unusable', `Cannot write ${file}.`, { file, code: codeOf(cause) }, cause);
  }
  return beginning;
}

/** Null where there is none, or one that a crash or a hand spoilt: the network then begins anew. */
function read(file: string): Beginning | null {
  try {
    const kept: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof kept !== 'object' || kept === null) return null;
    if (!('network' in kept) || !('seed' in kept) || !('startedAtMs' in kept)) return null;
    const { network, seed, startedAtMs } = kept;
    if (typeof network !== 'string' || !Number.isSafeInteger(seed) || !Number.isSafeInteger(startedAtMs)) return null;
    return { network, seed: Number(seed), startedAtMs: Number(startedAtMs) };
  } catch {
    return null;
  }
}
