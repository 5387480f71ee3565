// Questions to the collectors beside batches: the next one is asked where one cannot be reached, and what is no answer is a coded error.
import type { DurationMs } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { HttpAnswer, HttpClient } from './http-client.ts';

export interface Question {
  /** Below the collector's address, such as `/api/v1/agents/north/work?wait=25`. */
  readonly place: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs: DurationMs;
  readonly mostAnswerBytes: number;
  readonly signal: AbortSignal;
}

/** The port of those who ask. */
export interface CollectorQuestions {
  /**
   * The answer, with a status below 400. Rejects with what the token or the connection refuses, collector_unreachable where a collector
   * fails or is overloaded, collector_refused where it answers no; `detail.code` and `detail.status` say how.
   */
  ask(question: Question): Promise<HttpAnswer>;
}

export interface CollectorQuestionsDeps {
  readonly http: HttpClient;
  /** Asked at every request: a token file may be renewed. */
  readonly token: () => string;
}

const OVERLOADED = 429;

export class FailOverQuestions implements CollectorQuestions {
  readonly #urls: readonly string[];
  readonly #deps: CollectorQuestionsDeps;
  #next = 0;

  /** `collectorUrls`: at least one. */
  constructor(collectorUrls: readonly string[], deps: CollectorQuestionsDeps) {
    this.#urls = collectorUrls;
    this.#deps = deps;
  }

  async ask(question: Question): Promise<HttpAnswer> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#askOne(question);
      } catch (error) {
        const passing =
          error instanceof WeirError && error.code !== 'collector_refused' && error.code !== 'secret_unresolved';
        if (passing) this.#next += 1;
        if (!passing || tries >= this.#urls.length || question.signal.aborted) throw error;
      }
    }
  }

  async #askOne(question: Question): Promise<HttpAnswer> {
    const base = this.#urls[this.#next % this.#urls.length];
    if (base === undefined) throw new Error('BUG: no collector is configured');
    const { place, headers = {}, ...rest } = question;
    const answer = await this.#deps.http.request({
      ...rest,
      method: 'GET',
      url: `${base}${place}`,
      headers: { ...headers, authorization: `Bearer ${this.#deps.token()}` },
    });
    const { status } = answer;
    if (status < 400 && (status < 300 || status === 304)) return answer;
    const said = saidBy(answer.body);
    const code = status >= 500 || status === OVERLOADED ? 'collector_unreachable' : 'collector_refused';
    throw new WeirError(code, `${base}${place.split('?')[0] ?? ''}: ${said.message}`, { status, code: said.code });
  }
}

/** The coded error in a body; what stands in its place where something else answered. */
function saidBy(body: Buffer): { code: string; message: string } {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    const error: unknown = typeof parsed === 'object' && parsed !== null && 'error' in parsed ? parsed.error : null;
    if (typeof error === 'object' && error !== null && 'code' in error && 'message' in error)
      return { code: String(error.code), message: String(error.message) };
  } catch {
    // no JSON: nothing of a collector
  }
  return { code: 'unexpected', message: 'the answer is none of a collector' };
}
