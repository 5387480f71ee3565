// Sends what is written down: each way by itself, one message after the other, so that a slow one delays no other; at least once, under one key.
import type { Database, Queryable } from '../../common/database/database.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import { plainText } from '../../common/runtime/redaction.ts';
import type { CounterMetric, GaugeMetric, Reporter } from '../../common/runtime/reporter.ts';
import { backoffDelay } from '../../common/runtime/retry.ts';
import {
  channelsDue,
  claimMessage,
  countUnsent,
  messageDone,
  messageFailed,
  type SentMessage,
} from './message-outbox.ts';

export interface Way {
  /** Resolves once the other side has it, with a remark for people or null. Throws channel_refused where surely nobody has it. */
  readonly send: (message: SentMessage, signal: AbortSignal) => Promise<string | null>;
  readonly timeoutMs: DurationMs;
  readonly maxAttempts: number;
}

export interface MessageSenderDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: () => number;
  /** By the name of its channel; null for one that is not configured any more. */
  readonly wayOf: (channel: string) => Way | null;
  /** In the transaction in which a message is done. */
  readonly onDone: (connection: Queryable, message: SentMessage, atMs: EpochMs) => Promise<void>;
}

export interface SendSummary {
  readonly sent: number;
  readonly failed: number;
  readonly givenUp: number;
}

const BACKOFF = { firstMs: 60_000, mostMs: 3_600_000 };
/** Longer than a try can last: nobody else takes a message that is being sent. */
const CLAIM_SPARE_MS: DurationMs = 60_000;
/** Of one way in one run; the others are taken up by the next. */
const MOST_AT_ONCE = 500;
/** In a row: whoever does not answer is not asked hundreds of times in one run. */
const MOST_FAILURES = 3;
const MAX_FAILURE = 300;
/** As a server that refuses: nothing was sent. */
const CERTAIN = ['channel_refused', 'secret_unresolved', 'mail_refused'];

type Outcome = 'sent' | 'failed' | 'given_up';

export class MessageSender {
  readonly #reporter: Reporter;
  readonly #deps: MessageSenderDeps;
  readonly #tries: CounterMetric;
  readonly #waiting: GaugeMetric;
  readonly #dead: GaugeMetric;
  /** Ways that had something to count, so that they are told as empty later. */
  readonly #counted = new Set<string>();

  constructor(reporter: Reporter, deps: MessageSenderDeps) {
    this.#reporter = reporter.child('send');
    this.#deps = deps;
    this.#tries = reporter.counter('messages_tries_total', 'Tries to send a message, by result', ['channel', 'result']);
    this.#waiting = reporter.gauge('messages_waiting', 'Messages that wait to be sent', ['channel']);
    this.#dead = reporter.gauge('messages_given_up', 'Messages that were given up and wait for somebody', ['channel']);
  }

  /** `fence` throws lease_lost: who lost the lease takes no more messages. */
  async run(fence: (connection: Queryable) => Promise<void>, signal: AbortSignal): Promise<SendSummary> {
    const { database, clock } = this.#deps;
    const channels = await channelsDue(database, clock.now());
    const ran = await Promise.allSettled(channels.map((channel) => this.#sendAll(channel, fence, signal)));
    await this.#count();
    for (const one of ran) if (one.status === 'rejected') throw one.reason;
    const outcomes = ran.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
    const count = (wanted: Outcome): number => outcomes.filter((outcome) => outcome === wanted).length;
    return { sent: count('sent'), failed: count('failed'), givenUp: count('given_up') };
  }

  async #sendAll(
    channel: string,
    fence: (connection: Queryable) => Promise<void>,
    signal: AbortSignal,
  ): Promise<Outcome[]> {
    const { database, clock, wayOf } = this.#deps;
    const way = wayOf(channel);
    const outcomes: Outcome[] = [];
    // It waits, is counted, and goes out once the configuration has its way again.
    if (way === null) return outcomes;
    let failures = 0;
    while (outcomes.length < MOST_AT_ONCE && failures < MOST_FAILURES && !signal.aborted) {
      const message = await database.transaction(async (connection) => {
        await fence(connection);
        return claimMessage(connection, channel, clock.now(), way.timeoutMs + CLAIM_SPARE_MS);
      });
      if (message === null) break;
      const outcome = await this.#try(way, message);
      outcomes.push(outcome);
      failures = outcome === 'sent' ? 0 : failures + 1;
    }
    return outcomes;
  }

  async #try(way: Way, message: SentMessage): Promise<Outcome> {
    const { database, clock, random, onDone } = this.#deps;
    const { id, channel, key, attempts } = message;
    let remark: string | null;
    try {
      remark = await way.send(message, AbortSignal.timeout(way.timeoutMs));
    } catch (error) {
      const code = codeOf(error);
      const isLast = attempts >= way.maxAttempts;
      const nextTryMs = isLast ? null : clock.now() + backoffDelay(BACKOFF, attempts - 1, random);
      const text = plainText(`${code}: ${messageOf(error)}`, MAX_FAILURE);
      this.#tries.add(1, { channel, result: isLast ? 'given_up' : 'failed' });
      this.#reporter.warn(isLast ? 'message given up' : 'message not sent', { channel, key, attempts, text });
      await messageFailed(database, id, { text, certain: CERTAIN.includes(code), nextTryMs });
      return isLast ? 'given_up' : 'failed';
    }
    await database.transaction(async (connection) => {
      const atMs = clock.now();
      await messageDone(connection, id, atMs, remark);
      await onDone(connection, message, atMs);
    });
    this.#tries.add(1, { channel, result: 'sent' });
    return 'sent';
  }

  async #count(): Promise<void> {
    const counts = await countUnsent(this.#deps.database);
    for (const channel of counts.keys()) this.#counted.add(channel);
    for (const channel of this.#counted) {
      const { waiting, dead } = counts.get(channel) ?? { waiting: 0, dead: 0 };
      this.#waiting.set(waiting, { channel });
      this.#dead.set(dead, { channel });
    }
  }
}
