// The faults projection on a real PostgreSQL: scenarios through crashes and replays, several at once, live events, operators.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AlarmBook } from '../../../collector/faults/alarm-book.ts';
import { DEFAULT_FAULTS, type FaultsConfig } from '../../../collector/faults/fault-rules.ts';
import { faultsMigrations } from '../../../collector/faults/faults-migrations.ts';
import { FaultsProjection } from '../../../collector/faults/faults-projection.ts';
import { RemovedDevices } from '../../../collector/faults/removed-devices.ts';
import { NO_SURROUNDINGS } from '../../../collector/faults/surroundings.ts';
import { appliedMigrations, claim, projectionPosition, setPosition } from '../../../collector/project/applied.ts';
import type { JournaledBatch } from '../../../collector/project/projection.ts';
import type { Answer, Database, Queryable } from '../../../common/database/database.ts';
import { auditMigrations, listAudit } from '../../../common/database/audit.ts';
import { migrate } from '../../../common/database/migrate.ts';
import type { AlarmsPage, AlarmsQuery, Severity } from '../../../collector/faults/alarm.ts';
import { playScenario, TRAP_RULES } from '../../support/fault-machine.ts';
import { describeChange, parseScenario, type Scenario, SCENARIO_START_MS } from '../../support/fault-scenario.ts';
import { interfacePoll, journalEntry } from '../../support/poll-builder.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

let postgres: TestDatabase;
const { reporter } = silentReporter();
const NO_LABELS = { site: null, tags: [] };
const NOTHING_BESIDE: Pick<Scenario, 'around' | 'labels'> = { around: NO_SURROUNDINGS, labels: new Map() };

beforeAll(async () => {
  postgres = await startTestDatabase();
  await migrate(postgres.database, [...auditMigrations, ...appliedMigrations, ...faultsMigrations]);
});
afterAll(() => postgres.stop());
beforeEach(() => clear());

async function clear(): Promise<void> {
  await postgres.database.query(
    `truncate faults.alarm, faults.status_change, faults.operator_change, faults.device_state, faults.agent_state,
              readings.applied_mark, readings.projection_position`,
  );
}

const published: Record<string, unknown>[] = [];

function projection(
  config: FaultsConfig,
  database: Database = postgres.database,
  clock = new VirtualClock(0),
  { around, labels }: Pick<Scenario, 'around' | 'labels'> = NOTHING_BESIDE,
): FaultsProjection {
  return new FaultsProjection(reporter, config, {
    database,
    clock,
    publish: (_, data) => published.push({ ...data }),
    claim,
    positionOf: projectionPosition,
    setPosition,
    events: null,
    trapRules: TRAP_RULES,
    around,
    labelsOf: (device) => labels.get(device) ?? NO_LABELS,
  });
}

/** The history of all alarms as scenarios write it; the same moment in the order it was written. */
async function history(): Promise<string[]> {
  const { rows } = await postgres.database.query<{
    resource: string;
    alarm_type: string;
    qualifier: string;
    severity: Severity | 'cleared';
    at_ms: bigint;
  }>(
    `select resource, alarm_type, qualifier, change.severity, at_ms
       from faults.status_change change join faults.alarm on alarm.id = change.alarm order by change.id`,
  );
  const raised = new Set<string>();
  return rows.map((row) => {
    const key = `${row.resource} ${row.alarm_type} ${row.qualifier}`;
    const kind = row.severity === 'cleared' ? 'cleared' : raised.has(key) ? 'changed' : 'raised';
    if (kind === 'cleared') raised.delete(key);
    else raised.add(key);
    const severity = row.severity === 'cleared' ? 'indeterminate' : row.severity;
    return describeChange({ ...row, alarmType: row.alarm_type, kind, severity, atMs: Number(row.at_ms) });
  });
}

class Crash extends Error {}

/** Loses the connection when it is told to: in the nth query of a transaction, or after a commit that nobody heard of. */
class CrashingDatabase implements Database {
  readonly #database: Database;
  /** Infinity: never. */
  queriesLeft = Number.POSITIVE_INFINITY;

  constructor(database: Database) {
    this.#database = database;
  }

  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Answer<Row>> {
    return this.#database.query<Row>(text, values);
  }

