// A PostgreSQL of the test's own: the packaged server on a free port in a temporary folder, not flushed to disk, gone with the test.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { EmbeddedPostgres } from '../../common/database/embedded/embedded-postgres.ts';
import { type OpenDatabase, openDatabase } from '../../common/database/pool.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { silentReporter } from './silent-reporter.ts';

export interface TestDatabase {
  /** Of an empty database; for what opens its own connections. */
  readonly url: string;
  /** The same, open; schemas are made by `migrate(database, …)`. */
  readonly database: OpenDatabase;
  /** The server's own folder. */
  readonly dataFolder: string;
  /** For tests that take the server away and bring it back. */
  readonly server: EmbeddedPostgres;
  readonly stop: () => Promise<void>;
}

/** Starts a server (about 0.6 s) with an empty database; call `stop` in afterAll. */
export async function startTestDatabase(maxConnections = 10): Promise<TestDatabase> {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-test-'));
  // As root the server runs as another user, who has to pass through.
  chmodSync(folder, 0o711);
  const { reporter } = silentReporter();
  const options = { dataFolder: path.join(folder, 'postgresql'), port: 0, durable: false };
  const server = new EmbeddedPostgres(reporter, options, { clock: new SystemClock() });
  await server.start();
  const database = openDatabase(reporter, { url: server.url, maxConnections, applicationName: 'weir-test' });
  const stop = async (): Promise<void> => {
    await database.close();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return { url: server.url, database, dataFolder: options.dataFolder, server, stop };
}
