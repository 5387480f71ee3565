// One agent takes over the devices of another that was killed: real processes, a real collector, the simulator's truth. No octet is lost and none counts twice.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { octetsOf } from '../../billing-bridge/mediate/bucket-content.ts';
import { MediationRun } from '../../billing-bridge/mediate/mediation-run.ts';
import { usageMigrations } from '../../billing-bridge/mediate/migrations.ts';
import { UsageStore } from '../../billing-bridge/mediate/usage-store.ts';
import { PostgresReadings } from '../../collector/readings/postgres-readings.ts';
import { migrate } from '../../common/database/migrate.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import type { MeterReading } from '../../common/wire/reading-page.ts';
import { fleet } from '../../simulator/fleet.ts';
import { Simulator } from '../../simulator/simulator.ts';
import { type CollectorFixture, eventually, startCollectorFixture } from '../support/collector-fixture.ts';
import { freePortBlock } from '../support/free-port.ts';
import { silentReporter } from '../support/silent-reporter.ts';
import { TcpRelay } from '../support/tcp-relay.ts';
import { octetsBefore, trueSpans, trueValue } from '../support/truth-oracle.ts';
import { startWeir, type WeirProcess } from '../support/weir-process.ts';

const DEVICES = 3;
const PORTS = 4;
const INTERVAL_MS = 1000;
const BUCKET_MS = 1000;
const FAR_MS = Date.parse('2100-01-01T00:00:00Z');

interface Side {
  readonly name: string;
  readonly token: string;
  readonly relay: TcpRelay;
  readonly file: string;
  readonly healthPort: number;
  process: WeirProcess | null;
}

let folder: string;
let portBase: number;
let simulator: Simulator;
let fixture: CollectorFixture;
let remove: () => Promise<void>;
const sides: Side[] = [];

function devices(agent: string): Record<string, string | number>[] {
  return Array.from({ length: DEVICES }, (_, at) => ({
    name: `fleet${at + 1}`,
    address: `127.0.0.1:${portBase + at}`,
    agent,
    interval_ms: INTERVAL_MS,
  }));
}

async function side(name: string, healthPort: number): Promise<Side> {
  const relay = new TcpRelay(Number(new URL(fixture.url).port));
  await relay.start();
  const file = path.join(folder, `${name}.yaml`);
  const agent = {
    name,
    configuration: 'collector',
    collector_url: `http://127.0.0.1:${relay.port}`,
    health_port: healthPort,
    first_poll_within_ms: 500,
    timeout_ms: 500,
  };
  // What the collector says names this set; what is in it the collector never learns.
  writeFileSync(file, stringify({ agent, credentials: { public: { version: '2c', community: 'public' } } }));
  const made = { name, token: await fixture.token(name, 'agent'), relay, file, healthPort, process: null };
  sides.push(made);
  return made;
}

async function start(one: Side): Promise<void> {
  one.process = startWeir(['agent', '--config', one.file, '--data', path.join(folder, `data of ${one.name}`)], {
    environment: { WEIR_AGENT_TOKEN: one.token },
  });
  await one.process.says('polls what its collector says', 20_000);
}

