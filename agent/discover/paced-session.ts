// A session whose packets, retries included, wait for their turn in a token bucket.
import { WeirError } from '../../common/runtime/errors.ts';
import type { Oid } from '../snmp/oid.ts';
import type { RequestOptions, SessionHealth, SessionTraffic, SnmpResponse, SnmpSession } from '../snmp/session.ts';
import type { TokenBucket } from './token-bucket.ts';

export interface PacedSessionDeps {
  readonly session: SnmpSession;
  readonly bucket: TokenBucket;
}

/** Retries are counted here and not by the session, so that each is paced; version 3's own exchanges (engine, clock) are charged afterwards. */
export class PacedSession implements SnmpSession {
  readonly #retries: number;
  readonly #session: SnmpSession;
  readonly #bucket: TokenBucket;

  constructor(config: { readonly retries: number }, deps: PacedSessionDeps) {
    this.#retries = config.retries;
    this.#session = deps.session;
    this.#bucket = deps.bucket;
  }

  get bulk(): boolean {
    return this.#session.bulk;
  }

  get traffic(): SessionTraffic {
    return this.#session.traffic;
  }

  get health(): SessionHealth {
    return this.#session.health;
  }

  get(oids: readonly Oid[], options: RequestOptions = {}): Promise<SnmpResponse> {
    return this.#paced(options, (paced) => this.#session.get(oids, paced));
  }

  getNext(oids: readonly Oid[], options: RequestOptions = {}): Promise<SnmpResponse> {
    return this.#paced(options, (paced) => this.#session.getNext(oids, paced));
  }

  getBulk(
    nonRepeaters: number,
    oids: readonly Oid[],
    maxRepetitions: number,
    options: RequestOptions = {},
  ): Promise<SnmpResponse> {
    return this.#paced(options, (paced) => this.#session.getBulk(nonRepeaters, oids, maxRepetitions, paced));
  }

  async #paced(
    options: RequestOptions,
    send: (options: RequestOptions) => Promise<SnmpResponse>,
  ): Promise<SnmpResponse> {
    const retries = options.retries ?? this.#retries;
    for (let attempt = 0; ; attempt += 1) {
      await this.#bucket.take(options.signal);
      const before = this.traffic.requests;
      try {
        return await send({ ...options, retries: 0 });
      } catch (error) {
        if (attempt >= retries || !isSilence(error)) throw error;
      } finally {
        this.#bucket.charge(this.traffic.requests - before - 1);
      }
    }
  }
}

/** Whether a request came to nothing because nobody answered it. */
export function isSilence(error: unknown): boolean {
  return error instanceof WeirError && (error.code === 'snmp_timeout' || error.code === 'snmp_silent_after_discovery');
}
