// How the metrics of the store are called in Prometheus: names with unit and `_total`, labels device, interface, index.
import type { StoredSeries } from '../store/store.ts';

export interface PromMetric {
  readonly name: string;
  /** Of the store. */
  readonly metric: string;
  /** A counter is read by rate, irate and increase; a gauge as it is and by the functions over time. */
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly unit: string;
}

const counter = (metric: string, what: string, unit: string): PromMetric => ({
  name: `weir_interface_${metric}_total`,
  metric,
  type: 'counter',
  help: `${what} of the interface`,
  unit,
});
const gauge = (name: string, metric: string, help: string, unit = ''): PromMetric => ({
  name,
  metric,
  type: 'gauge',
  help,
  unit,
});

const FIXED: readonly PromMetric[] = [
  counter('in_octets', 'Octets in', 'octet'),
  counter('out_octets', 'Octets out', 'octet'),
  counter('in_packets', 'Unicast packets in', 'packet'),
  counter('out_packets', 'Unicast packets out', 'packet'),
  counter('in_errors', 'Packets in with errors', 'packet'),
  counter('out_errors', 'Packets out with errors', 'packet'),
  counter('in_discards', 'Packets in discarded', 'packet'),
  counter('out_discards', 'Packets out discarded', 'packet'),
  gauge('weir_interface_in_bits_per_second', 'in_bps', 'Traffic in', 'bit/s'),
  gauge('weir_interface_out_bits_per_second', 'out_bps', 'Traffic out', 'bit/s'),
  gauge('weir_interface_in_utilisation_percent', 'in_utilisation', 'Traffic in by the speed', '%'),
  gauge('weir_interface_out_utilisation_percent', 'out_utilisation', 'Traffic out by the speed', '%'),
  gauge('weir_interface_speed_bits_per_second', 'speed_bps', 'Speed of the interface', 'bit/s'),
  gauge('weir_interface_admin_status', 'admin_status', 'ifAdminStatus (RFC 2863): 1 up, 2 down, 3 testing'),
  gauge('weir_interface_oper_status', 'oper_status', 'ifOperStatus (RFC 2863): 1 up, 2 down, …'),
  gauge('weir_device_reachable', 'reachable', '1 where the device answered its poll'),
  gauge('weir_device_poll_duration_milliseconds', 'poll_duration_ms', 'How long the poll took', 'ms'),
  gauge('weir_device_poll_requests', 'poll_requests', 'Requests of the poll'),
  gauge('weir_device_poll_retries', 'poll_retries', 'Requests that were sent again'),
  gauge('weir_device_uptime_seconds', 'uptime_seconds', 'sysUpTime', 's'),
  gauge('weir_processor_usage_percent', 'processor_usage_percent', 'Usage of the processor', '%'),
  gauge('weir_memory_used_percent', 'memory_used_percent', 'Share of the memory in use', '%'),
  gauge('weir_memory_used_bytes', 'memory_used_bytes', 'Memory in use', 'octet'),
  gauge('weir_memory_total_bytes', 'memory_total_bytes', 'Memory', 'octet'),
  gauge('weir_storage_used_percent', 'storage_used_percent', 'Share of the file system in use', '%'),
  gauge('weir_storage_used_bytes', 'storage_used_bytes', 'File system in use', 'octet'),
  gauge('weir_storage_total_bytes', 'storage_total_bytes', 'Size of the file system', 'octet'),
  gauge('weir_outlet_current_amperes', 'outlet_current_amperes', 'Current of the outlet', 'A'),
  gauge('weir_outlet_voltage_volts', 'outlet_voltage_volts', 'Voltage of the outlet', 'V'),
  gauge('weir_outlet_power_watts', 'outlet_power_watts', 'Power of the outlet', 'W'),
  gauge('weir_outlet_energy_watt_hours', 'outlet_energy_watt_hours', 'Energy of the outlet', 'Wh'),
  gauge('weir_bgp_peer_established', 'bgp_peer_established', '1 where the BGP peer is established'),
  gauge('weir_bgp_peer_established_seconds', 'bgp_peer_established_seconds', 'Since when it is established', 's'),
];
const BY_METRIC = new Map<string, readonly PromMetric[]>();
for (const one of FIXED) BY_METRIC.set(one.metric, [...(BY_METRIC.get(one.metric) ?? []), one]);

const SENSOR = 'sensor_';
const POINT = 'point.';

/** Metrics of the store that interfaces always have, though a catalogue of stored columns may not list each. */
export const FIXED_METRICS: readonly PromMetric[] = FIXED;

/** How a metric of the store is called; none for what has no place here. */
export function namesOf(metric: string): readonly PromMetric[] {
  const fixed = BY_METRIC.get(metric);
  if (fixed !== undefined) return fixed;
  if (metric.startsWith(SENSOR))
    return [gauge(`weir_${metric}`, metric, `Sensors of class ${metric.slice(SENSOR.length)}`)];
  if (!metric.startsWith(POINT)) return [];
  return [gauge(promName(metric.slice(POINT.length).replaceAll('.', '_')), metric, 'Written by another program')];
}

export type Labels = Readonly<Record<string, string>>;

/** Labels of a series of the store under a name. */
export function labelsOf(name: string, series: StoredSeries): Labels {
  const labels: Record<string, string> = { __name__: name };
  for (const [tag, value] of Object.entries(series.tags)) labels[promName(tag)] = value;
  if (series.device !== '') labels['device'] = series.device;
  if (series.part !== '') {
    const colon = series.part.indexOf(':');
    const interfaceOf = name.startsWith('weir_interface_');
    labels[interfaceOf ? 'interface' : 'index'] = interfaceOf ? series.part : series.part.slice(colon + 1);
  }
  if (series.description !== '' && series.device !== '') labels['description'] = series.description;
  return labels;
}

/** A name that Prometheus takes: letters, digits and `_`, no digit first. */
export function promName(text: string): string {
  const name = text.replaceAll(/[^a-zA-Z0-9_]/g, '_');
  return /^\d/.test(name) || name === '' ? `_${name}` : name;
}
