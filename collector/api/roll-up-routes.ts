// The network and its sites rolled up: what answers, what is wrong, what flows through the edge, and what is earned there.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { pageInMemory } from '../../common/http/parameters.ts';
import { Exact } from '../../common/model/exact.ts';
import { isStale } from '../../common/model/staleness.ts';
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import { sees, type Viewpoint } from '../../common/model/viewpoint.ts';
import { mayEnter, principalOf, READERS, STATE_READERS } from '../../common/runtime/access.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { ConfiguredDevices } from '../agents/configured-devices.ts';
import type { Severity } from '../faults/alarm.ts';
import type { AlarmCounts } from '../faults/alarm-counts.ts';
import type { Inventory, InventoryDevice } from '../inventory/inventory.ts';
import type { ServiceBook } from '../services/service-book.ts';
import { collectorPage } from './parameters.ts';
import { type SeenBy, seenBy } from './seen.ts';
import { type SiteAnswer, siteAnswer, trafficAnswer } from './roll-up-answers.ts';
import { CUSTOMER_READERS, describeMirror, mirrorForm } from './service-routes.ts';
import type { Flow, TrafficDesk } from './traffic-desk.ts';

export interface RollUpRoutesDeps extends SeenBy {
  readonly clock: Clock;
  readonly traffic: Pick<TrafficDesk, 'now' | 'day' | 'by'>;
  readonly alarmCounts: AlarmCounts;
  readonly inventory: Pick<Inventory, 'devices'>;
  readonly devices: Pick<ConfiguredDevices, 'get' | 'all'>;
  readonly services: Pick<ServiceBook, 'services' | 'state'>;
}

const NO_ALARMS: Readonly<Record<Severity, number>> = { critical: 0, major: 0, minor: 0, warning: 0, indeterminate: 0 };

const PAGE = 1000;

export function addRollUpRoutes(routes: DescribedRoutes, deps: RollUpRoutesDeps): void {
  const { traffic } = deps;
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/traffic',
      access: STATE_READERS,
      scoped: true,
      summary: 'What flows into and out of all that is seen, now and over the last day.',
      answer: trafficAnswer,
    },
    async ({ principal }) => {
      const viewpoint = await seenBy(deps, principal);
      const now = await traffic.now(viewpoint);
      const { fromMs, toMs, stepMs, points } = await traffic.day(viewpoint);
      const day = points.map(({ atMs, ...point }) => ({ at: isoTime(atMs), ...point }));
      return { ...now, day: { from: isoTime(fromMs), to: isoTime(toMs), stepMs, points: day } };
    },
  );
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/sites',
      access: READERS,
      scoped: true,
      summary: 'Sites by name: devices, alarms, traffic through the edge, services and what they earn.',
      query: z.strictObject(collectorPage),
      answer: z.object({ items: z.array(siteAnswer), next: z.string().nullable(), mirror: mirrorForm }),
    },
    async ({ query, principal }) => {
      const viewpoint = await seenBy(deps, principal);
      const earns = mayEnter(principalOf(principal), CUSTOMER_READERS);
      const sites = await rollUp(deps, viewpoint, earns);
      const page = pageInMemory(sites, ({ site }) => site, query);
      return { items: [...page.items], next: page.next, mirror: describeMirror(deps.services) };
    },
  );
}

interface Site {
  total: number;
  answering: number;
  readonly alarms: Record<Severity, number>;
}

async function rollUp(deps: RollUpRoutesDeps, viewpoint: Viewpoint, earns: boolean): Promise<readonly SiteAnswer[]> {
  const nowMs = deps.clock.now();
  const sites = new Map<string, Site>();
  const siteOf = (device: string): string | null => {
    const configured = deps.devices.get(device);
    return configured === undefined || !sees(viewpoint, device) ? null : (configured.site ?? '');
  };
  for (const { name } of deps.devices.all()) {
    const site = siteOf(name);
    if (site === null) continue;
    const own = sites.get(site) ?? { total: 0, answering: 0, alarms: { ...NO_ALARMS } };
    own.total += 1;
    sites.set(site, own);
  }
  for (const device of await seenDevices(deps, viewpoint)) {
    const own = sites.get(siteOf(device.name) ?? '');
    const { lastPollAtMs, lastOutcome } = device;
    if (own !== undefined && siteOf(device.name) !== null && lastPollAtMs !== null && lastOutcome !== 'failed')
      own.answering += isStale(device, nowMs) ? 0 : 1;
  }
  for (const { place, severity, count: found } of await deps.alarmCounts.byPlace(viewpoint)) {
    const site = place.startsWith('site:') ? place.slice('site:'.length) : siteOf(place);
    const own = site === null ? undefined : sites.get(site);
    if (own !== undefined) own.alarms[severity] += found;
  }
  const flows = await deps.traffic.by(viewpoint, siteOf);
  const earned = earns ? earnedAt(deps, viewpoint, siteOf, nowMs) : null;
  return [...sites]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([site, { total, answering, alarms }]) => ({
      site,
      devices: { total, answering },
      alarms,
      traffic: flows.get(site) ?? NO_FLOW,
      services: earned === null ? null : (earned.get(site)?.services ?? 0),
      running: earned === null ? null : currencies(earned.get(site)?.running),
    }));
}

const NO_FLOW: Flow = { inBps: null, outBps: null, ports: 0, known: 0 };

async function seenDevices({ inventory }: RollUpRoutesDeps, viewpoint: Viewpoint): Promise<readonly InventoryDevice[]> {
  const devices: InventoryDevice[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<Inventory['devices']>> = await inventory.devices(viewpoint, cursor, PAGE);
    devices.push(...page.items);
    cursor = page.next;
  } while (cursor !== null);
  return devices;
}

interface Sum {
  readonly sum: Exact;
  readonly places: number;
}

interface Earned {
  services: number;
  /** By currency. */
  readonly running: Map<string, Sum>;
}

/** Of each site the services that are bound to a port there now. */
function earnedAt(
  { services }: RollUpRoutesDeps,
  viewpoint: Viewpoint,
  siteOf: (device: string) => string | null,
  nowMs: EpochMs,
): ReadonlyMap<string, Earned> {
  const earned = new Map<string, Earned>();
  for (const service of services.services()) {
    if (!viewpoint.everything && !viewpoint.customers.includes(service.customer.id)) continue;
    const bound = service.bindings.filter(({ fromMs, toMs }) => fromMs <= nowMs && (toMs === null || nowMs < toMs));
    for (const site of new Set(bound.map(({ device }) => siteOf(device)))) {
      if (site === null) continue;
      const own: Earned = earned.get(site) ?? { services: 0, running: new Map<string, Sum>() };
      earned.set(site, own);
      own.services += 1;
      const amount = service.running === null ? null : Exact.parse(service.running.amount);
      if (service.running === null || amount === null) continue;
      const { currency, amount: written } = service.running;
      const { sum, places } = own.running.get(currency) ?? { sum: Exact.zero, places: 0 };
      const longest = Math.max(places, written.split('.')[1]?.length ?? 0);
      own.running.set(currency, { sum: sum.add(amount), places: longest });
    }
  }
  return earned;
}

/** Amounts are rounded already: as many places as the longest has. */
function currencies(running: Earned['running'] | undefined): { readonly currency: string; readonly amount: string }[] {
  return [...(running ?? [])]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([currency, { sum, places }]) => ({ currency, amount: sum.toFixed(places, 'half_up') }));
}
