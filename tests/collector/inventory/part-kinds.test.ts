// Tables of polls as parts: what is a fact and what is measured, what names a part, and what of it is the same again.
import { describe, expect, test } from 'vitest';
import { MAX_PARTS, partsOf } from '../../../collector/inventory/part-kinds.ts';
import type { Column, Table } from '../../../common/model/poll.ts';
import { tableAt } from '../../support/poll-builder.ts';

function table(
  name: Table['name'],
  index: readonly string[],
  columns: Readonly<Record<string, readonly unknown[]>>,
  complete = true,
): Table {
  const made = Object.entries(columns).map(([column, values]): Column => {
    const numbers = values.every((value) => typeof value === 'number');
    if (numbers) return { kind: 'number', name: column, values: Float64Array.from(values as number[]) };
    return { kind: 'text', name: column, values: values as (string | null)[] };
  });
  return tableAt({ atMs: 60_000, complete }, name, index, made);
}

describe('what a table says', () => {
  test('what was not said is left out; a value that is measured is no fact', () => {
    const sensors = table('sensor', ['t.1', 't.2'], {
      class: ['temperature', 'temperature'],
      description: ['CPU', '  '],
      unit: ['°C', null],
      value: [41, 42],
      highLimit: [90, Number.NaN],
    });
    expect(partsOf(sensors, 5)).toMatchObject({
      kind: 'sensor',
      atMs: 5,
      complete: true,
      leftOut: 0,
      parts: [
        { key: 't.1', facts: { class: 'temperature', description: 'CPU', unit: '°C', highLimit: 90 } },
        { key: 't.2', facts: { class: 'temperature' } },
      ],
    });
  });

  test('bytes that no text holds are cleaned, and a key is cut at its bound', () => {
    const seen = partsOf(table('entity', ['x'.repeat(5000)], { class: ['a\0b\ud800'] }), 0);
    expect(seen?.parts[0]?.key.length).toBeLessThan(1000);
    expect(seen?.parts[0]?.facts['class']).not.toMatch(/\0/);
  });

  test('LLDP numbers a neighbour anew when it comes again: it is named by what it says', () => {
    const neighbour = (index: string): Table =>
      table('neighbour', [index], {
        localInterface: ['Gi0/1'],
        remoteDevice: ['core2'],
        remotePort: ['ge-0/0/1'],
        protocol: ['lldp'],
      });
    expect(partsOf(neighbour('lldp.0.7.1'), 0)).toEqual(partsOf(neighbour('lldp.0.7.2'), 0));
    expect(partsOf(neighbour('lldp.0.7.1'), 0)?.parts.map(({ key }) => key)).toEqual(['Gi0/1 lldp core2 ge-0/0/1']);
  });

  test('rows of one name are one part', () => {
    const twice = table('neighbour', ['1', '2'], { localInterface: ['a', 'a'], remoteDevice: ['b', 'b'] });
    expect(partsOf(twice, 0)?.parts).toHaveLength(1);
  });
});

describe('which tables count', () => {
  test.each([
    ['interface', null],
    ['system', null],
    ['processor', null],
    ['entity', 'module'],
    ['sensor', 'sensor'],
    ['neighbour', 'neighbour'],
    ['storage', 'storage'],
    ['bgp-peer', 'bgp-peer'],
    ['outlet', 'outlet'],
  ] as const)('%s', (name, kind) => {
    expect(partsOf(table(name, ['1'], { class: ['x'], remoteAddress: ['192.0.2.1'] }), 0)?.kind ?? null).toBe(kind);
  });

  test.each([
    ['neighbour', true, true],
    ['neighbour', false, false],
    ['bgp-peer', true, true],
    ['entity', true, false],
    ['sensor', true, false],
  ] as const)('%s without rows, complete: %s', (name, complete, counts) => {
    expect(partsOf(table(name, [], {}, complete), 0) !== null).toBe(counts);
  });
});

describe('the same again', () => {
  const modules = (serial: string, complete = true): Table =>
    table('entity', ['1'], { class: ['chassis'], serial: [serial] }, complete);
  const digest = (one: Table, atMs = 0): string | undefined => partsOf(one, atMs)?.digest;

  test('has the same digest at another time, and another one when anything is other', () => {
    expect(digest(modules('A'), 1)).toBe(digest(modules('A'), 2));
    expect(digest(modules('B'))).not.toBe(digest(modules('A')));
    expect(digest(modules('A', false))).not.toBe(digest(modules('A')));
  });

  test('a sensor that measures something else is the same', () => {
    const sensor = (value: number): Table => table('sensor', ['1'], { class: ['temperature'], value: [value] });
    expect(digest(sensor(1))).toBe(digest(sensor(2)));
  });
});

test('what is beyond the bound is counted, and then nothing is gone', () => {
  const index = Array.from({ length: MAX_PARTS + 3 }, (_, at) => String(at));
  const seen = partsOf(table('entity', index, { class: index.map(() => 'port') }), 0);
  expect(seen).toMatchObject({ complete: false, leftOut: 3 });
  expect(seen?.parts).toHaveLength(MAX_PARTS);
});
