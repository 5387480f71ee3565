// The walk of a table against a device with every bad habit that is known from the field.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SnmpAccess } from '../../../agent/snmp/access.ts';
import { TAG } from '../../../agent/snmp/ber.ts';
import { PDU } from '../../../agent/snmp/pdu.ts';
import type {
  ColumnRequest,
  DeviceReader,
  ReadTable,
  RememberingReader,
  Resumption,
} from '../../../agent/snmp/table-reader.ts';
import { type Habits, type MibObject, ScriptedDevice } from '../../support/scripted-device.ts';
import { PUBLIC, seededRandom, testAccess } from '../../support/snmp-access.ts';

const ENTRY = '1.3.6.1.2.1.2.2.1';
const X_ENTRY = '1.3.6.1.2.1.31.1.1.1';
const COLUMNS: readonly ColumnRequest[] = [
  { name: 'ifHCInOctets', oid: `${X_ENTRY}.6`, form: 'counter64' },
  { name: 'ifHCOutOctets', oid: `${X_ENTRY}.10`, form: 'counter64' },
  { name: 'ifOperStatus', oid: `${ENTRY}.8`, form: 'number' },
  { name: 'ifDescr', oid: `${ENTRY}.2`, form: 'text' },
];

const system: readonly MibObject[] = [
  { oid: '1.3.6.1.2.1.1.1.0', tag: TAG.octets, value: 'scripted' },
  { oid: '1.3.6.1.2.1.1.3.0', tag: TAG.timeTicks, value: 424_242 },
];

function rowObjects(index: number): MibObject[] {
  return [
    { oid: `${ENTRY}.2.${index}`, tag: TAG.octets, value: `port ${index}` },
    { oid: `${ENTRY}.8.${index}`, tag: TAG.integer, value: 1 },
    { oid: `${X_ENTRY}.6.${index}`, tag: TAG.counter64, value: 2n ** 63n + BigInt(index) },
    { oid: `${X_ENTRY}.10.${index}`, tag: TAG.counter64, value: BigInt(index) * 10n },
  ];
}

function mibOf(indexes: readonly number[]): MibObject[] {
  return [...system, ...indexes.flatMap(rowObjects), { oid: '1.3.6.1.2.1.99.1', tag: TAG.integer, value: 1 }];
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1);

let access: SnmpAccess;
let metrics: () => Promise<string>;
let device: ScriptedDevice;

async function reader(
  indexes: readonly number[],
  habits: Habits = {},
  version: '1' | '2c' = '2c',
): Promise<RememberingReader> {
  device = new ScriptedDevice(mibOf(indexes), habits);
  const port = await device.start();
  const owner = { device: 'scripted', replyAddress: 'strict' } as const;
  return access.openReader({ host: '127.0.0.1', port }, { version, community: PUBLIC.community }, owner);
}

const read = (from: DeviceReader, columns = COLUMNS): Promise<ReadTable> => from.readTable({ name: 'test', columns });

/** What must hold of any table whatever the device did: no row is mixed up with another. */
function expectRowsTrue(table: ReadTable): void {
  const [inOctets, outOctets, , descr] = table.columns;
  for (const [row, index] of table.index.entries()) {
    if (inOctets?.kind === 'counter' && inOctets.present[row] === 1) {
      expect(inOctets.values[row]).toBe(2n ** 63n + BigInt(index));
    }
    if (outOctets?.kind === 'counter' && outOctets.present[row] === 1) {
      expect(outOctets.values[row]).toBe(BigInt(index) * 10n);
    }
    if (descr?.kind === 'text' && descr.values[row] !== null) expect(descr.values[row]).toBe(`port ${index}`);
  }
}

beforeEach(async () => {
  const made = testAccess({ timeoutMs: 200, retries: 1 });
  access = made.access;
  metrics = made.metrics;
  await access.start();
});
afterEach(async () => {
  await access.stop();
  await device.stop();
});

