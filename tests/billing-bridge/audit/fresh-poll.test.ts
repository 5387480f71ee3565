// A counter asked afresh against the last reading that is stored: what may lie between the two, the reason in words, and never a difference of a sound device.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareFresh, type FreshCounter, type StoredReading } from '../../../billing-bridge/audit/fresh-poll.ts';

const AT = Date.parse('2026-11-28T12:00:00Z');
const MBIT_100 = 100_000_000n;
/** What is believed of 100 Mbit/s in a minute: 110 %, and ten seconds. */
const MOST = (12_500_000n * 70n * 110n) / 100n;

const stored: StoredReading = {
  observedAtMs: AT,
  value: 1_000n,
  width: 64,
  uptimeTicks: 500_000,
  discontinuityTicks: 7,
  speedBps: MBIT_100,
};
const fresh: FreshCounter = {
  device: 'd',
  interfaceKey: 'i',
  direction: 'in',
  value: 1_700n,
  width: 64,
  atMs: AT + 60_000,
  uptimeTicks: 506_000,
  discontinuityTicks: 7,
  speedBps: MBIT_100,
};

test.each<[string, Partial<FreshCounter>, Partial<StoredReading> | null, string, bigint | null, RegExp]>([
  [
    'a little',
    {},
    {},
    'agrees',
    700n,
    /^moved 700 since 2026-11-28T12:00:00\.000Z, 60 s; its line carries 962500000 at most$/,
  ],
  ['nothing', { value: 1_000n }, {}, 'agrees', 0n, /^moved 0 /],
  ['a burst at line rate, larger than any before', { value: 1_000n + MOST }, {}, 'agrees', MOST, /carries/],
  [
    'more than the line carries',
    { value: 1_001n + MOST },
    {},
    'differs',
    MOST + 1n,
    /its line carries 962500000 at most$/,
  ],
  ['lower, in the same epoch', { value: 999n }, {}, 'differs', null, /lower .* did not begin anew/],
  [
    'lower, and nobody tells of epochs',
    { value: 999n, discontinuityTicks: null },
    { discontinuityTicks: null },
    'not_comparable',
    null,
    /does not tell/,
  ],
  ['begun anew', { value: 5n, discontinuityTicks: 505_000 }, {}, 'not_comparable', null, /began anew/],
  ['restarted', { value: 5n, uptimeTicks: 3_000 }, {}, 'not_comparable', null, /restarted/],
  ['another width', { width: 32 }, {}, 'not_comparable', null, /width/],
  [
    'a narrow one that went round',
    { width: 32, value: 100n },
    { width: 32, value: 2n ** 32n - 600n },
    'agrees',
    700n,
    /moved 700/,
  ],
  [
    'a narrow one after an hour of silence',
    { width: 32, atMs: AT + 3_600_000, uptimeTicks: 860_000 },
    { width: 32 },
    'not_comparable',
    null,
    /more than once/,
  ],
  [
    'no speed',
    { speedBps: null, value: 10n ** 15n },
    { speedBps: null },
    'agrees',
    10n ** 15n - 1_000n,
    /no speed is known/,
  ],
  [
    'read again while it was asked',
    { value: 900n, atMs: AT - 500, uptimeTicks: 499_950 },
    {},
    'agrees',
    100n,
    /moved 100/,
  ],
  [
    'an auditor whose clock is ten minutes behind',
    { value: 1_000n + MOST, atMs: AT - 540_000 },
    {},
    'agrees',
    MOST,
    /60 s/,
  ],
  ['beyond what a double holds', { value: 2n ** 63n + 700n }, { value: 2n ** 63n }, 'agrees', 700n, /moved 700/],
  ['never read', {}, null, 'not_comparable', null, /nothing is stored/],
])('%s', (_what, asked, kept, verdict, moved, reason) => {
  const found = compareFresh({ ...fresh, ...asked }, kept === null ? null : { ...stored, ...kept });
  expect([found.verdict, found.moved]).toEqual([verdict, moved]);
  expect(found.reason).toMatch(reason);
});

test('a sound device never shows a difference, and what it never moved always does', () => {
  const device = fc.record({
    width: fc.constantFrom(32 as const, 64 as const),
    speedBps: fc.constantFrom(10_000_000n, 100_000_000n, 10_000_000_000n, 400_000_000_000n),
    begin: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    seconds: fc.integer({ min: 0, max: 86_400 }),
    share: fc.integer({ min: 0, max: 1_000 }),
    offsetMs: fc.integer({ min: -3_600_000, max: 3_600_000 }),
  });
  fc.assert(
    fc.property(device, ({ width, speedBps, begin, seconds, share, offsetMs }) => {
      const moved = (speedBps * BigInt(seconds) * BigInt(share)) / 8_000n;
      const value = BigInt.asUintN(width, begin);
      const kept = { ...stored, width, speedBps, value, uptimeTicks: 500_000 };
      const asked = { ...fresh, width, speedBps, atMs: AT + seconds * 1000, uptimeTicks: 500_000 + seconds * 100 };
      // A wide counter goes round once in centuries: then it is no sound device.
      fc.pre(width === 32 || value + moved < 2n ** 64n);
      const sound = compareFresh({ ...asked, value: BigInt.asUintN(width, value + moved) }, kept);
      expect(sound.verdict).not.toBe('differs');
      const skewed = {
        ...asked,
        atMs: asked.atMs + Math.min(0, offsetMs),
        value: BigInt.asUintN(width, value + moved),
      };
      expect(compareFresh(skewed, kept).verdict).not.toBe('differs');
      if (width === 64 && value > 0n)
        expect(compareFresh({ ...asked, value: value - 1n }, kept).verdict).toBe('differs');
    }),
  );
});
