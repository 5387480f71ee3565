// The address at which other programs write points: the write API of InfluxDB 2, so that Telegraf's influxdb_v2 output works unchanged.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { DescribedRoute } from '../../common/http/described-routes.ts';
import { toWeirError } from '../../common/http/server.ts';
import { principalOf } from '../../common/runtime/access.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { BodyEncodings } from './body-encoding.ts';
import type { CutOff } from './cut-off.ts';
import type { Hold, InFlight } from './in-flight.ts';
import { PRECISIONS } from './line-protocol.ts';
import { MAX_POINT_BYTES, type PointIngest } from './point-ingest.ts';

export interface PointRoutesDeps {
  readonly clock: Clock;
  readonly points: PointIngest;
  readonly inFlight: InFlight;
  readonly encodings: BodyEncodings;
  readonly cutOff: CutOff;
  readonly backlogBytes: () => number;
  readonly maxBacklogBytes: number;
}

const BACKLOG_RETRY_SECONDS = 10;
const WRITERS = ['agent'] as const;

const writeQuery = z.object({
  org: z.string().max(256).optional().describe('taken and not looked at'),
  orgID: z.string().max(256).optional().describe('taken and not looked at'),
  bucket: z.string().max(256).optional().describe('taken and not looked at'),
  precision: z.enum(PRECISIONS).default('ns').describe('of the times of the lines'),
});

const DESCRIBED: DescribedRoute = {
  method: 'POST',
  url: '/api/v2/write',
  access: WRITERS,
  summary:
    'Takes points in InfluxDB line protocol and keeps them durably (204). Lines that cannot be read are told with 400, or 422 where others were kept.',
  params: null,
  query: writeQuery,
  body: z.string().describe('line protocol, plain or with content-encoding gzip, or zstd where this collector has it'),
  bodyType: 'text/plain',
  answer: z.null(),
  status: 204,
  refusal: z.object({ code: z.string().describe('as InfluxDB names it'), message: z.string() }),
};

/** As InfluxDB 2 names its errors. */
const CODES: Readonly<Record<number, string>> = {
  400: 'invalid',
  401: 'unauthorized',
  403: 'forbidden',
  413: 'request too large',
  415: 'invalid',
  422: 'unprocessable entity',
  429: 'too many requests',
  503: 'unavailable',
};

export function addPointRoutes(server: FastifyInstance, deps: PointRoutesDeps): readonly DescribedRoute[] {
  const holds = new WeakMap<FastifyRequest, Hold>();
  // A scope of its own: here every body is octets, and refusals have the form that writers of InfluxDB read.
  void server.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    scope.setErrorHandler((error, _request, reply) => {
      const refusal = toWeirError(error);
      const wait = refusal.detail['retryAfterSeconds'];
      if (typeof wait === 'number') void reply.header('retry-after', String(Math.max(1, Math.ceil(wait))));
      const code = CODES[refusal.status] ?? 'internal error';
      return reply.status(refusal.status).send({ code, message: refusal.message, ...refusal.toBody() });
    });
    scope.post('/api/v2/write', {
      config: { access: WRITERS },
      bodyLimit: MAX_POINT_BYTES,
      onRequest: async (request, reply) => {
        if (deps.backlogBytes() >= deps.maxBacklogBytes) deps.inFlight.refuse('backlog', BACKLOG_RETRY_SECONDS);
        const announced = Number(request.headers['content-length'] ?? MAX_POINT_BYTES);
        const hold = deps.inFlight.take(Number.isSafeInteger(announced) ? announced : MAX_POINT_BYTES);
        reply.raw.once('close', hold.release);
        deps.cutOff.watch(request.raw, reply.raw);
        holds.set(request, hold);
      },
      handler: async (request, reply) => {
        const { precision } = writeQuery.parse(request.query);
        const principal = principalOf(request.principal);
        const encoding = deps.encodings.of(request.headers['content-encoding']);
        await deps.points.accept(principal, { precision, encoding }, bodyOf(request), {
          arrivedAtMs: deps.clock.now(),
          charge: (bytes) => holds.get(request)?.more(bytes),
        });
        return reply.status(204).send();
      },
    });
  });
  return [DESCRIBED];
}

function bodyOf({ body }: FastifyRequest): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0);
}
