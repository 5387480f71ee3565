// Derives the keys of the request in its argument in the worker thread, prints the privacy key and ends by itself.
import type { KeyRequest } from '../../agent/snmp/key-derivation.ts';
import { KeyWorker } from '../../agent/snmp/key-worker.ts';
import { SystemClock } from '../../common/runtime/clock.ts';

const given = JSON.parse(process.argv[2] ?? '') as KeyRequest;
const worker = new KeyWorker({ clock: new SystemClock() });
const keys = await worker.derive({ ...given, engineId: Uint8Array.from(given.engineId) });
process.stdout.write(`${Buffer.from(keys.privacy ?? []).toString('hex')}\n`);
await worker.stop();
