// The collector's rows: counter values per CPU second until applied and readable, beside InfluxDB and VictoriaMetrics, and how soon batches are acknowledged.
import { missing, type Peer, peerName, PEERS } from '../machine/peers.ts';
import { pause, until, type Workshop } from '../machine/workshop.ts';
import type { PartContext } from '../part.ts';
import { type Goal, type Row, rowOf } from '../rows.ts';
import { type AgentStream, batchesOf, type EncodedBatch } from './batches.ts';
import { bodiesOf } from './line-protocol.ts';
import { type LastValue, type MetricPeer, startInfluxDb, startVictoriaMetrics } from './metric-peers.ts';
import { storeQueries } from './store-queries.ts';
import { STORM, stormMs } from './storm.ts';
import { COUNTERS, deviceName, portName, STATUSES, Traffic } from './traffic.ts';
import { type BenchCollector, startCollector } from './weir-collector.ts';

/** 9,600 interfaces. */
const DEVICES = 200;
const PORTS_EACH = 48;
const INTERVAL_MS = 10_000;
const AGENTS = 4;
/** What an agent of a thousand devices at 60 s gathers in its second and a half. */
const POLLS_EACH = 25;
const ROUNDS_BEFORE = 3;
/** With ten fields an interface 1.92 million values. */
const ROUNDS = 20;
/** So often all of it is fed, after one another; the middle counts. */
const TIMES = 3;
/** Half load lasts about this long. */
const PACED_MS = 12_000;
const MOST_PACED_ROUNDS = 80;
const READ_MS = 120_000;
const OUT_OCTETS = 1;
const DAY_INTERFACES = 10_000;
const MONTH_INTERFACES = 200;
const MONTH_DAYS = 31;
const QUERY_INTERVAL_MS = 300_000;

const WHAT = 'counter values per CPU second, applied and readable';
const FIELDS = COUNTERS.length + STATUSES.length;
const OWN_GOAL: Goal = { of: 'weir', least: 1_000_000 };
const PEER_GOAL: Goal = { of: 'ratio', least: 1 };
const STORM_GOAL: Goal = { of: 'weir', most: 5000 };
const ACKNOWLEDGED_GOAL: Goal = { of: 'weir', most: 50 };

interface WeirFigures {
  readonly perCpuSecond: number;
  readonly collectorShare: number;
  readonly acknowledgedMs: number;
  readonly paced: number;
}

interface Measured {
  readonly perCpuSecond: number;
  readonly own: number;
  readonly wallMs: number;
}

export async function collectorPart(context: PartContext): Promise<readonly Row[]> {
  const weir = await weirFigures(context);
  const { perCpuSecond } = weir;
  const scale = `${DEVICES * PORTS_EACH} interfaces × ${FIELDS} fields (${COUNTERS.length} counters, admin and oper status) × ${ROUNDS} rounds, the middle of ${TIMES}`;
  const share = `${Math.round(weir.collectorShare * 100)} % of it in the collector, the rest in PostgreSQL`;
  return [
    rowOf({ what: WHAT, weir: perCpuSecond, goal: OWN_GOAL, note: `${scale}; ${share}` }),
    await peerRow(context, perCpuSecond, PEERS.influxdb, startInfluxDb),
    await peerRow(context, perCpuSecond, PEERS.victoriaMetrics, startVictoriaMetrics),
    rowOf({
      what: 'milliseconds to acknowledge a batch, 99th percentile at half load',
      weir: weir.acknowledgedMs,
      goal: ACKNOWLEDGED_GOAL,
      note: `${weir.paced} batches of ${POLLS_EACH} polls from ${AGENTS} agents, from when each was due`,
    }),
    ...(await queryRows(context)),
    await stormRow(context),
  ];
}

async function stormRow({ workshop, tell }: PartContext): Promise<Row> {
  tell(`collector: ${STORM.alarms} alarms come at once`);
  return rowOf({
    what: 'milliseconds until a storm of alarms has settled to one root',
    weir: await stormMs(workshop),
    goal: STORM_GOAL,
    note: `${STORM.alarms} alarms of ${STORM.devices} devices in ${STORM.sites} sites, from the first alarm to the last decision`,
  });
}

