// Runs a simulated network: a UDP socket a device, one clock for all of them that goes on while nobody looks.
import { createSocket, type Socket } from 'node:dgram';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Clock } from '../common/runtime/clock.ts';
import type { Component } from '../common/runtime/component.ts';
import { codeOf, WeirError } from '../common/runtime/errors.ts';
import type { CounterMetric, Reporter } from '../common/runtime/reporter.ts';
import { mibOf } from './device-mib.ts';
import { MibView } from './mib-view.ts';
import { type Network, type SimulatedDevice, windowAt } from './network.ts';
import { respond } from './responder.ts';
import { Truth } from './truth.ts';

export interface SimulatorConfig {
  readonly network: Network;
  /** Device i answers on portBase + i. */
  readonly portBase: number;
  readonly community: string;
  /** Keeps when the network began, so that the next start goes on as if this one had never stopped; null forgets. */
  readonly dataFolder: string | null;
}

export interface SimulatorDeps {
  readonly clock: Clock;
}

/** Like the path MTU of a real network less headers: what a GETBULK answer is filled to. */
const MAX_RESPONSE_BYTES = 1472;
const RECEIVE_BUFFER_BYTES = 1024 * 1024;
const STATE_FILE = 'simulator.json';

export class Simulator implements Component {
  readonly truth: Truth;
  readonly #reporter: Reporter;
  readonly #config: SimulatorConfig;
  readonly #deps: SimulatorDeps;
  readonly #answered: CounterMetric;
  readonly #sockets: Socket[] = [];
  #beganAtMs = 0;

  constructor(reporter: Reporter, config: SimulatorConfig, deps: SimulatorDeps) {
    this.#reporter = reporter;
    this.#config = config;
    this.#deps = deps;
    this.truth = new Truth(config.network);
    this.#answered = reporter.counter('simulator_answers_total', 'Requests answered');
  }

  /** UTC of the network's time 0. */
  get beganAtMs(): number {
    return this.#beganAtMs;
  }

  async start(): Promise<void> {
    this.#beganAtMs = this.#loadBeginning();
    try {
      for (const [at, device] of this.#config.network.devices.entries())
        this.#sockets.push(await this.#open(device, this.#config.portBase + at));
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#sockets.splice(0).map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))),
    );
  }

  #open(device: SimulatedDevice, port: number): Promise<Socket> {
    const view = new MibView(mibOf(this.truth, device));
    const socket = createSocket({ type: 'udp4', recvBufferSize: RECEIVE_BUFFER_BYTES });
    socket.on('message', (datagram, from) => {
      const atMs = this.#deps.clock.now() - this.#beganAtMs;
      if (device.silences !== null && windowAt(device.silences, atMs) !== null) return;
      const instant = this.truth.instantAt(device, atMs);
      if (instant === null) return;
      const answer = respond(view, instant, datagram, {
        community: this.#config.community,
        maxBytes: MAX_RESPONSE_BYTES,
      });
      if (answer === null) return;
      this.#answered.add();
      socket.send(answer, from.port, from.address);
    });
    return new Promise((resolve, reject) => {
      socket.once('error', (cause) => {
        reject(
          codeOf(cause) === 'EADDRINUSE'
            ? new WeirError('port_in_use', `UDP port ${port} on 127.0.0.1 is in use.`, { port }, cause)
            : cause,
        );
      });
      socket.bind(port, '127.0.0.1', () => {
        socket.removeAllListeners('error');
        socket.on('error', (error) => this.#reporter.warn('socket', { device: device.name, code: codeOf(error) }));
        resolve(socket);
      });
    });
  }

  #loadBeginning(): number {
    const { dataFolder, network } = this.#config;
    const now = this.#deps.clock.now();
    if (dataFolder === null) return now;
    const file = path.join(dataFolder, STATE_FILE);
    if (existsSync(file)) {
      const kept: unknown = JSON.parse(readFileSync(file, 'utf8'));
      if (
        typeof kept === 'object' &&
        kept !== null &&
        'seed' in kept &&
        'beganAtMs' in kept &&
        kept.seed === network.seed &&
        typeof kept.beganAtMs === 'number'
      )
        return kept.beganAtMs;
    }
    mkdirSync(dataFolder, { recursive: true });
    writeFileSync(`${file}.new`, JSON.stringify({ seed: network.seed, beganAtMs: now }));
    renameSync(`${file}.new`, file);
    return now;
  }
}
