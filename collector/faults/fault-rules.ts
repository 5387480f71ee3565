// The levels and times at which faults become alarms: `collector.faults` of the configuration, every value with a default.
import { z } from 'zod';
import type { DurationMs } from '../../common/model/time.ts';
import type { Severity } from './alarm.ts';
import { type CauseConfig, causeConfigOf, causeSchema } from './cause/cause-config.ts';
import type { AlarmRetention } from './alarm-purge.ts';

const DAY_MS: DurationMs = 86_400_000;
import { partRuleShape } from './part-rules.ts';
import { type Camel, camelOf, durationMs, enabled, polls, severity } from './rule-fields.ts';
import { overridden, overrideSchema, type RuleOverride, wrongOverrides } from './rule-overrides.ts';
import { wantedSchema } from './wanted-rule.ts';

const ruleShape = {
  interface_down: z
    .strictObject({
      enabled,
      severity: severity('major'),
      raise_after_polls: polls(1),
      raise_after_ms: durationMs(0),
      clear_after_polls: polls(1),
      /** Links come up one after the other: so long after a restart of the device none is raised. */
      settle_ms: durationMs(60_000),
      wanted: wantedSchema,
    })
    .prefault({}),
  device_unreachable: z
    .strictObject({ enabled, severity: severity('critical'), raise_after_polls: polls(2) })
    .prefault({}),
  device_rebooted: z
    .strictObject({ enabled, severity: severity('warning'), clear_after_ms: durationMs(900_000) })
    .prefault({}),
  high_utilisation: z
    .strictObject({
      enabled,
      severity: severity('minor'),
      raise_percent: z.number().positive().max(110).default(90),
      clear_percent: z.number().positive().max(110).default(80),
      raise_after_polls: polls(2),
      clear_after_polls: polls(2),
    })
    .refine((rule) => rule.clear_percent < rule.raise_percent, {
      path: ['clear_percent'],
      message: 'expected less than raise_percent',
    })
    .prefault({}),
  interface_errors: z
    .strictObject({
      enabled,
      severity: severity('minor'),
      raise_per_second: z.number().positive().default(1),
      clear_per_second: z.number().positive().default(0.1),
      raise_after_polls: polls(2),
      clear_after_polls: polls(2),
    })
    .refine((rule) => rule.clear_per_second < rule.raise_per_second, {
      path: ['clear_per_second'],
      message: 'expected less than raise_per_second',
    })
    .prefault({}),
  interface_discards: z
    .strictObject({
      enabled,
      severity: severity('warning'),
      raise_per_second: z.number().positive().default(10),
      clear_per_second: z.number().positive().default(1),
      raise_after_polls: polls(3),
      clear_after_polls: polls(3),
    })
    .refine((rule) => rule.clear_per_second < rule.raise_per_second, {
      path: ['clear_per_second'],
      message: 'expected less than raise_per_second',
    })
    .prefault({}),
  agent_silent: z
    .strictObject({
      enabled,
      severity: severity('critical'),
      /** Intervals of the device that the agent polls most often. */
      intervals: z.number().min(1).max(1000).default(3),
      least_ms: durationMs(15_000),
    })
    .prefault({}),
  agent_clock: z
    .strictObject({
      enabled,
      severity: severity('minor'),
      raise_ms: z.number().int().min(1).max(3_600_000).default(2000),
      clear_ms: z.number().int().min(1).max(3_600_000).default(1000),
      raise_after_batches: polls(2),
    })
    .refine((rule) => rule.clear_ms <= rule.raise_ms, { path: ['clear_ms'], message: 'expected at most raise_ms' })
    .prefault({}),
  ...partRuleShape,
};
const rulesSchema = z.strictObject(ruleShape);

export const faultsSchema = z
  .strictObject({
    ...ruleShape,
    /** Rules that differ for some devices; of those that fit one, each changes what the ones before left. */
    overrides: z.array(overrideSchema).max(1000).default([]),
    cause: causeSchema.prefault({}),
    /** Status changes kept of each alarm (RFC 8632 max-alarm-status-changes); the oldest go first. */
    history_entries: z.number().int().min(1).max(10_000).default(32),
    /** Cleared alarms are let go of so long after they and their operators last changed: closed ones, and all. */
    retention: z
      .strictObject({
        closed_days: z.number().min(1).max(3650).default(90),
        cleared_days: z.number().min(1).max(3650).default(400),
      })
      .prefault({}),
    /** How often it is looked whether an agent is silent. */
    tick_ms: z.number().int().min(100).max(600_000).default(5000),
  })
  .superRefine((parsed, context) => {
    for (const { path, message } of wrongOverrides(onlyRules(parsed), parsed.overrides, rulesSchema))
      context.addIssue({ code: 'custom', path, message });
  });

/** Rules as they stand in the configuration, every value there. */
type RulesConfiguration = z.output<typeof rulesSchema>;

function onlyRules(parsed: RulesConfiguration): RulesConfiguration {
  const names = Object.keys(ruleShape) as (keyof RulesConfiguration)[];
  return Object.fromEntries(names.map((name) => [name, parsed[name]])) as RulesConfiguration;
}

/** A level that raises, a lower one that clears, and how many polls in a row each needs. */
export interface ThresholdRule {
  readonly enabled: boolean;
  readonly severity: Severity;
  readonly raiseAt: number;
  readonly clearBelow: number;
  readonly raiseAfterPolls: number;
  readonly clearAfterPolls: number;
}

