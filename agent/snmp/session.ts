// The port through which everything in the agent speaks with a device, and its implementation over the shared transport.
import { WeirError } from '../../common/runtime/errors.ts';
import type { SnmpMessage } from './message.ts';
import type { Oid } from './oid.ts';
import { PDU, type Pdu, type PduRequest } from './pdu.ts';
import { placeText, type ReplyAddress, type Source } from './reply-address.ts';
import type { RoundTrip, RoundTripSummary } from './round-trip.ts';
import type { MessageSecurity } from './security.ts';
import { lineTold, type Pace, type SessionLine, type ToldLine } from './session-line.ts';
import { encodeSetValue, type SetVarbind } from './set-value.ts';
import type { Answer, Endpoint, ExchangeOptions, Transport } from './transport.ts';
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
  readonly line: ToldLine | null;
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

  /** Where nothing has to be waited for before it, a request that is answered at once costs two promises: there is one for every packet. */
  #request(request: Omit<PduRequest, 'requestId'>, options: RequestOptions): Promise<SnmpResponse> {
    const resolved = this.#deps.resolve();
    const { security, pace } = this.#deps;
    if (resolved instanceof Promise || security.version === 3 || pace !== undefined)
      return this.#requestInSteps(resolved, request, options);
    this.#askedAt = resolved;
    const retries = options.retries ?? this.#config.retries;
    const id = this.#newId();
    const first = this.#attempt(resolved, id, retries === 0, options);
    return this.#sendOnce(resolved, id, first, request, null).then((answer) =>
      answer === null ? this.#askAgain(resolved, request, options, [id], first.refusals) : this.#responseOf(answer),
    );
  }

  /** After a first attempt without an answer; never a report, which only version 3 has. */
  async #askAgain(
    endpoint: Endpoint,
    request: Omit<PduRequest, 'requestId'>,
    options: RequestOptions,
    earlier: number[],
    refusals: number,
  ): Promise<SnmpResponse> {
    this.#deps.roundTrip.silent();
    const answer = await this.#send(endpoint, request, options, false, earlier, refusals);
    return this.#responseOf(answer);
  }

  async #requestInSteps(
    resolved: Endpoint | Promise<Endpoint>,
    request: Omit<PduRequest, 'requestId'>,
    options: RequestOptions,
  ): Promise<SnmpResponse> {
    const endpoint = resolved instanceof Promise ? await resolved : resolved;
    this.#askedAt = endpoint;
    const { security } = this.#deps;
    for (let resend = 0; resend <= MOST_RESENDS; resend += 1) {
      const preparing = security.prepare();
      if (preparing !== null) await preparing;
      const discovery = security.discovery();
      if (discovery !== null) {
        await this.#interpret(await this.#send(endpoint, discovery, options, true, null, 0));
        continue;
      }
      const answer = await this.#send(endpoint, request, options, false, null, 0);
      const response = await this.#interpret(answer);
      if (response !== null) return response;
    }
    throw new WeirError('snmp_not_in_time_window', 'The device keeps refusing our notion of its SNMP engine.');
  }

  /** Sends with retries, each under its own id; `before`: the attempts that were made already, and how many answers to them were not believed. */
  async #send(
    endpoint: Endpoint,
    request: Omit<PduRequest, 'requestId'>,
    options: RequestOptions,
    discovering: boolean,
    before: number[] | null,
    refusalsBefore: number,
  ): Promise<Answer> {
    const { transport, security, roundTrip, pace } = this.#deps;
    const retries = options.retries ?? this.#config.retries;
    let refusals = refusalsBefore;
    let earlier = before;
    try {
      for (let attempt = before?.length ?? 0; attempt <= retries; attempt += 1) {
        if (pace !== undefined) await pace(options.signal);
        const id = this.#newId();
        const waiting = this.#attempt(endpoint, id, attempt === retries, options);
        const answer = await this.#sendOnce(endpoint, id, waiting, request, earlier, discovering);
        refusals += waiting.refusals;
        if (answer !== null) return answer;
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

  #newId(): number {
    return 1 + Math.floor(this.#deps.random() * 0x7ffffffe);
  }

  #attempt(endpoint: Endpoint, id: number, last: boolean, { signal }: RequestOptions): Attempt {
    return new Attempt(this.#deps, endpoint, id, this.#deps.roundTrip.timeoutMs(last), !last, signal ?? null);
  }

  #sendOnce(
    endpoint: Endpoint,
    id: number,
    waiting: Attempt,
    request: Omit<PduRequest, 'requestId'>,
    earlier: readonly number[] | null,
    discovering = false,
  ): Promise<Answer | null> {
    const bytes = this.#deps.security.encode(withId(request, id), discovering);
    this.#requests += 1;
    if (earlier !== null) this.#retries += 1;
    this.#sentBytes += bytes.length;
    return this.#deps.transport.exchange(endpoint, id, bytes, waiting, earlier);
  }

  /** Null: a report said to send again with what was learnt. A promise only where that needs keys. */
  #interpret(answer: Answer): SnmpResponse | null | Promise<null> {
    if (answer.pdu.type !== PDU.report) return this.#responseOf(answer);
    this.#note(answer);
    const learning = this.#deps.security.learnFromReport(answer.pdu);
    return learning instanceof Promise ? learning.then(() => null) : null;
  }

  #note({ sizeBytes, roundTripMs }: Answer): void {
    this.#receivedBytes += sizeBytes;
    this.#deps.roundTrip.answered(roundTripMs);
  }

  #responseOf(answer: Answer): SnmpResponse {
    this.#note(answer);
    const { sentAtMs, receivedAtMs, monotonicMs, sizeBytes } = answer;
    const { varbinds, errorStatus, errorIndex } = answer.pdu;
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
