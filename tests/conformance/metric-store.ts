// What every adapter of the metric store must do; an adapter's test calls this with a way to open one.
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import type { JournaledBatch } from '../../collector/project/projection.ts';
import type { MetricStore, SeriesFunction } from '../../collector/store/store.ts';
import type { FieldValue, Point } from '../../common/model/point.ts';
import type { Column } from '../../common/model/poll.ts';
import { type InterfaceReading, interfacePoll, journalEntry, tableAt } from '../support/poll-builder.ts';
import { ModelMetricStore } from './model-metric-store.ts';

export interface OpenStore {
  readonly store: MetricStore;
  /** Stops it and opens what it left behind again. */
  readonly reopen: () => Promise<MetricStore>;
  readonly discard: () => Promise<void>;
}

const T0 = 1_790_000_000_000 - (1_790_000_000_000 % 3_600_000);
const MINUTE = 60_000;
const PORT = 'core1/ge-0/0/1';

/** One poll a minute of core1 ge-0/0/1, each an entry; null is a poll that did not come. */
function minutes(values: readonly ((Partial<InterfaceReading> & { uptimeTicks?: number }) | null)[]): JournaledBatch[] {
  return values.flatMap((value, at) => {
    if (value === null) return [];
    const { uptimeTicks, ...reading } = value;
    const atMs = T0 + at * MINUTE;
    const interfaces = [{ key: 'ge-0/0/1', speedBps: 1e9, ...reading }];
    const poll = interfacePoll({
      device: 'core1',
      atMs,
      interfaces,
      ...(uptimeTicks === undefined ? {} : { uptimeTicks }),
    });
    return [journalEntry({ position: at + 1, polls: [poll] })];
  });
}

/** An entry of points of another program. */
function pointEntry(
  position: number,
  points: readonly {
    readonly atMs: number;
    readonly host: string;
    readonly fields: Readonly<Record<string, FieldValue>>;
  }[],
): JournaledBatch {
  const made = points.map(
    ({ atMs, host, fields }): Point => ({
      measurement: 'cpu',
      tags: [['host', host]],
      fields: Object.entries(fields),
      atMs,
    }),
  );
  return { ...journalEntry({ position, polls: [] }), points: { source: 'telegraf', points: made } };
}

