// The watch for polls that do not come, on a real PostgreSQL: what stands in the rows of agents and devices decides.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEFAULT_FAULTS } from '../../../collector/faults/fault-rules.ts';
import { faultsMigrations } from '../../../collector/faults/faults-migrations.ts';
import { FaultsProjection } from '../../../collector/faults/faults-projection.ts';
import { PollWatch } from '../../../collector/faults/poll-watch.ts';
import { appliedMigrations, claim, projectionPosition, setPosition } from '../../../collector/project/applied.ts';
import { auditMigrations } from '../../../common/database/audit.ts';
import { migrate } from '../../../common/database/migrate.ts';
import { interfacePoll, journalEntry } from '../../support/poll-builder.ts';
import { SCENARIO_START_MS } from '../../support/fault-scenario.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

let postgres: TestDatabase;
beforeAll(async () => {
  postgres = await startTestDatabase();
  await migrate(postgres.database, [...auditMigrations, ...appliedMigrations, ...faultsMigrations]);
});
afterAll(() => postgres.stop());

const MINUTE = 60_000;

test('a device that is left out is told once, a configuration without it or a collector behind says nothing, its next poll ends it', async () => {
  const { database } = postgres;
  const told: string[] = [];
  const clock = new VirtualClock(SCENARIO_START_MS);
  const { reporter, lines } = silentReporter();
  const faults = new FaultsProjection(reporter, DEFAULT_FAULTS, {
    database,
    clock,
    publish: (kind, data) => {
      if (kind === 'alarm')
        told.push(`${String(data['change'])} ${String(data['resource'])} ${String(data['qualifier'])}`);
    },
    claim,
    positionOf: projectionPosition,
    setPosition,
    events: null,
  });
  const known = { names: ['core1', 'core2'], caughtUp: true, broken: false };
  const watch = new PollWatch(reporter, {
    database,
    clock,
    rules: () => faults.rules,
    rulesOf: (device) => faults.rulesOf(device),
    caughtUp: () => known.caughtUp,
    names: () => {
      if (known.broken) throw new Error('no names');
      return known.names;
    },
    judgeDevices: (names, judge, atMs) => faults.judgeDevices(names, judge, atMs),
    judgeAgent: (look) => faults.judgeApart(look),
  });
  let position = 0;
  const poll = async (device: string, minute: number): Promise<void> => {
    const atMs = SCENARIO_START_MS + minute * MINUTE;
    await faults.apply([
      journalEntry({
        position: (position += 1),
        polls: [interfacePoll({ device, atMs, interfaces: [{ key: 'p1' }] })],
      }),
    ]);
  };
  await watch.look();
  await poll('core1', 0);
  for (let minute = 0; minute <= 6; minute += 1) await poll('core2', minute);
  known.caughtUp = false;
  await watch.look();
  known.caughtUp = true;
  known.names = ['core2'];
  await watch.look();
  expect(told).toEqual([]);
  known.names = ['core1', 'core2'];
  await watch.look();
  await watch.look();
  expect(told).toEqual(['raised core1 polls']);
  known.broken = true;
  await watch.look();
  expect(lines.join('')).toContain('devices without polls not looked for');
  await poll('core1', 7);
  expect(told).toEqual(['raised core1 polls', 'cleared core1 polls']);
  // What another process left behind in the database is told only once its agent was heard by this one.
  await clock.advance(20 * MINUTE);
  const { rows } = await database.query<{ state: { sentAtMs: number; steadySinceMs: number } }>(
    'select state from faults.agent_state',
  );
  expect(rows[0]?.state.sentAtMs).toBe(SCENARIO_START_MS + 7 * MINUTE);
  expect(rows[0]?.state.steadySinceMs).toBe(SCENARIO_START_MS);
});

test('half of the devices of an agent are one alarm of the agent, which ends when they are polled', async () => {
  const { database } = postgres;
  await database.query(
    'truncate faults.alarm, faults.status_change, faults.operator_change, faults.device_state, faults.agent_state',
  );
  const told: string[] = [];
  const clock = new VirtualClock(SCENARIO_START_MS);
  const { reporter } = silentReporter();
  const faults = new FaultsProjection(reporter, DEFAULT_FAULTS, {
    database,
    clock,
    publish: (_, data) => told.push(`${String(data['change'])} ${String(data['resource'])}`),
    claim: (_, __, entries) => Promise.resolve([...entries]),
    positionOf: projectionPosition,
    setPosition,
    events: null,
  });
  const watch = new PollWatch(reporter, {
    database,
    clock,
    rules: () => faults.rules,
    rulesOf: (device) => faults.rulesOf(device),
    caughtUp: () => true,
    names: () => ['a', 'b', 'c', 'd'],
    judgeDevices: (names, judge, atMs) => faults.judgeDevices(names, judge, atMs),
    judgeAgent: (look) => faults.judgeApart(look),
  });
  let position = 0;
  const poll = (devices: readonly string[], minute: number): Promise<void> => {
    const atMs = SCENARIO_START_MS + minute * MINUTE;
    const polls = devices.map((device) => interfacePoll({ device, atMs, interfaces: [{ key: 'p1' }] }));
    return faults.apply([journalEntry({ position: (position += 1), polls })]);
  };
  await watch.look();
  await poll(['a', 'b', 'c', 'd'], 0);
  for (let minute = 1; minute <= 5; minute += 1) await poll(['d'], minute);
  await watch.look();
  expect(told.toSorted()).toEqual(['raised a', 'raised agent:agent-1', 'raised b', 'raised c']);
  await poll(['a', 'b', 'c', 'd'], 6);
  await clock.advance(15_000);
  await watch.look();
  expect(told.filter((line) => line.startsWith('cleared')).toSorted()).toEqual([
    'cleared a',
    'cleared agent:agent-1',
    'cleared b',
    'cleared c',
  ]);
});
