// The OpenAPI document of described routes, made from the schemas that their requests are checked against.
import { z } from 'zod';
import type { DescribedRoute } from './described-routes.ts';

export interface OpenApiTitle {
  readonly title: string;
  readonly version: string;
  readonly description: string;
}

type JsonObject = Record<string, unknown>;

const ERROR: JsonObject = {
  type: 'object',
  properties: {
    error: {
      type: 'object',
      properties: {
        code: { type: 'string', description: 'from the table of docs/errors.md' },
        message: { type: 'string' },
        detail: { type: 'object' },
      },
      required: ['code', 'message', 'detail'],
    },
  },
  required: ['error'],
};

/** OpenAPI 3.1: its schemas are JSON Schema 2020-12 as it stands. */
export function openApiDocument(about: OpenApiTitle, routes: readonly DescribedRoute[]): JsonObject {
  const paths: Record<string, JsonObject> = {};
  for (const route of routes) {
    const place = route.url.replaceAll(/:(\w+)/g, '{$1}');
    paths[place] = { ...paths[place], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: '3.1.0',
    info: { ...about },
    security: [{ token: [] }, { session: [] }],
    paths,
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer' },
        session: { type: 'apiKey', in: 'cookie', name: 'weir_session' },
      },
      schemas: { Error: ERROR },
    },
  };
}

function operationOf(route: DescribedRoute): JsonObject {
  const roles = route.access === 'open' ? 'no token' : [...route.access, 'administrator'].join(', ');
  return {
    summary: route.summary,
    description: `Needs: ${roles}.`,
    ...(route.access === 'open' ? { security: [] } : {}),
    parameters: [...parametersOf(route.params, 'path'), ...parametersOf(route.query, 'query')],
    ...(route.body === null
      ? {}
      : {
          requestBody: {
            required: true,
            content: { [route.bodyType ?? 'application/json']: { schema: schemaOf(route.body, 'input') } },
          },
        }),
    responses: {
      200: {
        description: 'done',
        content: { [route.contentType ?? 'application/json']: { schema: schemaOf(route.answer, 'output') } },
      },
      default: {
        description: 'refused',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    },
  };
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
    schema: property,
  }));
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonObject {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: 'draft-2020-12', io, unrepresentable: 'any' });
  return rest;
}
