// The thread of the receiver: its own sockets and its own intake, so that a flood costs polling nothing but a share of the processor.
import { randomBytes } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket, type SocketOptions } from 'node:dgram';
import { isIP } from 'node:net';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import type { FromThread, ToThread, TrapSettings } from './exchange.ts';
import { Intake } from './intake.ts';
import { kernelDrops } from './kernel-drops.ts';
import { TallyBook } from './tally-book.ts';

export interface TrapThreadDeps {
  readonly clock: Clock;
  /** To the agent's thread. */
  readonly post: (message: FromThread) => void;
}

/** As much as the system gives; a burst waits there while we are busy. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
const REPORT_MS = 1000;

interface Place {
  readonly socket: Socket;
  readonly port: number;
  readonly address: string;
}

export class TrapThread {
  readonly #settings: TrapSettings;
  readonly #deps: TrapThreadDeps;
  readonly #intake: Intake;
  readonly #tally = new TallyBook();
  readonly #sockets: Socket[] = [];
  /** Where the sender of a pending notification waits. */
  readonly #senders = new Map<number, Place>();
  readonly #kernelDrops = new Map<string, number>();
  readonly #stopping = new AbortController();

  constructor(settings: TrapSettings, deps: TrapThreadDeps) {
    this.#settings = settings;
    this.#deps = deps;
    this.#intake = new Intake(settings, deps.clock.monotonicMs(), saltCounter());
  }

  /** Opens the sockets and says `listening`, or `failed` with the system's code. */
  async start(): Promise<void> {
    for (const address of this.#settings.listen) {
      const failure = await this.#listen(address);
      if (failure === null) continue;
      this.#deps.post({ kind: 'failed', address, code: codeOf(failure), message: messageOf(failure) });
      return this.stop();
    }
    this.#deps.post({ kind: 'listening' });
    void this.#reportLoop(this.#stopping.signal);
  }

  handle(message: ToThread): void {
    switch (message.kind) {
      case 'addresses':
        return this.#intake.setAddresses(message.addresses);
      case 'engines':
        return this.#intake.learnEngines(message.engines, this.#deps.clock.monotonicMs());
      case 'devices':
        return this.#intake.configure(message);
      case 'kept':
        return this.#kept(message.token);
      case 'refused':
        this.#senders.delete(message.token);
        return this.#intake.refused(message.token);
      case 'stop':
        return void this.stop();
    }
  }

  /** Closes the sockets, then says `stopped`. */
  async stop(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort();
    const sockets = this.#sockets.splice(0);
    await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
    this.#report();
    this.#deps.post({ kind: 'stopped' });
  }

  #listen(address: string): Promise<Error | null> {
    const family = isIP(address) === 6 ? 6 : 4;
    // Answers go to addresses: without this each waits a turn for a resolver that has nothing to do.
    const lookup: SocketOptions['lookup'] = (host, _options, done) => done(null, host, family);
    const socket = createSocket(family === 4 ? { type: 'udp4', lookup } : { type: 'udp6', ipv6Only: true, lookup });
    socket.on('message', (bytes, remote) => this.#receive(socket, bytes, remote));
    return new Promise((resolve) => {
      socket.once('error', resolve);
      socket.bind(this.#settings.port, address, () => {
        socket.off('error', resolve);
        socket.on('error', (error) => {
          this.#deps.post({ kind: 'failed', address, code: codeOf(error), message: messageOf(error) });
        });
        this.#enlarge(socket);
        this.#sockets.push(socket);
        resolve(null);
      });
    });
  }

  #enlarge(socket: Socket): void {
    try {
      socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
    } catch {
      // The system gives less; what does not fit is counted (kernel-drops.ts).
    }
  }

  #receive(socket: Socket, bytes: Uint8Array, remote: RemoteInfo): void {
    const { clock, post } = this.#deps;
    const { address: source, port } = remote;
    const ours = this.#intake.knows(source);
    this.#tally.add('received', '', '', true);
    const verdict = this.#intake.receive({ bytes, source, nowMs: clock.now(), monotonicMs: clock.monotonicMs() });
    switch (verdict.kind) {
      case 'dropped':
        return this.#tally.add('dropped', verdict.reason, source, ours);
      case 'reported':
        this.#tally.add('dropped', verdict.reason, source, ours);
        this.#tally.add('reported', verdict.reason, '', true);
        return this.#send({ socket, port, address: source }, verdict.bytes);
      case 'acknowledged':
        this.#tally.add('dropped', 'duplicate', source, ours);
        this.#tally.add('acknowledged', '', '', true);
        return this.#send({ socket, port, address: source }, verdict.bytes);
      case 'taken':
        if (verdict.forgotten > 0) this.#tally.add('forgotten', '', '', true, verdict.forgotten);
        this.#senders.set(verdict.token, { socket, port, address: source });
        return post({ kind: 'notification', token: verdict.token, notification: verdict.notification });
    }
  }

  #kept(token: number): void {
    const place = this.#senders.get(token);
    this.#senders.delete(token);
    const answer = this.#intake.kept(token, this.#deps.clock.monotonicMs());
    if (answer === null || place === undefined) return;
    this.#tally.add('acknowledged', '', '', true);
    this.#send(place, answer);
  }

  #send({ socket, port, address }: Place, bytes: Uint8Array): void {
    if (this.#stopping.signal.aborted) return;
    socket.send(bytes, port, address, (error) => {
      if (error !== null) this.#tally.add('unsent', codeOf(error), address, this.#intake.knows(address));
    });
  }

  async #reportLoop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#deps.clock.sleep(REPORT_MS, signal);
      await this.#countKernelDrops();
      if (!signal.aborted) this.#report();
    }
  }

  #report(): void {
    const tally = this.#tally.take();
    if (tally.length > 0) this.#deps.post({ kind: 'tally', tally });
  }

  async #countKernelDrops(): Promise<void> {
    for (const address of this.#settings.listen) {
      const drops = await kernelDrops(address, this.#settings.port);
      if (drops === null) continue;
      const more = drops - (this.#kernelDrops.get(address) ?? 0);
      this.#kernelDrops.set(address, drops);
      if (more > 0) this.#tally.add('dropped', 'system_buffer', '', true, more);
    }
  }
}

/** RFC 3414 §8.1.1.1, RFC 3826 §3.1.2.1: a counter that begins anywhere. */
function saltCounter(): () => Uint8Array {
  let counter = randomBytes(8).readBigUInt64BE();
  return () => {
    counter = BigInt.asUintN(64, counter + 1n);
    const salt = Buffer.alloc(8);
    salt.writeBigUInt64BE(counter);
    return salt;
  };
}
