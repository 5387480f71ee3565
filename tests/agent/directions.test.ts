// What an agent is told from outside, with a real collector and real devices: work is done, values are set, and another configuration touches only what differs.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { agentConfig, agentOnlySchema } from '../../agent/config.ts';
import { type Agent, createAgent } from '../../agent/main.ts';
import { oidOf } from '../../agent/snmp/oid.ts';
import type { WorkItem } from '../../collector/agents/work-item.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { AGENT, type CollectorFixture, eventually, startCollectorFixture } from '../support/collector-fixture.ts';
import { freePortBlock } from '../support/free-port.ts';
import { deviceMib } from '../support/interface-mib.ts';
import { describeWith } from '../support/requirements.ts';
import { ScriptedDevice } from '../support/scripted-device.ts';
import { silentReporter } from '../support/silent-reporter.ts';
import { testAccess } from '../support/snmp-access.ts';
import { type Snmpd, startSnmpd } from '../support/snmpd.ts';

const SYS_NAME = '1.3.6.1.2.1.1.5.0';
const SYS_CONTACT = '1.3.6.1.2.1.1.4.0';
const IF_ALIAS = '1.3.6.1.2.1.31.1.1.1.18';

let folder: string;
let healthPort: number;
const cleanups: (() => Promise<void>)[] = [];

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-directions-'));
  healthPort = await freePortBlock(2);
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  rmSync(folder, { recursive: true, force: true });
});

type Words = Readonly<Record<string, unknown>>;

function configOf(agent: Words, devices: readonly Words[], credentials: Words = {}) {
  const whole = agentOnlySchema.parse({
    agent: {
      name: 'agent-1',
      token: AGENT,
      health_port: healthPort,
      poll_interval_ms: 1000,
      timeout_ms: 300,
      retries: 1,
      first_poll_within_ms: 0,
      ...agent,
    },
    credentials: { public: { version: '2c', community: 'public' }, ...credentials },
    devices: devices.map((device) => ({ credential: 'public', ...device })),
  });
  return agentConfig(whole, {});
}

async function running(config: ReturnType<typeof configOf>): Promise<{ agent: Agent; lines: string[] }> {
  const { reporter, lines } = silentReporter();
  const deps = { clock: new SystemClock(), environment: { PATH: process.env['PATH'] }, freeBytes: () => 1e12 };
  const agent = createAgent(reporter, { ...config, dataFolder: folder }, deps);
  cleanups.push(() => agent.stop());
  await agent.start();
  return { agent, lines };
}

