// One question to a collector and what its answer means: a receipt, later, or no.
import { createHash } from 'node:crypto';
import type { Receipt } from '../../common/model/batch.ts';
import type { DurationMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import type { SpooledBatch } from '../spool/spooled-batch.ts';
import type { HttpClient } from './http-client.ts';

export type Outcome =
  | { readonly kind: 'receipt'; readonly receipt: Receipt }
  /** The same again later. `elsewhere`: another collector may be tried at once. */
  | {
      readonly kind: 'later';
      readonly code: string;
      readonly message: string;
      readonly waitMs: DurationMs | null;
      readonly elsewhere: boolean;
    }
  /** The collector will not take it until somebody changes something: kept, told, tried slowly. */
  | { readonly kind: 'refused'; readonly code: string; readonly message: string; readonly elsewhere: boolean };

export interface CollectorClientDeps {
  readonly clock: Clock;
  /** Asked at every request: a token file may be renewed. */
  readonly token: () => string;
  readonly http: HttpClient;
}

/** Whose stream is spoken of. */
export interface StreamName {
  readonly agent: string;
  readonly incarnation: string;
}

interface Question {
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/** The longest wait that a Retry-After is believed. */
const MOST_RETRY_AFTER_MS = 300_000;
/** An answer is a few numbers, or an error with its details. */
const MOST_ANSWER_BYTES = 64 * 1024;

export class CollectorClient {
  readonly #deps: CollectorClientDeps;
  readonly #timeoutMs: DurationMs;

  constructor(timeoutMs: DurationMs, deps: CollectorClientDeps) {
    this.#timeoutMs = timeoutMs;
    this.#deps = deps;
  }

  /** `oldestSequence`: nothing below it will ever come. */
  send(
    url: string,
    stream: StreamName,
    batch: SpooledBatch,
    oldestSequence: number,
    stop: AbortSignal,
  ): Promise<Outcome> {
    const headers = {
      'content-type': 'application/vnd.weir.batch',
      'weir-agent': stream.agent,
      'weir-incarnation': stream.incarnation,
      'weir-sequence': String(batch.sequence),
      'weir-oldest': String(oldestSequence),
      'weir-sha256': createHash('sha256').update(batch.bytes).digest('hex'),
      'weir-sent-at': String(this.#deps.clock.now()),
    };
    return this.#ask(`${url}/api/v1/batches`, { method: 'POST', headers, body: batch.bytes }, stop);
  }

  receipt(url: string, stream: StreamName, stop: AbortSignal): Promise<Outcome> {
    const place = `${url}/api/v1/batches/receipt?incarnation=${encodeURIComponent(stream.incarnation)}`;
    return this.#ask(place, { method: 'GET', headers: {} }, stop);
  }

  async #ask(place: string, question: Question, stop: AbortSignal): Promise<Outcome> {
    let token: string;
    try {
      token = this.#deps.token();
    } catch (error) {
      return { kind: 'refused', code: codeOf(error), message: messageOf(error), elsewhere: false };
    }
    try {
      const answer = await this.#deps.http.request({
        ...question,
        url: place,
        headers: { ...question.headers, authorization: `Bearer ${token}` },
        timeoutMs: this.#timeoutMs,
        signal: stop,
        mostAnswerBytes: MOST_ANSWER_BYTES,
      });
      const body = parsed(answer.body.toString('utf8'));
      const waitMs = retryAfterMs(answer.headers['retry-after'] ?? null, this.#deps.clock.now());
      return outcomeOf(answer.status, waitMs, body);
    } catch (error) {
      const [code, message] = [codeOf(error), messageOf(error)];
      if (code === 'collector_unreachable') return { kind: 'later', code, message, waitMs: null, elsewhere: true };
      return { kind: 'refused', code, message, elsewhere: true };
    }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // something between us and the collector answered
  }
}

/** RFC 9110 §10.2.3: seconds, or a date. Null where there is none. */
export function retryAfterMs(header: string | null, nowMs: number): DurationMs | null {
  if (header === null || header.trim() === '') return null;
  const ms = /^\s*\d+\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - nowMs;
  return Number.isNaN(ms) ? null : Math.min(MOST_RETRY_AFTER_MS, Math.max(0, ms));
}

/** What the status and body of an answer mean to the sender of a batch. */
export function outcomeOf(status: number, waitMs: DurationMs | null, body: unknown): Outcome {
  if (status === 200 && isReceipt(body)) return { kind: 'receipt', receipt: body };
  const refusal = refusalOf(status, body);
  // batch_damaged: the bytes were changed on the way, the spool still has them whole.
  const passing = status >= 500 || status === 429 || status === 408 || refusal.code === 'batch_damaged';
  const elsewhere = status >= 500;
  return passing ? { kind: 'later', ...refusal, waitMs, elsewhere } : { kind: 'refused', ...refusal, elsewhere };
}

function isReceipt(body: unknown): body is Receipt {
  if (typeof body !== 'object' || body === null || !('received' in body) || !('applied' in body)) return false;
  return isSequence(body.received) && isSequence(body.applied);
}

function isSequence(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function refusalOf(status: number, body: unknown): { code: string; message: string } {
  const error: unknown = typeof body === 'object' && body !== null && 'error' in body ? body.error : null;
  if (typeof error === 'object' && error !== null && 'code' in error && 'message' in error)
    return { code: String(error.code), message: String(error.message) };
  const where =
    status >= 300 && status < 400 ? 'a redirect: correct the address of the collector' : 'not of a collector';
  return { code: `status_${status}`, message: `The answer with status ${status} is ${where}.` };
}