  async transaction<T>(work: (connection: Queryable) => Promise<T>): Promise<T> {
    const result = await this.#database.transaction((connection) =>
      work({
        query: (text, values) => {
          this.#count('in a query');
          return connection.query(text, values);
        },
      }),
    );
    this.#count('after the commit');
    return result;
  }

  #count(where: string): void {
    this.queriesLeft -= 1;
    if (this.queriesLeft === 0) throw new Crash(where);
  }
}

interface CrashPlan {
  readonly queries: number;
  /** The process dies with it; else it goes on with what it has in memory. */
  readonly restart: boolean;
}

const crashPlans = fc.array(fc.record({ queries: fc.integer({ min: 1, max: 14 }), restart: fc.boolean() }), {
  maxLength: 8,
});
const chunkSizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });

/** Applies entries as the runner does: from the committed position, in chunks, again after each crash, sometimes in a new process. */
async function applyThroughCrashes(
  entries: readonly JournaledBatch[],
  config: FaultsConfig,
  chunks: readonly number[],
  crashes: readonly CrashPlan[],
  beside: Pick<Scenario, 'around' | 'labels'> = NOTHING_BESIDE,
): Promise<void> {
  const database = new CrashingDatabase(postgres.database);
  const begin = (): FaultsProjection => projection(config, database, new VirtualClock(0), beside);
  let running = begin();
  for (let turn = 0; ; turn += 1) {
    const position = await running.position('journal-1');
    const chunk = entries.slice(position, position + (chunks[turn % chunks.length] ?? 1));
    if (chunk.length === 0) return;
    const crash = turn % 2 === 0 ? crashes[turn / 2] : undefined;
    database.queriesLeft = crash?.queries ?? Number.POSITIVE_INFINITY;
    try {
      await running.apply(chunk);
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
    }
    if (crash?.restart === true) running = begin();
  }
}

const FOLDER = path.resolve(import.meta.dirname, '../../scenarios/faults');
const scenarios = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.txt'))
  .map((file) => ({ file, scenario: parseScenario(readFileSync(path.join(FOLDER, file), 'utf8')) }));

describe('crashes and replays', () => {
  test.each(scenarios.filter(({ scenario }) => scenario.ticks.length === 0))(
    '$file through any crashes comes to the same history',
    async ({ scenario }) => {
      await fc.assert(
        fc.asyncProperty(chunkSizes, crashPlans, async (chunks, crashes) => {
          await clear();
          await applyThroughCrashes(scenario.entries, scenario.config, chunks, crashes, scenario);
          expect(await history()).toEqual(scenario.expected);
        }),
        { numRuns: 6 },
      );
    },
  );

  test('any life of a network: alarms through crashes, in any chunks, are those of the pure rules; nothing is told twice', async () => {
    const word = fc.constantFrom(
      'up',
      'down',
      'up',
      'dormant',
      'shut',
      'gone',
      'in 95%',
      'in 10%',
      'in-errors 9',
      'in-errors 0',
    );
    const line = fc.oneof(
      { weight: 3, arbitrary: fc.tuple(fc.constantFrom('p1', 'p2'), word).map(([port, what]) => `${port} ${what}`) },
      { weight: 1, arbitrary: fc.constantFrom('silent', 'answers', 'answers', 'reboots') },
      { weight: 1, arbitrary: fc.constantFrom('tells linkDown p1', 'tells linkUp p1', 'tells upsOnBattery -') },
    );
    const event = fc
      .tuple(fc.integer({ min: 0, max: 1200 }), fc.constantFrom('core1', 'core2'), line)
      .map(([at, device, what]) => `at ${at}s ${device} ${what}`);
    const late = fc
      .tuple(fc.integer({ min: 0, max: 1200 }), fc.constantFrom('core1', 'core2'), fc.integer({ min: 0, max: 400 }))
      .map(([at, device, delay]) => `at ${at}s poll ${device} arrives at ${at + delay}s`);
    const story = fc.array(fc.oneof({ weight: 4, arbitrary: event }, { weight: 1, arbitrary: late }), {
      maxLength: 25,
    });
    await fc.assert(
      fc.asyncProperty(story, chunkSizes, crashPlans, async (lines, chunks, crashes) => {
        const scenario = parseScenario(
          ['rules device_rebooted.clear_after_ms=200000', ...lines]
            .concat(['core1', 'core2'].map((name) => `poll ${name} every 60s from 0s until 1200s`))
            .join('\n'),
        );
        await clear();
        published.length = 0;
        await applyThroughCrashes(scenario.entries, scenario.config, chunks, crashes);
        const truth = playScenario(scenario);
        // 32 entries are kept of an alarm; stories are shorter.
        expect(await history()).toEqual(truth);
        await expectCurrent(truth);
      }),
      { numRuns: 40 },
    );
  }, 180_000);

  test('polls that come late never change alarms: with and without them the history is the same', async () => {
    const lateLine = fc
      .tuple(fc.integer({ min: 10, max: 1200 }), fc.integer({ min: 61, max: 500 }))
      .map(([at, delay]) => `at ${at}s poll core1 arrives at ${at + delay}s`);
    const word = fc.constantFrom('p1 up', 'p1 down', 'silent', 'answers', 'p1 in 95%', 'p1 in 5%');
    const event = fc.tuple(fc.integer({ min: 0, max: 1200 }), word).map(([at, what]) => `at ${at}s core1 ${what}`);
    fc.assert(
      fc.property(fc.array(event, { maxLength: 20 }), fc.array(lateLine, { maxLength: 10 }), (events, lateLines) => {
        const polls = 'poll core1 every 60s from 0s until 1800s';
        const without = playScenario(parseScenario([...events, polls].join('\n')));
        expect(playScenario(parseScenario([...events, polls, ...lateLines].join('\n')))).toEqual(without);
      }),
      { numRuns: 300 },
    );
  });
});

