// The batch codec: what goes in comes out, garbage is refused with a code, and version 1 stays what it is.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Batch } from '../../../common/model/batch.ts';
import type { Column, Poll, Table } from '../../../common/model/poll.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import { decodeBatch, decodeBatchInTurns, encodeBatch, encodeBody } from '../../../common/wire/batch-codec.ts';
import { batchArbitrary } from '../../support/batch-arbitrary.ts';

const goldenFile = (version: number): string => path.join(import.meta.dirname, 'golden', `batch-${version}.hex`);
const goldenBytes = (version: number): Buffer => {
  const body = Buffer.from(readFileSync(goldenFile(version), 'utf8').replaceAll('\n', ''), 'hex');
  const header = Buffer.from([0x57, 0x45, 0x49, 0x52, version, 0, 0, 0, 0, 0]);
  header.writeUInt32LE(body.length, 6);
  return Buffer.concat([header, body]);
};

const goldenBatch: Batch = {
  agent: 'agent-1',
  incarnation: '0b0f5f5e-6c3c-4d2a-9a53-5f4bb6f1c001',
  sequence: 42,
  createdAtMs: 1_790_000_000_000,
  thinned: false,
  gaps: [{ firstSequence: 3, lastSequence: 5, reason: 'spool full' }],
  events: [
    {
      id: '5d7c7a31-3a2f-4a5e-8a55-a2a3e5c1f001',
      device: 'core1',
      source: '192.0.2.1',
      origin: 'trap',
      name: 'linkDown',
      observedAtMs: 1_789_999_995_500,
      uptimeTicks: 4_294_967_295,
      interfaceKey: 'ge-0/0/0',
      details: [{ name: 'ifOperStatus.2', value: '2' }],
    },
    {
      id: '5d7c7a31-3a2f-4a5e-8a55-a2a3e5c1f002',
      device: null,
      source: null,
      origin: 'agent',
      name: 'engine_replaced',
      observedAtMs: 1_790_000_000_001,
      uptimeTicks: null,
      interfaceKey: null,
      details: [],
    },
  ],
  watermarks: [{ device: 'core1', completeUntilMs: 1_789_999_995_000 }],
  polls: [
    {
      device: 'core1',
      processId: 'p1',
      startedAtMs: 1_789_999_995_000,
      finishedAtMs: 1_789_999_995_120,
      intervalMs: 60_000,
      outcome: 'partial',
      failure: 'snmp_timeout',
      requests: 4,
      retries: 1,
      tables: [
        {
          name: 'interface',
          complete: false,
          index: ['1', '2'],
          segments: [
            {
              firstRow: 0,
              sentAtMs: 1_789_999_995_010,
              receivedAtMs: 1_789_999_995_050,
              monotonicMs: 1234.5,
              uptimeTicks: 4_294_967_295,
            },
          ],
          columns: [
            { kind: 'text', name: 'interfaceKey', values: ['ge-0/0/0', null] },
            {
              kind: 'counter',
              name: 'ifHCInOctets',
              width: 64,
              values: BigUint64Array.of(2n ** 64n - 1n, 2n ** 63n),
              present: Uint8Array.of(1, 0),
            },
            {
              kind: 'counter',
              name: 'ifInErrors',
              width: 32,
              values: BigUint64Array.of(4_294_967_295n, 0n),
              present: Uint8Array.of(1, 1),
            },
            { kind: 'number', name: 'ifOperStatus', values: Float64Array.of(1, Number.NaN) },
            { kind: 'number', name: 'value', values: Float64Array.of(36.6, -0.5) },
          ],
        },
      ],
    },
    {
      device: 'core2',
      processId: 'p1',
      startedAtMs: 1_789_999_990_000,
      finishedAtMs: 1_789_999_996_000,
      intervalMs: 60_000,
      outcome: 'failed',
      failure: 'snmp_timeout',
      requests: 3,
      retries: 2,
      tables: [],
    },
  ],
};

function refusal(bytes: Uint8Array): string {
  try {
    decodeBatch(bytes);
    return 'decoded';
  } catch (error) {
    if (error instanceof WeirError) return error.code;
    throw error;
  }
}

