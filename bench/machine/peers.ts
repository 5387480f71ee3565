// The programs that Weir is measured beside: where Debian puts them, what brings them, and which version is there.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

export interface Peer {
  /** As it is called in a row, with its version once that is known. */
  readonly name: string;
  readonly program: string;
  readonly packages: readonly string[];
}

export const PEERS = {
  snmpExporter: {
    name: 'snmp_exporter',
    program: '/usr/bin/prometheus-snmp-exporter',
    packages: ['prometheus-snmp-exporter'],
  },
  /** The plugin's own library is a mere suggestion of the package. */
  collectd: { name: 'collectd', program: '/usr/sbin/collectd', packages: ['collectd-core', 'libsnmp40'] },
  influxdb: { name: 'InfluxDB', program: '/usr/bin/influxd', packages: ['influxdb'] },
  victoriaMetrics: {
    name: 'VictoriaMetrics',
    program: '/usr/bin/victoria-metrics',
    packages: ['victoria-metrics'],
  },
} as const satisfies Readonly<Record<string, Peer>>;

/** With the version that Debian's package says, where it is installed. */
export function peerName(peer: Peer): string {
  const asked = spawnSync('dpkg-query', ['--show', '--showformat=${Version}', peer.packages[0] ?? ''], {
    encoding: 'utf8',
  });
  const version = /^(?:\d+:)?(\d+(?:\.\d+)*)/.exec(asked.status === 0 ? asked.stdout : '')?.[1];
  return version === undefined ? peer.name : `${peer.name} ${version}`;
}

/** Null where the peer can be run; else what a row says instead of its figure. */
export function missing(peer: Peer): string | null {
  if (existsSync(peer.program)) return null;
  return `${peer.name} is not installed: apt-get install --no-install-recommends ${peer.packages.join(' ')}`;
}
