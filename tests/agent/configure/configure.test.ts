// What an agent is to poll: what changes between two configurations, which secrets make new sessions, and what comes from the collector.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { agentConfig, type AgentDevice, agentDevices, agentOnlySchema } from '../../../agent/config.ts';
import { ConfigurationClient } from '../../../agent/configure/configuration-client.ts';
import { CredentialBook, type CredentialSets } from '../../../agent/configure/credential-book.ts';
import { deviceChanges } from '../../../agent/configure/device-changes.ts';
import { type PulledConfiguration, readPulled } from '../../../agent/configure/pulled-configuration.ts';
import type { DeviceEvent } from '../../../common/model/event.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import { FileDouble, QuestionDouble } from '../../support/question-double.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const SETS: CredentialSets = {
  public: { version: '2c', community: 'public' },
  other: { version: '2c', community: 'other' },
};

function devices(words: readonly Record<string, unknown>[], sets = SETS): AgentDevice[] {
  const parsed = agentOnlySchema.parse({
    credentials: sets,
    devices: words.map((one) => ({ address: '192.0.2.1', credential: 'public', ...one })),
  });
  return agentDevices(parsed.devices, sets, { name: 'agent', pollIntervalMs: 60_000, lines: [] });
}

describe('the difference between two configurations', () => {
  test('what is as before stays the same object', () => {
    const before = devices([{ name: 'a' }, { name: 'b' }, { name: 'c' }, { name: 'd' }]);
    const after = devices([
      { name: 'e' },
      { name: 'a' },
      { name: 'b', interval_ms: 5000 },
      { name: 'c', credential: 'other' },
    ]);
    const changes = deviceChanges(before, after);
    expect(changes).toMatchObject({ added: ['e'], changed: ['b', 'c'], removed: ['d'] });
    expect(changes.devices.map(({ name }) => name)).toEqual(['e', 'a', 'b', 'c']);
    expect(changes.devices[1]).toBe(before[0]);
    expect(changes.devices[2]).toMatchObject({ intervalMs: 5000 });
  });

  test.for([
    { address: '192.0.2.2' },
    { address: '192.0.2.1:1161' },
    { interval_ms: 1000 },
    { credential: 'other' },
    { reply_address: 'strict' },
    { allow_set: ['1.2.3'], write_credential: 'other' },
  ])('a device is another with %j', (more) => {
    const before = devices([{ name: 'a' }]);
    expect(deviceChanges(before, devices([{ name: 'a', ...more }])).changed).toEqual(['a']);
    expect(deviceChanges(before, devices([{ name: 'a' }])).changed).toEqual([]);
  });

  test('whatever differs: each name is added, changed, removed or untouched, and applying the same again changes nothing', () => {
    const fleet = fc.uniqueArray(
      fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd', 'e'), interval_ms: fc.constantFrom(1000, 2000) }),
      { selector: ({ name }) => name },
    );
    fc.assert(
      fc.property(fleet, fleet, (first, second) => {
        const before = devices(first);
        const { devices: now, added, changed, removed } = deviceChanges(before, devices(second));
        const untouched = now.filter((device) => before.includes(device)).map(({ name }) => name);
        expect([...added, ...changed, ...untouched].toSorted()).toEqual(second.map(({ name }) => name).toSorted());
        expect([...removed, ...changed, ...untouched].toSorted()).toEqual(first.map(({ name }) => name).toSorted());
        expect(deviceChanges(now, devices(second))).toEqual({ devices: now, added: [], changed: [], removed: [] });
      }),
    );
  });
});

describe('credential sets', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'weir-sets-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('are the same objects until they or the secrets behind them change', () => {
    const secret = path.join(folder, 'community');
    writeFileSync(secret, 'first\n');
    const environment: Record<string, string> = { AUTH: 'an auth passphrase' };
    const book = new CredentialBook({ environment, key: new Uint8Array(32) });
    const sets = (community = 'public'): CredentialSets => ({
      plain: { version: '2c', community },
      file: { version: '2c', community: `file:${secret}` },
      user: {
        version: '3',
        user: 'u',
        level: 'authNoPriv',
        auth_protocol: 'SHA',
        auth_passphrase: '${AUTH}',
        context: '',
      },
      lost: { version: '2c', community: '${NO_SUCH}' },
    });
    const settle = (wanted: CredentialSets): CredentialSets => {
      const draft = book.draft(wanted);
      draft.keep();
      return draft.sets;
    };
    const first = settle(sets());
    const changedAfter = (work: () => CredentialSets): string[] => {
      const before = settle(sets());
      const after = settle(work());
      return Object.keys(after).filter((name) => after[name] !== before[name]);
    };
    expect(changedAfter(() => sets())).toEqual([]);
    expect(settle(sets())).toEqual(first);
    expect(changedAfter(() => sets('another'))).toEqual(['plain']);
    // What was tried and not kept counts for nothing.
    settle(sets());
    expect(book.draft(sets('tried')).sets['plain']).not.toBe(first['plain']);
    expect(changedAfter(() => sets())).toEqual([]);
    expect(
      changedAfter(() => {
        writeFileSync(secret, 'second\n');
        return sets();
      }),
    ).toEqual(['file']);
    expect(
      changedAfter(() => {
        environment['AUTH'] = 'another passphrase';
        return sets();
      }),
    ).toEqual(['user']);
    expect(
      changedAfter(() => {
        environment['NO_SUCH'] = 'now there is one';
        return sets();
      }),
    ).toEqual(['lost']);
  });
});

