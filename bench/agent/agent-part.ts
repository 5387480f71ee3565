// The agent's rows: interfaces polled per CPU second beside snmp_exporter and collectd, bytes on the wire, memory, sockets.
import { missing, peerName, PEERS } from '../machine/peers.ts';
import { cpuSeconds, pssBytes } from '../machine/processes.ts';
import { pause } from '../machine/workshop.ts';
import type { PartContext } from '../part.ts';
import { type Goal, type Row, rowOf } from '../rows.ts';
import { type CollectdConfig, measureCollectd, startCollectd } from './collectd.ts';
import { COLUMNS_READ } from './columns.ts';
import { type Fleet, startFleet } from './fleet.ts';
import { startRelay, type Weight, weigh } from './relay.ts';
import { scrapeEverySecond, scrapeFleet, startExporter } from './snmp-exporter.ts';
import { measurePoller, pollsDone, type Rate, startPoller } from './weir-poller.ts';

const DEVICES = 400;
const PORTS_EACH = 48;
/** Shorter than it takes: so it polls as fast as it can, as snmp_exporter does when it is asked without a pause. */
const WEIR_INTERVAL_MS = 400;
const FIRST_POLL_WITHIN_MS = 4000;
/** The code is compiled only after thousands of polls; an agent runs for months. */
const POLLS_BEFORE = 4000;
const POLLS = 2000;
const WARM_UP_MS = 60_000;
const SCRAPES_BEFORE = 60;
const SCRAPES = 400;
const COLLECTD_DEVICES = 200;
const COLLECTD_INTERVAL_S = 3;
const COLLECTD_WINDOW_S = 12;
/** Variables in a GETBULK: ten rows, of which a device's answer holds what fits. Larger ones were no faster. */
const COLLECTD_BULK = 120;

const WIRE_POLLS = 3;
const WIRE_INTERVAL_MS = 1000;
const WIRE_MS = 30_000;

const MEMORY_DEVICES = 1000;
const MEMORY_INTERVAL_MS = 15_000;
const MEMORY_SAMPLES = 16;
const MEGABYTE = 1024 * 1024;

/** What one agent of a large network polls; a minute apart, as people do. */
const MANY_DEVICES = 10_000;
const MANY_PORTS_EACH = 8;
const MANY_INTERVAL_MS = 60_000;
const MANY_FIRST_WITHIN_MS = 30_000;
const MANY_WAIT_MS = 180_000;

const EXPORTER_GOAL: Goal = { of: 'ratio', least: 10 };
const COLLECTD_GOAL: Goal = { of: 'ratio', least: 7 };

interface Side {
  readonly name: string;
  readonly note?: string;
  readonly rate: Rate | null;
  readonly weight: Weight | null;
}

export async function agentPart(context: PartContext): Promise<readonly Row[]> {
  const fleet = await startFleet(context.workshop, DEVICES, PORTS_EACH);
  const weir = await weirSide(context, fleet);
  const exporter = await exporterSide(context, fleet);
  const plain = await collectdSide(context, fleet, 0);
  const bulk = await collectdSide(context, fleet, COLLECTD_BULK);
  await fleet.process.stop();
  return [
    rateRow(weir, exporter, EXPORTER_GOAL),
    rateRow(weir, plain, COLLECTD_GOAL),
    rateRow(weir, bulk, COLLECTD_GOAL),
    simulatorRow(weir),
    ...[exporter, plain, bulk].flatMap((peer) => wireRows(weir, peer)),
    ...(await sizeRows(context)),
    ...(await manyRows(context)),
  ];
}