describe('a well-behaved device', () => {
  test('every row comes once, whole, with the clock of its own answer', async () => {
    const table = await read(await reader(upTo(100)));
    expect(table).toMatchObject({ complete: true, failure: null });
    expect(table.index).toEqual(upTo(100).map(String));
    expectRowsTrue(table);
    expect(table.segments.length).toBeGreaterThan(3);
    expect(table.segments[0]?.firstRow).toBe(0);
    for (const segment of table.segments) expect(segment.uptimeTicks).toBe(424_242);
  });

  test('the second walk asks for exactly the rows there are and one more', async () => {
    const from = await reader(upTo(10));
    await read(from);
    device.requests.length = 0;
    await read(from);
    expect(device.requests.map((request) => request.maxRepetitions)).toEqual([11]);
  });

  test('answers are as large as a frame allows', async () => {
    const from = await reader(upTo(200));
    await read(from);
    const { receivedBytes, requests } = from.traffic;
    expect(receivedBytes / requests).toBeGreaterThan(900);
    expect(from.memoryOf('test').bytesPerRow).toBeGreaterThan(60);
  });

  test('version 1: GETNEXT, and noSuchName ends the table', async () => {
    const narrow = COLUMNS.filter((column) => column.form !== 'counter64');
    const from = await reader(upTo(7), {}, '1');
    device.setMib([
      ...system,
      ...upTo(7)
        .flatMap(rowObjects)
        .filter((object) => object.oid.startsWith(ENTRY)),
    ]);
    const table = await from.readTable({ name: 'test', columns: narrow });
    expect(table).toMatchObject({ complete: true, failure: null });
    expect(table.index).toEqual(upTo(7).map(String));
  });

  test('endOfMibView ends the table', async () => {
    const from = await reader([]);
    device.setMib([...system, ...upTo(5).flatMap(rowObjects)]);
    const table = await read(from);
    expect(table.complete).toBe(true);
    expect(table.index).toEqual(upTo(5).map(String));
  });

  test('a table that does not exist is complete and empty', async () => {
    const table = await read(await reader([]));
    expect(table).toMatchObject({ complete: true, index: [], segments: [] });
  });

  test('a table that grew is read to its end', async () => {
    const from = await reader(upTo(3));
    await read(from);
    device.setMib(mibOf(upTo(60)));
    const table = await read(from);
    expect(table.complete).toBe(true);
    expect(table.index.length).toBe(60);
  });
});

describe('columns with holes', () => {
  test('rows that some columns lack come with what they have', async () => {
    const holes = (object: MibObject): boolean => {
      const index = Number(object.oid.split('.').at(-1));
      if (object.oid.startsWith(`${X_ENTRY}.6.`)) return index % 3 !== 0;
      if (object.oid.startsWith(`${ENTRY}.2.`)) return index < 20;
      return true;
    };
    const from = await reader([]);
    device.setMib([...system, ...upTo(50).flatMap(rowObjects).filter(holes)]);
    const table = await read(from);
    expect(table.complete).toBe(true);
    expect(table.index).toEqual(upTo(50).map(String));
    expectRowsTrue(table);
    const [inOctets, outOctets, , descr] = table.columns;
    expect(
      inOctets?.kind === 'counter' &&
        [...inOctets.present].map((is, row) => (is === 1) === ((row + 1) % 3 !== 0)).every(Boolean),
    ).toBe(true);
    expect(outOctets?.kind === 'counter' && outOctets.present.every((is) => is === 1)).toBe(true);
    expect(descr?.kind === 'text' && descr.values.filter((text) => text !== null).length).toBe(19);
  });

  test('an index far ahead in one column does not hide rows of the others', async () => {
    const from = await reader([]);
    device.setMib([...mibOf([1, 2, 3]), ...rowObjects(1_000_000).slice(0, 2)]);
    const table = await read(from);
    expect(table.index).toEqual(['1', '2', '3', '1000000']);
    expectRowsTrue(table);
  });
});

