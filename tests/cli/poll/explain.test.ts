// How `weir poll --explain` words a device's clock: what the whole seconds of a device alone make of it is no fault of its clock.
import { expect, test } from 'vitest';
import { printExplanation } from '../../../cli/poll/explain.ts';

function clockLine(clockSkewMs: number | null): string | undefined {
  const lines: string[] = [];
  const visit = {
    startedAtMs: 0,
    outcome: 'complete',
    failure: null,
    durationMs: 0,
    requests: 1,
    retries: 0,
    sentBytes: 0,
    receivedBytes: 0,
    pacedMs: 0,
    partialTables: [],
    tables: [],
    profile: null,
    session: null,
    clockSkewMs,
    clockSeenAtMs: 0,
    trustsTableLastChange: true,
  } as const;
  printExplanation(visit, (line) => lines.push(line));
  return lines
    .find((line) => line.trim().startsWith('clock'))
    ?.replace('clock', '')
    .trim();
}

test.each([
  [0, 'within a second of ours'],
  [999, 'within a second of ours'],
  // Read at the end of its second, and half a round trip before the middle that we know.
  [-1040, 'within a second of ours'],
  [-1499, 'within a second of ours'],
  [-1500, '1.5 s behind ours'],
  [1000, '1 s ahead of ours'],
  [90_000, '90 s ahead of ours'],
  [null, 'not told, or without its time zone'],
])('%s ms: %s', (skewMs, text) => {
  expect(clockLine(skewMs)).toBe(text);
});
