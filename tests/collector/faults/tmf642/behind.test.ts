// Listeners that are far behind or no longer allowed, and shelves whose time is over: what time and bounds do, with a clock of the test's own.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { endShelves } from '../../../../collector/faults/end-shelves.ts';
import { faultsMigrations } from '../../../../collector/faults/faults-migrations.ts';
import { AlarmHub } from '../../../../collector/faults/tmf642/alarm-hub.ts';
import { ListenerBook } from '../../../../collector/faults/tmf642/listener-book.ts';
import { auditMigrations } from '../../../../common/database/audit.ts';
import { leaseMigrations, Leases } from '../../../../common/database/lease.ts';
import { migrate } from '../../../../common/database/migrate.ts';
import { SystemClock } from '../../../../common/runtime/clock.ts';
import { eventually } from '../../../support/collector-fixture.ts';
import { silentReporter } from '../../../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../../../support/test-database.ts';

const CALLBACK = 'http://listener.example.net/';
const principal = { name: 'ann', role: 'operator', scope: null } as const;

let postgres: TestDatabase;
let told: string[] = [];
const running: AlarmHub[] = [];

beforeAll(async () => {
  postgres = await startTestDatabase();
  await migrate(postgres.database, [...leaseMigrations, ...auditMigrations, ...faultsMigrations]);
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  for (const hub of running.splice(0)) await hub.stop();
  told = [];
  await postgres.database.query(
    'truncate faults.alarm, faults.status_change, faults.operator_change, faults.alarm_event, faults.alarm_listener',
  );
});

function book(allowed = [CALLBACK]): ListenerBook {
  let number = 0;
  return new ListenerBook({
    database: postgres.database,
    clock: new SystemClock(),
    newId: () => `l${(number += 1)}`,
    allowed,
  });
}

function hub(maxEvents: number, listeners: readonly string[] = [CALLBACK], holder = 'one'): AlarmHub {
  const { reporter } = silentReporter();
  const config = { listeners, giveUpMs: 3_600_000, timeoutMs: 1000, maxEvents, signingSecret: null };
  const made = new AlarmHub(reporter, config, {
    database: postgres.database,
    clock: new SystemClock(),
    random: () => 0.5,
    fetch: async (_, init) => {
      const { event } = JSON.parse(init?.body as string) as { event: { alarm: { id: string } } };
      told.push(event.alarm.id);
      return new Response(null, { status: 204 });
    },
    listeners: book([...listeners]),
    leases: new Leases(postgres.database),
    holder,
    signingSecret: null,
  });
  running.push(made);
  return made;
}

async function raise(count: number, shelvedUntilMs: number | null = null): Promise<string[]> {
  const ids: string[] = [];
  for (let at = 0; at < count; at += 1) {
    const { rows } = await postgres.database.query<{ id: bigint }>(
      `insert into faults.alarm (resource, alarm_type, qualifier, severity, is_cleared, text, created_at_ms, raised_at_ms, changed_at_ms, shelved_until_ms)
       values ('d' || clock_timestamp(), 'x', '', 'major', false, 'x', 1, 1, 1, $1) returning id`,
      [shelvedUntilMs],
    );
    ids.push(String(rows[0]?.id));
  }
  return ids;
}

const events = async (): Promise<number> =>
  Number((await postgres.database.query<{ n: bigint }>('select count(*) as n from faults.alarm_event')).rows[0]?.n);

test('where nobody listens nothing is kept for telling', async () => {
  await raise(3);
  expect(await events()).toBe(0);
});

test('what is beyond the bound is missed, counted, and the rest is told; what all were told goes', async () => {
  const listener = await book().add(CALLBACK, '', principal);
  await postgres.database.query('update faults.alarm_listener set next_try_at_ms = $1', [Date.now() + 3_600_000]);
  const ids = await raise(8);
  const made = hub(5);
  await made.start();
  await eventually(async () => (await book().list())[0]?.missed === 3, 'three are gone');
  expect(told).toEqual([]);
  await postgres.database.query('update faults.alarm_listener set next_try_at_ms = 0');
  await eventually(async () => told.length >= 5, 'five are told');
  expect(told).toEqual(ids.slice(3));
  await eventually(async () => (await book().list())[0]?.behind === 0, 'that is written down');
  const [state] = (await book().list()).filter(({ id }) => id === listener.id);
  expect(state).toMatchObject({ missed: 3, behind: 0, endedAt: null });
});

test('a listener that is no longer allowed is not asked, and ended', async () => {
  await book().add(CALLBACK, '', principal);
  await raise(1);
  await hub(100, ['https://elsewhere.example.net/']).start();
  await eventually(async () => (await book().list()).every(({ endedAt }) => endedAt !== null), 'it is ended');
  expect(told).toEqual([]);
  expect((await book().list())[0]?.endReason).toBe('the address is no longer allowed');
});

test('of two collectors one tells, and the other when that has gone', async () => {
  await book().add(CALLBACK, '', principal);
  const [one, other] = [hub(100), hub(100, [CALLBACK], 'other')];
  await one.start();
  await other.start();
  const ids = await raise(10);
  await eventually(async () => told.length >= 10, 'all are told');
  await one.stop();
  await other.stop();
  expect(told).toEqual(ids);
  await hub(100, [CALLBACK], 'third').start();
  const more = await raise(2);
  await eventually(async () => told.length >= 12, 'the third tells');
  expect(told).toEqual([...ids, ...more]);
});

test('changes that commit in another order than they began are all told', async () => {
  await book().add(CALLBACK, '', principal);
  await hub(100).start();
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const slow = postgres.database.transaction(async (connection) => {
    await connection.query(
      `insert into faults.alarm (resource, alarm_type, qualifier, severity, is_cleared, text, created_at_ms, raised_at_ms, changed_at_ms)
       values ('slow', 'x', '', 'major', false, 'x', 1, 1, 1)`,
    );
    await held;
  });
  const [quick] = await raise(1);
  await eventually(async () => told.length === 1, 'the quick one is told');
  release();
  await slow;
  await eventually(async () => told.length === 2, 'and the slow one');
  expect(told[0]).toBe(quick);
});

test('a shelf ends by itself: history and listeners hear of it', async () => {
  await book().add(CALLBACK, '', principal);
  const nowMs = Date.now();
  const [id] = await raise(1, nowMs + 1000);
  expect(await endShelves(postgres.database, nowMs)).toBe(0);
  expect(await endShelves(postgres.database, nowMs + 1000)).toBe(1);
  expect(await endShelves(postgres.database, nowMs + 2000)).toBe(0);
  await hub(100).start();
  await eventually(async () => told.length === 1, 'it is told');
  expect(told).toEqual([id]);
  const { rows } = await postgres.database.query('select state, operator from faults.operator_change');
  expect(rows).toEqual([{ state: 'un-shelved', operator: 'weir' }]);
});
