// What the agents of a simulated day send: a poll of one device, and a batch as it stands in the journal.
import type { JournaledBatch } from '../../collector/project/projection.ts';
import type { DeviceEvent } from '../../common/model/event.ts';
import type { Column, Poll } from '../../common/model/poll.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { INTERVAL_MS } from './day-network.ts';

export interface PortState {
  readonly key: string;
  readonly isUp: boolean;
  readonly inOctets: bigint;
  readonly inDiscards?: bigint;
}

const GIGABIT = 1_000_000_000;
const TICK_MS = 10;

/** `ports` null: it did not answer. `bootedAtMs`: when the device came up; long ago where it is left out. */
export function dayPoll(
  device: string,
  atMs: EpochMs,
  ports: readonly PortState[] | null,
  more: { readonly bootedAtMs?: EpochMs; readonly tables?: Poll['tables'] } = {},
): Poll {
  const uptimeTicks = Math.floor((atMs - (more.bootedAtMs ?? 0)) / TICK_MS) % 2 ** 32;
  const segment = { firstRow: 0, sentAtMs: atMs, receivedAtMs: atMs, monotonicMs: atMs, uptimeTicks };
  const interfaces = {
    name: 'interface' as const,
    complete: true,
    index: (ports ?? []).map((_, at) => String(at + 1)),
    segments: [segment],
    columns: columnsOf(ports ?? []),
  };
  return {
    device,
    startedAtMs: atMs,
    finishedAtMs: atMs,
    processId: 'process-1',
    intervalMs: INTERVAL_MS,
    outcome: ports === null ? 'failed' : 'complete',
    failure: ports === null ? 'device_silent' : null,
    requests: 3,
    retries: 0,
    tables: ports === null ? [] : [interfaces, ...(more.tables ?? [])],
  };
}

function columnsOf(ports: readonly PortState[]): Column[] {
  const number = (name: string, of: (port: PortState) => number): Column => ({
    kind: 'number',
    name,
    values: Float64Array.from(ports.map(of)),
  });
  const counter = (name: string, of: (port: PortState) => bigint): Column => ({
    kind: 'counter',
    name,
    width: 64,
    values: BigUint64Array.from(ports.map(of)),
    present: new Uint8Array(ports.length).fill(1),
  });
  return [
    { kind: 'text', name: 'interfaceKey', values: ports.map(({ key }) => key) },
    number('ifAdminStatus', () => 1),
    number('ifOperStatus', ({ isUp }) => (isUp ? 1 : 2)),
    number('ifSpeedBps', () => GIGABIT),
    counter('ifHCInOctets', ({ inOctets }) => inOctets),
    counter('ifHCOutOctets', ({ inOctets }) => inOctets),
    counter('ifInDiscards', ({ inDiscards }) => inDiscards ?? 0n),
  ];
}

export function dayEntry(
  words: Pick<JournaledBatch, 'position' | 'receivedAtMs'> & { readonly agent: string; readonly sequence: number },
  polls: readonly Poll[],
  events: readonly DeviceEvent[] = [],
): JournaledBatch {
  const { agent, sequence, ...entry } = words;
  return {
    ...entry,
    journal: 'journal-1',
    clockOffsetMs: 0,
    sha256: '0'.repeat(64),
    batch: {
      agent,
      incarnation: 'incarnation-1',
      sequence,
      createdAtMs: words.receivedAtMs,
      thinned: false,
      polls,
      events,
      watermarks: [],
      gaps: [],
    },
  };
}
