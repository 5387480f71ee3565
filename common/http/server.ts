// The HTTP server that collector and bridge share: closed by default, coded refusals, bounded bodies.
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { z } from 'zod';
import { mayEnter, type Authenticator, type Principal, type RouteAccess } from '../runtime/access.ts';
import { WeirError, codeOf, messageOf } from '../runtime/errors.ts';
import type { Reporter } from '../runtime/reporter.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Every route states who may enter; a route without it is a bug that stops the start. */
    access?: RouteAccess;
  }
  interface FastifyRequest {
    principal: Principal | null;
  }
}

export const SESSION_COOKIE = 'weir_session';

export interface ServerOptions {
  readonly maxBodyBytes: number;
  readonly authenticator: Authenticator;
}

/** A fastify instance with access, errors, health and metrics in place; not yet listening. */
export function createServer(reporter: Reporter, options: ServerOptions): FastifyInstance {
  const server = fastify({
    bodyLimit: options.maxBodyBytes,
    logger: false,
    forceCloseConnections: true,
    requestTimeout: 60_000,
    // An address that no route can have: refused before any hook.
    frameworkErrors: (error, _request, reply) => void sendRefusal(reply, toWeirError(error)),
  });
  const refused = reporter.counter('http_refused_total', 'Requests refused, by code', ['code']);
  server.decorateRequest('principal', null);
  server.addHook('onRoute', (route) => {
    if (route.config?.access === undefined) throw new Error(`BUG: route ${route.url} does not say who may enter`);
  });
  server.addHook('onRequest', async (request) => {
    const access = request.routeOptions.config.access;
    if (access === undefined || access === 'open') return;
    const token = tokenOf(request);
    if (token === null) throw new WeirError('token_missing', 'The request carries no token.');
    const principal = await options.authenticator.authenticate(token);
    if (principal === null) throw new WeirError('token_unknown', 'The token is not known.');
    if (!mayEnter(principal, access))
      throw new WeirError('forbidden', `The role ${principal.role} may not do this.`, { needs: access });
    request.principal = principal;
  });
  server.setErrorHandler((error, request, reply) => {
    const refusal = toWeirError(error);
    refused.add(1, { code: refusal.code });
    if (refusal.status >= 500)
      reporter.error('request failed', {
        url: request.routeOptions.url,
        code: codeOf(error),
        message: messageOf(error),
        stack: error instanceof Error ? error.stack : undefined,
      });
    void sendRefusal(reply, refusal);
  });
  server.setNotFoundHandler((request, reply) => {
    void sendRefusal(
      reply,
      new WeirError('not_found', `There is nothing at ${request.method} ${request.url.split('?')[0] ?? ''}.`),
    );
  });
  addHealth(server, reporter);
  return server;
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

function sendRefusal(reply: FastifyReply, refusal: WeirError): FastifyReply {
  const retryAfter = refusal.detail['retryAfterSeconds'];
  if (typeof retryAfter === 'number') void reply.header('retry-after', String(retryAfter));
  return reply.status(refusal.status).send(refusal.toBody());
}

function toWeirError(error: unknown): WeirError {
  if (error instanceof WeirError) return error;
  if (error instanceof z.ZodError) {
    const issues = error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message }));
    return new WeirError('invalid_request', `${issues[0]?.path ?? ''}: ${issues[0]?.message ?? ''}`, { issues }, error);
  }
  const status =
    error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : 500;
  if (status === 413) return new WeirError('body_too_large', 'The body is larger than the limit.', {}, error);
  if (status >= 400 && status < 500) return new WeirError('invalid_request', messageOf(error), {}, error);
  return new WeirError('unexpected', 'The request failed.', {}, error);
}

/** The token of a request: of its header, else of its session. */
export function tokenOf(request: FastifyRequest): string | null {
  const header = request.headers.authorization;
  if (header?.startsWith('Bearer ') === true) return header.slice('Bearer '.length).trim();
  const cookie = (request.headers.cookie ?? '').split(/;\s*/).find((part) => part.startsWith(`${SESSION_COOKIE}=`));
  return cookie === undefined ? null : decodeURIComponent(cookie.slice(SESSION_COOKIE.length + 1));
}

/** Listens; port_in_use where another process does. */
export async function listen(server: FastifyInstance, host: string, port: number): Promise<void> {
  try {
    await server.listen({ host, port });
  } catch (cause) {
    if (codeOf(cause) === 'EADDRINUSE')
      throw new WeirError('port_in_use', `Port ${port} on ${host} is in use.`, { host, port }, cause);
    throw cause;
  }
}
