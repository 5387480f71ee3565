// SNMPv3 engines that restart, are swapped, are cloned or lie: each is polled on, and what happened is told. Over real UDP.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SnmpAccess } from '../../../agent/snmp/access.ts';
import { oidOf } from '../../../agent/snmp/oid.ts';
import type { DeviceSession, SnmpResponse } from '../../../agent/snmp/session.ts';
import type { UserCredential } from '../../../agent/snmp/usm.ts';
import { ScriptedEngine } from '../../support/scripted-engine.ts';
import { testAccess, type TestAccess, type TestAccessConfig } from '../../support/snmp-access.ts';
import { instantUser } from '../../support/usm-user.ts';

const NAME = [oidOf('1.3.6.1.2.1.1.5.0')];
const CREDENTIAL = {
  version: '3',
  user: 'watcher',
  level: 'authPriv',
  auth_protocol: 'SHA256',
  auth_passphrase: 'authentication passphrase',
  priv_protocol: 'AES192R',
  priv_passphrase: 'privacy passphrase',
  context: '',
} as const satisfies UserCredential;
const user = instantUser(CREDENTIAL);
const ID = (last: string): Buffer => Buffer.from(`80001f88041122334455${last}`, 'hex');

let engines: ScriptedEngine[];
let opened: SnmpAccess[];
let folder: string;

