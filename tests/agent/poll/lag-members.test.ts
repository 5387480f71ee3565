// Members of LAGs: from IEEE8023-LAG-MIB, else from ifStackTable, and nothing is asked of a device that has no LAG.
import { expect, test } from 'vitest';
import { readLags } from '../../../agent/poll/lag-members.ts';
import type { DeviceReader, ReadTable, ReadColumn } from '../../../agent/snmp/table-reader.ts';

type Rows = Readonly<Record<string, readonly number[]>>;

/** A table of numbers: by index a cell of each column. */
function table(names: readonly string[], rows: Rows): ReadTable {
  const index = Object.keys(rows);
  const columns = names.map(
    (name, at): ReadColumn => ({
      kind: 'number',
      name,
      values: Float64Array.from(index, (one) => rows[one]?.[at] ?? Number.NaN),
    }),
  );
  return {
    complete: true,
    failure: null,
    index,
    segments: [],
    columns,
    beside: [],
    part: null,
  } as unknown as ReadTable;
}

const LAG = 161;
const ETHERNET = 6;
const PORTS: Rows = { 1: [ETHERNET], 2: [ETHERNET], 3: [ETHERNET], 10: [LAG], 11: [LAG] };

async function lagsOf(ports: Rows, tables: Readonly<Record<string, Rows>>): Promise<{ asked: string[]; lags: object }> {
  const asked: string[] = [];
  const reader: Pick<DeviceReader, 'readTable'> = {
    readTable: ({ name, columns }) => {
      asked.push(name);
      return Promise.resolve(
        table(
          columns.map((one) => one.name),
          tables[name] ?? {},
        ),
      );
    },
  };
  const lags = await readLags(reader as DeviceReader, table(['ifType'], ports), new AbortController().signal);
  return { asked, lags: Object.fromEntries(lags) };
}

test.each<[name: string, ports: Rows, tables: Readonly<Record<string, Rows>>, asked: string[], lags: object]>([
  ['no LAG: nothing is asked', { 1: [ETHERNET] }, {}, [], {}],
  ['attached members', PORTS, { 'lag-members': { 1: [10, 10], 2: [11, 10] } }, ['lag-members'], { 1: '10', 2: '10' }],
  [
    'one that is down selects its LAG',
    PORTS,
    { 'lag-members': { 1: [10, 0], 2: [10, 10] } },
    ['lag-members'],
    { 1: '10', 2: '10' },
  ],
  [
    'what is its own aggregator, or belongs to something that is no LAG, is no member',
    PORTS,
    { 'lag-members': { 1: [1, 1], 2: [3, 3], 10: [10, 10], 3: [11, 11] } },
    ['lag-members'],
    { 3: '11' },
  ],
  [
    'without the MIB the stack says it; what lies on nothing, or below another interface, is none',
    PORTS,
    { 'interface-stack': { '10.1': [1], '10.2': [1], '11.0': [1], '0.10': [1], '5.3': [1] } },
    ['lag-members', 'interface-stack'],
    { 1: '10', 2: '10' },
  ],
])('%s', async (_, ports, tables, asked, lags) => {
  expect(await lagsOf(ports, tables)).toEqual({ asked, lags });
});
