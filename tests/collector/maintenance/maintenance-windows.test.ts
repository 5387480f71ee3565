// Maintenance windows of a running collector: made and changed by API, marked on alarms, versions of upgrades, time that KPIs leave out.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ALARM_COLUMNS, type AlarmRow } from '../../../collector/faults/alarm-row.ts';
import { Maintenance } from '../../../collector/maintenance/maintenance.ts';
import { Shelved } from '../../../collector/maintenance/shelved.ts';
import { UpgradeRecords } from '../../../collector/maintenance/upgrade-records.ts';
import { WindowBook } from '../../../collector/maintenance/window-book.ts';
import {
  type CollectorFixture,
  eventually,
  type StartedFixture,
  startCollectorFixture,
} from '../../support/collector-fixture.ts';
import { interfacePoll } from '../../support/poll-builder.ts';
import { silentReporter } from '../../support/silent-reporter.ts';

const MINUTE = 60_000;
const NOW = Date.now();
const iso = (ms: number): string => new Date(ms).toISOString();
const SPAN = { from: iso(NOW - 60 * MINUTE), to: iso(NOW + 60 * MINUTE) };

interface Window {
  readonly id: string;
  readonly version: number;
  readonly inForce: { readonly from: string; readonly to: string } | null;
}
interface AlarmAnswer {
  readonly id: string;
  readonly resource: string;
  readonly maintenance: { readonly id: string; readonly until: string } | null;
}

let started: StartedFixture;
let fixture: CollectorFixture;

beforeAll(async () => {
  started = await startCollectorFixture({
    devices: [
      { name: 'core1', site: 'north' },
      { name: 'access1', site: 'south' },
    ],
  });
  fixture = started.fixture;
  const poll = (device: string, oper: number, agoMs: number) =>
    interfacePoll({ device, atMs: NOW - agoMs, interfaces: [{ key: 'ge-0', inOctets: 1n, oper, speedBps: 1e9 }] });
  for (const device of ['core1', 'access1']) {
    const sequence = device === 'core1' ? 1 : 2;
    await fixture.receipt({ sequence, polls: [poll(device, 1, 2 * MINUTE), poll(device, 2, MINUTE)] });
  }
  await fixture.applied(2);
  await eventually(async () => (await alarms()).length === 2, 'two alarms');
}, 60_000);
afterAll(() => started.remove());

async function alarms(): Promise<readonly AlarmAnswer[]> {
  return (await fixture.get<{ items: AlarmAnswer[] }>('/api/v1/alarms')).items;
}

async function make(body: object): Promise<Window> {
  const { status, body: made } = await fixture.post('/api/v1/maintenance-windows', body);
  expect([status, made]).toEqual([200, expect.anything()]);
  return made as Window;
}

const change = (method: string, window: Window, version: number, body?: object) =>
  fixture.ask(`/api/v1/maintenance-windows/${window.id}?version=${version}`, {
    method,
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });

function database() {
  return fixture.database.database;
}

describe('a window by site', () => {
  test('marks the alarms of its devices, is changed under its version, and ends when it is taken away', async () => {
    const window = await make({ sites: ['north'], ...SPAN, reason: 'new power supply' });
    // It counts from now, not from an hour ago.
    expect(Date.parse(window.inForce?.from ?? '')).toBeGreaterThanOrEqual(NOW);
    const marks = new Map((await alarms()).map(({ resource, maintenance }) => [resource, maintenance]));
    expect(marks).toEqual(
      new Map([
        ['core1/ge-0', { id: window.id, until: SPAN.to }],
        ['access1/ge-0', null],
      ]),
    );
    const wrong = await change('PUT', window, 7, { sites: ['south'], ...SPAN, reason: 'x' });
    expect(wrong.status).toBe(409);
    expect(wrong.body).toMatchObject({ error: { code: 'maintenance_window_changed' } });
    const changed = await change('PUT', window, 1, { sites: ['south'], ...SPAN, reason: 'the other one' });
    expect(changed.body).toMatchObject({ id: window.id, version: 2, by: 'administrator' });
    expect((await alarms()).find(({ maintenance }) => maintenance !== null)?.resource).toBe('access1/ge-0');
    expect((await change('DELETE', window, 2)).status).toBe(200);
    expect((await alarms()).filter(({ maintenance }) => maintenance !== null)).toEqual([]);
    expect((await change('DELETE', window, 2)).status).toBe(404);
    const audit = await fixture.get<{ items: { action: string; subject: string }[] }>(
      `/api/v1/audit?subject=maintenance-window/${window.id}`,
    );
    expect(audit.items.map(({ action }) => action)).toEqual([
      'maintenance.remove',
      'maintenance.replace',
      'maintenance.create',
    ]);
  });

  test.each([
    ['nothing it is about', { ...SPAN, reason: 'x' }, 'devices'],
    ['no time', { devices: ['core1'], reason: 'x' }, 'recurrence'],
    ['a time that is over', { devices: ['core1'], from: SPAN.from, to: iso(NOW - MINUTE), reason: 'x' }, 'to'],
    [
      'a zone that there is not',
      {
        devices: ['core1'],
        reason: 'x',
        recurrence: { zone: 'Mars/Olympus', start: '01:00', durationMinutes: 5 },
      },
      'recurrence.zone',
    ],
  ])('%s is refused with the place', async (_name, body, place) => {
    const { status, body: refusal } = await fixture.post('/api/v1/maintenance-windows', body);
    expect(status).toBe(400);
    expect(JSON.stringify(refusal)).toContain(place);
  });
});

