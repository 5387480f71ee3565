// Which alarms a runbook, an action or a policy is for: by type, severity, device, site, tag and profile. Pure.
import { z } from 'zod';
import { fitsPattern } from '../../common/model/name-pattern.ts';
import type { Severity } from '../faults/alarm.ts';

/** The worse the higher. */
export const SEVERITY_RANK: Readonly<Record<Severity, number>> = {
  critical: 5,
  major: 4,
  minor: 3,
  warning: 2,
  indeterminate: 1,
};

const words = z.array(z.string().min(1).max(200)).max(500).default([]);

/** Empty lists fit everything; devices and profiles may have `*`. */
export const selectorShape = {
  alarm_types: words,
  /** At least. */
  severity: z.enum(Object.keys(SEVERITY_RANK) as Severity[]).default('indeterminate'),
  sites: words,
  tags: words,
  devices: words,
  profiles: words,
};
const selectorSchema = z.strictObject(selectorShape);

export interface Selector {
  readonly alarmTypes: readonly string[];
  readonly severity: Severity;
  readonly sites: readonly string[];
  readonly tags: readonly string[];
  readonly devices: readonly string[];
  readonly profiles: readonly string[];
}

/** What is asked about. */
export interface Subject {
  readonly alarmType: string;
  readonly severity: Severity;
  readonly device: string | null;
  readonly site: string | null;
  readonly tags: readonly string[];
  readonly profile: string | null;
}

export function selectorOf(parsed: z.output<typeof selectorSchema>): Selector {
  const { alarm_types: alarmTypes, severity, sites, tags, devices, profiles } = parsed;
  return { alarmTypes, severity, sites, tags, devices, profiles };
}

/** Null where it fits; else what does not. */
export function misfit(selector: Selector, subject: Subject): string | null {
  const { alarmTypes, severity, sites, tags, devices, profiles } = selector;
  if (alarmTypes.length > 0 && !alarmTypes.includes(subject.alarmType))
    return `it is not for alarms of the type ${subject.alarmType}`;
  if (SEVERITY_RANK[subject.severity] < SEVERITY_RANK[severity])
    return `it is for alarms that are at least ${severity}`;
  if (sites.length > 0 && !(subject.site !== null && sites.includes(subject.site))) return 'it is for other sites';
  if (tags.length > 0 && !subject.tags.some((tag) => tags.includes(tag))) return 'the device has none of its tags';
  if (devices.length > 0 && !fitsOne(devices, subject.device)) return 'it is for other devices';
  if (profiles.length > 0 && !fitsOne(profiles, subject.profile))
    return `it is for devices of other profiles than ${subject.profile ?? 'an unknown one'}`;
  return null;
}

export function fitsOne(patterns: readonly string[], text: string | null): boolean {
  return text !== null && patterns.some((pattern) => fitsPattern(pattern, text));
}
