// Line protocol: what the documentation of InfluxDB allows is read, what it does not is refused line by line, and the official client agrees.
import { Point as ClientPoint } from '@influxdata/influxdb-client';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LINE_LIMITS, MAX_FAULTS, type Precision, readLines } from '../../../collector/ingest/line-protocol.ts';
import { type FieldValue, pointResource } from '../../../common/model/point.ts';

const NOW = 1_790_000_000_123;
const read = (text: string, precision: Precision) => readLines(text, precision, NOW, async () => undefined);
const one = async (line: string, precision: Precision = 'ns') => {
  const { points, faults } = await read(line, precision);
  expect(faults).toEqual([]);
  expect(points).toHaveLength(1);
  return points[0];
};

describe('what is read', () => {
  const values: readonly [string, FieldValue][] = [
    ['1', 1],
    ['-1.5e-3', -0.0015],
    ['.5', 0.5],
    ['12i', 12n],
    ['-9223372036854775808i', -(2n ** 63n)],
    ['18446744073709551615u', 2n ** 64n - 1n],
    ['t', true],
    ['FALSE', false],
    ['"a \\"quoted\\" text, with = and \\\\"', 'a "quoted" text, with = and \\'],
    ['"two\nlines"', 'two\nlines'],
    ['""', ''],
  ];
  test.each(values)('%s', async (text, value) => {
    expect(await one(`m f=${text} 5`)).toEqual({ measurement: 'm', tags: [], fields: [['f', value]], atMs: 0 });
  });

  test('tags are sorted, names unescaped, a backslash before another character is itself', async () => {
    const point = await one('my\\ cpu\\,1,host=a\\=b,Dc=x\\ y,path=c:\\temp us\\ er=1,sy\\=s=2i 1790000000123456789');
    expect(point).toEqual({
      measurement: 'my cpu,1',
      tags: [
        ['Dc', 'x y'],
        ['host', 'a=b'],
        ['path', 'c:\\temp'],
      ],
      fields: [
        ['us er', 1],
        ['sy=s', 2n],
      ],
      atMs: NOW,
    });
    expect(pointResource(point?.tags ?? [])).toBe('points/Dc=x\\ y,host=a\\=b,path=c:\\\\temp');
  });

  test('times in every precision are rounded down to milliseconds; without one it is when it came', async () => {
    expect((await one('m f=1 1790000000123999999', 'ns'))?.atMs).toBe(NOW);
    expect((await one('m f=1 1790000000123999', 'us'))?.atMs).toBe(NOW);
    expect((await one('m f=1 1790000000123', 'ms'))?.atMs).toBe(NOW);
    expect((await one('m f=1 1790000000', 's'))?.atMs).toBe(1_790_000_000_000);
    expect((await one('m f=1 -1', 'ns'))?.atMs).toBe(-1);
    expect((await one('m f=1'))?.atMs).toBe(NOW);
  });

  test('comments, empty lines and Windows line ends', async () => {
    const { points, refused } = await read('# telegraf\r\n\r\nm f=1 5\r\n  m f=2 6\n', 'ms');
    expect([points.map(({ atMs }) => atMs), refused]).toEqual([[5, 6], 0]);
  });
});

