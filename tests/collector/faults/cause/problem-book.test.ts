// Problems and silences as they are read from a real database: order, whom they hit, what a scope sees, and what holds without a correlator.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ALARM_COLUMNS, type AlarmRow } from '../../../../collector/faults/alarm-row.ts';
import { AlarmBook } from '../../../../collector/faults/alarm-book.ts';
import { CauseSilence } from '../../../../collector/faults/cause/cause-silence.ts';
import type { ProblemCriticality } from '../../../../collector/faults/cause/problem.ts';
import { ProblemBook } from '../../../../collector/faults/cause/problem-book.ts';
import { faultsMigrations } from '../../../../collector/faults/faults-migrations.ts';
import type { MirroredService } from '../../../../collector/services/service-book.ts';
import { ServiceIndex } from '../../../../collector/services/service-index.ts';
import { migrate } from '../../../../common/database/migrate.ts';
import { EVERYTHING, type Viewpoint } from '../../../../common/model/viewpoint.ts';
import { startTestDatabase, type TestDatabase } from '../../../support/test-database.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

const NOW = Date.parse('2026-11-10T00:00:00Z');
const clock = new VirtualClock(NOW);
let postgres: TestDatabase;

beforeAll(async () => {
  postgres = await startTestDatabase();
  await migrate(postgres.database, faultsMigrations);
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  await postgres.database.query('truncate faults.alarm, faults.status_change, faults.operator_change, faults.cause');
});

const ids = new Map<string, string>();

interface AlarmWords {
  readonly resource: string;
  readonly alarmType?: string;
  readonly severity?: string;
  readonly raisedAtMs?: number;
  readonly cleared?: boolean;
  readonly shelved?: boolean;
}

async function alarm(words: AlarmWords): Promise<string> {
  const { resource, alarmType = 'device-unreachable', severity = 'major', raisedAtMs = NOW, cleared = false } = words;
  const device = resource.includes(':') ? null : (resource.split('/')[0] ?? '');
  const { rows } = await postgres.database.query<{ id: bigint }>(
    `insert into faults.alarm (resource, alarm_type, qualifier, device, severity, is_cleared, text, created_at_ms,
                               raised_at_ms, changed_at_ms, cleared_at_ms, shelved_until_ms)
     values ($1, $2, '', $3, $4, $5, $6, $7, $7, $7, $8, $9) returning id`,
    [
      resource,
      alarmType,
      device,
      severity,
      cleared,
      `${resource} is down`,
      raisedAtMs,
      cleared ? NOW : null,
      words.shelved === true ? NOW + 1000 : null,
    ],
  );
  const id = String(rows[0]?.id);
  ids.set(resource, id);
  return id;
}

async function cause(
  resource: string,
  root: string | null,
  heldUntilMs: number | null,
  raisedAtMs = NOW,
): Promise<void> {
  await postgres.database.query(
    `insert into faults.cause (alarm, root, held_until_ms, reason, decided_at_ms, raised_at_ms)
     values ($1, $2, $3, 'so it is', $4, $5)`,
    [ids.get(resource), root === null ? null : ids.get(root), heldUntilMs, NOW, raisedAtMs],
  );
}

function service(id: string, customer: string, device: string, amount: string): MirroredService {
  return {
    id,
    name: id,
    customer: { id: customer, name: customer },
    fromMs: 0,
    toMs: null,
    bindings: [{ device, interfaceKey: 'p1', fromMs: 0, toMs: null }],
    running: { amount, currency: 'EUR', periodStartMs: NOW - 1000, untilMs: NOW },
  };
}

const services = new ServiceIndex([
  service('cheap', 'acme', 'a', '10.00'),
  { ...service('gold', 'acme', 'g', '10.00'), serviceLevel: 'gold' },
  service('dear', 'bolt', 'b', '1000.00'),
  service('behind-core', 'acme', 'c', '5000.00'),
]);

function book(criticalities: Readonly<Record<string, ProblemCriticality>> = {}): ProblemBook {
  return new ProblemBook({
    database: postgres.database,
    clock,
    services,
    criticalityOf: (device) => criticalities[device] ?? 'normal',
  });
}

async function order(criticalities?: Readonly<Record<string, ProblemCriticality>>): Promise<string[]> {
  return (await book(criticalities).open(EVERYTHING)).problems.map(({ root }) => root.resource);
}

