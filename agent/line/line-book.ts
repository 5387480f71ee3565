// The thin lines of an agent: who wants to send over one waits for its turn, and everybody can see how long.
import type { DurationMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import type { LineConfig } from './config.ts';
import { Pacer } from './pacer.ts';

/** A tenth of a second's requests may go at once. */
const BURSTS_PER_SECOND = 10;

/** A line as one session uses it: sizes and patience as they were when the session was opened, the rest as it is now. */
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

/** Its sessions see at once what is configured anew. */
interface Line {
  config: LineConfig;
  pacer: Pacer | null;
  requests: number;
  waiting: number;
  pacedMs: DurationMs;
}

export class LineBook {
  readonly #clock: Clock;
  readonly #lines = new Map<string, Line>();
  readonly #count: (line: string, pacedMs: DurationMs) => void;

  constructor(reporter: Reporter, lines: readonly LineConfig[], deps: { readonly clock: Clock }) {
    this.#clock = deps.clock;
    this.configure(lines);
    const requests = reporter.counter('line_requests_total', 'Requests sent over a thin line.', ['line']);
    const seconds = reporter.counter('line_wait_seconds_total', 'How long requests waited for their turn on a line.', [
      'line',
    ]);
    this.#count = (line, pacedMs) => {
      requests.add(1, { line });
      if (pacedMs > 0) seconds.add(pacedMs / 1000, { line });
    };
  }

  /** Takes new lines: what has changed of one holds from its next packet, one that is as it was keeps its pace, and what it has done stays told. */
  configure(lines: readonly LineConfig[]): void {
    const wanted = new Map(lines.map((config) => [config.name, config]));
    for (const name of this.#lines.keys()) if (!wanted.has(name)) this.#lines.delete(name);
    for (const [name, config] of wanted) {
      const line = this.#lines.get(name);
      if (line === undefined)
        this.#lines.set(name, { config, pacer: this.#pacerOf(config), requests: 0, waiting: 0, pacedMs: 0 });
      else {
        if (line.config.requestsPerSecond !== config.requestsPerSecond) line.pacer = this.#pacerOf(config);
        line.config = config;
      }
    }
  }

  /** Devices that may be polled at once over a line; null: no bound. */
  placesOf(line: string): number | null {
    return this.#lines.get(line)?.config.inFlight ?? null;
  }

  /** For one session. Undefined for a device behind no line. */
  use(name: string | null): LineUse | undefined {
    const line = name === null ? undefined : this.#lines.get(name);
    if (line === undefined) return undefined;
    const { answerBytes, timeoutMs } = line.config;
    let pacedMs = 0;
    return {
      name: line.config.name,
      get requestsPerSecond() {
        return line.config.requestsPerSecond;
      },
      get inFlight() {
        return line.config.inFlight;
      },
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

  #pacerOf({ requestsPerSecond }: LineConfig): Pacer | null {
    if (requestsPerSecond === null) return null;
    const burst = Math.max(1, Math.floor(requestsPerSecond / BURSTS_PER_SECOND));
    return new Pacer({ packetsPerSecond: requestsPerSecond, burst }, { clock: this.#clock });
  }
}
