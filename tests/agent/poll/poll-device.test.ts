// One device over real UDP: what a poll brings, what it must never mix up, and what it says when it could not read all.
import { lookup } from 'node:dns/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DeviceState } from '../../../agent/poll/device-state.ts';
import { pollDevice } from '../../../agent/poll/poll-device.ts';
import { loadProfiles } from '../../../agent/profile/catalogue.ts';
import { SnmpAccess } from '../../../agent/snmp/access.ts';
import { TAG } from '../../../agent/snmp/ber.ts';
import { PDU } from '../../../agent/snmp/pdu.ts';
import type { DeviceReader } from '../../../agent/snmp/table-reader.ts';
import { columnOf, counterAt, type Poll, type Table } from '../../../common/model/poll.ts';
import { countersOf, numbersOf, textsOf } from '../../../common/model/table-columns.ts';
import { bareCatalogue } from '../../support/bare-profile.ts';
import { deviceMib, type DeviceWords, type PortWords } from '../../support/interface-mib.ts';
import { type Habits, type MibObject, ScriptedDevice } from '../../support/scripted-device.ts';
import { seededRandom } from '../../support/snmp-access.ts';
import { ShiftedClock } from '../../support/shifted-clock.ts';
import { silentReporter } from '../../support/silent-reporter.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const [IN, OUT] = ['1.3.6.1.2.1.31.1.1.1.6', '1.3.6.1.2.1.31.1.1.1.10'];
const [NARROW_IN, NARROW_OUT] = ['1.3.6.1.2.1.2.2.1.10', '1.3.6.1.2.1.2.2.1.16'];
const DISCONTINUITY = '1.3.6.1.2.1.31.1.1.1.19';
const SYS_UPTIME = '1.3.6.1.2.1.1.3';
const IF_NAME = '1.3.6.1.2.1.31.1.1.1.1';

const bare = bareCatalogue();

let clock: ShiftedClock;
let access: SnmpAccess;
let device: ScriptedDevice;
let habits: Habits;
let state: DeviceState;
let reader: DeviceReader;

async function connect(words: DeviceWords, version: '1' | '2c' = '2c'): Promise<void> {
  habits = {};
  device = new ScriptedDevice(deviceMib(words), habits);
  const port = await device.start();
  reader = access.openReader({ host: '127.0.0.1', port }, { version, community: 'public' });
  state = new DeviceState();
}

async function poll(catalogue = bare): Promise<Poll> {
  device.requests.length = 0;
  const plan = {
    device: 'd',
    intervalMs: MINUTE,
    slowIntervalMs: MINUTE,
    inventoryIntervalMs: HOUR,
    processId: 'p',
  };
  return await pollDevice(reader, plan, state, { times: clock, catalogue }, new AbortController().signal);
}

function tableOf(of: Poll, name: Table['name']): Table | undefined {
  return of.tables.findLast((table) => table.name === name);
}

/** Octets in by interface key: the narrow counter where there is no wide one. */
function octetsIn(of: Poll): Record<string, bigint | null> {
  const table = tableOf(of, 'interface');
  if (table === undefined) return {};
  const keys = textsOf(table, 'interfaceKey') ?? [];
  const at = (name: string, row: number): bigint | null => {
    const column = countersOf(table, name);
    return column === undefined ? null : counterAt(column, row);
  };
  return Object.fromEntries(
    keys.map((key, row) => [key ?? '?', at('ifHCInOctets', row) ?? at('ifInOctets', row)] as const),
  );
}

const asks = (oid: string): boolean =>
  device.requests.some((request) => request.oids.some((one) => one.startsWith(`${oid}.`) || one === oid));

const ports = (count: number, more: Partial<PortWords> = {}): PortWords[] =>
  Array.from({ length: count }, (_, at) => ({
    index: at + 1,
    descr: `port ${at + 1}`,
    name: `p${at + 1}`,
    in: 2n ** 63n + BigInt(at),
    ...more,
  }));

