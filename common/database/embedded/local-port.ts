// The loopback port of the embedded server: the one given, or a free one that the data folder remembers.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { codeOf, WeirError } from '../../runtime/errors.ts';

export const LOOPBACK = '127.0.0.1';
const PORT = 'port';

/** The remembered port, or null. */
export function rememberedPort(dataFolder: string): number | null {
  try {
    const port = Number(readFileSync(path.join(dataFolder, PORT), 'utf8'));
    return Number.isInteger(port) && port > 0 && port < 65_536 ? port : null;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

export function rememberPort(dataFolder: string, port: number): void {
  const file = path.join(dataFolder, PORT);
  writeFileSync(`${file}.new`, `${port}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** A port to listen on; `wanted` 0 lets us choose. Throws port_in_use. */
export async function choosePort(dataFolder: string, wanted: number): Promise<number> {
  if (wanted !== 0) {
    if ((await listenOnce(wanted)) === null) throw portInUse(wanted);
    return wanted;
  }
  const remembered = rememberedPort(dataFolder);
  if (remembered !== null && (await listenOnce(remembered)) !== null) return remembered;
  const free = await listenOnce(0);
  if (free === null) throw portInUse(0);
  return free;
}

export function portInUse(port: number): WeirError {
  return new WeirError('port_in_use', `Port ${port} on ${LOOPBACK} is in use.`, { host: LOOPBACK, port });
}

/** The port, when it could be listened on; null where another process does. */
function listenOnce(port: number): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => {
      if (codeOf(error) === 'EADDRINUSE') resolve(null);
      else reject(error);
    });
    server.listen(port, LOOPBACK, () => {
      const address = server.address();
      const got = typeof address === 'object' && address !== null ? address.port : port;
      server.close(() => resolve(got));
    });
  });
}
