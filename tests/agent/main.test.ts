// The agent as one component: from a device over UDP to a collector over HTTP, what it says of itself, and what it keeps when it stops.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { agentConfig, agentOnlySchema } from '../../agent/config.ts';
import { createAgent } from '../../agent/main.ts';
import { pollOnce } from '../../agent/poll-once.ts';
import { Spool, SPOOL_DEFAULTS } from '../../agent/spool/spool.ts';
import type { Batch } from '../../common/model/batch.ts';
import type { Poll } from '../../common/model/poll.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import type { Component } from '../../common/runtime/component.ts';
import { decodeBatch } from '../../common/wire/batch-codec.ts';
import { CollectorDouble } from '../support/collector-double.ts';
import { freePortBlock } from '../support/free-port.ts';
import { deviceMib } from '../support/interface-mib.ts';
import { type Habits, ScriptedDevice } from '../support/scripted-device.ts';
import { silentReporter } from '../support/silent-reporter.ts';
import { waitFor } from '../support/weir-process.ts';

let folder: string;
let healthPort: number;
const cleanups: (() => Promise<void>)[] = [];

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-agent-'));
  healthPort = await freePortBlock(1);
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  rmSync(folder, { recursive: true, force: true });
});

async function device(habits: Habits = {}): Promise<string> {
  const mib = deviceMib({ ports: [{ index: 1, descr: 'eth0', in: 5n, out: 6n }], sysName: 'core1' });
  const scripted = new ScriptedDevice(mib, habits);
  const port = await scripted.start();
  cleanups.push(() => scripted.stop());
  return `127.0.0.1:${port}`;
}

async function collector(): Promise<{ double: CollectorDouble; url: string }> {
  const double = new CollectorDouble();
  const listening = await double.listen();
  cleanups.push(() => listening.close());
  return { double, url: listening.url };
}

interface Rig {
  readonly agent: Component;
  readonly lines: string[];
}

function agentOf(
  agent: Record<string, unknown>,
  devices: Record<string, string>,
  environment: Record<string, string> = {},
): Rig {
  const whole = agentOnlySchema.parse({
    agent: {
      health_port: healthPort,
      poll_interval_ms: 1000,
      timeout_ms: 300,
      retries: 1,
      first_poll_within_ms: 0,
      ...agent,
    },
    credentials: { c: { version: '2c', community: 'public' } },
    devices: Object.entries(devices).map(([name, address]) => ({ name, address, credential: 'c' })),
    collector: { port: 'what belongs to another component is not looked at' },
  });
  const { reporter, lines } = silentReporter();
  const config = { ...agentConfig(whole, environment), dataFolder: folder };
  const made = createAgent(reporter, config, { clock: new SystemClock(), environment, freeBytes: () => 1e12 });
  cleanups.push(() => made.stop());
  return { agent: made, lines };
}

const get = (place: string, token?: string): Promise<Response> =>
  fetch(
    `http://127.0.0.1:${healthPort}${place}`,
    token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } },
  );

/** The batches in the spool of an agent that has stopped. */
async function spooled(agent = 'agent'): Promise<Batch[]> {
  const config = {
    ...SPOOL_DEFAULTS,
    agent,
    folder: path.join(folder, 'agent', agent, 'spool'),
    maxBytes: 1e9,
    maxAgeMs: 1e12,
  };
  const spool = new Spool(silentReporter().reporter, config, { clock: new SystemClock(), freeBytes: () => 1e12 });
  await spool.start();
  const batches: Batch[] = [];
  for (let batch = await spool.next(0); batch !== null; batch = await spool.next(batch.sequence))
    batches.push(decodeBatch(batch.bytes));
  await spool.stop();
  return batches;
}

const codeOf = async (work: Promise<unknown>): Promise<string> =>
  await work.then(
    () => 'no error',
    (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : String(error)),
  );

