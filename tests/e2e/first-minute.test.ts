// What a newcomer sees: `weir demo` in an empty folder; within a minute everything is alive, Ctrl-C leaves nothing behind, a second start goes on.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { demoNetwork } from '../../simulator/demo-network.ts';
import { beginningOf } from '../../simulator/beginning.ts';
import { createNetwork } from '../../simulator/truth.ts';
import { freePortBlock } from '../support/free-port.ts';
import { trueValue } from '../support/truth-oracle.ts';
import { startWeir, waitFor, type WeirProcess } from '../support/weir-process.ts';
import type { MeterReading } from '../../common/wire/reading-page.ts';

const TOKEN = 'weir_an-administrator-of-the-first-minute';
/** Of `weir demo`. */
const DEMO_SEED = 20_261;
const MINUTE_MS = 60_000;

interface Overview {
  readonly demo: boolean;
  readonly devices: { readonly total: number; readonly reachable: number };
  readonly interfaces: { readonly total: number; readonly up: number };
}

interface Billing {
  readonly usageRecords: string;
  readonly charges: string;
  readonly watermark: string | null;
  readonly customers: readonly { readonly id: string; readonly running: string }[];
  readonly unassigned: readonly { readonly device: string; readonly interface: string }[];
  readonly latest: {
    readonly charge: { readonly id: string };
    readonly usage: readonly {
      readonly meter: number;
      readonly device: string;
      readonly interfaceKey: string;
      readonly direction: 'in' | 'out';
    }[];
    readonly readings: readonly MeterReading[];
  } | null;
}

let token = TOKEN;
let folder = '';
let base = 0;
let running: WeirProcess | null = null;
let second: WeirProcess | null = null;

