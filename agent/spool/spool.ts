// The agent's durable queue: polls are gathered into batches, a batch stays until the collector says applied, and what a bound drops is told.
import type { SequenceGap, Watermark } from '../../common/model/batch.ts';
import type { Poll } from '../../common/model/poll.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Component } from '../../common/runtime/component.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import type { Journal, JournalEntry } from '../../common/journal/journal.ts';
import type { CounterMetric, GaugeMetric, Reporter } from '../../common/runtime/reporter.ts';
import { encodeBatch } from '../../common/wire/batch-codec.ts';

export interface SpoolConfig {
  /** The agent's name. */
  readonly agent: string;
  /** A batch is written at the latest this long after its first poll came. */
  readonly lingerMs: number;
  /** A batch is written at once with this many polls. */
  readonly maxBatchPolls: number;
  /** Batches kept while the collector is away. */
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

export interface SpoolDeps {
  readonly clock: Clock;
  readonly journal: Journal;
}

/** Where a batch of the spool begins: 8 bytes of creation time before the encoded batch, so that age is known without decoding. */
const STAMP_BYTES = 8;
const GAPS_NOTE = 'gaps';

export interface SpooledBatch {
  readonly sequence: number;
  readonly createdAtMs: number;
  readonly bytes: Uint8Array;
}

export class Spool implements Component {
  readonly #reporter: Reporter;
  readonly #config: SpoolConfig;
  readonly #deps: SpoolDeps;
  readonly #stopping = new AbortController();
  readonly #written: CounterMetric;
  readonly #refused: CounterMetric;
  readonly #dropped: CounterMetric;
  readonly #size: GaugeMetric;
  #polls: Poll[] = [];
  #watermarks = new Map<string, number>();
  #gaps: SequenceGap[];
  #oldestWaitingMs: number | null = null;
  #writing: Promise<void> = Promise.resolve();
  #loop: Promise<void> = Promise.resolve();
  #arrivals: (() => void)[] = [];

  constructor(reporter: Reporter, config: SpoolConfig, deps: SpoolDeps) {
    this.#reporter = reporter;
    this.#config = config;
    this.#deps = deps;
    this.#gaps = readGaps(deps.journal.note(GAPS_NOTE));
    this.#written = reporter.counter('spool_batches_total', 'Batches written to the spool');
    this.#refused = reporter.counter('spool_polls_refused_total', 'Polls the spool could not keep, by code', ['code']);
    this.#dropped = reporter.counter(
      'spool_batches_dropped_total',
      'Batches given up because a bound was reached, by bound',
      ['bound'],
    );
    this.#size = reporter.gauge('spool_bytes', 'Bytes kept in the spool');
  }

  /** Random id made with the spool file: a new spool is a new sequence. */
  get incarnation(): string {
    return this.#deps.journal.id;
  }

  get lastSequence(): number {
    return this.#deps.journal.lastPosition();
  }

  get firstSequence(): number {
    return this.#deps.journal.firstPosition();
  }

  async start(): Promise<void> {
    this.#loop = this.#lingerLoop();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
    await this.flush();
    this.#wakeReaders();
  }

