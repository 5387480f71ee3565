// Time as Weir holds it: UTC milliseconds since 1970, and the half-open grid on which usage is counted.

/** UTC, milliseconds since 1970-01-01T00:00:00Z; a safe integer. */
export type EpochMs = number;

/** A duration in milliseconds. */
export type DurationMs = number;

/** Start of the half-open grid bucket `[start, start + bucketMs)` that holds `at`. */
export function bucketStart(at: EpochMs, bucketMs: DurationMs): EpochMs {
  return Math.floor(at / bucketMs) * bucketMs;
}

/** ISO 8601 in UTC, as every interface of Weir shows a time. */
export function isoTime(at: EpochMs): string {
  return new Date(at).toISOString();
}

/** SNMP TimeTicks (RFC 2578 §7.1.8): hundredths of a second, modulo 2^32. */
export const TIME_TICKS_MODULUS = 2 ** 32;
export const MS_PER_TICK = 10;
