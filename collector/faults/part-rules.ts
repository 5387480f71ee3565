// Rules of Weir itself, of flapping, of notifications, and of what a device has beside interfaces, in the configuration, every value with a default.
import { z } from 'zod';
import type { Severity } from './alarm.ts';
import { notificationsSchema } from './notification-rules.ts';
import { durationMs, enabled, pattern, polls, severity } from './rule-fields.ts';

const percent = (usual: number) => z.number().positive().max(100).default(usual);
/** Descriptions that are never a fault: one of the patterns fits. */
const ignored = (usual: readonly string[]) =>
  z
    .array(pattern)
    .max(50)
    .default([...usual]);

/** Two levels of a share in percent; the lower one clears. */
const usage = (raise: number, clear: number, raiseAfterPolls: number, ignore: readonly string[]) =>
  z
    .strictObject({
      enabled,
      severity: severity('minor'),
      raise_percent: percent(raise),
      clear_percent: percent(clear),
      raise_after_polls: polls(raiseAfterPolls),
      clear_after_polls: polls(2),
      ignore: ignored(ignore),
    })
    .refine((rule) => rule.clear_percent < rule.raise_percent, {
      path: ['clear_percent'],
      message: 'expected less than raise_percent',
    })
    .prefault({});

/** What happened, and ends by itself. */
const passing = (usual: Severity) =>
  z.strictObject({ enabled, severity: severity(usual), clear_after_ms: durationMs(14_400_000) }).prefault({});

/** What is full by its nature: images that are only read, and what is no disk at all. */
const IMAGES = [
  '^/(dev|proc|run|sys|snap)(/|$)',
  '^(/var)?/(packages|jail|mnt/cdrom|media/cdrom)(/|$)',
  '^/?junos(:|$)',
  '\\.(iso|squashfs|img)$',
];

export const partRuleShape = {
  spool_filling: z
    .strictObject({
      enabled,
      /** Polls were taken out, or batches given up. */
      severity: severity('warning'),
      loss_severity: severity('major'),
      clear_after_batches: polls(10),
    })
    .prefault({}),
  journal_lag: z
    .strictObject({
      enabled,
      severity: severity('minor'),
      raise_ms: z.number().int().min(1000).max(86_400_000).default(60_000),
      clear_ms: z.number().int().min(1000).max(86_400_000).default(10_000),
    })
    .refine((rule) => rule.clear_ms <= rule.raise_ms, { path: ['clear_ms'], message: 'expected at most raise_ms' })
    .prefault({}),
  receiver_failing: z
    .strictObject({
      enabled,
      /** Something was given up, and is not tried again by itself. */
      severity: severity('major'),
      failing_severity: severity('minor'),
      raise_after_ms: durationMs(600_000),
    })
    .prefault({}),
  notifications: notificationsSchema,
  interface_flapping: z
    .strictObject({
      enabled,
      severity: severity('minor'),
      changes: z.number().int().min(3).max(100).default(6),
      within_ms: durationMs(600_000),
      /** So long without a change it has settled. */
      settle_ms: durationMs(600_000),
    })
    .prefault({}),
  sensor_limit: z
    .strictObject({
      enabled,
      /** Beyond a limit of the device, and beyond what it calls a warning. */
      severity: severity('major'),
      warning_severity: severity('warning'),
      /** So far inside of a level a value counts as well again, in percent of the span between the limits. */
      hysteresis_percent: z.number().min(0).max(50).default(2),
      raise_after_polls: polls(2),
      clear_after_polls: polls(2),
      ignore: ignored([]),
    })
    .prefault({}),
  sensor_state: z
    .strictObject({
      enabled,
      severity: severity('major'),
      warning_severity: severity('warning'),
      raise_after_polls: polls(1),
      clear_after_polls: polls(1),
      ignore: ignored([]),
    })
    .prefault({}),
  high_processor_usage: usage(95, 85, 3, []),
  high_memory_usage: usage(95, 90, 3, ['^(Memory buffers|Cached memory|Shared memory)$']),
  storage_full: usage(90, 85, 2, IMAGES),
  bgp_peer_down: z
    .strictObject({ enabled, severity: severity('major'), raise_after_polls: polls(1), clear_after_polls: polls(1) })
    .prefault({}),
  neighbour_lost: z
    .strictObject({
      enabled,
      severity: severity('major'),
      raise_after_polls: polls(3),
      /** What has been there for a shorter time is not missed. */
      settle_ms: durationMs(900_000),
    })
    .prefault({}),
  device_upgraded: passing('warning'),
  unit_replaced: passing('minor'),
  link_mismatch: z
    .strictObject({
      enabled,
      severity: severity('minor'),
      /** Names of interfaces are read once an hour: one end may be told before the other. */
      raise_after_ms: durationMs(7_200_000),
      mtu_tolerance_bytes: z.number().int().min(0).max(10_000).default(26),
    })
    .prefault({}),
  lag_degraded: z
    .strictObject({ enabled, severity: severity('minor'), raise_after_polls: polls(1), clear_after_polls: polls(1) })
    .prefault({}),
  half_duplex: z
    .strictObject({ enabled, severity: severity('warning'), raise_after_polls: polls(1), clear_after_polls: polls(1) })
    .prefault({}),
  poll_partial: z
    .strictObject({ enabled, severity: severity('warning'), raise_after_polls: polls(5), clear_after_polls: polls(2) })
    .prefault({}),
  no_data: z
    .strictObject({
      enabled,
      severity: severity('major'),
      raise_after_polls: polls(5),
      clear_after_polls: polls(1),
      /** Polls in a row that were due and did not come, though its agent sends. */
      missed_polls: polls(5),
      /** And for so long, where it is polled every few seconds. */
      missed_least_ms: durationMs(60_000),
    })
    .prefault({}),
};
