// Entries of the journal as batches, each decoded once for all projections that are abreast of each other.
import type { Batch } from '../../common/model/batch.ts';
import type { PointSet } from '../../common/model/point.ts';
import { Breather } from '../../common/runtime/breather.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf, WeirError } from '../../common/runtime/errors.ts';
import { decodeBatchInTurns } from '../../common/wire/batch-codec.ts';
import type {
  BatchEnvelope,
  BatchJournal,
  JournaledBody,
  PointsForm,
  QuarantineReason,
} from '../journal/batch-journal.ts';
import type { JournaledBatch } from './projection.ts';

/** Reads a body of points as ingest did; throws where it cannot be unpacked. */
export type ReadPoints = (
  envelope: BatchEnvelope,
  form: PointsForm,
  body: Uint8Array,
) => Promise<{ readonly points: PointSet; readonly memoryBytes: number }>;

export interface ReadEntry {
  readonly source: JournaledBody;
  /** An empty batch under the same sequence where the source is in quarantine. */
  readonly journaled: JournaledBatch;
  readonly quarantined: QuarantineReason | null;
}

/** What an entry holds: a batch, or points of another program; and about what that takes in memory. */
type Content = ({ readonly batch: Batch } | { readonly points: PointSet }) & { readonly memoryBytes: number };

export interface BatchReaderConfig {
  /** Decoded entries kept for the projections that come after the first, and decoded at most (one always is) for one question; of memory. */
  readonly cacheBytes: number;
  readonly decodedBytes: number;
}

export interface BatchReaderDeps {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly readPoints: ReadPoints;
}

export class BatchReader {
  readonly #journal: BatchJournal;
  readonly #config: BatchReaderConfig;
  readonly #deps: BatchReaderDeps;
  readonly #cache = new Map<number, Content>();
  #cached = 0;

  constructor(journal: BatchJournal, config: BatchReaderConfig, deps: BatchReaderDeps) {
    this.#journal = journal;
    this.#config = config;
    this.#deps = deps;
  }

  /** What ingest has decoded anyway. */
  remember(position: number, content: Content): void {
    const { cacheBytes } = this.#config;
    if (content.memoryBytes > cacheBytes || this.#cache.has(position)) return;
    this.#cache.set(position, content);
    this.#cached += content.memoryBytes;
    for (const [oldest, entry] of this.#cache) {
      if (this.#cached <= cacheBytes) break;
      this.#cache.delete(oldest);
      this.#cached -= entry.memoryBytes;
    }
  }

  /** Entries after a position, bounded as Journal.read is, and by what they take once they are decoded. */
  async read(after: number, maxEntries: number, maxBytes: number): Promise<ReadEntry[]> {
    const found: ReadEntry[] = [];
    let decodedBytes = 0;
    for (const source of this.#journal.read(after, maxEntries, maxBytes)) {
      if (decodedBytes > this.#config.decodedBytes) break;
      const [entry, memoryBytes] = await this.#decode(source);
      found.push(entry);
      decodedBytes += memoryBytes;
    }
    return found;
  }

  /** An entry that was kept elsewhere, of whatever journal; throws where it still cannot be read. */
  async readAnew(source: JournaledBody): Promise<JournaledBatch> {
    return this.#entry(source, await this.#contentOf(source), null).journaled;
  }

  async #decode(source: JournaledBody): Promise<[ReadEntry, number]> {
    const { envelope, position } = source;
    if (envelope.quarantined !== undefined) return [this.#standIn(source, envelope.quarantined), 0];
    const cached = this.#cache.get(position);
    if (cached !== undefined) return [this.#entry(source, cached, null), cached.memoryBytes];
    try {
      const content = await this.#contentOf(source);
      this.remember(position, content);
      return [this.#entry(source, content, null), content.memoryBytes];
    } catch (error) {
      // Ingest could read it: this is another version of Weir, or of Node.js, on an older journal.
      const code = error instanceof WeirError ? codeOf(error) : 'batch_unreadable';
      return [this.#standIn(source, { code, message: messageOf(error) }), 0];
    }
  }

  #contentOf({ envelope, body }: JournaledBody): Promise<Content> {
    if (envelope.points !== undefined) return this.#deps.readPoints(envelope, envelope.points, body);
    const breather = new Breather(this.#deps.clock);
    return decodeBatchInTurns(body, { breathe: () => breather.breathe(), charge: () => undefined });
  }

  #standIn(source: JournaledBody, reason: QuarantineReason): ReadEntry {
    const { envelope } = source;
    const nothing: Content =
      envelope.points === undefined
        ? { batch: emptyBatch(envelope), memoryBytes: 0 }
        : { points: { source: envelope.agent, points: [] }, memoryBytes: 0 };
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