describe('what is refused', () => {
  test.each([
    ['m', 'no fields'],
    ['m,a', 'a tag has no value'],
    ['m,a= f=1', 'a tag is empty'],
    ['m,a=1,a=2 f=1', 'stands twice'],
    [',a=1 f=1', 'no measurement'],
    ['m f=', 'a value that is none'],
    ['m f=1x', 'a value that is none'],
    ['m f="open', 'a value that is none'],
    ['m f=NaN', 'a value that is none'],
    ['m f=9223372036854775808i', 'a value that is none'],
    ['m f=1e999', 'a value that is none'],
    ['m f=1 soon', 'no whole number'],
    ['m f=1 99999999999999999', 'outside of every calendar', 's'],
    ['m f="a"b 5', 'behind a field'],
    [`m f="${'x'.repeat(LINE_LIMITS.lineCharacters)}"`, 'longer than'],
    [`${'m'.repeat(300)} f=1`, 'too long a name'],
    [`m,${Array.from({ length: 65 }, (_, at) => `t${at}=1`).join(',')} f=1`, 'more than 64 tags'],
  ])('%.40s', async (line, why, precision = 'ns') => {
    const { points, faults, refused } = await read(`good f=1 5\n${line}\ngood f=2 6`, precision as 'ns');
    expect(points.map(({ measurement }) => measurement)).toEqual(['good', 'good']);
    expect(refused).toBe(1);
    expect(faults[0]?.line).toBe(2);
    expect(faults[0]?.why).toContain(why);
  });

  test('a quote that is never closed spoils its own line only', async () => {
    const { points, refused } = await read('a f="x 1\nb f=1 2\nc f=3 3', 'ms');
    expect([points.map(({ measurement }) => measurement), refused]).toEqual([['b', 'c'], 1]);
  });

  test('many faults are counted, few are shown', async () => {
    const { faults, refused } = await read('x\n'.repeat(1000), 'ns');
    expect([faults.length, refused]).toEqual([MAX_FAULTS, 1000]);
  });

  test('more lines than the bound are told', async () => {
    const { points, refused } = await read('m f=1 1\n'.repeat(LINE_LIMITS.lines + 2), 'ms');
    expect([points.length, refused]).toEqual([LINE_LIMITS.lines, 2]);
  });
});

describe('properties', () => {
  const name = fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9 ,=_.-]{0,20}[a-z0-9]$/);
  const value = fc.oneof(
    fc
      .double({ noNaN: true, noDefaultInfinity: true })
      .map((number) => number + 0)
      .map((number) => ['float', number] as const),
    fc.integer().map((number) => ['int', number] as const),
    fc.boolean().map((truth) => ['boolean', truth] as const),
    fc.string({ unit: 'grapheme', maxLength: 30 }).map((text) => ['string', text] as const),
  );

  test('what the official client writes is read as it was meant', async () => {
    await fc.assert(
      fc.asyncProperty(
        name.filter((text) => !text.includes('=')),
        fc.dictionary(name, name, { maxKeys: 4 }),
        fc.dictionary(name, value, { minKeys: 1, maxKeys: 5 }),
        fc.integer({ min: 0, max: 2_000_000_000_000 }),
        async (measurement, tags, fields, atMs) => {
          const point = new ClientPoint(measurement).timestamp(new Date(atMs));
          for (const [key, content] of Object.entries(tags)) point.tag(key, content);
          for (const [key, [kind, content]] of Object.entries(fields)) {
            if (kind === 'float') point.floatField(key, content);
            else if (kind === 'int') point.intField(key, content);
            else if (kind === 'boolean') point.booleanField(key, content);
            else point.stringField(key, content);
          }
          const line = point.toLineProtocol() ?? '';
          const found = await one(line);
          expect(found?.measurement).toBe(measurement);
          expect(Object.fromEntries(found?.tags ?? [])).toEqual({ ...tags });
          const expected = Object.fromEntries(
            Object.entries(fields).map(([key, [kind, content]]) => [
              key,
              kind === 'int' ? BigInt(Number(content)) : content,
            ]),
          );
          expect(Object.fromEntries(found?.fields ?? [])).toEqual(expected);
          expect(found?.atMs).toBe(atMs);
        },
      ),
    );
  });

  test('nothing makes the reader throw, and every line is a point, a fault or none', async () => {
    await fc.assert(
      fc.asyncProperty(fc.stringMatching(/^[m,=f1i u"\\\n#t-]{0,200}$/), async (text) => {
        const { points, refused } = await read(text, 'ns');
        expect(points.length + refused).toBeLessThanOrEqual(text.split('\n').length);
      }),
      { numRuns: 2000 },
    );
  });
});
