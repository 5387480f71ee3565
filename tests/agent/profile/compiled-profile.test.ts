// What a profile makes of a device: tables of the model, walked once for all rules, and no question twice for what a device lacks.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CompiledProfile } from '../../../agent/profile/compiled-profile.ts';
import type { ReadContext } from '../../../agent/profile/profile.ts';
import { profileSchema } from '../../../agent/profile/schema.ts';
import type { Table } from '../../../common/model/poll.ts';
import { RecordedDevice } from '../../support/recorded-device.ts';

const ENTRY = '1.3.6.1.4.1.9999.1.1';
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-recorded-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A device with these objects, and what a visit is given of it. */
function device(objects: readonly string[]): { context: ReadContext; asked: string[] } {
  const file = path.join(folder, 'device.snmprec');
  writeFileSync(file, `${objects.join('\n')}\n`);
  const recorded = new RecordedDevice(file);
  const asked: string[] = [];
  const context: ReadContext = {
    reader: {
      wide: true,
      traffic: recorded.traffic,
      readTable: (request) => {
        asked.push(...request.columns.map(({ oid }) => oid));
        return recorded.readTable(request);
      },
      readScalars: (requests) => {
        asked.push(...requests.map(({ oid }) => oid));
        return recorded.readScalars(requests);
      },
      probe: () => recorded.probe(),
      memoryOf: () => recorded.memoryOf(),
    },
    lookups: new Map(),
    emptyRules: new Set(),
    fruitfulRules: new Set(),
    interfaceKey: (text) => (text === '#7' ? 'port7' : null),
  };
  return { context, asked };
}

function profile(rules: Record<string, unknown>): CompiledProfile {
  const file = profileSchema.parse({ name: 'p', ...rules });
  return new CompiledProfile('p', { counters: [], status: [] }, file, () => null);
}

/** Rows as objects. */
function rowsOf(tables: readonly Table[], name: Table['name']): Record<string, unknown>[] {
  const table = tables.find((one) => one.name === name);
  return (table?.index ?? []).map((index, row) => ({
    index,
    ...Object.fromEntries((table?.columns ?? []).map((column) => [column.name, column.values[row]])),
  }));
}

describe('sensors', () => {
  const SENSORS = [
    `${ENTRY}.2.1|4|PSU 1`,
    `${ENTRY}.2.2|4|PSU 2`,
    `${ENTRY}.3.1|2|2301`,
    `${ENTRY}.4.1|2|3`,
    `${ENTRY}.4.2|2|7`,
  ];

  test('several readings of a row: each with its class, unit, limits and what a state means', async () => {
    const { context } = device(SENSORS);
    const tables = await profile({
      sensor: [
        {
          name: 'psu',
          columns: { label: `${ENTRY}.2`, decivolts: `${ENTRY}.3`, status: `${ENTRY}.4` },
          description: '{label}',
          readings: [
            { name: 'voltage', class: 'voltage', value: { column: 'decivolts', divide: 10 }, high_limit: 250 },
            {
              name: 'status',
              class: 'state',
              value: 'status',
              state: { column: 'status', map: { 3: 'ok', '*': 'critical' } },
            },
          ],
        },
      ],
    }).readTables(context, 'slow');
    const none = { lowLimit: Number.NaN, lowWarning: Number.NaN, highWarning: Number.NaN, highLimit: Number.NaN };
    expect(rowsOf(tables, 'sensor')).toEqual([
      {
        index: 'psu.voltage.1',
        class: 'voltage',
        description: 'PSU 1',
        unit: 'V',
        state: null,
        value: 230.1,
        ...none,
        highLimit: 250,
      },
      { index: 'psu.status.1', class: 'state', description: 'PSU 1', unit: '', state: 'ok', value: 3, ...none },
      { index: 'psu.status.2', class: 'state', description: 'PSU 2', unit: '', state: 'critical', value: 7, ...none },
    ]);
  });
});