beforeEach(async () => {
  clock = new ShiftedClock();
  const deps = { clock, lookup, random: seededRandom(11), environment: {} };
  access = new SnmpAccess(silentReporter().reporter, { timeoutMs: 300, retries: 1 }, deps);
  await access.start();
});

afterEach(async () => {
  await access.stop();
  await device.stop();
});

describe('what a poll brings', () => {
  test('first everything, then counters and status only, in one request for a small device', async () => {
    await connect({ ports: ports(3, { discontinuity: 77 }), lastChange: 500 });
    const first = await poll();
    expect(first).toMatchObject({
      outcome: 'complete',
      failure: null,
      device: 'd',
      processId: 'p',
      intervalMs: MINUTE,
    });
    expect(first.tables.map((table) => table.name)).toEqual(['system', 'interface-inventory', 'interface']);
    expect(octetsIn(first)).toEqual({ p1: 2n ** 63n, p2: 2n ** 63n + 1n, p3: 2n ** 63n + 2n });

    const second = await poll();
    expect(second.tables.map((table) => table.name)).toEqual(['interface']);
    expect(second.requests).toBe(1);
    const table = tableOf(second, 'interface');
    expect(table?.segments).toMatchObject([{ firstRow: 0, uptimeTicks: 1_000_000 }]);
    expect([...(numbersOf(table as Table, 'ifCounterDiscontinuityTime') ?? [])]).toEqual([77, 77, 77]);
    expect([...(numbersOf(table as Table, 'ifOperStatus') ?? [])]).toEqual([1, 1, 1]);
    expect([...(numbersOf(table as Table, 'ifSpeedBps') ?? [])]).toEqual([1e9, 1e9, 1e9]);
  });

  test('sysUpTime and ifCounterDiscontinuityTime come in every request that brings octets, also where a row does not fit an answer', async () => {
    await connect({ ports: ports(40, { discontinuity: 1 }) });
    habits.tooBigAbove = 6;
    await poll();
    const second = await poll();
    expect(second.outcome).toBe('complete');
    expect(octetsIn(second)['p40']).toBe(2n ** 63n + 39n);
    const withOctets = device.requests.filter(({ oids }) => oids.some((oid) => oid.startsWith(`${IN}`)));
    expect(withOctets.length).toBeGreaterThan(1);
    for (const { oids } of withOctets) {
      expect(oids[0]).toBe(SYS_UPTIME);
      expect(oids.some((oid) => oid.startsWith(DISCONTINUITY))).toBe(true);
      expect(oids.some((oid) => oid.startsWith(OUT))).toBe(true);
    }
  });

  test('a restart between two requests for the columns of one row: what came after it does not bear the clocks from before', async () => {
    const narrow = { width: 32, speed: 100_000_000 } as const;
    await connect({ ports: ports(3, { ...narrow, in: 3_000_000_000n, out: 4_200_000_000n }) });
    habits.tooBigAbove = 3;
    await poll();
    await poll();
    const after = deviceMib({ ports: ports(3, { ...narrow, in: 10n, out: 20n }), uptime: 50 });
    let restarts = true;
    habits.rewrite = (found) => {
      if (!restarts || !found.some(({ oid }) => oid.startsWith(`${NARROW_OUT}.`))) return found;
      restarts = false;
      device.setMib(after);
      return found.map((object) => after.find(({ oid }) => oid === object.oid) ?? object);
    };
    const table = tableOf(await poll(), 'interface');
    expect(restarts).toBe(false);
    const outs = table === undefined ? undefined : countersOf(table, 'ifOutOctets');
    for (const segment of table?.segments ?? [])
      if ((segment.uptimeTicks ?? 0) > 50) expect([...(outs?.present ?? [])]).not.toContain(1);
    delete habits.rewrite;
    const next = tableOf(await poll(), 'interface') as Table;
    expect(new Set(next.segments.map(({ uptimeTicks }) => uptimeTicks))).toEqual(new Set([50]));
    expect([...(countersOf(next, 'ifOutOctets')?.values ?? [])]).toEqual([20n, 20n, 20n]);
  });

  test('speed: ifHighSpeed where it is not 0, else ifSpeed', async () => {
    await connect({
      ports: [
        { index: 1, descr: 'a', speed: 4_294_967_295, highSpeed: 100_000 },
        { index: 2, descr: 'b', speed: 64_000, highSpeed: 0 },
        { index: 3, descr: 'c', speed: 10_000_000 },
      ],
    });
    const table = tableOf(await poll(), 'interface-inventory') as Table;
    expect([...(numbersOf(table, 'ifSpeedBps') ?? [])]).toEqual([100e9, 64_000, 10e6]);
  });

  test('the 32-bit twin only where a row lacks the 64-bit counter', async () => {
    await connect({
      ports: [
        { index: 1, descr: 'wide', in: 2n ** 40n },
        { index: 2, descr: 'narrow', in: 4_000_000_000n, width: 32 },
      ],
    });
    for (let turn = 0; turn < 2; turn += 1) {
      const table = tableOf(await poll(), 'interface') as Table;
      expect([...(countersOf(table, 'ifHCInOctets')?.present ?? [])]).toEqual([1, 0]);
      expect([...(countersOf(table, 'ifInOctets')?.present ?? [])]).toEqual([0, 1]);
      expect(countersOf(table, 'ifInOctets')?.values[1]).toBe(4_000_000_000n);
      expect(countersOf(table, 'ifInOctets')?.width).toBe(32);
    }
  });

  test('where every row has the wide counter the twins are not asked for again', async () => {
    await connect({ ports: ports(3) });
    await poll();
    await poll();
    expect(asks(IN)).toBe(true);
    expect(asks(NARROW_IN)).toBe(false);
  });

  test('a device without ifXTable: ifDescr names its interfaces, 32-bit counters count them, nothing else is asked for', async () => {
    await connect({ ports: ports(3, { name: null, width: 32, in: 77n }) });
    expect(octetsIn(await poll())).toEqual({ 'port 1': 77n, 'port 2': 77n, 'port 3': 77n });
    const second = await poll();
    expect(octetsIn(second)).toEqual({ 'port 1': 77n, 'port 2': 77n, 'port 3': 77n });
    expect(asks(IN)).toBe(false);
    expect(second.requests).toBe(1);
  });

  test('interfaces that bear one name keep meters apart', async () => {
    await connect({
      ports: [
        { index: 1, descr: 'same', in: 1n },
        { index: 2, descr: 'same', in: 2n },
        { index: 3, descr: 'other', in: 3n },
      ],
    });
    expect(octetsIn(await poll())).toEqual({ 'same#1': 1n, 'same#2': 2n, other: 3n });
  });

  test('a device without interfaces is complete and empty', async () => {
    await connect({ ports: [] });
    expect(await poll()).toMatchObject({ outcome: 'complete', failure: null });
    expect(await poll()).toMatchObject({ outcome: 'complete', failure: null });
  });
});