async function metric(one: Side, name: string): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${one.healthPort}/metrics`, {
    headers: { authorization: `Bearer ${one.token}` },
  });
  const line = (await answer.text()).split('\n').find((text) => text.startsWith(`${name} `));
  return Number(line?.split(' ').at(-1) ?? Number.NaN);
}

async function polledBy(agent: string, polls: number): Promise<void> {
  await eventually(
    async () => {
      const { rows } = await fixture.database.database.query<{ sequence: bigint | null }>(
        'select max(last_sequence) as sequence from inventory.agent_incarnation where agent = $1',
        [agent],
      );
      return Number(rows[0]?.sequence ?? 0n) >= polls;
    },
    `batches of ${agent}`,
    40_000,
  );
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function readingsOf(meter: number): Promise<MeterReading[]> {
  const span = 'from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z&limit=1000';
  const { items } = await fixture.get<{ items: MeterReading[] }>(`/api/v1/readings?meter=${meter}&${span}`);
  return items;
}

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-take-over-'));
  portBase = await freePortBlock(DEVICES);
  const config = { network: fleet(DEVICES, PORTS), seed: 7, community: 'public', firstAddress: null };
  simulator = new Simulator(
    silentReporter().reporter,
    { ...config, portBase, truthPort: null, dataFolder: null },
    { clock: new SystemClock() },
  );
  await simulator.start();
  ({ fixture, remove } = await startCollectorFixture({ devices: devices('north') }));
}, 60_000);

afterAll(async () => {
  for (const one of sides) {
    await one.process?.kill('SIGKILL');
    await one.relay.stop();
  }
  await simulator.stop();
  await remove();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

test('north is killed with a spool that nobody has; south takes over; north comes back: the usage is the truth', async () => {
  const healthPort = await freePortBlock(2);
  const north = await side('north', healthPort);
  const south = await side('south', healthPort + 1);
  await start(north);
  await start(south);
  await polledBy('north', 4);
  // What north reads from now on stays with it, until it is killed.
  north.relay.lead(null);
  const cutAtMs = Date.now();
  await sleep(4 * INTERVAL_MS);
  await eventually(async () => (await metric(north, 'weir_ship_lag_batches')) >= 3, 'batches kept by north', 20_000);
  await north.process?.kill('SIGKILL');
  const killedAtMs = Date.now();
  await fixture.reload(devices('south'));
  await polledBy('south', 5);
  // It comes back with what it kept, devices and batches: for a moment both poll.
  const backAtMs = Date.now();
  await start(north);
  await sleep(1500);
  north.relay.lead(Number(new URL(fixture.url).port));
  await eventually(
    async () =>
      (await metric(north, 'weir_agent_devices')) === 0 && (await metric(north, 'weir_ship_lag_batches')) === 0,
    'north to have given up its devices and sent its batches',
    40_000,
  ).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${north.process?.output()}`);
  });
  await sleep(4 * INTERVAL_MS);
  for (const one of [south, north]) {
    await one.process?.interrupt();
    one.process = null;
  }
  const { database } = fixture.database;
  const { reporter } = silentReporter();
  const clock = new SystemClock();
  await migrate(database, usageMigrations);
  const source = new PostgresReadings({ database });
  const mediation = new MediationRun(reporter, { bucketMs: BUCKET_MS }, { database, source, clock });
  const store = new UsageStore({ bucketMs: BUCKET_MS }, { database });
  await mediation.run(() => Promise.resolve());
  const meters = await store.allMeters();
  expect(meters).toHaveLength(DEVICES * PORTS * 2);
  expect(
    await store.conservation(
      meters.map(({ id }) => id),
      0,
      FAR_MS,
    ),
  ).toEqual([]);
  const finals = await store.finalUntil(meters.map(({ id }) => id));
  for (const meter of meters) {
    const readings = await readingsOf(meter.id);
    const agents = [...new Set(readings.map(({ agent }) => agent))];
    expect(agents.toSorted(), meter.interfaceKey).toEqual(['north', 'south']);
    // What north read while nobody took it is there, and what both read when it came back.
    const byNorth = readings.filter(({ agent }) => agent === 'north').map((one) => Date.parse(one.observedAt));
    expect(byNorth.filter((atMs) => atMs > cutAtMs && atMs < killedAtMs).length).toBeGreaterThanOrEqual(2);
    expect(byNorth.filter((atMs) => atMs > backAtMs).length).toBeGreaterThanOrEqual(1);
    for (const reading of readings) expect(BigInt(reading.value)).toBe(trueValue(simulator.network, meter, reading));
    const untilMs = finals.get(meter.id) ?? 0;
    expect(untilMs).toBeGreaterThan(Date.parse(readings.at(-1)?.observedAt ?? '') - 5 * INTERVAL_MS);
    const spans = trueSpans(simulator.network, meter, readings);
    expect(spans.filter(({ kind }) => kind === 'lost')).toEqual([]);
    const records = await store.latest([meter.id], 0, untilMs);
    const counted = records.reduce((sum, { octets }) => sum + octetsOf(octets), 0n);
    expect(counted, `${meter.device} ${meter.interfaceKey} ${meter.direction}`).toBe(
      octetsBefore(spans, 'counted', untilMs) + octetsBefore(spans, 'gap', untilMs),
    );
    expect(records.reduce((sum, { octets }) => sum + octets.suspended, 0n)).toBe(0n);
  }
}, 180_000);
