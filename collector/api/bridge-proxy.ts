// The billing bridge under /billing and /tmf-api of the collector: one address and one session for a browser; the bridge itself decides who may do what.
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { tokenOf } from '../../common/http/server.ts';
import type { DurationMs } from '../../common/model/time.ts';
import { STATE_READERS } from '../../common/runtime/access.ts';
import { codeOf, messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { CounterMetric, Reporter } from '../../common/runtime/reporter.ts';

export interface BridgeProxyConfig {
  readonly bridgeUrl: string;
  readonly timeoutMs: DurationMs;
  readonly maxRequestBytes: number;
  readonly maxAnswerBytes: number;
  /** Answers on their way at once. */
  readonly maxInFlight: number;
}

export const BRIDGE_PROXY: Omit<BridgeProxyConfig, 'bridgeUrl'> = {
  timeoutMs: 30_000,
  maxRequestBytes: 4 * 1024 * 1024,
  maxAnswerBytes: 64 * 1024 * 1024,
  maxInFlight: 64,
};

const REQUEST_HEADERS = ['accept', 'content-type', 'idempotency-key', 'if-match', 'if-none-match'] as const;
const ANSWER_HEADERS = [
  'content-type',
  'content-disposition',
  'etag',
  'last-modified',
  'retry-after',
  'location',
  'x-total-count',
  'x-result-count',
] as const;
/** What of its northbound interfaces is the bridge's. */
export const BRIDGE_PLACES = ['/billing/', '/tmf-api/customerBillManagement/', '/tmf-api/usageManagement/'] as const;
/** Pages of customers: the code in the address is all that they ask for (docs/operations.md). */
const LINKS = '/billing/link/';

export function addBridgeProxy(server: FastifyInstance, reporter: Reporter, config: BridgeProxyConfig): void {
  const cut = reporter.counter('bridge_answers_cut_total', 'Answers of the bridge that were cut off, by bound', [
    'bound',
  ]);
  let inFlight = 0;
  // Of its own: other routes must not take bodies of any type.
  void server.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    const handler = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
      if (inFlight >= config.maxInFlight)
        throw new WeirError('overloaded', 'Too many questions to the bridge are open.', { retryAfterSeconds: 1 });
      inFlight += 1;
      reply.raw.once('close', () => {
        inFlight -= 1;
      });
      const answer = await ask(config, request);
      return pass(config, reply, answer, cut);
    };
    for (const place of BRIDGE_PLACES)
      scope.route({
        method: place === '/billing/' ? ['GET', 'POST', 'PUT', 'DELETE'] : ['GET', 'POST', 'PATCH', 'DELETE'],
        url: `${place}*`,
        // The bridge reads its rows under the scope of the token, which goes with the question.
        config: { access: STATE_READERS, scoped: true },
        bodyLimit: config.maxRequestBytes,
        handler,
      });
    scope.route({ method: 'GET', url: `${LINKS}*`, config: { access: 'open' }, handler });
  });
}

/**
 * Where the request goes: below the very place whose route let it in, as it was written and as it is meant. The router reads `%6c` as the
 * letter that it is, and whoever then looks at the text for the same place again finds another: what is open stays within what is open.
 */
function targetOf(bridgeUrl: string, { url, routeOptions }: FastifyRequest): URL {
  const { origin } = new URL(bridgeUrl);
  const target = new URL(url, `${origin}/`);
  const place = routeOptions.url?.replace(/\*$/, '') ?? '';
  if (target.origin === origin && url.startsWith(place) && target.pathname.startsWith(place)) return target;
  throw new WeirError('not_found', 'There is nothing at that address of the bridge.');
}

async function ask(config: BridgeProxyConfig, request: FastifyRequest): Promise<Response> {
  const target = targetOf(config.bridgeUrl, request);
  // A link has no token, and a session beside it is nobody's business there.
  const isLink = target.pathname.startsWith(LINKS);
  // Who guesses at links is held off by the bridge, and must be told from the customers that come the same way.
  const headers = new Headers(
    isLink ? { 'x-forwarded-for': request.ip } : { authorization: `Bearer ${tokenOf(request) ?? ''}` },
  );
  for (const name of REQUEST_HEADERS) {
    const value = request.headers[name];
    if (typeof value === 'string') headers.set(name, value);
  }
  const body = request.body instanceof Buffer && request.body.length > 0 ? new Uint8Array(request.body) : null;
  try {
    return await fetch(target, {
      method: request.method,
      headers,
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(config.timeoutMs),
    });
  } catch (cause) {
    const reason = cause instanceof Error && cause.cause !== undefined ? cause.cause : cause;
    throw new WeirError(
      'bridge_unreachable',
      `The billing bridge at ${new URL(config.bridgeUrl).host} gave no answer.`,
      { reason: codeOf(reason) === 'unexpected' ? messageOf(reason) : codeOf(reason) },
      cause,
    );
  }
}

function pass(config: BridgeProxyConfig, reply: FastifyReply, answer: Response, cut: CounterMetric): FastifyReply {
  void reply.status(answer.status);
  for (const name of ANSWER_HEADERS) {
    const value = answer.headers.get(name);
    if (value !== null) void reply.header(name, value);
  }
  if (answer.body === null) return reply.send();
  const announced = Number(answer.headers.get('content-length') ?? 0);
  if (announced > config.maxAnswerBytes) {
    cut.add(1, { bound: 'bytes' });
    void answer.body.cancel();
    throw new WeirError('bridge_unreachable', 'The answer of the billing bridge is larger than the bound.', {
      bytes: announced,
      most: config.maxAnswerBytes,
    });
  }
  return reply.send(Readable.from(bounded(readable(answer.body as ReadableStream, reply), config, cut)));
}

/** Let go of as soon as the browser has left: of an answer that nobody reads the timeout would be an error that nobody hears, and end the process. */
function readable(answer: ReadableStream, { raw }: FastifyReply): Readable {
  const body = Readable.fromWeb(answer);
  body.on('error', () => undefined);
  if (raw.destroyed) body.destroy();
  else raw.once('close', () => body.destroy());
  return body;
}

/** The pieces up to the bound; beyond it, or when the bridge breaks off, the connection is broken, so that half an answer is never taken for a whole one. */
async function* bounded(
  pieces: AsyncIterable<Uint8Array>,
  config: BridgeProxyConfig,
  cut: CounterMetric,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  try {
    for await (const piece of pieces) {
      bytes += piece.length;
      if (bytes > config.maxAnswerBytes) throw new Error('the answer is larger than the bound');
      yield piece;
    }
  } catch (error) {
    cut.add(1, { bound: bytes > config.maxAnswerBytes ? 'bytes' : 'bridge' });
    throw error;
  }
}