describeWith(['snmpd'], 'work over a real collector, at a real device', () => {
  let fixture: CollectorFixture;
  let snmpd: Snmpd;

  beforeEach(async () => {
    // Without sysName and sysContact in its file, snmpd lets them be set (snmpd.conf(5)).
    snmpd = await startSnmpd('', { configuration: ['rwcommunity secret-writer 127.0.0.1'] });
    cleanups.push(() => snmpd.stop());
    const started = await startCollectorFixture({ devices: [{ name: 'core1', address: snmpd.address }] });
    ({ fixture } = started);
    cleanups.push(started.remove);
  });

  const credentials = { writer: { version: '2c', community: 'secret-writer' } };
  const writable = { allow_set: ['1.3.6.1.2.1.1.4', '1.3.6.1.2.1.1.3'], write_credential: 'writer' };

  async function done(body: Words): Promise<WorkItem> {
    const asked = await fixture.post('/api/v1/agents/agent-1/work', { device: 'core1', reason: 'a test', ...body });
    expect(asked.status).toBe(200);
    const { id } = asked.body as WorkItem;
    let item: WorkItem | null = null;
    await eventually(
      async () => {
        item = await fixture.get<WorkItem>(`/api/v1/agents/agent-1/work/${id}`);
        return !['queued', 'handed_out'].includes(item.state);
      },
      `the result of ${JSON.stringify(body)}`,
    );
    if (item === null) throw new Error('no work');
    return item;
  }

  const resultOf = (item: WorkItem): Record<string, string> =>
    Object.fromEntries((item.result ?? []).map(({ name, value }) => [name, value]));
  const set = (oid: string, type: string, value: string) => ({ kind: 'set', varbinds: [{ oid, type, value }] });

  async function valueOf(oid: string): Promise<string> {
    const { access } = testAccess({ timeoutMs: 500, retries: 1 });
    await access.start();
    try {
      const address = { host: '127.0.0.1', port: snmpd.port };
      const session = access.openSession(address, { version: '2c', community: 'public' });
      const { varbinds } = await session.get([oidOf(oid)]);
      return Buffer.from(varbinds.octets(0) ?? []).toString('utf8');
    } finally {
      await access.stop();
    }
  }

  test('poll, diagnose, and a set that is allowed; what is not allowed does not reach the device', async () => {
    const device = { name: 'core1', address: snmpd.address, interval_ms: 60_000, ...writable };
    const strangers = { ...credentials, stranger: { version: '2c', community: 'not-this' } };
    const { lines } = await running(configOf({ collector_url: fixture.url }, [device], strangers));
    const before = await valueOf(SYS_NAME);
    const polled = await done({ kind: 'poll' });
    expect([polled.state, resultOf(polled)['outcome']]).toEqual(['done', 'complete']);
    const tried = await done({ kind: 'probe', device: 'new1', address: snmpd.address, credential: 'public' });
    expect([tried.state, resultOf(tried)['outcome']]).toEqual(['done', 'complete']);
    expect(resultOf(tried)['sysName']).toBe(before);
    expect(Number(resultOf(tried)['interfaces'])).toBeGreaterThan(0);
    const silent = await done({ kind: 'probe', device: 'new1', address: snmpd.address, credential: 'stranger' });
    expect(resultOf(silent)).toMatchObject({ outcome: 'failed', failure: 'snmp_timeout', interfaces: '0' });
    const unknown = await done({ kind: 'probe', device: 'new1', address: snmpd.address, credential: 'none' });
    expect(resultOf(unknown)).toMatchObject({ code: 'credential_unknown', 'detail.known.2': 'writer' });
    const diagnosed = await done({ kind: 'diagnose' });
    expect(diagnosed.state).toBe('done');
    expect(resultOf(diagnosed)).toMatchObject({
      'ping.host': '127.0.0.1',
      'before.device': 'core1',
      'poll.outcome': 'complete',
    });
    const contact = await done(set(SYS_CONTACT, 'text', 'noc@example.net'));
    expect([contact.state, resultOf(contact)['set']]).toEqual(['done', '1']);
    expect(await valueOf(SYS_CONTACT)).toBe('noc@example.net');
    const name = await done(set(SYS_NAME, 'text', 'renamed'));
    expect([name.state, resultOf(name)['code']]).toEqual(['failed', 'set_not_allowed']);
    expect(await valueOf(SYS_NAME)).toBe(before);
    // Allowed here, and refused by the device: an uptime is read only.
    const uptime = await done(set('1.3.6.1.2.1.1.3.0', 'timeTicks', '1'));
    expect([uptime.state, resultOf(uptime)['code'], resultOf(uptime)['detail.reason']]).toEqual([
      'failed',
      'snmp_refused',
      'notWritable',
    ]);
    const nonsense = await done(set(SYS_CONTACT, 'integer', 'many'));
    expect([nonsense.state, resultOf(nonsense)['code']]).toEqual(['failed', 'snmp_value_invalid']);
    expect(lines.join('')).not.toContain('secret-writer');
    const { items } = await fixture.get<{ items: { name: string; origin: string }[] }>('/api/v1/devices/core1/events');
    // Results of what is no device stand under none.
    expect(items.filter(({ origin }) => origin === 'work').map(({ name: what }) => what)).toEqual([
      'work_failed',
      'work_failed',
      'work_failed',
      'work_done',
      'work_done',
      'work_done',
    ]);
  }, 60_000);

  test('what a collector alone allows is not set: the agent must allow it too', async () => {
    await fixture.stop();
    const devices = [{ name: 'core1', address: snmpd.address, ...writable }];
    const started = await startCollectorFixture({ devices });
    ({ fixture } = started);
    cleanups.push(started.remove);
    const config = (allow: boolean) =>
      configOf({ collector_url: fixture.url, configuration: 'collector', allow_set: allow }, [], credentials);
    const { agent } = await running(config(false));
    // Work may come before the devices do.
    await eventually(async () => (await done({ kind: 'poll' })).state === 'done', 'the agent has its device');
    expect(resultOf(await done(set(SYS_CONTACT, 'text', 'a')))['code']).toBe('set_not_allowed');
    agent.reload(config(true));
    expect((await done(set(SYS_CONTACT, 'text', 'b@example.net'))).state).toBe('done');
    expect(await valueOf(SYS_CONTACT)).toBe('b@example.net');
  }, 60_000);
});

