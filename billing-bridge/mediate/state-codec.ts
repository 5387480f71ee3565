// The states of a device's meters as bytes: one column a device, written whole at every poll, so clocks and frames that meters share are written once.
import type { BucketContent } from './bucket-content.ts';
import type { MeterState } from './meter-state.ts';
import { Reading, type ReadingClock, type ReadingPort } from './reading.ts';

/**
 * Form 1, little-endian: u8 form; processes, clocks and frames, each a u32 count and its entries; a u32 count of meters and each meter.
 * A meter's clock and frame are places in those lists.
 */
const FORM = 1;
const HEADER_BYTES = 1 + 4 * 4;
/** What one state takes at most, with a clock and a frame of its own. */
const CLOCK_BYTES = 8 + 8 + 8 + 4 + 8;
const FRAME_BYTES = 4 + 4 * 4 + 8 + 8;
const METER_BYTES = 4 + 2 + 4 + 8 + 4 + 8 + 8 + 8 + 4;
const OCTETS_BYTES = 16;

const WIDE = 1;
const DISCONTINUITY = 2;
const SPEED = 4;
/** Seen a later reading than the last that counted; closed before another bucket than that of the open one. */
const SEEN = 8;
const OPEN = 16;
/** Numbers that are not nothing; a bucket may hold more than one word. */
const GOOD = 32;
const WRAPPED = 64;
const GAP = 128;
const SUSPENDED = 256;
const LARGE = 512;
const GAUGE = 1024;
const TRAPEZOID = 2048;

const NO_UPTIME = -1;
const LOW_WORD = 2n ** 64n - 1n;

export function encodeStates(states: readonly MeterState[]): Buffer {
  const lists = new Lists();
  const most = METER_BYTES + 4 * OCTETS_BYTES;
  const meters = new Writer(states.length * most);
  for (const state of states) writeState(meters, state, lists);
  const head = new Writer(HEADER_BYTES + lists.bytes());
  head.u8(FORM);
  lists.write(head);
  head.u32(states.length);
  return Buffer.concat([head.done(), meters.done()]);
}

export function decodeStates(bytes: Buffer): MeterState[] {
  if (bytes.length === 0) return [];
  const reader = new Reader(bytes);
  const form = reader.u8();
  if (form !== FORM) throw new Error(`BUG: states of a device in form ${form}`);
  const processes = readList(reader, () => reader.text());
  const clocks = readList(reader, () => readClock(reader, processes));
  const frames = readList(reader, () => readFrame(reader));
  return readList(reader, () => readState(reader, clocks, frames));
}

/** What a bucket that is being added up has in common with those of its neighbours. */
type Frame = Omit<BucketContent, 'good' | 'wrapped' | 'gap' | 'suspended'>;

/** Neighbours mostly share what stands before them, so only that is looked at. */
class Lists {
  readonly #processes = new Map<string, number>();
  readonly #clocks: ReadingClock[] = [];
  readonly #frames: Frame[] = [];