describe('version 1', () => {
  test('GETNEXT only, 32-bit counters only', async () => {
    await connect({ ports: ports(3, { in: 5n }) }, '1');
    const first = await poll();
    expect(first).toMatchObject({ outcome: 'complete', failure: null });
    expect(octetsIn(first)).toEqual({ p1: 5n, p2: 5n, p3: 5n });
    expect(new Set(device.requests.map((request) => request.type))).toEqual(new Set([PDU.get, PDU.getNext]));
    expect(octetsIn(await poll())).toEqual({ p1: 5n, p2: 5n, p3: 5n });
  });

  test('a device whose objects end before IF-MIB knows ifTableLastChange', async () => {
    await connect({ ports: ports(3, { name: null, width: 32, in: 9n }) }, '1');
    const first = await poll();
    expect(first).toMatchObject({ outcome: 'complete', failure: null });
    expect(octetsIn(first)).toEqual({ 'port 1': 9n, 'port 2': 9n, 'port 3': 9n });
  });
});

describe('a device without sysUpTime', () => {
  test('is polled, says nothing of its clock, and its names come along to show a change', async () => {
    await connect({ ports: ports(2), uptime: null });
    await poll();
    const second = await poll();
    expect(second.outcome).toBe('complete');
    expect(tableOf(second, 'interface')?.segments).toMatchObject([{ uptimeTicks: null }]);
    expect(asks(IF_NAME)).toBe(true);
    device.setMib(
      deviceMib({
        ports: [
          { index: 1, descr: 'x', name: 'p2', in: 22n },
          { index: 2, descr: 'y', name: 'p1', in: 11n },
        ],
        uptime: null,
      }),
    );
    expect(octetsIn(await poll())).toEqual({ p1: 11n, p2: 22n });
  });
});

