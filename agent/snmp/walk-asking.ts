// Sends the requests of a walk: tells a dead device from one that is silent on large answers, and notes what the way to it loses.
import { WeirError } from '../../common/runtime/errors.ts';
import type { LossEstimate } from './loss-estimate.ts';
import { oidOf, type Oid } from './oid.ts';
import type { RequestOptions, SnmpResponse, SnmpSession } from './session.ts';

const SYS_UPTIME = oidOf('1.3.6.1.2.1.1.3.0');
/** Of the small request that tells a dead device from a large answer that does not come. */
const PROBE_RETRIES = 1;
const PROBE_RETRIES_UNDER_LOSS = 4;

/** How the requests of one run are sent, and what their answers tell of the network. */
export class Asking {
  /** Attempts that the last request took. */
  attempts = 0;
  readonly bulk: boolean;
  readonly #session: SnmpSession;
  readonly #loss: LossEstimate;
  readonly #options: RequestOptions;
  #retries: number;

  constructor(session: SnmpSession, loss: LossEstimate, signal: AbortSignal | undefined) {
    this.#session = session;
    this.#loss = loss;
    this.#options = signal === undefined ? {} : { signal };
    this.bulk = session.bulk;
    this.#retries = session.traffic.retries;
  }

  send(heads: number, oids: readonly Oid[], repetitions: number): Promise<SnmpResponse> {
    return this.bulk
      ? this.#session.getBulk(heads, oids, repetitions, this.#options)
      : this.#session.getNext(oids, this.#options);
  }

  /** What was sent has its answer. */
  answered(): void {
    this.#note(true);
  }

  /** Null: the device is silent on what was sent but answers a small request. Throws the error where it is another, or where the device is silent on that too. */
  async unanswered(error: unknown): Promise<null> {
    if (!(error instanceof WeirError) || error.code !== 'snmp_timeout') throw error;
    this.#note(false);
    const { attempts } = this;
    // Silent device, or silent on large answers? Its own timeout says the first.
    const retries = this.#loss.lossy ? PROBE_RETRIES_UNDER_LOSS : PROBE_RETRIES;
    await this.#session.get([SYS_UPTIME], { ...this.#options, retries });
    this.#note(true);
    this.attempts = attempts;
    return null;
  }

  #note(answered: boolean): void {
    const { retries } = this.#session.traffic;
    this.attempts = retries - this.#retries + 1;
    this.#retries = retries;
    if (answered) this.#loss.answered(this.attempts - 1);
  }
}
