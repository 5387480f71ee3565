// Runs what is scheduled: the queue wakes, a lease decides who works, and a slow timer wakes too where the queue does not answer.
import { nextDue, parseCron } from '../../common/model/cron.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Component } from '../../common/runtime/component.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import type { CounterMetric, HistogramMetric, Reporter } from '../../common/runtime/reporter.ts';
import { type HeldLease, type LeaseKeeper, underLease } from './held-lease.ts';
import type { CronTime, DeadLetter, WorkQueue } from './work-queue.ts';

export type { HeldLease, LeaseKeeper };

export interface Task {
  readonly name: string;
  /** Of one with `cron`: how often it looks whether the ledger says that it is due. */
  readonly everyMs: DurationMs;
  readonly cron?: CronTime;
  /** What is woken when this run did something. */
  readonly wakes?: string;
  /** Cannot work without the queue: is woken when that answers for the first time, not at the start. */
  readonly needsQueue?: boolean;
  /** Returns what was done, for people; `did` false where there was nothing to do. What is due comes from the ledger, never from the wake. */
  readonly run: (
    lease: HeldLease,
    progress: OnProgress,
  ) => Promise<{ readonly did: boolean; readonly summary: unknown }>;
}

/** How far a run is; `of` is null where nobody knows how much there is. */
export interface Progress {
  readonly done: number;
  readonly of: number | null;
  readonly what: string;
}

export type OnProgress = (progress: Progress) => void;

export interface TaskState {
  readonly name: string;
  readonly everyMs: DurationMs;
  readonly cron: CronTime | null;
  /** The next time of its cron; null without one. */
  readonly nextAtMs: EpochMs | null;
  readonly running: boolean;
  /** Of the run under way; null where none is, or it has not said. */
  readonly progress: (Progress & { readonly atMs: EpochMs }) | null;
  readonly runs: number;
  readonly lastStartedAtMs: EpochMs | null;
  readonly lastFinishedAtMs: EpochMs | null;
  readonly lastSummary: unknown;
  readonly lastError: string | null;
  /** Runs that began because the queue did not wake in time. */
  readonly fallbackWakes: number;
}

export interface ScheduledWorkDeps {
  readonly queue: WorkQueue;
  readonly leases: LeaseKeeper;
  readonly clock: Clock;
  /** Names this process among those that work for the same database. */
  readonly holder: string;
}

/** A schedule is late after this many intervals, but not before the floor. */
const LATE_INTERVALS = 3;
const LATE_FLOOR_MS = 5_000;
const LOOK_MS = 1_000;
/** How often the schedules are looked after: a queue that was emptied gets them back. */
const RESCHEDULE_MS = 15_000;

interface Slot {
  readonly task: Task;
  wanted: boolean;
  running: Promise<void> | null;
  runs: number;
  fallbackWakes: number;
  wokenAtMs: number;
  startedAtMs: EpochMs | null;
  finishedAtMs: EpochMs | null;
  summary: unknown;
  error: string | null;
  progress: TaskState['progress'];
}

export class ScheduledWork implements Component {
  readonly #reporter: Reporter;
  readonly #deps: ScheduledWorkDeps;
  readonly #slots = new Map<string, Slot>();
  readonly #runs: CounterMetric;
  readonly #seconds: HistogramMetric;
  #stopping = new AbortController();
  #loops: Promise<unknown> | null = null;

