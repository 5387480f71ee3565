// Every documented route that reads, with every role, and with a scope of another site: who may is a table, and nothing foreign is in any answer.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Role, ROLES } from '../../../common/runtime/access.ts';
import {
  type CollectorFixture,
  eventually,
  type StartedFixture,
  startCollectorFixture,
} from '../../support/collector-fixture.ts';
import { interfacePoll } from '../../support/poll-builder.ts';

const NETWORK: readonly Role[] = ['viewer', 'operator', 'billing', 'bridge'];
const STATE: readonly Role[] = [...NETWORK, 'care'];
const CUSTOMERS: readonly Role[] = ['operator', 'care', 'billing'];

/** The same under both of its base paths. */
function northbound(): Record<string, readonly [roles: readonly Role[], scoped: boolean]> {
  const kinds = ['alarm', 'ackAlarms', 'unAckAlarms', 'clearAlarms', 'commentAlarms', 'groupAlarms', 'unGroupAlarms'];
  const bases = ['/tmf-api/alarmManagement/v4', '/tmf-api/alarm/v4'];
  const places = bases.flatMap((base) => kinds.flatMap((kind) => [`${base}/${kind}`, `${base}/${kind}/{id}`]));
  return Object.fromEntries(places.map((place) => [place, [STATE, true]]));
}

/** Of each route that reads: who may beside an administrator, and whether it is read under a scope. A route that is missing fails the test. */
const TABLE: Readonly<Record<string, readonly [roles: readonly Role[], scoped: boolean]>> = {
  '/api/v1/overview': [STATE, true],
  '/api/v1/whoami': [ROLES, true],
  '/api/v1/devices': [NETWORK, true],
  '/api/v1/devices/{name}': [NETWORK, true],
  '/api/v1/devices/{name}/interfaces': [NETWORK, true],
  '/api/v1/devices/{name}/gauges': [NETWORK, true],
  '/api/v1/devices/{name}/modules': [NETWORK, true],
  '/api/v1/devices/{name}/sensors': [NETWORK, true],
  '/api/v1/devices/{name}/neighbours': [NETWORK, true],
  '/api/v1/devices/{name}/storage': [NETWORK, true],
  '/api/v1/devices/{name}/bgp-peers': [NETWORK, true],
  '/api/v1/devices/{name}/outlets': [NETWORK, true],
  '/api/v1/topology': [NETWORK, true],
  '/api/v1/map-layout': [NETWORK, true],
  '/api/v1/devices/{name}/wanted': [NETWORK, true],
  '/api/v1/search': [['viewer', 'operator', 'care', 'billing'], true],
  '/api/v1/devices/{name}/events': [NETWORK, true],
  '/api/v1/device-events': [NETWORK, true],
  '/api/v1/devices/{name}/changes': [NETWORK, true],
  '/api/v1/changes': [NETWORK, true],
  '/api/v1/interfaces': [NETWORK, true],
  '/api/v1/interfaces/{id}': [NETWORK, true],
  '/api/v1/interfaces/{id}/sensors': [NETWORK, true],
  '/api/v1/sites': [NETWORK, true],
  '/api/v1/traffic': [STATE, true],
  '/api/v1/series': [STATE, true],
  '/api/v1/series/top': [STATE, true],
  '/api/v1/series/stack': [STATE, true],
  '/api/v1/series/latest': [STATE, true],
  '/api/v1/metrics': [STATE, true],
  '/api/v1/metrics/resources': [STATE, true],
  '/api/v1/alarms': [STATE, true],
  '/api/v1/alarms/summary': [STATE, true],
  '/api/v1/alarm-types': [STATE, true],
  '/api/v1/alarms/{id}': [STATE, true],
  '/api/v1/problems': [STATE, true],
  '/api/v1/problems/{id}': [STATE, true],
  '/api/v1/alarm-listeners': [['operator'], false],
  ...northbound(),
  '/api/v1/alarms/{id}/told': [NETWORK, true],
  '/api/v1/alarms/{id}/diagnosis': [NETWORK, true],
  '/api/v1/alarms/{id}/actions': [NETWORK, true],
  '/api/v1/runbooks': [NETWORK, true],
  '/api/v1/messages': [NETWORK, true],
  '/api/v1/maintenance-windows': [NETWORK, true],
  '/api/v1/maintenance-windows/{id}/upgrades': [NETWORK, true],
  '/api/v1/agents': [NETWORK, true],
  '/api/v1/agents/{name}': [NETWORK, true],
  '/api/v1/agents/{name}/work': [['agent'], false],
  '/api/v1/agents/{name}/work/{id}': [['operator'], true],
  '/api/v1/agents/{name}/configuration': [['agent'], false],
  '/api/v1/batches/receipt': [['agent'], false],
  '/api/v1/work': [['operator'], true],
  '/api/v1/readings': [NETWORK, false],
  '/api/v1/quarantine': [NETWORK, false],
  '/api/v1/quarantine/{id}/body': [['operator'], false],
  '/api/v1/store/rejected-lines': [NETWORK, false],
  '/api/v1/projections': [NETWORK, false],
  '/api/v1/services': [CUSTOMERS, true],
  '/api/v1/services/{id}': [CUSTOMERS, true],
  '/api/v1/customers/{id}': [CUSTOMERS, true],
  '/api/v1/service-levels': [CUSTOMERS, true],
  '/api/v1/outage-records': [NETWORK, false],
  '/api/v1/kpis': [STATE, true],
  '/api/v1/kpis/{name}': [STATE, true],
  '/api/v1/kpis/{name}/ranking': [STATE, true],
  '/api/v1/kpis/{name}/sites': [STATE, true],
  '/api/v1/kpi-report': [STATE, true],
  '/api/v1/events': [STATE, true],
  '/api/v1/tokens': [[], true],
  '/api/v1/audit': [[], true],
  '/prometheus/api/v1/query': [STATE, true],
  '/prometheus/api/v1/query_range': [STATE, true],
  '/prometheus/api/v1/series': [STATE, true],
  '/prometheus/api/v1/labels': [STATE, true],
  '/prometheus/api/v1/label/{name}/values': [STATE, true],
  '/prometheus/api/v1/metadata': [STATE, true],
  '/prometheus/api/v1/status/buildinfo': [STATE, true],
  '/metrics': [['viewer', 'operator'], false],
};
/** Open to everybody: they tell whether it lives, and what the API is. */
const OPEN: readonly string[] = ['/healthz', '/readyz', '/docs', '/api/v1/openapi.json'];