beforeEach(() => {
  engines = [];
  opened = [];
  folder = mkdtempSync(path.join(tmpdir(), 'weir-engines-'));
});
afterEach(async () => {
  for (const access of opened) await access.stop();
  for (const engine of engines) await engine.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function engineOf(name: string, id: Buffer, habits: Partial<ScriptedEngine['habits']> = {}) {
  const engine = new ScriptedEngine(user, name, { engineId: id, boots: 7, time: 100_000, ...habits });
  engines.push(engine);
  return { engine, port: await engine.start() };
}

async function accessOf(config: TestAccessConfig = {}): Promise<TestAccess> {
  const made = testAccess({ timeoutMs: 400, retries: 1, ...config });
  opened.push(made.access);
  await made.access.start();
  return made;
}

function sessionOf({ access }: TestAccess, port: number, device = 'core1'): DeviceSession {
  return access.openSession({ host: '127.0.0.1', port }, CREDENTIAL, { device });
}

const nameIn = ({ varbinds }: SnmpResponse): string =>
  Buffer.from(varbinds.bytes.slice(varbinds.valueStart(0), varbinds.valueEnd(0))).toString();
const ask = async (session: DeviceSession): Promise<string> => nameIn(await session.get(NAME));
const told = ({ events }: TestAccess): string[] => events.map((event) => `${event.device} ${event.name}`);
const details = ({ events }: TestAccess, at: number): Record<string, string> =>
  Object.fromEntries(events[at]?.details.map((detail) => [detail.name, detail.value]) ?? []);

describe('a restart of the engine', () => {
  test('counted: polled on with one request more, and told', async () => {
    const { engine, port } = await engineOf('router', ID('01'));
    const made = await accessOf();
    const session = sessionOf(made, port);
    expect(await ask(session)).toBe('router');
    Object.assign(engine.habits, { boots: 8, time: 5 });
    expect(await ask(session)).toBe('router');
    expect(engine.seen).toEqual(['discovery', 'answered', 'notInTimeWindow', 'answered']);
    expect(told(made)).toEqual(['core1 engine_restarted']);
    expect(made.events[0]).toMatchObject({ origin: 'agent', source: null, uptimeTicks: null });
    expect(details(made, 0)).toMatchObject({ boots_before: '7', boots: '8', boots_counted: 'yes', time_seconds: '5' });
  });

  test.for([
    ['boots reset to 1', { boots: 1, time: 3 }],
    ['boots as before, time reset', { boots: 7, time: 3 }],
    ['reports that are not authenticated', { boots: 1, time: 3, plainReports: true }],
  ] as const)('%s: polled on, and told as not counted', async ([, after]) => {
    const { engine, port } = await engineOf('router', ID('01'));
    const made = await accessOf();
    const session = sessionOf(made, port);
    await ask(session);
    Object.assign(engine.habits, after);
    expect(await ask(session)).toBe('router');
    expect(await ask(session)).toBe('router');
    expect(told(made)).toEqual(['core1 engine_restarted']);
    expect(details(made, 0)).toMatchObject({ boots_counted: 'no' });
    expect(made.access.engines()).toMatchObject([{ device: 'core1', boots: after.boots }]);
  });

  test('again and again: the clock follows each time, the event is told once and counted', async () => {
    const { engine, port } = await engineOf('router', ID('01'));
    const made = await accessOf();
    const session = sessionOf(made, port);
    for (let boots = 7; boots > 0; boots -= 1) {
      engine.habits.boots = boots;
      expect(await ask(session)).toBe('router');
    }
    expect(told(made)).toEqual(['core1 engine_restarted']);
    expect(await made.metrics()).toContain('weir_snmp_device_notices_held_total{name="engine_restarted"} 5');
    expect(await made.metrics()).toContain('weir_snmp_engine_changes_total{change="restarted"} 6');
  });
});

describe('a discovery', () => {
  test('that is answered with a report of an unknown user tells the engine all the same', async () => {
    const { engine, port } = await engineOf('router', ID('01'), { usersFirst: true });
    const made = await accessOf();
    expect(await ask(sessionOf(made, port))).toBe('router');
    expect(engine.seen).toEqual(['discovery', 'answered']);
  });

  test('serves several requests at a time, each of which asked', async () => {
    const { port } = await engineOf('router', ID('01'));
    const made = await accessOf();
    const session = sessionOf(made, port);
    expect(await Promise.all([ask(session), ask(session), ask(session)])).toEqual(['router', 'router', 'router']);
    expect(made.events).toEqual([]);
  });
});

describe('a swapped unit', () => {
  test.for([
    ['with lower boots', { boots: 1, time: 60 }],
    ['with higher boots', { boots: 90, time: 60 }],
    ['that says nothing to requests for another engine', { boots: 1, time: 60, silentToOtherEngines: true }],
  ] as const)('%s is met again, and told with both ids', async ([, after]) => {
    const { engine, port } = await engineOf('old unit', ID('01'));
    const made = await accessOf();
    const session = sessionOf(made, port);
    expect(await ask(session)).toBe('old unit');
    Object.assign(engine.habits, { engineId: ID('02'), ...after });
    // The silent one costs a timeout first.
    const silent = 'silentToOtherEngines' in after;
    if (silent) await expect(ask(session)).rejects.toMatchObject({ code: 'snmp_timeout' });
    expect(await ask(session)).toBe('old unit');
    expect(told(made)).toEqual(['core1 engine_replaced']);
    expect(details(made, 0)).toMatchObject({
      engine_id_before: ID('01').toString('hex'),
      engine_id: ID('02').toString('hex'),
    });
    expect(made.access.engines()).toMatchObject([
      { device: 'core1', engineId: ID('02').toString('hex'), boots: after.boots },
    ]);
  });

  test('another unit at every packet is given up, not chased: bounded, with a code that says so', async () => {
    const { engine, port } = await engineOf('router', ID('01'));
    const made = await accessOf();
    const session = sessionOf(made, port);
    await ask(session);
    const codes = new Set<unknown>();
    for (let turn = 0; turn < 12; turn += 1) {
      engine.habits.engineId = ID((16 + turn).toString(16));
      const asking = ask(session).catch((error: unknown) =>
        error instanceof Error && 'code' in error ? error.code : error,
      );
      codes.add(await asking);
    }
    expect(codes).toEqual(new Set(['router', 'snmp_engine_unsteady']));
    expect(told(made)).toEqual(['core1 engine_replaced']);
  });
});

describe('cloned engine ids', () => {
  test('two devices with one id and different clocks are both polled right, and both are named', async () => {
    const one = await engineOf('one', ID('01'), { boots: 3, time: 1000 });
    const two = await engineOf('two', ID('01'), { boots: 40, time: 900_000 });
    const made = await accessOf();
    const [first, second] = [sessionOf(made, one.port, 'core1'), sessionOf(made, two.port, 'core2')];
    for (let turn = 0; turn < 5; turn += 1) {
      expect(await ask(first)).toBe('one');
      expect(await ask(second)).toBe('two');
    }
    expect([one.engine.seen, two.engine.seen].map((seen) => seen.filter((what) => what !== 'answered'))).toEqual([
      ['discovery'],
      ['discovery'],
    ]);
    expect(told(made)).toEqual(['core2 engine_shared']);
    expect(details(made, 0)).toMatchObject({ engine_id: ID('01').toString('hex'), shared_with: 'core1', devices: '2' });
    expect(made.lines.join('\n')).toMatch(/core2.*core1.*engine shared/);
    expect(made.access.engines().map(({ device, boots, sharedWith }) => [device, boots, sharedWith])).toEqual([
      ['core1', 3, ['core2']],
      ['core2', 40, ['core1']],
    ]);
    expect(await made.metrics()).toContain('weir_snmp_shared_engines 1');
    made.access.close('core1');
    expect(made.access.engines()).toMatchObject([{ device: 'core2', sharedWith: [] }]);
  });
});

describe('what outlives the process', () => {
  test('a restarted agent asks nobody for its engine and derives no key', async () => {
    const { engine, port } = await engineOf('router', ID('01'));
    const before = await accessOf({ stateFolder: folder });
    expect(await ask(sessionOf(before, port))).toBe('router');
    await before.access.stop();
    engine.seen.length = 0;

    const after = await accessOf({ stateFolder: folder, seed: 8 });
    expect(await ask(sessionOf(after, port))).toBe('router');
    expect(engine.seen).toEqual(['answered']);
    expect(after.events).toEqual([]);
  });

  test('what is kept holds no passphrase and no key in the clear, and is for this user alone', async () => {
    const { port } = await engineOf('router', ID('01'));
    const made = await accessOf({ stateFolder: folder });
    await ask(sessionOf(made, port));
    await made.access.stop();
    expect(readdirSync(folder).toSorted()).toEqual(['snmp-engines', 'snmp-engines.key']);
    const keys = user.keysAt(ID('01'));
    if (keys instanceof Promise) throw new Error('not at once');
    for (const name of readdirSync(folder)) {
      const place = path.join(folder, name);
      expect(statSync(place).mode & 0o777).toBe(0o600);
      const bytes = readFileSync(place);
      for (const secret of ['passphrase', 'core1', keys.auth ?? '?', keys.privacy ?? '?'].map((one) =>
        Buffer.from(one),
      ))
        expect(bytes.includes(secret)).toBe(false);
    }
  });

  test('where no device speaks version 3 nothing is kept, no key made', async () => {
    const made = await accessOf({ stateFolder: folder });
    made.access.openSession(
      { host: '127.0.0.1', port: 9 },
      { version: '2c', community: 'public' },
      { device: 'core1' },
    );
    await made.access.stop();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('the device restarted or was swapped while no agent ran: found out with one request more, and told', async () => {
    const { engine, port } = await engineOf('router', ID('01'));
    for (const [seed, habits] of [{}, { boots: 8, time: 1 }, { engineId: ID('02'), boots: 1 }].entries()) {
      Object.assign(engine.habits, habits);
      const made = await accessOf({ stateFolder: folder, seed });
      expect(await ask(sessionOf(made, port))).toBe('router');
      await made.access.stop();
      expect(told(made)).toEqual([[], ['core1 engine_restarted'], ['core1 engine_replaced']][seed]);
    }
  });

  test('a dead device known from before is a timeout, not a wrong passphrase', async () => {
    const { engine, port } = await engineOf('router', ID('01'));
    const before = await accessOf({ stateFolder: folder });
    await ask(sessionOf(before, port));
    await before.access.stop();
    engine.habits.dead = true;
    const after = await accessOf({ stateFolder: folder, seed: 8 });
    const session = sessionOf(after, port);
    await expect(ask(session)).rejects.toMatchObject({ code: 'snmp_timeout' });
    engine.habits.dead = false;
    expect(await ask(session)).toBe('router');
  });

  test('another passphrase is not served with the keys of the old one', async () => {
    const { port } = await engineOf('router', ID('01'));
    const before = await accessOf({ stateFolder: folder });
    await ask(sessionOf(before, port));
    await before.access.stop();
    const after = await accessOf({ stateFolder: folder, seed: 8 });
    const wrong = { ...CREDENTIAL, auth_passphrase: 'another passphrase' };
    const session = after.access.openSession({ host: '127.0.0.1', port }, wrong, { device: 'core1' });
    await expect(ask(session)).rejects.toMatchObject({ code: 'snmp_authentication_failed' });
  });

  test('a secret that is renewed where it is referred to is taken without a restart', async () => {
    const { port } = await engineOf('router', ID('01'));
    const environment = { SECRET: 'not yet the passphrase' };
    const made = await accessOf({ environment });
    const referred = { ...CREDENTIAL, auth_passphrase: '${SECRET}' };
    const session = made.access.openSession({ host: '127.0.0.1', port }, referred, { device: 'core1' });
    await expect(ask(session)).rejects.toMatchObject({ code: 'snmp_authentication_failed' });
    environment.SECRET = CREDENTIAL.auth_passphrase;
    expect(await ask(session)).toBe('router');
  });

  test('a damaged file or a lost key is told, and everything is learnt again', async () => {
    const { engine, port } = await engineOf('router', ID('01'));
    const before = await accessOf({ stateFolder: folder });
    await ask(sessionOf(before, port));
    await before.access.stop();
    rmSync(path.join(folder, 'snmp-engines.key'));
    engine.seen.length = 0;
    const after = await accessOf({ stateFolder: folder, seed: 8 });
    expect(await ask(sessionOf(after, port))).toBe('router');
    expect(engine.seen).toEqual(['discovery', 'answered']);
    expect(after.lines.join('\n')).toContain('a sealed file cannot be opened with its key');
  });
});
