// Receives traps and informs: a thread of its own takes them in, here they become events; an inform is answered once its event is durable.
import type { DeviceEvent } from '../../common/model/event.ts';
import type { DurationMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Component } from '../../common/runtime/component.ts';
import type { CredentialConfiguration } from '../../common/runtime/device-configuration.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import type { KeptFile } from '../../common/runtime/kept-file.ts';
import type { HealthState, Reporter } from '../../common/runtime/reporter.ts';
import { resolveSecret } from '../../common/runtime/secrets.ts';
import type { TrapConfig } from './config.ts';
import { type DeviceAddress, hasNames, LOOKUP_EVERY_MS, type LookupAll, resolveAll } from './device-addresses.ts';
import { EngineFeed } from './engine-feed.ts';
import type { FromThread, KnownEngine, Notification, TrapCredential, TrapSettings } from './exchange.ts';
import type { NotificationNames } from './names.ts';
import { nextLife } from './own-engine.ts';
import { PollPrompter, type PollPrompterDeps } from './poll-prompter.ts';
import { type Tell, ThreadKeeper } from './thread-keeper.ts';
import { trapMetrics, type TrapMetrics } from './trap-metrics.ts';

/** Where events go; resolves once the event is durable. */
export interface EventSink {
  acceptEvent(event: DeviceEvent): Promise<void>;
}

/** The engines of the devices, as polling learnt them. */
export interface EngineDirectory {
  engines(): readonly KnownEngine[];
}

/** A device of now; another object where anything of it differs. */
export interface ReceiverDevice {
  readonly name: string;
  readonly address: { readonly host: string };
  readonly credentialName: string;
  readonly credential: CredentialConfiguration;
}

export interface TrapReceiverConfig extends TrapConfig {
  /** Those that `credentials` and `users` name; secrets are references. */
  readonly sets: Readonly<Record<string, CredentialConfiguration>>;
  readonly names: NotificationNames;
}

export interface TrapReceiverDeps {
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly devices: () => readonly ReceiverDevice[];
  readonly sink: EventSink;
  readonly engines: EngineDirectory;
  readonly lookup: LookupAll;
  /** What an ifIndex of the device stands for now; null where polling does not know it. */
  readonly interfaceKeyOf: (device: string, ifIndex: number) => string | null;
  readonly pollNow: PollPrompterDeps['pollNow'];
  /** Keeps the identity of the receiver for its next life. */
  readonly file: Pick<KeptFile, 'read' | 'write'>;
  readonly randomId: () => string;
  readonly randomOctets: () => Uint8Array;
  /** The program of the thread; default the file beside this one. */
  readonly workerFile?: URL;
}

/** What makes a poll at once worth while: coldStart, warmStart (RFC 3418), linkDown, linkUp (RFC 2863), BGP peers (RFC 4273), and vendors' own, such as cieLinkDown. */
const PROMPTING = /^(cold|warm)Start$|link(Down|Up)$|bgp\w*(Established|BackwardTrans)/i;
/** How often it is looked whether devices or engines are others. */
const LOOK_EVERY_MS: DurationMs = 10_000;
/** How long a stop waits for events that are on their way to the disk. */
const STOP_MS: DurationMs = 2000;

export class TrapReceiver implements Component {
  readonly #reporter: Reporter;
  readonly #config: TrapReceiverConfig;
  readonly #deps: TrapReceiverDeps;
  readonly #metrics: TrapMetrics;
  readonly #prompter: PollPrompter;
  readonly #thread: ThreadKeeper;
  readonly #feed = new EngineFeed();
  readonly #keeping = new Set<Promise<void>>();
  #stopping: AbortController | null = null;
  #engine: { readonly id: string; readonly boots: number; readonly startedMs: number } | null = null;
  #devices: readonly ReceiverDevice[] = [];
  #addresses: readonly DeviceAddress[] = [];
  /** Why the last event could not be kept; null where it was. */
  #refusal: string | null = null;
  /** The code that the log was told. */
  #refusalTold: string | null = null;
  #work: Promise<unknown> = Promise.resolve();

