// The HTTP server: closed by default, a coded refusal for whatever goes wrong, and a bound on what a slow or broken client can hold.
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import type { FastifyInstance } from 'fastify';
import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createServer, listen, type ServerOptions, SESSION_COOKIE, toWeirError } from '../../../common/http/server.ts';
import type { Principal, Role } from '../../../common/runtime/access.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import { silentReporter } from '../../support/silent-reporter.ts';

const TOKENS: ReadonlyMap<string, Principal> = new Map([
  ['anna', { name: 'anna', role: 'viewer', scope: null }],
  ['root', { name: 'root', role: 'administrator', scope: null }],
  ['a%b c', { name: 'odd', role: 'viewer', scope: null }],
]);

const open: FastifyInstance[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(open.splice(0).map((one) => one.close()));
});

function serverWith(options: Partial<ServerOptions> = {}): { server: FastifyInstance; lines: string[] } {
  const { reporter, lines } = silentReporter();
  const server = createServer(reporter, {
    maxBodyBytes: 100,
    authenticator: { authenticate: (token) => Promise.resolve(TOKENS.get(token) ?? null) },
    ...options,
  });
  open.push(server);
  return { server, lines };
}

const roles = (...list: Role[]): { config: { access: Role[] } } => ({ config: { access: list } });
const viewer = { authorization: 'Bearer anna' };

function guarded(): FastifyInstance {
  const { server } = serverWith();
  server.get('/guarded', roles('viewer'), (request) => Promise.resolve({ name: request.principal?.name }));
  server.post('/guarded', roles('viewer'), (request) => Promise.resolve({ body: request.body }));
  return server;
}

const codeIn = (answer: { json(): unknown }): string =>
  z
    .object({ error: z.object({ code: z.string(), message: z.string().min(1), detail: z.looseObject({}) }) })
    .parse(answer.json()).error.code;

describe('closed by default', () => {
  test('a route that does not say who may enter stops the start', () => {
    const { server } = serverWith();
    expect(() => server.get('/open-by-mistake', () => Promise.resolve('x'))).toThrow('BUG');
    expect(() => server.get('/open-by-mistake', { config: {} }, () => Promise.resolve('x'))).toThrow('BUG');
  });

  test('only health is open', async () => {
    const { server } = serverWith();
    expect((await server.inject('/healthz')).statusCode).toBe(200);
    expect((await server.inject('/readyz')).statusCode).toBe(200);
    const metrics = await server.inject('/metrics');
    expect([metrics.statusCode, codeIn(metrics)]).toEqual([401, 'token_missing']);
    expect((await server.inject({ url: '/metrics', headers: viewer })).body).toContain('weir_http_refused_total');
  });

  test.each<[string, Record<string, string>, number, string]>([
    ['no token', {}, 401, 'token_missing'],
    ['another scheme', { authorization: 'Basic YW5uYTo=' }, 401, 'token_missing'],
    ['a scheme without a token', { authorization: 'Bearer ' }, 401, 'token_missing'],
    ['a token without a scheme', { authorization: 'anna' }, 401, 'token_missing'],
    ['an unknown token', { authorization: 'Bearer anne' }, 401, 'token_unknown'],
    ['two tokens in one', { authorization: 'Bearer anna anna' }, 401, 'token_unknown'],
    ['another cookie', { cookie: 'session=anna; weir_sessions=anna' }, 401, 'token_missing'],
    ['an empty session', { cookie: `${SESSION_COOKIE}=` }, 401, 'token_missing'],
    ['a session that is no token', { cookie: `${SESSION_COOKIE}=anne` }, 401, 'token_unknown'],
    ['a session that cannot be decoded', { cookie: `${SESSION_COOKIE}=%E0%A4%A` }, 401, 'token_unknown'],
    [
      'a header counts before a session',
      { authorization: 'Bearer anne', cookie: `${SESSION_COOKIE}=anna` },
      401,
      'token_unknown',
    ],
  ])('%s is refused', async (_name, headers, status, code) => {
    const answer = await guarded().inject({ url: '/guarded', headers });
    expect([answer.statusCode, codeIn(answer)]).toEqual([status, code]);
    expect(answer.body).not.toContain('anne');
  });

  test.each<[string, Record<string, string>, string]>([
    ['a header', viewer, 'anna'],
    ['a header in another case, with more blanks', { authorization: 'bearer   anna' }, 'anna'],
    ['the scheme of InfluxDB', { authorization: 'Token anna' }, 'anna'],
    ['Basic, with the token as password', { authorization: `Basic ${btoa('any:anna')}` }, 'anna'],
    ['a session', { cookie: `a=b; ${SESSION_COOKIE}=anna;c=d` }, 'anna'],
    ['a session with odd characters', { cookie: `${SESSION_COOKIE}=${encodeURIComponent('a%b c')}` }, 'odd'],
    [
      'a session beside a header of another scheme',
      { authorization: 'Basic x', cookie: `${SESSION_COOKIE}=anna` },
      'anna',
    ],
    ['an administrator', { authorization: 'Bearer root' }, 'root'],
  ])('%s lets in', async (_name, headers, name) => {
    expect((await guarded().inject({ url: '/guarded', headers })).json()).toEqual({ name });
  });

  test('a role that is not named is told which are', async () => {
    const { server } = serverWith();
    server.get('/money', roles('billing'), () => Promise.resolve('x'));
    const answer = await server.inject({ url: '/money', headers: viewer });
    expect([answer.statusCode, codeIn(answer)]).toEqual([403, 'forbidden']);
    expect(answer.json()).toMatchObject({ error: { detail: { needs: ['billing'] } } });
  });

  test('HEAD asks for the token that GET asks for', async () => {
    const server = guarded();
    expect((await server.inject({ method: 'HEAD', url: '/guarded' })).statusCode).toBe(401);
    expect((await server.inject({ method: 'HEAD', url: '/guarded', headers: viewer })).statusCode).toBe(200);
  });

  test('a body is not read before the token was looked at', async () => {
    let parsed = 0;
    const { server } = serverWith();
    server.addContentTypeParser('text/count', { parseAs: 'string' }, (_request, body, done) => {
      parsed += 1;
      done(null, body);
    });
    server.post('/guarded', roles('viewer'), () => Promise.resolve('x'));
    const answer = await server.inject({
      method: 'POST',
      url: '/guarded',
      headers: { 'content-type': 'text/count' },
      body: 'x',
    });
    expect([answer.statusCode, parsed]).toEqual([401, 0]);
  });

  test('one who authenticates and fails is a failure, not an entrance', async () => {
    const { server } = serverWith({ authenticator: { authenticate: () => Promise.reject(new Error('no database')) } });
    server.get('/guarded', roles('viewer'), () => Promise.resolve('x'));
    const answer = await server.inject({ url: '/guarded', headers: viewer });
    expect([answer.statusCode, codeIn(answer)]).toEqual([500, 'unexpected']);
    expect(answer.body).not.toContain('no database');
  });
});

