// What lies between two readings: one row of the table for each class, the real wrap of a home router, and the order of readings.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inOrder, Reading } from '../../../billing-bridge/mediate/reading.ts';
import { MAX_SPAN_BUCKETS } from '../../../billing-bridge/mediate/grid.ts';
import { type Span, spanBetween } from '../../../billing-bridge/mediate/span.ts';
import { splitSpan } from '../../../billing-bridge/mediate/split.ts';
import { BUCKET, MINUTE, T0 } from '../../support/mediation-fixture.ts';
import { CORPUS, describeWith } from '../../support/requirements.ts';

interface Words {
  readonly at: number;
  readonly value: bigint;
  readonly width?: 32 | 64;
  readonly uptime?: number | null;
  readonly discontinuity?: number | null;
  readonly mono?: number;
  readonly process?: string;
  readonly interval?: number;
  readonly speed?: bigint | null;
}

function reading(words: Words): Reading {
  const { at, value, width = 64, mono = at, process = 'p', interval = MINUTE, speed = 1_000_000_000n } = words;
  const uptimeTicks = words.uptime === undefined ? 1_000_000 + at / 10 : words.uptime;
  const clock = { observedAtMs: T0 + at, monotonicMs: mono, uptimeTicks, processId: process, intervalMs: interval };
  return new Reading(clock, { width, speedBps: speed }, value, words.discontinuity ?? null);
}

describe('classes of spans', () => {
  const from = { at: 0, value: 1000n };
  const to = { at: MINUTE, value: 5000n };
  test.each<[string, Words, Words, Partial<Span>]>([
    ['good', from, to, { kind: 'good', octets: 4000n, wrapped: false, end: null }],
    ['good, nothing moved', from, { ...to, value: 1000n }, { kind: 'good', octets: 0n }],
    ['good up to one and a half intervals', from, { ...to, at: 90_000 }, { kind: 'good', octets: 4000n }],
    ['gap beyond', from, { ...to, at: 90_001 }, { kind: 'gap', octets: 4000n }],
    ['gap by the longer of two intervals', { ...from, interval: 300_000 }, { ...to, at: 200_000 }, { kind: 'good' }],
    [
      'wrap32 in 32 bit at a speed at which one wrap is feasible',
      { at: 0, value: 2n ** 32n - 10n, width: 32, speed: 100_000_000n },
      { at: MINUTE, value: 20n, width: 32, speed: 100_000_000n },
      { kind: 'wrap32', octets: 30n, wrapped: true },
    ],
    [
      'wrap32 within a gap',
      { at: 0, value: 2n ** 32n - 10n, width: 32, speed: 100_000_000n },
      { at: 3 * MINUTE, value: 20n, width: 32, speed: 100_000_000n },
      { kind: 'gap', octets: 30n, wrapped: true },
    ],
    [
      'lost where two wraps were feasible',
      { at: 0, value: 10n, width: 32 },
      { at: 5 * MINUTE, value: 20n, width: 32 },
      { kind: 'lost', end: 'wraps', octets: 0n },
    ],
    ['lost at a decrease in 64 bit', from, { ...to, value: 999n }, { kind: 'lost', end: 'decrease' }],
    ['lost at a boot', { ...from, uptime: 5_000_000 }, { ...to, uptime: 3000 }, { kind: 'lost', end: 'reboot' }],
    [
      'no boot where the uptime wrapped after 497 days',
      { ...from, uptime: 2 ** 32 - 3000 },
      { ...to, uptime: 3000 },
      { kind: 'good', octets: 4000n },
    ],
    [
      'lost where the counter was discontinued',
      { ...from, discontinuity: 100 },
      { ...to, discontinuity: 200 },
      { kind: 'lost', end: 'discontinuity' },
    ],
    ['a discontinuity that is not told proves nothing', from, { ...to, discontinuity: 200 }, { kind: 'good' }],
    ['lost where the width changed', { ...from, width: 32 }, to, { kind: 'lost', end: 'width' }],
    [
      'implausible above line rate',
      from,
      { ...to, value: 1000n + 10n ** 12n },
      { kind: 'implausible', octets: 10n ** 12n },
    ],
    [
      'believed at the faster of two speeds',
      { ...from, speed: 1_000_000n },
      { ...to, value: 5n * 10n ** 9n },
      { kind: 'good' },
    ],
    [
      'a speed that is no longer stated still counts',
      from,
      { ...to, value: 10n ** 12n, speed: null },
      { kind: 'implausible' },
    ],
    [
      'where no speed was ever stated everything is believed',
      { ...from, speed: null },
      { ...to, speed: null, value: 2n ** 64n - 1n },
      { kind: 'good', octets: 2n ** 64n - 1001n },
    ],
    [
      'length is the monotonic clock of one process, place is UTC',
      { ...from, mono: 0 },
      { ...to, mono: 120_000 },
      { kind: 'gap', toMs: T0 + MINUTE },
    ],
    ['length is UTC between two processes', from, { ...to, mono: 1, process: 'q' }, { kind: 'good' }],
  ])('%s', (_, previous, observed, expected) => {
    expect(spanBetween(reading(previous), reading(observed), BUCKET)).toMatchObject(expected);
  });

  test('a span that is too long to be split is suspended whole', () => {
    const long = (MAX_SPAN_BUCKETS + 1) * BUCKET;
    const uptime = (long / 10) % 2 ** 32;
    const span = spanBetween(
      reading({ at: 0, value: 5n, uptime: 0, speed: null }),
      reading({ at: long, value: 905n, uptime, speed: null }),
      BUCKET,
    );
    expect(span).toMatchObject({ kind: 'implausible', octets: 900n, whole: true });
    const parts: [number, bigint, number][] = [];
    splitSpan(span, BUCKET, (bucket, octets, ms) => parts.push([bucket, octets, ms]));
    expect(parts).toEqual([
      [T0 / BUCKET, 0n, BUCKET],
      [T0 / BUCKET + MAX_SPAN_BUCKETS, 900n, BUCKET],
    ]);
  });
});

