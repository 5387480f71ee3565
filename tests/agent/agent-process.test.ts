// The agent as a process beside `weir simulate` and a collector that misbehaves: killed at random moments it loses no poll that it had accepted.
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Spool, SPOOL_DEFAULTS } from '../../agent/spool/spool.ts';
import type { Poll } from '../../common/model/poll.ts';
import { counterAt } from '../../common/model/poll.ts';
import { countersOf, textsOf } from '../../common/model/table-columns.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { encodeBatch } from '../../common/wire/batch-codec.ts';
import { CollectorDouble, type Fault } from '../support/collector-double.ts';
import { freePortBlock } from '../support/free-port.ts';
import { seededRandom } from '../support/snmp-access.ts';
import { silentReporter } from '../support/silent-reporter.ts';
import { startWeir, waitFor, type WeirProcess } from '../support/weir-process.ts';

const DEVICES = 6;
const KILLS = 8;
const seed = Number(process.env['WEIR_SEED'] ?? 20_261_125);
const random = seededRandom(seed);

let folder = '';
let data = '';
let simulator: WeirProcess | null = null;
let agent: WeirProcess | null = null;
let double: CollectorDouble;
let closeDouble: () => Promise<void> = () => Promise.resolve();
let healthPort = 0;
let truthPort = 0;
let configuration = '';

const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const get = (place: string): Promise<Response> =>
  fetch(`http://127.0.0.1:${healthPort}${place}`, { headers: { authorization: `Bearer ${double.token}` } });
const answers = async (place: string): Promise<boolean> => (await get(place).catch(() => null))?.ok === true;

async function startAgent(): Promise<void> {
  agent = startWeir(['agent', '--config', configuration, '--data', data], {
    environment: { WEIR_AGENT_TOKEN: double.token },
  });
  await agent.says('polls', 20_000);
}

/** Kills the agent and gives what its spool holds, read from a copy: incarnation, and content by sequence. */
async function kill(): Promise<{ incarnation: string; contents: Map<number, string> }> {
  await agent?.kill('SIGKILL');
  const copy = path.join(folder, 'copy');
  rmSync(copy, { recursive: true, force: true });
  cpSync(path.join(data, 'agent', 'north', 'spool'), copy, { recursive: true });
  const config = { ...SPOOL_DEFAULTS, agent: 'north', folder: copy, maxBytes: 1e9, maxAgeMs: 1e12 };
  const spool = new Spool(silentReporter().reporter, config, { clock: new SystemClock(), freeBytes: () => 1e12 });
  await spool.start();
  const contents = new Map<number, string>();
  for (let batch = await spool.next(0); batch !== null; batch = await spool.next(batch.sequence))
    contents.set(batch.sequence, sha(batch.bytes));
  const { incarnation } = spool;
  await spool.stop();
  return { incarnation, contents };
}

/** What may befall a request while agents are killed. */
function misfortune(): Fault {
  const chance = random();
  if (chance < 0.1) return { kind: 'drop' };
  if (chance < 0.2) return { kind: 'drop-answer' };
  if (chance < 0.3) return { kind: 'answer', status: 503 };
  return { kind: 'none' };
}

const appliedPolls = (): Poll[] => double.appliedBatches.flatMap((batch) => batch.polls);

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-agent-process-'));
  data = path.join(folder, 'data');
  const base = await freePortBlock(DEVICES + 2);
  truthPort = base + DEVICES;
  healthPort = base + DEVICES + 1;
  double = new CollectorDouble();
  const listening = await double.listen();
  closeDouble = () => listening.close();
  configuration = path.join(folder, 'weir.yaml');
  const devices = Array.from({ length: DEVICES }, (_, at) => ({
    name: `fleet-${at}`,
    address: `127.0.0.1:${base + at}`,
    credential: 'c',
  }));
  const whole = {
    agent: {
      name: 'north',
      collector_url: listening.url,
      health_port: healthPort,
      poll_interval_ms: 1000,
      first_poll_within_ms: 500,
    },
    credentials: { c: { version: '2c', community: 'public' } },
    devices,
    billing_bridge: { port: 1 },
  };
  writeFileSync(configuration, JSON.stringify(whole));
  const network = ['--network', 'fleet', '--devices', String(DEVICES), '--ports', '20'];
  simulator = startWeir([
    'simulate',
    ...network,
    '--port',
    String(base),
    '--truth-port',
    String(truthPort),
    '--seed',
    '5',
  ]);
  await simulator.says(`127.0.0.1:${base + DEVICES - 1}`, 20_000);
});

afterAll(async () => {
  await agent?.kill('SIGKILL');
  await simulator?.kill('SIGKILL');
  await closeDouble();
  rmSync(folder, { recursive: true, force: true });
});

