// Releases octets from suspense: what people believe after all goes through mediation again, under the same key, as the next version.
import { recordAudit } from '../../common/database/audit.ts';
import type { Database, Queryable } from '../../common/database/database.ts';
import { type DurationMs, type EpochMs, isoTime } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { DeviceBook, wakeUp } from './device-book.ts';
import { bucketOf, lastBucketOf } from './grid.ts';
import { mediateLate } from './late-readings.ts';
import type { ReadingsSource, ReleasedSuspense, SuspenseDecisions, SuspenseRelease } from './mediation.ts';
import { movePlace, type Place, readPlace } from './place.ts';
import { RecordWriter } from './record-writer.ts';
import { findReleases, releaseAt } from './releases.ts';
import { MAX_SPAN_BUCKETS } from './grid.ts';
import { findMeters } from './usage-queries.ts';

export interface SuspenseDeskDeps {
  readonly database: Database;
  readonly source: ReadingsSource;
  readonly clock: Clock;
}

const DAY_MS = 86_400_000;

interface Held {
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  readonly octets: string;
}

export class SuspenseDesk implements SuspenseDecisions {
  readonly #bucketMs: DurationMs;
  readonly #deps: SuspenseDeskDeps;

  constructor(config: { readonly bucketMs: DurationMs }, deps: SuspenseDeskDeps) {
    this.#bucketMs = config.bucketMs;
    this.#deps = deps;
  }

  released(query: { readonly beforeNumber: bigint | null; readonly limit: number }): Promise<ReleasedSuspense[]> {
    return findReleases(this.#deps.database, query);
  }

  /** One transaction, in turn with those of mediation: the decision, the new versions, and who decided. Asked again it answers the same and does nothing. */
  release(request: SuspenseRelease): Promise<ReleasedSuspense> {
    return this.#deps.database.transaction(async (connection) => {
      const place = await readPlace(connection, this.#bucketMs, 'for update');
      const before = await releaseAt(connection, request.meter, request.toMs);
      if (before !== null) return before;
      const held = await this.#held(connection, request);
      const atMs = this.#deps.clock.now();
      await connection.query(
        `insert into usage.release (meter, from_ms, to_ms, octets, reason, by_whom, at_ms)
         values ($1, $2, $3, $4, $5, $6, $7)`,
        [request.meter, held.fromMs, held.toMs, held.octets, request.reason, request.by.name, atMs],
      );
      await this.#mediateAgain(connection, place, request.meter, held);
      await recordAudit(connection, {
        atMs,
        actor: request.by.name,
        role: request.by.role,
        action: 'suspense.release',
        subject: `meter/${request.meter}`,
        after: { from: isoTime(held.fromMs), to: isoTime(held.toMs), octets: held.octets },
        note: request.reason,
      });
      const done = await releaseAt(connection, request.meter, request.toMs);
      if (done === null) throw new Error('BUG: a release was written and is not there');
      return done;
    });
  }

  async #held(connection: Queryable, { meter, toMs }: SuspenseRelease): Promise<Held> {
    const { rows } = await connection.query<{ from_ms: bigint; octets: string }>(
      'select from_ms, octets from usage.implausible where meter = $1 and to_ms = $2',
      [meter, toMs],
    );
    const row = rows[0];
    if (row === undefined)
      throw new WeirError('not_found', `Nothing of meter ${meter} is held back that ends at ${isoTime(toMs)}.`);
    const held = { fromMs: Number(row.from_ms), toMs, octets: row.octets };
    // A lost span has no octets and is not among these; one over a year of buckets cannot be laid over them.
    const buckets = lastBucketOf(held.fromMs, toMs, this.#bucketMs) - bucketOf(held.fromMs, this.#bucketMs);
    if (buckets < MAX_SPAN_BUCKETS) return held;
    throw new WeirError('suspense_not_releasable', `The span of meter ${meter} is over ${buckets} buckets.`, {
      from: isoTime(held.fromMs),
      to: isoTime(toMs),
    });
  }

  async #mediateAgain(connection: Queryable, place: Place, meter: number, held: Held): Promise<void> {
    const [described] = await findMeters(connection, { ids: [meter] });
    if (described === undefined) throw new Error(`BUG: meter ${meter} has suspense and is not known`);
    // A book of its own: what mediation has in memory is good no more once the place has moved.
    const devices = new DeviceBook();
    const device = (await devices.load(connection, [described.device])).get(described.device);
    const state = device?.meters.get(meter);
    if (device === undefined || state === undefined) throw new Error(`BUG: no state of meter ${meter}`);
    const mark = await devices.mark(connection, described.device);
    const deps = {
      source: this.#deps.source,
      bucketMs: this.#bucketMs,
      notAfterMs: this.#deps.clock.now() + DAY_MS,
    };
    const again = await mediateLate(connection, deps, state, [], { lowMs: held.fromMs + 1, highMs: held.toMs });
    if (again === null)
      throw new WeirError('readings_gone', 'The collector no longer has the readings around this span.', {
        meter,
        from: isoTime(held.fromMs),
        to: isoTime(held.toMs),
      });
    const writer = new RecordWriter(place.nextSerial, this.#bucketMs, place.sealing);
    await again.write(mark.closedBefore, writer);
    await writer.flush(connection);
    wakeUp(device, meter);
    device.metersChanged = true;
    await devices.save(connection);
    const lastBucket = Math.max(place.lastBucket ?? 0, writer.lastBucket ?? 0);
    await movePlace(connection, this.#bucketMs, { ...place, nextSerial: writer.serial, lastBucket });
  }
}
