// A device given to another agent: what the first read in its time is taken also later, what it reads long after is refused, and stays with it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { agentsMigrations } from '../../../collector/agents/agents-migrations.ts';
import { AssignmentHistory } from '../../../collector/agents/assignment-history.ts';
import { migrate } from '../../../common/database/migrate.ts';
import { AGENT, CollectorFixture, startCollectorFixture } from '../../support/collector-fixture.ts';
import { interfacePoll } from '../../support/poll-builder.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

let postgres: TestDatabase;
beforeAll(async () => {
  postgres = await startTestDatabase();
  await migrate(postgres.database, agentsMigrations);
});
afterAll(() => postgres.stop());

test('the history: what is assigned is open, what was is closed at the time of the change, again and again without effect', async () => {
  const history = new AssignmentHistory(postgres.database);
  const to = (agent: string) => [
    { device: 'core1', agent },
    { device: 'core2', agent: 'a' },
  ];
  expect(await history.settle(to('a'), 100)).toEqual([]);
  expect(await history.settle(to('a'), 150)).toEqual([]);
  expect(await history.settle(to('b'), 200)).toEqual([{ device: 'core1', agent: 'a', untilMs: 200 }]);
  expect(await history.settle(to('b'), 300)).toEqual([{ device: 'core1', agent: 'a', untilMs: 200 }]);
  expect(await history.settle(to('a'), 400)).toEqual([{ device: 'core1', agent: 'b', untilMs: 400 }]);
  expect(await history.settle([], 500)).toEqual(
    [
      { device: 'core1', agent: 'a', untilMs: 500 },
      { device: 'core2', agent: 'a', untilMs: 500 },
      { device: 'core1', agent: 'b', untilMs: 400 },
    ].toSorted((x, y) => y.untilMs - x.untilMs || x.device.localeCompare(y.device)),
  );
  const { rows } = await postgres.database.query<{ since_ms: bigint }>(
    `select since_ms from agents.assignment where device = 'core2'`,
  );
  expect(rows).toEqual([{ since_ms: 100n }]);
});

test('through a collector that is started again with another configuration', async () => {
  const FORMER_MS = 60_000;
  const collector = { journal: { reserve_bytes: 0 }, ingest: { former_agent_ms: FORMER_MS } };
  const { fixture: before, remove } = await startCollectorFixture({
    collector,
    devices: [{ name: 'core1' }, { name: 'own1' }],
  });
  const poll = (atMs: number, device = 'core1') =>
    interfacePoll({ device, atMs, interfaces: [{ key: 'xe-0', inOctets: BigInt(atMs), outOctets: 1n }] });
  await before.receipt({ sequence: 1, polls: [poll(Date.now())] });
  await before.applied(1);
  await before.stop();
  const changedAtMs = Date.now();
  const devices = [{ name: 'core1', agent: 'agent-2' }, { name: 'own1' }];
  const after = new CollectorFixture(before.database, before.folder, { collector, devices });
  await after.start();
  try {
    const token = await after.token('agent-2', 'agent');
    const second = { agent: 'agent-2', incarnation: 'of-agent-2', token };
    await after.receipt({ ...second, sequence: 1, polls: [poll(Date.now())] });
    // From the spool of the first, which was away: read before the change, and just after it.
    expect((await after.receipt({ sequence: 2, polls: [poll(changedAtMs - 30_000)] })).received).toBe(2);
    expect((await after.receipt({ sequence: 3, polls: [poll(changedAtMs + FORMER_MS / 2)] })).received).toBe(3);
    // Long after: refused with the whole batch, which its agent keeps.
    const late = await after.send({
      sequence: 4,
      polls: [poll(changedAtMs + 2 * FORMER_MS), poll(Date.now(), 'own1')],
    });
    expect(late).toMatchObject({
      status: 403,
      body: { error: { code: 'device_not_assigned', detail: { devices: ['core1'], count: 1 } } },
    });
    expect((await after.receipt({ sequence: 4, polls: [poll(Date.now(), 'own1')] })).received).toBe(4);
    await after.applied(4);
  } finally {
    await after.stop();
    await remove();
  }
}, 30_000);

