// Interfaces across devices, as people look for one: where it is, how it is, what it carries now, and whether it earns money.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { isMeant } from '../../common/model/infrastructure.ts';
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import { sees, type Viewpoint } from '../../common/model/viewpoint.ts';
import { mayEnter, principalOf, READERS } from '../../common/runtime/access.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { ConfiguredDevices } from '../agents/configured-devices.ts';
import type { DeviceRegistry } from '../inventory/device-registry.ts';
import type { InventoryPage } from '../inventory/inventory.ts';
import type { InterfaceState, Interfaces, ListedInterface } from '../inventory/interface-list.ts';
import type { ServiceBook } from '../services/service-book.ts';
import type { MetricStore } from '../store/store.ts';
import { listOf } from './answers.ts';
import { statusWord } from './device-routes.ts';
import { type Assignment, ASSIGNMENTS, listedAnswer, type ListedInterfaceAnswer } from './interface-list-answer.ts';
import { collectorPage, deviceName } from './parameters.ts';
import { type SeenBy, seenBy } from './seen.ts';
import { CUSTOMER_READERS } from './service-routes.ts';

export interface InterfaceListDeps extends SeenBy {
  readonly clock: Clock;
  readonly interfaces: Pick<Interfaces, 'list'>;
  readonly devices: Pick<ConfiguredDevices, 'get' | 'all'>;
  readonly registry: Pick<DeviceRegistry, 'ofFile'>;
  readonly services: Pick<ServiceBook, 'boundTo'>;
  readonly store: Pick<MetricStore, 'latest'>;
}

const STATES: Readonly<Record<InterfaceState, true>> = { there: true, up: true, down: true, shut: true, gone: true };

/** A value older than this is not the latest but the last. */
const LATEST_WITHIN_MS = 15 * 60_000;
/** Rows looked through for one page, where few of them fit. */
const MOST_PAGES = 20;
const CHUNK = 1000;
const MOST_WORDS = 10;

const query = z.strictObject({
  ...collectorPage,
  site: z.string().min(1).max(200).optional(),
  device: deviceName.optional(),
  state: z
    .enum(Object.keys(STATES) as InterfaceState[])
    .default('there')
    .describe('shut: by its administrator; down: not shut, and anything but up; there: all but those that are gone'),
  q: z.string().max(200).optional().describe('words that all stand in device, name, alias or description'),
  assignment: z.enum(ASSIGNMENTS).optional(),
  utilisation: z.coerce.number().min(0).max(1000).optional().describe('at least so many percent, of the busier way'),
});
type Query = z.output<typeof query>;

export function addInterfaceListRoutes(routes: DescribedRoutes, deps: InterfaceListDeps): void {
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/interfaces',
      access: READERS,
      scoped: true,
      summary: 'Interfaces of all devices by device and ifIndex, with what they carry now and whether they are billed.',
      query,
      answer: listOf(listedAnswer),
    },
    async ({ query: asked, principal }) => {
      const viewpoint = await seenBy(deps, principal);
      const reader = { viewpoint, customers: mayEnter(principalOf(principal), CUSTOMER_READERS) };
      return pageOfInterfaces(deps, asked, reader);
    },
  );
}

interface Reader {
  readonly viewpoint: Viewpoint;
  readonly customers: boolean;
}

/** Reads on while too few of the rows fit; a page may be short, and is the last only where `next` is null. */
async function pageOfInterfaces(
  deps: InterfaceListDeps,
  asked: Query,
  reader: Reader,
): Promise<InventoryPage<ListedInterfaceAnswer> & { readonly items: ListedInterfaceAnswer[] }> {
  const picky = asked.assignment !== undefined || asked.utilisation !== undefined;
  const question = {
    devices: devicesOf(deps, asked),
    state: asked.state,
    words: (asked.q ?? '').split(/\s+/u).filter(Boolean).slice(0, MOST_WORDS),
    limit: picky ? CHUNK : asked.limit,
  };
  const items: ListedInterfaceAnswer[] = [];
  let cursor = asked.cursor ?? null;
  for (let pages = 0; pages < MOST_PAGES; pages += 1) {
    const page = await deps.interfaces.list(reader.viewpoint, { ...question, cursor });
    const described = await describe(deps, page.items, reader);
    for (const [at, one] of described.entries()) {
      if (!fits(one, asked)) continue;
      items.push(one);
      const isLast = at === described.length - 1;
      if (items.length === asked.limit) return { items, next: isLast ? page.next : (page.items[at]?.cursor ?? null) };
    }
    cursor = page.next;
    if (cursor === null) break;
  }
  return { items, next: cursor };
}

