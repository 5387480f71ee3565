// What the page shows at a glance, and who is asking.
import { whoAnswer } from './who-answer.ts';
import type { Viewpoint } from '../../common/model/viewpoint.ts';
import { type SeenBy, seenBy } from './seen.ts';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { isoTime } from '../../common/model/time.ts';
import { ROLES, STATE_READERS } from '../../common/runtime/access.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Alarms } from '../faults/alarm.ts';
import type { Storm, Storms } from '../faults/alarm-storm.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type { Readings } from '../readings/readings.ts';
import { type OverviewAnswer, overviewAnswer } from './answers.ts';
import { SharedAnswer } from './shared-answer.ts';

export interface OverviewRoutesDeps extends SeenBy {
  readonly clock: Clock;
  readonly inventory: Pick<Inventory, 'counts'>;
  readonly readings: Pick<Readings, 'summary'>;
  readonly alarms: Pick<Alarms, 'under'>;
  readonly storms: Storms;
}

export interface OverviewConfig {
  readonly demo: boolean;
  readonly pollIntervalMs: number;
  readonly configuredDevices: () => number;
}

/** Every open page asks every few seconds: they share an answer. */
const SHARED_MS = 1000;

export function addOverviewRoutes(routes: DescribedRoutes, config: OverviewConfig, deps: OverviewRoutesDeps): void {
  const shared = new SharedAnswer<OverviewAnswer>(deps.clock);
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/overview',
      access: STATE_READERS,
      scoped: true,
      summary: 'Devices, interfaces, readings and alarms in figures; at most a second old.',
      answer: overviewAnswer,
    },
    async ({ principal }) => {
      const viewpoint = await seenBy(deps, principal);
      const make = (): Promise<OverviewAnswer> => look(config, deps, viewpoint);
      return viewpoint.everything ? shared.get(SHARED_MS, make) : make();
    },
  );
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/whoami',
      access: ROLES,
      scoped: true,
      summary: 'Whose token it is, and its role.',
      answer: whoAnswer,
    },
    async ({ principal }) =>
      principal === null ? null : { name: principal.name, role: principal.role, scope: principal.scope },
  );
}

async function look(config: OverviewConfig, deps: OverviewRoutesDeps, viewpoint: Viewpoint): Promise<OverviewAnswer> {
  const [counts, readings, alarms, storm] = await Promise.all([
    deps.inventory.counts(viewpoint, deps.clock.now()),
    // Pages and quarantine are of the whole network; nothing of them is the scope's.
    viewpoint.everything ? deps.readings.summary() : null,
    deps.alarms.under(viewpoint).summary(),
    deps.storms.now(viewpoint),
  ]);
  const cleared = alarms.severities.reduce((total, { cleared: some }) => total + some, 0);
  return {
    demo: config.demo,
    pollIntervalMs: config.pollIntervalMs,
    devices: {
      configured: viewpoint.everything ? config.configuredDevices() : viewpoint.devices.length,
      ...counts.devices,
    },
    interfaces: { ...counts.interfaces },
    readings:
      readings === null
        ? null
        : {
            pages: readings.pages.toString(),
            lastAt: readings.lastObservedAtMs === null ? null : isoTime(readings.lastObservedAtMs),
          },
    alarms: {
      ...Object.fromEntries(alarms.severities.map(({ severity, notCleared }) => [severity, notCleared])),
      cleared,
      shelved: alarms.shelved,
    },
    quarantined: readings?.quarantined ?? null,
    storm: storm === null ? null : describeStorm(storm),
  };
}

function describeStorm({ sinceMs, roots, ...storm }: Storm): NonNullable<OverviewAnswer['storm']> {
  return { since: isoTime(sinceMs), ...storm, roots: [...roots] };
}
