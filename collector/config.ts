// The collector's part of the configuration: its schema, and the form in which the collector uses it.
import { z } from 'zod';
import { METERED_CLASSES, type MeteredClass } from './readings/metered-rows.ts';
import { FAILED_SIGN_INS_PER_MINUTE } from '../common/http/sign-in-guard.ts';
import type { DurationMs } from '../common/model/time.ts';
import { databaseSchema, portSchema } from '../common/runtime/database-configuration.ts';
import { type DeviceConfiguration, devicesShape } from '../common/runtime/device-configuration.ts';
import type { ConfiguredDevice } from './agents/configured-devices.ts';
import type { PollTierConfig } from './agents/poll-tier.ts';
import { pollTierConfigOf, pollTiersSchema } from './agents/poll-tier-config.ts';
import { type FaultsConfig, faultsConfigOf, faultsSchema } from './faults/fault-rules.ts';
import { type NorthboundConfig, northboundSchema } from './faults/tmf642/northbound-config.ts';
import { type TellingConfig, tellingConfigOf, tellingSchema } from './tell/telling-config.ts';
import { type RepairConfig, repairConfigOf, repairSchema } from './repair/repair-config.ts';
import { storeSchema } from './store/store-config.ts';

const MIB = 1024 * 1024;
/** The largest batch that an agent may write (common/wire), and its header. */
const LARGEST_BATCH = 64 * MIB + 64 * 1024;
const KEPT_ENTRIES = 60;
const DAY_MS = 86_400_000;

const journalSchema = z.strictObject({
  /** From nine tenths of it on agents are asked to wait. */
  max_bytes: z
    .number()
    .int()
    .min(16 * MIB)
    .default(8192 * MIB),
  /** Applied batches kept nevertheless, so that a projection can go through them again: no older, and no more octets. */
  keep_hours: z.number().min(0).max(8760).default(24),
  keep_bytes: z
    .number()
    .int()
    .min(0)
    .default(256 * MIB),
  /** Share of max_bytes from which on the journal no longer waits for the metric store. */
  store_share: z.number().min(0.3).max(0.85).default(0.6),
  /** Free room on the disk below which nothing is taken any more. */
  reserve_bytes: z
    .number()
    .int()
    .min(0)
    .default(128 * MIB),
});

const ingestSchema = z.strictObject({
  max_batch_bytes: z.number().int().min(1024).max(LARGEST_BATCH).default(LARGEST_BATCH),
  max_in_flight: z.number().int().min(1).max(100_000).default(256),
  max_in_flight_bytes: z
    .number()
    .int()
    .min(MIB)
    .default(128 * MIB),
  /** What an agent read of a device after it was given to another is taken up to this time after the change. */
  former_agent_ms: z.number().int().min(0).default(86_400_000),
});

const eventsSchema = z.strictObject({
  max_streams: z.number().int().min(1).max(100_000).default(200),
  /** What may wait for a slow reader; beyond it the reader is told to ask again. */
  max_buffer_bytes: z.number().int().min(1024).max(MIB).default(65_536),
  /** Events kept in memory for readers that come back after a moment. */
  replay_bytes: z
    .number()
    .int()
    .min(0)
    .max(64 * MIB)
    .default(MIB),
  /** How long, and how many at most, events of devices and finished work are kept. */
  kept_days: z.number().int().min(1).max(3650).default(90),
  max_kept: z.number().int().min(1000).max(100_000_000).default(1_000_000),
});

const tlsSchema = z
  .strictObject({
    host: z.string().min(1).default('0.0.0.0'),
    port: portSchema.default(8443),
    certificate_file: z.string().min(1),
    /** A path, or a reference to the key. */
    key_file: z.string().min(1),
    client_ca_file: z.string().min(1).optional(),
    client_certificates: z.enum(['agents', 'everybody']).default('agents'),
  })
  .transform((tls) => ({
    listener: {
      host: tls.host,
      port: tls.port,
      clientCertificates: tls.client_ca_file === undefined ? ('nobody' as const) : tls.client_certificates,
    },
    files: {
      caFile: tls.client_ca_file ?? null,
      certificateFile: tls.certificate_file,
      keyFile: tls.key_file,
      serverName: null,
    },
  }));

export const collectorShape = {
  devices: devicesShape.devices,
  database: databaseSchema,
  collector: z
    .strictObject({
      host: z.string().min(1).default('127.0.0.1'),
      port: portSchema.default(8080),
      /** Listening beyond loopback without TLS: said by an operator whose proxy in front does it. */
      insecure: z.boolean().default(false),
      /** A second door, over TLS. */
      tls: tlsSchema.optional(),
      /** Unknown tokens that an address may show; beyond them it is asked to wait. */
      failed_sign_ins_per_minute: z.number().int().min(1).max(1_000_000).default(FAILED_SIGN_INS_PER_MINUTE),
      bridge_url: z.url({ protocol: /^https?$/ }).default('http://127.0.0.1:8081'),
      /** Says on the page that the network is a simulated one. */
      demo: z.boolean().default(false),
      database_connections: z.number().int().min(2).max(200).default(8),
      journal: journalSchema.prefault({}),
      ingest: ingestSchema.prefault({}),
      events: eventsSchema.prefault({}),
      /** What is metered beside the octets of interfaces. */
      meters: z.array(z.enum(METERED_CLASSES)).max(METERED_CLASSES.length).default(['energy', 'power', 'current']),
      store: storeSchema.prefault({}),
      faults: faultsSchema.prefault({}),
      northbound: northboundSchema.prefault({}),
      telling: tellingSchema.prefault({}),
      repair: repairSchema.prefault({}),
      /** Devices that carry much are polled more often. */
      poll_tiers: pollTiersSchema.prefault({}),
      /** A file of KPIs beside the shipped ones; docs/kpis.md. */
      kpis: z.string().min(1).optional(),
    })
    .prefault({}),
};

