// The one collector that diagnoses and puts right, by lease: looks again and again, and at once where something has changed.
import { RenewedLease, type RenewedLeaseDeps } from '../../common/database/renewed-lease.ts';
import type { DurationMs } from '../../common/model/time.ts';
import type { Component } from '../../common/runtime/component.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import type { CounterMetric, Reporter } from '../../common/runtime/reporter.ts';

export interface RepairLoopDeps extends RenewedLeaseDeps {
  /** Done one after the other at each look; one that fails keeps no other. */
  readonly works: Readonly<Record<string, () => Promise<void>>>;
  /** The same, but never more often than it looks by itself: they read much. */
  readonly rareWorks: Readonly<Record<string, () => Promise<void>>>;
  /** Now and then. */
  readonly forget: () => Promise<void>;
}

const LEASE = 'repair';
const LEASE_MS: DurationMs = 30_000;
const LOOK_EVERY_MS: DurationMs = 2000;
/** Results come in bursts: so long they are gathered. */
const GATHER_MS: DurationMs = 200;
const FORGET_EVERY_MS: DurationMs = 60_000;

export class RepairLoop implements Component {
  readonly #reporter: Reporter;
  readonly #deps: RepairLoopDeps;
  readonly #failures: CounterMetric;
  readonly #stopping = new AbortController();
  #resting = new AbortController();
  #running: Promise<void> | null = null;
  readonly #lease: RenewedLease;
  #forgotAtMs = -Infinity;
  #rarelyAtMs = -Infinity;
  #woken = false;
  /** Told once, not every second. */
  readonly #failing = new Set<string>();

  constructor(reporter: Reporter, deps: RepairLoopDeps) {
    this.#reporter = reporter;
    this.#deps = deps;
    this.#lease = new RenewedLease(LEASE, LEASE_MS, deps);
    this.#failures = reporter.counter(
      'repair_looks_failed_total',
      'Looks at diagnoses and actions that failed, by part',
      ['part'],
    );
  }

  async start(): Promise<void> {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#resting.abort();
    await this.#running;
    await this.#lease.release();
  }

  /** Something has changed. */
  wake(): void {
    this.#woken = true;
    this.#resting.abort();
  }

  async #run(): Promise<void> {
    const { clock } = this.#deps;
    while (!this.#stopping.signal.aborted) {
      if (!this.#woken) await clock.sleep(LOOK_EVERY_MS, this.#resting.signal);
      if (this.#woken) await clock.sleep(GATHER_MS, this.#stopping.signal);
      this.#resting = new AbortController();
      if (this.#stopping.signal.aborted) return;
      this.#woken = false;
      await this.#look();
    }
  }

  async #look(): Promise<void> {
    let held = false;
    await this.#tried('lease', async () => {
      held = (await this.#lease.hold()) !== null;
    });
    if (!held) return;
    const { works, rareWorks } = this.#deps;
    const nowMs = this.#deps.clock.monotonicMs();
    const rarely = nowMs - this.#rarelyAtMs >= LOOK_EVERY_MS;
    if (rarely) this.#rarelyAtMs = nowMs;
    for (const [part, work] of Object.entries(rarely ? { ...rareWorks, ...works } : works)) {
      if (this.#stopping.signal.aborted) return;
      await this.#tried(part, work);
    }
    if (nowMs - this.#forgotAtMs < FORGET_EVERY_MS) return;
    this.#forgotAtMs = nowMs;
    await this.#tried('forget', this.#deps.forget);
  }

  async #tried(part: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#failing.delete(part);
    } catch (error) {
      this.#failures.add(1, { part });
      if (part === 'lease') this.#lease.drop();
      if (!this.#failing.has(part))
        this.#reporter.warn('a part of putting faults right failed', {
          part,
          code: codeOf(error),
          message: messageOf(error),
        });
      this.#failing.add(part);
    }
  }
}
