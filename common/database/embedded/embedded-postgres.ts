// A real PostgreSQL in the data folder, with nothing to install: started, watched, started again after a crash, stopped with Weir.
import path from 'node:path';
import type { Clock } from '../../runtime/clock.ts';
import type { Component } from '../../runtime/component.ts';
import { messageOf, WeirError } from '../../runtime/errors.ts';
import { holdLock } from '../../runtime/process-lock.ts';
import type { Reporter } from '../../runtime/reporter.ts';
import { backoffDelay } from '../../runtime/retry.ts';
import { CLUSTER, type ClusterHome, dataFolderArgument, prepareHome } from './cluster-home.ts';
import { lastLine, prepareCluster, readPassword } from './cluster.ts';
import { DATABASE, urlOf } from './embedded-url.ts';
import { choosePort, LOOPBACK, portInUse, rememberPort } from './local-port.ts';
import { type Binaries, findPackage, prepareBinaries } from './packaged-binaries.ts';
import { clearForeignPid, endOrphans, runningServer } from './postmaster.ts';
import { commandLineOf } from './process-identity.ts';
import { proveServer } from './server-login.ts';
import { ServerLog } from './server-log.ts';
import { adoptServer, launchServer, type ServerProcess, stopServer } from './server-process.ts';

export interface EmbeddedPostgresOptions {
  /** Given wholly to this server: cluster, password, port, log. As root it becomes passable (o+x) for the server's user. */
  readonly dataFolder: string;
  /** Loopback port; 0 takes a free one and remembers it in the data folder. */
  readonly port: number;
  /** false: nothing is flushed to disk, for tests only; survives the death of the server, not of the machine. */
  readonly durable?: boolean;
}

export interface EmbeddedPostgresDeps {
  readonly clock: Clock;
  /** Default: the installed package of this platform. */
  readonly packageFolder?: string;
  /** Where root copies the binaries if its unprivileged server cannot reach the package; default /var/lib/weir. */
  readonly sharedFolder?: string;
}

const SHARED_FOLDER = '/var/lib/weir';
/** Names who watches the server. */
const SUPERVISOR_LOCK = 'supervisor.pid';
const SETTINGS = ['shared_buffers=32MB', 'max_wal_size=128MB', 'max_connections=60', 'log_checkpoints=off'];
const NOT_DURABLE = ['fsync=off', 'full_page_writes=off'];
const READY_POLL_MS = 15;
/** Recovery after a crash replays at most max_wal_size; a slow disk may take minutes for it. */
const READY_MS = 600_000;
const START_TRIES = 5;
const RESTART = { firstMs: 200, mostMs: 15_000 };
/** A server that ran this long starts its back-off anew. */
const STEADY_MS = 60_000;
const LOG_CHECK_MS = 5000;

interface Prepared {
  readonly home: ClusterHome;
  readonly cluster: string;
  readonly binaries: Binaries;
  readonly password: string;
  readonly port: number;
  readonly args: readonly string[];
}

export class EmbeddedPostgres implements Component {
  readonly #reporter: Reporter;
  readonly #options: EmbeddedPostgresOptions;
  readonly #deps: EmbeddedPostgresDeps;
  readonly #log: ServerLog;
  #stopping = new AbortController();
  #starting: Promise<void> | null = null;
  #loop: Promise<unknown> = Promise.resolve();
  #release: (() => void) | null = null;
  #server: ServerProcess | null = null;
  #url: string | null = null;
  #trouble: string | null = 'not started';

  constructor(reporter: Reporter, options: EmbeddedPostgresOptions, deps: EmbeddedPostgresDeps) {
    this.#reporter = reporter;
    this.#options = options;
    this.#deps = deps;
    this.#log = new ServerLog(path.join(options.dataFolder, 'server.log'));
  }

  /** `postgres://weir:…@127.0.0.1:PORT/weir`; after start. */
  get url(): string {
    if (this.#url === null) throw new Error('BUG: the embedded PostgreSQL has not started');
    return this.#url;
  }

  /** Number of the server's process while it runs. */
  get pid(): number | null {
    return this.#server?.pid ?? null;
  }

  /**
   * Resolves when the database takes connections. Throws data_folder_in_use, data_folder_unusable, port_in_use, postgres_not_packaged,
   * postgres_version_differs or postgres_failed.
   */
  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#starting?.catch(() => undefined);
    await this.#letGo();
    this.#starting = null;
    this.#stopping = new AbortController();
  }

