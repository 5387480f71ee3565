// What a profile says of a row: pure functions from cells to numbers and texts.
import { describe, expect, test } from 'vitest';
import { type Cell, filled, holds, numberOf, rowOf, textOf, textsOf } from '../../../agent/profile/expression.ts';
import { profileSchema } from '../../../agent/profile/schema.ts';

/** Evaluates expressions as they stand in a file: through the schema, as a sensor of one row. */
function sensor(yaml: { value?: unknown; description?: unknown }, cells: Record<string, Cell>, index = '1.20.3') {
  const columns = Object.fromEntries(Object.keys(cells).map((name) => [name, '1.3.6.1.4.1.1']));
  const rule = { name: 'r', columns, class: 'count', unit: 'u', value: 0, description: 'd', ...yaml };
  const [parsed] = profileSchema.parse({ name: 'p', sensor: [rule] }).sensor;
  const row = rowOf(index, (name) => cells[name] ?? null);
  return {
    value: parsed === undefined ? Number.NaN : numberOf(parsed.value, row),
    description: parsed === undefined ? null : textOf(parsed.description, row),
  };
}

const value = (expression: unknown, cells: Record<string, Cell>): number => sensor({ value: expression }, cells).value;
const text = (expression: unknown, cells: Record<string, Cell>, index?: string): string | null =>
  sensor({ description: expression }, cells, index).description;

describe('numbers', () => {
  test("figures with units, hexadecimal, two's complement, addition, division by a cell, Fahrenheit, plausible values", () => {
    expect(value('a', { a: '23.5 C' })).toBe(23.5);
    expect(value('a', { a: '-4 dBm' })).toBe(-4);
    expect(value('a', { a: '12:30' })).toBeNaN();
    expect(value('a', { a: '1.2.3' })).toBeNaN();
    expect(value({ column: 'a', base: 16 }, { a: '01:f4' })).toBe(500);
    expect(value({ column: 'a', base: 16 }, { a: '0x1F' })).toBe(31);
    expect(value({ column: 'a', base: 16 }, { a: 'none' })).toBeNaN();
    expect(value({ column: 'a', signed: 16, divide: 10 }, { a: 65_506 })).toBe(-3);
    expect(value({ column: 'a', signed: 32 }, { a: 4_294_967_295 })).toBe(-1);
    expect(value({ column: 'a', unsigned: 32 }, { a: -1 })).toBe(4_294_967_295);
    expect(value({ column: 'a', add: -40 }, { a: 65 })).toBe(25);
    expect(value({ column: 'a', multiply: 100, divide_by: 'b' }, { a: 1, b: 4 })).toBe(25);
    expect(value([{ column: 'a', divide_by: 'b' }, 7], { a: 1, b: 0 })).toBe(7);
    expect(value({ column: 'a', fahrenheit: true }, { a: 68 })).toBe(20);
    expect(value([{ column: 'a', within: [0, 100] }, 7], { a: 101 })).toBe(7);
    expect(value({ column: 'a', map: { on: 1, '*': 0 } }, { a: 'anything' })).toBe(0);
  });

  test('a column, the first that gives one, a constant', () => {
    expect(value('a', { a: 7 })).toBe(7);
    expect(value(['a', 'b', 5], { a: null, b: ' 12 ' })).toBe(12);
    expect(value(['a', 5], { a: 'no number' })).toBe(5);
    expect(value('a', { a: '' })).toBeNaN();
  });

  test('arithmetic: less, plus, times, divided; absent summands count nothing, absent factors spoil', () => {
    expect(value({ column: 'a', minus: ['b', 'c'], multiply: 1024 }, { a: 10, b: 3, c: null })).toBe(7168);
    expect(value({ column: 'a', plus: ['b'] }, { a: 10, b: 3 })).toBe(13);
    expect(value({ column: 'a', from: 100 }, { a: 30 })).toBe(70);
    expect(value({ column: 'a', divide: 10 }, { a: 235 })).toBe(23.5);
    expect(value({ column: 'a', multiply_by: 'b' }, { a: 3, b: 4096 })).toBe(12_288);
    expect(value({ column: 'a', multiply_by: 'b' }, { a: 3, b: null })).toBeNaN();
  });

  test('ENTITY-SENSOR-MIB: scale and precision move the point without a rounding error', () => {
    const step = { column: 'v', scale: 's', precision: 'p' };
    expect(value(step, { v: 235, s: 9, p: 1 })).toBe(23.5);
    expect(value(step, { v: 3312, s: 8, p: 0 })).toBe(3.312);
    expect(value(step, { v: -5, s: 10, p: 0 })).toBe(-5000);
    expect(value(step, { v: 12, s: 9, p: -2 })).toBe(12);
  });

  test('optical power in milliwatts becomes dBm; without light there is no value', () => {
    expect(value({ column: 'a', divide: 1000, as_dbm: true }, { a: 1000 })).toBe(0);
    expect(value({ column: 'a', divide: 10_000, as_dbm: true }, { a: 1 })).toBe(-40);
    expect(value([{ column: 'a', as_dbm: true }, 7], { a: 0 })).toBe(7);
    expect(value({ column: 'a', as_dbm: true }, { a: -5 })).toBeNaN();
  });

  test('absent values, patterns, maps and conditions', () => {
    expect(value([{ column: 'a', absent: [-1] }, 9], { a: -1 })).toBe(9);
    expect(value({ column: 'a', pattern: '([\\d.]+) C' }, { a: 'Temp 41.5 C' })).toBe(41.5);
    expect(value({ column: 'a', map: { on: 1, off: 0 } }, { a: 'off' })).toBe(0);
    expect(value({ column: 'a', map: { on: 1 } }, { a: 'broken' })).toBeNaN();
    expect(value([{ column: 'a', when: { t: [8] } }, 'b'], { a: 1, b: 2, t: 9 })).toBe(2);
  });
});

