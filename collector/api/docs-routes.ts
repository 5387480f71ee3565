// The API explained by itself: the OpenAPI document, and a page a person can read, both made from the routes.
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { DescribedRoute } from '../../common/http/described-routes.ts';
import { openApiDocument } from '../../common/http/openapi.ts';
import { ROLES } from '../../common/runtime/access.ts';
import { OPENAPI_EXAMPLES } from './openapi-examples.ts';

const TITLE = {
  title: 'Weir collector',
  description: 'Devices, series, alarms and readings. Times are ISO 8601 UTC, integers beyond 2^53 are text.',
};

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; color: #14232b; background: #fff; }
h2 { font-size: 1rem; margin: 1.6rem 0 0.2rem; font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
p { margin: 0.2rem 0; }
table { border-collapse: collapse; }
th, td { text-align: start; padding: 0.15rem 0.8rem 0.15rem 0; vertical-align: top; }
.needs { color: #556972; }
@media (prefers-color-scheme: dark) { body { color: #e4edf0; background: #0e161a; } .needs { color: #9bb0b9; } }
`;

/** Called once every route is known. */
export function addDocsRoutes(server: FastifyInstance, version: string, routes: readonly DescribedRoute[]): void {
  const sorted = routes.toSorted((a, b) => (a.url === b.url ? 0 : a.url < b.url ? -1 : 1));
  const document = openApiDocument({ ...TITLE, version }, sorted, OPENAPI_EXAMPLES);
  const page = pageOf(sorted);
  const config = { access: ROLES, scoped: true };
  server.get('/api/v1/openapi.json', { config }, async () => document);
  server.get('/docs', { config }, (_request, reply) => reply.type('text/html; charset=utf-8').send(page));
  server.get('/docs/style.css', { config }, (_request, reply) => reply.type('text/css; charset=utf-8').send(STYLE));
}

function pageOf(routes: readonly DescribedRoute[]): string {
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Weir collector API</title>',
    '<link rel="stylesheet" href="/docs/style.css"></head><body>',
    `<h1>${escape(TITLE.title)} API</h1><p>${escape(TITLE.description)}</p>`,
    '<p>The same for programs: <a href="/api/v1/openapi.json">OpenAPI document</a>.</p>',
    ...routes.map(sectionOf),
    '</body></html>',
  ].join('\n');
}

function sectionOf(route: DescribedRoute): string {
  const needs = route.access === 'open' ? 'no token' : [...route.access, 'administrator'].join(', ');
  const rows = (['params', 'query', 'body'] as const).flatMap((place) => rowsOf(place, route[place]));
  return [
    `<h2>${route.method} ${escape(route.url)}</h2><p>${escape(route.summary)}</p>`,
    `<p class="needs">needs: ${escape(needs)}</p>`,
    rows.length === 0 ? '' : `<table>${rows.join('')}</table>`,
  ].join('\n');
}

const PLACES = { params: 'path', query: 'query', body: 'body' } as const;

function rowsOf(place: keyof typeof PLACES, schema: z.ZodType | null): string[] {
  if (schema === null) return [];
  const { properties, required } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return Object.entries(properties ?? {}).map(([name, property]) => {
    const about = typeof property === 'object' ? property : {};
    const words = [
      required?.includes(name) === true ? 'required' : '',
      about.enum === undefined ? '' : `one of ${about.enum.join(', ')}`,
      about.default === undefined ? '' : `default ${JSON.stringify(about.default)}`,
      about.description ?? '',
    ].filter((word) => word !== '');
    return `<tr><td>${PLACES[place]}</td><td><code>${escape(name)}</code></td><td>${escape(words.join('; '))}</td></tr>`;
  });
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
