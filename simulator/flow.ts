// Octets that have gone one way through one place: sums of streams, each with its shape, stopped while its line is down; exact and never falling.
import { type Recurrence, windowStart, windowsBegun } from './recurrence.ts';
import { type DayShape, LEVELS, mixed, PHASES, type Waves } from './waves.ts';

/** What one source sends, as data. */
export interface Stream {
  /** Unique in the network: decides the noise. */
  readonly id: string;
  /** About what it sends in busy hours, bit/s; never more than 1.2 times this, bursts aside. */
  readonly busyBps: number;
  readonly shape: DayShape;
  /** On top of that, in these windows. */
  readonly burst: { readonly bps: number; readonly windows: Recurrence } | null;
  /** While it lasts nothing is sent: the line is down, or a device at its end restarts. */
  readonly stopped: Recurrence | null;
}

const BITS_PER_OCTET_SECOND = 800;
/** Windows between two sums that are kept. */
const WINDOWS_PER_MARK = 64;

/** Octets a tick, by step function. */
type Coefficients = Map<number, number>;

function coefficientsOf(stream: Stream, waves: Waves, seed: number): Coefficients {
  const octets = stream.busyBps / BITS_PER_OCTET_SECOND;
  const [slow, fast] = [mixed(seed, stream.id, 1) % PHASES, mixed(seed, stream.id, 2) % PHASES];
  const found: Coefficients = new Map([
    [waves.steady, Math.floor(octets * 0.35)],
    [waves.day(stream.shape), Math.floor((octets * 0.45) / LEVELS)],
    [waves.slow(slow), Math.floor((octets * 0.25) / LEVELS)],
    [waves.fast(fast), Math.floor((octets * 0.15) / LEVELS)],
  ]);
  if (stream.burst !== null)
    found.set(waves.within(stream.burst.windows), Math.floor(stream.burst.bps / BITS_PER_OCTET_SECOND));
  return found;
}

/** Streams that stop together, as one list of coefficients. */
class Part {
  readonly #waves: Waves;
  readonly #wave: readonly number[];
  readonly #coefficient: readonly number[];
  readonly #stopped: Recurrence | null;
  /** Until this tick the sum is exact in a double. */
  readonly #safeUntil: number;
  readonly peak: number;
  /** Octets that the first 64 × n windows took away. */
  readonly #marks: bigint[] = [0n];
  /** Octets that the windows took away which were over when it was last asked for. */
  #over = { count: 0, octets: 0n };

  constructor(waves: Waves, coefficients: Coefficients, stopped: Recurrence | null) {
    const used = [...coefficients].filter(([, coefficient]) => coefficient > 0);
    this.#waves = waves;
    this.#wave = used.map(([wave]) => wave);
    this.#coefficient = used.map(([, coefficient]) => coefficient);
    this.#stopped = stopped;
    this.peak = used.reduce((sum, [wave, coefficient]) => sum + coefficient * waves.peak(wave), 0);
    this.#safeUntil = Math.floor(Number.MAX_SAFE_INTEGER / Math.max(1, this.peak));
  }

  until(tick: number): bigint {
    if (this.#stopped !== null) return this.#unstopped(tick) - this.#takenAway(this.#stopped, tick);
    if (tick > this.#safeUntil) return this.#unstopped(tick);
    let sum = 0;
    for (let at = 0; at < this.#wave.length; at += 1)
      sum += (this.#coefficient[at] ?? 0) * this.#waves.keptIntegral(this.#wave[at] ?? 0, tick);
    return BigInt(sum);
  }

  #unstopped(tick: number): bigint {
    return this.#wave.reduce(
      (sum, wave, at) => sum + BigInt(this.#coefficient[at] ?? 0) * BigInt(this.#waves.integral(wave, tick)),
      0n,
    );
  }

  /** What would have been sent in the windows up to the tick. */
  #takenAway(windows: Recurrence, tick: number): bigint {
    const begun = windowsBegun(windows, tick);
    if (begun === 0) return 0n;
    const last = windowStart(windows, begun - 1);
    const inLast = this.#unstopped(Math.min(tick, last + windows.length)) - this.#unstopped(last);
    return this.#inWholeWindows(windows, begun - 1) + inLast;
  }

  #inWholeWindows(windows: Recurrence, count: number): bigint {
    while (this.#marks.length * WINDOWS_PER_MARK <= count) {
      const from = (this.#marks.length - 1) * WINDOWS_PER_MARK;
      this.#marks.push((this.#marks.at(-1) ?? 0n) + this.#inWindows(windows, from, from + WINDOWS_PER_MARK));
    }
    const mark = Math.floor(count / WINDOWS_PER_MARK);
    const marked = { count: mark * WINDOWS_PER_MARK, octets: this.#marks[mark] ?? 0n };
    const near = this.#over.count > count || this.#over.count < marked.count ? marked : this.#over;
    this.#over = { count, octets: near.octets + this.#inWindows(windows, near.count, count) };
    return this.#over.octets;
  }

  #inWindows(windows: Recurrence, from: number, to: number): bigint {
    let octets = 0n;
    for (let n = from; n < to; n += 1) {
      const start = windowStart(windows, n);
      octets += this.#unstopped(start + windows.length) - this.#unstopped(start);
    }
    return octets;
  }
}

/** The sum of streams through one place in one direction. */
export class Flow {
  readonly #parts: readonly Part[];
  #lastTick = -1;
  #lastOctets = 0n;

  constructor(waves: Waves, seed: number, streams: readonly Stream[]) {
    const groups = new Map<string, { stopped: Recurrence | null; coefficients: Coefficients }>();
    for (const stream of streams) {
      const key = stream.stopped === null ? '' : Object.values(stream.stopped).join(' ');
      const group = groups.get(key) ?? { stopped: stream.stopped, coefficients: new Map<number, number>() };
      groups.set(key, group);
      for (const [wave, coefficient] of coefficientsOf(stream, waves, seed))
        group.coefficients.set(wave, (group.coefficients.get(wave) ?? 0) + coefficient);
    }
    this.#parts = [...groups.values()].map((group) => new Part(waves, group.coefficients, group.stopped));
  }

  /** The most octets that ever go in one tick. */
  get peak(): number {
    return this.#parts.reduce((sum, part) => sum + part.peak, 0);
  }

  /** Octets that went in `[0, tick)` of the network's clock. */
  until(tick: number): bigint {
    if (tick === this.#lastTick) return this.#lastOctets;
    const octets = this.#parts.length === 1 ? (this.#parts[0]?.until(tick) ?? 0n) : this.#sum(tick);
    this.#lastTick = tick;
    this.#lastOctets = octets;
    return octets;
  }

  #sum(tick: number): bigint {
    return this.#parts.reduce((sum, part) => sum + part.until(tick), 0n);
  }
}
