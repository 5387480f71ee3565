// Delivers what is written: each channel by itself, one message after the other, so that a slow one delays no other.
import type { Database } from '../../common/database/database.ts';
import type { DurationMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import { plainText } from '../../common/runtime/redaction.ts';
import type { CounterMetric, Reporter } from '../../common/runtime/reporter.ts';
import { backoffDelay } from '../../common/runtime/retry.ts';
import type { Channel } from './channels/channel.ts';
import { believedBy } from './ledger.ts';
import { accepted, claim, failed } from './outbox.ts';
import type { Message, ToldItem } from './told.ts';

export interface DeliveryChannel {
  readonly channel: Channel;
  readonly timeoutMs: DurationMs;
  readonly maxAttempts: number;
}

export interface DeliveriesDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: () => number;
  readonly channels: ReadonlyMap<string, DeliveryChannel>;
  /** Of an alarm that somebody believes in, for those who want to hear it again and again. */
  readonly itemsOf: (alarms: Awaited<ReturnType<typeof believedBy>>) => readonly ToldItem[];
}

const BACKOFF = { firstMs: 1000, mostMs: 600_000 };
/** Longer than a try can last: nobody else takes a message that is being sent. */
const CLAIM_SPARE_MS: DurationMs = 20_000;
const MAX_FAILURE = 300;

export class Deliveries {
  readonly #reporter: Reporter;
  readonly #deps: DeliveriesDeps;
  readonly #tries: CounterMetric;
  readonly #running = new Map<string, Promise<void>>();
  readonly #again = new Set<string>();
  readonly #refreshedMs = new Map<string, number>();
  readonly #stopping = new AbortController();

  constructor(reporter: Reporter, deps: DeliveriesDeps) {
    this.#reporter = reporter;
    this.#deps = deps;
    this.#tries = reporter.counter('telling_tries_total', 'Tries to deliver a message, by result', [
      'channel',
      'result',
    ]);
  }

  /** Looks after every channel that is not being looked after already. */
  kick(): void {
    for (const name of this.#deps.channels.keys()) {
      if (this.#running.has(name)) this.#again.add(name);
      else this.#running.set(name, this.#lookAfter(name));
    }
  }

  /** Until nothing is under way. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  /** Ends what is under way; the rest stays written down. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.settled();
  }

  async #lookAfter(name: string): Promise<void> {
    try {
      do {
        this.#again.delete(name);
        await this.#deliver(name);
      } while (this.#again.has(name) && !this.#stopping.signal.aborted);
    } catch (error) {
      // It stays claimed for a while, then it is taken up again.
      this.#reporter.warn('delivery interrupted', { channel: name, code: codeOf(error), message: messageOf(error) });
    } finally {
      this.#running.delete(name);
    }
  }

  async #deliver(name: string): Promise<void> {
    const { database, clock, channels } = this.#deps;
    const own = channels.get(name);
    if (own === undefined) throw new Error(`BUG: no channel ${name}`);
    while (!this.#stopping.signal.aborted) {
      const message = await claim(database, name, clock.now(), own.timeoutMs + CLAIM_SPARE_MS);
      if (message === null) break;
      await this.#try(own, message);
    }
    if (!this.#stopping.signal.aborted) await this.#refresh(name, own);
  }

  async #try({ channel, timeoutMs, maxAttempts }: DeliveryChannel, message: Message): Promise<void> {
    const { database, clock, random } = this.#deps;
    const { channel: name, key, attempts } = message;
    let remark: string | null;
    try {
      remark = await channel.send(message, AbortSignal.timeout(timeoutMs));
    } catch (error) {
      const code = codeOf(error);
      const certain = code === 'channel_refused' || code === 'secret_unresolved';
      const isLast = attempts >= maxAttempts;
      const nextTryMs = isLast ? null : clock.now() + backoffDelay(BACKOFF, attempts - 1, random);
      const text = plainText(`${code}: ${messageOf(error)}`, MAX_FAILURE);
      this.#tries.add(1, { channel: name, result: isLast ? 'given_up' : 'failed' });
      this.#reporter.warn(isLast ? 'message given up' : 'message not delivered', {
        channel: name,
        key,
        attempts,
        text,
      });
      await failed(database, message, { text, certain, nextTryMs });
      return;
    }
    this.#tries.add(1, { channel: name, result: 'accepted' });
    await accepted(database, message, clock.now(), remark);
  }

  /** Tells a receiver that forgets what is still so. What fails is told with the next round. */
  async #refresh(name: string, { channel, timeoutMs }: DeliveryChannel): Promise<void> {
    const { refresh } = channel;
    const { database, clock, itemsOf } = this.#deps;
    const nowMs = clock.monotonicMs();
    if (refresh === undefined || nowMs - (this.#refreshedMs.get(name) ?? -Infinity) < refresh.everyMs) return;
    this.#refreshedMs.set(name, nowMs);
    const items = itemsOf(await believedBy(database, name));
    if (items.length === 0) return;
    try {
      await refresh.send(items, AbortSignal.timeout(timeoutMs));
      this.#tries.add(1, { channel: name, result: 'refreshed' });
    } catch (error) {
      this.#tries.add(1, { channel: name, result: 'refresh_failed' });
      this.#reporter.warn('alarms not told again', { channel: name, code: codeOf(error), message: messageOf(error) });
    }
  }
}
