// How many bodies, and how much memory for them, may be in hand at once: above it the collector asks to wait instead of swelling.
import { WeirError } from '../../common/runtime/errors.ts';
import type { CounterMetric, GaugeMetric, Reporter } from '../../common/runtime/reporter.ts';

export interface InFlightLimits {
  readonly maxBodies: number;
  readonly maxBytes: number;
}

/** One body in hand, from its first octet to its answer. */
export interface Hold {
  /** Counts memory that it is about to take beside its octets: unpacked, decoded. Throws overloaded. */
  readonly more: (bytes: number) => void;
  /** Safe to call twice. */
  readonly release: () => void;
}

const RETRY_AFTER_SECONDS = 1;

export class InFlight {
  readonly #limits: InFlightLimits;
  readonly #gauge: GaugeMetric;
  readonly #refused: CounterMetric;
  #bodies = 0;
  #bytes = 0;
  /** The one body that may go beyond the bound: a large batch must come through also where others are always in hand. */
  #beyond: Hold | null = null;

  constructor(reporter: Reporter, limits: InFlightLimits) {
    this.#limits = limits;
    this.#gauge = reporter.gauge(
      'ingest_in_flight_bytes',
      'Memory of bodies between their first octet and their answer: as announced, unpacked and decoded',
    );
    this.#refused = reporter.counter('ingest_overloaded_total', 'Batches told to come again later, by bound', [
      'bound',
    ]);
  }

  /** Of a body as it is announced. Throws overloaded; one body is always let in, whatever its size. */
  take(bytes: number): Hold {
    const full = this.#bodies >= this.#limits.maxBodies || this.#bytes + bytes > this.#limits.maxBytes;
    if (full && this.#bodies > 0) this.refuse('in_flight', RETRY_AFTER_SECONDS);
    this.#bodies += 1;
    this.#count(bytes);
    let held = bytes;
    let released = false;
    const hold: Hold = {
      more: (further) => {
        // Whoever has gone meanwhile is not answered, and counts no more.
        if (released) return;
        if (this.#bytes + further > this.#limits.maxBytes) this.#goBeyond(hold);
        held += further;
        this.#count(further);
      },
      release: () => {
        if (released) return;
        released = true;
        if (this.#beyond === hold) this.#beyond = null;
        this.#bodies -= 1;
        this.#count(-held);
      },
    };
    return hold;
  }

  refuse(bound: string, retryAfterSeconds: number): never {
    this.#refused.add(1, { bound });
    throw new WeirError('overloaded', 'The collector has more batches in hand than it may.', {
      bound,
      retryAfterSeconds,
    });
  }

  #goBeyond(hold: Hold): void {
    if (this.#beyond !== null && this.#beyond !== hold) this.refuse('in_flight', RETRY_AFTER_SECONDS);
    this.#beyond = hold;
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    this.#gauge.set(this.#bytes);
  }
}
