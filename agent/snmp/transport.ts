// A few UDP sockets for all devices: an answer is taken under an id of ours that is still open, from the address asked or one the device was seen to use.
import { createSocket, type RemoteInfo, type Socket, type SocketOptions } from 'node:dgram';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Component } from '../../common/runtime/component.ts';
import { messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { CounterMetric, Reporter } from '../../common/runtime/reporter.ts';
import { decodeMessage, type SnmpMessage } from './message.ts';
import type { Pdu } from './pdu.ts';

export interface Endpoint {
  /** In the form the operating system gives, zone included. */
  readonly address: string;
  readonly port: number;
  readonly family: 4 | 6;
}

export interface TransportConfig {
  /** Sockets of each address family; opened at first use. */
  readonly socketsPerFamily: number;
  readonly receiveBufferBytes: number;
}

export const DEFAULT_TRANSPORT: TransportConfig = { socketsPerFamily: 4, receiveBufferBytes: 4 * 1024 * 1024 };

export interface Answer {
  readonly pdu: Pdu;
  readonly sentAtMs: number;
  readonly receivedAtMs: number;
  readonly monotonicMs: number;
  readonly roundTripMs: number;
  readonly sizeBytes: number;
}

export interface ExchangeOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | null;
  /** Another attempt follows when the time is up: an answer that comes later is still taken, for that attempt. */
  readonly more: boolean;
  /** The PDU where the message is to be believed, else null; then the exchange waits on. */
  accept(message: SnmpMessage): Pdu | null;
  /** The same for an answer from another address than was asked. */
  acceptFrom(source: { readonly address: string; readonly port: number }, message: SnmpMessage): Pdu | null;
}

interface Exchange {
  readonly endpoint: Endpoint;
  readonly options: ExchangeOptions;
  readonly sentAtMs: number;
  readonly sentMonotonicMs: number;
  deadlineMs: number;
  /** All attempts of one request; null for the first, which is mostly the last. */
  attempts: readonly number[] | null;
  resolve: (answer: Answer | null) => void;
  reject: (error: unknown) => void;
}

/** Timeouts are looked at this often: one sleeper for all instead of a timer each. */
const SWEEP_MS = 25;
/** After a longer hold-up of our own loop the sockets are read once before anything is given up. */
const LATE_SWEEP_MS = 100;
/** Sources named in the metric of bad packets; the rest is counted as "other". */
const MOST_NAMED_SOURCES = 100;
/** Requests under way at once over all devices; the scheduler's concurrency stays far below. */
const MOST_OPEN_EXCHANGES = 65_536;

export class Transport implements Component {
  readonly #config: TransportConfig;
  readonly #reporter: Reporter;
  readonly #clock: Clock;
  readonly #open = new Map<number, Exchange>();
  readonly #sockets = new Map<number, Socket[]>();
  readonly #namedSources = new Set<string>();
  readonly #malformed: CounterMetric;
  readonly #unexpected: CounterMetric;
  #stopping = new AbortController();
  #sweeping = false;
  #next = 0;