describe('the agent process', () => {
  test(`killed ${KILLS} times at random moments (seed ${seed}): every batch that stood on the disk is applied as it was, and no sequence is missing`, async () => {
    const held = new Map<number, string>();
    const incarnations = new Set<string>();
    double.nextFault = misfortune;
    // On a slow machine an agent may die before it wrote anything: then more are killed.
    for (let turn = 0; turn < KILLS || (held.size < 8 && turn < 40); turn += 1) {
      double.appliesAtOnce = turn % 2 === 0;
      await startAgent();
      await new Promise((resolve) => setTimeout(resolve, 200 + random() * 3000));
      const { incarnation, contents } = await kill();
      incarnations.add(incarnation);
      for (const [sequence, content] of contents) {
        // What was once on the disk never changes.
        expect(held.get(sequence) ?? content).toBe(content);
        held.set(sequence, content);
      }
      double.apply();
    }
    double.appliesAtOnce = true;
    double.nextFault = () => ({ kind: 'none' });
    await startAgent();
    const last = Math.max(...held.keys());
    await waitFor(
      () => double.appliedBatches.some((batch) => batch.sequence >= last + 2),
      60_000,
      () => `batch ${last + 2}; have ${double.appliedBatches.at(-1)?.sequence} (${agent?.output() ?? ''})`,
    );
    expect(held.size).toBeGreaterThan(5);
    expect(incarnations.size).toBe(1);
    expect(double.appliedBatches.map((batch) => batch.sequence)).toEqual(double.appliedBatches.map((_, at) => at + 1));
    const applied = new Map(double.appliedBatches.map((batch) => [batch.sequence, sha(encodeBatch(batch))]));
    for (const [sequence, content] of held) expect([sequence, applied.get(sequence)]).toEqual([sequence, content]);
    for (const batch of double.appliedBatches) expect(batch.gaps).toEqual([]);
    expect(new Set(appliedPolls().map((poll) => poll.processId)).size).toBeGreaterThan(1);
  }, 300_000);

  test('every octet counter it sent is the one that the simulator knows of that tick', async () => {
    const readings = appliedPolls().flatMap((poll) => {
      const table = poll.tables.find((one) => one.name === 'interface');
      const counters = table === undefined ? undefined : countersOf(table, 'ifHCInOctets');
      if (table === undefined || counters === undefined) return [];
      const keys = textsOf(table, 'interfaceKey') ?? [];
      return keys.map((key, row) => {
        const segment = table.segments.findLast((one) => one.firstRow <= row);
        return { device: poll.device, key, value: counterAt(counters, row), ticks: segment?.uptimeTicks ?? -1 };
      });
    });
    expect(readings.length).toBeGreaterThan(200);
    for (let sample = 0; sample < 100; sample += 1) {
      const reading = readings[Math.floor(random() * readings.length)];
      const { items } = (await (await fetch(`http://127.0.0.1:${truthPort}/truth/devices`)).json()) as {
        items: { name: string }[];
      };
      const device = items[Number(reading?.device.slice('fleet-'.length))]?.name ?? '';
      const query = new URLSearchParams({
        device,
        boot: '0',
        interface: reading?.key ?? '',
        direction: 'in',
        uptimeTicks: String(reading?.ticks),
      });
      const truth = (await (await fetch(`http://127.0.0.1:${truthPort}/truth/counter?${query.toString()}`)).json()) as {
        value: string;
      };
      expect(truth.value).toBe(String(reading?.value));
    }
  }, 60_000);

  test('its page tells what it does', async () => {
    expect(await (await get('/healthz')).json()).toEqual({ healthy: true });
    await waitFor(
      () => answers('/readyz'),
      20_000,
      () => 'readiness',
    );
    expect(await (await get('/metrics')).text()).toMatch(new RegExp(`^weir_agent_devices ${DEVICES}$`, 'm'));
    const devices = async (): Promise<Record<string, unknown>[]> =>
      ((await (await get('/devices')).json()) as { items: Record<string, unknown>[] }).items;
    // Ready is who polls, not who has polled everything: that takes a moment on a busy machine.
    await waitFor(
      async () => (await devices()).every(({ lastOutcome }) => lastOutcome !== null),
      20_000,
      () => 'every device polled once',
    );
    const items = await devices();
    expect(items).toHaveLength(DEVICES);
    for (const item of items)
      expect(item).toMatchObject({ lastOutcome: 'complete', interfaces: 20, breakerOpen: false });
  });

  test('without its collector it goes on, and sends all of it later', async () => {
    double.nextFault = () => ({ kind: 'drop' });
    await waitFor(
      async () => !(await answers('/readyz')),
      20_000,
      () => 'readyz to tell',
    );
    expect(await answers('/healthz')).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const before = appliedPolls().at(-1)?.startedAtMs ?? 0;
    double.nextFault = () => ({ kind: 'none' });
    await waitFor(
      () => answers('/readyz'),
      40_000,
      () => 'readiness again',
    );
    const until = Date.now();
    await waitFor(
      () => (appliedPolls().at(-1)?.startedAtMs ?? 0) > until,
      20_000,
      () => 'polls of now',
    );
    // Polled all the time between, not only before and after.
    const between = appliedPolls().filter(
      (poll) => poll.device === 'fleet-0' && poll.startedAtMs > before && poll.startedAtMs < until,
    );
    expect(between.length).toBeGreaterThanOrEqual(Math.floor((until - before) / 2000));
  }, 90_000);

  test('stops on SIGTERM with what it has on the disk, and with code 0', async () => {
    expect(await agent?.kill('SIGTERM')).toBe(0);
    expect(await answers('/healthz')).toBe(false);
  });
});
