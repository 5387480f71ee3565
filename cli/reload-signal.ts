// SIGHUP asks a running command to read its configuration again. Where it comes because the terminal went away it ends the command, as it always did.
import { closeSync, openSync } from 'node:fs';
import { codeOf, messageOf } from '../common/runtime/errors.ts';
import type { Reporter } from '../common/runtime/reporter.ts';

/** Calls `reload` at each SIGHUP; what it throws is logged with its code, and everything stays as it is. Gives what ends the listening. */
export function onReload(reporter: Reporter, reload: () => void | Promise<void>): () => void {
  /** One after the other, so that the last one asked for is the one that counts. */
  let turn: Promise<void> = Promise.resolve();
  const listener = (): void => {
    if (process.stderr.isTTY && terminalIsGone()) return void process.kill(process.pid, 'SIGTERM');
    turn = turn.then(reload).catch((error: unknown) =>
      reporter.error('configuration not taken up; all stays as it is', {
        code: codeOf(error),
        message: messageOf(error),
      }),
    );
  };
  process.on('SIGHUP', listener);
  return () => void process.off('SIGHUP', listener);
}

/** A process that has lost its controlling terminal cannot open it any more (tty(4)). */
function terminalIsGone(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return false;
  } catch {
    return true;
  }
}
