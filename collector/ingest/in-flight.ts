// How many bodies, and how many octets of them, may be in hand at once: above it the collector asks to wait instead of swelling.
import { WeirError } from '../../common/runtime/errors.ts';
import type { CounterMetric, GaugeMetric, Reporter } from '../../common/runtime/reporter.ts';

export interface InFlightLimits {
  readonly maxBodies: number;
  readonly maxBytes: number;
}

/** Given once for each body taken in; safe to call twice. */
export type Release = () => void;

const RETRY_AFTER_SECONDS = 1;

export class InFlight {
  readonly #limits: InFlightLimits;
  readonly #gauge: GaugeMetric;
  readonly #refused: CounterMetric;
  #bodies = 0;
  #bytes = 0;

  constructor(reporter: Reporter, limits: InFlightLimits) {
    this.#limits = limits;
    this.#gauge = reporter.gauge(
      'ingest_in_flight_bytes',
      'Octets of batches between their first octet and their receipt',
    );
    this.#refused = reporter.counter('ingest_overloaded_total', 'Batches told to come again later, by bound', [
      'bound',
    ]);
  }

  /** Throws overloaded; one body is always let in, whatever its size. */
  take(bytes: number): Release {
    const full = this.#bodies >= this.#limits.maxBodies || this.#bytes + bytes > this.#limits.maxBytes;
    if (full && this.#bodies > 0) this.refuse('in_flight', RETRY_AFTER_SECONDS);
    this.#bodies += 1;
    this.#bytes += bytes;
    this.#gauge.set(this.#bytes);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#bodies -= 1;
      this.#bytes -= bytes;
      this.#gauge.set(this.#bytes);
    };
  }

  refuse(bound: string, retryAfterSeconds: number): never {
    this.#refused.add(1, { bound });
    throw new WeirError('overloaded', 'The collector has more batches in hand than it may.', {
      bound,
      retryAfterSeconds,
    });
  }
}
