// `weir reconcile`: nothing to tell while everything adds up, and every difference where it does not.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mediateCommand } from '../../cli/commands/mediate.ts';
import { askDevices, freshPolls } from '../../cli/billing/fresh-polls.ts';
import { outsideAgrees, printOutside } from '../../cli/billing/outside.ts';
import type { CommandContext } from '../../cli/command.ts';
import { reconcileCommand } from '../../cli/commands/reconcile.ts';
import { wholeSchema } from '../../cli/configuration.ts';
import { deviceMib } from '../support/interface-mib.ts';
import { ScriptedDevice } from '../support/scripted-device.ts';
import { BillingCommands, HOUR, MARCH } from '../support/billing-commands.ts';

let billing: BillingCommands;
beforeAll(async () => {
  billing = await BillingCommands.start();
});
afterAll(() => billing.stop());

interface Document {
  readonly from: string;
  readonly usage: { readonly meters: number; readonly records: number };
  readonly charges: { readonly charges: number };
  readonly differences: readonly { readonly of: string; readonly kind: string }[];
}

test('where there is nothing, there is no difference', async () => {
  expect(await billing.run(reconcileCommand)).toMatchObject({ code: 0 });
});

test('the whole time there is, from the first bucket on', async () => {
  billing.poll(MARCH, MARCH + 2 * HOUR);
  await billing.run(mediateCommand);
  await billing.rate();
  const { code, lines } = await billing.run(reconcileCommand);
  expect(code).toBe(0);
  expect(lines[0]).toMatch(/^from 2024-03-01T00:00:00\.000Z to /);
  expect(lines[2]).toMatch(/^ {2}usage against counters +4 meters, 484 readings, 96 records +0$/);
  expect(lines[3]).toMatch(/^ {2}charges against usage +4 charges, 96 records +0$/);
  expect(lines).toHaveLength(6);
  expect(await billing.json<Document>(reconcileCommand)).toMatchObject({ charges: { charges: 4 }, differences: [] });
});

test('a span, half-open', async () => {
  const options = { from: '2024-03-01T01:00:00Z', to: '2024-03-02' };
  const document = await billing.json<Document>(reconcileCommand, options);
  expect(document).toMatchObject({ from: '2024-03-01T01:00:00.000Z', usage: { records: 48 }, charges: { charges: 2 } });
});

test('devices asked afresh: each counter against the last reading that is stored of it; those that give no answer are named', async () => {
  const at = MARCH + 2 * HOUR;
  const last = await billing.withLedger(async ({ ledger }) => {
    const seen = (await ledger.usage.lastSeen([1])).get(1) ?? 0;
    const asked = { meter: 1, fromMs: seen, toMs: seen + 1, withNeighbours: false, cursor: null, limit: 1 };
    return (await ledger.readings.ofMeter(asked)).items[0];
  });
  if (last === undefined) throw new Error('no reading');
  const speed = BigInt(last.speedBps ?? '1000000000');
  const polled = (moved: bigint) =>
    billing.withLedger(async ({ ledger }) => {
      const [meter] = (await ledger.usage.allMeters()).filter(({ id }) => id === 1);
      if (meter === undefined) throw new Error('no meter');
      const { device, interfaceKey, direction } = meter;
      const { uptimeTicks, discontinuityTicks } = last;
      const clocks = { atMs: at + HOUR, uptimeTicks: (uptimeTicks ?? 0) + 360_000, discontinuityTicks };
      const value = BigInt(last.value) + moved;
      const fresh = { device, interfaceKey, direction, value, width: 64, speedBps: speed, ...clocks } as const;
      return freshPolls(
        ledger,
        () => Promise.resolve([fresh]),
        () => undefined,
      );
    });
  const full = (speed * 3_600n) / 8n;
  expect((await polled(full)).compared).toMatchObject([{ verdict: 'agrees', moved: full }]);
  const wrong = await polled(full * 2n);
  expect(wrong.compared).toMatchObject([{ device: 'sw1', verdict: 'differs', moved: full * 2n }]);
  expect(outsideAgrees(null, wrong)).toBe(false);
  const lines: string[] = [];
  const context = { print: (line: string) => void lines.push(line) } as CommandContext;
  printOutside(context, null, wrong);
  expect(lines[0]).toBe('  polled afresh: 0 counters agree, 1 differ, 0 cannot be compared; 0 devices gave no answer');
  expect(lines[1]).toMatch(
    /^ {2}sw1 ge-\d (in|out): differs: moved \d+ since \S+, \d+ s; its line carries \d+ at most$/,
  );
  const silent = await billing.withLedger(({ ledger }) =>
    freshPolls(
      ledger,
      () => Promise.reject(new Error('no answer')),
      () => undefined,
    ),
  );
  expect(silent).toEqual({ compared: [], failed: [{ device: 'sw1', problem: 'no answer' }] });
  expect(outsideAgrees(null, silent)).toBe(true);
});