async function weirSide(
  { workshop, tell }: PartContext,
  fleet: Fleet,
): Promise<Side & { readonly simulatorSeconds: number }> {
  tell(`agent: Weir polls ${fleet.devices} devices of ${fleet.portsEach} ports`);
  const poller = startPoller(workshop, fleet, {
    intervalMs: WEIR_INTERVAL_MS,
    firstPollWithinMs: FIRST_POLL_WITHIN_MS,
  });
  await pollsDone(poller, POLLS_BEFORE, WARM_UP_MS);
  const simulatorBefore = cpuSeconds([fleet.process.pid]);
  const rate = await measurePoller(poller, POLLS, WARM_UP_MS);
  const simulatorSeconds = cpuSeconds([fleet.process.pid]) - simulatorBefore;
  await poller.running.stop();
  tell('agent: Weir on the wire');
  const weight = await overRelay(fleet, async (port) => {
    const times = { intervalMs: WIRE_INTERVAL_MS, firstPollWithinMs: WIRE_INTERVAL_MS };
    const one = startPoller(workshop, { devices: 1, portBase: port }, times);
    await pollsDone(one, 2, WARM_UP_MS);
    return () => one.running.stop();
  });
  const notComplete = rate.notComplete ?? 0;
  const note = `${notComplete} of ${POLLS} polls of Weir were not complete: the machine is too busy`;
  return { name: 'Weir', rate, weight, simulatorSeconds, ...(notComplete > 0 ? { note } : {}) };
}

async function exporterSide({ workshop, tell }: PartContext, fleet: Fleet): Promise<Side> {
  const note = missing(PEERS.snmpExporter);
  const name = peerName(PEERS.snmpExporter);
  if (note !== null) return { name, note, rate: null, weight: null };
  tell(`agent: ${name} polls the same fleet`);
  const exporter = await startExporter(workshop);
  await scrapeFleet(exporter, fleet, SCRAPES_BEFORE);
  const rate = await scrapeFleet(exporter, fleet, SCRAPES);
  const weight = await overRelay(fleet, (port) => Promise.resolve(scrapeEverySecond(exporter, port)));
  await exporter.running.stop();
  return { name, rate, weight };
}

async function collectdSide({ workshop, tell }: PartContext, fleet: Fleet, bulkSize: number): Promise<Side> {
  const note = missing(PEERS.collectd);
  const name = `${peerName(PEERS.collectd)}, ${bulkSize === 0 ? 'as it comes' : `BulkSize ${bulkSize}`}`;
  if (note !== null) return { name, note, rate: null, weight: null };
  tell(`agent: ${name} polls the same fleet`);
  const start = (config: Omit<CollectdConfig, 'bulkSize'>): ReturnType<typeof startCollectd> =>
    startCollectd(workshop, { ...config, bulkSize });
  const collectd = await start({
    portBase: fleet.portBase,
    devices: COLLECTD_DEVICES,
    intervalSeconds: COLLECTD_INTERVAL_S,
  });
  const rate = await measureCollectd(collectd, COLLECTD_DEVICES * fleet.portsEach, COLLECTD_WINDOW_S);
  await collectd.stop();
  const weight = await overRelay(fleet, async (port) => {
    const one = await start({ portBase: port, devices: 1, intervalSeconds: 2 });
    return one.stop;
  });
  return { name, rate, weight };
}

/** Weighs some polls of the first device by what `begin` starts; that is stopped afterwards. */
async function overRelay(fleet: Fleet, begin: (port: number) => Promise<() => Promise<void>>): Promise<Weight> {
  const relay = await startRelay(fleet.portBase);
  try {
    const end = await begin(relay.port);
    try {
      return await weigh(relay, WIRE_POLLS * fleet.portsEach, WIRE_MS);
    } finally {
      await end();
    }
  } finally {
    await relay.close();
  }
}

function rateRow(weir: Side, peer: Side, goal: Goal): Row {
  return rowOf({
    what: `interfaces polled per CPU second, ${COLUMNS_READ} columns`,
    weir: perCpuSecond(weir.rate),
    peer: { name: peer.name, figure: perCpuSecond(peer.rate) },
    goal,
    ...noteOf([weir.note, peer.note]),
  });
}

/** It runs beside on another core: as long as it needs less than what polls it, it holds nobody up. */
function simulatorRow(weir: Side & { readonly simulatorSeconds: number }): Row {
  return rowOf({
    what: 'CPU seconds of the simulator for each of Weir',
    weir: weir.rate === null ? null : weir.simulatorSeconds / weir.rate.cpuSeconds,
  });
}

