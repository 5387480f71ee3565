// The port through which everything in the agent speaks with a device, and its implementation over the shared transport.
import { WeirError } from '../../common/runtime/errors.ts';
import type { SnmpMessage } from './message.ts';
import type { Oid } from './oid.ts';
import { PDU, type Pdu, type PduRequest } from './pdu.ts';
import { placeText, type ReplyAddress, type Source } from './reply-address.ts';
import type { RoundTrip, RoundTripSummary } from './round-trip.ts';
import type { MessageSecurity } from './security.ts';
import { encodeSetValue, type SetVarbind } from './set-value.ts';
import type { Endpoint, ExchangeOptions, Transport } from './transport.ts';
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
  /** How long its packets have waited for their turns on a thin line; absent: it stands behind none. */
  readonly pacedMs?: number;
}

/** A thin line to a device, as its session uses it. */
export interface SessionLine {
  readonly name: string;
  readonly requestsPerSecond: number | null;
  readonly inFlight: number | null;
  /** An answer is aimed at this size. */
  readonly answerBytes: number;
  /** A request waits up to this for its answer, where the measured round trip asks for it. */
  readonly timeoutMs: number;
  readonly pacedMs: number;
  readonly pace: Pace;
}

/** How the device has answered lately, for whoever asks why. */
export interface SessionHealth {
  /** Of the last answers; null before the first. */
  readonly roundTrip: RoundTripSummary | null;
  /** How long a request waits now before it is sent again. */
  readonly timeoutMs: number;
  /** Where the last request went, ADDRESS:PORT; null before the first. */
  readonly askedAt: string | null;
  /** Another address whose answers are taken (agent/snmp/reply-address.ts); null where none was learnt. */
  readonly replyAddress: string | null;
  /** Null: behind no thin line. */
  readonly line: Omit<SessionLine, 'pace' | 'pacedMs'> | null;
}

/** One device. Rejects with coded errors only: snmp_timeout, address_unresolved, the v3 codes. A late or foreign answer is never taken. */
export interface SnmpSession {
  /** Whether GETBULK and Counter64 exist (not in version 1). */
  readonly bulk: boolean;
  readonly traffic: SessionTraffic;
  readonly health: SessionHealth;
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
  readonly roundTrip: RoundTrip;
  readonly replies: ReplyAddress;
  /** Resolves when a packet may go, whatever it is for; absent: at once. */
  readonly pace?: Pace;
  readonly line?: SessionLine;
}

/** Waits its turn; resolves early when the signal aborts. */
export type Pace = (signal?: AbortSignal) => Promise<void>;

/** A time window and an engine may each have to be learnt again within one request; more often is a device that cannot be satisfied. */
const MOST_RESENDS = 5;

