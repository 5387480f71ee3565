// The routes of services and customers: the mirror's state, the alarms that hit a service, and nothing beyond the viewpoint.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { addServiceRoutes } from '../../../collector/api/service-routes.ts';
import type { Viewpoint } from '../../../common/model/viewpoint.ts';
import type { Alarm, AlarmsQuery, Folding } from '../../../collector/faults/alarm.ts';
import type { MirroredService, ServiceBook } from '../../../collector/services/service-book.ts';
import { ServiceIndex } from '../../../collector/services/service-index.ts';
import { DescribedRoutes } from '../../../common/http/described-routes.ts';
import { createServer } from '../../../common/http/server.ts';
import { ROLES } from '../../../common/runtime/access.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const NOW = Date.parse('2026-11-10T00:00:00Z');
const DAY = 86_400_000;

const service = (id: string, customer: string, bindings: MirroredService['bindings']): MirroredService => ({
  id,
  name: `Service ${id}`,
  customer: { id: customer, name: customer.toUpperCase() },
  fromMs: NOW - 9 * DAY,
  toMs: null,
  bindings,
  running: { amount: '29.00', currency: 'EUR', periodStartMs: NOW - 9 * DAY, untilMs: NOW },
});
const bound = (interfaceKey: string, toMs: number | null = null) => ({
  device: 'sw1',
  interfaceKey,
  fromMs: NOW - DAY,
  toMs,
});

const alarm = (id: string, resource: string): Alarm & Folding => ({
  rootAlarm: null,
  symptoms: 0,
  id,
  resource,
  alarmType: 'link-down',
  qualifier: '',
  device: 'sw1',
  severity: 'major',
  isCleared: false,
  text: 'down',
  eventType: 'communicationsAlarm',
  probableCause: 'lossOfSignal',
  proposedRepair: '',
  threshold: null,
  createdAt: '2026-11-09T00:00:00.000Z',
  raisedAt: '2026-11-09T00:00:00.000Z',
  changedAt: '2026-11-09T00:00:00.000Z',
  clearedAt: null,
  operatorState: 'none',
  operator: null,
  operatorChangedAt: null,
  shelvedUntil: null,
  shelvedBy: null,
  shelfReason: null,
  assignedTo: null,
  ticket: null,
  ticketUrl: null,
  escalationLevel: 0,
  escalationReason: null,
  sourceSystemId: null,
  externalAlarmId: null,
  updatedAt: '2026-11-09T00:00:00.000Z',
});
const ALARMS = [alarm('1', 'sw1/ge-0'), alarm('2', 'sw1/ge-1'), alarm('3', 'sw1'), alarm('4', 'sw2')];

const index = new ServiceIndex([
  service('b', 'acme', [bound('ge-0'), bound('ge-1', NOW)]),
  service('a', 'acme', []),
  service('c', 'bolt', [bound('ge-2')]),
]);
const services: ServiceBook = {
  state: () => ({ version: '7', freshAtMs: NOW - DAY, stale: true }),
  services: () => index.all,
  service: (id) => index.byId.get(id),
  ofCustomer: (id) => index.byCustomer.get(id) ?? [],
  boundTo: (resource, atMs) => index.boundTo(resource, atMs),
};

let viewpoint: Viewpoint;
let asked: AlarmsQuery[];
let server: ReturnType<typeof createServer>;

beforeEach(() => {
  viewpoint = { everything: true, devices: [], resources: [], customers: [] };
  asked = [];
  server = createServer(silentReporter().reporter, {
    maxBodyBytes: 1024,
    authenticator: {
      authenticate: (token) => {
        const role = ROLES.find((one) => one === token);
        return Promise.resolve(role === undefined ? null : { name: token, role, scope: null });
      },
    },
  });
  addServiceRoutes(new DescribedRoutes(server, { checkAnswers: true }), {
    clock: new VirtualClock(NOW),
    services,
    viewpoints: { of: () => Promise.resolve(viewpoint) },
    alarms: {
      list: (query) => {
        asked.push(query);
        return Promise.resolve({ items: ALARMS.filter(({ resource }) => resource === query.resource), next: null });
      },
    },
  });
});
afterEach(() => server.close());

async function ask(place: string, role = 'operator'): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await server.inject({ url: `/api/v1/${place}`, headers: { authorization: `Bearer ${role}` } });
  return { status: answer.statusCode, body: answer.json<Record<string, unknown>>() };
}
const idsOf = (body: Record<string, unknown>, list = 'items'): string[] =>
  (body[list] as { id: string }[]).map(({ id }) => id);

describe('services', () => {
  test('come by id, page by page, with how old the mirror is', async () => {
    const first = await ask('services?limit=2');
    expect(idsOf(first.body)).toEqual(['a', 'b']);
    expect(first.body['mirror']).toEqual({ version: '7', freshAt: '2026-11-09T00:00:00.000Z', stale: true });
    const second = await ask(`services?limit=2&cursor=${String(first.body['next'])}`);
    expect([idsOf(second.body), second.body['next']]).toEqual([['c'], null]);
    expect(idsOf((await ask('services?customer=bolt')).body)).toEqual(['c']);
  });

  test('one names the alarms of what it is bound to now, and of the device', async () => {
    const { body } = await ask('services/b', 'care');
    expect(idsOf(body, 'alarms')).toEqual(['1', '3']);
    expect(body).toMatchObject({ alarmsComplete: true, running: { amount: '29.00' }, mirror: { stale: true } });
    expect(asked.map(({ resource, state }) => `${state} ${resource}`)).toEqual(['active sw1/ge-0', 'active sw1']);
  });

  test('who sees a customer alone hears of the port, not what else is wrong with its device', async () => {
    viewpoint = { everything: false, devices: [], resources: ['sw1/ge-0'], customers: ['acme'] };
    expect(idsOf((await ask('services/b', 'care')).body, 'alarms')).toEqual(['1']);
  });

  test('a customer has its services', async () => {
    const { body } = await ask('customers/acme');
    expect([body['name'], idsOf(body, 'services')]).toEqual(['ACME', ['a', 'b']]);
  });

  test('what lies beyond the viewpoint is not there', async () => {
    viewpoint = { everything: false, devices: ['sw1'], resources: [], customers: ['bolt'] };
    expect(idsOf((await ask('services')).body)).toEqual(['c']);
    expect(idsOf((await ask('services?customer=acme')).body)).toEqual([]);
    for (const place of ['services/b', 'customers/acme', 'services/none', 'customers/none'])
      expect((await ask(place)).status).toBe(404);
    expect((await ask('services/c')).status).toBe(200);
  });

  test.each(['viewer', 'agent', 'bridge'])('%s may not ask', async (role) => {
    for (const place of ['services', 'services/b', 'customers/acme']) expect((await ask(place, role)).status).toBe(403);
  });
});
