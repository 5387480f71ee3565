// What an entry of the collector's journal is: an envelope on how the batch came, and its bytes exactly as they arrived.
import type { SequenceGap } from '../../common/model/batch.ts';
import type { Journal } from '../../common/journal/journal.ts';
import type { EpochMs } from '../../common/model/time.ts';

export interface QuarantineReason {
  readonly code: string;
  readonly message: string;
}

/** How a body is packed, by the names of content-encoding. */
export type BodyEncoding = 'identity' | 'gzip' | 'zstd';

/** How the points of another program are written in a body. */
export interface PointsForm {
  readonly precision: 'ns' | 'us' | 'ms' | 's';
  readonly encoding: BodyEncoding;
}

export interface BatchEnvelope {
  readonly agent: string;
  readonly incarnation: string;
  readonly sequence: number;
  /** SHA-256 of the body, hexadecimal. */
  readonly sha256: string;
  readonly receivedAtMs: EpochMs;
  /** Agent clock less collector clock when the batch arrived. */
  readonly clockOffsetMs: number;
  /** The oldest sequence the agent still had; nothing below it will ever come. */
  readonly oldestSequence?: number;
  /** What the batch says was given up; here too, so that a start needs to decode nothing. */
  readonly gaps?: readonly SequenceGap[];
  /** Of points in line protocol instead of a batch: `agent` is who wrote them, the entry belongs to no stream. */
  readonly points?: PointsForm;
  /** Of a batch that was set aside and comes again under its own sequence: what stands in for it is replaced. */
  readonly again?: true;
  /** Why the body cannot be used: kept for a person, never applied. */
  readonly quarantined?: QuarantineReason;
}

export interface JournaledBody {
  readonly position: number;
  readonly envelope: BatchEnvelope;
  readonly body: Uint8Array;
}

/** An open journal that can become another one (common/journal/lmdb-journal.ts). */
interface Renewable {
  renewId(): Promise<void>;
}

const LENGTH_BYTES = 4;

export class BatchJournal {
  readonly #journal: Journal & Renewable;
  readonly #lastAtStart: number;
  #renewing: Promise<void> | null = null;

  constructor(journal: Journal & Renewable) {
    this.#journal = journal;
    this.#lastAtStart = journal.lastPosition();
  }

  /** Whether this position was never given, or by a later state of this journal: then the file was put back to an older one. */
  wentBackBehind(position: number): boolean {
    return position > this.#lastAtStart;
  }

  /** Goes on as another journal, whose entries are all to be gone through again: what is applied is known by agent and sequence. Once. */
  renew(): Promise<void> {
    this.#renewing ??= this.#journal.renewId();
    return this.#renewing;
  }

  get id(): string {
    return this.#journal.id;
  }

  /** Resolves with the position once envelope and body are on the disk; rejects with journal_full, then nothing was written. */
  append(envelope: BatchEnvelope, body: Uint8Array): Promise<number> {
    return this.#journal.append(encodeEntry(envelope, body));
  }

  /** Entries after a position, in order, bounded as Journal.read is. */
  read(after: number, maxEntries: number, maxBytes: number): JournaledBody[] {
    return this.#journal.read(after, maxEntries, maxBytes).map(({ position, bytes }) => ({
      position,
      ...decodeEntry(bytes),
    }));
  }

  firstPosition(): number {
    return this.#journal.firstPosition();
  }

  lastPosition(): number {
    return this.#journal.lastPosition();
  }

  sizeBytes(): number {
    return this.#journal.sizeBytes();
  }

  trim(upTo: number): Promise<void> {
    return this.#journal.trim(upTo);
  }

  /** A small durable state beside the log, as JSON; undefined where none was set. */
  note(key: string): unknown {
    const bytes = this.#journal.note(key);
    return bytes === undefined ? undefined : JSON.parse(Buffer.from(bytes).toString('utf8'));
  }

  setNote(key: string, value: unknown): Promise<void> {
    return this.#journal.setNote(key, Buffer.from(JSON.stringify(value)));
  }
}

/** A length in four octets (little-endian), the envelope as JSON, the body. */
export function encodeEntry(envelope: BatchEnvelope, body: Uint8Array): Uint8Array {
  const head = Buffer.from(JSON.stringify(envelope));
  const entry = Buffer.allocUnsafe(LENGTH_BYTES + head.length + body.length);
  entry.writeUInt32LE(head.length, 0);
  head.copy(entry, LENGTH_BYTES);
  entry.set(body, LENGTH_BYTES + head.length);
  return entry;
}

export function decodeEntry(bytes: Uint8Array): { envelope: BatchEnvelope; body: Uint8Array } {
  const entry = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const bodyAt = LENGTH_BYTES + entry.readUInt32LE(0);
  // Only encodeEntry writes here, and the journal gives back what was written: no second check of each field.
  const envelope = JSON.parse(entry.toString('utf8', LENGTH_BYTES, bodyAt)) as BatchEnvelope;
  return { envelope, body: entry.subarray(bodyAt) };
}
