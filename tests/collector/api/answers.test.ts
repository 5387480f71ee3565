// A collector that holds data, asked over HTTP: every answer is held against its schema by the server itself.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Alarm } from '../../../collector/faults/alarm.ts';
import type { AlarmAnswer } from '../../../collector/api/alarm-answers.ts';
import type {
  AgentAnswer,
  DeviceAnswer,
  InterfaceAnswer,
  OverviewAnswer,
  SeriesAnswer,
} from '../../../collector/api/answers.ts';
import type { Column, Poll } from '../../../common/model/poll.ts';
import type { MeterReadingsAnswer, ReadingsAnswer } from '../../../common/wire/reading-page.ts';
import {
  AGENT,
  BRIDGE,
  type CollectorFixture,
  eventually,
  startCollectorFixture,
} from '../../support/collector-fixture.ts';
import { interfacePoll, tableAt } from '../../support/poll-builder.ts';

interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

const HOSTILE = '<img src=x onerror=alert(1)>"\'; drop table inventory.device;--\u202e\u0007\n{{7*7}}';
const POLLS = 12;
/** Without reading 7: a missing poll. */
const MISSING = 7;
const STEP_MS = 5000;

let fixture: CollectorFixture;
let remove: () => Promise<void>;
let beganMs: number;

beforeAll(async () => {
  ({ fixture, remove } = await startCollectorFixture({
    devices: [
      { name: 'core1', site: 'hall-1' },
      { name: 'access1' },
      { name: 'spare1' },
      { name: 'other1', agent: 'agent-2' },
    ],
  }));
  beganMs = Math.floor((Date.now() - POLLS * STEP_MS) / STEP_MS) * STEP_MS;
  let sequence = 0;
  for (let at = 0; at < POLLS; at += 1) {
    if (at === MISSING) continue;
    sequence += 1;
    await fixture.receipt({ sequence, polls: pollsAt(at) });
  }
  await fixture.applied(sequence);
  await eventually(async () => (await series('in_bps', 'core1/xe-0/0/0')).points.length > 0, 'series readable');
  await eventually(
    async () => (await fixture.metric('weir_projection_lag_entries{projection="store"}')) === 0,
    'stored',
  );
});
afterAll(() => remove());

function pollsAt(at: number): Poll[] {
  const atMs = beganMs + at * STEP_MS;
  const texts = (name: string, values: readonly string[]): Column => ({ kind: 'text', name, values });
  const keys = ['xe-0/0/0', 'xe-0/0/1'];
  const words = { atMs, uptimeTicks: 1_000_000 + at * 500 };
  const system = tableAt(
    words,
    'system',
    ['0'],
    [
      texts('sysName', [HOSTILE]),
      texts('sysDescr', ['Juniper Networks, Inc. mx204']),
      texts('vendor', ['Juniper']),
      texts('model', ['mx204']),
    ],
  );
  const names = tableAt(
    words,
    'interface-inventory',
    ['1', '2'],
    [
      texts('interfaceKey', keys),
      texts('ifName', keys),
      texts('ifDescr', keys),
      texts('ifAlias', [HOSTILE, 'to core2']),
    ],
  );
  const cpu = tableAt(
    words,
    'processor',
    ['1'],
    [
      texts('description', ['routing engine']),
      { kind: 'number', name: 'usagePercent', values: Float64Array.of(10 + at) },
    ],
  );
  return [
    interfacePoll({
      ...words,
      device: 'core1',
      intervalMs: STEP_MS,
      tables: [system, names, cpu],
      interfaces: [
        // 2^63 and above: no float and no signed integer holds it.
        {
          key: 'xe-0/0/0',
          inOctets: 2n ** 63n + BigInt(at) * 625_000n,
          outOctets: BigInt(at) * 1_250_000n,
          speedBps: 10_000_000,
        },
        { key: 'xe-0/0/1', inOctets: BigInt(at), outOctets: 0n, speedBps: 10_000_000, oper: at < 6 ? 1 : 2 },
      ],
    }),
    interfacePoll({ device: 'access1', atMs, intervalMs: STEP_MS, failure: 'snmp_timeout' }),
  ];
}