  clock(clock: ReadingClock): number {
    const before = this.#clocks.at(-1);
    if (before === undefined || !sameClock(before, clock)) {
      this.#clocks.push(clock);
      if (!this.#processes.has(clock.processId)) this.#processes.set(clock.processId, this.#processes.size);
    }
    return this.#clocks.length - 1;
  }

  frame(frame: Frame): number {
    const before = this.#frames.at(-1);
    if (before === undefined || !sameFrame(before, frame)) this.#frames.push(frame);
    return this.#frames.length - 1;
  }

  bytes(): number {
    let bytes = this.#clocks.length * CLOCK_BYTES + this.#frames.length * FRAME_BYTES;
    for (const process of this.#processes.keys()) bytes += 2 + Buffer.byteLength(process);
    return bytes;
  }

  write(writer: Writer): void {
    writer.u32(this.#processes.size);
    for (const process of this.#processes.keys()) writer.text(process);
    writer.u32(this.#clocks.length);
    for (const clock of this.#clocks) {
      writer.f64(clock.observedAtMs);
      writer.f64(clock.monotonicMs);
      writer.f64(clock.uptimeTicks ?? NO_UPTIME);
      writer.u32(this.#processes.get(clock.processId) ?? 0);
      writer.f64(clock.intervalMs);
    }
    writer.u32(this.#frames.length);
    for (const frame of this.#frames) {
      writer.u32(frame.bucket);
      for (const number of [frame.coveredMs, frame.gapMs, frame.lostMs, frame.wraps]) writer.u32(number);
      writer.f64(frame.firstMs);
      writer.f64(frame.lastMs);
    }
  }
}

function sameClock(one: ReadingClock, other: ReadingClock): boolean {
  return (
    one === other ||
    (one.observedAtMs === other.observedAtMs &&
      one.monotonicMs === other.monotonicMs &&
      one.uptimeTicks === other.uptimeTicks &&
      one.processId === other.processId &&
      one.intervalMs === other.intervalMs)
  );
}

function sameFrame(one: Frame, other: Frame): boolean {
  return (
    one.bucket === other.bucket &&
    one.coveredMs === other.coveredMs &&
    one.gapMs === other.gapMs &&
    one.lostMs === other.lostMs &&
    one.wraps === other.wraps &&
    one.firstMs === other.firstMs &&
    one.lastMs === other.lastMs
  );
}

function flagsOf({ last, open, seenMs }: MeterState): number {
  let flags = last.width === 64 ? WIDE : 0;
  if (last.discontinuityTicks !== null) flags |= DISCONTINUITY;
  if (last.speedBps !== null) flags |= SPEED;
  if (seenMs !== last.observedAtMs) flags |= SEEN;
  if (last.integration !== null) flags |= last.integration === 'held' ? GAUGE : GAUGE | TRAPEZOID;
  if (open === null) return flags;
  flags |= OPEN;
  if (open.good !== 0n) flags |= GOOD;
  if (open.wrapped !== 0n) flags |= WRAPPED;
  if (open.gap !== 0n) flags |= GAP;
  if (open.suspended !== 0n) flags |= SUSPENDED;
  const large = open.good > LOW_WORD || open.wrapped > LOW_WORD || open.gap > LOW_WORD || open.suspended > LOW_WORD;
  return large ? flags | LARGE : flags;
}

function writeState(writer: Writer, state: MeterState, lists: Lists): void {
  const { last, open } = state;
  const flags = flagsOf(state);
  writer.u32(state.meter);
  writer.u16(flags);
  writer.u32(lists.clock(last.clock));
  writer.u64(last.value);
  writer.u32(state.closedBefore);
  if (last.discontinuityTicks !== null) writer.f64(last.discontinuityTicks);
  if (last.speedBps !== null) writer.u64(last.speedBps);
  if ((flags & SEEN) !== 0) writer.f64(state.seenMs);
  if (open === null) return;
  writer.u32(lists.frame(open));
  for (const octets of [open.good, open.wrapped, open.gap, open.suspended]) {
    if (octets === 0n) continue;
    writer.u64(octets & LOW_WORD);
    if ((flags & LARGE) !== 0) writer.u64(octets >> 64n);
  }
}

function readState(reader: Reader, clocks: readonly ReadingClock[], frames: readonly Frame[]): MeterState {
  const meter = reader.u32();
  const flags = reader.u16();
  const clock = placed(clocks, reader.u32());
  const value = reader.u64();
  const closedBefore = reader.u32();
  const discontinuityTicks = (flags & DISCONTINUITY) === 0 ? null : reader.f64();
  const port: ReadingPort = {
    width: (flags & WIDE) === 0 ? 32 : 64,
    speedBps: (flags & SPEED) === 0 ? null : reader.u64(),
    ...((flags & GAUGE) === 0 ? {} : { integration: (flags & TRAPEZOID) === 0 ? 'held' : 'trapezoid' }),
  };
  const seenMs = (flags & SEEN) === 0 ? clock.observedAtMs : reader.f64();
  const last = new Reading(clock, port, value, discontinuityTicks);
  return { meter, last, seenMs, closedBefore, open: (flags & OPEN) === 0 ? null : readOpen(reader, flags, frames) };
}

function readOpen(reader: Reader, flags: number, frames: readonly Frame[]): BucketContent {
  const frame = placed(frames, reader.u32());
  const octets = (flag: number): bigint => {
    if ((flags & flag) === 0) return 0n;
    const low = reader.u64();
    return (flags & LARGE) === 0 ? low : low + (reader.u64() << 64n);
  };
  return { ...frame, good: octets(GOOD), wrapped: octets(WRAPPED), gap: octets(GAP), suspended: octets(SUSPENDED) };
}

function readClock(reader: Reader, processes: readonly string[]): ReadingClock {
  const observedAtMs = reader.f64();
  const monotonicMs = reader.f64();
  const uptime = reader.f64();
  const processId = placed(processes, reader.u32());
  return {
    observedAtMs,
    monotonicMs,
    uptimeTicks: uptime === NO_UPTIME ? null : uptime,
    processId,
    intervalMs: reader.f64(),
  };
}

function readFrame(reader: Reader): Frame {
  return {
    bucket: reader.u32(),
    coveredMs: reader.u32(),
    gapMs: reader.u32(),
    lostMs: reader.u32(),
    wraps: reader.u32(),
    firstMs: reader.f64(),
    lastMs: reader.f64(),
  };
}

function readList<T>(reader: Reader, read: () => T): T[] {
  return Array.from({ length: reader.u32() }, read);
}

function placed<T>(list: readonly T[], place: number): T {
  const found = list[place];
  if (found === undefined) throw new Error('BUG: the state of a meter names what is not there');
  return found;
}

class Writer {
  readonly #view: DataView;
  readonly #buffer: Buffer;
  #at = 0;

  constructor(bytes: number) {
    this.#buffer = Buffer.alloc(bytes);
    this.#view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset, bytes);
  }

  u8(value: number): void {
    this.#view.setUint8(this.#at, value);
    this.#at += 1;
  }
  u16(value: number): void {
    this.#view.setUint16(this.#at, value, true);
    this.#at += 2;
  }
  u32(value: number): void {
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }
  u64(value: bigint): void {
    this.#view.setBigUint64(this.#at, value, true);
    this.#at += 8;
  }
  f64(value: number): void {
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }
  text(value: string): void {
    this.u16(Buffer.byteLength(value));
    this.#at += this.#buffer.write(value, this.#at);
  }
  done(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }
}

class Reader {
  readonly #view: DataView;
  readonly #buffer: Buffer;
  #at = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
    this.#view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  }

  u8(): number {
    this.#at += 1;
    return this.#view.getUint8(this.#at - 1);
  }
  u16(): number {
    this.#at += 2;
    return this.#view.getUint16(this.#at - 2, true);
  }
  u32(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4, true);
  }
  u64(): bigint {
    this.#at += 8;
    return this.#view.getBigUint64(this.#at - 8, true);
  }
  f64(): number {
    this.#at += 8;
    return this.#view.getFloat64(this.#at - 8, true);
  }
  text(): string {
    const length = this.u16();
    this.#at += length;
    return this.#buffer.toString('utf8', this.#at - length, this.#at);
  }
}
