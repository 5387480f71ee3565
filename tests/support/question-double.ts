// A collector that is asked, in place of the real questions: answers what a test says, and remembers what was asked.
import type { CollectorQuestions, Question } from '../../agent/ship/collector-questions.ts';
import type { HttpAnswer } from '../../agent/ship/http-client.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';

export interface Said {
  readonly status?: number;
  readonly body?: unknown;
  readonly error?: WeirError;
  /** How long the answer takes. */
  readonly afterMs?: number;
}

export class QuestionDouble implements CollectorQuestions {
  readonly asked: {
    readonly place: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly atMs: number;
  }[] = [];
  answer: (question: Question) => Said = () => ({});
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async ask(question: Question): Promise<HttpAnswer> {
    const { place, headers = {}, signal } = question;
    this.asked.push({ place, headers, atMs: this.#clock.monotonicMs() });
    const { status = 200, body = {}, error, afterMs = 0 } = this.answer(question);
    await this.#clock.sleep(afterMs, signal);
    if (signal.aborted) throw new WeirError('collector_unreachable', 'the agent let go');
    if (error !== undefined) throw error;
    const bytes: Buffer = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
    return { status, headers: {}, body: status === 304 ? Buffer.alloc(0) : bytes };
  }
}

/** A file that a test can look into, spoil, or forbid. */
export class FileDouble {
  bytes: Buffer | null = null;
  refuses = false;

  read(): Buffer | null {
    return this.bytes;
  }

  write(bytes: Uint8Array): boolean {
    if (this.refuses) return false;
    this.bytes = Buffer.from(bytes);
    return true;
  }
}
