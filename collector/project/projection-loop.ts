// One projection's way through the journal: its own position, pace and failures, so that no other waits for it.
import type { AuditEntry } from '../../common/database/audit.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import type { HealthState, Reporter } from '../../common/runtime/reporter.ts';
import { backoffDelay } from '../../common/runtime/retry.ts';
import type { BatchJournal } from '../journal/batch-journal.ts';
import { AsideRow } from './aside-row.ts';
import { type BatchReader, emptyBatch, type ReadEntry } from './batch-reader.ts';
import { isEntrysFault } from './failure.ts';
import type { JournaledBatch, Projection } from './projection.ts';
import { ProjectionLag } from './projection-lag.ts';
import { type ProjectionControl, type ProjectionControls, UNTOUCHED } from './projection-controls.ts';
import { type ProjectionMetrics, projectionMetrics } from './projection-metrics.ts';
import type { Quarantine } from './quarantine.ts';

export interface LoopConfig {
  readonly chunkEntries: number;
  readonly chunkBytes: number;
}

export interface LoopDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly journal: BatchJournal;
  readonly reader: BatchReader;
  readonly quarantine: Pick<Quarantine, 'keep' | 'release'>;
  readonly controls: ProjectionControls;
  readonly onCommitted: (projection: Projection['name'], entries: readonly JournaledBatch[]) => void;
}

/** A projection as it is now, for a person. */
export interface ProjectionState {
  readonly name: Projection['name'];
  /** Null until it is known. */
  readonly position: number | null;
  readonly lagEntries: number;
  readonly paused: boolean;
  /** Entries up to this position are gone through again; null where none are. */
  readonly againThrough: number | null;
  /** Failures in a row, and the last of them. */
  readonly failures: number;
  readonly lastFailure: string | null;
  /** Entries applied a second, over the last minute. */
  readonly rate: number;
}

/** Something to be done between two chunks. */
interface Errand {
  readonly run: () => Promise<void>;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

const BACKOFF = { firstMs: 200, mostMs: 30_000 };
const IDLE_MS = 5000;
/** Tries of one entry before it is set aside. */
const TRIES = 5;
/** Failures in a row from which health says so. */
const UNHEALTHY_FAILURES = 3;
const RATE_OVER_MS = 60_000;
const MOST_RATES = 1000;

export class ProjectionLoop {
  readonly projection: Projection;
  readonly #reporter: Reporter;
  readonly #config: LoopConfig;
  readonly #deps: LoopDeps;
  readonly #metrics: ProjectionMetrics;
  readonly #lag: ProjectionLag;
  #position: number | null = null;
  /** The id of the journal that the position is of. */
  #journal = '';
  #waiting: AbortController | null = null;
  /** Entries up to here were told as gone. */
  #missedThrough = 0;
  #failures = 0;
  #lastFailure = '';
  /** Up to this position entries are applied one by one, because one of them fails. */
  #singleUntil = 0;
  #tries = 0;
  readonly #aside = new AsideRow();
  #control: ProjectionControl = UNTOUCHED;
  #errands: Errand[] = [];
  /** Monotonic times and counts of the last chunks. */
  #applied: { readonly atMs: number; readonly entries: number }[] = [];

  constructor(reporter: Reporter, config: LoopConfig, deps: LoopDeps, projection: Projection) {
    this.#reporter = reporter;
    this.#config = config;
    this.#deps = deps;
    this.projection = projection;
    this.#metrics = projectionMetrics(reporter);
    this.#lag = new ProjectionLag(reporter, deps, projection.name);
    reporter.health(`projection ${projection.name}`, () => this.#health());
  }

  #health(): HealthState {
    const complaint = this.#lag.complaint();
    if (this.#failures > 0) return { healthy: this.#failures < UNHEALTHY_FAILURES, message: this.#lastFailure };
    const position = `at position ${this.#position ?? 0}`;
    return { healthy: complaint === null, message: complaint === null ? position : `${position}: ${complaint}` };
  }

  /** The committed position; null before it is known. */
  get position(): number | null {
    return this.#position;
  }

  state(): ProjectionState {
    const { journal, clock } = this.#deps;
    const sinceMs = clock.monotonicMs() - RATE_OVER_MS;
    const recent = this.#applied.filter(({ atMs }) => atMs >= sinceMs);
    return {
      name: this.projection.name,
      position: this.#position,
      lagEntries: this.#position === null ? 0 : Math.max(0, journal.lastPosition() - this.#position),
      paused: this.#control.paused,
      againThrough: this.#control.againThrough > (this.#position ?? 0) ? this.#control.againThrough : null,
      failures: this.#failures,
      lastFailure: this.#failures === 0 ? null : this.#lastFailure,
      rate: (recent.reduce((sum, { entries }) => sum + entries, 0) * 1000) / RATE_OVER_MS,
    };
  }

  /** Stops after the chunk in hand, also over a restart; the journal keeps what comes. */
  pause(paused: boolean, audit: AuditEntry): Promise<void> {
    return this.#errand(async () => this.#setControl({ ...this.#control, paused }, audit));
  }

  /** Goes back to this position and through all entries after it again. Written down is only what was set back, and what cannot be written down is taken back. */
  replay(after: number, audit: AuditEntry): Promise<void> {
    return this.#errand(async () => {
      const standing = this.#position ?? 0;
      const againThrough = Math.max(this.#control.againThrough, standing);
      await this.#rewind(after);
      try {
        await this.#setControl({ ...this.#control, againThrough }, audit);
      } catch (error) {
        // Where that fails too, the entries come without their mark and pass as applied.
        await this.#rewind(standing).catch((failure: unknown) => this.#failed(failure));
        throw error;
      }
    });
  }

