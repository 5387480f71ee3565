// One façade for logs, metrics and health, so that a component depends on neither pino nor prom-client.
import { pino, type Logger } from 'pino';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

type Labels = Readonly<Record<string, string>>;
type Fields = Readonly<Record<string, unknown>>;

export interface CounterMetric {
  add(amount?: number, labels?: Labels): void;
}
export interface GaugeMetric {
  set(value: number, labels?: Labels): void;
}
export interface HistogramMetric {
  observe(value: number, labels?: Labels): void;
}

export interface HealthState {
  readonly healthy: boolean;
  readonly message: string;
}

export interface Reporter {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** The same registry and health list, with `component` on every log line. */
  child(component: string): Reporter;
  /** Names are snake_case, prefixed weir_ by the reporter, counters end in _total. Asking again for a name returns the same metric. */
  counter(name: string, help: string, labels?: readonly string[]): CounterMetric;
  gauge(name: string, help: string, labels?: readonly string[]): GaugeMetric;
  histogram(name: string, help: string, buckets: readonly number[], labels?: readonly string[]): HistogramMetric;
  /** Registers a part of /readyz. */
  health(part: string, check: () => HealthState): void;
  healthStates(): Record<string, HealthState>;
  metricsText(): Promise<string>;
}

/** What pino must never print, wherever it stands. */
const REDACTED = [
  'token',
  'password',
  'community',
  'authPassphrase',
  'privPassphrase',
  'authorization',
  '*.token',
  '*.password',
  '*.community',
  '*.authPassphrase',
  '*.privPassphrase',
  '*.authorization',
];

export interface ReporterOptions {
  readonly component: string;
  readonly level?: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Where log lines go; default standard error. */
  readonly write?: (line: string) => void;
}

/** Makes the reporter of a process. */
export function createReporter(options: ReporterOptions): Reporter {
  const write = options.write ?? ((line: string) => void process.stderr.write(line));
  const logger = pino(
    {
      level: options.level ?? 'info',
      base: { component: options.component },
      redact: { paths: REDACTED, censor: '[secret]' },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    { write },
  );
  return new PinoReporter(logger, new Registry(), new Map());
}

class PinoReporter implements Reporter {
  readonly #logger: Logger;
  readonly #registry: Registry;
  readonly #health: Map<string, () => HealthState>;

  constructor(logger: Logger, registry: Registry, health: Map<string, () => HealthState>) {
    this.#logger = logger;
    this.#registry = registry;
    this.#health = health;
  }

  debug(message: string, fields: Fields = {}): void {
    this.#logger.debug(fields, message);
  }
  info(message: string, fields: Fields = {}): void {
    this.#logger.info(fields, message);
  }
  warn(message: string, fields: Fields = {}): void {
    this.#logger.warn(fields, message);
  }
  error(message: string, fields: Fields = {}): void {
    this.#logger.error(fields, message);
  }

  child(component: string): Reporter {
    return new PinoReporter(this.#logger.child({ component }), this.#registry, this.#health);
  }

  counter(name: string, help: string, labels: readonly string[] = []): CounterMetric {
    const metric =
      this.#existing(name, Counter) ??
      new Counter({ name: `weir_${name}`, help, labelNames: [...labels], registers: [this.#registry] });
    return { add: (amount = 1, values = {}) => metric.inc(values, amount) };
  }

  gauge(name: string, help: string, labels: readonly string[] = []): GaugeMetric {
    const metric =
      this.#existing(name, Gauge) ??
      new Gauge({ name: `weir_${name}`, help, labelNames: [...labels], registers: [this.#registry] });
    return { set: (value, values = {}) => metric.set(values, value) };
  }

  histogram(name: string, help: string, buckets: readonly number[], labels: readonly string[] = []): HistogramMetric {
    const metric =
      this.#existing(name, Histogram) ??
      new Histogram({
        name: `weir_${name}`,
        help,
        buckets: [...buckets],
        labelNames: [...labels],
        registers: [this.#registry],
      });
    return { observe: (value, values = {}) => metric.observe(values, value) };
  }

  health(part: string, check: () => HealthState): void {
    this.#health.set(part, check);
  }

  healthStates(): Record<string, HealthState> {
    return Object.fromEntries([...this.#health].map(([part, check]) => [part, check()]));
  }

  metricsText(): Promise<string> {
    return this.#registry.metrics();
  }

  #existing<T>(name: string, kind: new (...args: never[]) => T): T | undefined {
    const metric = this.#registry.getSingleMetric(`weir_${name}`);
    if (metric === undefined) return undefined;
    if (!(metric instanceof kind)) throw new Error(`BUG: metric ${name} was registered as another kind`);
    return metric;
  }
}
