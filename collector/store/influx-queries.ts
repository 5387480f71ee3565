// Questions to InfluxDB in InfluxQL, which versions 1, 2 and 3 understand: it selects raw readings, spans.ts makes them rates.
import type { EpochMs } from '../../common/model/time.ts';
import type { PointPlace } from './influx-book.ts';
import type { InfluxClient } from './influx-client.ts';
import { counterOfSigned, MEASUREMENTS, storedMeasurement, tagValue } from './influx-lines.ts';
import { type Cell, numberOf, type ResultSeries, wholeOf } from './influx-results.ts';
import { DISCONTINUITY_BIT, SPEED_BIT, UPTIME_BIT, WIDE_SHIFT } from './interface-columns.ts';
import { COUNTER_COLUMNS, type CounterMetric, type NumberMetric } from './metrics.ts';
import { MAX_READINGS, tooMany } from './reading-bounds.ts';
import type { Resource } from './resource-book.ts';
import type { StoredReading, StoredValue } from './spans.ts';

export type Asked = Pick<Resource, 'id' | 'kind' | 'device' | 'part' | 'metric' | 'tags'>;

export interface Window {
  /** Both inclusive. */
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  /** Of each resource only so many, the newest. */
  readonly newest?: number;
  /** The resources are all that there are: none is named. */
  readonly everything?: boolean;
}

/** Resources named in one query. */
const NAMED_AT_ONCE = 200;
const LATEST_MS = Date.parse('2262-01-01T00:00:00Z');

const CLOCKS = ['flags', 'uptime_ticks', 'discontinuity_ticks', 'process', 'monotonic_ms', 'interval_ms', 'speed_bps'];

/** Hands over the readings of a counter, resource by resource, each in the order of time. */
export async function readCounters(
  client: Pick<InfluxClient, 'query'>,
  metric: CounterMetric,
  resources: readonly Asked[],
  window: Window,
  take: (resource: number, readings: readonly StoredReading[]) => void,
): Promise<void> {
  const { column } = metric;
  const fields = [...new Set([column, ...CLOCKS])].map(quoted).join(', ');
  const present = `(${quoted(column)} >= 0 OR ${quoted(column)} < 0)`;
  await read(
    client,
    resources,
    { fields, from: MEASUREMENTS.interface, condition: present, window, points: false },
    (id, columns, rows) => {
      const place = placesIn(columns);
      const readings = rows.flatMap((row) => {
        const reading = readingOf(row, place, column);
        return reading === null ? [] : [reading];
      });
      take(id, window.newest === undefined ? readings : readings.toReversed());
    },
  );
}

/** Hands over the values of a number, resource by resource, each in the order of time. Of points several times where several places make the metric. */
export async function readNumbers(
  client: Pick<InfluxClient, 'query'>,
  metric: NumberMetric,
  places: readonly PointPlace[],
  resources: readonly Asked[],
  window: Window,
  take: (resource: number, values: readonly StoredValue[]) => void,
): Promise<void> {
  for (const { field, from, divisor, points } of sourcesOf(metric, places)) {
    const fields = points ? `${quoted(field)}::field AS "value"` : `${quoted(field)} AS "value", "interval_ms"`;
    await read(client, resources, { fields, from, condition: null, window, points }, (id, columns, rows) => {
      const [value, interval] = [columns.indexOf('value'), columns.indexOf('interval_ms')];
      const values = rows.flatMap((row) => {
        const found = numberOf(row[value]);
        if (found === null) return [];
        return [{ atMs: Number(row[0]), value: found / divisor, intervalMs: numberOf(row[interval]) ?? 0 }];
      });
      take(id, window.newest === undefined ? values : values.toReversed());
    });
  }
}

/** A cell of a row by the name of its column. */
export type Cells = (name: string) => Cell | undefined;

/** Hands over each row of the resources with those fields, resource by resource, each in the order of time. */
export async function readCells(
  client: Pick<InfluxClient, 'query'>,
  resources: readonly Asked[],
  { from, fields }: { readonly from: string; readonly fields: readonly string[] },
  window: Window,
  take: (resource: number, cells: Cells) => void,
): Promise<void> {
  const selection = { fields: fields.map(quoted).join(', '), from, condition: null, window, points: false };
  await read(client, resources, selection, (id, columns, rows) => {
    const place = placesIn(columns);
    for (const row of rows) take(id, (name) => row[place[name] ?? -1]);
  });
}

interface Source {
  readonly field: string;
  readonly from: string;
  readonly divisor: number;
  readonly points: boolean;
}

function sourcesOf(metric: NumberMetric, places: readonly PointPlace[]): Source[] {
  if (metric.table === 'point_metrics')
    return places.map(({ measurement, field }) => ({
      field: tagValue(field),
      from: storedMeasurement(measurement),
      divisor: 1,
      points: true,
    }));
  if (metric.table === 'gauge_metrics')
    return [{ field: 'value', from: MEASUREMENTS.gauge, divisor: 1, points: false }];
  const from = metric.table === 'device_metrics' ? MEASUREMENTS.device : MEASUREMENTS.interface;
  const uptime = metric.column.startsWith('uptime_ticks');
  return [{ field: uptime ? 'uptime_ticks' : metric.column, from, divisor: uptime ? 100 : 1, points: false }];
}

interface Selection {
  readonly fields: string;
  readonly from: string;
  readonly condition: string | null;
  readonly window: Window;
  readonly points: boolean;
}

