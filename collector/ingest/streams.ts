// What this collector holds of each agent's stream: recovered from the journal at the start, so that PostgreSQL is not needed to know.
import {
  type HeldSequences,
  hold,
  holdAll,
  holds,
  NOTHING_HELD,
  type SequenceRange,
} from '../../common/model/sequence-ranges.ts';
import type { BatchEnvelope, BatchJournal } from '../journal/batch-journal.ts';

/** More holes than this in one stream are not kept: the agent is told to send again from the first of them. */
export const MAX_RANGES = 1000;
/** Contents of the last sequences of a stream, to tell a repeat from another content under the same number. */
const REMEMBERED_CONTENTS = 256;
/** Streams in memory and in the note; the ones longest unused are forgotten and asked of PostgreSQL when they come again. */
const MAX_STREAMS = 20_000;
const NOTE_KEY = 'streams';
const RECOVER_ENTRIES = 256;
const RECOVER_BYTES = 32 * 1024 * 1024;

export interface StreamName {
  readonly agent: string;
  readonly incarnation: string;
}

export class Stream implements StreamName {
  readonly agent: string;
  readonly incarnation: string;
  #held: HeldSequences;
  readonly #contents = new Map<number, string>();
  readonly #conflicts = new Set<string>();

  constructor(name: StreamName, held: HeldSequences) {
    this.agent = name.agent;
    this.incarnation = name.incarnation;
    this.#held = held;
  }

  get held(): HeldSequences {
    return this.#held;
  }

  /** The highest sequence below which nothing is missing. */
  get received(): number {
    return this.#held.through;
  }

  has(sequence: number): boolean {
    return holds(this.#held, sequence);
  }

  /** Whether one more sequence out of order may be remembered. */
  hasRoomFor(sequence: number): boolean {
    return sequence <= this.#held.through + 1 || this.#held.above.length < MAX_RANGES;
  }

  /** SHA-256 of what is held under a recent sequence; null where that is not remembered. */
  contentOf(sequence: number): string | null {
    return this.#contents.get(sequence) ?? null;
  }

  keep(envelope: BatchEnvelope): void {
    const { sequence, oldestSequence, gaps } = envelope;
    this.#held = hold(this.#held, sequence, sequence);
    if (oldestSequence !== undefined) this.#held = hold(this.#held, 1, oldestSequence - 1);
    for (const gap of gaps ?? []) {
      // A gap is of the past: what is still to come cannot have been given up.
      this.#held = hold(this.#held, gap.firstSequence, Math.min(gap.lastSequence, sequence));
    }
    if (envelope.quarantined?.code === 'batch_conflict') this.#conflicts.add(envelope.sha256);
    else this.#contents.set(sequence, envelope.sha256);
    dropOldest(this.#contents, REMEMBERED_CONTENTS);
    dropOldest(this.#conflicts, REMEMBERED_CONTENTS);
  }

  /** Whether this other content of a held sequence is in quarantine already. */
  knowsConflict(sha256: string): boolean {
    return this.#conflicts.has(sha256);
  }

  merge(other: HeldSequences): void {
    this.#held = holdAll(this.#held, other);
  }
}

export class StreamTable {
  readonly #streams = new Map<string, Stream>();

  get(name: StreamName): Stream | undefined {
    return this.#streams.get(keyOf(name));
  }

  add(name: StreamName, held: HeldSequences): Stream {
    const key = keyOf(name);
    const known = this.#streams.get(key);
    const stream = known ?? new Stream(name, held);
    if (known !== undefined) known.merge(held);
    // Moved to the end: the first of a Map is the one longest unused.
    this.#streams.delete(key);
    this.#streams.set(key, stream);
    dropOldest(this.#streams, MAX_STREAMS);
    return stream;
  }

  all(): readonly Stream[] {
    return [...this.#streams.values()];
  }

  /** Reads the note and what the journal still has. */
  recover(journal: BatchJournal): void {
    for (const { agent, incarnation, through, above } of parseNote(journal.note(NOTE_KEY)))
      this.add({ agent, incarnation }, { through, above });
    let position = 0;
    for (;;) {
      const entries = journal.read(position, RECOVER_ENTRIES, RECOVER_BYTES);
      for (const { envelope } of entries)
        if (envelope.points === undefined) (this.get(envelope) ?? this.add(envelope, NOTHING_HELD)).keep(envelope);
      const last = entries.at(-1);
      if (last === undefined) return;
      position = last.position;
    }
  }

  /** To be done before entries are taken out of the journal: what they proved must be known without them. */
  save(journal: BatchJournal): Promise<void> {
    const note = this.all().map(({ agent, incarnation, held }) => ({ agent, incarnation, ...held }));
    return journal.setNote(NOTE_KEY, note);
  }
}

interface StreamNote extends StreamName {
  readonly through: number;
  readonly above: readonly SequenceRange[];
}

/** Written by `save` alone. */
function parseNote(note: unknown): readonly StreamNote[] {
  return Array.isArray(note) ? (note as StreamNote[]) : [];
}

/** Maps and Sets keep the order of insertion. */
function dropOldest<Key>(collection: Map<Key, unknown> | Set<Key>, most: number): void {
  for (const oldest of collection.keys()) {
    if (collection.size <= most) break;
    collection.delete(oldest);
  }
}

function keyOf(name: StreamName): string {
  return `${name.agent} ${name.incarnation}`;
}
