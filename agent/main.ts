// Composes the agent: which stage hands to which. The only file of the agent that knows two stages.
import { randomFillSync } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DeviceEvent } from '../common/model/event.ts';
import { type Clock, SystemClock } from '../common/runtime/clock.ts';
import { type Component, startAll, stopAll } from '../common/runtime/component.ts';
import { messageOf, WeirError } from '../common/runtime/errors.ts';
import { createReporter, type Reporter } from '../common/runtime/reporter.ts';
import { resolveSecret } from '../common/runtime/secrets.ts';
import type { AgentConfig } from './config.ts';
import { Discovery, type DiscoveryConfig, type DiscoveryResult, type Progress } from './discover/discovery.ts';
import { type ConfiguredDevice, knownDevices } from './discover/known-devices.ts';
import { sweepPlan } from './discover/targets.ts';
import { LineBook } from './line/line-book.ts';
import { Pacer } from './line/pacer.ts';
import { composeDirections, type Reloaded } from './directions.ts';
import { composeNotifications } from './notifications.ts';
import { Ping, systemPing } from './poll/ping.ts';
import { composePolling, type Polling } from './polling.ts';
import { loadProfiles } from './profile/catalogue.ts';
import type { ProfileCatalogue } from './profile/profile.ts';
import { NodeHttpClient } from './ship/http-client.ts';
import { Shipper, SHIPPER_TIMEOUT_MS } from './ship/shipper.ts';
import { TlsFiles } from '../common/runtime/tls-files.ts';
import { SnmpAccess } from './snmp/access.ts';
import { parseAddress } from './snmp/address.ts';
import { Spool, SPOOL_DEFAULTS, type SpoolConfig } from './spool/spool.ts';

/** The profiles that come with Weir, beside this file in a checkout and in a build. */
const PROFILES = fileURLToPath(new URL('../config/profiles', import.meta.url));

const RANDOM_POOL = 1024;

/** Numbers in [0, 1) that nobody can foresee, so that nobody can forge an answer to an open request. */
export function unforeseeable(): () => number {
  const pool = new Uint32Array(RANDOM_POOL);
  let at = RANDOM_POOL;
  return () => {
    if (at >= RANDOM_POOL) {
      randomFillSync(pool);
      at = 0;
    }
    const word = pool[at] ?? 0;
    at += 1;
    return word / 2 ** 32;
  };
}

/** The profiles of a folder, or those that come with Weir. */
export function profilesFor(folder: string | null): ProfileCatalogue {
  return loadProfiles(folder ?? PROFILES);
}

export interface AgentDeps {
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Free bytes of the disk a folder is on; default the system's answer. */
  readonly freeBytes?: (folder: string) => number;
  /** The program of the trap receiver's thread; default the one that comes with Weir. */
  readonly trapWorkerFile?: URL;
}

export interface Agent extends Component {
  /** Devices, credential sets and thin lines of another configuration, taken up while it runs; see composeDirections. */
  reload(wanted: AgentConfig): Reloaded;
}

/**
 * The agent process: devices ► scheduler ► spool ► shipper ► collector. What it keeps is in DATA/agent/NAME. Devices, credential sets and thin lines may change while it
 * runs; what else changes needs a restart, which costs no octet, since counters accumulate in the devices. Profiles and what does not fit
 * together throw here.
 *
 * Starting fails with port_in_use, data_folder_in_use, data_folder_unusable or journal_damaged. A collector that is away is no failure: polls are
 * kept in the spool. Stopping ends the polls in hand, keeps what they have, and lets go of what is being sent: it is in the spool.
 */
export function createAgent(
  reporter: Reporter,
  config: AgentConfig & { readonly dataFolder: string },
  deps: AgentDeps,
): Agent {
  const { clock, environment } = deps;
  const random = unforeseeable();
  const folder = path.join(config.dataFolder, 'agent', config.name);
  const token = (): string => tokenOf(config, environment);
  const spool = new Spool(
    reporter,
    { ...spoolBounds(config), agent: config.name, folder: path.join(folder, 'spool') },
    deps,
  );
  const onEvent = (event: DeviceEvent): void => {
    spool.acceptEvent(event).catch((error: unknown) => {
      reporter.error('an event was not kept', { event: event.name, device: event.device, error: messageOf(error) });
    });
  };
  const access = new SnmpAccess(
    reporter,
    { timeoutMs: config.timeoutMs, retries: config.retries, stateFolder: folder },
    { clock, lookup, random, environment, onEvent },
  );
  const shipConfig = { agent: config.name, collectorUrls: config.collectorUrls, timeoutMs: SHIPPER_TIMEOUT_MS };
  const tls = config.tls === null ? null : new TlsFiles(reporter, config.tls, { clock, environment });
  const http = new NodeHttpClient({ clock, tls });
  const shipper = new Shipper(reporter, shipConfig, { clock, token, random, spool, http });
  const ping = new Ping({ run: systemPing(environment['PATH']), monotonicMs: () => clock.monotonicMs() });
  const lines = new LineBook(reporter, config.lines, { clock });
  const catalogue = profilesFor(config.profilesFolder);
  const told = { clock, random, environment, token, http, access, ping, lines, catalogue };
  const directions = composeDirections(reporter, config, folder, {
    ...told,
    scheduler: () => scheduler,
    accept: (event) => spool.acceptEvent(event),
  });
  const { devices } = directions;
  const scheduled = directions.scheduled(devices.all());
  const polled = { clock, access, catalogue, spool, ping, lines, devices, scheduled, onEvent, token };
  const { scheduler, health }: Polling = composePolling(reporter, config, folder, polled);
  const heard = { ...deps, devices: () => devices.all(), engines: access, sink: spool, scheduler };
  const notifications = composeNotifications(reporter, config, folder, heard);
  // Stopped in reverse: traps, work and the scheduler first, and their last events, polls and results find the spool open.
  const polling = [...directions.configuration, scheduler, directions.work, ...notifications];
  const parts = [health, access, spool, http, shipper, ...polling];
  return {
    start: async () => {
      tellStranded(reporter, config);
      await startAll(parts);
      reporter.info('agent started', { agent: config.name, devices: devices.size, folder });
    },
    stop: () => stopAll(parts),
    reload: (wanted) => directions.reload(wanted),
  };
}

