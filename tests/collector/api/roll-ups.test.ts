// Three devices at two sites over HTTP: traffic through the edge and never twice, sites with their alarms and money, interfaces across devices with filters and pages.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ListedInterfaceAnswer } from '../../../collector/api/interface-list-answer.ts';
import type { SiteAnswer, TrafficAnswer } from '../../../collector/api/roll-up-answers.ts';
import type { Column } from '../../../common/model/poll.ts';
import { type CollectorFixture, eventually, startCollectorFixture } from '../../support/collector-fixture.ts';
import { startBridgeDouble } from '../../support/page-network.ts';
import { interfacePoll, tableAt } from '../../support/poll-builder.ts';

const MINUTE = 60_000;
const POLLS = 5;
const MEGABIT = 125_000n;

interface Wire {
  readonly key: string;
  /** Mbit/s. */
  readonly in: bigint;
  readonly out: bigint;
  readonly type?: number;
  readonly shut?: boolean;
  readonly down?: boolean;
  /** Device and port that it says it hears. */
  readonly hears?: readonly [string, string];
}

/** n1 and n2 stand in the north, s1 in the south. */
const NETWORK: Readonly<Record<string, readonly Wire[]>> = {
  n1: [
    { key: 'p1', in: 10n, out: 1n },
    { key: 'p2', in: 100n, out: 100n, hears: ['n2', 'p1'] },
    { key: 'p3', in: 20n, out: 2n, hears: ['s1', 'p1'] },
    { key: 'p4', in: 0n, out: 0n, shut: true },
    // The same octets again.
    { key: 'ae0', in: 500n, out: 500n, type: 161 },
  ],
  n2: [
    { key: 'p1', in: 100n, out: 100n },
    { key: 'up-1', in: 30n, out: 3n },
    { key: 'p10', in: 0n, out: 0n, down: true },
  ],
  s1: [
    { key: 'p1', in: 2n, out: 20n },
    { key: 'p2', in: 40n, out: 900n },
  ],
};

let fixture: CollectorFixture;
let removers: (() => unknown)[] = [];

beforeAll(async () => {
  const since = { from: '2026-01-01T00:00:00.000Z', to: null };
  const running = { amount: '131.425', currency: 'EUR', periodStart: since.from, until: '2026-11-25T00:00:00.000Z' };
  const bound = (device: string, interfaceKey: string) => ({ device, interfaceKey, ...since });
  const service = (id: string, bindings: object[]) => {
    const customer = { id: id.split('-')[0] ?? '', name: id };
    return { service: id, name: id, customer, ...since, bindings, running };
  };
  const items = [
    service('acme-office', [bound('n1', 'p1'), bound('s1', 'p2')]),
    service('bolt-mill', [bound('s1', 'p2')]),
  ];
  const bridge = await startBridgeDouble({ '/billing/v1/feed': { version: '1', items, next: null } });
  const started = await startCollectorFixture({
    devices: [
      { name: 'n1', site: 'north', interval_ms: MINUTE },
      {
        name: 'n2',
        site: 'north',
        interval_ms: MINUTE,
        infrastructure: [{ interface: 'up-*', reason: 'transit' }],
      },
      { name: 's1', site: 'south', interval_ms: MINUTE },
      { name: 'spare' },
    ],
    collector: { bridge_url: bridge.url },
  });
  fixture = started.fixture;
  removers = [started.remove, bridge.close];
  const beganMs = Date.now() - (POLLS - 1) * MINUTE;
  for (let at = 0; at < POLLS; at += 1)
    await fixture.receipt({
      sequence: at + 1,
      polls: Object.entries(NETWORK).map(([device, wires]) => pollOf(device, wires, at, beganMs + at * MINUTE)),
    });
  await fixture.applied(POLLS);
  await eventually(
    async () => (await fixture.metric('weir_projection_lag_entries{projection="store"}')) === 0,
    'stored',
  );
  await eventually(async () => (await sites()).some(({ services }) => services === 2), 'the feed is mirrored');
});
afterAll(async () => {
  for (const remove of removers) await remove();
});

