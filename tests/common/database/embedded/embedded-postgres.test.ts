// The packaged PostgreSQL for real: made, found again, killed, taken over, refused; as root and as an ordinary user.
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { copyTree } from '../../../../common/database/embedded/copy-tree.ts';
import {
  EmbeddedPostgres,
  type EmbeddedPostgresDeps,
  type EmbeddedPostgresOptions,
} from '../../../../common/database/embedded/embedded-postgres.ts';
import { embeddedUrlOf } from '../../../../common/database/embedded/embedded-url.ts';
import { findPackage } from '../../../../common/database/embedded/packaged-binaries.ts';
import { aliveSince } from '../../../../common/runtime/process-alive.ts';
import { SystemClock } from '../../../../common/runtime/clock.ts';
import { freePortBlock } from '../../../support/free-port.ts';
import { describeWith } from '../../../support/requirements.ts';
import { silentReporter } from '../../../support/silent-reporter.ts';
import { type Supervisor, type SupervisorProgram, supervisorProgram } from '../../../support/supervisor-process.ts';
import { waitFor } from '../../../support/weir-process.ts';

const asRoot = process.getuid?.() === 0;
const NOBODY = 65_534;
/** An ordinary user that every Linux has. */
const DAEMON = 1;

let program: SupervisorProgram;
let root: string;
let dataFolder: string;
let sharedFolder: string;
let servers: EmbeddedPostgres[] = [];
let supervisors: Supervisor[] = [];
/** Servers that may be left without a supervisor. */
let pids: number[] = [];

beforeAll(async () => {
  program = await supervisorProgram();
});
afterAll(() => program.remove());
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'weir-embedded-'));
  chmodSync(root, 0o711);
  dataFolder = path.join(root, 'postgresql');
  sharedFolder = path.join(root, 'shared');
});
afterEach(async () => {
  for (const { process: child, ended } of supervisors) {
    child.kill('SIGKILL');
    await ended;
  }
  for (const server of servers) await server.stop();
  for (const pid of pids) {
    if (aliveSince(pid) !== null) process.kill(pid, 'SIGKILL');
    await gone(pid);
  }
  [servers, supervisors, pids] = [[], [], []];
  rmSync(root, { recursive: true, force: true });
});

function make(
  options: Partial<EmbeddedPostgresOptions> = {},
  deps: Partial<EmbeddedPostgresDeps> = {},
): EmbeddedPostgres {
  const whole = { dataFolder, port: 0, durable: false, ...options };
  const server = new EmbeddedPostgres(silentReporter().reporter, whole, {
    clock: new SystemClock(),
    sharedFolder,
    ...deps,
  });
  servers.push(server);
  return server;
}

async function started(
  options: Partial<EmbeddedPostgresOptions> = {},
  deps: Partial<EmbeddedPostgresDeps> = {},
): Promise<EmbeddedPostgres> {
  const server = make(options, deps);
  await server.start();
  return server;
}

function supervisor(port = 0, user?: { uid: number; gid: number }, packageFolder = findPackage()): Supervisor {
  const one = program.start({ dataFolder, port, packageFolder, sharedFolder }, user);
  supervisors.push(one);
  return one;
}

/** What the supervisor says once its server is up. */
async function up(one: Supervisor): Promise<{ url: string; pid: number }> {
  const line = await one.line;
  if (!('url' in line)) throw new Error(JSON.stringify(line));
  pids.push(line.pid);
  return { url: line.url, pid: line.pid };
}

async function kill(one: Supervisor): Promise<void> {
  one.process.kill('SIGKILL');
  await one.ended;
}

const gone = (pid: number): Promise<void> =>
  waitFor(
    () => aliveSince(pid) === null,
    10_000,
    () => `process ${pid} still runs`,
  );

async function ask<Row extends object>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

async function eventually(url: string, text: string): Promise<void> {
  await waitFor(
    async () => (await ask(url, text).catch(() => null)) !== null,
    15_000,
    () => `no answer to ${text}`,
  );
}

const keep = (url: string): Promise<object[]> => ask(url, 'create table kept as select 7 as n');
const kept = (url: string): Promise<object[]> => ask(url, 'select n from kept');
const portOf = (url: string): number => Number(new URL(url).port);

const clusterFolder = (): string => path.join(dataFolder, 'cluster');

async function occupied(): Promise<{ port: number; close: () => void }> {
  const port = await freePortBlock(1);
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', () => resolve()));
  return { port, close: () => other.close() };
}