const collectorSchema = z.object(collectorShape);
export type CollectorConfiguration = z.output<typeof collectorSchema>;

/** What the collector reads of the agent's part: who polls what where the devices do not say it. */
export interface PollingConfiguration {
  readonly agent: { readonly name: string; readonly poll_interval_ms: DurationMs };
}

export interface CollectorConfig {
  readonly host: string;
  readonly port: number;
  readonly insecure: boolean;
  readonly failedSignInsPerMinute: number;
  /** The door over TLS, or null. */
  readonly tls: z.output<typeof tlsSchema> | null;
  readonly bridgeUrl: string;
  readonly demo: boolean;
  readonly databaseConnections: number;
  readonly meters: readonly MeteredClass[];
  readonly journal: {
    readonly maxBytes: number;
    readonly reserveBytes: number;
    /** Applied batches kept nevertheless, so that a projection can be set back a little; never more than half of the bound. */
    readonly keepEntries: number;
    /** Applied batches beyond those that are kept for a replay. */
    readonly keepMs: DurationMs;
    readonly keepBytes: number;
    /** Beyond it the journal no longer waits for the metric store. */
    readonly storeBacklogBytes: number;
  };
  readonly ingest: {
    readonly maxBatchBytes: number;
    readonly maxBodies: number;
    readonly maxBytes: number;
    readonly formerAgentMs: DurationMs;
  };
  readonly events: {
    readonly maxStreams: number;
    readonly maxBufferBytes: number;
    readonly replayBytes: number;
    readonly keptMs: DurationMs;
    readonly most: number;
  };
  readonly store: z.output<typeof storeSchema>;
  readonly faults: FaultsConfig;
  readonly northbound: NorthboundConfig;
  readonly telling: TellingConfig;
  readonly repair: RepairConfig;
  readonly pollTiers: PollTierConfig;
  /** A file of the operator's own KPIs. */
  readonly kpis: string | null;
  /** The agent of this file: the one that polls devices which name none. */
  readonly agent: string;
  readonly pollIntervalMs: DurationMs;
  readonly devices: readonly ConfiguredDevice[];
}

export function collectorConfig(whole: CollectorConfiguration & PollingConfiguration): CollectorConfig {
  const { collector, agent } = whole;
  const { journal, ingest, events } = collector;
  return {
    host: collector.host,
    port: collector.port,
    insecure: collector.insecure,
    failedSignInsPerMinute: collector.failed_sign_ins_per_minute,
    tls: collector.tls ?? null,
    bridgeUrl: collector.bridge_url,
    demo: collector.demo,
    databaseConnections: collector.database_connections,
    meters: collector.meters,
    journal: {
      maxBytes: journal.max_bytes,
      reserveBytes: journal.reserve_bytes,
      keepMs: Math.round(journal.keep_hours * 3_600_000),
      // Never what the bound needs for what comes.
      keepBytes: Math.min(journal.keep_bytes, Math.floor(journal.max_bytes / 4)),
      storeBacklogBytes: Math.floor(journal.max_bytes * journal.store_share),
      keepEntries: Math.min(KEPT_ENTRIES, Math.floor(journal.max_bytes / 2 / ingest.max_batch_bytes)),
    },
    ingest: {
      maxBatchBytes: ingest.max_batch_bytes,
      maxBodies: ingest.max_in_flight,
      maxBytes: ingest.max_in_flight_bytes,
      formerAgentMs: ingest.former_agent_ms,
    },
    events: {
      maxStreams: events.max_streams,
      maxBufferBytes: events.max_buffer_bytes,
      replayBytes: events.replay_bytes,
      keptMs: events.kept_days * DAY_MS,
      most: events.max_kept,
    },
    store: collector.store,
    faults: faultsConfigOf(collector.faults),
    northbound: collector.northbound,
    telling: tellingConfigOf(collector.telling),
    repair: repairConfigOf(collector.repair),
    pollTiers: pollTierConfigOf(collector.poll_tiers),
    kpis: collector.kpis ?? null,
    agent: agent.name,
    pollIntervalMs: agent.poll_interval_ms,
    devices: whole.devices.map((device) => deviceOf(device, agent)),
  };
}

/** A device as the collector uses it; `agent`: who polls it, and how often, where it does not say so. */
export function deviceOf(device: DeviceConfiguration, agent: PollingConfiguration['agent']): ConfiguredDevice {
  return {
    name: device.name,
    address: device.address,
    site: device.site ?? null,
    agent: device.agent ?? agent.name,
    intervalMs: device.interval_ms ?? agent.poll_interval_ms,
    parents: device.parents ?? [],
    infrastructure: device.infrastructure ?? [],
    definition: definitionOf(device, agent),
  };
}

/** What the agent needs of a device: who polls it and how often is said, which other devices lie before it and what its ports carry is not. */
function definitionOf(device: DeviceConfiguration, agent: PollingConfiguration['agent']): DeviceConfiguration {
  const { parents: _parents, infrastructure: _infrastructure, ...needed } = device;
  return {
    ...needed,
    agent: device.agent ?? agent.name,
    interval_ms: device.interval_ms ?? agent.poll_interval_ms,
  };
}