describe('texts', () => {
  test('templates need all their cells; the index has parts', () => {
    expect(text(['{a} {b}', '{a}'], { a: 'x', b: '' })).toBe('x');
    expect(text('slot {index.1} of {index}', {})).toBe('slot 20 of 1.20.3');
    expect(text('{index.7}', {})).toBeNull();
    expect(text(['{a}', 'fixed'], { a: '   ' })).toBe('fixed');
  });

  test('what a pattern found is written anew', () => {
    const step = { column: 'a', pattern: 'FGT_(\\w+) v(\\d+)', write: 'FortiGate $1 ($2)$3' };
    expect(text(step, { a: 'FGT_60F v7' })).toBe('FortiGate 60F (7)');
    expect(text([step, 'other'], { a: 'FWF_60F' })).toBe('other');
  });

  test('formats: octets as text, as a MAC address, as an LLDP network address', () => {
    expect(text({ column: 'a', format: 'text' }, { a: '65:74:68:30:00' })).toBe('eth0');
    expect(text({ column: 'a', format: 'mac' }, { a: '00:1c:73:65:8e:3a' })).toBe('00:1c:73:65:8e:3a');
    expect(text({ column: 'a', format: 'mac' }, { a: '30:30:31:43' })).toBe('001C');
    expect(text({ column: 'a', format: 'network-address' }, { a: '01:c0:00:02:01' })).toBe('192.0.2.1');
    expect(text({ column: 'a', format: 'network-address' }, { a: '06:aa' })).toBe('06:aa');
  });

  test('all candidates in order', () => {
    const row = rowOf('4', (name) => (name === 'a' ? 'one' : null));
    expect(textsOf(['{a}', '{b}', '#{index}'], row)).toEqual(['one', '#4']);
    expect(filled('{b}', row)).toBeNull();
  });

  test('conditions: in a list, not in it, by pattern; an absent cell is in no list', () => {
    const row = rowOf('1', (name) => (name === 'a' ? 3 : null));
    expect(holds({ a: { in: ['3'] } }, row)).toBe(true);
    expect(holds({ b: { in: ['3'] } }, row)).toBe(false);
    expect(holds({ b: { not: ['3'] } }, row)).toBe(true);
    expect(holds({ a: { matches: /^\d$/ } }, row)).toBe(true);
    expect(holds(undefined, row)).toBe(true);
  });
});

