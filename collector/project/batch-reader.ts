// Entries of the journal as batches, each decoded once for all projections that are abreast of each other.
import type { Batch } from '../../common/model/batch.ts';
import type { PointSet } from '../../common/model/point.ts';
import { messageOf } from '../../common/runtime/errors.ts';
import { decodeBatch } from '../../common/wire/batch-codec.ts';
import type {
  BatchEnvelope,
  BatchJournal,
  JournaledBody,
  PointsForm,
  QuarantineReason,
} from '../journal/batch-journal.ts';
import type { JournaledBatch } from './projection.ts';

/** Reads a body of points as ingest did; throws where it cannot be unpacked. */
export type ReadPoints = (envelope: BatchEnvelope, form: PointsForm, body: Uint8Array) => PointSet;

export interface ReadEntry {
  readonly source: JournaledBody;
  /** An empty batch under the same sequence where the source is in quarantine. */
  readonly journaled: JournaledBatch;
  readonly quarantined: QuarantineReason | null;
}

interface Cached {
  readonly content: Content;
  readonly bytes: number;
}

/** What an entry holds: a batch, or points of another program. */
type Content = { readonly batch: Batch } | { readonly points: PointSet };

export class BatchReader {
  readonly #journal: BatchJournal;
  readonly #cacheBytes: number;
  readonly #readPoints: ReadPoints;
  readonly #cache = new Map<number, Cached>();
  #cached = 0;

  /** `cacheBytes`: decoded batches kept, counted in octets as they arrived (decoded they are a few times larger). */
  constructor(journal: BatchJournal, cacheBytes: number, readPoints: ReadPoints) {
    this.#journal = journal;
    this.#readPoints = readPoints;
    this.#cacheBytes = cacheBytes;
  }

  /** What ingest has decoded anyway. */
  remember(position: number, content: Content, bytes: number): void {
    if (bytes > this.#cacheBytes || this.#cache.has(position)) return;
    this.#cache.set(position, { content, bytes });
    this.#cached += bytes;
    for (const [oldest, entry] of this.#cache) {
      if (this.#cached <= this.#cacheBytes) break;
      this.#cache.delete(oldest);
      this.#cached -= entry.bytes;
    }
  }

  /** Entries after a position, bounded as Journal.read is. */
  read(after: number, maxEntries: number, maxBytes: number): ReadEntry[] {
    return this.#journal.read(after, maxEntries, maxBytes).map((source) => this.#decode(source));
  }

  /** An entry that was kept elsewhere, of whatever journal; throws where it still cannot be read. */
  readAnew(source: JournaledBody): JournaledBatch {
    const { envelope, body } = source;
    const content: Content =
      envelope.points === undefined
        ? { batch: decodeBatch(body) }
        : { points: this.#readPoints(envelope, envelope.points, body) };
    return this.#entry(source, content, null).journaled;
  }

  #decode(source: JournaledBody): ReadEntry {
    const { envelope, position, body } = source;
    if (envelope.quarantined !== undefined) return this.#standIn(source, envelope.quarantined);
    const cached = this.#cache.get(position);
    if (cached !== undefined) return this.#entry(source, cached.content, null);
    try {
      const content: Content =
        envelope.points === undefined
          ? { batch: decodeBatch(body) }
          : { points: this.#readPoints(envelope, envelope.points, body) };
      this.remember(position, content, body.length);
      return this.#entry(source, content, null);
    } catch (error) {
      // Ingest could read it: this is another version of Weir on an older journal.
      return this.#standIn(source, { code: 'batch_unreadable', message: messageOf(error) });
    }
  }

  #standIn(source: JournaledBody, reason: QuarantineReason): ReadEntry {
    const { envelope } = source;
    const nothing: Content =
      envelope.points === undefined
        ? { batch: emptyBatch(envelope) }
        : { points: { source: envelope.agent, points: [] } };
    return this.#entry(source, nothing, reason);
  }

  #entry(source: JournaledBody, content: Content, quarantined: QuarantineReason | null): ReadEntry {
    const { receivedAtMs, clockOffsetMs, sha256, oldestSequence, again } = source.envelope;
    const journaled: JournaledBatch = {
      journal: this.#journal.id,
      position: source.position,
      receivedAtMs,
      clockOffsetMs,
      sha256,
      batch: 'batch' in content ? content.batch : emptyBatch(source.envelope),
      ...('points' in content ? { points: content.points } : {}),
      ...(oldestSequence === undefined ? {} : { oldestSequence }),
      ...(again === true ? { again } : {}),
    };
    return { source, journaled, quarantined };
  }
}

/** Takes the place of a batch that cannot be used, so that its sequence still counts as applied. */
export function emptyBatch(envelope: BatchEnvelope): Batch {
  return {
    agent: envelope.agent,
    incarnation: envelope.incarnation,
    sequence: envelope.sequence,
    createdAtMs: envelope.receivedAtMs,
    thinned: false,
    polls: [],
    events: [],
    watermarks: [],
    gaps: envelope.gaps ?? [],
  };
}