describe('a device that cannot take large requests', () => {
  test('silence above N varbinds: the size is halved in the same poll, and remembered', async () => {
    const from = await reader(upTo(60), { silentAbove: 20 });
    const table = await read(from);
    expect(table).toMatchObject({ complete: true, failure: null });
    expect(table.index.length).toBe(60);
    const ceiling = from.memoryOf('test').ceiling;
    expect(ceiling).toBeLessThanOrEqual(5);
    device.requests.length = 0;
    const before = from.traffic.retries;
    expect((await read(from)).complete).toBe(true);
    expect(from.traffic.retries).toBe(before);
  });

  test('tooBig: the size is halved without waiting', async () => {
    const from = await reader(upTo(60), { tooBigAbove: 20 });
    expect(await read(from)).toMatchObject({ complete: true, failure: null });
    expect(from.traffic.retries).toBe(0);
  });

  test('answers cut in the middle of a row: the row is asked for again', async () => {
    const table = await read(await reader(upTo(60), { truncateAt: 15 }));
    expect(table).toMatchObject({ complete: true, failure: null });
    expect(table.index).toEqual(upTo(60).map(String));
    expectRowsTrue(table);
  });

  test('not even one row fits: the columns are split over requests', async () => {
    const from = await reader(upTo(12), { truncateAt: 3 });
    const table = await read(from);
    expect(table).toMatchObject({ complete: true, failure: null });
    expect(table.index).toEqual(upTo(12).map(String));
    expectRowsTrue(table);
    for (const column of table.columns) {
      if (column.kind === 'counter') expect(column.present.every((is) => is === 1)).toBe(true);
      if (column.kind === 'number') expect(column.values.every((value) => value === 1)).toBe(true);
    }
    expect(from.memoryOf('test').columnsPerRequest).toBeLessThanOrEqual(2);
  });

  test('the ceiling is raised slowly once the device can take more', async () => {
    const from = await reader(upTo(60), { silentAbove: 20 });
    await read(from);
    const low = from.memoryOf('test').ceiling;
    delete device.habits.silentAbove;
    for (let walk = 0; walk < 10; walk += 1) await read(from);
    const raised = from.memoryOf('test').ceiling;
    expect(raised).toBeGreaterThan(low);
    expect(raised).toBeLessThan(low + 8);
  });

  test('nothing fits at all: partial with a code, no endless halving', async () => {
    const from = await reader(upTo(5), { tooBigAbove: 0 });
    const table = await read(from);
    expect(table).toMatchObject({ complete: false, failure: 'snmp_too_big', index: [] });
    expect(device.requests.length).toBeLessThan(20);
  });
});

describe('another life', () => {
  const openAgain = (port: number): RememberingReader =>
    access.openReader({ host: '127.0.0.1', port }, { version: '2c', community: PUBLIC.community });

  test('that is told of the limits falls into no silence', async () => {
    device = new ScriptedDevice(mibOf(upTo(60)), { silentAbove: 20 });
    const port = await device.start();
    const first = openAgain(port);
    await read(first);
    expect(first.traffic.retries).toBeGreaterThan(0);
    const limits = first.limits();
    expect([...limits.keys()]).toEqual(['test']);
    const second = openAgain(port);
    second.recall(limits);
    expect(await read(second)).toMatchObject({ complete: true, failure: null });
    expect(second.traffic.retries).toBe(0);
  });

  test('a device that takes everything teaches nothing that is to be kept', async () => {
    device = new ScriptedDevice(mibOf(upTo(60)));
    const first = openAgain(await device.start());
    await read(first);
    expect(first.limits().size).toBe(0);
  });
});