export function metricStoreConformance(open: () => Promise<OpenStore>): void {
  const opened: OpenStore[] = [];
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.discard();
  });

  async function storeWith(entries: readonly JournaledBatch[]): Promise<MetricStore> {
    const one = await open();
    opened.push(one);
    if (entries.length > 0) await one.store.apply(entries);
    return one.store;
  }

  async function valuesOf(
    store: MetricStore,
    metric: string,
    wanted: SeriesFunction,
    steps: number,
    stepMs = MINUTE,
    resource = PORT,
  ): Promise<(number | string | null)[]> {
    const series = await store.series({
      metric,
      resource,
      fromMs: T0,
      toMs: T0 + steps * stepMs,
      stepMs,
      function: wanted,
    });
    return series.points.map((point) => point.value);
  }

  test('two readings a minute apart are a rate over that minute', async () => {
    const store = await storeWith(minutes([{ inOctets: 0n }, { inOctets: 7_500_000n }]));
    expect(await valuesOf(store, 'in_bps', 'rate', 2)).toEqual([1_000_000, null]);
    expect(await valuesOf(store, 'in_octets', 'delta', 2)).toEqual(['7500000', null]);
    expect(await valuesOf(store, 'in_utilisation', 'avg', 1)).toEqual([0.1]);
  });

  test('polls come back as they were stored: outcome, clocks, status, counters of both widths, gauges with their index', async () => {
    const gauge = (table: 'sensor' | 'bgp-peer' | 'processor', columns: readonly Column[]) =>
      tableAt({ atMs: T0 }, table, ['7'], columns);
    const tables = [
      gauge('sensor', [
        { kind: 'text', name: 'class', values: ['temperature'] },
        { kind: 'number', name: 'value', values: Float64Array.of(41) },
      ]),
      gauge('bgp-peer', [{ kind: 'text', name: 'state', values: ['established'] }]),
      gauge('processor', [{ kind: 'number', name: 'usagePercent', values: Float64Array.of(12.5) }]),
    ];
    const port = { key: 'p1', inOctets: 2n ** 63n + 1n, inErrors: 3n, speedBps: 1e9, oper: 2, discontinuityTicks: 5 };
    const poll = (device: string, atMs: number, failure?: string) =>
      interfacePoll({
        device,
        atMs: T0 + atMs,
        uptimeTicks: 1000 + atMs / 10,
        ...(failure === undefined ? { interfaces: [port, { key: 'p2' }], tables } : { failure }),
      });
    const sent = [poll('core1', 0), poll('core2', 0), poll('core1', MINUTE, 'snmp_timeout'), poll('core1', 2 * MINUTE)];
    const store = await storeWith(sent.map((one, at) => journalEntry({ position: at + 1, polls: [one] })));
    const found = await store.polls({ devices: ['core1', 'nobody'], fromMs: T0, toMs: T0 + 2 * MINUTE });
    expect(
      found.map(({ device, finishedAtMs, outcome, intervalMs }) => [device, finishedAtMs - T0, outcome, intervalMs]),
    ).toEqual([
      ['core1', 0, 'complete', MINUTE],
      ['core1', MINUTE, 'failed', MINUTE],
    ]);
    const byName = new Map(found[0]?.tables.map((table) => [table.name, table]));
    const cell = (table: 'interface' | 'sensor' | 'bgp-peer' | 'processor', name: string, row = 0): unknown =>
      byName.get(table)?.columns.find((one) => one.name === name)?.values[row];
    const ports = byName.get('interface');
    const at = Number(cell('interface', 'interfaceKey') !== 'p1');
    expect(ports?.segments[0]).toMatchObject({ sentAtMs: T0, monotonicMs: T0, uptimeTicks: 1000 });
    expect(cell('interface', 'ifHCInOctets', at)).toBe(2n ** 63n + 1n);
    expect(ports?.columns.find(({ name }) => name === 'ifInErrors')).toMatchObject({ width: 32 });
    const status = ['ifAdminStatus', 'ifOperStatus', 'ifSpeedBps', 'ifCounterDiscontinuityTime'];
    expect(status.map((name) => cell('interface', name, at))).toEqual([1, 2, 1e9, 5]);
    expect(status.map((name) => cell('interface', name, 1 - at))).toEqual([1, 1, Number.NaN, Number.NaN]);
    expect([byName.get('sensor')?.index[0], cell('sensor', 'class'), cell('sensor', 'value')]).toEqual([
      '7',
      'temperature',
      41,
    ]);
    expect([cell('bgp-peer', 'state'), cell('processor', 'usagePercent')]).toEqual(['established', 12.5]);
  });

  test('a missing poll is a gap, never 0; its octets are exact where a step holds all of it', async () => {
    const store = await storeWith(
      minutes([{ inOctets: 0n }, { inOctets: 60n }, null, { inOctets: 180n }, { inOctets: 240n }]),
    );
    expect(await valuesOf(store, 'in_octets', 'avg', 4)).toEqual([1, null, null, 1]);
    expect(await valuesOf(store, 'in_octets', 'delta', 4)).toEqual(['60', null, null, '60']);
    expect(await valuesOf(store, 'in_octets', 'delta', 1, 5 * MINUTE)).toEqual(['240']);
  });

  test('a restart is a gap, never a spike', async () => {
    const store = await storeWith(
      minutes([
        { inOctets: 9_000_000_000n, uptimeTicks: 900_000 },
        { inOctets: 9_000_000_060n, uptimeTicks: 906_000 },
        { inOctets: 30n, uptimeTicks: 3000 },
        { inOctets: 90n, uptimeTicks: 9000 },
      ]),
    );
    expect(await valuesOf(store, 'in_octets', 'max', 3)).toEqual([1, null, 1]);
  });

  test('two agents, one with a clock that is ahead, and a boot between them: what was read before it counts once', async () => {
    const read = (
      position: number,
      agent: 1 | 2,
      atMs: number,
      inOctets: bigint,
      uptimeTicks: number,
    ): JournaledBatch =>
      journalEntry({
        position,
        polls: [
          interfacePoll({
            device: 'core1',
            atMs: T0 + atMs,
            interfaces: [{ key: 'ge-0/0/1', speedBps: 1e9, inOctets }],
            uptimeTicks,
            processId: `process-${agent}`,
          }),
        ],
      });
    const store = await storeWith([
      read(1, 1, 0, 9_000_000_000n, 90_000_000),
      read(2, 1, 60_000, 9_000_000_060n, 90_006_000),
      // It booted at 90 s. The second agent read before, by a clock that is two seconds ahead.
      read(3, 1, 90_500, 0n, 50),
      read(4, 2, 91_000, 9_000_000_090n, 90_008_900),
      read(5, 1, 150_500, 60n, 6_050),
    ]);
    expect(await valuesOf(store, 'in_octets', 'delta', 1, 3 * MINUTE)).toEqual(['120']);
    expect(await valuesOf(store, 'in_octets', 'max', 1, 3 * MINUTE)).toEqual([1]);
  });

  test('a counter of 32 bits that wraps goes on', async () => {
    const store = await storeWith(
      minutes([
        { inOctets: 2n ** 32n - 60n, width: 32, speedBps: 1e8 },
        { inOctets: 60n, width: 32, speedBps: 1e8 },
      ]),
    );
    expect(await valuesOf(store, 'in_octets', 'delta', 1)).toEqual(['120']);
  });

  test('a counter of errors that was cleared is no burst of errors', async () => {
    const store = await storeWith(minutes([{ inErrors: 5000n }, { inErrors: 0n }, { inErrors: 60n }]));
    expect(await valuesOf(store, 'in_errors', 'max', 2)).toEqual([null, 1]);
  });

  test('a change of width, a discontinuity and a decrease end what may be subtracted', async () => {
    const store = await storeWith(
      minutes([
        { inOctets: 60n, width: 32 },
        { inOctets: 120n, width: 64, discontinuityTicks: 5 },
        { inOctets: 180n, width: 64, discontinuityTicks: 9 },
        { inOctets: 100n, width: 64, discontinuityTicks: 9 },
        { inOctets: 160n, width: 64, discontinuityTicks: 9 },
      ]),
    );
    expect(await valuesOf(store, 'in_octets', 'avg', 4)).toEqual([null, null, null, 1]);
  });

  test('more than the line carries is left out', async () => {
    const store = await storeWith(
      minutes([{ inOctets: 0n }, { inOctets: 10n ** 15n }, { inOctets: 10n ** 15n + 60n }]),
    );
    expect(await valuesOf(store, 'in_octets', 'max', 2)).toEqual([null, 1]);
  });

  test('counters above 2^63 are exact', async () => {
    const top = 2n ** 64n - 1n;
    const store = await storeWith(
      minutes([
        { inOctets: top - 10_000_000_000_000_019n, speedBps: 0 },
        { inOctets: top, speedBps: 0 },
      ]),
    );
    expect(await valuesOf(store, 'in_octets', 'delta', 1)).toEqual(['10000000000000019']);
    expect(await valuesOf(store, 'in_octets', 'delta', 120, 500)).toSatisfy(
      (parts: string[]) => parts.reduce((sum, part) => sum + BigInt(part), 0n) === 10_000_000_000_000_019n,
    );
  });

  test('functions of a step say what overlaps it', async () => {
    const moved = [0n, 60n, 180n, 360n, 600n];
    const store = await storeWith(minutes(moved.map((inOctets) => ({ inOctets }))));
    const of = async (wanted: SeriesFunction): Promise<unknown> =>
      (await valuesOf(store, 'in_octets', wanted, 1, 4 * MINUTE))[0];
    expect([
      await of('avg'),
      await of('min'),
      await of('max'),
      await of('last'),
      await of('p95'),
      await of('delta'),
    ]).toEqual([2.5, 1, 4, 4, 4, '600']);
  });

  test('what arrives late takes its place', async () => {
    const entries = minutes([0n, 60n, 180n, 240n].map((inOctets) => ({ inOctets })));
    const late = entries[2];
    const others = entries.filter((entry) => entry !== late).map((entry, at) => ({ ...entry, position: at + 1 }));
    const store = await storeWith([...others, ...(late === undefined ? [] : [{ ...late, position: 9 }])]);
    expect(await valuesOf(store, 'in_octets', 'avg', 3)).toEqual([1, 2, 1]);
  });

  test('a clock of the agent that is off is taken out', async () => {
    const entries = minutes([{ inOctets: 0n }, { inOctets: 60n }]).map((entry) => ({
      ...entry,
      clockOffsetMs: 2 * MINUTE,
    }));
    const store = await storeWith(entries);
    const { points } = await store.series({
      metric: 'in_octets',
      resource: PORT,
      fromMs: T0 - 2 * MINUTE,
      toMs: T0,
      stepMs: MINUTE,
      function: 'avg',
    });
    expect(points.map((point) => point.value)).toEqual([1, null]);
  });

  test('applying again changes nothing, nor does the same batch in another journal', async () => {
    const entries = minutes([{ inOctets: 0n }, { inOctets: 60n }, { inOctets: 120n }]);
    const store = await storeWith(entries.slice(0, 2));
    await store.apply(entries);
    await store.apply(entries);
    await store.apply(entries.map((entry) => ({ ...entry, journal: 'journal-2', position: entry.position + 7 })));
    expect([
      await store.position('journal-1'),
      await store.position('journal-2'),
      await store.position('other'),
    ]).toEqual([3, 10, 0]);
    expect(await valuesOf(store, 'in_octets', 'delta', 1, 3 * MINUTE)).toEqual(['120']);
    expect(await valuesOf(store, 'poll_requests', 'avg', 3, MINUTE, 'core1')).toEqual([3, 3, 3]);
  });

  test('everything is there after it was opened again', async () => {
    const one = await open();
    opened.push(one);
    const entries = minutes([{ inOctets: 0n }, { inOctets: 60n }, { inOctets: 120n }, { inOctets: 180n }]);
    await one.store.apply(entries.slice(0, 2));
    const store = await one.reopen();
    expect(await store.position('journal-1')).toBe(2);
    await store.apply(entries.slice(2));
    expect(await valuesOf(store, 'in_octets', 'avg', 3)).toEqual([1, 1, 1]);
  });

  test('a device that does not answer is known to be unreachable, not unknown', async () => {
    const polls = [undefined, 'snmp_timeout', undefined].map((failure, at) =>
      interfacePoll({ device: 'core1', atMs: T0 + at * MINUTE, ...(failure === undefined ? {} : { failure }) }),
    );
    const store = await storeWith([journalEntry({ position: 1, polls })]);
    expect(await valuesOf(store, 'reachable', 'avg', 3, MINUTE, 'core1')).toEqual([1, 0, 1]);
    expect(await valuesOf(store, 'reachable', 'min', 1, 3 * MINUTE, 'core1')).toEqual([0]);
  });

  test('gauges hold between readings; a device alone is the average of them', async () => {
    const polls = [0, 5, 10].map((minute) => {
      const atMs = T0 + minute * MINUTE;
      const usage: Column = { kind: 'number', name: 'usagePercent', values: Float64Array.of(minute, 20) };
      const description: Column = { kind: 'text', name: 'description', values: ['cpu 0', 'cpu 1'] };
      return interfacePoll({
        device: 'core1',
        atMs,
        tables: [
          tableAt({ atMs }, 'processor', ['1', '2'], [usage, description]),
          tableAt({ atMs }, 'outlet', ['7'], [{ kind: 'number', name: 'powerWatts', values: Float64Array.of(230) }]),
        ],
      });
    });
    const store = await storeWith([journalEntry({ position: 1, polls })]);
    const metric = 'processor_usage_percent';
    expect(await valuesOf(store, metric, 'avg', 2, 5 * MINUTE, 'core1/processor:1')).toEqual([0, 5]);
    expect(await valuesOf(store, metric, 'avg', 2, 5 * MINUTE, 'core1')).toEqual([10, 12.5]);
    expect((await store.gauges('core1')).map((one) => [one.resource, one.metric, one.description, one.unit])).toEqual([
      ['core1/processor:1', metric, 'cpu 0', '%'],
      ['core1/processor:2', metric, 'cpu 1', '%'],
      ['core1/outlet:7', 'outlet_power_watts', '', 'W'],
    ]);
    expect(await valuesOf(store, 'outlet_power_watts', 'avg', 2, 5 * MINUTE, 'core1/outlet:7')).toEqual([230, 230]);
    const latest = await store.latest({ metric, resources: ['core1/processor:1'], sinceMs: T0 });
    expect(latest).toEqual([{ resource: 'core1/processor:1', atMs: T0 + 10 * MINUTE, value: 10 }]);
  });

  test('the busiest come first, and the latest values of those asked for', async () => {
    const polls = [0, 1, 2].map((minute) =>
      interfacePoll({
        device: 'core1',
        atMs: T0 + minute * MINUTE,
        interfaces: [1, 2, 3, 4].map((port) => ({
          key: `p${port}`,
          inOctets: BigInt(minute * port * 60),
          speedBps: 1e9,
        })),
      }),
    );
    const narrow = [0, 1, 2].map((minute) =>
      interfacePoll({
        device: 'old1',
        atMs: T0 + minute * MINUTE,
        interfaces: [
          { key: 'fa1', width: 32, inOctets: (2n ** 32n - 100n + BigInt(minute) * 600n) % 2n ** 32n, speedBps: 1e8 },
        ],
      }),
    );
    const store = await storeWith([journalEntry({ position: 1, polls: [...polls, ...narrow] })]);
    const span = { fromMs: T0, toMs: T0 + 3 * MINUTE };
    expect(await store.top({ metric: 'in_octets', ...span, limit: 3 })).toEqual([
      { resource: 'old1/fa1', value: 10 },
      { resource: 'core1/p4', value: 4 },
      { resource: 'core1/p3', value: 3 },
    ]);
    const latest = await store.latest({
      metric: 'in_octets',
      resources: ['core1/p2', 'core1/none', 'old1/fa1'],
      sinceMs: T0,
    });
    expect(latest).toEqual([
      { resource: 'core1/p2', atMs: T0 + 2 * MINUTE, value: 2 },
      { resource: 'old1/fa1', atMs: T0 + 2 * MINUTE, value: 10 },
    ]);
  });

  test('several resources at once are the series of each, in the order asked for', async () => {
    const polls = [0, 1, 2, 3].map((minute) =>
      interfacePoll({
        device: 'core1',
        atMs: T0 + minute * MINUTE,
        interfaces: [1, 2, 3].map((port) => ({ key: `p${port}`, inOctets: BigInt(minute * port * 60), speedBps: 1e9 })),
      }),
    );
    const store = await storeWith([journalEntry({ position: 1, polls })]);
    const query = { metric: 'in_octets', fromMs: T0, toMs: T0 + 4 * MINUTE, stepMs: MINUTE };
    const resources = ['core1/p3', 'core1/none', 'core1/p1', 'other/p1', 'core1/p3'];
    for (const wanted of ['avg', 'delta', 'p95', 'last'] as const) {
      const many = await store.many({ ...query, resources, function: wanted });
      const each = await Promise.all(
        resources.map((resource) => store.series({ ...query, resource, function: wanted })),
      );
      expect(many).toEqual(each);
    }
    expect(await store.many({ ...query, resources: [], function: 'avg' })).toEqual([]);
    await expect(store.many({ ...query, resources, stepMs: 1, function: 'avg' })).rejects.toMatchObject({
      code: 'series_too_long',
    });
  });

  test('the first by any function, among those that may be seen', async () => {
    const moved = [0, 60, 600, 660, 720];
    const polls = moved.map((_, minute) =>
      interfacePoll({
        device: 'core1',
        atMs: T0 + minute * MINUTE,
        interfaces: [
          { key: 'bursty', inOctets: BigInt(moved[minute] ?? 0) },
          { key: 'steady', inOctets: BigInt(minute * 240) },
          { key: 'rising', inOctets: BigInt(minute * minute * 45) },
        ],
      }),
    );
    const other = moved.map((_, minute) =>
      interfacePoll({
        device: 'core2',
        atMs: T0 + minute * MINUTE,
        interfaces: [{ key: 'steady', inOctets: BigInt(minute * 1200) }],
      }),
    );
    const store = await storeWith([journalEntry({ position: 1, polls: [...polls, ...other] })]);
    const query = { metric: 'in_octets', fromMs: T0, toMs: T0 + 5 * MINUTE, limit: 2 };
    const among = { devices: ['core1'], resources: [] };
    expect(await store.top({ ...query, function: 'max', among })).toEqual([
      { resource: 'core1/bursty', value: 9 },
      { resource: 'core1/rising', value: 5.25 },
    ]);
    expect(await store.top({ ...query, function: 'last', among })).toEqual([
      { resource: 'core1/rising', value: 5.25 },
      { resource: 'core1/steady', value: 4 },
    ]);
    expect(await store.top({ ...query, function: 'p95', limit: 1 })).toEqual([{ resource: 'core2/steady', value: 20 }]);
    const some = { devices: ['core2'], resources: ['core1/steady', 'core1/none'] };
    expect(await store.top({ ...query, limit: 9, among: some })).toEqual([
      { resource: 'core2/steady', value: 20 },
      { resource: 'core1/steady', value: 4 },
    ]);
    expect(await store.top({ ...query, among: { devices: [], resources: [] } })).toEqual([]);
  });

  test('points of other programs are series by their tags; of two of one time the last written holds', async () => {
    const store = await storeWith([
      pointEntry(1, [
        { atMs: T0, host: 'a', fields: { idle: 90, busy: 5n, on: true, state: 'fine' } },
        { atMs: T0 + MINUTE, host: 'a', fields: { idle: 70 } },
        { atMs: T0, host: 'b, c', fields: { idle: 10 } },
      ]),
      pointEntry(2, [
        { atMs: T0 + MINUTE, host: 'a', fields: { idle: 80 } },
        { atMs: T0 + MINUTE, host: 'a', fields: { idle: 60, state: 'fine' } },
      ]),
    ]);
    expect(await store.position('journal-1')).toBe(2);
    expect(await valuesOf(store, 'point.cpu.idle', 'avg', 2, MINUTE, 'points/host=a')).toEqual([90, 60]);
    expect(await valuesOf(store, 'point.cpu.busy', 'max', 1, MINUTE, 'points/host=a')).toEqual([5]);
    expect(await valuesOf(store, 'point.cpu.on', 'last', 1, MINUTE, 'points/host=a')).toEqual([1]);
    expect(await valuesOf(store, 'point.cpu.none', 'last', 1, MINUTE, 'points/host=a')).toEqual([null]);
    expect(await valuesOf(store, 'point.cpu.idle', 'avg', 1, MINUTE, String.raw`points/host=b\,\ c`)).toEqual([10]);
    const idle = await store.catalogue({ metric: 'point.cpu.idle', limit: 10 });
    expect(idle.map((one) => [one.resource, one.tags, one.device])).toEqual([
      ['points/host=a', { host: 'a' }, ''],
      [String.raw`points/host=b\,\ c`, { host: 'b, c' }, ''],
    ]);
    const query = { metric: 'point.cpu.idle', fromMs: T0, toMs: T0 + 2 * MINUTE, limit: 5 };
    expect(await store.top({ ...query, function: 'last' })).toEqual([
      { resource: 'points/host=a', value: 60 },
      { resource: String.raw`points/host=b\,\ c`, value: 10 },
    ]);
    expect(await store.latest({ metric: 'point.cpu.idle', resources: ['points/host=a'], sinceMs: T0 })).toEqual([
      { resource: 'points/host=a', atMs: T0 + MINUTE, value: 60 },
    ]);
    await expect(store.series({ ...query, resource: 'points/host=a', function: 'delta' })).rejects.toMatchObject({
      code: 'metric_unknown',
    });
  });

  test('the catalogue comes in pages by metric and resource', async () => {
    const polls = ['core2', 'core1'].map((device) =>
      interfacePoll({ device, atMs: T0, interfaces: ['p10', 'p2'].map((key) => ({ key, inOctets: 1n })) }),
    );
    const store = await storeWith([
      journalEntry({ position: 1, polls }),
      pointEntry(2, [{ atMs: T0, host: 'a', fields: { idle: 1 } }]),
    ]);
    const names = ['core1/p10', 'core1/p2', 'core2/p10', 'core2/p2'];
    const of = (page: readonly { readonly resource: string }[]): string[] => page.map((one) => one.resource);
    expect(of(await store.catalogue({ metric: 'in_bps', limit: 100 }))).toEqual(names);
    expect(of(await store.catalogue({ metric: 'in_bps', device: 'core2', limit: 100 }))).toEqual(names.slice(2));
    expect(await store.catalogue({ device: 'none', limit: 100 })).toEqual([]);
    const all = await store.catalogue({ limit: 10_000 });
    const paged: (typeof all)[number][] = [];
    for (;;) {
      const last = paged.at(-1);
      const page = await store.catalogue({ limit: 3, ...(last === undefined ? {} : { after: last }) });
      paged.push(...page);
      if (page.length === 0) break;
    }
    expect(paged).toEqual(all);
    const key = (one: { metric: string; resource: string }): string => `${one.metric}\n${one.resource}`;
    expect(all.map(key)).toEqual(all.map(key).toSorted((a, b) => (a < b ? -1 : 1)));
    expect(all.map((one) => one.metric)).toEqual(expect.arrayContaining(['in_octets', 'reachable', 'point.cpu.idle']));
    await expect(store.catalogue({ metric: 'in_bsp', limit: 1 })).rejects.toMatchObject({ code: 'metric_unknown' });
  });

  test('entries gone through again replace what they wrote', async () => {
    const entries = minutes([{ inOctets: 0n }, { inOctets: 60n }, { inOctets: 120n }]);
    const points = pointEntry(4, [{ atMs: T0, host: 'a', fields: { idle: 1 } }]);
    const store = await storeWith([...entries, points]);
    // As a corrected program would read them: the same times, other values.
    const others = minutes([{ inOctets: 0n }, { inOctets: 600n }, { inOctets: 1200n }]);
    const corrected = pointEntry(4, [{ atMs: T0, host: 'a', fields: { idle: 2 } }]);
    await store.apply(
      [...others, corrected].map((entry) => ({ ...entry, position: entry.position + 10, again: true })),
    );
    expect(await valuesOf(store, 'in_octets', 'avg', 2)).toEqual([10, 10]);
    expect(await valuesOf(store, 'poll_requests', 'avg', 3, MINUTE, 'core1')).toEqual([3, 3, 3]);
    expect(await valuesOf(store, 'point.cpu.idle', 'avg', 1, 10_000, 'points/host=a')).toEqual([2]);
    expect(await store.top({ metric: 'in_octets', fromMs: T0, toMs: T0 + 3 * MINUTE, limit: 5 })).toEqual([
      { resource: PORT, value: 10 },
    ]);
  });

  test('nothing known is null, nothing stored too', async () => {
    const store = await storeWith([]);
    expect(await valuesOf(store, 'in_bps', 'avg', 2)).toEqual([null, null]);
    expect(await store.top({ metric: 'in_bps', fromMs: T0, toMs: T0 + MINUTE, limit: 5 })).toEqual([]);
    expect(await store.latest({ metric: 'in_bps', resources: [PORT], sinceMs: 0 })).toEqual([]);
  });

  test.each([
    ['metric_unknown', { metric: 'in_bsp' }],
    ['metric_unknown', { metric: 'toString' }],
    ['metric_unknown', { metric: 'oper_status', function: 'delta' as const }],
    ['metric_unknown', { metric: 'in_utilisation', function: 'delta' as const }],
    ['series_too_long', { stepMs: 1 }],
    ['series_too_long', { toMs: T0 }],
    ['series_too_long', { stepMs: 0 }],
    ['series_too_long', { stepMs: Number.NaN }],
  ])('a question that cannot be answered is refused: %s %j', async (code, part) => {
    const store = await storeWith([]);
    const query = { metric: 'in_bps', resource: PORT, fromMs: T0, toMs: T0 + 3_600_000, function: 'avg' as const };
    await expect(store.series({ ...query, ...part })).rejects.toMatchObject({ code });
  });

  test('any stream of readings, in any chunks, with the store opened again in between, is what the model says', async () => {
    const event = fc.record({
      device: fc.constantFrom('core1', 'core2'),
      gapMinutes: fc.constantFrom(1, 1, 1, 1, 2, 5),
      jitterMs: fc.integer({ min: -4000, max: 4000 }),
      moved: fc.bigInt({ min: 0n, max: 8_000_000_000n }),
      happens: fc.constantFrom('', '', '', '', '', 'boot', 'discontinuity', 'process', 'zero', 'twice', 'absent'),
    });
    const script = fc.record({
      events: fc.array(event, { maxLength: 25 }),
      width: fc.constantFrom(32 as const, 64 as const),
      order: fc.infiniteStream(fc.integer({ min: 0, max: 3 })),
      chunks: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 30, maxLength: 30 }),
      reopenAfter: fc.integer({ min: 0, max: 10 }),
      stepMs: fc.constantFrom(MINUTE, 5 * MINUTE, 37_001),
    });
    await fc.assert(
      fc.asyncProperty(script, async ({ events, width, order, chunks, reopenAfter, stepMs }) => {
        const entries = entriesOf(events, width, order);
        const model = new ModelMetricStore();
        model.apply(entries);
        const one = await open();
        let store = one.store;
        try {
          let [first, count] = [0, 0];
          for (const size of chunks) {
            const chunk = entries.slice(first, first + size);
            if (chunk.length === 0) break;
            await store.apply(chunk);
            if (count === reopenAfter) store = await one.reopen();
            first += size;
            count += 1;
          }
          await compare(store, model, stepMs);
        } finally {
          await one.discard();
        }
      }),
      { numRuns: 25 },
    );
  }, 120_000);
}