export class DeviceSession implements SnmpSession {
  readonly #config: SessionConfig;
  readonly #deps: SessionDeps;
  #requests = 0;
  #retries = 0;
  #sentBytes = 0;
  #receivedBytes = 0;
  #askedAt: Endpoint | null = null;

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
      pacedMs: this.#deps.line?.pacedMs ?? 0,
    };
  }

  get health(): SessionHealth {
    const { roundTrip, replies, line } = this.#deps;
    return {
      roundTrip: roundTrip.summary(),
      timeoutMs: roundTrip.timeoutMs(this.#config.retries === 0),
      askedAt: this.#askedAt === null ? null : placeText(this.#askedAt),
      replyAddress: replies.learnt,
      line: line === undefined ? null : lineTold(line),
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

  /**
   * Writes; not sent again unless `retries` says so, because a SET that was lost may have been carried out. snmp_value_invalid before
   * anything is sent; what the device refuses is an errorStatus.
   */
  async set(varbinds: readonly SetVarbind[], options: RequestOptions = {}): Promise<SnmpResponse> {
    const oids = varbinds.map((varbind) => varbind.oid);
    const values = varbinds.map(encodeSetValue);
    return this.#request({ type: PDU.set, oids, values }, { retries: 0, ...options });
  }

  async #request(request: Omit<PduRequest, 'requestId'>, options: RequestOptions): Promise<SnmpResponse> {
    const resolved = this.#deps.resolve();
    const endpoint = resolved instanceof Promise ? await resolved : resolved;
    this.#askedAt = endpoint;
    const { security } = this.#deps;
    for (let resend = 0; resend <= MOST_RESENDS; resend += 1) {
      const preparing = security.prepare();
      if (preparing !== null) await preparing;
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
    const { transport, security, random, roundTrip, pace } = this.#deps;
    const retries = options.retries ?? this.#config.retries;
    let refusals = 0;
    let earlier: number[] | null = null;
    try {
      for (let attempt = 0; attempt <= retries; attempt += 1) {
        if (pace !== undefined) await pace(options.signal);
        const id = 1 + Math.floor(random() * 0x7ffffffe);
        const bytes = security.encode(withId(request, id), discovering);
        this.#requests += 1;
        if (attempt > 0) this.#retries += 1;
        this.#sentBytes += bytes.length;
        const last = attempt === retries;
        const waiting = new Attempt(this.#deps, endpoint, id, roundTrip.timeoutMs(last), !last, options.signal ?? null);
        const answer = await transport.exchange(endpoint, id, bytes, waiting, earlier);
        refusals += waiting.refusals;
        if (answer !== null) {
          this.#receivedBytes += answer.sizeBytes;
          roundTrip.answered(answer.roundTripMs);
          return await this.#interpret(answer.pdu, answer);
        }
        roundTrip.silent();
        if (earlier === null) earlier = [id];
        else earlier.push(id);
      }
    } finally {
      if (earlier !== null) transport.release(earlier);
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

  /** A promise only for a report that needs keys: an ordinary answer costs no turn more. */
  #interpret(
    pdu: Pdu,
    times: Omit<SnmpResponse, 'varbinds' | 'errorStatus' | 'errorIndex'>,
  ): SnmpResponse | null | Promise<null> {
    if (pdu.type === PDU.report) {
      const learning = this.#deps.security.learnFromReport(pdu);
      return learning instanceof Promise ? learning.then(() => null) : null;
    }
    const { sentAtMs, receivedAtMs, monotonicMs, sizeBytes } = times;
    const { varbinds, errorStatus, errorIndex } = pdu;
    return { varbinds, errorStatus, errorIndex, sentAtMs, receivedAtMs, monotonicMs, sizeBytes };
  }
}

/** One datagram of a request and what may be its answer. A class, not closures: there is one for every packet. */
class Attempt implements ExchangeOptions {
  readonly timeoutMs: number;
  readonly more: boolean;
  readonly signal: AbortSignal | null;
  /** Answers under its id that were not believed. */
  refusals = 0;
  readonly #deps: SessionDeps;
  readonly #asked: Source;
  readonly #id: number;

  constructor(
    deps: SessionDeps,
    asked: Source,
    id: number,
    timeoutMs: number,
    more: boolean,
    signal: AbortSignal | null,
  ) {
    this.#deps = deps;
    this.#asked = asked;
    this.#id = id;
    this.timeoutMs = timeoutMs;
    this.more = more;
    this.signal = signal;
  }

  accept(message: SnmpMessage): Pdu | null {
    const opened = this.#deps.security.open(message, this.#id);
    if (opened === null) this.refusals += 1;
    else this.#deps.replies.answeredItself();
    return opened;
  }

  acceptFrom(source: Source, message: SnmpMessage): Pdu | null {
    const { security, replies } = this.#deps;
    if (replies.mode === 'strict') return null;
    const opened = security.open(message, this.#id);
    if (opened === null) return null;
    const proven = security.proves && opened.type === PDU.response;
    return replies.admits(this.#asked, source, this.#id, proven) ? opened : null;
  }
}

function lineTold({ name, requestsPerSecond, inFlight, answerBytes, timeoutMs }: SessionLine): SessionHealth['line'] {
  return { name, requestsPerSecond, inFlight, answerBytes, timeoutMs };
}

/** Property by property: a spread into a request makes objects of so many shapes that reading them is slow for every packet. */
function withId(
  { type, oids, values, nonRepeaters, maxRepetitions }: Omit<PduRequest, 'requestId'>,
  requestId: number,
): PduRequest {
  return {
    type,
    requestId,
    oids,
    values: values ?? null,
    nonRepeaters: nonRepeaters ?? 0,
    maxRepetitions: maxRepetitions ?? 0,
  };
}
