// Causes in a running collector with a real database: a core that dies with everything behind it, and comes back.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CauseSilence } from '../../../../collector/faults/cause/cause-silence.ts';
import { ALARM_COLUMNS, type AlarmRow } from '../../../../collector/faults/alarm-row.ts';
import {
  type CollectorFixture,
  eventually,
  type StartedFixture,
  startCollectorFixture,
} from '../../../support/collector-fixture.ts';
import { interfacePoll, tableAt } from '../../../support/poll-builder.ts';
import type { Table } from '../../../../common/model/poll.ts';

const DEVICES = [
  { name: 'core1', agent: 'agent-1' },
  { name: 'access1', parents: ['core1'] },
  { name: 'access2', parents: ['core1'] },
  { name: 'elsewhere' },
];
const HOLD_MS = 60_000;

interface Work {
  readonly device: string;
  readonly kind: string;
  readonly askedBy: string;
}

interface Problem {
  readonly id: string;
  readonly symptoms: readonly { readonly resource: string }[];
}

interface Folded {
  readonly resource: string;
  readonly rootAlarm: string | null;
  readonly symptoms: number;
}

describe('a core that dies', () => {
  let started: StartedFixture;
  let fixture: CollectorFixture;
  let sequence = 0;
  /** Devices are polled in the time of the test, one second a round. */
  let atMs = Date.now() - 30_000;

  beforeAll(async () => {
    started = await startCollectorFixture({ devices: DEVICES });
    fixture = started.fixture;
  });
  afterAll(() => started.remove());

  async function poll(states: Readonly<Record<string, boolean>>): Promise<void> {
    sequence += 1;
    atMs += 1000;
    const polls = Object.entries(states).map(([device, answers]) =>
      interfacePoll({
        device,
        atMs,
        intervalMs: HOLD_MS,
        ...(answers ? { interfaces: [{ key: 'p1', speedBps: 1e9 }] } : { failure: 'snmp_timeout' }),
      }),
    );
    await fixture.receipt({ sequence, polls });
    await fixture.applied(sequence);
  }

  /** What people would be told now, and of what is held or folded why. */
  async function silences(): Promise<Record<string, string>> {
    const { database } = fixture.database;
    const { rows } = await database.query<AlarmRow>(`select ${ALARM_COLUMNS} from faults.alarm where not is_cleared`);
    const source = new CauseSilence({ holdMs: HOLD_MS, recoveryMs: HOLD_MS });
    const found = await source.silencesOf(database, rows, Date.now());
    return Object.fromEntries(rows.map(({ id, resource }) => [resource, found.get(id.toString())?.kind ?? 'told']));
  }

  const become = (expected: Record<string, string>): Promise<void> =>
    eventually(async () => {
      const now = await silences();
      const text = (one: Record<string, string>): string =>
        Object.entries(one)
          .map(([resource, state]) => `${resource} ${state}`)
          .toSorted()
          .join();
      return text(now) === text(expected);
    }, JSON.stringify(expected));

  const work = async (): Promise<string[]> =>
    (await fixture.get<{ items: Work[] }>('/api/v1/work?limit=100')).items
      .filter(({ kind, askedBy }) => kind === 'poll' && askedBy === 'weir')
      .map(({ device }) => device);

  test('its child is held and the core polled at once; then the core is the root and the others its symptoms', async () => {
    await poll({ core1: true, access1: true, access2: true, elsewhere: true });
    await poll({ access1: false });
    await poll({ access1: false });
    await become({ access1: 'held' });
    await eventually(async () => (await work()).includes('core1'), 'the core is polled at once');
    await poll({ access2: false, core1: false });
    await poll({ access2: false, core1: false });
    await become({ core1: 'told', access1: 'symptom', access2: 'symptom' });
  });

  test('the API shows one problem, and folds the list of alarms', async () => {
    const { items } = await fixture.get<{ items: Problem[] }>('/api/v1/problems');
    expect(items).toMatchObject([
      { rootResource: 'core1', settled: true, symptomCount: 2, affectedNumberOfServices: 0, criticality: 'normal' },
    ]);
    expect(items[0]?.symptoms.map(({ resource }) => resource)).toEqual(['access1', 'access2']);
    const id = items[0]?.id ?? '';
    expect(await fixture.get(`/api/v1/problems/${id}`)).toMatchObject({ id, symptomCount: 2 });
    const listed = async (state: string): Promise<string[]> => {
      const answer = await fixture.get<{ items: Folded[] }>(`/api/v1/alarms?state=${state}`);
      return answer.items.map(({ resource, rootAlarm, symptoms }) => `${resource} ${rootAlarm} ${symptoms}`).toSorted();
    };
    expect(await listed('root')).toEqual(['core1 null 2']);
    expect(await listed('active')).toEqual([`access1 ${id} 0`, `access2 ${id} 0`, 'core1 null 2']);
    expect((await fixture.ask('/api/v1/problems/999999')).status).toBe(404);
    const viewer = await fixture.token('a-viewer', 'viewer');
    expect(await fixture.get(`/api/v1/problems/${id}`, viewer)).toMatchObject({
      affectedServices: null,
      affectedCustomers: null,
      revenueAtRisk: null,
    });
  });

  test('a restart changes nothing of it, and what was lost is found again', async () => {
    await fixture.restart();
    await become({ core1: 'told', access1: 'symptom', access2: 'symptom' });
    await fixture.database.database.query('truncate faults.cause');
    await poll({ elsewhere: true });
    await become({ core1: 'told', access1: 'symptom', access2: 'symptom' });
  });

  test('the core answers again: nothing is said of its children before they are polled', async () => {
    await poll({ core1: true });
    await become({ access1: 'held', access2: 'held' });
    await eventually(async () => {
      const asked = await work();
      return asked.includes('access1') && asked.includes('access2');
    }, 'the children are polled at once');
    await poll({ access1: true });
    await become({ access2: 'held' });
    // It is still away by itself: now that is told.
    await poll({ access2: false });
    await become({ access2: 'told' });
    await poll({ access2: true });
    await become({});
    await eventually(async () => {
      const { rows } = await fixture.database.database.query('select from faults.cause');
      return rows.length === 0;
    }, 'nothing is kept of alarms that ended');
  });
});

