// One running server: started by us or found running, watched until it is gone, stopped in PostgreSQL's three ways.
import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import type { Clock } from '../../runtime/clock.ts';
import { codeOf, messageOf } from '../../runtime/errors.ts';
import type { Binaries } from './packaged-binaries.ts';
import { aliveSince } from '../../runtime/process-alive.ts';
import type { RunningServer } from './postmaster.ts';
import type { ServerLog } from './server-log.ts';
import { identityOf, type ServerUser } from './server-user.ts';

export interface ServerProcess {
  readonly pid: number;
  /** Resolves, with how it ended, when the process is gone. */
  readonly gone: Promise<string>;
}

const WATCH_MS = 250;
/** Fast shutdown: sessions are ended, everything is written. Immediate: as a crash, recovered at the next start. */
const FAST_STOP_MS = 30_000;
const IMMEDIATE_STOP_MS = 5000;

/** Starts a server. In a session of its own, so that Ctrl-C reaches the supervisor only; its log is a file, so that it outlives a supervisor that is killed. */
export function launchServer(
  binaries: Binaries,
  args: readonly string[],
  cluster: string,
  user: ServerUser | null,
  log: ServerLog,
): ServerProcess {
  const descriptor = log.open();
  try {
    const child = spawn(binaries.postgres, args, {
      ...identityOf(user),
      cwd: cluster,
      env: binaries.environment,
      detached: true,
      stdio: ['ignore', descriptor, descriptor],
    });
    const gone = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(`could not be started (${messageOf(error)})`));
      child.once('exit', (code, signal) =>
        resolve(signal === null ? `ended with code ${code}` : `was ended by ${signal}`),
      );
    });
    return { pid: child.pid ?? 0, gone };
  } finally {
    closeSync(descriptor);
  }
}

/** Watches a server that an earlier supervisor started. */
export function adoptServer(found: RunningServer, clock: Clock): ServerProcess {
  return { pid: found.pid, gone: goneByLooking(found, clock) };
}

async function goneByLooking(found: RunningServer, clock: Clock): Promise<string> {
  while (aliveSince(found.pid) === found.since) await clock.sleep(WATCH_MS);
  return 'ended';
}

/** Fast shutdown, then immediate, then SIGKILL; resolves when it is gone. */
export async function stopServer(server: ServerProcess, clock: Clock): Promise<void> {
  const steps = [
    ['SIGINT', FAST_STOP_MS],
    ['SIGQUIT', IMMEDIATE_STOP_MS],
    ['SIGKILL', IMMEDIATE_STOP_MS],
  ] as const;
  for (const [signal, waitMs] of steps) {
    if (!send(server.pid, signal)) break;
    const waited = new AbortController();
    const outcome = await Promise.race([
      server.gone.then(() => 'gone' as const),
      clock.sleep(waitMs, waited.signal).then(() => 'late' as const),
    ]);
    waited.abort();
    if (outcome === 'gone') return;
  }
  await server.gone;
}

function send(pid: number, signal: NodeJS.Signals): boolean {
  if (pid === 0) return false;
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false;
    throw error;
  }
}
