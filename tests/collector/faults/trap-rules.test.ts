// Rules of notifications as data: those that come with Weir hold together, mistakes have a place, and an alarm has the probable cause of its rule.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadNames } from '../../../agent/trap/names.ts';
import { AlarmBook } from '../../../collector/faults/alarm-book.ts';
import { DEFAULT_FAULTS, faultsConfigOf, faultsSchema } from '../../../collector/faults/fault-rules.ts';
import { faultsMigrations } from '../../../collector/faults/faults-migrations.ts';
import { FaultsProjection } from '../../../collector/faults/faults-projection.ts';
import { readTrapRules, withTrapRules } from '../../../collector/faults/trap-rules.ts';
import { appliedMigrations, claim, projectionPosition, setPosition } from '../../../collector/project/applied.ts';
import { auditMigrations } from '../../../common/database/audit.ts';
import { migrate } from '../../../common/database/migrate.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import { TRAP_RULES } from '../../support/fault-machine.ts';
import { SCENARIO_START_MS } from '../../support/fault-scenario.ts';
import { interfacePoll, journalEntry } from '../../support/poll-builder.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const SHIPPED = path.resolve(import.meta.dirname, '../../../config/traps');

describe('those that come with Weir', () => {
  const names = loadNames([SHIPPED]);
  const notifications = new Set(Object.values(names.notifications).map(({ name }) => name));
  const objects = new Set(Object.values(names.objects).map(({ name }) => name));

  test.each(TRAP_RULES.map((rule) => [rule.name, rule] as const))('%s uses names that files have', (_, rule) => {
    expect([...rule.raisedBy, ...rule.clearedBy].filter((name) => !notifications.has(name))).toEqual([]);
    const used = [...Object.keys(rule.raisesWhen), ...Object.keys(rule.clearsWhen), rule.indexOf, rule.toldApartBy];
    expect(used.filter((name) => name !== undefined && !objects.has(name))).toEqual([]);
  });

  test('a part that polls read too is called as a profile calls it', () => {
    const folder = path.resolve(SHIPPED, '../profiles');
    const profiles = readdirSync(folder)
      .filter((file) => file.endsWith('.yaml'))
      .map((file) => readFileSync(path.join(folder, file), 'utf8'))
      .join('\n');
    const sensors = TRAP_RULES.flatMap(({ sensor }) => sensor ?? []);
    expect(sensors.length).toBeGreaterThan(5);
    expect(sensors.filter((sensor) => !profiles.includes(`\n  - name: ${sensor}\n`))).toEqual([]);
  });

  test('both numberings of the notifications of BGP4-MIB are known', () => {
    const bgp = TRAP_RULES.find(({ name }) => name === 'bgp-peer');
    const oids = Object.entries(names.notifications).filter(([, { name }]) => bgp?.raisedBy.includes(name));
    expect(oids.map(([oid]) => oid).toSorted()).toEqual(['1.3.6.1.2.1.15.0.2', '1.3.6.1.2.1.15.7.2']);
  });
});

test('a rule of the configuration takes the place of one of the same name; others stay', () => {
  const conditions = [{ name: 'fan', enabled: false, raised_by: ['jnxFanFailure'], text: 'x' }];
  const { rules } = faultsConfigOf(faultsSchema.parse({ notifications: { conditions } }));
  const merged = withTrapRules(rules, TRAP_RULES).notifications.conditions;
  expect(merged).toHaveLength(TRAP_RULES.length);
  expect(merged.filter(({ name }) => name === 'fan').map(({ enabled }) => enabled)).toEqual([false]);
});