/** Each alarm is as the last word of its history says, and the last event published of it too. */
async function expectCurrent(truth: readonly string[]): Promise<void> {
  const { rows } = await postgres.database.query<{ name: string; is_cleared: boolean }>(
    `select alarm_type || ' ' || resource || case when qualifier = '' then '' else ' ' || qualifier end as name, is_cleared
       from faults.alarm`,
  );
  const last = new Map(
    truth.map((line) => {
      const [kind = '', ...words] = line.split(' ');
      const name = words
        .slice(0, words.indexOf('at'))
        .join(' ')
        .replace(/ (critical|major|minor|warning)$/, '');
      return [name, kind];
    }),
  );
  expect(new Map(rows.map((row) => [row.name, row.is_cleared]))).toEqual(
    new Map([...last].map(([name, kind]) => [name, kind === 'cleared'])),
  );
}

const MINUTE = 60_000;
const { rules } = DEFAULT_FAULTS;
const NO_FLAPPING: FaultsConfig = {
  ...DEFAULT_FAULTS,
  rules: { ...rules, interfaceFlapping: { ...rules.interfaceFlapping, enabled: false } },
};

/** A poll a minute of core1 p1: true is up. */
function statuses(ups: readonly (boolean | null)[], device = 'core1'): JournaledBatch[] {
  return ups.map((up, at) => {
    const atMs = SCENARIO_START_MS + at * MINUTE;
    const words = { device, atMs, interfaces: [{ key: 'p1', oper: up === true ? 1 : 2 }] };
    return journalEntry({
      position: at + 1,
      polls: [interfacePoll(up === null ? { device, atMs, failure: 'snmp_timeout' } : words)],
    });
  });
}

