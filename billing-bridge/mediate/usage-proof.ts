// The proof of usage: every raw reading is pulled again, mediated anew by the same pure core, and held against every record that is final.
import { classOf } from '../../common/model/meter-class.ts';
import type { Database, Queryable } from '../../common/database/database.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { type BucketContent, describeContent, sameContent } from './bucket-content.ts';
import { conservationOf, statesOf } from './conservation.ts';
import { GatheringSink } from './gathering-sink.ts';
import type { Bucket } from './grid.ts';
import type { ReadingsSource, UsageDifference, UsageProof, UsageReconciliation } from './mediation.ts';
import { firstState, mediateReading, type MeterState } from './meter-state.ts';
import { isBelievable, readingOf } from './page-readings.ts';
import { inOrder, type Reading } from './reading.ts';
import { newestBetween, type StandingContent } from './record-rows.ts';
import { type Release, releasesOf } from './releases.ts';
import { BLOCK_BUCKETS, wrongBlocks } from './sealed-usage.ts';
import { bucketsIn, findMeters } from './usage-queries.ts';
import type { Meter } from './usage.ts';

export interface UsageProofDeps {
  readonly database: Database;
  readonly source: ReadingsSource;
  readonly clock: Clock;
}

const READINGS_AT_ONCE = 10_000;
const DAY_MS = 86_400_000;
/** Readings this long before the span are mediated too, so that one at its beginning that does not count cannot mislead. */
const LEAD_MS = 3_600_000;

/** What is kept of one meter, as of one moment. */
interface Kept {
  readonly seenMs: EpochMs;
  readonly closedBefore: Bucket;
  readonly records: ReadonlyMap<Bucket, StandingContent>;
  readonly releases: readonly Release[];
}

interface MeterProof {
  readonly readings: number;
  readonly lostSpans: number;
  readonly records: ReadonlyMap<Bucket, StandingContent>;
  readonly differences: readonly UsageDifference[];
}

export class PulledAgainProof implements UsageProof {
  readonly #bucketMs: DurationMs;
  readonly #deps: UsageProofDeps;

  constructor(config: { readonly bucketMs: DurationMs }, deps: UsageProofDeps) {
    this.#bucketMs = config.bucketMs;
    this.#deps = deps;
  }

  async reconcile(fromMs: EpochMs, toMs: EpochMs): Promise<UsageReconciliation> {
    const meters = await findMeters(this.#deps.database);
    const octets = { good: 0n, wrapped: 0n, gap: 0n, suspended: 0n };
    const found = { meters: 0, readings: 0, records: 0, lostSpans: 0 };
    const differences: UsageDifference[] = [];
    for (const meter of meters) {
      const proof = await this.#proveTwice(meter, fromMs, toMs);
      if (proof === null) continue;
      found.meters += 1;
      found.readings += proof.readings;
      found.lostSpans += proof.lostSpans;
      found.records += proof.records.size;
      // What other meters count does not add up with octets.
      if (classOf(meter) === 'octets')
        for (const record of proof.records.values()) {
          octets.good += record.good;
          octets.wrapped += record.wrapped;
          octets.gap += record.gap;
          octets.suspended += record.suspended;
        }
      differences.push(...proof.differences);
    }
    return {
      ...found,
      octets: {
        good: octets.good.toString(),
        wrapped: octets.wrapped.toString(),
        gap: octets.gap.toString(),
        suspended: octets.suspended.toString(),
      },
      differences,
    };
  }

  /** Mediation may go on meanwhile: what differs once may be a reading that came in between. */
  async #proveTwice(meter: Meter, fromMs: EpochMs, toMs: EpochMs): Promise<MeterProof | null> {
    const proof = await this.#prove(meter, fromMs, toMs);
    return proof === null || proof.differences.length === 0 ? proof : this.#prove(meter, fromMs, toMs);
  }

  async #prove(meter: Meter, fromMs: EpochMs, toMs: EpochMs): Promise<MeterProof | null> {
    const looked = await this.#look(meter, fromMs, toMs);
    if (looked === null) return null;
    const { kept, conservation } = looked;
    const { from, to } = bucketsIn(fromMs, toMs, this.#bucketMs);
    const sink = new GatheringSink(kept.releases);
    const end = Math.min(to, kept.closedBefore);
    const { state, readings } = await this.#again(meter.id, from, to, kept.seenMs, sink);
    if (state !== null && state.open !== null) sink.contents.set(state.open.bucket, state.open);
    const differences = [...conservation];
    for (const bucket of new Set([...sink.contents.keys(), ...kept.records.keys()])) {
      if (bucket < from || bucket >= end) continue;
      const difference = this.#compare(meter, bucket, sink.contents.get(bucket), kept.records.get(bucket));
      if (difference !== null) differences.push(difference);
    }
    const lostSpans = sink.history.epochs.filter(
      ({ previous, first }) => previous !== null && first.observedAtMs > fromMs && previous.observedAtMs < toMs,
    ).length;
    return { readings, lostSpans, records: kept.records, differences };
  }

