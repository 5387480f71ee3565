// Devices managed by API, through a whole collector: made, changed under their version, taken away; beside those of the file, at two collectors.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  CollectorFixture,
  eventually,
  type StartedFixture,
  startCollectorFixture,
} from '../../support/collector-fixture.ts';
import { interfacePoll } from '../../support/poll-builder.ts';

interface Device {
  readonly name: string;
  readonly managed: string | null;
  readonly definitionVersion: number | null;
  readonly site: string | null;
  readonly criticality: string;
  readonly tags: readonly string[];
}

describe('devices managed by API', () => {
  let started: StartedFixture;
  let fixture: CollectorFixture;
  let operator = '';
  let agent = '';

  beforeAll(async () => {
    started = await startCollectorFixture({ devices: [{ name: 'core1', site: 'north' }] });
    fixture = started.fixture;
    operator = await fixture.token('olga', 'operator');
    agent = await fixture.token('agent-2', 'agent');
  }, 60_000);
  afterAll(() => started.remove());

  const change = (
    method: string,
    place: string,
    body?: object,
    token = operator,
  ): ReturnType<CollectorFixture['ask']> =>
    fixture.ask(`/api/v1/devices${place}`, {
      method,
      token,
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
  const edge = { name: 'edge1', address: '192.0.2.7', credential: 'public', agent: 'agent-2', site: 'south' };
  const configuration = async (): Promise<{ version: string; devices: { name: string; address: string }[] }> => {
    const { body } = await fixture.ask('/api/v1/agents/agent-2/configuration', { token: agent });
    return body as Awaited<ReturnType<typeof configuration>>;
  };

  test("made, it is its agent's at once, and the agent may write it", async () => {
    expect(await change('POST', '?dry_run=true', edge)).toMatchObject({ status: 200, body: { version: 0 } });
    expect((await configuration()).devices).toEqual([]);
    expect(await change('POST', '', edge)).toMatchObject({ status: 200, body: { name: 'edge1', version: 1 } });
    expect((await configuration()).devices).toMatchObject([
      { name: 'edge1', address: '192.0.2.7', credential: 'public' },
    ]);
    expect(await fixture.get<Device>('/api/v1/devices/edge1')).toMatchObject({
      managed: 'api',
      definitionVersion: 1,
      site: 'south',
      criticality: 'normal',
    });
    const poll = interfacePoll({ device: 'edge1', atMs: Date.now() - 1000, interfaces: [{ key: 'p1', inOctets: 1n }] });
    await fixture.send({ sequence: 1, polls: [poll], agent: 'agent-2', token: agent });
  });

  test('a change names the version it rests on; the agent gets it under another version of its list', async () => {
    const before = await configuration();
    const moved = { ...edge, address: '192.0.2.8' };
    expect(await change('PUT', '/edge1?version=9', moved)).toMatchObject({
      status: 409,
      body: { error: { code: 'device_changed', detail: { version: 1 } } },
    });
    expect(await change('PUT', '/edge1?version=1', moved)).toMatchObject({ status: 200, body: { version: 2 } });
    const after = await configuration();
    expect(after.devices).toMatchObject([{ name: 'edge1', address: '192.0.2.8' }]);
    expect(after.version).not.toBe(before.version);
  });

  test('two changes on one version: one of them is refused', async () => {
    const answers = await Promise.all(
      ['192.0.2.11', '192.0.2.12'].map((address) => change('PUT', '/edge1?version=2', { ...edge, address })),
    );
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
  });

  test("labels of a device of the file; the device itself is the file's", async () => {
    const labels = { criticality: 'critical', tags: ['core', 'ring-a', 'core'], note: 'Feeds the hospital.' };
    expect((await change('PUT', '/core1/labels', labels)).status).toBe(200);
    expect(await fixture.get<Device>('/api/v1/devices/core1')).toMatchObject({
      managed: 'file',
      definitionVersion: null,
      criticality: 'critical',
      tags: ['core', 'ring-a'],
    });
    for (const [method, place, body] of [
      ['POST', '', { ...edge, name: 'core1' }],
      ['PUT', '/core1?version=1', { ...edge, name: 'core1' }],
      ['DELETE', '/core1?version=1', undefined],
    ] as const)
      expect(await change(method, place, body)).toMatchObject({
        status: 409,
        body: { error: { code: 'device_of_file' } },
      });
  });

  test('another collector on the database has it within seconds', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'weir-other-'));
    const other = new CollectorFixture(fixture.database, folder, { devices: [{ name: 'core1', site: 'north' }] });
    try {
      await other.start();
      await eventually(
        async () => (await other.get<Device>('/api/v1/devices/edge1')).definitionVersion === 3,
        'the other collector has the device',
      );
      expect((await change('POST', '', { ...edge, name: 'edge2' })).status).toBe(200);
      await eventually(
        async () => (await other.ask('/api/v1/devices/edge2')).status === 200,
        'the other collector has what was made here',
      );
    } finally {
      await other.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('a reload of the file keeps them; one in both counts as the file has it', async () => {
    await fixture.restart();
    await eventually(async () => (await fixture.ask('/api/v1/devices/edge2')).status === 200, 'known after a restart');
    expect((await configuration()).devices.map(({ name }) => name)).toEqual(['edge1', 'edge2']);
  });

  test('taken away it is polled no more, stays as it was seen, and all of it is in the audit log', async () => {
    expect((await change('DELETE', '/edge1?version=3')).status).toBe(200);
    expect((await configuration()).devices.map(({ name }) => name)).toEqual(['edge2']);
    expect(await fixture.get<Device>('/api/v1/devices/edge1')).toMatchObject({
      managed: null,
      definitionVersion: null,
    });
    expect(await change('DELETE', '/edge1?version=4')).toMatchObject({ status: 404 });
    const { items } = await fixture.get<{
      items: { action: string; actor: string; before: unknown; after: unknown }[];
    }>('/api/v1/audit?subject=device/edge1');
    expect(items.map(({ action }) => action)).toEqual([
      'device.remove',
      'device.replace',
      'device.replace',
      'device.create',
    ]);
    expect(items[0]).toMatchObject({ actor: 'olga', before: { name: 'edge1' }, after: null });
    expect(await change('POST', '', edge)).toMatchObject({ status: 200, body: { version: 5 } });
  });

  test.each([
    ['a name that is none', { ...edge, name: 'no name' }, 400],
    ['an address that is none', { ...edge, name: 'edge9', address: 'no address' }, 400],
    ['a field that does not exist', { ...edge, name: 'edge9', speed: 1 }, 400],
    ['a name that is taken', { ...edge, name: 'edge2' }, 409],
  ])('%s is refused', async (_, body, status) => {
    expect((await change('POST', '', body)).status).toBe(status);
  });

  test('a viewer changes nothing', async () => {
    const viewer = await fixture.token('vera', 'viewer');
    expect((await change('POST', '', { ...edge, name: 'edge9' }, viewer)).status).toBe(403);
    expect((await change('PUT', '/core1/labels', {}, viewer)).status).toBe(403);
  });
});
