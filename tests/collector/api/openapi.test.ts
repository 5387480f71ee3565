// The collector's description of itself: sound OpenAPI 3.1, nothing forgotten, examples that are true.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { OPENAPI_EXAMPLES } from '../../../collector/api/openapi-examples.ts';
import { holdRoutesDescribed, UNDESCRIBED_ROUTES } from '../../../collector/api/undescribed-routes.ts';
import { createServer } from '../../../common/http/server.ts';
import { type CollectorFixture, startCollectorFixture } from '../../support/collector-fixture.ts';
import { openApiFaults } from '../../support/openapi-check.ts';
import { silentReporter } from '../../support/silent-reporter.ts';

interface Operation {
  readonly summary: string;
  readonly description: string;
  readonly security?: readonly unknown[];
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, Media>> }>>;
}
interface Media {
  readonly schema: Parameters<typeof z.fromJSONSchema>[0];
  readonly example?: unknown;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly securitySchemes: Readonly<Record<string, unknown>> };
}

let fixture: CollectorFixture;
let remove: () => Promise<void>;
let document: Document;

beforeAll(async () => {
  ({ fixture, remove } = await startCollectorFixture());
  document = await fixture.get<Document>('/api/v1/openapi.json');
});
afterAll(() => remove());

function operations(): { readonly name: string; readonly operation: Operation }[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation })),
  );
}

test('the document is sound', () => {
  expect(openApiFaults(document)).toEqual([]);
});

test('every part of the API is in it', () => {
  const names = operations().map(({ name }) => name);
  for (const name of [
    'POST /api/v1/batches',
    'POST /api/v2/write',
    'GET /prometheus/api/v1/query',
    'POST /prometheus/api/v1/query_range',
    'GET /prometheus/api/v1/label/{name}/values',
    'GET /billing/{path}',
    'POST /billing/{path}',
    'GET /healthz',
    'GET /readyz',
    'GET /metrics',
    'GET /api/v1/openapi.json',
    'GET /api/v1/events',
    'GET /api/v1/alarms/{id}',
    'DELETE /api/v1/session',
  ])
    expect(names).toContain(name);
});

test('every route says in a sentence what it does, who may ask, what it answers and how it refuses', () => {
  for (const { name, operation } of operations()) {
    expect([name, operation.summary]).toEqual([name, expect.stringMatching(/^.{8,}[.)]$/s)]);
    expect([name, operation.description]).toEqual([name, expect.stringMatching(/^Needs: /)]);
    expect([name, Object.keys(operation.responses)]).toEqual([name, expect.arrayContaining(['default'])]);
    const done = operation.responses['200'] ?? operation.responses['201'] ?? operation.responses['204'];
    expect([name, done]).toEqual([name, expect.anything()]);
    // Those tell refusals in the form of their standards.
    const standard = /POST \/api\/v2\/write|\/(prometheus|tmf-api)\//.test(name);
    if (operation.security === undefined && !standard)
      expect([name, Object.keys(operation.responses)]).toEqual([name, expect.arrayContaining(['401', '403'])]);
  }
});

test('only health, the session and the page of a usage link, which asks for its code, need no token', () => {
  const open = operations().filter(({ operation }) => operation.security !== undefined);
  expect(open.map(({ name }) => name).toSorted()).toEqual([
    'DELETE /api/v1/session',
    'GET /billing/link/{path}',
    'GET /healthz',
    'GET /readyz',
    'POST /api/v1/session',
  ]);
});

test('every example is of a route, and as its schema says', () => {
  const withExample = operations().flatMap(({ name, operation }) =>
    Object.values(operation.responses['200']?.content ?? {}).flatMap(({ schema, example }) =>
      example === undefined ? [] : [{ name, schema, example }],
    ),
  );
  expect(withExample).toHaveLength(Object.keys(OPENAPI_EXAMPLES).length);
  for (const { name, schema, example } of withExample)
    expect([name, z.fromJSONSchema(schema).safeParse(example).error?.issues]).toEqual([name, undefined]);
});

test('each way of signing in that the document names is one', async () => {
  expect(Object.keys(document.components.securitySchemes)).toEqual(['token', 'basic', 'session']);
  const token = await fixture.token('reader', 'viewer');
  for (const headers of [
    { authorization: `Bearer ${token}` },
    { authorization: `Token ${token}` },
    { authorization: `Basic ${Buffer.from(`anybody:${token}`).toString('base64')}` },
    { cookie: `weir_session=${token}` },
  ])
    expect(await fixture.ask('/api/v1/whoami', { token: null, headers })).toMatchObject({ status: 200 });
});

describe('a route that is not described', () => {
  test('stops the start', async () => {
    const server = createServer(silentReporter().reporter, {
      maxBodyBytes: 1000,
      authenticator: { authenticate: () => Promise.resolve(null) },
    });
    holdRoutesDescribed(server, () => UNDESCRIBED_ROUTES);
    server.get('/api/v1/secret', { config: { access: ['viewer'] } }, async () => 1);
    await expect(async () => server.ready()).rejects.toThrow('lacks GET /api/v1/secret');
    await server.close();
  });
});

describe('the check itself', () => {
  const sound = {
    openapi: '3.1.0',
    info: { title: 'Rivers', version: '1' },
    security: [{ token: [] }],
    paths: {
      '/rivers/{id}': {
        get: {
          operationId: 'getRiver',
          summary: 'One.',
          parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
          responses: { 200: { description: 'done', content: { 'application/json': { schema: { type: 'object' } } } } },
        },
      },
    },
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
  };

  test('finds nothing in a sound document', () => {
    expect(openApiFaults(sound)).toEqual([]);
  });

  test.each([
    ['"3.1.0"', '"3.0.0"'],
    ['"/rivers/{id}"', '"/rivers/{name}"'],
    ['"required":true', '"required":false'],
    ['"type":"object"', '"type":"objekt"'],
    ['"type":"object"', '"$ref":"#/components/schemas/None"'],
    ['"type":"object"', '"typ":"object"'],
    ['"type":"object"', '"enum":[]'],
    ['"type":"object"', '"properties":{"a":{"minLength":-1}}'],
    ['"token":[]', '"ticket":[]'],
    ['"description":"done"', '"description":""'],
    ['"summary":"One."', '"summary":""'],
    ['"200":', '"2000":'],
    ['"scheme":"bearer"', '"scheme":""'],
    ['application/json', 'json'],
  ])('finds %s made %s', (from, to) => {
    const text = JSON.stringify(sound);
    expect(text).toContain(from);
    expect(openApiFaults(JSON.parse(text.replace(from, to))).length).toBeGreaterThan(0);
  });
});
