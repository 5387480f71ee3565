// What of a poll's interfaces, memory, processors and sensors becomes series of the metric store.
import { expect, test } from 'vitest';
import { keysOf } from '../../../collector/inventory/row-keys.ts';
import { interfaceRows } from '../../../collector/store/interface-columns.ts';
import { gaugeRows } from '../../../collector/store/poll-rows.ts';
import type { Table } from '../../../common/model/poll.ts';
import { interfacePoll } from '../../support/poll-builder.ts';

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

test('an interface has the key that it has in the inventory, whatever its device calls it', () => {
  const names = ['eth0', 'a\0b', ' padded ', 'half \ud800', `${'n'.repeat(2000)}1`, `${'n'.repeat(2000)}2`];
  const poll = interfacePoll({ device: 'core1', atMs: 1000, interfaces: names.map((key) => ({ key, inOctets: 1n })) });
  const [table] = poll.tables;
  if (table === undefined) throw new Error('no table');
  const keys = [...interfaceRows(table, 0)].map(({ interfaceKey }) => interfaceKey);
  expect(keys).toEqual(keysOf(poll, table));
  expect(new Set(keys).size).toBe(names.length);
});
