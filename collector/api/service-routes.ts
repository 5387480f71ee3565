// Services and customers as the collector mirrors them from the bridge, with the open alarms of what they are bound to.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { pageInMemory } from '../../common/http/parameters.ts';
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import type { Principal, Role } from '../../common/runtime/access.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { sees, type Viewpoint } from '../../common/model/viewpoint.ts';
import type { Viewpoints } from '../access/viewpoint.ts';
import { type Alarm, type Alarms } from '../faults/alarm.ts';
import type { MirroredService, ServiceBook } from '../services/service-book.ts';
import { alarmAnswer } from './alarm-answers.ts';
import { collectorPage } from './parameters.ts';

export interface ServiceRoutesDeps {
  readonly clock: Clock;
  readonly services: ServiceBook;
  readonly viewpoints: Viewpoints;
  readonly alarms: Pick<Alarms, 'list'>;
}

/** Who is connected where: an operator has to know whom an alarm hits, care whom it talks to. */
export const CUSTOMER_READERS: readonly Role[] = ['operator', 'care', 'billing'];
/** Interfaces of one answer whose alarms are asked for, and alarms of each. */
const MAX_ASKED = 200;
const ALARMS_EACH = 50;

const time = z.iso.datetime();
const idParameter = z.object({ id: z.string().min(1).max(500) });

export const mirrorForm = z.object({
  version: z.string().nullable().describe('of the contracts; null before the first copy'),
  freshAt: time.nullable().describe("when the copy was last known to be the bridge's"),
  stale: z.boolean().describe('older than five minutes'),
});

const serviceForm = z.object({
  id: z.string(),
  name: z.string(),
  customer: z.object({ id: z.string(), name: z.string() }),
  from: time,
  to: time.nullable(),
  bindings: z.array(
    z.object({
      device: z.string(),
      interfaceKey: z.string(),
      resource: z.string().describe('what series and alarms call it'),
      from: time,
      to: time.nullable(),
    }),
  ),
  serviceLevel: z.string().nullable().describe('what was promised; null where nothing was'),
  running: z
    .object({ amount: z.string(), currency: z.string(), periodStart: time, until: time })
    .nullable()
    .describe('charges of the running period; null where nothing runs'),
});

const serviceWithAlarms = serviceForm.extend({
  alarms: z.array(alarmAnswer).describe('raised, not shelved, on the interfaces bound now and on their devices'),
  alarmsComplete: z.boolean().describe('false where there are more than are listed'),
  mirror: mirrorForm,
});

const customerForm = z.object({
  id: z.string(),
  name: z.string(),
  services: z.array(serviceForm),
  mirror: mirrorForm,
});

export function addServiceRoutes(routes: DescribedRoutes, deps: ServiceRoutesDeps): void {
  const { services, viewpoints } = deps;
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/services',
      access: CUSTOMER_READERS,
      scoped: true,
      summary: "Services as the bridge's feed tells them, by id, and how old that is.",
      query: z.strictObject({ customer: z.string().max(500).optional(), ...collectorPage }),
      answer: z.object({ items: z.array(serviceForm), next: z.string().nullable(), mirror: mirrorForm }),
    },
    async ({ query, principal }) => {
      const viewpoint = await viewpointOf(viewpoints, principal);
      const all = query.customer === undefined ? services.services() : services.ofCustomer(query.customer);
      const page = pageInMemory(
        all.filter((service) => seesCustomer(viewpoint, service)),
        ({ id }) => id,
        query,
      );
      return { items: page.items.map(describe), next: page.next, mirror: describeMirror(services) };
    },
  );
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/services/:id',
      access: CUSTOMER_READERS,
      scoped: true,
      summary: 'One service with what it is bound to, what it earns, and the alarms that hit it.',
      params: idParameter,
      answer: serviceWithAlarms,
    },
    async ({ params, principal }) => {
      const viewpoint = await viewpointOf(viewpoints, principal);
      const service = services.service(params.id);
      if (service === undefined || !seesCustomer(viewpoint, service)) throw absent('service', params.id);
      const found = await alarmsOf(deps, viewpoint, service);
      return { ...describe(service), ...found, mirror: describeMirror(services) };
    },
  );
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/customers/:id',
      access: CUSTOMER_READERS,
      scoped: true,
      summary: 'One customer with its services.',
      params: idParameter,
      answer: customerForm,
    },
    async ({ params, principal }) => {
      const viewpoint = await viewpointOf(viewpoints, principal);
      const own = services.ofCustomer(params.id).filter((service) => seesCustomer(viewpoint, service));
      const [first] = own;
      if (first === undefined) throw absent('customer', params.id);
      return { ...first.customer, services: own.map(describe), mirror: describeMirror(services) };
    },
  );
}

