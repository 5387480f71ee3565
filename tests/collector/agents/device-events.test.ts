// Events of devices from a batch to the API: kept once, in the transaction that claims the batch, listed, told live, and forgotten beyond a bound.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { agentsMigrations } from '../../../collector/agents/agents-migrations.ts';
import { EventBook } from '../../../collector/agents/event-book.ts';
import { EventKeeper } from '../../../collector/agents/event-keeper.ts';
import type { KeptEvent } from '../../../collector/agents/device-event.ts';
import { Retention } from '../../../collector/agents/retention.ts';
import type { JournaledBatch } from '../../../collector/project/projection.ts';
import { migrate } from '../../../common/database/migrate.ts';
import type { DeviceEvent } from '../../../common/model/event.ts';
import { EVERYTHING } from '../../../common/model/viewpoint.ts';
import { type CollectorFixture, startCollectorFixture } from '../../support/collector-fixture.ts';
import { cleanKey } from '../../../common/model/table-columns.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

interface Page {
  readonly items: readonly KeptEvent[];
  readonly next: string | null;
}

let fixture: CollectorFixture;
let remove: () => Promise<void>;
let postgres: TestDatabase;

beforeAll(async () => {
  ({ fixture, remove } = await startCollectorFixture());
  postgres = await startTestDatabase();
  await migrate(postgres.database, agentsMigrations);
});
afterAll(async () => {
  await remove();
  await postgres.stop();
});

function event(id: string, more: Partial<DeviceEvent> = {}): DeviceEvent {
  return {
    id,
    device: 'core1',
    source: '192.0.2.1',
    origin: 'trap',
    name: 'linkDown',
    observedAtMs: Date.now() - 1000,
    uptimeTicks: 4711,
    interfaceKey: 'xe-0/0/0',
    details: [{ name: 'ifIndex', value: '501' }],
    ...more,
  };
}

const list = (place: string): Promise<Page> => fixture.get<Page>(place);

