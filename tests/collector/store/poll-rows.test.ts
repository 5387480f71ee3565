// What of a poll's memory, processors and sensors becomes series of the metric store.
import { expect, test } from 'vitest';
import { gaugeRows } from '../../../collector/store/poll-rows.ts';
import type { Table } from '../../../common/model/poll.ts';

const segment = { firstRow: 0, sentAtMs: 1000, receivedAtMs: 1010, monotonicMs: 5, uptimeTicks: 1 };

function memory(columns: Record<string, readonly number[]>): Table {
  return {
    name: 'memory',
    complete: true,
    index: ['a', 'b'],
    segments: [segment],
    columns: Object.entries(columns).map(([name, values]) => ({
      kind: 'number' as const,
      name,
      values: Float64Array.from(values),
    })),
  };
}

const values = (table: Table): string[] => gaugeRows(table, 0).map((row) => `${row.part} ${row.metric} ${row.value}`);

test('memory in octets gives its share; memory of which only the share is known gives that', () => {
  const none = Number.NaN;
  const table = memory({ totalBytes: [200, none], usedBytes: [50, none], usedPercent: [none, 13] });
  expect(values(table)).toEqual([
    'memory:a memory_total_bytes 200',
    'memory:a memory_used_bytes 50',
    'memory:a memory_used_percent 25',
    'memory:b memory_used_percent 13',
  ]);
  expect(
    values(memory({ totalBytes: [200, 100], usedBytes: [50, 10] })).filter((line) => line.includes('percent')),
  ).toEqual(['memory:a memory_used_percent 25', 'memory:b memory_used_percent 10']);
});
