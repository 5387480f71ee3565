// The polls of devices out of InfluxDB: the same rows as those of the embedded store, in InfluxQL.
import type { Poll } from '../../common/model/poll.ts';
import type { InfluxClient } from './influx-client.ts';
import { counterOfSigned, MEASUREMENTS } from './influx-lines.ts';
import { type Cells, readCells } from './influx-queries.ts';
import { numberOf, wholeOf } from './influx-results.ts';
import type { Resource, ResourceBook } from './resource-book.ts';
import type { PollsQuery } from './store.ts';
import { POLL_COUNTERS, storedPolls, type StoredRows } from './stored-polls.ts';

const VISITS = ['interval_ms', 'reachable', 'duration_ms', 'requests', 'retries'];
const CLOCKS = 'flags uptime_ticks discontinuity_ticks process monotonic_ms speed_bps admin_status oper_status'.split(
  ' ',
);

/** By device, in the order of time. Throws series_too_long. */
export async function readPolls(
  client: Pick<InfluxClient, 'query'>,
  book: ResourceBook,
  { devices, fromMs, toMs }: PollsQuery,
): Promise<Poll[]> {
  const known = new Map(devices.flatMap((device) => book.ofDevice(device)).map((one) => [one.id, one]));
  const rows = new Map<string, StoredRows>(devices.map((one) => [one, { visits: [], interfaces: [], gauges: [] }]));
  const read = async (
    kind: Resource['kind'],
    fields: readonly string[],
    sinceMs: number,
    take: (cells: Cells, into: StoredRows, resource: Resource) => void,
  ): Promise<void> => {
    const resources = [...known.values()].filter((one) => one.kind === kind);
    const from = MEASUREMENTS[kind === 'point' ? 'gauge' : kind];
    await readCells(client, resources, { from, fields }, { fromMs: sinceMs, toMs }, (id, cells) => {
      const resource = known.get(id);
      const into = rows.get(resource?.device ?? '');
      if (resource !== undefined && into !== undefined) take(cells, into, resource);
    });
  };
  await read('device', VISITS, fromMs, takeVisit);
  const longestMs = Math.max(0, ...[...rows.values()].flatMap(({ visits }) => visits.map((one) => one.durationMs)));
  const sinceMs = fromMs - longestMs - 1000;
  await read('interface', [...CLOCKS, ...POLL_COUNTERS], sinceMs, takeInterface);
  await read('gauge', ['value'], sinceMs, (cells, { gauges }, { metric, part, description, unit }) => {
    const value = numberOf(cells('value'));
    if (value !== null) gauges.push({ metric, part, description, unit, value, atMs: Number(cells('time')) });
  });
  return [...rows].flatMap(([device, own]) => storedPolls(device, own, fromMs, toMs));
}

function takeVisit(cells: Cells, { visits }: StoredRows): void {
  const number = (name: string): number => numberOf(cells(name)) ?? 0;
  visits.push({
    atMs: number('time'),
    intervalMs: number('interval_ms'),
    reachable: number('reachable') !== 0,
    durationMs: number('duration_ms'),
    requests: number('requests'),
    retries: number('retries'),
  });
}

function takeInterface(cells: Cells, { interfaces }: StoredRows, { part }: Resource): void {
  const number = (name: string): number => numberOf(cells(name)) ?? 0;
  interfaces.push({
    key: part,
    atMs: number('time'),
    flags: number('flags'),
    uptimeTicks: number('uptime_ticks'),
    discontinuityTicks: number('discontinuity_ticks'),
    process: String(cells('process')),
    monotonicMs: number('monotonic_ms'),
    speedBps: number('speed_bps'),
    adminStatus: number('admin_status'),
    operStatus: number('oper_status'),
    counters: POLL_COUNTERS.map((name) => counterOfSigned(wholeOf(cells(name)) ?? 0n)),
  });
}