describe('a new data folder', () => {
  test('has a durable server on loopback, in UTF-8 and the C locale, that wants the password', async () => {
    const server = await started({ durable: true });
    expect(server.url).toMatch(/^postgres:\/\/weir:[A-Za-z0-9_-]{32}@127\.0\.0\.1:\d+\/weir$/);
    const [facts] = await ask<Record<string, string>>(
      server.url,
      `select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commits,
         current_setting('listen_addresses') as listen, current_setting('unix_socket_directories') as sockets,
         current_setting('shared_buffers') as buffers, current_setting('max_wal_size') as wal,
         current_setting('max_connections') as connections, current_setting('password_encryption') as password,
         pg_encoding_to_char(encoding) as encoding, datcollate as collation, current_setting('TimeZone') as zone
       from pg_database where datname = current_database()`,
    );
    expect(facts).toEqual({
      fsync: 'on',
      commits: 'on',
      listen: '127.0.0.1',
      sockets: '',
      buffers: '32MB',
      wal: '128MB',
      connections: '60',
      password: 'scram-sha-256',
      encoding: 'UTF8',
      collation: 'C',
      zone: 'UTC',
    });
    const rules = await ask<{ auth_method: string }>(server.url, 'select distinct auth_method from pg_hba_file_rules');
    expect(rules).toEqual([{ auth_method: 'scram-sha-256' }]);
    const wrong = new URL(server.url);
    wrong.password = 'guess';
    await expect(ask(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' });
  });

  test('shows its secrets to its owner only, and the server sees no environment of ours', async () => {
    const server = await started();
    expect(statSync(path.join(dataFolder, 'password')).mode & 0o777).toBe(0o600);
    expect(statSync(path.join(dataFolder, 'server.log')).mode & 0o777).toBe(0o600);
    expect(statSync(clusterFolder()).mode & 0o777).toBe(0o700);
    expect(readdirSync(dataFolder).filter((name) => name.includes('partial'))).toEqual([]);
    const environment = readFileSync(`/proc/${server.pid}/environ`, 'utf8').split('\0').filter(Boolean);
    const names = environment.map((one) => one.split('=')[0]).filter((name) => !name?.startsWith('PG'));
    expect(new Set(names)).toEqual(new Set(['LC_ALL', 'LD_LIBRARY_PATH', 'PATH', 'TZ']));
  });

  test('tells other commands its URL while it runs', async () => {
    expect(embeddedUrlOf(dataFolder)).toBeNull();
    const server = await started();
    expect(embeddedUrlOf(dataFolder)).toBe(server.url);
    expect(embeddedUrlOf(root)).toBe(server.url);
    await server.stop();
    expect(embeddedUrlOf(dataFolder)).toBeNull();
  });

  test('stop is safe without start and twice; start waits for what runs', async () => {
    const server = make();
    await server.stop();
    await Promise.all([server.start(), server.start()]);
    const { pid } = server;
    await Promise.all([server.stop(), server.stop()]);
    expect(aliveSince(pid ?? 0)).toBeNull();
    expect(existsSync(path.join(dataFolder, 'supervisor.pid'))).toBe(false);
  });

  test('stopped while it starts, it leaves no process and can be started again', async () => {
    const server = make();
    const start = server.start().catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 150));
    await server.stop();
    await start;
    expect(embeddedUrlOf(dataFolder)).toBeNull();
    await server.start();
    expect(await ask(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });
});

describe('the next start', () => {
  test('finds data, password and port again', async () => {
    const first = await started();
    await keep(first.url);
    await first.stop();
    const second = await started();
    expect(second.url).toBe(first.url);
    expect(await kept(second.url)).toEqual([{ n: 7 }]);
  });

  test('takes another port where the remembered one is taken meanwhile', async () => {
    const first = await started();
    await keep(first.url);
    await first.stop();
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(portOf(first.url), '127.0.0.1', () => resolve()));
    const second = await started();
    other.close();
    expect(portOf(second.url)).not.toBe(portOf(first.url));
    expect(await kept(second.url)).toEqual([{ n: 7 }]);
  });

  test('sets a new password where the file was lost, also if the server still runs', async () => {
    const orphan = supervisor();
    const before = await up(orphan);
    await keep(before.url);
    await kill(orphan);
    rmSync(path.join(dataFolder, 'password'));
    const server = await started();
    expect(new URL(server.url).password).not.toBe(new URL(before.url).password);
    expect(await kept(server.url)).toEqual([{ n: 7 }]);
    await expect(ask(before.url, 'select 1')).rejects.toThrow();
  });

  test('is not misled by a postmaster.pid whose number is another process', async () => {
    const first = await started();
    await keep(first.url);
    const pidFile = path.join(clusterFolder(), 'postmaster.pid');
    const lines = readFileSync(pidFile, 'utf8').split('\n');
    await first.stop();
    // The number of a process of the same user, as after a restart of a container.
    const victim = asRoot ? supervisor(0, { uid: NOBODY, gid: NOBODY }).process.pid : process.pid;
    writeFileSync(pidFile, [String(victim), ...lines.slice(1)].join('\n'), { mode: 0o600 });
    if (asRoot) chownSync(pidFile, statSync(clusterFolder()).uid, statSync(clusterFolder()).gid);
    expect(embeddedUrlOf(dataFolder)).toBeNull();
    const second = await started();
    expect(await kept(second.url)).toEqual([{ n: 7 }]);
  });

  test('refuses a cluster of another major version', async () => {
    const first = await started();
    await first.stop();
    writeFileSync(path.join(clusterFolder(), 'PG_VERSION'), '17\n');
    await expect(make().start()).rejects.toMatchObject({ code: 'postgres_version_differs' });
  });

  test('says in the words of the server why it does not start', async () => {
    const first = await started();
    await first.stop();
    writeFileSync(path.join(clusterFolder(), 'postgresql.conf'), 'no_such_setting = 1\n');
    const refused: unknown = await make()
      .start()
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'postgres_failed' });
    expect(String(refused)).toMatch(/no_such_setting|configuration file/);
  });
});

