// Asks the system's ping whether a host answers at all, so that a dead SNMP agent is told from a dead box. No shell, few at once, never for long.
import { execFile } from 'node:child_process';

/** unknown: there is no ping here, it may not be used, or too many wait. */
export type PingResult = 'answers' | 'silent' | 'unknown';

export interface PingOutput {
  /** Of the process; null where it could not be started or was ended. */
  readonly exitCode: number | null;
  readonly output: string;
  /** The program is not there or may not be run. */
  readonly missing: boolean;
}

/** Runs ping with these arguments; never rejects. */
export type PingRunner = (args: readonly string[], timeoutMs: number) => Promise<PingOutput>;

/** What the poll asks; a ping that the signal ends is unknown. */
export interface Reachability {
  ask(host: string, signal: AbortSignal): Promise<PingResult>;
}

export interface PingDeps {
  readonly run: PingRunner;
  readonly monotonicMs: () => number;
}

const MOST_AT_ONCE = 32;
const MOST_WAITING = 2000;
const WAIT_S = 2;
/** Two packets: one may be lost while the neighbour's address is being found. */
const PACKETS = 2;
/** Beyond what ping itself was told: then it is ended. */
const TIMEOUT_MS = 5000;
/** A machine without ping may get one. */
const LOOK_AGAIN_MS = 600_000;
/** As IPv4, IPv6 with or without zone, or a host name: never an option of ping. */
const HOST = /^[A-Za-z0-9:][A-Za-z0-9.:_%-]*$/;

export class Ping implements Reachability {
  readonly #deps: PingDeps;
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #missingUntilMs = Number.NEGATIVE_INFINITY;

  constructor(deps: PingDeps) {
    this.#deps = deps;
  }

  /** Whether ping could be used when it was last tried. */
  get available(): boolean {
    return this.#deps.monotonicMs() >= this.#missingUntilMs;
  }

  async ask(host: string, signal: AbortSignal): Promise<PingResult> {
    if (!HOST.test(host) || !this.available || this.#waiting.length >= MOST_WAITING) return 'unknown';
    if (this.#running >= MOST_AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      return signal.aborted || !this.available ? 'unknown' : await this.#ping(host, signal);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  async #ping(host: string, signal: AbortSignal): Promise<PingResult> {
    const args = ['-q', '-c', String(PACKETS), '-W', String(WAIT_S), '-w', String(WAIT_S + 1), host];
    const { exitCode, output, missing } = await this.#deps.run(args, TIMEOUT_MS);
    if (missing) this.#missingUntilMs = this.#deps.monotonicMs() + LOOK_AGAIN_MS;
    if (missing || signal.aborted) return 'unknown';
    return pingResult(exitCode, output);
  }
}

/** iputils and BusyBox end with 0 where an answer came; only packets that were sent and not answered prove silence. */
export function pingResult(exitCode: number | null, output: string): PingResult {
  if (exitCode === 0) return 'answers';
  const counts = /(\d+) packets transmitted, (\d+) (?:packets )?received/.exec(output);
  return exitCode === 1 && Number(counts?.[1] ?? 0) > 0 && counts?.[2] === '0' ? 'silent' : 'unknown';
}

/** The ping of this machine, found by `path`; nothing else of our environment goes with it. */
export function systemPing(path: string | undefined): PingRunner {
  const env = { LC_ALL: 'C', ...(path === undefined ? {} : { PATH: path }) };
  return (args, timeoutMs) =>
    new Promise((resolve) => {
      const options = { env, timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 } as const;
      execFile('ping', [...args], options, (error, output) => {
        if (error === null) return resolve({ exitCode: 0, output, missing: false });
        const missing = error.code === 'ENOENT' || error.code === 'EACCES' || error.code === 'EPERM';
        resolve({ exitCode: typeof error.code === 'number' ? error.code : null, output, missing });
      });
    });
}