test('the same while it runs: each agent hears of its new devices, and the API knows them', async () => {
  const { fixture, remove } = await startCollectorFixture({ devices: [{ name: 'core1' }, { name: 'core2' }] });
  try {
    const second = await fixture.token('agent-2', 'agent');
    const devicesOf = async (agent: string, token: string) => {
      const { devices } = await fixture.get<{ devices: { name: string }[] }>(
        `/api/v1/agents/${agent}/configuration`,
        token,
      );
      return devices.map(({ name }) => name);
    };
    expect([await devicesOf('agent-1', AGENT), await devicesOf('agent-2', second)]).toEqual([['core1', 'core2'], []]);
    const poll = (device: string) =>
      interfacePoll({ device, atMs: Date.now(), interfaces: [{ key: 'xe-0', inOctets: 1n, outOctets: 1n }] });
    const send = (agent: string, token: string, sequence: number, device: string) =>
      fixture.send({ agent, token, incarnation: `of-${agent}`, sequence, polls: [poll(device)] });
    expect((await send('agent-2', second, 1, 'core2')).status).toBe(403);
    // An agent that waits for another version hears of it at once; one whose devices stay waits on.
    const waiting = async (agent: string, token: string): Promise<number> => {
      const place = `/api/v1/agents/${agent}/configuration`;
      const etag = (await fixture.ask(place, { token })).headers.get('etag') ?? '';
      const { status } = await fixture.ask(`${place}?wait=3`, { token, headers: { 'if-none-match': etag } });
      return status;
    };
    const startedAtMs = Date.now();
    const untouched = fixture.token('agent-3', 'agent').then((token) => waiting('agent-3', token));
    const heard = waiting('agent-2', second).then((status) => ({ status, afterMs: Date.now() - startedAtMs }));
    await new Promise((resolve) => setTimeout(resolve, 300));
    await fixture.reload([{ name: 'core1' }, { name: 'core2', agent: 'agent-2' }, { name: 'new1', agent: 'agent-2' }]);
    const { status, afterMs } = await heard;
    expect([status, afterMs < 2500]).toEqual([200, true]);
    expect(await untouched).toBe(304);
    expect([await devicesOf('agent-1', AGENT), await devicesOf('agent-2', second)]).toEqual([
      ['core1'],
      ['core2', 'new1'],
    ]);
    expect((await send('agent-2', second, 1, 'core2')).status).toBe(200);
    expect((await send('agent-2', second, 2, 'new1')).status).toBe(200);
    // Polled by the first before it had heard of it.
    expect((await send('agent-1', AGENT, 1, 'core2')).status).toBe(200);
    expect((await send('agent-1', AGENT, 2, 'new1')).status).toBe(403);
    const { items } = await fixture.get<{ items: { name: string; agent: string }[] }>('/api/v1/devices');
    expect(items.map(({ name, agent }) => `${name} ${agent}`)).toEqual([
      'core1 agent-1',
      'core2 agent-2',
      'new1 agent-2',
    ]);
    const agents = await fixture.get<{ items: { name: string; devices: number }[] }>('/api/v1/agents');
    expect(agents.items.map(({ name, devices }) => [name, devices])).toEqual([
      ['agent-1', 1],
      ['agent-2', 2],
    ]);
    await fixture.reload([{ name: 'core1', agent: 'agent-2' }]);
    const given = await fixture.get<{ items: { name: string; devices: number; state: string }[] }>('/api/v1/agents');
    expect(given.items.map(({ name, devices, state }) => [name, devices, state])).toEqual([
      ['agent-1', 0, 'idle'],
      ['agent-2', 1, 'reporting'],
    ]);
    await fixture.reload([{ name: 'core1' }, { name: 'core2', agent: 'agent-2' }, { name: 'new1', agent: 'agent-2' }]);
    const overview = await fixture.get<{ devices: { configured: number } }>('/api/v1/overview');
    expect(overview.devices.configured).toBe(3);
  } finally {
    await remove();
  }
});
