// What finds causes of alarms and shows them as problems, made from what the collector knows of its network.
import { randomUUID } from 'node:crypto';
import { Leases } from '../common/database/lease.ts';
import { EVERYTHING } from '../common/model/viewpoint.ts';
import { CarriedBook } from './faults/carried-book.ts';
import { CauseSilence } from './faults/cause/cause-silence.ts';
import { Correlator } from './faults/cause/correlator.ts';
import { NetworkView } from './faults/cause/network-view.ts';
import { ProblemBook } from './faults/cause/problem-book.ts';
import type { SilenceSource } from './faults/silence.ts';
import { TopologyBook } from './inventory/topology-book.ts';
import type { Common, Entry } from './parts.ts';

export function composeCause({ reporter, config, deps, database, devices, work, hub }: Common): Correlator {
  const { clock } = deps;
  const { cause, historyEntries } = config.faults;
  const topology = new TopologyBook(database);
  const view = new NetworkView(reporter, cause.attached, {
    clock,
    devices,
    topology: (goneSinceMs) => topology.read(EVERYTHING, null, goneSinceMs),
    lags: () => topology.lags(),
  });
  return new Correlator(
    reporter,
    { ...cause, historyEntries },
    {
      database,
      clock,
      leases: new Leases(database),
      holder: randomUUID(),
      graph: () => view.graph(),
      work,
      publish: (kind, data) => hub.publish(kind, data),
    },
  );
}

export function composeProblems({ database, deps, services }: Common, { registry }: Entry): ProblemBook {
  return new ProblemBook({
    database,
    clock: deps.clock,
    services,
    criticalityOf: (device) => registry.labelsOf(device).criticality,
  });
}

/** What resources carry, for the order of alarms, escalation and how often devices are polled. */
export function composeCarried(
  { reporter, database, deps, services, devices }: Common,
  { registry }: Pick<Entry, 'registry'>,
): CarriedBook {
  return new CarriedBook(reporter, {
    database,
    clock: deps.clock,
    services,
    devices: () => devices.all(),
    criticalityOf: (device) => registry.labelsOf(device).criticality,
  });
}

/** For who tells people. */
export function composeCauseSilence({ config }: Pick<Common, 'config'>): SilenceSource {
  return new CauseSilence(config.faults.cause);
}
