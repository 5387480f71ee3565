// Bill runs one at a time, whoever asks: each under the lease, by a name of its own, because two of one process must not take it from each other.
import type { DurationMs, EpochMs } from '../common/model/time.ts';
import type { Clock } from '../common/runtime/clock.ts';
import type { Reporter } from '../common/runtime/reporter.ts';
import type { BillRequest, BillRunResult } from './bill/bill-run.ts';
import type { Ledger } from './ledger.ts';
import { type LeaseKeeper, onceLeaseIsFree } from './queue/held-lease.ts';

export const BILL_LEASE = 'billing-bill';

export interface BillRunnerDeps {
  readonly ledger: Ledger;
  readonly leases: LeaseKeeper;
  readonly clock: Clock;
  readonly holder: string;
  readonly stopping: AbortSignal;
  readonly onBilled: () => void;
  /** How long a run waits for another. */
  readonly waitMs?: DurationMs;
}

/** A run under way in this process. */
export interface RunningBills {
  readonly period: string;
  readonly account: string | null;
  readonly interim: boolean;
  readonly by: string;
  readonly startedAtMs: EpochMs;
  /** Accounts; `of` is null until the lease is held. */
  readonly done: number;
  readonly of: number | null;
}

const BILL_WAIT_MS: DurationMs = 10_000;

export class BillRunner {
  readonly #reporter: Reporter;
  readonly #deps: BillRunnerDeps;
  readonly #running = new Map<number, RunningBills>();
  readonly #runs = new Set<Promise<unknown>>();
  #asked = 0;

  constructor(reporter: Reporter, deps: BillRunnerDeps) {
    this.#reporter = reporter;
    this.#deps = deps;
  }

  /** Throws run_elsewhere. */
  run(request: Omit<BillRequest, 'fence'>): Promise<BillRunResult> {
    const { ledger, leases, clock, holder, stopping, onBilled, waitMs = BILL_WAIT_MS } = this.#deps;
    this.#asked += 1;
    const number = this.#asked;
    const { period, account = null, interim, by } = request;
    const told = { period, account, interim, by, startedAtMs: clock.now() };
    this.#running.set(number, { ...told, done: 0, of: null });
    const progress = (done: number, of: number): void => {
      this.#running.set(number, { ...told, done, of });
      request.progress?.(done, of);
    };
    const options = { leases, clock, waitMs, signal: stopping, onWait: () => undefined };
    const run = onceLeaseIsFree(this.#reporter, options, BILL_LEASE, `${holder} ${number}`, ({ fence }) =>
      ledger.billRun.run({ ...request, progress, fence }),
    );
    this.#runs.add(run);
    void run
      .then(onBilled, () => undefined)
      .finally(() => {
        this.#runs.delete(run);
        this.#running.delete(number);
      });
    return run;
  }

  running(): RunningBills[] {
    return [...this.#running.values()];
  }

  /** Until no run is under way. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#runs);
  }
}
