// What is done of itself to the DuckDB file beside the writing: each minute roll-ups, each hour retention and compaction.
import type { EpochMs } from '../../common/model/time.ts';
import { Breather } from '../../common/runtime/breather.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import type { CounterMetric, Reporter } from '../../common/runtime/reporter.ts';
import type { DuckDbOpening } from './duckdb-opening.ts';
import { RollUpLag } from './roll-up-lag.ts';
import type { StoreConfig } from './store-config.ts';
import { retainedFrom } from './tier-plan.ts';

const RETENTION_EVERY_MS = 3_600_000;
const ROLL_UP_EVERY_MS = 60_000;
/** Readings of an hour are there so long after its end, or come late. */
const ROLL_UP_AFTER_MS = 900_000;

export interface UpkeepDeps {
  readonly clock: Clock;
  readonly opening: DuckDbOpening;
}

export class DuckDbUpkeep {
  readonly #reporter: Reporter;
  readonly #config: StoreConfig;
  readonly #clock: Clock;
  readonly #opening: DuckDbOpening;
  readonly #buckets: CounterMetric;
  readonly #lag: RollUpLag;

  constructor(reporter: Reporter, config: StoreConfig, { clock, opening }: UpkeepDeps) {
    this.#reporter = reporter;
    this.#config = config;
    this.#clock = clock;
    this.#opening = opening;
    this.#buckets = reporter.counter('store_buckets_total', 'Five-minute buckets that readings were rolled up to');
    this.#lag = new RollUpLag(reporter, clock.now());
    this.tellLag();
  }

  /** Until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    let retainAtMs = this.#clock.monotonicMs() + RETENTION_EVERY_MS;
    while (!signal.aborted) {
      await this.#clock.sleep(ROLL_UP_EVERY_MS, signal);
      if (signal.aborted) return;
      await this.rollUp(this.#clock.now() - ROLL_UP_AFTER_MS, signal).catch((error: unknown) =>
        this.#warn('roll-up failed', error),
      );
      if (this.#clock.monotonicMs() < retainAtMs) continue;
      retainAtMs = this.#clock.monotonicMs() + RETENTION_EVERY_MS;
      await this.retain(this.#clock.now()).catch((error: unknown) => this.#warn('old readings not forgotten', error));
    }
  }

  /** Rolls up the whole hours before that time, and late readings. */
  async rollUp(beforeMs: EpochMs, signal: AbortSignal): Promise<void> {
    try {
      for (let more = true; more && !signal.aborted; ) {
        const rolled = await this.#opening.changing(async ({ rollUp }) => {
          this.#lag.rolled(rollUp.marks, null);
          const step = await rollUp.run(beforeMs, new Breather(this.#clock));
          this.#lag.rolled(rollUp.marks, beforeMs);
          return step;
        });
        this.#buckets.add(rolled.buckets);
        more = rolled.more;
      }
    } finally {
      this.tellLag();
    }
  }

  /** Deletes of each tier what is older than its retention; what is not yet rolled up stays. */
  async retain(nowMs: EpochMs): Promise<void> {
    const { rollUp } = await this.#opening.opened();
    const before = retainedFrom(nowMs, this.#config, rollUp.marks.get('5m') ?? null);
    if (before === null) return;
    await this.forgetBefore(before.raw);
    await this.#opening.changing(async (opened) => {
      await opened.rollUp.forget(before);
      await opened.writer.forgetUnused();
      await opened.file.checkpoint();
    });
  }

  /** Deletes readings older than that. */
  async forgetBefore(beforeMs: EpochMs): Promise<void> {
    await this.#opening.changing(async (opened) => {
      await opened.writer.forgetBefore(beforeMs);
      opened.rollUp.marks.set('raw_from', beforeMs);
    });
  }

  /** The clock goes on while a roll-up hangs: whoever writes tells it too. */
  tellLag(): void {
    this.#lag.tell(this.#clock.now() - ROLL_UP_AFTER_MS);
  }

  #warn(what: string, error: unknown): void {
    this.#reporter.warn(what, { code: codeOf(error), message: messageOf(error) });
  }
}
