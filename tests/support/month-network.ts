// A device whose every counter is known at every time, polled through a month: what usage and charges must be is computed here from the truth alone.
import type { MemoryReadings, PortWords } from './memory-readings.ts';

export const GRID_MS = 300_000;

/** What happens in a month; times are of the UTC grid. */
export interface MonthEvents {
  /** Polls that get no answer. */
  readonly missed: ReadonlySet<number>;
  /** The device has booted ten seconds before the poll of this time. */
  readonly bootBefore: number | null;
  /** From this poll on the rows of the table stand in another order. */
  readonly renumberedFrom: number | null;
  /** A second agent polls too, seven seconds behind. */
  readonly secondAgent: boolean;
}

export interface MonthPort extends PortWords {
  readonly name: string;
  /** What the counters stand at when the first poll comes. */
  readonly begin: bigint;
  /** Octets that the port moves in a bucket that begins at this time. */
  readonly moves: (bucketStartMs: number) => { readonly in: number; readonly out: number };
}

interface Counters {
  in: bigint;
  out: bigint;
}

const BOOT_MS = 10_000;
const SECOND_MS = 7_000;

/** Octets that a part of a bucket moves: as a poll inside it finds them. */
function part(octets: number, ms: number): bigint {
  return (BigInt(octets) * BigInt(ms)) / BigInt(GRID_MS);
}

/** Polls at every line of the grid from `fromMs` to `toMs`, both included. */
export function pollMonth(
  source: MemoryReadings,
  device: string,
  ports: readonly MonthPort[],
  events: MonthEvents,
  fromMs: number,
  toMs: number,
): void {
  const turned = [...ports.slice(1), ...ports.slice(0, 1)];
  const layouts = [ports, turned].map((order) => source.layout(device, order));
  const counters = new Map<string, Counters>(ports.map(({ name, begin }) => [name, { in: begin, out: begin }]));
  let bootMs = fromMs - 86_400_000;
  for (let at = fromMs; at <= toMs; at += GRID_MS) {
    const renumbered = events.renumberedFrom !== null && at >= events.renumberedFrom;
    const order = renumbered ? turned : ports;
    if (at === events.bootBefore) {
      bootMs = at - BOOT_MS;
      for (const port of ports) {
        const before = port.moves(at - GRID_MS);
        counters.set(port.name, { in: part(before.in, BOOT_MS), out: part(before.out, BOOT_MS) });
      }
    }
    const poll = (atMs: number, agent: string): void => {
      const octets = order.map((port) => {
        const own = counters.get(port.name) ?? { in: 0n, out: 0n };
        const next = port.moves(at);
        return [own.in + part(next.in, atMs - at), own.out + part(next.out, atMs - at)] as const;
      });
      const layout = layouts[renumbered ? 1 : 0] ?? 0;
      const uptimeTicks = Math.floor((atMs - bootMs) / 10);
      source.poll({ layout, atMs, octets, uptimeTicks, intervalMs: GRID_MS, agent, processId: agent });
    };
    if (!events.missed.has(at)) poll(at, 'agent-1');
    if (events.secondAgent && at < toMs) poll(at + SECOND_MS, 'agent-2');
    for (const port of ports) {
      const own = counters.get(port.name);
      if (own === undefined) continue;
      const moved = port.moves(at);
      own.in += BigInt(moved.in);
      own.out += BigInt(moved.out);
    }
  }
  source.watermark(device, toMs);
}

export interface ExpectedMonth {
  /** Octets in and out of all ports that are to be billed. */
  readonly in: bigint;
  readonly out: bigint;
  readonly intervals: number;
  readonly ranked: number;
  /** Octets at the percentile, the higher of in and out. */
  readonly sample: bigint;
}

/** From the truth: an interval that a missed poll touches is not ranked, and one in which the device booted is lost. */
export function expectedMonth(
  ports: readonly MonthPort[],
  events: MonthEvents,
  fromMs: number,
  toMs: number,
): ExpectedMonth {
  const samples: { in: bigint; out: bigint }[] = [];
  const total = { in: 0n, out: 0n };
  let intervals = 0;
  for (let at = fromMs; at < toMs; at += GRID_MS) {
    intervals += 1;
    const moved = ports.map((port) => port.moves(at));
    const sum = {
      in: moved.reduce((octets, one) => octets + BigInt(one.in), 0n),
      out: moved.reduce((octets, one) => octets + BigInt(one.out), 0n),
    };
    if (at + GRID_MS === events.bootBefore) continue;
    total.in += sum.in;
    total.out += sum.out;
    if (!events.missed.has(at) && !events.missed.has(at + GRID_MS)) samples.push(sum);
  }
  // ceil(0.95 n) in integers, and a sort: nothing of the code under test.
  const rank = Math.floor((samples.length * 95 + 99) / 100);
  const at = (direction: 'in' | 'out'): bigint =>
    samples.map((one) => one[direction]).toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))[rank - 1] ?? 0n;
  const [incoming, outgoing] = [at('in'), at('out')];
  return { ...total, intervals, ranked: samples.length, sample: incoming > outgoing ? incoming : outgoing };
}
