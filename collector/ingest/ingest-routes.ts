// The two addresses of the agents: a batch is taken, or the state of its stream is told.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { DescribedRoute } from '../../common/http/described-routes.ts';
import type { Receipt } from '../../common/model/batch.ts';
import { principalOf } from '../../common/runtime/access.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { nameSchema } from '../../common/runtime/device-configuration.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { BodyEncodings } from './body-encoding.ts';
import { BATCH_CONTENT_TYPE, batchHeadersSchema, incarnationSchema } from './batch-headers.ts';
import type { BatchIngest } from './batch-ingest.ts';
import type { CutOff } from './cut-off.ts';
import type { Hold, InFlight } from './in-flight.ts';

export interface IngestRoutesDeps {
  readonly clock: Clock;
  readonly ingest: BatchIngest;
  readonly inFlight: InFlight;
  readonly encodings: BodyEncodings;
  readonly cutOff: CutOff;
  /** Octets of the journal that wait to be applied or kept, and the bound at which no more are taken. */
  readonly backlogBytes: () => number;
  readonly maxBacklogBytes: number;
  readonly maxBatchBytes: number;
}

const BACKLOG_RETRY_SECONDS = 10;

const receiptQuery = z.strictObject({
  incarnation: incarnationSchema,
  /** For an administrator who asks for an agent. */
  agent: nameSchema.optional(),
});

const receiptAnswer = z.object({
  received: z.number().int().describe('the highest sequence below which nothing is missing here, durably'),
  applied: z
    .number()
    .int()
    .describe('the highest that readings and faults have committed: the agent may forget up to it'),
  quarantined: z.object({ code: z.string(), message: z.string() }).optional(),
});

/** The two addresses, for the OpenAPI document. */
const DESCRIBED: readonly DescribedRoute[] = [
  {
    method: 'POST',
    url: '/api/v1/batches',
    access: ['agent'],
    summary:
      'Takes a batch and keeps it durably, once. Headers: weir-agent, weir-incarnation, weir-sequence, weir-sha256, weir-sent-at, weir-oldest; content-encoding gzip, or zstd where this collector has it: weir-sha256 is of the batch, unpacked.',
    params: null,
    query: null,
    body: z.string().describe('the octets of the batch: common/wire/batch-format.ts'),
    bodyType: BATCH_CONTENT_TYPE,
    answer: receiptAnswer,
  },
  {
    method: 'GET',
    url: '/api/v1/batches/receipt',
    access: ['agent'],
    summary: 'How far a stream is received and applied, for an agent that has nothing to send.',
    params: null,
    query: receiptQuery,
    body: null,
    answer: receiptAnswer,
  },
];

export function addIngestRoutes(server: FastifyInstance, deps: IngestRoutesDeps): readonly DescribedRoute[] {
  const arrivals = new WeakMap<FastifyRequest, { readonly atMs: EpochMs; readonly hold: Hold }>();
  server.addContentTypeParser(BATCH_CONTENT_TYPE, { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  server.post('/api/v1/batches', {
    config: { access: ['agent'] },
    bodyLimit: deps.maxBatchBytes,
    // Before the body is read: what cannot be taken must not fill the memory first.
    onRequest: async (request, reply) => {
      if (deps.backlogBytes() >= deps.maxBacklogBytes) deps.inFlight.refuse('backlog', BACKLOG_RETRY_SECONDS);
      const announced = Number(request.headers['content-length'] ?? deps.maxBatchBytes);
      const hold = deps.inFlight.take(Number.isSafeInteger(announced) ? announced : deps.maxBatchBytes);
      reply.raw.once('close', hold.release);
      deps.cutOff.watch(request.raw, reply.raw);
      arrivals.set(request, { atMs: deps.clock.now(), hold });
    },
    handler: async (request): Promise<Receipt> => {
      const headers = batchHeadersSchema.parse(request.headers);
      if (!(request.body instanceof Buffer) || request.body.length === 0)
        throw new WeirError('invalid_request', `The body must be a batch of type ${BATCH_CONTENT_TYPE}.`);
      const arrival = arrivals.get(request);
      if (arrival === undefined) throw new Error('BUG: a batch that was never taken in hand');
      const charge = arrival.hold.more;
      const bounds = { maxBytes: deps.maxBatchBytes, charge };
      const encoding = deps.encodings.of(request.headers['content-encoding']);
      const body = await deps.encodings.unpack(encoding, request.body, bounds);
      return deps.ingest.accept(principalOf(request.principal), headers, body, { arrivedAtMs: arrival.atMs, charge });
    },
  });
  server.get('/api/v1/batches/receipt', { config: { access: ['agent'] } }, async (request): Promise<Receipt> => {
    const query = receiptQuery.parse(request.query);
    const principal = principalOf(request.principal);
    return deps.ingest.receipt(principal, { agent: query.agent ?? principal.name, incarnation: query.incarnation });
  });
  return DESCRIBED;
}
