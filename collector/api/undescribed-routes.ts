// Routes that no DescribedRoutes makes, told to the document by hand, and the check that none is forgotten.
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { BRIDGE_PLACES } from './bridge-proxy.ts';
import type { DescribedRoute } from '../../common/http/described-routes.ts';
import { ROLES, STATE_READERS } from '../../common/runtime/access.ts';

const NOTHING = { params: null, query: null, body: null };
const part = z.object({ healthy: z.boolean(), message: z.string() });

const OF_EVERY_SERVER: readonly DescribedRoute[] = [
  {
    method: 'GET',
    url: '/healthz',
    access: 'open',
    summary: 'Whether the process serves.',
    ...NOTHING,
    answer: z.object({ healthy: z.literal(true) }),
  },
  {
    method: 'GET',
    url: '/readyz',
    access: 'open',
    summary: 'Whether every part works; 503 in the same form where one does not.',
    ...NOTHING,
    answer: z.object({ ready: z.boolean(), parts: z.record(z.string(), part) }),
    refusal: z.object({ ready: z.boolean(), parts: z.record(z.string(), part) }),
  },
  {
    method: 'GET',
    url: '/metrics',
    access: ['viewer', 'operator'],
    summary: 'What Weir measures of itself, for Prometheus.',
    ...NOTHING,
    answer: z.string(),
    contentType: 'text/plain',
  },
  {
    method: 'GET',
    url: '/api/v1/openapi.json',
    access: ROLES,
    summary: 'This document.',
    ...NOTHING,
    answer: z.object({ openapi: z.string() }),
  },
];

const PASSED_ON = BRIDGE_PLACES.flatMap((place) =>
  ['GET', 'POST', place === '/billing/' ? 'PUT' : 'PATCH', 'DELETE'].map((method) => ({ method, url: `${place}*` })),
);
const BILLING: readonly DescribedRoute[] = PASSED_ON.map(({ method, url }) => ({
  method,
  url,
  access: STATE_READERS,
  summary: 'Passed on to the billing bridge with the same token; /billing/v1/openapi.json says what there is.',
  ...NOTHING,
  ...(method !== 'GET' && method !== 'DELETE' ? { body: z.unknown().describe('as the bridge wants it') } : {}),
  answer: z.unknown(),
}));

const USAGE_LINK: DescribedRoute = {
  method: 'GET',
  url: '/billing/link/*',
  access: 'open',
  summary: "The page of a customer's usage link, from the billing bridge; the code in the address is all it asks for.",
  ...NOTHING,
  answer: z.unknown(),
};

export const UNDESCRIBED_ROUTES: readonly DescribedRoute[] = [...OF_EVERY_SERVER, ...BILLING, USAGE_LINK];

/** Of the page, for browsers. */
const PAGES = new Set(['/', '/docs', '/docs/style.css', '/favicon.svg', '/assets/:file']);

/** Call it before any route is made; at the start a route that `described` lacks is a bug. */
export function holdRoutesDescribed(server: FastifyInstance, described: () => readonly DescribedRoute[]): void {
  const registered: string[] = [];
  server.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) if (one !== 'HEAD' && !PAGES.has(url)) registered.push(`${one} ${url}`);
  });
  server.addHook('onReady', async () => {
    const known = new Set(described().map(({ method, url }) => `${method} ${url}`));
    const missing = registered.filter((route) => !known.has(route));
    if (missing.length > 0) throw new Error(`BUG: the API document lacks ${missing.join(', ')}`);
  });
}