  /** Something may have been appended. */
  wake(): void {
    if (this.#position !== null) this.#lag.tellAgain(this.#position);
    this.#waiting?.abort();
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#runErrands();
        const busy = !this.#control.paused && (await this.#step());
        this.#failures = 0;
        if (!busy) await this.#wait(IDLE_MS, signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#failed(error);
        await this.#deps.clock.sleep(backoffDelay(BACKOFF, this.#failures - 1, this.#deps.random), signal);
      }
    }
  }

  async #rewind(position: number): Promise<void> {
    await this.projection.rewind(this.#deps.journal.id, position);
    this.#position = position;
  }

  #errand(run: () => Promise<void>): Promise<void> {
    return new Promise((done, failed) => {
      this.#errands.push({ run, done, failed });
      this.wake();
    });
  }

  async #runErrands(): Promise<void> {
    if (this.#position === null) await this.#findPosition();
    for (let errand = this.#errands.shift(); errand !== undefined; errand = this.#errands.shift())
      await errand.run().then(errand.done, errand.failed);
  }

  async #setControl(control: ProjectionControl, audit: AuditEntry): Promise<void> {
    await this.#deps.controls.save(this.projection.name, this.#deps.journal.id, control, audit);
    this.#control = control;
  }

  /** Applies one chunk; false where there was none. */
  async #step(): Promise<boolean> {
    const position = this.#pastMissed(await this.#standing());
    const single = position < this.#singleUntil;
    const { chunkEntries, chunkBytes } = this.#config;
    const entries = await this.#deps.reader.read(position, single ? 1 : chunkEntries, chunkBytes);
    const last = entries.at(-1);
    this.#lag.tell(position, entries[0]?.journaled.receivedAtMs ?? null);
    if (last === undefined) return false;
    const startedAtMs = this.#deps.clock.monotonicMs();
    this.#lag.begins();
    try {
      await this.#apply(entries);
    } catch (error) {
      if (!isEntrysFault(error)) throw error;
      this.#singleUntil = Math.max(this.#singleUntil, last.source.position);
      const only = entries.length === 1 ? last : null;
      if (only === null || !(await this.#setAside(only, error))) throw error;
    } finally {
      this.#lag.ends();
    }
    this.#metrics.seconds.observe((this.#deps.clock.monotonicMs() - startedAtMs) / 1000, this.#labels());
    this.#commit(entries, last.source.position);
    return true;
  }

  async #apply(entries: readonly ReadEntry[]): Promise<void> {
    for (const entry of entries) {
      // The bytes must be safe before the sequence counts as applied; one projection sees to it for all.
      if (entry.quarantined !== null && this.projection.name === 'readings')
        await this.#deps.quarantine.keep('ingest', this.#deps.journal.id, entry.source, entry.quarantined);
    }
    await this.projection.apply(entries.map((entry) => this.#marked(entry)));
    this.#tries = 0;
    for (const { quarantined, source } of entries) if (quarantined === null) this.#aside.passed(source.envelope.agent);
  }

  #marked({ journaled }: ReadEntry): JournaledBatch {
    return journaled.position <= this.#control.againThrough ? { ...journaled, again: true } : journaled;
  }

  /** After enough tries keeps the entry for a person and applies an empty one in its place; false where it is to be tried again. */
  async #setAside(entry: ReadEntry, error: unknown): Promise<boolean> {
    this.#tries += 1;
    const { position, envelope } = entry.source;
    if (this.#tries < TRIES || !this.#aside.mayTake(envelope.agent)) return false;
    const { name } = this.projection;
    const { id } = this.#deps.journal;
    const reason = { code: 'batch_not_applied', message: `${codeOf(error)}: ${messageOf(error)}` };
    await this.#deps.quarantine.keep(name, id, entry.source, reason);
    try {
      const { points } = entry.journaled;
      const nothing = {
        batch: emptyBatch(envelope),
        ...(points === undefined ? {} : { points: { ...points, points: [] } }),
      };
      await this.projection.apply([{ ...entry.journaled, ...nothing }]);
    } catch (failure) {
      // Even nothing cannot be applied: it was not this entry.
      await this.#deps.quarantine.release(name, id, position);
      throw failure;
    }
    this.#tries = 0;
    this.#aside.setAside(envelope.agent);
    this.#metrics.setAside.add(1, this.#labels());
    this.#reporter.error('batch set aside', {
      projection: name,
      position,
      agent: envelope.agent,
      incarnation: envelope.incarnation,
      sequence: envelope.sequence,
      ...reason,
    });
    return true;
  }

  #commit(entries: readonly ReadEntry[], position: number): void {
    this.#position = position;
    this.#metrics.applied.add(entries.length, this.#labels());
    const nowMs = this.#deps.clock.monotonicMs();
    this.#applied = [
      ...this.#applied.filter(({ atMs }) => atMs >= nowMs - RATE_OVER_MS).slice(-MOST_RATES),
      { atMs: nowMs, entries: entries.length },
    ];
    this.#lag.tell(position, null);
    this.#deps.onCommitted(
      this.projection.name,
      entries.map((entry) => entry.journaled),
    );
  }

  async #findPosition(): Promise<number> {
    const { journal } = this.#deps;
    const found = await this.projection.position(journal.id);
    const position = this.#position === null ? await this.#ofThisJournal(found) : found;
    this.#journal = journal.id;
    this.#control = await this.#deps.controls.load(this.projection.name, journal.id);
    this.#position = position;
    return position;
  }

  /** Entries that come under positions which a later state of the journal had given would pass as applied, and be lost. */
  async #ofThisJournal(position: number): Promise<number> {
    const { journal } = this.#deps;
    if (!journal.wentBackBehind(position)) return position;
    const [was, lastPosition] = [journal.id, journal.lastPosition()];
    await journal.renew();
    this.#reporter.warn('the journal is an older state of itself; it goes on as another one', {
      projection: this.projection.name,
      position,
      lastPosition,
      was,
      journal: journal.id,
    });
    return this.projection.position(journal.id);
  }

  /** After a failure it is asked for anew: a store that lost what it had written stands further back. */
  async #standing(): Promise<number> {
    if (this.#position === null || this.#journal !== this.#deps.journal.id) return this.#findPosition();
    if (this.#failures > 0) this.#position = await this.projection.position(this.#deps.journal.id);
    return this.#position;
  }

  /** What the journal has no longer is told once and passed over: the database was set back further, or the store was too far behind. */
  #pastMissed(position: number): number {
    const kept = this.#deps.journal.firstPosition() - 1;
    if (kept <= position) return position;
    if (kept > this.#missedThrough) this.#lag.miss(Math.max(position, this.#missedThrough) + 1, kept);
    this.#missedThrough = Math.max(kept, this.#missedThrough);
    this.#position = kept;
    return kept;
  }

  #failed(error: unknown): void {
    this.#failures += 1;
    this.#lastFailure = `${codeOf(error)}: ${messageOf(error)}`;
    this.#metrics.failures.add(1, this.#labels());
    this.#reporter.warn('projection failed; it is tried again', {
      projection: this.projection.name,
      position: this.#position,
      failures: this.#failures,
      code: codeOf(error),
      message: messageOf(error),
    });
  }

  /** Until something is appended; a wake between the look and the wait is made up for by the idle time. */
  async #wait(ms: number, signal: AbortSignal): Promise<void> {
    const waiting = new AbortController();
    this.#waiting = waiting;
    const behind = !this.#control.paused && (this.#position ?? 0) < this.#deps.journal.lastPosition();
    if (behind || this.#errands.length > 0 || signal.aborted) return;
    const stop = (): void => waiting.abort();
    signal.addEventListener('abort', stop, { once: true });
    await this.#deps.clock.sleep(ms, waiting.signal);
    signal.removeEventListener('abort', stop);
    this.#waiting = null;
  }

  #labels(): { projection: string } {
    return { projection: this.projection.name };
  }
}
