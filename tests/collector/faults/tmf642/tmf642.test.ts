// TMF642 v4 against a running collector, stricter than the public kit: every answer is held against the schemas of the specification, and whatever is said to change has changed.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  AGENT,
  type Answered,
  type CollectorFixture,
  eventually,
  startCollectorFixture,
} from '../../../support/collector-fixture.ts';
import { interfacePoll } from '../../../support/poll-builder.ts';
import { CORPUS, describeWith } from '../../../support/requirements.ts';
import { type FaultsOf, swaggerFaults } from '../../../support/tmf-swagger.ts';

const BASE = '/tmf-api/alarmManagement/v4';
const OTHER_BASE = '/tmf-api/alarm/v4';
const MINUTE = 60_000;

type Alarm = Readonly<Record<string, unknown>> & { readonly id: string; readonly href: string };

let fixture: CollectorFixture;
let remove: () => Promise<void>;
let faultsOf: FaultsOf = () => [];
let polled: Alarm;

beforeAll(async () => {
  const devices = [
    { name: 'north1', site: 'north' },
    { name: 'south1', site: 'south' },
  ];
  ({ fixture, remove } = await startCollectorFixture({ devices }));
  const from = Math.floor(Date.now() / MINUTE) * MINUTE - 10 * MINUTE;
  for (let at = 0; at < 4; at += 1) {
    const port = (key: string) => ({ key, inOctets: BigInt(at) * 6000n, speedBps: 1e9, oper: at > 1 ? 2 : 1 });
    const polls = devices.map(({ name }) =>
      interfacePoll({ device: name, atMs: from + at * MINUTE, interfaces: [port('p1')] }),
    );
    await fixture.send({ sequence: at + 1, polls, token: AGENT });
  }
  await fixture.applied(4);
  await eventually(async () => (await list('')).length >= 2, 'two ports are down');
  polled = (await list('alarmedObject.id=south1/p1'))[0] ?? never();
}, 60_000);
afterAll(() => remove());

function never(): never {
  throw new Error('there is no such alarm');
}

function send(method: string, place: string, body?: unknown, token?: string): Promise<Answered> {
  return fixture.ask(place.startsWith('/') ? place : `${BASE}/${place}`, {
    method,
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    ...(token === undefined ? {} : { token }),
  });
}

/** The body of an answer with this status, as its definition has it. */
async function told<T>(answer: Promise<Answered>, status: number, definition: string): Promise<T> {
  const { status: real, body } = await answer;
  expect([real, body]).toEqual([status, expect.anything()]);
  for (const one of [body].flat()) expect(faultsOf(definition, one)).toEqual([]);
  return body as T;
}

function list(query: string): Promise<Alarm[]> {
  return told(send('GET', `alarm?${query}`), 200, 'Alarm');
}
const get = (id: string): Promise<Alarm> => told(send('GET', `alarm/${id}`), 200, 'Alarm');
const patch = (id: string, body: object): Promise<Alarm> => told(send('PATCH', `alarm/${id}`, body), 200, 'Alarm');

/** An alarm as another system enters it; every attribute that may be given is. */
function whole(change: object = {}): Record<string, unknown> {
  return {
    ackState: 'unacknowledged',
    alarmDetails: 'Rectifier 2 gives no current.',
    alarmEscalation: true,
    alarmRaisedTime: '2026-11-20T10:00:00.000Z',
    alarmReportingTime: '2026-11-20T10:00:05.000Z',
    alarmType: 'environmentalAlarm',
    alarmedObject: { id: `rack-${randomUUID().slice(0, 8)}`, href: 'https://oss.example.net/rack/7' },
    alarmedObjectType: 'rack',
    externalAlarmId: randomUUID(),
    isRootCause: true,
    perceivedSeverity: 'major',
    plannedOutageIndicator: 'inService',
    probableCause: 'rectifierFailure',
    proposedRepairedActions: 'Replace the rectifier.',
    reportingSystemId: 'relay-1',
    serviceAffecting: true,
    sourceSystemId: 'power-ems',
    specificProblem: 'rectifier 2',
    state: 'raised',
    affectedService: [{ id: 'svc-9', href: 'https://oss.example.net/service/9' }],
    comment: [{ comment: 'seen by the night shift', userId: 'ann', systemId: 'power-ems' }],
    correlatedAlarm: [{ id: '77', href: 'https://oss.example.net/alarm/77' }],
    crossedThresholdInformation: {
      direction: 'down',
      indicatorName: 'current',
      indicatorUnit: 'A',
      observedValue: '0.1',
      threshold: { id: 'current-low' },
    },
    place: [{ id: 'pop-3', name: 'Pop 3', role: 'site' }],
    ...change,
  };
}
const create = (change: object = {}): Promise<Alarm> => told(send('POST', 'alarm', whole(change)), 201, 'Alarm');

