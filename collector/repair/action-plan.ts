// What a recipe comes to for one alarm: which values of which device, what speaks against it, what to be warned of. Pure.
import { fitsPattern } from '../../common/model/name-pattern.ts';
import type { DurationMs } from '../../common/model/time.ts';
import type { SetVarbind } from '../agents/work-item.ts';
import { type AlarmFacts, type DeviceFacts, type PortFacts, placesOf, splitResource } from './facts.ts';
import type { PathCheck } from './path-check.ts';
import type { RepairLimits } from './repair-config.ts';
import type { Expectation, Recipe } from './runbook.ts';
import { fitsOne, misfit, type Subject } from './selector.ts';
import { filled, indexOf, type Known, missingPlaces } from './template.ts';

export interface PlannedStep {
  readonly varbinds: readonly SetVarbind[];
  readonly pauseMs: DurationMs;
}

export interface ActionPlan {
  readonly action: string;
  readonly title: string;
  readonly target: string;
  readonly device: string;
  readonly agent: string;
  readonly steps: readonly PlannedStep[];
  readonly webhook: string | null;
  readonly expect: readonly Expectation[];
  readonly withinMs: DurationMs;
  /** What the device must have in the end. */
  readonly expected: readonly { readonly oid: string; readonly value: string }[];
  readonly restore: Recipe['restore'];
}

/** What was done lately, and what is in hand. */
export interface ActionsNow {
  readonly open: readonly { readonly action: string; readonly device: string; readonly alarm: string }[];
  readonly lastHour: number;
  readonly ofDeviceLastHour: number;
  readonly ofDeviceLastDay: number;
}

export interface PlanGrounds {
  readonly recipe: Recipe;
  readonly alarm: AlarmFacts;
  readonly alarmDevice: DeviceFacts | null;
  /** Null: it is not known what it would be done to. */
  readonly target: string | null;
  readonly targetDevice: DeviceFacts | null;
  readonly port: PortFacts | null;
  readonly profile: string | null;
  /** Null where the recipe cuts nothing. */
  readonly path: PathCheck | null;
  readonly now: ActionsNow;
  readonly limits: RepairLimits;
  readonly protected: readonly string[];
}

export interface Planned {
  readonly plan: ActionPlan | null;
  /** Why it may not be done; empty: it may. */
  readonly reasons: readonly string[];
  /** What a person should know, and what keeps a policy from it. */
  readonly warnings: readonly string[];
}

/** ifType (IANAifType-MIB) of a port with a plug: what hangs on anything else is not known from the topology. */
const PHYSICAL: readonly number[] = [6, 62, 69, 117];

export function planAction(grounds: PlanGrounds): Planned {
  const { recipe, alarm, target, targetDevice } = grounds;
  const general = [...alarmReasons(grounds), ...limitReasons(grounds)];
  if (target === null)
    return {
      plan: null,
      reasons: [...general, `it is not known which ${recipe.target} is meant: name a target`],
      warnings: [],
    };
  const [device] = splitResource(target);
  if (targetDevice === null) return { plan: null, reasons: [...general, `there is no device ${device}`], warnings: [] };
  const known = withIndex(recipe, placesOf(target, grounds.port));
  const missing = missingOf(recipe, known);
  const reasons = [...general, ...targetReasons(grounds, target)];
  if (missing.length > 0)
    return { plan: null, reasons: [...reasons, `not known of ${target}: ${missing.join(', ')}`], warnings: [] };
  const steps = recipe.steps.map(({ values, pauseMs }) => ({
    varbinds: values.map(({ oid, type, value }) => ({ oid: filled(oid, known), type, value: filled(value, known) })),
    pauseMs,
  }));
  const named = recipe.verify.values.map(({ oid, value }) => ({
    oid: filled(oid, known),
    value: filled(value, known),
  }));
  const plan: ActionPlan = {
    action: recipe.name,
    title: recipe.title,
    target: recipe.target === 'alarm' ? alarm.resource : target,
    device,
    agent: targetDevice.agent,
    steps,
    webhook: recipe.webhook,
    expect: recipe.verify.expect,
    withinMs: recipe.verify.withinMs,
    expected: named.length > 0 ? named : lastSet(steps),
    restore: recipe.restore,
  };
  const path = pathWords(grounds);
  return { plan, reasons: [...reasons, ...path.reasons], warnings: path.warnings };
}