describe('what goes wrong', () => {
  const json = { ...viewer, 'content-type': 'application/json' };

  test.each<
    [
      string,
      { method?: 'GET' | 'POST' | 'PUT'; url?: string; headers?: Record<string, string>; body?: string },
      number,
      string,
    ]
  >([
    ['JSON that is none', { body: '{"a":' }, 400, 'invalid_request'],
    ['JSON without anything', { body: '' }, 400, 'invalid_request'],
    ['JSON that would reach every object', { body: '{"__proto__": {"admin": true}}' }, 400, 'invalid_request'],
    ['JSON that would reach them otherwise', { body: '{"constructor": {"prototype": {}}}' }, 400, 'invalid_request'],
    ['a body over the limit', { body: `"${'x'.repeat(100)}"` }, 413, 'body_too_large'],
    [
      'a content type that nobody reads',
      { headers: { ...viewer, 'content-type': 'application/pdf' }, body: 'x' },
      400,
      'invalid_request',
    ],
    ['a content type that is none', { headers: { ...viewer, 'content-type': 'x' }, body: 'x' }, 400, 'invalid_request'],
    [
      'a length that is not the body’s',
      { headers: { ...json, 'content-length': '3' }, body: '"12345"' },
      400,
      'invalid_request',
    ],
    ['no such place', { method: 'GET', url: '/nowhere?token=anna' }, 404, 'not_found'],
    ['no such method there', { method: 'PUT', body: '{}' }, 404, 'not_found'],
    ['an address that is none', { method: 'GET', url: '/guarded/%zz' }, 400, 'invalid_request'],
  ])('%s', async (_name, { method = 'POST', url = '/guarded', headers = json, body }, status, code) => {
    const server = guarded();
    const answer = await server.inject({ method, url, headers, ...(body === undefined ? {} : { body }) });
    expect([answer.statusCode, codeIn(answer)]).toEqual([status, code]);
    expect(answer.headers['content-type']).toContain('application/json');
    expect(answer.body).not.toContain('anna');
    const metrics = await server.inject({ url: '/metrics', headers: viewer });
    expect(metrics.body).toContain(`weir_http_refused_total{code="${code}"} 1`);
  });

  test.each<[string, () => never, number, string]>([
    [
      'an error of ours',
      () => {
        throw new WeirError('overloaded', 'Enough.', { retryAfterSeconds: 7 });
      },
      429,
      'overloaded',
    ],
    [
      'what a schema says',
      () => {
        z.strictObject({ limit: z.number() }).parse({ limit: 'x' });
        throw new Error('parsed');
      },
      400,
      'invalid_request',
    ],
    [
      'any error',
      () => {
        throw new TypeError('secret inner workings');
      },
      500,
      'unexpected',
    ],
    [
      'an error that claims to be an answer',
      () => {
        throw Object.assign(new Error('secret inner workings'), { statusCode: 200 });
      },
      500,
      'unexpected',
    ],
    [
      'an error with a status that is none',
      () => {
        throw Object.assign(new Error('secret inner workings'), { statusCode: Number.NaN });
      },
      500,
      'unexpected',
    ],
    [
      'a text',
      () => {
        // eslint-disable-next-line typescript/only-throw-error -- what is no error is thrown too
        throw 'secret inner workings';
      },
      500,
      'unexpected',
    ],
    [
      'nothing',
      () => {
        // eslint-disable-next-line typescript/only-throw-error -- what is no error is thrown too
        throw null;
      },
      500,
      'unexpected',
    ],
    [
      'an object',
      () => {
        // eslint-disable-next-line typescript/only-throw-error -- what is no error is thrown too
        throw { statusCode: 404, message: 'secret inner workings' };
      },
      500,
      'unexpected',
    ],
  ])('thrown by a handler: %s', async (_name, fail, status, code) => {
    for (const handler of [fail, () => Promise.resolve().then(fail)]) {
      const { server, lines } = serverWith();
      server.get('/fails', roles('viewer'), handler);
      const answer = await server.inject({ url: '/fails', headers: viewer });
      expect([answer.statusCode, codeIn(answer)]).toEqual([status, code]);
      expect(answer.body).not.toContain('secret inner workings');
      expect(lines.filter((line) => line.includes('request failed'))).toHaveLength(status >= 500 ? 1 : 0);
    }
  });

  test('nothing thrown asynchronously is an answer of nothing, not a hang', async () => {
    const { server } = serverWith();
    // eslint-disable-next-line typescript/prefer-promise-reject-errors -- what is no error is thrown too
    server.get('/fails', roles('viewer'), () => Promise.reject(undefined));
    const answer = await server.inject({ url: '/fails', headers: viewer });
    expect([answer.statusCode, codeIn(answer)]).toEqual([500, 'unexpected']);
  });

  test('Retry-After is said where a refusal has it, in whole seconds', async () => {
    const { server } = serverWith();
    server.get('/busy', roles('viewer'), () => {
      throw new WeirError('overloaded', 'Enough.', { retryAfterSeconds: 1.2 });
    });
    const answer = await server.inject({ url: '/busy', headers: viewer });
    expect([answer.statusCode, answer.headers['retry-after']]).toEqual([429, '2']);
  });

  test('what failed is logged with the route, never with the address that was asked', async () => {
    const { server, lines } = serverWith();
    server.get('/devices/:id', roles('viewer'), () => {
      throw new Error('broken');
    });
    await server.inject({ url: '/devices/r1?token=anna', headers: viewer });
    const line = lines.find((one) => one.includes('request failed')) ?? '';
    expect(line).toContain('/devices/:id');
    expect(line).toContain('broken');
    expect(line).not.toContain('anna');
  });
});

