// Links whose ends do not go together: the pure judge in a table, and the watch on a real PostgreSQL.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newAgentMemory } from '../../../collector/faults/agent-memory.ts';
import { DEFAULT_FAULTS, faultsConfigOf, faultsSchema } from '../../../collector/faults/fault-rules.ts';
import { faultsMigrations } from '../../../collector/faults/faults-migrations.ts';
import { type EndOfLink, judgeLinks, type LinkEnds } from '../../../collector/faults/judge-links.ts';
import { LinkWatch } from '../../../collector/faults/link-watch.ts';
import { inventoryMigrations } from '../../../collector/inventory/inventory-migrations.ts';
import { migrate } from '../../../common/database/migrate.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const HOUR = 3_600_000;
const { rules } = DEFAULT_FAULTS;
const end = (device: string, facts: Partial<EndOfLink> = {}): EndOfLink => ({
  device,
  interfaceKey: 'p1',
  speedBps: 1e9,
  mtu: 1500,
  duplex: 'full',
  vlan: 1,
  up: true,
  ...facts,
});

describe('the ends of a link', () => {
  test.each<[name: string, b: Partial<EndOfLink>, expected: readonly string[]]>([
    ['the same', {}, []],
    ['another speed', { speedBps: 1e8 }, ['speed b/p1']],
    ['another frame size', { mtu: 9000 }, ['mtu b/p1']],
    ['a frame size with headers', { mtu: 1514 }, []],
    ['both', { speedBps: 1e8, mtu: 9000 }, ['speed b/p1', 'mtu b/p1']],
    ['another duplex', { duplex: 'half' }, ['duplex b/p1']],
    ['another VLAN', { vlan: 20 }, ['vlan b/p1']],
    ['one that says neither', { duplex: null, vlan: null }, []],
    ['one that is down', { speedBps: 1e7, up: false }, []],
    ['one that does not say', { speedBps: null, mtu: 0 }, []],
  ])('%s', (_, b, expected) => {
    const memory = newAgentMemory('collector:links');
    const since = new Map<string, number>();
    const links: LinkEnds[] = [[end('b', b), end('a')]];
    expect(judgeLinks(memory, rules, links, since, { nowMs: 0, complete: true })).toEqual([]);
    const changes = judgeLinks(memory, rules, links, since, { nowMs: 2 * HOUR, complete: true });
    expect(changes.map(({ resource, qualifier, kind }) => [resource, qualifier, kind])).toEqual(
      expected.map((qualifier) => ['a/p1', qualifier, 'raised']),
    );
    expect(judgeLinks(memory, rules, links, since, { nowMs: 3 * HOUR, complete: true })).toEqual([]);
    const gone = judgeLinks(memory, rules, [], since, { nowMs: 4 * HOUR, complete: true });
    expect(gone.map(({ kind }) => kind)).toEqual(expected.map(() => 'cleared'));
  });

  test('what differs for a shorter time is nothing; a list that was cut ends nothing; a rule that is off ends all', () => {
    const memory = newAgentMemory('collector:links');
    const since = new Map<string, number>();
    const look = (links: LinkEnds[], hours: number, complete = true, given = rules): string[] =>
      judgeLinks(memory, given, links, since, { nowMs: hours * HOUR, complete }).map(({ kind }) => kind);
    const [wrong, right]: LinkEnds[][] = [[[end('a'), end('b', { mtu: 9000 })]], [[end('a'), end('b')]]];
    expect(look(wrong ?? [], 0)).toEqual([]);
    expect(look(right ?? [], 1)).toEqual([]);
    expect(look(wrong ?? [], 2)).toEqual([]);
    expect(look(wrong ?? [], 3)).toEqual([]);
    expect(look(wrong ?? [], 4)).toEqual(['raised']);
    expect(look([], 5, false)).toEqual([]);
    const off = faultsConfigOf(faultsSchema.parse({ link_mismatch: { enabled: false } })).rules;
    expect(look(wrong ?? [], 6, true, off)).toEqual(['cleared']);
  });

  test('the order of links and of their ends says nothing', () => {
    const links: LinkEnds[] = ['b', 'c', 'd', 'e'].map((device, at) => [
      end('a'),
      end(device, { speedBps: at * 1e8, mtu: 9000 }),
    ]);
    const told = (given: readonly LinkEnds[]): string[] => {
      const memory = newAgentMemory('collector:links');
      const since = new Map<string, number>();
      judgeLinks(memory, rules, given, since, { nowMs: 0, complete: true });
      const changes = judgeLinks(memory, rules, given, since, { nowMs: 2 * HOUR, complete: true });
      return changes.map(({ resource, qualifier }) => `${resource} ${qualifier}`).toSorted();
    };
    const shuffled = fc
      .tuple(fc.shuffledSubarray(links, { minLength: 4 }), fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }))
      .map(([some, turned]) => some.map(([a, b], at): LinkEnds => (turned[at] === true ? [b, a] : [a, b])));
    fc.assert(
      fc.property(shuffled, (given) => {
        expect(told(given)).toEqual(told(links));
      }),
    );
  });
});