describe('an index that means another interface', () => {
  const before = {
    ports: [
      { index: 1, descr: 'a', in: 100n },
      { index: 2, descr: 'b', in: 200n },
    ],
  };
  const swapped = {
    ports: [
      { index: 1, descr: 'b', in: 7n },
      { index: 2, descr: 'a', in: 5n },
    ],
  };

  test('is noticed by the name that comes along', async () => {
    await connect(before);
    await poll();
    device.setMib(deviceMib(swapped));
    const second = await poll();
    expect(octetsIn(second)).toEqual({ a: 5n, b: 7n });
    expect(second.tables.map((table) => table.name)).toEqual(['system', 'interface-inventory', 'interface']);
  });

  test('is noticed by ifTableLastChange', async () => {
    await connect({ ...before, lastChange: 10 });
    await poll();
    device.setMib(deviceMib({ ...swapped, lastChange: 20 }));
    expect(octetsIn(await poll())).toEqual({ a: 5n, b: 7n });
  });

  test('is noticed after a restart', async () => {
    await connect({ ...before, lastChange: 10 });
    await poll();
    device.setMib(deviceMib({ ...swapped, lastChange: 10, uptime: 300 }));
    expect(octetsIn(await poll())).toEqual({ a: 5n, b: 7n });
  });

  test('is noticed after a silence so long that the new boot has lasted longer than the old one had', async () => {
    await connect({ ...before, lastChange: 10, uptime: 6000 });
    await poll();
    clock.leap(HOUR / 2);
    device.setMib(deviceMib({ ...swapped, lastChange: 10, uptime: 30_000 }));
    expect(octetsIn(await poll())).toEqual({ a: 5n, b: 7n });
  });

  test('is noticed where the restart falls between two answers of one walk', async () => {
    const many = (name: (at: number) => string, value: bigint): PortWords[] =>
      Array.from({ length: 60 }, (_, at) => ({ index: at + 1, descr: name(at), in: value }));
    await connect({ ports: many((at) => `x${at}`, 1000n), lastChange: 10 });
    await poll();
    let answers = 0;
    habits.rewrite = (found) => {
      answers += 1;
      if (answers === 1) {
        device.setMib(deviceMib({ ports: many((at) => `x${59 - at}`, 3n), lastChange: 10, uptime: 50 }));
      }
      return found;
    };
    const second = await poll();
    expect(octetsIn(second)).toEqual(Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`x${at}`, 3n])));
  });

  test('no counter goes out under an old name while the new ones cannot be read', async () => {
    await connect({ ...before, lastChange: 10 });
    await poll();
    device.setMib(deviceMib({ ...swapped, lastChange: 20 }));
    // Whatever asks for ifDescr is lost.
    habits.silentWhere = (found) => found.some((object) => object.oid.startsWith('1.3.6.1.2.1.2.2.1.2.'));
    const second = await poll();
    expect(second.outcome).toBe('partial');
    expect(octetsIn(second)).toEqual({});
    delete habits.silentWhere;
    expect(octetsIn(await poll())).toEqual({ a: 5n, b: 7n });
  });

  test('an agent that renews ifTableLastChange with every look is not read thrice a poll for ever, and not left unbilled', async () => {
    let change = 10;
    await connect({ ...before, lastChange: change });
    habits.rewrite = (found) => {
      change += 1;
      device.setMib(deviceMib({ ...before, lastChange: change }));
      return found;
    };
    const seen: Record<string, bigint | null>[] = [];
    for (let turn = 0; turn < 5; turn += 1) seen.push(octetsIn(await poll()));
    expect(seen.slice(2)).toEqual(Array.from({ length: 3 }, () => ({ a: 100n, b: 200n })));
    const last = await poll();
    expect(last.requests).toBe(1);
    device.setMib(deviceMib(swapped));
    delete habits.rewrite;
    expect(octetsIn(await poll())).toEqual({ a: 5n, b: 7n });
  });

  test('an agent that renews it from poll to poll is trusted no more after a few times', async () => {
    await connect({ ...before, lastChange: 10 });
    let requests = 0;
    for (let turn = 0; turn < 6; turn += 1) {
      device.setMib(deviceMib({ ...before, lastChange: 100 + turn }));
      const one = await poll();
      requests = one.requests;
      expect(octetsIn(one)).toEqual({ a: 100n, b: 200n });
    }
    expect(requests).toBe(1);
  });
});

