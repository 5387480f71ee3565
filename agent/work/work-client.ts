// Asks the collectors for work by long poll, again and again, never in a hurry: nobody connects to an agent.
import type { DurationMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Component } from '../../common/runtime/component.ts';
import { codeOf, messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { CounterMetric, Reporter } from '../../common/runtime/reporter.ts';
import { backoffDelay } from '../../common/runtime/retry.ts';
import type { CollectorQuestions } from '../ship/collector-questions.ts';
import { workAnswerSchema, type WorkItem, workItemOf } from './work-item.ts';
import type { Worker } from './worker.ts';

export interface WorkClientDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly questions: CollectorQuestions;
  readonly worker: Pick<Worker, 'recover' | 'take' | 'stop'>;
}

const WAIT_SECONDS = 25;
/** The wait, and time for the way and a slow collector. */
const TIMEOUT_MS: DurationMs = 40_000;
const MOST_ANSWER_BYTES = 1024 * 1024;
/** Two questions are at least this far apart, whatever is answered. */
const LEAST_PAUSE_MS: DurationMs = 1000;
const RETRY = { firstMs: 1000, mostMs: 60_000 };
/** A collector that says no, or is older than this, says so again. */
const REFUSED_RETRY = { firstMs: 30_000, mostMs: 600_000 };

export class WorkClient implements Component {
  readonly #reporter: Reporter;
  readonly #agent: string;
  readonly #deps: WorkClientDeps;
  readonly #answers: CounterMetric;
  readonly #stopping = new AbortController();
  #loop: Promise<void> | null = null;
  #failures = 0;
  #code: string | null = null;

  constructor(reporter: Reporter, agent: string, deps: WorkClientDeps) {
    this.#reporter = reporter;
    this.#agent = agent;
    this.#deps = deps;
    this.#answers = reporter.counter('work_questions_total', 'Questions for work, by what was answered', ['answer']);
  }

  async start(): Promise<void> {
    if (this.#loop !== null) return;
    await this.#deps.worker.recover();
    this.#loop = this.#run(this.#stopping.signal);
  }

  /** Lets go of the question; ends the work in hand and keeps its results. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
    await this.#deps.worker.stop();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#deps;
    while (!signal.aborted) {
      const startedMs = clock.monotonicMs();
      const retryMs = await this.#ask(signal);
      if (signal.aborted) return;
      const restMs = LEAST_PAUSE_MS * (1 + random()) - (clock.monotonicMs() - startedMs);
      await clock.sleep(Math.max(0, restMs, retryMs), signal);
    }
  }

  /** Gives the pause before the next question. */
  async #ask(signal: AbortSignal): Promise<DurationMs> {
    const { questions, worker, random } = this.#deps;
    try {
      const answer = await questions.ask({
        place: `/api/v1/agents/${encodeURIComponent(this.#agent)}/work?wait=${WAIT_SECONDS}`,
        timeoutMs: TIMEOUT_MS,
        mostAnswerBytes: MOST_ANSWER_BYTES,
        signal,
      });
      const items = itemsIn(answer.body);
      const fresh = worker.take(items);
      this.#answers.add(1, { answer: fresh ? 'work' : 'nothing' });
      this.#become(null, '');
      this.#failures = 0;
      return 0;
    } catch (error) {
      if (signal.aborted) return 0;
      const code = codeOf(error);
      this.#answers.add(1, { answer: code });
      this.#become(code, messageOf(error));
      this.#failures += 1;
      return backoffDelay(code === 'collector_unreachable' ? RETRY : REFUSED_RETRY, this.#failures - 1, random);
    }
  }

  /** Told when it changes; that no collector answers the shipper says loudly enough. */
  #become(code: string | null, message: string): void {
    if (code === this.#code) return;
    this.#code = code;
    if (code === null) this.#reporter.info('work is asked for');
    else this.#reporter.warn('no work can be asked for', { code, message });
  }
}

/** What is no work for this agent is left out; an answer that is none is collector_refused. */
function itemsIn(body: Buffer): WorkItem[] {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw new WeirError('collector_refused', 'The answer to a question for work is no JSON.', {}, cause);
  }
  const parsed = workAnswerSchema.safeParse(value);
  if (!parsed.success) throw new WeirError('collector_refused', 'The answer to a question for work is none.');
  return parsed.data.items.flatMap((item) => workItemOf(item) ?? []);
}
