// Which meter an interface's octets go to, case by case: the table of docs/decisions/interface-identity.md, each row through the database.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PostgresReadings } from '../../../collector/readings/postgres-readings.ts';
import { interfaceKeys, toldApart } from '../../../common/model/interface-identity.ts';
import { journalEntry } from '../../support/poll-builder.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import {
  clearReadings,
  migrateReadings,
  MINUTE,
  portsPoll,
  readAll,
  readingsProjection,
  rowsOf,
  START_MS,
} from '../readings/readings-fixture.ts';

let postgres: TestDatabase;
beforeAll(async () => {
  postgres = await startTestDatabase();
  await migrateReadings(postgres.database);
});
afterAll(() => postgres.stop());
beforeEach(() => clearReadings(postgres.database));

/** The meter it is expected to be (a letter for each), ifIndex, ifName, ifDescr, and what else it says. */
type Row = readonly [meter: string, ifIndex: string, ifName: string, ifDescr?: string, ifAlias?: string];

interface IdentityCase {
  readonly number: number;
  readonly what: string;
  /** Polls one after the other, each with all names. */
  readonly polls: readonly (readonly Row[])[];
}

const long = (end: string): string => `${'x'.repeat(1000)}${end}`;

const cases: readonly IdentityCase[] = [
  {
    number: 1,
    what: 'nothing changes',
    polls: [
      [
        ['a', '1', 'Gi1'],
        ['b', '2', 'Gi2'],
      ],
      [
        ['a', '1', 'Gi1'],
        ['b', '2', 'Gi2'],
      ],
    ],
  },
  {
    number: 2,
    what: 'ifIndex renumbered by a restart',
    polls: [
      [
        ['a', '1', 'Gi1'],
        ['b', '2', 'Gi2'],
      ],
      [
        ['b', '1', 'Gi2'],
        ['a', '2', 'Gi1'],
      ],
    ],
  },
  { number: 3, what: 'another alias', polls: [[['a', '1', 'Gi1', '', 'Miller']], [['a', '1', 'Gi1', '', 'Smith']]] },
  { number: 4, what: 'another name at the same ifIndex', polls: [[['a', '1', 'Gi1']], [['b', '1', 'Te1']]] },
  {
    number: 5,
    what: 'leaves and returns',
    polls: [
      [
        ['a', '1', 'Gi1'],
        ['b', '2', 'Gi2'],
      ],
      [['a', '1', 'Gi1']],
      [
        ['a', '1', 'Gi1'],
        ['b', '9', 'Gi2'],
      ],
    ],
  },
  {
    number: 6,
    what: 'a card swapped for one of its kind',
    polls: [[['a', '1', 'Gi1/1', 'line card A']], [['a', '65', 'Gi1/1', 'line card B']]],
  },
  { number: 7, what: 'a card swapped for another kind', polls: [[['a', '1', 'Gi1/1']], [['b', '1', 'Te1/1']]] },
  {
    number: 8,
    what: 'a stack unit renumbered',
    polls: [
      [
        ['a', '1', 'Gi1/0/1'],
        ['b', '2', 'Gi2/0/1'],
      ],
      [
        ['b', '1', 'Gi2/0/1'],
        ['c', '2', 'Gi3/0/1'],
      ],
    ],
  },
  {
    number: 9,
    what: 'two of the same name told apart by ifDescr',
    polls: [
      [
        ['a', '1', 'eth0', 'north'],
        ['b', '2', 'eth0', 'south'],
      ],
      [
        ['b', '1', 'eth0', 'south'],
        ['a', '2', 'eth0', 'north'],
      ],
    ],
  },
  {
    number: 10,
    what: 'two of the same name and ifDescr',
    polls: [
      [
        ['a', '1', 'eth0', 'port'],
        ['b', '2', 'eth0', 'port'],
      ],
      [
        ['a', '1', 'eth0', 'port'],
        ['b', '2', 'eth0', 'port'],
      ],
    ],
  },
  {
    number: 11,
    what: 'a name that another one takes as well, and gives back',
    polls: [
      [['a', '1', 'eth0']],
      [
        ['b', '1', 'eth0'],
        ['c', '2', 'eth0'],
      ],
      [['a', '1', 'eth0']],
    ],
  },
  {
    number: 12,
    what: 'no ifName',
    polls: [
      [
        ['a', '1', '', 'FastEthernet1'],
        ['b', '2', ' ', 'FastEthernet2'],
      ],
      [
        ['b', '1', '', 'FastEthernet2'],
        ['a', '2', '', 'FastEthernet1'],
      ],
    ],
  },
  {
    number: 13,
    what: 'no name at all',
    polls: [
      [
        ['a', '1', ''],
        ['b', '2', ''],
      ],
      [['b', '2', '']],
    ],
  },
  {
    number: 14,
    what: 'the ifDescr of one is the ifName of another',
    polls: [
      [
        ['a', '1', 'eth0', 'x'],
        ['b', '2', '', 'eth0'],
      ],
      [
        ['a', '1', 'eth0', 'x'],
        ['b', '2', '', 'eth0'],
      ],
    ],
  },
  {
    number: 15,
    what: 'called like a name made up for another',
    polls: [
      [
        ['a', '1', 'eth0', 'port'],
        ['b', '2', 'eth0', 'port'],
        ['c', '3', 'eth0#2', 'else'],
      ],
      [
        ['a', '1', 'eth0', 'port'],
        ['b', '2', 'eth0', 'port'],
        ['c', '3', 'eth0#2', 'else'],
      ],
    ],
  },
  {
    number: 16,
    what: 'a member leaves its LAG and the address changes',
    polls: [
      [
        ['a', '1', 'Gi1'],
        ['b', '100', 'Po1'],
      ],
      [
        ['a', '1', 'Gi1'],
        ['b', '100', 'Po1'],
      ],
    ],
  },
  {
    number: 17,
    what: 'a sub-interface and its parent',
    polls: [
      [
        ['a', '1', 'Gi1'],
        ['b', '2', 'Gi1.100'],
      ],
      [
        ['a', '1', 'Gi1'],
        ['b', '3', 'Gi1.100'],
      ],
    ],
  },
  { number: 18, what: 'another chassis under the same names', polls: [[['a', '1', 'Gi1']], [['a', '513', 'Gi1']]] },
  {
    number: 19,
    what: 'padding and characters that are none',
    polls: [
      [
        ['a', '1', 'Gi1\0\0'],
        ['b', '2', '\0'],
      ],
      [
        ['a', '1', ' Gi1 '],
        ['b', '2', '\0'],
      ],
    ],
  },
  {
    number: 20,
    what: 'names that differ only in what a database cannot hold',
    polls: [
      [
        ['a', '1', 'Gi1\0'],
        ['b', '2', 'Gi1'],
        ['c', '3', long('1')],
        ['d', '4', long('2')],
      ],
      [
        ['a', '1', 'Gi1\0'],
        ['b', '2', 'Gi1'],
        ['c', '3', long('1')],
        ['d', '4', long('2')],
      ],
    ],
  },
  {
    number: 21,
    what: 'upper and lower case',
    polls: [
      [
        ['a', '1', 'Gi1'],
        ['b', '2', 'gi1'],
      ],
      [
        ['b', '1', 'gi1'],
        ['a', '2', 'Gi1'],
      ],
    ],
  },
];

