// Composes the detection of faults: the projection that judges batches, and what looks beside it for what no batch tells.
import { fileURLToPath } from 'node:url';
import { EVERYTHING } from '../common/model/viewpoint.ts';
import type { Clock } from '../common/runtime/clock.ts';
import { RepeatedWork } from '../common/runtime/repeated-work.ts';
import { composeCause } from './compose-cause.ts';
import type { ComposedMaintenance } from './compose-maintenance.ts';
import { type FaultsDeps, FaultsProjection } from './faults/faults-projection.ts';
import type { Lag } from './faults/judge-weir.ts';
import { LinkWatch } from './faults/link-watch.ts';
import { PollWatch } from './faults/poll-watch.ts';
import { ReceiverWatch } from './faults/receiver-watch.ts';
import { RemovedDevices } from './faults/removed-devices.ts';
import { failingListeners, LISTENER_PREFIX } from './faults/tmf642/failing-listeners.ts';
import { RuleTest } from './faults/trial/rule-test.ts';
import { readTrapRules, type TrapRule } from './faults/trap-rules.ts';
import { WantedBook } from './faults/wanted-book.ts';
import { BRIDGE_PREFIX, bridgeReceivers } from './services/bridge-receivers.ts';
import { CHANNEL_PREFIX, failingChannels } from './tell/failing-channels.ts';
import { deviceFinder } from './inventory/topology.ts';
import { TopologyBook } from './inventory/topology-book.ts';
import type { BatchJournal } from './journal/batch-journal.ts';
import type { Common, Entry, Projecting } from './parts.ts';
import type { ProjectionRunner } from './project/projection-runner.ts';

const TRAPS = fileURLToPath(new URL('../config/traps', import.meta.url));
const LOOK_AT_WANTED_MS = 10_000;
const LOOK_AT_LINKS_MS = 300_000;
const LOOK_AT_POLLS_MS = 15_000;
const LOOK_AT_REMOVED_MS = 60_000;
const LOOK_AT_RECEIVERS_MS = 30_000;
/** A batch that has waited so long for the faults says that the silence of its agent may be ours. */
const CAUGHT_UP_MS = 5000;

export function composeFaults(
  common: Common,
  { registry, preparation }: Entry,
  shared: Pick<FaultsDeps, 'database' | 'clock' | 'claim' | 'positionOf' | 'setPosition'>,
  { maintenance }: ComposedMaintenance,
  runner: () => ProjectionRunner,
): Pick<Projecting, 'faults' | 'wanted' | 'correlator'> {
  const { reporter, config, database, journal, hub } = common;
  const { clock } = shared;
  const correlator = composeCause(common);
  const wanted = new WantedBook(reporter, {
    database,
    names: () => common.devices.names,
    finderOf: (devices) => deviceFinder(devices, new Map()),
    isBound: (resource, atMs) => common.services.boundTo(resource, atMs).length > 0,
  });
  const faults: FaultsProjection = new FaultsProjection(reporter, config.faults, {
    ...shared,
    publish: (kind, data) => {
      hub.publish(kind, data);
      if (kind === 'alarm') correlator.wake();
    },
    maintenanceOf: (alarm, atMs) => maintenance.markOf(alarm, atMs),
    events: common.events,
    caughtUp: () => caughtUp(journal, runner(), clock),
    isAwaited: (agent) => common.devices.of(agent).devices.length > 0,
    around: wanted,
    lags: () => ({ journal: journal.id, lags: lagsOf(journal, runner(), clock) }),
    labelsOf: (name) => ({ site: common.devices.get(name)?.site ?? null, tags: registry.labelsOf(name).tags }),
    trapRules: shippedTrapRules(),
    ready: () => wanted.ready(),
    beside: [
      new RepeatedWork(clock, LOOK_AT_WANTED_MS, () => wanted.look()),
      new RepeatedWork(clock, LOOK_AT_LINKS_MS, () => links.look()),
      new RepeatedWork(clock, LOOK_AT_POLLS_MS, () => polls.look()),
      new RepeatedWork(clock, LOOK_AT_REMOVED_MS, () => removed.look()),
      new RepeatedWork(clock, LOOK_AT_RECEIVERS_MS, () => receivers.look()),
    ],
  });
  const removed = new RemovedDevices(reporter, {
    database,
    clock,
    names: () => (preparation.done ? common.devices.names : null),
    judge: (names, judge, atMs) => faults.judgeDevices(names, judge, atMs),
  });
  const polls = new PollWatch(reporter, {
    database,
    clock,
    rules: () => faults.rules,
    rulesOf: (device) => faults.rulesOf(device),
    caughtUp: () => caughtUp(journal, runner(), clock),
    names: () => (preparation.done ? common.devices.names : []),
    judgeDevices: (names, judge, atMs) => faults.judgeDevices(names, judge, atMs),
    judgeAgent: (look) => faults.judgeApart(look),
  });
  const topology = new TopologyBook(database);
  const links = new LinkWatch(reporter, {
    database,
    clock,
    rules: () => faults.rules,
    links: () => topology.read(EVERYTHING, null),
    raise: (look) => faults.judgeApart(look),
  });
  const receivers = watchReceivers(common, faults);
  return { faults, wanted, correlator };
}

