// An operator of some sites manages the devices of these, moves none in or out, and takes no name over with the history of another site.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CollectorFixture, type StartedFixture, startCollectorFixture } from '../../support/collector-fixture.ts';

let started: StartedFixture;
let fixture: CollectorFixture;
let north = '';

beforeAll(async () => {
  started = await startCollectorFixture({ devices: [{ name: 'south1', site: 'south' }] });
  fixture = started.fixture;
  const scope = { sites: ['north', 'east'] };
  const made = await fixture.post('/api/v1/tokens', { name: 'noc', role: 'operator', scope });
  north = (made.body as { token: string }).token;
}, 60_000);
afterAll(() => started.remove());

interface Told {
  readonly status: number;
  readonly code?: string;
  readonly version?: number;
}

async function change(method: string, place: string, body?: object, token?: string): Promise<Told> {
  const { status, body: answer } = await fixture.ask(`/api/v1/devices${place}`, {
    method,
    ...(token === undefined ? {} : { token }),
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const { error, version } = answer as { error?: { code: string }; version?: number };
  return {
    status,
    ...(error === undefined ? {} : { code: error.code }),
    ...(version === undefined ? {} : { version }),
  };
}

const device = (name: string, site?: string): object => ({
  name,
  address: '192.0.2.7',
  snmp: false,
  ...(site === undefined ? {} : { site }),
});

test('makes, changes, moves within its sites and takes away', async () => {
  expect(await change('POST', '', device('n1', 'north'), north)).toEqual({ status: 200, version: 1 });
  expect(await change('PUT', '/n1?version=1', device('n1', 'east'), north)).toEqual({ status: 200, version: 2 });
  expect(await change('PUT', '/n1/labels', { note: 'ours' }, north)).toMatchObject({ status: 200 });
  expect(await change('PUT', '/n1?version=2', device('n1', 'south'), north)).toEqual({
    status: 403,
    code: 'scope_too_narrow',
  });
  expect(await change('PUT', '/n1?version=1', device('n1', 'north'), north)).toMatchObject({ code: 'device_changed' });
  expect(await change('DELETE', '/n1?version=2', undefined, north)).toMatchObject({ status: 200 });
});

test('makes none outside, and none of no site', async () => {
  for (const site of ['south', undefined])
    expect(await change('POST', '', device('n2', site), north)).toMatchObject({ code: 'scope_too_narrow' });
});

test('what is of another site is not there, whatever version is named', async () => {
  await change('POST', '', device('s2', 'south'));
  for (const version of [1, 7]) {
    expect(await change('PUT', `/s2?version=${version}`, device('s2', 'north'), north)).toMatchObject({ status: 404 });
    expect(await change('DELETE', `/s2?version=${version}`, undefined, north)).toMatchObject({ status: 404 });
  }
  expect(await change('PUT', '/s2/labels', { note: 'mine' }, north)).toMatchObject({ status: 404 });
  expect(await change('DELETE', '/south1?version=1', undefined, north)).toMatchObject({ status: 404 });
});

test('a name of another site is taken, also after its device is gone', async () => {
  await change('POST', '', device('s3', 'south'));
  expect(await change('POST', '', device('s3', 'north'), north)).toMatchObject({ code: 'device_exists' });
  expect(await change('DELETE', '/s3?version=1')).toMatchObject({ status: 200 });
  expect(await change('POST', '', device('s3', 'north'), north)).toMatchObject({ code: 'device_exists' });
  expect(await change('POST', '', device('south1', 'north'), north)).toMatchObject({ code: 'device_exists' });
  expect(await change('POST', '', device('s3', 'north'))).toMatchObject({ status: 200 });
});
