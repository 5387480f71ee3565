// What must have been counted, from the simulator's truth alone: no code of Weir decides here, so that both can be held against each other.
import type { MeterReading } from '../../common/wire/reading-page.ts';
import { TICK_MS, windowsBegun } from '../../simulator/recurrence.ts';
import { bootTick, counterAt, deviceOf, interfaceOf, type Network, octetsAt } from '../../simulator/truth.ts';

export interface TruthMeter {
  readonly device: string;
  readonly interfaceKey: string;
  readonly direction: 'in' | 'out';
}

/** Between two readings that follow each other. */
export interface TrueSpan {
  readonly fromMs: number;
  readonly toMs: number;
  /** lost: the device restarted, or the counter began anew. gap: more than one and a half intervals between the two. */
  readonly kind: 'counted' | 'gap' | 'lost';
  readonly octets: bigint;
}

const UPTIME_MODULUS = 2 ** 32;
/** A reading's time and its uptime are taken apart by a request's way there and back. */
const CLOCK_SLACK_MS = 3000;

/** The boot that a reading was taken in, and the tick of the network's clock; by the reading's own uptime. */
export function placeOf(network: Network, meter: TruthMeter, reading: MeterReading): { boot: number; tick: number } {
  const { definition } = deviceOf(network, meter.device);
  const atMs = Date.parse(reading.observedAt);
  const boots =
    definition.restarts === null ? 0 : windowsBegun(definition.restarts, (atMs - network.startedAtMs) / TICK_MS);
  for (let boot = boots; boot >= 0; boot -= 1) {
    for (const uptime of [reading.uptimeTicks ?? -1, (reading.uptimeTicks ?? -1) + UPTIME_MODULUS]) {
      const tick = bootTick(definition, boot) + uptime;
      if (tick >= 0 && Math.abs(network.startedAtMs + tick * TICK_MS - atMs) < CLOCK_SLACK_MS) return { boot, tick };
    }
  }
  throw new Error(`${meter.device}: no boot fits the uptime ${reading.uptimeTicks} at ${reading.observedAt}`);
}

/** The counter that the device must have shown to that reading. */
export function trueValue(network: Network, meter: TruthMeter, reading: MeterReading): bigint {
  const { boot, tick } = placeOf(network, meter, reading);
  const uptime = tick - bootTick(deviceOf(network, meter.device).definition, boot);
  return counterAt(network, meter.device, boot, meter.interfaceKey, meter.direction, uptime);
}

/** What lies between the readings, in order of time. */
export function trueSpans(network: Network, meter: TruthMeter, readings: readonly MeterReading[]): TrueSpan[] {
  const one = interfaceOf(network, meter.device, 0, meter.interfaceKey);
  const places = readings.map((reading) => {
    const { boot, tick } = placeOf(network, meter, reading);
    const resets = one.port.resets === null ? 0 : windowsBegun(one.port.resets, tick);
    const uptimeTicks = tick - bootTick(one.device, boot);
    return { reading, epoch: `${boot} ${resets}`, octets: octetsAt(one, meter.direction, { boot, tick, uptimeTicks }) };
  });
  return places.slice(1).map((place, at) => {
    const before = places[at];
    if (before === undefined) throw new Error('BUG: a span without a beginning');
    const span = { fromMs: Date.parse(before.reading.observedAt), toMs: Date.parse(place.reading.observedAt) };
    if (before.epoch !== place.epoch) return { ...span, kind: 'lost', octets: 0n };
    const sameClock = before.reading.processId === place.reading.processId;
    const lengthMs = sameClock
      ? Math.round(place.reading.monotonicMs - before.reading.monotonicMs)
      : span.toMs - span.fromMs;
    const kind = lengthMs > 1.5 * place.reading.intervalMs ? 'gap' : 'counted';
    return { ...span, kind, octets: place.octets - before.octets };
  });
}

/** Of each span what falls before an instant: whole, or the floor of its share, as the grid splits it. */
export function octetsBefore(spans: readonly TrueSpan[], kind: TrueSpan['kind'], untilMs: number): bigint {
  return spans
    .filter((span) => span.kind === kind && span.fromMs < untilMs)
    .reduce((sum, { fromMs, toMs, octets }) => {
      if (toMs <= untilMs) return sum + octets;
      return sum + (octets * BigInt(untilMs - fromMs)) / BigInt(toMs - fromMs);
    }, 0n);
}