async function viewpointOf(viewpoints: Viewpoints, principal: Principal | null): Promise<Viewpoint> {
  return principal === null
    ? { everything: false, devices: [], resources: [], customers: [] }
    : viewpoints.of(principal);
}

function seesCustomer(viewpoint: Viewpoint, { customer }: MirroredService): boolean {
  return viewpoint.everything || viewpoint.customers.includes(customer.id);
}

/** Also those of the devices: a port of a device that is away is away. */
async function alarmsOf(
  { clock, alarms }: ServiceRoutesDeps,
  viewpoint: Viewpoint,
  service: MirroredService,
): Promise<{ alarms: Alarm[]; alarmsComplete: boolean }> {
  const now = clock.now();
  const bound = service.bindings.filter(({ fromMs, toMs }) => fromMs <= now && now < (toMs ?? Infinity));
  const wanted = new Set(bound.flatMap(({ device, interfaceKey }) => [`${device}/${interfaceKey}`, device]));
  const asked = [...wanted].slice(0, MAX_ASKED);
  const found = new Map<string, Alarm>();
  let complete = asked.length === wanted.size;
  for (const resource of asked) {
    const { items, next } = await alarms.list({ state: 'active', resource, limit: ALARMS_EACH });
    // Of a device that is seen by its port alone nothing is told but that it is away.
    for (const alarm of items)
      if (sees(viewpoint, alarm.resource) || isBound(alarm, wanted)) found.set(alarm.id, alarm);
    complete &&= next === null;
  }
  return { alarms: [...found.values()], alarmsComplete: complete };
}

function isBound({ resource, device, alarmType }: Alarm, wanted: ReadonlySet<string>): boolean {
  return wanted.has(resource) && (resource !== device || alarmType === 'device-unreachable');
}

function describe(service: MirroredService) {
  const { id, name, customer, running } = service;
  return {
    id,
    name,
    customer,
    from: isoTime(service.fromMs),
    to: timeOrNull(service.toMs),
    bindings: service.bindings.map(({ device, interfaceKey, fromMs, toMs }) => ({
      device,
      interfaceKey,
      resource: `${device}/${interfaceKey}`,
      from: isoTime(fromMs),
      to: timeOrNull(toMs),
    })),
    serviceLevel: service.serviceLevel ?? null,
    running:
      running === null
        ? null
        : {
            amount: running.amount,
            currency: running.currency,
            periodStart: isoTime(running.periodStartMs),
            until: isoTime(running.untilMs),
          },
  };
}

export function describeMirror(services: Pick<ServiceBook, 'state'>): z.output<typeof mirrorForm> {
  const { version, freshAtMs, stale } = services.state();
  return { version, freshAt: timeOrNull(freshAtMs), stale };
}

function timeOrNull(atMs: EpochMs | null): string | null {
  return atMs === null ? null : isoTime(atMs);
}

function absent(what: string, id: string): WeirError {
  return new WeirError('not_found', `The mirror knows no ${what} ${JSON.stringify(id)}.`, { [what]: id });
}