describe('parts of an index', () => {
  const cell = (name: string, index: string): Cell => rowOf(index, () => null).cell(name);
  test.each([
    ['index.1', '4.5.6', '5'],
    ['index.-1', '4.5.6', '6'],
    ['index.9', '4.5.6', null],
    ['index.1+', '4.5.6', '5.6'],
    ['index.3+', '4.5.6', null],
    ['index.1:2', '4.5.6.7', '5.6'],
    ['index.1$', '9.3.97.98.99.4', 'abc'],
    ['index.0$', '2.300.1', null],
  ])('%s of %s is %s', (name, index, expected) => {
    expect(cell(name, index)).toBe(expected);
  });

  test('octets of an index as an address or as text', () => {
    expect(text({ column: 'index.1+', format: 'dotted-address' }, {}, '7.192.0.2.1')).toBe('192.0.2.1');
    expect(text({ column: 'index.0+', format: 'dotted-address' }, {}, '4.192.0.2.1')).toBe('192.0.2.1');
    const v6 = [0x20, 1, 0xd, 0xb8, ...Array.from({ length: 11 }, () => 0), 1].join('.');
    expect(text({ column: 'index', format: 'dotted-address' }, {}, `16.${v6}`)).toBe('2001:db8:0:0:0:0:0:1');
    expect(text({ column: 'index', format: 'dotted-text' }, {}, '97.98')).toBe('ab');
  });
});

describe('conditions', () => {
  const met = (condition: unknown, a: Cell): boolean => {
    const rule = {
      name: 'r',
      columns: { a: '1.3.6' },
      where: { a: condition },
      class: 'count',
      value: 'a',
      description: 'd',
    };
    const [parsed] = profileSchema.parse({ name: 'p', sensor: [rule] }).sensor;
    return holds(
      parsed?.where,
      rowOf('1', () => a),
    );
  };
  test.each<[unknown, Cell, boolean]>([
    [[1, 2], 2, true],
    [{ in: ['x'] }, 'y', false],
    [{ above: 3 }, 4, true],
    [{ above: 3 }, 3, false],
    [{ above: 3 }, null, false],
    [{ below: 3, not: [0] }, 0, false],
    [{ below: 3, not: [0] }, 1, true],
    [{ not_matches: '^N/A' }, 'N/A here', false],
    [{ not_matches: '^N/A' }, null, true],
    [{ present: true }, ' ', false],
    [{ present: true }, 0, true],
    [{ present: false }, null, true],
  ])('%j of %j: %s', (condition, cell, expected) => {
    expect(met(condition, cell)).toBe(expected);
  });
});

describe('what a sensor may be', () => {
  const told = (sensor: Record<string, unknown>): string[] => {
    const rule = { name: 'r', columns: { a: '1.3.6' }, description: 'd', ...sensor };
    const read = profileSchema.safeParse({ name: 'p', sensor: [rule] });
    return read.success
      ? []
      : read.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message.slice(0, 30)}`);
  };
  test('a class and a state of the list, and a value', () => {
    expect(told({ class: 'temperature', value: 'a' })).toEqual([]);
    expect(told({ class: 'temprature', value: 'a' })).toEqual(['sensor.0.class: expected one of airflow, ber, ']);
    const map = { 1: 'fine' };
    expect(told({ class: 'state', value: 'a', state: { column: 'a', map } })).toEqual([
      'sensor.0.state: expected one of ok, warning, c',
    ]);
    expect(told({ class: 'temperature' })).toEqual(['sensor.0: expected value']);
    expect(told({ value: 'a', readings: [{ name: 'x', class: 'count' }, { name: 'y' }] })).toEqual([
      'sensor.0.readings.1: expected class',
    ]);
    const twice = [
      { name: 'x', value: 'a' },
      { name: 'x', value: 'a' },
    ];
    expect(told({ class: 'count', readings: twice })).toEqual([
      'sensor.0.readings.1.name: another reading is called x',
    ]);
    expect(told({ class: 'count', readings: [{ name: 'x', value: 'b' }] })).toEqual([
      'sensor.0.readings.0.value.0: there is no column, scalar or ',
    ]);
  });
});