describe('the watch', () => {
  let postgres: TestDatabase;
  beforeAll(async () => {
    postgres = await startTestDatabase();
    await migrate(postgres.database, [...inventoryMigrations, ...faultsMigrations]);
  });
  afterAll(() => postgres.stop());

  test('duplex and VLAN are what a port says of itself, else what its neighbour says of it; two neighbours that differ say nothing', async () => {
    const { database } = postgres;
    await database.query("insert into inventory.device (name, first_seen_ms) values ('x', 0), ('y', 0), ('z', 0)");
    await database.query(
      `insert into inventory.interface (device, key, if_index, duplex, oper_status, first_seen_ms, last_seen_ms)
       select device.id, port.key, port.key, case when name = 'x' then 3 end, 1, 0, 0
         from inventory.device, unnest(array['p1', 'p2']) as port (key) where name in ('x', 'y', 'z')`,
    );
    const says = (device: string, key: string, facts: object): Promise<unknown> =>
      database.query(
        `insert into inventory.part (device, kind, key, facts, first_seen_ms, last_seen_ms)
         select id, 'neighbour', $2, $3::jsonb, 0, 0 from inventory.device where name = $1`,
        [device, key, JSON.stringify(facts)],
      );
    // What x says of y: half duplex, VLAN 20; what y says of itself: VLAN 10 at p1. z has two voices at p2.
    await says('x', 'cdp 1', { localInterface: 'p1', remoteDevice: 'y', remoteVlan: 20, remoteDuplex: 'half' });
    await says('y', 'lldp 1', { localInterface: 'p1', remoteDevice: 'x', localVlan: 10, remoteVlan: 1 });
    await says('y', 'lldp 2', { localInterface: 'p2', remoteDevice: 'z', remoteVlan: 5 });
    await says('z', 'cdp 2', { localInterface: 'p2', remoteDevice: 'y', remoteVlan: 7 });
    await says('z', 'lldp 2', { localInterface: 'p2', remoteDevice: 'w', remoteVlan: 8 });
    const clock = new VirtualClock(0);
    const memory = newAgentMemory('collector:links');
    const told: string[] = [];
    const watch = new LinkWatch(silentReporter().reporter, {
      database,
      clock,
      rules: () => rules,
      links: () =>
        Promise.resolve({
          cut: false,
          links: [
            { a: { device: 'x', interfaceKey: 'p1' }, b: { device: 'y', interfaceKey: 'p1' } },
            { a: { device: 'y', interfaceKey: 'p2' }, b: { device: 'z', interfaceKey: 'p2' } },
          ],
        }),
      raise: ({ judge }) => {
        told.push(...judge(memory).map(({ text }) => text));
        return Promise.resolve();
      },
    });
    await watch.look();
    await clock.advance(2 * HOUR);
    await watch.look();
    expect(told).toEqual([
      'The ends of a link have a different duplex: p1 of x has full duplex, and p1 of y has half duplex.',
      'The ends of a link have a different VLAN of frames without a tag: p1 of x has VLAN 1, and p1 of y has VLAN 20.',
    ]);
  });

  test('takes what the inventory knows of both ends, and says what it could not', async () => {
    const { database } = postgres;
    await database.query("insert into inventory.device (name, first_seen_ms) values ('a', 0), ('b', 0)");
    await database.query(
      `insert into inventory.interface (device, key, if_index, mtu, speed_bps, oper_status, first_seen_ms, last_seen_ms)
       select id, 'p1', '1', case name when 'a' then 1500 else 9000 end, 1000000000, 1, 0, 0 from inventory.device where name in ('a', 'b')`,
    );
    const clock = new VirtualClock(0);
    const memory = newAgentMemory('collector:links');
    const told: string[] = [];
    const { reporter, lines } = silentReporter();
    let broken = false;
    const watch = new LinkWatch(reporter, {
      database,
      clock,
      rules: () => rules,
      links: () => {
        if (broken) return Promise.reject(new Error('no topology'));
        const [a, b] = ['a', 'b'].map((device) => ({ device, interfaceKey: 'p1' }));
        const links = [
          { a: a ?? NOBODY, b: b ?? NOBODY },
          { a: a ?? NOBODY, b: NOBODY },
        ];
        return Promise.resolve({ links, cut: false });
      },
      raise: ({ judge }) => {
        told.push(...judge(memory).map(({ kind, qualifier }) => `${kind} ${qualifier}`));
        return Promise.resolve();
      },
    });
    await watch.look();
    await clock.advance(2 * HOUR);
    await watch.look();
    expect(told).toEqual(['raised mtu b/p1']);
    broken = true;
    await watch.look();
    expect(lines.join('')).toContain('links not looked at');
  });
});

const NOBODY = { device: null, interfaceKey: null };
