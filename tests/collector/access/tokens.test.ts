// What an administrator may do with tokens: none that it makes sees more or lasts longer than its own, and it lists and revokes within its scope.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CollectorFixture, type StartedFixture, startCollectorFixture } from '../../support/collector-fixture.ts';

const HOUR = 3_600_000;
const inHours = (count: number): string => new Date(Math.floor(Date.now() / 1000) * 1000 + count * HOUR).toISOString();

interface Listed {
  readonly id: string;
  readonly name: string;
  readonly revokedAt: string | null;
}

let started: StartedFixture;
let fixture: CollectorFixture;

beforeAll(async () => {
  started = await startCollectorFixture({ devices: [{ name: 'north1', site: 'north' }] });
  fixture = started.fixture;
}, 60_000);
afterAll(() => started.remove());

async function make(body: object, by?: string): Promise<string> {
  const answer = await fixture.post('/api/v1/tokens', body, by);
  expect(`${answer.status} ${JSON.stringify(answer.body)}`).toMatch(/^200/);
  return (answer.body as { token: string }).token;
}

async function listed(by?: string): Promise<Listed[]> {
  return (await fixture.get<{ items: Listed[] }>('/api/v1/tokens', by)).items;
}

const revoke = (place: string, token: string) => fixture.ask(`/api/v1/tokens/${place}`, { method: 'DELETE', token });

test('a token that ends makes none that ends later, or never, and says until when it may', async () => {
  const end = inHours(2);
  const deputy = await make({ name: 'deputy', role: 'administrator', expires: end });
  for (const expires of [undefined, inHours(3)]) {
    const answer = await fixture.post('/api/v1/tokens', { name: 'heir', role: 'administrator', expires }, deputy);
    expect(answer).toMatchObject({
      status: 403,
      body: { error: { code: 'token_outlives_maker', detail: { latest: end } } },
    });
    expect(JSON.stringify(answer.body)).toContain('give expires');
  }
  const heir = await make({ name: 'heir', role: 'administrator', expires: end }, deputy);
  await make({ name: 'heir', role: 'viewer', expires: inHours(1) }, heir);
  expect(await listed()).toHaveLength((await listed(deputy)).length);
});

test('without an end it makes what it likes', async () => {
  await make({ name: 'lasting', role: 'viewer' });
  await make({ name: 'lasting', role: 'viewer', expires: inHours(100_000) });
});

test('under a scope tokens are listed and revoked within it, and others are not there', async () => {
  const scope = (sites: string[], customers: string[] = []): object => ({ sites, customers });
  const chief = await make({ name: 'chief', role: 'administrator', scope: scope(['north', 'east'], ['acme']) });
  const north = await make({ name: 'noc', role: 'viewer', scope: scope(['north']) });
  await make({ name: 'desk', role: 'care', scope: scope([], ['acme']) });
  const south = await make({ name: 'noc', role: 'viewer', scope: scope(['south']) });
  const both = await make({ name: 'noc', role: 'viewer', scope: scope(['north', 'south']) });
  const unbounded = await make({ name: 'noc', role: 'viewer' });
  const bolt = await make({ name: 'bolt', role: 'care', scope: scope(['north'], ['bolt']) });
  expect((await listed(chief)).map(({ name }) => name)).toEqual(['chief', 'desk', 'noc']);

  const all = await listed();
  const idOf = async (token: string): Promise<string> => {
    const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token)));
    return Buffer.from(bytes).toString('hex').slice(0, 12);
  };
  for (const place of ['administrator', 'bolt', `noc?id=${await idOf(south)}`, `noc?id=${await idOf(unbounded)}`])
    expect(await revoke(place, chief)).toMatchObject({ status: 404, body: { error: { code: 'not_found' } } });
  expect(await listed()).toEqual(all);
  expect(await revoke('noc', chief)).toMatchObject({ status: 200, body: { revoked: 1 } });
  expect((await fixture.ask('/api/v1/whoami', { token: north })).status).toBe(401);
  for (const token of [south, both, unbounded, bolt])
    expect((await fixture.ask('/api/v1/whoami', { token })).status).toBe(200);
  const { items } = await fixture.get<{ items: { action: string; after: { name?: string } | null }[] }>(
    '/api/v1/audit',
    chief,
  );
  const made = items.filter(({ action }) => action === 'token.create').map(({ after }) => after?.name);
  expect(new Set(made)).toEqual(new Set(['chief', 'desk', 'noc']));
});
