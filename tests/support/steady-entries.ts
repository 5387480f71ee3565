// An endless journal of which every entry is a function of its position: whoever replays it must come to the same.
import type { JournaledBatch } from '../../collector/project/projection.ts';
import { interfacePoll, journalEntry } from './poll-builder.ts';

export const STEADY_START_MS = 1_790_000_000_000;
export const STEADY_INTERVAL_MS = 10_000;
export const STEADY_PORTS = 20;

/** Two devices in turn, each port moving its own amount each time. */
export function steadyEntry(position: number): JournaledBatch {
  const round = Math.floor((position - 1) / 2);
  const atMs = STEADY_START_MS + round * STEADY_INTERVAL_MS;
  const interfaces = Array.from({ length: STEADY_PORTS }, (_, port) => ({
    key: `p${port}`,
    inOctets: BigInt(round) * BigInt(1000 + port),
    outOctets: BigInt(round) * BigInt(3000 + port),
    speedBps: 1e9,
  }));
  const device = position % 2 === 1 ? 'odd' : 'even';
  return journalEntry({
    position,
    polls: [interfacePoll({ device, atMs, interfaces, intervalMs: STEADY_INTERVAL_MS })],
  });
}

export function steadyEntries(after: number, count: number): JournaledBatch[] {
  return Array.from({ length: count }, (_, at) => steadyEntry(after + 1 + at));
}
