// The way to a host by the system's own tools: how many packets are lost, and over which hops it leads. No shell, few at once, never for long.
import { execFile } from 'node:child_process';
import { WeirError } from '../../common/runtime/errors.ts';
import { Turns } from './turns.ts';

export interface ToolOutput {
  /** Null where it could not be started or was ended. */
  readonly exitCode: number | null;
  readonly output: string;
  readonly missing: boolean;
}

/** Runs a program with these arguments; never rejects. */
export type ToolRunner = (
  program: string,
  args: readonly string[],
  limits: { readonly timeoutMs: number; readonly signal: AbortSignal },
) => Promise<ToolOutput>;

export interface PingReport {
  readonly sent: number;
  readonly received: number;
  /** Milliseconds as the tool prints them; null where nothing came back. */
  readonly roundTripMs: { readonly least: string; readonly mean: string; readonly most: string } | null;
}

export interface RouteReport {
  /** traceroute, tracepath, or ping with growing time to live; none where this machine has none of them. */
  readonly tool: 'traceroute' | 'tracepath' | 'ping' | 'none';
  readonly reached: boolean;
  /** `3: 10.0.0.9 1.2 ms`, `4: *`. */
  readonly hops: readonly string[];
  readonly note?: string;
}

const MOST_AT_ONCE = 4;
const MOST_WAITING = 100;
const MOST_HOPS = 20;
const MOST_HOP_CHARACTERS = 120;
const PING_TIMEOUT_MS = 10_000;
const ROUTE_TIMEOUT_MS = 45_000;
const PROBE_TIMEOUT_MS = 4000;
/** Hops that say nothing one after the other: what lies behind says nothing either. */
const MOST_SILENT_HOPS = 4;
/** As IPv4, IPv6 with or without zone, or a host name: never an option of a tool. */
const HOST = /^[A-Za-z0-9:][A-Za-z0-9.:_%-]*$/;

export class PathTools {
  readonly #run: ToolRunner;
  readonly #turns = new Turns(MOST_AT_ONCE, MOST_WAITING);

  constructor(run: ToolRunner) {
    this.#run = run;
  }

  /** Throws tool_missing, and overloaded where too many wait. */
  async ping(host: string, signal: AbortSignal): Promise<PingReport> {
    refuseOption(host);
    return this.#turns.take(async () => {
      const args = ['-n', '-q', '-c', '5', '-i', '0.2', '-W', '2', host];
      const { output, missing } = await this.#run('ping', args, { timeoutMs: PING_TIMEOUT_MS, signal });
      const report = missing ? null : pingReport(output);
      if (report !== null) return report;
      throw new WeirError('tool_missing', 'This machine has no ping, or it may not be used here.', { tool: 'ping' });
    });
  }

  /** Throws overloaded where too many wait; that there is no tool is said in the report. */
  async route(host: string, signal: AbortSignal): Promise<RouteReport> {
    refuseOption(host);
    return this.#turns.take(async () => {
      const limits = { timeoutMs: ROUTE_TIMEOUT_MS, signal };
      const hops = String(MOST_HOPS);
      const trace = await this.#run('traceroute', ['-n', '-q', '1', '-w', '1', '-m', hops, host], limits);
      if (!trace.missing) return tracedReport('traceroute', trace.output);
      const path = await this.#run('tracepath', ['-n', '-m', hops, host], limits);
      if (!path.missing) return tracedReport('tracepath', path.output);
      return this.#probed(host, signal);
    });
  }

  async #probed(host: string, signal: AbortSignal): Promise<RouteReport> {
    const hops: string[] = [];
    let silent = 0;
    for (let ttl = 1; ttl <= MOST_HOPS && silent < MOST_SILENT_HOPS && !signal.aborted; ttl += 1) {
      const args = ['-n', '-c', '1', '-W', '1', '-t', String(ttl), host];
      const { exitCode, output, missing } = await this.#run('ping', args, { timeoutMs: PROBE_TIMEOUT_MS, signal });
      if (missing) return { tool: 'none', reached: false, hops: [], note: NO_TOOL };
      const from = /From ([0-9A-Za-z.:%]+)/.exec(output)?.[1] ?? null;
      const time = /time=([0-9.]+) ms/.exec(output)?.[1] ?? null;
      if (exitCode === 0) return { tool: 'ping', reached: true, hops: [...hops, `${ttl}: ${host} ${time ?? '?'} ms`] };
      silent = from === null ? silent + 1 : 0;
      hops.push(from === null ? `${ttl}: *` : `${ttl}: ${from}`);
    }
    return { tool: 'ping', reached: false, hops };
  }
}

const NO_TOOL = 'This machine has none of traceroute, tracepath and ping: install one beside the agent.';

function refuseOption(host: string): void {
  if (!HOST.test(host)) throw new WeirError('address_invalid', 'The address of the device is none for ping.', {});
}

/** As iputils and BusyBox print it; null where it says nothing of packets. */
export function pingReport(output: string): PingReport | null {
  const counts = /(\d+) packets transmitted, (\d+) (?:packets )?received/.exec(output);
  if (counts === null) return null;
  const times = /= ([0-9.]+)\/([0-9.]+)\/([0-9.]+)/.exec(output);
  const [, least, mean, most] = times ?? [];
  const roundTripMs = least === undefined || mean === undefined || most === undefined ? null : { least, mean, most };
  return { sent: Number(counts[1]), received: Number(counts[2]), roundTripMs };
}

/** Lines that begin with the number of a hop; a hop that tracepath tells twice counts once. */
export function tracedReport(tool: 'traceroute' | 'tracepath', output: string): RouteReport {
  const hops = new Map<number, string>();
  for (const line of output.split('\n')) {
    const match = /^\s*(\d{1,3})[:?]*\s+(.*)$/.exec(line);
    const text = (match?.[2] ?? '').trim().replaceAll(/\s+/g, ' ');
    if (match === null || text === '' || text.startsWith('[LOCALHOST]')) continue;
    const hop = Number(match[1]);
    if (hop <= MOST_HOPS) hops.set(hop, /^(\*|no reply)/.test(text) ? '*' : text.slice(0, MOST_HOP_CHARACTERS));
  }
  const told = [...hops].toSorted(([one], [other]) => one - other);
  const target = /^traceroute to \S+ \(([^)]+)\)/m.exec(output)?.[1] ?? null;
  const last = told.at(-1)?.[1] ?? '*';
  const reached = tool === 'tracepath' ? /\breached\b/.test(output) : target !== null && last.split(' ')[0] === target;
  return { tool, reached, hops: told.map(([hop, text]) => `${hop}: ${text}`) };
}

/** The tools of this machine, found by `path`; nothing else of our environment goes with them. */
export function systemTools(path: string | undefined): ToolRunner {
  const env = { LC_ALL: 'C', ...(path === undefined ? {} : { PATH: path }) };
  return (program, args, { timeoutMs, signal }) =>
    new Promise((resolve) => {
      const options = { env, timeout: timeoutMs, signal, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 } as const;
      execFile(program, [...args], options, (error, output) => {
        if (error === null) return resolve({ exitCode: 0, output, missing: false });
        const missing = error.code === 'ENOENT' || error.code === 'EACCES' || error.code === 'EPERM';
        resolve({ exitCode: typeof error.code === 'number' ? error.code : null, output, missing });
      });
    });
}
