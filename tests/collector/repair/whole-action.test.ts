// The whole way of an action over real UDP: a simulated switch with a hung port, a real agent, a real collector; refused until the agent may write, then done once and verified.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { agentConfig, agentOnlySchema } from '../../../agent/config.ts';
import { type Agent, createAgent } from '../../../agent/main.ts';
import { SystemClock } from '../../../common/runtime/clock.ts';
import { fleet } from '../../../simulator/fleet.ts';
import { Simulator } from '../../../simulator/simulator.ts';
import { AGENT, type CollectorFixture, eventually, startCollectorFixture } from '../../support/collector-fixture.ts';
import { freePortBlock } from '../../support/free-port.ts';
import { silentReporter } from '../../support/silent-reporter.ts';

/** As config/runbooks/actions.yaml has them, with shorter pauses. */
const ACTIONS = `
runbooks:
  - { name: quick, title: Quick, for: { alarm_types: [interface-down] }, hold_seconds: 0, steps: [{ do: read, values: { ifOperStatus: '1.3.6.1.2.1.2.2.1.8.{ifIndex}' } }] }
actions:
  - name: quick-bounce
    title: Bounce
    target: interface
    cuts: port
    steps:
      - { values: [{ oid: '1.3.6.1.2.1.2.2.1.7.{ifIndex}', type: integer, value: '2' }], pause_seconds: 0.3 }
      - { values: [{ oid: '1.3.6.1.2.1.2.2.1.7.{ifIndex}', type: integer, value: '1' }] }
    verify: { expect: [values, interface_up, alarm_cleared], within_seconds: 60 }
    restore: before
  - name: quick-poe
    title: Power
    for: { profiles: [cisco] }
    target: interface
    cuts: port
    index: { from: ifName, match: '^[A-Za-z]+(\\d+)/0/(\\d+)$', as: '$1.$2' }
    steps:
      - { values: [{ oid: '1.3.6.1.2.1.105.1.1.1.3.{index}', type: integer, value: '2' }], pause_seconds: 0.3 }
      - { values: [{ oid: '1.3.6.1.2.1.105.1.1.1.3.{index}', type: integer, value: '1' }] }
    verify: { expect: [values, interface_up], within_seconds: 60 }
    restore: before
`;

interface ActionAnswer {
  readonly id: string;
  readonly state: string;
  readonly message: string;
  readonly checks: Readonly<Record<string, boolean | null>> | null;
}
interface DryRunAnswer {
  readonly allowed: boolean;
  readonly reasons: readonly string[];
  readonly warnings: readonly string[];
  readonly steps: readonly {
    readonly set: readonly { readonly oid: string; readonly value: string; readonly present: string | null }[];
  }[];
}

let folder: string;
let fixture: CollectorFixture;
let simulator: Simulator;
let agent: Agent;
let operator: string;
let configOf: (writes: boolean) => ReturnType<typeof agentConfig>;
const cleanups: (() => Promise<void>)[] = [];

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-action-'));
  writeFileSync(path.join(folder, 'own.yaml'), ACTIONS);
  const [port = 0, healthPort = 0] = await freePortBlock(2).then((first) => [first, first + 1]);
  const clock = new SystemClock();
  simulator = new Simulator(
    silentReporter().reporter,
    {
      network: fleet(1, 3),
      seed: 1,
      portBase: port,
      firstAddress: null,
      community: 'public',
      writeCommunity: 'secret-writer',
      truthPort: null,
      dataFolder: null,
    },
    { clock },
  );
  await simulator.start();
  cleanups.push(() => simulator.stop());
  const address = `127.0.0.1:${port}`;
  const started = await startCollectorFixture({
    collector: { repair: { runbooks: folder }, faults: { cause: { attached: { 'agent-1': ['fleet1'] } } } },
    devices: [{ name: 'fleet1', address, interval_ms: 1000 }],
  });
  ({ fixture } = started);
  cleanups.push(started.remove);
  operator = await fixture.token('olga', 'operator');
  configOf = (writes) => {
    const device = { name: 'fleet1', address, credential: 'public', interval_ms: 1000 };
    const whole = agentOnlySchema.parse({
      agent: {
        name: 'agent-1',
        token: AGENT,
        health_port: healthPort,
        collector_url: fixture.url,
        first_poll_within_ms: 0,
        timeout_ms: 500,
      },
      credentials: {
        public: { version: '2c', community: 'public' },
        writer: { version: '2c', community: 'secret-writer' },
      },
      devices: [
        writes
          ? { ...device, write_credential: 'writer', allow_set: ['1.3.6.1.2.1.2.2.1.7', '1.3.6.1.2.1.105.1.1.1.3'] }
          : device,
      ],
    });
    return agentConfig(whole, {});
  };
  const deps = { clock, environment: { PATH: process.env['PATH'] }, freeBytes: () => 1e12 };
  agent = createAgent(silentReporter().reporter, { ...configOf(false), dataFolder: folder }, deps);
  cleanups.push(() => agent.stop());
  await agent.start();
  await eventually(
    async () =>
      (await fixture.get<{ items: unknown[] }>('/api/v1/devices/fleet1/interfaces').catch(() => null))?.items.length ===
      3,
    'the ports are known',
  );
}, 60_000);
afterAll(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
  rmSync(folder, { recursive: true, force: true });
});

