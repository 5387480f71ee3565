// Runs every projection beside the others, and forgets of the journal what all of them have applied.
import type { AuditEntry } from '../../common/database/audit.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Component } from '../../common/runtime/component.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { codeOf, messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { GaugeMetric, Reporter } from '../../common/runtime/reporter.ts';
import type { BatchJournal } from '../journal/batch-journal.ts';
import type { BatchReader } from './batch-reader.ts';
import type { ProjectionControls } from './projection-controls.ts';
import { type LoopConfig, ProjectionLoop, type ProjectionState } from './projection-loop.ts';
import type { JournaledBatch, Projection } from './projection.ts';
import type { Quarantine } from './quarantine.ts';

export interface RunnerConfig extends LoopConfig {
  /** Applied entries kept nevertheless, so that a projection can be set back a little and replayed. */
  readonly keepEntries: number;
  /** Beyond those, applied entries that are younger than this are kept as long as the journal takes no more than these octets. */
  readonly keepMs: DurationMs;
  readonly keepBytes: number;
  /** How long a person waits for a projection that is at a chunk; default ten seconds. */
  readonly patienceMs?: DurationMs;
  /** Where the journal takes more than this, it no longer waits for the metric store: what is waited for is evidence, not graphs. */
  readonly storeBacklogBytes: number;
}

export interface RunnerDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly journal: BatchJournal;
  readonly reader: BatchReader;
  readonly quarantine: Pick<Quarantine, 'keep' | 'release'>;
  readonly controls: ProjectionControls;
  /** Called after each commit of a projection. */
  readonly onCommitted: (projection: Projection['name'], entries: readonly JournaledBatch[]) => void;
  /** Must be durable before entries are forgotten. */
  readonly beforeTrim: () => Promise<void>;
}

/** Trimming is a commit of its own: it waits until it is worth one. */
const TRIM_ENTRIES = 256;
const TRIM_EVERY_MS = 10_000;
const TRIM_STEP = 512;
const PATIENCE_MS: DurationMs = 10_000;
/** No more than must be is taken from the store. */
const SKIP_STEP = 32;

export class ProjectionRunner implements Component {
  readonly #reporter: Reporter;
  readonly #config: RunnerConfig;
  readonly #deps: RunnerDeps;
  readonly #loops: readonly ProjectionLoop[];
  readonly #stopping = new AbortController();
  readonly #journalBytes: GaugeMetric;
  #running: Promise<unknown> | null = null;
  #trimming: Promise<void> | null = null;
  /** Ends the wait before a trim. */
  #trimNap = new AbortController();
  #trimmedAtMs = Number.NEGATIVE_INFINITY;

  constructor(reporter: Reporter, config: RunnerConfig, deps: RunnerDeps, projections: readonly Projection[]) {
    this.#reporter = reporter;
    this.#config = config;
    this.#deps = deps;
    const onCommitted: RunnerDeps['onCommitted'] = (projection, entries) => {
      deps.onCommitted(projection, entries);
      this.#trimSoon();
    };
    this.#loops = projections.map((one) => new ProjectionLoop(reporter, config, { ...deps, onCommitted }, one));
    this.#journalBytes = reporter.gauge('journal_bytes', 'Octets of the entries kept in the journal');
  }

  async start(): Promise<void> {
    this.#running ??= Promise.all(this.#loops.map((loop) => loop.run(this.#stopping.signal)));
  }

