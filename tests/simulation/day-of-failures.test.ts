// A short day of failures, and a quiet one, on a virtual clock and a real database: none lost, none told twice, none that nobody need see.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dayOfFailures, HEADS, line } from '../../bench/faults/day-of-failures.ts';
import { quietDay } from '../../bench/faults/quiet-day.ts';
import { collectorMigrations } from '../../collector/main.ts';
import { migrate } from '../../common/database/migrate.ts';
import { silentReporter } from '../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../support/test-database.ts';
import { ToldClock } from '../../bench/faults/told-clock.ts';

let postgres: TestDatabase;
beforeAll(async () => {
  postgres = await startTestDatabase();
  await migrate(postgres.database, collectorMigrations);
});
afterAll(() => postgres.stop());

test('core dead, half a ring cut, flapping, a storm, maintenance overrun, an agent lost, a collector killed', async () => {
  const reports = await dayOfFailures({
    reporter: silentReporter().reporter,
    database: postgres.database,
    clock: new ToldClock(1_790_000_000_000),
    sites: 8,
    stepMs: 30_000,
    events: 10_000,
    rounds: 1,
  });
  const text = [HEADS, ...reports.map(line)].join('\n');
  expect(reports.map(({ lost, twice, needless }) => [...lost, ...twice, ...needless]).flat(), text).toEqual([]);
  expect(
    reports.map(({ announced }) => announced).every((count) => count > 0),
    text,
  ).toBe(true);
  expect(
    reports.reduce((sum, { folded }) => sum + folded, 0),
    text,
  ).toBeGreaterThan(50);
}, 60_000);

test('of a quiet network nobody is told anything', async () => {
  await postgres.database.query(
    `truncate faults.alarm, faults.status_change, faults.alarm_priority, faults.down_record, faults.cause, faults.device_state,
              faults.agent_state, readings.applied_mark, maintenance.window_version, tell.message, tell.message_item, tell.ledger cascade`,
  );
  await postgres.database.query('delete from weir.lease');
  const { told, raised, polls } = await quietDay({
    reporter: silentReporter().reporter,
    database: postgres.database,
    clock: new ToldClock(1_790_000_000_000),
    sites: 2,
    minutes: 60,
  });
  expect(told).toEqual([]);
  // It is no network in which nothing could be raised: the restart is known, and hidden by its window.
  expect(raised).toMatchObject({ 'device-unreachable': 1, 'device-rebooted': 1 });
  expect(polls).toBe(60 * 11);
}, 60_000);
