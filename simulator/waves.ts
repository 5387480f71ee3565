// The shapes of traffic: step functions of the network's clock with whole values, whose integrals are exact and asked for in constant time.
import { type Recurrence, ticksInWindows } from './recurrence.ts';

/** A step function told by its integral over `[0, tick)`: a whole number, below 2^53 for 400 years of ticks. */
export type Integral = (tick: number) => number;

/** Levels of diurnal and noise go from 0 to this. */
export const LEVELS = 64;
export const PHASES = 32;

export type DayShape = 'office' | 'home' | 'hosting';

/** Levels at the hours of a day, from midnight; between two hours they go in straight lines of 5-minute steps. */
const DAYS: Readonly<Record<DayShape, readonly number[]>> = {
  office: [4, 3, 3, 3, 4, 6, 14, 30, 50, 60, 64, 62, 52, 58, 63, 62, 57, 44, 30, 22, 17, 13, 9, 6],
  home: [30, 20, 12, 8, 6, 6, 10, 18, 22, 24, 26, 28, 30, 32, 36, 38, 40, 44, 50, 56, 62, 64, 58, 44],
  hosting: [34, 30, 28, 27, 27, 28, 32, 38, 46, 52, 56, 58, 58, 58, 60, 60, 60, 58, 58, 60, 62, 60, 52, 42],
};
const DAY_SHAPES: readonly DayShape[] = ['office', 'home', 'hosting'];
const STEPS_PER_HOUR = 12;
const DAY_STEP_TICKS = 30_000;
/** Hour of the day at which every network begins, so that a demo is lively from the first minute. */
const FIRST_HOUR = 14;

const SLOW = { steps: 256, stepTicks: 3_000 };
const FAST = { steps: 1024, stepTicks: 100 };

/** Steps of equal length that repeat; begins `offset` steps into them. */
function periodic(steps: readonly number[], stepTicks: number, offset: number): Integral {
  const before = [0];
  for (const [at, level] of steps.entries()) before.push((before[at] ?? 0) + level * stepTicks);
  const period = steps.length * stepTicks;
  const total = before[steps.length] ?? 0;
  const from = offset * stepTicks;
  const sum = (tick: number): number => {
    const rounds = Math.floor(tick / period);
    const rest = tick - rounds * period;
    const step = Math.floor(rest / stepTicks);
    return rounds * total + (before[step] ?? 0) + (steps[step] ?? 0) * (rest - step * stepTicks);
  };
  const atStart = sum(from);
  return (tick) => sum(from + tick) - atStart;
}

function daySteps(hours: readonly number[]): number[] {
  return hours.flatMap((level, hour) => {
    const next = hours[(hour + 1) % hours.length] ?? level;
    return Array.from({ length: STEPS_PER_HOUR }, (_, step) =>
      Math.floor((level * (STEPS_PER_HOUR - step) + next * step) / STEPS_PER_HOUR),
    );
  });
}

/** A well-mixed whole number below 2^32: the same for ever for the same seed, text and number. */
export function mixed(seed: number, text: string, number: number): number {
  let hash = (seed ^ Math.imul(number + 0x9e3779b9, 0x85ebca6b)) >>> 0;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b) >>> 0;
  return (hash ^ (hash >>> 16)) >>> 0;
}

function noise(seed: number, name: string, steps: number): number[] {
  return Array.from({ length: steps }, (_, step) => mixed(seed, name, step) % (LEVELS + 1));
}

/** All step functions of a network, by number, so that a sum of a hundred streams is one short list of coefficients. */
export class Waves {
  readonly #integrals: Integral[];
  readonly #windows = new Map<string, number>();
  readonly #value: number[] = [];
  readonly #valueTick: number[] = [];

  constructor(seed: number) {
    const phases = Array.from({ length: PHASES }, (_, phase) => phase);
    const [slow, fast] = [noise(seed, 'slow', SLOW.steps), noise(seed, 'fast', FAST.steps)];
    this.#integrals = [
      (tick) => tick,
      ...DAY_SHAPES.map((shape) => periodic(daySteps(DAYS[shape]), DAY_STEP_TICKS, FIRST_HOUR * STEPS_PER_HOUR)),
      ...phases.map((phase) => periodic(slow, SLOW.stepTicks, (phase * SLOW.steps) / PHASES)),
      ...phases.map((phase) => periodic(fast, FAST.stepTicks, (phase * FAST.steps) / PHASES)),
    ];
  }

  /** 1 at all times. */
  readonly steady = 0;

  /** 0 to LEVELS by the time of day. */
  day(shape: DayShape): number {
    return 1 + DAY_SHAPES.indexOf(shape);
  }

  /** 0 to LEVELS, anew every 30 s. */
  slow(phase: number): number {
    return 1 + DAY_SHAPES.length + (phase % PHASES);
  }

  /** 0 to LEVELS, anew every second. */
  fast(phase: number): number {
    return 1 + DAY_SHAPES.length + PHASES + (phase % PHASES);
  }

  /** 1 inside the windows, 0 outside. */
  within(windows: Recurrence): number {
    const key = `${windows.first} ${windows.every} ${windows.length}`;
    let wave = this.#windows.get(key);
    if (wave === undefined) {
      wave = this.#integrals.push((tick) => ticksInWindows(windows, tick)) - 1;
      this.#windows.set(key, wave);
    }
    return wave;
  }

  /** The most the step function ever is. */
  peak(wave: number): number {
    return wave === this.steady || wave >= 1 + DAY_SHAPES.length + 2 * PHASES ? 1 : LEVELS;
  }

  /** The integral of a step function over `[0, tick)`. */
  integral(wave: number, tick: number): number {
    const integral = this.#integrals[wave];
    if (integral === undefined) throw new Error(`BUG: there is no step function ${wave}`);
    return integral(tick);
  }

  /** The same, kept for the next who asks at this tick. */
  keptIntegral(wave: number, tick: number): number {
    if (this.#valueTick[wave] === tick) return this.#value[wave] ?? 0;
    const value = this.integral(wave, tick);
    this.#value[wave] = value;
    this.#valueTick[wave] = tick;
    return value;
  }
}
