// Sends the spool to the collector: in order, one batch at a time, again and again until it is applied.
import { createHash } from 'node:crypto';
import type { Receipt } from '../../common/model/batch.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Component } from '../../common/runtime/component.ts';
import { messageOf } from '../../common/runtime/errors.ts';
import type { CounterMetric, GaugeMetric, Reporter } from '../../common/runtime/reporter.ts';
import { backoffDelay } from '../../common/runtime/retry.ts';
import type { Spool, SpooledBatch } from '../spool/spool.ts';

export interface ShipperConfig {
  readonly agent: string;
  /** Tried in turn: the next one after a failure of the network. */
  readonly collectorUrls: readonly string[];
  readonly timeoutMs: number;
}

export interface ShipperDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly spool: Spool;
  /** Asked at every request: a token file may be renewed. */
  readonly token: () => string;
}

type Outcome =
  | { readonly kind: 'receipt'; readonly receipt: Receipt }
  /** Network, 5xx, 429: the same again later. */
  | { readonly kind: 'later'; readonly why: string; readonly waitMs: number | null }
  /** The collector will not take it until somebody changes something: kept, told, tried slowly. */
  | { readonly kind: 'refused'; readonly code: string; readonly message: string };

const RETRY = { firstMs: 500, mostMs: 30_000 };
const REFUSED_RETRY = { firstMs: 5_000, mostMs: 300_000 };
const IDLE_MS = 5_000;
/** While batches wait to be applied the receipt is asked for this often. */
const RECEIPT_MS = 1_000;
const READ_BYTES = 16 * 1024 * 1024;

export class Shipper implements Component {
  readonly #reporter: Reporter;
  readonly #config: ShipperConfig;
  readonly #deps: ShipperDeps;
  readonly #stopping = new AbortController();
  readonly #answers: CounterMetric;
  readonly #lag: GaugeMetric;
  #loop: Promise<void> = Promise.resolve();
  #sent = 0;
  #applied = 0;
  #failures = 0;
  #url = 0;
  #state: { healthy: boolean; message: string } = { healthy: true, message: 'nothing sent yet' };

