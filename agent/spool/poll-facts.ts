// What of a poll decides whether the one before it may be subtracted from it: kept of each device's last poll while a spool is thinned.
import { createHash } from 'node:crypto';
import { rebooted } from '../../common/model/counter.ts';
import {
  type Column,
  columnOf,
  type CounterColumn,
  OCTET_COUNTERS,
  type Poll,
  type Segment,
  type Table,
} from '../../common/model/poll.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';

/** The two clocks of one response. */
interface ClockReading {
  readonly monotonicMs: DurationMs;
  readonly uptimeTicks: number | null;
}

export interface PollFacts {
  readonly startedAtMs: EpochMs;
  readonly intervalMs: DurationMs;
  /** Code of the failure of a poll that read nothing; null where it read something. */
  readonly failure: string | null;
  /** Holds what is read rarely: names, kinds, neighbours. */
  readonly hasInventory: boolean;
  readonly processId: string;
  readonly clocks: readonly ClockReading[];
  /** Digest of everything that is constant within an epoch: rows, keys, widths, which values there are, discontinuity times. */
  readonly shape: string;
  readonly octets: readonly CounterColumn[];
  /** Two readings further apart than this may hide more than one wrap of a Counter32; infinite where all are wide, 0 where nobody knows. */
  readonly wrapMs: DurationMs;
}

const OCTET_NAMES: ReadonlySet<string> = new Set(
  Object.values(OCTET_COUNTERS).flatMap(({ wide, narrow }) => [wide, narrow]),
);
const RARE_TABLES: ReadonlySet<string> = new Set(['system', 'interface-inventory', 'entity']);
const DISCONTINUITY = 'ifCounterDiscontinuityTime';
const SPEED = 'ifSpeedBps';
/** Octets of a wrap, in bit·ms a second, less the tenth that common/model/counter believes above line rate. */
const WRAP_BIT_MS = (2 ** 32 * 8 * 1000) / 1.1;

export function factsOf(poll: Poll): PollFacts {
  const { startedAtMs, intervalMs, processId, tables } = poll;
  const table = tables.find(({ name }) => name === 'interface');
  const octets = table === undefined ? [] : octetsOf(table);
  return {
    startedAtMs,
    intervalMs,
    processId,
    failure: poll.outcome === 'failed' ? (poll.failure ?? 'unexpected') : null,
    hasInventory: tables.some((one) => RARE_TABLES.has(one.name) || hasOtherCounters(one)),
    clocks: (table?.segments ?? tables[0]?.segments ?? []).map(clockOf),
    shape: table === undefined ? '' : shapeOf(table, octets),
    octets,
    wrapMs: table === undefined ? Number.POSITIVE_INFINITY : wrapMsOf(table, octets),
  };
}

/** Whether anything says that an epoch may end between two polls that read something; better once too often, for then both are kept. */
export function epochMayEnd(before: PollFacts, after: PollFacts): boolean {
  // Without one monotonic clock the time between is a wall clock's.
  if (before.processId !== after.processId || before.shape !== after.shape) return true;
  return anyBoot([...before.clocks, ...after.clocks]) || anyDecrease(before.octets, after.octets);
}

/** Time between the first reading of one and the last of the other, in the clock of their process. */
export function spanOf(before: PollFacts, after: PollFacts): DurationMs {
  return (after.clocks.at(-1)?.monotonicMs ?? 0) - (before.clocks[0]?.monotonicMs ?? 0);
}

function octetsOf(table: Table): CounterColumn[] {
  return table.columns.filter((column): column is CounterColumn => isOctets(column));
}

function isOctets(column: Column): boolean {
  return column.kind === 'counter' && OCTET_NAMES.has(column.name);
}

/** No table but the interfaces' has counters today; one that will is kept until somebody thinks of its epochs. */
function hasOtherCounters(table: Table): boolean {
  return table.name !== 'interface' && table.columns.some(({ kind }) => kind === 'counter');
}

function clockOf({ monotonicMs, uptimeTicks }: Segment): ClockReading {
  return { monotonicMs, uptimeTicks };
}

function shapeOf(table: Table, octets: readonly CounterColumn[]): string {
  const digest = createHash('sha1').update(JSON.stringify([table.complete, table.index]));
  const keys = columnOf(table, 'interfaceKey');
  if (keys?.kind === 'text') digest.update(JSON.stringify(keys.values));
  for (const { name, width, present } of octets) digest.update(`${name} ${width} `).update(present);
  const discontinuity = columnOf(table, DISCONTINUITY);
  if (discontinuity?.kind === 'number') digest.update(bytesOf(discontinuity.values));
  if (discontinuity?.kind === 'counter') digest.update(bytesOf(discontinuity.values)).update(discontinuity.present);
  return digest.digest('base64');
}

function bytesOf({ buffer, byteOffset, byteLength }: Float64Array | BigUint64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function anyBoot(clocks: readonly ClockReading[]): boolean {
  let before: ClockReading | null = null;
  for (const clock of clocks) {
    const [was, is] = [before?.uptimeTicks ?? null, clock.uptimeTicks];
    if (before !== null && was !== null && is !== null && rebooted(was, is, clock.monotonicMs - before.monotonicMs))
      return true;
    if (is !== null) before = clock;
  }
  return false;
}

/** Shapes are equal: so are the columns and which of their values there are. */
function anyDecrease(before: readonly CounterColumn[], after: readonly CounterColumn[]): boolean {
  return after.some(({ values, present }, at) => {
    const earlier = before[at]?.values;
    return values.some((value, row) => present[row] === 1 && value < (earlier?.[row] ?? 0n));
  });
}

function wrapMsOf(table: Table, octets: readonly CounterColumn[]): DurationMs {
  const narrow = octets.filter(({ width }) => width === 32);
  const speeds = columnOf(table, SPEED);
  let least = Number.POSITIVE_INFINITY;
  for (const [row] of table.index.entries()) {
    if (!narrow.some(({ present }) => present[row] === 1)) continue;
    const speed = speeds?.kind === 'number' ? (speeds.values[row] ?? Number.NaN) : Number.NaN;
    if (Number.isNaN(speed)) return 0;
    if (speed > 0) least = Math.min(least, WRAP_BIT_MS / speed);
  }
  return least;
}
