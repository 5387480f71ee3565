// What a test needs that a machine may not have: such tests are skipped and listed with the command that brings it, or fail where a skip is a failure.
import { accessSync, constants, existsSync } from 'node:fs';
import path from 'node:path';
import { describe } from 'vitest';

/** Debian package and the file that proves it is there. */
const PACKAGES = {
  snmpd: '/usr/sbin/snmpd',
  snmp: '/usr/bin/snmpget',
  snmpsim: '/usr/bin/snmpsimd',
  'redis-server': '/usr/bin/redis-server',
  postgresql: '/usr/lib/postgresql/15/bin/postgres',
  chromium: '/usr/bin/chromium',
  influxdb: '/usr/bin/influxd',
  'victoria-metrics': '/usr/bin/victoria-metrics',
  iproute2: '/usr/sbin/ip',
  'iputils-ping': '/usr/bin/ping',
  openssl: '/usr/bin/openssl',
  curl: '/usr/bin/curl',
  prometheus: '/usr/bin/prometheus',
} as const;

export type Requirement = keyof typeof PACKAGES | 'corpus' | 'root';

/** The real test material: $WEIR_CORPUS, or ../shared/corpus beside the checkout. */
export const CORPUS = process.env['WEIR_CORPUS'] ?? path.resolve(import.meta.dirname, '../../../shared/corpus');

function present(requirement: Requirement): boolean {
  if (requirement === 'corpus') return existsSync(path.join(CORPUS, 'README.md'));
  if (requirement === 'root') return process.getuid?.() === 0;
  try {
    accessSync(PACKAGES[requirement], constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A describe that is skipped, with what is missing in its name, unless everything is there. */
export function describeWith(requirements: Requirement | readonly Requirement[], name: string, body: () => void): void {
  const wanted = typeof requirements === 'string' ? [requirements] : requirements;
  const missing = wanted.filter((requirement) => !present(requirement));
  if (missing.length === 0) describe(name, body);
  else describe.skip(`${name} [needs ${missing.join(' ')}]`, body);
}
