// Links that sign in once: what they open, what they do not, and that nothing of them is left to be used again.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SignInLinks } from '../../../common/database/sign-in-links.ts';
import { openDatabase } from '../../../common/database/pool.ts';
import { TokenStore } from '../../../common/database/tokens.ts';
import { type CollectorFixture, type StartedFixture, startCollectorFixture } from '../../support/collector-fixture.ts';
import { ShiftedClock } from '../../support/shifted-clock.ts';
import { silentReporter } from '../../support/silent-reporter.ts';

const MINUTE = 60_000;
const HOUR = 3_600_000;

let started: StartedFixture;
let fixture: CollectorFixture;

beforeAll(async () => {
  started = await startCollectorFixture({ devices: [{ name: 'north1', site: 'north' }] });
  fixture = started.fixture;
}, 60_000);
afterAll(() => started.remove());

async function linked(body: object, by?: string): Promise<string> {
  const answer = await fixture.post('/api/v1/sign-in-links', body, by);
  expect(`${answer.status} ${JSON.stringify(answer.body)}`).toMatch(/^200/);
  const { link } = answer.body as { link: string };
  return link.replace('/#token=', '');
}

async function signedIn(token: string): Promise<{ status: number; cookie: string; body: unknown }> {
  const answer = await fetch(`${fixture.url}/api/v1/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token }),
  });
  return { status: answer.status, cookie: answer.headers.get('set-cookie') ?? '', body: await answer.json() };
}

test('a link opens one session, within its scope, and never another', async () => {
  const code = await linked({ name: 'anna', role: 'operator', scope: { sites: ['north'] }, session_hours: 2 });
  const both = await Promise.all([signedIn(code), signedIn(code)]);
  expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 401]);
  const session = both.find(({ status }) => status === 200);
  expect(session?.body).toEqual({ name: 'anna', role: 'operator', scope: { sites: ['north'], customers: [] } });
  expect(session?.cookie).toMatch(
    /^weir_session=weir_(?!link_)[\w-]+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=7200/,
  );
  const cookie = session?.cookie.split(';')[0] ?? '';
  const who = await fetch(`${fixture.url}/api/v1/whoami`, { headers: { cookie } });
  expect(await who.json()).toMatchObject({ name: 'anna', scope: { sites: ['north'] } });
  expect((await signedIn(code)).body).toMatchObject({ error: { code: 'sign_in_link_unknown' } });
  const { items } = await fixture.get<{ items: { action: string; actor: string; subject: string }[] }>('/api/v1/audit');
  const steps = items.filter(({ action }) => action.startsWith('sign_in_link.'));
  expect(steps.map(({ action, actor }) => [action, actor === 'anna'])).toEqual([
    ['sign_in_link.use', true],
    ['sign_in_link.create', false],
  ]);
  expect(new Set(steps.map(({ subject }) => subject)).size).toBe(1);
  expect(JSON.stringify(items)).not.toContain(code);
});

test('its code is no token', async () => {
  const code = await linked({ name: 'bert', role: 'viewer' });
  expect((await fixture.ask('/api/v1/overview', { token: code })).status).toBe(401);
  expect((await signedIn(code)).status).toBe(200);
});

test('none shows more, or lasts longer, than the token that makes it; programs get none', async () => {
  const made = await fixture.post('/api/v1/tokens', {
    name: 'chief',
    role: 'administrator',
    scope: { sites: ['north'] },
    expires: new Date(Date.now() + HOUR).toISOString(),
  });
  const { token } = made.body as { token: string };
  const refused = async (body: object): Promise<unknown> =>
    (await fixture.post('/api/v1/sign-in-links', body, token)).body;
  const wanted = { name: 'carl', role: 'viewer', scope: { sites: ['north'] } };
  expect(await refused({ ...wanted, scope: null })).toMatchObject({ error: { code: 'scope_too_narrow' } });
  expect(await refused({ ...wanted, minutes: 61 })).toMatchObject({ error: { code: 'token_outlives_maker' } });
  expect(await refused({ ...wanted, role: 'agent' })).toMatchObject({ error: { code: 'invalid_request' } });
  const { cookie } = await signedIn(await linked({ ...wanted, session_hours: 12 }, token));
  const age = Number(/Max-Age=(\d+)/.exec(cookie)?.[1]);
  expect(age).toBeGreaterThan(3000);
  expect(age).toBeLessThanOrEqual(3600);
});

test('who revokes a name voids its links', async () => {
  const code = await linked({ name: 'dora', role: 'viewer' });
  const other = await linked({ name: 'emil', role: 'viewer' });
  await fixture.post('/api/v1/tokens', { name: 'dora', role: 'viewer' });
  expect((await fixture.ask('/api/v1/tokens/dora', { method: 'DELETE' })).status).toBe(200);
  expect((await signedIn(code)).status).toBe(401);
  expect((await signedIn(other)).status).toBe(200);
});

test('a link ends, and makes room; as many as may be open are a bound', async () => {
  const clock = new ShiftedClock();
  const { reporter } = silentReporter();
  const url = fixture.database.url;
  const database = openDatabase(reporter, { url, maxConnections: 1, applicationName: 'test' });
  const links = new SignInLinks(database, { clock });
  const by = { actor: 'system', role: 'system' };
  const link = {
    name: 'late',
    role: 'viewer',
    scope: null,
    lifeMs: MINUTE,
    sessionMs: HOUR,
    sessionUntilMs: null,
  } as const;
  const { code } = await links.create(link, by);
  clock.leap(MINUTE - 1000);
  const { code: second } = await links.create(link, by);
  clock.leap(1000);
  expect(await links.redeem(code)).toBeNull();
  const opened = await links.redeem(second);
  const tokens = new TokenStore(reporter, database, { clock });
  expect(await tokens.authenticate(opened?.token ?? '')).toMatchObject({ name: 'late', role: 'viewer' });
  await database.query(
    `insert into access.sign_in_link (hash, name, role, created_ms, expires_ms, session_ms)
     select int8send(n), 'many', 'viewer', 0, $1, 1 from generate_series(1, 1000) n`,
    [clock.now() + HOUR],
  );
  await expect(links.create(link, by)).rejects.toMatchObject({ code: 'sign_in_links_full' });
  clock.leap(2 * HOUR);
  await links.create(link, by);
  await database.close();
});