describe('batch codec', () => {
  test('what goes in comes out', () => {
    fc.assert(
      fc.property(batchArbitrary, (batch) => {
        expect(decodeBatch(encodeBatch(batch))).toEqual(batch);
      }),
      { numRuns: 300 },
    );
  });

  test('version 2 is what it always was', () => {
    if (process.env['WEIR_WRITE_GOLDEN'] === '1')
      writeFileSync(
        goldenFile(2),
        encodeBody(goldenBatch)
          .toString('hex')
          .replaceAll(/(.{100})/g, '$1\n'),
      );
    expect(encodeBody(goldenBatch).toString('hex')).toBe(goldenBytes(2).subarray(10).toString('hex'));
    expect(decodeBatch(goldenBytes(2))).toEqual(goldenBatch);
  });

  test('version 1, which spools and journals still hold, is read: it has no events', () => {
    expect(decodeBatch(goldenBytes(1))).toEqual({ ...goldenBatch, events: [] });
  });

  test('random bytes are refused with the code', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(refusal(bytes)).toBe('batch_unreadable');
      }),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (body) => {
        const header = Buffer.from('57454952020000000000', 'hex');
        header.writeUInt32LE(body.length, 6);
        expect(['decoded', 'batch_unreadable']).toContain(refusal(Buffer.concat([header, body])));
      }),
      { numRuns: 3000 },
    );
  });

  test('a batch with one byte changed, or cut short, decodes or is refused with the code, never anything else', () => {
    const bytes = encodeBatch({ ...goldenBatch, polls: goldenBatch.polls.slice(0, 1), gaps: [] });
    const body = encodeBody(goldenBatch);
    const plain = Buffer.concat([Buffer.from('574549520200', 'hex'), Buffer.alloc(4), body]);
    plain.writeUInt32LE(body.length, 6);
    for (const whole of [Buffer.from(bytes), plain]) {
      for (let cut = 0; cut < whole.length; cut += 1) expect(refusal(whole.subarray(0, cut))).toBe('batch_unreadable');
      fc.assert(
        fc.property(fc.nat({ max: whole.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
          const changed = Buffer.from(whole);
          changed[at] = (changed[at] ?? 0) ^ flip;
          expect(['decoded', 'batch_unreadable']).toContain(refusal(changed));
        }),
        { numRuns: 2000 },
      );
    }
  });

  test('a body that unpacks to more than it says is not unpacked', () => {
    const bytes = Buffer.from(
      encodeBatch({ ...goldenBatch, polls: Array.from({ length: 200 }, () => goldenBatch.polls).flat() }),
    );
    bytes.writeUInt32LE(100, 6);
    expect(refusal(bytes)).toBe('batch_unreadable');
  });

  test('a few compressed bytes do not become gigabytes of empty lists', () => {
    const columns = Buffer.from('0300'.repeat(256), 'hex');
    const table = Buffer.concat([Buffer.from('000000008002', 'hex'), columns]);
    const poll = Buffer.concat([Buffer.alloc(9), Buffer.of(64), ...Array.from({ length: 64 }, () => table)]);
    const head = Buffer.from('0100' + '0000' + '01' + '01' + '00' + '00' + '00' + 'e407', 'hex');
    const body = Buffer.concat([head, ...Array.from({ length: 996 }, () => poll)]);
    const header = Buffer.from('57454952020100000000', 'hex');
    header.writeUInt32LE(body.length, 6);
    const bytes = Buffer.concat([header, gzipSync(body)]);
    expect(bytes.length).toBeLessThan(300_000);
    expect(() => decodeBatch(bytes)).toThrow(/too much memory/);
    expect(refusal(bytes)).toBe('batch_unreadable');
    // The same with one poll is a batch: the bytes above are refused for their number alone.
    const one = Buffer.concat([head.subarray(0, -2), Buffer.of(1), poll, Buffer.of(0)]);
    const small = Buffer.from('57454952020000000000', 'hex');
    small.writeUInt32LE(one.length, 6);
    expect(decodeBatch(Buffer.concat([small, one])).polls[0]?.tables).toHaveLength(64);
  });

  test('more polls than any agent gathers are not believed, and not written', () => {
    const polls = Array.from({ length: 1001 }, () => ({ ...goldenBatch.polls[0], tables: [] }) as Poll);
    expect(() => encodeBatch({ ...goldenBatch, polls })).toThrow(expect.objectContaining({ code: 'batch_too_large' }));
    const most = encodeBatch({ ...goldenBatch, polls: polls.slice(1) });
    expect(decodeBatch(most).polls).toHaveLength(1000);
  });

  test('one device with every interface that an agent reads, and all their names, is a batch', () => {
    const rows = Array.from({ length: 100_000 }, (_, at) => at);
    const counter = (at: number): Column => ({
      kind: 'counter',
      name: `counter ${at}`,
      width: 64,
      values: BigUint64Array.from(rows, BigInt),
      present: new Uint8Array(rows.length).fill(1),
    });
    const text = (at: number): Column => ({
      kind: 'text',
      name: `text ${at}`,
      values: rows.map((row) => `what subscriber ${row} is called in ${at}`),
    });
    const segment = { firstRow: 0, sentAtMs: 1, receivedAtMs: 2, monotonicMs: 3, uptimeTicks: 4 };
    const common = { complete: true, index: rows.map(String), segments: [segment] };
    const tables: Table[] = [
      { name: 'interface', ...common, columns: Array.from({ length: 24 }, (_, at) => counter(at)) },
      { name: 'interface-inventory', ...common, columns: Array.from({ length: 5 }, (_, at) => text(at)) },
    ];
    const poll = { ...goldenBatch.polls[0], tables } as Poll;
    const read = decodeBatch(encodeBatch({ ...goldenBatch, polls: [poll] }));
    expect(read.polls[0]?.tables.map((table) => table.index.length)).toEqual([100_000, 100_000]);
  }, 60_000);

  describe('in turns', () => {
    const large = {
      ...goldenBatch,
      polls: Array.from({ length: 300 }, () => goldenBatch.polls)
        .flat()
        .slice(0, 900),
    };

    test('is the same, packed small or large, with others having turns between the polls', async () => {
      for (const batch of [goldenBatch, large]) {
        let turns = 0;
        const { batch: read, memoryBytes } = await decodeBatchInTurns(encodeBatch(batch), {
          breathe: async () => void (turns += 1),
          charge: () => undefined,
        });
        expect(read).toEqual(batch);
        expect(turns).toBeGreaterThanOrEqual(batch.polls.length);
        expect(memoryBytes).toBeGreaterThan(0);
      }
    });

    test('memory is told before it is taken, and whoever is told may refuse', async () => {
      const bytes = encodeBatch(large);
      const told: number[] = [];
      const breathe = async (): Promise<void> => undefined;
      const { memoryBytes } = await decodeBatchInTurns(bytes, { breathe, charge: (more) => told.push(more) });
      const [unpacked, ...taken] = told;
      expect(unpacked).toBe(Buffer.from(bytes).readUInt32LE(6));
      const sum = taken.reduce((all, one) => all + one, 0);
      expect(memoryBytes - sum).toBeLessThan(64 * 1024);
      for (let refusing = 1; refusing <= told.length; refusing += 1) {
        let count = 0;
        const charge = (): void => {
          count += 1;
          if (count === refusing) throw new WeirError('overloaded', '');
        };
        await expect(decodeBatchInTurns(bytes, { breathe, charge })).rejects.toMatchObject({ code: 'overloaded' });
        expect(count).toBe(refusing);
      }
    });

    test('what is broken is refused with the code, in a thread too', async () => {
      const bytes = Buffer.from(encodeBatch(large));
      const turns = { breathe: async () => undefined, charge: () => undefined };
      for (const length of [2_000_000, bytes.readUInt32LE(6) + 1, 10]) {
        const wrong = Buffer.from(bytes);
        wrong.writeUInt32LE(length, 6);
        await expect(decodeBatchInTurns(wrong, turns)).rejects.toMatchObject({ code: 'batch_unreadable' });
      }
      const cut = Buffer.from(bytes.subarray(0, bytes.length - 20));
      cut.writeUInt32LE(2_000_000, 6);
      await expect(decodeBatchInTurns(cut, turns)).rejects.toMatchObject({ code: 'batch_unreadable' });
    });
  });

  test('what a later version or another flag would mean is not guessed', () => {
    for (const [at, value] of [
      [4, 3],
      [4, 0],
      [5, 2],
      [5, 128],
    ] as const) {
      const bytes = Buffer.from(encodeBatch({ ...goldenBatch, polls: [], gaps: [] }));
      expect(refusal(bytes)).toBe('decoded');
      bytes[at] = value;
      expect(refusal(bytes)).toBe('batch_unreadable');
    }
  });

  test('half a surrogate pair, which no encoding has, becomes the replacement character', () => {
    expect(decodeBatch(encodeBatch({ ...goldenBatch, agent: 'a\ud800b' })).agent).toBe('a\ufffdb');
  });

  test('what no reader would take is not written', () => {
    const rows = Array.from({ length: 1_000_001 }, () => '1');
    const [poll] = goldenBatch.polls;
    const [table] = poll?.tables ?? [];
    if (poll === undefined || table === undefined) throw new Error('BUG: the golden batch has a table');
    const withTable = (changed: Partial<typeof table>): Batch => ({
      ...goldenBatch,
      polls: [{ ...poll, tables: [{ ...table, ...changed }] }],
    });
    expect(() => encodeBatch(withTable({ index: rows, columns: [] }))).toThrow(
      expect.objectContaining({ code: 'batch_too_large' }),
    );
    expect(() => encodeBatch(withTable({ index: ['1', '2', '3'] }))).toThrow('BUG: interfaceKey has 2 of 3 rows');
    expect(() => encodeBatch(withTable({ segments: [] }))).toThrow('BUG: interface of a poll');
    const wide = BigUint64Array.of(2n ** 32n, 0n);
    const column = {
      kind: 'counter',
      name: 'ifInErrors',
      width: 32,
      values: wide,
      present: Uint8Array.of(1, 1),
    } as const;
    expect(() => encodeBatch(withTable({ columns: [column] }))).toThrow('BUG: ifInErrors has more than 32 bits');
  });
});
