// The polls of devices out of the DuckDB file: rows of a span of time, which lie together in it.
import { type DuckDBValue, listValue } from '@duckdb/node-api';
import type { Poll } from '../../common/model/poll.ts';
import type { DuckDbFile } from './duckdb-file.ts';
import { MAX_READINGS, tooMany } from './reading-bounds.ts';
import type { Resource, ResourceBook } from './resource-book.ts';
import type { PollsQuery } from './store.ts';
import { POLL_COUNTERS, storedPolls, type StoredRows } from './stored-polls.ts';

/** By device, in the order of time. Throws series_too_long. */
export async function readPolls(file: DuckDbFile, book: ResourceBook, query: PollsQuery): Promise<Poll[]> {
  const { fromMs, toMs } = query;
  const known = new Map<number, Resource>();
  const rows = new Map<string, StoredRows>();
  for (const device of query.devices) {
    for (const resource of book.ofDevice(device)) known.set(resource.id, resource);
    rows.set(device, { visits: [], interfaces: [], gauges: [] });
  }
  const read = new Reading(file, rows, known);
  await read.visits(fromMs, toMs);
  // A poll that ends in the span may have begun before it.
  const longestMs = Math.max(0, ...[...rows.values()].flatMap(({ visits }) => visits.map((one) => one.durationMs)));
  await read.interfaces(fromMs - longestMs - 1000, toMs);
  await read.gauges(fromMs - longestMs - 1000, toMs);
  return [...rows].flatMap(([device, own]) => storedPolls(device, own, fromMs, toMs));
}

class Reading {
  readonly #file: DuckDbFile;
  readonly #rows: ReadonlyMap<string, StoredRows>;
  readonly #known: ReadonlyMap<number, Resource>;

  constructor(file: DuckDbFile, rows: ReadonlyMap<string, StoredRows>, known: ReadonlyMap<number, Resource>) {
    this.#file = file;
    this.#rows = rows;
    this.#known = known;
  }

  async visits(fromMs: number, toMs: number): Promise<void> {
    const columns = 'interval_ms, reachable, duration_ms, requests, retries';
    await this.#read(
      'device',
      `select resource, at_ms, ${columns} from device_metrics`,
      fromMs,
      toMs,
      (row, { rows }) =>
        rows.visits.push({
          atMs: Number(row[1]),
          intervalMs: Number(row[2]),
          reachable: Number(row[3]) !== 0,
          durationMs: Number(row[4]),
          requests: Number(row[5]),
          retries: Number(row[6]),
        }),
    );
  }

  async interfaces(fromMs: number, toMs: number): Promise<void> {
    const clocks =
      'flags, uptime_ticks, discontinuity_ticks, process, monotonic_ms, speed_bps, admin_status, oper_status';
    const sql = `select resource, at_ms, ${clocks}, ${POLL_COUNTERS.join(', ')} from interface_metrics`;
    await this.#read('interface', sql, fromMs, toMs, (row, { rows, resource }) =>
      rows.interfaces.push({
        key: resource.part,
        atMs: Number(row[1]),
        flags: Number(row[2]),
        uptimeTicks: Number(row[3]),
        discontinuityTicks: Number(row[4]),
        process: String(row[5]),
        monotonicMs: Number(row[6]),
        speedBps: Number(row[7]),
        adminStatus: Number(row[8]),
        operStatus: Number(row[9]),
        counters: POLL_COUNTERS.map((_, at) => wholeOf(row[10 + at])),
      }),
    );
  }

  async gauges(fromMs: number, toMs: number): Promise<void> {
    const sql = 'select resource, at_ms, value from gauge_metrics';
    await this.#read('gauge', sql, fromMs, toMs, (row, { rows, resource }) => {
      const { metric, part, description, unit } = resource;
      rows.gauges.push({ metric, part, description, unit, atMs: Number(row[1]), value: Number(row[2]) });
    });
  }

  async #read(
    kind: Resource['kind'],
    select: string,
    fromMs: number,
    toMs: number,
    take: (row: readonly DuckDBValue[], to: { readonly rows: StoredRows; readonly resource: Resource }) => void,
  ): Promise<void> {
    const ids = [...this.#known.values()].filter((one) => one.kind === kind).map((one) => one.id);
    if (ids.length === 0) return;
    const all = await this.#file.read(
      `${select} where at_ms between $from and $to and resource in (select unnest($ids::integer[]))`,
      { from: BigInt(Math.floor(fromMs)), to: BigInt(Math.ceil(toMs)), ids: listValue(ids) },
      MAX_READINGS,
      (row) => {
        const resource = this.#known.get(Number(row[0]));
        const rows = resource === undefined ? undefined : this.#rows.get(resource.device);
        if (resource !== undefined && rows !== undefined) take(row, { rows, resource });
      },
    );
    if (!all) throw tooMany();
  }
}

function wholeOf(value: DuckDBValue | undefined): bigint {
  if (typeof value !== 'bigint') throw new Error('BUG: a counter is no bigint');
  return value;
}