describe('from device to collector', () => {
  test('polls arrive in order, with watermarks, and are let go once applied', async () => {
    const { double, url } = await collector();
    const { agent } = agentOf(
      { collector_url: url, token: double.token },
      { core1: await device(), core2: await device() },
    );
    await agent.start();
    const pollsOf = (name: string): number =>
      double.appliedBatches.flatMap((batch) => batch.polls).filter((poll) => poll.device === name).length;
    await waitFor(
      () => pollsOf('core1') >= 2 && pollsOf('core2') >= 2,
      15_000,
      () => `polls; have ${pollsOf('core1')}`,
    );
    await agent.stop();
    expect(double.appliedBatches.map((batch) => batch.sequence)).toEqual(double.appliedBatches.map((_, at) => at + 1));
    expect(new Set(double.appliedBatches.map((batch) => batch.agent))).toEqual(new Set(['agent']));
    for (const batch of double.appliedBatches) {
      expect(batch.watermarks.map(({ device: name }) => name).toSorted()).toEqual(
        [...new Set(batch.polls.map((poll) => poll.device))].toSorted(),
      );
    }
    const left = await spooled();
    const applied = new Set(double.appliedBatches.map((batch) => batch.sequence));
    // What was written after the last receipt, at most.
    expect(left.filter((batch) => !applied.has(batch.sequence)).length).toBeLessThanOrEqual(2);
  });

  test('only devices assigned to the agent are polled', async () => {
    const whole = agentOnlySchema.parse({
      agent: { name: 'north' },
      credentials: { c: { version: '2c', community: 'public' } },
      devices: [
        { name: 'a', address: 'a.example', credential: 'c', agent: 'north' },
        { name: 'b', address: 'b.example', credential: 'c', agent: 'south' },
        { name: 'c', address: 'c.example', credential: 'c', agent: 'north' },
      ],
    });
    expect(agentConfig(whole, {}).devices.map((one) => one.name)).toEqual(['a', 'c']);
  });

  test('a collector that is away is no error: polls wait on the disk, and readiness says why', async () => {
    const { double, url } = await collector();
    double.nextFault = () => ({ kind: 'answer', status: 503 });
    const { agent } = agentOf({ collector_url: url, token: double.token }, { core1: await device() });
    await agent.start();
    await waitFor(
      async () => (await get('/readyz')).status === 503,
      10_000,
      () => 'readyz to tell',
    );
    expect((await get('/healthz')).status).toBe(200);
    expect(await (await get('/readyz')).json()).toMatchObject({
      ready: false,
      parts: { poll: { healthy: true }, ship: { healthy: false } },
    });
    double.nextFault = () => ({ kind: 'none' });
    await waitFor(
      () => double.appliedBatches.length >= 2,
      20_000,
      () => 'batches',
    );
    await waitFor(
      async () => (await get('/readyz')).status === 200,
      10_000,
      () => 'readyz',
    );
  });

  test('a stop keeps what the polls in hand have', async () => {
    const { double, url } = await collector();
    double.nextFault = () => ({ kind: 'answer', status: 503 });
    const slow = new ScriptedDevice(deviceMib({ ports: [{ index: 1, descr: 'eth0' }] }), { delayMs: 60 });
    const port = await slow.start();
    cleanups.push(() => slow.stop());
    const settings = { collector_url: url, token: double.token, poll_interval_ms: 60_000 };
    const { agent } = agentOf(settings, { core1: `127.0.0.1:${port}` });
    await agent.start();
    // The first poll needs several answers; the agent stops when what the device is has come, and its interfaces have not.
    const interfaces = (): boolean =>
      slow.requests.some(({ oids }) => oids.some((oid) => oid.startsWith('1.3.6.1.2.1.2.2.1')));
    await waitFor(interfaces, 10_000, () => 'a request for interfaces');
    await agent.stop();
    const polls = (await spooled()).flatMap((batch) => batch.polls);
    expect(polls).toHaveLength(1);
    expect(polls[0]).toMatchObject({ device: 'core1', outcome: 'partial', failure: 'poll_deadline' });
    expect(polls[0]?.tables.some((table) => table.name === 'system')).toBe(true);
  });
});