/** Resolved at every use: a token file may be renewed. */
function tokenOf(config: AgentConfig, environment: AgentDeps['environment']): string {
  if (config.token !== null) return resolveSecret(config.token, environment);
  const message = 'The agent has no token: neither WEIR_AGENT_TOKEN nor agent.token is set.';
  throw new WeirError('secret_unresolved', message, { reference: 'agent.token' });
}

const LONGEST_LINGER_MS = 1000;
const SHORTEST_LINGER_MS = 50;

/** Polls wait for each other to share a batch: a quarter of the shortest interval at most, and never for more of them than are polled at once. */
function spoolBounds(config: AgentConfig): Omit<SpoolConfig, 'agent' | 'folder'> {
  const shortest = Math.min(...config.devices.map((device) => device.intervalMs), 4 * LONGEST_LINGER_MS);
  return {
    ...SPOOL_DEFAULTS,
    ...config.spool,
    lingerMs: Math.max(SHORTEST_LINGER_MS, shortest / 4),
    maxBatchPolls: Math.max(1, Math.min(SPOOL_DEFAULTS.maxBatchPolls, Math.floor(config.concurrency / 2))),
  };
}

/** An agent that was renamed leaves a spool behind whose batches only an agent of the old name may send. */
function tellStranded(reporter: Reporter, config: AgentConfig & { readonly dataFolder: string }): void {
  const place = path.join(config.dataFolder, 'agent');
  let names: string[];
  try {
    names = readdirSync(place);
  } catch {
    return; // there is none yet; or it cannot be used, which the spool says
  }
  for (const name of names.filter((other) => other !== config.name))
    reporter.warn('another agent kept polls here; run it once under its name until they are sent', { name, place });
}

export interface PollOnceOptions {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
}

export interface DiscoverRequest extends Omit<DiscoveryConfig, 'known'> {
  /** Networks, addresses and names, as `sweepPlan` takes them. */
  readonly targets: readonly string[];
  readonly configured: readonly ConfiguredDevice[];
  readonly timeoutMs: number;
  readonly packetsPerSecond: number;
  readonly profilesFolder: string | null;
}

export interface DiscoverOptions extends PollOnceOptions {
  readonly onProgress?: (progress: Progress) => void;
}

/** A second's packets in so many parts: more do not go at once. */
const BURSTS_PER_SECOND = 20;

/** Asks who is there, and adds nothing. Throws address_invalid, network_too_large, secret_unresolved; an aborted signal ends it with what was found. */
export async function discover(request: DiscoverRequest, options: DiscoverOptions = {}): Promise<DiscoveryResult> {
  const environment = options.environment ?? {};
  const signal = options.signal ?? new AbortController().signal;
  const { packetsPerSecond, timeoutMs, retries } = request;
  const targets = sweepPlan(request.targets, request.port, parseAddress);
  const clock = new SystemClock();
  const reporter = createReporter({ component: 'agent', level: 'silent' });
  const burst = Math.max(1, Math.floor(packetsPerSecond / BURSTS_PER_SECOND));
  const pacer = new Pacer({ packetsPerSecond, burst }, { clock });
  const pace = (waiting?: AbortSignal): Promise<void> => pacer.take(waiting);
  const deps = { clock, lookup, random: unforeseeable(), environment, pace };
  const access = new SnmpAccess(reporter, { timeoutMs, retries }, deps);
  // As many as keep the rate where nobody answers: more would only wait, and make those wait that answer.
  const inFlight = Math.ceil((packetsPerSecond * timeoutMs) / 1000);
  const known = await knownDevices(request.configured, { clock, lookup }, signal);
  const discovery = new Discovery(
    { ...request, known, concurrency: Math.min(request.concurrency, inFlight) },
    {
      clock,
      catalogue: profilesFor(request.profilesFolder),
      open: (address, { credential }) => access.openReader(address, credential),
      ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
    },
  );
  await access.start();
  try {
    return await discovery.run(targets, signal);
  } finally {
    await access.stop();
  }
}