function series(metric: string, resource: string, more = ''): Promise<SeriesAnswer> {
  const span = `from=${iso(beganMs)}&to=${iso(beganMs + POLLS * STEP_MS)}`;
  return fixture.get(`/api/v1/series?metric=${metric}&resource=${encodeURIComponent(resource)}&${span}${more}`);
}

/** Times are less the clock offset as measured, which has the time of the way in it. */
function expectNear(at: string | null, atMs: number): void {
  expect(Math.abs(Date.parse(at ?? '') - atMs)).toBeLessThan(STEP_MS / 2);
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString();
}

test('the overview says what there is', async () => {
  const overview = await fixture.get<OverviewAnswer>('/api/v1/overview');
  expect(overview).toEqual({
    demo: false,
    pollIntervalMs: 5000,
    // A poll of a while ago says of no device that it answers.
    devices: { configured: 4, total: 2, reachable: overview.devices.reachable },
    interfaces: { total: 2, up: 1 },
    readings: overview.readings,
    alarms: { critical: 1, major: 1, minor: 0, warning: 0, indeterminate: 0, cleared: 0, shelved: 0 },
    quarantined: 0,
    storm: null,
  });
  expect(overview.devices.reachable).toBeLessThanOrEqual(1);
  expectNear(overview.readings?.lastAt ?? null, beganMs + (POLLS - 1) * STEP_MS);
  expect(Number(overview.readings?.pages)).toBeGreaterThanOrEqual(POLLS - 1);
});