describe('devices of the collector', () => {
  const clock = new VirtualClock(1_700_000_000_000);
  const document = (version: string, names: readonly string[], more: object = {}): unknown => ({
    version,
    devices: names.map((name) => ({ name, address: '192.0.2.1', credential: 'public', agent: 'agent', ...more })),
  });

  interface Rig {
    readonly client: ConfigurationClient;
    readonly questions: QuestionDouble;
    readonly applied: string[][];
    readonly events: DeviceEvent[];
    readonly lines: string[];
    readonly health: () => unknown;
    sets: CredentialSets;
    spoolFull: boolean;
  }

  function rig(file = new FileDouble()): Rig & { readonly file: FileDouble } {
    const { reporter, lines } = silentReporter();
    const made = { applied: [] as string[][], events: [] as DeviceEvent[], sets: SETS, spoolFull: false };
    const questions = new QuestionDouble(clock);
    const client = new ConfigurationClient(reporter, 'agent', {
      clock,
      random: () => 0.5,
      questions,
      file,
      newId: () => 'event',
      apply: (pulled: PulledConfiguration) => {
        const own = agentDevices(pulled.devices, made.sets, { name: 'agent', pollIntervalMs: 60_000, lines: [] });
        made.applied.push(own.map(({ name }) => name));
      },
      accept: async (event) => {
        if (made.spoolFull) throw new WeirError('journal_full', 'full');
        made.events.push(event);
      },
    });
    return Object.assign(made, {
      client,
      questions,
      lines,
      file,
      health: () => reporter.healthStates()['configuration'],
    });
  }

  const settle = (ms = 100): Promise<void> => clock.advance(ms);

  test('are asked for with the version that is held, taken up when it changes, and kept', async () => {
    const one = rig();
    one.questions.answer = ({ headers = {} }) =>
      headers['if-none-match'] === '"v1"' ? { status: 304, afterMs: 25_000 } : { body: document('v1', ['a', 'b']) };
    await one.client.start();
    await settle(60_000);
    expect(one.applied).toEqual([['a', 'b']]);
    expect(one.questions.asked.map(({ headers }) => headers['if-none-match'])).toEqual([
      undefined,
      '"v1"',
      '"v1"',
      '"v1"',
    ]);
    expect(one.questions.asked[0]?.place).toBe('/api/v1/agents/agent/configuration?wait=25');
    one.questions.answer = ({ headers = {} }) =>
      headers['if-none-match'] === '"v2"' ? { status: 304, afterMs: 25_000 } : { body: document('v2', ['b']) };
    await settle(30_000);
    expect(one.applied.at(-1)).toEqual(['b']);
    expect(readPulled(one.file.bytes ?? Buffer.alloc(0))).toMatchObject({ version: 'v2', devices: [{ name: 'b' }] });
    expect(one.health()).toMatchObject({ healthy: true });
    await one.client.stop();
  });

  test('without a collector the agent starts from what it kept', async () => {
    const file = new FileDouble();
    file.bytes = Buffer.from(JSON.stringify(document('v7', ['kept1'])));
    const one = rig(file);
    one.questions.answer = () => ({ error: new WeirError('collector_unreachable', 'away') });
    await one.client.start();
    await settle(600_000);
    expect(one.applied).toEqual([['kept1']]);
    expect(one.health()).toMatchObject({ healthy: true });
    expect(one.questions.asked.length).toBeLessThan(25);
    one.questions.answer = ({ headers = {} }) => (headers['if-none-match'] === '"v7"' ? { status: 304 } : {});
    await settle(61_000);
    expect(one.applied).toHaveLength(1);
    await one.client.stop();
  });

  test('for the first time, and no collector: it says that it has none', async () => {
    const one = rig();
    one.questions.answer = () => ({ error: new WeirError('collector_refused', 'no') });
    await one.client.start();
    await settle();
    expect(one.health()).toEqual({ healthy: false, message: 'no devices yet: collector_refused' });
    await one.client.stop();
  });

  test.for([
    ['no JSON', Buffer.from('<html>'), 'configuration_syntax'],
    ['another shape', { devices: [] }, 'configuration_invalid'],
    ['a key that this version does not know', document('v2', ['a'], { unknown_key: 1 }), 'configuration_invalid'],
    ['an address that is none', document('v2', ['a'], { address: 'a b' }), 'configuration_invalid'],
    [
      'a credential set that this agent does not have',
      document('v2', ['a'], { credential: 'missing' }),
      'credential_unknown',
    ],
  ] as const)('%s is refused and told once; the last good one stays', async ([, body, code]) => {
    const one = rig();
    one.questions.answer = () => ({ body: document('v1', ['good1']) });
    await one.client.start();
    await settle();
    one.questions.answer = () => ({ body });
    await settle(150_000);
    expect(one.applied).toEqual([['good1']]);
    expect(readPulled(one.file.bytes ?? Buffer.alloc(0)).version).toBe('v1');
    expect(one.events).toMatchObject([{ name: 'configuration_refused', origin: 'agent', device: null }]);
    expect(one.events[0]?.details).toContainEqual({ name: 'code', value: code });
    expect(one.events[0]?.details).toContainEqual({ name: 'kept', value: 'v1' });
    expect(one.lines.filter((line) => line.includes('devices of the collector refused'))).toHaveLength(1);
    expect(one.health()).toMatchObject({ healthy: false, message: expect.stringContaining(code) as string });
    // The old one again.
    one.questions.answer = () => ({ status: 304 });
    await settle(40_000);
    expect(one.health()).toMatchObject({ healthy: true });
    await one.client.stop();
  });

  test('what was refused for want of a credential set is taken up once the agent has it', async () => {
    const one = rig();
    one.questions.answer = () => ({ body: document('v1', ['a'], { credential: 'new' }) });
    await one.client.start();
    await settle();
    expect(one.applied).toEqual([]);
    one.sets = { ...SETS, new: { version: '2c', community: 'new' } };
    // As a reload does; without one it would be asked again half a minute later.
    one.client.applyAgain();
    await settle(2500);
    expect(one.applied).toEqual([['a']]);
    one.client.applyAgain();
    expect(one.applied).toEqual([['a'], ['a']]);
    one.sets = SETS;
    expect(() => one.client.applyAgain()).toThrow(expect.objectContaining({ code: 'credential_unknown' }));
    await one.client.stop();
  });

  test('a refusal that the spool cannot keep is told later', async () => {
    const one = rig();
    one.spoolFull = true;
    one.questions.answer = () => ({ body: {} });
    await one.client.start();
    await settle();
    one.spoolFull = false;
    await settle(100_000);
    expect(one.events).toHaveLength(1);
    await one.client.stop();
  });

  test('what was kept and does not fit any more is told, and asked for anew', async () => {
    for (const bytes of ['spoilt', JSON.stringify(document('v1', ['a'], { credential: 'gone' }))]) {
      const file = new FileDouble();
      file.bytes = Buffer.from(bytes);
      const one = rig(file);
      one.questions.answer = () => ({ body: document('v1', ['b']) });
      await one.client.start();
      await settle();
      expect(one.lines.join('')).toContain('kept devices not taken up');
      expect(one.questions.asked[0]?.headers).toEqual({});
      expect(one.applied).toEqual([['b']]);
      await one.client.stop();
    }
  });
});

