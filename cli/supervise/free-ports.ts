// Whether the ports of the pipeline are free, asked before anything is started: a stranger that answers there must not be taken for a child of ours.
import { createServer } from 'node:net';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf, WeirError } from '../../common/runtime/errors.ts';

const HOST = '127.0.0.1';
/** Children whose supervisor was killed notice it and end, but not at once. */
const PATIENCE_MS = 10_000;
const LOOK_AGAIN_MS = 250;

/** Throws port_in_use for the first port that stays taken. */
export async function waitForFreePorts(ports: readonly number[], clock: Clock): Promise<void> {
  const until = clock.monotonicMs() + PATIENCE_MS;
  for (const port of ports) {
    while (!(await isFree(port))) {
      if (clock.monotonicMs() >= until)
        throw new WeirError('port_in_use', `Port ${port} on ${HOST} is in use.`, { host: HOST, port });
      await clock.sleep(LOOK_AGAIN_MS);
    }
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => {
      if (codeOf(error) === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    server.listen(port, HOST, () => server.close(() => resolve(true)));
  });
}