test('a device is asked with the credentials of the configuration, past agent and collector', async () => {
  const port = { index: 1, descr: 'ge-0', in: 2n ** 63n, out: 7n } as const;
  const device = new ScriptedDevice(deviceMib({ ports: [port, { ...port, index: 2, descr: 'ge-1', width: 32 }] }));
  const whole = wholeSchema.parse({
    credentials: { c: { version: '2c', community: 'public' } },
    devices: [{ name: 'sw1', address: `127.0.0.1:${await device.start()}`, credential: 'c' }],
    agent: { timeout_ms: 500 },
  });
  try {
    const ask = askDevices(whole, { environment: {}, signal: new AbortController().signal });
    expect(await ask('sw1')).toMatchObject([
      { device: 'sw1', interfaceKey: 'ge-0', direction: 'in', value: 2n ** 63n, width: 64 },
      { interfaceKey: 'ge-0', direction: 'out', value: 7n, width: 64 },
      { interfaceKey: 'ge-1', direction: 'in', value: 0n, width: 32 },
      { interfaceKey: 'ge-1', direction: 'out', value: 7n, width: 32 },
    ]);
    await expect(ask('sw2')).rejects.toThrow('not in the configuration');
  } finally {
    await device.stop();
  }
});

test('the outside that the collector knows: links that it does not tell are named, uplinks are compared', async () => {
  const { lines, code } = await billing.run(reconcileCommand, { outside: true });
  expect(code).toBe(0);
  expect(lines.join('\n')).toMatch(/ends compared: 0, differ: 0\n {2}links were not compared: /);
  expect(await billing.json<object>(reconcileCommand, { outside: true })).toMatchObject({ compared: [] });
});

test('readings that say something else, and a charge that is not there: every difference, exit code 1', async () => {
  const tampered = billing.readings.events.findIndex((event) => 'page' in event && event.page.sequence === 30);
  billing.readings.events.splice(tampered, 1);
  billing.readings.events.splice(29, 30);
  await billing.database.database.query(`
    alter table billing.charge disable trigger all;
    update billing.charge set amount = '99' where id = (select min(id) from billing.charge);
    alter table billing.charge enable trigger all;`);
  const { code, lines } = await billing.run(reconcileCommand);
  expect(code).toBe(1);
  const document = await billing.json<Document>(reconcileCommand);
  expect(new Set(document.differences.map(({ of, kind }) => `${of} ${kind}`))).toContain('charges amount');
  expect(document.differences.some(({ of }) => of === 'usage')).toBe(true);
  expect(lines.length).toBe(6 + document.differences.length);
});

test('misused', async () => {
  for (const options of [{ from: 'yesterday' }, { from: '2024-03-02', to: '2024-03-01' }])
    await expect(billing.run(reconcileCommand, options)).rejects.toMatchObject({ code: 'misused' });
  await expect(billing.run(reconcileCommand, {}, ['all'])).rejects.toMatchObject({ code: 'misused' });
});
