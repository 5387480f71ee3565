// The life of alarms on a real PostgreSQL: what operators do, alone and to many; what the list is asked for; what is let go of, and what never is.
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AlarmBook } from '../../../collector/faults/alarm-book.ts';
import { AlarmPurge } from '../../../collector/faults/alarm-purge.ts';
import {
  ALARM_SORTS,
  type AlarmSort,
  type AlarmsQuery,
  type Deed,
  SEVERITIES,
} from '../../../collector/faults/alarm.ts';
import type { AlarmChange } from '../../../collector/faults/alarm-machine.ts';
import { listQuery, rankOf } from '../../../collector/faults/alarm-query.ts';
import { type OriginatedChange, writeChanges } from '../../../collector/faults/alarm-writer.ts';
import { priorityOf } from '../../../collector/faults/priority.ts';
import { faultsMigrations } from '../../../collector/faults/faults-migrations.ts';
import { auditMigrations, listAudit } from '../../../common/database/audit.ts';
import { migrate } from '../../../common/database/migrate.ts';
import { EVERYTHING } from '../../../common/model/viewpoint.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const DAY = 86_400_000;
const ann = { operator: 'ann', role: 'operator', text: 'because' };

let postgres: TestDatabase;
let position = 0;
let published: Record<string, unknown>[] = [];

beforeAll(async () => {
  postgres = await startTestDatabase();
  await migrate(postgres.database, [...auditMigrations, ...faultsMigrations]);
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  await postgres.database.query(
    'truncate faults.alarm, faults.alarm_priority, faults.status_change, faults.operator_change',
  );
  published = [];
});

function book(nowMs = Date.now()): AlarmBook {
  const clock = new VirtualClock(nowMs);
  return new AlarmBook({ database: postgres.database, clock, publish: (_, data) => published.push({ ...data }) });
}

async function write(...changes: (Partial<AlarmChange> & { readonly resource: string })[]): Promise<void> {
  const whole = changes.map(
    (change): OriginatedChange => ({
      kind: 'raised',
      alarmType: 'interface-down',
      qualifier: '',
      severity: 'major',
      text: `${change.resource} is down.`,
      threshold: null,
      atMs: Date.now() - 60_000,
      ...change,
      origin: { journal: 'test', position: (position += 1), ordinal: 0 },
    }),
  );
  await postgres.database.transaction((connection) => writeChanges(connection, whole, 32));
}

async function idOf(resource: string): Promise<string> {
  const found = (await book().list({ resource })).items[0]?.id;
  if (found === undefined) throw new Error(`no alarm of ${resource}`);
  return found;
}

