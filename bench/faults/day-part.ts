// The rows of the day of failures and of a quiet day: what was lost, told twice or told needlessly, on a clock that is told the time.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { collectorMigrations } from '../../collector/main.ts';
import type { Database } from '../../common/database/database.ts';
import { EmbeddedPostgres } from '../../common/database/embedded/embedded-postgres.ts';
import { migrate } from '../../common/database/migrate.ts';
import { type OpenDatabase, openDatabase } from '../../common/database/pool.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { createReporter, type Reporter } from '../../common/runtime/reporter.ts';
import type { Workshop } from '../machine/workshop.ts';
import type { PartContext } from '../part.ts';
import { type Row, rowOf } from '../rows.ts';
import { type ActReport, dayOfFailures, HEADS } from './day-of-failures.ts';
import { quietDay } from './quiet-day.ts';
import { ToldClock } from './told-clock.ts';

const BEGAN_MS = Date.parse('2026-11-26T00:00:00Z');
const SITES = 100;
/** All acts together last an hour and a half: a day of them. */
const ROUNDS = 16;
const EVENTS = 10_000;
const QUIET = { sites: 100, minutes: 1440 };

export async function dayPart({ workshop, tell }: PartContext): Promise<readonly Row[]> {
  const reporter = createReporter({ component: 'bench', level: 'error' });
  tell(`day: ${SITES} sites, ${ROUNDS} rounds of seven failures, a storm of ${EVENTS} events in each`);
  tell(HEADS);
  const reports = await withDatabase(workshop, reporter, 'day', (database) =>
    dayOfFailures({
      reporter,
      database,
      clock: new ToldClock(BEGAN_MS),
      sites: SITES,
      stepMs: 30_000,
      events: EVENTS,
      rounds: ROUNDS,
      tell,
    }),
  );
  tell(`day: a quiet day of ${QUIET.sites} sites`);
  const quiet = await withDatabase(workshop, reporter, 'quiet', (database) =>
    quietDay({ reporter, database, clock: new ToldClock(BEGAN_MS), ...QUIET }),
  );
  for (const told of quiet.told) tell(`told on the quiet day: ${told}`);
  const sum = (of: (report: ActReport) => number): number => reports.reduce((all, report) => all + of(report), 0);
  const none = { of: 'weir', most: 0 } as const;
  const scale = `of ${sum(({ expected }) => expected)} expected; ${sum(({ raised }) => raised)} raised, ${sum(({ folded }) => folded)} folded`;
  return [
    rowOf({ what: 'alarms lost, a day of failures', weir: sum(({ lost }) => lost.length), goal: none, note: scale }),
    rowOf({ what: 'alarms told twice, the same day', weir: sum(({ twice }) => twice.length), goal: none }),
    rowOf({ what: 'alarms told needlessly, the same day', weir: sum(({ needless }) => needless.length), goal: none }),
    rowOf({
      what: 'alarms told a day, quiet access network',
      weir: quiet.told.length,
      goal: none,
      note: `${quiet.devices} devices; raised and hidden: ${JSON.stringify(quiet.raised)}`,
    }),
  ];
}

/** On an embedded PostgreSQL of its own, with the collector's schema. */
export async function withDatabase<T>(
  workshop: Workshop,
  reporter: Reporter,
  name: string,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const folder = path.join(workshop.folder, name);
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  const server = { dataFolder: path.join(folder, 'postgresql'), port: 0 };
  const postgres = await workshop.start(new EmbeddedPostgres(reporter, server, { clock: new SystemClock() }));
  const database: OpenDatabase = openDatabase(reporter, {
    url: postgres.url,
    maxConnections: 4,
    applicationName: 'weir-bench',
  });
  try {
    await migrate(database, collectorMigrations);
    return await work(database);
  } finally {
    await database.close();
    await postgres.stop();
  }
}
