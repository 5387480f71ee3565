// Every route of the collector that changes something, or is none of the documented GETs, with every role and a scope of another site: who may is a table.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Role, ROLES } from '../../../common/runtime/access.ts';
import {
  AGENT,
  type CollectorFixture,
  eventually,
  type StartedFixture,
  startCollectorFixture,
} from '../../support/collector-fixture.ts';
import { interfacePoll } from '../../support/poll-builder.ts';
import { RouteTable } from '../../support/route-table.ts';

const OPERATORS: readonly Role[] = ['operator'];
const AGENTS: readonly Role[] = ['agent'];
const STATE: readonly Role[] = ['viewer', 'operator', 'billing', 'bridge', 'care'];
const NOBODY_ELSE: readonly Role[] = [];

/** What a scope of the north gets about the south: no such thing, a question answered within it, the bridge's own decision, or a refusal. */
type Scoped = 'absent' | 'within' | 'made within' | 'passed on' | 'refused';

const TMF642 = ['/tmf-api/alarmManagement/v4', '/tmf-api/alarm/v4'];
const TMF642_TASKS = ['ackAlarms', 'unAckAlarms', 'clearAlarms', 'commentAlarms', 'groupAlarms', 'unGroupAlarms'];

/** The same under both of its base paths. */
function northbound(): Record<string, readonly [roles: readonly Role[], scoped: Scoped]> {
  const rows = TMF642.flatMap((base) => [
    [`POST ${base}/alarm`, [OPERATORS, 'absent']],
    [`PATCH ${base}/alarm/:id`, [OPERATORS, 'absent']],
    [`DELETE ${base}/alarm/:id`, [OPERATORS, 'absent']],
    [`POST ${base}/hub`, [OPERATORS, 'refused']],
    [`DELETE ${base}/hub/:id`, [OPERATORS, 'refused']],
    ...TMF642_TASKS.map((kind) => [
      `POST ${base}/${kind}`,
      [OPERATORS, /group/i.test(kind) ? 'absent' : 'made within'],
    ]),
  ]);
  return Object.fromEntries(rows) as Record<string, readonly [readonly Role[], Scoped]>;
}

