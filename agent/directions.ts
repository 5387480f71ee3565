// What the agent is told from outside: which devices it has, by its file or by a collector, and the work that people ask for. Composed here for main.ts.
import { randomBytes, randomUUID } from 'node:crypto';
import path from 'node:path';
import type { DeviceEvent } from '../common/model/event.ts';
import type { Clock } from '../common/runtime/clock.ts';
import type { Component } from '../common/runtime/component.ts';
import type { CredentialConfiguration } from '../common/runtime/device-configuration.ts';
import { KeptFile } from '../common/runtime/kept-file.ts';
import type { Reporter } from '../common/runtime/reporter.ts';
import { type AgentConfig, type AgentDevice, agentDevices, checkAgent, withCredentials } from './config.ts';
import { ConfigurationClient } from './configure/configuration-client.ts';
import { CredentialBook } from './configure/credential-book.ts';
import { DeviceBook } from './configure/device-book.ts';
import { waitingKeys } from './configure/live-keys.ts';
import { invalid, type PulledConfiguration } from './configure/pulled-configuration.ts';
import type { LineConfig } from './line/config.ts';
import type { LineBook } from './line/line-book.ts';
import { PathTools, systemTools } from './poll/path-tools.ts';
import type { Reachability } from './poll/ping.ts';
import type { PollDeps } from './poll/poll-device.ts';
import type { ScheduledDevice } from './poll/polled-device.ts';
import type { Scheduler } from './poll/scheduler.ts';
import { FailOverQuestions } from './ship/collector-questions.ts';
import type { HttpClient } from './ship/http-client.ts';
import type { SnmpAccess } from './snmp/access.ts';
import { proberOf } from './work-probe.ts';
import { workPorts } from './work-ports.ts';
import { BegunWork } from './work/begun-work.ts';
import { WorkClient } from './work/work-client.ts';
import { Worker } from './work/worker.ts';

export interface DirectionsDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly token: () => string;
  readonly http: HttpClient;
  readonly access: Pick<SnmpAccess, 'openSession' | 'openReader'>;
  readonly catalogue: PollDeps['catalogue'];
  readonly lines: Pick<LineBook, 'use' | 'configure'>;
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
  /** Takes up devices, credential sets and thin lines of another configuration, all or nothing. Throws restart_needed, credential_unknown, configuration_invalid; then nothing has changed. */
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
  const scheduled = accessNames(() => running.lines);
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
    ports: {
      ...workPorts(devices, { ...deps, tools: new PathTools(systemTools(deps.environment['PATH'])) }),
      probe: proberOf(config, () => sets, deps),
    },
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
        const { allowSet, pollIntervalMs, lines } = wanted;
        running = { ...config, allowSet, pollIntervalMs, lines };
        deps.lines.configure(lines);
        if (pulls) client.applyAgain();
        else devices.apply(withCredentials(wanted.devices, sets));
        // Where only their line differs the devices are the same, but not what their sessions take from it.
        deps.scheduler().configure(scheduled(devices.all()));
      } catch (error) {
        ({ sets, running } = before);
        deps.lines.configure(running.lines);
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

/** Where and as whom a device is reached, and what its session takes from its line, in words that change with any of it; never a secret. */
function accessNames(lines: () => readonly LineConfig[]): (devices: readonly AgentDevice[]) => ScheduledDevice[] {
  const generations = new WeakMap<CredentialConfiguration, number>();
  let next = 0;
  const generationOf = (set: CredentialConfiguration): number => {
    const known = generations.get(set);
    if (known !== undefined) return known;
    next += 1;
    generations.set(set, next);
    return next;
  };
  return (devices) => {
    const lineWords = new Map(
      lines().map(({ name, answerBytes, timeoutMs }) => [name, `${name} ${answerBytes} ${timeoutMs}`]),
    );
    return devices.map(({ name, intervalMs, address, credential, credentialName, replyAddress, line }) => ({
      name,
      intervalMs,
      host: address.host,
      snmp: credential !== null,
      ...(line === null ? {} : { line }),
      access: `${address.host} ${address.port} ${credentialName} ${credential === null ? 0 : generationOf(credential)} ${replyAddress} ${lineWords.get(line ?? '') ?? ''}`,
    }));
  };
}