test('an alarm in a window and one on the shelf are silent, each with why and until when', async () => {
  const window = await make({ resources: ['core1/ge-0'], ...SPAN, reason: 'splice' });
  const { rows } = await database().query<AlarmRow>(`select ${ALARM_COLUMNS} from faults.alarm`);
  const maintenance = new Maintenance({
    book: new WindowBook(silentReporter().reporter, { database: database(), clock: { now: () => Date.now() } }),
    siteOf: () => null,
    tagsOf: () => [],
    servicesOf: () => [],
  });
  const core = rows.find(({ resource }) => resource === 'core1/ge-0');
  const silent = await maintenance.silencesOf(database(), rows, Date.now());
  expect([...silent]).toEqual([
    [
      core?.id.toString(),
      {
        kind: 'maintenance',
        text: `in maintenance window ${window.id} until ${SPAN.to}: splice`,
        untilMs: Date.parse(SPAN.to),
      },
    ],
  ]);
  expect((await maintenance.silencesOf(database(), rows, Date.parse(SPAN.to))).size).toBe(0);
  const shelved = rows.map((row) => ({ ...row, shelved_until_ms: row === core ? BigInt(NOW + 1000) : null }));
  const onShelf = await new Shelved().silencesOf(database(), shelved, NOW);
  expect([...onShelf.values()]).toEqual([
    { kind: 'shelved', text: `shelved until ${iso(NOW + 1000)}`, untilMs: NOW + 1000 },
  ]);
  expect((await new Shelved().silencesOf(database(), shelved, NOW + 1000)).size).toBe(0);
  await change('DELETE', window, 1);
});

test('a planned upgrade keeps the versions before and after', async () => {
  const window = await make({ devices: ['core1'], ...SPAN, reason: 'software', upgrade: true });
  let nowMs = Date.now();
  const clock = { now: () => nowMs };
  const { reporter } = silentReporter();
  const book = new WindowBook(reporter, { database: database(), clock });
  await book.refresh();
  const upgrades = new UpgradeRecords(reporter, {
    database: database(),
    clock,
    book,
    devices: () => [
      { name: 'core1', site: null },
      { name: 'access1', site: null },
    ],
    tagsOf: () => [],
  });
  const version = (text: string) =>
    database().query(`update inventory.device set version = $1 where name = 'core1'`, [text]);
  await version('15.2');
  await database().query('delete from maintenance.upgrade');
  await upgrades.look();
  expect(await upgrades.of(window.id)).toMatchObject([{ device: 'core1', before: '15.2', after: '15.2' }]);
  await version('15.4');
  await upgrades.look();
  expect(await upgrades.of(window.id)).toMatchObject([{ before: '15.2', after: '15.4', settled: false }]);
  nowMs = Date.parse(SPAN.to) + 3 * 60 * MINUTE;
  await upgrades.look();
  await version('16.0');
  await upgrades.look();
  expect(await upgrades.of(window.id)).toMatchObject([{ before: '15.2', after: '15.4', settled: true }]);
  const told = await fixture.get<{ items: object[] }>(`/api/v1/maintenance-windows/${window.id}/upgrades`);
  expect(told.items).toMatchObject([{ device: 'core1', before: '15.2', after: '15.4', changed: true }]);
  await change('DELETE', window, 1);
});

test('the availability of a port does not count what was agreed', async () => {
  const availability = async (fromMs: number): Promise<number | null> => {
    const span = `from=${iso(fromMs)}&to=${iso(NOW)}`;
    const place = `/api/v1/kpis/interface-availability?resource=${encodeURIComponent('core1/ge-0')}&${span}`;
    return (await fixture.get<{ value: number | null }>(place)).value;
  };
  await eventually(async () => ((await availability(NOW - 5 * MINUTE)) ?? 0) > 0, 'readings');
  const before = await availability(NOW - 6 * MINUTE);
  expect(before).toBeLessThan(100);
  const agreed = await make({ devices: ['core1'], ...SPAN, reason: 'agreed', excludedFromKpis: true });
  // As if it had been made an hour ago, for the minute in which the port was down.
  const downMs = Math.floor((NOW - MINUTE) / MINUTE) * MINUTE;
  await database().query(
    `update maintenance.window_version set valid_from_ms = $2, serial = nextval('maintenance.serial') where id = $1`,
    [agreed.id, downMs],
  );
  // A look at the list reads what was changed.
  await fixture.get('/api/v1/maintenance-windows');
  expect(await availability(NOW - 7 * MINUTE)).toBe(100);
  await change('DELETE', agreed, 1);
  await database().query('delete from maintenance.window_version');
});

test('KPIs leave out what was agreed, and only that', async () => {
  const asked = { fromMs: NOW - 60 * MINUTE, toMs: NOW + 120 * MINUTE };
  const { reporter } = silentReporter();
  const book = new WindowBook(reporter, { database: database(), clock: { now: () => Date.now() } });
  const maintenance = new Maintenance({ book, siteOf: () => null, tagsOf: () => [], servicesOf: () => [] });
  const agreed = await make({ devices: ['core1'], ...SPAN, reason: 'agreed', excludedFromKpis: true });
  const other = await make({ devices: ['access1'], ...SPAN, reason: 'not agreed' });
  await book.refresh();
  const [span] = maintenance.excluded('core1/ge-0', asked);
  expect(span?.toMs).toBe(Date.parse(SPAN.to));
  expect(span?.fromMs).toBeGreaterThanOrEqual(NOW);
  expect(maintenance.excluded('access1/ge-0', asked)).toEqual([]);
  // Taken away it still counts for the time in which it was there.
  await change('DELETE', agreed, 1);
  await change('DELETE', other, 1);
  await book.refresh();
  const [past] = maintenance.excluded('core1/ge-0', asked);
  expect(past?.fromMs).toBe(span?.fromMs);
  expect(past?.toMs).toBeLessThan(Date.parse(SPAN.to));
});