/** Of each route: who may beside an administrator, and what becomes of a scope. A route that is missing fails the test. */
const TABLE: Readonly<Record<string, readonly [roles: readonly Role[], scoped: Scoped]>> = {
  'POST /api/v1/alarms/:id/ack': [OPERATORS, 'absent'],
  'POST /api/v1/alarms/:id/unack': [OPERATORS, 'absent'],
  'POST /api/v1/alarms/:id/close': [OPERATORS, 'absent'],
  'POST /api/v1/alarms/:id/comment': [OPERATORS, 'absent'],
  'POST /api/v1/alarms/:id/shelve': [OPERATORS, 'absent'],
  'POST /api/v1/alarms/:id/unshelve': [OPERATORS, 'absent'],
  'POST /api/v1/alarms/:id/assign': [OPERATORS, 'absent'],
  'POST /api/v1/alarms/:id/escalate': [OPERATORS, 'absent'],
  'POST /api/v1/alarms/:id/ticket': [OPERATORS, 'absent'],
  'POST /api/v1/alarms/:id/diagnosis': [OPERATORS, 'absent'],
  'POST /api/v1/alarms/:id/actions': [OPERATORS, 'absent'],
  // Of each alarm it tells what became of it: what is not seen is not found.
  'POST /api/v1/alarms/actions': [OPERATORS, 'within'],
  'POST /api/v1/alarms/purge': [NOBODY_ELSE, 'refused'],
  ...northbound(),
  'POST /api/v1/messages/:id/retry': [OPERATORS, 'refused'],
  'POST /api/v1/maintenance-windows': [OPERATORS, 'refused'],
  'PUT /api/v1/maintenance-windows/:id': [OPERATORS, 'absent'],
  'DELETE /api/v1/maintenance-windows/:id': [OPERATORS, 'absent'],
  'PUT /api/v1/map-layout': [OPERATORS, 'absent'],
  'DELETE /api/v1/map-layout': [OPERATORS, 'within'],
  'POST /api/v1/agents/:name/work': [OPERATORS, 'absent'],
  'POST /api/v1/devices': [OPERATORS, 'refused'],
  'PUT /api/v1/devices/:name': [OPERATORS, 'absent'],
  'DELETE /api/v1/devices/:name': [OPERATORS, 'absent'],
  'PUT /api/v1/devices/:name/labels': [OPERATORS, 'absent'],
  'PUT /api/v1/devices/:name/wanted': [OPERATORS, 'absent'],
  'POST /api/v1/rules/test': [OPERATORS, 'refused'],
  'POST /api/v1/projections/:name/pause': [NOBODY_ELSE, 'refused'],
  'POST /api/v1/projections/:name/resume': [NOBODY_ELSE, 'refused'],
  'POST /api/v1/projections/:name/replay': [NOBODY_ELSE, 'refused'],
  'POST /api/v1/quarantine/:id/retry': [NOBODY_ELSE, 'refused'],
  // A token without a scope sees more than the one that makes it.
  'POST /api/v1/tokens': [NOBODY_ELSE, 'refused'],
  'POST /api/v1/sign-in-links': [NOBODY_ELSE, 'refused'],
  'DELETE /api/v1/tokens/:name': [NOBODY_ELSE, 'absent'],
  'POST /api/v1/batches': [AGENTS, 'refused'],
  'POST /api/v2/write': [AGENTS, 'refused'],
  'POST /prometheus/api/v1/query': [STATE, 'within'],
  'POST /prometheus/api/v1/query_range': [STATE, 'within'],
  'POST /prometheus/api/v1/series': [STATE, 'within'],
  'POST /prometheus/api/v1/labels': [STATE, 'within'],
  'POST /prometheus/api/v1/metadata': [STATE, 'within'],
  'GET /billing/*': [STATE, 'passed on'],
  'POST /billing/*': [STATE, 'passed on'],
  'PUT /billing/*': [STATE, 'passed on'],
  'DELETE /billing/*': [STATE, 'passed on'],
  ...Object.fromEntries(
    ['customerBillManagement', 'usageManagement'].flatMap((api) =>
      ['GET', 'POST', 'PATCH', 'DELETE'].map((method) => [`${method} /tmf-api/${api}/*`, [STATE, 'passed on']]),
    ),
  ),
};
/** To sign in and out; and a customer's own page, which asks for the code of its link. */
const OPEN: readonly string[] = ['POST /api/v1/session', 'DELETE /api/v1/session', 'GET /billing/link/*'];

const MINUTE = 60_000;
const NOW = Math.floor(Date.now() / MINUTE) * MINUTE;
const FORMS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '/prometheus/api/v1/query': { query: 'weir_device_reachable' },
  '/prometheus/api/v1/query_range': {
    query: 'weir_device_reachable',
    start: String(NOW / 1000 - 900),
    end: String(NOW / 1000),
    step: '60',
  },
  '/prometheus/api/v1/series': { 'match[]': '{device=~".+"}' },
};
const WINDOW = {
  devices: ['south1'],
  from: new Date(NOW).toISOString(),
  to: new Date(NOW + 600 * MINUTE).toISOString(),
  reason: 'x',
};
const BODIES: Readonly<Record<string, object>> = {
  '/api/v1/alarms/:id/comment': { text: 'seen' },
  '/api/v1/alarms/:id/shelve': { until: '2099-01-01T00:00:00Z', text: 'away' },
  '/api/v1/alarms/:id/ack': {},
  '/api/v1/map-layout': { spots: [{ device: 'south1', x: 0.1, y: 0.1 }] },
  '/api/v1/messages/:id/retry': {},
  '/api/v1/alarms/:id/unack': {},
  '/api/v1/alarms/:id/close': {},
  '/api/v1/alarms/:id/unshelve': {},
  '/api/v1/devices': { name: 'south2', address: '192.0.2.2', snmp: false, site: 'south' },
  '/api/v1/devices/:name': { name: 'south1', address: '192.0.2.1', snmp: false, site: 'north' },
  '/api/v1/devices/:name/labels': {},
  '/api/v1/devices/:name/wanted': { interface: 'port-of-the-south', wanted: true },
  '/api/v1/agents/:name/work': { kind: 'poll', device: 'south1' },
  '/api/v1/alarms/:id/diagnosis': {},
  '/api/v1/alarms/:id/actions': { action: 'port-bounce', key: 'key-of-a-test', text: 'seen' },
  '/api/v1/alarms/:id/assign': { to: 'ann' },
  '/api/v1/alarms/:id/escalate': { text: 'nobody answers' },
  '/api/v1/alarms/:id/ticket': { reference: 'INC-1' },
  '/api/v1/alarms/actions': { action: 'ack', filter: { device: 'south1' } },
  '/api/v1/alarms/purge': { dry_run: true },
  '/api/v1/maintenance-windows': WINDOW,
  '/api/v1/maintenance-windows/:id': WINDOW,
  '/api/v1/tokens': { name: 'heir', role: 'viewer' },
  '/api/v1/sign-in-links': { name: 'heir', role: 'viewer' },
};

