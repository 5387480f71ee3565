// The agent's durable queue: polls are gathered into batches, a batch stays until the collector says applied, and what a bound drops is told.
import { type JournalDeps, openJournal, type OpenJournal } from '../../common/journal/lmdb-journal.ts';
import type { SequenceGap, Watermark } from '../../common/model/batch.ts';
import type { DeviceEvent } from '../../common/model/event.ts';
import type { Poll } from '../../common/model/poll.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Component } from '../../common/runtime/component.ts';
import { codeOf, messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { CounterMetric, GaugeMetric, Reporter } from '../../common/runtime/reporter.ts';
import { encodeBatch } from '../../common/wire/batch-codec.ts';
import { lastWrittenBefore } from './age-bound.ts';
import { Arrivals } from './arrivals.ts';
import { contentsOf, Gathering, type GatheringBounds, type Waiting } from './gathering.ts';
import { addGap, type GapReason, gapsBefore, gapsFromNote, gapsToNote } from './gap-list.ts';
import { noteOf, sequenceFrom } from './sequence-note.ts';
import { SpoolThinning } from './spool-thinning.ts';
import { estimatedBytes, eventBytes, fromEntry, relabelled, type SpooledBatch, toEntry } from './spooled-batch.ts';

export interface SpoolConfig extends GatheringBounds {
  /** The agent's name. */
  readonly agent: string;
  readonly folder: string;
  /** Bytes of batches kept while the collector is away. */
  readonly maxBytes: number;
  /** How long they are kept, in time that the agent runs. */
  readonly maxAgeMs: DurationMs;
  /** Nothing is written while the disk has less than this free. */
  readonly reserveBytes: number;
}

/** What fits everywhere; `maxBatchPolls` below the number of devices polled at once, so that a busy agent does not wait for `lingerMs`. */
export const SPOOL_DEFAULTS = {
  lingerMs: 1000,
  maxBatchPolls: 100,
  maxBatchBytes: 2 * 1024 * 1024,
  reserveBytes: 64 * 1024 * 1024,
} as const;

export interface SpoolDeps extends JournalDeps {
  readonly clock: Clock;
}

const GAPS_NOTE = 'gaps';
const RELABEL_NOTE = 'relabel';
const APPLIED_NOTE = 'applied';
/** Polls that wait to be written, in bytes; above it they are refused. */
const MOST_WAITING_BYTES = 256 * 1024 * 1024;
const AGE_CHECK_MS = 60_000;
/** Less than this is not thinned because a disk is full: others have filled it. */
const WORTH_THINNING_BYTES = 2 * 1024 * 1024;
/** Steps of thinning for one batch that finds no room on the disk. */
const MOST_STEPS = 64;
/** In a log line. */
const DEVICES_NAMED = 5;

export class Spool implements Component {
  readonly #reporter: Reporter;
  readonly #config: SpoolConfig;
  readonly #deps: SpoolDeps;
  readonly #written: CounterMetric;
  readonly #refused: CounterMetric;
  readonly #dropped: CounterMetric;
  readonly #size: GaugeMetric;
  readonly #arrivals: Arrivals;
  readonly #gathering: Gathering;
  readonly #thinning: SpoolThinning;
  #stopping = new AbortController();
  #journal: OpenJournal | null = null;
  #lastAtStart = 0;
  /** Sequences up to this one were written under an earlier incarnation. */
  #relabelUpTo = 0;
  #gaps: readonly SequenceGap[] = [];
  #applied = 0;
  #sentUpTo = 0;
  #spoolTimeAtZeroMs = 0;
  #writing: Promise<void> = Promise.resolve();
  #aging: Promise<void> = Promise.resolve();

  constructor(reporter: Reporter, config: SpoolConfig, deps: SpoolDeps) {
    this.#reporter = reporter;
    this.#config = config;
    this.#deps = deps;
    this.#gathering = new Gathering(config, deps.clock, () => void this.flush());
    this.#arrivals = new Arrivals(deps.clock);
    this.#thinning = new SpoolThinning(reporter);
    this.#written = reporter.counter('spool_batches_total', 'Batches written to the spool');
    this.#refused = reporter.counter('spool_polls_refused_total', 'Polls the spool could not keep, by code', ['code']);
    this.#dropped = reporter.counter('spool_batches_dropped_total', 'Batches given up, by reason', ['reason']);
    this.#size = reporter.gauge('spool_bytes', 'Bytes kept in the spool');
  }

  /** Random id made with the spool file: a new spool is a new sequence. */
  get incarnation(): string {
    return this.#open.id;
  }

  /** The oldest kept; `lastSequence` + 1 where none is. */
  get firstSequence(): number {
    return this.#open.firstPosition();
  }

  get lastSequence(): number {
    return this.#open.lastPosition();
  }

  /** What the spool held when it was opened: a collector that has more knows a later state of it. */
  get lastSequenceAtStart(): number {
    return this.#lastAtStart;
  }

  /** Opens the journal; data_folder_unusable, data_folder_in_use, journal_damaged. */
  start(): Promise<void> {
    if (this.#journal !== null) return Promise.resolve();
    // The spool keeps its bound itself, by thinning and dropping: the journal must not refuse the newest before.
    const bounds = { maxBytes: this.#config.maxBytes * 2, maxPendingBytes: MOST_WAITING_BYTES };
    const journal = openJournal(this.#reporter, { ...this.#config, ...bounds }, this.#deps);
    this.#journal = journal;
    this.#stopping = new AbortController();
    this.#lastAtStart = journal.lastPosition();
    this.#gaps = gapsBefore(gapsFromNote(journal.note(GAPS_NOTE)), journal.firstPosition());
    this.#relabelUpTo = sequenceFrom(journal.note(RELABEL_NOTE));
    this.#applied = sequenceFrom(journal.note(APPLIED_NOTE));
    this.#sentUpTo = 0;
    this.#thinning.open(journal);
    const newest = this.#entryAt(journal.lastPosition());
    this.#spoolTimeAtZeroMs = (newest?.spoolTimeMs ?? 0) - this.#deps.clock.monotonicMs();
    this.#size.set(journal.sizeBytes());
    this.#aging = this.#agingLoop(this.#stopping.signal);
    return Promise.resolve();
  }

  /** Writes what waits, then closes the journal. */
  async stop(): Promise<void> {
    if (this.#journal === null) return;
    this.#stopping.abort();
    await this.#aging;
    await this.flush();
    await this.#journal.close();
    this.#journal = null;
    this.#arrivals.wake();
  }

  /**
   * Takes a poll (or only a watermark) for the next batch. Resolves once it is durable; rejects with a code where it cannot be kept:
   * then it is a missed poll, its counters accumulate in the device and the next one spans it.
   */
  accept(poll: Poll | null, watermark: Watermark): Promise<void> {
    return this.#take({ poll, watermark, event: null }, estimatedBytes(poll));
  }

  /** Takes what happened at a device; resolves once it is durable, so that an inform may be acknowledged then. Rejects as accept does. */
  acceptEvent(event: DeviceEvent): Promise<void> {
    return this.#take({ poll: null, watermark: null, event }, eventBytes(event));
  }

  #take(one: Pick<Waiting, 'poll' | 'watermark' | 'event'>, bytes: number): Promise<void> {
    if (this.#journal === null) return Promise.reject(new WeirError('not_ready', 'The spool is not open.'));
    if (this.#gathering.bytes + bytes > MOST_WAITING_BYTES) {
      const error = new WeirError('journal_full', 'Too many polls wait to be written to the spool.');
      this.#refused.add(1, { code: error.code });
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => this.#gathering.add({ ...one, bytes, resolve, reject }));
  }

  /** Writes what waits; resolves when it is on the disk or was refused. */
  flush(): Promise<void> {
    const group = this.#gathering.drain();
    return group.length > 0 ? this.#inTurn(() => this.#keep(group)) : this.#writing;
  }

  /** The oldest batch after a sequence; null where there is none, or while one that the disk damaged waits for those before it to be applied. */
  async next(after: number): Promise<SpooledBatch | null> {
    for (;;) {
      try {
        const [entry] = this.#open.read(after, 1, 0);
        if (entry === undefined) return null;
        const batch = fromEntry(entry);
        return batch.sequence > this.#relabelUpTo ? batch : relabelled(batch, this.incarnation);
      } catch (error) {
        if (!(error instanceof WeirError && error.code === 'journal_damaged')) throw error;
        const position = error.detail['position'];
        if (position !== this.firstSequence) return null;
        await this.#inTurn(() => this.#giveUpDamaged(position));
        if (this.firstSequence === position) return null;
      }
    }
  }

  /** The highest sequence under this incarnation that was forgotten because it was applied; 0 where none was. */
  get appliedSequence(): number {
    return this.#applied;
  }

  /** The batch is on its way: from now on a collector may hold it. */
  markSent(sequence: number): void {
    this.#sentUpTo = Math.max(this.#sentUpTo, sequence);
  }

  /** Forgets batches up to and including the sequence: the collector has applied them. A disk without room even for that is met again at the next receipt. */
  async trimApplied(sequence: number): Promise<void> {
    if (sequence < this.firstSequence) return;
    try {
      await Promise.all([this.#open.setNote(APPLIED_NOTE, noteOf(sequence)), this.#open.trim(sequence)]);
      this.#applied = sequence;
    } catch (error) {
      this.#reporter.warn('spool not trimmed', { sequence, code: codeOf(error), message: messageOf(error) });
    }
    this.#size.set(this.#open.sizeBytes());
    if (this.#open.sizeBytes() < this.#config.maxBytes / 2) this.#thinning.rest();
  }

  /** When the oldest batch was made; null where none is kept. */
  oldestCreatedAtMs(): EpochMs | null {
    return this.#entryAt(this.firstSequence)?.createdAtMs ?? null;
  }

  /** Goes on under a new incarnation: the collector has seen a later state of this file, so its next sequences are taken. */
  async renew(): Promise<void> {
    const upTo = this.lastSequence;
    const note = this.#open.setNote(RELABEL_NOTE, noteOf(upTo));
    await Promise.all([note, this.#open.setNote(APPLIED_NOTE, noteOf(0)), this.#open.renewId()]);
    this.#relabelUpTo = upTo;
    this.#applied = 0;
    this.#sentUpTo = 0;
    this.#lastAtStart = upTo;
    this.#reporter.warn('the spool goes on under a new incarnation', { incarnation: this.incarnation, upTo });
  }

  /** Resolves when there is a batch after the sequence, or after the time. */
  async arrival(after: number, ms: DurationMs, signal: AbortSignal): Promise<void> {
    if (this.lastSequence <= after && !signal.aborted) await this.#arrivals.wait(ms, signal);
  }

  get #open(): OpenJournal {
    if (this.#journal === null) throw new WeirError('not_ready', 'The spool is not open.');
    return this.#journal;
  }

  #spoolTimeMs(): DurationMs {
    return this.#spoolTimeAtZeroMs + this.#deps.clock.monotonicMs();
  }

  /** The entry, or null where there is none or the disk changed it. */
  #entryAt(sequence: number): SpooledBatch | null {
    try {
      const [entry] = this.#open.read(sequence - 1, 1, 0);
      return entry === undefined ? null : fromEntry(entry);
    } catch (error) {
      if (codeOf(error) === 'journal_damaged') return null;
      throw error;
    }
  }

  /** One after the other: the sequence in a batch is the position it gets, and the gaps it reports are those of that moment. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#writing = this.#writing.then(work);
    return this.#writing;
  }

  /** Writes the group as one batch, or as several where it does not fit into one; what fits into none is refused alone. */
  async #keep(group: readonly Waiting[]): Promise<void> {
    await this.#makeRoom(group.reduce((sum, one) => sum + one.bytes, 0));
    const sequence = this.lastSequence + 1;
    const gaps = this.#gaps;
    let position: number;
    try {
      position = await this.#append(this.#encode(group, sequence, gaps));
    } catch (error) {
      const noRoom = error instanceof WeirError && error.code !== 'batch_too_large';
      if (noRoom || group.length === 1) return this.#refuse(group, error);
      const half = Math.ceil(group.length / 2);
      await this.#keep(group.slice(0, half));
      return this.#keep(group.slice(half));
    }
    if (position !== sequence) throw new Error(`BUG: batch ${sequence} stands at ${position}`);
    this.#written.add();
    this.#size.set(this.#open.sizeBytes());
    for (const one of group) one.resolve();
    this.#arrivals.wake();
    if (gaps.length > 0) await this.#forgetGaps();
  }

  /** On a full disk the room is in what is kept: where that is much, it is thinned, some of it at each call. */
  async #append(entry: Uint8Array): Promise<number> {
    for (let steps = 0; ; steps += 1) {
      try {
        return await this.#open.append(entry);
      } catch (error) {
        const hopeless = steps === MOST_STEPS || this.#open.sizeBytes() < WORTH_THINNING_BYTES;
        if (codeOf(error) !== 'journal_full' || hopeless || !(await this.#shrink())) throw error;
      }
    }
  }

  #encode(group: readonly Waiting[], sequence: number, gaps: readonly SequenceGap[]): Uint8Array {
    const createdAtMs = this.#deps.clock.now();
    const bytes = encodeBatch({
      agent: this.#config.agent,
      incarnation: this.incarnation,
      sequence,
      createdAtMs,
      thinned: false,
      ...contentsOf(group),
      gaps,
    });
    return toEntry({ createdAtMs, spoolTimeMs: this.#spoolTimeMs(), bytes });
  }

  #refuse(group: readonly Waiting[], error: unknown): void {
    const code = codeOf(error);
    this.#refused.add(group.filter(({ poll }) => poll !== null).length, { code });
    const some = group.slice(0, DEVICES_NAMED);
    const devices = some.map(({ watermark, event }) => watermark?.device ?? event?.device ?? '');
    this.#reporter.error('polls not kept', { polls: group.length, devices, code, message: messageOf(error) });
    for (const one of group) one.reject(error);
  }

  /** Makes kept batches smaller, some of them at each call; false where nothing is left that may go without an octet. */
  async #shrink(): Promise<boolean> {
    return (await this.#thinning.step(this.#sentUpTo)) || (await this.#thinning.dropNotifications(this.#sentUpTo));
  }

  /** Thins what is kept until so many bytes fit; where nothing is left to thin, gives up the oldest tenth, again and again. */
  async #makeRoom(bytes: number): Promise<void> {
    while (this.#open.sizeBytes() + bytes > this.#config.maxBytes && this.firstSequence <= this.lastSequence) {
      if (await this.#shrink()) continue;
      const tenth = Math.max(1, Math.floor((this.lastSequence - this.firstSequence + 1) / 10));
      if (!(await this.#giveUp(this.firstSequence + tenth - 1, 'spool_bytes'))) return;
    }
  }

  async #giveUpDamaged(sequence: number): Promise<void> {
    if (sequence === this.firstSequence) await this.#giveUp(sequence, 'spool_damaged');
  }

  async #agingLoop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#inTurn(() => this.#giveUpOld());
      await this.#deps.clock.sleep(AGE_CHECK_MS, signal);
    }
  }

  async #giveUpOld(): Promise<void> {
    const boundMs = this.#spoolTimeMs() - this.#config.maxAgeMs;
    const old = lastWrittenBefore(this.firstSequence, this.lastSequence, boundMs, (at) => this.#entryAt(at));
    if (old >= this.firstSequence) await this.#giveUp(old, 'spool_age');
  }

  /** Drops batches up to the sequence; the next batch says that they are missing. False where the disk has no room even for that. */
  async #giveUp(upTo: number, reason: GapReason): Promise<boolean> {
    const gap = { firstSequence: this.firstSequence, lastSequence: upTo, reason };
    const gaps = addGap(this.#gaps, gap);
    try {
      // In one tick: in one commit, as far as a commit reaches.
      await Promise.all([this.#open.setNote(GAPS_NOTE, gapsToNote(gaps)), this.#open.trim(upTo)]);
    } catch (error) {
      this.#reporter.error('batches cannot be given up', { ...gap, code: codeOf(error), message: messageOf(error) });
      return false;
    }
    this.#gaps = gaps;
    this.#dropped.add(upTo - gap.firstSequence + 1, { reason });
    this.#size.set(this.#open.sizeBytes());
    this.#reporter.error('batches given up', gap);
    return true;
  }

  /** They were told; where the note stays they are told again after a start, which changes nothing. */
  async #forgetGaps(): Promise<void> {
    this.#gaps = [];
    await this.#open.setNote(GAPS_NOTE, gapsToNote([])).catch((error: unknown) => {
      this.#reporter.warn('note of the spool not written', { code: codeOf(error), message: messageOf(error) });
    });
  }
}