function noteOf(notes: readonly (string | undefined)[]): { note?: string } {
  const told = notes.filter((note) => note !== undefined);
  return told.length === 0 ? {} : { note: told.join('; ') };
}

function perCpuSecond(rate: Rate | null): number | null {
  return rate === null ? null : rate.interfaces / rate.cpuSeconds;
}

function wireRows(weir: Side, peer: Side): Row[] {
  const row = (what: string, figure: (weight: Weight) => number): Row =>
    rowOf({
      what,
      weir: weir.weight === null ? null : figure(weir.weight),
      peer: { name: peer.name, figure: peer.weight === null ? null : figure(peer.weight) },
    });
  return [
    row('bytes on the wire per interface polled', ({ bytes, interfaces }) => bytes / interfaces),
    row('bytes on the wire per variable', ({ bytes, variables }) => bytes / variables),
    row('datagrams per 48 interfaces', ({ datagrams, interfaces }) => (datagrams / interfaces) * PORTS_EACH),
  ];
}

/** 1,000 devices in one process: its memory while it polls, and its sockets. */
async function sizeRows({ workshop, tell }: PartContext): Promise<Row[]> {
  tell(`agent: memory with ${MEMORY_DEVICES} devices`);
  const fleet = await startFleet(workshop, MEMORY_DEVICES, PORTS_EACH);
  const times = { intervalMs: MEMORY_INTERVAL_MS, firstPollWithinMs: MEMORY_INTERVAL_MS };
  const poller = startPoller(workshop, fleet, times);
  await pollsDone(poller, 2 * MEMORY_DEVICES, 3 * WARM_UP_MS);
  let most = 0;
  for (let sample = 0; sample < MEMORY_SAMPLES; sample += 1) {
    await pause(MEMORY_INTERVAL_MS / MEMORY_SAMPLES);
    most = Math.max(most, pssBytes([poller.running.pid]));
  }
  const sockets = await poller.sockets();
  await poller.running.stop();
  await fleet.process.stop();
  return [
    rowOf({
      what: `megabytes (PSS, highest of ${MEMORY_SAMPLES}) with 1,000 devices × ${PORTS_EACH} ports`,
      weir: most / MEGABYTE,
      goal: { of: 'weir', most: 120 },
      note: `polled every ${MEMORY_INTERVAL_MS / 1000} s, the spool open`,
    }),
    rowOf({ what: 'sockets of that process', weir: sockets, goal: { of: 'weir', most: 63 } }),
  ];
}

/** 10,000 devices in one process: whether every poll comes, and how many sockets that takes. */
async function manyRows({ workshop, tell }: PartContext): Promise<Row[]> {
  tell(`agent: ${MANY_DEVICES} devices in one process`);
  const fleet = await startFleet(workshop, MANY_DEVICES, MANY_PORTS_EACH);
  const times = { intervalMs: MANY_INTERVAL_MS, firstPollWithinMs: MANY_FIRST_WITHIN_MS };
  const poller = startPoller(workshop, fleet, times);
  await pollsDone(poller, MANY_DEVICES, MANY_WAIT_MS);
  const rate = await measurePoller(poller, MANY_DEVICES, MANY_WAIT_MS);
  const megabytes = pssBytes([poller.running.pid]) / MEGABYTE;
  const sockets = await poller.sockets();
  await poller.running.stop();
  await fleet.process.stop();
  const note = `${megabytes.toFixed(0)} MB; ${rate.notComplete ?? 0} of ${MANY_DEVICES} polls not complete; ${rate.cpuSeconds.toFixed(1)} CPU seconds a round`;
  return [
    rowOf({
      what: `sockets with ${MANY_DEVICES} devices × ${MANY_PORTS_EACH} ports every ${MANY_INTERVAL_MS / 1000} s`,
      weir: sockets,
      goal: { of: 'weir', most: 63 },
      note,
    }),
  ];
}
