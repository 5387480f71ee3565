// Rules tried on what a whole collector has stored, over its API and with `weir rules test`: what they would have raised beside those of now.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CommandContext } from '../../../../cli/command.ts';
import { rulesCommand } from '../../../../cli/commands/rules.ts';
import { RuleTest, type RuleTestDeps } from '../../../../collector/faults/trial/rule-test.ts';
import { DEFAULT_FAULTS } from '../../../../collector/faults/fault-rules.ts';
import { NO_SURROUNDINGS } from '../../../../collector/faults/surroundings.ts';
import { WeirError } from '../../../../common/runtime/errors.ts';
import {
  ADMINISTRATOR,
  type CollectorFixture,
  eventually,
  type StartedFixture,
  startCollectorFixture,
} from '../../../support/collector-fixture.ts';
import { interfacePoll } from '../../../support/poll-builder.ts';
import { silentReporter } from '../../../support/silent-reporter.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

const MINUTE = 60_000;
const T0 = Math.floor((Date.now() - 40 * MINUTE) / MINUTE) * MINUTE;
let started: StartedFixture;
let fixture: CollectorFixture;

/** Down for one minute at 5 min, for ten at 15 min; the device is silent at 30 min for two. */
const DOWN = new Set([5, ...Array.from({ length: 10 }, (_, at) => 15 + at)]);

beforeAll(async () => {
  started = await startCollectorFixture({ devices: [{ name: 'core1', site: 'north' }, { name: 'access1' }] });
  ({ fixture } = started);
  const polls = Array.from({ length: 36 }, (_, at) => {
    const base = { device: 'core1', atMs: T0 + at * MINUTE };
    if (at === 30 || at === 31) return interfacePoll({ ...base, failure: 'snmp_timeout' });
    return interfacePoll({ ...base, interfaces: [{ key: 'p1', oper: DOWN.has(at) ? 2 : 1, speedBps: 1e9 }] });
  });
  await fixture.receipt({ sequence: 1, polls });
  await fixture.applied(1);
  await eventually(async () => {
    const { items } = await fixture.get<{ items: unknown[] }>(
      '/api/v1/series/latest?metric=oper_status&resource=core1/p1',
    );
    return items.length > 0;
  }, 'the store has it');
});
afterAll(() => started.remove());

const span = { from: new Date(T0).toISOString(), to: new Date(T0 + 40 * MINUTE).toISOString() };

test('the API tells both, and each alarm of the rules that are tried', async () => {
  const rules = { interface_down: { raise_after_ms: 120_000 }, sensor_state: { enabled: false } };
  const { status, body } = await fixture.post('/api/v1/rules/test', { rules, ...span });
  expect(status).toBe(200);
  expect(body).toMatchObject({
    through: span.to,
    devices: 2,
    polls: 36,
    present: 3,
    candidate: 2,
    untried: ['sensor_state'],
    notStored: { sensor_state: expect.stringContaining('without their words') as unknown },
    byType: [
      { alarmType: 'device-unreachable', present: 1, candidate: 1 },
      { alarmType: 'interface-down', present: 2, candidate: 1 },
    ],
    items: [
      {
        resource: 'core1/p1',
        alarmType: 'interface-down',
        seconds: 480,
        worst: 'major',
        present: true,
      },
      { resource: 'core1', alarmType: 'device-unreachable', seconds: 60 },
    ],
    more: false,
  });
  // By the collector's clock, which is some milliseconds beside that of the batch.
  const raisedAt = (body as { items: { raisedAt: string }[] }).items[0]?.raisedAt ?? '';
  expect(Math.abs(Date.parse(raisedAt) - (T0 + 17 * MINUTE))).toBeLessThan(30_000);
  // Nothing was raised by it, and nothing changed.
  expect((await fixture.get<{ items: unknown[] }>('/api/v1/alarms?state=all')).items).toHaveLength(2);
});

test('what is no rule, no level, no span or no device is refused, with the place of it', async () => {
  const refusal = async (body: object): Promise<string> => {
    const answer = await fixture.post('/api/v1/rules/test', { rules: {}, ...span, ...body });
    return `${answer.status} ${(answer.body as { error: { message: string } }).error.message}`;
  };
  expect(await refusal({ rules: { interface_up: {} } })).toContain(
    '400 rules.interface_up: not a rule that is known here',
  );
  expect(await refusal({ rules: { high_utilisation: { raise_percent: 50 } } })).toContain(
    'rules.high_utilisation.clear_percent',
  );
  const overrides = [{ site: 'x', rules: { high_utilisation: { raise_percent: 50 } } }];
  expect(await refusal({ rules: { overrides } })).toContain('rules.overrides.0.rules.high_utilisation.clear_percent');
  expect(await refusal({ from: span.to })).toContain('400 from');
  expect(await refusal({ device: 'nobody*' })).toContain('400 No device fits.');
});