describe('what a device is asked for', () => {
  const rule = (name: string, column: number) => ({
    name,
    columns: { load: `${ENTRY}.${column}` },
    description: '{index}',
    usage_percent: 'load',
  });

  test('a table is walked once for all rules of the visit', async () => {
    const { context, asked } = device([`${ENTRY}.2.1|2|5`, `${ENTRY}.3.1|2|6`]);
    const sensor = { name: 's', columns: { x: `${ENTRY}.3` }, class: 'count', description: 'x', value: 'x' };
    const tables = await profile({ processor: [rule('a', 2)], sensor: [sensor] }).readTables(context, 'slow');
    expect(rowsOf(tables, 'processor')).toEqual([{ index: 'a.1', description: '1', usagePercent: 5 }]);
    expect(rowsOf(tables, 'sensor')).toHaveLength(1);
    expect(asked).toEqual([`${ENTRY}.2`, `${ENTRY}.3`]);
  });

  test('what it lacks is asked for once, until the caller forgets that', async () => {
    const { context, asked } = device([`${ENTRY}.2.1|2|5`]);
    const rules = profile({
      processor: [rule('there', 2), { ...rule('missing', 9), columns: { load: '1.3.6.1.4.1.9999.9.1.2' } }],
    });
    await rules.readTables(context, 'slow');
    expect(asked).toEqual([`${ENTRY}.2`, '1.3.6.1.4.1.9999.9.1.2']);
    await rules.readTables(context, 'slow');
    expect(asked.slice(2)).toEqual([`${ENTRY}.2`]);
    context.emptyRules.clear();
    await rules.readTables(context, 'slow');
    expect(asked.slice(3)).toEqual([`${ENTRY}.2`, '1.3.6.1.4.1.9999.9.1.2']);
  });

  test('a table that has no rows is told once, and one that had some each time and read on: the last neighbour may be lost', async () => {
    const objects = [`${ENTRY}.2.1|2|5`];
    const rules = profile({ processor: [rule('a', 2)] });
    const { context } = device(objects);
    expect(rowsOf(await rules.readTables(context, 'slow'), 'processor')).toHaveLength(1);
    const ceased = {
      ...device(['1.3.6.1.2.1.1.5.0|4|x']),
      context: { ...context, reader: device(['1.3.6.1.2.1.1.5.0|4|x']).context.reader },
    };
    for (const _ of [1, 2])
      expect(await rules.readTables(ceased.context, 'slow')).toMatchObject([
        { name: 'processor', complete: true, index: [] },
      ]);
    expect(rowsOf(await rules.readTables(device(objects).context, 'slow'), 'processor')).toHaveLength(1);
    const never = device(['1.3.6.1.2.1.1.5.0|4|x']).context;
    expect(await rules.readTables(never, 'slow')).toMatchObject([{ name: 'processor', complete: true, index: [] }]);
    expect(await rules.readTables(never, 'slow')).toEqual([]);
  });

  test('a rule whose rows only fail its conditions is asked again: what is not plugged in today may be tomorrow', async () => {
    const { context } = device([`${ENTRY}.2.1|2|5`]);
    await profile({ processor: [{ ...rule('a', 2), where: { load: [7] } }] }).readTables(context, 'slow');
    expect([...context.emptyRules]).toEqual([]);
  });

  test('a fallback is read only where nothing was found before it', async () => {
    const fallback = { ...rule('b', 3), columns: { load: '1.3.6.1.4.1.9999.9.1.3' }, fallback: true };
    const objects = [`${ENTRY}.2.1|2|5`, '1.3.6.1.4.1.9999.9.1.3.1|2|6'];
    const both = device(objects);
    const rules = profile({ processor: [rule('a', 2), fallback] });
    expect(rowsOf(await rules.readTables(both.context, 'slow'), 'processor')).toHaveLength(1);
    expect(both.asked).toEqual([`${ENTRY}.2`]);
    const one = device(objects.slice(1));
    expect(rowsOf(await rules.readTables(one.context, 'slow'), 'processor')).toMatchObject([{ index: 'b.1' }]);
  });

  test('a fallback does not stand in for what could not be read this time', async () => {
    const fallback = { ...rule('b', 3), columns: { load: '1.3.6.1.4.1.9999.9.1.3' }, fallback: true };
    const { context, asked } = device(['1.3.6.1.4.1.9999.9.1.3.1|2|6']);
    const cut: ReadContext = {
      ...context,
      reader: {
        ...context.reader,
        readTable: async (request) => ({ ...(await context.reader.readTable(request)), complete: false }),
      },
    };
    const tables = await profile({ processor: [rule('a', 2), fallback] }).readTables(cut, 'slow');
    expect(tables).toMatchObject([{ name: 'processor', complete: false, index: [] }]);
    expect(asked).toEqual([`${ENTRY}.2`]);
    expect(context.emptyRules.size).toBe(0);
  });

  test('parts are read with the names, the rest more often', async () => {
    const { context, asked } = device([`${ENTRY}.2.1|2|3`]);
    const entity = {
      name: 'e',
      columns: { class: `${ENTRY}.2` },
      class: { column: 'class', map: { 3: 'chassis' } },
      bare_index: true,
    };
    const rules = profile({ entity: [entity] });
    expect(await rules.readTables(context, 'slow')).toEqual([]);
    expect(asked).toEqual([]);
    expect(rowsOf(await rules.readTables(context, 'inventory'), 'entity')).toMatchObject([
      { index: '1', class: 'chassis' },
    ]);
  });

  test('a lookup may name another one in its key', async () => {
    const { context } = device([`${ENTRY}.2.1|2|5`, '1.3.6.1.4.1.9998.1.1|2|44', '1.3.6.1.4.1.9998.2.44|4|Slot 3']);
    const lookups = {
      part: { oid: '1.3.6.1.4.1.9998.1' },
      label: { oid: '1.3.6.1.4.1.9998.2', key: '{part}' },
    };
    const tables = await profile({ processor: [{ ...rule('a', 2), lookups, description: '{label}' }] }).readTables(
      context,
      'slow',
    );
    expect(rowsOf(tables, 'processor')).toMatchObject([{ description: 'Slot 3' }]);
  });
});