function alarmReasons({ recipe, alarm, alarmDevice }: PlanGrounds): string[] {
  if (alarm.isCleared) return ['the alarm is over'];
  const subject: Subject = {
    alarmType: alarm.alarmType,
    severity: alarm.severity,
    device: alarm.device,
    site: alarmDevice?.site ?? null,
    tags: alarmDevice?.tags ?? [],
    profile: null,
  };
  // The profiles are those of what it is done to.
  const why = misfit({ ...recipe.selector, profiles: [] }, subject);
  return why === null ? [] : [why];
}

function limitReasons({ now, limits, target, alarm }: PlanGrounds): string[] {
  const device = target === null ? '' : splitResource(target)[0];
  const open = now.open.find((one) => one.device === device || one.alarm === alarm.id);
  return [
    ...(open === undefined ? [] : [`the action ${open.action} is in hand for this device or alarm`]),
    ...(now.lastHour >= limits.actionsPerHour
      ? [`there were ${now.lastHour} actions in the last hour, the most allowed`]
      : []),
    ...(now.ofDeviceLastHour >= limits.actionsPerDevicePerHour
      ? [`there were ${now.ofDeviceLastHour} actions on ${device} in the last hour, the most allowed`]
      : []),
    ...(now.ofDeviceLastDay >= limits.actionsPerDevicePerDay
      ? [`there were ${now.ofDeviceLastDay} actions on ${device} in the last day, the most allowed`]
      : []),
  ];
}

function targetReasons({ recipe, port, profile, protected: shielded }: PlanGrounds, target: string): string[] {
  const reasons: string[] = [];
  if (recipe.target !== 'alarm' && shielded.some((pattern) => fitsPattern(pattern, target)))
    reasons.push(`${target} is protected (collector.repair.protected)`);
  if (recipe.selector.profiles.length > 0 && !fitsOne(recipe.selector.profiles, profile))
    reasons.push(`it is for devices of other profiles than ${profile ?? 'an unknown one'}`);
  if (recipe.target === 'interface' && port === null) reasons.push(`${target} is no interface that is there`);
  if (recipe.target === 'outlet' && !splitResource(target)[1].startsWith('outlet:'))
    reasons.push(`${target} is no outlet`);
  if (recipe.cuts === 'port' && recipe.webhook === null && port !== null && !PHYSICAL.includes(port.ifType ?? 0))
    reasons.push(`${target} is no physical port (ifType ${port.ifType ?? 'not known'}): what hangs on it is not known`);
  return reasons;
}

function pathWords({ path, target }: PlanGrounds): { readonly reasons: string[]; readonly warnings: string[] } {
  if (path === null || target === null) return { reasons: [], warnings: [] };
  const [device] = splitResource(target);
  const reasons: string[] = [];
  const warnings: string[] = [];
  if (path.own === 'cut') reasons.push(`${target} is the only way from its agent to ${device}`);
  if (path.own === 'unsure')
    reasons.push(
      `nobody has said where the agent of ${device} is plugged in (collector.faults.cause.attached, or parents), and ${target} leads to ${listOf(path.others)}`,
    );
  if (path.own === 'unknown') warnings.push(`nothing is known of how ${device} is reached`);
  if (path.own !== 'unsure' && path.others.length > 0)
    warnings.push(`${listOf(path.others)} would be cut off meanwhile`);
  return { reasons, warnings };
}

const MOST_NAMED = 5;

function listOf(names: readonly string[]): string {
  const named = names.slice(0, MOST_NAMED).join(', ');
  return names.length <= MOST_NAMED ? named : `${named} and ${names.length - MOST_NAMED} more`;
}

function withIndex({ index }: Recipe, known: Known): Known {
  if (index === null) return known;
  const made = indexOf(index, known);
  return made === null ? known : { ...known, index: made };
}

function missingOf(recipe: Recipe, known: Known): string[] {
  const texts = [
    ...recipe.steps.flatMap(({ values }) => values.flatMap(({ oid, value }) => [oid, value])),
    ...recipe.verify.values.flatMap(({ oid, value }) => [oid, value]),
  ];
  return [...new Set(texts.flatMap((text) => missingPlaces(text, known)))];
}

/** Of each object what was set last. */
function lastSet(steps: readonly PlannedStep[]): { oid: string; value: string }[] {
  const last = new Map(steps.flatMap(({ varbinds }) => varbinds.map(({ oid, value }) => [oid, value])));
  return [...last].map(([oid, value]) => ({ oid, value }));
}
