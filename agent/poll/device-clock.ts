// What a device says of the time, held against our clock: hrSystemDate, a DateAndTime (RFC 2579).
import type { Segment } from '../../common/model/poll.ts';
import type { EpochMs } from '../../common/model/time.ts';

/** HOST-RESOURCES-MIB (RFC 2790). */
export const SYSTEM_DATE = '1.3.6.1.2.1.25.1.2.0';

export interface DeviceClock {
  /** The device's clock less ours, exact to a tenth of a second and half a round trip. */
  readonly skewMs: number;
  readonly atMs: EpochMs;
}

/** From the octets as `aa:bb:…`; null where the device tells no time, or no time zone with it. */
export function deviceClock(hex: string | number | null, segment: Segment | null): DeviceClock | null {
  if (typeof hex !== 'string' || segment === null) return null;
  const octets = hex.split(':').map((octet) => Number.parseInt(octet, 16));
  const [high, low, month, day, hour, minute, second, tenths, direction, zoneHours, zoneMinutes] = octets;
  if (octets.length !== 11 || octets.some((octet) => Number.isNaN(octet))) return null;
  const local = Date.UTC(
    (high ?? 0) * 256 + (low ?? 0),
    (month ?? 0) - 1,
    day,
    hour,
    minute,
    second,
    (tenths ?? 0) * 100,
  );
  const zoneMs = ((zoneHours ?? 0) * 60 + (zoneMinutes ?? 0)) * 60_000;
  const told = local - (direction === MINUS ? -zoneMs : zoneMs);
  const atMs = (segment.sentAtMs + segment.receivedAtMs) / 2;
  return { skewMs: Math.round(told - atMs), atMs: segment.receivedAtMs };
}

const MINUS = '-'.charCodeAt(0);
