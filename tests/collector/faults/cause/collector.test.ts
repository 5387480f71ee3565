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
import { interfacePoll } from '../../../support/poll-builder.ts';

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
      return JSON.stringify(Object.entries(now).toSorted()) === JSON.stringify(Object.entries(expected).toSorted());
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
    const listed = async (state: string): Promise<readonly (readonly [string, string | null, number])[]> => {
      const answer = await fixture.get<{ items: Folded[] }>(`/api/v1/alarms?state=${state}`);
      return answer.items
        .map(({ resource, rootAlarm, symptoms }) => [resource, rootAlarm, symptoms] as const)
        .toSorted();
    };
    expect(await listed('root')).toEqual([['core1', null, 2]]);
    expect(await listed('active')).toEqual([
      ['access1', id, 0],
      ['access2', id, 0],
      ['core1', null, 2],
    ]);
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
