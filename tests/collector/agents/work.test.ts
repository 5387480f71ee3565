// Work for agents: who may ask for it, how an agent gets it, once, from any collector, and how its result closes it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { agentsMigrations } from '../../../collector/agents/agents-migrations.ts';
import { EventKeeper } from '../../../collector/agents/event-keeper.ts';
import { Retention } from '../../../collector/agents/retention.ts';
import { MOST_OPEN, WorkDesk } from '../../../collector/agents/work-desk.ts';
import type { HandedOut, WorkItem, WorkRequest } from '../../../collector/agents/work-item.ts';
import { auditMigrations } from '../../../common/database/audit.ts';
import { migrate } from '../../../common/database/migrate.ts';
import { EVERYTHING } from '../../../common/model/viewpoint.ts';
import type { DeviceEvent } from '../../../common/model/event.ts';
import { SystemClock } from '../../../common/runtime/clock.ts';
import { AGENT, type Answered, CollectorFixture, startCollectorFixture } from '../../support/collector-fixture.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

let fixture: CollectorFixture;
let remove: () => Promise<void>;
let operator: string;
let sequence = 0;

const DEVICES = [
  { name: 'core1', interval_ms: 5000 },
  { name: 'other1', agent: 'agent-2' },
];

beforeAll(async () => {
  ({ fixture, remove } = await startCollectorFixture({ devices: DEVICES }));
  operator = await fixture.token('olga', 'operator');
});
afterAll(() => remove());

const ask = (body: unknown, token = operator): Promise<Answered> =>
  fixture.post('/api/v1/agents/agent-1/work', body, token);
const itemOf = async (id: string): Promise<WorkItem> => fixture.get<WorkItem>(`/api/v1/agents/agent-1/work/${id}`);
const fetchWork = async (wait = 0): Promise<readonly HandedOut[]> =>
  (await fixture.get<{ items: HandedOut[] }>(`/api/v1/agents/agent-1/work?wait=${wait}`, AGENT)).items;

async function asked(body: unknown): Promise<WorkItem> {
  const answer = await ask(body);
  expect(answer.status).toBe(200);
  return answer.body as WorkItem;
}

function result(id: string, name: 'work_done' | 'work_failed', more: Partial<DeviceEvent> = {}): DeviceEvent {
  return {
    id: `result of ${id} ${name}`,
    device: 'core1',
    source: null,
    origin: 'work',
    name,
    observedAtMs: Date.now(),
    uptimeTicks: null,
    interfaceKey: null,
    details: [
      { name: 'work', value: id },
      { name: 'outcome', value: 'complete' },
    ],
    ...more,
  };
}

async function report(events: readonly DeviceEvent[]): Promise<void> {
  sequence += 1;
  await fixture.receipt({ sequence, events });
  await fixture.applied(sequence);
}