describe('what operators do', () => {
  test('assign, ticket and escalate, each taken back as it says, in history and audit', async () => {
    await write({ resource: 'core1/p1' });
    const id = await idOf('core1/p1');
    const alarms = book();
    expect(await alarms.act(id, { verb: 'assign', to: ' bob ' }, ann)).toMatchObject({ assignedTo: 'bob' });
    const ticket: Deed = { verb: 'ticket', reference: 'INC-7', url: 'https://tickets.example.net/7' };
    expect(await alarms.act(id, ticket, ann)).toMatchObject({
      ticket: 'INC-7',
      ticketUrl: 'https://tickets.example.net/7',
      assignedTo: 'bob',
    });
    expect((await alarms.act(id, { verb: 'escalate' }, ann)).escalationLevel).toBe(1);
    expect(await alarms.act(id, { verb: 'escalate' }, { ...ann, text: 'again' })).toMatchObject({
      escalationLevel: 2,
      escalationReason: 'again',
    });
    expect((await alarms.act(id, { verb: 'assign', to: null }, ann)).assignedTo).toBeNull();
    expect((await alarms.get(id)).operatorChanges.map(({ action }) => action)).toEqual([
      'assign',
      'escalate',
      'escalate',
      'ticket',
      'assign',
    ]);
    const audit = await listAudit(postgres.database, { subject: `alarm/${id}`, limit: 1 });
    expect(audit).toMatchObject([
      { action: 'alarm.assign', before: { assignedTo: 'bob' }, after: { assignedTo: null, ticket: 'INC-7' } },
    ]);
  });

  test.each<[string, Deed, string]>([
    ['an escalation without a reason', { verb: 'escalate' }, ''],
    ['a ticket that is a script', { verb: 'ticket', reference: 'x', url: 'javascript:alert(1)' }, ''],
    ['a name that is too long', { verb: 'assign', to: 'x'.repeat(201) }, ''],
    ['a text that is too long', { verb: 'ack' }, 'x'.repeat(2001)],
  ])('%s is refused and changes nothing', async (_, deed, text) => {
    await write({ resource: 'core1/p1' });
    const id = await idOf('core1/p1');
    const before = await book().get(id);
    await expect(book().act(id, deed, { ...ann, text })).rejects.toMatchObject({ code: 'invalid_request' });
    expect(await book().get(id)).toEqual(before);
  });

  test('levels end at nine', async () => {
    await write({ resource: 'core1/p1' });
    const id = await idOf('core1/p1');
    for (let level = 1; level <= 9; level += 1)
      expect((await book().act(id, { verb: 'escalate' }, ann)).escalationLevel).toBe(level);
    await expect(book().act(id, { verb: 'escalate' }, ann)).rejects.toMatchObject({ code: 'invalid_request' });
  });

  test('raised anew, escalation and acknowledgement begin again; owner and ticket stay', async () => {
    await write({ resource: 'core1/p1' });
    const id = await idOf('core1/p1');
    await book().act(id, { verb: 'escalate' }, ann);
    await book().act(id, { verb: 'assign', to: 'bob' }, ann);
    await write({ resource: 'core1/p1', kind: 'cleared' }, { resource: 'core1/p1' });
    expect(await book().get(id)).toMatchObject({ escalationLevel: 0, escalationReason: null, assignedTo: 'bob' });
  });

  test('a shelf keeps who and why, and both end with it', async () => {
    await write({ resource: 'core1/p1' });
    const id = await idOf('core1/p1');
    const nowMs = Date.now();
    const shelved = await book(nowMs).shelve(id, nowMs + DAY, { ...ann, text: 'is being moved' });
    expect(shelved).toMatchObject({ shelvedBy: 'ann', shelfReason: 'is being moved' });
    expect((await book(nowMs + 2 * DAY).list({})).items[0]).toMatchObject({ shelvedUntil: null, shelfReason: null });
  });

  test('many at once: of each what became of it, and no more than the bound', async () => {
    await write({ resource: 'core1/p1' }, { resource: 'core1/p2' }, { resource: 'core2/p1' });
    const alarms = book();
    const ids = [await idOf('core1/p1'), '999999', await idOf('core2/p1')];
    const answer = await alarms.actOnAll({ ids }, { verb: 'ack' }, ann);
    expect(answer).toMatchObject({ changed: 2, refused: 1, more: false });
    expect(answer.items.map(({ outcome }) => outcome)).toEqual(['changed', 'not_found', 'changed']);
    const filtered = await alarms.actOnAll({ query: { device: 'core1' } }, { verb: 'close' }, ann);
    expect(filtered.changed).toBe(2);
    expect((await alarms.list({ operatorState: 'closed' })).items.map(({ resource }) => resource).toSorted()).toEqual([
      'core1/p1',
      'core1/p2',
    ]);
    const tooMany = Array.from({ length: 501 }, (_, at) => String(at));
    await expect(alarms.actOnAll({ ids: tooMany }, { verb: 'ack' }, ann)).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });

  test('a filter that fits more than one request acts on says so', async () => {
    const resources = Array.from({ length: 502 }, (_, at) => ({ resource: `core1/p${at}` }));
    await write(...resources);
    const first = await book().actOnAll({ query: { operatorState: 'none' } }, { verb: 'ack' }, ann);
    expect([first.changed, first.more]).toEqual([500, true]);
    const second = await book().actOnAll({ query: { operatorState: 'none' } }, { verb: 'ack' }, ann);
    expect([second.changed, second.more]).toEqual([2, false]);
  });
});

