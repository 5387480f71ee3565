// Modules, sensors, neighbours and links of a running collector: as polls tell them, through a restart and a replay, and only to who may see.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { linksOf } from '../../../cli/billing/topology.ts';
import type { Column, Poll, Table } from '../../../common/model/poll.ts';
import {
  ADMINISTRATOR,
  type CollectorFixture,
  eventually,
  type StartedFixture,
  startCollectorFixture,
} from '../../support/collector-fixture.ts';
import { interfacePoll, tableAt } from '../../support/poll-builder.ts';
import { portsPoll } from '../readings/readings-fixture.ts';

interface Part {
  readonly key: string;
  readonly firstSeenAt: string;
  readonly lastSeenAt: string;
  readonly goneAt: string | null;
  readonly [fact: string]: unknown;
}
interface End {
  readonly device: string | null;
  readonly name: string;
  readonly interface: string | null;
  readonly resource: string | null;
}
interface Topology {
  readonly devices: readonly { readonly name: string; readonly site: string | null }[];
  readonly links: readonly { readonly a: End; readonly b: End; readonly toldBy: readonly string[] }[];
}

const MINUTE = 60_000;
const T0 = Math.floor(Date.now() / MINUTE) * MINUTE - 20 * MINUTE;
const at = (minute: number): number => T0 + minute * MINUTE;

type Rows = Readonly<Record<string, Readonly<Record<string, string>>>>;

function textTable(minute: number, name: Table['name'], rows: Rows, complete = true): Table {
  const names = [...new Set(Object.values(rows).flatMap((row) => Object.keys(row)))];
  const columns = names.map(
    (column): Column => ({ kind: 'text', name: column, values: Object.values(rows).map((row) => row[column] ?? null) }),
  );
  return tableAt({ atMs: at(minute), complete }, name, Object.keys(rows), columns);
}

const poll = (device: string, minute: number, ...tables: Table[]): Poll =>
  interfacePoll({ device, atMs: at(minute), tables });
const card = (serial: string, more: Readonly<Record<string, string>> = {}) => ({
  class: 'module',
  name: 'LC',
  serial,
  ...more,
});
const near = (localInterface: string, remoteDevice: string, remotePort: string) => ({
  localInterface,
  remoteDevice,
  remotePort,
  protocol: 'lldp',
});