describe('a reading that takes several visits', () => {
  /** Reads until its signal aborts after so many requests. */
  async function visit(from: RememberingReader, resume: Resumption, requests: number): Promise<ReadTable> {
    const deadline = new AbortController();
    const until = device.requests.length + requests;
    const reading = from.readTable({ name: 'test', columns: COLUMNS, signal: deadline.signal, resume });
    let over = false;
    const ended = reading.then(() => {
      over = true;
    });
    while (!over && device.requests.length < until) await new Promise((resolve) => setTimeout(resolve, 1));
    deadline.abort('over');
    await ended;
    return await reading;
  }

  test('whole: the rows of all visits, each once, with the clocks of their answers', async () => {
    const from = await reader(upTo(100), { delayMs: 5 });
    const whole = { how: 'whole', withinMs: 60_000 } as const;
    let table = await visit(from, whole, 3);
    expect(table).toMatchObject({ complete: false, failure: 'poll_deadline', part: { fromStart: true, toEnd: false } });
    let visits = 1;
    for (; !table.complete && visits < 20; visits += 1) table = await visit(from, whole, 3);
    expect(visits).toBeGreaterThan(2);
    expect(table.index).toEqual(upTo(100).map(String));
    expect(table.part).toMatchObject({ fromStart: false, toEnd: true });
    expectRowsTrue(table);
    expect((await visit(from, whole, 1000)).part).toMatchObject({ fromStart: true, toEnd: true, rowsBefore: 0 });
  });

  test('rest: each visit brings what it read, and together they are the table', async () => {
    const from = await reader(upTo(100), { delayMs: 5 });
    const rest = { how: 'rest', withinMs: 60_000 } as const;
    const indexes: string[] = [];
    for (let visits = 0; visits < 30; visits += 1) {
      const table = await visit(from, rest, 3);
      expectRowsTrue(table);
      expect(table.complete).toBe(false);
      expect(table.failure).toBe('poll_deadline');
      indexes.push(...table.index);
      if (table.part?.toEnd === true) break;
    }
    expect(indexes).toEqual(upTo(100).map(String));
  });

  test('not with other columns, not after its time, not where it is to begin anew', async () => {
    const from = await reader(upTo(100), { delayMs: 5 });
    const whole = { how: 'whole', withinMs: 60_000 } as const;
    for (const next of [
      { ...whole, anew: true },
      { ...whole, withinMs: 0 },
    ] as const) {
      await visit(from, { ...whole, anew: true }, 3);
      expect((await visit(from, next, 3)).part?.fromStart).toBe(true);
    }
    await visit(from, { ...whole, anew: true }, 3);
    const fewer = await from.readTable({ name: 'test', columns: COLUMNS.slice(1), resume: whole });
    expect(fewer).toMatchObject({ complete: true, part: { fromStart: true } });
  });

  test('columns that were split over requests all come, also over visits', async () => {
    const from = await reader(upTo(40), { truncateAt: 3, delayMs: 2 });
    await read(from);
    const whole = { how: 'whole', withinMs: 60_000 } as const;
    let table = await visit(from, whole, 10);
    for (let visits = 1; !table.complete && visits < 40; visits += 1) table = await visit(from, whole, 10);
    expect(table.index).toEqual(upTo(40).map(String));
    expectRowsTrue(table);
    for (const column of table.columns) {
      if (column.kind === 'counter') expect(column.present.every((is) => is === 1)).toBe(true);
    }
  });
});

describe('a large table', () => {
  test('20,000 rows come whole and in order, in datagrams near a frame', async () => {
    const from = await reader(upTo(20_000));
    const table = await read(from);
    expect(table).toMatchObject({ complete: true, failure: null });
    expect(table.index.length).toBe(20_000);
    expect(table.index.every((index, row) => index === String(row + 1))).toBe(true);
    expectRowsTrue(table);
    const { receivedBytes, requests } = from.traffic;
    expect(receivedBytes / requests).toBeGreaterThan(1000);
    expect(receivedBytes / requests).toBeLessThan(1400);
  });
});

