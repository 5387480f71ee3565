// A counter asked afresh against what is stored: agrees within what is not counted yet, and says why where it cannot be compared.
import { expect, test } from 'vitest';
import { compareFresh } from '../../../billing-bridge/audit/fresh-poll.ts';
import type { UsageRecord } from '../../../billing-bridge/mediate/usage.ts';

const BUCKET = 300_000;
const DAY = Date.parse('2026-11-28T00:00:00Z');

function record(bucket: number, good: bigint, more: Partial<UsageRecord> = {}): UsageRecord {
  const bucketStartMs = DAY + bucket * BUCKET;
  return {
    serial: 1n,
    meter: 1,
    bucketStartMs,
    bucketMs: BUCKET,
    version: 1,
    octets: { good, wrapped: 0n, gap: 0n, suspended: 0n },
    coveredMs: BUCKET,
    gapMs: 0,
    lostMs: 0,
    evidence: { epoch: 1n, firstReadingAtMs: bucketStartMs, lastReadingAtMs: bucketStartMs + BUCKET },
    ...more,
  };
}

const day = [record(0, 100n), record(1, 400n), record(2, 200n)];

test.each<[string, bigint, 32 | 64, bigint | null, readonly UsageRecord[], number, string, bigint]>([
  ['to the octet', 1_700n, 64, 1_000n, day, 3, 'agrees', 700n],
  ['within the bucket that is not final', 2_100n, 64, 1_000n, day, 3, 'agrees', 1_100n],
  ['more than that', 2_101n, 64, 1_000n, day, 3, 'differs', 1_101n],
  ['less than was counted', 1_299n, 64, 1_000n, day, 3, 'differs', 299n],
  ['three buckets later', 3_300n, 64, 1_000n, day, 6, 'agrees', 2_300n],
  ['a narrow counter that went round', 100n, 32, 2n ** 32n - 600n, day, 3, 'agrees', 700n],
  ['a wide one that began anew', 100n, 64, 1_000n, day, 3, 'not_comparable', 0n],
  ['beyond what a double holds', 2n ** 63n + 700n, 64, 2n ** 63n, day, 3, 'agrees', 700n],
  ['nothing read today', 1_700n, 64, null, day, 3, 'not_comparable', 0n],
  ['nothing counted', 1_700n, 64, 1_000n, [], 3, 'not_comparable', 0n],
  ['a lost span', 1_700n, 64, 1_000n, [record(0, 1n, { lostMs: 1 })], 3, 'not_comparable', 0n],
])('%s', (_what, value, width, first, records, buckets, verdict, moved) => {
  const found = compareFresh(
    { device: 'd', interfaceKey: 'i', direction: 'in', value, width, atMs: DAY + buckets * BUCKET },
    { first: first === null ? null : { value: first, atMs: DAY }, records, bucketMs: BUCKET },
  );
  expect([found.verdict, found.moved]).toEqual([verdict, moved]);
  expect(found.reason === null).toBe(verdict !== 'not_comparable');
});