describe('parts of devices', () => {
  let started: StartedFixture;
  let fixture: CollectorFixture;
  let sequence = 0;

  beforeAll(async () => {
    const devices = [
      { name: 'core1', site: 'north' },
      { name: 'core2', site: 'south' },
    ];
    started = await startCollectorFixture({ devices });
    fixture = started.fixture;
  }, 60_000);
  afterAll(() => started.remove());

  async function apply(...polls: Poll[]): Promise<void> {
    sequence += 1;
    await fixture.send({ sequence, polls });
    await fixture.applied(sequence);
  }
  const parts = async (path: string, query = ''): Promise<Part[]> =>
    (await fixture.get<{ items: Part[] }>(`/api/v1/devices/core1/${path}${query}`)).items;
  const modules = (minute: number, rows: Rows, complete = true): Promise<void> =>
    apply(poll('core1', minute, textTable(minute, 'entity', rows, complete)));
  const changes = async (): Promise<string[]> => {
    const { items } = await fixture.get<{ items: Record<string, unknown>[] }>('/api/v1/changes');
    return items.map(({ device, part, kind }) => `${String(device)} ${String(part)} ${String(kind)}`);
  };
  /** The rows themselves: what is written anew has another place. */
  const places = async (): Promise<unknown> =>
    (await fixture.database.database.query('select ctid::text, key from inventory.part order by device, kind, key'))
      .rows;

  test('before the first poll there are none; a device that is not known is not found', async () => {
    expect(await parts('modules')).toEqual([]);
    expect((await fixture.ask('/api/v1/devices/nobody/modules')).status).toBe(404);
    expect(await fixture.get('/api/v1/topology')).toEqual({ devices: [], links: [], cut: false });
  });

  test('the first sight tells nothing, and the same again writes nothing', async () => {
    await modules(1, { 1: card('A', { software: '1.0' }), 2: card('B') });
    const first = await places();
    await modules(2, { 1: card('A', { software: '1.0' }), 2: card('B') });
    expect(await places()).toEqual(first);
    expect(await changes()).toEqual([]);
    const [one, two] = await parts('modules');
    expect(one).toMatchObject({ key: '1', class: 'module', name: 'LC', serial: 'A', software: '1.0', model: null });
    expect(two).toMatchObject({ key: '2', serial: 'B', goneAt: null });
    expect(Date.parse(one?.lastSeenAt ?? '')).toBeGreaterThan(Date.parse(one?.firstSeenAt ?? ''));
  });

  test('upgraded, replaced, pulled; what is gone is kept with the time it was last there', async () => {
    await modules(3, { 1: card('A', { software: '2.0' }), 2: card('C') });
    expect(await changes()).toEqual(['core1 module:2 module_replaced', 'core1 module:1 module_upgrade']);
    await modules(4, { 1: card('A', { software: '2.0' }) });
    expect((await changes())[0]).toBe('core1 module:2 module_gone');
    expect((await parts('modules', '?gone=false')).map(({ key }) => key)).toEqual(['1']);
    const [gone] = await parts('modules', '?gone=true');
    expect(gone).toMatchObject({ key: '2', serial: 'C' });
    expect(Math.abs(Date.parse(gone?.lastSeenAt ?? '') - at(3))).toBeLessThan(2000);
    expect(Math.abs(Date.parse(gone?.goneAt ?? '') - at(4))).toBeLessThan(2000);
  });

  test('half a table, an empty one and history make nothing gone', async () => {
    const before = await parts('modules');
    await modules(5, {}, true);
    await modules(6, { 9: card('Z') }, false);
    await modules(2, { 7: card('Y') });
    const after = await parts('modules', '?gone=false');
    expect(after.map(({ key }) => key)).toEqual(['1', '9']);
    expect((await parts('modules', '?gone=true')).map(({ key }) => key)).toEqual(
      before.filter(({ goneAt }) => goneAt !== null).map(({ key }) => key),
    );
  });

  test('pages meet', async () => {
    const all = await parts('modules');
    const first = await fixture.get<{ items: Part[]; next: string }>('/api/v1/devices/core1/modules?limit=1');
    const rest = await parts('modules', `?limit=100&cursor=${first.next}`);
    expect([...first.items, ...rest]).toEqual(all);
  });

  test('a sensor with its limits, and what its series is asked by', async () => {
    const table = textTable(7, 'sensor', { 'ent.7': { class: 'temperature', description: 'CPU', unit: '°C' } });
    const number = (name: string, value: number): Column => ({ kind: 'number', name, values: Float64Array.of(value) });
    const columns = [...table.columns, number('value', 41), number('highLimit', 90)];
    await apply(poll('core1', 7, { ...table, columns }));
    const [sensor] = await parts('sensors');
    expect(sensor).toMatchObject({ highLimit: 90, lowLimit: null, metric: 'sensor_temperature' });
    const asked = `metric=${String(sensor?.['metric'])}&resource=${encodeURIComponent(String(sensor?.['resource']))}`;
    await eventually(async () => {
      const { items } = await fixture.get<{ items: { value: number }[] }>(`/api/v1/series/latest?${asked}`);
      return items[0]?.value === 41;
    }, 'the store has it');
  });

  test('file systems, peers and outlets: facts here, what they measure as series', async () => {
    const number = (name: string, value: number): Column => ({ kind: 'number', name, values: Float64Array.of(value) });
    const more = (table: Table, ...columns: Column[]): Table => ({ ...table, columns: [...table.columns, ...columns] });
    const peer = { remoteAddress: '192.0.2.9', state: 'established', adminStatus: 'start' };
    await apply(
      poll(
        'core1',
        8,
        more(
          textTable(8, 'storage', { 'hr.1': { description: '/var' } }),
          number('totalBytes', 200),
          number('usedBytes', 50),
        ),
        more(
          textTable(8, 'bgp-peer', { '192.0.2.9': peer }),
          number('remoteAs', 64_500),
          number('establishedSeconds', 7),
        ),
        more(textTable(8, 'outlet', { 'pdu.1': { description: 'rack 7', state: 'on' } }), number('powerWatts', 230)),
      ),
    );
    expect(await parts('storage')).toMatchObject([{ description: '/var', totalBytes: 200 }]);
    expect(await parts('bgp-peers')).toMatchObject([{ ...peer, remoteAs: 64_500, localAs: null }]);
    expect(await parts('outlets')).toMatchObject([{ description: 'rack 7', state: 'on' }]);
    const wanted = [
      'storage_used_percent core1/storage:hr.1',
      'bgp_peer_established core1/bgp-peer:192.0.2.9',
      'outlet_power_watts core1/outlet:pdu.1',
    ];
    await eventually(async () => {
      const place = '/api/v1/devices/core1/gauges';
      const { items } = await fixture.get<{ items: { metric: string; resource: string }[] }>(place);
      const names = items.map(({ metric, resource }) => `${metric} ${resource}`);
      return wanted.every((name) => names.includes(name));
    }, 'the store has them');
    // The last peer may truly go, and then a table without rows says so.
    await apply(poll('core1', 9, textTable(9, 'bgp-peer', {})));
    expect(await parts('bgp-peers', '?gone=false')).toEqual([]);
  });

  test('neighbours: what both ends say is one link; lost by a table without rows', async () => {
    const ports = (device: string, minute: number, ifName: string): Poll => ({
      ...portsPoll({ atMs: at(minute), ports: [{ ifIndex: '1', ifName, in: 1n }], names: true }),
      device,
    });
    await apply(ports('core1', 10, 'Gi0/1'), ports('core2', 10, 'ge-0/0/1'));
    await apply(
      poll(
        'core1',
        11,
        textTable(11, 'neighbour', {
          'lldp.1': near('Gi0/1', 'CORE2.example', 'ge-0/0/1'),
          'lldp.2': near('Gi0/9', 'phone', '1'),
        }),
      ),
      poll('core2', 11, textTable(11, 'neighbour', { 'lldp.1': near('ge-0/0/1', 'core1', 'Gi0/1') })),
    );
    const { devices, links } = await fixture.get<Topology>('/api/v1/topology');
    expect(devices.map(({ name, site }) => `${name} ${site}`)).toEqual(['core1 north', 'core2 south']);
    expect(links).toMatchObject([
      {
        a: { device: 'core1', resource: 'core1/Gi0/1' },
        b: { device: 'core2', resource: 'core2/ge-0/0/1' },
        toldBy: ['a', 'b'],
      },
      { a: { device: 'core1' }, b: { device: null, name: 'phone', resource: null }, toldBy: ['a'] },
    ]);
    // `weir reconcile --outside` and `weir month-end` hold these ends against each other, by the keys that their meters have.
    expect(await linksOf(fixture.url, ADMINISTRATOR)).toEqual([
      {
        a: { device: 'core1', interfaceKey: links[0]?.a.interface },
        b: { device: 'core2', interfaceKey: links[0]?.b.interface },
      },
    ]);
    expect((await fixture.get<Topology>('/api/v1/topology?site=south')).links).toHaveLength(1);
    expect((await fixture.get<Topology>('/api/v1/topology?device=core1')).links).toHaveLength(2);
    await apply(
      poll('core1', 12, textTable(12, 'neighbour', { 'lldp.9': near('Gi0/1', 'CORE2.example', 'ge-0/0/1') })),
    );
    expect((await changes())[0]).toBe('core1 neighbour:Gi0/9 lldp phone 1 neighbour_lost');
    await apply(poll('core1', 13, textTable(13, 'neighbour', {})), poll('core2', 13, textTable(13, 'neighbour', {})));
    expect((await fixture.get<Topology>('/api/v1/topology')).links).toEqual([]);
  });

  test('a port that appears later is told of, those of the first poll are not', async () => {
    const kinds = (await changes()).filter((line) => line.includes('interface_new'));
    expect(kinds).toEqual([]);
    await apply({
      ...portsPoll({
        atMs: at(14),
        ports: [
          { ifIndex: '1', ifName: 'Gi0/1', in: 1n },
          { ifIndex: '2', ifName: 'Gi0/2', in: 1n },
        ],
        names: true,
      }),
      device: 'core1',
    });
    expect(await changes()).toContain('core1 Gi0/2 interface_new');
  });

  test('a token of the north sees its own devices and links, and no name of the south', async () => {
    await apply(
      poll('core1', 15, textTable(15, 'neighbour', { 1: near('Gi0/1', 'core2', 'ge-0/0/1') })),
      poll('core2', 15, textTable(15, 'neighbour', { 1: near('ge-0/0/1', 'core1', 'Gi0/1') })),
    );
    const made = await fixture.post('/api/v1/tokens', {
      name: 'north',
      role: 'viewer',
      scope: { sites: ['north'], customers: [] },
    });
    const { token } = made.body as { token: string };
    const north = await fixture.get<Topology>('/api/v1/topology', token);
    expect(north.devices.map(({ name }) => name)).toEqual(['core1']);
    // What its own device hears is its own to know; that it is a device of the south is not.
    expect(north.links).toMatchObject([{ a: { device: 'core1' }, b: { device: null, name: 'core2', resource: null } }]);
    expect((await fixture.ask('/api/v1/devices/core2/neighbours', { token })).status).toBe(404);
    expect((await fixture.ask('/api/v1/devices/core1/neighbours', { token })).status).toBe(200);
    expect(await fixture.get('/api/v1/topology?device=core2', token)).toEqual({ devices: [], links: [], cut: false });
  });

  test('a restart forgets nothing, a replay tells nothing twice', async () => {
    const before = [await parts('modules'), await parts('neighbours'), await changes()];
    await fixture.restart();
    expect([await parts('modules'), await parts('neighbours'), await changes()]).toEqual(before);
    await fixture.post('/api/v1/projections/readings/replay', { from: 'start' });
    await apply(poll('core2', 16));
    expect([await parts('modules'), await parts('neighbours'), await changes()]).toEqual(before);
  });

  test('an unknown question is refused with what is wrong', async () => {
    const answer = await fixture.ask('/api/v1/devices/core1/modules?gone=maybe');
    expect(answer.status).toBe(400);
    expect(JSON.stringify(answer.body)).toContain('gone');
    expect((await fixture.ask('/api/v1/devices/core1/modules?cursor=nonsense')).status).toBe(400);
  });
});