describe('over HTTP', () => {
  test('asked by an operator, fetched by its agent, closed by the result in the batch stream', async () => {
    const item = await asked({ kind: 'poll', device: 'core1', reason: 'a ticket' });
    expect(item).toMatchObject({ state: 'queued', askedBy: 'olga', reason: 'a ticket', kind: 'poll', result: null });
    expect(Date.parse(item.expiresAt) - Date.parse(item.createdAt)).toBe(60_000);
    const [given, ...rest] = await fetchWork();
    expect(rest).toEqual([]);
    expect(given).toMatchObject({ id: item.id, kind: 'poll', device: 'core1', varbinds: [] });
    expect(given?.expiresInMs).toBeGreaterThan(55_000);
    expect(await fetchWork()).toEqual([]);
    expect((await itemOf(item.id)).state).toBe('handed_out');
    await report([result(item.id, 'work_done')]);
    expect(await itemOf(item.id)).toMatchObject({
      state: 'done',
      result: [{ name: 'outcome', value: 'complete' }],
    });
    await report([result(item.id, 'work_failed')]);
    expect((await itemOf(item.id)).state).toBe('done');
    const { items } = await fixture.get<{ items: WorkItem[] }>('/api/v1/work?device=core1&state=done');
    expect(items.map(({ id }) => id)).toEqual([item.id]);
    const audit = await fixture.get<{ items: Record<string, unknown>[] }>('/api/v1/audit?subject=device/core1');
    expect(audit.items[0]).toMatchObject({
      actor: 'olga',
      role: 'operator',
      action: 'work.poll',
      after: { id: item.id, agent: 'agent-1', oids: [] },
      note: 'a ticket',
    });
  });

  test('a probe is of no device that is assigned, and carries where to ask', async () => {
    const probe = { address: '192.0.2.7:1161', credential: 'reader' };
    const item = await asked({ kind: 'probe', device: 'new1', ...probe });
    expect(item).toMatchObject({ kind: 'probe', device: 'new1', probe, state: 'queued' });
    expect(await fetchWork()).toMatchObject([{ id: item.id, kind: 'probe', probe }]);
    const told = { device: null, details: [{ name: 'work', value: item.id }] };
    await report([result(item.id, 'work_done', told)]);
    expect(await itemOf(item.id)).toMatchObject({ state: 'done', probe });
    expect((await ask({ kind: 'probe', device: 'new1', ...probe, address: 'a b' })).status).toBe(400);
  });

  test('an agent that waits gets it at once; one that waits in vain gets nothing after its time', async () => {
    const waiting = fetchWork(25);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const startedAtMs = Date.now();
    const item = await asked({ kind: 'diagnose', device: 'core1' });
    expect((await waiting).map(({ id }) => id)).toEqual([item.id]);
    expect(Date.now() - startedAtMs).toBeLessThan(900);
    expect(await fetchWork(1)).toEqual([]);
  });

  test('it may be left at one collector and fetched at another over the same database', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'weir-collector-'));
    const other = new CollectorFixture(fixture.database, folder, { devices: DEVICES });
    await other.start();
    try {
      const answer = other.get<{ items: HandedOut[] }>('/api/v1/agents/agent-1/work?wait=25', AGENT);
      await new Promise((resolve) => setTimeout(resolve, 100));
      const item = await asked({ kind: 'poll', device: 'core1' });
      expect((await answer).items.map(({ id }) => id)).toEqual([item.id]);
    } finally {
      await other.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  }, 20_000);

  test.for([
    ['a viewer', 'viewer', { kind: 'poll', device: 'core1' }, 403, 'forbidden'],
    ['an agent for itself', 'agent', { kind: 'poll', device: 'core1' }, 403, 'forbidden'],
    [
      'an operator who sets',
      'operator',
      {
        kind: 'set',
        device: 'core1',
        reason: 'x',
        varbinds: [{ oid: '1.3.6.1.2.1.1.6.0', type: 'text', value: 'here' }],
      },
      403,
      'forbidden',
    ],
    ['a device of another agent', 'operator', { kind: 'poll', device: 'other1' }, 403, 'device_not_assigned'],
    ['a kind that does not exist', 'operator', { kind: 'reboot', device: 'core1' }, 400, 'invalid_request'],
    ['a poll with varbinds', 'operator', { kind: 'poll', device: 'core1', varbinds: [] }, 400, 'invalid_request'],
    [
      'an expiry of a day',
      'operator',
      { kind: 'poll', device: 'core1', expires_ms: 86_400_000 },
      400,
      'invalid_request',
    ],
  ] as const)('%s is refused', async ([, role, body, status, code]) => {
    const token = await fixture.token(role === 'agent' ? 'agent-1' : `of-${role}`, role);
    const answer = await ask(body, token);
    expect([answer.status, answer.body]).toMatchObject([status, { error: { code } }]);
  });

  test.for([
    [{ reason: '' }, 'reason'],
    [{ varbinds: [] }, 'varbinds'],
    [{ varbinds: [{ oid: 'sysLocation.0', type: 'text', value: 'x' }] }, 'varbinds.0.oid'],
    [{ varbinds: [{ oid: '1.3.6.1.2.1.1.6.0', type: 's', value: 'x' }] }, 'varbinds.0.type'],
    // The database would refuse it, and tell its log the value.
    [{ varbinds: [{ oid: '1.3.6.1.2.1.1.6.0', type: 'text', value: 's3cret\0' }] }, 'varbinds.0.value'],
    [{ varbinds: [{ oid: '1.3.6.1.2.1.1.6.0', type: 'text', value: 's3cret\ud800' }] }, 'varbinds.0.value'],
  ] as const)('a set of an administrator without what it needs: %j', async ([more, place]) => {
    const varbinds = [{ oid: '1.3.6.1.2.1.1.6.0', type: 'text', value: 'here' }];
    const answer = await fixture.post('/api/v1/agents/agent-1/work', {
      kind: 'set',
      device: 'core1',
      reason: 'a change',
      varbinds,
      ...more,
    });
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'invalid_request' } } });
    expect(JSON.stringify(answer.body)).toContain(place);
    expect(JSON.stringify(answer.body)).not.toContain('s3cret');
  });

  test('what no name or id can be finds nothing', async () => {
    expect(await fixture.get('/api/v1/work?device=%00&limit=5')).toEqual({ items: [], next: null });
    const answer = await fetch(`${fixture.url}/api/v1/agents/agent-1/work/%00`, {
      headers: { authorization: `Bearer ${operator}` },
    });
    expect(answer.status).toBe(404);
  });

  test('a set is in the log and in the list, with who asked and why', async () => {
    const varbinds = [{ oid: '1.3.6.1.2.1.1.6.0', type: 'text', value: 'rack 7' }];
    const { body } = await fixture.post('/api/v1/agents/agent-1/work', {
      kind: 'set',
      device: 'core1',
      reason: 'moved to rack 7',
      varbinds,
    });
    expect(body).toMatchObject({ kind: 'set', askedBy: 'administrator', reason: 'moved to rack 7', varbinds });
    expect((await fetchWork())[0]).toMatchObject({ kind: 'set', varbinds });
    const line = fixture.lines.find((one) => one.includes('moved to rack 7')) ?? '';
    expect(line).toContain('administrator');
    // What is set may be a secret of the device; its place is not.
    expect(line).not.toContain('"value"');
    expect(line).toContain('1.3.6.1.2.1.1.6.0');
    const { id } = body as { id: string };
    const hidden = [{ oid: '1.3.6.1.2.1.1.6.0', type: 'text', value: null }];
    expect(await fixture.get(`/api/v1/agents/agent-1/work/${id}`)).toMatchObject({ varbinds });
    expect((await fixture.ask(`/api/v1/agents/agent-1/work/${id}`, { token: operator })).body).toMatchObject({
      varbinds: hidden,
    });
    const list = await fixture.ask('/api/v1/work?device=core1&limit=1', { token: operator });
    expect(list.body).toMatchObject({ items: [{ id, varbinds: hidden }] });
    expect(JSON.stringify(list.body)).not.toContain('"rack 7"');
  });

  test('the work of an agent is for its own token alone: an administrator would take it away', async () => {
    const token = await fixture.token('agent-2', 'agent');
    for (const other of [token, undefined])
      expect(
        await fixture.ask('/api/v1/agents/agent-1/work', other === undefined ? {} : { token: other }),
      ).toMatchObject({ status: 403, body: { error: { code: 'agent_mismatch' } } });
    expect((await fixture.ask('/api/v1/agents/agent-1/work?wait=26', { token: AGENT })).status).toBe(400);
    expect((await fixture.ask('/api/v1/agents/agent-1/work/no-such', {})).status).toBe(404);
    // What was set may be a secret: whoever may not ask for work may not read it either.
    const viewer = await fixture.token('vera', 'viewer');
    for (const place of ['/api/v1/work', '/api/v1/agents/agent-1/work/no-such'])
      expect((await fixture.ask(place, { token: viewer })).status).toBe(403);
  });

  test('a result of another agent, or of no work, changes nothing', async () => {
    const item = await asked({ kind: 'poll', device: 'core1' });
    const token = await fixture.token('agent-2', 'agent');
    await fixture.receipt({
      agent: 'agent-2',
      incarnation: 'of-agent-2',
      token,
      sequence: 1,
      events: [result(item.id, 'work_done', { device: null }), result('no-such', 'work_done', { device: null })],
    });
    await report([{ ...result(item.id, 'work_done'), id: 'no result', origin: 'agent' }]);
    expect((await itemOf(item.id)).state).toBe('queued');
  });
});

