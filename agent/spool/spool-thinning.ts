// Makes room in a full spool without losing an octet: rewrites batches with fewer polls, oldest first, on a coarser and coarser grid.
import { setImmediate } from 'node:timers/promises';
import type { Journal, JournalEntry } from '../../common/journal/journal.ts';
import type { DurationMs } from '../../common/model/time.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import type { CounterMetric, Reporter } from '../../common/runtime/reporter.ts';
import { decodeBatch, encodeBatch } from '../../common/wire/batch-codec.ts';
import { fromEntry, toEntry } from './spooled-batch.ts';
import { type Decided, Thinner } from './thinner.ts';

/** Everything is on one grid before anything is on the next: an outage has one resolution. */
const GRIDS_MS: readonly DurationMs[] = [300_000, 900_000, 3_600_000, 86_400_000];
const DONE_NOTE = 'thinned';
/** A step reads or writes no more than this at once: polls are taken meanwhile. */
const STEP_BATCHES = 16;
const STEP_BYTES = 256 * 1024;

interface Level {
  readonly gridMs: DurationMs;
  /** The grid of the level before; 0 for the first. */
  readonly givenMs: DurationMs;
  thinner: Thinner;
  /** The last sequence that the thinner has seen, and the last that is on the grid. */
  seen: number;
  done: number;
}

/** Sequences that are thinned without regard to those beside them: above `after`, up to and including `last`. */
interface Stretch {
  readonly after: number;
  readonly last: number;
}

export class SpoolThinning {
  readonly #reporter: Reporter;
  readonly #thinned: CounterMetric;
  readonly #notifications: CounterMetric;
  #journal: Journal | null = null;
  /** A collector may hold what is up to this sequence. */
  #sentUpTo = 0;
  #unsent: readonly Level[] = levelsFrom([]);
  #sent: readonly Level[] = levelsFrom([]);
  /** The coarsest grid that was told since the spool was last empty enough. */
  #toldMs = 0;
  #working = false;
  /** Batches up to this one were looked through for notifications. */
  #emptiedUpTo = 0;
  #emptyingTold = false;