describe('a device that goes in a circle', () => {
  test('the same answer for ever ends as partial', async () => {
    const from = await reader(upTo(10), {
      rewrite: (found) =>
        found.map((object) =>
          object.oid.endsWith('.10') ? { ...object, oid: object.oid.replace(/10$/, '3') } : object,
        ),
    });
    const table = await read(from);
    expect(table).toMatchObject({ complete: false, failure: 'snmp_oid_not_increasing' });
    expect(table.index).toEqual(upTo(9).map(String));
    expectRowsTrue(table);
    expect(device.requests.length).toBeLessThan(20);
  });

  test('a table without end stops at its bound', async () => {
    let next = 0;
    const from = await reader(upTo(1), {
      rewrite: (found) => {
        const [uptime, ...rest] = found;
        const rows = rest.map((object, at) => {
          const column = COLUMNS[at % COLUMNS.length]?.oid ?? '';
          next += at % COLUMNS.length === 0 ? 1 : 0;
          return { oid: `${column}.${next}`, tag: TAG.integer, value: 1, given: object };
        });
        return [...(uptime === undefined ? [] : [uptime]), ...rows];
      },
    });
    const table = await from.readTable({ name: 'test', columns: COLUMNS, mostRows: 500 });
    expect(table).toMatchObject({ complete: false, failure: 'snmp_walk_limit' });
    expect(table.index.length).toBeLessThan(700);
  });

  test('texts without end stop at a bound too: a device cannot fill the memory of the agent that has others to poll', async () => {
    const [descr] = COLUMNS.filter(({ form }) => form === 'text');
    if (descr === undefined) throw new Error('no column of text');
    const value = Buffer.alloc(60_000, 'x');
    let next = 0;
    const from = await reader(upTo(1), {
      rewrite: ([uptime]) => {
        next += 1;
        return [...(uptime === undefined ? [] : [uptime]), { oid: `${descr.oid}.${next}`, tag: TAG.octets, value }];
      },
    });
    const table = await from.readTable({ name: 'test', columns: [descr] });
    expect(table).toMatchObject({ complete: false, failure: 'snmp_walk_limit' });
    expect(table.index.length * value.length).toBeLessThan(40 * 1024 * 1024);
  });
});

