// Line protocol of readings: the codec of Counter64, names, and the bounds of the configuration.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { influxSchema } from '../../../collector/store/influx-config.ts';
import { counterOfSigned, pointLine, pollLines, signedOf, tagValue } from '../../../collector/store/influx-lines.ts';
import { ResourceBook } from '../../../collector/store/resource-book.ts';
import { storeSchema } from '../../../collector/store/store-config.ts';
import { interfacePoll } from '../../support/poll-builder.ts';

const TWO_TO_63 = 2n ** 63n;

describe('a Counter64 in a signed integer', () => {
  test.each([
    [0n, 0n],
    [TWO_TO_63 - 1n, TWO_TO_63 - 1n],
    [TWO_TO_63, -TWO_TO_63],
    [TWO_TO_63 + 1n, -TWO_TO_63 + 1n],
    [2n ** 64n - 1n, -1n],
  ])('%i is stored as %i', (counter, stored) => {
    expect(signedOf(counter)).toBe(stored);
    expect(counterOfSigned(stored)).toBe(counter);
  });

  test('any comes back as it was, and no two are the same', () => {
    const counter = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    fc.assert(fc.property(counter, (one) => counterOfSigned(signedOf(one)) === one));
    fc.assert(fc.property(counter, counter, (one, other) => (signedOf(one) === signedOf(other)) === (one === other)));
  });
});

test('any two names are two tags, and none has what line protocol has no word for', () => {
  const name = fc.string({
    unit: fc.constantFrom('a', '\\', '%', '5', 'C', '\n', ' ', ',', '=', '0', 'A'),
    maxLength: 8,
  });
  fc.assert(
    fc.property(name, name, (one, other) => {
      expect(tagValue(one) === tagValue(other)).toBe(one === other);
      expect(tagValue(one)).not.toMatch(/[\\\p{Cc}]/u);
    }),
    { numRuns: 3000 },
  );
});

describe('lines of a poll', () => {
  const poll = interfacePoll({
    device: 'core1',
    atMs: 1_790_000_000_000,
    interfaces: [{ key: 'xe-0/0/1', inOctets: TWO_TO_63 + 5n, speedBps: 1e9 }],
    uptimeTicks: 77,
  });
  const linesOf = (readable: boolean): string[] => [
    ...pollLines(
      poll,
      0,
      { counters: readable ? 'signed' : 'unsigned', readable },
      new ResourceBook(),
      () => undefined,
    ),
  ];

  test('for InfluxDB have what reading back needs', () => {
    const [device, port] = linesOf(true);
    expect(device).toBe(
      'weir_device,device=core1 reachable=1i,duration_ms=0i,requests=3i,retries=0i,interval_ms=60000i,uptime_ticks=77i 1790000000000',
    );
    expect(port).toMatch(
      /^weir_interface,device=core1,interface=xe-0\/0\/1 in_octets=-9223372036854775803i,speed_bps=1000000000i,/,
    );
    expect(port).toMatch(
      /,flags=\d+i,monotonic_ms=1790000000000i,uptime_ticks=77i,process=\d+i,interval_ms=60000i 1790000000000$/,
    );
  });

  test('for VictoriaMetrics are counters without a sign', () => {
    expect(linesOf(false)[1]).toBe(
      'weir_interface,device=core1,interface=xe-0/0/1 in_octets=9223372036854775813u,speed_bps=1000000000i,admin_status=1i,oper_status=1i 1790000000000',
    );
  });
});

test('a point keeps its types; what is not a number is left out', () => {
  const fields = [
    ['f', 0.1],
    ['big', 1e21],
    ['i', -5n],
    ['yes', true],
    ['text', 'a "b" \\ c'],
    ['none', Number.NaN],
  ] as const;
  const point = { measurement: 'm m,', tags: [['k=', 'v v']] as const, fields, atMs: 5 };
  expect(pointLine(point)).toBe(String.raw`m\ m\,,k\==v\ v f=0.1,big=1e+21,i=-5i,yes=true,text="a \"b\" \\ c" 5`);
  expect(pointLine({ ...point, fields: [['none', Number.NaN]] })).toBeNull();
});

describe('a configuration that makes no sense is refused by path', () => {
  const url = 'http://127.0.0.1:8086';
  test.each([
    ['database', { url, version: 1 }],
    ['bucket', { url, version: 2, org: 'o', token: 't' }],
    ['token', { url, version: 1, database: 'd', token: 't' }],
    ['retention_policy', { url, version: 3, database: 'd', retention_policy: 'r' }],
    ['password', { url, version: 1, database: 'd', username: 'u' }],
    ['url', { url: `${url}/api/v2/write`, version: 2, org: 'o', bucket: 'b', token: 't' }],
    ['url', { url: 'http://u:p@127.0.0.1', version: 1, database: 'd' }],
    ['url', { url: `${url}?db=x`, version: 1, database: 'd' }],
    ['url', { url: 'tcp://127.0.0.1', version: 1, database: 'd' }],
    ['version', { url, version: 4, database: 'd' }],
    ['bucket', { url, version: 'victoriametrics', bucket: 'b' }],
    ['max_body_bytes', { url, version: 1, database: 'd', max_body_bytes: 1 }],
  ])('%s %j', (key, words) => {
    const { error } = influxSchema.safeParse(words);
    expect(error?.issues.map((issue) => issue.path.join('.'))).toEqual([key]);
  });

  test('one kind of store has no use for the settings of the other', () => {
    const influxdb = { url, version: 1, database: 'd' };
    expect(storeSchema.safeParse({ kind: 'influxdb', influxdb }).success).toBe(true);
    for (const words of [{ kind: 'influxdb' }, { influxdb }])
      expect(storeSchema.safeParse(words).error?.issues.map((issue) => issue.path)).toEqual([['influxdb']]);
  });
});