describe('the devices of an agent', () => {
  interface Configuration {
    readonly version: string;
    readonly devices: readonly Record<string, unknown>[];
  }
  const PLACE = '/api/v1/agents/agent-1/configuration';

  test('with a strong ETag; unchanged it is not sent again', async () => {
    const first = await fixture.ask(PLACE, { token: AGENT });
    const { version, devices } = first.body as Configuration;
    expect(devices).toMatchObject([
      { name: 'core1', address: '127.0.0.1:161', credential: 'public', agent: 'agent-1', interval_ms: 5000 },
    ]);
    expect(first.headers.get('etag')).toBe(`"${version}"`);
    const again = await fixture.ask(PLACE, { token: AGENT, headers: { 'if-none-match': `"${version}"` } });
    expect([again.status, again.body]).toEqual([304, '']);
    const other = await fixture.ask(PLACE, { token: AGENT, headers: { 'if-none-match': '"another"' } });
    expect(other.status).toBe(200);
    expect((await fixture.get<Configuration>(PLACE)).version).toBe(version);
  });

  test('is for the agent itself and for administrators', async () => {
    expect((await fixture.ask(PLACE, { token: await fixture.token('agent-2', 'agent') })).body).toMatchObject({
      error: { code: 'agent_mismatch' },
    });
    expect((await fixture.ask(PLACE, { token: operator })).status).toBe(403);
    expect((await fixture.get<Configuration>('/api/v1/agents/agent-9/configuration')).devices).toEqual([]);
  });
});