describe('the list', () => {
  /** One alarm that the filter fits, and one that differs in it alone. */
  test.each<[string, AlarmsQuery]>([
    ['type', { alarmType: 'high-utilisation' }],
    ['prefix', { resourcePrefix: 'core1/' }],
    ['least severity', { severityAtLeast: 'critical' }],
    ['severity', { severity: 'critical' }],
    ['text in any case', { text: 'FLAP_50%' }],
    ['owner', { assignedTo: 'bob' }],
    ['ticket', { ticket: 'INC-1' }],
    ['operator state', { operatorState: 'ack' }],
    ['changed since', { changedSinceMs: -1 }],
  ])('is narrowed by %s', async (_, query) => {
    const other = {
      resource: 'core10',
      severity: 'major',
      alarmType: 'interface-down',
      text: 'flap 50 percent',
    } as const;
    await write(other);
    const otherId = await idOf('core10');
    const since = Number((await postgres.database.query<{ now: bigint }>(NOW_MS)).rows[0]?.now) + 1;
    await new Promise((resolve) => setTimeout(resolve, 3));
    await write({ resource: 'core1/p', severity: 'critical', alarmType: 'high-utilisation', text: 'a flap_50% one' });
    const id = await idOf('core1/p');
    await book().act(id, { verb: 'assign', to: 'bob' }, ann);
    await book().act(id, { verb: 'ticket', reference: 'INC-1', url: null }, ann);
    await book().act(id, { verb: 'ack' }, ann);
    const asked = query.changedSinceMs === undefined ? query : { changedSinceMs: since };
    expect((await book().list(asked)).items.map((alarm) => alarm.id)).toEqual([id]);
    expect((await book().list({})).items.map((alarm) => alarm.id).toSorted()).toEqual([id, otherId].toSorted());
  });

  test('what nobody has, and what has no ticket, is asked for by nothing', async () => {
    await write({ resource: 'core1' }, { resource: 'core2' });
    await book().act(await idOf('core1'), { verb: 'assign', to: 'bob' }, ann);
    await book().act(await idOf('core1'), { verb: 'ticket', reference: 'T', url: null }, ann);
    for (const query of [{ assignedTo: '' }, { ticket: '' }])
      expect((await book().list(query)).items.map(({ resource }) => resource)).toEqual(['core2']);
  });

  const alarm = fc.record({
    severity: fc.constantFrom(...SEVERITIES),
    agoMs: fc.integer({ min: 0, max: 5 }),
    kind: fc.constantFrom('raised', 'cleared'),
  });

  test('every order has each alarm once, in its order, page by page', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(alarm, { maxLength: 12 }), fc.constantFrom(...ALARM_SORTS), async (rows, sort) => {
        await postgres.database.query('truncate faults.alarm, faults.status_change, faults.operator_change');
        await write(
          ...rows.map(({ severity, agoMs, kind }, at) => ({
            resource: `d${at}`,
            severity,
            kind: kind as 'raised' | 'cleared',
            atMs: 1_790_000_000_000 - agoMs,
          })),
        );
        const all = (await book().list({ sort, limit: 100 })).items;
        const pages: string[] = [];
        for (let cursor: string | null = ''; cursor !== null; ) {
          const page = await book().list({ sort, limit: 5, ...(cursor === '' ? {} : { cursor }) });
          pages.push(...page.items.map(({ id }) => id));
          cursor = page.next;
        }
        expect(pages).toEqual(all.map(({ id }) => id));
        expect(new Set(pages).size).toBe(sort === 'priority' ? all.length : rows.length);
        const key = KEYS[sort];
        expect(all.map(key)).toEqual(all.map(key).toSorted((a, b) => (sort === 'id' ? a - b : b - a)));
      }),
      { numRuns: 25 },
    );
  });

  test('under id an alarm that changes meanwhile is neither lost nor there twice', async () => {
    await write(...Array.from({ length: 6 }, (_, at) => ({ resource: `d${at}` })));
    const first = await book().list({ sort: 'id', limit: 3 });
    await write({ resource: 'd1', severity: 'critical', kind: 'changed', atMs: Date.now() });
    await write({ resource: 'd5', severity: 'critical', kind: 'changed', atMs: Date.now() });
    const second = await book().list({ sort: 'id', limit: 3, cursor: first.next ?? '' });
    expect([...first.items, ...second.items].map(({ resource }) => resource)).toEqual([
      'd0',
      'd1',
      'd2',
      'd3',
      'd4',
      'd5',
    ]);
  });

  test('a cursor of another order is refused', async () => {
    await expect(book().list({ sort: 'severity', cursor: '1.2' })).rejects.toMatchObject({ code: 'invalid_request' });
  });

  test.each<[AlarmSort, string]>([
    ['changed', 'alarm_by_change'],
    ['raised', 'alarm_by_raise'],
    ['severity', 'alarm_by_severity'],
    ['priority', 'alarm_by_priority'],
    ['id', 'alarm_pkey'],
  ])('by %s reads an index from its end, and sorts nothing', async (sort, index) => {
    await postgres.database.query(
      `insert into faults.alarm (resource, alarm_type, qualifier, device, severity, is_cleared, text, created_at_ms, raised_at_ms, changed_at_ms)
       select 'd' || n, 'interface-down', '', 'd' || n, 'major', false, 'x', n, n, n from generate_series(1, 5000) n`,
    );
    await postgres.database.query('analyze faults.alarm');
    const { text, values } = listQuery({ sort, state: 'active' }, EVERYTHING, Date.now(), 100);
    const { rows } = await postgres.database.query<{ 'QUERY PLAN': string }>(`explain ${text}`, values);
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    // Where only what is raised is asked for, the index of those alone is as good.
    expect(plan).toMatch(new RegExp(`Index (Only )?Scan.* using (${index}|alarm_active) `));
    expect(plan).not.toContain('Sort');
  });
});

