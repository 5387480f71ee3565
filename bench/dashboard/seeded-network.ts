// A large network in a real collector, as agents and the faults projection would have put it there: many devices, one with very many ports, one with a month behind it, and thousands of alarms.
import { openDatabase } from '../../common/database/pool.ts';
import { createReporter } from '../../common/runtime/reporter.ts';
import { type AgentStream, batchesOf, historyBatch } from '../collector/batches.ts';
import { raise } from '../collector/storm.ts';
import { deviceName, portName, Traffic } from '../collector/traffic.ts';
import { type BenchCollector, startCollector } from '../collector/weir-collector.ts';
import { until, type Workshop } from '../machine/workshop.ts';

export const NETWORK = { devices: 1000, portsEach: 10, chassisPorts: 10_000, alarms: 5000, days: 31 };

const INTERVAL_MS = 60_000;
const ROUNDS = 5;
const POLLS_EACH = 50;
const HISTORY_STEP_MS = 300_000;
/** A day of five-minute polls. */
const HISTORY_ROUNDS = 288;
const STORED_MS = 180_000;
const ALARMS_AT_ONCE = 500;

export interface SeededNetwork {
  readonly collector: BenchCollector;
  readonly chassis: string;
  /** Device and port with a month of readings. */
  readonly month: readonly [device: string, port: string];
}

export async function seedNetwork(workshop: Workshop, tell: (line: string) => void): Promise<SeededNetwork> {
  const { devices } = NETWORK;
  const stream = (agent: string, firstDevice: number, count: number): AgentStream => ({
    agent,
    incarnation: `incarnation-${agent}`,
    firstDevice,
    devices: count,
    sequence: 0,
  });
  const [many, chassis, month] = [
    stream('many', 0, devices),
    stream('chassis', devices, 1),
    stream('month', devices + 1, 1),
  ];
  const collector = await startCollector(workshop, [many, chassis, month]);
  const nowMs = Math.floor(Date.now() / HISTORY_STEP_MS) * HISTORY_STEP_MS;
  tell(`dashboard: a month of ${HISTORY_STEP_MS / 60_000}-minute polls of one port`);
  await sendHistory(collector, month, nowMs);
  tell(`dashboard: ${devices} devices of ${NETWORK.portsEach} ports, one of ${NETWORK.chassisPorts}`);
  const startMs = Date.now() - ROUNDS * INTERVAL_MS;
  const common = { intervalMs: INTERVAL_MS, startMs };
  const fleet = new Traffic({ ...common, devices, portsEach: NETWORK.portsEach });
  const large = new Traffic({ ...common, devices: 1, firstDevice: devices, portsEach: NETWORK.chassisPorts });
  for (let round = 0; round < ROUNDS; round += 1) {
    fleet.advance();
    large.advance();
    for (const batch of [...batchesOf(fleet, [many], POLLS_EACH), ...batchesOf(large, [chassis], 1)])
      await collector.send(batch);
  }
  for (const one of [many, chassis, month]) await collector.applied(one);
  await raiseAlarms(collector);
  await stored(collector);
  return { collector, chassis: deviceName(devices), month: [deviceName(devices + 1), portName(0)] };
}

async function sendHistory(collector: BenchCollector, stream: AgentStream, nowMs: number): Promise<void> {
  const traffic = new Traffic({
    devices: 1,
    firstDevice: stream.firstDevice,
    portsEach: 1,
    intervalMs: HISTORY_STEP_MS,
    startMs: nowMs - NETWORK.days * HISTORY_ROUNDS * HISTORY_STEP_MS,
  });
  for (let day = 0; day < NETWORK.days; day += 1) await collector.send(historyBatch(traffic, stream, HISTORY_ROUNDS));
}

/** Of ports of the fleet, half of them on each device. */
async function raiseAlarms({ databaseUrl }: BenchCollector): Promise<void> {
  const reporter = createReporter({ component: 'bench', level: 'warn' });
  const database = openDatabase(reporter, { url: databaseUrl, maxConnections: 1, applicationName: 'weir-bench' });
  const resources = Array.from(
    { length: NETWORK.alarms },
    (_, at) => `${deviceName(at % NETWORK.devices)}/${portName(Math.floor(at / NETWORK.devices))}`,
  );
  for (let at = 0; at < resources.length; at += ALARMS_AT_ONCE)
    await raise(database, resources.slice(at, at + ALARMS_AT_ONCE), at);
  await database.close();
}

/** Everything that was sent is in the metric store too. */
async function stored({ url, adminToken, running }: BenchCollector): Promise<void> {
  const isStored = async (): Promise<boolean> => {
    const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${adminToken}` } });
    return /^weir_projection_lag_entries\{projection="store"\} 0$/m.test(await answer.text());
  };
  await until(isStored, STORED_MS, () => `the metrics are not stored\n${running.output()}`);
}