describe('projection', () => {
  test('applying again is a no-op; the same batches in the journal of another collector too', async () => {
    const entries = statuses([true, false, false, true]);
    const [one, other] = [projection(DEFAULT_FAULTS), projection(DEFAULT_FAULTS)];
    await one.apply(entries.slice(0, 3));
    await one.apply(entries);
    const again = entries.map((entry) => ({ ...entry, journal: 'journal-2', position: entry.position + 5 }));
    await other.apply(again);
    await one.apply(entries);
    expect(await history()).toEqual([
      'raised interface-down core1/p1 major at 60s',
      'cleared interface-down core1/p1 at 180s',
    ]);
    expect([await one.position('journal-1'), await one.position('journal-2'), await one.position('none')]).toEqual([
      4, 9, 0,
    ]);
  });

  test('two collectors at once, each with half of the batches, come to one history', async () => {
    const ups = Array.from({ length: 40 }, (_, at) => at % 4 !== 2);
    const entries = statuses(ups);
    const [one, other] = [projection(NO_FLAPPING), projection(NO_FLAPPING)];
    const half = (journal: string, odd: number): JournaledBatch[] =>
      entries.filter((_, at) => at % 2 === odd).map((entry, at) => ({ ...entry, journal, position: at + 1 }));
    const [first, second] = [half('journal-1', 0), half('journal-2', 1)];
    for (let at = 0; at < 20; at += 1) {
      const [left, right] = [first[at], second[at]];
      if (left === undefined || right === undefined) throw new Error('no entry');
      await Promise.all([one.apply([left]), at % 2 === 0 ? other.apply([right]) : one.apply([right])]);
    }
    const told = await history();
    // Whoever comes second finds history; what is told alternates, whatever the order was.
    for (const [at, line] of told.entries()) expect(line.split(' ')[0]).toBe(at % 2 === 0 ? 'raised' : 'cleared');
  });

  test('each alarm that changed is published after its commit, as the API would show it', async () => {
    published.length = 0;
    const database = new CrashingDatabase(postgres.database);
    const running = projection(DEFAULT_FAULTS, database);
    await running.apply(statuses([true]));
    database.queriesLeft = 6;
    await expect(running.apply(statuses([true, false]))).rejects.toThrow(Crash);
    expect(published).toEqual([]);
    database.queriesLeft = Number.POSITIVE_INFINITY;
    await running.apply(statuses([true, false]));
    const { rows } = await postgres.database.query<{ id: bigint }>('select id from faults.alarm');
    const [alarm] = (await alarms().list({})).items;
    // What an alarm is folded into is found later.
    const { rootAlarm, symptoms, ...state } = alarm ?? { rootAlarm: null, symptoms: 0 };
    expect([rootAlarm, symptoms]).toEqual([null, 0]);
    expect(published).toEqual([{ change: 'raised', ...state }]);
    expect(alarm?.id).toBe(rows[0]?.id.toString());
  });

  test('what is kept of an alarm is bounded, the newest stay', async () => {
    const running = projection({ ...NO_FLAPPING, historyEntries: 4 });
    await running.apply(statuses([true, false, true, false, true, false, true, false]));
    const told = await history();
    expect(told.map((line) => line.split(' at ')[1])).toEqual(['240s', '300s', '360s', '420s']);
  });

  test('names that a database cannot hold are cleaned', async () => {
    const atMs = SCENARIO_START_MS;
    const polls = [1, 2].map((oper, at) =>
      interfacePoll({ device: 'core1', atMs: atMs + at * MINUTE, interfaces: [{ key: 'p\u00001\ud800', oper }] }),
    );
    await projection(DEFAULT_FAULTS).apply([journalEntry({ position: 1, polls })]);
    expect(await history()).toEqual(['raised interface-down core1/p1 major at 60s']);
  });

  test('why polls are cut short is cleaned as well', async () => {
    const poll = (minute: number) => ({
      ...interfacePoll({ device: 'core1', atMs: SCENARIO_START_MS + minute * 60_000, interfaces: [], complete: false }),
      failure: 'a\u0000b',
    });
    const polls = Array.from({ length: 10 }, (_, minute) => poll(minute));
    await projection(DEFAULT_FAULTS).apply([journalEntry({ position: 1, polls })]);
    const { rows } = await postgres.database.query('select alarm_type, text from faults.alarm');
    expect(rows).toMatchObject([
      { alarm_type: 'poll-partial', text: 'Polls of core1 are cut short, 5 in a row (ab).' },
    ]);
  });

  test('a name longer than an index of the database holds stops nothing', async () => {
    const key = Array.from({ length: 1000 }, (_, at) => String.fromCharCode(0x4e00 + ((at * 7919) % 20_000))).join('');
    const polls = [1, 2].map((oper, at) =>
      interfacePoll({ device: 'core1', atMs: SCENARIO_START_MS + at * MINUTE, interfaces: [{ key, oper }] }),
    );
    await projection(DEFAULT_FAULTS).apply([journalEntry({ position: 1, polls })]);
    expect(await history()).toHaveLength(1);
  });
});