describe('ports', () => {
  test('one in use is a coded error', async () => {
    const other = await occupied();
    await expect(make({ port: other.port }).start()).rejects.toMatchObject({ code: 'port_in_use' });
    other.close();
    const server = await started({ port: other.port });
    expect(portOf(server.url)).toBe(other.port);
  });
});

describe('when the server is killed', () => {
  test('it comes back on the same URL with everything committed', async () => {
    const server = await started({ durable: true });
    await keep(server.url);
    for (let round = 0; round < 3; round += 1) {
      const before = server.pid ?? 0;
      process.kill(before, 'SIGKILL');
      await gone(before);
      await eventually(server.url, 'select 1');
      expect(await kept(server.url)).toEqual([{ n: 7 }]);
      expect(server.pid).not.toBe(before);
    }
  });

  test('a session that goes on without it is ended, and not in the way', async () => {
    const server = await started();
    const busy = new pg.Client({ connectionString: server.url });
    busy.on('error', () => undefined);
    await busy.connect();
    const sleeping = busy
      .query(
        "do $$ declare t timestamptz := clock_timestamp(); begin while clock_timestamp() < t + interval '25 s' loop end loop; end $$",
      )
      .then(
        () => 'finished',
        () => 'ended',
      );
    await new Promise((resolve) => setTimeout(resolve, 200));
    process.kill(server.pid ?? 0, 'SIGKILL');
    expect(await sleeping).toBe('ended');
    await eventually(server.url, 'select 1');
    await busy.end().catch(() => undefined);
  });
});

describe('when the supervisor is killed', () => {
  test('the server goes on, and the next start takes it over without a break', async () => {
    const first = supervisor();
    const { url, pid } = await up(first);
    await keep(url);
    const session = new pg.Client({ connectionString: url });
    session.on('error', () => undefined);
    await session.connect();
    await kill(first);
    const server = await started();
    expect({ url: server.url, pid: server.pid }).toEqual({ url, pid });
    expect((await session.query('select n from kept')).rows).toEqual([{ n: 7 }]);
    await session.end();
    // What was taken over is watched like a child.
    process.kill(pid, 'SIGKILL');
    await gone(pid);
    await eventually(url, 'select n from kept');
    const second = server.pid ?? 0;
    expect(second).not.toBe(pid);
    await server.stop();
    expect(aliveSince(second)).toBeNull();
  });

  test('and the server with it, the next start recovers', async () => {
    const first = supervisor();
    const { url, pid } = await up(first);
    await keep(url);
    await kill(first);
    process.kill(pid, 'SIGKILL');
    const server = await started();
    expect(await kept(server.url)).toEqual([{ n: 7 }]);
  });

  test('a server that was started with another port is started again on the one asked for', async () => {
    const first = supervisor();
    const { url, pid } = await up(first);
    await keep(url);
    await kill(first);
    const port = await freePortBlock(1);
    const server = await started({ port });
    expect(portOf(server.url)).toBe(port);
    expect(aliveSince(pid)).toBeNull();
    expect(await kept(server.url)).toEqual([{ n: 7 }]);
  });

  test('at any moment of the first start, a later one makes it whole', async () => {
    for (const afterMs of [60, 120, 200, 300, 400, 500, 650]) {
      const one = supervisor();
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      await kill(one);
    }
    const server = await started();
    pids.push(server.pid ?? 0);
    expect(await ask(server.url, 'select current_database() as name')).toEqual([{ name: 'weir' }]);
    const leftOver = readdirSync(path.dirname(clusterFolder())).filter((name) => name.startsWith('cluster.partial'));
    expect(leftOver).toEqual([]);
  });
});

