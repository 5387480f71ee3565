// The HTTP server that collector and bridge share: closed by default, coded refusals, bounded bodies.
import { type Server, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { z } from 'zod';
import { mayEnter, type Principal, type RouteAccess } from '../runtime/access.ts';
import { WeirError, codeOf, messageOf } from '../runtime/errors.ts';
import type { CounterMetric, Reporter } from '../runtime/reporter.ts';
import type { DurationMs } from '../model/time.ts';
import type { AddressedAuthenticator } from './sign-in-guard.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Every route states who may enter; a route without it is a bug that stops the start. */
    access?: RouteAccess;
    /** True where rows are read under the principal's scope; without it a principal with a scope is refused. */
    scoped?: boolean;
    /** The body of a refusal, where clients of a standard read another than everywhere else. */
    refusalBody?: (refusal: WeirError) => unknown;
  }
  interface FastifyRequest {
    principal: Principal | null;
  }
}

export const SESSION_COOKIE = 'weir_session';

export interface ServerOptions {
  readonly maxBodyBytes: number;
  readonly authenticator: AddressedAuthenticator;
  /** Header and body of a request are here within this time, or its connection ends. */
  readonly requestTimeoutMs?: DurationMs;
  readonly maxConnections?: number;
}

const REQUEST_TIMEOUT_MS = 60_000;
/** How often requests that are late are looked for. */
const MOST_LOOK_MS = 10_000;
const MAX_CONNECTIONS = 10_000;

/** Pages are shown by no other page, taken for nothing else than what they say they are, and tell no other site where one came from. */
const SAFE_HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
} as const;

/** A fastify instance with access, errors, health and metrics in place; not yet listening. */
export function createServer(reporter: Reporter, options: ServerOptions): FastifyInstance {
  const refused = reporter.counter('http_refused_total', 'Requests refused, by code', ['code']);
  const refuse = (reply: FastifyReply, refusal: WeirError): void => {
    refused.add(1, { code: refusal.code });
    void sendRefusal(reply, refusal, reply.request.routeOptions?.config.refusalBody);
  };
  const requestTimeout = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
  const server = fastify({
    bodyLimit: options.maxBodyBytes,
    logger: false,
    forceCloseConnections: true,
    requestTimeout,
    http: {
      headersTimeout: requestTimeout,
      connectionsCheckingInterval: Math.min(MOST_LOOK_MS, Math.ceil(requestTimeout / 2)),
    },
    clientErrorHandler: (error, socket) => refuseConnection(error, socket, refused),
    // An address that no route can have: refused before any hook.
    frameworkErrors: (error, _request, reply) => refuse(reply.headers(SAFE_HEADERS), toWeirError(error)),
  });
  boundConnections(server.server, options.maxConnections ?? MAX_CONNECTIONS, reporter);
  server.decorateRequest('principal', null);
  addAccess(server, options.authenticator);
  server.setErrorHandler((error, request, reply) => {
    const refusal = toWeirError(error);
    if (refusal.status >= 500)
      reporter.error('request failed', {
        url: request.routeOptions.url,
        code: codeOf(error),
        message: messageOf(error),
        stack: error instanceof Error ? error.stack : undefined,
      });
    refuse(reply, refusal);
  });
  server.setNotFoundHandler((request, reply) =>
    refuse(
      reply,
      new WeirError('not_found', `There is nothing at ${request.method} ${request.url.split('?')[0] ?? ''}.`),
    ),
  );
  addHealth(server, reporter);
  return server;
}

function addAccess(server: FastifyInstance, authenticator: AddressedAuthenticator): void {
  server.addHook('onRoute', (route) => {
    if (route.config?.access === undefined) throw new Error(`BUG: route ${route.url} does not say who may enter`);
  });
  server.addHook('onRequest', async (request, reply) => {
    void reply.headers(SAFE_HEADERS);
    const access = request.routeOptions.config.access;
    if (access === undefined || access === 'open') return;
    const token = tokenOf(request);
    if (token === null) throw new WeirError('token_missing', 'The request carries no token.');
    const principal = await authenticator.authenticate(token, request.ip);
    if (principal === null) throw new WeirError('token_unknown', 'The token is not known.');
    if (!mayEnter(principal, access))
      throw new WeirError('forbidden', `The role ${principal.role} may not do this.`, { needs: access });
    if (principal.scope !== null && request.routeOptions.config.scoped !== true)
      throw new WeirError('scope_too_narrow', 'This is told to tokens without a scope only.');
    request.principal = principal;
  });
}

function boundConnections(server: Server, maxConnections: number, reporter: Reporter): void {
  const dropped = reporter.counter('http_connections_dropped_total', 'Connections not taken: there are too many');
  server.maxConnections = maxConnections;
  server.on('drop', () => dropped.add());
}

