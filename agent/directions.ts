// What the agent is told from outside: which devices it has, by its file or by a collector, and the work that people ask for. Composed here for main.ts.
import { randomBytes, randomUUID } from 'node:crypto';
import path from 'node:path';
import type { DeviceEvent } from '../common/model/event.ts';
import type { Poll } from '../common/model/poll.ts';
import type { Clock } from '../common/runtime/clock.ts';
import type { Component } from '../common/runtime/component.ts';
import type { CredentialConfiguration } from '../common/runtime/device-configuration.ts';
import { WeirError } from '../common/runtime/errors.ts';
import { KeptFile } from '../common/runtime/kept-file.ts';
import type { Reporter } from '../common/runtime/reporter.ts';
import { type AgentConfig, type AgentDevice, agentDevices, checkAgent, withCredentials } from './config.ts';
import { ConfigurationClient } from './configure/configuration-client.ts';
import { CredentialBook } from './configure/credential-book.ts';
import { DeviceBook } from './configure/device-book.ts';
import { waitingKeys } from './configure/live-keys.ts';
import { invalid, type PulledConfiguration } from './configure/pulled-configuration.ts';
import type { Reachability } from './poll/ping.ts';
import { probeDevice } from './poll/probe.ts';
import type { PollDeps } from './poll/poll-device.ts';
import type { ScheduledDevice } from './poll/polled-device.ts';
import type { Scheduler } from './poll/scheduler.ts';
import { FailOverQuestions } from './ship/collector-questions.ts';
import type { HttpClient } from './ship/http-client.ts';
import type { SnmpAccess } from './snmp/access.ts';
import { parseAddress } from './snmp/address.ts';
import { askedVarbinds, refuseFailedSet } from './snmp/asked-values.ts';
import { BegunWork } from './work/begun-work.ts';
import { WorkClient } from './work/work-client.ts';
import { Worker, type WorkPorts } from './work/worker.ts';

export interface DirectionsDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly token: () => string;
  readonly http: HttpClient;
  readonly access: Pick<SnmpAccess, 'openSession' | 'openReader'>;
  readonly catalogue: PollDeps['catalogue'];
  readonly scheduler: () => Pick<Scheduler, 'configure' | 'pollNow' | 'explain'>;
  readonly ping: Reachability;
  readonly accept: (event: DeviceEvent) => Promise<void>;
}

/** What a reload did. */
export interface Reloaded {
  readonly devices: number;
  /** Keys that differ and wait for a restart. */
  readonly waiting: readonly string[];
}

export interface Directions {
  readonly devices: DeviceBook;
  /** Started before the scheduler, which begins with what was kept. */
  readonly configuration: readonly Component[];
  /** Started after it. */
  readonly work: Component;
  /** As the scheduler wants them. */
  scheduled(devices: readonly AgentDevice[]): ScheduledDevice[];
  /** Takes up devices and credential sets of another configuration, all or nothing. Throws restart_needed, credential_unknown, configuration_invalid; then nothing has changed. */
  reload(wanted: AgentConfig): Reloaded;
}

/** `folder`: of this agent. */
export function composeDirections(
  reporter: Reporter,
  config: AgentConfig,
  folder: string,
  deps: DirectionsDeps,
): Directions {
  const { clock, random, accept } = deps;
  const credentials = new CredentialBook({ environment: deps.environment, key: randomBytes(32) });
  const first = credentials.draft(config.credentials);
  first.keep();
  let { sets } = first;
  let running = config;
  const scheduled = accessNames();
  const pulls = config.configuration === 'collector';
  const devices = new DeviceBook(reporter, pulls ? [] : withCredentials(config.devices, sets), {
    configure: (all) => void deps.scheduler().configure(scheduled(all)),
  });
  const questions = new FailOverQuestions(config.collectorUrls, deps);
  const client = new ConfigurationClient(reporter, config.name, {
    clock,
    random,
    questions,
    accept,
    newId: randomUUID,
    file: new KeptFile(reporter, path.join(folder, 'configuration.json')),
    apply: (pulled) => void devices.apply(pulledDevices(pulled, running, sets)),
  });
  const worker = new Worker(reporter, {
    clock,
    accept,
    newId: randomUUID,
    begun: new BegunWork({ clock, file: new KeptFile(reporter, path.join(folder, 'work.json')) }),
    ports: { ...workPorts(devices, deps), probe: prober(config, () => sets, deps) },
  });
  return {
    devices,
    scheduled,
    configuration: pulls ? [client] : [],
    work: new WorkClient(reporter, config.name, { clock, random, questions, worker }),
    reload: (wanted) => {
      const waiting = waitingKeys(config, wanted);
      const before = { sets, running };
      const draft = credentials.draft(wanted.credentials);
      try {
        ({ sets } = draft);
        running = { ...config, allowSet: wanted.allowSet, pollIntervalMs: wanted.pollIntervalMs };
        if (pulls) client.applyAgain();
        else devices.apply(withCredentials(wanted.devices, sets));
      } catch (error) {
        ({ sets, running } = before);
        throw error;
      }
      draft.keep();
      return { devices: devices.size, waiting };
    },
  };
}

