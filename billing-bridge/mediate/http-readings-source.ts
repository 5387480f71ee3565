// Readings over HTTP: pulled from a collector with the bridge's token, in bounded time and size; refusals keep the collector's own code.
import type { DurationMs } from '../../common/model/time.ts';
import { isoTime } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { ERROR_TABLE, type ErrorCode } from '../../common/runtime/error-table.ts';
import { messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { MeterReadingsAnswer, ReadingsAnswer } from '../../common/wire/reading-page.ts';
import type { OutageRecords, OutageSource } from '../rate/outage-source.ts';
import type { ReadingsSource } from './mediation.ts';
import { isOutageAnswer, outageRecordsOf } from './outage-answer.ts';

export interface HttpReadingsSourceConfig {
  /** Address of the collector, such as http://127.0.0.1:8080. */
  readonly url: string;
  readonly timeoutMs?: DurationMs;
}

export interface HttpReadingsSourceDeps {
  readonly clock: Clock;
  /** Asked at every request: a token may be renewed. */
  readonly token: () => string;
  readonly fetch?: typeof fetch;
}

const TIMEOUT_MS = 60_000;
/** The collector bounds its pages far below; this bounds what answers in its place. */
const MOST_ANSWER_BYTES = 64 * 1024 * 1024;

export class HttpReadingsSource implements ReadingsSource, OutageSource {
  readonly #config: HttpReadingsSourceConfig;
  readonly #deps: HttpReadingsSourceDeps;

  constructor(config: HttpReadingsSourceConfig, deps: HttpReadingsSourceDeps) {
    this.#config = config;
    this.#deps = deps;
  }

  after(cursor: string | null, limit: number, signal?: AbortSignal): Promise<ReadingsAnswer> {
    const query = new URLSearchParams({ limit: String(limit) });
    if (cursor !== null) query.set('after', cursor);
    return this.#ask('readings', query, isReadingsAnswer, signal);
  }

  ofMeter(query: Parameters<ReadingsSource['ofMeter']>[0]): Promise<MeterReadingsAnswer> {
    const asked = new URLSearchParams({
      meter: String(query.meter),
      from: isoTime(query.fromMs),
      to: isoTime(query.toMs),
      neighbours: String(query.withNeighbours),
      limit: String(query.limit),
    });
    if (query.cursor !== null) asked.set('cursor', query.cursor);
    return this.#ask('readings', asked, isMeterReadingsAnswer);
  }

  async outagesOf(query: Parameters<OutageSource['outagesOf']>[0]): Promise<OutageRecords> {
    const asked = new URLSearchParams({
      resource: query.resource,
      service: query.service,
      from: isoTime(query.fromMs),
      to: isoTime(query.toMs),
    });
    return outageRecordsOf(await this.#ask('outage-records', asked, isOutageAnswer));
  }

  async #ask<Answer>(
    what: 'readings' | 'outage-records',
    query: URLSearchParams,
    isAnswer: (body: unknown) => body is Answer,
    signal?: AbortSignal,
  ): Promise<Answer> {
    const { status, text } = await this.#fetch(`${this.#config.url}/api/v1/${what}?${query.toString()}`, signal);
    const body = parsed(text);
    if (status !== 200) throw this.#refusal(status, body);
    if (isAnswer(body)) return body;
    throw new WeirError(
      'collector_answer_unusable',
      `${this.#config.url} did not answer with ${what}, but with ${text.slice(0, 100)}`,
      { url: this.#config.url },
    );
  }

  async #fetch(place: string, signal?: AbortSignal): Promise<{ status: number; text: string }> {
    const timeoutMs = this.#config.timeoutMs ?? TIMEOUT_MS;
    const over = new AbortController();
    const giveUp = (): void => over.abort();
    const done = new AbortController();
    signal?.addEventListener('abort', giveUp, { once: true });
    if (signal?.aborted === true) giveUp();
    void this.#deps.clock.sleep(timeoutMs, done.signal).then(giveUp);
    try {
      const answer = await (this.#deps.fetch ?? fetch)(place, {
        headers: { authorization: `Bearer ${this.#deps.token()}`, accept: 'application/json' },
        redirect: 'manual',
        signal: over.signal,
      });
      return { status: answer.status, text: await textOf(answer) };
    } catch (error) {
      if (error instanceof WeirError) throw error;
      const why = over.signal.aborted
        ? `gave no answer within ${timeoutMs} ms`
        : `cannot be reached: ${reasonOf(error)}`;
      throw this.#unreachable(why, error);
    } finally {
      done.abort();
      signal?.removeEventListener('abort', giveUp);
    }
  }

  #refusal(status: number, body: unknown): WeirError {
    const error: unknown = typeof body === 'object' && body !== null && 'error' in body ? body.error : null;
    if (typeof error !== 'object' || error === null || !('code' in error) || !('message' in error))
      return this.#unreachable(`answers with status ${status}, which is not of a collector`);
    const { code, message } = error;
    // A collector that is overloaded or still starting is one that does not answer yet.
    if (status >= 500 || status === 429 || !isErrorCode(code))
      return this.#unreachable(`answers ${String(code)}: ${String(message)}`);
    return new WeirError(code, `${this.#config.url} refuses: ${String(message)}`, { url: this.#config.url, status });
  }

  #unreachable(why: string, cause?: unknown): WeirError {
    const { url } = this.#config;
    return new WeirError('collector_unreachable', `The collector at ${url} ${why}.`, { url }, cause);
  }
}

/** fetch hides the reason in `cause`. */
function reasonOf(error: unknown): string {
  return error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
}

async function textOf(answer: Response): Promise<string> {
  if (answer.body === null) return '';
  const stream: AsyncIterable<Uint8Array> = answer.body;
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of stream) {
    pieces.push(piece);
    size += piece.length;
    // Leaving the loop lets go of the rest.
    if (size > MOST_ANSWER_BYTES)
      throw new WeirError(
        'collector_answer_unusable',
        `An answer of more than ${MOST_ANSWER_BYTES} octets was cut off.`,
      );
  }
  return Buffer.concat(pieces).toString('utf8');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // something between us and the collector answered
  }
}

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERROR_TABLE, code);
}

/** The outside of an answer; its pages are held against their layouts when they are read. */
function isReadingsAnswer(body: unknown): body is ReadingsAnswer {
  if (typeof body !== 'object' || body === null) return false;
  return (
    'items' in body &&
    Array.isArray(body.items) &&
    'layouts' in body &&
    Array.isArray(body.layouts) &&
    'next' in body &&
    typeof body.next === 'string' &&
    'more' in body &&
    typeof body.more === 'boolean' &&
    'watermarks' in body &&
    typeof body.watermarks === 'object' &&
    body.watermarks !== null &&
    'quarantined' in body &&
    typeof body.quarantined === 'number'
  );
}

function isMeterReadingsAnswer(body: unknown): body is MeterReadingsAnswer {
  return (
    typeof body === 'object' &&
    body !== null &&
    'items' in body &&
    Array.isArray(body.items) &&
    'next' in body &&
    (body.next === null || typeof body.next === 'string')
  );
}
