// A collector that dies at each query of a corrective action, before or after it took place: another one goes on, and the device or the receiver gets it once at most.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { agentsMigrations } from '../../../collector/agents/agents-migrations.ts';
import { WorkDesk } from '../../../collector/agents/work-desk.ts';
import type { HandedOut } from '../../../collector/agents/work-item.ts';
import { closeWork } from '../../../collector/agents/work-results.ts';
import type { ActionPlan } from '../../../collector/repair/action-plan.ts';
import { ActionRunner } from '../../../collector/repair/action-runner.ts';
import { type ActionRow, actionByKey, insertAction } from '../../../collector/repair/action-store.ts';
import { repairMigrations } from '../../../collector/repair/repair-migrations.ts';
import { WebhookSender } from '../../../collector/repair/webhook-sender.ts';
import { auditMigrations } from '../../../common/database/audit.ts';
import type { Database } from '../../../common/database/database.ts';
import { migrate } from '../../../common/database/migrate.ts';
import { FailingDatabase } from '../../support/failing-database.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const OID = '1.3.6.1.9.1';
const PLAN: ActionPlan = {
  action: 'set',
  title: 'Set',
  target: 'core1/p1',
  device: 'core1',
  agent: 'agent-1',
  steps: [{ varbinds: [{ oid: OID, type: 'integer', value: '5' }], pauseMs: 0 }],
  webhook: null,
  expect: ['values'],
  withinMs: 60_000,
  expected: [{ oid: OID, value: '5' }],
  restore: 'before',
};
const KEY = 'the-only-one';

let postgres: TestDatabase;
let clock: VirtualClock;
/** What the device has, and what was set: by which work. */
let held: string;
let sets: string[];
let posts: string[];
/** What the agent has begun: it does nothing twice that has the same id. */
let begun: Set<string>;

beforeAll(async () => {
  postgres = await startTestDatabase();
  await migrate(postgres.database, [...auditMigrations, ...agentsMigrations, ...repairMigrations]);
});
afterAll(() => postgres.stop());
beforeEach(() => {
  clock = new VirtualClock(Date.UTC(2026, 10, 28));
});

function runnerOn(database: Database): ActionRunner {
  const { reporter } = silentReporter();
  const url = 'http://receiver/';
  return new ActionRunner(reporter, {
    database,
    clock,
    work: new WorkDesk(reporter, { database, clock, newId: () => 'unused' }),
    facts: { alarm: () => Promise.resolve(null), port: () => Promise.resolve(null) } as never,
    webhooks: new WebhookSender(new Map([['bell', { url, secret: 's'.repeat(32), timeoutMs: 1000 }]]), {
      clock,
      environment: {},
      post: ({ headers }) => {
        posts.push(headers['idempotency-key'] ?? '');
        return Promise.resolve();
      },
    }),
  });
}

async function begin(plan: ActionPlan): Promise<void> {
  [held, sets, posts, begun] = ['1', [], [], new Set()];
  await postgres.database.query('truncate repair.action, agents.work');
  const { action, title, target, device, agent } = plan;
  const asked = {
    policy: null,
    requestedBy: 'ann',
    role: 'operator',
    reason: 'why',
    state: 'asked',
    message: '',
  } as const;
  const words = { key: KEY, alarm: '7', raisedAtMs: 1, action, title, target, device, agent, plan, ...asked };
  await insertAction(postgres.database, words, clock.now());
}

/** The agent fetches what there is, and its results are applied by whichever collector lives. */
async function agentTurn(): Promise<void> {
  const { reporter } = silentReporter();
  const desk = new WorkDesk(reporter, { database: postgres.database, clock, newId: () => 'unused' });
  const items = await desk.take('agent-1', 0, new AbortController().signal);
  const results = items.filter(({ id }) => !begun.has(id)).map((item) => ({ item, said: answerOf(item) }));
  await closeWork(
    postgres.database,
    results.map(({ item: { id }, said: [name, value] }) => ({
      id,
      agent: 'agent-1',
      state: 'done' as const,
      finished_at_ms: clock.now(),
      result: [{ name, value }],
    })),
  );
}

function answerOf({ id, kind, steps }: HandedOut): readonly [name: string, value: string] {
  begun.add(id);
  const before = held;
  if (kind === 'read') return [`value.${OID}`, held];
  if (kind === 'sequence') {
    sets.push(id);
    held = steps[0]?.varbinds[0]?.value ?? held;
  }
  return [`before.${OID}`, before];
}

/** Looks again and again until the action has ended, or the collector is dead. */
async function goOn(runner: ActionRunner, goesOn: () => boolean): Promise<ActionRow | null> {
  for (let look = 0; look < 40; look += 1) {
    await runner.goOn().catch((error: unknown) => {
      if (goesOn()) throw error;
    });
    // A webhook goes on by itself.
    await new Promise((resolve) => setImmediate(resolve));
    if (!goesOn()) return null;
    await agentTurn();
    const row = await actionByKey(postgres.database, KEY);
    if (row !== null && row.finished_at_ms !== null) return row;
    await clock.advance(2000);
  }
  return actionByKey(postgres.database, KEY);
}

const MOMENTS = [false, true].flatMap((after) => [
  { after, plan: PLAN, what: 'values', leastDeaths: 15 },
  { after, plan: { ...PLAN, steps: [], webhook: 'bell', expect: [], expected: [] }, what: 'a webhook', leastDeaths: 6 },
]);

test.each(MOMENTS)('$what; dies after the query: $after', { timeout: 60_000 }, async ({ after, plan, leastDeaths }) => {
  let deaths = 0;
  for (let failAt = 0; ; failAt += 1) {
    await begin(plan);
    const broken = new FailingDatabase(postgres.database, failAt, after);
    await goOn(runnerOn(broken), () => !broken.failed);
    const row = await goOn(runnerOn(postgres.database), () => true);
    const told = { failAt, state: row?.state, sets, posts };
    if (plan.webhook === null)
      expect(told).toEqual({ failAt, state: 'verified', sets: [`action-${row?.id}`], posts: [] });
    else {
      // Nobody knows whether what was on its way arrived: it is not sent again.
      expect(told.posts.length).toBeLessThanOrEqual(1);
      expect(['verified', 'not_verified']).toContain(told.state);
      if (told.state === 'verified') expect(told).toMatchObject({ posts: [KEY] });
    }
    if (!broken.failed) break;
    deaths += 1;
  }
  expect(deaths).toBeGreaterThanOrEqual(leastDeaths);
});