interface Event {
  readonly device: string;
  readonly gapMinutes: number;
  readonly jitterMs: number;
  readonly moved: bigint;
  readonly happens: string;
}

/** What a device with such a life tells; entries may come out of order and twice. */
function entriesOf(events: readonly Event[], width: 32 | 64, order: Iterator<number>): JournaledBatch[] {
  const devices = new Map<string, { atMs: number; counter: bigint; bootMs: number; ticks: number; process: number }>();
  const batches: { place: number; sequence: number; polls: ReturnType<typeof interfacePoll>[] }[] = [];
  events.forEach((event, at) => {
    const state = devices.get(event.device) ?? { atMs: T0, counter: 0n, bootMs: T0 - 1e8, ticks: 1, process: 1 };
    devices.set(event.device, state);
    state.atMs += event.gapMinutes * MINUTE;
    const atMs = state.atMs + event.jitterMs;
    if (event.happens === 'boot') {
      state.bootMs = atMs - 20_000;
      state.counter = 0n;
    }
    if (event.happens === 'discontinuity') state.ticks += 1;
    if (event.happens === 'process') state.process += 1;
    state.counter = event.happens === 'zero' ? 0n : (state.counter + event.moved) % 2n ** BigInt(width);
    const reading = {
      key: 'p1',
      width,
      speedBps: 1e9,
      discontinuityTicks: state.ticks,
      ...(event.happens === 'absent' ? {} : { inOctets: state.counter }),
    };
    const poll = interfacePoll({
      device: event.device,
      atMs,
      interfaces: [reading],
      processId: `process-${state.process}`,
      uptimeTicks: Math.round((atMs - state.bootMs) / 10),
    });
    const late = order.next();
    const place = at + (late.done === true ? 0 : late.value * 1.5);
    batches.push({ place, sequence: at + 1, polls: [poll] });
    if (event.happens === 'twice') batches.push({ place: place + 2, sequence: at + 1, polls: [poll] });
  });
  return batches
    .toSorted((a, b) => a.place - b.place)
    .map(({ sequence, polls }, at) => journalEntry({ position: at + 1, sequence, polls }));
}

async function compare(store: MetricStore, model: ModelMetricStore, stepMs: number): Promise<void> {
  for (const device of ['core1', 'core2']) {
    const query = { metric: 'in_octets', resource: `${device}/p1`, fromMs: T0, toMs: T0 + 130 * MINUTE, stepMs };
    for (const wanted of ['avg', 'min', 'max', 'delta'] as const) {
      const { points } = await store.series({ ...query, function: wanted });
      for (const point of points) {
        const truth = model.point(query.resource, point.atMs, point.atMs + stepMs)[wanted];
        if (typeof truth === 'number') expect(point.value, `${device} ${wanted} ${point.atMs}`).toBeCloseTo(truth, 3);
        else expect(point.value, `${device} ${wanted} ${point.atMs - T0}`).toBe(truth);
      }
    }
  }
}
