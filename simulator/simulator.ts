// Runs a simulated network: a UDP port a device, one clock for all of them that goes on while nobody looks.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { Clock } from '../common/runtime/clock.ts';
import type { Component } from '../common/runtime/component.ts';
import { codeOf, WeirError } from '../common/runtime/errors.ts';
import type { CounterMetric, Reporter } from '../common/runtime/reporter.ts';
import { beginningOf } from './beginning.ts';
import { entities, hostResources } from './host-mib.ts';
import { interfaceTables, systemGroup } from './interface-mib.ts';
import { lldp } from './lldp-mib.ts';
import { MibView } from './mib-view.ts';
import type { NetworkDefinition } from './network.ts';
import { powerEthernet } from './power-mib.ts';
import { type Place, type PlaceConfig, placeAt } from './place.ts';
import { inWindow } from './recurrence.ts';
import { respond } from './responder.ts';
import { ResponseWriter } from './response-writer.ts';
import { createNetwork, type Device, instantAt, type Network, tickAt } from './truth.ts';
import { TruthServer } from './truth-server.ts';

export interface SimulatorConfig extends PlaceConfig {
  readonly network: NetworkDefinition;
  readonly seed: number;
  readonly community: string;
  /** Under it ifAdminStatus and pethPsePortAdminEnable may be set; null: nothing may. */
  readonly writeCommunity?: string | null;
  /** Where the truth is told over HTTP on 127.0.0.1; null: nowhere. */
  readonly truthPort: number | null;
  /** Keeps when the network began; null: it begins anew at each start. */
  readonly dataFolder: string | null;
}

export interface SimulatorDeps {
  readonly clock: Clock;
}

const RECEIVE_BUFFER_BYTES = 1024 * 1024;

export class Simulator implements Component {
  readonly #reporter: Reporter;
  readonly #config: SimulatorConfig;
  readonly #deps: SimulatorDeps;
  readonly #answered: CounterMetric;
  readonly #unanswered: CounterMetric;
  readonly #writer = new ResponseWriter();
  readonly #sockets: Socket[] = [];
  #network: Network | null = null;
  #truthServer: TruthServer | null = null;

  constructor(reporter: Reporter, config: SimulatorConfig, deps: SimulatorDeps) {
    this.#reporter = reporter;
    this.#config = config;
    this.#deps = deps;
    this.#answered = reporter.counter('simulator_answered_total', 'Requests answered');
    this.#unanswered = reporter.counter('simulator_unanswered_total', 'Datagrams left unanswered, by reason', [
      'reason',
    ]);
  }

  /** The network with its truth; after start. */
  get network(): Network {
    if (this.#network === null) throw new Error('BUG: the simulator is not started');
    return this.#network;
  }

  /** Opens the ports; port_in_use where one is taken, data_folder_unusable where the beginning cannot be kept. */
  async start(): Promise<void> {
    const { network: definition, seed, dataFolder, truthPort } = this.#config;
    const now = this.#deps.clock.now();
    const startedAtMs = dataFolder === null ? now : beginningOf(dataFolder, definition.name, seed, now).startedAtMs;
    const network = createNetwork(definition, seed, startedAtMs);
    this.#network = network;
    try {
      for (const [at, device] of network.devices.entries())
        this.#sockets.push(await this.#open(device, placeAt(this.#config, at)));
      if (truthPort === null) return;
      this.#truthServer = new TruthServer(network, { port: truthPort, placeOf: (at) => placeAt(this.#config, at) });
      await this.#truthServer.start();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#truthServer?.stop();
    this.#truthServer = null;
    const sockets = this.#sockets.splice(0);
    await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
  }

  #open(device: Device, { host, port }: Place): Promise<Socket> {
    const views = this.#viewsOf(device);
    const socket = createSocket({
      type: 'udp4',
      recvBufferSize: RECEIVE_BUFFER_BYTES,
      // An address needs no resolver: without this each answer waits a turn of the event loop.
      lookup: (address, _options, done) => done(null, address, 4),
    });
    socket.on('message', (datagram, from) => this.#receive(device, views, datagram, socket, from));
    return new Promise((resolve, reject) => {
      socket.once('error', (cause) => {
        socket.close();
        reject(codeOf(cause) === 'EADDRINUSE' ? portInUse({ host, port }, cause) : cause);
      });
      socket.bind(port, host, () => {
        socket.removeAllListeners('error');
        socket.on('error', (error) =>
          this.#reporter.warn('socket', { device: device.definition.name, code: codeOf(error) }),
        );
        resolve(socket);
      });
    });
  }

  get #writeCommunity(): string | null {
    return this.#config.writeCommunity ?? null;
  }

  /** By the parity of the boot: only a device that renumbers has two. */
  #viewsOf(device: Device): readonly MibView[] {
    const view = (boot: number): MibView =>
      new MibView([
        ...systemGroup(device),
        ...interfaceTables(device, boot),
        ...hostResources(this.network, device.definition),
        ...entities(this.network, device.definition),
        ...lldp(this.network, device, boot, this.#managementAddresses()),
        ...(this.#writeCommunity === null ? [] : powerEthernet(device)),
      ]);
    return device.definition.renumbers ? [view(0), view(1)] : [view(0)];
  }

  /** What neighbours tell of each device; nothing where all share one address. */
  #managementAddresses(): ReadonlyMap<string, string> {
    if (this.#config.firstAddress === null) return new Map();
    return new Map(this.network.devices.map(({ definition }, at) => [definition.name, placeAt(this.#config, at).host]));
  }

  #receive(device: Device, views: readonly MibView[], datagram: Buffer, socket: Socket, from: RemoteInfo): void {
    const { definition } = device;
    const tick = tickAt(this.network, this.#deps.clock.now());
    const instant = instantAt(definition, tick);
    if (instant === null) return this.#unanswered.add(1, { reason: 'restarting' });
    if (definition.silences !== null && inWindow(definition.silences, tick))
      return this.#unanswered.add(1, { reason: 'silent' });
    const view = views[instant.boot % views.length];
    if (view === undefined) throw new Error('BUG: a device without a view');
    const { community } = this.#config;
    const options = { community, writeCommunity: this.#writeCommunity, maxBytes: definition.model.maxMessageBytes };
    const answer = respond(view, instant, datagram, options, this.#writer);
    if (answer === null) return this.#unanswered.add(1, { reason: 'not_a_request' });
    this.#answered.add();
    socket.send(answer, from.port, from.address);
  }
}

function portInUse({ host, port }: Place, cause: unknown): WeirError {
  return new WeirError('port_in_use', `UDP port ${port} on ${host} is in use.`, { host, port }, cause);
}

export function createSimulator(reporter: Reporter, config: SimulatorConfig, deps: SimulatorDeps): Simulator {
  return new Simulator(reporter, config, deps);
}
