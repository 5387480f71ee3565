// What `postmaster.pid` says of a server, held against the processes that really run.
import { readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Clock } from '../../runtime/clock.ts';
import { codeOf } from '../../runtime/errors.ts';
import { aliveSince } from '../../runtime/process-alive.ts';
import { commandLineOf, nameOf, workingFolderOf } from './process-identity.ts';

const ORPHAN_MS = 5000;
const ORPHAN_POLL_MS = 20;

export interface RunningServer {
  readonly pid: number;
  readonly since: string;
  readonly port: number;
  /** It takes connections. */
  readonly ready: boolean;
}

/** The live server on this cluster, or null. A process that merely got the same number is not taken for it. */
export function runningServer(clusterFolder: string): RunningServer | null {
  const lines = readPidFile(clusterFolder);
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  if (!Number.isInteger(pid) || pid <= 1) return null;
  const since = aliveSince(pid);
  if (since === null || !isServerOf(pid, clusterFolder)) return null;
  return { pid, since, port, ready: lines[7]?.trim() === 'ready' };
}

/** Removes a postmaster.pid whose number another process of ours has now: PostgreSQL would refuse to start for ever. Kept while any process still stands in the cluster. */
export function clearForeignPid(clusterFolder: string): boolean {
  const pid = Number(readPidFile(clusterFolder)[0]);
  if (!Number.isInteger(pid) || aliveSince(pid) === null) return false;
  if (process.platform !== 'linux' || runningServer(clusterFolder) !== null) return false;
  if (processesIn(clusterFolder).length > 0) return false;
  rmSync(path.join(clusterFolder, 'postmaster.pid'));
  return true;
}

/** Ends what a server that was killed left running on the cluster: PostgreSQL does not start beside them, and without their server they serve nobody for long. Linux only; elsewhere they end by themselves. */
export async function endOrphans(clusterFolder: string, clock: Clock): Promise<void> {
  if (process.platform !== 'linux') return;
  const until = clock.monotonicMs() + ORPHAN_MS;
  while (runningServer(clusterFolder) === null) {
    const orphans = processesIn(clusterFolder);
    if (orphans.length === 0) return;
    const signal = clock.monotonicMs() > until ? 'SIGKILL' : 'SIGQUIT';
    for (const pid of orphans) end(pid, signal);
    await clock.sleep(ORPHAN_POLL_MS);
  }
}

function end(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}

/** Numbers of the PostgreSQL processes whose working folder is the cluster: a server and all its helpers, also those that outlived it. */
function processesIn(clusterFolder: string): number[] {
  const real = realPath(clusterFolder);
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => workingFolderOf(pid) === real && nameOf(pid) === 'postgres' && aliveSince(pid) !== null);
}

function isServerOf(pid: number, clusterFolder: string): boolean {
  const words = commandLineOf(pid);
  if (words === null) return true; // no /proc here: the log-in with our password has to prove it
  if (!/(^|\/)postgres(\.exe)?$/.test(words[0] ?? '')) return false;
  const folder = workingFolderOf(pid);
  return folder === null ? words.includes(clusterFolder) : folder === realPath(clusterFolder);
}

function readPidFile(clusterFolder: string): readonly string[] {
  try {
    return readFileSync(path.join(clusterFolder, 'postmaster.pid'), 'utf8').split('\n');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return [];
    throw error;
  }
}

function realPath(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return path.resolve(folder);
  }
}
