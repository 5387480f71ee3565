// The thin lines of an agent: who wants to send over one waits for its turn, and everybody can see how long.
import type { DurationMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import type { LineConfig } from './config.ts';
import { Pacer } from './pacer.ts';

/** A tenth of a second's requests may go at once. */
const BURSTS_PER_SECOND = 10;

/** A line as one session uses it. */
export interface LineUse {
  readonly name: string;
  readonly requestsPerSecond: number | null;
  readonly inFlight: number | null;
  readonly answerBytes: number;
  readonly timeoutMs: DurationMs;
  /** How long the requests of this session have waited for their turns, all together. */
  readonly pacedMs: DurationMs;
  /** Resolves when a packet may go, or at once when the signal aborts. */
  pace(signal?: AbortSignal): Promise<void>;
}

/** What a line has done since the start. */
export interface LineReport {
  readonly line: string;
  readonly requestsPerSecond: number | null;
  readonly inFlight: number | null;
  readonly answerBytes: number;
  readonly timeoutMs: DurationMs;
  readonly requests: number;
  /** Requests that wait for their turn now. */
  readonly waiting: number;
  readonly pacedMs: DurationMs;
}

interface Line {
  readonly config: LineConfig;
  readonly pacer: Pacer | null;
  requests: number;
  waiting: number;
  pacedMs: DurationMs;
}

export class LineBook {
  readonly #clock: Clock;
  readonly #lines: ReadonlyMap<string, Line>;
  readonly #count: (line: string, pacedMs: DurationMs) => void;

  constructor(reporter: Reporter, lines: readonly LineConfig[], deps: { readonly clock: Clock }) {
    this.#clock = deps.clock;
    this.#lines = new Map(lines.map((config) => [config.name, lineOf(config, deps)]));
    const requests = reporter.counter('line_requests_total', 'Requests sent over a thin line.', ['line']);
    const seconds = reporter.counter('line_wait_seconds_total', 'How long requests waited for their turn on a line.', [
      'line',
    ]);
    this.#count = (line, pacedMs) => {
      requests.add(1, { line });
      if (pacedMs > 0) seconds.add(pacedMs / 1000, { line });
    };
  }

  /** Devices that may be polled at once over a line; null: no bound. */
  placesOf(line: string): number | null {
    return this.#lines.get(line)?.config.inFlight ?? null;
  }

  /** For one session. Undefined for a device behind no line. */
  use(name: string | null): LineUse | undefined {
    const line = name === null ? undefined : this.#lines.get(name);
    if (line === undefined) return undefined;
    const { requestsPerSecond, inFlight, answerBytes, timeoutMs } = line.config;
    let pacedMs = 0;
    return {
      name: line.config.name,
      requestsPerSecond,
      inFlight,
      answerBytes,
      timeoutMs,
      get pacedMs() {
        return pacedMs;
      },
      pace: async (signal) => {
        pacedMs += await this.#take(line, signal);
      },
    };
  }

  reports(): LineReport[] {
    return [...this.#lines.values()].map(({ config, requests, waiting, pacedMs }) => {
      const { name: line, requestsPerSecond, inFlight, answerBytes, timeoutMs } = config;
      return { line, requestsPerSecond, inFlight, answerBytes, timeoutMs, requests, waiting, pacedMs };
    });
  }

  /** How long it took. */
  async #take(line: Line, signal: AbortSignal | undefined): Promise<DurationMs> {
    const fromMs = this.#clock.monotonicMs();
    line.requests += 1;
    line.waiting += 1;
    await line.pacer?.take(signal);
    line.waiting -= 1;
    const pacedMs = this.#clock.monotonicMs() - fromMs;
    line.pacedMs += pacedMs;
    this.#count(line.config.name, pacedMs);
    return pacedMs;
  }
}

function lineOf(config: LineConfig, deps: { readonly clock: Clock }): Line {
  const { requestsPerSecond } = config;
  const burst = Math.max(1, Math.floor((requestsPerSecond ?? 0) / BURSTS_PER_SECOND));
  const pacer = requestsPerSecond === null ? null : new Pacer({ packetsPerSecond: requestsPerSecond, burst }, deps);
  return { config, pacer, requests: 0, waiting: 0, pacedMs: 0 };
}
