// How long a change of an alarm, its lists and its searches take with 100,000 alarms, half of them raised.
import { AlarmBook } from '../../collector/faults/alarm-book.ts';
import type { AlarmsQuery } from '../../collector/faults/alarm.ts';
import { writeChanges } from '../../collector/faults/alarm-writer.ts';
import { DEFAULT_FAULTS } from '../../collector/faults/fault-rules.ts';
import { listAlarms } from '../../collector/faults/tmf642/alarm-reader.ts';
import { type Filter, filterOf } from '../../collector/faults/tmf642/filter.ts';
import type { Database } from '../../common/database/database.ts';
import { EVERYTHING } from '../../common/model/viewpoint.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { createReporter } from '../../common/runtime/reporter.ts';
import type { PartContext } from '../part.ts';
import { type Row, rowOf } from '../rows.ts';
import { withDatabase } from './day-part.ts';

const ALARMS = 100_000;
const TIMES = 21;
const CHANGE_GOAL_MS = 50;
const LIST_GOAL_MS = 200;
const PAGE = 100;

export async function alarmsPart({ workshop, tell }: PartContext): Promise<readonly Row[]> {
  const reporter = createReporter({ component: 'bench', level: 'error' });
  return withDatabase(workshop, reporter, 'alarms', async (database) => {
    tell(`alarms: ${ALARMS} of them`);
    await fill(database);
    const clock = new SystemClock();
    const book = new AlarmBook({ database, clock, publish: () => undefined });
    const rows: Row[] = [];
    const measure = async (what: string, goalMs: number, work: (time: number) => Promise<unknown>): Promise<void> => {
      await work(TIMES);
      const taken: number[] = [];
      for (let time = 0; time < TIMES; time += 1) {
        const beganMs = clock.monotonicMs();
        await work(time);
        taken.push(clock.monotonicMs() - beganMs);
      }
      const median = taken.toSorted((one, other) => one - other)[Math.floor(TIMES / 2)] ?? Number.NaN;
      tell(`alarms: ${what}: ${median.toFixed(1)} ms`);
      rows.push(
        rowOf({ what: `ms: ${what}`, weir: median, goal: { of: 'weir', most: goalMs }, note: `${ALARMS} alarms` }),
      );
    };
    const list = (query: AlarmsQuery) => () => book.list({ limit: PAGE, ...query });
    const tmf =
      (...filters: Filter[]) =>
      () =>
        listAlarms(
          database,
          EVERYTHING,
          { filters, shelved: 'false', order: '-changed', offset: 0, limit: PAGE },
          clock.now(),
        );
    await measure('status change of an alarm', CHANGE_GOAL_MS, (time) => change(database, time));
    await measure('comment of an operator', CHANGE_GOAL_MS, (time) =>
      book.act(String(1 + time * 2), { verb: 'comment' }, { operator: 'ann', role: 'operator', text: 'looking' }),
    );
    await measure('list of raised alarms', LIST_GOAL_MS, list({ state: 'active' }));
    await measure('list of roots', LIST_GOAL_MS, list({ state: 'root' }));
    await measure('list by priority', LIST_GOAL_MS, list({ state: 'active', sort: 'priority' }));
    await measure('search for a text that one alarm has', LIST_GOAL_MS, list({ text: 'port 77777 ' }));
    await measure('search for a text that none has', LIST_GOAL_MS, list({ text: 'nowhere at all' }));
    await measure('summary', LIST_GOAL_MS, () => book.summary());
    await measure('TMF642 list', LIST_GOAL_MS, tmf());
    await measure('TMF642 list of raised alarms', LIST_GOAL_MS, tmf(filterOf('state', 'raised')));
    await measure(
      'TMF642 search for a text that one alarm has',
      LIST_GOAL_MS,
      tmf(filterOf('alarmDetails', 'port 77777 is down, though it is meant to be up.')),
    );
    return rows;
  });
}

async function fill(database: Database): Promise<void> {
  await database.query(
    `insert into faults.alarm (resource, alarm_type, qualifier, device, severity, is_cleared, text, created_at_ms,
                               raised_at_ms, changed_at_ms, cleared_at_ms)
     select 'device' || n / 25 || '/port ' || n, 'interface-down', '', 'device' || n / 25,
            (array['critical', 'major', 'minor', 'warning'])[1 + n % 4], n % 2 = 0,
            'port ' || n || ' is down, though it is meant to be up.', n, n, n, case when n % 2 = 0 then n end
       from generate_series(1, $1::int) n`,
    [ALARMS],
  );
  await database.query(
    `insert into faults.status_change (alarm, at_ms, severity, text, journal, position, ordinal)
     select id, changed_at_ms, severity, text, 'filled', id, 0 from faults.alarm`,
  );
  await database.query('vacuum analyze faults.alarm');
  await database.query('vacuum analyze faults.alarm_priority');
}

function change(database: Database, time: number): Promise<unknown> {
  const atMs = new SystemClock().now();
  const kind = 'changed' as const;
  const at = 1001 + time * 2;
  return database.transaction((connection) =>
    writeChanges(
      connection,
      [
        {
          kind,
          resource: `device${Math.floor(at / 25)}/port ${at}`,
          alarmType: 'interface-down',
          qualifier: '',
          severity: 'critical',
          text: `changed ${time}`,
          threshold: null,
          atMs,
          origin: { journal: 'bench', position: atMs, ordinal: time },
        },
      ],
      DEFAULT_FAULTS.historyEntries,
    ),
  );
}