/** What only the south has. */
const FOREIGN = /south|port-of-the-south/i;
const MINUTE = 60_000;

describe('access to every route', () => {
  let started: StartedFixture;
  let fixture: CollectorFixture;
  let paths: readonly string[] = [];
  const tokens = new Map<Role, string>();
  let north = '';
  const norths = new Map<Role, string>();
  const places: Record<string, string> = {};

  beforeAll(async () => {
    const devices = [
      { name: 'north1', site: 'north' },
      { name: 'south1', site: 'south' },
      { name: 'south2', site: 'south', agent: 'agent-of-the-south' },
    ];
    started = await startCollectorFixture({ devices });
    fixture = started.fixture;
    const T0 = Math.floor(Date.now() / MINUTE) * MINUTE - 10 * MINUTE;
    for (let at = 0; at < 8; at += 1) {
      const polls = ['north', 'south'].map((site) =>
        interfacePoll({
          device: `${site}1`,
          atMs: T0 + at * MINUTE,
          interfaces: [
            { key: `port-of-the-${site}`, inOctets: BigInt(at) * 6000n, speedBps: 1e9, oper: at > 2 ? 2 : 1 },
          ],
        }),
      );
      await fixture.send({ sequence: at + 1, polls });
    }
    await fixture.applied(8);
    const spots = ['north1', 'south1'].map((device) => ({ device, x: 0.5, y: 0.5 }));
    const put = { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ spots }) };
    await fixture.ask('/api/v1/map-layout', put);
    await eventually(
      async () => (await fixture.get<{ items: unknown[] }>('/api/v1/alarms')).items.length >= 2,
      'both ports are down',
    );
    for (const role of ROLES)
      tokens.set(role, await fixture.token(role === 'agent' ? 'agent-1' : `some-${role}`, role));
    for (const role of ROLES) {
      const scope = { sites: ['north'], customers: ['acme'] };
      const made = await fixture.post('/api/v1/tokens', { name: `north-${role}`, role, scope });
      norths.set(role, (made.body as { token: string }).token);
    }
    north = norths.get('operator') ?? '';
    const work = await fixture.post('/api/v1/agents/agent-1/work', { kind: 'diagnose', device: 'south1' });
    places['work'] = (work.body as { id: string }).id;
    await fixture.ask('/api/v1/devices/south1/wanted', {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ interface: 'port-of-the-south', wanted: false }),
    });
    const window = await fixture.ask('/api/v1/maintenance-windows', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        devices: ['south1'],
        from: new Date(T0).toISOString(),
        to: new Date(T0 + 900 * MINUTE).toISOString(),
        reason: 'the south is rebuilt',
      }),
    });
    expect((window.body as { id: string }).id).toBe('1');
    const interfaces = await fixture.get<{ items: { id: number }[] }>('/api/v1/devices/south1/interfaces');
    const alarms = await fixture.get<{ items: { id: string; device: string }[] }>('/api/v1/alarms');
    places['interface'] = String(interfaces.items[0]?.id);
    places['alarm'] = alarms.items.find(({ device }) => device === 'south1')?.id ?? '';
    const northern = alarms.items.find(({ device }) => device === 'north1')?.id ?? '';
    // A message about the south, one about both, and one about nothing that any scope has.
    await fixture.database.database.query(
      `with made as (insert into tell.message (key, channel, kind, content, state, created_at_ms, next_try_ms)
         values ('south-1', 'noc', 'alarms', '{}', 'done', 1, 1), ('both-1', 'noc', 'alarms', '{}', 'done', 2, 2),
                ('neither-south', 'noc', 'alarms', '{}', 'done', 3, 3) returning id, key)
       insert into tell.message_item (message, alarm, kind)
       select made.id, alarm, 'raised' from made cross join unnest($1::int8[]) as told (alarm)
        where made.key = 'both-1' or (made.key = 'south-1' and alarm = $2)`,
      [[places['alarm'], northern], places['alarm']],
    );
    const document = await fixture.get<{ paths: Record<string, Record<string, unknown>> }>('/api/v1/openapi.json');
    paths = Object.entries(document.paths).flatMap(([place, methods]) => ('get' in methods ? [place] : []));
  }, 90_000);
  afterAll(() => started.remove());

  /** An address of the south: what a token of the north must not reach. */
  function addressOf(place: string): string {
    const id = place.includes('interfaces')
      ? places['interface']
      : place.includes('alarm') || place.includes('problems')
        ? places['alarm']
        : place.includes('work')
          ? places['work']
          : '1';
    const name = place.includes('agents')
      ? 'agent-1'
      : place.includes('kpi')
        ? 'availability'
        : place.includes('label')
          ? 'device'
          : 'south1';
    const filled = place.replace('{id}', id ?? '').replace('{name}', name);
    const [fromMs, now] = [Date.now() - 15 * MINUTE, Date.now()];
    const span = `from=${new Date(fromMs).toISOString()}&to=${new Date(now).toISOString()}`;
    const resource = encodeURIComponent('south1/port-of-the-south');
    const queries: Record<string, string> = {
      '/api/v1/search': 'q=south',
      '/api/v1/series': `metric=in_octets&resource=${resource}&${span}`,
      '/api/v1/series/top': `metric=in_octets&${span}`,
      '/api/v1/series/stack': `metric=in_octets&${span}`,
      '/api/v1/series/latest': `metric=in_octets&resource=${resource}`,
      '/api/v1/kpis/{name}': `resource=${resource}&${span}`,
      '/api/v1/kpis/{name}/ranking': span,
      '/api/v1/kpi-report': 'period=2026-11',
      '/api/v1/batches/receipt': 'incarnation=incarnation-1',
      '/prometheus/api/v1/query': `query=${encodeURIComponent('{device=~".+"} and {__name__!~".*_total"} or weir_device_reachable')}`,
      '/prometheus/api/v1/query_range': `query=weir_device_reachable&start=${Math.floor(fromMs / 1000)}&end=${Math.floor(now / 1000)}&step=60`,
    };
    const query = queries[place];
    return query === undefined ? filled : `${filled}?${query}`;
  }

  async function statusOf(place: string, token: string | null): Promise<{ status: number; text: string }> {
    const stopping = new AbortController();
    const answer = await fetch(`${fixture.url}${addressOf(place)}`, {
      headers: token === null ? {} : { authorization: `Bearer ${token}` },
      signal: stopping.signal,
    });
    if (answer.headers.get('content-type')?.startsWith('text/event-stream') === true) {
      stopping.abort();
      return { status: answer.status, text: '' };
    }
    return { status: answer.status, text: await answer.text() };
  }

  test('the table knows every route that reads', () => {
    const bridge = /^\/(billing|tmf-api\/(customerBill|usage)Management)\//;
    const own = paths.filter((place) => !bridge.test(place) && !OPEN.includes(place));
    expect(own.filter((place) => TABLE[place] === undefined)).toEqual([]);
  });

  test('each role enters where the table says, and nobody without a token or with one that ended', async () => {
    const wrong: string[] = [];
    const ended = await fixture.token('ended', 'operator');
    await fixture.database.database.query("update access.token set expires_ms = 1 where name = 'ended'");
    const revoked = await fixture.token('revoked', 'operator');
    await fixture.ask('/api/v1/tokens/revoked', { method: 'DELETE' });
    for (const [place, [roles]] of Object.entries(TABLE)) {
      const strangers = [null, ended, revoked, 'nobody'].map(async (token) => {
        if ((await statusOf(place, token)).status !== 401) wrong.push(`${place} without a good token`);
      });
      const known = ROLES.map(async (role) => {
        const { status } = await statusOf(place, tokens.get(role) ?? '');
        // Work is fetched by agents alone, each its own.
        const may = roles.includes(role) || (role === 'administrator' && place !== '/api/v1/agents/{name}/work');
        if ((status === 403) === may) wrong.push(`${place} for ${role}: ${status}`);
        if (status >= 500) wrong.push(`${place} for ${role}: ${status}`);
      });
      await Promise.all([...strangers, ...known]);
    }
    expect(wrong).toEqual([]);
  }, 60_000);

  test('a token of the north hears nothing of the south, whatever it asks and whoever it is of', async () => {
    const wrong: string[] = [];
    for (const [place, [roles, scoped]] of Object.entries(TABLE)) {
      const heard = ROLES.map(async (role) => {
        const { status, text } = await statusOf(place, norths.get(role) ?? '');
        const may = scoped && (roles.includes(role) || role === 'administrator');
        if ((status === 403) === may) wrong.push(`${place} under a scope for ${role}: ${status}`);
        if (status >= 500) wrong.push(`${place} for ${role}: ${status} ${text}`);
        // The question itself may be told back.
        const told = text.replaceAll(/"resource":"south1\/port-of-the-south"|device south1|The device south1/g, '');
        if (status < 400 && FOREIGN.test(told)) wrong.push(`${place} for ${role}: ${told.slice(0, 200)}`);
      });
      await Promise.all(heard);
    }
    expect(wrong).toEqual([]);
    for (const place of [
      '/api/v1/devices/{name}',
      '/api/v1/devices/{name}/interfaces',
      '/api/v1/interfaces/{id}',
      '/api/v1/alarms/{id}',
      '/api/v1/problems/{id}',
      '/api/v1/devices/{name}/wanted',
      '/api/v1/agents/{name}/work/{id}',
      '/api/v1/agents/agent-of-the-south',
    ])
      expect((await statusOf(place, north)).status).toBe(404);
  }, 60_000);

  test('what it asks of its own site it hears', async () => {
    const ask = async <T>(place: string): Promise<T> => {
      const answer = await fetch(`${fixture.url}${place}`, { headers: { authorization: `Bearer ${north}` } });
      expect(answer.status).toBe(200);
      return (await answer.json()) as T;
    };
    expect((await ask<{ items: { name: string }[] }>('/api/v1/devices')).items.map(({ name }) => name)).toEqual([
      'north1',
    ]);
    const alarms = await ask<{ items: { id: string; device: string }[] }>('/api/v1/alarms');
    expect(new Set(alarms.items.map(({ device }) => device))).toEqual(new Set(['north1']));
    const agents = await ask<{ items: { name: string; devices: number }[] }>('/api/v1/agents');
    expect(agents.items).toMatchObject([{ name: 'agent-1', devices: 1 }]);
    // Of a message about several alarms those that are seen are counted.
    const messages = await ask<{ items: { key: string; alarms: number }[] }>('/api/v1/messages');
    expect(messages.items).toMatchObject([{ key: 'both-1', alarms: 1 }]);
    const all = await fixture.get<{ items: { key: string; alarms: number }[] }>('/api/v1/messages');
    expect(all.items.map(({ key, alarms: count }) => [key, count])).toEqual([
      ['neither-south', 0],
      ['both-1', 2],
      ['south-1', 1],
    ]);
    const names = await ask<{ data: string[] }>('/prometheus/api/v1/label/device/values');
    expect(names.data).toEqual(['north1']);
    expect(await ask('/api/v1/overview')).toMatchObject({
      devices: { total: 1, configured: 1 },
      interfaces: { total: 1 },
      readings: null,
      quarantined: null,
    });
  });

  test('it acts on its own alarms and on no other, and makes no token beyond its scope', async () => {
    const act = (place: string, body: object, token = north): Promise<{ status: number }> =>
      fixture.ask(place, {
        method: 'POST',
        token,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    expect((await act(`/api/v1/alarms/${places['alarm']}/ack`, { text: 'not mine' })).status).toBe(404);
    const own = await fixture.get<{ items: { id: string; device: string }[] }>('/api/v1/alarms');
    const mine = own.items.find(({ device }) => device === 'north1')?.id;
    expect((await act(`/api/v1/alarms/${mine}/ack`, { text: 'mine' })).status).toBe(200);
    const scoped = (sites: string[]): object => ({ name: 'more', role: 'viewer', scope: { sites, customers: [] } });
    const made = await fixture.ask('/api/v1/tokens', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'north-chief', role: 'administrator', scope: { sites: ['north'], customers: [] } }),
    });
    const chief = (made.body as { token: string }).token;
    expect((await act('/api/v1/tokens', scoped(['north']), chief)).status).toBe(200);
    expect((await act('/api/v1/tokens', scoped(['south']), chief)).status).toBe(403);
    expect((await act('/api/v1/tokens', { name: 'more', role: 'viewer' }, chief)).status).toBe(403);
  });
});