describe('a second supervisor', () => {
  test('is refused while the first lives, in this process or another', async () => {
    const server = await started();
    await expect(make().start()).rejects.toMatchObject({ code: 'data_folder_in_use' });
    expect(await supervisor().line).toMatchObject({ code: 'data_folder_in_use' });
    expect(await ask(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await server.stop();
    await up(supervisor());
  });

  test('of many that start at once exactly one runs it', async () => {
    // A lock that a dead process left makes it harder: all of them want to clear it.
    mkdirSync(dataFolder, { mode: 0o711 });
    writeFileSync(path.join(dataFolder, 'supervisor.pid'), JSON.stringify({ pid: 4_000_000, since: 'long ago' }));
    const lines = await Promise.all(Array.from({ length: 5 }, () => supervisor().line));
    const running = lines.filter((line) => 'url' in line);
    for (const line of running) pids.push(line.pid);
    expect(running).toHaveLength(1);
    expect(lines.filter((line) => 'code' in line && line.code === 'data_folder_in_use')).toHaveLength(4);
  });
});

describe('packages', () => {
  test('a platform without one is told, with the way out', () => {
    expect(() => findPackage('sunos', 'sparc')).toThrow(/database\.url/);
    expect(() => findPackage('linux', 's390x')).toThrow(expect.objectContaining({ code: 'postgres_not_packaged' }));
  });

  test('one that is empty, or built for another C library, as well', async () => {
    const packageFolder = path.join(root, 'package');
    mkdirSync(path.join(packageFolder, 'native', 'bin'), { recursive: true });
    await expect(make({}, { packageFolder }).start()).rejects.toMatchObject({ code: 'postgres_not_packaged' });
    // A program whose loader is missing, as glibc's is on musl.
    writeFileSync(path.join(packageFolder, 'native', 'bin', 'postgres'), '#!/no/such/loader\n', { mode: 0o755 });
    await expect(make({}, { packageFolder }).start()).rejects.toMatchObject({ code: 'postgres_not_packaged' });
  });
});

describeWith('root', 'as root', () => {
  const userOf = (pid: number | null): string | undefined =>
    /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];

  test('the server runs as nobody, without groups of root', async () => {
    const server = await started();
    expect(userOf(server.pid)).toBe(String(NOBODY));
    expect(/^Groups:[ \t]*(.*)$/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]?.trim()).toBe('');
    expect(existsSync(sharedFolder)).toBe(false);
  });

  test('it runs as the owner of the folder where that is not root, also next time', async () => {
    chownSync(root, DAEMON, DAEMON);
    const first = await started();
    expect(userOf(first.pid)).toBe(String(DAEMON));
    await first.stop();
    expect(userOf((await started()).pid)).toBe(String(DAEMON));
  });

  test('it runs as nobody where the owner has no name: initdb would refuse', async () => {
    chownSync(root, 54_321, 54_321);
    expect(userOf((await started()).pid)).toBe(String(NOBODY));
  });

  test('a cluster restored by root is given back to the server', async () => {
    const first = await started();
    await keep(first.url);
    await first.stop();
    for (const place of [clusterFolder(), path.join(clusterFolder(), 'PG_VERSION'), path.join(clusterFolder(), 'base')])
      chownSync(place, 0, 0);
    expect(await kept((await started()).url)).toEqual([{ n: 7 }]);
  });

  describe('below a folder that is closed to the server', () => {
    beforeEach(() => chmodSync(root, 0o700));

    test('the data stays where it was asked to be, through kills and take-overs', async () => {
      const first = supervisor();
      const { url, pid } = await up(first);
      expect(userOf(pid)).toBe(String(NOBODY));
      await keep(url);
      expect(embeddedUrlOf(dataFolder)).toBe(url);
      await kill(first);
      const server = await started({ durable: false });
      expect({ url: server.url, pid: server.pid }).toEqual({ url, pid });
      process.kill(pid, 'SIGKILL');
      await gone(pid);
      await eventually(url, 'select n from kept');
      await server.stop();
      expect(await kept((await started()).url)).toEqual([{ n: 7 }]);
      expect(statSync(clusterFolder()).uid).toBe(NOBODY);
      expect(existsSync(sharedFolder)).toBe(false);
    });

    test('a session of its own, parallel workers and a crash inside work as anywhere', async () => {
      const server = await started();
      await ask(server.url, 'create table many as select generate_series(1, 50000) as n');
      const [counted] = await ask<{ n: string }>(
        server.url,
        "select set_config('debug_parallel_query', 'on', false), count(*)::text as n from many",
      );
      expect(counted?.n).toBe('50000');
      const backend = await ask<{ pid: number }>(
        server.url,
        'select pid from pg_stat_activity where backend_type = $$checkpointer$$',
      );
      process.kill(backend[0]?.pid ?? 0, 'SIGKILL');
      await eventually(server.url, 'select from many limit 1');
    });

    test('a folder made for it with mode 0700 is made passable, and a lost password set anew', async () => {
      mkdirSync(dataFolder, { mode: 0o700 });
      const first = await started();
      await keep(first.url);
      await first.stop();
      rmSync(path.join(dataFolder, 'password'));
      const second = await started();
      expect(second.url).not.toBe(first.url);
      expect(await kept(second.url)).toEqual([{ n: 7 }]);
      expect(statSync(dataFolder).mode & 0o777).toBe(0o711);
    });
  });

  test('binaries in a closed home are copied to where the server can run them; a damaged copy is made anew', async () => {
    const closed = path.join(root, 'closed');
    mkdirSync(closed, { mode: 0o700 });
    const packageFolder = path.join(closed, 'package');
    copyTree(findPackage(), packageFolder);
    const first = await started({}, { packageFolder });
    await keep(first.url);
    const copy = path.join(sharedFolder, readdirSync(sharedFolder)[0] ?? '');
    expect(path.basename(copy)).toMatch(/^postgresql-18\./);
    expect(readFileSync(`/proc/${first.pid}/cmdline`, 'utf8')).toContain(copy);
    await first.stop();
    truncateSync(path.join(copy, 'bin', 'postgres'), 1000);
    truncateSync(path.join(copy, 'share', 'postgresql', 'timezonesets', 'Default'), 0);
    const second = await started({}, { packageFolder });
    expect(await kept(second.url)).toEqual([{ n: 7 }]);
    expect(statSync(path.join(copy, 'share', 'postgresql', 'timezonesets', 'Default')).size).toBeGreaterThan(0);
    expect(readdirSync(sharedFolder)).toHaveLength(1);
  });

  test('a place for the copy that others may write is not trusted', async () => {
    const packageFolder = path.join(root, 'closed', 'package');
    mkdirSync(path.join(root, 'closed'), { mode: 0o700 });
    copyTree(findPackage(), packageFolder);
    mkdirSync(sharedFolder);
    chmodSync(sharedFolder, 0o777);
    await expect(make({}, { packageFolder }).start()).rejects.toMatchObject({ code: 'data_folder_unusable' });
  });

  test('an ordinary user runs it all as itself', async () => {
    const packageFolder = path.join(root, 'package');
    copyTree(findPackage(), packageFolder);
    chownSync(root, DAEMON, DAEMON);
    chmodSync(root, 0o700);
    const first = supervisor(0, { uid: DAEMON, gid: DAEMON }, packageFolder);
    const { url, pid } = await up(first);
    expect(userOf(pid)).toBe(String(DAEMON));
    await keep(url);
    await kill(first);
    const second = supervisor(0, { uid: DAEMON, gid: DAEMON }, packageFolder);
    expect(await up(second)).toEqual({ url, pid });
    second.process.kill('SIGTERM');
    await second.ended;
    expect(aliveSince(pid)).toBeNull();
    expect(existsSync(sharedFolder)).toBe(false);
  });
});
