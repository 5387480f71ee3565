// Actions over a whole collector whose agent is the test: refusals with their reasons, nothing sent twice whatever dies, rollback, policies, webhooks, and each viewpoint its own.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { HandedOut } from '../../../collector/agents/work-item.ts';
import { AnsweringAgent, type WorkAnswer } from '../../support/answering-agent.ts';
import {
  type Answered,
  type CollectorFixture,
  eventually,
  startCollectorFixture,
} from '../../support/collector-fixture.ts';
import { interfacePoll, tableAt } from '../../support/poll-builder.ts';
import { HOOK_SECRET, WebhookServer } from '../../support/webhook-server.ts';

const MINUTE = 60_000;
const T0 = Math.floor(Date.now() / MINUTE) * MINUTE - 15 * MINUTE;
const OWN = `
actions:
  - { name: set-only, title: Set, target: interface, cuts: nothing, restore: before, steps: [{ values: [{ oid: '1.3.6.1.9.{ifIndex}', type: integer, value: '5' }] }], verify: { expect: [values], within_seconds: 60 } }
  - { name: cutting, title: Cut, target: interface, steps: [{ values: [{ oid: '1.3.6.1.9.{ifIndex}', type: integer, value: '5' }] }] }
  - { name: ring, title: Ring, target: alarm, webhook: bell, verify: { expect: [] } }
`;

interface ActionAnswer {
  readonly id: string;
  readonly action: string;
  readonly state: string;
  readonly message: string;
  readonly policy: string | null;
}

let folder: string;
let fixture: CollectorFixture;
let agent: AnsweringAgent;
let remove: () => Promise<void>;
let bell: WebhookServer;
let operator: string;
/** What the devices have; 1 where nobody set anything. */
const held = new Map<string, string>();
/** The device of which a sequence is taken and never heard of again. */
let deaf: string | null = null;

function answerOf({ kind, device, oids, steps }: HandedOut): WorkAnswer {
  const set = steps.at(-1)?.varbinds[0];
  const before = held.get(device) ?? '1';
  if (kind === 'read') return Object.fromEntries(oids.map((oid) => [`value.${oid}`, before]));
  if (kind === 'rehearse') return { [`before.${set?.oid ?? ''}`]: before };
  if (kind !== 'sequence') return { outcome: 'complete' };
  held.set(device, set?.value ?? before);
  return deaf === device ? null : { stepsDone: '1', [`before.${set?.oid ?? ''}`]: before };
}

const down = (device: string, key: string, minute: number) => ({
  device,
  atMs: T0 + minute * MINUTE,
  interfaces: [{ key, inOctets: BigInt(minute) * 6000n, speedBps: 1e9, oper: minute > 2 ? 2 : 1 }],
});
const alarmOf = async (device: string): Promise<string> => {
  const { items } = await fixture.get<{ items: { id: string; device: string }[] }>('/api/v1/alarms?state=active');
  return items.find((one) => one.device === device)?.id ?? '';
};
const act = (id: string, body: object, token = operator): Promise<Answered> =>
  fixture.post(`/api/v1/alarms/${id}/actions`, body, token);
const actionsOf = async (id: string): Promise<readonly ActionAnswer[]> =>
  (await fixture.get<{ items: ActionAnswer[] }>(`/api/v1/alarms/${id}/actions`)).items;
