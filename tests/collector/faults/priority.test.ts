// The order in which alarms are worked on: the pure rule as a table, the database's words against it, and what moves when contracts or hands do.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AlarmBook } from '../../../collector/faults/alarm-book.ts';
import { SEVERITIES, type Severity } from '../../../collector/faults/alarm.ts';
import { writeChanges } from '../../../collector/faults/alarm-writer.ts';
import { CarriedBook } from '../../../collector/faults/carried-book.ts';
import type { ProblemCriticality } from '../../../collector/faults/cause/problem.ts';
import { faultsMigrations } from '../../../collector/faults/faults-migrations.ts';
import { type ImpactRank, impactRank, priorityOf } from '../../../collector/faults/priority.ts';
import type { MirroredService } from '../../../collector/services/service-book.ts';
import { auditMigrations } from '../../../common/database/audit.ts';
import { migrate } from '../../../common/database/migrate.ts';
import { Exact } from '../../../common/model/exact.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

describe('impact', () => {
  test.each<[string | null, string, ProblemCriticality, ImpactRank]>([
    [null, '0', 'normal', 0],
    [null, '0.01', 'normal', 1],
    [null, '1', 'normal', 2],
    ['bronze', '0', 'normal', 1],
    ['bronze', '9.99', 'normal', 2],
    ['gold', '10', 'normal', 3],
    ['platinum', '0', 'normal', 4],
    [null, '100', 'normal', 4],
    ['what the bridge calls otherwise', '0', 'normal', 0],
    ['platinum', '1000', 'low', 0],
    [null, '0', 'high', 4],
    [null, '0', 'critical', 5],
  ])('%s at %s an hour, %s by hand: %i', (serviceLevel, hourly, criticality, rank) => {
    expect(impactRank({ serviceLevel, hourly: Exact.parse(hourly) ?? Exact.zero, criticality })).toBe(rank);
  });

  test('a worse severity, or more that hangs on it, never comes later', () => {
    for (const [at, severity] of SEVERITIES.entries())
      for (const impact of [0, 1, 2, 3, 4, 5] as const) {
        const worse: Severity | undefined = SEVERITIES[at - 1];
        if (worse !== undefined) expect(priorityOf(worse, impact)).toBeGreaterThan(priorityOf(severity, impact));
        if (impact < 5)
          expect(priorityOf(severity, (impact + 1) as ImpactRank)).toBeGreaterThan(priorityOf(severity, impact));
      }
  });
});

describe('the list by priority', () => {
  let postgres: TestDatabase;
  let services: MirroredService[] = [];
  const hands = new Map<string, ProblemCriticality>();
  const clock = new VirtualClock(1_000_000);
  let carried: CarriedBook;

  const service = (id: string, level: string | null, ...ports: string[]): MirroredService => ({
    id,
    name: id,
    customer: { id: 'acme', name: 'Acme' },
    fromMs: 0,
    toMs: null,
    serviceLevel: level,
    bindings: ports.map((port) => {
      const [device = '', interfaceKey = ''] = port.split('/');
      return { device, interfaceKey, fromMs: 0, toMs: null };
    }),
    running: null,
  });

  beforeAll(async () => {
    postgres = await startTestDatabase();
    await migrate(postgres.database, [...auditMigrations, ...faultsMigrations]);
    carried = new CarriedBook(silentReporter().reporter, {
      database: postgres.database,
      clock,
      services: { services: () => services },
      devices: () => ['a1', 'a2', 'b1'].map((name) => ({ name, site: name.startsWith('a') ? 'north' : null })),
      criticalityOf: (device) => hands.get(device) ?? 'normal',
    });
  });
  afterAll(() => postgres.stop());

  let position = 0;
  async function change(
    kind: 'raised' | 'cleared',
    resource: string,
    alarmType: string,
    severity: Severity,
  ): Promise<void> {
    await postgres.database.transaction((connection) =>
      writeChanges(
        connection,
        [
          {
            kind,
            resource,
            alarmType: alarmType as 'interface-down',
            qualifier: '',
            severity,
            text: 'x',
            threshold: null,
            atMs: clock.now(),
            origin: { journal: 'test', position: (position += 1), ordinal: 0 },
          },
        ],
        32,
      ),
    );
  }
  const order = async (): Promise<string[]> =>
    (
      await new AlarmBook({ database: postgres.database, clock, publish: () => undefined }).list({
        sort: 'priority',
        state: 'active',
      })
    ).items.map(({ resource }) => resource);

  test('follows severity, what is promised on a port, a device or a site, and people', async () => {
    services = [service('gold', 'gold', 'a1/p1'), service('bronze', 'bronze', 'a2/p1')];
    await carried.look();
    await change('raised', 'a2/p1', 'interface-down', 'major');
    await change('raised', 'a1/p1', 'interface-down', 'major');
    await change('raised', 'a1/p2', 'interface-down', 'critical');
    await change('raised', 'a1/fan:1', 'fan-failed', 'minor');
    await change('raised', 'site:north', 'site-unreachable', 'critical');
    // 5 + 3, 4 + 3, 3 + 3, 5 + 0, 4 + 1; of equals the worse.
    expect(await order()).toEqual(['site:north', 'a1/p1', 'a1/fan:1', 'a1/p2', 'a2/p1']);
    const { rows } = await postgres.database.query<{ severity: Severity; priority: number; impact: number }>(
      `select severity, priority, faults.impact_of(resource, device) as impact from faults.alarm
         join faults.alarm_priority on of_alarm = id`,
    );
    expect(rows).toHaveLength(5);
    for (const { severity, priority, impact } of rows)
      expect(priority).toBe(priorityOf(severity, impact as ImpactRank));
  });

  test('moves when a contract changes, when people say so, and when an alarm does; nothing else of an alarm changes', async () => {
    const before = await postgres.database.query('select id, updated_at_ms from faults.alarm order by id');
    services = [service('gold', 'gold', 'a2/p1')];
    await carried.look();
    expect((await order()).slice(0, 2)).toEqual(['site:north', 'a2/p1']);
    hands.set('a1', 'critical');
    await carried.look();
    expect(await order()).toEqual(['a1/p2', 'a1/p1', 'site:north', 'a1/fan:1', 'a2/p1']);
    expect(await postgres.database.query('select id, updated_at_ms from faults.alarm order by id')).toEqual(before);
    await change('cleared', 'a1/p2', 'interface-down', 'critical');
    expect(await order()).not.toContain('a1/p2');
    hands.clear();
    services = [];
    await carried.look();
    expect(await order()).toEqual(
      ['site:north', 'a1/p1', 'a2/p1', 'a1/fan:1'].toSorted((one, other) => rank(other) - rank(one)),
    );
    const { rows } = await postgres.database.query('select from faults.carried');
    expect(rows).toHaveLength(0);
  });

  /** Without contracts the severity alone counts, and of equals the newer entry. */
  function rank(resource: string): number {
    return { 'site:north': 4, 'a1/p1': 3, 'a2/p1': 2 }[resource] ?? 1;
  }

  test('cleared alarms have none', async () => {
    const book = new AlarmBook({ database: postgres.database, clock, publish: () => undefined });
    await expect(book.list({ sort: 'priority', state: 'cleared' })).rejects.toMatchObject({ code: 'invalid_request' });
  });
});