describe('the token', () => {
  test('is read anew at every request: a file that is renewed is taken without a restart', async () => {
    const { double, url } = await collector();
    const file = path.join(folder, 'token');
    writeFileSync(file, 'an old one\n');
    const { agent } = agentOf({ collector_url: url, token: `file:${file}` }, { core1: await device() });
    await agent.start();
    await waitFor(
      () => double.requests.length > 0,
      10_000,
      () => 'a request',
    );
    expect(double.appliedBatches).toEqual([]);
    expect((await get('/devices', 'an old one')).status).toBe(200);
    writeFileSync(file, `${double.token}\n`);
    expect((await get('/devices', 'an old one')).status).toBe(401);
    await waitFor(
      () => double.appliedBatches.length > 0,
      30_000,
      () => 'batches',
    );
  });

  test('WEIR_AGENT_TOKEN goes before the configuration; an empty one does not count', async () => {
    const whole = agentOnlySchema.parse({ agent: { token: 'file:/of/the/configuration' } });
    expect(agentConfig(whole, { WEIR_AGENT_TOKEN: 'of the environment' }).token).toBe('of the environment');
    expect(agentConfig(whole, { WEIR_AGENT_TOKEN: '' }).token).toBe('file:/of/the/configuration');
  });

  test('that cannot be had stops no poll: it is told, and batches stay', async () => {
    const { double, url } = await collector();
    const { agent } = agentOf({ collector_url: url, token: '${NO_SUCH_VARIABLE}' }, { core1: await device() });
    await agent.start();
    await waitFor(
      async () => JSON.stringify(await (await get('/readyz')).json()).includes('secret_unresolved'),
      10_000,
      () => 'readyz',
    );
    expect((await get('/metrics', '${NO_SUCH_VARIABLE}')).status).toBe(400);
    await waitFor(
      async () => (await get('/readyz')).status === 503,
      10_000,
      () => 'readyz',
    );
    await new Promise((resolve) => setTimeout(resolve, 600));
    await agent.stop();
    expect(double.requests).toEqual([]);
    expect((await spooled()).length).toBeGreaterThan(0);
  });
});

