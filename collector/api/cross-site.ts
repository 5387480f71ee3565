// Headers that keep a browser from doing harm: what the page may load, and that no other site changes anything with its session.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { WeirError } from '../../common/runtime/errors.ts';

const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');
const DATA_POLICY = "default-src 'none'; frame-ancestors 'none'";
/** The page of a customer's own link, which the bridge makes: no script, and looks of its own. */
const LINK_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const LINK_PATH = '/billing/link/';

const READING = new Set(['GET', 'HEAD', 'OPTIONS']);

const DATA_PATHS = ['/api/', '/billing/', '/tmf-api/', '/prometheus/', '/metrics'];

/** Paths whose answers a browser shows as a page. */
function isPage(url: string): boolean {
  return !DATA_PATHS.some((place) => url.startsWith(place));
}

function policyOf(url: string): string {
  if (url.startsWith(LINK_PATH)) return LINK_POLICY;
  return isPage(url) ? PAGE_POLICY : DATA_POLICY;
}

export function browserHeaders(url: string): Readonly<Record<string, string>> {
  const page = isPage(url);
  return {
    'content-security-policy': policyOf(url),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
    ...(page ? {} : { 'cache-control': 'no-store' }),
  };
}

export function addBrowserProtection(server: FastifyInstance): void {
  server.addHook('onRequest', async (request) => refuseCrossSite(request));
  // At the end, so that refusals have them too.
  server.addHook('onSend', async (request, reply) => void reply.headers(browserHeaders(request.url)));
}

/** A cookie is sent by the browser, whoever made it send: then the page must be our own. Ports of one host are one site to a cookie, so SameSite alone does not do. */
function refuseCrossSite(request: FastifyRequest): void {
  const { headers } = request;
  if (READING.has(request.method) || headers.authorization !== undefined) return;
  const site = headers['sec-fetch-site'];
  // A program sends neither of the two; without a cookie nobody else's session is used.
  if (site === undefined && headers.origin === undefined && headers.cookie === undefined) return;
  // Only a browser sets the first, and never on behalf of the page; over plain HTTP it sends the second alone.
  if (site === undefined ? originIsOwn(request) : site === 'same-origin') return;
  throw new WeirError('cross_site', 'The request comes from a page of another origin.', {
    origin: headers.origin ?? null,
  });
}

/** A proxy in front may speak TLS: the host decides, not the scheme. */
function originIsOwn({ headers, host }: FastifyRequest): boolean {
  const { origin } = headers;
  return origin !== undefined && URL.canParse(origin) && new URL(origin).host === host;
}