  /** Takes a poll (or only a watermark) for the next batch. */
  accept(poll: Poll | null, watermark: Watermark): void {
    this.#oldestWaitingMs ??= this.#deps.clock.monotonicMs();
    if (poll !== null) this.#polls.push(poll);
    this.#watermarks.set(watermark.device, watermark.completeUntilMs);
    if (this.#polls.length >= this.#config.maxBatchPolls) void this.flush();
  }

  /** Writes what waits; resolves when it is on the disk or was refused. A refused poll is a missed poll: its counters accumulate in the device. */
  flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  /** The batches after a sequence, oldest first, at most `most`. */
  read(after: number, most: number, maxBytes: number): SpooledBatch[] {
    return this.#deps.journal.read(after, most, maxBytes).map(toBatch);
  }

  /** Forgets batches up to and including the sequence: the collector has applied them. */
  async trimApplied(sequence: number): Promise<void> {
    if (sequence >= this.firstSequence) await this.#deps.journal.trim(sequence);
    this.#size.set(this.#deps.journal.sizeBytes());
  }

  /** Resolves when there is a batch after the sequence, or after the time. */
  async arrival(after: number, ms: number, signal: AbortSignal): Promise<void> {
    if (this.lastSequence > after || signal.aborted) return;
    let arrived: () => void = () => undefined;
    const arrival = new Promise<void>((resolve) => {
      arrived = resolve;
      this.#arrivals.push(resolve);
    });
    await Promise.race([arrival, this.#deps.clock.sleep(ms, signal)]);
    this.#arrivals = this.#arrivals.filter((one) => one !== arrived);
  }

  async #lingerLoop(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#deps.clock.sleep(Math.max(50, this.#config.lingerMs / 4), signal);
      const waited = this.#oldestWaitingMs === null ? 0 : this.#deps.clock.monotonicMs() - this.#oldestWaitingMs;
      if (this.#oldestWaitingMs !== null && waited >= this.#config.lingerMs) await this.flush();
      await this.#dropOld();
    }
  }

  async #write(): Promise<void> {
    const polls = this.#polls;
    const watermarks = [...this.#watermarks].map(([device, completeUntilMs]) => ({ device, completeUntilMs }));
    if (polls.length === 0 && watermarks.length === 0) return;
    this.#polls = [];
    this.#watermarks = new Map();
    this.#oldestWaitingMs = null;
    await this.#makeRoom();
    const { journal, clock } = this.#deps;
    const sequence = journal.lastPosition() + 1;
    const createdAtMs = clock.now();
    const gaps = this.#gaps;
    const batch = {
      agent: this.#config.agent,
      incarnation: journal.id,
      sequence,
      createdAtMs,
      thinned: false,
      polls,
      watermarks,
      gaps,
    };
    try {
      const position = await journal.append(stamp(createdAtMs, encodeBatch(batch)));
      if (position !== sequence) throw new Error(`BUG: batch ${sequence} stands at ${position}`);
      if (gaps.length > 0) await this.#setGaps(this.#gaps.slice(gaps.length));
      this.#written.add();
    } catch (error) {
      if (messageOf(error).startsWith('BUG:')) throw error;
      this.#refused.add(polls.length, { code: codeOf(error) });
      this.#reporter.error('polls could not be kept', {
        polls: polls.length,
        code: codeOf(error),
        message: messageOf(error),
      });
      return;
    }
    this.#size.set(journal.sizeBytes());
    this.#wakeReaders();
  }

  #wakeReaders(): void {
    for (const arrived of this.#arrivals.splice(0)) arrived();
  }

  /** Gives up the oldest tenth once the bound is reached; the next batch says which sequences are missing. */
  async #makeRoom(): Promise<void> {
    const { journal } = this.#deps;
    if (journal.sizeBytes() < this.#config.maxBytes) return;
    const kept = journal.lastPosition() - journal.firstPosition() + 1;
    await this.#giveUp(journal.firstPosition() + Math.max(1, Math.floor(kept / 10)) - 1, 'bytes');
  }

  async #dropOld(): Promise<void> {
    const { journal, clock } = this.#deps;
    const oldest = journal.read(journal.firstPosition() - 1, 1, 1)[0];
    if (oldest !== undefined && clock.now() - toBatch(oldest).createdAtMs > this.#config.maxAgeMs)
      await this.#giveUp(oldest.position, 'age');
  }

  async #giveUp(upTo: number, bound: 'bytes' | 'age'): Promise<void> {
    const { journal } = this.#deps;
    const first = journal.firstPosition();
    const gap = { firstSequence: first, lastSequence: upTo, reason: `spool bound reached: ${bound}` };
    this.#dropped.add(upTo - first + 1, { bound });
    this.#reporter.error('batches given up', { ...gap });
    const last = this.#gaps.at(-1);
    const joined = last !== undefined && last.lastSequence + 1 === first && last.reason === gap.reason;
    const gaps = joined ? [...this.#gaps.slice(0, -1), { ...last, lastSequence: upTo }] : [...this.#gaps, gap];
    await this.#setGaps(gaps);
    await journal.trim(upTo);
  }

  async #setGaps(gaps: SequenceGap[]): Promise<void> {
    this.#gaps = gaps;
    await this.#deps.journal.setNote(GAPS_NOTE, Buffer.from(JSON.stringify(gaps)));
  }
}

function stamp(createdAtMs: number, bytes: Uint8Array): Uint8Array {
  const stamped = Buffer.allocUnsafe(STAMP_BYTES + bytes.length);
  stamped.writeDoubleLE(createdAtMs, 0);
  stamped.set(bytes, STAMP_BYTES);
  return stamped;
}

function toBatch(entry: JournalEntry): SpooledBatch {
  const bytes = Buffer.from(entry.bytes.buffer, entry.bytes.byteOffset, entry.bytes.byteLength);
  return { sequence: entry.position, createdAtMs: bytes.readDoubleLE(0), bytes: bytes.subarray(STAMP_BYTES) };
}

function readGaps(note: Uint8Array | undefined): SequenceGap[] {
  if (note === undefined) return [];
  const gaps: unknown = JSON.parse(Buffer.from(note).toString('utf8'));
  if (!Array.isArray(gaps)) return [];
  return gaps.filter(
    (gap: unknown): gap is SequenceGap =>
      typeof gap === 'object' && gap !== null && 'firstSequence' in gap && 'lastSequence' in gap && 'reason' in gap,
  );
}