describe('what changes on a device that goes on', () => {
  test('a port that is added counts from its first poll, also where only it has 32-bit counters', async () => {
    await connect({ ports: ports(2, { in: 1n }), lastChange: 1 });
    await poll();
    await poll();
    const added = { index: 9, descr: 'tunnel', in: 42n, width: 32 } as const;
    device.setMib(deviceMib({ ports: [...ports(2, { in: 1n }), added], lastChange: 2 }));
    expect(octetsIn(await poll())).toEqual({ p1: 1n, p2: 1n, tunnel: 42n });
    expect(octetsIn(await poll())).toEqual({ p1: 1n, p2: 1n, tunnel: 42n });
  });

  test('64-bit counters that a new software brings are found with the restart', async () => {
    await connect({ ports: ports(2, { width: 32, in: 3n }), lastChange: 1 });
    await poll();
    device.setMib(deviceMib({ ports: ports(2), lastChange: 1, uptime: 400 }));
    expect(octetsIn(await poll())).toEqual({ p1: 2n ** 63n, p2: 2n ** 63n + 1n });
  });

  test('names are read again after an hour, and an alias with them', async () => {
    await connect({ ports: ports(1), lastChange: 1 });
    await poll();
    device.setMib(deviceMib({ ports: ports(1, { alias: 'customer 7' }), lastChange: 1, uptime: 1_400_000 }));
    expect(tableOf(await poll(), 'interface-inventory')).toBeUndefined();
    clock.leap(HOUR);
    const table = tableOf(await poll(), 'interface-inventory') as Table;
    expect(textsOf(table, 'ifAlias')).toEqual(['customer 7']);
  });

  test('a device that is slow to say what it is loses no counters for it', async () => {
    await connect({ ports: ports(2, { in: 8n }), lastChange: 1 });
    await poll();
    clock.leap(HOUR);
    // The hourly look at the system group is lost.
    habits.silentWhere = (found) => found.some((object) => object.oid === '1.3.6.1.2.1.1.1.0');
    const second = await poll();
    expect(second).toMatchObject({ outcome: 'partial', failure: 'snmp_timeout' });
    expect(octetsIn(second)).toEqual({ p1: 8n, p2: 8n });
  });
});