async function ask<T>(place: string): Promise<T> {
  const answer = await fetch(`http://127.0.0.1:${base}${place}`, { headers: { authorization: `Bearer ${token}` } });
  if (!answer.ok) throw new Error(`${place}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

/** Everything that the issue of a first minute promises; what is not there yet is named. */
async function missing(): Promise<string[]> {
  const [overview, billing, alarms] = await Promise.all([
    ask<Overview>('/api/v1/overview'),
    ask<Billing>('/billing/v1/overview'),
    ask<{ items: { isCleared: boolean }[] }>('/api/v1/alarms?state=all&limit=500'),
  ]);
  const to = new Date();
  const from = new Date(to.getTime() - 5 * MINUTE_MS);
  const series = await ask<{ points: { value: number | null }[] }>(
    `/api/v1/series?metric=in_bps&resource=${encodeURIComponent('access1/Gi1/0/1')}&from=${from.toISOString()}&to=${to.toISOString()}&function=rate`,
  );
  const wanted: Readonly<Record<string, boolean>> = {
    'every device': overview.devices.reachable >= 12 && overview.devices.total === 13,
    '150 interfaces': overview.interfaces.total >= 150,
    'the demo notice': overview.demo,
    'a series': series.points.some((point) => typeof point.value === 'number'),
    'a raised alarm': alarms.items.some((alarm) => !alarm.isCleared),
    'a cleared alarm': alarms.items.some((alarm) => alarm.isCleared),
    'usage records': BigInt(billing.usageRecords) > 0n,
    charges: BigInt(billing.charges) > 0n,
    'a chain from a charge to readings': (billing.latest?.readings.length ?? 0) > 0,
    'the watermark': billing.watermark === 'DEMO',
  };
  return Object.entries(wanted)
    .filter(([, there]) => !there)
    .map(([name]) => name);
}

function start(environment: Readonly<Record<string, string>>): WeirProcess {
  running = startWeir(
    ['demo', '--data', path.join(folder, 'data'), '--port', String(base), '--simulator-port', String(base + 10)],
    { environment },
  );
  return running;
}

/** Processes that name the data folder. */
function leftOver(): string {
  const found = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' }).split('\n');
  return found.filter((line) => line.includes(folder)).join('\n');
}

describe('the first minute', () => {
  afterAll(async () => {
    await second?.interrupt();
    await running?.interrupt();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  test('everything is alive within a minute of the prompt', async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'weir-demo-'));
    chmodSync(folder, 0o711);
    base = await freePortBlock(130);
    const begunMs = Date.now();
    const weir = start({ WEIR_ADMIN_TOKEN: TOKEN });
    await weir.says('Ctrl-C stops everything', MINUTE_MS);
    for (const stage of ['database', 'simulator', 'collector', 'agent', 'billing-bridge'])
      expect(weir.output()).toContain(stage);
    expect(weir.output()).toContain(`http://127.0.0.1:${base}/ with the token of WEIR_ADMIN_TOKEN`);
    // A token that was given is known to whoever gave it, and a service's output is kept.
    expect(weir.output()).not.toContain(TOKEN);
    let gone: string[] = ['an answer'];
    await waitFor(
      async () => {
        gone = await missing().catch((error: unknown) => [String(error)]);
        return gone.length === 0;
      },
      MINUTE_MS - (Date.now() - begunMs),
      () => `${gone.join(', ')}; ${weir.output()}`,
    );
  }, 130_000);

  test('the readings behind the latest charge are what the simulator showed', async () => {
    const { latest } = await ask<Billing>('/billing/v1/overview');
    const beginning = beginningOf(path.join(folder, 'data'), 'demo', DEMO_SEED, 0);
    const network = createNetwork(demoNetwork(), beginning.seed, beginning.startedAtMs);
    expect(latest?.usage.length).toBeGreaterThan(0);
    for (const meter of latest?.usage ?? []) {
      const behind = await ask<{ items: MeterReading[] }>(
        `/api/v1/readings?meter=${meter.meter}&from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z&limit=1000`,
      );
      expect(behind.items.length).toBeGreaterThan(2);
      for (const reading of behind.items) expect(BigInt(reading.value)).toBe(trueValue(network, meter, reading));
      const shown = latest?.readings.filter((reading) => reading.meter === meter.meter) ?? [];
      expect(shown.length).toBeGreaterThan(0);
      for (const reading of shown)
        expect(behind.items.some((one) => one.value === reading.value && one.sequence === reading.sequence)).toBe(true);
    }
  });

  test('the two ports that nobody pays for are named', async () => {
    await waitFor(
      async () => (await ask<Billing>('/billing/v1/overview')).unassigned.length >= 2,
      MINUTE_MS,
      () => 'the unassigned ports',
    );
    const { unassigned } = await ask<Billing>('/billing/v1/overview');
    const names = new Set(unassigned.map((one) => `${one.device}/${one.interface}`));
    expect([...names].toSorted()).toEqual(['access5/ge-0/0/7', 'access6/ether9']);
  }, 90_000);

  test('a second Weir on the same folder is refused with a coded error', async () => {
    second = startWeir(['demo', '--data', path.join(folder, 'data'), '--port', String(base + 120)], {});
    const ended = new Promise((resolve) => second?.process.once('close', resolve));
    await ended;
    expect(second.process.exitCode).toBe(1);
    expect(second.output()).toContain('data_folder_in_use');
  });

  test('Ctrl-C stops everything, and the second start goes on from the data', async () => {
    const before = BigInt((await ask<Billing>('/billing/v1/overview')).usageRecords);
    expect(await running?.interrupt()).toBe(0);
    expect(running?.output()).toContain('the next start continues from the data');
    expect(leftOver()).toBe('');
    // Without a token of its own: one was made for the folder, and its link signs in.
    const weir = start({});
    await weir.says('Ctrl-C stops everything', MINUTE_MS);
    token = new RegExp(`http://127\\.0\\.0\\.1:${base}/#token=(\\S+)`).exec(weir.output())?.[1] ?? 'none';
    expect(token).not.toBe(TOKEN);
    await waitFor(
      async () => {
        const { usageRecords } = await ask<Billing>('/billing/v1/overview').catch(() => ({ usageRecords: '0' }));
        return BigInt(usageRecords) > before;
      },
      MINUTE_MS,
      () => `more usage than ${before}`,
    );
    expect(await weir.interrupt()).toBe(0);
    expect(leftOver()).toBe('');
  }, 180_000);
});
