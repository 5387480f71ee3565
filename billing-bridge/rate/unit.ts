// Units of volume and rate as contracts write them: 10^3 or 2^10 is never left to guess.
import { Exact } from '../../common/model/exact.ts';

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

/** Octets as a quantity of the unit, exact. */
export function volumeIn(octets: bigint, unit: VolumeUnit): Exact {
  return Exact.ratio(octets, VOLUME_UNITS[unit]);
}