function pollOf(device: string, wires: readonly Wire[], at: number, atMs: number) {
  const texts = (name: string, values: readonly string[]): Column => ({ kind: 'text', name, values });
  const heard = wires.filter(({ hears }) => hears !== undefined);
  const index = wires.map((_, place) => String(place + 1));
  const types = Float64Array.from(wires, ({ type = 6 }) => type);
  return interfacePoll({
    device,
    atMs,
    interfaces: wires.map(({ key, shut, down, ...way }) => ({
      key,
      inOctets: BigInt(at) * 60n * MEGABIT * way.in,
      outOctets: BigInt(at) * 60n * MEGABIT * way.out,
      speedBps: 1_000_000_000,
      admin: shut === true ? 2 : 1,
      // Up once, so that it is missed.
      oper: shut === true || (down === true && at > 1) ? 2 : 1,
    })),
    tables: [
      tableAt({ atMs }, 'interface-inventory', index, [
        texts(
          'interfaceKey',
          wires.map(({ key }) => key),
        ),
        texts(
          'ifName',
          wires.map(({ key }) => key),
        ),
        texts(
          'ifAlias',
          wires.map(({ key }) => (key === 'p2' ? 'Café Zürich 100%' : '')),
        ),
        { kind: 'number', name: 'ifType', values: types },
      ]),
      ...(device === 'n1' ? [optics(atMs)] : []),
      tableAt(
        { atMs },
        'neighbour',
        heard.map(({ key }) => key),
        [
          texts(
            'localInterface',
            heard.map(({ key }) => key),
          ),
          texts(
            'remoteDevice',
            heard.map(({ hears }) => hears?.[0] ?? ''),
          ),
          texts(
            'remotePort',
            heard.map(({ hears }) => hears?.[1] ?? ''),
          ),
          texts(
            'protocol',
            heard.map(() => 'lldp'),
          ),
        ],
      ),
    ],
  });
}

function optics(atMs: number) {
  const texts = (name: string, ...values: string[]): Column => ({ kind: 'text', name, values });
  const numbers = (name: string, ...values: number[]): Column => ({
    kind: 'number',
    name,
    values: Float64Array.from(values),
  });
  return tableAt(
    { atMs },
    'sensor',
    ['rx.1', 'rx.2', 'rx.10', 't.0'],
    [
      texts('class', 'dbm', 'dbm', 'dbm', 'temperature'),
      texts('description', 'p1 receive power', 'P2 receive power', 'p10 receive power', 'Inlet p'),
      texts('unit', 'dBm', 'dBm', 'dBm', '°C'),
      texts('state', 'ok', 'ok', 'ok', 'ok'),
      numbers('value', -3.5, -7, -9, 30),
      numbers('lowLimit', -14, -14, -14, 0),
      numbers('highLimit', 1, 1, 1, 60),
    ],
  );
}

async function sites(token?: string): Promise<SiteAnswer[]> {
  return (await fixture.get<{ items: SiteAnswer[] }>('/api/v1/sites', token)).items;
}
const megabits = (bps: number | null): number | null => (bps === null ? null : Math.round(bps / 1e6));
async function interfaces(query = '', token?: string): Promise<ListedInterfaceAnswer[]> {
  return (await fixture.get<{ items: ListedInterfaceAnswer[] }>(`/api/v1/interfaces?${query}`, token)).items;
}
const named = async (query: string, token?: string): Promise<string[]> =>
  (await interfaces(query, token)).map(({ resource }) => resource);
async function northern(role: string): Promise<string> {
  const scope = { sites: ['north'], customers: ['acme'] };
  const made = await fixture.post('/api/v1/tokens', { name: `north-${role}`, role, scope });
  return (made.body as { token: string }).token;
}

test('traffic is that of the ports that lead out, also under a scope, where other ports do', async () => {
  const whole = await fixture.get<TrafficAnswer>('/api/v1/traffic');
  // n1/p1, n1/p4, n2/up-1, n2/p10 and s1/p2.
  expect([megabits(whole.inBps), megabits(whole.outBps), whole.ports, whole.cut]).toEqual([80, 904, 5, false]);
  const known = whole.day.points.filter(({ inBps }) => inBps !== null);
  expect(known.length).toBeGreaterThan(0);
  expect(known.map(({ inBps, outBps }) => `${megabits(inBps)} ${megabits(outBps)}`)).toEqual(known.map(() => '80 904'));
  expect(known.every(({ coverage }) => coverage > 0 && coverage <= 1)).toBe(true);
  const north = await fixture.get<TrafficAnswer>('/api/v1/traffic', await northern('viewer'));
  // Of the south only the port of the customer in scope.
  expect([megabits(north.inBps), megabits(north.outBps)]).toEqual([100, 906]);
});

test('sites: what answers, what is wrong, what crosses their edge, what is earned; a service at two sites counts at both', async () => {
  const found = await sites();
  expect(found.map(({ site, devices }) => [site, devices])).toEqual([
    ['', { total: 1, answering: 0 }],
    ['north', { total: 2, answering: 2 }],
    ['south', { total: 1, answering: 1 }],
  ]);
  expect(found.map(({ traffic: { inBps, outBps } }) => [megabits(inBps), megabits(outBps)])).toEqual([
    [null, null],
    [60, 6],
    [42, 920],
  ]);
  expect(found.map(({ services, running }) => [services, running])).toEqual([
    [0, []],
    [1, [{ currency: 'EUR', amount: '131.425' }]],
    [2, [{ currency: 'EUR', amount: '262.850' }]],
  ]);
  await eventually(async () => (await sites())[1]?.alarms['major'] === 1, 'n2/p10 is down');
  expect((await sites())[2]?.alarms['major']).toBe(0);
});