describe('a site without power, by links that LLDP told', () => {
  let started: StartedFixture;
  let fixture: CollectorFixture;
  let sequence = 0;
  let atMs = 0;

  beforeAll(async () => {
    started = await startCollectorFixture({
      devices: [
        { name: 'core1', site: 'hq' },
        { name: 'router1', site: 'shop' },
        { name: 'switch1', site: 'shop' },
      ],
      collector: { faults: { cause: { attached: { 'agent-1': ['core1'] } } } },
    });
    fixture = started.fixture;
  });
  afterAll(() => started.remove());

  const neighbours = (...said: readonly (readonly [local: string, device: string, port: string])[]): Table => {
    const text = (name: string, at: 0 | 1 | 2) => ({ kind: 'text' as const, name, values: said.map((one) => one[at]) });
    return tableAt(
      { atMs },
      'neighbour',
      said.map((_, at) => `lldp.${at}`),
      [text('localInterface', 0), text('remoteDevice', 1), text('remotePort', 2)],
    );
  };

  async function poll(device: string, ports: Readonly<Record<string, number>> | null, table?: Table): Promise<void> {
    sequence += 1;
    atMs = Math.max(atMs + 1, Date.now());
    const interfaces = Object.entries(ports ?? {}).map(([key, oper]) => ({ key, oper, speedBps: 1e9 }));
    const polls = [
      interfacePoll({
        device,
        atMs,
        ...(ports === null ? { failure: 'snmp_timeout' } : { interfaces }),
        ...(table === undefined ? {} : { tables: [table] }),
      }),
    ];
    await fixture.receipt({ sequence, polls });
    await fixture.applied(sequence);
  }

  const told = async (): Promise<string[]> => {
    const { items } = await fixture.get<{ items: { rootResource: string; settled: boolean; symptomCount: number }[] }>(
      '/api/v1/problems',
    );
    return items.map((one) => `${one.rootResource} ${one.settled ? 'settled' : 'held'} ${one.symptomCount}`).toSorted();
  };
  const become = (...expected: string[]): Promise<void> =>
    eventually(async () => JSON.stringify(await told()) === JSON.stringify(expected), expected.join(', '));

  test('is one alarm, with its devices and the port towards it folded, though the core no longer tells of the link', async () => {
    await poll('core1', { p1: 1 }, neighbours(['p1', 'router1', 'up']));
    await poll('router1', { up: 1, p1: 1 }, neighbours(['up', 'core1', 'p1'], ['p1', 'switch1', 'up']));
    await poll('switch1', { up: 1 }, neighbours(['up', 'router1', 'p1']));
    // It is the first to forget.
    await poll('core1', { p1: 1 }, neighbours());
    await fixture.restart();
    await poll('core1', { p1: 2 });
    await become('core1/p1 held 0');
    for (const device of ['switch1', 'router1', 'switch1', 'router1']) await poll(device, null);
    await poll('core1', { p1: 2 });
    await become('site:shop settled 3');
    const { items } = await fixture.get<{ items: { resource: string; alarmType: string }[] }>(
      '/api/v1/alarms?state=root',
    );
    expect(items).toMatchObject([{ resource: 'site:shop', alarmType: 'site-unreachable' }]);
  });

  test('is over once one of its devices answers; the other is told if it stays away', async () => {
    await poll('router1', { up: 1, p1: 2 });
    await become('core1/p1 held 0', 'switch1 held 1');
    await poll('core1', { p1: 1 });
    await become('switch1 held 1');
    await poll('switch1', null);
    await become('switch1 settled 1');
    await poll('switch1', { up: 1 });
    await poll('router1', { up: 1, p1: 1 });
    await become();
  });
});
