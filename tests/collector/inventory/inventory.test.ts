// Devices and interfaces as the API sees them, kept by the readings projection: what changes, what is history, what several collectors make of it.
import { EVERYTHING } from '../../../common/model/viewpoint.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PostgresInventory } from '../../../collector/inventory/postgres-inventory.ts';
import type { InventoryPage } from '../../../collector/inventory/inventory.ts';
import type { JournaledBatch } from '../../../collector/project/projection.ts';
import type { Poll, Table } from '../../../common/model/poll.ts';
import { interfacePoll, journalEntry, tableAt } from '../../support/poll-builder.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import {
  clearReadings,
  migrateReadings,
  MINUTE,
  type Port,
  portsPoll,
  readingsProjection,
  START_MS,
} from '../readings/readings-fixture.ts';

let postgres: TestDatabase;
let inventory: PostgresInventory;

beforeAll(async () => {
  postgres = await startTestDatabase();
  await migrateReadings(postgres.database);
  inventory = new PostgresInventory({ database: postgres.database });
});
afterAll(() => postgres.stop());
beforeEach(() => clearReadings(postgres.database));

const at = (minute: number): number => START_MS + minute * MINUTE;
const port = (number: number, more: Partial<Port> = {}): Port => ({
  ifIndex: String(number),
  ifName: `p${number}`,
  in: 1n,
  out: 1n,
  speedBps: 1e9,
  ...more,
});

let position = 0;
function entryOf(polls: readonly Poll[], words: Partial<Parameters<typeof journalEntry>[0]> = {}): JournaledBatch {
  position += 1;
  return journalEntry({ position, polls, ...words });
}

function systemTable(atMs: number, texts: Readonly<Record<string, string | null>>): Table {
  const columns = Object.entries(texts).map(([name, value]) => ({ kind: 'text' as const, name, values: [value] }));
  return tableAt({ atMs }, 'system', ['0'], columns);
}

async function namesOf(list: Promise<InventoryPage<{ readonly ifName: string | null }>>): Promise<(string | null)[]> {
  return (await list).items.map((one) => one.ifName);
}

