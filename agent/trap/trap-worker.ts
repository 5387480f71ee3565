// Entry of the receiver's thread. A build needs it as a file beside receiver.js; nothing imports it.
import { parentPort, workerData } from 'node:worker_threads';
import { SystemClock } from '../../common/runtime/clock.ts';
import type { ToThread, TrapSettings } from './exchange.ts';
import { TrapThread } from './trap-thread.ts';

/** Errors of malformed messages are made by the thousand and read by nobody. */
Error.stackTraceLimit = 0;

const port = parentPort;
if (port === null) throw new Error('BUG: trap-worker is no program of its own');
const thread = new TrapThread(workerData as TrapSettings, {
  clock: new SystemClock(),
  post: (message) => port.postMessage(message),
});
port.on('message', (message: ToThread) => {
  thread.handle(message);
  if (message.kind === 'stop') port.unref();
});
await thread.start();