  /** State, records and conservation of one moment; null where the meter was never read. */
  #look(meter: Meter, fromMs: EpochMs, toMs: EpochMs): Promise<{ kept: Kept; conservation: UsageDifference[] } | null> {
    return this.#deps.database.transaction(async (connection: Queryable) => {
      await connection.query('set transaction isolation level repeatable read, read only');
      const state = (await statesOf(connection, [meter.device])).get(meter.id);
      if (state === undefined) return null;
      const { rows } = await connection.query<{ closed_before: number }>(
        'select closed_before from usage.device where device = $1',
        [meter.device],
      );
      const { from, to } = bucketsIn(fromMs, toMs, this.#bucketMs);
      const findings = await conservationOf(connection, this.#bucketMs, [meter.id], fromMs, toMs, 'records');
      const wrong = await wrongBlocks(connection, this.#bucketMs, meter.id, from, to);
      return {
        kept: {
          seenMs: state.seenMs,
          closedBefore: Math.max(state.closedBefore, rows[0]?.closed_before ?? 0),
          records: await newestBetween(connection, meter.id, from, to),
          releases: await releasesOf(connection, meter.id),
        },
        conservation: [
          ...findings.map((one) =>
            differenceOf('conservation', meter, one.fromMs, one.expected.toString(), one.found.toString()),
          ),
          ...wrong.map(({ block, expected, found }) =>
            differenceOf('sealed', meter, block * BLOCK_BUCKETS * this.#bucketMs, expected ?? 'none', found),
          ),
        ],
      };
    });
  }

  async #again(
    meter: number,
    from: Bucket,
    to: Bucket,
    seenMs: EpochMs,
    sink: GatheringSink,
  ): Promise<{ state: MeterState | null; readings: number }> {
    const bucketMs = this.#bucketMs;
    let state: MeterState | null = null;
    let readings = 0;
    const endMs = Math.min(to * bucketMs, seenMs + 1);
    for await (const page of this.#readings(meter, from * bucketMs - LEAD_MS, endMs))
      for (const reading of page) {
        if (reading.observedAtMs > seenMs) continue;
        if (reading.observedAtMs >= from * bucketMs && reading.observedAtMs < endMs) readings += 1;
        if (state === null) state = firstState(meter, reading, bucketMs, sink);
        else mediateReading(state, reading, 0, bucketMs, sink);
      }
    return { state, readings };
  }

  /** In order, page by page; of several at one time one counts, also where a page ends between them. */
  async *#readings(meter: number, fromMs: EpochMs, toMs: EpochMs): AsyncGenerator<Reading[]> {
    const notAfterMs = this.#deps.clock.now() + DAY_MS;
    let rest: Reading[] = [];
    let cursor: string | null = null;
    do {
      const query = { meter, fromMs, toMs, withNeighbours: true, cursor, limit: READINGS_AT_ONCE };
      const answer = await this.#deps.source.ofMeter(query);
      const found = answer.items.map(readingOf).filter((reading) => isBelievable(reading.observedAtMs, notAfterMs));
      const ordered = inOrder([...rest, ...found]);
      rest = ordered.slice(-1);
      yield ordered.slice(0, -1);
      cursor = answer.next;
    } while (cursor !== null);
    yield rest;
  }

  #compare(
    meter: Meter,
    bucket: Bucket,
    expected: BucketContent | undefined,
    found: BucketContent | undefined,
  ): UsageDifference | null {
    const at = bucket * this.#bucketMs;
    if (expected === undefined) {
      const empty = found === undefined || found.firstMs === found.lastMs;
      return empty ? null : differenceOf('record', meter, at, 'none', describeContent(found));
    }
    if (found === undefined) return differenceOf('missing', meter, at, describeContent(expected), 'none');
    if (sameContent(expected, found)) return null;
    return differenceOf('record', meter, at, describeContent(expected), describeContent(found));
  }
}

function differenceOf(
  kind: UsageDifference['kind'],
  meter: Meter,
  atMs: EpochMs,
  expected: string,
  found: string,
): UsageDifference {
  const { id, device, interfaceKey, direction } = meter;
  return { kind, meter: id, device, interfaceKey, direction, atMs, expected, found };
}