type PartRules = Camel<z.output<z.ZodObject<typeof partRuleShape>>>;

export interface FaultRules extends PartRules {
  readonly interfaceDown: {
    readonly enabled: boolean;
    readonly severity: Severity;
    readonly raiseAfterPolls: number;
    readonly raiseAfterMs: DurationMs;
    readonly clearAfterPolls: number;
    readonly settleMs: DurationMs;
    readonly wanted: Camel<z.output<typeof wantedSchema>>;
  };
  readonly deviceUnreachable: {
    readonly enabled: boolean;
    readonly severity: Severity;
    readonly raiseAfterPolls: number;
  };
  readonly deviceRebooted: {
    readonly enabled: boolean;
    readonly severity: Severity;
    readonly clearAfterMs: DurationMs;
  };
  readonly highUtilisation: ThresholdRule;
  readonly interfaceErrors: ThresholdRule;
  readonly interfaceDiscards: ThresholdRule;
  readonly agentSilent: {
    readonly enabled: boolean;
    readonly severity: Severity;
    readonly intervals: number;
    readonly leastMs: DurationMs;
  };
  readonly agentClock: {
    readonly enabled: boolean;
    readonly severity: Severity;
    readonly raiseMs: DurationMs;
    readonly clearMs: DurationMs;
    readonly raiseAfterBatches: number;
  };
}

export interface FaultsConfig {
  readonly rules: FaultRules;
  readonly overrides: readonly RuleOverride[];
  /** The rules as configured: what overrides are laid over. */
  readonly configured: RulesConfiguration;
  readonly historyEntries: number;
  readonly retention: AlarmRetention;
  readonly tickMs: DurationMs;
  readonly cause: CauseConfig;
}

export function faultsConfigOf(parsed: z.output<typeof faultsSchema>): FaultsConfig {
  return {
    rules: rulesOf(parsed),
    overrides: parsed.overrides,
    configured: onlyRules(parsed),
    historyEntries: parsed.history_entries,
    retention: {
      closedMs: Math.round(parsed.retention.closed_days * DAY_MS),
      clearedMs: Math.round(parsed.retention.cleared_days * DAY_MS),
    },
    tickMs: parsed.tick_ms,
    cause: causeConfigOf(parsed.cause),
  };
}

/** The rules with these overrides, in their order; `left` are those that fit by themselves, but not with the ones before. */
export function rulesWith(
  { configured, overrides }: Pick<FaultsConfig, 'configured' | 'overrides'>,
  wanted: readonly number[],
): { readonly made: FaultRules; readonly left: readonly number[] } {
  let rules = configured;
  const left: number[] = [];
  for (const at of wanted) {
    const parsed = rulesSchema.safeParse(overridden(rules, overrides[at]?.rules ?? {}));
    if (parsed.success) rules = parsed.data;
    else left.push(at);
  }
  return { made: rulesOf(rules), left };
}

function rulesOf(parsed: RulesConfiguration): FaultRules {
  const { interface_down: down, high_utilisation: high, interface_errors: errors, agent_silent: silent } = parsed;
  const { interface_discards: discards } = parsed;
  const { device_unreachable: unreachable, device_rebooted: rebooted, agent_clock: clock } = parsed;
  return {
    ...partRulesOf(parsed),
    interfaceDown: {
      enabled: down.enabled,
      severity: down.severity,
      raiseAfterPolls: down.raise_after_polls,
      raiseAfterMs: down.raise_after_ms,
      clearAfterPolls: down.clear_after_polls,
      settleMs: down.settle_ms,
      wanted: camelOf(down.wanted),
    },
    deviceUnreachable: {
      enabled: unreachable.enabled,
      severity: unreachable.severity,
      raiseAfterPolls: unreachable.raise_after_polls,
    },
    deviceRebooted: {
      enabled: rebooted.enabled,
      severity: rebooted.severity,
      clearAfterMs: rebooted.clear_after_ms,
    },
    highUtilisation: thresholdOf(high, high.raise_percent, high.clear_percent),
    interfaceErrors: thresholdOf(errors, errors.raise_per_second, errors.clear_per_second),
    interfaceDiscards: thresholdOf(discards, discards.raise_per_second, discards.clear_per_second),
    agentSilent: {
      enabled: silent.enabled,
      severity: silent.severity,
      intervals: silent.intervals,
      leastMs: silent.least_ms,
    },
    agentClock: {
      enabled: clock.enabled,
      severity: clock.severity,
      raiseMs: clock.raise_ms,
      clearMs: clock.clear_ms,
      raiseAfterBatches: clock.raise_after_batches,
    },
  };
}

function partRulesOf(parsed: RulesConfiguration): PartRules {
  const wanted = Object.keys(partRuleShape) as (keyof typeof partRuleShape)[];
  return camelOf(Object.fromEntries(wanted.map((name) => [name, parsed[name]]))) as PartRules;
}

function thresholdOf(
  rule: {
    readonly enabled: boolean;
    readonly severity: Severity;
    readonly raise_after_polls: number;
    readonly clear_after_polls: number;
  },
  raiseAt: number,
  clearBelow: number,
): ThresholdRule {
  return {
    enabled: rule.enabled,
    severity: rule.severity,
    raiseAt,
    clearBelow,
    raiseAfterPolls: rule.raise_after_polls,
    clearAfterPolls: rule.clear_after_polls,
  };
}

/** What holds where the configuration says nothing. */
export const DEFAULT_FAULTS: FaultsConfig = faultsConfigOf(faultsSchema.parse({}));