describeWith(['snmpd'], 'a secret that changes behind its reference', () => {
  test('makes a new session for the devices of its set, and for no other', async () => {
    const snmpd = await startSnmpd('core1');
    cleanups.push(() => snmpd.stop());
    const steady = new ScriptedDevice(
      deviceMib({ ports: [{ index: 1, descr: 'eth0', in: 5n, out: 6n }], sysName: 's' }),
    );
    const steadyPort = await steady.start();
    cleanups.push(() => steady.stop());
    const secret = path.join(folder, 'community');
    writeFileSync(secret, 'public\n');
    const config = () =>
      configOf(
        { collector_url: 'http://127.0.0.1:9' },
        [
          { name: 'core1', address: snmpd.address, credential: 'secret' },
          { name: 'steady1', address: `127.0.0.1:${steadyPort}` },
        ],
        { secret: { version: '2c', community: `file:${secret}` } },
      );
    const { agent } = await running(config());
    const outcomeOf = async (): Promise<string | null> => {
      const headers = { authorization: `Bearer ${AGENT}` };
      const answer = await fetch(`http://127.0.0.1:${healthPort}/devices`, { headers });
      const { items } = (await answer.json()) as { items: { device: string; lastOutcome: string | null }[] };
      return items.find(({ device }) => device === 'core1')?.lastOutcome ?? null;
    };
    await eventually(async () => (await outcomeOf()) === 'complete', 'a complete poll');
    await eventually(async () => steady.requests.length > 3, 'polls of the other');
    const namesRead = (): number =>
      steady.requests.filter(({ oids }) => oids.some((oid) => oid.startsWith(IF_ALIAS))).length;
    const before = namesRead();
    writeFileSync(secret, 'another\n');
    agent.reload(config());
    await eventually(async () => (await outcomeOf()) === 'failed', 'the new secret to be used');
    writeFileSync(secret, 'public\n');
    agent.reload(config());
    await eventually(async () => (await outcomeOf()) === 'complete', 'a complete poll again');
    expect(namesRead()).toBe(before);
  }, 60_000);
});

test('another configuration: what is new begins, what is gone ends, what is as before is not disturbed', async () => {
  const port = { index: 1, descr: 'eth0', in: 5n, out: 6n };
  const scripted = async (sysName: string): Promise<{ device: ScriptedDevice; address: string }> => {
    const device = new ScriptedDevice(deviceMib({ ports: [port], sysName }));
    const address = `127.0.0.1:${await device.start()}`;
    cleanups.push(() => device.stop());
    return { device, address };
  };
  const [steady, before, after, added] = [
    await scripted('steady'),
    await scripted('before'),
    await scripted('after'),
    await scripted('added'),
  ];
  const config = (devices: readonly Words[], agent: Words = {}) =>
    configOf({ collector_url: 'http://127.0.0.1:9', ...agent }, devices);
  const same = { name: 'steady1', address: steady.address };
  const { agent } = await running(config([same, { name: 'moved1', address: before.address }]));
  const namesRead = (): number =>
    steady.device.requests.filter(({ oids }) => oids.some((oid) => oid.startsWith(IF_ALIAS))).length;
  // A whole poll later the names have been read, once.
  await eventually(async () => namesRead() > 0 && before.device.requests.length > 3, 'first polls');
  const named = steady.device.requests.length;
  await eventually(async () => steady.device.requests.length > named + 3, 'polls after the first');
  const readBefore = namesRead();
  const told = agent.reload(
    config([same, { name: 'moved1', address: after.address }, { name: 'new1', address: added.address }], {
      timeout_ms: 400,
      health_port: healthPort + 1,
    }),
  );
  expect(told.devices).toBe(3);
  expect(told.waiting.toSorted()).toEqual(['healthPort', 'timeoutMs']);
  const seen = steady.device.requests.length;
  await eventually(
    async () =>
      after.device.requests.length > 3 && added.device.requests.length > 3 && steady.device.requests.length > seen + 3,
    'polls of all three',
  );
  // Its names were not read again: session and memory are as they were.
  expect(namesRead()).toBe(readBefore);
  const left = before.device.requests.length;
  agent.reload(config([{ name: 'moved1', address: after.address }]));
  const ended = steady.device.requests.length;
  const going = after.device.requests.length;
  await eventually(async () => after.device.requests.length > going + 3, 'polls go on');
  expect(before.device.requests.length).toBe(left);
  expect(steady.device.requests.length).toBeLessThanOrEqual(ended + 5);
  // Its line: what it takes for an answer is another session's, how fast it may be asked is not.
  const line = (rate: number, bytes: number) => ({
    lines: { thin: { devices: ['moved1'], requests_per_second: rate, answer_bytes: bytes } },
  });
  const lined = (rate: number, bytes: number) =>
    agent.reload(config([{ name: 'moved1', address: after.address }], line(rate, bytes)));
  const aliasesRead = (): number =>
    after.device.requests.filter(({ oids }) => oids.some((oid) => oid.startsWith(IF_ALIAS))).length;
  const afterMore = async (polls: number): Promise<number> => {
    const had = after.device.requests.length;
    await eventually(async () => after.device.requests.length > had + polls, 'more polls');
    return aliasesRead();
  };
  const namesBefore = await afterMore(1);
  expect(lined(900, 600).waiting).toEqual([]);
  await eventually(async () => aliasesRead() > namesBefore, 'names over the new session');
  const namesAfter = await afterMore(3);
  expect(lined(700, 600).waiting).toEqual([]);
  expect(await afterMore(3)).toBe(namesAfter);
  // A mistake, and another name: nothing changes.
  expect(() => agent.reload(config([same], { name: 'agent-2' }))).toThrow(
    expect.objectContaining({ code: 'restart_needed' }),
  );
  const still = after.device.requests.length;
  await eventually(async () => after.device.requests.length > still + 3, 'polls still go on');
}, 60_000);
