// Under a scope: work is asked for devices of its sites, and the audit log tells of what it sees, of nothing else.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { WorkItem } from '../../../collector/agents/work-item.ts';
import type { Role } from '../../../common/runtime/access.ts';
import {
  type Answered,
  type CollectorFixture,
  type StartedFixture,
  startCollectorFixture,
} from '../../support/collector-fixture.ts';

let started: StartedFixture;
let fixture: CollectorFixture;

beforeAll(async () => {
  const devices = [
    { name: 'north1', site: 'north' },
    { name: 'north2', site: 'north', agent: 'agent-2' },
    { name: 'south1', site: 'south' },
  ];
  started = await startCollectorFixture({ devices });
  fixture = started.fixture;
}, 60_000);
afterAll(() => started.remove());

const NORTH = { sites: ['north'], customers: ['acme'] };

async function tokenOf(name: string, role: Role, scope: object = NORTH): Promise<string> {
  return ((await fixture.post('/api/v1/tokens', { name, role, scope })).body as { token: string }).token;
}

const ask = (body: object, token: string): Promise<Answered> =>
  fixture.post('/api/v1/agents/agent-1/work', { kind: 'poll', ...body }, token);
const codeOf = ({ body }: Answered): string => (body as { error: { code: string } }).error.code;
const SET = { kind: 'set', reason: 'x', varbinds: [{ oid: '1.3.6.1.2.1.1.6.0', type: 'text', value: 'hut' }] };

test('an operator asks for work at devices of its sites, an administrator sets values there', async () => {
  const [noc, chief] = [await tokenOf('noc', 'operator'), await tokenOf('chief', 'administrator')];
  const polled = await ask({ device: 'north1', reason: 'a ticket' }, noc);
  expect(polled).toMatchObject({ status: 200, body: { device: 'north1', askedBy: 'noc', state: 'queued' } });
  expect(await ask({ kind: 'diagnose', device: 'north1' }, noc)).toMatchObject({ status: 200 });
  expect(codeOf(await ask({ ...SET, device: 'north1' }, noc))).toBe('forbidden');
  expect(await ask({ ...SET, device: 'north1' }, chief)).toMatchObject({ status: 200 });
  // Another agent's, as without a scope; another site's, and one that nobody knows: not there.
  expect(codeOf(await ask({ device: 'north2' }, noc))).toBe('device_not_assigned');
  for (const device of ['south1', 'nowhere']) {
    expect(codeOf(await ask({ device }, noc))).toBe('not_found');
    expect(codeOf(await ask({ ...SET, device }, chief))).toBe('not_found');
  }
  const foreign = (await fixture.post('/api/v1/agents/agent-1/work', { kind: 'poll', device: 'south1' }))
    .body as WorkItem;
  const listed = await fixture.get<{ items: WorkItem[] }>('/api/v1/work', noc);
  expect(listed.items.map(({ kind, device }) => [kind, device])).toEqual([
    ['set', 'north1'],
    ['diagnose', 'north1'],
    ['poll', 'north1'],
  ]);
  expect(listed.items[0]?.varbinds[0]?.value).toBeNull();
  const one = `/api/v1/agents/agent-1/work/${(polled.body as WorkItem).id}`;
  expect(await fixture.get(one, noc)).toMatchObject({ device: 'north1' });
  const other = await fixture.ask(`/api/v1/agents/agent-1/work/${foreign.id}`, { token: noc });
  expect(codeOf(other)).toBe('not_found');
  expect((await fixture.get<{ items: WorkItem[] }>('/api/v1/work?device=south1', noc)).items).toEqual([]);
});

test('a customer sees no device, and asks for no work', async () => {
  const theirs = await tokenOf('theirs', 'operator', { sites: [], customers: ['acme'] });
  expect(codeOf(await ask({ device: 'north1' }, theirs))).toBe('not_found');
  expect((await fixture.get<{ items: unknown[] }>('/api/v1/work', theirs)).items).toEqual([]);
});