describe('a device that is slower than its interval', () => {
  const INTERVAL = 1000;

  /** A poll that is over after so many answers, which is how long a slow device lets it go on. */
  async function pollCut(answers: number): Promise<Poll> {
    device.requests.length = 0;
    const deadline = new AbortController();
    let given = 0;
    habits.rewrite = (found) => {
      given += 1;
      if (given > answers) deadline.abort('over');
      return found;
    };
    const plan = {
      device: 'd',
      intervalMs: INTERVAL,
      slowIntervalMs: HOUR,
      inventoryIntervalMs: HOUR,
      processId: 'p',
    };
    return await pollDevice(reader, plan, state, { times: clock, catalogue: bare }, deadline.signal);
  }

  test('names that take several polls come together, and then every interface is counted in its turn', async () => {
    await connect({ ports: ports(120, { in: 7n }), lastChange: 1 });
    const counted = new Map<string, bigint | null>();
    const outcomes: string[] = [];
    let named = 0;
    for (let turn = 0; turn < 20; turn += 1) {
      const one = await pollCut(4);
      outcomes.push(`${one.outcome} ${one.failure}`);
      const inventory = tableOf(one, 'interface-inventory');
      named = Math.max(named, inventory?.index.length ?? 0);
      for (const [key, value] of Object.entries(octetsIn(one))) counted.set(key, value);
      clock.leap(INTERVAL);
    }
    expect(named).toBe(120);
    expect(counted.size).toBe(120);
    expect(new Set(counted.values())).toEqual(new Set([7n]));
    // It is told at each of them that the time was over.
    expect(new Set(outcomes)).toEqual(new Set(['partial poll_deadline']));
    // Once the device is quick all comes at once, and the columns it does not have are asked for no more.
    const last = [await pollCut(1000), await pollCut(1000)];
    expect(last.at(-1)).toMatchObject({ outcome: 'complete', failure: null });
    expect(Object.keys(octetsIn(last.at(-1) as Poll)).length).toBe(120);
    expect(asks(NARROW_IN)).toBe(false);
  });

  test('each row of a table that takes several polls has the clocks of its own answer', async () => {
    await connect({ ports: ports(60, { in: 7n }), lastChange: 1 });
    await poll();
    const before = clock.monotonicMs();
    const read = [await pollCut(1), await pollCut(1)];
    const [first, second] = read.map((one) => tableOf(one, 'interface'));
    expect(first?.index.length).toBeGreaterThan(0);
    expect(second?.index[0]).toBe(String((first?.index.length ?? 0) + 1));
    expect(first?.segments[0]?.firstRow).toBe(0);
    expect(second?.segments[0]?.firstRow).toBe(0);
    expect(second?.segments[0]?.monotonicMs).toBeGreaterThan(first?.segments[0]?.monotonicMs ?? 0);
    expect(first?.segments[0]?.monotonicMs).toBeGreaterThanOrEqual(before);
  });

  test('a change between the visits makes it begin anew: no name of before goes with a counter of after', async () => {
    await connect({ ports: ports(60, { in: 1n }), lastChange: 1, uptime: 100_000 });
    await pollCut(3);
    expect(state.inventoryInHand).toBe(true);
    clock.leap(INTERVAL);
    // The device restarts, and every index means another port.
    const turned = Array.from({ length: 60 }, (_, at) => ({
      index: at + 1,
      descr: `q${60 - at}`,
      in: BigInt(60 - at),
    }));
    const counted = new Map<string, bigint | null>();
    for (let turn = 0; turn < 30; turn += 1) {
      device.setMib(deviceMib({ ports: turned, lastChange: 1, uptime: 50 + turn * 110 }));
      for (const [key, value] of Object.entries(octetsIn(await pollCut(4)))) {
        expect(value).toBe(BigInt(key.slice(1)));
        counted.set(key, value);
      }
      clock.leap(INTERVAL);
    }
    expect(counted.size).toBe(60);
  });

  test('a device that goes dead in the middle of its names is dead, and what it had said is not told again', async () => {
    await connect({ ports: ports(60), lastChange: 1 });
    await pollCut(3);
    habits.dead = true;
    delete habits.rewrite;
    expect(await poll()).toMatchObject({ outcome: 'failed', failure: 'snmp_timeout', tables: [] });
    habits.dead = false;
    expect((await poll()).outcome).toBe('complete');
  });
});

