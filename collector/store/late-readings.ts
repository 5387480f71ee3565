// Readings that come after the buckets they belong to: told in the transaction of their rows, so that these are made anew.
import type { DuckDBConnection } from '@duckdb/node-api';
import { type PointSet, pointMetric, pointResource } from '../../common/model/point.ts';
import type { Poll } from '../../common/model/poll.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { ResourceBook } from './resource-book.ts';

interface Late {
  readonly device: string;
  readonly resource: number;
  fromMs: EpochMs;
  toMs: EpochMs;
}

/** Of the entries of one transaction. */
export class LateReadings {
  readonly #late = new Map<string, Late>();

  /** The span before a reading is its as well: a poll is late when that reaches back. */
  poll(poll: Poll, clockOffsetMs: number, lateBeforeMs: EpochMs): void {
    const fromMs = Math.min(poll.startedAtMs, poll.finishedAtMs) - clockOffsetMs;
    if (fromMs - 2 * poll.intervalMs >= lateBeforeMs) return;
    this.#add(poll.device, poll.device, 0, fromMs, Math.max(poll.startedAtMs, poll.finishedAtMs) - clockOffsetMs);
  }

  points(set: PointSet | undefined, book: ResourceBook, lateBeforeMs: EpochMs): void {
    for (const { measurement, tags, fields, atMs } of set?.points ?? []) {
      if (atMs - POINT_REACH_MS >= lateBeforeMs) continue;
      for (const [field] of fields) {
        const id = book.findPoint(pointMetric(measurement, field), pointResource(tags))?.id;
        if (id !== undefined) this.#add(`/${id}`, '', id, atMs, atMs);
      }
    }
  }

  async write(connection: DuckDBConnection): Promise<void> {
    for (const { device, resource, fromMs, toMs } of this.#late.values())
      await connection.run('insert into rollup_due values ($device, $resource, $from, $to)', {
        device,
        resource,
        from: BigInt(Math.floor(fromMs)),
        to: BigInt(Math.ceil(toMs)),
      });
  }

  #add(key: string, device: string, resource: number, fromMs: EpochMs, toMs: EpochMs): void {
    const held = this.#late.get(key);
    if (held === undefined) this.#late.set(key, { device, resource, fromMs, toMs });
    else {
      held.fromMs = Math.min(held.fromMs, fromMs);
      held.toMs = Math.max(held.toMs, toMs);
    }
  }
}

/** A point of long ago may hold so long. */
const POINT_REACH_MS = 900_000;