describe('devices that were taken out of the configuration', () => {
  test('their alarms end, once nobody has polled them for a time; those of others stay, and a device that comes back has faults anew', async () => {
    const running = projection(DEFAULT_FAULTS);
    await running.apply(statuses([true, false]));
    await running.apply(
      statuses([true, false], 'core2').map((entry) => ({
        ...entry,
        journal: 'journal-2',
        batch: { ...entry.batch, agent: 'agent-2' },
      })),
    );
    const clock = new VirtualClock(SCENARIO_START_MS + 2 * MINUTE);
    const removed = new RemovedDevices(reporter, {
      database: postgres.database,
      clock,
      names: () => ['core2'],
      judge: (names, judge, atMs) => running.judgeDevices(names, judge, atMs),
    });
    const raised = ['raised interface-down core1/p1 major at 60s', 'raised interface-down core2/p1 major at 60s'];
    await removed.look();
    expect(await history()).toEqual(raised);
    await clock.advance(30 * MINUTE);
    await removed.look();
    await removed.look();
    expect(await history()).toEqual([...raised, 'cleared interface-down core1/p1 at 1920s']);
    const later = interfacePoll({
      device: 'core1',
      atMs: SCENARIO_START_MS + 40 * MINUTE,
      interfaces: [{ key: 'p1', oper: 2 }],
    });
    await running.apply([journalEntry({ position: 3, polls: [later] })]);
    expect((await history()).at(-1)).toBe('raised interface-down core1/p1 major at 2400s');
  });
});

describe('silent agents', () => {
  const config = { ...DEFAULT_FAULTS, tickMs: 5000 };

  async function watched(
    caughtUp: () => boolean,
    isAwaited: () => boolean = () => true,
  ): Promise<{ running: FaultsProjection; clock: VirtualClock }> {
    const clock = new VirtualClock(SCENARIO_START_MS + MINUTE + 100);
    const running = new FaultsProjection(reporter, config, {
      database: postgres.database,
      clock,
      publish: () => undefined,
      claim,
      positionOf: projectionPosition,
      setPosition,
      events: null,
      caughtUp,
      isAwaited,
    });
    await running.apply(statuses([true, true]));
    await running.start();
    return { running, clock };
  }

  /** Time passes in ticks, with a moment of real time for the database in each. */
  /** Until the history has so many lines: how many looks that takes depends on how fast the database is. */
  async function passUntil(clock: VirtualClock, lines: number): Promise<void> {
    for (let looks = 0; looks < 40 && (await history()).length < lines; looks += 1) await pass(clock, 5000);
  }

  async function pass(clock: VirtualClock, ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 5000) {
      await clock.advance(Math.min(5000, left));
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
  }

  test('three intervals without a batch are told once, and the next batch ends it', async () => {
    const { running, clock } = await watched(() => true);
    await pass(clock, 175_000);
    expect(await history()).toEqual([]);
    await pass(clock, 60_000);
    expect(await history()).toEqual(['raised agent-silent agent:agent-1 critical at 240.1s']);
    await running.apply(statuses([true, true, true, true, true]));
    await pass(clock, 20_000);
    await running.stop();
    expect(await history()).toEqual([
      'raised agent-silent agent:agent-1 critical at 240.1s',
      'cleared agent-silent agent:agent-1 at 240.1s',
    ]);
  });

  test('a projection that is behind its journal is told once, and once that it has caught up', async () => {
    let waitingMs = 70_000;
    const clock = new VirtualClock(SCENARIO_START_MS);
    const running = new FaultsProjection(reporter, config, {
      database: postgres.database,
      clock,
      publish: () => undefined,
      claim,
      positionOf: projectionPosition,
      setPosition,
      events: null,
      lags: () => ({ journal: 'journal-1', lags: [{ projection: 'store', waitingMs }] }),
    });
    await running.start();
    await passUntil(clock, 1);
    await pass(clock, 20_000);
    waitingMs = 20_000;
    await pass(clock, 20_000);
    expect((await history()).map((line) => line.split(' at ')[0])).toEqual([
      'raised journal-lag collector:journal-1 store minor',
    ]);
    waitingMs = 0;
    await passUntil(clock, 2);
    await pass(clock, 20_000);
    await running.stop();
    expect((await history()).map((line) => line.split(' at ')[0])).toEqual([
      'raised journal-lag collector:journal-1 store minor',
      'cleared journal-lag collector:journal-1 store',
    ]);
    const { rows } = await postgres.database.query<{ device: string | null }>('select device from faults.alarm');
    expect(rows).toEqual([{ device: null }]);
  });

  test('an agent whose devices were given to others is not awaited: no alarm, and one that stands ends', async () => {
    let awaited = false;
    const { running, clock } = await watched(
      () => true,
      () => awaited,
    );
    await pass(clock, 300_000);
    expect(await history()).toEqual([]);
    awaited = true;
    await passUntil(clock, 1);
    awaited = false;
    await passUntil(clock, 2);
    await running.stop();
    expect((await history()).map((line) => line.split(' at ')[0])).toEqual([
      'raised agent-silent agent:agent-1 critical',
      'cleared agent-silent agent:agent-1',
    ]);
  });

  test('time in which the collector was behind, or not there, is not silence', async () => {
    let behind = true;
    const { running, clock } = await watched(() => !behind);
    await pass(clock, 300_000);
    behind = false;
    await pass(clock, 170_000);
    expect(await history()).toEqual([]);
    await running.stop();
    const { running: next, clock: later } = await watched(() => true);
    later.step(10 * MINUTE);
    await next.stop();
    expect(await history()).toEqual([]);
  });
});