describe('devices', () => {
  test('seen, silent and never seen ones in one list, page by page', async () => {
    const all = await fixture.get<Page<DeviceAnswer>>('/api/v1/devices');
    expect(all.items.map((device) => [device.name, device.reachable, device.interfaceCount])).toEqual([
      ['access1', false, 0],
      ['core1', true, 2],
      ['other1', null, 0],
      ['spare1', null, 0],
    ]);
    const found: string[] = [];
    let cursor = '';
    for (;;) {
      const page = await fixture.get<Page<DeviceAnswer>>(`/api/v1/devices?limit=1${cursor}`);
      found.push(...page.items.map((device) => device.name));
      if (page.next === null) break;
      cursor = `&cursor=${page.next}`;
    }
    expect(found).toEqual(['access1', 'core1', 'other1', 'spare1']);
  });

  test('what a device says of itself comes through as text, whatever it is', async () => {
    const device = await fixture.get<DeviceAnswer>('/api/v1/devices/core1');
    expect(device).toMatchObject({
      configured: true,
      address: '127.0.0.1:161',
      site: 'hall-1',
      agent: 'agent-1',
      vendor: 'Juniper',
      lastOutcome: 'complete',
      intervalMs: STEP_MS,
    });
    expectNear(device.lastPollAt, beganMs + (POLLS - 1) * STEP_MS);
    expect(device.sysName).toContain('<img src=x onerror=alert(1)>');
    const answer = await fixture.ask('/api/v1/devices/core1');
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('interfaces by device and by id, with their states in words', async () => {
    const { items } = await fixture.get<Page<InterfaceAnswer>>('/api/v1/devices/core1/interfaces');
    expect(items.map((one) => [one.resource, one.operStatus, one.speedBps])).toEqual([
      ['core1/xe-0/0/0', 'up', '10000000'],
      ['core1/xe-0/0/1', 'down', '10000000'],
    ]);
    expect(items[0]?.alias).toContain('drop table inventory.device');
    expect(await fixture.get(`/api/v1/interfaces/${items[1]?.id}`)).toEqual(items[1]);
    const first = await fixture.get<Page<InterfaceAnswer>>('/api/v1/devices/core1/interfaces?limit=1');
    const second = await fixture.get<Page<InterfaceAnswer>>(
      `/api/v1/devices/core1/interfaces?limit=1&cursor=${first.next}`,
    );
    expect([...first.items, ...second.items]).toEqual(items);
    expect(await fixture.get('/api/v1/devices/spare1/interfaces')).toEqual({ items: [], next: null });
  });

  test('gauges of a device have series', async () => {
    const { items } = await fixture.get<Page<{ resource: string; metric: string }>>('/api/v1/devices/core1/gauges');
    expect(items).toContainEqual(
      expect.objectContaining({ metric: 'processor_usage_percent', description: 'routing engine' }),
    );
    const graph = await series('processor_usage_percent', items[0]?.resource ?? '', '&function=max');
    expect(Math.max(...graph.points.map((point) => Number(point.value)))).toBe(21);
  });
});

describe('series', () => {
  test('a rate, with the missing poll as a gap', async () => {
    const graph = await series('in_bps', 'core1/xe-0/0/0', '&function=rate&step=5s');
    expect(graph).toMatchObject({ unit: 'bit/s', stepMs: 5000, function: 'rate' });
    // 625,000 octets in 5 s; reading 7 is missing, so nothing is known between 6 and 8.
    expect(graph.points.filter((point) => point.coverage >= 0.5)).toHaveLength(9);
    for (const { at, value, coverage } of graph.points) {
      expect([at, value]).toEqual([at, coverage === 0 ? null : 1_000_000]);
      const within = Date.parse(at) - beganMs;
      if (within === MISSING * STEP_MS) expect(coverage).toBeLessThan(0.5);
    }
    expect(graph.points.some((point) => point.value === null)).toBe(true);
  });

  test('an exact amount is text', async () => {
    const graph = await series('in_octets', 'core1/xe-0/0/0', '&function=delta&step_ms=60000');
    const moved = graph.points.reduce((sum, point) => sum + BigInt(point.value ?? 0), 0n);
    expect(graph.points.every((point) => point.value === null || typeof point.value === 'string')).toBe(true);
    expect(moved).toBeGreaterThan(0n);
    expect(moved % 625_000n).toBe(0n);
  });

  test('the busiest and the latest', async () => {
    const top = await fixture.get<Page<{ resource: string; value: number }>>(
      '/api/v1/series/top?metric=out_bps&limit=1',
    );
    expect(top.items).toEqual([{ resource: 'core1/xe-0/0/0', value: 2_000_000 }]);
    const latest = await fixture.get<Page<{ resource: string; value: number }>>(
      '/api/v1/series/latest?metric=out_bps&device=core1',
    );
    expect(latest.items).toContainEqual(expect.objectContaining({ resource: 'core1/xe-0/0/0', value: 2_000_000 }));
    expect(await fixture.get('/api/v1/series/latest?metric=out_bps&resource=nowhere/1')).toEqual({
      items: [],
      next: null,
    });
  });

  test('metrics tell their units and functions', async () => {
    const { items } = await fixture.get<Page<{ name: string }>>('/api/v1/metrics');
    expect(items).toContainEqual({
      name: 'in_bps',
      unit: 'bit/s',
      deltaUnit: 'bit',
      functions: ['rate', 'avg', 'min', 'max', 'last', 'p95', 'p99', 'delta'],
    });
  });
});

describe('alarms', () => {
  const active = (): Promise<Page<AlarmAnswer>> => fixture.get('/api/v1/alarms?state=active');

  test('raised ones, filtered and one by one with their history', async () => {
    const { items } = await active();
    expect(new Set(items.map((alarm) => `${alarm.resource} ${alarm.alarmType} ${alarm.severity}`))).toEqual(
      new Set(['access1 device-unreachable critical', 'core1/xe-0/0/1 interface-down major']),
    );
    const only = await fixture.get<Page<AlarmAnswer>>('/api/v1/alarms?severity=major&device=core1');
    expect(only.items.map((alarm) => alarm.resource)).toEqual(['core1/xe-0/0/1']);
    const one = await fixture.get<Alarm & { statusChanges: unknown[] }>(`/api/v1/alarms/${items[0]?.id}`);
    expect(one.statusChanges).toHaveLength(1);
    expect(await fixture.get('/api/v1/alarms/summary')).toMatchObject({ shelved: 0 });
  });

  test('what operators do is kept under their name; a viewer may not', async () => {
    const [operator, viewer] = [await fixture.token('olga', 'operator'), await fixture.token('vera', 'viewer')];
    const id = (await active()).items.find((alarm) => alarm.alarmType === 'interface-down')?.id ?? '';
    const act = (verb: string, body: object, token = operator) =>
      fixture.post(`/api/v1/alarms/${id}/${verb}`, body, token);
    expect(await act('ack', {}, viewer)).toMatchObject({ status: 403, body: { error: { code: 'forbidden' } } });
    expect(await act('ack', { text: 'on it' })).toMatchObject({
      status: 200,
      body: { operatorState: 'ack', operator: 'olga' },
    });
    expect(await act('comment', { text: HOSTILE })).toMatchObject({ status: 200 });
    expect(await act('unack', {})).toMatchObject({ status: 200, body: { operatorState: 'none' } });
    expect(await act('close', {})).toMatchObject({ status: 200, body: { operatorState: 'closed' } });
    const until = new Date(Date.now() + 3_600_000).toISOString();
    expect(await act('shelve', { until, text: 'planned' })).toMatchObject({
      status: 200,
      body: { shelvedUntil: until },
    });
    expect((await active()).items.map((alarm) => alarm.id)).not.toContain(id);
    expect((await fixture.get<Page<AlarmAnswer>>('/api/v1/alarms?state=shelved')).items).toHaveLength(1);
    expect(await act('unshelve', {})).toMatchObject({ status: 200, body: { shelvedUntil: null } });
    const { operatorChanges } = await fixture.get<{ operatorChanges: { operator: string; state: string }[] }>(
      `/api/v1/alarms/${id}`,
    );
    expect(operatorChanges.map((change) => change.state)).toEqual([
      'un-shelved',
      'shelved',
      'closed',
      'none',
      'ack',
      'ack',
    ]);
    expect(new Set(operatorChanges.map((change) => change.operator))).toEqual(new Set(['olga']));
  });

  test.for([
    ['shelve', { until: '2020-01-01T00:00:00Z' }],
    ['shelve', {}],
    ['comment', { text: '' }],
    ['comment', { text: 'x'.repeat(2001) }],
    ['ack', { txt: 'misspelt' }],
  ] as const)('refused: %s %j', async ([verb, body]) => {
    const id = (await fixture.get<Page<AlarmAnswer>>('/api/v1/alarms')).items[0]?.id ?? '';
    expect(await fixture.post(`/api/v1/alarms/${id}/${verb}`, body)).toMatchObject({
      status: 400,
      body: { error: { code: 'invalid_request' } },
    });
  });
});

describe('agents', () => {
  test('who reports, how far it is applied, and who is awaited', async () => {
    const { items } = await fixture.get<Page<AgentAnswer>>('/api/v1/agents');
    expect(items).toMatchObject([
      {
        name: 'agent-1',
        state: 'reporting',
        devices: 3,
        incarnation: 'incarnation-1',
        received: POLLS - 1,
        applied: POLLS - 1,
        lastSequence: POLLS - 1,
        clockSound: true,
      },
      { name: 'agent-2', state: 'awaited', devices: 1, incarnation: null, applied: null, clockSound: null },
    ]);
    expect(await fixture.get('/api/v1/agents/agent-2')).toEqual(items[1]);
  });
});

describe('readings', () => {
  test('the bridge pulls pages after a cursor, to the end and not beyond', async () => {
    const first = await fixture.get<ReadingsAnswer>('/api/v1/readings?limit=3', BRIDGE);
    expect(first.items.length).toBeGreaterThan(0);
    expect(first.more).toBe(true);
    let answer = first;
    const positions = first.items.map((page) => page.position);
    while (answer.more) {
      answer = await fixture.get<ReadingsAnswer>(`/api/v1/readings?after=${answer.next}`, BRIDGE);
      positions.push(...answer.items.map((page) => page.position));
    }
    expect(new Set(positions).size).toBe(POLLS - 1);
    const end = await fixture.get<ReadingsAnswer>(`/api/v1/readings?after=${answer.next}`, BRIDGE);
    expect(end).toMatchObject({ items: [], more: false, next: answer.next, quarantined: 0 });
    expect(end.watermarks).toHaveProperty('core1');
  });

  test('the readings of one meter are exact beyond 2^63 and name their batch', async () => {
    const { items } = await fixture.get<Page<InterfaceAnswer>>('/api/v1/devices/core1/interfaces');
    const meter = items[0]?.meters.in ?? 0;
    const span = `from=${iso(beganMs)}&to=${iso(beganMs + 2 * STEP_MS)}`;
    const answer = await fixture.get<MeterReadingsAnswer>(`/api/v1/readings?meter=${meter}&${span}`);
    expect(answer.items.map((reading) => reading.value)).toEqual(['9223372036854775808', '9223372036855400808']);
    expect(answer.items[0]).toMatchObject({
      agent: 'agent-1',
      sequence: 1,
    });
    expect(answer.items[0]?.batchSha256).toMatch(/^[0-9a-f]{64}$/);
    const wider = await fixture.get<MeterReadingsAnswer>(`/api/v1/readings?meter=${meter}&${span}&neighbours=true`);
    expect(wider.items).toHaveLength(3);
  });
});

describe('access', () => {
  test('nothing is told without a token', async () => {
    for (const place of [
      'overview',
      'devices',
      'series',
      'alarms',
      'agents',
      'readings',
      'quarantine',
      'events',
      'whoami',
      'openapi.json',
    ])
      expect(await fixture.ask(`/api/v1/${place}`, { token: null })).toMatchObject({
        status: 401,
        body: { error: { code: 'token_missing' } },
      });
    for (const place of ['/metrics', '/docs', '/billing/v1/overview'])
      expect((await fixture.ask(place, { token: null })).status).toBe(401);
  });

  test('an unknown token is told so, an agent reads nothing but its receipt', async () => {
    expect(await fixture.ask('/api/v1/devices', { token: 'weir_nobody' })).toMatchObject({
      status: 401,
      body: { error: { code: 'token_unknown' } },
    });
    for (const place of ['devices', 'readings', 'events', 'quarantine', 'alarms'])
      expect(await fixture.ask(`/api/v1/${place}`, { token: AGENT })).toMatchObject({
        status: 403,
        body: { error: { code: 'forbidden' } },
      });
    expect((await fixture.ask('/api/v1/batches/receipt?incarnation=incarnation-1', { token: AGENT })).status).toBe(200);
  });

  test('a session is a cookie that no script reads; an unknown token opens none', async () => {
    const answer = await fixture.ask('/api/v1/session', {
      method: 'POST',
      token: null,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token: BRIDGE }),
    });
    const cookie = answer.headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/^weir_session=[^;]+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/);
    const headers = { cookie: cookie.split(';')[0] ?? '' };
    expect((await fixture.ask('/api/v1/whoami', { token: null, headers })).body).toEqual({
      name: 'billing-bridge',
      role: 'bridge',
      scope: null,
    });
    const gone = await fixture.ask('/api/v1/session', {
      method: 'DELETE',
      token: null,
      headers: { ...headers, origin: fixture.url },
    });
    expect(gone.headers.get('set-cookie')).toContain('weir_session=; ');
    for (const [token, status] of [
      ['weir_nobody', 401],
      [AGENT, 403],
      ['', 400],
    ] as const)
      expect((await fixture.post('/api/v1/session', { token })).status).toBe(status);
    const secure = await fixture.ask('/api/v1/session', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-forwarded-proto': 'https' },
      body: JSON.stringify({ token: BRIDGE }),
    });
    expect(secure.headers.get('set-cookie')).toContain('; Secure');
  });
});

