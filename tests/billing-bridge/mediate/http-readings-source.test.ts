// Readings over real HTTP: what is asked, what is believed, and what a collector that is away, wrong or endless becomes.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HttpReadingsSource } from '../../../billing-bridge/mediate/http-readings-source.ts';
import { SystemClock } from '../../../common/runtime/clock.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import { T0 } from '../../support/mediation-fixture.ts';

const ANSWER = { items: [], layouts: [], next: 'abc', more: false, watermarks: {}, quarantined: 0 };

let server: Server;
let asked: IncomingMessage[];
let answer: (request: IncomingMessage, response: ServerResponse) => void;
beforeEach(async () => {
  asked = [];
  answer = (_, response) => response.end(JSON.stringify(ANSWER));
  server = createServer((request, response) => {
    asked.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function source(timeoutMs?: number): HttpReadingsSource {
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return new HttpReadingsSource(
    { url, ...(timeoutMs === undefined ? {} : { timeoutMs }) },
    { clock: new SystemClock(), token: () => 'secret' },
  );
}

const refusal = (status: number, code: string) => (_: IncomingMessage, response: ServerResponse) => {
  response.statusCode = status;
  response.end(JSON.stringify({ error: { code, message: `because of ${code}`, detail: {} } }));
};

async function unreachable(answer: Promise<unknown>, why: string): Promise<void> {
  const error = await answer.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof WeirError)) throw new Error(`expected a refusal, not ${String(error)}`);
  expect(error.code).toBe('collector_unreachable');
  expect(error.message).toContain(why);
}

test('asks with its token: after a cursor, and for one meter', async () => {
  expect(await source().after(null, 7)).toEqual(ANSWER);
  expect(await source().after('a b&c', 7)).toEqual(ANSWER);
  await source()
    .ofMeter({ meter: 5, fromMs: T0, toMs: T0 + 1, withNeighbours: true, cursor: 'x=', limit: 9 })
    .catch(() => undefined);
  expect(asked.map((one) => one.url)).toEqual([
    '/api/v1/readings?limit=7',
    '/api/v1/readings?limit=7&after=a+b%26c',
    '/api/v1/readings?meter=5&from=2026-11-24T00%3A00%3A00.000Z&to=2026-11-24T00%3A00%3A00.001Z&neighbours=true&limit=9&cursor=x%3D',
  ]);
  expect(asked[0]?.headers.authorization).toBe('Bearer secret');
});

describe('refusals', () => {
  test.each(['invalid_request', 'not_found', 'token_unknown', 'forbidden'])('%s keeps its code', async (code) => {
    answer = refusal(400, code);
    await expect(source().after('x', 1)).rejects.toMatchObject({ code });
  });

  test.each([
    [503, 'not_ready'],
    [429, 'overloaded'],
    [500, 'unexpected'],
    [400, 'something_new'],
  ])('%i %s: it does not answer yet', async (status, code) => {
    answer = refusal(status, code);
    await unreachable(source().after('x', 1), code);
  });

  test('a page of somebody else', async () => {
    answer = (_, response) => {
      response.statusCode = 404;
      response.end('<html>nginx</html>');
    };
    await expect(source().after('x', 1)).rejects.toMatchObject({ code: 'collector_unreachable' });
    answer = (_, response) => response.end('<html>welcome</html>');
    await expect(source().after('x', 1)).rejects.toMatchObject({ code: 'collector_answer_unusable' });
    answer = (_, response) => response.end('{"items":[]}');
    await expect(source().after('x', 1)).rejects.toMatchObject({ code: 'collector_answer_unusable' });
  });

  test('a redirect is not followed: the token is not for others', async () => {
    answer = (_, response) => {
      response.writeHead(302, { location: '/elsewhere' });
      response.end();
    };
    await expect(source().after('x', 1)).rejects.toMatchObject({ code: 'collector_unreachable' });
    expect(asked).toHaveLength(1);
  });
});

describe('bounds', () => {
  test('of time', async () => {
    answer = () => undefined;
    await unreachable(source(50).after('x', 1), 'within 50 ms');
  });

  test('of time, also in the middle of an answer', async () => {
    answer = (_, response) => void response.write('{"items":[');
    await expect(source(50).after('x', 1)).rejects.toMatchObject({ code: 'collector_unreachable' });
  });

  test('of size', async () => {
    answer = (_, response) => {
      const piece = Buffer.alloc(1 << 20, 'x');
      const more = (): void => {
        while (!response.destroyed && response.write(piece));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    };
    await expect(source().after('x', 1)).rejects.toMatchObject({ code: 'collector_answer_unusable' });
  });

  test('whoever stops does not wait for an answer', async () => {
    answer = () => undefined;
    const stop = new AbortController();
    const waiting = source().after('x', 1, stop.signal);
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'collector_unreachable' });
  });
});

test('a collector that is away, and a token that cannot be read', async () => {
  const away = source();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await unreachable(away.after(null, 1), 'ECONNREFUSED');
  const token = (): string => {
    throw new WeirError('secret_unresolved', 'no such file');
  };
  const mute = new HttpReadingsSource({ url: 'http://127.0.0.1:1' }, { clock: new SystemClock(), token });
  await expect(mute.after(null, 1)).rejects.toMatchObject({ code: 'secret_unresolved' });
  server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
