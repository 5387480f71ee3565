// 20,000 forged traps a second against a whole agent: it polls as if there were none, hears who is honest, counts every datagram, and does not grow.
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { agentConfig, agentOnlySchema } from '../../../agent/config.ts';
import { createAgent } from '../../../agent/main.ts';
import type { DeviceEvent } from '../../../common/model/event.ts';
import type { Poll } from '../../../common/model/poll.ts';
import { SystemClock } from '../../../common/runtime/clock.ts';
import { type BundledProgram, bundledProgram } from '../../support/bundled-program.ts';
import { CollectorDouble } from '../../support/collector-double.ts';
import { freePortBlock } from '../../support/free-port.ts';
import { deviceMib } from '../../support/interface-mib.ts';
import { ScriptedDevice } from '../../support/scripted-device.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { COLD_START, integer, LINK_DOWN, messageV2c, SENDER_ENGINE } from '../../support/trap-message.ts';
import { trapProgram } from '../../support/trap-rig.ts';
import { SETS } from '../../support/trap-settings.ts';
import { waitFor } from '../../support/weir-process.ts';

const DEVICES = 40;
/** A turn is left out when it is late by half of this, which a busy machine alone does not make. */
const INTERVAL_MS = 2000;
const PER_SECOND = 20_000;
const SECONDS = 6;
/** 127.0.0.1 is the scripted devices'; these only speak. */
const KNOWN = '127.0.0.2';
const HONEST = '127.0.0.3';
const STRANGER = '127.0.0.9';

let worker: BundledProgram;
let flood: BundledProgram;
let folder = '';
const cleanups: (() => unknown)[] = [];

beforeAll(async () => {
  [worker, flood] = await Promise.all([trapProgram(), bundledProgram('trap-flood.ts')]);
});
afterAll(() => {
  worker.remove();
  flood.remove();
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  rmSync(folder, { recursive: true, force: true });
});

interface Running {
  readonly trapPort: number;
  readonly polls: () => Poll[];
  readonly events: () => DeviceEvent[];
  readonly text: () => Promise<string>;
  readonly metric: (name: string, label?: string) => Promise<number>;
}

async function startAgent(traps: Record<string, unknown>): Promise<Running> {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-flood-'));
  const double = new CollectorDouble();
  const listening = await double.listen();
  cleanups.push(() => listening.close());
  const devices: { name: string; address: string; credential: string }[] = [];
  for (let at = 0; at < DEVICES; at += 1) {
    const mib = deviceMib({ ports: [{ index: 1, descr: 'eth0', in: 5n, out: 6n }], sysName: `core${at}` });
    const scripted = new ScriptedDevice(mib);
    devices.push({ name: `core${at}`, address: `127.0.0.1:${await scripted.start()}`, credential: 'plain' });
    cleanups.push(() => scripted.stop());
  }
  const trapPort = await freePortBlock(1);
  const whole = agentOnlySchema.parse({
    agent: {
      health_port: await freePortBlock(1),
      poll_interval_ms: INTERVAL_MS,
      timeout_ms: 500,
      first_poll_within_ms: 0,
      collector_url: listening.url,
      token: double.token,
      traps: { port: trapPort, ...traps },
    },
    credentials: { ...SETS, alone: { version: '2c', community: 'alone' } },
    devices: [
      ...devices,
      { name: 'known', address: KNOWN, credential: 'signed', interval_ms: 3_600_000 },
      { name: 'honest', address: HONEST, credential: 'other', interval_ms: 3_600_000 },
      { name: 'slow', address: devices[0]?.address, credential: 'alone', interval_ms: 3_600_000 },
    ],
  });
  const { reporter } = silentReporter();
  const agent = createAgent(
    reporter,
    { ...agentConfig(whole, {}), dataFolder: folder },
    {
      clock: new SystemClock(),
      environment: {},
      freeBytes: () => 1e12,
      trapWorkerFile: pathToFileURL(worker.file),
    },
  );
  cleanups.push(() => agent.stop());
  await agent.start();
  return {
    trapPort,
    polls: () => double.appliedBatches.flatMap((batch) => batch.polls),
    events: () => double.appliedBatches.flatMap((batch) => batch.events),
    text: () => reporter.metricsText(),
    metric: async (name, label = '') => {
      const lines = (await reporter.metricsText()).split('\n');
      const found = lines.filter((line) => line.startsWith(`weir_${name}`) && line.includes(label));
      return found.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    },
  };
}

/** Sends a v2c inform from an address until it is answered, at most once in 200 ms; how often it was sent. */
async function inform(source: string, port: number, bytes: Uint8Array): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, source, resolve));
  let answered = false;
  socket.on('message', () => (answered = true));
  let tries = 0;
  while (!answered && tries < 50) {
    tries += 1;
    socket.send(bytes, port, '127.0.0.1');
    for (let waits = 0; waits < 10 && !answered; waits += 1) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  socket.close();
  expect(answered).toBe(true);
  return tries;
}

