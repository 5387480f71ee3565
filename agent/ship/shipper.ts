// Sends the spool to the collector: in order, one batch at a time, again and again until it is applied.
import type { Receipt } from '../../common/model/batch.ts';
import type { DurationMs } from '../../common/model/time.ts';
import type { Component } from '../../common/runtime/component.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import type { CounterMetric, GaugeMetric, HealthState, Reporter } from '../../common/runtime/reporter.ts';
import { backoffDelay } from '../../common/runtime/retry.ts';
import type { Spool } from '../spool/spool.ts';
import type { SpooledBatch } from '../spool/spooled-batch.ts';
import { CollectorChoice } from './collector-choice.ts';
import { CollectorClient, type CollectorClientDeps, type Outcome } from './collector-client.ts';

export interface ShipperConfig {
  readonly agent: string;
  /** The preferred one first; the next one where one cannot be reached or fails. At least one. */
  readonly collectorUrls: readonly string[];
  readonly timeoutMs: DurationMs;
}

/** Long enough for a full batch on a slow line. */
export const SHIPPER_TIMEOUT_MS = 30_000;

export interface ShipperDeps extends CollectorClientDeps {
  readonly random: () => number;
  /** Started before the shipper, stopped after it. */
  readonly spool: Spool;
}

const RETRY = { firstMs: 500, mostMs: 30_000 };
const REFUSED_RETRY = { firstMs: 10_000, mostMs: 300_000 };
/** The longest sleep while there is nothing to send. */
const IDLE_MS = 60_000;
/** While batches wait to be applied the receipt is asked for this often. */
const RECEIPT_MS = 1000;
const SCOUT_TIMEOUT_MS = 3000;
/** A spool that would have to be renewed again so soon is not the reason. */
const RENEW_AGAIN_MS = 600_000;

export class Shipper implements Component {
  readonly #reporter: Reporter;
  readonly #config: ShipperConfig;
  readonly #deps: ShipperDeps;
  readonly #client: CollectorClient;
  /** Looks whether the preferred collector is back; what is shipped meanwhile must not wait for it. */
  readonly #scout: CollectorClient;
  readonly #choice: CollectorChoice;
  readonly #answers: CounterMetric;
  readonly #taken: CounterMetric;
  readonly #lost: CounterMetric;
  readonly #lag: GaugeMetric;
  readonly #oldest: GaugeMetric;
  #stopping = new AbortController();
  #loop: Promise<void> | null = null;
  /** Whether a collector has said what it holds since the start. */
  #met = false;
  /** What comes next is the batch after this one. */
  #sent = 0;
  /** No collector can hold more than this of our stream. */
  #mostSent = 0;
  #applied = 0;
  #failures = 0;
  /** The shortest wait that a collector which failed in this round needs. */
  #roundWaitMs = Number.POSITIVE_INFINITY;
  /** The collector that takes batches, as it was told. */
  #taking = '';
  #lossTold = '';
  /** Why each collector does not take batches, as it was told. */
  readonly #told = new Map<string, string>();
  #renewedAtMs = Number.NEGATIVE_INFINITY;
  #state: HealthState = { healthy: true, message: 'nothing sent yet' };

