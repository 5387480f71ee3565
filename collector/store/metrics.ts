// The catalogue of metrics: which table and column each is made of, its unit, and which functions fit it.
import { WeirError } from '../../common/runtime/errors.ts';
import type { SeriesFunction } from './store.ts';

/** Counters of an interface, in the order of their bits in `flags`: bit i says present, bit 8 + i says 64 bits wide. */
export const COUNTER_COLUMNS = [
  'in_octets',
  'out_octets',
  'in_packets',
  'out_packets',
  'in_errors',
  'out_errors',
  'in_discards',
  'out_discards',
] as const;
export type CounterColumnName = (typeof COUNTER_COLUMNS)[number];

export interface CounterMetric {
  readonly kind: 'counter';
  readonly column: CounterColumnName;
  /** bit/s for octets; `share` is percent of the speed of the interface. */
  readonly scale: 'one' | 'eight' | 'share';
  readonly unit: string;
  readonly deltaUnit: string | null;
}

export interface NumberMetric {
  readonly kind: 'number';
  readonly table: 'interface_metrics' | 'device_metrics' | 'gauge_metrics' | 'point_metrics';
  readonly column: string;
  readonly unit: string;
  /** Gauges and points of other programs only: the name of the metric, which their resources carry. */
  readonly gauge: string | null;
}

export type Metric = CounterMetric | NumberMetric;

const counter = (
  column: CounterColumnName,
  scale: CounterMetric['scale'],
  unit: string,
  deltaUnit: string | null,
): CounterMetric => ({ kind: 'counter', column, scale, unit, deltaUnit });

const number = (
  table: NumberMetric['table'],
  column: string,
  unit: string,
  gauge: string | null = null,
): NumberMetric => ({
  kind: 'number',
  table,
  column,
  unit,
  gauge,
});

export const METRICS: Readonly<Record<string, Metric>> = {
  in_bps: counter('in_octets', 'eight', 'bit/s', 'bit'),
  out_bps: counter('out_octets', 'eight', 'bit/s', 'bit'),
  in_octets: counter('in_octets', 'one', 'octet/s', 'octet'),
  out_octets: counter('out_octets', 'one', 'octet/s', 'octet'),
  in_utilisation: counter('in_octets', 'share', '%', null),
  out_utilisation: counter('out_octets', 'share', '%', null),
  in_packets: counter('in_packets', 'one', 'packet/s', 'packet'),
  out_packets: counter('out_packets', 'one', 'packet/s', 'packet'),
  in_errors: counter('in_errors', 'one', 'packet/s', 'packet'),
  out_errors: counter('out_errors', 'one', 'packet/s', 'packet'),
  in_discards: counter('in_discards', 'one', 'packet/s', 'packet'),
  out_discards: counter('out_discards', 'one', 'packet/s', 'packet'),
  speed_bps: number('interface_metrics', 'speed_bps', 'bit/s'),
  admin_status: number('interface_metrics', 'admin_status', 'ifAdminStatus'),
  oper_status: number('interface_metrics', 'oper_status', 'ifOperStatus'),
  reachable: number('device_metrics', 'reachable', '1'),
  poll_duration_ms: number('device_metrics', 'duration_ms', 'ms'),
  poll_requests: number('device_metrics', 'requests', 'request'),
  poll_retries: number('device_metrics', 'retries', 'request'),
  uptime_seconds: number('device_metrics', 'uptime_ticks / 100', 's'),
  ...ofGauges({
    processor_usage_percent: '%',
    memory_used_percent: '%',
    memory_used_bytes: 'octet',
    memory_total_bytes: 'octet',
    storage_used_percent: '%',
    storage_used_bytes: 'octet',
    storage_total_bytes: 'octet',
    outlet_current_amperes: 'A',
    outlet_voltage_volts: 'V',
    outlet_power_watts: 'W',
    outlet_energy_watt_hours: 'Wh',
    bgp_peer_established: '1',
    bgp_peer_established_seconds: 's',
  }),
};

function ofGauges(units: Readonly<Record<string, string>>): Record<string, Metric> {
  return Object.fromEntries(
    Object.entries(units).map(([name, unit]) => [name, number('gauge_metrics', 'value', unit, name)]),
  );
}

const SENSOR = /^sensor_[a-z0-9_]{1,40}$/;
/** `point.MEASUREMENT.FIELD`, both as the other program named them. */
const POINT = /^point\.[^\n]{1,500}\.[^\n]{1,500}$/;
const OF_COUNTERS: readonly SeriesFunction[] = ['rate', 'avg', 'min', 'max', 'last', 'p95', 'p99', 'delta'];
const OF_SHARES: readonly SeriesFunction[] = ['rate', 'avg', 'min', 'max', 'last', 'p95', 'p99'];
const OF_NUMBERS: readonly SeriesFunction[] = ['avg', 'min', 'max', 'last', 'p95', 'p99'];

/** The metric; throws metric_unknown where there is none of that name or the function does not fit it. */
export function metricNamed(name: string, wanted: SeriesFunction | null): Metric {
  const metric = Object.hasOwn(METRICS, name) ? METRICS[name] : undefined;
  const found = metric ?? ofOpenName(name);
  if (found === undefined) {
    const metrics = [...Object.keys(METRICS), 'sensor_CLASS', 'point.MEASUREMENT.FIELD'];
    throw new WeirError('metric_unknown', `There is no metric ${JSON.stringify(name.slice(0, 80))}.`, { metrics });
  }
  const functions = functionsOf(found);
  if (wanted !== null && !functions.includes(wanted))
    throw new WeirError('metric_unknown', `The metric ${name} cannot be asked for as ${wanted}.`, { functions });
  return found;
}

function ofOpenName(name: string): Metric | undefined {
  if (SENSOR.test(name)) return number('gauge_metrics', 'value', '', name);
  return POINT.test(name) ? number('point_metrics', 'value', '', name) : undefined;
}

/** A gauge holds between readings, a counter moves between them: only a counter has a rate and a delta. */
export function functionsOf(metric: Metric): readonly SeriesFunction[] {
  if (metric.kind === 'number') return OF_NUMBERS;
  return metric.scale === 'share' ? OF_SHARES : OF_COUNTERS;
}

export interface DescribedMetric {
  readonly name: string;
  readonly unit: string;
  readonly deltaUnit: string | null;
  readonly functions: readonly SeriesFunction[];
}

/** The catalogue for a reader; sensors have metrics of their own beside it. */
export function describedMetrics(): DescribedMetric[] {
  return Object.entries(METRICS).map(([name, metric]) => ({
    name,
    unit: metric.unit,
    deltaUnit: metric.kind === 'counter' ? metric.deltaUnit : null,
    functions: functionsOf(metric),
  }));
}