const NOW_MS = 'select (extract(epoch from clock_timestamp()) * 1000)::int8 as now';
const KEYS: Readonly<
  Record<
    AlarmSort,
    (alarm: { changedAt: string; raisedAt: string; severity: (typeof SEVERITIES)[number]; id: string }) => number
  >
> = {
  changed: (one) => Date.parse(one.changedAt),
  raised: (one) => Date.parse(one.raisedAt),
  severity: (one) => rankOf(one.severity),
  priority: (one) => priorityOf(one.severity, 0),
  id: (one) => Number(one.id),
};

describe('what is let go of', () => {
  const system = { name: 'system', role: 'system' };

  function purge(nowMs: number): AlarmPurge {
    const { reporter } = silentReporter();
    const deps = { database: postgres.database, clock: new VirtualClock(nowMs), publish: () => undefined };
    return new AlarmPurge(reporter, { closedMs: 10 * DAY, clearedMs: 100 * DAY }, deps);
  }

  beforeEach(async () => {
    await write({ resource: 'active' }, { resource: 'active-closed' }, { resource: 'cleared' }, { resource: 'closed' });
    await write({ resource: 'cleared', kind: 'cleared' }, { resource: 'closed', kind: 'cleared' });
    for (const resource of ['active-closed', 'closed']) await book().act(await idOf(resource), { verb: 'close' }, ann);
  });

  const left = async (): Promise<string[]> => (await book().list({})).items.map(({ resource }) => resource).toSorted();

  test.each([
    [9, ['active', 'active-closed', 'cleared', 'closed']],
    [11, ['active', 'active-closed', 'cleared']],
    [101, ['active', 'active-closed']],
    [100_000, ['active', 'active-closed']],
  ])('by policy after %i days', async (days, expected) => {
    await purge(Date.now() + days * DAY).run();
    expect(await left()).toEqual(expected);
  });

  test('a shelved one waits until its shelf ends', async () => {
    const nowMs = Date.now();
    await book().shelve(await idOf('cleared'), nowMs + 200 * DAY, ann);
    await purge(nowMs + 150 * DAY).run();
    expect(await left()).toContain('cleared');
    await purge(nowMs + 350 * DAY).run();
    expect(await left()).not.toContain('cleared');
  });

  test('when asked: first as a trial, then for good, each in the audit log', async () => {
    const id = await idOf('closed');
    const nowMs = Date.now() + DAY;
    const question = { clearedBeforeMs: nowMs, closedOnly: true, dryRun: true };
    const trial = await purge(nowMs).purge(question, system);
    expect(trial).toMatchObject({ dryRun: true, purged: 1, more: false, items: [{ id, rule: 'closed' }] });
    expect(await left()).toHaveLength(4);
    const done = await purge(nowMs).purge({ ...question, dryRun: false }, { name: 'root', role: 'administrator' });
    expect(done.items).toEqual(trial.items);
    expect(await left()).toEqual(['active', 'active-closed', 'cleared']);
    expect(await listAudit(postgres.database, { subject: `alarm/${id}`, limit: 1 })).toMatchObject([
      { actor: 'root', action: 'alarm.purge', before: { resource: 'closed', state: 'closed' }, note: 'closed' },
    ]);
  });

  test('no statement deletes an active alarm, whoever sends it', async () => {
    await expect(postgres.database.query('delete from faults.alarm')).rejects.toThrow(/never deleted/);
    expect(await left()).toHaveLength(4);
  });
});
