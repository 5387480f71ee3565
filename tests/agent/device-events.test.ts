// What the SNMP side notices of a device reaches the spool of the whole agent, and engines outlive it: over real UDP.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { agentConfig, agentOnlySchema } from '../../agent/config.ts';
import { createAgent } from '../../agent/main.ts';
import { Spool, SPOOL_DEFAULTS } from '../../agent/spool/spool.ts';
import type { DeviceEvent } from '../../common/model/event.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import type { Component } from '../../common/runtime/component.ts';
import { decodeBatch } from '../../common/wire/batch-codec.ts';
import { freePortBlock } from '../support/free-port.ts';
import { ScriptedEngine } from '../support/scripted-engine.ts';
import { silentReporter } from '../support/silent-reporter.ts';
import { instantUser } from '../support/usm-user.ts';
import { waitFor } from '../support/weir-process.ts';

const USER = {
  user: 'watcher',
  level: 'authPriv',
  auth_protocol: 'SHA256',
  auth_passphrase: 'authentication passphrase',
  priv_protocol: 'AES192B',
  priv_passphrase: 'privacy passphrase',
} as const;

let folder: string;
let engine: ScriptedEngine;
let address: string;
let agents: Component[];

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-device-events-'));
  agents = [];
  const engineId = Buffer.from('80001f880411223344', 'hex');
  engine = new ScriptedEngine(instantUser(USER), 'core1', { engineId, boots: 3, time: 1000 });
  address = `127.0.0.1:${await engine.start()}`;
});
afterEach(async () => {
  for (const agent of agents) await agent.stop();
  await engine.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function runAgent(): Promise<Component> {
  const whole = agentOnlySchema.parse({
    agent: {
      health_port: await freePortBlock(1),
      collector_url: 'http://127.0.0.1:9',
      token: 'none',
      poll_interval_ms: 1000,
      timeout_ms: 300,
      first_poll_within_ms: 0,
    },
    credentials: { v3: { version: '3', ...USER } },
    devices: [{ name: 'core1', address, credential: 'v3' }],
  });
  const config = { ...agentConfig(whole, {}), dataFolder: folder };
  const deps = { clock: new SystemClock(), environment: {}, freeBytes: () => 1e12 };
  const agent = createAgent(silentReporter().reporter, config, deps);
  agents.push(agent);
  await agent.start();
  return agent;
}

const answers = (count: number): Promise<void> =>
  waitFor(
    () => Promise.resolve(engine.seen.filter((what) => what === 'answered').length >= count),
    10_000,
    () => `${count} answers: ${engine.seen.join(' ')}`,
  );

async function spooledEvents(): Promise<DeviceEvent[]> {
  const config = {
    ...SPOOL_DEFAULTS,
    agent: 'agent',
    folder: path.join(folder, 'agent/agent/spool'),
    maxBytes: 1e9,
    maxAgeMs: 1e12,
  };
  const spool = new Spool(silentReporter().reporter, config, { clock: new SystemClock(), freeBytes: () => 1e12 });
  await spool.start();
  const events: DeviceEvent[] = [];
  for (let batch = await spool.next(0); batch !== null; batch = await spool.next(batch.sequence))
    events.push(...decodeBatch(batch.bytes).events);
  await spool.stop();
  return events;
}

test('an engine that restarts is an event in the spool; the next life of the agent needs no discovery', async () => {
  const first = await runAgent();
  await answers(1);
  Object.assign(engine.habits, { boots: 1, time: 7 });
  const before = engine.seen.length;
  await waitFor(
    () => Promise.resolve(engine.seen.slice(before).includes('notInTimeWindow')),
    10_000,
    () => `a refused clock: ${engine.seen.join(' ')}`,
  );
  await answers(engine.seen.filter((what) => what === 'answered').length + 1);
  await first.stop();
  const restarts = (await spooledEvents()).filter(({ origin }) => origin === 'agent');
  expect(restarts).toMatchObject([{ device: 'core1', name: 'engine_restarted' }]);
  expect(restarts[0]?.details).toContainEqual({ name: 'boots_counted', value: 'no' });
  expect(existsSync(path.join(folder, 'agent/agent/snmp-engines'))).toBe(true);

  engine.seen.length = 0;
  const second = await runAgent();
  await answers(1);
  await second.stop();
  expect(engine.seen[0]).toBe('answered');
}, 60_000);