describe('what is sent of counters and clocks', () => {
  test('32-bit counters that wrapped within one interval at 10 Gbit/s: what the device says, with its width, and the speed to judge by', async () => {
    const port = (octets: bigint): PortWords => ({ index: 1, descr: 'x', in: octets, width: 32, highSpeed: 10_000 });
    await connect({ ports: [port(4_294_967_000n)], lastChange: 1 });
    await poll();
    // In 60 s at full rate it wraps 17 times: nothing is made of it here.
    device.setMib(deviceMib({ ports: [port(4_294_967_000n + 75_000_000_000n)], lastChange: 1, uptime: 1_006_000 }));
    const table = tableOf(await poll(), 'interface') as Table;
    expect(countersOf(table, 'ifInOctets')).toMatchObject({ width: 32 });
    expect(countersOf(table, 'ifInOctets')?.values[0]).toBe((4_294_967_000n + 75_000_000_000n) % 2n ** 32n);
    expect([...(numbersOf(table, 'ifSpeedBps') ?? [])]).toEqual([10e9]);
    expect(countersOf(table, 'ifHCInOctets')).toBeUndefined();
  });

  test('an uptime that wraps after 497 days: sent as it is, names are read again, and no counter is left out', async () => {
    const near = 2 ** 32 - 100;
    await connect({ ports: ports(2, { in: 5n }), lastChange: 1, uptime: near });
    await poll();
    clock.leap(MINUTE);
    const after = (near + 6000) % 2 ** 32;
    device.setMib(deviceMib({ ports: ports(2, { in: 9n }), lastChange: 1, uptime: after }));
    const second = await poll();
    expect(second.outcome).toBe('complete');
    expect(octetsIn(second)).toEqual({ p1: 9n, p2: 9n });
    expect(tableOf(second, 'interface')?.segments[0]?.uptimeTicks).toBe(after);
    clock.leap(MINUTE);
    device.setMib(deviceMib({ ports: ports(2, { in: 12n }), lastChange: 1, uptime: after + 6000 }));
    const third = await poll();
    expect(third.tables.map((table) => table.name)).toEqual(['interface']);
  });

  test('a reboot between two polls: the new uptime stands beside the new counters, which went back', async () => {
    await connect({ ports: ports(2, { in: 1_000_000n }), lastChange: 1, uptime: 500_000 });
    const first = await poll();
    clock.leap(MINUTE);
    device.setMib(deviceMib({ ports: ports(2, { in: 3n }), lastChange: 1, uptime: 2000 }));
    const second = await poll();
    const clocks = [first, second].map((one) =>
      tableOf(one, 'interface')?.segments.map((segment) => segment.uptimeTicks),
    );
    expect(clocks).toEqual([[500_000], [2000]]);
    expect(octetsIn(second)).toEqual({ p1: 3n, p2: 3n });
    expect(second.tables.map((table) => table.name)).toEqual(['system', 'interface-inventory', 'interface']);
  });

  test('two billed ports that change places keep their meters by name', async () => {
    const swap = (first: string, second: string): PortWords[] => [
      { index: 10, descr: first, in: first === 'customer-a' ? 111n : 222n },
      { index: 11, descr: second, in: second === 'customer-a' ? 111n : 222n },
    ];
    await connect({ ports: swap('customer-a', 'customer-b') });
    await poll();
    device.setMib(deviceMib({ ports: swap('customer-b', 'customer-a') }));
    const second = await poll();
    expect(octetsIn(second)).toEqual({ 'customer-a': 111n, 'customer-b': 222n });
    const table = tableOf(second, 'interface') as Table;
    expect(table.index).toEqual(['10', '11']);
    expect(textsOf(table, 'interfaceKey')).toEqual(['customer-b', 'customer-a']);
  });

  test('an alias that is not UTF-8 is Latin-1, one that is stays, and neither loses a row', async () => {
    await connect({
      ports: [
        { index: 1, descr: 'a', alias: 'Müller' },
        { index: 2, descr: 'b', in: 4n },
      ],
      more: [
        {
          oid: '1.3.6.1.2.1.31.1.1.1.18.2',
          tag: TAG.octets,
          value: Uint8Array.of(0x4d, 0xfc, 0x6c, 0x6c, 0x65, 0x72, 0),
        },
      ],
      lastChange: 1,
    });
    const one = await poll();
    expect(textsOf(tableOf(one, 'interface-inventory') as Table, 'ifAlias')).toEqual(['Müller', 'Müller']);
    expect(octetsIn(one)['b']).toBe(4n);
  });
});

