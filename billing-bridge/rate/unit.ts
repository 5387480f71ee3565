// Units of volume and rate as contracts write them, for each class of meter: 10^3 or 2^10 is never left to guess.
import { Exact } from '../../common/model/exact.ts';
import type { MeterClass } from '../../common/model/meter-class.ts';

export const VOLUME_UNITS = {
  octet: 1n,
  kB: 10n ** 3n,
  MB: 10n ** 6n,
  GB: 10n ** 9n,
  TB: 10n ** 12n,
  PB: 10n ** 15n,
  KiB: 2n ** 10n,
  MiB: 2n ** 20n,
  GiB: 2n ** 30n,
  TiB: 2n ** 40n,
  PiB: 2n ** 50n,
} as const;

export type VolumeUnit = keyof typeof VOLUME_UNITS;

export const RATE_UNITS = {
  'bit/s': 1n,
  'kbit/s': 10n ** 3n,
  'Mbit/s': 10n ** 6n,
  'Gbit/s': 10n ** 9n,
} as const;

export type RateUnit = keyof typeof RATE_UNITS;

const HOUR_MS = 3_600_000n;
/** mW·ms, or mA·ms, in one watt-hour or ampere-hour. */
const MILLI_HOUR = 1000n * HOUR_MS;

type Units = Readonly<Record<string, bigint>>;

const PACKETS = { packet: 1n, kpacket: 10n ** 3n, Mpacket: 10n ** 6n, Gpacket: 10n ** 9n };
const PACKETS_A_SECOND = { 'packet/s': 3_600n, 'kpacket/s': 3_600n * 10n ** 3n, 'Mpacket/s': 3_600n * 10n ** 6n };

/** Base units (common/model/meter-class.ts) in one unit of volume. */
const VOLUMES: Readonly<Record<MeterClass, Units>> = {
  octets: VOLUME_UNITS,
  packets: PACKETS,
  all_packets: PACKETS,
  energy: { Wh: 10n ** 3n, kWh: 10n ** 6n, MWh: 10n ** 9n },
  power: { Wh: MILLI_HOUR, kWh: 1000n * MILLI_HOUR, MWh: 10n ** 6n * MILLI_HOUR },
  current: { Ah: MILLI_HOUR, kAh: 1000n * MILLI_HOUR },
  uptime: { s: 100n, min: 6_000n, h: 360_000n, d: 8_640_000n },
  ports: { 'port-h': HOUR_MS, 'port-d': 24n * HOUR_MS },
};

/** Base units that a rate of one unit moves in an hour. */
const HOURLY: Readonly<Record<MeterClass, Units>> = {
  octets: { 'bit/s': 450n, 'kbit/s': 450n * 10n ** 3n, 'Mbit/s': 450n * 10n ** 6n, 'Gbit/s': 450n * 10n ** 9n },
  packets: PACKETS_A_SECOND,
  all_packets: PACKETS_A_SECOND,
  energy: { W: 10n ** 3n, kW: 10n ** 6n, MW: 10n ** 9n },
  power: { W: MILLI_HOUR, kW: 1000n * MILLI_HOUR, MW: 10n ** 6n * MILLI_HOUR },
  current: { A: MILLI_HOUR, kA: 1000n * MILLI_HOUR },
  uptime: {},
  ports: { port: HOUR_MS },
};

const namesOf = (table: Readonly<Record<MeterClass, Units>>): string[] => [
  ...new Set(Object.values(table).flatMap((units) => Object.keys(units))),
];
export const VOLUME_UNIT_NAMES: readonly string[] = namesOf(VOLUMES);
export const RATE_UNIT_NAMES: readonly string[] = namesOf(HOURLY);

/** Names that a contract may use for a class of meter. */
export function volumeUnitsOf(meterClass: MeterClass): readonly string[] {
  return Object.keys(VOLUMES[meterClass]);
}

export function rateUnitsOf(meterClass: MeterClass): readonly string[] {
  return Object.keys(HOURLY[meterClass]);
}

/** Octets, or base units of another class, as a quantity of the unit, exact. */
export function volumeIn(base: bigint, unit: string, meterClass: MeterClass = 'octets'): Exact {
  return Exact.ratio(base, sizeOf(VOLUMES, unit, meterClass));
}

/** The average rate that moves so many base units in the time, exact. */
export function rateIn(base: bigint, ms: number, unit: string, meterClass: MeterClass): Exact {
  return Exact.ratio(base * HOUR_MS, BigInt(ms) * sizeOf(HOURLY, unit, meterClass));
}

/** Bit/s of one unit of the rate of octets. */
export function bpsOf(unit: string): Exact {
  return Exact.ratio(sizeOf(HOURLY, unit, 'octets'), 450n);
}

function sizeOf(table: Readonly<Record<MeterClass, Units>>, unit: string, meterClass: MeterClass): bigint {
  const size = table[meterClass][unit];
  if (size === undefined) throw new Error(`BUG: ${unit} passed the schema and is no unit of ${meterClass}`);
  return size;
}
