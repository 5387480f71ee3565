// The port through which everything in the agent speaks with a device, and its implementation over the shared transport.
import { WeirError } from '../../common/runtime/errors.ts';
import type { Oid } from './oid.ts';
import { PDU, type Pdu, type PduRequest } from './pdu.ts';
import type { SnmpMessage } from './message.ts';
import type { MessageSecurity } from './security.ts';
import type { Endpoint, Transport } from './transport.ts';
import type { Varbinds } from './varbinds.ts';

export interface SnmpResponse {
  readonly varbinds: Varbinds;
  /** RFC 3416 §3; 0 is noError. tooBig (1) and, in version 1, noSuchName (2) are ordinary answers: the caller decides. */
  readonly errorStatus: number;
  /** 1-based index of the varbind meant; 0 for none. */
  readonly errorIndex: number;
  /** The agent's wall clock when the request that was answered left, and when the answer came. */
  readonly sentAtMs: number;
  readonly receivedAtMs: number;
  /** The agent's monotonic clock in the middle of the two. */
  readonly monotonicMs: number;
  /** Bytes of the answer's datagram. */
  readonly sizeBytes: number;
}

/** What a session has sent in its life; a poll takes the difference. */
export interface SessionTraffic {
  readonly requests: number;
  readonly retries: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** One device. Rejects with coded errors only: snmp_timeout, address_unresolved, the v3 codes. A late or foreign answer is never taken. */
export interface SnmpSession {
  /** Whether GETBULK and Counter64 exist (not in version 1). */
  readonly bulk: boolean;
  readonly traffic: SessionTraffic;
  get(oids: readonly Oid[], options?: RequestOptions): Promise<SnmpResponse>;
  getNext(oids: readonly Oid[], options?: RequestOptions): Promise<SnmpResponse>;
  getBulk(
    nonRepeaters: number,
    oids: readonly Oid[],
    maxRepetitions: number,
    options?: RequestOptions,
  ): Promise<SnmpResponse>;
}

export interface RequestOptions {
  /** Instead of the session's number of retries. */
  readonly retries?: number;
  /** Rejects with poll_deadline and waits no more. */
  readonly signal?: AbortSignal;
}

export interface SessionConfig {
  readonly timeoutMs: number;
  readonly retries: number;
}

export interface SessionDeps {
  readonly transport: Transport;
  readonly security: MessageSecurity;
  /** Where the device is now; asked before each request, cached by the resolver. */
  resolve(): Endpoint | Promise<Endpoint>;
  readonly random: () => number;
}

/** A time window and an engine may each have to be learnt again within one request; more often is a device that cannot be satisfied. */
const MOST_RESENDS = 5;

export class DeviceSession implements SnmpSession {
  readonly #config: SessionConfig;
  readonly #deps: SessionDeps;
  #requests = 0;
  #retries = 0;
  #sentBytes = 0;
  #receivedBytes = 0;

  constructor(config: SessionConfig, deps: SessionDeps) {
    this.#config = config;
    this.#deps = deps;
  }

  get bulk(): boolean {
    return this.#deps.security.version !== 0;
  }

  get traffic(): SessionTraffic {
    return {
      requests: this.#requests,
      retries: this.#retries,
      sentBytes: this.#sentBytes,
      receivedBytes: this.#receivedBytes,
    };
  }

  get(oids: readonly Oid[], options: RequestOptions = {}): Promise<SnmpResponse> {
    return this.#request({ type: PDU.get, oids }, options);
  }

  getNext(oids: readonly Oid[], options: RequestOptions = {}): Promise<SnmpResponse> {
    return this.#request({ type: PDU.getNext, oids }, options);
  }

  getBulk(
    nonRepeaters: number,
    oids: readonly Oid[],
    maxRepetitions: number,
    options: RequestOptions = {},
  ): Promise<SnmpResponse> {
    if (!this.bulk) throw new Error('BUG: GETBULK in SNMP version 1');
    return this.#request({ type: PDU.getBulk, oids, nonRepeaters, maxRepetitions }, options);
  }

  async #request(request: Omit<PduRequest, 'requestId'>, options: RequestOptions): Promise<SnmpResponse> {
    const resolved = this.#deps.resolve();
    const endpoint = resolved instanceof Promise ? await resolved : resolved;
    const { security } = this.#deps;
    for (let resend = 0; resend <= MOST_RESENDS; resend += 1) {
      const discovery = security.discovery();
      if (discovery !== null) {
        await this.#send(endpoint, discovery, options, true);
        continue;
      }
      const response = await this.#send(endpoint, request, options, false);
      if (response !== null) return response;
    }
    throw new WeirError('snmp_not_in_time_window', 'The device keeps refusing our notion of its SNMP engine.');
  }

  /** Sends with retries, each under its own id. Null: a report said to send again with what was learnt. */
  async #send(
    endpoint: Endpoint,
    request: Omit<PduRequest, 'requestId'>,
    options: RequestOptions,
    discovering: boolean,
  ): Promise<SnmpResponse | null> {
    const { transport, security, random } = this.#deps;
    const retries = options.retries ?? this.#config.retries;
    let refusals = 0;
    for (let attempt = 0; attempt <= retries; attempt += 1) {
      const id = 1 + Math.floor(random() * 0x7ffffffe);
      const bytes = security.encode(withId(request, id), discovering);
      this.#requests += 1;
      if (attempt > 0) this.#retries += 1;
      this.#sentBytes += bytes.length;
      const accept = (message: SnmpMessage): Pdu | null => {
        const opened = security.open(message, id);
        if (opened === null) refusals += 1;
        return opened;
      };
      const { timeoutMs } = this.#config;
      const { signal } = options;
      const exchange = signal === undefined ? { timeoutMs, accept } : { timeoutMs, accept, signal };
      const answer = await transport.exchange(endpoint, id, bytes, exchange);
      if (answer === null) continue;
      this.#receivedBytes += answer.sizeBytes;
      return this.#interpret(answer.pdu, answer);
    }
    if (refusals > 0) {
      throw new WeirError('snmp_authentication_failed', 'Answers came, but their digests do not hold.', { refusals });
    }
    throw new WeirError(security.silence(), `No answer from ${endpoint.address} port ${endpoint.port}.`, {
      address: endpoint.address,
      port: endpoint.port,
      attempts: retries + 1,
      timeoutMs: this.#config.timeoutMs,
    });
  }

  #interpret(pdu: Pdu, times: Omit<SnmpResponse, 'varbinds' | 'errorStatus' | 'errorIndex'>): SnmpResponse | null {
    if (pdu.type === PDU.report) {
      this.#deps.security.learnFromReport(pdu);
      return null;
    }
    const { sentAtMs, receivedAtMs, monotonicMs, sizeBytes } = times;
    const { varbinds, errorStatus, errorIndex } = pdu;
    return { varbinds, errorStatus, errorIndex, sentAtMs, receivedAtMs, monotonicMs, sizeBytes };
  }
}

/** Property by property: a spread into a request makes objects of so many shapes that reading them is slow for every packet. */
function withId(
  { type, oids, nonRepeaters, maxRepetitions }: Omit<PduRequest, 'requestId'>,
  requestId: number,
): PduRequest {
  return { type, requestId, oids, nonRepeaters: nonRepeaters ?? 0, maxRepetitions: maxRepetitions ?? 0 };
}
