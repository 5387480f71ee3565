// A storm of alarms: how long until everything behind a dead core is folded into it, from the first alarm to the last decision.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { writeChanges } from '../../collector/faults/alarm-writer.ts';
import { DEFAULT_FAULTS } from '../../collector/faults/fault-rules.ts';
import { Correlator } from '../../collector/faults/cause/correlator.ts';
import {
  type GraphDevice,
  type GraphLink,
  type NetworkGraph,
  networkGraph,
} from '../../collector/faults/cause/network-graph.ts';
import { faultsMigrations } from '../../collector/faults/faults-migrations.ts';
import type { Database } from '../../common/database/database.ts';
import { EmbeddedPostgres } from '../../common/database/embedded/embedded-postgres.ts';
import { Leases, leaseMigrations } from '../../common/database/lease.ts';
import { migrate } from '../../common/database/migrate.ts';
import { openDatabase } from '../../common/database/pool.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { createReporter } from '../../common/runtime/reporter.ts';
import { until, type Workshop } from '../machine/workshop.ts';

const SITES = 300;
const PER_SITE = 13;
const LONE = 99;
const INTERVAL_MS = 60_000;
const AGENT = 'agent-1';
const CHUNK = 500;
const PATIENCE_MS = 120_000;

export const STORM = { alarms: 10_000, devices: 1 + SITES * PER_SITE + LONE, sites: SITES };

/** Milliseconds from the first of the alarms until all but the core's are symptoms of it. */
export async function stormMs(workshop: Workshop): Promise<number> {
  const folder = path.join(workshop.folder, 'storm');
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  const reporter = createReporter({ component: 'bench', level: 'warn' });
  const clock = new SystemClock();
  const server = { dataFolder: path.join(folder, 'postgresql'), port: 0 };
  const postgres = await workshop.start(new EmbeddedPostgres(reporter, server, { clock }));
  const database = openDatabase(reporter, { url: postgres.url, maxConnections: 4, applicationName: 'weir-bench' });
  await migrate(database, [...leaseMigrations, ...faultsMigrations]);
  const graph = network();
  const correlator = new Correlator(
    reporter,
    { ...DEFAULT_FAULTS.cause, historyEntries: DEFAULT_FAULTS.historyEntries },
    {
      database,
      clock,
      leases: new Leases(database),
      holder: 'bench',
      graph: () => Promise.resolve(graph),
      work: { ask: () => Promise.reject(new Error('no agent here')) },
      publish: () => undefined,
    },
  );
  await correlator.start();
  const beganMs = clock.monotonicMs();
  const alarms = alarmsOf(graph);
  for (let at = 0; at < alarms.length; at += CHUNK) {
    await raise(database, alarms.slice(at, at + CHUNK), at);
    correlator.wake();
  }
  await until(
    async () => (await folded(database)) === STORM.alarms - 1,
    PATIENCE_MS,
    () => 'the storm has not settled',
  );
  const tookMs = clock.monotonicMs() - beganMs;
  await correlator.stop();
  await database.close();
  await postgres.stop();
  return tookMs;
}

/** A core, sites of switches behind a router each with a second way inside, and devices that stand alone. */
function network(): NetworkGraph {
  const devices: GraphDevice[] = [];
  const links: GraphLink[] = [];
  const add = (name: string, site: string | null): void =>
    void devices.push({ name, site, agent: AGENT, intervalMs: INTERVAL_MS, parents: [] });
  const link = (one: string, other: string): void =>
    void links.push({
      a: { device: one, interfaceKey: `to-${other}` },
      b: { device: other, interfaceKey: `to-${one}` },
    });
  add('core', null);
  for (let site = 0; site < SITES; site += 1)
    for (let at = 0; at < PER_SITE; at += 1) {
      const name = `s${site}d${at}`;
      add(name, `site${site}`);
      link(at === 0 ? 'core' : `s${site}d0`, name);
      if (at > 1) link(`s${site}d1`, name);
    }
  for (let at = 0; at < LONE; at += 1) {
    add(`lone${at}`, null);
    link('core', `lone${at}`);
  }
  return networkGraph(devices, links, { [AGENT]: ['core'] });
}

/** In an order that looks like chance, the core in their middle. */
function alarmsOf(graph: NetworkGraph): string[] {
  const ports = [...graph.farEnds.keys()].slice(0, STORM.alarms - STORM.devices);
  const others = [...[...graph.devices.keys()].slice(1), ...ports]
    .map((resource, at) => ({ resource, key: (at * 7919 + 13) % 10_007 }))
    .toSorted((one, other) => one.key - other.key)
    .map(({ resource }) => resource);
  return others.toSpliced(others.length / 2, 0, 'core');
}

/** Writes them as the faults projection does. */
export function raise(database: Database, resources: readonly string[], position: number): Promise<unknown> {
  const atMs = new SystemClock().now();
  const changes = resources.map((resource, ordinal) => ({
    kind: 'raised' as const,
    resource,
    alarmType: resource.includes('/') ? 'interface-down' : 'device-unreachable',
    qualifier: '',
    severity: 'critical' as const,
    text: `${resource} is down`,
    threshold: null,
    atMs,
    origin: { journal: 'bench', position, ordinal },
  }));
  return database.transaction((connection) => writeChanges(connection, changes, DEFAULT_FAULTS.historyEntries));
}

async function folded(database: Database): Promise<number> {
  const { rows } = await database.query<{ count: bigint }>(
    `select count(*) from faults.cause join faults.alarm root on root.id = cause.root
      where root.resource = 'core' and cause.held_until_ms is null`,
  );
  return Number(rows[0]?.count ?? 0n);
}