/** What came is no request, or did not come in time: there is no reply to send it by. */
function refuseConnection(error: Error & { readonly code?: string }, socket: Socket, refused: CounterMetric): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) return void socket.destroy();
  const refusal = connectionRefusal(error.code);
  refused.add(1, { code: refusal.code });
  const body = JSON.stringify(refusal.toBody());
  const lines = [
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status] ?? ''}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`);
  socket.destroySoon();
}

function connectionRefusal(code: string | undefined): WeirError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new WeirError('request_too_slow', 'The request did not come within its time.');
  if (code === 'HPE_HEADER_OVERFLOW') return new WeirError('body_too_large', 'The header is larger than the limit.');
  return new WeirError('invalid_request', 'This is not HTTP as it should be.');
}

function addHealth(server: FastifyInstance, reporter: Reporter): void {
  server.get('/healthz', { config: { access: 'open' } }, async () => ({ healthy: true }));
  server.get('/readyz', { config: { access: 'open' } }, async (_request, reply) => {
    const parts = reporter.healthStates();
    const ready = Object.values(parts).every((part) => part.healthy);
    return reply.status(ready ? 200 : 503).send({ ready, parts });
  });
  server.get('/metrics', { config: { access: ['viewer', 'operator'] } }, async (_request, reply) =>
    reply.type('text/plain; version=0.0.4').send(await reporter.metricsText()),
  );
}

function sendRefusal(
  reply: FastifyReply,
  refusal: WeirError,
  bodyOf: ((refusal: WeirError) => unknown) | undefined,
): FastifyReply {
  const retryAfter = refusal.detail['retryAfterSeconds'];
  if (typeof retryAfter === 'number') void reply.header('retry-after', String(Math.max(0, Math.ceil(retryAfter))));
  return reply.status(refusal.status).send(bodyOf?.(refusal) ?? refusal.toBody());
}

/** What a request failed by, as it is told. */
export function toWeirError(error: unknown): WeirError {
  if (error instanceof WeirError) return error;
  if (error instanceof z.ZodError) {
    const issues = error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message }));
    const [first] = issues;
    // What is wrong with the whole has no path.
    const where = first === undefined || first.path === '' ? '' : `${first.path}: `;
    const text = first?.message ?? 'not of the expected form';
    return new WeirError('invalid_request', `${where}${text}${/[.!?]$/.test(text) ? '' : '.'}`, { issues }, error);
  }
  const status =
    error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : 500;
  if (status === 413) return new WeirError('body_too_large', 'The body is larger than the limit.', {}, error);
  if (status >= 400 && status < 500) return new WeirError('invalid_request', messageOf(error), {}, error);
  return new WeirError('unexpected', 'The request failed.', {}, error);
}

/**
 * The token of a request: of its header, else of its session; null where there is none. Beside Bearer: Token, as writers of InfluxDB
 * send it, and Basic with the token as password under any name, which is all that some readers of Prometheus can.
 */
export function tokenOf(request: FastifyRequest): string | null {
  const authorization = request.headers.authorization?.trim() ?? '';
  const [, scheme = '', given = ''] = /^(bearer|token|basic)(?:\s+|$)(.*)$/i.exec(authorization) ?? [];
  const basic = scheme.toLowerCase() === 'basic';
  if (scheme !== '' && !basic) return given === '' ? null : given;
  // A proxy in front may have a password of its own: the session counts before it.
  const token = sessionOf(request) || (basic ? passwordOf(given) : '');
  return token === '' ? null : token;
}

function sessionOf(request: FastifyRequest): string {
  const cookie = (request.headers.cookie ?? '')
    .split(';')
    .map((part) => part.trim())
    .find((part) => part.startsWith(`${SESSION_COOKIE}=`));
  return cookie === undefined ? '' : decoded(cookie.slice(SESSION_COOKIE.length + 1));
}

function passwordOf(credentials: string): string {
  const pair = Buffer.from(credentials, 'base64').toString('utf8');
  return pair.slice(pair.indexOf(':') + 1);
}

/** A cookie that is encoded wrongly is not ours: it stays as it is, and nobody knows it. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Listens; port_in_use where another process does. */
export async function listen(server: FastifyInstance, host: string, port: number): Promise<void> {
  try {
    await server.listen({ host, port });
  } catch (cause) {
    throw listenFailure(cause, host, port);
  }
}

/** Why a server does not listen: port_in_use where another process does. */
export function listenFailure(cause: unknown, host: string, port: number): unknown {
  if (codeOf(cause) !== 'EADDRINUSE') return cause;
  return new WeirError('port_in_use', `Port ${port} on ${host} is in use.`, { host, port }, cause);
}