function runFlood(port: number, total: number): Promise<{ sent: number; milliseconds: number }> {
  const child = flood.start([String(port), String(PER_SECOND), String(total), KNOWN, STRANGER]);
  cleanups.push(() => child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
  return new Promise((resolve, reject) => {
    child.once('close', (code) => {
      if (code === 0) resolve(JSON.parse(output) as { sent: number; milliseconds: number });
      else reject(new Error(`the flood ended with ${code}`));
    });
  });
}

describe('a flood', () => {
  test('polling goes on, the honest are heard, every datagram is counted, nothing grows', async () => {
    const agent = await startAgent({ users: [{ engine_id: SENDER_ENGINE, credential: 'signed' }] });
    const ours = (): Poll[] => agent.polls().filter((poll) => poll.device.startsWith('core'));
    await waitFor(
      () => ours().length >= DEVICES,
      15_000,
      () => 'a first poll of each',
    );
    const before = { polls: ours().length, heap: process.memoryUsage().rss };
    const flooding = runFlood(agent.trapPort, PER_SECOND * SECONDS);
    const tries: number[] = [];
    for (let at = 0; at < 10; at += 1) {
      tries.push(
        await inform(
          HONEST,
          agent.trapPort,
          messageV2c('other', { type: 'inform', requestId: at, trapOid: COLD_START }),
        ),
      );
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    const { sent, milliseconds } = await flooding;
    expect(sent).toBe(PER_SECOND * SECONDS);

    // Every datagram reached the receiver or is one that the system says it had no room for; and came to nothing for a reason.
    const informs = tries.reduce((sum, count) => sum + count, 0);
    const counted = async (): Promise<number> =>
      (await agent.metric('trap_datagrams_total')) + (await agent.metric('trap_dropped_total', 'system_buffer'));
    await waitFor(
      async () => (await counted()) === sent + informs,
      10_000,
      () => `${sent} + ${informs} datagrams counted`,
    );
    const received = await agent.metric('trap_datagrams_total');
    const dropped =
      (await agent.metric('trap_dropped_total')) - (await agent.metric('trap_dropped_total', 'system_buffer'));
    expect(dropped + (await agent.metric('trap_events_total'))).toBe(received);
    for (const reason of ['unknown_source', 'wrong_community', 'unknown_engine', 'source_rate', 'wrong_digest'])
      expect([reason, (await agent.metric('trap_dropped_total', reason)) > 0]).toEqual([reason, true]);
    // One HMAC for each that its source's bucket let through: that many seconds and a burst.
    expect(await agent.metric('trap_dropped_total', 'wrong_digest')).toBeLessThanOrEqual(
      50 * (Math.ceil(milliseconds / 1000) + 3),
    );

    await waitFor(
      () => agent.events().length >= 10,
      10_000,
      () => `${agent.events().length} events`,
    );
    expect(agent.events().map(({ device, name, origin }) => `${device} ${name} ${origin}`)).toEqual(
      Array.from({ length: 10 }, () => 'honest coldStart inform'),
    );

    // Each device kept its turn all the while: no poll failed, none was left out.
    const polled = ours().slice(before.polls);
    expect(polled.filter((poll) => poll.outcome !== 'complete')).toEqual([]);
    expect(await agent.text()).toContain('\nweir_agent_polls_skipped_total 0\n');
    expect(polled.length).toBeGreaterThanOrEqual(DEVICES * (Math.floor(milliseconds / INTERVAL_MS) - 1));
    expect(process.memoryUsage().rss - before.heap).toBeLessThan(150 * 1024 * 1024);
  }, 90_000);

  test('a linkDown names the interface and has its device polled long before its turn', async () => {
    const agent = await startAgent({});
    const slow = (): Poll[] => agent.polls().filter((poll) => poll.device === 'slow');
    await waitFor(
      () => slow().length === 1,
      15_000,
      () => 'the one poll of this hour',
    );
    const varbinds = [integer('1.3.6.1.2.1.2.2.1.1.1', 1), integer('1.3.6.1.2.1.2.2.1.8.1', 2)];
    const linkDown = messageV2c('alone', { type: 'inform', trapOid: LINK_DOWN, varbinds });
    await inform('127.0.0.1', agent.trapPort, linkDown);
    await waitFor(
      () => agent.events().length === 1 && slow().length === 2,
      15_000,
      () => `${slow().length} polls`,
    );
    const [event] = agent.events();
    expect(event).toMatchObject({ device: 'slow', name: 'linkDown', origin: 'inform', interfaceKey: 'eth0' });
    expect(slow()[1]?.startedAtMs).toBeGreaterThanOrEqual(event?.observedAtMs ?? 0);
  }, 60_000);
});
