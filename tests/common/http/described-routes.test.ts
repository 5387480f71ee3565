// Routes that describe themselves: the check of requests, of answers in tests, and the OpenAPI document say the same.
import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import { DescribedRoutes } from '../../../common/http/described-routes.ts';
import { requireLoopback } from '../../../common/http/loopback.ts';
import { openApiDocument } from '../../../common/http/openapi.ts';
import { pageInMemory, pageOf, pageParameters, timeParameter } from '../../../common/http/parameters.ts';
import { createServer } from '../../../common/http/server.ts';
import { silentReporter } from '../../support/silent-reporter.ts';

const server = () =>
  createServer(silentReporter().reporter, {
    maxBodyBytes: 1000,
    authenticator: { authenticate: (token) => Promise.resolve({ name: token, role: 'viewer', scope: null }) },
  });
type Server = ReturnType<typeof server>;
const open: Server[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

function routesOf(answer: unknown = { items: [], next: null }): { at: Server; routes: DescribedRoutes } {
  const at = server();
  open.push(at);
  const routes = new DescribedRoutes(at, { checkAnswers: true });
  routes.add(
    {
      method: 'GET',
      url: '/rivers/:id',
      access: ['viewer'],
      summary: 'Rivers.',
      params: z.object({ id: z.string().max(5) }),
      query: z.strictObject({ from: timeParameter.optional(), ...pageParameters }),
      answer: pageOf(z.object({ name: z.string() })),
    },
    async ({ params, query, principal }) =>
      answer ?? { items: [{ name: `${params.id} ${query.from} ${query.limit} ${principal?.name}` }], next: null },
  );
  return { at, routes };
}

const headers = { authorization: 'Bearer anna' };

test('a request is parsed by its schemas', async () => {
  const { at } = routesOf(null);
  const answer = await at.inject({ url: '/rivers/rhine?from=1970-01-01T01:00:00%2B01:00&limit=7', headers });
  expect(answer.json()).toEqual({ items: [{ name: 'rhine 0 7 anna' }], next: null });
});

test.for(['/rivers/danube', '/rivers/rhine?form=1', '/rivers/rhine?from=yesterday', '/rivers/rhine?limit=10001'])(
  'refused: %s',
  async (url) => {
    const answer = await routesOf(null).at.inject({ url, headers });
    expect(answer.statusCode).toBe(400);
    const issues = [expect.anything()];
    expect(answer.json()).toMatchObject({ error: { code: 'invalid_request', detail: { issues } } });
  },
);

test('an answer that is not as documented fails', async () => {
  const answer = await routesOf({ items: [{ nam: 'rhine' }], next: null }).at.inject({ url: '/rivers/rhine', headers });
  expect(answer.statusCode).toBe(500);
});

test('the document has what the routes check', () => {
  const { routes } = routesOf();
  const document = openApiDocument({ title: 'Rivers', version: '1', description: 'all of them' }, routes.routes);
  expect(document).toMatchObject({
    openapi: '3.1.0',
    paths: {
      '/rivers/{id}': {
        get: {
          description: 'Needs: viewer, administrator.',
          parameters: [
            { name: 'id', in: 'path', required: true, schema: { type: 'string', maxLength: 5 } },
            { name: 'from', in: 'query', required: false, schema: { format: 'date-time' } },
            { name: 'limit', in: 'query', required: false, schema: { default: 100 } },
            { name: 'cursor', in: 'query', required: false },
          ],
        },
      },
    },
  });
});

test('pages of a list in memory meet without a gap, also where items vanish between them', () => {
  const items = ['a', 'b', 'c', 'd', 'e'];
  const itself = (item: string): string => item;
  const first = pageInMemory(items, itself, { limit: 2 });
  expect(first.items).toEqual(['a', 'b']);
  const second = pageInMemory(
    items.filter((item) => item !== 'b'),
    itself,
    { limit: 2, cursor: first.next ?? '' },
  );
  expect(second.items).toEqual(['c', 'd']);
  expect(pageInMemory(items, itself, { limit: 2, cursor: second.next ?? '' })).toEqual({ items: ['e'], next: null });
  expect(pageInMemory(items, itself, { limit: 5 }).next).toBeNull();
  expect(() => pageInMemory(items, itself, { limit: 2, cursor: 'made up' })).toThrow(
    expect.objectContaining({ code: 'invalid_request' }),
  );
});

test('only this machine, unless something in front does TLS', () => {
  for (const host of ['127.0.0.1', '127.8.9.1', '::1', 'localhost']) requireLoopback(host, false);
  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'weir.example', '127.example'])
    expect(() => requireLoopback(host, false)).toThrow(expect.objectContaining({ code: 'listen_refused' }));
  requireLoopback('0.0.0.0', true);
});