test('agents that wait do not hold a collector that stops', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-collector-'));
  const other = new CollectorFixture(fixture.database, folder, { devices: DEVICES });
  await other.start();
  const place = '/api/v1/agents/agent-1/configuration';
  const etag = (await other.ask(place, { token: AGENT })).headers.get('etag') ?? '';
  const waiting = [
    other.ask('/api/v1/agents/agent-1/work?wait=25', { token: AGENT }),
    other.ask(`${place}?wait=25`, { token: AGENT, headers: { 'if-none-match': etag } }),
  ].map((one) => one.then(({ status }) => status).catch(() => 'cut off'));
  await new Promise((resolve) => setTimeout(resolve, 300));
  const startedAtMs = Date.now();
  await other.stop();
  const ended = await Promise.all(waiting);
  expect(Date.now() - startedAtMs).toBeLessThan(5000);
  for (const one of ended) expect([200, 304, 'cut off']).toContain(one);
  rmSync(folder, { recursive: true, force: true });
}, 30_000);

describe('the desk', () => {
  let postgres: TestDatabase;
  const { reporter } = silentReporter();
  const BY = { name: 'olga', role: 'operator', scope: null } as const;
  const POLL: WorkRequest = { kind: 'poll', device: 'core1', varbinds: [], reason: '', expiresMs: 60_000 };
  let ids = 0;

  beforeAll(async () => {
    postgres = await startTestDatabase();
    await migrate(postgres.database, [...auditMigrations, ...agentsMigrations]);
  });
  afterAll(() => postgres.stop());
  beforeEach(() => postgres.database.query('truncate agents.work, agents.device_event').then(() => undefined));

  const desk = (clock: VirtualClock | SystemClock = new VirtualClock(1_000_000)): WorkDesk =>
    new WorkDesk(reporter, { database: postgres.database, clock, newId: () => `work-${(ids += 1)}` });
  const now = new AbortController().signal;

  test('no more open work of one agent than may be; what is over counts no more', async () => {
    const clock = new VirtualClock(1_000_000);
    const one = desk(clock);
    for (let count = 0; count < MOST_OPEN; count += 1) await one.ask('agent-1', POLL, BY);
    await expect(one.ask('agent-1', POLL, BY)).rejects.toMatchObject({ code: 'overloaded' });
    await one.ask('agent-2', POLL, BY);
    await clock.advance(60_000);
    await one.ask('agent-1', POLL, BY);
  });

  test('asked again under its own id it is the same work, also where no more may be open', async () => {
    const one = desk();
    const steps = [{ varbinds: [{ oid: '1.2.3', type: 'integer', value: '2' }], pauseMs: 500 }] as const;
    const request: WorkRequest = { ...POLL, kind: 'sequence', steps, id: 'action-1' };
    const item = await one.ask('agent-1', request, BY);
    expect(item).toMatchObject({ id: 'action-1', varbinds: steps[0].varbinds });
    for (let count = 1; count < MOST_OPEN; count += 1) await one.ask('agent-1', POLL, BY);
    expect(await one.ask('agent-1', request, BY)).toEqual(item);
    expect(await one.ask('agent-1', { ...request, steps: [] }, BY)).toEqual(item);
    const given = await one.take('agent-1', 0, now);
    expect(given.filter(({ id }) => id === 'action-1')).toMatchObject([{ kind: 'sequence', steps, oids: [] }]);
    // Under another agent the id is taken all the same.
    await expect(one.ask('agent-2', request, BY)).rejects.toMatchObject({ code: 'overloaded' });
  });

  test('given to one of many who ask at once', async () => {
    const one = desk();
    for (let count = 0; count < 10; count += 1) await one.ask('agent-1', POLL, BY);
    const taken = await Promise.all(Array.from({ length: 8 }, () => desk().take('agent-1', 0, now)));
    const given = taken.flat().map(({ id }) => id);
    expect(given).toHaveLength(10);
    expect(new Set(given).size).toBe(10);
  });

  test('without a result it is given again after a while, until it expires; expired it is given to nobody', async () => {
    const clock = new VirtualClock(1_000_000);
    const one = desk(clock);
    const item = await one.ask('agent-1', POLL, BY);
    const given: number[] = [];
    for (let second = 0; second < 70; second += 1) {
      if ((await one.take('agent-1', 0, now)).length > 0) given.push(second);
      await clock.advance(1000);
    }
    expect(given).toEqual([0, 10, 20, 30, 40, 50]);
    expect((await one.get(EVERYTHING, 'agent-1', item.id)).state).toBe('expired');
    expect((await one.list(EVERYTHING, { state: 'expired', limit: 10 })).items).toHaveLength(1);
    await new Retention(reporter, { keptMs: 1e9, most: 1000 }, { database: postgres.database, clock }).run();
    const { rows } = await postgres.database.query<{ state: string }>('select state from agents.work');
    expect(rows).toEqual([{ state: 'expired' }]);
    // It was done all the same, and its agent could not say so earlier.
    const keeper = new EventKeeper(reporter);
    const batch = {
      agent: 'agent-1',
      incarnation: 'i',
      sequence: 1,
      createdAtMs: 1,
      thinned: false,
      polls: [],
      events: [result(item.id, 'work_done')],
      watermarks: [],
      gaps: [],
    };
    const entry = { journal: 'j', position: 1, receivedAtMs: clock.now(), clockOffsetMs: 0, sha256: '', batch };
    await postgres.database.transaction((connection) => keeper.keep(connection, [entry]));
    expect((await one.get(EVERYTHING, 'agent-1', item.id)).state).toBe('done');
  });

  test('an agent that comes again while it waits takes its own place; at the stop all are let go', async () => {
    const one = desk(new SystemClock());
    await one.start();
    const first = one.take('agent-1', 20_000, now);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const second = one.take('agent-1', 20_000, now);
    expect(await first).toEqual([]);
    const gone = new AbortController();
    const third = one.take('agent-3', 20_000, gone.signal);
    await new Promise((resolve) => setTimeout(resolve, 50));
    gone.abort();
    expect(await third).toEqual([]);
    await one.stop();
    expect(await second).toEqual([]);
    expect(await one.take('agent-1', 20_000, now)).toEqual([]);
  });
});