async function read(
  client: Pick<InfluxClient, 'query'>,
  resources: readonly Asked[],
  selection: Selection,
  take: (id: number, columns: readonly string[], rows: readonly (readonly Cell[])[]) => void,
): Promise<void> {
  let readings = 0;
  const atOnce = selection.window.everything === true ? Math.max(1, resources.length) : NAMED_AT_ONCE;
  for (let first = 0; first < resources.length; first += atOnce) {
    const part = resources.slice(first, first + atOnce);
    const ids = new Map(part.map((one) => [tagKey(tagsOf(one)), one.id]));
    let [open, columns, rows]: [number | null, readonly string[], (readonly Cell[])[]] = [null, [], []];
    const finish = (): void => {
      if (open !== null && rows.length > 0) take(open, columns, rows);
      [open, rows] = [null, []];
    };
    await client.query(statementOf(part, selection), (series: ResultSeries) => {
      const id = ids.get(tagKey(Object.entries(series.tags).filter(([, value]) => value !== '')));
      readings += series.values.length;
      if (readings > MAX_READINGS) throw tooMany();
      if (id === undefined) return;
      if (id !== open) finish();
      [open, columns] = [id, series.columns];
      for (const row of series.values) rows.push(row);
    });
    finish();
  }
}

function statementOf(resources: readonly Asked[], selection: Selection): string {
  const { fields, from, condition, window, points } = selection;
  const among = window.everything === true ? conditionOfAll(resources) : conditionOf(resources);
  const where = [
    `time >= '${timeText(window.fromMs)}'`,
    `time <= '${timeText(window.toMs)}'`,
    ...(condition === null ? [] : [condition]),
    ...(among === null ? [] : [among]),
  ];
  const groups = points
    ? '*'
    : (resources[0] === undefined ? [] : tagsOf(resources[0])).map(([key]) => quoted(key)).join(', ');
  const newest = window.newest === undefined ? '' : ` ORDER BY time DESC LIMIT ${Math.trunc(window.newest)}`;
  return `SELECT ${fields} FROM ${quoted(from)} WHERE ${where.join(' AND ')} GROUP BY ${groups}${newest}`;
}

/** Null where a resource has no tags at all: points of every tag are then read, and only its own are taken. */
function conditionOf(resources: readonly Asked[]): string | null {
  const each = resources.map((one) =>
    tagsOf(one).map(([key, value]) => `${quoted(key)}${one.kind === 'point' ? '::tag' : ''} = ${textOf(value)}`),
  );
  if (each.some((conditions) => conditions.length === 0)) return null;
  return `(${each.map((conditions) => `(${conditions.join(' AND ')})`).join(' OR ')})`;
}

/** Gauges of all metrics share a measurement. */
function conditionOfAll([one]: readonly Asked[]): string | null {
  return one?.kind === 'gauge' ? `"metric" = ${textOf(tagValue(one.metric))}` : null;
}

/** As they stand in InfluxDB. */
function tagsOf(resource: Asked): [key: string, value: string][] {
  const stored = (tags: readonly (readonly [string, string])[]): [string, string][] =>
    tags.filter(([, value]) => value !== '').map(([key, value]) => [tagValue(key), tagValue(value)]);
  const { kind, device, part, metric, tags } = resource;
  switch (kind) {
    case 'device':
      return stored([['device', device]]);
    case 'interface':
      return stored([
        ['device', device],
        ['interface', part],
      ]);
    case 'gauge':
      return stored([
        ['device', device],
        ['metric', metric],
        ['part', part],
      ]);
    case 'point':
      return stored(JSON.parse(tags) as [string, string][]);
  }
}

function tagKey(tags: readonly (readonly [string, string])[]): string {
  return JSON.stringify(tags.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

type Places = Readonly<Record<string, number>>;

function placesIn(columns: readonly string[]): Places {
  return Object.fromEntries(columns.map((name, at) => [name, at]));
}

function readingOf(row: readonly Cell[], places: Places, column: CounterMetric['column']): StoredReading | null {
  const cell = (name: string): Cell | undefined => row[places[name] ?? -1];
  const stored = wholeOf(cell(column));
  const flags = numberOf(cell('flags'));
  if (stored === null || flags === null) return null;
  const wide = 1 << (WIDE_SHIFT + COUNTER_COLUMNS.indexOf(column));
  return {
    observedAtMs: Number(row[0]),
    value: counterOfSigned(stored),
    width: (flags & wide) === 0 ? 32 : 64,
    uptimeTicks: (flags & UPTIME_BIT) === 0 ? null : numberOf(cell('uptime_ticks')),
    discontinuityTicks: (flags & DISCONTINUITY_BIT) === 0 ? null : numberOf(cell('discontinuity_ticks')),
    processId: String(cell('process')),
    monotonicMs: numberOf(cell('monotonic_ms')) ?? 0,
    intervalMs: numberOf(cell('interval_ms')) ?? 0,
    speedBps: (flags & SPEED_BIT) === 0 ? null : wholeOf(cell('speed_bps')),
  };
}

function quoted(identifier: string): string {
  return `"${identifier.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

function textOf(value: string): string {
  return `'${value.replaceAll(/['\\]/g, String.raw`\$&`)}'`;
}

function timeText(atMs: EpochMs): string {
  return new Date(Math.max(0, Math.min(LATEST_MS, atMs))).toISOString();
}