interface Entry {
  readonly action: string;
  readonly subject: string;
}

async function entries(token: string, query = ''): Promise<string[]> {
  const { items } = await fixture.get<{ items: Entry[] }>(`/api/v1/audit?limit=1000${query}`, token);
  return items.map(({ action, subject }) => `${action} ${subject.replace(/(?<=^token\/|^sign_in_link\/).+/, '…')}`);
}

function put(place: string, body: object): Promise<Answered> {
  return fixture.ask(place, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** One change of each kind, about a place. */
async function changes(site: string): Promise<void> {
  const device = `${site}1`;
  const made = { name: `${site}9`, address: '192.0.2.9', snmp: false, site };
  await put(`/api/v1/devices/${device}/wanted`, { interface: 'port/1', wanted: false });
  await put(`/api/v1/devices/${device}/labels`, { note: site });
  expect(await fixture.post('/api/v1/devices', made)).toMatchObject({ status: 200 });
  expect(await fixture.ask(`/api/v1/devices/${site}9?version=1`, { method: 'DELETE' })).toMatchObject({ status: 200 });
  const window = { from: '2099-01-01T00:00:00Z', to: '2099-01-02T00:00:00Z', reason: site };
  await fixture.post('/api/v1/maintenance-windows', { ...window, devices: [device], sites: [site] });
  await fixture.post('/api/v1/sign-in-links', { name: `${site}-guest`, role: 'viewer', scope: { sites: [site] } });
  await fixture.post('/api/v1/tokens', { name: `${site}-guest`, role: 'viewer', scope: { sites: [site] } });
  await fixture.ask(`/api/v1/tokens/${site}-guest`, { method: 'DELETE' });
  const { rows } = await fixture.database.database.query<{ id: bigint }>(
    `insert into faults.alarm (resource, alarm_type, qualifier, device, severity, is_cleared, text, created_at_ms,
       raised_at_ms, changed_at_ms)
     values ($1::text || '/port/1', 'interface-down', '', $1, 'major', false, '', 1, 1, 1) returning id`,
    [device],
  );
  await fixture.post(`/api/v1/alarms/${rows[0]?.id}/ack`, {});
  await fixture.post(`/api/v1/alarms/${rows[0]?.id}/close`, {});
  await fixture.database.database.query('update faults.alarm set is_cleared = true, cleared_at_ms = 1 where id = $1', [
    rows[0]?.id,
  ]);
}

test('the audit log under a scope is about what the scope sees', async () => {
  const north = await tokenOf('north-chief', 'administrator');
  const world = await tokenOf('empty', 'administrator', { sites: ['nowhere'] });
  const before = (await entries(north)).length;
  for (const site of ['north', 'south']) await changes(site);
  await fixture.post('/api/v1/projections/store/pause', {});
  await fixture.post('/api/v1/projections/store/resume', {});
  const told = await entries(north);
  expect(told.slice(0, told.length - before)).toEqual([
    'alarm.closed alarm/1',
    'alarm.ack alarm/1',
    'token.revoke token/…',
    'token.create token/…',
    'sign_in_link.create sign_in_link/…',
    'maintenance.create maintenance-window/1',
    'device.remove device/north9',
    'device.create device/north9',
    'device.label device/north1',
    'interface.wanted interface/north1/port/1',
  ]);
  expect(told).toContain('work.set device/north1');
  expect(told.join()).not.toContain('south');
  const all = await fixture.ask('/api/v1/audit?limit=1000');
  expect(JSON.stringify(all.body)).toContain('south9');
  expect(await entries(world)).toEqual(['token.create token/…']);
  expect(await entries(north, '&subject=device/south1')).toEqual([]);
  // What was purged is known by its entry alone.
  await fixture.post('/api/v1/alarms/purge', { cleared_before: new Date().toISOString() });
  expect((await entries(north))[0]).toBe('alarm.purge alarm/1');
});