describe('every answer', () => {
  test.each(['/healthz', '/nowhere', '/guarded', '/guarded/%zz'])(
    '%s carries what keeps a browser from harm',
    async (url) => {
      const answer = await guarded().inject({ url });
      expect(answer.headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
      });
      expect(answer.headers['x-powered-by']).toBeUndefined();
      expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    },
  );

  test('readiness names the parts that are missing', async () => {
    const { reporter } = silentReporter();
    const server = createServer(reporter, {
      maxBodyBytes: 1,
      authenticator: { authenticate: () => Promise.resolve(null) },
    });
    open.push(server);
    reporter.health('queue', () => ({ healthy: true, message: 'open' }));
    reporter.health('database', () => {
      throw new Error('gone');
    });
    const answer = await server.inject('/readyz');
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toEqual({
      ready: false,
      parts: { queue: { healthy: true, message: 'open' }, database: { healthy: false, message: 'gone' } },
    });
  });
});

async function listening(options: Partial<ServerOptions> = {}): Promise<{ server: FastifyInstance; port: number }> {
  const { server } = serverWith(options);
  server.post('/guarded', roles('viewer'), (request) => Promise.resolve({ body: request.body }));
  await listen(server, '127.0.0.1', 0);
  const address = server.server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no address');
  return { server, port: address.port };
}