describe('the network', () => {
  test('30 % loss each way: the table is complete and true', async () => {
    const random = seededRandom(11);
    const patient = testAccess({ timeoutMs: 40, retries: 6 });
    await patient.access.start();
    device = new ScriptedDevice(mibOf(upTo(80)), { drop: () => random() < 0.3 });
    const port = await device.start();
    const from = patient.access.openReader({ host: '127.0.0.1', port }, PUBLIC);
    const table = await read(from);
    await patient.access.stop();
    expect(table).toMatchObject({ complete: true, failure: null });
    expect(table.index.length).toBe(80);
    expectRowsTrue(table);
    expect(from.traffic.retries).toBeGreaterThan(0);
  });

  test('30 % loss each way with few retries: sizes are not taken down for ever', async () => {
    const random = seededRandom(5);
    const hasty = testAccess({ timeoutMs: 15, retries: 2 });
    await hasty.access.start();
    device = new ScriptedDevice(mibOf(upTo(200)), { drop: () => random() < 0.3 });
    const port = await device.start();
    const from = hasty.access.openReader({ host: '127.0.0.1', port }, PUBLIC);
    const rowsAsked: number[] = [];
    for (let walk = 0; walk < 12; walk += 1) {
      device.requests.length = 0;
      expectRowsTrue(await read(from));
      const asked = device.requests.filter((request) => request.type === PDU.getBulk);
      rowsAsked.push(asked.reduce((sum, request) => sum + request.maxRepetitions, 0) / asked.length);
    }
    // A frame has room for 12 of these rows: on average requests are not far below it, in the last walks as in the first.
    expect(Math.min(...rowsAsked.slice(2))).toBeGreaterThan(4);
    expect(from.memoryOf('test').columnsPerRequest).toBe(Number.POSITIVE_INFINITY);
    delete device.habits.drop;
    for (let walk = 0; walk < 4; walk += 1) expect((await read(from)).complete).toBe(true);
    expect(from.memoryOf('test').ceiling).toBeGreaterThan(12);
    await hasty.access.stop();
  });

  test('a device that is silent above a size is found out also where packets are lost', async () => {
    const random = seededRandom(23);
    const hasty = testAccess({ timeoutMs: 15, retries: 2 });
    await hasty.access.start();
    device = new ScriptedDevice(mibOf(upTo(60)), { silentAbove: 20, drop: () => random() < 0.15 });
    const port = await device.start();
    const from = hasty.access.openReader({ host: '127.0.0.1', port }, PUBLIC);
    for (let walk = 0; walk < 8; walk += 1) expectRowsTrue(await read(from));
    device.requests.length = 0;
    for (let walk = 0; walk < 4; walk += 1) expect((await read(from)).index.length).toBe(60);
    const tooLarge = device.requests.filter(({ type, maxRepetitions }) => type === PDU.getBulk && maxRepetitions > 4);
    expect(tooLarge.length).toBeLessThan(device.requests.length / 10);
    await hasty.access.stop();
  });

  test('duplicates change nothing and are counted', async () => {
    const table = await read(await reader(upTo(20), { duplicates: true }));
    expect(table.complete).toBe(true);
    expect(table.index.length).toBe(20);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await metrics()).toMatch(/weir_snmp_unexpected_answers_total\{reason="late_or_duplicate"\} [1-9]/);
  });

  test('an answer from another port is not taken where that is forbidden', async () => {
    const table = await read(await reader(upTo(5), { otherPort: true }));
    expect(table).toMatchObject({ complete: false, failure: 'snmp_timeout', index: [] });
    expect(await metrics()).toMatch(/reason="other_address"\} [1-9]/);
  });

  test('garbage is counted by its source and otherwise not noticed', async () => {
    const from = await reader(upTo(5), { garbage: Buffer.from('hello') });
    expect(await read(from)).toMatchObject({ complete: false, failure: 'snmp_timeout' });
    expect(await metrics()).toMatch(/weir_snmp_malformed_packets_total\{source="127.0.0.1"\} [1-9]/);
  });

  test('a dead device costs its retries and one probe, nothing more', async () => {
    const from = await reader(upTo(5), { dead: true });
    expect(await read(from)).toMatchObject({ complete: false, failure: 'snmp_timeout', index: [] });
    expect(from.traffic.requests).toBe(4);
  });

  test('late answers are not taken for the next request', async () => {
    const from = await reader(upTo(5), { delayMs: 500 });
    expect(await read(from)).toMatchObject({ complete: false, failure: 'snmp_timeout' });
  });

  test('a deadline in the middle leaves a partial table', async () => {
    const from = await reader(upTo(300), { delayMs: 10 });
    const deadline = new AbortController();
    const reading = from.readTable({ name: 'test', columns: COLUMNS, signal: deadline.signal });
    // Not after a time: after some answers, of the many that the table takes.
    while (from.traffic.requests < 5) await new Promise((resolve) => setTimeout(resolve, 1));
    deadline.abort();
    const table = await reading;
    expect(table).toMatchObject({ complete: false, failure: 'poll_deadline' });
    expect(table.index.length).toBeGreaterThan(0);
    expectRowsTrue(table);
  });
});

describe('single values', () => {
  test('those that exist come, the others are null', async () => {
    const from = await reader(upTo(1));
    const oids = ['1.3.6.1.2.1.1.1.0', '1.3.6.1.2.1.1.9.0', '1.3.6.1.2.1.1.3.0'];
    const { values } = await from.readScalars(oids.map((oid) => ({ oid, form: 'value' as const })));
    expect(values).toEqual(['scripted', null, 424_242]);
  });

  test('version 1 refuses all for one that is missing: the rest is asked again', async () => {
    const from = await reader(upTo(1), {}, '1');
    const oids = ['1.3.6.1.2.1.1.1.0', '1.3.6.1.2.1.1.9.0', '1.3.6.1.2.1.1.8.0', '1.3.6.1.2.1.1.3.0'];
    const { values } = await from.readScalars(oids.map((oid) => ({ oid, form: 'value' as const })));
    expect(values).toEqual(['scripted', null, null, 424_242]);
  });

  test('tooBig: fewer at a time', async () => {
    const from = await reader(upTo(20), { tooBigAbove: 5 });
    const oids = upTo(20).map((index) => `${ENTRY}.2.${index}`);
    const { values } = await from.readScalars(oids.map((oid) => ({ oid, form: 'value' as const })));
    expect(values).toEqual(upTo(20).map((index) => `port ${index}`));
  });
});
