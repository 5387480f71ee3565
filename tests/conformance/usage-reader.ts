// What every reader of usage must do; a test of one calls this with a way to open it on records that are written down here.
import { beforeEach, describe, expect, test } from 'vitest';
import type { UsageReader } from '../../billing-bridge/mediate/usage.ts';

const MINUTE = 60_000;
const BUCKET = 5 * MINUTE;
const T0 = Date.parse('2026-11-24T00:00:00Z');
const ALL: readonly [number, number] = [T0, T0 + 86_400_000];

/** Columns and records of a span are two ways to read the same. */
export async function sameAsRecords(
  reader: UsageReader,
  meters: readonly number[],
  fromMs: number,
  toMs: number,
): Promise<number> {
  const records = await reader.latest(meters, fromMs, toMs);
  const columns = await reader.columns(meters, fromMs, toMs);
  const told = [...columns.values()].flatMap(({ meter, table, offset, count, firstMs }) =>
    Array.from({ length: count }, (_, step) => offset + step).flatMap((place) => {
      const version = table.versions[place];
      const octets = table.large.get(place) ?? {
        good: BigInt(table.good[place] ?? -1),
        wrapped: BigInt(table.wrapped[place] ?? -1),
        gap: BigInt(table.gap[place] ?? -1),
        suspended: BigInt(table.suspended[place] ?? -1),
      };
      const [coveredMs, gapMs, lostMs] = [table.coveredMs[place], table.gapMs[place], table.lostMs[place]];
      const bucketStartMs = firstMs + (place - offset) * table.bucketMs;
      return version === 0 ? [] : [{ meter, bucketStartMs, version, octets, coveredMs, gapMs, lostMs }];
    }),
  );
  const inOrder = told.toSorted((one, other) => one.meter - other.meter || one.bucketStartMs - other.bucketStartMs);
  expect(inOrder).toEqual(
    records.map(({ serial: _serial, bucketMs: _bucketMs, evidence: _evidence, ...used }) => used),
  );
  for (const [meter, own] of columns) {
    const serials = records.filter((record) => record.meter === meter).map((record) => record.serial);
    // A sealed block may tell a later serial than the part of it that was asked for.
    expect(own.lastSerial >= serials.reduce((most, one) => (one > most ? one : most), 0n)).toBe(true);
  }
  return records.length;
}

/** A reader whose records the test makes. Buckets are of five minutes. */
export interface OpenUsage {
  readonly reader: UsageReader;
  /** Makes the two meters of a port. */
  readonly port: (device: string, interfaceKey: string) => Promise<{ readonly in: number; readonly out: number }>;
  /** Adds the next version of a bucket; good octets of the whole bucket. */
  readonly add: (meter: number, bucketStartMs: number, good: bigint) => Promise<void>;
  /** Every bucket of the meter that starts before is final. */
  readonly finish: (meter: number, untilMs: number) => Promise<void>;
}