const QUERIES: Readonly<Record<string, string>> = {
  '/api/v1/devices': '?dry_run=true',
  '/api/v1/devices/:name': '?version=1',
};

let started: StartedFixture;
let fixture: CollectorFixture;
let routes: readonly string[];
let alarm = '';
let maintenance = '';
const tokens = new Map<Role, string>();

beforeAll(async () => {
  const table = new RouteTable();
  table.watch();
  started = await startCollectorFixture({
    collector: { northbound: { listeners: ['http://127.0.0.1:9/'] } },
    devices: [
      { name: 'north1', site: 'north' },
      { name: 'south1', site: 'south' },
    ],
  });
  routes = table.done();
  fixture = started.fixture;
  for (let at = 0; at < 8; at += 1) {
    const polls = ['north', 'south'].map((site) =>
      interfacePoll({
        device: `${site}1`,
        atMs: NOW - (10 - at) * MINUTE,
        interfaces: [{ key: `port-of-the-${site}`, inOctets: BigInt(at) * 6000n, speedBps: 1e9, oper: at > 2 ? 2 : 1 }],
      }),
    );
    await fixture.send({ sequence: at + 1, polls });
  }
  await fixture.applied(8);
  await eventually(async () => (await southern()) !== undefined, 'the port of the south is down');
  alarm = (await southern())?.id ?? '';
  const made = await fixture.post('/api/v1/maintenance-windows', WINDOW);
  maintenance = (made.body as { id: string }).id;
  for (const role of ROLES) tokens.set(role, role === 'agent' ? AGENT : await fixture.token(`some-${role}`, role));
}, 90_000);
afterAll(() => started.remove());

async function southern(): Promise<{ id: string } | undefined> {
  const { items } = await fixture.get<{ items: { id: string; device: string }[] }>('/api/v1/alarms?state=all');
  return items.find(({ device }) => device === 'south1');
}

interface Heard {
  readonly status: number;
  readonly text: string;
}

/** About the south, or about nothing that there is: who may is told 400 or 404 and changes nothing but an alarm. */
async function asked(route: string, token: string | null): Promise<Heard> {
  const [method = '', place = ''] = route.split(' ');
  const id = place.includes('maintenance') ? maintenance : place.includes('alarm') ? alarm : '999999';
  const name = place.includes('agents') ? 'agent-1' : place.includes('devices') ? 'south1' : 'none-such';
  const query = place.includes('maintenance-windows/:id') ? '?version=1' : '';
  const url = `${place.replace(':id', id).replace(':name', name).replace('*', 'v1/bills')}${query}`;
  const { type, body } = contentOf(place);
  const answer = await fetch(`${fixture.url}${url}${QUERIES[place] ?? ''}`, {
    method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(method === 'GET' || method === 'DELETE' ? {} : { 'content-type': type }),
    },
    ...(method === 'GET' || method === 'DELETE' ? {} : { body }),
  });
  return { status: answer.status, text: await answer.text() };
}