describeWith('corpus', 'with the schemas of the specification', () => {
  beforeAll(() => {
    expect(CORPUS).not.toBe('');
    faultsOf = swaggerFaults('TMF642/TMF642-Alarm-v4.0.0.swagger.json');
  });

  test('the check itself finds what is wrong', () => {
    expect(faultsOf('Alarm', { id: '1', alarmEscalation: 'no' })).not.toEqual([]);
    expect(faultsOf('Alarm', { id: '1', severity: 'major' })).not.toEqual([]);
    expect(faultsOf('Alarm', { id: '1', alarmRaisedTime: 'yesterday' })).not.toEqual([]);
    expect(faultsOf('Alarm', { id: '1', place: [{ id: 'x' }] })).not.toEqual([]);
  });
  allOfIt();
});

function allOfIt(): void {
  describe('alarms of polls', () => {
    test('have every attribute that an alarm must have, as the book has them', async () => {
      expect(polled).toMatchObject({
        href: `${BASE}/alarm/${polled.id}`,
        sourceSystemId: 'weir',
        state: 'raised',
        perceivedSeverity: 'major',
        alarmType: 'communicationsAlarm',
        probableCause: 'lossOfSignal',
        specificProblem: 'interface-down',
        alarmedObject: { id: 'south1/p1' },
        alarmedObjectType: 'interface',
        ackState: 'unacknowledged',
        isRootCause: false,
        '@type': 'Alarm',
      });
      const own = await fixture.get<{ raisedAt: string }>(`/api/v1/alarms/${polled.id}`);
      expect(polled['alarmRaisedTime']).toBe(own.raisedAt);
    });

    test.each([
      ['perceivedSeverity', { perceivedSeverity: 'minor' }],
      ['state', { state: 'cleared' }],
      ['alarmType', { alarmType: 'equipmentAlarm' }],
      ['probableCause', { probableCause: 'fire' }],
      ['alarmDetails', { alarmDetails: 'nothing' }],
    ])('only polls change their %s', async (attribute, body) => {
      const before = await get(polled.id);
      const refused = await told<{ code: string }>(send('PATCH', `alarm/${polled.id}`, body), 409, 'Error');
      expect(refused).toMatchObject({ code: 'alarm_of_poll', message: expect.stringContaining(attribute) as string });
      expect(await get(polled.id)).toEqual(before);
    });

    test('what is so already may be said', async () => {
      expect(await patch(polled.id, { perceivedSeverity: 'major', state: 'raised' })).toEqual(await get(polled.id));
    });

    test('operators acknowledge and comment them by PATCH', async () => {
      await patch(polled.id, { ackState: 'acknowledged', ackUserId: 'ann', ackSystemId: 'umbrella' });
      await patch(polled.id, { comment: [{ comment: 'cable ordered', userId: 'bob' }] });
      const now = await get(polled.id);
      expect(now).toMatchObject({ ackState: 'acknowledged', ackUserId: 'ann', ackSystemId: 'umbrella' });
      expect(now['comment']).toMatchObject([{ comment: 'cable ordered', userId: 'bob' }]);
      expect(await fixture.get(`/api/v1/alarms/${polled.id}`)).toMatchObject({ operatorState: 'ack' });
      await patch(polled.id, { ackState: 'unacknowledged' });
      const back = await get(polled.id);
      expect([back['ackState'], back['ackUserId']]).toEqual(['unacknowledged', undefined]);
    });
  });

  describe('alarms of other systems', () => {
    test('come back as they were given', async () => {
      const given = whole();
      const { comment, correlatedAlarm, alarmedObject, ...same } = given;
      const made = await told<Alarm>(send('POST', 'alarm', given), 201, 'Alarm');
      expect(made).toMatchObject({ ...same, alarmedObject, correlatedAlarm });
      expect(made['comment']).toMatchObject(comment as object);
      expect(await get(made.id)).toEqual(made);
      expect(await told(send('GET', `${OTHER_BASE}/alarm/${made.id}`), 200, 'Alarm')).toEqual(made);
    });

    test('are in the book of all, and no poll ends them', async () => {
      const made = await create({ alarmedObject: { id: 'south1' } });
      await fixture.send({
        sequence: 5,
        polls: [interfacePoll({ device: 'south1', atMs: Date.now(), interfaces: [{ key: 'p1', oper: 2 }] })],
      });
      await fixture.applied(5);
      expect(await fixture.get(`/api/v1/alarms/${made.id}`)).toMatchObject({
        resource: 'south1',
        alarmType: 'external',
        isCleared: false,
        sourceSystemId: 'power-ems',
        eventType: 'environmentalAlarm',
      });
      await patch(made.id, { state: 'cleared' });
    });

    test.each([
      ['alarmType', 'equipmentAlarm'],
      ['perceivedSeverity', 'minor'],
      ['probableCause', 'fire'],
      ['state', 'updated'],
      ['alarmDetails', 'now two of them'],
      ['alarmEscalation', false],
      ['alarmReportingTime', '2026-11-21T00:00:00.000Z'],
      ['alarmedObjectType', 'shelf'],
      ['isRootCause', false],
      ['plannedOutageIndicator', 'outOfService'],
      ['proposedRepairedActions', 'Replace both.'],
      ['reportingSystemId', 'relay-2'],
      ['serviceAffecting', false],
      ['specificProblem', 'rectifiers'],
      ['affectedService', [{ id: 'svc-10' }]],
      ['correlatedAlarm', [{ id: '78' }]],
      ['place', [{ id: 'pop-4', role: 'site' }]],
      ['ackState', 'acknowledged'],
    ])('PATCH changes %s, and little else', async (attribute, value) => {
      const before = await create();
      const after = await patch(before.id, { [attribute]: value });
      expect(after[attribute]).toEqual(value);
      expect(await get(before.id)).toEqual(after);
      const follows = ['state', 'alarmChangedTime', 'ackUserId', 'ackSystemId'];
      for (const [name, old] of Object.entries(before))
        if (name !== attribute && !follows.includes(name)) expect([name, after[name]]).toEqual([name, old]);
    });

    test('PATCH merges objects, and null takes an attribute away', async () => {
      const made = await create();
      const merged = await patch(made.id, {
        crossedThresholdInformation: { observedValue: '0.0' },
        specificProblem: null,
      });
      expect(merged['crossedThresholdInformation']).toEqual({
        ...(made['crossedThresholdInformation'] as object),
        observedValue: '0.0',
      });
      expect(merged).not.toHaveProperty('specificProblem');
    });

    test.each([
      [{ perceivedSeverity: 'cleared' }],
      [
        {
          state: 'cleared',
          clearUserId: 'ann',
          clearSystemId: 'power-ems',
          alarmClearedTime: '2026-11-20T11:00:00.000Z',
        },
      ],
    ])('%j clears: state and severity go together, and stay', async (body) => {
      const made = await create();
      const cleared = await patch(made.id, body);
      expect(cleared).toMatchObject({ ...body, state: 'cleared', perceivedSeverity: 'cleared' });
      const refused = await told(send('PATCH', `alarm/${made.id}`, { perceivedSeverity: 'minor' }), 409, 'Error');
      expect(refused).toMatchObject({ code: 'alarm_is_cleared', status: '409' });
      expect(await get(made.id)).toEqual(cleared);
      // The book keeps what it was last.
      expect(await fixture.get(`/api/v1/alarms/${made.id}`)).toMatchObject({ severity: 'major', isCleared: true });
    });

    test('posted again: the same is one alarm, another is refused, a cleared one is raised anew', async () => {
      const given = whole();
      const first = await told<Alarm>(send('POST', 'alarm', given), 201, 'Alarm');
      const again = await told<Alarm>(send('POST', 'alarm', given), 201, 'Alarm');
      expect(again).toEqual(first);
      const other = { ...given, perceivedSeverity: 'minor' };
      expect(await told(send('POST', 'alarm', other), 409, 'Error')).toMatchObject({ code: 'alarm_exists' });
      await patch(first.id, { state: 'cleared' });
      const raised = await told<Alarm>(send('POST', 'alarm', other), 201, 'Alarm');
      expect(raised).toMatchObject({ id: first.id, state: 'raised', perceivedSeverity: 'minor' });
      const { statusChanges } = await fixture.get<{ statusChanges: { severity: string }[] }>(
        `/api/v1/alarms/${first.id}`,
      );
      expect(statusChanges.map(({ severity }) => severity)).toEqual(['minor', 'cleared', 'major']);
    });

    test('names in capitals are taken', async () => {
      const made = await create({ perceivedSeverity: 'CRITICAL', state: 'RAISED', alarmType: 'EquipmentAlarm' });
      expect(made).toMatchObject({ perceivedSeverity: 'critical', state: 'raised', alarmType: 'equipmentAlarm' });
    });

    test.each([
      'alarmRaisedTime',
      'alarmType',
      'alarmedObject',
      'perceivedSeverity',
      'probableCause',
      'sourceSystemId',
      'state',
    ])('without %s nothing is entered', async (attribute) => {
      const { [attribute]: _, ...less } = whole();
      const total = await count('');
      expect(await told(send('POST', 'alarm', less), 400, 'Error')).toMatchObject({ code: 'invalid_request' });
      expect(await count('')).toBe(total);
    });

    test.each([
      ['a severity that there is not', { perceivedSeverity: 'awful' }],
      ['a misspelt attribute', { percievedSeverity: 'major' }],
      ['a state that contradicts the severity', { state: 'cleared' }],
      ['an id of its own', { id: '5' }],
    ])('%s is refused', async (_, change) => {
      await told(send('POST', 'alarm', whole(change)), 400, 'Error');
    });

    test.each(['sourceSystemId', 'alarmRaisedTime', 'id', 'href'])('PATCH of %s is refused', async (attribute) => {
      const made = await create();
      await told(send('PATCH', `alarm/${made.id}`, { [attribute]: made[attribute] }), 400, 'Error');
    });

    test('only a cleared alarm is deleted, and it is gone then', async () => {
      const made = await create();
      expect(await told(send('DELETE', `alarm/${made.id}`), 409, 'Error')).toMatchObject({ code: 'alarm_is_active' });
      expect((await get(made.id)).id).toBe(made.id);
      await patch(made.id, { state: 'cleared' });
      const gone = await send('DELETE', `alarm/${made.id}`);
      expect([gone.status, gone.body]).toEqual([204, '']);
      await told(send('GET', `alarm/${made.id}`), 404, 'Error');
      await told(send('DELETE', `alarm/${made.id}`), 404, 'Error');
    });

    test('what a database cannot hold is left out of it', async () => {
      const made = await create({ alarmDetails: 'a\u0000b', place: [{ id: 'p\u0000', role: 'site' }] });
      expect(made).toMatchObject({ alarmDetails: 'ab', place: [{ id: 'p', role: 'site' }] });
    });
  });

  describe('hostile texts', () => {
    const NUL = '\u0000';
    test.each(['alarmDetails', 'id', 'comment', 'place.id', 'alarmRaisedTime', 'fields', 'sort', NUL])(
      'a NUL in %s is refused, and nothing breaks',
      async (name) => {
        await told(send('GET', `alarm?${encodeURIComponent(name)}=${encodeURIComponent(`${NUL}x`)}`), 400, 'Error');
      },
    );

    test('in bodies it is left out', async () => {
      const made = await create({
        externalAlarmId: `${randomUUID()}${NUL}`,
        sourceSystemId: `s${NUL}`,
        comment: [{ comment: `c${NUL}`, userId: `u${NUL}` }],
      });
      expect(made).toMatchObject({ sourceSystemId: 's', comment: [{ comment: 'c', userId: 'u' }] });
      await patch(made.id, { ackState: 'acknowledged', ackUserId: `u${NUL}`, clearUserId: NUL, state: 'cleared' });
      expect(await get(made.id)).toMatchObject({ ackUserId: 'u', state: 'cleared' });
      const task = { ackSystemId: `a${NUL}`, ackUserId: 'b', alarmPattern: [{ id: made.id }] };
      expect(await told(send('POST', 'unAckAlarms', task), 201, 'UnAckAlarms')).toMatchObject({ ackSystemId: 'a' });
    });

    test.each([
      'ackAlarms/%00',
      'alarm/%00',
      'ackAlarms?ackUserId=%00',
      '/api/v1/alarms?text=%00',
      '/api/v1/alarms?ticket=%00',
    ])('%s breaks nothing', async (place) => {
      expect((await send('GET', place)).status).toBeLessThan(500);
    });
  });

  async function count(query: string): Promise<number> {
    const { headers } = await send('GET', `alarm?${query}&limit=1`);
    return Number(headers.get('x-total-count'));
  }

  describe('the list', () => {
    /** For each attribute, in which only the second alarm differs from the first. */
    const DIFFERENT: readonly (readonly [filter: string, change: object, value: string])[] = [
      ['alarmDetails', { alarmDetails: 'other words' }, 'other words'],
      ['alarmEscalation', { alarmEscalation: false }, 'false'],
      ['alarmRaisedTime', { alarmRaisedTime: '2026-11-19T00:00:00.000Z' }, '2026-11-19T00:00:00Z'],
      ['alarmReportingTime', { alarmReportingTime: '2026-11-19T00:00:00.000Z' }, '2026-11-19T01:00:00+01:00'],
      ['alarmType', { alarmType: 'equipmentAlarm' }, 'equipmentAlarm'],
      ['alarmedObject.href', { alarmedObject: { id: 'same', href: 'https://x.example/1' } }, 'https://x.example/1'],
      ['alarmedObject', { alarmedObject: { id: 'other-object' } }, 'other-object'],
      ['alarmedObject.id', { alarmedObject: { id: 'other-object-2' } }, 'other-object-2'],
      ['alarmedObjectType', { alarmedObjectType: 'shelf' }, 'shelf'],
      ['externalAlarmId', { externalAlarmId: 'the-other' }, 'the-other'],
      ['isRootCause', { isRootCause: false }, 'false'],
      ['perceivedSeverity', { perceivedSeverity: 'minor' }, 'minor'],
      ['plannedOutageIndicator', { plannedOutageIndicator: 'outOfService' }, 'outOfService'],
      ['probableCause', { probableCause: 'fire' }, 'fire'],
      ['proposedRepairedActions', { proposedRepairedActions: 'Run.' }, 'Run.'],
      ['reportingSystemId', { reportingSystemId: 'relay-2' }, 'relay-2'],
      ['serviceAffecting', { serviceAffecting: false }, 'false'],
      ['sourceSystemId', { sourceSystemId: 'fire-ems' }, 'fire-ems'],
      ['specificProblem', { specificProblem: 'other' }, 'other'],
      ['state', { state: 'updated' }, 'updated'],
      ['ackState', { ackState: 'acknowledged' }, 'acknowledged'],
      ['ackUserId', { ackState: 'acknowledged', ackUserId: 'zoe' }, 'zoe'],
      ['ackSystemId', { ackState: 'acknowledged', ackSystemId: 'umbrella' }, 'umbrella'],
      ['affectedService', { affectedService: [{ id: 'a' }, { id: 'b' }] }, 'b'],
      ['affectedService.id', { affectedService: [{ id: 'c' }] }, 'c'],
      ['comment', { comment: [{ comment: 'quite other' }] }, 'quite other'],
      ['comment.userId', { comment: [{ comment: 'x', userId: 'zoe' }] }, 'zoe'],
      ['comment.systemId', { comment: [{ comment: 'x', systemId: 'other' }] }, 'other'],
      ['correlatedAlarm', { correlatedAlarm: [{ id: '4711' }] }, '4711'],
      ['crossedThresholdInformation', { crossedThresholdInformation: { indicatorName: 'voltage' } }, 'voltage'],
      ['crossedThresholdInformation.direction', { crossedThresholdInformation: { direction: 'up' } }, 'up'],
      ['crossedThresholdInformation.indicatorUnit', { crossedThresholdInformation: { indicatorUnit: 'V' } }, 'V'],
      ['crossedThresholdInformation.observedValue', { crossedThresholdInformation: { observedValue: '7' } }, '7'],
      ['place', { place: [{ id: 'pop-9', role: 'site' }] }, 'pop-9'],
      ['place.name', { place: [{ name: 'Pop 9', role: 'site' }] }, 'Pop 9'],
      ['place.role', { place: [{ id: 'x', role: 'room' }] }, 'room'],
      ['@type', { '@type': 'PowerAlarm' }, 'PowerAlarm'],
      ['@baseType', { '@baseType': 'Alarm' }, 'Alarm'],
      ['@schemaLocation', { '@schemaLocation': 'https://x.example/s' }, 'https://x.example/s'],
    ];

    test.each(DIFFERENT)('%s: one alarm fits, one that differs in it does not', async (filter, change, value) => {
      const mark = randomUUID();
      const base = { alarmedObject: { id: 'same' }, reportingSystemId: mark };
      const extra = 'reportingSystemId' in change ? { alarmedObjectType: mark } : {};
      const [first, second] = [await create({ ...base, ...extra }), await create({ ...base, ...extra, ...change })];
      const by = Object.keys(extra).length > 0 ? `alarmedObjectType=${mark}` : `reportingSystemId=${mark}`;
      const fits = async (query: string): Promise<string[]> =>
        (await list(`${by}&shelved=any${query}`)).map(({ id }) => id);
      expect(await fits('')).toEqual([first.id, second.id]);
      expect(await fits(`&${filter}=${encodeURIComponent(value)}`)).toEqual([second.id]);
      expect(await fits(`&${filter}=${encodeURIComponent(value)}&id=999999`)).toEqual([]);
    });

    test('id, href, changed and cleared times, who cleared, parents', async () => {
      const [one, other] = [await create(), await create()];
      const cleared = await patch(one.id, { state: 'cleared', clearUserId: 'ann-2', clearSystemId: 'sys-2' });
      await patch(other.id, { parentAlarm: [{ id: polled.id }] });
      const fits = async (query: string): Promise<string[]> =>
        (await list(`id=${one.id}&id=${other.id}&${query}`)).map(({ id }) => id);
      expect(await fits('')).toEqual([one.id, other.id]);
      expect(await fits(`href=${one.href}`)).toEqual([one.id]);
      for (const name of ['alarmClearedTime', 'clearUserId', 'clearSystemId', 'alarmChangedTime'])
        expect([name, await fits(`${name}=${encodeURIComponent(String(cleared[name]))}`)]).toEqual([name, [one.id]]);
      expect(await fits(`parentAlarm=${polled.id}`)).toEqual([other.id]);
      expect((await list(`correlatedAlarm=${other.id}`)).map(({ id }) => id)).toEqual([polled.id]);
      expect((await list(`isRootCause=true&id=${polled.id}`)).length).toBe(1);
      await patch(other.id, { parentAlarm: null });
      expect(await list(`correlatedAlarm=${other.id}`)).toEqual([]);
    });

    test('several values are any of them, several attributes all, times have bounds', async () => {
      const mark = randomUUID();
      for (const day of ['18', '19', '20'])
        await create({
          reportingSystemId: mark,
          alarmRaisedTime: `2026-11-${day}T00:00:00.000Z`,
          perceivedSeverity: day === '18' ? 'minor' : 'major',
        });
      const n = (query: string): Promise<number> => count(`reportingSystemId=${mark}&${query}`);
      expect(await n('perceivedSeverity=minor,major')).toBe(3);
      expect(await n('perceivedSeverity=minor&perceivedSeverity=critical')).toBe(1);
      expect(await n('alarmRaisedTime.gt=2026-11-19T00:00:00Z')).toBe(1);
      expect(await n('alarmRaisedTime.gte=2026-11-19T00:00:00Z')).toBe(2);
      expect(await n('alarmRaisedTime.lt=2026-11-19T00:00:00Z')).toBe(1);
      expect(await n('alarmRaisedTime.lte=2026-11-19T00:00:00Z&perceivedSeverity=major')).toBe(1);
    });

    test('pages by offset and limit, with the whole number beside', async () => {
      const mark = randomUUID();
      const ids: string[] = [];
      for (let at = 0; at < 5; at += 1) ids.push((await create({ reportingSystemId: mark })).id);
      const { headers, body } = await send('GET', `alarm?reportingSystemId=${mark}&offset=1&limit=2`);
      expect((body as Alarm[]).map(({ id }) => id)).toEqual(ids.slice(1, 3));
      expect([headers.get('x-total-count'), headers.get('x-result-count')]).toEqual(['5', '2']);
      expect((await list(`reportingSystemId=${mark}&offset=4`)).map(({ id }) => id)).toEqual(ids.slice(4));
      expect(await list(`reportingSystemId=${mark}&offset=9`)).toEqual([]);
      const newest = (await list(`reportingSystemId=${mark}&sort=-alarmChangedTime`)).map(({ id }) => id);
      expect(newest).toEqual(ids.toReversed());
    });

    test.each([
      'colour=red',
      'perceivedSeverity.gt=major',
      'alarmRaisedTime=yesterday',
      'fields=colour',
      'limit=0',
      'isRootCause=maybe',
      'sort=colour',
      'constructor=x',
    ])('%s is refused, and not left out', async (query) => {
      await told(send('GET', `alarm?${query}`), 400, 'Error');
    });

    test('fields: id, href and these alone', async () => {
      const made = await create();
      for (const name of Object.keys(made)) {
        const one = await told<Alarm>(send('GET', `alarm/${made.id}?fields=${name}`), 200, 'Alarm');
        expect(one).toEqual({ id: made.id, href: made.href, [name]: made[name] });
      }
      expect(await list(`id=${made.id}&fields=state,perceivedSeverity`)).toEqual([
        { id: made.id, href: made.href, state: 'raised', perceivedSeverity: 'major' },
      ]);
      expect(await list(`id=${made.id}&fields=none`)).toEqual([{ id: made.id, href: made.href }]);
    });

    test('a shelved alarm is hidden where it is not asked for', async () => {
      const made = await create();
      await fixture.post(`/api/v1/alarms/${made.id}/shelve`, { until: '2099-01-01T00:00:00Z', text: 'known' });
      const fits = async (query: string): Promise<number> => (await list(`id=${made.id}${query}`)).length;
      expect([
        await fits(''),
        await fits('&shelved=true'),
        await fits('&shelved=any'),
        await fits('&shelved=false'),
      ]).toEqual([0, 1, 1, 0]);
      expect((await get(made.id)).id).toBe(made.id);
    });
  });

  describe('what is not there', () => {
    test.each(['alarm/999999', 'alarm/none', `Alarm/${randomUUID()}`, `ackAlarms/${randomUUID()}`, 'alarms'])(
      '%s is 404',
      async (place) => {
        expect((await send('GET', place)).status).toBe(404);
      },
    );
    test('a refusal has the form of TMF630, also for who has no token', async () => {
      const { status, body } = await fixture.ask(`${BASE}/alarm`, { token: null });
      expect([status, faultsOf('Error', body)]).toEqual([401, []]);
      expect(body).toMatchObject({ code: 'token_missing', status: '401', reason: expect.any(String) as string });
    });
  });

  describe('tasks', () => {
    type Task = Readonly<Record<string, unknown>> & { readonly id: string; readonly href: string };
    const ids = (list: unknown): string[] => (list as { id: string }[]).map(({ id }) => id);

    async function task(kind: string, body: object): Promise<Task> {
      const definition = `${kind.slice(0, 1).toUpperCase()}${kind.slice(1)}`;
      const made = await told<Task>(send('POST', kind, body), 201, definition);
      expect(made).toMatchObject({ ...body, state: 'done' });
      expect(await told(send('GET', `${kind}/${made.id}`), 200, definition)).toEqual(made);
      expect(ids(await told(send('GET', `${kind}?id=${made.id}`), 200, definition))).toEqual([made.id]);
      expect(await told(send('GET', `${kind}/${made.id}?fields=state`), 200, definition)).toEqual({
        id: made.id,
        href: made.href,
        state: 'done',
      });
      return made;
    }

    async function three(): Promise<{ mark: string; alarms: readonly Alarm[] }> {
      const mark = randomUUID();
      const alarms = [
        await create({ reportingSystemId: mark, perceivedSeverity: 'major' }),
        await create({ reportingSystemId: mark, perceivedSeverity: 'minor' }),
        await create({ reportingSystemId: mark, perceivedSeverity: 'critical' }),
      ];
      return { mark, alarms };
    }

    test('ackAlarms and unAckAlarms: any pattern, all of its attributes; told is what changed', async () => {
      const { mark, alarms } = await three();
      const by = { ackSystemId: 'umbrella', ackUserId: 'ann' };
      const alarmPattern = [
        { reportingSystemId: mark, perceivedSeverity: 'major' },
        { reportingSystemId: mark, perceivedSeverity: 'minor', probableCause: 'rectifierFailure' },
      ];
      const made = await task('ackAlarms', { ...by, alarmPattern });
      expect(ids(made['ackedAlarm'])).toEqual(ids(alarms.slice(0, 2)));
      expect(
        (await list(`reportingSystemId=${mark}&ackState=acknowledged&ackUserId=ann&ackSystemId=umbrella`)).length,
      ).toBe(2);
      const again = await task('ackAlarms', { ...by, alarmPattern: [{ reportingSystemId: mark }] });
      expect(ids(again['ackedAlarm'])).toEqual([alarms[2]?.id]);
      const back = await task('unAckAlarms', { ...by, alarmPattern: [{ id: alarms[0]?.id }] });
      expect(ids(back['unAckedAlarm'])).toEqual([alarms[0]?.id]);
      expect((await list(`reportingSystemId=${mark}&ackState=unacknowledged`)).map(({ id }) => id)).toEqual([
        alarms[0]?.id,
      ]);
    });

    test('clearAlarms clears what other systems entered, and no alarm of a poll', async () => {
      const { mark, alarms } = await three();
      const made = await task('clearAlarms', {
        clearSystemId: 'power-ems',
        clearUserId: 'ann',
        alarmClearedTime: '2026-11-20T12:00:00.000Z',
        alarmPattern: [{ reportingSystemId: mark }, { id: polled.id }],
      });
      expect(ids(made['clearedAlarm'])).toEqual(ids(alarms));
      for (const { id } of alarms)
        expect(await get(id)).toMatchObject({
          state: 'cleared',
          perceivedSeverity: 'cleared',
          clearUserId: 'ann',
          clearSystemId: 'power-ems',
          alarmClearedTime: '2026-11-20T12:00:00.000Z',
        });
      expect(await get(polled.id)).toMatchObject({ perceivedSeverity: 'major' });
    });

    test('commentAlarms adds a comment to each', async () => {
      const { mark, alarms } = await three();
      const comment = { comment: 'on its way', userId: 'bob', systemId: 'umbrella' };
      const made = await task('commentAlarms', { comment, alarmPattern: [{ reportingSystemId: mark }] });
      expect(ids(made['commentedAlarm'])).toEqual(ids(alarms));
      const now = await get(alarms[0]?.id ?? '');
      expect((now['comment'] as object[]).at(-1)).toMatchObject(comment);
      expect((now['comment'] as object[]).length).toBe(2);
    });

    test('groupAlarms and unGroupAlarms: parent and members know of each other', async () => {
      const { alarms } = await three();
      const [parent, one, two] = ids(alarms);
      const body = {
        sourceSystemId: 'umbrella',
        alarmChangedTime: '2026-11-20T12:00:00.000Z',
        parentAlarm: { id: parent },
      };
      const made = await task('groupAlarms', { ...body, correlatedAlarm: [{ id: one }, { id: two }] });
      expect(ids(made['groupedAlarm'])).toEqual([one, two]);
      expect(ids((await get(one ?? ''))['parentAlarm'])).toEqual([parent]);
      expect(ids((await get(parent ?? ''))['correlatedAlarm'])).toEqual(expect.arrayContaining([one, two]));
      expect(ids((await task('groupAlarms', { ...body, correlatedAlarm: [{ id: one }] }))['groupedAlarm'])).toEqual([]);
      await told(
        send('POST', 'groupAlarms', { ...body, parentAlarm: { id: one }, correlatedAlarm: [{ id: parent }] }),
        400,
        'Error',
      );
      await told(
        send('POST', 'groupAlarms', { ...body, correlatedAlarm: [{ id: one }, { id: '999999' }] }),
        404,
        'Error',
      );
      const parted = await task('unGroupAlarms', { ...body, correlatedAlarm: [{ id: one }, { id: two }] });
      expect(ids(parted['unGroupedAlarm'])).toEqual([one, two]);
      expect(await get(one ?? '')).not.toHaveProperty('parentAlarm');
    });

    test.each([
      ['no pattern', []],
      ['a pattern of nothing, which fits all', [{}]],
      ['an attribute that there is not', [{ colour: 'red' }]],
    ])('%s is refused', async (_, alarmPattern) => {
      await told(send('POST', 'ackAlarms', { ackSystemId: 'x', ackUserId: 'y', alarmPattern }), 400, 'Error');
    });
  });

  describe('under a scope', () => {
    let north = '';
    beforeAll(async () => {
      const made = await fixture.post('/api/v1/tokens', {
        name: 'north-noc',
        role: 'operator',
        scope: { sites: ['north'], customers: [] },
      });
      north = (made.body as { token: string }).token;
    });

    test('the north neither sees nor touches the south', async () => {
      const { body } = await send('GET', 'alarm?shelved=any', undefined, north);
      expect((body as Alarm[]).map(({ alarmedObject }) => (alarmedObject as { id: string }).id)).toEqual(['north1/p1']);
      expect((await send('PATCH', `alarm/${polled.id}`, { ackState: 'acknowledged' }, north)).status).toBe(404);
      expect((await send('POST', 'alarm', whole({ alarmedObject: { id: 'south1' } }), north)).status).toBe(404);
      const by = {
        ackSystemId: 'x',
        ackUserId: 'y',
        alarmPattern: [{ id: polled.id }, { alarmedObject: { id: 'south1/p1' } }],
      };
      const acked = await send('POST', 'ackAlarms', by, north);
      expect([acked.status, (acked.body as { ackedAlarm: unknown }).ackedAlarm]).toEqual([201, []]);
      expect((await send('GET', 'commentAlarms', undefined, north)).body).toEqual([]);
      expect((await send('GET', 'ackAlarms', undefined, north)).body).toHaveLength(1);
      expect((await send('POST', 'hub', { callback: 'http://127.0.0.1:9/' }, north)).status).toBe(403);
      const own = (body as Alarm[])[0]?.id;
      expect((await send('PATCH', `alarm/${own}`, { parentAlarm: [{ id: polled.id }] }, north)).status).toBe(404);
    });

    test('of its own part it enters and clears alarms', async () => {
      const made = await send('POST', 'alarm', whole({ alarmedObject: { id: 'north1' } }), north);
      expect(made.status).toBe(201);
      const { id } = made.body as Alarm;
      expect((await send('PATCH', `alarm/${id}`, { state: 'cleared' }, north)).status).toBe(200);
      expect((await send('DELETE', `alarm/${id}`, undefined, north)).status).toBe(204);
    });
  });
}