describe('what could not be read', () => {
  test('a silent device: failed, with the code, and no tables', async () => {
    await connect({ ports: ports(2) });
    await poll();
    habits.dead = true;
    expect(await poll()).toMatchObject({ outcome: 'failed', failure: 'snmp_timeout', tables: [] });
  });

  test('a device that never answered: failed', async () => {
    await connect({ ports: ports(2) });
    habits.dead = true;
    expect(await poll()).toMatchObject({ outcome: 'failed', failure: 'snmp_timeout', tables: [] });
  });

  test('a table cut short is partial, and its rows are true', async () => {
    await connect({ ports: ports(50), lastChange: 1 });
    await poll();
    let answers = 0;
    habits.drop = () => {
      answers += 1;
      return answers > 4; // two requests and their answers
    };
    const second = await poll();
    expect(second).toMatchObject({ outcome: 'partial', failure: 'snmp_timeout' });
    const table = tableOf(second, 'interface') as Table;
    expect(table.complete).toBe(false);
    expect(table.index.length).toBeGreaterThan(0);
    expect(table.index.length).toBeLessThan(50);
    for (const [key, value] of Object.entries(octetsIn(second)))
      expect(value).toBe(2n ** 63n + BigInt(Number(key.slice(1)) - 1));
  });

  test('a device that fell silent is not waited for once a table', async () => {
    await connect({ ports: ports(50), lastChange: 1 });
    const full = loadProfiles('config/profiles');
    await poll(full);
    clock.leap(MINUTE);
    let answers = 0;
    habits.drop = () => {
      answers += 1;
      return answers > 4;
    };
    const second = await poll(full);
    // Two answered, the third tried twice, and whether it lives asked twice.
    expect(second.requests).toBe(6);
    delete habits.drop;
    // What the first poll found nothing of is not asked for again before the names are.
    state.emptyRules.clear();
    const third = await poll(full);
    expect(third.outcome).toBe('complete');
    expect(third.requests).toBeGreaterThan(6);
  });

  test('a table of which nothing came is named, and the others are there', async () => {
    await connect({ ports: ports(2), lastChange: 1 });
    const full = loadProfiles('config/profiles');
    const HR_PROCESSOR = '1.3.6.1.2.1.25.3.3.1.2';
    habits.silentWhere = () => device.requests.at(-1)?.oids.some((oid) => oid.startsWith(HR_PROCESSOR)) === true;
    const one = await poll(full);
    expect(one).toMatchObject({ outcome: 'partial', failure: 'table_incomplete' });
    expect(one.tables.filter((table) => !table.complete).map((table) => table.name)).toEqual(['processor']);
    expect(Object.keys(octetsIn(one))).toEqual(['p1', 'p2']);
  });

  test('a table out of order is told, and its rows are kept', async () => {
    await connect({ ports: ports(5), lastChange: 1 });
    habits.rewrite = (found) =>
      found.map(
        (object): MibObject => (object.oid === `${IN}.4` ? { ...object, oid: `${IN}.2`, tag: TAG.counter64 } : object),
      );
    const one = await poll();
    expect(one).toMatchObject({ outcome: 'partial', failure: 'snmp_oid_not_increasing' });
    expect(tableOf(one, 'interface')?.complete).toBe(false);
    expect(columnOf(tableOf(one, 'interface') as Table, 'ifHCOutOctets')).toBeDefined();
  });
});