/** The link of the port goes down, and stays down until somebody switches something off and on. */
async function hang(port: string): Promise<string> {
  const found = simulator.network.devices[0]?.interfaces.find((one) => one.port.name === port);
  found?.state.hang();
  let id = '';
  await eventually(async () => {
    const { items } = await fixture.get<{ items: { id: string; resource: string; isCleared: boolean }[] }>(
      '/api/v1/alarms?state=active',
    );
    id = items.find(({ resource }) => resource === `fleet1/${port}`)?.id ?? '';
    return id !== '';
  }, `an alarm of ${port}`);
  return id;
}
const act = (id: string, body: object) => fixture.post(`/api/v1/alarms/${id}/actions`, body, operator);
const dryRun = async (id: string, action: string): Promise<DryRunAnswer> =>
  (await act(id, { action, dry_run: true })).body as DryRunAnswer;
const actionsOf = async (id: string) =>
  (await fixture.get<{ items: ActionAnswer[] }>(`/api/v1/alarms/${id}/actions`)).items;
async function ended(id: string): Promise<ActionAnswer | undefined> {
  await eventually(
    async () => !['asked', 'verifying', 'restoring'].includes((await actionsOf(id))[0]?.state ?? 'asked'),
    'an end',
    40_000,
  );
  return (await actionsOf(id))[0];
}

test('a hung port: refused until the agent may write, then bounced once, verified by what the device says, and the alarm is over', async () => {
  const id = await hang('Gi1/0/1');
  const before = await dryRun(id, 'quick-bounce');
  expect([before.allowed, before.reasons.join()]).toEqual([false, expect.stringContaining('set_not_allowed')]);
  // Approved all the same, the agent is asked and refuses: that nothing was set is known for sure.
  const refused = await act(id, { action: 'quick-bounce', key: 'first-try', text: 'port hangs' });
  expect(refused).toMatchObject({ status: 200, body: { state: 'asked', requestedBy: 'olga' } });
  expect(await ended(id)).toMatchObject({
    state: 'failed',
    message: expect.stringMatching(/set_not_allowed.*allow_set/) as unknown,
  });

  agent.reload(configOf(true));
  const after = await dryRun(id, 'quick-bounce');
  expect(after).toMatchObject({ allowed: true, reasons: [], warnings: [] });
  expect(after.steps.map(({ set }) => set[0])).toEqual([
    { oid: '1.3.6.1.2.1.2.2.1.7.10101', type: 'integer', value: '2', present: '1' },
    { oid: '1.3.6.1.2.1.2.2.1.7.10101', type: 'integer', value: '1', present: '1' },
  ]);
  const body = { action: 'quick-bounce', key: 'second-try', text: 'port hangs' };
  const [one, other] = await Promise.all([act(id, body), act(id, body)]);
  expect((one.body as ActionAnswer).id).toBe((other.body as ActionAnswer).id);
  expect(await ended(id)).toMatchObject({
    state: 'verified',
    checks: { values: true, interfaceUp: true, alarmCleared: true },
  });
  expect(((await act(id, body)).body as ActionAnswer).state).toBe('verified');
  const { items } = await fixture.get<{ items: { kind: string; state: string }[] }>(
    '/api/v1/work?device=fleet1&limit=200',
  );
  expect(items.filter(({ kind }) => kind === 'sequence').map(({ state }) => state)).toEqual(['done']);
  expect(items.filter(({ kind }) => kind === 'rehearse').map(({ state }) => state)).toEqual([
    'done',
    'done',
    'failed',
    'failed',
  ]);
  const audit = await fixture.get<{ items: { action: string; actor: string; after: object }[] }>(
    `/api/v1/audit?subject=alarm/${id}`,
  );
  expect(audit.items.map(({ action, actor }) => `${actor} ${action}`)).toEqual([
    'system alarm.action-end',
    'olga alarm.act',
    'system alarm.action-end',
    'olga alarm.act',
  ]);
  expect(JSON.stringify([fixture.lines, audit])).not.toContain('secret-writer');
}, 90_000);

test('a port whose power is taken comes back, and what was found out stands at its alarm', async () => {
  const id = await hang('Gi1/0/2');
  const { available } = await fixture.get<{ available: { name: string; targets: string[] }[] }>(
    `/api/v1/alarms/${id}/actions`,
  );
  expect(available.find(({ name }) => name === 'quick-poe')?.targets).toEqual(['fleet1/Gi1/0/2']);
  expect(available.map(({ name }) => name)).not.toContain('poe-cycle-procurve');
  expect((await dryRun(id, 'quick-poe')).steps[0]?.set[0]).toMatchObject({
    oid: '1.3.6.1.2.1.105.1.1.1.3.1.2',
    present: '1',
  });
  await act(id, { action: 'quick-poe', key: 'power-cycle', text: 'camera hangs' });
  expect(await ended(id)).toMatchObject({
    state: 'verified',
    checks: { values: true, interfaceUp: true, alarmCleared: null },
  });
  const { items } = await fixture.get<{ items: { steps: { summary: string }[] }[] }>(`/api/v1/alarms/${id}/diagnosis`);
  expect(items[0]?.steps[0]?.summary).toMatch(/^ifOperStatus [12]$/);
}, 60_000);