  constructor(reporter: Reporter) {
    this.#reporter = reporter;
    this.#thinned = reporter.counter('spool_polls_thinned_total', 'Polls taken out of kept batches to make room');
    this.#notifications = reporter.counter(
      'spool_notifications_dropped_total',
      'Traps and informs taken out of kept batches, where else a batch would have been given up',
    );
  }

  open(journal: Journal): void {
    this.#journal = journal;
    const { sentUpTo, done } = fromNote(journal.note(DONE_NOTE));
    this.#sentUpTo = sentUpTo;
    this.#unsent = levelsFrom(done);
    this.#sent = levelsFrom([]);
    this.#emptiedUpTo = 0;
  }

  /**
   * Some of the work; false where there is none left. Batches up to `sentUpTo` come last: a collector may hold them as they were, and no
   * sequence should exist in two forms.
   */
  async step(sentUpTo: number): Promise<boolean> {
    const journal = this.#journal;
    if (journal === null) return false;
    this.#working = true;
    this.#sentUpTo = Math.max(this.#sentUpTo, sentUpTo);
    const [first, last] = [journal.firstPosition(), journal.lastPosition()];
    try {
      const unsent = { after: Math.max(first - 1, this.#sentUpTo), last };
      if (await this.#stepIn(journal, this.#unsent, unsent)) return true;
      return await this.#stepIn(journal, this.#sent, { after: first - 1, last: Math.min(this.#sentUpTo, last) });
    } catch (error) {
      this.#reporter.error('the spool cannot be thinned', { code: codeOf(error), message: messageOf(error) });
      return false;
    }
  }

  /**
   * The last that goes before a batch is given up: what devices say by themselves, oldest first; a storm of it must cost nobody octets. What the agent
   * noticed and results of work stay. Some of the work; false where there is none left.
   */
  async dropNotifications(sentUpTo: number): Promise<boolean> {
    const journal = this.#journal;
    if (journal === null) return false;
    const last = journal.lastPosition();
    this.#emptiedUpTo = Math.max(this.#emptiedUpTo, this.#sentUpTo, sentUpTo, journal.firstPosition() - 1);
    if (this.#emptiedUpTo >= last) return false;
    this.#working = true;
    const rewritten: Promise<boolean>[] = [];
    let dropped = 0;
    try {
      for (let batches = 0; batches < STEP_BATCHES && this.#emptiedUpTo < last; batches += 1) {
        this.#emptiedUpTo += 1;
        const emptied = withoutNotifications(entryAt(journal, this.#emptiedUpTo));
        if (emptied === null) continue;
        dropped += emptied.dropped;
        rewritten.push(journal.replace(this.#emptiedUpTo, emptied.entry));
      }
      await Promise.all(rewritten);
    } catch (error) {
      this.#reporter.error('the spool cannot be thinned', { code: codeOf(error), message: messageOf(error) });
      return false;
    }
    if (dropped > 0) this.#tellDropped(dropped);
    else await setImmediate();
    return true;
  }

  /** There is room again: lets go of what was remembered of the devices. */
  rest(): void {
    if (!this.#working) return;
    this.#working = false;
    this.#toldMs = 0;
    this.#emptyingTold = false;
    for (const level of [...this.#unsent, ...this.#sent]) restart(level, level.done);
  }

  async #stepIn(journal: Journal, levels: readonly Level[], { after, last }: Stretch): Promise<boolean> {
    let until = last;
    for (const level of levels) {
      if (level.done < after) {
        level.done = after;
        if (level.seen < after) restart(level, after);
      }
      if (await this.#advance(journal, level, until)) return true;
      until = Math.min(until, level.done);
    }
    return false;
  }

  async #advance(journal: Journal, level: Level, until: number): Promise<boolean> {
    const rewritten: Promise<boolean>[] = [];
    const { seen } = level;
    let polls = 0;
    let progress = false;
    for (let batches = 0, bytes = 0; batches < STEP_BATCHES && bytes < STEP_BYTES; batches += 1) {
      const decided = level.thinner.next();
      if (decided === null && level.seen >= until) break;
      progress = true;
      if (decided === null) {
        level.seen += 1;
        bytes += look(level.thinner, level.seen, entryAt(journal, level.seen));
      } else {
        if (decided.sequence <= level.done) continue;
        level.done = decided.sequence;
        const thinned = decided.keep.includes(0) ? thinnedEntry(entryAt(journal, decided.sequence), decided) : null;
        if (thinned === null) continue;
        bytes += thinned.length;
        polls += decided.keep.filter((stays) => stays === 0).length;
        rewritten.push(journal.replace(decided.sequence, thinned));
      }
    }
    if (rewritten.length > 0) {
      this.#tell(level.gridMs);
      await Promise.all([...rewritten, this.#noteDone(journal)]);
      this.#thinned.add(polls);
    } else if (level.seen > seen) await setImmediate();
    return progress;
  }

  #noteDone(journal: Journal): Promise<void> {
    const note: DoneNote = { sentUpTo: this.#sentUpTo, done: this.#unsent.map(({ done }) => done) };
    return journal.setNote(DONE_NOTE, Buffer.from(JSON.stringify(note)));
  }

  #tell(gridMs: DurationMs): void {
    if (gridMs <= this.#toldMs) return;
    this.#toldMs = gridMs;
    this.#reporter.warn('the spool is full: kept polls are thinned, no octet is lost', { one_poll_every_ms: gridMs });
  }

  #tellDropped(notifications: number): void {
    this.#notifications.add(notifications);
    if (this.#emptyingTold) return;
    this.#emptyingTold = true;
    this.#reporter.error('the spool is full: kept notifications are given up, no octet is lost', { notifications });
  }
}

function levelsFrom(done: readonly number[]): Level[] {
  return GRIDS_MS.map((gridMs, at) => {
    const [givenMs, upTo] = [GRIDS_MS[at - 1] ?? 0, done[at] ?? 0];
    return { gridMs, givenMs, thinner: new Thinner(gridMs, givenMs), seen: upTo, done: upTo };
  });
}

function restart(level: Level, after: number): void {
  level.seen = after;
  level.thinner = new Thinner(level.gridMs, level.givenMs);
}

interface DoneNote {
  readonly sentUpTo: number;
  readonly done: readonly number[];
}

/** Written by `#noteDone` alone, and checked by the journal. */
function fromNote(note: Uint8Array | undefined): DoneNote {
  return note === undefined ? { sentUpTo: 0, done: [] } : (JSON.parse(Buffer.from(note).toString('utf8')) as DoneNote);
}

/** Null where there is none, or the disk changed it: what cannot be read is not thinned. */
function entryAt(journal: Journal, sequence: number): JournalEntry | null {
  try {
    const [entry] = journal.read(sequence - 1, 1, 0);
    return entry?.position === sequence ? entry : null;
  } catch (error) {
    if (codeOf(error) === 'journal_damaged') return null;
    throw error;
  }
}

/** Shows the batch to the thinner; gives its size. */
function look(thinner: Thinner, sequence: number, entry: JournalEntry | null): number {
  if (entry === null) {
    thinner.skip(sequence);
    return 0;
  }
  const { bytes, spoolTimeMs } = fromEntry(entry);
  thinner.take(sequence, spoolTimeMs, decodeBatch(bytes).polls);
  return bytes.length;
}

function thinnedEntry(entry: JournalEntry | null, { keep }: Decided): Uint8Array | null {
  if (entry === null) return null;
  const spooled = fromEntry(entry);
  const batch = decodeBatch(spooled.bytes);
  if (batch.polls.length !== keep.length)
    throw new Error(`BUG: batch ${spooled.sequence} changed while it was thinned`);
  const polls = batch.polls.filter((_, place) => keep[place] === 1);
  // Of a device whose poll goes the next one that stays says more than the watermark here.
  const gone = new Set(batch.polls.filter((_, place) => keep[place] === 0).map(({ device }) => device));
  for (const { device } of polls) gone.delete(device);
  const watermarks = batch.watermarks.filter(({ device }) => !gone.has(device));
  return toEntry({ ...spooled, bytes: encodeBatch({ ...batch, thinned: true, polls, watermarks }) });
}

/** Null where there is nothing to drop. */
function withoutNotifications(entry: JournalEntry | null): { entry: Uint8Array; dropped: number } | null {
  if (entry === null) return null;
  const spooled = fromEntry(entry);
  const batch = decodeBatch(spooled.bytes);
  const events = batch.events.filter(({ origin }) => origin !== 'trap' && origin !== 'inform');
  const dropped = batch.events.length - events.length;
  if (dropped === 0) return null;
  return { entry: toEntry({ ...spooled, bytes: encodeBatch({ ...batch, thinned: true, events }) }), dropped };
}