/** Questions to the embedded store, of a large one each: a day of many interfaces, a month of fewer. */
async function queryRows({ tell }: PartContext): Promise<readonly Row[]> {
  const row = (what: string, figure: number | undefined, most: number | null, note: string): Row =>
    rowOf({ what, weir: figure ?? null, note, ...(most === null ? {} : { goal: { of: 'weir', most } }) });
  tell(`collector: a day of ${DAY_INTERFACES} interfaces is asked about`);
  const day = await storeQueries({ interfaces: DAY_INTERFACES, days: 1, intervalMs: QUERY_INTERVAL_MS });
  tell(`collector: a month of ${MONTH_INTERFACES} interfaces is asked about`);
  const month = await storeQueries({ interfaces: MONTH_INTERFACES, days: MONTH_DAYS, intervalMs: QUERY_INTERVAL_MS });
  const ofDay = `${DAY_INTERFACES} interfaces every ${QUERY_INTERVAL_MS / 60_000} min, the middle of five`;
  const ofMonth = `${MONTH_INTERFACES} interfaces, ${MONTH_DAYS} days, the middle of five`;
  const disk = `${day.octetsPerValueBefore.toFixed(1)} before roll-ups; they took ${day.rollUpCpuMicroseconds.toFixed(2)} µs CPU a value`;
  return [
    row('milliseconds for the top 20 interfaces over a day', day.questions['top 20 over a day'], 300, ofDay),
    row(
      'milliseconds for the 95th percentile of all over a day',
      day.questions['p95 of all over 1 days, top 20'],
      null,
      ofDay,
    ),
    row(
      'milliseconds for one interface over a month',
      month.questions[`one interface over ${MONTH_DAYS} days`],
      20,
      ofMonth,
    ),
    row(
      'milliseconds for the 95th percentile of all over a month',
      month.questions[`p95 of all over ${MONTH_DAYS} days, top 20`],
      null,
      ofMonth,
    ),
    row('octets on disk a counter value, roll-ups included', day.octetsPerValueAfter, null, disk),
  ];
}

function newTraffic(): Traffic {
  const rounds = ROUNDS_BEFORE + TIMES * ROUNDS + MOST_PACED_ROUNDS + 1;
  return new Traffic({
    devices: DEVICES,
    portsEach: PORTS_EACH,
    intervalMs: INTERVAL_MS,
    // So that no reading is of the future and all are of the last minutes.
    startMs: Math.floor(Date.now() / 1000) * 1000 - rounds * INTERVAL_MS,
  });
}

async function weirFigures({ workshop, tell }: PartContext): Promise<WeirFigures> {
  tell(`collector: Weir takes the counters of ${DEVICES} devices`);
  const traffic = newTraffic();
  const streams = streamsOf();
  const collector = await startCollector(workshop, streams);
  const rounds = (count: number): EncodedBatch[] =>
    roundsOf(traffic, count, () => batchesOf(traffic, streams, POLLS_EACH));
  const warm = rounds(ROUNDS_BEFORE);
  await settled(collector, traffic, streams, warm);
  const measured: Measured[] = [];
  for (let time = 0; time < TIMES; time += 1) {
    const batches = rounds(ROUNDS);
    const [cpuBefore, ownBefore, startedAt] = [collector.cpu(), collector.ownCpu(), performance.now()];
    await settled(collector, traffic, streams, batches);
    const [cpu, own] = [collector.cpu() - cpuBefore, collector.ownCpu() - ownBefore];
    measured.push({
      perCpuSecond: (traffic.valuesEach * ROUNDS) / cpu,
      own: own / cpu,
      wallMs: performance.now() - startedAt,
    });
  }
  const { perCpuSecond, own, wallMs } = middle(measured, (one) => one.perCpuSecond);
  tell('collector: acknowledgements at half load');
  const gapMs = (2 * wallMs) / (ROUNDS * (DEVICES / POLLS_EACH));
  const paced = rounds(Math.min(MOST_PACED_ROUNDS, Math.max(1, Math.round(PACED_MS / gapMs / (DEVICES / POLLS_EACH)))));
  const acknowledged = await sendPaced(collector, interleaved(paced, streams), gapMs);
  await collector.stop();
  return {
    perCpuSecond,
    collectorShare: own,
    acknowledgedMs: percentile(acknowledged, 99),
    paced: acknowledged.length,
  };
}

/** The next rounds of the traffic in one form or another; the traffic stands at the last of them afterwards. */
function roundsOf<T>(traffic: Traffic, count: number, make: () => readonly T[]): T[] {
  const made: T[] = [];
  for (let round = 0; round < count; round += 1) {
    traffic.advance();
    made.push(...make());
  }
  return made;
}