test('an event of a batch is listed under its device, whole, and told to those who watch', async () => {
  const abort = new AbortController();
  const stream = await fetch(`${fixture.url}/api/v1/events`, {
    headers: { authorization: 'Bearer weir_administrator-of-the-tests' },
    signal: abort.signal,
  });
  const reader = stream.body?.getReader();
  await fixture.receipt({ sequence: 1, events: [event('a')] });
  await fixture.applied(1);
  const { items, next } = await list('/api/v1/devices/core1/events');
  expect(next).toBeNull();
  expect(items).toMatchObject([
    {
      eventId: 'a',
      agent: 'agent-1',
      device: 'core1',
      source: '192.0.2.1',
      origin: 'trap',
      name: 'linkDown',
      uptimeTicks: 4711,
      interfaceKey: 'xe-0/0/0',
      details: [{ name: 'ifIndex', value: '501' }],
    },
  ]);
  let text = '';
  while (!text.includes('linkDown')) {
    const piece = await reader?.read();
    if (piece === undefined || piece.done) break;
    text += Buffer.from(piece.value).toString('utf8');
  }
  abort.abort();
  expect(text).toMatch(/event: event\ndata: \{.*"name":"linkDown"/);
});

test('senders that are no device stand in the list of all; filters and pages', async () => {
  const more = [
    event('b', { device: null, source: '198.51.100.9', origin: 'inform', name: 'coldStart', interfaceKey: null }),
    event('c', { device: 'access1' }),
    event('d', { origin: 'agent', name: 'engine_replaced', source: null, uptimeTicks: null, details: [] }),
  ];
  await fixture.receipt({ sequence: 2, events: more });
  await fixture.applied(2);
  const all = await list('/api/v1/device-events');
  expect(all.items.map(({ eventId }) => eventId)).toEqual(['d', 'c', 'b', 'a']);
  const ids = async (query: string) =>
    (await list(`/api/v1/device-events?${query}`)).items.map(({ eventId }) => eventId);
  expect(await ids('source=198.51.100.9')).toEqual(['b']);
  expect(await ids('origin=agent')).toEqual(['d']);
  expect(await ids('name=linkDown&device=core1')).toEqual(['a']);
  expect(await ids('agent=agent-9')).toEqual([]);
  expect(await ids(`after=${all.items[1]?.id}`)).toEqual(['d']);
  const first = await list('/api/v1/devices/core1/events?limit=1');
  expect(first.items.map(({ eventId }) => eventId)).toEqual(['d']);
  const second = await list(`/api/v1/devices/core1/events?limit=1&cursor=${first.next}`);
  expect([second.items.map(({ eventId }) => eventId), second.next]).toEqual([['a'], null]);
  expect((await fixture.ask('/api/v1/device-events?cursor=nonsense')).status).toBe(400);
  expect((await fixture.ask('/api/v1/device-events?nme=linkDown')).status).toBe(400);
});

test('an event of a device of another agent is refused with the batch', async () => {
  const token = await fixture.token('agent-2', 'agent');
  const words = { agent: 'agent-2', incarnation: 'of-agent-2', token, sequence: 1 };
  expect(await fixture.send({ ...words, events: [event('e')] })).toMatchObject({
    status: 403,
    body: { error: { code: 'device_not_assigned', detail: { devices: ['core1'] } } },
  });
  expect(await fixture.receipt({ ...words, events: [event('e', { device: null })] })).toMatchObject({ received: 1 });
});

test('text that no database can hold is made fit; the rest of the event stays', async () => {
  await fixture.receipt({
    sequence: 3,
    events: [
      event('f', {
        name: 'bad\0name',
        interfaceKey: 'k'.repeat(2000),
        details: [{ name: 'x', value: `\0${'y'.repeat(1990)}` }],
      }),
    ],
  });
  await fixture.applied(3);
  const [kept] = (await list('/api/v1/device-events?limit=1')).items;
  expect(kept).toMatchObject({ eventId: 'f', name: 'badname', details: [{ name: 'x', value: 'y'.repeat(1990) }] });
  expect(kept?.interfaceKey).toBe(cleanKey('k'.repeat(2000)));
});

test('what no name can be finds nothing', async () => {
  for (const place of ['devices/%00/events', 'device-events?name=%00'])
    expect(await list(`/api/v1/${place}`)).toEqual({ items: [], next: null });
});

test('an agent clock that is off, or ahead: the time is the collector’s, never later than the arrival', async () => {
  const OFF_MS = 3_600_000;
  await fixture.receipt({
    sequence: 4,
    clockOffsetMs: OFF_MS,
    events: [event('g', { observedAtMs: Date.now() + OFF_MS - 5000 }), event('h', { observedAtMs: Date.now() + 9e9 })],
  });
  await fixture.applied(4);
  const [h, g] = (await list('/api/v1/device-events?limit=2')).items;
  expect(h?.observedAt).toBe(h?.receivedAt);
  expect(Math.abs(Date.parse(g?.observedAt ?? '') - Date.now() + 5000)).toBeLessThan(3000);
});

function entry(sequence: number, events: readonly DeviceEvent[], receivedAtMs = 1_000_000): JournaledBatch {
  const stream = { agent: 'agent-1', incarnation: 'i', sequence };
  const batch = { ...stream, createdAtMs: 1, thinned: false, polls: [], events, watermarks: [], gaps: [] };
  return { journal: 'journal', position: sequence, receivedAtMs, clockOffsetMs: 0, sha256: '', batch };
}

test('kept once by agent and id: a replay is a no-op, another content under a known id is counted and changes nothing', async () => {
  const { reporter, lines } = silentReporter();
  const keeper = new EventKeeper(reporter);
  const keep = (events: readonly DeviceEvent[]) =>
    postgres.database.transaction((connection) => keeper.keep(connection, [entry(1, events)]));
  expect((await keep([event('a'), event('b'), event('a')])).map(({ eventId }) => eventId)).toEqual(['a', 'b']);
  expect(await keep([event('a', { observedAtMs: 1 }), event('b')])).toEqual([]);
  const metrics = async () => (await reporter.metricsText()).match(/^weir_device_events_\w+ \d+$/gm);
  expect(await metrics()).toEqual(['weir_device_events_repeated_total 3', 'weir_device_events_conflicting_total 0']);
  expect(await keep([event('a', { name: 'linkUp' })])).toEqual([]);
  expect(await metrics()).toEqual(['weir_device_events_repeated_total 4', 'weir_device_events_conflicting_total 1']);
  expect(lines.join('')).toContain('events under ids of others');
  const { items } = await new EventBook(postgres.database).list(EVERYTHING, { limit: 10 });
  expect(items.map(({ eventId, name }) => [eventId, name])).toEqual([
    ['b', 'linkDown'],
    ['a', 'linkDown'],
  ]);
});

test('a transaction that is rolled back keeps nothing', async () => {
  const keeper = new EventKeeper(silentReporter().reporter);
  await expect(
    postgres.database.transaction(async (connection) => {
      await keeper.keep(connection, [entry(9, [event('rolled-back')])]);
      throw new Error('crash');
    }),
  ).rejects.toThrow('crash');
  const { items } = await new EventBook(postgres.database).list(EVERYTHING, { limit: 100 });
  expect(items.map(({ eventId }) => eventId)).not.toContain('rolled-back');
});

test('beyond the bounds of age and number the oldest are forgotten, and counted', async () => {
  await postgres.database.query('truncate agents.device_event restart identity');
  const { reporter } = silentReporter();
  const clock = new VirtualClock(10_000_000);
  const keeper = new EventKeeper(reporter);
  for (let at = 1; at <= 12; at += 1)
    await postgres.database.transaction((connection) =>
      keeper.keep(connection, [entry(at, [event(`n${at}`)], at <= 2 ? 1000 : 9_999_000)]),
    );
  await new Retention(reporter, { keptMs: 1_000_000, most: 5 }, { database: postgres.database, clock }).run();
  const { items } = await new EventBook(postgres.database).list(EVERYTHING, { limit: 100 });
  expect(items.map(({ eventId }) => eventId)).toEqual(['n12', 'n11', 'n10', 'n9', 'n8']);
  const forgotten = (await reporter.metricsText()).match(/^weir_agents_forgotten_total\{.*$/gm);
  expect(forgotten).toEqual([
    'weir_agents_forgotten_total{what="event",bound="age"} 2',
    'weir_agents_forgotten_total{what="event",bound="number"} 5',
  ]);
});

test('a database that is away stops nothing: it is looked through the next time', async () => {
  const { reporter } = silentReporter();
  const refuse = async () => Promise.reject(new Error('away'));
  const away = { query: refuse, transaction: refuse };
  const retention = new Retention(reporter, { keptMs: 1, most: 1 }, { database: away, clock: new VirtualClock(0) });
  await expect(retention.run()).resolves.toBeUndefined();
});
