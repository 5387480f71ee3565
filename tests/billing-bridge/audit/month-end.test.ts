// The report at the end of a period: what came against what should have, and ends that agree or do not.
import { describe, expect, test } from 'vitest';
import { compareLinks, compareUplinks, type MeterMonth, meterMonth } from '../../../billing-bridge/audit/month-end.ts';
import type { InterfaceState } from '../../../billing-bridge/account/interface-state.ts';
import type { UsageRecord } from '../../../billing-bridge/mediate/usage.ts';

const HOUR = 3_600_000;
const UNASSIGNED: InterfaceState = { state: 'unassigned' };
const UPLINK: InterfaceState = { state: 'infrastructure', reason: 'Uplink to core' };

function record(at: number, more: Partial<UsageRecord> = {}): UsageRecord {
  return {
    serial: 1n,
    meter: 1,
    bucketStartMs: at,
    bucketMs: HOUR,
    version: 1,
    octets: { good: 10n, wrapped: 0n, gap: 0n, suspended: 0n },
    coveredMs: HOUR,
    gapMs: 0,
    lostMs: 0,
    evidence: { epoch: 1n, firstReadingAtMs: 0, lastReadingAtMs: 0 },
    ...more,
  };
}

function month(
  device: string,
  interfaceKey: string,
  direction: 'in' | 'out',
  octets: bigint,
  state = UNASSIGNED,
): MeterMonth {
  const records = [record(0, { octets: { good: octets, wrapped: 0n, gap: 0n, suspended: 0n } })];
  return meterMonth({ id: 1, device, interfaceKey, direction }, state, records, {
    fromMs: 0,
    toMs: HOUR,
    bucketMs: HOUR,
  });
}

test('samples expected, received and whole; gaps, lost spans, late readings; exact octets', () => {
  const records = [
    record(0),
    record(HOUR, { version: 3, coveredMs: HOUR / 2, lostMs: HOUR / 2 }),
    record(2 * HOUR, { gapMs: 60_000, octets: { good: 2n ** 63n, wrapped: 5n, gap: 7n, suspended: 9n } }),
  ];
  const meter = { id: 1, device: 'r1', interfaceKey: 'a', direction: 'in' as const };
  expect(meterMonth(meter, UNASSIGNED, records, { fromMs: 0, toMs: 24 * HOUR, bucketMs: HOUR })).toEqual({
    meter,
    state: UNASSIGNED,
    samples: { expected: 24, received: 3, whole: 2 },
    octets: { good: 2n ** 63n + 20n, wrapped: 5n, gap: 7n, suspended: 9n },
    gapMs: 60_000,
    lostMs: HOUR / 2,
    corrected: 1,
  });
});

describe('two ends of a link', () => {
  const links = [{ a: { device: 'r1', interfaceKey: 'a' }, b: { device: 'r2', interfaceKey: 'b' } }];

  test('agree within the tolerance, each direction on its own', () => {
    const months = [
      month('r1', 'a', 'out', 1_000_000n),
      month('r2', 'b', 'in', 990_000n),
      month('r2', 'b', 'out', 500n),
      month('r1', 'a', 'in', 400n),
    ];
    expect(compareLinks(links, months, 10_000).map((one) => [one.from, one.to, one.differencePpm, one.agrees])).toEqual(
      [
        ['r1 a', 'r2 b', 10_000, true],
        ['r2 b', 'r1 a', 200_000, false],
      ],
    );
  });

  test('a link with an end that nobody counts is not compared; silence on both ends agrees', () => {
    expect(compareLinks(links, [month('r1', 'a', 'out', 1n)], 0)).toEqual([]);
    const silent = [month('r1', 'a', 'out', 0n), month('r2', 'b', 'in', 0n)];
    expect(compareLinks(links, silent, 0).every((one) => one.agrees)).toBe(true);
  });
});

test('access ports against the uplinks of their device; a device without one is left out', () => {
  const months = [
    month('sw1', 'p1', 'in', 300n),
    month('sw1', 'p2', 'in', 700n),
    month('sw1', 'p1', 'out', 40n),
    month('sw1', 'up', 'out', 1_000n, UPLINK),
    month('sw1', 'up', 'in', 50n, UPLINK),
    month('sw2', 'p1', 'in', 5n),
  ];
  expect(compareUplinks(months, 1_000).map((one) => [one.from, one.sent, one.received, one.agrees])).toEqual([
    ['access ports of sw1', 1_000n, 1_000n, true],
    ['uplinks of sw1', 50n, 40n, false],
  ]);
});