/** Whoever should be told and is not, here and at the bridge. */
function watchReceivers({ reporter, config, database, deps }: Common, faults: FaultsProjection): ReceiverWatch {
  const bridge = {
    url: config.bridgeUrl.replace(/\/+$/, ''),
    token: deps.environment['WEIR_BRIDGE_TOKEN'] ?? '',
    fetch,
  };
  return new ReceiverWatch(reporter, {
    clock: deps.clock,
    rules: () => faults.rules,
    sources: [
      { prefix: CHANNEL_PREFIX, failing: () => failingChannels(database) },
      { prefix: LISTENER_PREFIX, failing: (nowMs) => failingListeners(database, nowMs) },
      { prefix: BRIDGE_PREFIX, failing: () => bridgeReceivers(bridge) },
    ],
    raise: (look) => faults.judgeApart(look),
  });
}

/** Throws where a file of them cannot be read, with the place in it. */
export function shippedTrapRules(): readonly TrapRule[] {
  return readTrapRules(TRAPS);
}

/** Tries other rules on what is stored. */
export function composeRuleTest(
  { reporter, database, deps, devices }: Common,
  { faults, wanted, store }: Pick<Projecting, 'faults' | 'wanted' | 'store'>,
  { registry }: Pick<Entry, 'registry'>,
): RuleTest {
  return new RuleTest(reporter, {
    database,
    clock: deps.clock,
    store,
    names: () => devices.names,
    labelsOf: (name) => ({ site: devices.get(name)?.site ?? null, tags: registry.labelsOf(name).tags }),
    around: wanted,
    config: () => faults.configured,
    rulesOf: (device) => faults.rulesOf(device),
    trapRules: shippedTrapRules(),
  });
}

/** How long the oldest batch waits of each projection. */
function lagsOf(journal: BatchJournal, runner: ProjectionRunner, clock: Clock): Lag[] {
  return Object.entries(runner.positions()).flatMap(([projection, position]) => {
    if (position === null) return [];
    const [waiting] = journal.read(position, 1, 1);
    return [{ projection, waitingMs: waiting === undefined ? 0 : clock.now() - waiting.envelope.receivedAtMs }];
  });
}

/** False while a batch waits that arrived some time ago. */
function caughtUp(journal: BatchJournal, runner: ProjectionRunner, clock: Clock): boolean {
  const position = runner.positions()['faults'] ?? null;
  if (position === null) return false;
  const [waiting] = journal.read(position, 1, 1);
  return waiting === undefined || clock.now() - waiting.envelope.receivedAtMs < CAUGHT_UP_MS;
}