describe('mistakes', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-trap-rules-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const refusal = (text: string, more = ''): string => {
    writeFileSync(path.join(folder, 'a.yaml'), `rules:\n${text}`);
    writeFileSync(path.join(folder, 'b.yaml'), more === '' ? '' : `rules:\n${more}`);
    try {
      return String(readTrapRules(folder).length);
    } catch (error) {
      return error instanceof WeirError ? `${error.code} ${error.message.slice(folder.length + 1)}` : 'BUG';
    }
  };
  const GOOD = '  - { name: a, raised_by: [x], text: t }\n';

  test.each([
    ['sound', GOOD, '', '1'],
    [
      'a part without an index',
      '  - { name: a, raised_by: [x], text: t, resource: module }\n',
      '',
      'configuration_invalid a.yaml:2',
    ],
    [
      'an index of nothing',
      '  - { name: a, raised_by: [x], text: t, index_of: y }\n',
      '',
      'configuration_invalid a.yaml:2',
    ],
    [
      'a sensor without its rule',
      '  - { name: a, raised_by: [x], text: t, resource: sensor, index_of: y, alarm_type: fan-failed }\n',
      '',
      'configuration_invalid a.yaml:2',
    ],
    [
      'a sensor of another type',
      '  - { name: a, raised_by: [x], text: t, resource: sensor, index_of: y, sensor: z }\n',
      '',
      'configuration_invalid a.yaml:2',
    ],
    [
      'a peer that is no peer',
      '  - { name: a, raised_by: [x], text: t, alarm_type: bgp-peer-down }\n',
      '',
      'configuration_invalid a.yaml:2',
    ],
    [
      'a cause that is none',
      '  - { name: a, raised_by: [x], text: t, probable_cause: "No power" }\n',
      '',
      'configuration_invalid a.yaml:2',
    ],
    ['the same name in two files', GOOD, GOOD, 'configuration_invalid b.yaml:1: rules: a stands in another file too'],
  ])('%s', (_, text, more, expected) => {
    expect(refusal(text, more)).toContain(expected);
  });

  test('a folder that is not there', () => {
    expect(() => readTrapRules(path.join(folder, 'none'))).toThrow('Cannot read the rules of notifications');
  });
});

describe('the alarm', () => {
  let postgres: TestDatabase;
  beforeAll(async () => {
    postgres = await startTestDatabase();
    await migrate(postgres.database, [...auditMigrations, ...appliedMigrations, ...faultsMigrations]);
  });
  afterAll(() => postgres.stop());

  test('has the probable cause of its rule, also after it ended; what comes twice is one alarm', async () => {
    const { database } = postgres;
    const clock = new VirtualClock(SCENARIO_START_MS);
    const faults = new FaultsProjection(silentReporter().reporter, DEFAULT_FAULTS, {
      database,
      clock,
      publish: () => undefined,
      claim,
      positionOf: projectionPosition,
      setPosition,
      events: null,
      trapRules: TRAP_RULES,
    });
    const tell = async (position: number, name: string): Promise<void> => {
      const observedAtMs = SCENARIO_START_MS + position * 1000;
      const told = { device: 'ups1', source: null, origin: 'trap' as const, uptimeTicks: null, interfaceKey: null };
      const events = [{ id: String(position), name, observedAtMs, details: [], ...told }];
      await faults.apply([journalEntry({ position, polls: [], events, receivedAtMs: observedAtMs })]);
    };
    const poll = interfacePoll({ device: 'ups1', atMs: SCENARIO_START_MS, interfaces: [{ key: 'eth0' }] });
    await faults.apply([journalEntry({ position: 1, polls: [poll] })]);
    await tell(2, 'upsOnBattery');
    await tell(3, 'upsOnBattery');
    const book = new AlarmBook({ database, clock, publish: () => undefined, maintenanceOf: () => null });
    const told = async () =>
      (await book.list({})).items.map(({ qualifier, probableCause, isCleared }) => [
        qualifier,
        probableCause,
        isCleared,
      ]);
    expect(await told()).toEqual([['on-battery', 'powerProblem', false]]);
    await tell(4, 'powerRestored');
    expect(await told()).toEqual([['on-battery', 'powerProblem', true]]);
  });
});