const OPEN = ['asked', 'sending', 'verifying', 'restoring'];
async function ended(id: string): Promise<ActionAnswer | undefined> {
  await eventually(async () => {
    await agent.turn();
    const [last] = await actionsOf(id);
    return last !== undefined && !OPEN.includes(last.state);
  }, `the end of an action on alarm ${id}`);
  return (await actionsOf(id))[0];
}
const reasonsOf = ({ body }: Answered): string =>
  ((body as { error?: { detail: { reasons?: string[] } } }).error?.detail.reasons ?? []).join('; ');

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-actions-'));
  writeFileSync(path.join(folder, 'own.yaml'), OWN);
  bell = new WebhookServer();
  await bell.start();
  const repair = {
    runbooks: folder,
    diagnose: false,
    limits: { actions_per_device_per_hour: 3 },
    protected: ['safe1/*'],
    webhooks: { bell: { url: bell.url, secret: HOOK_SECRET, timeout_ms: 1000 } },
    policies: [
      { name: 'set-it', action: 'set-only', alarm_types: ['interface-down'], devices: ['policy*'], after_seconds: 30 },
      { name: 'cut-it', action: 'cutting', alarm_types: ['interface-down'], devices: ['policy*'], after_seconds: 30 },
    ],
  };
  const devices = ['edge1', 'edge2', 'safe1', 'policy1', 'ring1'].map((name) => ({ name, site: 'north' }));
  ({ fixture, remove } = await startCollectorFixture({
    collector: { repair },
    devices: [
      ...devices,
      { name: 'south1', site: 'south' },
      { name: 'pdu1', site: 'south' },
      { name: 'dead1', site: 'north' },
    ],
  }));
  operator = await fixture.token('olga', 'operator');
  agent = new AnsweringAgent(fixture, 0, answerOf);
  const names = [...devices.map(({ name }) => name), 'south1'];
  await agent.polls([0, 1, 2, 3].flatMap((minute) => names.map((name) => interfacePoll(down(name, 'p1', minute)))));
  await eventually(
    async () => (await alarmOf('south1')) !== '' && (await alarmOf('edge1')) !== '',
    'the ports are down',
  );
}, 60_000);
afterAll(async () => {
  await remove();
  bell.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('what is asked for wrongly is refused, and nothing is sent', async () => {
  const id = await alarmOf('edge1');
  const whole = { action: 'set-only', key: 'key-number-1', text: 'why' };
  for (const [body, status, code] of [
    [{ ...whole, action: 'no-such' }, 404, 'not_found'],
    [{ action: 'set-only' }, 400, 'invalid_request'],
    [{ ...whole, key: 'policy:set-it' }, 400, 'invalid_request'],
    [{ ...whole, text: '' }, 400, 'invalid_request'],
    [{ ...whole, target: 'south1/p1' }, 409, 'action_refused'],
    [{ ...whole, action: 'cutting' }, 409, 'action_refused'],
    [{ ...whole, action: 'outlet-off-raritan', target: 'edge1/outlet:outlet.1.1' }, 409, 'action_refused'],
  ] as const)
    expect([body, await act(id, body)]).toMatchObject([body, { status, body: { error: { code } } }]);
  expect(reasonsOf(await act(await alarmOf('safe1'), whole))).toContain('safe1/p1 is protected');
  expect(await actionsOf(id)).toEqual([]);
  expect(agent.done.filter(({ device }) => device === 'edge1')).toEqual([]);
});

test('a dry run tells what would be set, what is there now, and reads it by the agent', async () => {
  const asked = act(await alarmOf('edge1'), { action: 'set-only', dry_run: true });
  await eventually(
    async () =>
      (await agent.turn()) && agent.done.some(({ kind, device }) => kind === 'rehearse' && device === 'edge1'),
    'the rehearsal is asked',
  );
  expect(await asked).toMatchObject({
    status: 200,
    body: {
      dryRun: true,
      allowed: true,
      target: 'edge1/p1',
      steps: [{ set: [{ oid: '1.3.6.1.9.1', type: 'integer', value: '5', present: '1' }], pauseMs: 0 }],
      restore: 'before',
      agent: { answered: true },
    },
  });
  expect(agent.done.filter(({ kind, device }) => kind === 'sequence' && device === 'edge1')).toEqual([]);
});

test('a collector that dies between asking and hearing, and an answer that never comes: looked at, put back, and never sent again', async () => {
  const id = await alarmOf('edge1');
  deaf = 'edge1';
  const body = { action: 'set-only', key: 'key-of-the-lost', text: 'why' };
  const { body: made } = await act(id, body);
  await fixture.restart();
  await eventually(async () => {
    await agent.turn();
    return agent.done.some(({ kind, device }) => kind === 'sequence' && device === 'edge1');
  }, 'the agent has it');
  await fixture.restart();
  // Asked again by somebody who never got an answer either: the same.
  expect(((await act(id, body)).body as ActionAnswer).id).toBe((made as ActionAnswer).id);
  expect(await act(id, { ...body, action: 'cutting' })).toMatchObject({
    status: 409,
    body: { error: { code: 'action_key_used' } },
  });
  expect(reasonsOf(await act(id, { ...body, key: 'another-key' }))).toContain('set-only is in hand');
  // What the device has is neither what was wanted nor what was there.
  held.set('edge1', '7');
  deaf = null;
  const own = (item: HandedOut): boolean => item.kind === 'sequence' && item.device === 'edge1';
  // The time of the work is over, as the database has it.
  await fixture.database.database.query('update agents.work set expires_at_ms = 1 where id = $1', [
    agent.done.find(own)?.id,
  ]);
  expect(await ended(id)).toMatchObject({
    state: 'restored',
    message: expect.stringContaining('never said what became of it') as unknown,
  });
  expect(held.get('edge1')).toBe('1');
  const sequences = agent.done.filter(own).map((item) => [item.id, item.steps[0]?.varbinds[0]?.value]);
  expect(sequences).toEqual([
    [`action-${(made as ActionAnswer).id}`, '5'],
    [`action-${(made as ActionAnswer).id}-restore`, '1'],
  ]);
}, 30_000);

test('what is done and seen to be so is verified; beyond its share a device is left alone', async () => {
  const id = await alarmOf('edge2');
  for (const key of ['share-one', 'share-two', 'share-three']) {
    expect((await act(id, { action: 'set-only', key, text: 'why' })).status).toBe(200);
    expect(await ended(id)).toMatchObject({ state: 'verified' });
  }
  expect(reasonsOf(await act(id, { action: 'set-only', key: 'share-four', text: 'why' }))).toContain(
    '3 actions on edge2 in the last hour',
  );
}, 30_000);

test('by itself only what a policy says, once since it was raised, and what it doubts it writes down', async () => {
  const id = await alarmOf('policy1');
  await eventually(async () => {
    await agent.turn();
    const states = (await actionsOf(id)).map(({ policy, state }) => `${policy} ${state}`);
    return states.includes('set-it verified') && states.includes('cut-it refused');
  }, 'both policies have decided');
  const refused = (await actionsOf(id)).find(({ policy }) => policy === 'cut-it');
  expect(refused?.message).toContain('no physical port');
  const before = agent.done.length;
  // Decided anew in another life: once since it was raised is once.
  await fixture.restart();
  await agent.turn();
  expect([(await actionsOf(id)).length, agent.done.length]).toEqual([2, before]);
  expect(await actionsOf(await alarmOf('edge1'))).toHaveLength(1);
}, 30_000);

test('a webhook goes out once, signed, under the key of its action; an answer that is lost is a doubt', async () => {
  const id = await alarmOf('ring1');
  await act(id, { action: 'ring', key: 'ring-the-bell', text: 'fire' });
  expect(await ended(id)).toMatchObject({ state: 'verified' });
  const [first] = bell.hooks;
  expect([first?.key, bell.forged]).toEqual(['ring-the-bell', []]);
  expect(first?.body).toMatchObject({ action: 'ring', reason: 'fire', alarm: { id, resource: 'ring1/p1' } });
  bell.answering = 'swallowed';
  await act(id, { action: 'ring', key: 'ring-in-doubt', text: 'fire' });
  expect(await ended(id)).toMatchObject({
    state: 'not_verified',
    message: expect.stringContaining('nobody knows') as unknown,
  });
  bell.answering = 'refusing';
  await act(id, { action: 'ring', key: 'ring-refused', text: 'fire' });
  expect(await ended(id)).toMatchObject({ state: 'failed' });
  expect(bell.hooks.map(({ key }) => key)).toEqual(['ring-the-bell', 'ring-in-doubt']);
  expect(JSON.stringify(fixture.lines)).not.toContain(HOOK_SECRET);
}, 30_000);

test('of a device that is dead an outlet may be switched, which is to be named', async () => {
  const atMs = T0 + 5 * MINUTE;
  const words = { kind: 'text' as const, name: 'description', values: ['server 1', 'server 2'] };
  await agent.polls([
    interfacePoll({
      device: 'pdu1',
      atMs,
      tables: [tableAt({ atMs }, 'outlet', ['rPDU2Outlet.5', 'rPDU2Outlet.6'], [words])],
    }),
    ...[1, 2, 3].map((at) => interfacePoll({ device: 'dead1', atMs: atMs + at * MINUTE, failure: 'snmp_timeout' })),
  ]);
  await fixture.database.database.query("update inventory.device set profile = 'apc' where name = 'pdu1'");
  await eventually(async () => (await alarmOf('dead1')) !== '', 'it does not answer');
  const id = await alarmOf('dead1');
  const place = `/api/v1/alarms/${id}/actions`;
  const { available } = await fixture.get<{ available: { name: string; targets: string[] }[] }>(place);
  const targets = ['pdu1/outlet:rPDU2Outlet.5', 'pdu1/outlet:rPDU2Outlet.6'];
  expect(available.filter(({ name }) => name.startsWith('outlet-cycle'))).toMatchObject([
    { name: 'outlet-cycle-apc-rpdu2', targets },
  ]);
  const cycle = { action: 'outlet-cycle-apc-rpdu2', key: 'cycle-an-outlet', text: 'hangs' };
  expect(reasonsOf(await act(id, cycle))).toContain('name a target');
  // Whoever sees the dead device alone has no business with the outlets of another site.
  const made = await fixture.post('/api/v1/tokens', {
    name: 'north-two',
    role: 'operator',
    scope: { sites: ['north'] },
  });
  const { token } = made.body as { token: string };
  expect((await act(id, { ...cycle, target: targets[0] }, token)).status).toBe(404);
  expect(JSON.stringify((await fixture.ask(place, { token })).body)).not.toContain('pdu1');
  expect((await act(id, { ...cycle, target: targets[0] })).body).toMatchObject({
    target: targets[0],
    objects: ['1.3.6.1.4.1.318.1.1.26.9.2.4.1.5.5'],
  });
});

test('a token of the north acts on the north alone', async () => {
  const made = await fixture.post('/api/v1/tokens', {
    name: 'north-noc',
    role: 'operator',
    scope: { sites: ['north'] },
  });
  const { token } = made.body as { token: string };
  const south = await alarmOf('south1');
  const body = { action: 'set-only', key: 'north-to-south', text: 'why' };
  expect((await act(south, body, token)).status).toBe(404);
  expect((await act(south, { action: 'set-only', dry_run: true }, token)).status).toBe(404);
  expect((await fixture.ask(`/api/v1/alarms/${south}/actions`, { token })).status).toBe(404);
  const viewer = await fixture.token('vera', 'viewer');
  expect((await act(await alarmOf('edge1'), body, viewer)).status).toBe(403);
});
