// One point of a measurement that another program sent (InfluxDB line protocol): names and values as they came, nothing interpreted.
import type { EpochMs } from './time.ts';

/** number: a float; bigint: an integer of 64 bits, signed or unsigned; text and truth as they are. */
export type FieldValue = number | bigint | boolean | string;

export interface Point {
  readonly measurement: string;
  /** By key in code units, each key once. */
  readonly tags: readonly (readonly [key: string, value: string])[];
  readonly fields: readonly (readonly [key: string, value: FieldValue])[];
  readonly atMs: EpochMs;
}

/** What one request brought. */
export interface PointSet {
  /** The name of the token under which they came. */
  readonly source: string;
  readonly points: readonly Point[];
}

/** The metric of a field in the metric store. */
export function pointMetric(measurement: string, field: string): string {
  return `point.${measurement}.${field}`;
}

/** The resource of a point in the metric store: its tags in line protocol form, so that the same tags are the same series. `points` where it has none. */
export function pointResource(tags: Point['tags']): string {
  if (tags.length === 0) return 'points';
  return `points/${tags.map(([key, value]) => `${escaped(key)}=${escaped(value)}`).join(',')}`;
}

function escaped(text: string): string {
  return text.replaceAll(/[\\,= ]/g, String.raw`\$&`);
}
