// Routes that describe themselves: what a request is checked against is what the OpenAPI document says.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Principal, RouteAccess } from '../runtime/access.ts';

export interface RouteSpec<Params extends z.ZodType, Query extends z.ZodType, Body extends z.ZodType> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** In fastify's form: `/billing/v1/bills/:id`. */
  readonly url: string;
  readonly access: RouteAccess;
  /** True where the handler reads rows under the scope of the principal; else principals with a scope are refused. */
  readonly scoped?: boolean;
  /** One sentence. */
  readonly summary: string;
  readonly params?: Params;
  /** Without one, any parameter of the query is refused: a misspelt filter must not answer with everything. */
  readonly query?: Query;
  readonly body?: Body;
  /** Of the body; JSON where it is not given. */
  readonly bodyType?: string;
  readonly answer: z.ZodType;
  /** Of the answer; JSON where it is not given. */
  readonly contentType?: string;
  /** Of a refusal, where it has another form than everywhere else. */
  readonly refusal?: z.ZodType;
}

export interface RouteInput<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  /** Whose token it was; null only on open routes. */
  readonly principal: Principal | null;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** A route as the OpenAPI document needs it. */
export interface DescribedRoute {
  readonly method: string;
  readonly url: string;
  readonly access: RouteAccess;
  readonly summary: string;
  readonly params: z.ZodType | null;
  readonly query: z.ZodType | null;
  readonly body: z.ZodType | null;
  /** Of the body; JSON where it is not given. */
  readonly bodyType?: string;
  readonly answer: z.ZodType;
  readonly contentType?: string;
  /** Of an answer that is no refusal; 200 where it is not given. */
  readonly status?: number;
  /** Of a refusal, where it has another form than everywhere else. */
  readonly refusal?: z.ZodType;
}

export interface DescribedRoutesOptions {
  /** Holds each answer against its schema, and fails where they differ: for tests. */
  readonly checkAnswers: boolean;
}

const NOTHING = z.strictObject({});

export class DescribedRoutes {
  readonly #server: FastifyInstance;
  readonly #options: DescribedRoutesOptions;
  readonly #routes: DescribedRoute[] = [];

  constructor(server: FastifyInstance, options: DescribedRoutesOptions = { checkAnswers: false }) {
    this.#server = server;
    this.#options = options;
  }

  get routes(): readonly DescribedRoute[] {
    return this.#routes;
  }

  /** Registers a route; what does not fit its schemas is refused as invalid_request before the handler is asked. */
  add<Params extends z.ZodType = z.ZodType, Query extends z.ZodType = z.ZodType, Body extends z.ZodType = z.ZodType>(
    spec: RouteSpec<Params, Query, Body>,
    handler: (input: RouteInput<z.output<Params>, z.output<Query>, z.output<Body>>) => Promise<unknown>,
  ): void {
    const { method, url, access, summary, params, query, body, answer } = spec;
    this.#routes.push({
      method,
      url,
      access,
      summary,
      params: params ?? null,
      query: query ?? null,
      body: body ?? null,
      answer,
      ...(spec.contentType === undefined ? {} : { contentType: spec.contentType }),
      ...(spec.refusal === undefined ? {} : { refusal: spec.refusal }),
      ...(spec.bodyType === undefined ? {} : { bodyType: spec.bodyType }),
    });
    this.#server.route({
      method,
      url,
      config: { access, ...(spec.scoped === true ? { scoped: true } : {}) },
      handler: async (request, reply) => {
        const result = await handler({
          params: parse(params, request.params),
          query: parse(query, request.query),
          body: parse(body, request.body ?? {}),
          principal: request.principal,
          request,
          reply,
        });
        if (this.#options.checkAnswers && !reply.sent && reply.statusCode < 300) check(url, answer, result);
        return result;
      },
    });
  }
}

function parse<Schema extends z.ZodType>(schema: Schema | undefined, value: unknown): z.output<Schema> {
  // Without a schema nobody may read the value: the type is `unknown` then.
  return schema === undefined ? (NOTHING.parse(value) as z.output<Schema>) : schema.parse(value);
}

/** Compares what is sent, not what it was made from. */
function check(url: string, answer: z.ZodType, result: unknown): void {
  const checked = answer.safeParse(JSON.parse(JSON.stringify(result)));
  if (!checked.success) throw new Error(`BUG: the answer of ${url} is not as documented: ${checked.error.message}`);
}
