// A collector that keeps its batches in memory and misbehaves as it is told: over HTTP, or in place of the HTTP client under a virtual clock.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import https from 'node:https';
import type { HttpClient } from '../../agent/ship/http-client.ts';
import type { Batch } from '../../common/model/batch.ts';
import { type HeldSequences, hold, holds, NOTHING_HELD } from '../../common/model/sequence-ranges.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { decodeBatch } from '../../common/wire/batch-codec.ts';

/** What befalls one request. */
export type Fault =
  | { readonly kind: 'none' }
  /** Nothing arrives. */
  | { readonly kind: 'drop' }
  /** All arrives, the answer does not. */
  | { readonly kind: 'drop-answer' }
  /** No answer until the asker gives up. */
  | { readonly kind: 'hang' }
  /** A byte of the body changes on the way. */
  | { readonly kind: 'damage' }
  | { readonly kind: 'answer'; readonly status: number; readonly code?: string; readonly retryAfter?: string };

/** What several collectors share. */
export class DatabaseDouble {
  /** In the order in which it was applied, once each. */
  readonly batches: Batch[] = [];
  readonly #applied = new Map<string, number>();

  appliedOf(incarnation: string): number {
    return this.#applied.get(incarnation) ?? 0;
  }

  apply(incarnation: string, sequence: number, batch: Batch | undefined): void {
    this.#applied.set(incarnation, sequence);
    if (batch !== undefined) this.batches.push(batch);
  }

  /** An older state of it is restored. */
  setBack(incarnation: string, sequence: number): void {
    this.#applied.set(incarnation, sequence);
  }
}

interface Stream {
  readonly incarnation: string;
  held: HeldSequences;
  readonly contents: Map<number, string>;
  /** Kept, and not yet applied. */
  readonly waiting: Map<number, Batch>;
}

interface Question {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: Buffer;
}

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly text: string;
}

const TOKEN = 'token-of-agent-1';

export class CollectorDouble {
  /** Asked for each request; `none` once it gives nothing. */
  nextFault: () => Fault = () => ({ kind: 'none' });
  /** Whether what is received is applied at once. */
  appliesAtOnce = true;
  token = TOKEN;
  readonly requests: { readonly method: string; readonly sequence: number | null }[] = [];
  readonly #streams = new Map<string, Stream>();
  readonly #database: DatabaseDouble;

  constructor(database = new DatabaseDouble()) {
    this.#database = database;
  }

  get appliedBatches(): readonly Batch[] {
    return this.#database.batches;
  }

  /** The journal is lost; what was applied is in the database. */
  loseJournal(): void {
    for (const stream of this.#streams.values()) {
      stream.held = hold(NOTHING_HELD, 1, this.#appliedOf(stream));
      stream.waiting.clear();
      stream.contents.clear();
    }
  }

  /** Applies what is contiguous, up to so many batches. */
  apply(most = Number.POSITIVE_INFINITY): void {
    for (const stream of this.#streams.values()) {
      for (let count = 0; count < most && this.#appliedOf(stream) < stream.held.through; count += 1) {
        const next = this.#appliedOf(stream) + 1;
        this.#database.apply(stream.incarnation, next, stream.waiting.get(next));
        stream.waiting.delete(next);
      }
    }
  }

  #appliedOf(stream: Stream): number {
    return this.#database.appliedOf(stream.incarnation);
  }

  handle(question: Question, fault: Fault): Answer {
    if (fault.kind === 'answer') return answerOf(fault);
    if (question.headers.get('authorization') !== `Bearer ${this.token}`) return refusal(401, 'unauthorized');
    const url = new URL(question.url, 'http://localhost');
    if (url.pathname === '/api/v1/batches/receipt')
      return this.#receipt(this.#streamOf(url.searchParams.get('incarnation') ?? ''));
    if (fault.kind === 'damage') question.body[question.body.length >> 1] = (question.body[20] ?? 0) ^ 0x55;
    return this.#take(question);
  }

  /** In place of the client that speaks HTTP. */
  client(clock: Clock): HttpClient {
    return {
      request: async ({ method, url, headers, body, timeoutMs, signal }) => {
        const question = { method, url, headers: new Headers(headers), body: Buffer.from(body ?? []) };
        const fault = this.#begin(question);
        if (fault.kind === 'drop') throw away('connect ECONNREFUSED');
        if (fault.kind === 'hang') {
          await clock.sleep(timeoutMs, signal);
          throw away('no answer');
        }
        const { status, headers: answered, text } = this.handle(question, fault);
        if (fault.kind === 'drop-answer') throw away('read ECONNRESET');
        return { status, headers: answered, body: Buffer.from(text) };
      },
    };
  }