async function command(yaml: string, options: Record<string, string>): Promise<string[]> {
  const file = path.join(fixture.folder, 'rules.yaml');
  writeFileSync(file, yaml);
  const lines: string[] = [];
  const context = {
    positionals: ['test', file],
    options: { collector: fixture.url, ...span, ...options },
    environment: { WEIR_ADMIN_TOKEN: ADMINISTRATOR },
    json: false,
    print: (line: string) => lines.push(line),
    progress: () => undefined,
  } as unknown as CommandContext;
  expect(await rulesCommand.run(context)).toBe(0);
  return lines;
}

test('the command prints totals beside each other, and a table', async () => {
  const yaml = 'overrides:\n  - { site: north, rules: { interface_down: { enabled: false } } }\n';
  const lines = await command(yaml, { device: 'core*' });
  expect(lines[0]).toMatch(/^1 alarms instead of 3: 36 polls of 1 devices/);
  expect(lines.join('\n')).toMatch(/interface-down +0 +2/);
  expect(lines.join('\n')).toMatch(/1 min 0 s +critical +yes +device-unreachable core1/);
});

test('versions, modules and neighbours are those of then, as the inventory kept them', async () => {
  const { database } = fixture.database;
  await database.query(
    `insert into inventory.change (device, part, kind, before, after, at_ms) values
       ('core1', '', 'upgrade', '1.0', '2.0', $1), ('core1', 'module:3', 'module_replaced', 'PSU, X, A1', 'PSU, X, B2', $1),
       ('core1', 'neighbour:n1', 'neighbour_lost', 'access1', null, $2)`,
    [T0 + 10 * MINUTE, T0 + 26 * MINUTE],
  );
  await database.query(
    `insert into inventory.part (device, kind, key, facts, first_seen_ms, last_seen_ms, gone_at_ms)
     select id, 'neighbour', 'n1', '{"remoteDevice": "access1", "protocol": "lldp"}', 1, $1, $1 from inventory.device where name = 'core1'`,
    [T0 + 26 * MINUTE],
  );
  // Of a device that tells of neighbours, a port without one is not missed.
  const rules = { device_upgraded: { enabled: false }, neighbour_lost: { raise_after_polls: 20 } };
  const { body } = await fixture.post('/api/v1/rules/test', { rules, ...span });
  expect((body as { byType: { alarmType: string }[] }).byType).toEqual([
    { alarmType: 'device-unreachable', present: 1, candidate: 1 },
    { alarmType: 'device-upgraded', present: 1, candidate: 0 },
    { alarmType: 'neighbour-lost', present: 1, candidate: 0 },
    { alarmType: 'unit-replaced', present: 1, candidate: 1 },
  ]);
  const lines = await command('half_duplex: { enabled: false }\n', { device: 'core*' });
  expect(lines.join('\n')).toContain('Nothing stored can try half_duplex: duplex of then is not stored.');
});

test('a slice that is too large is halved, time that is over is told, and there is one test at a time', async () => {
  const clock = new VirtualClock(0);
  const asked: number[] = [];
  const deps: RuleTestDeps = {
    database: {
      query: () => Promise.resolve({ rows: [], rowCount: 0 }),
      transaction: () => Promise.reject(new Error('none')),
    },
    clock,
    store: {
      polls: async ({ fromMs, toMs }) => {
        asked.push((toMs - fromMs) / MINUTE);
        if (toMs - fromMs > 2 * MINUTE) throw new WeirError('series_too_long', 'too long');
        await clock.advance(10_000);
        return [];
      },
    },
    names: () => ['core1'],
    labelsOf: () => ({ site: null, tags: [] }),
    around: NO_SURROUNDINGS,
    config: () => DEFAULT_FAULTS,
    rulesOf: () => DEFAULT_FAULTS.rules,
    trapRules: [],
  };
  const test = new RuleTest(silentReporter().reporter, deps);
  const question = { rules: { overrides: [] }, fromMs: T0, toMs: T0 + 60 * MINUTE, limit: 10, budgetMs: 35_000 };
  const [one, other] = await Promise.allSettled([test.run(question), test.run(question)]);
  expect(other).toMatchObject({ status: 'rejected', reason: { code: 'rules_test_busy' } });
  expect(one).toMatchObject({ status: 'fulfilled', value: { throughMs: T0, present: 0, polls: 0 } });
  expect(asked.slice(0, 3)).toEqual([10, 1.25, 5]);
});
