// The history of the inventory: what changed is told once, with before and after; a first sighting, the same again and history tell nothing.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CollectorFixture, type StartedFixture, startCollectorFixture } from '../../support/collector-fixture.ts';
import { interfacePoll, tableAt } from '../../support/poll-builder.ts';
import { portsPoll } from '../readings/readings-fixture.ts';
import type { Column, Poll } from '../../../common/model/poll.ts';

interface Change {
  readonly device: string;
  readonly part: string;
  readonly kind: string;
  readonly before: string;
  readonly after: string;
  readonly at: string;
}

const MINUTE = 60_000;
const T0 = Math.floor(Date.now() / MINUTE) * MINUTE - 60 * MINUTE;
const at = (minute: number): number => T0 + minute * MINUTE;

function systemPoll(minute: number, texts: Readonly<Record<string, string>>): Poll {
  const columns = Object.entries(texts).map(([name, value]): Column => ({ kind: 'text', name, values: [value] }));
  return interfacePoll({
    device: 'core1',
    atMs: at(minute),
    tables: [tableAt({ atMs: at(minute) }, 'system', ['0'], columns)],
  });
}

const SYSTEM = { sysName: 'core1.example', version: '15.1', serial: 'FOC1', model: 'C2960', os: 'IOS' };

describe('what changed', () => {
  let started: StartedFixture;
  let fixture: CollectorFixture;
  let sequence = 0;

  beforeAll(async () => {
    started = await startCollectorFixture();
    fixture = started.fixture;
  }, 60_000);
  afterAll(() => started.remove());

  async function apply(...polls: Poll[]): Promise<void> {
    sequence += 1;
    await fixture.send({ sequence, polls });
    await fixture.applied(sequence);
  }

  const changes = async (query = ''): Promise<Change[]> =>
    (await fixture.get<{ items: Change[] }>(`/api/v1/changes${query}`)).items;
  const told = (items: readonly Change[]): string[] =>
    items.map(({ part, kind, before, after }) => `${part} ${kind}: ${before} -> ${after}`.trim());
  const port = (ifIndex: string, ifAlias: string, more: object = {}) => ({
    ifIndex,
    ifName: 'ge-0/0/1',
    ifAlias,
    mac: '00:00:00:00:00:01',
    ...more,
  });
  const ports = (minute: number, ...list: ReturnType<typeof port>[]): Poll =>
    portsPoll({ atMs: at(minute), ports: list, names: true });

  test('a first sighting, and the same again, tell nothing', async () => {
    await apply(systemPoll(0, SYSTEM), ports(1, port('1', 'to core2')));
    await apply(systemPoll(2, SYSTEM), ports(3, port('1', 'to core2')));
    expect(await changes()).toEqual([]);
  });

  test('an upgrade, a replacement', async () => {
    await apply(systemPoll(4, { ...SYSTEM, version: '15.2' }));
    await apply(systemPoll(5, { ...SYSTEM, version: '15.2', serial: 'FOC2' }));
    const items = await changes();
    expect(told(items)).toEqual(['replacement: FOC1 -> FOC2', 'upgrade: 15.1 -> 15.2']);
    expect(items[1]).toMatchObject({ device: 'core1', part: '' });
    // Less the offset of the agent's clock, which is measured.
    expect(Math.abs(Date.parse(items[1]?.at ?? '') - at(4))).toBeLessThan(2000);
    expect(told(await changes('?kind=upgrade'))).toEqual(['upgrade: 15.1 -> 15.2']);
  });

  test('a re-label, also to nothing; a renumbering; another address', async () => {
    await apply(ports(6, port('1', 'to core3')));
    await apply(ports(7, port('1', '')));
    await apply(ports(8, port('17', '', { mac: '00:00:00:00:00:02' })));
    const items = (await fixture.get<{ items: Change[] }>('/api/v1/devices/core1/changes?limit=4')).items;
    expect(told(items).toSorted()).toEqual([
      'ge-0/0/1 mac: 00:00:00:00:00:01 -> 00:00:00:00:00:02',
      'ge-0/0/1 relabel: to core2 -> to core3',
      'ge-0/0/1 relabel: to core3 ->',
      'ge-0/0/1 renumbering: 1 -> 17',
    ]);
  });

  test('a poll that is history changes nothing of now', async () => {
    const before = await changes();
    await apply(systemPoll(3, { ...SYSTEM, version: '14.0' }));
    expect(await changes()).toEqual(before);
  });

  test('the readings gone through again tell nothing more', async () => {
    const before = await changes();
    await fixture.ask('/api/v1/projections/readings/replay', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ from: 'start' }),
    });
    await apply(systemPoll(9, { ...SYSTEM, version: '15.2', serial: 'FOC2' }));
    expect(await changes()).toEqual(before);
  });

  test('pages meet', async () => {
    const all = await changes();
    const first = await fixture.get<{ items: Change[]; next: string }>('/api/v1/changes?limit=2');
    const second = await fixture.get<{ items: Change[] }>(`/api/v1/changes?limit=100&cursor=${first.next}`);
    expect([...first.items, ...second.items]).toEqual(all);
  });
});