test('money of sites is for those who may see it, and of customers in scope', async () => {
  const viewer = await sites(await fixture.token('v', 'viewer'));
  expect(viewer.map(({ services, running }) => [services, running])).toEqual(viewer.map(() => [null, null]));
  const north = await sites(await northern('billing'));
  expect(north.map(({ site, services }) => [site, services])).toEqual([['north', 1]]);
});

test('interfaces across devices say how they are, how full, and whether they earn', async () => {
  const all = await interfaces();
  expect(all.map(({ resource, assignment, reason }) => `${resource} ${assignment} ${reason ?? ''}`.trim())).toEqual([
    'n1/p1 billed',
    'n1/p2 unassigned',
    'n1/p3 unassigned',
    'n1/p4 unassigned',
    'n1/ae0 unassigned',
    'n2/p1 unassigned',
    'n2/up-1 infrastructure transit',
    'n2/p10 unassigned',
    's1/p1 unassigned',
    's1/p2 billed',
  ]);
  const last = all.find(({ resource }) => resource === 's1/p2');
  expect(last).toMatchObject({ site: 'south', operStatus: 'up', customer: 'acme', service: 'acme-office' });
  expect([megabits(last?.inBps ?? null), megabits(last?.outBps ?? null)]).toEqual([40, 900]);
  expect(last?.utilisation).toBeCloseTo(90, 1);
});

test.each([
  ['site=south', ['s1/p1', 's1/p2']],
  ['site=north&device=n2', ['n2/p1', 'n2/up-1', 'n2/p10']],
  ['site=south&device=n2', []],
  ['state=shut', ['n1/p4']],
  ['state=down', ['n2/p10']],
  ['state=up&device=n2', ['n2/p1', 'n2/up-1']],
  ['state=gone', []],
  ['q=P1', ['n1/p1', 'n2/p1', 'n2/p10', 's1/p1']],
  ['q=s1%20100%25', ['s1/p2']],
  ['q=z_rich', []],
  ['assignment=billed', ['n1/p1', 's1/p2']],
  ['assignment=infrastructure', ['n2/up-1']],
  ['assignment=unassigned&device=s1', ['s1/p1']],
  ['utilisation=40', ['n1/ae0', 's1/p2']],
  ['utilisation=40&assignment=billed', ['s1/p2']],
])('interfaces, %s', async (query, wanted) => {
  expect(await named(query)).toEqual(wanted);
});

test.each(['', 'assignment=unassigned', 'utilisation=0.1'])('pages meet, whatever is asked: %s', async (query) => {
  const found: string[] = [];
  let cursor = '';
  for (;;) {
    const page = await fixture.get<{ items: ListedInterfaceAnswer[]; next: string | null }>(
      `/api/v1/interfaces?limit=2&${query}${cursor}`,
    );
    found.push(...page.items.map(({ resource }) => resource));
    expect(page.items.length).toBeLessThanOrEqual(2);
    if (page.next === null) break;
    cursor = `&cursor=${page.next}`;
  }
  expect(found).toEqual(await named(query));
});

test('a scope sees its own, and of another site the port of its customer without where that is; a viewer sees no customer', async () => {
  const north = await northern('operator');
  const seen = await interfaces('', north);
  expect(seen.map(({ resource }) => resource)).toEqual([...(await named('site=north')), 's1/p2']);
  expect(seen.at(-1)).toMatchObject({ site: null, service: 'acme-office' });
  const viewer = await interfaces('assignment=billed', await fixture.token('w', 'viewer'));
  expect(viewer.map(({ service, customer }) => [service, customer])).toEqual([
    [null, null],
    [null, null],
  ]);
});

test('the sensors of a port are those that name it', async () => {
  const [p1] = await interfaces('device=n1&q=p1');
  const { items } = await fixture.get<{ items: object[] }>(`/api/v1/interfaces/${p1?.id}/sensors`);
  expect(items).toMatchObject([
    {
      key: 'rx.1',
      description: 'p1 receive power',
      unit: 'dBm',
      lowLimit: -14,
      highLimit: 1,
      value: -3.5,
      metric: 'sensor_dbm',
      resource: 'n1/sensor:rx.1',
    },
  ]);
  // Of the port of a customer elsewhere nothing of its device is told.
  const elsewhere = (await interfaces('device=s1&q=p2'))[0]?.id;
  expect(await fixture.get(`/api/v1/interfaces/${elsewhere}/sensors`, await northern('administrator'))).toEqual({
    items: [],
    next: null,
  });
});

test('a cursor that was never given is refused', async () => {
  expect((await fixture.ask('/api/v1/interfaces?cursor=abc')).status).toBe(400);
});
