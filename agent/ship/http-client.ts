// One HTTP request of the agent to a collector, bounded in time and size, over TLS with a private authority where one is configured.
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { DurationMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Component } from '../../common/runtime/component.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { connectionFailure } from './connection-failure.ts';
import type { TlsFiles } from '../../common/runtime/tls-files.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** From the first byte out to the last byte in. */
  readonly timeoutMs: DurationMs;
  /** Lets go of the request. */
  readonly signal: AbortSignal;
  /** A longer answer is refused. */
  readonly mostAnswerBytes: number;
}

export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case; of a header that came twice the values joined by a comma. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface HttpClient {
  /**
   * The answer, whatever its status; a redirect is one like any other and is not followed. Rejects with a coded error where none came:
   * collector_unreachable, collector_answer_too_large, collector_certificate_untrusted, collector_certificate_expired,
   * collector_certificate_name, agent_certificate_refused, collector_tls_failed, tls_files_unusable.
   */
  request(request: HttpRequest): Promise<HttpAnswer>;
}

export interface NodeHttpClientDeps {
  readonly clock: Clock;
  /** Null: the authorities that Node brings along, no certificate of our own. */
  readonly tls: TlsFiles | null;
}

/** Idle connections end after this long: sooner than servers end them, so that a request seldom meets one that just closed. */
const IDLE_MS = 30_000;
const MOST_IDLE = 4;

export class NodeHttpClient implements HttpClient, Component {
  readonly #deps: NodeHttpClientDeps;
  readonly #plain = new http.Agent({ keepAlive: true, timeout: IDLE_MS, maxFreeSockets: MOST_IDLE });
  #secure: https.Agent | null = null;
  #secureVersion = -1;

  constructor(deps: NodeHttpClientDeps) {
    this.#deps = deps;
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  /** Ends every connection; whoever waits for an answer is told that none came. */
  stop(): Promise<void> {
    this.#plain.destroy();
    this.#secure?.destroy();
    this.#secure = null;
    return Promise.resolve();
  }

  async request(request: HttpRequest): Promise<HttpAnswer> {
    const { clock } = this.#deps;
    const over = new AbortController();
    const done = new AbortController();
    const giveUp = (): void => over.abort();
    request.signal.addEventListener('abort', giveUp, { once: true });
    if (request.signal.aborted) giveUp();
    void clock.sleep(request.timeoutMs, done.signal).then(giveUp);
    const { origin } = new URL(request.url);
    try {
      return await this.#exchange(request, over.signal, true);
    } catch (error) {
      if (error instanceof WeirError) throw error;
      if (!over.signal.aborted) throw connectionFailure(error, origin);
      const why = request.signal.aborted ? 'the agent let go' : `no answer within ${request.timeoutMs} ms`;
      throw new WeirError('collector_unreachable', `${origin}: ${why}`, { origin }, error);
    } finally {
      done.abort();
      request.signal.removeEventListener('abort', giveUp);
    }
  }

  async #exchange(request: HttpRequest, signal: AbortSignal, mayRepeat: boolean): Promise<HttpAnswer> {
    const secure = request.url.startsWith('https:');
    const { method, headers, body } = request;
    const length = body === undefined ? {} : { 'content-length': String(body.length) };
    const options = { method, headers: { ...headers, ...length }, signal };
    const asked = secure
      ? https.request(request.url, { ...options, agent: this.#secureAgent() })
      : http.request(request.url, { ...options, agent: this.#plain });
    let complete = false;
    try {
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        asked.once('response', resolve);
        // Stays: an error after the answer began is told by the answer's stream, and must not be thrown at nobody.
        asked.on('error', reject);
        asked.end(body);
      });
      const whole = await bodyOf(answer, request.mostAnswerBytes);
      complete = true;
      return { status: answer.statusCode ?? 0, headers: headersOf(answer), body: whole };
    } catch (error) {
      // The server ended an idle connection just when it was used again: everything the agent asks may be asked twice.
      const stale = asked.reusedSocket && isReset(error) && !signal.aborted;
      if (mayRepeat && stale) return this.#exchange(request, signal, false);
      throw error;
    } finally {
      if (!complete) asked.destroy();
    }
  }

  /** Made anew where the files changed; requests under way end on the connections they have. */
  #secureAgent(): https.Agent {
    const { tls } = this.#deps;
    const current = tls?.current() ?? null;
    const version = current?.version ?? 0;
    if (this.#secure !== null && version === this.#secureVersion) return this.#secure;
    if (this.#secure !== null)
      for (const sockets of Object.values(this.#secure.freeSockets))
        for (const socket of sockets ?? []) socket.destroy();
    this.#secure = new https.Agent({
      keepAlive: true,
      timeout: IDLE_MS,
      maxFreeSockets: MOST_IDLE,
      ...current?.options,
    });
    this.#secureVersion = version;
    return this.#secure;
  }
}

function isReset(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
}

function headersOf(answer: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(answer.headers))
    if (value !== undefined) headers[name] = typeof value === 'string' ? value : value.join(', ');
  return headers;
}

async function bodyOf(answer: AsyncIterable<Buffer>, most: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of answer) {
    size += piece.length;
    if (size > most) throw new WeirError('collector_answer_too_large', `The answer is longer than ${most} bytes.`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