const GARBAGE = [
  '%00',
  'AAAA',
  Buffer.from('{"a":1}').toString('base64url'),
  Buffer.from('[[["x"]]]').toString('base64url'),
  '../../etc/passwd',
  "'%20or%201=1--",
  '9'.repeat(900),
];

test.for(['devices', 'devices/core1/interfaces', 'alarms', 'agents', 'quarantine'])(
  'a garbage cursor is refused: %s',
  async (place) => {
    for (const cursor of GARBAGE) {
      const answer = await fixture.ask(`/api/v1/${place}?cursor=${cursor}`);
      expect([cursor, answer.status, answer.body]).toMatchObject([cursor, 400, { error: { code: 'invalid_request' } }]);
    }
  },
);

test('a garbage cursor of readings is refused', async () => {
  for (const cursor of GARBAGE)
    expect(await fixture.ask(`/api/v1/readings?after=${cursor}`)).toMatchObject({
      status: 400,
      body: { error: { code: 'invalid_request' } },
    });
});

test.for([
  ['series?resource=core1', 400],
  ['series?metric=in_bps&resource=core1&from=yesterday', 400],
  ['series?metric=in_bps&resource=core1&from=2026-01-01', 400],
  ['series?metric=in_bps&resource=core1&step=0s', 400],
  ['series?metric=in_bps&resource=core1&step=5s&step_ms=5000', 400],
  ['series?metric=in_bps&resource=core1&step_ms=1&from=2020-01-01T00:00:00Z', 400],
  ['series?metric=in_bps&resource=core1&function=median', 400],
  ['series?metric=__proto__&resource=core1', 400],
  ["series?metric=in_bps'%3B--&resource=core1", 400],
  ['series?metric=in_bps&metric=out_bps&resource=core1', 400],
  ['series?metric=in_bps&resource=core1&from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z', 400],
  ['series/top?metric=in_bps&limit=1e9', 400],
  ['series/top?metric=in_bps&limit=-1', 400],
  ['series/latest?metric=in_bps', 400],
  ['alarms?state=burning', 400],
  ['alarms?sevrity=major', 400],
  ['alarms/summary?x=1', 400],
  ['alarms/99999999999999999999', 404],
  ['alarms/1%3B', 404],
  ['devices?limit=0', 400],
  ['devices?limit=100000', 400],
  ['devices/nowhere', 404],
  ["devices/'%20or%201=1", 404],
  ['devices/%00', 404],
  [`devices/${'x'.repeat(70)}`, 400],
  [`devices/${'x'.repeat(200)}`, 400],
  ['devices/%', 400],
  ['devices/%2e%2e%2fetc/interfaces', 404],
  ['devices/nowhere/interfaces', 404],
  ['interfaces/0', 400],
  ['interfaces/1.5', 400],
  ['interfaces/99999999999', 400],
  ['interfaces/2147483647', 404],
  ['agents/nowhere', 404],
  ['quarantine/1/body', 404],
  ['readings?meter=1', 400],
  ['readings?meter=2147483647&from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z', 404],
  ['readings?meter=1&after=x&from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z', 400],
  ['readings?from=2026-01-01T00:00:00Z', 400],
  ['readings?limit=1000000', 400],
  ['nowhere', 404],
] as const)('%s is answered with %i and a code', async ([place, status]) => {
  const answer = await fixture.ask(`/api/v1/${place}`);
  expect([place, answer.status]).toEqual([place, status]);
  expect((answer.body as { error: { code: string } }).error.code).toMatch(/^[a-z_]+$/);
});

test('a body that is too large, no JSON or of a wrong type is refused with a code', async () => {
  const ask = (body: string, type: string) =>
    fixture.ask('/api/v1/alarms/1/ack', { method: 'POST', body, headers: { 'content-type': type } });
  expect(await ask(JSON.stringify({ text: 'x'.repeat(70_000) }), 'application/json')).toMatchObject({
    status: 413,
    body: { error: { code: 'body_too_large' } },
  });
  for (const [body, type] of [
    ['{', 'application/json'],
    ['text=x', 'application/x-www-form-urlencoded'],
    ['[]', 'application/json'],
    ['{"__proto__":{"text":"x"}}', 'application/json'],
  ] as const)
    expect(await ask(body, type)).toMatchObject({ status: 400, body: { error: { code: 'invalid_request' } } });
});

test('nothing failed on the way', () => {
  const failures = fixture.lines.filter((line) => line.includes('"level":50'));
  expect(failures).toEqual([]);
});
