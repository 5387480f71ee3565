// What a meter measures: octets of interfaces, and what else is billed by counter or gauge, each in whole units that split without a rest.
import type { DurationMs } from './time.ts';

/**
 * Base units, so that bigint splitting stays exact: octets; packets (unicast) and
 * all_packets (with multicast and broadcast); energy in mWh; power in mW; current in mA; uptime in hundredths
 * of a second; ports as 1 (up) or 0. Of a gauge usage is its integral over milliseconds: mW·ms, mA·ms, port·ms.
 */
export const METER_CLASSES = [
  'octets',
  'packets',
  'all_packets',
  'energy',
  'power',
  'current',
  'uptime',
  'ports',
] as const;
export type MeterClass = (typeof METER_CLASSES)[number];

/**
 * How a gauge becomes usage. held: a value counts until the next reading. trapezoid: a straight line from value to value. A gauge has a
 * meter for each, in the places of `in` and `out`: a contract chooses one.
 */
export const INTEGRATIONS = ['held', 'trapezoid'] as const;
export type Integration = (typeof INTEGRATIONS)[number];
export const INTEGRATION_OF = { in: 'held', out: 'trapezoid' } as const;

/** A gauge that was not read for longer is lost between its readings: no contract may hold a value beyond it. */
export const LONGEST_HOLD_MS: DurationMs = 3_600_000;

export function isGauge(meterClass: MeterClass): boolean {
  return meterClass === 'power' || meterClass === 'current' || meterClass === 'ports';
}

/** Of a meter that names its class where it is not octets. */
export function classOf(meter: { readonly class?: MeterClass }): MeterClass {
  return meter.class ?? 'octets';
}