function devicesOf({ devices }: InterfaceListDeps, { site, device }: Query): readonly string[] | null {
  if (site === undefined) return device === undefined ? null : [device];
  const ofSite = [...devices.all()].flatMap((one) => (one.site === site ? [one.name] : []));
  return device === undefined ? ofSite : ofSite.filter((name) => name === device);
}

function fits({ assignment, utilisation }: ListedInterfaceAnswer, asked: Query): boolean {
  if (asked.assignment !== undefined && asked.assignment !== assignment) return false;
  return asked.utilisation === undefined || (utilisation !== null && utilisation >= asked.utilisation);
}

async function describe(
  deps: InterfaceListDeps,
  rows: readonly ListedInterface[],
  reader: Reader,
): Promise<ListedInterfaceAnswer[]> {
  const nowMs = deps.clock.now();
  const resources = rows.map(({ resource }) => resource);
  const latest = async (metric: string): Promise<ReadonlyMap<string, number>> => {
    const found = await deps.store.latest({ metric, resources, sinceMs: nowMs - LATEST_WITHIN_MS });
    return new Map(found.map(({ resource, value }) => [resource, value]));
  };
  const [inward, outward] = [await latest('in_bps'), await latest('out_bps')];
  const rulesOf = rulesByDevice(deps);
  return rows.map((row) => {
    const { resource, device, key, speedBps } = row;
    const [inBps, outBps] = [inward.get(resource) ?? null, outward.get(resource) ?? null];
    const speed = Number(speedBps ?? 0);
    const busier = Math.max(inBps ?? -1, outBps ?? -1);
    return {
      id: row.id,
      device,
      site: sees(reader.viewpoint, device) ? (deps.devices.get(device)?.site ?? null) : null,
      key,
      resource,
      name: row.ifName ?? row.ifDescr ?? key,
      alias: row.ifAlias,
      speedBps,
      adminStatus: statusWord(row.adminStatus),
      operStatus: statusWord(row.operStatus),
      goneAt: row.goneAtMs === null ? null : isoTime(row.goneAtMs),
      inBps,
      outBps,
      utilisation: speed > 0 && busier >= 0 ? (busier * 100) / speed : null,
      ...assignmentOf(deps, row, rulesOf(device), reader, nowMs),
    };
  });
}

type Rules = NonNullable<ReturnType<DeviceRegistry['ofFile']>>['infrastructure'];

/** Of the file: what the bridge bills by. */
function rulesByDevice({ registry }: InterfaceListDeps): (device: string) => Rules {
  const known = new Map<string, Rules>();
  return (device) => {
    if (!known.has(device)) known.set(device, registry.ofFile(device)?.infrastructure);
    return known.get(device);
  };
}

/** As the bridge decides it: a binding counts before a rule. */
function assignmentOf(
  { services }: InterfaceListDeps,
  { resource, key }: ListedInterface,
  rules: Rules,
  { viewpoint, customers }: Reader,
  nowMs: EpochMs,
): { assignment: Assignment; reason: string | null; service: string | null; customer: string | null } {
  const [service] = services.boundTo(resource, nowMs);
  if (service !== undefined) {
    const told = customers && (viewpoint.everything || viewpoint.customers.includes(service.customer.id));
    return {
      assignment: 'billed',
      reason: null,
      service: told ? service.id : null,
      customer: told ? service.customer.id : null,
    };
  }
  const rule = rules?.find((one) => isMeant(one, key));
  const nobody = { service: null, customer: null };
  if (rule === undefined) return { assignment: 'unassigned', reason: null, ...nobody };
  return { assignment: 'infrastructure', reason: rule.reason, ...nobody };
}
