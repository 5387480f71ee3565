// Filters of TMF642 twice: as SQL, and in memory over what an alarm is told as. Whatever the alarms and the filter are, both choose the same.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ALARM_COLUMNS, type AlarmRow } from '../../../../collector/faults/alarm-row.ts';
import { ALARM_TYPES } from '../../../../collector/faults/alarm-types.ts';
import { faultsMigrations } from '../../../../collector/faults/faults-migrations.ts';
import { listAlarms, toldOf } from '../../../../collector/faults/tmf642/alarm-reader.ts';
import { FILTER_PATHS, filterOf, filtersOfPattern, matches } from '../../../../collector/faults/tmf642/filter.ts';
import { mergeSaid } from '../../../../collector/faults/tmf642/tmf-body.ts';
import { auditMigrations } from '../../../../common/database/audit.ts';
import { migrate } from '../../../../common/database/migrate.ts';
import { EVERYTHING } from '../../../../common/model/viewpoint.ts';
import { startTestDatabase, type TestDatabase } from '../../../support/test-database.ts';

let postgres: TestDatabase;
beforeAll(async () => {
  postgres = await startTestDatabase();
  await migrate(postgres.database, [...auditMigrations, ...faultsMigrations]);
});
afterAll(() => postgres.stop());

const word = fc.constantFrom('a', 'b', "it's", '%', 'A');
const AT = 1_790_000_000_000;
const at = fc.integer({ min: 0, max: 3 }).map((ms) => AT + ms);
const maybe = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(one, { nil: undefined });
const reference = fc.record({ id: word }, { requiredKeys: ['id'] });

const external = fc.record(
  {
    alarmType: fc.constantFrom('equipmentAlarm', 'environmentalAlarm'),
    probableCause: word,
    proposedRepairedActions: word,
    specificProblem: word,
    reportingSystemId: word,
    alarmedObject: fc.record({ id: word, href: word }),
    alarmedObjectType: word,
    isRootCause: fc.boolean(),
    serviceAffecting: fc.boolean(),
    plannedOutageIndicator: word,
    affectedService: fc.array(reference, { maxLength: 2 }),
    correlatedAlarm: fc.array(reference, { maxLength: 2 }),
    crossedThresholdInformation: fc.record({ indicatorName: word, direction: word }, { requiredKeys: [] }),
    place: fc.array(fc.record({ id: word, role: word }), { maxLength: 2 }),
    alarmReportingTime: at,
    '@type': word,
  },
  { requiredKeys: [] },
);

const row = fc.record({
  resource: fc.constantFrom('core1', 'core1/p1', 'core1/processor:1', 'agent:a', 'x/Y:1'),
  alarmType: fc.constantFrom(...Object.keys(ALARM_TYPES), 'external', 'of-another-version'),
  qualifier: fc.constantFrom('', 'in'),
  severity: fc.constantFrom('critical', 'major', 'warning'),
  cleared: fc.boolean(),
  text: fc.constantFrom('', 'a', 'b'),
  threshold: fc.option(fc.constant({ indicator: 'a', unit: 'b', observed: 0.5, raiseAt: 1, clearBelow: 0.2 })),
  raised: at,
  changed: at,
  operator: fc.option(word),
  through: fc.boolean(),
  escalation: fc.integer({ min: 0, max: 2 }),
  source: fc.option(word),
  state: fc.constantFrom('raised', 'updated'),
  said: maybe(external),
  comment: maybe(fc.record({ text: word, operator: word, system: fc.option(word), for: fc.option(word) })),
  child: fc.boolean(),
});
type Row = typeof row extends fc.Arbitrary<infer T> ? T : never;