describe('identity', () => {
  test.each(cases)('$number $what', async ({ polls }) => {
    const readings = new PostgresReadings({ database: postgres.database });
    let octets = 0n;
    const entries = polls.map((rows, at) => {
      const ports = rows.map(([, ifIndex, ifName, ifDescr = '', ifAlias = '']) => {
        octets += 1n;
        // The address is another one in each poll: it is no part of the identity.
        return { ifIndex, ifName, ifDescr, ifAlias, mac: `02:00:00:00:00:0${at}`, in: octets, out: octets };
      });
      const words = { atMs: START_MS + at * MINUTE, ports, names: true, processId: 'one' };
      return journalEntry({ position: at + 1, polls: [portsPoll(words)] });
    });
    await readingsProjection(postgres.database).apply(entries);
    const { answers } = await readAll(readings);
    const read = answers.flatMap((answer) => rowsOf(answer).flat());
    const expected = polls.flat().map(([meter]) => meter);
    expect(read).toHaveLength(expected.length);
    // Each value is found at the meter whose letter its row has: one letter a meter, one meter a letter.
    const letters = new Map<number, Set<string>>();
    for (const row of read) {
      const letter = expected[Number(row.in) - 1] ?? '';
      expect(row.out).toBe(row.in);
      letters.set(row.meters.in, (letters.get(row.meters.in) ?? new Set()).add(letter));
      letters.set(row.meters.out, (letters.get(row.meters.out) ?? new Set()).add(letter));
    }
    expect([...letters.values()].every((set) => set.size === 1)).toBe(true);
    expect(letters.size).toBe(new Set(expected).size * 2);
  });

  test('the decision has the same table', () => {
    const page = readFileSync(
      path.resolve(import.meta.dirname, '../../../docs/decisions/interface-identity.md'),
      'utf8',
    );
    const rows = [...page.matchAll(/^\| (\d+) \| ([^|]+) \|/gm)].map((match) => [Number(match[1]), match[2]?.trim()]);
    expect(rows).toEqual(cases.map(({ number, what }) => [number, what]));
  });
});

describe('keys', () => {
  test('as the agent makes them', () => {
    const rows = [
      ['1', 'Gi1', 'one'],
      ['2', 'eth0', 'north'],
      ['3', 'eth0', 'south'],
      ['4', 'eth0', 'south'],
      ['5', '', 'tunnel'],
      ['6', null, null],
      ['7', '', 'Gi1'],
      ['8', 'eth0#3', ''],
    ] as const;
    const keys = interfaceKeys(rows.map(([ifIndex, ifName, ifDescr]) => ({ ifIndex, ifName, ifDescr })));
    expect(Object.fromEntries(keys)).toEqual({
      1: 'Gi1',
      2: 'north',
      3: 'eth0#3#3',
      4: 'eth0#4',
      5: 'tunnel',
      6: 'if#6',
      7: 'Gi1#7',
      8: 'eth0#3#8',
    });
  });

  test('rows that nothing tells apart have none, so that they share no meter', () => {
    expect(toldApart(['a', 'a', 'b', ''], ['1', '1', '2', '3'])).toEqual(['', '', 'b', '']);
    expect(toldApart(['a', 'b'], ['1', '2'])).toEqual(['a', 'b']);
  });
});