  constructor(reporter: Reporter, tasks: readonly Task[], deps: ScheduledWorkDeps) {
    this.#reporter = reporter.child('schedule');
    this.#deps = deps;
    for (const task of tasks)
      this.#slots.set(task.name, {
        task,
        wanted: false,
        running: null,
        runs: 0,
        fallbackWakes: 0,
        wokenAtMs: 0,
        startedAtMs: null,
        finishedAtMs: null,
        summary: null,
        error: null,
        progress: null,
      });
    this.#runs = this.#reporter.counter('scheduled_runs_total', 'Runs of scheduled work, by outcome', [
      'task',
      'outcome',
    ]);
    this.#seconds = this.#reporter.histogram(
      'scheduled_run_seconds',
      'How long a run of scheduled work takes',
      [0.01, 0.05, 0.2, 1, 5, 30, 120],
      ['task'],
    );
  }

  start(): Promise<void> {
    if (this.#loops !== null) return Promise.resolve();
    this.#stopping = new AbortController();
    for (const slot of this.#slots.values()) slot.wokenAtMs = this.#deps.clock.monotonicMs();
    this.#loops = Promise.all([this.#lookAfterLate(), this.#lookAfterSchedules()]);
    for (const { task } of this.#slots.values()) if (task.needsQueue !== true) this.wake(task.name);
    return Promise.resolve();
  }

  /** Lets runs that are under way finish. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loops;
    this.#loops = null;
    await Promise.all([...this.#slots.values()].map((slot) => slot.running ?? Promise.resolve()));
  }

  /** Asks for a run now; one that is running already is followed by exactly one more. Unknown names are ignored. */
  wake(name: string): void {
    const slot = this.#slots.get(name);
    if (slot === undefined || this.#stopping.signal.aborted || this.#loops === null) return;
    slot.wanted = true;
    slot.wokenAtMs = this.#deps.clock.monotonicMs();
    slot.running ??= this.#work(slot);
  }

  /** Wakes a task and resolves when it has run after this call. */
  async runNow(name: string): Promise<TaskState | null> {
    const slot = this.#slots.get(name);
    if (slot === undefined) return null;
    this.wake(name);
    await slot.running;
    return this.#stateOf(slot);
  }

  deadLetters(limit: number): Promise<{ readonly items: readonly DeadLetter[]; readonly all: number }> {
    return this.#deps.queue.deadLetters(limit);
  }

  async retryDeadLetter(id: string): Promise<boolean> {
    const retried = await this.#deps.queue.retry(id);
    if (retried) this.#reporter.info('a dead letter was put back on the queue', { job: id });
    return retried;
  }

  states(): TaskState[] {
    return [...this.#slots.values()].map((slot) => this.#stateOf(slot));
  }

  async #work(slot: Slot): Promise<void> {
    while (slot.wanted && !this.#stopping.signal.aborted) {
      slot.wanted = false;
      try {
        await this.#runOnce(slot).finally(() => (slot.progress = null));
      } catch (error) {
        slot.error = `${messageOf(error)} [${codeOf(error)}]`;
        slot.finishedAtMs = this.#deps.clock.now();
        this.#runs.add(1, { task: slot.task.name, outcome: 'failed' });
        // It is due again at the next wake: what is to be done is in the ledger.
        this.#reporter.warn('scheduled run failed', {
          task: slot.task.name,
          message: messageOf(error),
          code: codeOf(error),
        });
      }
    }
    // In the same turn in which nothing was wanted: a wake of the next one begins a run of its own.
    slot.running = null;
  }

  async #runOnce(slot: Slot): Promise<void> {
    const { clock, holder } = this.#deps;
    const { task } = slot;
    const done = await underLease(this.#reporter, this.#deps, `billing-${task.name}`, holder, async (lease) => {
      const startedAt = clock.monotonicMs();
      slot.startedAtMs = clock.now();
      const result = await task.run(lease, (progress) => {
        slot.progress = { ...progress, atMs: clock.now() };
      });
      this.#seconds.observe((clock.monotonicMs() - startedAt) / 1000, { task: task.name });
      return result;
    });
    if (done === null) {
      this.#runs.add(1, { task: task.name, outcome: 'elsewhere' });
      return;
    }
    slot.summary = done.result.summary;
    slot.error = null;
    slot.runs += 1;
    slot.finishedAtMs = clock.now();
    this.#runs.add(1, { task: task.name, outcome: 'done' });
    if (done.result.did && task.wakes !== undefined) this.wake(task.wakes);
  }

  async #lookAfterLate(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#deps.clock.sleep(LOOK_MS, signal);
      if (signal.aborted) return;
      const now = this.#deps.clock.monotonicMs();
      for (const slot of this.#slots.values()) {
        const { everyMs, cron } = slot.task;
        const lateMs = cron === undefined ? Math.max(LATE_FLOOR_MS, everyMs * LATE_INTERVALS) : everyMs;
        if (now - slot.wokenAtMs < lateMs || slot.running !== null) continue;
        // A look at what a cron has due is no wake that the queue forgot.
        if (cron === undefined) slot.fallbackWakes += 1;
        this.wake(slot.task.name);
      }
    }
  }

  /** Makes the schedules, and makes them again where the queue lost them; a queue that does not answer is tried for ever. */
  async #lookAfterSchedules(): Promise<void> {
    const { queue, clock } = this.#deps;
    const { signal } = this.#stopping;
    const stopped = abortOf(signal);
    let placed = false;
    for (let answered = false; !signal.aborted; ) {
      try {
        // A queue that is away is waited for without an end, which must not hold the stop.
        await (answered ? queue.start() : Promise.race([queue.start(), stopped]));
        if (signal.aborted) return;
        if (!answered) for (const { task } of this.#slots.values()) if (task.needsQueue === true) this.wake(task.name);
        answered = true;
        // A cron may have been another when the schedule was made.
        for (const { task } of this.#slots.values())
          if ((!placed && task.cron !== undefined) || !(await queue.scheduled(task.name)))
            await queue.schedule(task.name, task.cron ?? task.everyMs);
        placed = true;
      } catch (error) {
        this.#reporter.warn('the queue does not take schedules; a timer wakes meanwhile', {
          message: messageOf(error),
        });
      }
      await clock.sleep(RESCHEDULE_MS, signal);
    }
  }

  #stateOf(slot: Slot): TaskState {
    const { task } = slot;
    const cron = task.cron ?? null;
    const parsed = cron === null ? null : parseCron(cron.pattern);
    return {
      name: task.name,
      everyMs: task.everyMs,
      cron,
      nextAtMs: cron === null || parsed === null ? null : nextDue(parsed, cron.zone, this.#deps.clock.now()),
      running: slot.running !== null,
      progress: slot.progress,
      runs: slot.runs,
      lastStartedAtMs: slot.startedAtMs,
      lastFinishedAtMs: slot.finishedAtMs,
      lastSummary: slot.summary,
      lastError: slot.error,
      fallbackWakes: slot.fallbackWakes,
    };
  }
}

function abortOf(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