function streamsOf(): AgentStream[] {
  const devices = DEVICES / AGENTS;
  return Array.from({ length: AGENTS }, (_, at) => ({
    agent: `agent-${at + 1}`,
    incarnation: `bench-incarnation-${at + 1}`,
    firstDevice: at * devices,
    devices,
    sequence: 0,
  }));
}

/** Sends them, each agent its own in order, until the projections have them and the last value can be read. */
async function settled(
  collector: BenchCollector,
  traffic: Traffic,
  streams: readonly AgentStream[],
  batches: readonly EncodedBatch[],
): Promise<void> {
  const sendAll = async (stream: AgentStream): Promise<void> => {
    for (const batch of batches) if (batch.stream === stream) await collector.send(batch);
    await collector.applied(stream);
  };
  await Promise.all(streams.map(sendAll));
  await until(
    () => lastIsReadable(collector, traffic),
    READ_MS,
    () => 'the last reading cannot be read as a series',
  );
}

/** By `series`, around the time of the last reading: the traffic that it ends is known only when it has come. */
async function lastIsReadable(collector: BenchCollector, traffic: Traffic): Promise<boolean> {
  await pause(50);
  const device = DEVICES - 1;
  const toMs = traffic.atMs(device);
  const query = new URLSearchParams({
    metric: 'out_octets',
    resource: `${deviceName(device)}/${portName(PORTS_EACH - 1)}`,
    from: new Date(toMs - INTERVAL_MS / 2).toISOString(),
    to: new Date(toMs + INTERVAL_MS / 2).toISOString(),
    step_ms: String(INTERVAL_MS),
    function: 'rate',
  });
  const answer = await collector.get(`/api/v1/series?${query.toString()}`);
  return /"value":(?!null)/.test(JSON.stringify(answer));
}

/** One batch of each agent in turn, as they come when agents work beside each other. */
function interleaved(batches: readonly EncodedBatch[], streams: readonly AgentStream[]): EncodedBatch[] {
  const lists = streams.map((stream) => batches.filter((batch) => batch.stream === stream));
  return (lists[0] ?? []).flatMap((_, at) => lists.flatMap((list) => list[at] ?? []));
}

/** Each batch when it is due, whether the ones before are acknowledged or not; milliseconds from then. */
async function sendPaced(
  collector: BenchCollector,
  batches: readonly EncodedBatch[],
  gapMs: number,
): Promise<number[]> {
  const startAt = performance.now();
  const sendDue = async (batch: EncodedBatch, at: number): Promise<number> => {
    const dueAt = startAt + at * gapMs;
    await pause(Math.max(0, dueAt - performance.now()));
    await collector.send(batch);
    return performance.now() - dueAt;
  };
  return Promise.all(batches.map(sendDue));
}

/** That of which as many are above as below. */
function middle<T>(all: readonly T[], of: (one: T) => number): T {
  const found = all.toSorted((left, right) => of(left) - of(right))[Math.floor(all.length / 2)];
  if (found === undefined) throw new Error('BUG: nothing was measured');
  return found;
}

/** Nearest rank. */
function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? Number.NaN;
}

async function peerRow(
  { workshop, tell }: PartContext,
  weir: number,
  peer: Peer,
  start: (workshop: Workshop) => Promise<MetricPeer>,
): Promise<Row> {
  const name = peerName(peer);
  const note = missing(peer);
  if (note !== null) return rowOf({ what: WHAT, weir, peer: { name, figure: null }, goal: PEER_GOAL, note });
  tell(`collector: ${name} takes the same as line protocol`);
  const traffic = newTraffic();
  const running = await start(workshop);
  await running.feed(
    roundsOf(traffic, ROUNDS_BEFORE, () => bodiesOf(traffic)),
    lastOf(traffic),
  );
  const figures: number[] = [];
  for (let time = 0; time < TIMES; time += 1) {
    const bodies = roundsOf(traffic, ROUNDS, () => bodiesOf(traffic));
    const cpuBefore = running.cpu();
    await running.feed(bodies, lastOf(traffic));
    figures.push((traffic.valuesEach * ROUNDS) / (running.cpu() - cpuBefore));
  }
  const figure = middle(figures, (one) => one);
  await running.running.stop();
  return rowOf({ what: WHAT, weir, peer: { name, figure }, goal: PEER_GOAL });
}

function lastOf(traffic: Traffic): LastValue {
  const device = DEVICES - 1;
  return {
    device: deviceName(device),
    interface: portName(PORTS_EACH - 1),
    atMs: traffic.atMs(device),
    outOctets: traffic.of(device, OUT_OCTETS)[PORTS_EACH - 1] ?? 0n,
  };
}