describe('what is refused before anything runs', () => {
  const issues = (whole: object): string[] => {
    const parsed = agentOnlySchema.safeParse({ credentials: SETS, ...whole });
    return parsed.success
      ? []
      : parsed.error.issues.map(({ path: place, message }) => `${place.join('.')}: ${message}`);
  };
  const device = { name: 'a', address: '192.0.2.1', credential: 'public' };

  test('with one agent a device need not say whose it is; with several each must', () => {
    expect(issues({ devices: [device, { ...device, name: 'b' }] })).toEqual([]);
    expect(issues({ agent: { name: 'north' }, devices: [device, { ...device, name: 'b', agent: 'north' }] })).toEqual(
      [],
    );
    expect(issues({ agent: { name: 'north' }, devices: [device, { ...device, name: 'b', agent: 'south' }] })).toEqual([
      'devices.0: a must name its agent, since there are several (north, south): set `agent`',
    ]);
  });

  test('what may be set needs a credential set that writes, and exists', () => {
    expect(issues({ devices: [{ ...device, allow_set: true }] })).toEqual([
      'devices.0.allow_set: what may be set needs a write_credential',
    ]);
    expect(issues({ devices: [{ ...device, allow_set: true, write_credential: 'missing' }] })).toEqual([
      'devices.0.write_credential: there is no credential set called missing',
    ]);
    expect(issues({ devices: [{ ...device, allow_set: ['1.3.6'], write_credential: 'other' }] })).toEqual([]);
    expect(issues({ devices: [{ ...device, allow_set: ['sysLocation'], write_credential: 'other' }] })).toHaveLength(1);
  });

  test('a device has its sets, and the agent where its devices come from', () => {
    const whole = agentOnlySchema.parse({
      agent: { configuration: 'collector', allow_set: true },
      credentials: SETS,
      devices: [{ ...device, allow_set: true, write_credential: 'other' }],
    });
    const config = agentConfig(whole, {});
    expect(config).toMatchObject({ configuration: 'collector', allowSet: true });
    expect(config.devices[0]).toMatchObject({ allowSet: true, credentialName: 'public', writeCredentialName: 'other' });
    expect(config.devices[0]?.writeCredential).toBe(config.credentials['other']);
  });
});