  constructor(reporter: Reporter, config: TrapReceiverConfig, deps: TrapReceiverDeps) {
    this.#reporter = reporter;
    this.#config = config;
    this.#deps = deps;
    this.#metrics = trapMetrics(reporter);
    this.#prompter = new PollPrompter(reporter, deps);
    this.#thread = new ThreadKeeper(reporter, {
      clock: deps.clock,
      ...(deps.workerFile === undefined ? {} : { workerFile: deps.workerFile }),
      settings: () => this.#settings(),
      opened: () => this.#opened(),
      hear: (message, tell) => this.#hear(message, tell),
      restarted: () => this.#metrics.restarted(),
    });
    reporter.health('traps', () => this.#health());
  }

  /** Listens; port_in_use, trap_port_refused, trap_thread_failed. */
  async start(): Promise<void> {
    if (this.#stopping !== null) return;
    const { clock, file, randomOctets } = this.#deps;
    const { port, listen } = this.#config;
    const engine = nextLife({ reporter: this.#reporter, file, random: randomOctets });
    this.#engine = { ...engine, startedMs: clock.monotonicMs() };
    this.#devices = this.#deps.devices();
    this.#addresses = await this.#resolve();
    await this.#thread.start();
    const stopping = new AbortController();
    this.#stopping = stopping;
    this.#reporter.info('traps are received', { port, listen: [...listen], engine_id: engine.id, boots: engine.boots });
    this.#work = Promise.all([this.#look(stopping.signal), this.#lookUp(stopping.signal)]);
  }

  /** Waits a little for what is on its way to the disk and answers it, then takes in nothing more. */
  async stop(): Promise<void> {
    if (this.#stopping === null) return;
    this.#stopping.abort();
    const patience = new AbortController();
    await Promise.race([Promise.all(this.#keeping), this.#deps.clock.sleep(STOP_MS, patience.signal)]);
    patience.abort();
    await this.#thread.stop();
    await this.#work;
    this.#stopping = null;
  }

  #settings(): TrapSettings {
    const { engine, config, now } = { engine: this.#engine, config: this.#config, now: this.#deps.clock.monotonicMs() };
    if (engine === null) throw new Error('BUG: a thread before the receiver has an engine');
    return {
      port: config.port,
      listen: config.listen,
      networks: config.networks,
      acceptUnknown: config.acceptUnknown,
      perSecond: config.perSecond,
      perSecondPerSource: config.perSecondPerSource,
      ...this.#who(),
      shared: config.credentials,
      users: config.users,
      engine: { id: engine.id, boots: engine.boots, seconds: (now - engine.startedMs) / 1000 },
      names: config.names,
    };
  }

  /** A set whose secret cannot be had is left out: nobody can then speak under it. */
  #who(): Pick<TrapSettings, 'devices' | 'credentials'> {
    const sets = new Map(Object.entries(this.#config.sets));
    for (const { credentialName, credential } of this.#devices) sets.set(credentialName, credential);
    const credentials = [...sets].flatMap(([name, set]): TrapCredential[] => {
      try {
        return [{ name, set: resolved(set, this.#deps.environment) }];
      } catch (error) {
        this.#reporter.warn('no traps under a credential set', { set: name, error: messageOf(error) });
        return [];
      }
    });
    const devices = this.#devices.map(({ name, credentialName }) => ({ name, credential: credentialName }));
    return { devices, credentials };
  }

  #opened(): void {
    this.#feed.reset();
    this.#thread.tell({ kind: 'addresses', addresses: this.#addresses });
    this.#tellEngines();
  }

  #hear(message: FromThread, tell: Tell): void {
    if (message.kind === 'tally') return this.#metrics.count(message.tally);
    if (message.kind !== 'notification') return;
    const keeping = this.#keep(message.notification, message.token, tell).finally(() => this.#keeping.delete(keeping));
    this.#keeping.add(keeping);
  }

  async #keep(notification: Notification, token: number, tell: Tell): Promise<void> {
    const event = this.#eventOf(notification);
    try {
      await this.#deps.sink.acceptEvent(event);
    } catch (error) {
      this.#refused(error);
      return tell({ kind: 'refused', token });
    }
    this.#refusal = null;
    this.#refusalTold = null;
    this.#metrics.event(event.origin);
    tell({ kind: 'kept', token });
    if (event.device !== null && PROMPTING.test(event.name)) this.#prompter.prompt(event.device, event.observedAtMs);
  }

  /** The sender of an inform tries again; a trap is lost, which is counted. */
  #refused(error: unknown): void {
    const code = codeOf(error);
    this.#metrics.refused(code);
    this.#refusal = code;
    if (this.#refusalTold === code) return;
    this.#refusalTold = code;
    this.#reporter.error('notifications are not kept', { code, error: messageOf(error) });
  }

  #eventOf({ ifIndex, ...said }: Notification): DeviceEvent {
    const { device } = said;
    const interfaceKey = device === null || ifIndex === null ? null : this.#deps.interfaceKeyOf(device, ifIndex);
    return { ...said, id: this.#deps.randomId(), interfaceKey };
  }

  async #look(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#deps.clock.sleep(LOOK_EVERY_MS, signal);
      if (signal.aborted) return;
      await this.#lookForDevices();
      this.#tellEngines();
    }
  }

  async #lookForDevices(): Promise<void> {
    const devices = this.#deps.devices();
    const before = this.#devices;
    if (devices.length === before.length && devices.every((device, at) => device === before[at])) return;
    this.#devices = devices;
    this.#thread.tell({ kind: 'devices', ...this.#who() });
    await this.#tellAddresses();
  }

  #tellEngines(): void {
    const engines = this.#feed.news(this.#deps.engines.engines(), this.#deps.clock.monotonicMs() / 1000);
    if (engines !== null) this.#thread.tell({ kind: 'engines', engines });
  }

  /** Names may come to mean other addresses. */
  async #lookUp(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#deps.clock.sleep(LOOKUP_EVERY_MS, signal);
      if (!signal.aborted && hasNames(this.#hosts())) await this.#tellAddresses();
    }
  }

  async #tellAddresses(): Promise<void> {
    this.#addresses = await this.#resolve();
    this.#thread.tell({ kind: 'addresses', addresses: this.#addresses });
  }

  #resolve(): Promise<DeviceAddress[]> {
    return resolveAll(this.#hosts(), this.#deps.lookup, this.#addresses);
  }

  #hosts(): { device: string; host: string }[] {
    return this.#devices.map(({ name, address }) => ({ device: name, host: address.host }));
  }

  #health(): HealthState {
    const { failure } = this.#thread;
    if (failure !== null) return { healthy: false, message: `traps are not received: ${failure}` };
    if (this.#refusal !== null) return { healthy: false, message: `notifications are not kept (${this.#refusal})` };
    return { healthy: true, message: `listening on port ${this.#config.port}` };
  }
}

function resolved(set: CredentialConfiguration, environment: TrapReceiverDeps['environment']): CredentialConfiguration {
  if (set.version !== '3') return { ...set, community: resolveSecret(set.community, environment) };
  const { auth_passphrase: auth, priv_passphrase: priv } = set;
  return {
    ...set,
    ...(auth === undefined ? {} : { auth_passphrase: resolveSecret(auth, environment) }),
    ...(priv === undefined ? {} : { priv_passphrase: resolveSecret(priv, environment) }),
  };
}