describe('a device without SNMP', () => {
  const configured = (device: Record<string, unknown>): ReturnType<typeof agentOnlySchema.safeParse> =>
    agentOnlySchema.safeParse({ agent: {}, devices: [{ name: 'door', address: '127.0.0.1', ...device }] });

  test('needs no credential; one with SNMP does, and is told so', () => {
    expect(configured({ snmp: false }).success).toBe(true);
    const refused = configured({});
    expect(refused.error?.issues).toMatchObject([
      { path: ['devices', 0, 'credential'], message: expect.stringContaining('snmp: false') as string },
    ]);
    expect(configured({ credential: 'nobody' }).error?.issues[0]?.message).toContain('no credential set called nobody');
  });

  /** The first poll of it that reaches the collector, with a ping that is this shell script. */
  async function polled(script: string): Promise<Poll | undefined> {
    const { double, url } = await collector();
    writeFileSync(path.join(folder, 'ping'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const whole = agentOnlySchema.parse({
      agent: {
        health_port: healthPort,
        poll_interval_ms: 1000,
        first_poll_within_ms: 0,
        collector_url: url,
        token: double.token,
      },
      devices: [{ name: 'door', address: '127.0.0.1', snmp: false }],
    });
    const environment = { PATH: folder };
    const config = { ...agentConfig(whole, environment), dataFolder: folder };
    const deps = { clock: new SystemClock(), environment, freeBytes: () => 1e12 };
    const agent = createAgent(silentReporter().reporter, config, deps);
    cleanups.push(() => agent.stop());
    await agent.start();
    const polls = (): Poll[] => double.appliedBatches.flatMap((batch) => batch.polls);
    await waitFor(
      () => polls().length > 0,
      15_000,
      () => 'a poll',
    );
    return polls()[0];
  }

  test('is complete without a table while it answers ping', async () => {
    expect(await polled('exit 0')).toMatchObject({ device: 'door', outcome: 'complete', failure: null, tables: [] });
  });

  test('fails where it does not', async () => {
    const silent = 'echo "2 packets transmitted, 0 received, 100% packet loss"; exit 1';
    expect(await polled(silent)).toMatchObject({
      device: 'door',
      outcome: 'failed',
      failure: 'ping_timeout',
      tables: [],
    });
  });
});

describe('the health page', () => {
  test('lives and readiness for anybody, figures and devices for the token, nothing else for nobody', async () => {
    const { double, url } = await collector();
    const { agent } = agentOf(
      {
        collector_url: url,
        token: double.token,
        poll_interval_ms: 3000,
        lines: { thin: { devices: ['core1'], requests_per_second: 500, answer_bytes: 600 } },
      },
      { core1: await device(), dead: await device({ dead: true }) },
    );
    await agent.start();
    await waitFor(
      () => double.appliedBatches.flatMap((batch) => batch.polls).some((poll) => poll.device === 'dead'),
      15_000,
      () => 'a poll of the dead device',
    );
    expect(await (await get('/healthz')).json()).toEqual({ healthy: true });
    expect(await (await get('/readyz')).json()).toMatchObject({ ready: true, parts: { poll: { healthy: true } } });
    for (const place of ['/metrics', '/devices', '/status', '/devices/core1']) {
      expect((await get(place)).status).toBe(401);
      expect((await get(place, 'another')).status).toBe(401);
    }
    expect((await get('/elsewhere')).status).toBe(404);
    expect((await fetch(`http://127.0.0.1:${healthPort}/devices`, { method: 'POST' })).status).toBe(404);

    const whole = (await (await get('/status', double.token)).json()) as { lines: Record<string, unknown>[] };
    expect(whole.lines).toMatchObject([{ line: 'thin', requestsPerSecond: 500, inFlight: 500, answerBytes: 600 }]);
    expect(whole.lines[0]?.['requests']).toBeGreaterThan(1);
    const metrics = await (await get('/metrics', double.token)).text();
    expect(metrics).toMatch(/^weir_line_requests_total\{line="thin"\} [1-9]/m);
    expect(metrics).toMatch(/^weir_agent_devices 2$/m);
    expect(metrics).toMatch(/^weir_agent_polls_total\{outcome="complete",failure=""\} [1-9]/m);
    expect(metrics).toMatch(/^weir_http_refused_total\{code="token_unknown"\} 4$/m);
    expect(metrics).toMatch(/^weir_agent_device_up\{device="core1"\} 1$/m);
    expect(metrics).toMatch(/^weir_agent_device_up\{device="dead"\} 0$/m);
    expect(metrics).toMatch(/^weir_agent_devices_without_figures 0$/m);
    expect(metrics).not.toContain('public');
    const { items } = (await (await get('/devices', double.token)).json()) as { items: Record<string, unknown>[] };
    const [core1, dead] = ['core1', 'dead'].map((name) => items.find((item) => item['device'] === name));
    expect(core1).toMatchObject({
      lastOutcome: 'complete',
      failure: null,
      meaning: null,
      interfaces: 1,
      credential: 'c',
      partialTables: [],
      profile: 'base',
    });
    // Where there is a ping it says that the host, our own, is alive.
    expect(dead).toMatchObject({ lastOutcome: 'failed' });
    expect(dead?.['failure']).toMatch(/^(snmp_timeout|snmp_silent_but_reachable)$/);
    expect(String(dead?.['meaning'])).toMatch(/did not answer|answers ping, but not SNMP/);
    const page = (await (await get('/devices/core1', double.token)).json()) as Record<string, unknown>;
    expect(page).toMatchObject({ line: 'thin', lastPoll: { session: { line: { name: 'thin', answerBytes: 600 } } } });
    expect(page).toMatchObject({ device: 'core1', lastOutcome: 'complete', breakerOpen: false, interfaces: 1 });
    expect(page['nextDueAt']).toMatch(/^\d{4}-.*Z$/);
    expect(page['lastPoll']).toMatchObject({
      outcome: 'complete',
      partialTables: [],
      profile: { name: 'base', why: expect.stringContaining('no profile is for it') as string },
      session: { roundTrip: { p95Ms: expect.any(Number) as number } },
      clockSkewMs: null,
    });
    const { tables, sentBytes, receivedBytes } = page['lastPoll'] as Record<string, unknown>;
    const walk = { table: 'interface', rows: 1, complete: true, failure: null, ceiling: null };
    // Its line lets 600 octets through: a first poll has too many columns for one answer, a later one asks for what moves.
    const [first, later] = [
      { columns: 16, requests: 2 },
      { columns: 5, requests: 1 },
    ];
    const told = (tables as { table: string; columns: number }[]).find(({ table }) => table === 'interface');
    expect(told).toMatchObject({ ...walk, ...(told?.columns === 5 ? later : first) });
    expect(Number(sentBytes)).toBeGreaterThan(50);
    expect(Number(receivedBytes)).toBeGreaterThan(50);
    expect((await get('/devices/nobody', double.token)).status).toBe(404);
    const status = (await (await get('/status', double.token)).json()) as Record<string, unknown>;
    expect(status).toMatchObject({
      agent: 'agent',
      devices: { devices: 2, asked: 0 },
      parts: { poll: { healthy: true } },
    });
    expect(status['spool']).toMatchObject({ lastSequence: expect.any(Number) as number });
    expect(JSON.stringify([items, page, status])).not.toContain('public');
  });
});

describe('what keeps an agent from starting', () => {
  test('its health port is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(healthPort, '127.0.0.1', resolve));
    cleanups.push(() => new Promise((resolve) => other.close(() => resolve())));
    const { agent } = agentOf({}, {});
    expect(await codeOf(agent.start())).toBe('port_in_use');
  });

  test('another agent on its data; the first goes on', async () => {
    const first = agentOf({ token: 't' }, {});
    await first.agent.start();
    const taken = healthPort;
    healthPort = await freePortBlock(1);
    expect(await codeOf(agentOf({ token: 't' }, {}).agent.start())).toBe('data_folder_in_use');
    expect((await get('/healthz').catch(() => null))?.status).toBeUndefined();
    healthPort = taken;
    expect((await get('/healthz')).status).toBe(200);
  });

  test('a data folder that is none', async () => {
    writeFileSync(path.join(folder, 'agent'), 'a file where a folder belongs');
    expect(await codeOf(agentOf({}, {}).agent.start())).toBe('data_folder_unusable');
  });

  test('a folder of profiles that is missing or wrong', () => {
    const missing = path.join(folder, 'none');
    expect(() => agentOf({ profiles: missing }, {})).toThrow(
      expect.objectContaining({ code: 'configuration_missing' }),
    );
  });

  test('polls that an agent of another name left behind are no obstacle, but told', async () => {
    mkdirSync(path.join(folder, 'agent', 'old-name', 'spool'), { recursive: true });
    const { agent, lines } = agentOf({ token: 't' }, {});
    await agent.start();
    expect(lines.some((line) => line.includes('old-name'))).toBe(true);
  });
});

describe('one poll without an agent', () => {
  test('brings everything at once', async () => {
    const whole = agentOnlySchema.parse({
      credentials: { c: { version: '2c', community: '${COMMUNITY}' } },
      devices: [{ name: 'core1', address: await device(), credential: 'c' }],
    });
    const poll = await pollOnce(whole, { environment: { COMMUNITY: 'public' } });
    expect(poll).toMatchObject({ device: 'core1', outcome: 'complete' });
    expect(await codeOf(pollOnce(whole, { environment: {} }))).toBe('secret_unresolved');
    expect(await codeOf(pollOnce(agentOnlySchema.parse({})))).toBe('misused');
  });
});