describe('devices', () => {
  test('are as their last poll says; what they said of themselves stays', async () => {
    const first = interfacePoll({
      device: 'core1',
      atMs: at(0),
      uptimeTicks: 4711,
      tables: [
        systemTable(at(0), { sysName: 'core\0one', sysDescr: 'a router', vendor: 'cisco', profile: 'base' }),
        ...portsPoll({ atMs: at(0), ports: [port(1)], uptimeTicks: 4711 }).tables,
      ],
    });
    const ofProfile = interfacePoll({
      device: 'core1',
      atMs: at(1),
      tables: [systemTable(at(1), { sysName: null, profile: 'other' })],
    });
    const failed = interfacePoll({ device: 'core1', atMs: at(2), failure: 'snmp_time\0out', intervalMs: 30_000 });
    await readingsProjection(postgres.database).apply([entryOf([first]), entryOf([ofProfile, failed])]);
    expect(await inventory.device(EVERYTHING, 'core1')).toMatchObject({
      name: 'core1',
      agent: 'agent-1',
      firstSeenMs: START_MS,
      lastPollAtMs: at(2),
      lastAnswerAtMs: at(1),
      lastOutcome: 'failed',
      lastFailure: 'snmp_timeout',
      lastRequests: 3,
      intervalMs: 30_000,
      sysName: 'coreone',
      sysDescr: 'a router',
      vendor: 'cisco',
      profile: 'base',
      serial: null,
      interfaceCount: 1,
    });
    expect(await inventory.counts(EVERYTHING, at(1))).toEqual({
      devices: { total: 1, reachable: 0 },
      interfaces: { total: 1, up: 1 },
    });
  });

  test('a poll that comes late is history; one of a clock that was ahead does not make the next ones so', async () => {
    const projection = readingsProjection(postgres.database);
    await projection.apply([
      entryOf([portsPoll({ atMs: at(5), ports: [port(1, { oper: 1 })] })]),
      entryOf([portsPoll({ atMs: at(3), ports: [port(1, { oper: 2 })] })]),
    ]);
    expect(await inventory.device(EVERYTHING, 'core1')).toMatchObject({ lastPollAtMs: at(5) });
    expect((await inventory.interfaces(EVERYTHING, 'core1', null, 10)).items).toMatchObject([{ operStatus: 1 }]);
    const ahead = portsPoll({ atMs: at(600), ports: [port(1, { oper: 2 })] });
    await projection.apply([entryOf([ahead], { receivedAtMs: at(6) })]);
    expect(await inventory.device(EVERYTHING, 'core1')).toMatchObject({ lastPollAtMs: at(6) });
    await projection.apply([entryOf([portsPoll({ atMs: at(7), ports: [port(1, { oper: 7 })] })])]);
    expect(await inventory.device(EVERYTHING, 'core1')).toMatchObject({ lastPollAtMs: at(7) });
    expect((await inventory.interfaces(EVERYTHING, 'core1', null, 10)).items).toMatchObject([{ operStatus: 7 }]);
  });

  test('page by page by name, each once; what does not exist is not found', async () => {
    const names = ['core10', 'core2', 'Core1', 'zürich', 'a b'];
    const polls = names.map((device) => interfacePoll({ device, atMs: at(0), failure: 'snmp_timeout' }));
    await readingsProjection(postgres.database).apply([entryOf(polls)]);
    const found: string[] = [];
    let cursor: string | null = null;
    do {
      const page: InventoryPage<{ readonly name: string }> = await inventory.devices(EVERYTHING, cursor, 2);
      found.push(...page.items.map((device) => device.name));
      cursor = page.next;
    } while (cursor !== null);
    expect(found).toEqual(names.toSorted((a, b) => (a < b ? -1 : 1)));
    for (const name of ['', 'nobody', 'core\0'])
      await expect(inventory.device(EVERYTHING, name)).rejects.toMatchObject({ code: 'not_found' });
    for (const wrong of ['', 'x', Buffer.from('[1]').toString('base64url')])
      await expect(inventory.devices(EVERYTHING, wrong, 2)).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

describe('interfaces', () => {
  test('are as they were last named and seen', async () => {
    const named = portsPoll({
      atMs: at(0),
      names: true,
      ports: [port(1, { ifDescr: 'GigabitEthernet1', ifAlias: 'Müller\0', mac: '02:00:00:00:00:01' })],
    });
    const later = portsPoll({ atMs: at(1), ports: [port(1, { oper: 2, speedBps: 4e11 })] });
    await readingsProjection(postgres.database).apply([entryOf([named]), entryOf([later])]);
    const [one] = (await inventory.interfaces(EVERYTHING, 'core1', null, 10)).items;
    expect(one).toMatchObject({
      device: 'core1',
      key: 'p1',
      resource: 'core1/p1',
      ifIndex: '1',
      ifName: 'p1',
      ifDescr: 'GigabitEthernet1',
      ifAlias: 'Müller',
      mac: '02:00:00:00:00:01',
      speedBps: '400000000000',
      adminStatus: 1,
      operStatus: 2,
      lastSeenMs: at(1),
      goneAtMs: null,
    });
    expect(await inventory.interface(EVERYTHING, one?.id ?? 0)).toEqual(one);
    for (const id of [0, -1, 1.5, 99, 2 ** 40])
      await expect(inventory.interface(EVERYTHING, id)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('are gone when a complete table lacks them, not when it is cut short or empty; and are back with their meters', async () => {
    const projection = readingsProjection(postgres.database);
    const both = [port(1), port(2)];
    const gone = async (): Promise<(number | null)[]> =>
      (await inventory.interfaces(EVERYTHING, 'core1', null, 10)).items.map((one) => one.goneAtMs);
    await projection.apply([entryOf([portsPoll({ atMs: at(0), ports: both })])]);
    const before = (await inventory.interfaces(EVERYTHING, 'core1', null, 10)).items;
    await projection.apply([entryOf([portsPoll({ atMs: at(1), ports: [port(1)], complete: false })])]);
    await projection.apply([entryOf([portsPoll({ atMs: at(2), ports: [] })])]);
    expect(await gone()).toEqual([null, null]);
    await projection.apply([entryOf([portsPoll({ atMs: at(3), ports: [port(1)] })])]);
    await projection.apply([entryOf([portsPoll({ atMs: at(4), ports: [port(1)] })])]);
    expect(await gone()).toEqual([null, at(3)]);
    expect((await inventory.device(EVERYTHING, 'core1')).interfaceCount).toBe(1);
    expect((await inventory.counts(EVERYTHING, at(4))).interfaces).toEqual({ total: 1, up: 1 });
    await projection.apply([entryOf([portsPoll({ atMs: at(5), ports: both })])]);
    expect(await gone()).toEqual([null, null]);
    const after = (await inventory.interfaces(EVERYTHING, 'core1', null, 10)).items;
    expect(after.map((one) => [one.id, one.meters])).toEqual(before.map((one) => [one.id, one.meters]));
  });

  test('are last seen in the last complete table that had them, though unchanged ones are not written', async () => {
    const projection = readingsProjection(postgres.database);
    const seen = async (): Promise<number[]> =>
      (await inventory.interfaces(EVERYTHING, 'core1', null, 10)).items.map((one) => one.lastSeenMs);
    const versions = async (): Promise<unknown> =>
      (await postgres.database.query('select xmin::text from inventory.interface order by id')).rows;
    const both = [port(1), port(2)];
    await projection.apply([entryOf([portsPoll({ atMs: at(0), ports: both })])]);
    const before = await versions();
    await projection.apply([entryOf([portsPoll({ atMs: at(1), ports: both })])]);
    await projection.apply([entryOf([portsPoll({ atMs: at(2), ports: [port(1)], complete: false })])]);
    expect(await seen()).toEqual([at(1), at(1)]);
    await projection.apply([entryOf([portsPoll({ atMs: at(3), ports: both })])]);
    expect(await seen()).toEqual([at(3), at(3)]);
    expect(await versions()).toEqual(before);
    await readingsProjection(postgres.database).apply([entryOf([portsPoll({ atMs: at(4), ports: [port(1)] })])]);
    await projection.apply([entryOf([portsPoll({ atMs: at(5), ports: [port(1)] })])]);
    expect(await seen()).toEqual([at(5), at(3)]);
  });

  test('values that no MIB allows are left out', async () => {
    const poll = portsPoll({ atMs: at(0), ports: [port(1)], names: true });
    const duplex = { kind: 'number' as const, name: 'ifDuplex', values: Float64Array.of(2) };
    const tables = poll.tables.map((table) => ({
      ...table,
      columns: [...table.columns, duplex].map((column) =>
        column.kind === 'number' ? { ...column, values: Float64Array.from(column.values, () => 1e300) } : column,
      ),
    }));
    await readingsProjection(postgres.database).apply([entryOf([{ ...poll, tables }])]);
    expect((await inventory.interfaces(EVERYTHING, 'core1', null, 10)).items).toMatchObject([
      { adminStatus: null, operStatus: null, speedBps: String(Number.MAX_SAFE_INTEGER) },
    ]);
  });

  test('a table of names that was cut short makes no interface', async () => {
    const poll = portsPoll({ atMs: at(0), ports: [port(1)], names: true });
    const cut = poll.tables.map((table) =>
      table.name === 'interface' ? { ...table, index: [], segments: [], columns: [] } : { ...table, complete: false },
    );
    const projection = readingsProjection(postgres.database);
    await projection.apply([entryOf([{ ...poll, tables: cut }])]);
    expect(await namesOf(inventory.interfaces(EVERYTHING, 'core1', null, 10))).toEqual([]);
    await projection.apply([entryOf([{ ...portsPoll({ atMs: at(1), ports: [port(1)], names: true }) }])]);
    expect(await namesOf(inventory.interfaces(EVERYTHING, 'core1', null, 10))).toEqual(['p1']);
  });

  test('page by page by ifIndex as a number, each once', async () => {
    const indexes = ['10', '9', '2', '100', '1', 'x', ''];
    const ports = indexes.map((ifIndex, number) => port(number, { ifIndex }));
    await readingsProjection(postgres.database).apply([entryOf([portsPoll({ atMs: at(0), ports, names: true })])]);
    const found: string[] = [];
    let cursor: string | null = null;
    do {
      const page: InventoryPage<{ readonly ifIndex: string }> = await inventory.interfaces(
        EVERYTHING,
        'core1',
        cursor,
        2,
      );
      found.push(...page.items.map((one) => one.ifIndex));
      cursor = page.next;
    } while (cursor !== null);
    expect(found.slice(0, 5)).toEqual(['1', '2', '9', '10', '100']);
    expect(found.slice(5).toSorted()).toEqual(['', 'x']);
    await expect(inventory.interfaces(EVERYTHING, 'nobody', null, 2)).rejects.toMatchObject({ code: 'not_found' });
    for (const wrong of ['', 'x', Buffer.from('["1", 0]').toString('base64url')])
      await expect(inventory.interfaces(EVERYTHING, 'core1', wrong, 2)).rejects.toMatchObject({
        code: 'invalid_request',
      });
  });
});

describe('several collectors', () => {
  test('none writes back what it remembers from before the other', async () => {
    const [one, other] = [readingsProjection(postgres.database), readingsProjection(postgres.database)];
    const named = (minute: number, ifAlias: string): Poll =>
      portsPoll({ atMs: at(minute), names: true, ports: [port(1, { ifAlias })] });
    await one.apply([entryOf([named(0, 'old')])]);
    await other.apply([entryOf([named(1, 'new')], { journal: 'journal-2' })]);
    await one.apply([entryOf([portsPoll({ atMs: at(2), ports: [port(1, { oper: 2 })] })])]);
    expect((await inventory.interfaces(EVERYTHING, 'core1', null, 10)).items).toMatchObject([
      { ifAlias: 'new', operStatus: 2 },
    ]);
    await other.apply([entryOf([portsPoll({ atMs: at(3), ports: [port(1), port(2)] })], { journal: 'journal-2' })]);
    await one.apply([entryOf([portsPoll({ atMs: at(4), ports: [port(1), port(2)] })])]);
    expect((await inventory.interfaces(EVERYTHING, 'core1', null, 10)).items).toHaveLength(2);
    const { rows } = await postgres.database.query('select id from readings.layout');
    expect(rows).toHaveLength(3);
  });

  test('both meet the same new devices and interfaces at once', async () => {
    const projections = Array.from({ length: 4 }, () => readingsProjection(postgres.database));
    const devices = ['d1', 'd2', 'd3', 'd4', 'd5'];
    await Promise.all(
      projections.map((projection, number) => {
        const order = [...devices.slice(number), ...devices.slice(0, number)];
        const polls = order.map((device) => portsPoll({ device, atMs: at(number), ports: [port(1), port(2)] }));
        const words = { journal: `journal-${number}`, agent: `agent-${number}` };
        return projection.apply([entryOf(polls, words)]);
      }),
    );
    const five = { devices: { total: 5, reachable: 5 }, interfaces: { total: 10 } };
    expect(await inventory.counts(EVERYTHING, at(projections.length))).toMatchObject(five);
    // Of what is not polled any more nobody says that it answers.
    const later = await inventory.counts(EVERYTHING, at(projections.length + 30));
    expect(later).toMatchObject({ devices: { total: 5, reachable: 0 } });
    const some = { everything: false, devices: ['d1', 'd2'], resources: [], customers: [] };
    expect((await inventory.counts(some, at(1))).devices).toEqual({ total: 2, reachable: 2 });
    expect((await inventory.counts(some, at(projections.length + 30))).devices).toEqual({ total: 2, reachable: 0 });
    const { rows } = await postgres.database.query<{ meters: bigint; pages: bigint }>(
      `select (select count(distinct meter) from inventory.interface, unnest(array[meter_in, meter_out]) as meter) as meters,
              (select count(*) from readings.page) as pages`,
    );
    expect(rows).toEqual([{ meters: 20n, pages: 20n }]);
  });
});