function contentOf(place: string): { type: string; body: string } {
  if (place.startsWith('/prometheus/'))
    return { type: 'application/x-www-form-urlencoded', body: new URLSearchParams(FORMS[place] ?? {}).toString() };
  if (place === '/api/v1/batches') return { type: 'application/vnd.weir.batch', body: 'no batch' };
  if (place === '/api/v2/write') return { type: 'text/plain', body: 'no line' };
  return {
    type: 'application/json',
    body: JSON.stringify(BODIES[place] ?? northboundBody(place) ?? { nothing: 'of the kind' }),
  };
}

/** About the port of the south, without its name. */
function northboundBody(place: string): object | undefined {
  const alarmPattern = [{ probableCause: 'lossOfSignal', isRootCause: false }];
  const at = '2026-11-20T10:00:00Z';
  const bodies: Readonly<Record<string, object>> = {
    alarm: {
      alarmedObject: { id: 'south1' },
      alarmRaisedTime: at,
      alarmType: 'equipmentAlarm',
      perceivedSeverity: 'major',
      probableCause: 'fire',
      sourceSystemId: 'ems',
      state: 'raised',
    },
    ':id': { ackState: 'acknowledged' },
    hub: { callback: 'http://127.0.0.1:9/' },
    ackAlarms: { ackSystemId: 'a', ackUserId: 'b', alarmPattern },
    unAckAlarms: { ackSystemId: 'a', ackUserId: 'b', alarmPattern },
    clearAlarms: { clearSystemId: 'a', clearUserId: 'b', alarmClearedTime: at, alarmPattern },
    commentAlarms: { comment: { comment: 'seen' }, alarmPattern },
    groupAlarms: {
      sourceSystemId: 'a',
      alarmChangedTime: at,
      parentAlarm: { id: alarm },
      correlatedAlarm: [{ id: '99' }],
    },
    unGroupAlarms: {
      sourceSystemId: 'a',
      alarmChangedTime: at,
      parentAlarm: { id: alarm },
      correlatedAlarm: [{ id: '99' }],
    },
  };
  return place.startsWith('/tmf-api/') ? bodies[place.split('/').pop() ?? ''] : undefined;
}

const BRIDGE = / \/(billing|tmf-api\/(customerBill|usage)Management)\//;

test('the table knows every route that is none of the GETs of the other table', () => {
  const own = routes.filter((route) => !route.startsWith('GET ') || BRIDGE.test(route));
  expect(Object.keys(TABLE).concat(OPEN).toSorted()).toEqual(own);
});

test.for(Object.entries(TABLE))(
  '%s: each role as the table says, and nobody without a token',
  async ([route, [roles]]) => {
    for (const token of [null, 'nobody']) expect((await asked(route, token)).status).toBe(401);
    for (const role of ROLES) {
      const { status, text } = await asked(route, tokens.get(role) ?? '');
      const may = roles.includes(role) || role === 'administrator';
      if (!may) expect(`${role} ${status}`).toBe(`${role} 403`);
      else expect([401, 403], `${role}: ${text}`).not.toContain(status);
      // The bridge does not answer here.
      expect(status, text).toBeLessThanOrEqual(BRIDGE.test(route) ? 502 : 499);
    }
  },
);

test('a token of the north changes nothing of the south, whoever it is of', async () => {
  const wrong: string[] = [];
  for (const role of ROLES) {
    const made = await fixture.post('/api/v1/tokens', { name: `${role}-of-north`, role, scope: { sites: ['north'] } });
    const { token } = made.body as { token: string };
    for (const [route, [roles, scoped]] of Object.entries(TABLE)) {
      if (!roles.includes(role) && role !== 'administrator') continue;
      const { status, text } = await asked(route, token);
      const expected = { absent: 404, within: 200, 'made within': 201, 'passed on': 502, refused: 403 }[scoped];
      if (status !== expected) wrong.push(`${route} for ${role}: ${status} ${text}`);
      if (scoped === 'refused' && !text.includes('scope_too_narrow')) wrong.push(`${route} for ${role}: ${text}`);
      if (scoped === 'within' && /south/i.test(text)) wrong.push(`${route} for ${role}: ${text}`);
    }
  }
  expect(wrong).toEqual([]);
});