  constructor(reporter: Reporter, config: TransportConfig, deps: { readonly clock: Clock }) {
    this.#reporter = reporter;
    this.#config = config;
    this.#clock = deps.clock;
    this.#malformed = reporter.counter('snmp_malformed_packets_total', 'Datagrams that are no SNMP message.', [
      'source',
    ]);
    this.#unexpected = reporter.counter('snmp_unexpected_answers_total', 'Answers nobody waits for, by reason.', [
      'reason',
    ]);
  }

  start(): Promise<void> {
    this.#stopping = new AbortController();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const exchange of this.#open.values()) exchange.resolve(null);
    this.#open.clear();
    const sockets = [...this.#sockets.values()].flat();
    this.#sockets.clear();
    await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
  }

  /** Sockets open now. */
  get socketCount(): number {
    return [...this.#sockets.values()].reduce((sum, sockets) => sum + sockets.length, 0);
  }

  /** Requests waited for now, attempts that were given up but may still be answered among them. */
  get openExchanges(): number {
    return this.#open.size;
  }

  /**
   * Sends once and waits for the answer, to this attempt or to one of `earlier` (ids of the same request); null when the time is up,
   * snmp_unreachable when the system refuses to send, poll_deadline when the signal aborts.
   */
  exchange(
    endpoint: Endpoint,
    id: number,
    bytes: Uint8Array,
    options: ExchangeOptions,
    earlier: readonly number[] | null,
  ): Promise<Answer | null> {
    return new Promise((resolve, reject) => {
      if (options.signal?.aborted === true) return reject(deadlinePassed());
      if (this.#open.has(id) || this.#open.size >= MOST_OPEN_EXCHANGES) return resolve(null);
      const socket = this.#socketFor(endpoint);
      const sentMonotonicMs = this.#clock.monotonicMs();
      const exchange: Exchange = {
        endpoint,
        options,
        sentAtMs: this.#clock.now(),
        sentMonotonicMs,
        deadlineMs: sentMonotonicMs + options.timeoutMs,
        attempts: null,
        resolve,
        reject,
      };
      this.#open.set(id, exchange);
      if (earlier !== null) this.#join(exchange, id, earlier);
      socket.send(bytes, endpoint.port, endpoint.address, (error) => {
        if (error === null || this.#open.get(id) !== exchange) return;
        this.#forget(id, exchange);
        reject(unreachable(endpoint, error));
      });
      if (!this.#sweeping) void this.#sweep();
    });
  }

  /** Waits no more for answers to these attempts. */
  release(attempts: readonly number[]): void {
    for (const id of attempts) this.#open.delete(id);
  }

  #join(exchange: Exchange, id: number, earlier: readonly number[]): void {
    const attempts = [...earlier, id];
    exchange.attempts = attempts;
    for (const one of earlier) {
      const open = this.#open.get(one);
      if (open === undefined) continue;
      open.attempts = attempts;
      open.resolve = exchange.resolve;
      open.reject = exchange.reject;
    }
  }

  #forget(id: number, { attempts }: Exchange): void {
    this.#open.delete(id);
    if (attempts !== null) this.release(attempts);
  }

  async #sweep(): Promise<void> {
    this.#sweeping = true;
    const { signal } = this.#stopping;
    let before = this.#clock.monotonicMs();
    let passedOver = false;
    while (this.#open.size > 0 && !signal.aborted) {
      await this.#clock.sleep(SWEEP_MS, signal);
      const now = this.#clock.monotonicMs();
      // Never twice in a row: a loop that is always late must give up all the same.
      passedOver = !passedOver && now - before > SWEEP_MS + LATE_SWEEP_MS;
      before = now;
      if (!passedOver) this.#giveUp(now);
    }
    this.#sweeping = false;
  }

  #giveUp(now: number): void {
    for (const [id, exchange] of this.#open) {
      if (exchange.options.signal?.aborted === true) {
        this.#forget(id, exchange);
        exchange.reject(deadlinePassed());
      } else if (exchange.deadlineMs <= now) {
        if (exchange.options.more) exchange.deadlineMs = Number.POSITIVE_INFINITY;
        else this.#forget(id, exchange);
        exchange.resolve(null);
      }
    }
  }

  #socketFor(endpoint: Endpoint): Socket {
    const sockets = this.#sockets.get(endpoint.family) ?? [];
    this.#sockets.set(endpoint.family, sockets);
    if (sockets.length < this.#config.socketsPerFamily) {
      const socket = this.#openSocket(endpoint.family);
      sockets.push(socket);
      return socket;
    }
    this.#next = (this.#next + 1) % sockets.length;
    const socket = sockets[this.#next];
    if (socket === undefined) throw new Error('BUG: no socket');
    return socket;
  }

  #openSocket(family: 4 | 6): Socket {
    // Endpoints are addresses: without this each datagram waits a turn for a resolver that has nothing to do.
    const lookup: SocketOptions['lookup'] = (host, _options, done) => done(null, host, family);
    const socket = createSocket(family === 4 ? { type: 'udp4', lookup } : { type: 'udp6', ipv6Only: true, lookup });
    socket.on('message', (bytes, remote) => this.#receive(bytes, remote));
    socket.on('error', (error) => {
      this.#reporter.warn('snmp socket failed', { family, error: messageOf(error) });
      this.#drop(family, socket);
    });
    socket.on('listening', () => {
      try {
        socket.setRecvBufferSize(this.#config.receiveBufferBytes);
      } catch (error) {
        this.#reporter.debug('receive buffer not raised', { error: messageOf(error) });
      }
    });
    return socket;
  }

  /** A broken socket is replaced at the next request; what waited on it runs into its timeout and is retried. */
  #drop(family: 4 | 6, socket: Socket): void {
    const rest = (this.#sockets.get(family) ?? []).filter((other) => other !== socket);
    this.#sockets.set(family, rest);
    try {
      socket.close();
    } catch {
      // It was closed by the error.
    }
  }

  #receive(bytes: Buffer, remote: RemoteInfo): void {
    const receivedMonotonicMs = this.#clock.monotonicMs();
    let message: SnmpMessage;
    try {
      message = decodeMessage(bytes);
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      this.#malformed.add(1, { source: this.#nameOf(remote.address) });
      return;
    }
    const id = message.version === 3 ? message.messageId : message.pdu.requestId;
    const exchange = this.#open.get(id);
    if (exchange === undefined) return this.#unexpected.add(1, { reason: 'late_or_duplicate' });
    const { endpoint, options } = exchange;
    const elsewhere = remote.port !== endpoint.port || remote.address !== endpoint.address;
    const pdu = elsewhere ? options.acceptFrom(remote, message) : options.accept(message);
    if (pdu === null) return this.#unexpected.add(1, { reason: elsewhere ? 'other_address' : 'not_believed' });
    this.#forget(id, exchange);
    exchange.resolve({
      pdu,
      sentAtMs: exchange.sentAtMs,
      receivedAtMs: this.#clock.now(),
      monotonicMs: (exchange.sentMonotonicMs + receivedMonotonicMs) / 2,
      roundTripMs: receivedMonotonicMs - exchange.sentMonotonicMs,
      sizeBytes: bytes.length,
    });
  }

  #nameOf(source: string): string {
    if (this.#namedSources.has(source)) return source;
    if (this.#namedSources.size >= MOST_NAMED_SOURCES) return 'other';
    this.#namedSources.add(source);
    return source;
  }
}

function unreachable(endpoint: Endpoint, error: Error): WeirError {
  const message = `Cannot send to ${endpoint.address} port ${endpoint.port}: ${error.message}.`;
  return new WeirError('snmp_unreachable', message, { address: endpoint.address, port: endpoint.port }, error);
}

function deadlinePassed(): WeirError {
  return new WeirError('poll_deadline', 'The time for this poll is over.');
}
