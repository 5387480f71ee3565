// A contract, no server: what InfluxDB 2 and 3 are documented to expect and to answer, played by a double, because neither is packaged for Debian.
// https://docs.influxdata.com/influxdb/v2/write-data/troubleshoot/ (204, 400, 401, 404, 413, 422, 429, 503)
// https://docs.influxdata.com/influxdb/v2/api/v1-compatibility/ (/query with `Authorization: Token`)
// https://docs.influxdata.com/influxdb3/core/write-data/http-api/compatibility-apis/ (/api/v2/write?bucket=DATABASE)
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { InfluxClient } from '../../../collector/store/influx-client.ts';
import { influxConfigOf, influxSchema } from '../../../collector/store/influx-config.ts';
import { InfluxDelivery } from '../../../collector/store/influx-delivery.ts';
import type { ResultSeries } from '../../../collector/store/influx-results.ts';
import { codeOf } from '../../../common/runtime/errors.ts';

interface Seen {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

interface Answer {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

let server: Server;
let url: string;
let seen: Seen[] = [];
/** Null: it never answers. */
let answer: (request: Seen) => Answer | null = () => ({ status: 204 });

beforeAll(async () => {
  server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const bytes = Buffer.concat(parts);
      const body = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString();
      const one = {
        method: request.method ?? '',
        url: new URL(request.url ?? '', url),
        headers: request.headers,
        body,
      };
      seen.push(one);
      const given = answer(one);
      if (given === null) return;
      response.writeHead(given.status, { 'content-type': 'application/json', ...given.headers });
      response.end(given.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  seen = [];
  answer = () => ({ status: 204 });
});
afterAll(() => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});

const VERSION_2 = { version: 2, org: 'my org', bucket: 'weir & co', token: 'secret2', timeout_ms: 300 };
const VERSION_3 = { version: 3, database: 'weir', token: 'secret3', timeout_ms: 300 };

function clientOf(words: Readonly<Record<string, unknown>>): InfluxClient {
  return new InfluxClient(
    influxConfigOf(influxSchema.parse({ url, ...words }), 0, (reference) => reference),
    () => Date.now(),
  );
}

/** As the two say `invalid`, `not found` and so on. */
function said(code: string, message: string): string {
  return JSON.stringify({ code, message });
}

const BOUNDS = { maxBodyBytes: 100_000, maxBodyLines: 100 };
const lines = (count: number): { text: string; journal: string; position: number }[] =>
  Array.from({ length: count }, (_, at) => ({ text: `m,host=a v=${at} ${at + 1}`, journal: 'j', position: at }));

describe('a write', () => {
  test.each([
    ['2', VERSION_2, { org: 'my org', bucket: 'weir & co', precision: 'ms' }, 'Token secret2'],
    ['3', VERSION_3, { bucket: 'weir', precision: 'ms' }, 'Token secret3'],
  ])('to version %s has its path, place, precision, token and body', async (_name, words, query, authorization) => {
    expect(await clientOf(words).write('m v=1 1\nm v=2 2')).toBeNull();
    expect(seen).toHaveLength(1);
    const [one] = seen;
    expect(one?.method).toBe('POST');
    expect(one?.url.pathname).toBe('/api/v2/write');
    expect(Object.fromEntries(one?.url.searchParams ?? [])).toEqual(query);
    expect(one?.headers.authorization).toBe(authorization);
    expect(one?.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(one?.body).toBe('m v=1 1\nm v=2 2');
  });

  test('of some size is gzipped', async () => {
    const body = 'm v=1 1\n'.repeat(1000);
    await clientOf(VERSION_2).write(body);
    expect(seen[0]?.headers['content-encoding']).toBe('gzip');
    expect(seen[0]?.body).toBe(body);
  });

  test('to version 1 has a database and a user', async () => {
    const words = { version: 1, database: 'weir', retention_policy: 'month', username: 'u', password: 'p:w' };
    await clientOf(words).write('m v=1 1');
    expect(seen[0]?.url.pathname).toBe('/write');
    expect(Object.fromEntries(seen[0]?.url.searchParams ?? [])).toEqual({ db: 'weir', rp: 'month', precision: 'ms' });
    expect(seen[0]?.headers.authorization).toBe(`Basic ${Buffer.from('u:p:w').toString('base64')}`);
  });

  test.each([
    [401, said('unauthorized', 'unauthorized access'), 'store_refused'],
    [403, said('forbidden', 'insufficient permissions for write'), 'store_refused'],
    [404, said('not found', 'bucket "weir" not found'), 'store_refused'],
    [500, said('internal error', 'timeout'), 'store_unavailable'],
    [502, '<html>bad gateway</html>', 'store_unavailable'],
    [503, said('unavailable', 'overloaded'), 'store_unavailable'],
    [429, said('too many requests', 'rate limit'), 'store_unavailable'],
    [200, '<html>a page of something else</html>', 'store_refused'],
  ])('answered %i is not the fault of a line: all of it is kept for another try', async (status, body, code) => {
    answer = () => ({ status, body });
    const delivery = new InfluxDelivery(clientOf(VERSION_2), BOUNDS);
    expect(codeOf(await delivery.deliver(lines(4)).catch((error: unknown) => error))).toBe(code);
    expect(seen).toHaveLength(1);
  });

  test('that is not answered ends after the time it was given', async () => {
    answer = () => null;
    const startedAtMs = performance.now();
    const failure = await clientOf(VERSION_3)
      .write('m v=1 1')
      .catch((error: unknown) => error);
    expect(codeOf(failure)).toBe('store_unavailable');
    expect(performance.now() - startedAtMs).toBeLessThan(2000);
  });

  test.each([
    ['seconds', '7', 7000],
    ['more than an hour', '999999', 3_600_000],
    ['a date', new Date(Date.now() + 86_400_000).toUTCString(), 3_600_000],
    ['nothing', undefined, 0],
  ])('that came too soon says when to come again: %s', async (_name, after, retryAfterMs) => {
    answer = () => ({ status: 429, body: '{}', headers: after === undefined ? {} : { 'retry-after': after } });
    const failure = await clientOf(VERSION_2)
      .write('m v=1 1')
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'store_unavailable', retryAfterMs });
  });
});

describe('a body that is refused', () => {
  test.each([
    ['2, as malformed', 400, (bad: string) => said('invalid', `unable to parse '${bad}': bad timestamp`)],
    [
      '2, in part',
      422,
      (bad: string) => said('unprocessable entity', `failure writing points: partial write: ${bad} dropped=1`),
    ],
    [
      '3, in part',
      400,
      (bad: string) =>
        JSON.stringify({
          error: 'partial write of line protocol occurred',
          data: [{ original_line: bad, line_number: 1, error_message: 'invalid column type' }],
        }),
    ],
  ])('by version %s is halved until only the lines at fault are left', async (_name, status, body) => {
    const stored = new Set<string>();
    answer = (request) => {
      const all = request.body.split('\n');
      const bad = all.find((line) => / v=(?:3|17|18) /.test(line));
      // Whole or in part: a line that was stored is stored again over itself.
      if (bad === undefined || status === 422)
        for (const line of all) if (!/ v=(?:3|17|18) /.test(line)) stored.add(line);
      return bad === undefined ? { status: 204 } : { status, body: body(bad) };
    };
    const delivered = await new InfluxDelivery(clientOf(VERSION_2), BOUNDS).deliver(lines(40));
    expect(delivered.rejected.map((one) => one.position)).toEqual([3, 17, 18]);
    expect(delivered.rejectedCount).toBe(3);
    for (const { reason } of delivered.rejected) expect(reason).toMatch(/unable to parse|partial write/);
    expect(
      lines(40)
        .filter((line) => !stored.has(line.text))
        .map((line) => line.position),
    ).toEqual([3, 17, 18]);
  });

  test('whole, as InfluxDB 1 tells it, is not sent line by line', async () => {
    answer = ({ body }) =>
      body.startsWith('weir_probe')
        ? { status: 204 }
        : { status: 400, body: JSON.stringify({ error: 'partial write: points beyond retention policy dropped=100' }) };
    const { rejectedCount, rejected } = await new InfluxDelivery(clientOf(VERSION_2), BOUNDS).deliver(lines(100));
    expect([rejectedCount, rejected.length, seen.length]).toEqual([100, 100, 2]);
  });

  test('by a server that takes no line at all blames none', async () => {
    answer = () => ({ status: 400, body: said('invalid', 'no such thing') });
    const failure = await new InfluxDelivery(clientOf(VERSION_2), BOUNDS)
      .deliver(lines(4))
      .catch((error: unknown) => error);
    expect(codeOf(failure)).toBe('store_refused');
  });

  test('as too large is halved, a single line too large is set aside', async () => {
    answer = ({ body }) =>
      body.length > 60 ? { status: 413, body: said('request too large', 'too large') } : { status: 204 };
    const long = { text: `m,host=a text="${'x'.repeat(100)}" 1`, journal: 'j', position: 99 };
    const delivered = await new InfluxDelivery(clientOf(VERSION_2), BOUNDS).deliver([...lines(9), long]);
    expect(delivered.rejected.map((one) => [one.position, one.reason])).toEqual([[99, 'too large']]);
    expect(delivered.written).toBe(9);
  });
});

test('a chunk goes in bodies within the bounds, in order', async () => {
  const { written } = await new InfluxDelivery(clientOf(VERSION_2), { maxBodyBytes: 600, maxBodyLines: 20 }).deliver(
    lines(333),
  );
  expect(written).toBe(333);
  for (const { body } of seen) {
    expect(body.length).toBeLessThanOrEqual(600);
    expect(body.split('\n').length).toBeLessThanOrEqual(20);
  }
  expect(seen.flatMap(({ body }) => body.split('\n'))).toEqual(lines(333).map((line) => line.text));
});

describe('a query', () => {
  const series = (values: string): string =>
    `{"results":[{"statement_id":0,"series":[{"name":"m","tags":{"host":"a,1234567890123456789"},"columns":["time","v"],"values":[${values}]}]}]}\n`;

  test.each([
    ['2', VERSION_2, 'weir & co', 'Token secret2'],
    [
      '2 with a mapped database',
      { ...VERSION_2, database: 'mapped', retention_policy: 'rp' },
      'mapped',
      'Token secret2',
    ],
    ['3', VERSION_3, 'weir', 'Token secret3'],
  ])(
    'to version %s is InfluxQL with a token, and its integers are exact',
    async (_name, words, database, authorization) => {
      answer = () => ({
        status: 200,
        body: series('[1000,-9223372036854775808],[2000,9223372036854775807],[3000,0.1234567890123456]'),
      });
      const found: ResultSeries[] = [];
      await clientOf(words).query('SELECT v FROM m', (one) => found.push(one));
      const [one] = seen;
      expect([one?.method, one?.url.pathname, one?.headers.authorization]).toEqual(['POST', '/query', authorization]);
      const form = new URLSearchParams(one?.body);
      expect([form.get('db'), form.get('epoch'), form.get('chunked'), form.get('q')]).toEqual([
        database,
        'ms',
        'true',
        'SELECT v FROM m',
      ]);
      expect(found[0]?.tags).toEqual({ host: 'a,1234567890123456789' });
      expect(found[0]?.values).toEqual([
        [1000, '\u0001-9223372036854775808'],
        [2000, '\u00019223372036854775807'],
        [3000, 0.123_456_789_012_345_6],
      ]);
    },
  );

  test.each([
    [200, '{"results":[{"statement_id":0,"error":"database not found: weir"}]}', 'store_refused'],
    [400, '{"error":"error parsing query"}', 'store_refused'],
    [401, said('unauthorized', 'unauthorized access'), 'store_refused'],
    [200, '<html></html>', 'store_refused'],
    [503, '{}', 'store_unavailable'],
  ])('answered %i %s has a code', async (status, body, code) => {
    answer = () => ({ status, body });
    const failure = await clientOf(VERSION_3)
      .query('SELECT v FROM m', () => undefined)
      .catch((error: unknown) => error);
    expect(codeOf(failure)).toBe(code);
  });
});
