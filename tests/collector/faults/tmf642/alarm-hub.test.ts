// The hub of TMF642 in a running collector: who is told what, in which order, through failures, refusals and restarts, and who is never asked.
import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { failingListeners } from '../../../../collector/faults/tmf642/failing-listeners.ts';
import { isAllowed } from '../../../../common/send/allowed-address.ts';
import { AlarmListener } from '../../../support/alarm-listener.ts';
import {
  type Answered,
  type CollectorFixture,
  eventually,
  startCollectorFixture,
} from '../../../support/collector-fixture.ts';
import { interfacePoll } from '../../../support/poll-builder.ts';
import { describeWith } from '../../../support/requirements.ts';
import { swaggerFaults } from '../../../support/tmf-swagger.ts';

const BASE = '/tmf-api/alarmManagement/v4';
const SECRET = 'secret-of-the-tests';

let fixture: CollectorFixture;
let remove: () => Promise<void>;
let listener: AlarmListener;
let other: AlarmListener;
let number = 0;

beforeAll(async () => {
  [listener, other] = [new AlarmListener(), new AlarmListener()];
  await listener.start();
  await other.start();
  const listeners = [listener.url, `${other.url}/at/listener`];
  ({ fixture, remove } = await startCollectorFixture({
    collector: {
      // It would be told of its own failures.
      faults: { receiver_failing: { enabled: false } },
      northbound: { listeners, timeout_ms: 2000, give_up_hours: 0.001, max_events: 100, signing_secret: SECRET },
    },
  }));
}, 60_000);
afterAll(async () => {
  await remove();
  await listener.stop();
  await other.stop();
});
beforeEach(() => {
  for (const one of [listener, other]) Object.assign(one, { answer: () => 204 }).heard.length = 0;
});
afterEach(async () => {
  for (const { id, endedAt } of await states()) if (endedAt === null) await send('DELETE', `hub/${id}`);
});

