// One façade for logs, metrics and health, so that a component depends on neither pino nor prom-client.
import { pino, type Logger } from 'pino';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { messageOf } from './errors.ts';
import { type Fields, plainFields, plainText } from './redaction.ts';

type Labels = Readonly<Record<string, string>>;

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

export interface ReporterOptions {
  readonly component: string;
  readonly level?: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Where log lines go; default standard error. */
  readonly write?: (line: string) => void;
}

/** Makes the reporter of a process. */
export function createReporter(options: ReporterOptions): Reporter {
  const write = options.write ?? ((line: string) => void process.stderr.write(line));
  const root = pino(
    { level: options.level ?? 'info', base: null, timestamp: pino.stdTimeFunctions.isoTime },
    { write },
  );
  return new PinoReporter(root, options.component, { registry: new Registry(), labels: new Map(), health: new Map() });
}

type Level = 'debug' | 'info' | 'warn' | 'error';

/** What a reporter and its children have in common. */
interface Shared {
  readonly registry: Registry;
  /** Of each metric, to tell when it is asked for with others. */
  readonly labels: Map<string, string>;
  readonly health: Map<string, () => HealthState>;
}

class PinoReporter implements Reporter {
  readonly #root: Logger;
  readonly #logger: Logger;
  readonly #shared: Shared;

  constructor(root: Logger, component: string, shared: Shared) {
    this.#root = root;
    this.#logger = root.child({ component });
    this.#shared = shared;
  }

  debug(message: string, fields: Fields = {}): void {
    this.#write('debug', message, fields);
  }
  info(message: string, fields: Fields = {}): void {
    this.#write('info', message, fields);
  }
  warn(message: string, fields: Fields = {}): void {
    this.#write('warn', message, fields);
  }
  error(message: string, fields: Fields = {}): void {
    this.#write('error', message, fields);
  }

  #write(level: Level, message: string, fields: Fields): void {
    if (this.#logger.isLevelEnabled(level)) this.#logger[level](plainFields(fields), plainText(message));
  }

  child(component: string): Reporter {
    return new PinoReporter(this.#root, component, this.#shared);
  }

  counter(name: string, help: string, labels: readonly string[] = []): CounterMetric {
    const metric =
      this.#existing(name, Counter, labels) ??
      new Counter({ name: `weir_${name}`, help, labelNames: [...labels], registers: [this.#shared.registry] });
    return { add: (amount = 1, values = {}) => metric.inc(values, amount) };
  }

  gauge(name: string, help: string, labels: readonly string[] = []): GaugeMetric {
    const metric =
      this.#existing(name, Gauge, labels) ??
      new Gauge({ name: `weir_${name}`, help, labelNames: [...labels], registers: [this.#shared.registry] });
    return { set: (value, values = {}) => metric.set(values, value) };
  }

  histogram(name: string, help: string, buckets: readonly number[], labels: readonly string[] = []): HistogramMetric {
    const metric =
      this.#existing(name, Histogram, labels) ??
      new Histogram({
        name: `weir_${name}`,
        help,
        buckets: [...buckets],
        labelNames: [...labels],
        registers: [this.#shared.registry],
      });
    return { observe: (value, values = {}) => metric.observe(values, value) };
  }

  health(part: string, check: () => HealthState): void {
    this.#shared.health.set(part, check);
  }

  healthStates(): Record<string, HealthState> {
    return Object.fromEntries([...this.#shared.health].map(([part, check]) => [part, stateOf(check)]));
  }

  metricsText(): Promise<string> {
    return this.#shared.registry.metrics();
  }

  #existing<T>(name: string, kind: new (...args: never[]) => T, labels: readonly string[]): T | undefined {
    const metric = this.#shared.registry.getSingleMetric(`weir_${name}`);
    const known = this.#shared.labels.get(name);
    this.#shared.labels.set(name, known ?? labels.join(' '));
    if (metric === undefined) return undefined;
    if (!(metric instanceof kind)) throw new Error(`BUG: metric ${name} was registered as another kind`);
    if (known !== labels.join(' ')) throw new Error(`BUG: metric ${name} was registered with the labels "${known}"`);
    return metric;
  }
}

/** A part that cannot say how it is, is not well. */
function stateOf(check: () => HealthState): HealthState {
  try {
    const { healthy, message } = check();
    return { healthy, message: plainText(message) };
  } catch (error) {
    return { healthy: false, message: plainText(messageOf(error)) };
  }
}
