// What the parts of a collector share while it is put together.
import type { DatabasePreparation } from '../common/database/preparation.ts';
import type { SteadyAuthenticator } from '../common/database/steady-authenticator.ts';
import type { SignInLinks } from '../common/database/sign-in-links.ts';
import type { TokenStore } from '../common/database/tokens.ts';
import type { Reporter } from '../common/runtime/reporter.ts';
import type { ConfiguredDevices } from './agents/configured-devices.ts';
import type { EventKeeper } from './agents/event-keeper.ts';
import type { PollTiers } from './agents/poll-tiers.ts';
import type { WorkDesk } from './agents/work-desk.ts';
import type { EventHub } from './api/event-hub.ts';
import type { CollectorConfig } from './config.ts';
import type { Correlator } from './faults/cause/correlator.ts';
import type { AlarmPurge } from './faults/alarm-purge.ts';
import type { FaultsProjection } from './faults/faults-projection.ts';
import type { WantedBook } from './faults/wanted-book.ts';
import type { AgentStates } from './ingest/agent-states.ts';
import type { AppliedMarks } from './ingest/applied-marks.ts';
import type { AssignedDevices } from './ingest/assigned-devices.ts';
import type { StreamTable } from './ingest/streams.ts';
import type { Superseded } from './ingest/superseded.ts';
import type { DeviceRegistry } from './inventory/device-registry.ts';
import type { ManagedDevices } from './inventory/managed-devices.ts';
import type { PostgresInventory } from './inventory/postgres-inventory.ts';
import type { BatchReader } from './project/batch-reader.ts';
import type { ProjectionRunner } from './project/projection-runner.ts';
import type { Quarantine } from './project/quarantine.ts';
import type { PostgresReadings } from './readings/postgres-readings.ts';
import type { CollectorDeps, Grounds } from './running-collector.ts';
import type { ServiceMirror } from './services/service-mirror.ts';
import type { MetricStore } from './store/store.ts';

/** What every part of a collector rests on. */
export interface Common extends Grounds {
  readonly reporter: Reporter;
  readonly config: CollectorConfig;
  readonly deps: CollectorDeps;
  readonly hub: EventHub;
  readonly streams: StreamTable;
  readonly marks: AppliedMarks;
  readonly agents: AgentStates;
  readonly superseded: Superseded;
  readonly events: EventKeeper;
  readonly quarantine: Quarantine;
  readonly readings: PostgresReadings;
  readonly inventory: PostgresInventory;
  readonly work: WorkDesk;
  readonly devices: ConfiguredDevices;
  readonly services: ServiceMirror;
  readonly alarmPurge: AlarmPurge;
}

export interface Projecting {
  readonly store: MetricStore;
  readonly faults: FaultsProjection;
  readonly correlator: Correlator;
  readonly wanted: WantedBook;
  readonly reader: BatchReader;
  readonly runner: ProjectionRunner;
}

export interface Entry {
  readonly tokens: TokenStore;
  readonly links: SignInLinks;
  readonly authenticator: SteadyAuthenticator;
  readonly preparation: DatabasePreparation;
  readonly assigned: AssignedDevices;
  readonly managed: ManagedDevices;
  readonly registry: DeviceRegistry;
  readonly tiers: PollTiers;
}

/** Projections that an agent's spool waits for: the metric store keeps its own backlog. */
export const APPLYING = ['readings', 'faults'];
