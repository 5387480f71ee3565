// What a browser is told about the page, what another site may not do with its session, and the bridge behind /billing.
import {
  createServer as createHttpServer,
  type IncomingMessage,
  request as httpRequest,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { addBridgeProxy, BRIDGE_PROXY } from '../../../collector/api/bridge-proxy.ts';
import { addBrowserProtection } from '../../../collector/api/cross-site.ts';
import { createServer } from '../../../common/http/server.ts';
import type { Principal } from '../../../common/runtime/access.ts';
import { silentReporter } from '../../support/silent-reporter.ts';

type Closing = () => Promise<unknown>;
const open: Closing[] = [];
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

const KNOWN: Readonly<Record<string, Principal>> = {
  'of-anna': { name: 'anna', role: 'operator', scope: null },
  'of-carl': { name: 'carl', role: 'care', scope: null },
  'of-acme': { name: 'anna of acme', role: 'care', scope: { sites: [], customers: ['acme'] } },
  'of-agent': { name: 'agent-1', role: 'agent', scope: null },
};

function serverOf(bridgeUrl = 'http://127.0.0.1:9', bounds: Partial<typeof BRIDGE_PROXY> = {}) {
  const { reporter } = silentReporter();
  const server = createServer(reporter, {
    maxBodyBytes: 1000,
    authenticator: { authenticate: (token) => Promise.resolve(KNOWN[token] ?? null) },
  });
  addBrowserProtection(server);
  server.post('/api/v1/change', { config: { access: ['operator'] } }, async () => ({ changed: true }));
  server.get('/page', { config: { access: 'open' } }, async () => 'page');
  addBridgeProxy(server, reporter, { ...BRIDGE_PROXY, ...bounds, bridgeUrl });
  open.push(() => server.close());
  return { server, metrics: () => reporter.metricsText() };
}

async function bridge(
  answer: (request: IncomingMessage, response: ServerResponse, body: Buffer) => void,
): Promise<string> {
  const server: Server = createHttpServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => answer(request, response, Buffer.concat(pieces)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const address = server.address() as AddressInfo;
  return `http://127.0.0.1:${address.port}`;
}

const cookie = 'weir_session=of-anna';

describe('a change with the session', () => {
  const change = async (headers: Record<string, string>) => {
    const answer = await serverOf().server.inject({
      method: 'POST',
      url: '/api/v1/change',
      headers: { host: 'weir.example:8080', ...headers },
      payload: {},
    });
    return [answer.statusCode, answer.json<{ error?: { code: string } }>().error?.code];
  };

  test.for([
    { cookie, origin: 'http://weir.example:8080' },
    { cookie, origin: 'https://weir.example:8080' },
    { cookie, 'sec-fetch-site': 'same-origin', origin: 'https://behind-a-proxy.example' },
    { authorization: 'Bearer of-anna' },
    { authorization: 'Bearer of-anna', origin: 'http://elsewhere.example' },
  ])('is done by the page itself and by programs: %j', async (headers) => {
    expect(await change(headers)).toEqual([200, undefined]);
  });

  test.for([
    { cookie },
    { cookie, origin: 'http://elsewhere.example' },
    // Another port of one host is the same site to a cookie, and another origin.
    { cookie, origin: 'http://weir.example:3000' },
    { cookie, origin: 'null' },
    { cookie, origin: 'not a url' },
    { cookie, 'sec-fetch-site': 'same-site', origin: 'http://weir.example:8080' },
    { cookie, 'sec-fetch-site': 'cross-site' },
    { cookie, 'sec-fetch-site': 'none' },
  ])('is refused to others: %j', async (headers) => {
    expect(await change(headers)).toEqual([403, 'cross_site']);
  });
});

test('every answer says what a browser may do with it, refusals too', async () => {
  const { server } = serverOf();
  for (const url of ['/page', '/nowhere', '/api/v1/change', '/billing/v1/x']) {
    const { headers } = await server.inject({ url });
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' });
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['content-security-policy']).not.toContain('unsafe');
  }
  const { headers } = await server.inject({ method: 'POST', url: '/api/v1/change' });
  expect(headers['cache-control']).toBe('no-store');
});

describe('the bridge behind /billing', () => {
  test('gets path, query, body and the token of the session; its answer comes back as it was', async () => {
    const url = await bridge((request, response, body) => {
      response.writeHead(201, { 'content-type': 'application/json', 'set-cookie': 'theirs=1', etag: '"7"' });
      response.end(
        JSON.stringify({
          url: request.url,
          method: request.method,
          authorization: request.headers.authorization,
          cookie: request.headers.cookie ?? null,
          key: request.headers['idempotency-key'],
          body: body.toString(),
        }),
      );
    });
    const answer = await serverOf(url).server.inject({
      method: 'POST',
      url: '/billing/v1/bill-runs?period=2026-11',
      headers: { cookie, 'sec-fetch-site': 'same-origin', 'idempotency-key': 'k', 'content-type': 'application/json' },
      payload: '{"a": 1}',
    });
    expect(answer.statusCode).toBe(201);
    expect(answer.headers).toMatchObject({ etag: '"7"' });
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(answer.json()).toEqual({
      url: '/billing/v1/bill-runs?period=2026-11',
      method: 'POST',
      authorization: 'Bearer of-anna',
      cookie: null,
      key: 'k',
      body: '{"a": 1}',
    });
  });

  test('is asked by care too, and decides itself; an agent has no business there', async () => {
    const { server } = serverOf(await bridge((_request, response) => response.end('decided')));
    const statusOf = async (token: string): Promise<number> =>
      (await server.inject({ url: '/billing/v1/bills', headers: { authorization: `Bearer ${token}` } })).statusCode;
    expect([await statusOf('of-carl'), await statusOf('of-agent')]).toEqual([200, 403]);
    // Its scope goes with the token: the bridge reads its rows under it.
    expect(await statusOf('of-acme')).toBe(200);
  });

  test('is asked for the page of a link without a token or a session, and for nothing else beside it', async () => {
    const seen: string[] = [];
    const url = await bridge((request, response) => {
      const { authorization = 'nobody', 'x-forwarded-for': client } = request.headers;
      seen.push(`${request.url} ${authorization} ${String(client)}`);
      response.end('page');
    });
    const { server } = serverOf(url);
    const page = await server.inject({
      url: '/billing/link/abc/page.css',
      headers: { cookie, 'x-forwarded-for': '192.0.2.9' },
    });
    expect(page.statusCode).toBe(200);
    expect(page.headers['content-security-policy']).toContain("style-src 'self'");
    for (const out of ['/billing/link/../v1/bills', '/billing/link/%2e%2e/v1/bills', '/billing/link/..\\v1/bills'])
      expect([401, 404]).toContain((await server.inject({ url: out })).statusCode);
    // The router reads it as the open place: then it is asked for as that, or not at all.
    const spelt = { url: '/billing/%6cink/abc', headers: { authorization: 'Bearer of-nobody' } };
    expect((await server.inject(spelt)).statusCode).toBe(404);
    expect((await server.inject({ method: 'POST', url: '/billing/link/abc', payload: {} })).statusCode).toBe(401);
    expect(seen).toEqual(['/billing/link/abc/page.css nobody 127.0.0.1']);
  });

  test('answers TM Forum requests too, PATCH among them', async () => {
    const url = await bridge((request, response, body) => {
      response.setHeader('x-total-count', '7');
      response.end(`${request.method} ${request.url} ${request.headers['content-type']} ${body.toString()}`);
    });
    const answer = await serverOf(url).server.inject({
      method: 'PATCH',
      url: '/tmf-api/customerBillManagement/v4/customerBill/a',
      headers: { authorization: 'Bearer of-anna', 'content-type': 'application/merge-patch+json' },
      payload: '{}',
    });
    expect(answer.body).toBe('PATCH /tmf-api/customerBillManagement/v4/customerBill/a application/merge-patch+json {}');
    expect(answer.headers['x-total-count']).toBe('7');
  });

  test('is not asked without a token, nor with one that nobody knows', async () => {
    let asked = 0;
    const url = await bridge((_request, response) => {
      asked += 1;
      response.end();
    });
    const { server } = serverOf(url);
    for (const headers of [{}, { authorization: 'Bearer of-nobody' }])
      expect((await server.inject({ url: '/billing/v1/usage', headers })).statusCode).toBe(401);
    expect(asked).toBe(0);
  });

  test.for([
    '/billing/../metrics',
    '/billing/%2e%2e/metrics',
    '/billing/..\\metrics',
    '/billing/v1/../../healthz',
    '/billing/%6cink/../v1/bills',
  ])('nothing outside is reached: %s', async (path) => {
    let asked = '';
    const at = await bridge((request, response) => {
      asked = request.url ?? '';
      response.end('inside');
    });
    const { server } = serverOf(at);
    await server.listen({ port: 0, host: '127.0.0.1' });
    const { port } = server.server.address() as AddressInfo;
    // As it stands: fetch would tidy it up.
    const status = await new Promise((resolve, reject) => {
      const question = httpRequest({ host: '127.0.0.1', port, path, headers: { cookie } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      question.once('error', reject).end();
    });
    expect(status).toBe(404);
    expect(asked).toBe('');
  });

  test('one that is away is a coded refusal', async () => {
    const answer = await serverOf().server.inject({ url: '/billing/v1/overview', headers: { cookie } });
    expect(answer.statusCode).toBe(502);
    expect(answer.json()).toMatchObject({ error: { code: 'bridge_unreachable', detail: {} } });
  });

  test('one that never answers is given up, and so is one that breaks off in the middle', async () => {
    const silent = await bridge(() => undefined);
    const answer = await serverOf(silent, { timeoutMs: 50 }).server.inject({
      url: '/billing/v1/x',
      headers: { cookie },
    });
    expect(answer.json()).toMatchObject({ error: { code: 'bridge_unreachable' } });
    const broken = await bridge((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
      response.write('{"half":');
      setTimeout(() => response.destroy(), 20);
    });
    const { server } = serverOf(broken);
    await server.listen({ port: 0, host: '127.0.0.1' });
    const { port } = server.server.address() as AddressInfo;
    const half = fetch(`http://127.0.0.1:${port}/billing/v1/x`, { headers: { cookie } }).then((got) => got.text());
    await expect(half).rejects.toThrow();
  });

  test('its refusals pass as they are, with the time to wait', async () => {
    const url = await bridge((_request, response) => {
      response.writeHead(429, { 'content-type': 'application/json', 'retry-after': '7' });
      response.end('{"error":{"code":"overloaded","message":"","detail":{}}}');
    });
    const answer = await serverOf(url).server.inject({ url: '/billing/v1/x', headers: { cookie } });
    expect(answer.statusCode).toBe(429);
    expect(answer.headers['retry-after']).toBe('7');
    expect(answer.json()).toMatchObject({ error: { code: 'overloaded' } });
  });

  test('a body or an answer beyond the bound is refused or cut off, and counted', async () => {
    const url = await bridge((request, response) => {
      if (request.url === '/billing/v1/announced') response.setHeader('content-length', '5000');
      response.end('x'.repeat(5000));
    });
    const { server, metrics } = serverOf(url, { maxRequestBytes: 100, maxAnswerBytes: 1000 });
    const large = await server.inject({
      method: 'POST',
      url: '/billing/v1/x',
      headers: { authorization: 'Bearer of-anna', 'content-type': 'application/json' },
      payload: 'x'.repeat(101),
    });
    expect([large.statusCode, large.json<{ error: { code: string } }>().error.code]).toEqual([413, 'body_too_large']);
    const announced = await server.inject({ url: '/billing/v1/announced', headers: { cookie } });
    expect(announced.json()).toMatchObject({ error: { code: 'bridge_unreachable' } });
    expect(await metrics()).toContain('weir_bridge_answers_cut_total{bound="bytes"} 1');
  });

  test('more questions at once than the bound are asked to wait', async () => {
    const waiting: ServerResponse[] = [];
    const url = await bridge((_request, response) => void waiting.push(response));
    const { server } = serverOf(url, { maxInFlight: 2 });
    const ask = () => server.inject({ url: '/billing/v1/x', headers: { cookie } });
    const held = [ask(), ask()];
    while (waiting.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    const third = await ask();
    expect([third.statusCode, third.headers['retry-after']]).toEqual([429, '1']);
    for (const response of waiting) response.end('{}');
    expect((await Promise.all(held)).map((answer) => answer.statusCode)).toEqual([200, 200]);
    const fourth = ask();
    while (waiting.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    waiting[2]?.end('{}');
    expect((await fourth).statusCode).toBe(200);
  });
});
