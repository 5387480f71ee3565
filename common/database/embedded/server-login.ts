// Logging in to the embedded server: proof that it takes connections, that it knows our password and we know its, and that it serves our cluster.
import pg from 'pg';

const CONNECT_MS = 10_000;

/** Runs `work` on one connection. SCRAM proves both sides: a stranger on the port does not know the password's verifier. */
async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: CONNECT_MS,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Makes the database if the server at `url` has none of that name; throws where the server was not told to serve `folder`. */
export async function proveServer(url: string, folder: string, database: string): Promise<void> {
  await withClient(url, async (client) => {
    const { rows } = await client.query<{ served: string; made: boolean }>(
      `select current_setting('data_directory') as served, exists (select from pg_database where datname = $1) as made`,
      [database],
    );
    const served = rows[0]?.served ?? '';
    if (served !== folder) throw new Error(`the server on this port serves ${served}`);
    if (rows[0]?.made !== true) await client.query(`create database ${client.escapeIdentifier(database)}`);
  });
}