function alarms(clock = new VirtualClock(SCENARIO_START_MS + 10 * MINUTE)): AlarmBook {
  return new AlarmBook({ database: postgres.database, clock, publish: (_, data) => published.push({ ...data }) });
}

describe('alarms for the API', () => {
  const ann = { operator: 'ann', role: 'operator', text: 'looking into it' };

  beforeEach(async () => {
    const devices = ['core1', 'core2', 'core3'];
    const entries = devices.flatMap((device, at) =>
      statuses([true, false, at === 2], device).map((entry, place) => ({ ...entry, position: at * 3 + place + 1 })),
    );
    const numbered = entries.map((entry) => ({ ...entry, batch: { ...entry.batch, sequence: entry.position } }));
    await projection(DEFAULT_FAULTS).apply(numbered);
  });

  test('lists by state, severity and device, the last changed first, page by page', async () => {
    const book = alarms();
    const ids = async (query: AlarmsQuery): Promise<string[]> =>
      (await book.list(query)).items.map((one) => one.resource);
    expect(await ids({})).toEqual(['core3/p1', 'core2/p1', 'core1/p1']);
    expect(await ids({ state: 'active' })).toEqual(['core2/p1', 'core1/p1']);
    expect(await ids({ state: 'cleared' })).toEqual(['core3/p1']);
    expect(await ids({ device: 'core2' })).toEqual(['core2/p1']);
    expect(await ids({ severity: 'critical' })).toEqual([]);
    const pages: string[] = [];
    let cursor: string | null = null;
    do {
      const page: AlarmsPage = await book.list({ limit: 1, ...(cursor === null ? {} : { cursor }) });
      pages.push(...page.items.map((one) => one.resource));
      cursor = page.next;
    } while (cursor !== null);
    expect(pages).toEqual(['core3/p1', 'core2/p1', 'core1/p1']);
    await expect(book.list({ cursor: "1.1'; drop" })).rejects.toMatchObject({ code: 'invalid_request' });
  });

  test('one alarm with its histories, its severity kept after it cleared', async () => {
    const book = alarms();
    const [cleared] = (await book.list({ state: 'cleared' })).items;
    const alarm = await book.get(cleared?.id ?? '');
    expect(alarm).toMatchObject({
      resource: 'core3/p1',
      device: 'core3',
      severity: 'major',
      isCleared: true,
      text: 'p1 of core3 is down, though it is meant to be up.',
      eventType: 'communicationsAlarm',
      raisedAt: new Date(SCENARIO_START_MS + MINUTE).toISOString(),
      clearedAt: new Date(SCENARIO_START_MS + 2 * MINUTE).toISOString(),
    });
    expect(alarm.statusChanges.map(({ severity, text, origin }) => [severity, text, origin])).toEqual([
      ['cleared', 'p1 of core3 is up again.', 'journal-1/9/0'],
      ['major', 'p1 of core3 is down, though it is meant to be up.', 'journal-1/8/0'],
    ]);
    await expect(book.get('999999')).rejects.toMatchObject({ code: 'not_found' });
    await expect(book.get('x')).rejects.toMatchObject({ code: 'not_found' });
  });

  test('operators acknowledge, comment, close; raised anew, their word is taken back and told', async () => {
    const book = alarms();
    const id = (await book.list({ device: 'core1' })).items[0]?.id ?? '';
    published.length = 0;
    expect(await book.setState(id, 'ack', ann)).toMatchObject({
      operatorState: 'ack',
      operator: 'ann',
      isCleared: false,
    });
    expect(published).toMatchObject([{ change: 'operator', id, operatorState: 'ack' }]);
    await book.comment(id, { operator: 'bob', role: 'operator', text: 'cable ordered' });
    await projection(DEFAULT_FAULTS).apply(
      [true, false].map((up, at) => {
        const atMs = SCENARIO_START_MS + (5 + at) * MINUTE;
        const poll = interfacePoll({ device: 'core1', atMs, interfaces: [{ key: 'p1', oper: up ? 1 : 2 }] });
        return journalEntry({ position: 20 + at, polls: [poll] });
      }),
    );
    const alarm = await book.get(id);
    expect(alarm).toMatchObject({ operatorState: 'none', operator: null, isCleared: false });
    expect(alarm.operatorChanges.map(({ operator, state, text }) => [operator, state, text])).toEqual([
      ['weir', 'none', 'raised again'],
      ['bob', 'ack', 'cable ordered'],
      ['ann', 'ack', 'looking into it'],
    ]);
    expect((await book.setState(id, 'closed', ann)).operatorState).toBe('closed');
    const audit = await listAudit(postgres.database, { subject: `alarm/${id}`, limit: 10 });
    expect(
      audit.map(({ actor, role, action, before, after, note }) => [actor, role, action, before, after, note]),
    ).toEqual([
      [
        'ann',
        'operator',
        'alarm.closed',
        expect.objectContaining({ state: 'none', operator: null, shelvedUntil: null }),
        expect.objectContaining({ state: 'closed', operator: 'ann', shelvedUntil: null }),
        'looking into it',
      ],
      ['bob', 'operator', 'alarm.comment', expect.anything(), expect.anything(), 'cable ordered'],
      [
        'ann',
        'operator',
        'alarm.ack',
        expect.objectContaining({ state: 'none', operator: null, shelvedUntil: null }),
        expect.objectContaining({ state: 'ack', operator: 'ann', shelvedUntil: null }),
        'looking into it',
      ],
    ]);
  });

  test('a shelved alarm is hidden for a time, its state goes on', async () => {
    const clock = new VirtualClock(SCENARIO_START_MS + 10 * MINUTE);
    const book = alarms(clock);
    const id = (await book.list({ device: 'core1' })).items[0]?.id ?? '';
    const count = async (state: 'active' | 'shelved'): Promise<number> => (await book.list({ state })).items.length;
    await book.shelve(id, clock.now() + MINUTE, ann);
    expect([await count('active'), await count('shelved'), (await book.summary()).shelved]).toEqual([1, 1, 1]);
    clock.step(2 * MINUTE);
    expect([await count('active'), await count('shelved'), (await book.summary()).shelved]).toEqual([2, 0, 0]);
    await expect(book.shelve(id, clock.now(), ann)).rejects.toMatchObject({ code: 'invalid_request' });
    await book.shelve(id, clock.now() + MINUTE, ann);
    await book.unshelve(id, ann);
    expect(await count('active')).toBe(2);
  });

  test('the summary counts by severity and state', async () => {
    const book = alarms();
    const id = (await book.list({ device: 'core1' })).items[0]?.id ?? '';
    await book.setState(id, 'closed', ann);
    const { severities } = await book.summary();
    expect(severities.find((one) => one.severity === 'major')).toEqual({
      severity: 'major',
      total: 3,
      notCleared: 2,
      cleared: 1,
      clearedNotClosed: 1,
      clearedClosed: 0,
      notClearedClosed: 1,
      notClearedNotClosed: 1,
    });
    expect(severities.map((one) => one.severity)).toEqual(['critical', 'major', 'minor', 'warning', 'indeterminate']);
  });
});
