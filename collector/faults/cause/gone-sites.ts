// The one alarm that no poll tells: a whole site is gone. Raised and cleared by the correlator, in the transaction of its decisions.
import type { Queryable } from '../../../common/database/database.ts';
import type { EpochMs } from '../../../common/model/time.ts';
import type { AlarmChange } from '../alarm-machine.ts';
import { type Written, writeChanges } from '../alarm-writer.ts';
import { type Causes, type GoneSite, SITE_GONE, siteOf, siteResource } from './causes.ts';
import { type AlarmOfPass, alarmOfPass } from './cause-store.ts';

export interface SiteChanges {
  readonly alarms: readonly AlarmOfPass[];
  readonly causes: Causes;
  readonly goneSites: readonly GoneSite[];
  readonly nowMs: EpochMs;
}

/** Sites whose alarm is due, and alarms of sites of which a device answers again. */
export function siteChanges({ alarms, causes, goneSites, nowMs }: SiteChanges): AlarmChange[] {
  const key = (resource: string) => ({ resource, alarmType: SITE_GONE, qualifier: '' });
  const raised = goneSites.map(({ site, devices, roots }): AlarmChange => {
    const text = `None of the ${devices.length} devices of ${site} answers; the first on the way to it is ${roots[0] ?? ''}.`;
    return { kind: 'raised', ...key(siteResource(site)), severity: 'critical', text, threshold: null, atMs: nowMs };
  });
  const over = alarms.filter(
    ({ alarmType, resource }) => alarmType === SITE_GONE && !causes.darkSites.has(siteOf(resource) ?? ''),
  );
  const cleared = over.map(({ resource, severity }): AlarmChange => {
    const text = `A device of ${siteOf(resource) ?? ''} answers again.`;
    return { kind: 'cleared', ...key(resource), severity, text, threshold: null, atMs: nowMs };
  });
  return [...raised, ...cleared];
}

export function writeSiteChanges(
  connection: Queryable,
  changes: readonly AlarmChange[],
  historyEntries: number,
): Promise<Written[]> {
  const originated = changes.map((change, ordinal) => ({
    ...change,
    origin: { journal: `${change.kind} ${change.resource}`, position: change.atMs, ordinal },
  }));
  return writeChanges(connection, originated, historyEntries);
}

/** The alarms of a pass after these changes. */
export function withSites(alarms: readonly AlarmOfPass[], written: readonly Written[]): AlarmOfPass[] {
  const touched = new Set(written.map(({ row }) => row.id.toString()));
  const raised = written.filter(({ row }) => !row.is_cleared).map(({ row }) => alarmOfPass(row));
  return [...alarms.filter(({ id }) => !touched.has(id)), ...raised];
}