function split(span: Pick<Span, 'fromMs' | 'toMs' | 'octets'>, bucketMs: number): [number, bigint, number, boolean][] {
  const parts: [number, bigint, number, boolean][] = [];
  const whole: Span = { kind: 'good', wrapped: false, end: null, whole: false, ...span };
  splitSpan(whole, bucketMs, (...part) => parts.push(part));
  return parts;
}

describe('splitting', () => {
  test('half-open: a span that ends on a line has no part behind it', () => {
    const octets = 300n;
    expect(split({ fromMs: T0, toMs: T0 + BUCKET, octets }, BUCKET)).toEqual([[T0 / BUCKET, 300n, BUCKET, true]]);
    expect(split({ fromMs: T0 - 1, toMs: T0 + 1, octets: 3n }, BUCKET)).toEqual([
      [T0 / BUCKET - 1, 1n, 1, false],
      [T0 / BUCKET, 2n, 1, true],
    ]);
  });

  test('no time, all octets', () => {
    expect(split({ fromMs: T0, toMs: T0, octets: 7n }, BUCKET)).toEqual([[T0 / BUCKET, 7n, 0, true]]);
  });

  test('parts add up exactly, cover the time, and are each the even share to one octet', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 10 * BUCKET }),
        fc
          .constantFrom(1000, 30_000, BUCKET)
          .chain((bucketMs) => fc.tuple(fc.constant(bucketMs), fc.integer({ min: 1, max: 40 * bucketMs }))),
        fc.bigInt(0n, 2n ** 64n),
        (begin, [bucketMs, length], octets) => {
          const [fromMs, toMs] = [T0 + begin, T0 + begin + length];
          const parts = split({ fromMs, toMs, octets }, bucketMs);
          expect(parts.reduce((sum, part) => sum + part[1], 0n)).toBe(octets);
          expect(parts.reduce((sum, part) => sum + part[2], 0)).toBe(length);
          expect(parts.map((part) => part[0])).toEqual(parts.map((_, at) => (parts[0]?.[0] ?? 0) + at));
          for (const [bucket, share, ms, last] of parts) {
            expect(ms).toBe(Math.min(toMs, (bucket + 1) * bucketMs) - Math.max(fromMs, bucket * bucketMs));
            const even = (octets * BigInt(ms)) / BigInt(length);
            expect(share === even || share === even + 1n).toBe(true);
            expect(last).toBe(bucket === parts.at(-1)?.[0]);
          }
        },
      ),
    );
  });
});

describe('order', () => {
  test('by time; of several at one time the one that the device says is the latest', () => {
    const early = reading({ at: 0, value: 1n });
    const both = [
      reading({ at: 10, value: 9n, uptime: 500, process: 'q' }),
      reading({ at: 10, value: 8n, uptime: 501 }),
    ];
    expect(inOrder([...both, early])).toEqual([early, both[1]]);
    expect(inOrder([both[1] ?? early, early, both[0] ?? early, early])).toEqual([early, both[1]]);
  });
});

describeWith('corpus', 'a real 32-bit wrap (openwrt/luci#2659)', () => {
  test('modulo 2^32 the deltas of received octets sum to 1,838,294,981 over 24 s, one of them wrapped', () => {
    const rows = readFileSync(path.join(CORPUS, 'traffic/counter-truth/luci-2659-32bit-wrap.csv'), 'utf8')
      .split('\n')
      .filter((line) => /^\d/.test(line))
      .map((line) => line.split(','));
    const begin = Number(rows[0]?.[0]);
    const readings = rows.map(([time, octets]) => {
      const at = (Number(time) - begin) * 1000;
      return reading({ at, value: BigInt(octets ?? ''), width: 32, interval: 2000 });
    });
    const spans = readings.slice(1).map((one, at) => spanBetween(readings[at] ?? one, one, 1000));
    expect(spans.reduce((sum, span) => sum + span.octets, 0n)).toBe(1_838_294_981n);
    expect(spans.filter((span) => span.kind === 'wrap32').map((span) => span.octets)).toEqual([81_414_243n]);
    expect(new Set(spans.map((span) => span.kind))).toEqual(new Set(['good', 'wrap32']));
  });
});