  constructor(reporter: Reporter, config: ShipperConfig, deps: ShipperDeps) {
    this.#reporter = reporter;
    this.#config = config;
    this.#deps = deps;
    this.#answers = reporter.counter('ship_answers_total', 'Answers of the collector to batches, by kind', ['kind']);
    this.#lag = reporter.gauge('ship_lag_batches', 'Batches in the spool that the collector has not applied');
    reporter.health('ship', () => this.#state);
  }

  async start(): Promise<void> {
    this.#sent = this.#deps.spool.firstSequence - 1;
    this.#applied = this.#sent;
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { spool, clock } = this.#deps;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const batch = spool.read(Math.max(this.#sent, spool.firstSequence - 1), 1, READ_BYTES)[0];
      const unapplied = spool.lastSequence > this.#applied;
      if (batch === undefined && !unapplied) {
        await spool.arrival(this.#sent, IDLE_MS, signal);
        continue;
      }
      if (batch === undefined) await spool.arrival(this.#sent, RECEIPT_MS, signal);
      const next = batch ?? spool.read(this.#sent, 1, READ_BYTES)[0];
      const outcome = await (next === undefined ? this.#askReceipt() : this.#send(next));
      const waitMs = await this.#settle(outcome, next);
      if (waitMs > 0) await clock.sleep(waitMs, signal);
    }
  }

  /** Takes the outcome in; gives the time to wait before the next try. */
  async #settle(outcome: Outcome, batch: SpooledBatch | undefined): Promise<number> {
    const { random, spool } = this.#deps;
    this.#answers.add(1, { kind: outcome.kind === 'refused' ? outcome.code : outcome.kind });
    if (outcome.kind === 'receipt') {
      const { received, applied, quarantined } = outcome.receipt;
      if (quarantined !== undefined)
        this.#reporter.error('batch set aside by the collector', { sequence: batch?.sequence, ...quarantined });
      this.#failures = 0;
      this.#become(true, 'the collector takes batches');
      this.#applied = Math.max(this.#applied, Math.min(applied, spool.lastSequence));
      // A collector that holds less than was sent (another one, or one that lost its journal) gets the rest again.
      this.#sent = Math.max(received, applied, spool.firstSequence - 1);
      await spool.trimApplied(this.#applied);
      this.#lag.set(spool.lastSequence - this.#applied);
      return 0;
    }
    this.#failures += 1;
    this.#lag.set(spool.lastSequence - this.#applied);
    if (outcome.kind === 'later') {
      this.#become(false, outcome.why);
      return outcome.waitMs ?? backoffDelay(RETRY, this.#failures - 1, random);
    }
    this.#become(false, `${outcome.code}: ${outcome.message}`);
    return backoffDelay(REFUSED_RETRY, this.#failures - 1, random);
  }

  #become(healthy: boolean, message: string): void {
    if (healthy !== this.#state.healthy || (!healthy && message !== this.#state.message)) {
      if (healthy) this.#reporter.info('shipping', { message });
      else this.#reporter.warn('not shipping; batches stay in the spool', { message });
    }
    this.#state = { healthy, message };
  }

  #send(batch: SpooledBatch): Promise<Outcome> {
    const headers = {
      'content-type': 'application/vnd.weir.batch',
      'weir-agent': this.#config.agent,
      'weir-incarnation': this.#deps.spool.incarnation,
      'weir-sequence': String(batch.sequence),
      'weir-sha256': createHash('sha256').update(batch.bytes).digest('hex'),
      'weir-sent-at': String(this.#deps.clock.now()),
    };
    return this.#ask('/api/v1/batches', { method: 'POST', headers, body: batch.bytes });
  }

  #askReceipt(): Promise<Outcome> {
    return this.#ask(`/api/v1/batches/receipt?incarnation=${this.#deps.spool.incarnation}`, {
      method: 'GET',
      headers: {},
    });
  }

  async #ask(
    place: string,
    request: { method: string; headers: Record<string, string>; body?: Uint8Array },
  ): Promise<Outcome> {
    const urls = this.#config.collectorUrls;
    const base = urls[this.#url % urls.length] ?? '';
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(this.#config.timeoutMs)]);
    try {
      const headers = { ...request.headers, authorization: `Bearer ${this.#deps.token()}` };
      const answer = await fetch(`${base}${place}`, {
        method: request.method,
        headers,
        signal,
        ...(request.body === undefined ? {} : { body: Buffer.from(request.body) }),
      });
      return outcomeOf(answer.status, answer.headers.get('retry-after'), await answer.json());
    } catch (error) {
      this.#url += 1;
      return { kind: 'later', why: `${base} cannot be reached: ${causeOf(error)}`, waitMs: null };
    }
  }
}

/** fetch hides the reason in `cause`. */
function causeOf(error: unknown): string {
  return error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
}

function outcomeOf(status: number, retryAfter: string | null, body: unknown): Outcome {
  if (status === 200 && isReceipt(body)) return { kind: 'receipt', receipt: body };
  const { code, message } = refusalOf(body);
  const seconds = Number(retryAfter ?? Number.NaN);
  const waitMs = Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds * 1000, RETRY.mostMs) : null;
  // batch_damaged: the bytes were changed on the way, the spool still has them whole.
  if (status >= 500 || status === 429 || status === 408 || code === 'batch_damaged' || status === 200)
    return { kind: 'later', why: `${status} ${code}: ${message}`, waitMs };
  return { kind: 'refused', code, message };
}

function isReceipt(body: unknown): body is Receipt {
  return (
    typeof body === 'object' &&
    body !== null &&
    'received' in body &&
    'applied' in body &&
    Number.isSafeInteger(body.received) &&
    Number.isSafeInteger(body.applied)
  );
}

function refusalOf(body: unknown): { code: string; message: string } {
  const error: unknown = typeof body === 'object' && body !== null && 'error' in body ? body.error : null;
  if (typeof error !== 'object' || error === null || !('code' in error) || !('message' in error))
    return { code: 'no_code', message: 'the answer is not from a collector' };
  return { code: String(error.code), message: String(error.message) };
}