describe('problems', () => {
  test('what earns more comes first, then the graver, then the older; what people set by hand before all', async () => {
    await alarm({ resource: 'a' });
    await alarm({ resource: 'b' });
    await alarm({ resource: 'g', severity: 'minor' });
    await alarm({ resource: 'x', severity: 'critical' });
    await alarm({ resource: 'y', severity: 'critical', raisedAtMs: NOW - 5000 });
    await alarm({ resource: 'core' });
    await alarm({ resource: 'c' });
    await cause('c', 'core', null);
    await cause('core', null, null);
    expect(await order()).toEqual(['core', 'b', 'g', 'a', 'y', 'x']);
    expect(await order({ x: 'critical', b: 'low' })).toEqual(['x', 'core', 'g', 'a', 'y', 'b']);
  });

  test('symptoms bring their customers, each service once', async () => {
    await alarm({ resource: 'core' });
    await alarm({ resource: 'c' });
    await alarm({ resource: 'c/p1', alarmType: 'interface-down' });
    await cause('c', 'core', null);
    await cause('c/p1', 'core', null);
    const [problem, ...others] = (await book().open(EVERYTHING)).problems;
    expect(others).toEqual([]);
    expect(problem?.symptoms.map(({ resource }) => resource)).toEqual(['c', 'c/p1']);
    expect(problem?.impact.services.map(({ id }) => id)).toEqual(['behind-core']);
    expect(problem?.impact.revenueAtRisk).toEqual([{ currency: 'EUR', month: '5000.00', hour: '6.8446' }]);
  });

  test('of a symptom whose root is shelved nothing is shown; a held one is not settled; a decision of an earlier raising is none', async () => {
    await alarm({ resource: 'core', shelved: true });
    await alarm({ resource: 'c' });
    await cause('c', 'core', null);
    await alarm({ resource: 'a' });
    await cause('a', null, NOW + 1000);
    await alarm({ resource: 'b' });
    await cause('b', 'core', null, NOW - 1);
    const { problems } = await book().open(EVERYTHING);
    expect(problems.map(({ root, settled }) => [root.resource, settled])).toEqual([
      ['b', true],
      ['a', false],
    ]);
  });

  test('a scope sees its own: a symptom of what it does not see is a problem, and customers of others are not told', async () => {
    await alarm({ resource: 'core' });
    await alarm({ resource: 'c' });
    await alarm({ resource: 'a' });
    await alarm({ resource: 'site:north', alarmType: 'site-unreachable' });
    await alarm({ resource: 'site:south', alarmType: 'site-unreachable' });
    await cause('c', 'core', null);
    await cause('a', 'core', null);
    const north: Viewpoint = { everything: false, devices: ['c'], resources: ['site:north'], customers: ['bolt'] };
    const { problems } = await book().open(north);
    expect(problems.map(({ root, impact }) => [root.resource, impact.services.length])).toEqual([
      ['c', 0],
      ['site:north', 0],
    ]);
    const alarms = new AlarmBook({ database: postgres.database, clock, publish: () => undefined });
    const listed = async (viewpoint: Viewpoint): Promise<string[]> =>
      (await alarms.under(viewpoint).list({ state: 'root' })).items.map(({ resource }) => resource).toSorted();
    expect(await listed(north)).toEqual(['c', 'site:north']);
    expect(await listed(EVERYTHING)).toEqual(['core', 'site:north', 'site:south']);
    const [core] = (await alarms.under({ ...north, devices: ['c', 'core'] }).list({ resource: 'core' })).items;
    expect(core?.symptoms).toBe(1);
  });
});

describe('silences', () => {
  const config = { holdMs: 30_000, recoveryMs: 40_000 };
  const silences = async (source: CauseSilence, nowMs: number): Promise<Record<string, string>> => {
    const { rows } = await postgres.database.query<AlarmRow>(`select ${ALARM_COLUMNS} from faults.alarm`);
    const found = await source.silencesOf(postgres.database, rows, nowMs);
    return Object.fromEntries(
      rows.flatMap(({ id, resource }) => {
        const silence = found.get(id.toString());
        return silence === undefined ? [] : [[resource, `${silence.kind} ${silence.untilMs ?? ''}`.trim()]];
      }),
    );
  };

  test('a symptom is silent as long as its root stands, then a while; a held one until its time; a threshold never', async () => {
    await alarm({ resource: 'core' });
    await alarm({ resource: 'old', cleared: true });
    for (const resource of ['a', 'b', 'c']) await alarm({ resource });
    await alarm({ resource: 'c/p1', alarmType: 'high-utilisation' });
    await cause('core', null, null);
    await cause('a', 'core', null);
    await cause('b', 'old', null);
    await cause('c', null, NOW + 5000);
    const source = new CauseSilence(config);
    expect(await silences(source, NOW)).toEqual({ a: 'symptom', b: `held ${NOW + 40_000}`, c: `held ${NOW + 5000}` });
    // Nobody decides any more: what was said ends all the same.
    expect(await silences(source, NOW + 40_000)).toEqual({ a: 'symptom' });
  });

  test('without a decision an alarm waits for one, once and no longer than an alarm may be held', async () => {
    await alarm({ resource: 'a' });
    await alarm({ resource: 'site:x', alarmType: 'site-unreachable' });
    await alarm({ resource: 'b/p1', alarmType: 'interface-errors' });
    const source = new CauseSilence(config);
    expect(await silences(source, NOW)).toEqual({ a: `held ${NOW + 30_000}` });
    expect(await silences(source, NOW + 29_999)).toEqual({ a: `held ${NOW + 30_000}` });
    expect(await silences(source, NOW + 30_000)).toEqual({});
    expect(await silences(source, NOW + 90_000)).toEqual({});
  });
});