function send(method: string, place: string, body?: unknown): Promise<Answered> {
  return fixture.ask(`${BASE}/${place}`, {
    method,
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
}

async function states(): Promise<
  { id: string; endedAt: string | null; endReason: string | null; missed: number; behind: number; failures: number }[]
> {
  return (await fixture.get<{ items: never[] }>('/api/v1/alarm-listeners')).items;
}

async function register(callback = listener.url, query = ''): Promise<string> {
  const { status, body } = await send('POST', 'hub', { callback, query });
  expect([status, body]).toEqual([201, { id: expect.any(String) as string, callback, query }]);
  return (body as { id: string }).id;
}

async function create(change: object = {}): Promise<string> {
  const { body } = await send('POST', 'alarm', {
    alarmRaisedTime: '2026-11-20T10:00:00.000Z',
    alarmType: 'environmentalAlarm',
    alarmedObject: { id: 'rack-1' },
    externalAlarmId: `hub-${(number += 1)}`,
    perceivedSeverity: 'major',
    probableCause: 'fire',
    sourceSystemId: 'ems',
    state: 'raised',
    ...change,
  });
  return (body as { id: string }).id;
}
const patch = (id: string, body: object): Promise<Answered> => send('PATCH', `alarm/${id}`, body);

describe('what is told', () => {
  test('the life of an alarm, in its order, each once', async () => {
    await register();
    const id = await create();
    await patch(id, { perceivedSeverity: 'critical' });
    await patch(id, { perceivedSeverity: 'minor' });
    await patch(id, { ackState: 'acknowledged' });
    await patch(id, { comment: [{ comment: 'seen' }] });
    await patch(id, { state: 'cleared' });
    await send('DELETE', `alarm/${id}`);
    await listener.hears(7);
    expect(listener.told).toEqual([
      `AlarmCreateEvent ${id}`,
      `AlarmStateChangeEvent ${id}`,
      `AlarmAttributeValueChangeEvent ${id}`,
      `AlarmAttributeValueChangeEvent ${id}`,
      `AlarmAttributeValueChangeEvent ${id}`,
      `AlarmStateChangeEvent ${id}`,
      `AlarmDeleteEvent ${id}`,
    ]);
    expect(listener.heard.map(({ body }) => body.event['alarm']?.['perceivedSeverity'])).toEqual([
      'major',
      'critical',
      'minor',
      'minor',
      'minor',
      'cleared',
      'cleared',
    ]);
    expect(new Set(listener.heard.map(({ body }) => body.eventId)).size).toBe(7);
  });

  test('what polls say, too', async () => {
    await register(listener.url, 'alarmedObject.id=core1/p1');
    const from = Date.now() - 600_000;
    const polls = [1, 2, 2, 1].map((oper, at) =>
      interfacePoll({ device: 'core1', atMs: from + at * 60_000, interfaces: [{ key: 'p1', oper }] }),
    );
    await fixture.receipt({ sequence: 1, polls: polls.slice(0, 3) });
    await listener.hears(1);
    await fixture.receipt({ sequence: 2, polls: polls.slice(3) });
    await listener.hears(2);
    expect(listener.heard.map(({ body }) => [body.eventType, body.event['alarm']?.['perceivedSeverity']])).toEqual([
      ['AlarmCreateEvent', 'major'],
      ['AlarmStateChangeEvent', 'cleared'],
    ]);
  });

  test('nothing more once it has unregistered, though events wait', async () => {
    listener.answer = () => 503;
    const id = await register();
    await create();
    await create();
    await listener.hears(1);
    expect((await send('DELETE', `hub/${id}`)).status).toBe(204);
    listener.answer = () => 204;
    const heard = listener.heard.length;
    await register(`${other.url}/at/listener`);
    await create();
    await other.hears(1);
    expect(listener.heard).toHaveLength(heard);
  });

  test('what operators do by the API of Weir, too', async () => {
    const id = await create();
    await register();
    await fixture.post(`/api/v1/alarms/${id}/ack`, {});
    await fixture.post(`/api/v1/alarms/${id}/comment`, { text: 'on my way' });
    await listener.hears(2);
    expect(listener.heard.map(({ body }) => body.event['alarm']?.['ackState'])).toEqual([
      'acknowledged',
      'acknowledged',
    ]);
    expect(listener.heard[1]?.body.event['alarm']?.['comment']).toMatchObject([{ comment: 'on my way' }]);
  });

  test('an owner or a ticket is nothing that this standard tells', async () => {
    const id = await create();
    await register();
    await fixture.post(`/api/v1/alarms/${id}/ticket`, { reference: 'INC-1' });
    await fixture.post(`/api/v1/alarms/${id}/ack`, {});
    await listener.hears(1);
    expect(listener.told).toEqual([`AlarmAttributeValueChangeEvent ${id}`]);
  });

  test('on the shelf nothing; when it leaves the shelf, how it stands', async () => {
    const id = await create();
    await register();
    await fixture.post(`/api/v1/alarms/${id}/shelve`, { until: '2099-01-01T00:00:00Z' });
    await patch(id, { perceivedSeverity: 'critical' });
    await patch(id, { state: 'cleared' });
    await fixture.post(`/api/v1/alarms/${id}/unshelve`, {});
    await listener.hears(1);
    const last = await create();
    await listener.hears(2);
    expect(listener.told).toEqual([`AlarmStateChangeEvent ${id}`, `AlarmCreateEvent ${last}`]);
    expect(listener.heard[0]?.body.event['alarm']).toMatchObject({ state: 'cleared' });
  });

  test('tasks: begun, done, and what they changed', async () => {
    const id = await create();
    await register();
    await send('POST', 'ackAlarms', { ackSystemId: 'u', ackUserId: 'ann', alarmPattern: [{ id }] });
    await listener.hears(3);
    expect(listener.told.toSorted()).toEqual(
      ['AckAlarmsCreateEvent', 'AckAlarmsStateChangeEvent', `AlarmAttributeValueChangeEvent ${id}`].toSorted(),
    );
    const of = (type: string): unknown =>
      listener.heard.find(({ body }) => body.eventType === type)?.body.event['ackAlarms'];
    expect(of('AckAlarmsCreateEvent')).toMatchObject({ state: 'inProgress' });
    expect(of('AckAlarmsStateChangeEvent')).toMatchObject({ state: 'done', ackedAlarm: [{ id }] });
  });

  test('only what was asked for: types, attributes, fields; and what leaves it', async () => {
    await register(
      listener.url,
      'eventType=AlarmCreateEvent,AlarmAttributeValueChangeEvent&perceivedSeverity=critical&fields=perceivedSeverity',
    );
    await create({ perceivedSeverity: 'minor' });
    const id = await create({ perceivedSeverity: 'critical' });
    await patch(id, { perceivedSeverity: 'major', state: 'raised' });
    await patch(id, { alarmDetails: 'no matter', state: 'raised' });
    const last = await create({ perceivedSeverity: 'critical' });
    await listener.hears(3);
    expect(listener.heard.map(({ body }) => body.event['alarm'])).toEqual([
      { id, href: `${BASE}/alarm/${id}`, perceivedSeverity: 'critical' },
      { id, href: `${BASE}/alarm/${id}`, perceivedSeverity: 'major' },
      { id: last, href: `${BASE}/alarm/${last}`, perceivedSeverity: 'critical' },
    ]);
  });

  test('under the paths of the specification where the address ends as theirs do, and signed', async () => {
    await register(`${other.url}/at/listener`);
    await create();
    await other.hears(1);
    const [heard] = other.heard;
    expect(heard?.path).toBe('/at/listener/alarmCreateEvent');
    expect(heard?.headers['idempotency-key']).toBe(heard?.body.eventId);
    const signature = createHmac('sha256', SECRET)
      .update(heard?.text ?? '')
      .digest('hex');
    expect(heard?.headers['weir-signature']).toBe(`sha256=${signature}`);
  });

  test('who did not listen then is not told afterwards', async () => {
    await create();
    await register();
    const id = await create();
    await listener.hears(1);
    expect(listener.told).toEqual([`AlarmCreateEvent ${id}`]);
    const ended = (await states()).find(({ endedAt }) => endedAt === null)?.id ?? '';
    expect((await send('DELETE', `hub/${ended}`)).status).toBe(204);
    expect((await send('DELETE', `hub/${ended}`)).status).toBe(404);
  });
});

describe('when it does not go well', () => {
  test('what failed is told again under the same id, and what comes behind it waits its turn', async () => {
    listener.answer = (at) => (at < 2 ? 503 : 204);
    await register();
    const ids = [await create(), await create()];
    await listener.hears(4);
    expect(listener.told).toEqual([0, 0, 0, 1].map((at) => `AlarmCreateEvent ${ids[at]}`));
    expect(new Set(listener.heard.map(({ body }) => body.eventId)).size).toBe(2);
  });

  test('one that fails delays no other', async () => {
    other.answer = () => 503;
    await register(`${other.url}/at/listener`);
    await register();
    const ids = [await create(), await create(), await create()];
    await listener.hears(3);
    expect(listener.told).toEqual(ids.map((id) => `AlarmCreateEvent ${id}`));
  });

  test('after a restart it goes on where it was, and tells what happened meanwhile', async () => {
    await register();
    const first = await create();
    await listener.hears(1);
    await listener.stop();
    const second = await create();
    await fixture.restart();
    const third = await create();
    await listener.start();
    await listener.hears(3);
    expect(listener.told).toEqual([first, second, third].map((id) => `AlarmCreateEvent ${id}`));
  }, 40_000);

  test('an event that is refused again and again is left out, counted and told', async () => {
    const id = await create();
    await register();
    listener.answer = () => 400;
    await patch(id, { ackState: 'acknowledged' });
    await eventually(async () => listener.heard.length >= 1, 'the first try');
    await fixture.database.database.query(
      'update faults.alarm_listener set failures = 4, next_try_at_ms = 0 where ended_at_ms is null',
    );
    await eventually(async () => (await states()).some(({ missed }) => missed === 1), 'the event is left out');
    listener.answer = () => 204;
    const next = await create();
    await eventually(async () => listener.told.includes(`AlarmCreateEvent ${next}`), 'the next event');
    expect(await fixture.metric('weir_alarm_hub_missed_total')).toBeGreaterThanOrEqual(1);
  });

  test('one that is dead for long is given up, and that is told', async () => {
    listener.answer = () => 503;
    const id = await register();
    await create();
    await eventually(async () => listener.heard.length > 0, 'a try');
    await fixture.database.database.query(
      'update faults.alarm_listener set failing_since_ms = failing_since_ms - 3600000, next_try_at_ms = 0 where id = $1',
      [id],
    );
    await eventually(async () => (await states()).find((one) => one.id === id)?.endedAt !== null, 'it is given up');
    const given = (await states()).find((one) => one.id === id);
    expect(given?.endReason).toMatch(/^failing since .*: answered 503$/);
    const failing = () => failingListeners(fixture.database.database, Date.now());
    const why = expect.stringContaining('answered 503') as unknown;
    expect(await failing()).toMatchObject([{ resource: `listener:${id}`, state: 'given_up', why }]);
    await register();
    expect(await failing()).toEqual([]);
    expect(fixture.lines.join('\n')).toContain('a listener of alarms was given up');
    expect(await fixture.metric('weir_alarm_hub_given_up_total')).toBe(1);
    const audit = await fixture.get<{ items: { actor: string; action: string }[] }>(
      `/api/v1/audit?subject=alarm-listener/${id}`,
    );
    expect(audit.items.map(({ actor, action }) => `${actor} ${action}`)).toEqual([
      'system alarm-listener.end',
      expect.stringContaining('alarm-listener.create'),
    ]);
  });
});

describe('who is asked at all', () => {
  test.each(['http://127.0.0.1:5432/', 'http://169.254.169.254/latest/meta-data', 'https://listener.example.net/'])(
    '%s is not among those allowed',
    async (callback) => {
      const { status, body } = await send('POST', 'hub', { callback });
      expect([status, body]).toMatchObject([403, { code: 'listener_not_allowed' }]);
    },
  );

  test.each(['ftp://x.example/', 'file:///etc/passwd', 'no address'])(
    '%s is no address to tell at',
    async (callback) => {
      expect((await send('POST', 'hub', { callback })).status).toBe(400);
    },
  );

  test.each(['colour=red', 'fields=colour', 'alarmRaisedTime=yesterday'])('a query of %s is refused', async (query) => {
    expect((await send('POST', 'hub', { callback: listener.url, query })).status).toBe(400);
  });

  test('registered twice with the same words it is one listener', async () => {
    expect(await register()).toBe(await register());
    await create();
    await listener.hears(1);
    expect(listener.heard).toHaveLength(1);
  });

  test.each([
    ['https://oss.example.net/a', true],
    ['https://oss.example.net/a/b?c=d', true],
    ['https://oss.example.net/ab', false],
    ['https://oss.example.net/a/../b', false],
    ['https://oss.example.net/a/..%2Fb', false],
    ['https://oss.example.net/a/..%5cb', false],
    ['https://oss.example.net:8443/a', false],
    ['http://oss.example.net/a', false],
    ['https://oss.example.net.evil.example/a', false],
    ['https://user@oss.example.net/a', false],
    ['https://oss.example.net@evil.example/a', false],
  ])('%s: %s', (callback, expected) => {
    expect(isAllowed(callback, ['https://oss.example.net/a'])).toBe(expected);
  });

  test('nobody is allowed where nothing is configured', () => {
    expect(isAllowed('https://oss.example.net/', [])).toBe(false);
  });
});

describeWith('corpus', 'events as the specification has them', () => {
  test('each', async () => {
    const faultsOf = swaggerFaults('TMF642/TMF642-Alarm-v4.0.0.swagger.json');
    await register();
    const id = await create();
    await patch(id, { perceivedSeverity: 'critical', comment: [{ comment: 'x' }] });
    await send('POST', 'ackAlarms', { ackSystemId: 'u', ackUserId: 'ann', alarmPattern: [{ id }] });
    await send('POST', 'clearAlarms', {
      clearSystemId: 'u',
      clearUserId: 'ann',
      alarmClearedTime: '2026-11-20T12:00:00.000Z',
      alarmPattern: [{ id }],
    });
    await send('DELETE', `alarm/${id}`);
    await listener.hears(9);
    for (const { body } of listener.heard)
      expect([body.eventType, faultsOf(body.eventType, body)]).toEqual([body.eventType, []]);
    expect(new Set(listener.heard.map(({ body }) => body.eventType)).size).toBe(8);
  });
});