  constructor(reporter: Reporter, config: ShipperConfig, deps: ShipperDeps) {
    this.#reporter = reporter;
    this.#config = config;
    this.#deps = deps;
    this.#client = new CollectorClient(config.timeoutMs, deps);
    this.#scout = new CollectorClient(Math.min(SCOUT_TIMEOUT_MS, config.timeoutMs), deps);
    this.#choice = new CollectorChoice(config.collectorUrls, deps.clock);
    this.#answers = reporter.counter('ship_answers_total', 'Answers of collectors, by kind or code', ['kind']);
    this.#taken = reporter.counter('ship_batches_total', 'Batches taken by a collector');
    this.#lost = reporter.counter('ship_lost_batches_total', 'Batches a collector had applied and no longer has');
    this.#lag = reporter.gauge('ship_lag_batches', 'Batches in the spool that are not known to be applied');
    this.#oldest = reporter.gauge('ship_oldest_seconds', 'Age of the oldest batch not known to be applied');
    reporter.health('ship', () => this.#state);
  }

  start(): Promise<void> {
    if (this.#loop !== null) return Promise.resolve();
    const { spool } = this.#deps;
    this.#stopping = new AbortController();
    this.#met = false;
    this.#sent = spool.firstSequence - 1;
    this.#applied = this.#sent;
    this.#mostSent = spool.lastSequenceAtStart;
    this.#loop = this.#run(this.#stopping.signal);
    return Promise.resolve();
  }

  /** Lets go of the request under way: what it carries is in the spool. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
    this.#loop = null;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const waitMs = await this.#turn(signal);
      if (waitMs > 0) await this.#deps.clock.sleep(waitMs, signal);
    }
  }

  /** Sends or asks once; gives the time to wait before the next turn. */
  async #turn(signal: AbortSignal): Promise<DurationMs> {
    const { spool } = this.#deps;
    // Before the first batch: a collector that knows more of this spool than it holds knows a later state of it.
    if (!this.#met) return this.#settle(await this.#askReceipt(signal), null, signal);
    const preferred = this.#choice.preferredDue();
    if (preferred !== null) return this.#look(preferred, signal);
    const batch = await spool.next(this.#sent);
    if (batch !== null) {
      this.#mostSent = Math.max(this.#mostSent, batch.sequence);
      spool.markSent(batch.sequence);
      const oldest = Math.min(spool.firstSequence, batch.sequence);
      const outcome = await this.#client.send(this.#choice.url, this.#stream, batch, oldest, signal);
      return this.#settle(outcome, batch, signal);
    }
    if (spool.lastSequence <= this.#applied) {
      await spool.arrival(this.#sent, IDLE_MS, signal);
      return 0;
    }
    // All is sent and not all applied; or the next is damaged, and goes once those before it are applied.
    if (spool.lastSequence > this.#sent) await this.#deps.clock.sleep(RECEIPT_MS, signal);
    else await spool.arrival(this.#sent, RECEIPT_MS, signal);
    if (signal.aborted) return 0;
    return this.#settle(await this.#askReceipt(signal), null, signal);
  }

  /** Goes back to the preferred collector where it answers. */
  async #look(preferred: string, signal: AbortSignal): Promise<DurationMs> {
    const outcome = await this.#scout.receipt(preferred, this.#stream, signal);
    if (signal.aborted) return 0;
    this.#choice.preferredAnswered(outcome.kind === 'receipt');
    if (outcome.kind === 'receipt') return this.#settle(outcome, null, signal);
    this.#answers.add(1, { kind: outcome.code });
    this.#tellFailure(preferred, outcome.code, outcome.message);
    return 0;
  }

  get #stream(): { agent: string; incarnation: string } {
    return { agent: this.#config.agent, incarnation: this.#deps.spool.incarnation };
  }

  #askReceipt(signal: AbortSignal): Promise<Outcome> {
    return this.#client.receipt(this.#choice.url, this.#stream, signal);
  }

  async #settle(outcome: Outcome, batch: SpooledBatch | null, signal: AbortSignal): Promise<DurationMs> {
    if (signal.aborted && outcome.kind !== 'receipt') return 0;
    const waitMs = outcome.kind === 'receipt' ? await this.#takeIn(outcome.receipt, batch) : this.#refuse(outcome);
    const { clock, spool } = this.#deps;
    const lag = spool.lastSequence - this.#applied;
    const oldestAtMs = lag === 0 ? null : spool.oldestCreatedAtMs();
    this.#lag.set(lag);
    this.#oldest.set(oldestAtMs === null ? 0 : Math.max(0, (clock.now() - oldestAtMs) / 1000));
    return waitMs;
  }

  #refuse(outcome: Exclude<Outcome, { kind: 'receipt' }>): DurationMs {
    const { random } = this.#deps;
    const rounds = Math.floor(this.#failures / this.#config.collectorUrls.length);
    this.#answers.add(1, { kind: outcome.code });
    this.#tellFailure(this.#choice.url, outcome.code, outcome.message);
    this.#state = { healthy: false, message: `${outcome.code}: ${outcome.message}` };
    if (!outcome.elsewhere) {
      this.#failures += 1;
      if (outcome.kind === 'refused') return backoffDelay(REFUSED_RETRY, this.#failures - 1, random);
      return outcome.waitMs ?? backoffDelay(RETRY, this.#failures - 1, random);
    }
    const waitMs = outcome.kind === 'later' ? outcome.waitMs : null;
    const retry = outcome.kind === 'later' ? RETRY : REFUSED_RETRY;
    this.#roundWaitMs = Math.min(this.#roundWaitMs, waitMs ?? backoffDelay(retry, rounds, random));
    this.#failures += 1;
    // What it holds may be another state when it is met again.
    this.#met = false;
    // Each collector once before any wait.
    if (!this.#choice.leave()) return 0;
    const roundWaitMs = this.#roundWaitMs;
    this.#roundWaitMs = Number.POSITIVE_INFINITY;
    return roundWaitMs;
  }

  async #takeIn(receipt: Receipt, batch: SpooledBatch | null): Promise<DurationMs> {
    const { spool, random } = this.#deps;
    const { received, applied, quarantined } = receipt;
    this.#answers.add(1, { kind: quarantined === undefined ? 'receipt' : quarantined.code });
    if (Math.max(received, applied) > this.#mostSent || quarantined?.code === 'batch_conflict')
      return this.#renew(received, batch);
    this.#met = true;
    this.#tellLoss(Math.max(received, applied));
    if (quarantined !== undefined)
      this.#reporter.error('batch set aside by the collector', { sequence: batch?.sequence, ...quarantined });
    this.#applied = Math.max(this.#applied, applied);
    // A collector that holds less than was sent (another one, or one that lost its journal) gets the rest again.
    this.#sent = Math.max(received, applied, spool.firstSequence - 1);
    await spool.trimApplied(this.#applied);
    if (batch !== null && this.#sent < batch.sequence) {
      // It answered, but does not hold what it was sent: again, but not in a hurry.
      this.#failures += 1;
      return backoffDelay(RETRY, this.#failures - 1, random);
    }
    // One that says what it holds and takes no batch has not done what it is for: its failures go on counting.
    if (batch === null && spool.lastSequence > this.#sent) return 0;
    this.#failures = 0;
    this.#choice.stay();
    if (batch !== null) this.#taken.add();
    this.#tellSuccess();
    return 0;
  }

  /** The spool is an older state of a file that went on elsewhere (a restored disk, a copy): its sequences are taken, and its batches are not those that were applied. */
  async #renew(received: number, batch: SpooledBatch | null): Promise<DurationMs> {
    const { clock, random, spool } = this.#deps;
    const attempt = this.#failures;
    this.#failures += 1;
    const facts = { received, sent: batch?.sequence, incarnation: spool.incarnation };
    const message = 'the collector holds other batches of this spool: it was restored or copied';
    this.#tellFailure(this.#choice.url, 'batch_conflict', message);
    this.#state = { healthy: false, message };
    if (clock.monotonicMs() - this.#renewedAtMs < RENEW_AGAIN_MS) return backoffDelay(REFUSED_RETRY, attempt, random);
    try {
      await spool.renew();
    } catch (error) {
      this.#reporter.error('spool not renewed', { ...facts, code: codeOf(error), message: messageOf(error) });
      return backoffDelay(RETRY, attempt, random);
    }
    this.#renewedAtMs = clock.monotonicMs();
    this.#sent = spool.firstSequence - 1;
    this.#applied = this.#sent;
    this.#mostSent = spool.lastSequenceAtStart;
    return 0;
  }

  /** Said once for each collector and reason. */
  #tellFailure(url: string, code: string, message: string): void {
    if (this.#told.get(url) === code) return;
    this.#told.set(url, code);
    this.#reporter.warn('not shipping; batches stay in the spool', { url, code, message });
  }

  #tellSuccess(): void {
    const { url } = this.#choice;
    if (!this.#told.delete(url) && this.#state.healthy && this.#taking === url) return;
    this.#taking = url;
    this.#state = { healthy: true, message: 'the collector takes batches' };
    this.#reporter.info('shipping', { url });
  }

  /** A collector that has less than was applied and so forgotten here lost it, and nobody can send it again. */
  #tellLoss(has: number): void {
    const { appliedSequence, incarnation } = this.#deps.spool;
    const { url } = this.#choice;
    if (has >= appliedSequence || this.#lossTold === `${url} ${has}`) return;
    this.#lossTold = `${url} ${has}`;
    const lost = { firstSequence: has + 1, lastSequence: appliedSequence };
    this.#lost.add(appliedSequence - has);
    const message = 'the collector no longer has batches that it had applied: its database was set back, or is away';
    this.#reporter.error(message, { url, incarnation, ...lost });
  }
}
