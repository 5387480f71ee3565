// What devices say by themselves: the trap receiver with the stages it needs. Composed here for main.ts.
import { randomBytes, randomUUID } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../common/runtime/clock.ts';
import type { Component } from '../common/runtime/component.ts';
import type { CredentialConfiguration } from '../common/runtime/device-configuration.ts';
import { KeptFile } from '../common/runtime/kept-file.ts';
import type { Reporter } from '../common/runtime/reporter.ts';
import type { AgentConfig, AgentDevice } from './config.ts';
import type { Scheduler } from './poll/scheduler.ts';
import type { TrapConfig } from './trap/config.ts';
import { loadNames, type NotificationNames } from './trap/names.ts';
import { RANDOM_OCTETS } from './trap/own-engine.ts';
import { type EngineDirectory, type EventSink, TrapReceiver } from './trap/receiver.ts';

/** The names that come with Weir, beside this file in a checkout and in a build. */
const NAMES = fileURLToPath(new URL('../config/traps', import.meta.url));

/** What notifications are called: by the files that come with Weir, and before them those of a folder. Throws configuration_* and trap_names_conflict. */
export function notificationNames(folder: string | null): NotificationNames {
  return loadNames(folder === null ? [NAMES] : [NAMES, folder]);
}

export interface NotificationsDeps {
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly devices: () => readonly AgentDevice[];
  readonly engines: EngineDirectory;
  readonly sink: EventSink;
  readonly scheduler: Pick<Scheduler, 'pollNow' | 'interfaceKeyAt'>;
  /** The program of the receiver's thread; default the one beside agent/trap/thread-keeper. */
  readonly trapWorkerFile?: URL;
}

/** The receiver, where the configuration has one. Throws configuration_* and trap_names_conflict. `folder`: of this agent. */
export function composeNotifications(
  reporter: Reporter,
  config: AgentConfig,
  folder: string,
  deps: NotificationsDeps,
): readonly Component[] {
  const { traps } = config;
  if (traps === null) return [];
  const { clock, environment, devices, engines, sink, scheduler, trapWorkerFile } = deps;
  const names = notificationNames(traps.namesFolder);
  const receiver = new TrapReceiver(
    reporter,
    { ...traps, sets: setsOf(traps, config.credentials), names },
    {
      clock,
      environment,
      devices: () => devices().filter(speaksSnmp),
      engines,
      sink,
      interfaceKeyOf: (device, ifIndex) => scheduler.interfaceKeyAt(device, ifIndex),
      pollNow: (device) => scheduler.pollNow(device),
      lookup: async (host) => (await lookup(host, { all: true })).map(({ address }) => address),
      file: new KeptFile(reporter, path.join(folder, 'trap-engine.json')),
      randomId: randomUUID,
      randomOctets: () => randomBytes(RANDOM_OCTETS),
      ...(trapWorkerFile === undefined ? {} : { workerFile: trapWorkerFile }),
    },
  );
  return [receiver];
}

/** What is asked by ping alone has no credential by which its traps could be believed. */
function speaksSnmp(device: AgentDevice): device is AgentDevice & { readonly credential: CredentialConfiguration } {
  return device.credential !== null;
}

function setsOf(traps: TrapConfig, credentials: AgentConfig['credentials']): Record<string, CredentialConfiguration> {
  const named = [...traps.credentials, ...traps.users.map((user) => user.credential)];
  return Object.fromEntries(
    [...new Set(named)].flatMap((name) => {
      const set = credentials[name];
      return set === undefined ? [] : [[name, set]];
    }),
  );
}
