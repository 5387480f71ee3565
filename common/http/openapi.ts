// The OpenAPI document of described routes, made from the schemas that their requests are checked against.
import { z } from 'zod';
import { ERROR_TABLE } from '../runtime/error-table.ts';
import type { DescribedRoute } from './described-routes.ts';

export interface OpenApiTitle {
  readonly title: string;
  readonly version: string;
  readonly description: string;
}

/** Answers as they look, by `METHOD /url` in fastify's form. */
export type OpenApiExamples = Readonly<Record<string, unknown>>;

type JsonObject = Record<string, unknown>;

const ERROR: JsonObject = {
  type: 'object',
  description: 'A refusal: docs/errors.md says of each code what it means and what to do.',
  properties: {
    error: {
      type: 'object',
      properties: {
        code: { type: 'string', enum: Object.keys(ERROR_TABLE).toSorted() },
        message: { type: 'string' },
        detail: { type: 'object' },
      },
      required: ['code', 'message', 'detail'],
    },
  },
  required: ['error'],
  examples: [{ error: { code: 'token_missing', message: 'The request carries no token.', detail: {} } }],
};

/** What most routes may refuse with, by status. */
const REFUSALS: Readonly<Record<string, string>> = {
  400: 'the request is not as it should be (invalid_request)',
  401: 'no token, or one that is not known (token_missing, token_unknown)',
  403: 'the role or the scope does not go so far (forbidden)',
  404: 'there is no such thing (not_found)',
  429: 'too much at once (overloaded): come again after retry-after',
  503: 'something behind it is away (database_unreachable, store_unavailable)',
};

const SECURITY = {
  token: { type: 'http', scheme: 'bearer', description: '`authorization: Bearer TOKEN`; `Token TOKEN` is the same.' },
  basic: { type: 'http', scheme: 'basic', description: 'Any name, and the token as password.' },
  session: { type: 'apiKey', in: 'cookie', name: 'weir_session', description: 'As POST /api/v1/session sets it.' },
};

/** OpenAPI 3.1: its schemas are JSON Schema 2020-12 as it stands. */
export function openApiDocument(
  about: OpenApiTitle,
  routes: readonly DescribedRoute[],
  examples: OpenApiExamples = {},
): JsonObject {
  const paths: Record<string, JsonObject> = {};
  for (const route of routes) {
    const place = route.url.replaceAll(/:(\w+)/g, '{$1}').replace(/\*$/, '{path}');
    const example = examples[`${route.method} ${route.url}`];
    paths[place] = { ...paths[place], [route.method.toLowerCase()]: operationOf(route, example) };
  }
  return {
    openapi: '3.1.0',
    info: { ...about },
    security: [{ token: [] }, { basic: [] }, { session: [] }],
    tags: [...new Set(routes.map(tagOf))].toSorted().map((name) => ({ name })),
    paths,
    components: { securitySchemes: SECURITY, schemas: { Error: ERROR }, responses: refusalResponses() },
  };
}

function refusalResponses(): JsonObject {
  const content = { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } };
  const retryAfter = { 'retry-after': { description: 'seconds', schema: { type: 'integer' } } };
  const responses: JsonObject = { Refused: { description: 'refused', content } };
  for (const [status, description] of Object.entries(REFUSALS))
    responses[`Refused${status}`] = { description, content, ...(status === '429' ? { headers: retryAfter } : {}) };
  return responses;
}

/** The first word of the path that says what it is of: devices, alarms, prometheus, billing. */
function tagOf(route: DescribedRoute): string {
  const words = route.url.split('/').filter((word) => word !== '' && !/^(api|v\d+)$/.test(word));
  return (words[0] ?? 'page').replace(/[.].*$/, '');
}

/** `getV1DevicesByNameInterfaces`: unique where method and path are. */
function operationIdOf(route: DescribedRoute): string {
  const words = route.url
    .split('/')
    .filter((word) => word !== '' && word !== 'api')
    .map((word) => (word.startsWith(':') ? `by-${word.slice(1)}` : word === '*' ? 'any' : word))
    .flatMap((word) => word.split(/[^A-Za-z0-9]+/))
    .filter((word) => word !== '');
  return [route.method.toLowerCase(), ...words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))].join('');
}

function operationOf(route: DescribedRoute, example: unknown): JsonObject {
  const roles = route.access === 'open' ? 'no token' : [...route.access, 'administrator'].join(', ');
  const wildcard = route.url.endsWith('*');
  return {
    operationId: operationIdOf(route),
    tags: [tagOf(route)],
    summary: route.summary,
    description: `Needs: ${roles}.`,
    ...(route.access === 'open' ? { security: [] } : {}),
    parameters: [
      ...parametersOf(route.params, 'path'),
      ...(wildcard ? [{ name: 'path', in: 'path', required: true, schema: { type: 'string' } }] : []),
      ...parametersOf(route.query, 'query'),
    ],
    ...(route.body === null
      ? {}
      : {
          requestBody: {
            required: true,
            content: { [route.bodyType ?? 'application/json']: { schema: schemaOf(route.body, 'input') } },
          },
        }),
    responses: { [route.status ?? 200]: answerOf(route, example), ...refusalsOf(route) },
  };
}

function answerOf(route: DescribedRoute, example: unknown): JsonObject {
  if (route.status === 204) return { description: 'done, without a body' };
  const schema = schemaOf(route.answer, 'output');
  const content = { schema, ...(example === undefined ? {} : { example }) };
  return { description: 'done', content: { [route.contentType ?? 'application/json']: content } };
}

function refusalsOf(route: DescribedRoute): JsonObject {
  if (route.refusal !== undefined) {
    const content = { 'application/json': { schema: schemaOf(route.refusal, 'output') } };
    return { default: { description: 'refused, in the form that its clients read', content } };
  }
  const takes = route.params !== null || route.query !== null || route.body !== null;
  const statuses = [
    ...(takes ? ['400'] : []),
    ...(route.access === 'open' ? [] : ['401', '403']),
    ...(route.params === null ? [] : ['404']),
    ...(route.access === 'open' ? [] : ['429', '503']),
  ];
  const refused = (name: string): JsonObject => ({ $ref: `#/components/responses/${name}` });
  const responses: JsonObject = { default: refused('Refused') };
  for (const status of statuses) responses[status] = refused(`Refused${status}`);
  return responses;
}

function parametersOf(schema: z.ZodType | null, place: 'path' | 'query'): JsonObject[] {
  if (schema === null) return [];
  const { properties, required } = schemaOf(schema, 'input');
  if (typeof properties !== 'object' || properties === null) return [];
  const needed = new Set<unknown>(Array.isArray(required) ? required : []);
  return Object.entries(properties).map(([name, property]: [string, unknown]) => ({
    name,
    in: place,
    required: place === 'path' || needed.has(name),
    ...descriptionOf(property),
    schema: property,
  }));
}

function descriptionOf(property: unknown): { readonly description?: string } {
  const described = typeof property === 'object' && property !== null && 'description' in property ? property : null;
  return typeof described?.description === 'string' ? { description: described.description } : {};
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonObject {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: 'draft-2020-12', io, unrepresentable: 'any' });
  return rest;
}
