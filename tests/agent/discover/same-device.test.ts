// Which answers are one device: a table of what speaks for and what against.
import { describe, expect, test } from 'vitest';
import { groupSameDevices, isSameDevice } from '../../../agent/discover/same-device.ts';

interface Marks {
  readonly sysName: string | null;
  readonly sysObjectID: string | null;
  readonly serial: string | null;
  readonly engineId: string | null;
  readonly chassisMacs: readonly string[];
}

const plain: Marks = {
  sysName: 'core1',
  sysObjectID: '1.3.6.1.4.1.9.1.1',
  serial: null,
  engineId: null,
  chassisMacs: [],
};
const M1 = '02:00:00:00:00:01';
const M2 = '02:00:00:00:00:02';

describe('one device or two', () => {
  test.each<[string, Partial<Marks>, Partial<Marks>, boolean]>([
    ['only the name', {}, {}, false],
    ['the serial number', { serial: 'A123' }, { serial: 'A123' }, true],
    ['the engine id', { engineId: '80:00:01' }, { engineId: '80:00:01' }, true],
    ['one chassis MAC of several', { chassisMacs: [M1, M2] }, { chassisMacs: [M2] }, true],
    ['another chassis MAC', { chassisMacs: [M1] }, { chassisMacs: [M2] }, false],
    ['a serial number that only one tells', { serial: 'A123', engineId: '80' }, { engineId: '80' }, true],
    ['a cloned engine id', { serial: 'A123', engineId: '80' }, { serial: 'B456', engineId: '80' }, false],
    ['a cloned bridge address', { engineId: '81', chassisMacs: [M1] }, { engineId: '80', chassisMacs: [M1] }, false],
    ['another name', { serial: 'A123' }, { serial: 'A123', sysName: 'core2' }, false],
    ['another kind', { serial: 'A123' }, { serial: 'A123', sysObjectID: '1.3.6.1.4.1.9.1.2' }, false],
    ['no name at all', { serial: 'A123', sysName: null }, { serial: 'A123', sysName: null }, true],
  ])('%s', (_, left, right, expected) => {
    expect(isSameDevice({ ...plain, ...left }, { ...plain, ...right })).toBe(expected);
    expect(isSameDevice({ ...plain, ...right }, { ...plain, ...left })).toBe(expected);
  });

  test('a chain holds together, but a contradiction is never carried into a group', () => {
    const device = (id: number, marks: Partial<Marks>): { id: number; identity: Marks } => ({
      id,
      identity: { ...plain, ...marks },
    });
    const groups = groupSameDevices([
      device(1, { serial: 'A123' }),
      device(2, { serial: 'A123', chassisMacs: [M1] }),
      device(3, { chassisMacs: [M1] }),
      device(4, { serial: 'B456', chassisMacs: [M1] }),
      device(5, { sysName: 'other', serial: 'A123' }),
    ]);
    expect(groups.map((group) => group.map((one) => one.id))).toEqual([[1, 2, 3], [4], [5]]);
  });
});