async function insert(rows: readonly Row[]): Promise<void> {
  await postgres.database.query('truncate faults.alarm, faults.status_change, faults.operator_change restart identity');
  for (const [place, one] of rows.entries()) {
    const said = {
      ...mergeSaid({}, one.said ?? {}),
      state: one.state,
      ...(one.through
        ? { ackAtMs: AT, ackUserId: 'a', ackSystemId: 'b', clearAtMs: AT, clearUserId: 'a', clearSystemId: 'b' }
        : {}),
    };
    await postgres.database.query(
      `insert into faults.alarm (resource, alarm_type, qualifier, severity, is_cleared, text, threshold, created_at_ms, raised_at_ms, changed_at_ms,
         cleared_at_ms, operator_state, operator, operator_at_ms, escalation_level, source_system_id, external_alarm_id, external, parent_alarms)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
      [
        one.resource,
        one.alarmType,
        `${one.qualifier}${one.qualifier === '' && place === 0 ? '' : place}`,
        one.severity,
        one.cleared,
        one.text,
        one.threshold === null ? null : JSON.stringify(one.threshold),
        one.raised,
        one.changed,
        one.cleared ? AT : null,
        one.operator === null ? 'none' : 'ack',
        one.operator,
        one.operator === null ? null : AT,
        one.escalation,
        one.source,
        one.source === null ? null : String(place),
        one.said === undefined && one.source === null ? null : JSON.stringify(said),
        one.child && place > 0 ? [1] : [],
      ],
    );
    if (one.comment !== undefined)
      await postgres.database.query(
        `insert into faults.operator_change (alarm, at_ms, operator, state, text, action, system, on_behalf_of)
         values ($1, 1, $2, 'none', $3, 'comment', $4, $5)`,
        [place + 1, one.comment.operator, one.comment.text, one.comment.system, one.comment.for],
      );
  }
}

/** What alarms say of a path, and what none says. */
function valuesOf(alarms: readonly object[], path: string): string[] {
  const walk = (value: unknown, keys: readonly string[]): unknown[] => {
    if (Array.isArray(value)) return value.flatMap((one: unknown) => walk(one, keys));
    const [key, ...rest] = keys;
    if (key === undefined) return typeof value === 'object' ? [] : [value];
    return typeof value === 'object' && value !== null && key in value
      ? walk((value as Record<string, unknown>)[key], rest)
      : [];
  };
  return [...new Set(alarms.flatMap((alarm) => walk(alarm, path.split('.'))).map(String))];
}

test('SQL and memory choose the same alarms, by every path and every value that there is', async () => {
  let chosenBySome = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 6 }), async (rows) => {
      await insert(rows);
      const { rows: held } = await postgres.database.query<AlarmRow>(
        `select ${ALARM_COLUMNS} from faults.alarm order by id`,
      );
      const alarms = await toldOf(postgres.database, held, EVERYTHING);
      for (const path of FILTER_PATHS.filter(
        (one) => one.includes('.') || !FILTER_PATHS.some((other) => other.startsWith(`${one}.`)),
      )) {
        for (const value of valuesOf(alarms, path).slice(0, 3)) {
          const filters = [filterOf(path, value)];
          const question = { filters, shelved: 'any', order: 'id', offset: 0, limit: 100 } as const;
          const bySql = (await listAlarms(postgres.database, EVERYTHING, question, AT)).alarms.map(({ id }) => id);
          const inMemory = alarms.filter((alarm) => matches(alarm, filters)).map(({ id }) => id);
          expect([path, value, bySql]).toEqual([path, value, inMemory]);
          expect(bySql.length, `${path} ${value}`).toBeGreaterThan(0);
          if (bySql.length < alarms.length) chosenBySome += 1;
        }
      }
    }),
    { numRuns: 25 },
  );
  expect(chosenBySome).toBeGreaterThan(100);
}, 120_000);

describe('patterns', () => {
  test('are the filters of what they have', () => {
    expect(
      filtersOfPattern({ state: 'RAISED', alarmedObject: { id: 'x' }, place: [{ role: 'site' }], isRootCause: true }),
    ).toEqual([
      { path: 'state', comparison: 'eq', values: ['raised'] },
      { path: 'alarmedObject.id', comparison: 'eq', values: ['x'] },
      { path: 'place.role', comparison: 'eq', values: ['site'] },
      { path: 'isRootCause', comparison: 'eq', values: ['true'] },
    ]);
  });

  test.each([{ colour: 'red' }, { state: null }, { alarmedObject: { colour: 1 } }, { alarmRaisedTime: 'x' }])(
    '%j is refused',
    (pattern) => {
      expect(() => filtersOfPattern(pattern)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    },
  );
});