describe('the other tables', () => {
  test('sizes by any two of their figures, or the share alone', async () => {
    const { context } = device([`${ENTRY}.2.1|2|400`, `${ENTRY}.3.1|2|25`]);
    const columns = { a: `${ENTRY}.2`, percent: `${ENTRY}.3` };
    const tables = await profile({
      storage: [
        { name: 'total', columns, description: 'd', total_bytes: 'a', used_percent: 'percent' },
        { name: 'free', columns, description: 'd', free_bytes: 'a', used_percent: 'percent' },
        { name: 'share', columns, description: 'd', used_percent: 'percent' },
      ],
    }).readTables(context, 'slow');
    expect(rowsOf(tables, 'storage').map((row) => [row['totalBytes'], row['usedBytes'], row['usedPercent']])).toEqual([
      [400, 100, Number.NaN],
      [expect.closeTo(533.33, 1), expect.closeTo(133.33, 1), Number.NaN],
      [Number.NaN, Number.NaN, 25],
    ]);
  });

  test('of two BGP peers of one address the first counts', async () => {
    const { context } = device([`${ENTRY}.2.4.192.0.2.1|2|6`, `${ENTRY}.3.4.192.0.2.1|66|65001`]);
    const peer = {
      columns: { state: `${ENTRY}.2`, remoteAs: `${ENTRY}.3` },
      remote_address: { column: 'index', format: 'dotted-address' },
      remote_as: 'remoteAs',
      state: { column: 'state', map: { 6: 'established' } },
    };
    const tables = await profile({
      bgp_peer: [
        { name: 'a', ...peer },
        { name: 'b', ...peer },
      ],
    }).readTables(context, 'slow');
    expect(rowsOf(tables, 'bgp-peer')).toMatchObject([{ index: '192.0.2.1', remoteAs: 65_001, state: 'established' }]);
  });

  test('outlets and neighbours', async () => {
    const said = [`${ENTRY}.5.7|2|3`, `${ENTRY}.6.7|2|0`, `${ENTRY}.7.7|2|20`];
    const { context } = device([`${ENTRY}.2.7|2|1`, `${ENTRY}.3.7|2|12`, `${ENTRY}.4.7|4|switch9`, ...said]);
    const tables = await profile({
      outlet: [
        {
          name: 'o',
          columns: { state: `${ENTRY}.2`, current: `${ENTRY}.3` },
          description: 'Outlet {index}',
          state: { column: 'state', map: { 1: 'on' } },
          current_amperes: { column: 'current', divide: 10 },
        },
      ],
      neighbour: [
        {
          name: 'n',
          columns: { remote: `${ENTRY}.4`, duplex: `${ENTRY}.5`, own: `${ENTRY}.6`, far: `${ENTRY}.7` },
          remote_duplex: { column: 'duplex', map: { 2: 'half', 3: 'full' } },
          local_vlan: 'own',
          remote_vlan: 'far',
          local_interface: '#{index}',
          remote_device: '{remote}',
          remote_port: '{remote}',
          protocol: 'x',
        },
      ],
    }).readTables(context, 'slow');
    expect(rowsOf(tables, 'outlet')).toMatchObject([{ description: 'Outlet 7', state: 'on', currentAmperes: 1.2 }]);
    expect(rowsOf(tables, 'neighbour')).toMatchObject([
      { localInterface: 'port7', remoteDevice: 'switch9', remoteDuplex: 'full', remoteVlan: 20 },
    ]);
    const [neighbour] = rowsOf(tables, 'neighbour');
    expect(Object.keys(neighbour ?? {})).not.toContain('localVlan');
  });
});