  /** Over HTTP, or HTTPS with a certificate, on a free port of the loopback; give `port` to come back on the same. */
  async listen(
    port = 0,
    tls?: https.ServerOptions,
  ): Promise<{ readonly url: string; readonly port: number; close(): Promise<void> }> {
    const answer: RequestListener = (request, response) => {
      void bodyOf(request).then((body) => {
        const headers = new Headers(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
        const question = { method: request.method ?? '', url: request.url ?? '', headers, body };
        const fault = this.#begin(question);
        if (fault.kind === 'hang') return;
        if (fault.kind === 'drop') return void request.socket.destroy();
        const answer = this.handle(question, fault);
        if (fault.kind === 'drop-answer') {
          // Head and half of the body, then the line is cut.
          response.writeHead(answer.status, { 'content-length': answer.text.length });
          response.write(answer.text.slice(0, answer.text.length >> 1), () => request.socket.destroy());
          return;
        }
        response.writeHead(answer.status, answer.headers);
        response.end(answer.text);
      });
    };
    const server = tls === undefined ? createServer(answer) : https.createServer(tls, answer);
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const address = server.address();
    const bound = typeof address === 'object' && address !== null ? address.port : 0;
    const scheme = tls === undefined ? 'http' : 'https';
    return { url: `${scheme}://127.0.0.1:${bound}`, port: bound, close: () => closed(server) };
  }

  #begin(question: Question): Fault {
    const sequence = question.headers.get('weir-sequence');
    this.requests.push({ method: question.method, sequence: sequence === null ? null : Number(sequence) });
    return this.nextFault();
  }

  #take({ headers, body }: Question): Answer {
    if (createHash('sha256').update(body).digest('hex') !== headers.get('weir-sha256'))
      return refusal(400, 'batch_damaged');
    const batch = decodeBatch(body);
    const stream = this.#streamOf(batch.incarnation);
    const sha256 = headers.get('weir-sha256') ?? '';
    const known = stream.contents.get(batch.sequence);
    if (known !== undefined && known !== sha256 && !batch.thinned)
      return this.#receipt(stream, { code: 'batch_conflict', message: 'held with another content' });
    if (!holds(stream.held, batch.sequence)) {
      stream.waiting.set(batch.sequence, batch);
      stream.contents.set(batch.sequence, sha256);
    }
    stream.held = hold(stream.held, batch.sequence, batch.sequence);
    stream.held = hold(stream.held, 1, Number(headers.get('weir-oldest') ?? 1) - 1);
    for (const gap of batch.gaps) stream.held = hold(stream.held, gap.firstSequence, gap.lastSequence);
    if (this.appliesAtOnce) this.apply();
    return this.#receipt(stream);
  }

  #receipt(stream: Stream, quarantined?: { readonly code: string; readonly message: string }): Answer {
    const applied = this.#appliedOf(stream);
    const receipt = { received: Math.max(stream.held.through, applied), applied, quarantined };
    return { status: 200, headers: {}, text: JSON.stringify(receipt) };
  }

  #streamOf(incarnation: string): Stream {
    const known = this.#streams.get(incarnation);
    if (known !== undefined) return known;
    const made = { incarnation, held: NOTHING_HELD, contents: new Map<number, string>(), waiting: new Map() };
    this.#streams.set(incarnation, made);
    return made;
  }
}

function away(why: string): WeirError {
  return new WeirError('collector_unreachable', why);
}

function answerOf(fault: { readonly status: number; readonly code?: string; readonly retryAfter?: string }): Answer {
  const { status, text } = refusal(fault.status, fault.code ?? 'overloaded');
  return { status, text, headers: fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter } };
}

function refusal(status: number, code: string): Answer {
  const error = { code, message: `told to say ${code}`, detail: {} };
  return { status, headers: {}, text: JSON.stringify({ error }) };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) if (piece instanceof Buffer) pieces.push(piece);
  return Buffer.concat(pieces);
}

function closed(server: Server | https.Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