  async #start(): Promise<void> {
    this.#reporter.health('embedded-postgres', () => ({
      healthy: this.#trouble === null,
      message: this.#trouble ?? 'running',
    }));
    try {
      const prepared = await this.#prepare();
      await this.#bringUp(prepared);
      this.#url = urlOf(prepared.password, prepared.port, DATABASE);
      this.#loop = Promise.all([this.#keepAlive(prepared), this.#keepLogSmall()]);
    } catch (error) {
      this.#stopping.abort();
      await this.#letGo();
      this.#stopping = new AbortController();
      this.#starting = null;
      throw error;
    }
  }

  async #letGo(): Promise<void> {
    if (this.#server !== null) await stopServer(this.#server, this.#deps.clock);
    await this.#loop;
    // The loop may have been starting it again just then.
    if (this.#server !== null) await stopServer(this.#server, this.#deps.clock);
    this.#server = null;
    this.#trouble = 'stopped';
    this.#release?.();
    this.#release = null;
  }

  /** Everything up to the server itself: folders, lock, binaries, cluster, port. */
  async #prepare(): Promise<Prepared> {
    const { dataFolder, durable = true } = this.#options;
    const packageFolder = this.#deps.packageFolder ?? findPackage();
    const sharedFolder = this.#deps.sharedFolder ?? SHARED_FOLDER;
    const home = prepareHome(dataFolder, process.getuid?.() ?? null);
    this.#release = holdLock(path.join(dataFolder, SUPERVISOR_LOCK));
    const cluster = path.join(dataFolder, CLUSTER);
    await this.#stopWithoutPassword(cluster);
    const binaries = prepareBinaries({ packageFolder, sharedFolder }, home);
    const password = await prepareCluster(home, binaries, durable);
    const port = await this.#port(cluster);
    const args = serverArguments(dataFolderArgument(home, cluster), port, durable);
    return { home, cluster, binaries, password, port, args };
  }

  /** A server that runs while its password file is lost cannot be taken over. */
  async #stopWithoutPassword(cluster: string): Promise<void> {
    const found = readPassword(this.#options.dataFolder) === null ? runningServer(cluster) : null;
    if (found !== null) await stopServer(adoptServer(found, this.#deps.clock), this.#deps.clock);
  }

  async #port(cluster: string): Promise<number> {
    const { dataFolder, port: wanted } = this.#options;
    const running = runningServer(cluster);
    const taken = running !== null && (wanted === 0 || wanted === running.port);
    const port = taken ? running.port : await choosePort(dataFolder, wanted);
    rememberPort(dataFolder, port);
    return port;
  }

  /** Takes over a server that runs already, else starts one; tries again where the remains of a crash are in the way. */
  async #bringUp(prepared: Prepared): Promise<void> {
    for (let failures = 0; ; failures += 1) {
      try {
        return await this.#bringUpOnce(prepared);
      } catch (error) {
        if (this.#stopping.signal.aborted || failures + 1 >= START_TRIES || !isWorthAnotherTry(error)) throw error;
        this.#reporter.warn('PostgreSQL did not start; trying again', { message: messageOf(error) });
        await this.#deps.clock.sleep(
          backoffDelay(RESTART, failures, () => 1),
          this.#stopping.signal,
        );
      }
    }
  }

  async #bringUpOnce(prepared: Prepared): Promise<void> {
    const { clock } = this.#deps;
    const running = runningServer(prepared.cluster);
    const logged = this.#log.size;
    if (running !== null && isStartedAs(running.pid, prepared)) {
      this.#reporter.info('taking over the PostgreSQL that runs', { pid: running.pid, port: prepared.port });
      this.#server = adoptServer(running, clock);
    } else {
      if (running !== null) await stopServer(adoptServer(running, clock), clock);
      await endOrphans(prepared.cluster, clock);
      if (clearForeignPid(prepared.cluster)) this.#reporter.warn('removed a postmaster.pid that names another process');
      if (this.#stopping.signal.aborted) throw new WeirError('not_ready', 'PostgreSQL is being stopped.');
      this.#server = launchServer(prepared.binaries, prepared.args, prepared.cluster, prepared.home.user, this.#log);
    }
    try {
      await this.#ready(this.#server, prepared, logged);
    } catch (error) {
      await stopServer(this.#server, clock);
      throw error;
    }
    this.#trouble = null;
  }

  async #ready(server: ServerProcess, prepared: Prepared, logged: number): Promise<void> {
    const { clock } = this.#deps;
    let ended: string | null = null;
    void server.gone.then((how) => (ended = how));
    const until = clock.monotonicMs() + READY_MS;
    for (;;) {
      if (this.#stopping.signal.aborted) throw new WeirError('not_ready', 'PostgreSQL is being stopped.');
      if (ended !== null) throw failure(ended, this.#log.tail(logged), prepared.port);
      if (clock.monotonicMs() > until) throw failure('is not ready in time', this.#log.tail(logged), prepared.port);
      const found = runningServer(prepared.cluster);
      if (found !== null && found.pid === server.pid && found.ready) break;
      await clock.sleep(READY_POLL_MS);
    }
    try {
      const folder = dataFolderArgument(prepared.home, prepared.cluster);
      await proveServer(urlOf(prepared.password, prepared.port, 'postgres'), folder, DATABASE);
    } catch (cause) {
      throw failure(`does not let us in (${messageOf(cause)})`, this.#log.tail(logged), prepared.port);
    }
  }

  async #keepAlive(prepared: Prepared): Promise<void> {
    const { clock } = this.#deps;
    const restarts = this.#reporter.counter(
      'embedded_postgres_restarts_total',
      'Starts after the server ended by itself',
    );
    let failures = 0;
    while (this.#server !== null) {
      const startedAt = clock.monotonicMs();
      const how = await this.#server.gone;
      if (this.#stopping.signal.aborted) return;
      if (clock.monotonicMs() - startedAt > STEADY_MS) failures = 0;
      this.#trouble = `PostgreSQL ${how}`;
      this.#reporter.error('PostgreSQL is gone; starting it again', { how });
      restarts.add();
      await clock.sleep(
        backoffDelay(RESTART, failures, () => 1),
        this.#stopping.signal,
      );
      if (this.#stopping.signal.aborted) return;
      failures += 1;
      await this.#bringUpOnce(prepared).catch((error: unknown) => {
        this.#trouble = messageOf(error);
        this.#reporter.error('PostgreSQL did not start', { message: messageOf(error) });
      });
    }
  }

  async #keepLogSmall(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        this.#log.cutBack();
      } catch (error) {
        this.#reporter.warn('the log of PostgreSQL cannot be cut back', { message: messageOf(error) });
      }
      await this.#deps.clock.sleep(LOG_CHECK_MS, signal);
    }
  }
}

function serverArguments(folder: string, port: number, durable: boolean): string[] {
  const network = [`listen_addresses=${LOOPBACK}`, 'unix_socket_directories='];
  const settings = [...network, ...SETTINGS, ...(durable ? [] : NOT_DURABLE)];
  return ['-D', folder, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])];
}

/** Whether a running server is the one we would start: same program, folder, port and settings. Where the system does not tell, its port stands for it. */
function isStartedAs(pid: number, prepared: Prepared): boolean {
  const words = commandLineOf(pid);
  if (words === null) return runningServer(prepared.cluster)?.port === prepared.port;
  return words.join('\0') === [prepared.binaries.postgres, ...prepared.args].join('\0');
}

function isWorthAnotherTry(error: unknown): boolean {
  return error instanceof WeirError && error.code === 'postgres_failed';
}

function failure(how: string, log: string, port: number): WeirError {
  if (log.includes('Address already in use')) return portInUse(port);
  const reason = log.split('\n').findLast((line) => /FATAL|PANIC/.test(line)) ?? lastLine(log);
  return new WeirError('postgres_failed', `The embedded PostgreSQL ${how}: ${reason}`, { log });
}
