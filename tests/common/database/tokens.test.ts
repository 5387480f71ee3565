// Access tokens on a real server: shown once, kept as hashes, revoked for good.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Answer, Database } from '../../../common/database/database.ts';
import { migrate } from '../../../common/database/migrate.ts';
import { accessMigrations, TokenStore } from '../../../common/database/tokens.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const NOW = Date.UTC(2026, 10, 24);
const GIVEN = 'a-token-from-the-environment-0001';

let server: TestDatabase;
let asked = 0;
let counting: Database;
let clock: VirtualClock;
let store: TokenStore;

beforeAll(async () => {
  server = await startTestDatabase();
  await migrate(server.database, accessMigrations);
  counting = {
    query: <Row extends object>(text: string, values?: readonly unknown[]): Promise<Answer<Row>> => {
      asked += 1;
      return server.database.query<Row>(text, values);
    },
    transaction: (work) => server.database.transaction(work),
  };
});
afterAll(() => server.stop());
beforeEach(async () => {
  await server.database.query('truncate access.token');
  clock = new VirtualClock(NOW);
  store = new TokenStore(silentReporter().reporter, counting, { clock });
  asked = 0;
});

test('a made token opens, another does not; the database has only its hash', async () => {
  const token = await store.create('agent-1', 'agent');
  expect(token).toMatch(/^weir_[A-Za-z0-9_-]{43}$/);
  expect(await store.authenticate(token)).toEqual({ name: 'agent-1', role: 'agent', scope: null });
  expect(await store.authenticate(`${token}x`)).toBeNull();
  expect(await store.authenticate('')).toBeNull();
  expect(await store.authenticate('x'.repeat(100_000))).toBeNull();
  const { rows } = await server.database.query<{ all: string; hash: Buffer }>(
    'select token::text as all, hash from access.token',
  );
  expect(rows[0]?.all).not.toContain(token.slice(5));
  expect(rows[0]?.hash).toEqual(createHash('sha256').update(token).digest());
});

test('a token is replaced without a gap: two of one name, the older revoked by its id', async () => {
  const older = await store.create('agent-1', 'agent');
  await clock.advance(1000);
  const newer = await store.create('agent-1', 'agent');
  const [first, second] = await store.list();
  expect([first?.createdAt, second?.createdAt]).toEqual([NOW, NOW + 1000]);
  expect(await store.revoke('agent-1', first?.id)).toBe(1);
  expect(await store.authenticate(older)).toBeNull();
  expect(await store.authenticate(newer)).not.toBeNull();
});

test('revoked is told here at once, elsewhere within ten seconds, and stays listed', async () => {
  const other = new TokenStore(silentReporter().reporter, server.database, { clock });
  const token = await store.create('anna', 'operator');
  await store.authenticate(token);
  await other.authenticate(token);
  expect(await store.revoke('anna')).toBe(1);
  expect(await store.authenticate(token)).toBeNull();
  expect(await other.authenticate(token)).not.toBeNull();
  await clock.advance(10_001);
  expect(await other.authenticate(token)).toBeNull();
  expect(await store.list()).toMatchObject([{ name: 'anna', role: 'operator', revokedAt: NOW }]);
  expect(await store.revoke('anna')).toBe(0);
});

test('a given token is registered once however often, and again after it was revoked', async () => {
  await store.ensure(GIVEN, 'administrator', 'administrator');
  await store.ensure(GIVEN, 'administrator', 'administrator');
  expect(await store.list()).toHaveLength(1);
  await store.revoke('administrator');
  await store.ensure(GIVEN, 'administrator', 'administrator');
  await server.database.query(`update access.token set expires_ms = 1, scope = '{"sites": [], "customers": []}'`);
  await store.ensure(GIVEN, 'administrator', 'administrator');
  expect(await store.authenticate(GIVEN)).toEqual({ name: 'administrator', role: 'administrator', scope: null });
});

test('a given token takes the place of the one given before, not of those made here', async () => {
  const made = await store.create('administrator', 'administrator');
  await store.ensure(GIVEN, 'administrator', 'administrator');
  await store.ensure(`${GIVEN}-new`, 'administrator', 'administrator');
  expect(await store.authenticate(GIVEN)).toBeNull();
  expect(await store.authenticate(`${GIVEN}-new`)).not.toBeNull();
  expect(await store.authenticate(made)).not.toBeNull();
});

test('processes that start at once with the same given token do not hurt each other', async () => {
  await Promise.all(Array.from({ length: 8 }, () => store.ensure(GIVEN, 'administrator', 'administrator')));
  expect(await store.list()).toHaveLength(1);
  expect(await store.authenticate(GIVEN)).not.toBeNull();
});

test('a short given token is taken with a warning that does not contain it', async () => {
  const { reporter, lines } = silentReporter();
  await new TokenStore(reporter, server.database, { clock }).ensure('kurz', 'administrator', 'administrator');
  expect(lines.join('')).toContain('short enough to be guessed');
  expect(lines.join('')).not.toContain('kurz');
});

test('when a token was last used is known to a quarter of an hour, and written no more often', async () => {
  const lastUsed = async (): Promise<unknown> => (await store.list())[0]?.lastUsedAt;
  const token = await store.create('anna', 'viewer');
  expect(await lastUsed()).toBeNull();
  await store.authenticate(token);
  expect(await lastUsed()).toBe(NOW);
  for (let minute = 1; minute < 15; minute += 1) {
    await clock.advance(60_000);
    await store.authenticate(token);
  }
  expect(await lastUsed()).toBe(NOW);
  await clock.advance(60_000);
  await Promise.all([store.authenticate(token), store.authenticate(token)]);
  expect(await lastUsed()).toBe(NOW + 900_000);
  await store.authenticate('weir_unknown');
  expect(await store.list()).toHaveLength(1);
});

test('that a use cannot be written down keeps nobody out, and is counted', async () => {
  const { reporter } = silentReporter();
  const readOnly: Database = {
    query: (text, values) =>
      text.startsWith('update') ? Promise.reject(new Error('read-only')) : server.database.query(text, values),
    transaction: (work) => server.database.transaction(work),
  };
  const token = await store.create('anna', 'viewer');
  expect(await new TokenStore(reporter, readOnly, { clock }).authenticate(token)).toMatchObject({ name: 'anna' });
  expect(await reporter.metricsText()).toContain('weir_token_uses_lost_total 1');
});

test('a known token is looked up once in ten seconds, an unknown one each time', async () => {
  const token = await store.create('anna', 'viewer');
  await new TokenStore(silentReporter().reporter, server.database, { clock }).authenticate(token);
  asked = 0;
  for (let times = 0; times < 5; times += 1) await store.authenticate(token);
  expect(asked).toBe(1);
  await clock.advance(10_001);
  await store.authenticate(token);
  expect(asked).toBe(2);
  for (let times = 0; times < 3; times += 1) await store.authenticate('unknown');
  expect(asked).toBe(5);
});

test('the cache is bounded: past its bound the oldest is looked up again', async () => {
  const oldest = await store.create('token-0', 'viewer');
  await store.authenticate(oldest);
  const hashes = Array.from({ length: 1000 }, (_, at) => createHash('sha256').update(`token ${at}`).digest());
  await server.database.query(
    "insert into access.token (hash, name, role, given, created_ms) select unnest($1::bytea[]), 'many', 'viewer', false, 0",
    [hashes],
  );
  for (let at = 0; at < 1000; at += 1) await store.authenticate(`token ${at}`);
  asked = 0;
  await store.authenticate('token 999');
  expect(asked).toBe(0);
  await store.authenticate(oldest);
  expect(asked).toBe(1);
});