async function dial(port: number): Promise<{ socket: Socket; ended: Promise<string> }> {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  let said = '';
  socket.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  socket.on('error', () => undefined);
  const ended = new Promise<string>((resolve) => socket.once('close', () => resolve(said)));
  await once(socket, 'connect');
  return { socket, ended };
}

/** The status and the code of a raw answer. */
function codedAnswer(text: string): [string, string] {
  const [head = '', body = ''] = text.split('\r\n\r\n');
  return [head.split('\r\n')[0] ?? '', codeIn({ json: () => JSON.parse(body) as unknown })];
}

describe('a client', () => {
  const request =
    'POST /guarded HTTP/1.1\r\nhost: x\r\nauthorization: Bearer anna\r\ncontent-type: application/json\r\n';

  test.each([
    ['that says nothing', ''],
    ['that never ends its header', request],
    ['that never ends its body', `${request}content-length: 50\r\n\r\n"x`],
    ['that never ends a body in pieces', `${request}transfer-encoding: chunked\r\n\r\n3\r\n"xx\r\n`],
  ])('%s is let go', async (_name, text) => {
    const { port } = await listening({ requestTimeoutMs: 200 });
    const { socket, ended } = await dial(port);
    socket.write(text);
    const said = await ended;
    if (text !== '') expect(codedAnswer(said)).toEqual(['HTTP/1.1 408 Request Timeout', 'request_too_slow']);
  });

  test.each([
    ['that does not speak HTTP', 'HELO mail.example\r\n\r\n', 'HTTP/1.1 400 Bad Request', 'invalid_request'],
    [
      'that says two lengths',
      `${request}content-length: 1\r\ncontent-length: 2\r\n\r\n`,
      'HTTP/1.1 400 Bad Request',
      'invalid_request',
    ],
    [
      'that says a length and pieces',
      `${request}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
      'HTTP/1.1 400 Bad Request',
      'invalid_request',
    ],
    [
      'with a header without end',
      `${request}x: ${'x'.repeat(20_000)}`,
      'HTTP/1.1 413 Payload Too Large',
      'body_too_large',
    ],
    [
      'with a body in pieces without end',
      `${request}transfer-encoding: chunked\r\n\r\n200\r\n${'x'.repeat(512)}\r\n`,
      'HTTP/1.1 413 Payload Too Large',
      'body_too_large',
    ],
  ])('%s is refused with a code', async (_name, text, status, code) => {
    const { server, port } = await listening();
    const { socket, ended } = await dial(port);
    socket.write(text);
    await once(socket, 'data');
    socket.end();
    expect(codedAnswer(await ended)).toEqual([status, code]);
    const metrics = await server.inject({ url: '/metrics', headers: viewer });
    expect(metrics.body).toContain(`weir_http_refused_total{code="${code}"} 1`);
  });

  test('that goes away in the middle hurts nobody', async () => {
    const { server, port } = await listening();
    for (const text of ['', 'POST', request, `${request}content-length: 50\r\n\r\n"x`]) {
      const { socket, ended } = await dial(port);
      socket.write(text);
      socket.resetAndDestroy();
      await ended;
    }
    expect((await server.inject('/healthz')).statusCode).toBe(200);
  });

  test('above the most connections is not taken, and counted', async () => {
    const { server, port } = await listening({ maxConnections: 2 });
    await dial(port);
    await dial(port);
    const third = await dial(port);
    expect(await third.ended).toBe('');
    const metrics = await server.inject({ url: '/metrics', headers: viewer });
    expect(metrics.body).toContain('weir_http_connections_dropped_total 1');
  });

  test('that waits does not keep the server from stopping', async () => {
    const { server, port } = await listening();
    const { socket, ended } = await dial(port);
    socket.write(request);
    await server.close();
    await ended;
  });
});

describe('listening', () => {
  test('where another does has a code', async () => {
    const { port } = await listening();
    const { server } = serverWith();
    await expect(listen(server, '127.0.0.1', port)).rejects.toMatchObject({
      code: 'port_in_use',
      detail: { host: '127.0.0.1', port },
    });
  });

  test('where nobody can passes as it came', async () => {
    const { server } = serverWith();
    await expect(listen(server, '192.0.2.1', 0)).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
  });
});

test.each([
  ['a key that nobody knows', z.strictObject({}), { limit: 1 }, 'Unrecognized key: "limit".'],
  ['a field', z.object({ port: z.number() }), { port: 'x' }, 'port: Invalid input: expected number, received string.'],
  [
    'a field within',
    z.object({ a: z.object({ b: z.string() }) }),
    { a: {} },
    'a.b: Invalid input: expected string, received undefined.',
  ],
])('%s is told with its path, where it has one', (_, schema, value, message) => {
  expect(toWeirError(schema.safeParse(value).error).message).toBe(message);
});
