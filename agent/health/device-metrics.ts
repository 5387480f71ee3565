// Figures of single devices for /metrics, made when they are asked for: they cost nothing between, and a device that is gone is gone from them.
import type { DeviceReport } from '../poll/explanation.ts';

/** Devices told; each is a few series in whatever scrapes them. */
const MOST_DEVICES = 2000;

interface Figure {
  readonly name: string;
  readonly help: string;
  /** Null: nothing to tell. */
  readonly of: (report: DeviceReport) => number | null;
}

const FIGURES: readonly Figure[] = [
  {
    name: 'weir_agent_device_up',
    help: 'Whether the last poll of the device brought anything.',
    of: (report) => (report.lastOutcome === null ? null : report.lastOutcome === 'failed' ? 0 : 1),
  },
  {
    name: 'weir_agent_device_complete',
    help: 'Whether the last poll of the device brought everything.',
    of: (report) => (report.lastOutcome === null ? null : report.lastOutcome === 'complete' ? 1 : 0),
  },
  {
    name: 'weir_agent_device_poll_seconds',
    help: 'How long the last poll of the device took.',
    of: (report) => (report.lastOutcome === null ? null : report.durationMs / 1000),
  },
  {
    name: 'weir_agent_device_requests',
    help: 'SNMP requests of the last poll of the device.',
    of: (report) => report.requests,
  },
  {
    name: 'weir_agent_device_retries',
    help: 'Of these, those that were sent again.',
    of: (report) => report.retries,
  },
  {
    name: 'weir_agent_device_interval_seconds',
    help: 'How often the device is polled.',
    of: (report) => report.intervalMs / 1000,
  },
];

/** In the text format of Prometheus. Beyond the bound devices are left out, by their order in the configuration, and counted. */
export function deviceMetrics(reports: readonly DeviceReport[], most = MOST_DEVICES): string {
  const told = reports.slice(0, most);
  const lines: string[] = [];
  for (const { name, help, of } of FIGURES) {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} gauge`);
    for (const report of told) {
      const value = of(report);
      // A device's name has no character that would have to be escaped here.
      if (value !== null) lines.push(`${name}{device="${report.device}"} ${value}`);
    }
  }
  const name = 'weir_agent_devices_without_figures';
  lines.push(`# HELP ${name} Devices beyond those told one by one.`, `# TYPE ${name} gauge`);
  lines.push(`${name} ${reports.length - told.length}`);
  return `${lines.join('\n')}\n`;
}