  /** Ends after the chunks in hand; what is not applied stays in the journal. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#trimNap.abort();
    await this.#running;
    await this.#trimming;
  }

  /** Something was appended. */
  wake(): void {
    for (const loop of this.#loops) loop.wake();
    this.#journalBytes.set(this.#deps.journal.sizeBytes());
  }

  states(): readonly ProjectionState[] {
    return this.#loops.map((loop) => loop.state());
  }

  /** Throws projection_busy where the chunk in hand lasts; it takes effect after it. */
  pause(name: string, paused: boolean, audit: AuditEntry): Promise<void> {
    return this.#soon(name, this.#loop(name).pause(paused, audit));
  }

  /** `from`: the first position that is gone through again; returns how many entries that are. Throws replay_too_old where the journal has it no longer. */
  async replay(name: string, from: number, audit: AuditEntry): Promise<number> {
    const { journal } = this.#deps;
    const first = journal.firstPosition();
    if (from < first)
      throw new WeirError('replay_too_old', `The journal begins at position ${first}.`, {
        firstPosition: first,
        firstReceivedAtMs: this.#receivedAtMs(first),
      });
    const loop = this.#loop(name);
    const entries = Math.max(0, journal.lastPosition() - from + 1);
    await this.#soon(name, loop.replay(Math.min(from - 1, loop.position ?? 0), { ...audit, after: { from, entries } }));
    return entries;
  }

  /** The first position that arrived at that time or later; the one after the last where none did. */
  positionAt(atMs: EpochMs): number {
    const { journal } = this.#deps;
    let [low, high] = [journal.firstPosition(), journal.lastPosition() + 1];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((this.#receivedAtMs(middle) ?? atMs) < atMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #receivedAtMs(position: number): EpochMs | null {
    return this.#deps.journal.read(position - 1, 1, 1)[0]?.envelope.receivedAtMs ?? null;
  }

  #loop(name: string): ProjectionLoop {
    const loop = this.#loops.find(({ projection }) => projection.name === name);
    if (loop === undefined)
      throw new WeirError('not_found', `There is no projection ${name.slice(0, 40)}.`, {
        projections: this.#loops.map(({ projection }) => projection.name),
      });
    return loop;
  }

  /** Committed positions by projection; null where not known yet. */
  positions(): Readonly<Record<string, number | null>> {
    return Object.fromEntries(this.#loops.map((loop) => [loop.projection.name, loop.position]));
  }

  #trimSoon(): void {
    if (this.#stopping.signal.aborted) return;
    const entries = this.#trimmable() - this.#deps.journal.firstPosition() + 1;
    if (this.#trimming !== null) {
      if (entries >= TRIM_ENTRIES) this.#trimNap.abort();
      return;
    }
    if (entries < 1) return;
    const waitMs = entries < TRIM_ENTRIES ? this.#trimmedAtMs + TRIM_EVERY_MS - this.#deps.clock.monotonicMs() : 0;
    this.#trimming = this.#trimAfter(waitMs).finally(() => {
      this.#trimming = null;
    });
  }

  /** A full journal takes no batch, so that no further commit would come to try again: what is too early now is done later. */
  async #trimAfter(waitMs: number): Promise<void> {
    const { clock } = this.#deps;
    this.#trimNap = new AbortController();
    if (waitMs > 0) await clock.sleep(waitMs, this.#trimNap.signal);
    if (this.#stopping.signal.aborted) return;
    this.#trimmedAtMs = clock.monotonicMs();
    await this.#trim(this.#trimmable());
  }

  async #trim(upTo: number): Promise<void> {
    try {
      if (this.#isWorthKeeping(this.#deps.journal.firstPosition())) return;
      await this.#deps.beforeTrim();
      // One step is one synchronous commit: a long backlog is forgotten bit by bit.
      const applied = this.#neededByNobody(this.#loops);
      for (let step = this.#deps.journal.firstPosition(); step <= upTo; step = this.#deps.journal.firstPosition()) {
        const skips = step > applied;
        if (skips && !this.#storeIsTooFar()) break;
        const last = Math.min(skips ? upTo : Math.min(applied, upTo), step + (skips ? SKIP_STEP : TRIM_STEP) - 1);
        if (this.#isWorthKeeping(last)) break;
        await this.#deps.journal.trim(last);
      }
      this.#journalBytes.set(this.#deps.journal.sizeBytes());
    } catch (error) {
      this.#reporter.warn('journal not trimmed', { code: codeOf(error), message: messageOf(error) });
    }
  }

  /** Nobody who asks waits as long as a projection that hangs. */
  async #soon(name: string, work: Promise<void>): Promise<void> {
    const done = new AbortController();
    const late = this.#deps.clock.sleep(this.#config.patienceMs ?? PATIENCE_MS, done.signal).then((): never => {
      throw new WeirError('projection_busy', `The projection ${name} is still at a chunk; this follows it.`);
    });
    late.catch(() => undefined);
    // Told to whoever asked as long as that one waits.
    work.catch(() => undefined);
    try {
      await Promise.race([work, late]);
    } finally {
      done.abort();
    }
  }

  /** For a replay. */
  #isWorthKeeping(position: number): boolean {
    const { journal, clock } = this.#deps;
    if (journal.sizeBytes() > this.#config.keepBytes) return false;
    return clock.now() - (this.#receivedAtMs(position) ?? 0) < this.#config.keepMs;
  }

  /** The last position that may go. */
  #trimmable(): number {
    const awaited = this.#loops.filter(({ projection }) => projection.name !== 'store');
    return this.#neededByNobody(this.#storeIsTooFar() ? awaited : this.#loops);
  }

  #storeIsTooFar(): boolean {
    return this.#deps.journal.sizeBytes() > this.#config.storeBacklogBytes;
  }

  #neededByNobody(loops: readonly ProjectionLoop[]): number {
    const positions = loops.map((loop) => loop.position ?? 0);
    return Math.min(...positions, this.#deps.journal.lastPosition() - this.#config.keepEntries);
  }
}