export function usageReaderConformance(open: () => Promise<OpenUsage>): void {
  let usage: OpenUsage;
  let a: { readonly in: number; readonly out: number };
  let b: { readonly in: number; readonly out: number };
  beforeEach(async () => {
    usage = await open();
    a = await usage.port('r1', 'ge-0/0/0');
    b = await usage.port('r1', 'ge-0/0/1');
  });

  const at = (bucket: number): number => T0 + bucket * BUCKET;
  async function latest(
    meters: readonly number[],
    from = ALL[0],
    to = ALL[1],
  ): Promise<[number, number, number, bigint][]> {
    const records = await usage.reader.latest(meters, from, to);
    return records.map((one) => [one.meter, (one.bucketStartMs - T0) / BUCKET, one.version, one.octets.good]);
  }

  describe('latest', () => {
    test('the newest version of each bucket, by meter and bucket, of those meters alone', async () => {
      await usage.add(b.in, at(0), 9n);
      await usage.add(a.out, at(1), 3n);
      await usage.add(a.in, at(1), 2n);
      await usage.add(a.in, at(0), 1n);
      await usage.add(a.in, at(1), 20n);
      await usage.add(a.in, at(1), 200n);
      expect(await latest([a.out, a.in])).toEqual([
        [a.in, 0, 1, 1n],
        [a.in, 1, 3, 200n],
        [a.out, 1, 1, 3n],
      ]);
    });

    test('of buckets that begin in a half-open span', async () => {
      for (let bucket = 0; bucket < 5; bucket += 1) await usage.add(a.in, at(bucket), BigInt(bucket));
      expect((await latest([a.in], at(1), at(3))).map((one) => one[1])).toEqual([1, 2]);
      expect((await latest([a.in], at(1) + 1, at(3) + 1)).map((one) => one[1])).toEqual([2, 3]);
      expect(await latest([a.in], at(3), at(3))).toEqual([]);
    });

    test('nothing of no meter, of an unknown one, or of one without usage', async () => {
      await usage.add(a.in, at(0), 1n);
      expect(await latest([])).toEqual([]);
      expect(await latest([b.in, 2_000_000_000])).toEqual([]);
    });

    test('a whole record, exact', async () => {
      const octets = 2n ** 64n - 1n;
      await usage.add(a.in, at(2), octets);
      const [record] = await usage.reader.latest([a.in], ...ALL);
      expect(record).toMatchObject({
        meter: a.in,
        bucketStartMs: at(2),
        bucketMs: BUCKET,
        version: 1,
        octets: { good: octets, wrapped: 0n, gap: 0n, suspended: 0n },
        coveredMs: BUCKET,
        gapMs: 0,
        lostMs: 0,
        evidence: { firstReadingAtMs: at(2), lastReadingAtMs: at(3) },
      });
      expect(typeof record?.serial).toBe('bigint');
      expect(typeof record?.evidence.epoch).toBe('bigint');
    });
  });

  describe('columns', () => {
    test('say what the newest records say, bucket by bucket, also beyond what a double holds', async () => {
      await usage.add(a.in, at(1), 2n);
      await usage.add(a.in, at(1), 20n);
      await usage.add(a.in, at(4), 2n ** 64n + 1n);
      await usage.add(a.out, at(300), 2n ** 53n);
      await usage.add(b.in, at(2), 2n ** 53n - 1n);
      await sameAsRecords(usage.reader, [a.in, a.out, b.in, b.out, 2_000_000_000], at(0), at(576));
      await sameAsRecords(usage.reader, [a.in, a.out], at(1) + 1, at(4) + 1);
      await sameAsRecords(usage.reader, [a.in], at(4), at(4));
      expect(await usage.reader.columns([], ...ALL)).toEqual(new Map());
    });
  });

  test('touchedAfter: the cells of new records, and how far was looked', async () => {
    await usage.add(a.in, at(0), 1n);
    const before = (await usage.reader.touchedAfter(0n, 100, 3_600_000)).lastSerial ?? 0n;
    for (const bucket of [11, 2, 12, 5]) await usage.add(a.in, at(bucket), 1n);
    await usage.add(b.out, at(0), 1n);
    const touched = await usage.reader.touchedAfter(before, 100, 3_600_000);
    expect(touched.records).toBe(5);
    const told = touched.cells.map(({ meter, firstMs, lastMs }) => [
      meter,
      (firstMs - T0) / BUCKET,
      (lastMs - T0) / BUCKET,
    ]);
    expect(told.toSorted(([m, f], [n, g]) => (m ?? 0) - (n ?? 0) || (f ?? 0) - (g ?? 0))).toEqual([
      [a.in, 2, 11],
      [a.in, 12, 12],
      [b.out, 0, 0],
    ]);
    const one = await usage.reader.touchedAfter(before, 1, 3_600_000);
    expect(one).toMatchObject({ records: 1, cells: [{ meter: a.in, firstMs: at(11) }] });
    expect(await usage.reader.touchedAfter(touched.lastSerial ?? 0n, 9, 3_600_000)).toEqual({
      records: 0,
      lastSerial: null,
      cells: [],
    });
  });

  test('cellsIn: where usage of spans lies', async () => {
    for (const bucket of [0, 1, 11, 12, 40]) await usage.add(a.in, at(bucket), 1n);
    await usage.add(b.in, at(3), 1n);
    const spans = [
      { meter: a.in, fromMs: at(1), toMs: at(40) },
      { meter: b.in, fromMs: at(4), toMs: at(90) },
    ];
    const cells = await usage.reader.cellsIn(spans, 3_600_000);
    expect(cells.toSorted((one, other) => one.firstMs - other.firstMs)).toEqual([
      { meter: a.in, firstMs: at(1), lastMs: at(11) },
      { meter: a.in, firstMs: at(12), lastMs: at(12) },
    ]);
    expect(await usage.reader.cellsIn([], 3_600_000)).toEqual([]);
  });

  describe('changedAfter', () => {
    test('every version, in the order of serials, and what was added since', async () => {
      await usage.add(a.in, at(0), 1n);
      await usage.add(b.out, at(0), 2n);
      await usage.add(a.in, at(0), 3n);
      const all = await usage.reader.changedAfter(0n, 100);
      expect(all.map((one) => [one.meter, one.version, one.octets.good])).toEqual([
        [a.in, 1, 1n],
        [b.out, 1, 2n],
        [a.in, 2, 3n],
      ]);
      const serials = all.map((one) => one.serial);
      expect(serials.toSorted((one, other) => (one < other ? -1 : 1))).toEqual(serials);
      expect(await usage.reader.changedAfter(serials.at(-1) ?? 0n, 100)).toEqual([]);
      await usage.add(b.in, at(7), 4n);
      expect((await usage.reader.changedAfter(serials.at(-1) ?? 0n, 100)).map((one) => one.octets.good)).toEqual([4n]);
    });

    test('no more than the limit, going on from the last serial', async () => {
      for (let bucket = 0; bucket < 7; bucket += 1) await usage.add(a.in, at(bucket), BigInt(bucket));
      const found: bigint[] = [];
      let serial = 0n;
      for (;;) {
        const page = await usage.reader.changedAfter(serial, 3);
        expect(page.length).toBeLessThanOrEqual(3);
        found.push(...page.map((one) => one.octets.good));
        if (page.length === 0) break;
        serial = page.at(-1)?.serial ?? serial;
      }
      expect(found).toEqual([0n, 1n, 2n, 3n, 4n, 5n, 6n]);
    });
  });

  test('finalUntil: of each meter that has it, of no other', async () => {
    await usage.finish(a.in, at(3));
    await usage.finish(a.out, at(4));
    expect(await usage.reader.finalUntil([a.in, b.in, 2_000_000_000])).toEqual(new Map([[a.in, at(3)]]));
    expect(await usage.reader.finalUntil([])).toEqual(new Map());
    await usage.finish(a.in, at(5));
    expect(await usage.reader.finalUntil([a.out, a.in])).toEqual(
      new Map([
        [a.in, at(5)],
        [a.out, at(4)],
      ]),
    );
  });

  test('meters: both of a port, every one, null of a port that was never read', async () => {
    const meter = (id: number, interfaceKey: string, direction: string): object => ({
      id,
      device: 'r1',
      interfaceKey,
      direction,
    });
    expect(await usage.reader.metersOf('r1', 'ge-0/0/1')).toEqual({
      in: meter(b.in, 'ge-0/0/1', 'in'),
      out: meter(b.out, 'ge-0/0/1', 'out'),
    });
    expect(await usage.reader.metersOf('r1', 'ge-0/0/2')).toBeNull();
    expect(await usage.reader.metersOf('r2', 'ge-0/0/1')).toBeNull();
    expect((await usage.reader.allMeters()).map((one) => one.id).toSorted((one, other) => one - other)).toEqual(
      [a.in, a.out, b.in, b.out].toSorted((one, other) => one - other),
    );
  });
}
