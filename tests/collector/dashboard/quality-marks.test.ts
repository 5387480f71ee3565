// Which spans of a graph are marked, by the usage records of both directions.
import { expect, test } from 'vitest';
import type { UsageRecord } from '../../../collector/dashboard/web/src/billing-types.ts';
import { marksOf } from '../../../collector/dashboard/web/src/quality-marks.ts';

const MINUTE = 60_000;
const BEGAN = Date.parse('2026-11-24T08:00:00.000Z');

function record(minute: number, what: { gap?: number; lost?: number; suspended?: string } = {}): UsageRecord {
  return {
    meter: 7,
    bucketStart: new Date(BEGAN + minute * MINUTE).toISOString(),
    bucketMs: 5 * MINUTE,
    version: 1,
    octets: { good: '1', wrapped: '0', gap: '0', suspended: what.suspended ?? '0' },
    coveredMs: 5 * MINUTE,
    gapMs: what.gap ?? 0,
    lostMs: what.lost ?? 0,
  };
}

test.each<readonly [what: string, records: readonly UsageRecord[], marks: readonly string[]]>([
  ['what is known has no mark', [record(0), record(5)], []],
  [
    'buckets that meet are one span',
    [record(5, { gap: 1 }), record(0, { gap: 1 }), record(15, { gap: 1 })],
    ['gap 0-10', 'gap 15-20'],
  ],
  ['both directions are one', [record(0, { lost: 9 }), record(0, { lost: 9 })], ['lost 0-5']],
  [
    'a bucket may be several things',
    [record(0, { gap: 1, lost: 1, suspended: '9223372036854775808' })],
    ['gap 0-5', 'lost 0-5', 'suspended 0-5'],
  ],
])('%s', (_what, records, marks) => {
  const minute = (atMs: number): number => (atMs - BEGAN) / MINUTE;
  expect(marksOf(records).map(({ kind, fromMs, toMs }) => `${kind} ${minute(fromMs)}-${minute(toMs)}`)).toEqual(marks);
});