/** Devices that the collector says, held against what a file is held against. */
function pulledDevices(
  pulled: PulledConfiguration,
  config: AgentConfig,
  credentials: AgentConfig['credentials'],
): AgentDevice[] {
  const issues: { path: string; message: string }[] = [];
  checkAgent(
    { agent: config, credentials: { ...credentials }, devices: [...pulled.devices] },
    {
      addIssue: (issue) => {
        if (typeof issue === 'string') issues.push({ path: '', message: issue });
        else issues.push({ path: (issue.path ?? []).join('.'), message: issue.message ?? 'is not allowed' });
      },
    },
  );
  if (issues.length > 0) throw invalid(issues);
  const devices = agentDevices(pulled.devices, credentials, config);
  // Who may write to the collector's file must not by that alone write to the network.
  return config.allowSet ? devices : devices.map((device) => ({ ...device, allowSet: false }));
}

/** Where and as whom a device is reached, in words that change with either; never a secret. */
function accessNames(): (devices: readonly AgentDevice[]) => ScheduledDevice[] {
  const generations = new WeakMap<CredentialConfiguration, number>();
  let next = 0;
  const generationOf = (set: CredentialConfiguration): number => {
    const known = generations.get(set);
    if (known !== undefined) return known;
    next += 1;
    generations.set(set, next);
    return next;
  };
  return (devices) =>
    devices.map(({ name, intervalMs, address, credential, credentialName, replyAddress }) => ({
      name,
      intervalMs,
      host: address.host,
      snmp: credential !== null,
      access: `${address.host} ${address.port} ${credentialName} ${credential === null ? 0 : generationOf(credential)} ${replyAddress}`,
    }));
}

function workPorts(devices: DeviceBook, deps: DirectionsDeps): Omit<WorkPorts, 'probe'> {
  const deviceOf = (name: string): AgentDevice => {
    const device = devices.get(name);
    if (device === undefined) throw new WeirError('not_found', `This agent has no device ${name}.`, { device: name });
    return device;
  };
  return {
    allowance: (name) => devices.get(name)?.allowSet ?? null,
    pollNow: async (name, signal) => toldOf(await unlessAborted(deps.scheduler().pollNow(name), signal)),
    explain: (name) => deps.scheduler().explain(name) ?? {},
    ping: async (name, signal) => {
      const { host } = deviceOf(name).address;
      return { host, result: await deps.ping.ask(host, signal) };
    },
    set: async (name, values, signal) => {
      const { address, writeCredential } = deviceOf(name);
      if (writeCredential === null)
        throw new WeirError('set_not_allowed', `The device ${name} has no write_credential.`, { device: name });
      const session = deps.access.openSession(address, writeCredential);
      const response = await session.set(askedVarbinds(values), { signal });
      refuseFailedSet(response, values);
      return { set: values.length, durationMs: response.receivedAtMs - response.sentAtMs };
    },
  };
}

/** Asks without an owner, so that nothing of it is remembered; who does not answer is pinged, to tell a wrong credential from a wrong address. */
function prober(
  config: AgentConfig,
  sets: () => AgentConfig['credentials'],
  { access, clock, catalogue, ping }: DirectionsDeps,
): WorkPorts['probe'] {
  return async (device, target, signal) => {
    const address = parseAddress(target.address);
    const credential = sets()[target.credential];
    if (credential === undefined)
      throw new WeirError('credential_unknown', `The agent has no credential set ${target.credential}.`, {
        credential: target.credential,
        known: Object.keys(sets()).toSorted(),
      });
    const plan = { ...config, device, intervalMs: config.pollIntervalMs, processId: randomUUID() };
    const told = await probeDevice(access.openReader(address, credential), plan, { times: clock, catalogue }, signal);
    const silent = 'outcome' in told && told.outcome === 'failed';
    return silent ? { ...told, ping: await ping.ask(address.host, signal) } : told;
  };
}

/** What is to be said of a poll; the poll itself goes the usual way. */
function toldOf(poll: Poll): object {
  const { outcome, failure, requests, retries, startedAtMs, finishedAtMs, tables } = poll;
  return {
    outcome,
    failure: failure ?? undefined,
    durationMs: finishedAtMs - startedAtMs,
    requests,
    retries,
    tables: tables.map(({ name, index, complete }) => `${name}: ${index.length} rows${complete ? '' : ', cut short'}`),
  };
}

/** The work goes on where it is done; we only wait no more. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const over = new WeirError('work_interrupted', 'The agent waits for it no more.');
  let leave = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    leave = () => reject(over);
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', leave);
    aborted.catch(() => undefined);
  }
}
