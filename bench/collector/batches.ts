// A round of the traffic as agents send it: polls of one device each, in encoded batches.
import type { Column, NumberColumn, Poll, Segment, Table, TextColumn } from '../../common/model/poll.ts';
import { encodeBatch } from '../../common/wire/batch-codec.ts';
import { COUNTERS, deviceName, portName, STATUS_UP, type Traffic } from './traffic.ts';

export interface AgentStream {
  readonly agent: string;
  readonly incarnation: string;
  /** Its devices: from `firstDevice`, so many. */
  readonly firstDevice: number;
  readonly devices: number;
  /** Of the batch that was made last. */
  sequence: number;
}

export interface EncodedBatch {
  readonly stream: AgentStream;
  readonly sequence: number;
  readonly bytes: Uint8Array;
}

const IF_INDEX_BASE = 10_101;
const SPEED_BPS = 1e9;
const UPTIME_TICKS = 100_000_000;

/** The agents' batches of the traffic's present round, those of one agent in order. */
export function batchesOf(traffic: Traffic, streams: readonly AgentStream[], pollsEach: number): EncodedBatch[] {
  return streams.flatMap((stream) => {
    const batches: EncodedBatch[] = [];
    for (let at = 0; at < stream.devices; at += pollsEach) {
      const first = stream.firstDevice - (traffic.config.firstDevice ?? 0) + at;
      const count = Math.min(pollsEach, stream.devices - at);
      const polls = Array.from({ length: count }, (_, place) => pollOf(traffic, first + place));
      stream.sequence += 1;
      batches.push({ stream, sequence: stream.sequence, bytes: encoded(stream, polls) });
    }
    return batches;
  });
}

/** One batch of the next so many rounds of a small network. */
export function historyBatch(traffic: Traffic, stream: AgentStream, rounds: number): EncodedBatch {
  const polls: Poll[] = [];
  for (let round = 0; round < rounds; round += 1) {
    traffic.advance();
    for (let at = 0; at < stream.devices; at += 1) polls.push(pollOf(traffic, at));
  }
  stream.sequence += 1;
  return { stream, sequence: stream.sequence, bytes: encoded(stream, polls) };
}

function encoded({ agent, incarnation, sequence }: AgentStream, polls: readonly Poll[]): Uint8Array {
  return encodeBatch({
    agent,
    incarnation,
    sequence,
    createdAtMs: Math.max(...polls.map((poll) => poll.finishedAtMs)),
    thinned: false,
    polls,
    events: [],
    watermarks: [...new Map(polls.map(({ device, finishedAtMs }) => [device, finishedAtMs]))].map(
      ([device, completeUntilMs]) => ({ device, completeUntilMs }),
    ),
    gaps: [],
  });
}

/** The first poll of a device also says what it is and what its ports are called. */
function pollOf(traffic: Traffic, device: number): Poll {
  const atMs = traffic.atMs(device);
  const name = deviceName((traffic.config.firstDevice ?? 0) + device);
  const segments = segmentsAt(traffic, atMs);
  const counters = counterTable(traffic, device, segments);
  const tables =
    traffic.round > 0 ? [counters] : [systemTable(name, segments), namesTable(traffic, segments), counters];
  return {
    device: name,
    startedAtMs: atMs,
    finishedAtMs: atMs + 20,
    processId: 'bench-process',
    intervalMs: traffic.config.intervalMs,
    outcome: 'complete',
    failure: null,
    requests: 10,
    retries: 0,
    tables,
  };
}

/** Five rows a datagram, as they come from real switches; all at one time, which the peers' points have too. */
function segmentsAt(traffic: Traffic, atMs: number): Segment[] {
  const { portsEach, startMs } = traffic.config;
  const monotonicMs = atMs - startMs;
  const uptimeTicks = UPTIME_TICKS + Math.floor(monotonicMs / 10);
  return Array.from({ length: Math.ceil(portsEach / 5) }, (_, at) => ({
    firstRow: at * 5,
    sentAtMs: atMs,
    receivedAtMs: atMs,
    monotonicMs,
    uptimeTicks,
  }));
}

function counterTable(traffic: Traffic, device: number, segments: readonly Segment[]): Table {
  const { portsEach } = traffic.config;
  const present = new Uint8Array(portsEach).fill(1);
  const counters = COUNTERS.map(
    ({ object, width }, at): Column => ({
      kind: 'counter',
      name: object,
      width,
      values: traffic.of(device, at).slice(),
      present,
    }),
  );
  return {
    name: 'interface',
    complete: true,
    index: indexOf(portsEach),
    segments,
    columns: [
      { kind: 'text', name: 'interfaceKey', values: namesOf(portsEach) },
      ...counters,
      filled('ifAdminStatus', portsEach, STATUS_UP),
      filled('ifOperStatus', portsEach, STATUS_UP),
      filled('ifCounterDiscontinuityTime', portsEach, 0),
      filled('ifSpeedBps', portsEach, SPEED_BPS),
    ],
  };
}

function systemTable(sysName: string, segments: readonly Segment[]): Table {
  const texts = {
    sysName,
    sysDescr: 'Cisco IOS Software, C2960X Software',
    sysObjectID: '1.3.6.1.4.1.9.1.1208',
    vendor: 'Cisco',
    model: 'WS-C2960X-48',
    profile: 'cisco',
  };
  const columns = Object.entries(texts).map(([name, value]): TextColumn => ({ kind: 'text', name, values: [value] }));
  return { name: 'system', complete: true, index: ['0'], segments: segments.slice(0, 1), columns };
}

function namesTable(traffic: Traffic, segments: readonly Segment[]): Table {
  const { portsEach } = traffic.config;
  const names = namesOf(portsEach);
  const text = (name: string, values: readonly string[]): TextColumn => ({ kind: 'text', name, values });
  return {
    name: 'interface-inventory',
    complete: true,
    index: indexOf(portsEach),
    segments,
    columns: [
      text('interfaceKey', names),
      text('ifName', names),
      text(
        'ifDescr',
        names.map((name) => name.replace('Gi', 'GigabitEthernet')),
      ),
      text(
        'ifAlias',
        names.map((name) => `customer on ${name}`),
      ),
      filled('ifType', portsEach, 6),
      filled('ifMtu', portsEach, 1500),
      filled('ifSpeedBps', portsEach, SPEED_BPS),
    ],
  };
}

function filled(name: string, rows: number, value: number): NumberColumn {
  return { kind: 'number', name, values: new Float64Array(rows).fill(value) };
}

function indexOf(ports: number): string[] {
  return Array.from({ length: ports }, (_, port) => String(IF_INDEX_BASE + port));
}

function namesOf(ports: number): string[] {
  return Array.from({ length: ports }, (_, port) => portName(port));
}
