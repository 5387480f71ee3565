// Leases on a real server: one holder at a time, tokens that grow, and no effect of an old holder after a new grant.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Lease } from '../../../common/database/database.ts';
import { Leases, leaseMigrations } from '../../../common/database/lease.ts';
import { migrate } from '../../../common/database/migrate.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

const LONG_MS = 60_000;

let server: TestDatabase;
let leases: Leases;
beforeAll(async () => {
  server = await startTestDatabase(30);
  await migrate(server.database, leaseMigrations);
  leases = new Leases(server.database);
});
afterAll(() => server.stop());

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const expire = (name: string): Promise<unknown> =>
  server.database.query('update weir.lease set expires_ms = 1 where name = $1', [name]);
const held = (lease: Lease): Promise<void> =>
  server.database.transaction((connection) => leases.assertHeld(connection, lease));
const granted = async (name: string, holder: string, ttlMs = LONG_MS): Promise<Lease> => {
  const lease = await leases.acquire(name, holder, ttlMs);
  if (lease === null) throw new Error(`${name} was not granted to ${holder}`);
  return lease;
};

test('one holder at a time; the token grows with every grant', async () => {
  const first = await granted('simple', 'a');
  expect(first).toEqual({ name: 'simple', holder: 'a', token: 1n });
  expect(await leases.acquire('simple', 'b', LONG_MS)).toBeNull();
  await leases.release(first);
  expect(await leases.acquire('simple', 'b', LONG_MS)).toEqual({ name: 'simple', holder: 'b', token: 2n });
});

test('an expired lease is lost to its effects, and free', async () => {
  const old = await granted('expired', 'a', 40);
  await held(old);
  await pause(80);
  await expect(held(old)).rejects.toMatchObject({ code: 'lease_lost' });
  const next = await granted('expired', 'b');
  await expect(held(old)).rejects.toMatchObject({ code: 'lease_lost' });
  await expect(leases.renew(old, LONG_MS)).rejects.toMatchObject({ code: 'lease_lost' });
  await leases.release(old);
  await held(next);
});

test('renewed in time it lasts; renewed late it comes back while nobody took it', async () => {
  const lease = await granted('renewed', 'a', 150);
  for (let round = 0; round < 4; round += 1) {
    await pause(60);
    await leases.renew(lease, 150);
    await held(lease);
  }
  await expire('renewed');
  await leases.renew(lease, LONG_MS);
  await held(lease);
  await leases.release(lease);
  await expect(leases.renew(lease, LONG_MS)).rejects.toMatchObject({ code: 'lease_lost' });
});

test('the same holder asking again voids its own old grant', async () => {
  const first = await granted('again', 'a');
  const second = await granted('again', 'a');
  expect(second.token).toBe(first.token + 1n);
  await expect(held(first)).rejects.toMatchObject({ code: 'lease_lost' });
  await held(second);
});

describe('an effect and a take-over', () => {
  test('the take-over is refused at once while an effect is open, however late that is', async () => {
    const lease = await granted('open', 'a', 50);
    await server.database.transaction(async (connection) => {
      await leases.assertHeld(connection, lease);
      await pause(100);
      // Were it to wait for the effect, both would wait for ever.
      expect(await leases.acquire('open', 'b', LONG_MS)).toBeNull();
    });
    expect(await leases.acquire('open', 'b', LONG_MS)).not.toBeNull();
  });

  test('an effect that meets a take-over in the making waits, and fails', async () => {
    const lease = await granted('making', 'a');
    let outcome: unknown = 'waiting';
    let effect: Promise<void> = Promise.resolve();
    await server.database.transaction(async (connection) => {
      await connection.query(
        "update weir.lease set token = token + 1, holder = 'b', expires_ms = expires_ms + 1 where name = 'making'",
      );
      effect = held(lease).then(
        () => void (outcome = 'committed'),
        (error: unknown) => void (outcome = error),
      );
      await pause(150);
      expect(outcome).toBe('waiting');
    });
    await effect;
    expect(outcome).toMatchObject({ code: 'lease_lost' });
  });

  test('many effects of one holder do not wait for each other', async () => {
    const lease = await granted('beside', 'a');
    await server.database.transaction(async (connection) => {
      await leases.assertHeld(connection, lease);
      await held(lease);
    });
  });
});

test('holders that sleep past their time: effects commit in the order of their tokens', async () => {
  await server.database.query('create table public.journal (n int8 generated always as identity, token int8)');
  await server.database.query('create table public.turn (n int8)');
  await server.database.query('insert into public.turn values (0)');
  await server.database.query('create table public.effect (n int8 primary key, token int8, holder text)');
  const until = performance.now() + 2500;
  let grants = 0;
  let refusals = 0;
  const worker = async (holder: string, random: () => number): Promise<void> => {
    while (performance.now() < until) {
      const lease = await leases.acquire('race', holder, 15);
      if (lease === null) {
        await pause(random() * 8);
        continue;
      }
      grants += 1;
      for (let effects = 0; effects < 3; effects += 1) {
        try {
          await server.database.transaction(async (connection) => {
            await leases.assertHeld(connection, lease);
            await pause(random() * 25);
            // The row's lock gives the effects their order of commit.
            await connection.query(
              'with next as (update public.turn set n = n + 1 returning n) insert into public.effect select n, $1, $2 from next',
              [lease.token, holder],
            );
            await pause(random() * 5);
          });
        } catch (error) {
          expect(error).toMatchObject({ code: 'lease_lost' });
          refusals += 1;
        }
        await pause(random() * 20);
      }
    }
  };
  let seed = 20_261;
  const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  await Promise.all(Array.from({ length: 8 }, (_, at) => worker(`worker-${at}`, random)));
  const { rows } = await server.database.query<{ token: bigint; holder: string }>(
    'select token, holder from public.effect order by n',
  );
  const tokens = rows.map(({ token }) => token);
  expect(tokens).toEqual(tokens.toSorted((a, b) => Number(a - b)));
  const holders = new Map(rows.map(({ token, holder }) => [token, holder]));
  expect(rows.every(({ token, holder }) => holders.get(token) === holder)).toBe(true);
  expect({ grants: grants > 20, refusals: refusals > 10, effects: rows.length > 20 }).toEqual({
    grants: true,
    refusals: true,
    effects: true,
  });
});

type Step =
  | { readonly kind: 'acquire' | 'renew' | 'release' | 'effect'; readonly holder: string }
  | { readonly kind: 'expire' };

test('any sequence of steps is answered as the model says', async () => {
  const holder = fc.constantFrom('a', 'b', 'c');
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ kind: fc.constantFrom('acquire', 'renew', 'release', 'effect'), holder }),
    fc.record({ kind: fc.constant('expire' as const) }),
  );
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
      run += 1;
      const name = `model-${run}`;
      const grants = new Map<string, Lease>();
      let model = { holder: '', token: 0n, live: false };
      for (const one of steps) {
        if (one.kind === 'expire') {
          await expire(name);
          model = { ...model, live: false };
          continue;
        }
        if (one.kind === 'acquire') {
          const free = !model.live || model.holder === one.holder;
          if (free) model = { holder: one.holder, token: model.token + 1n, live: true };
          const lease = await leases.acquire(name, one.holder, LONG_MS);
          expect(lease).toEqual(free ? { name, holder: one.holder, token: model.token } : null);
          if (lease !== null) grants.set(one.holder, lease);
          continue;
        }
        const lease = grants.get(one.holder);
        if (lease === undefined) continue;
        const current = lease.token === model.token && model.holder === one.holder;
        if (one.kind === 'release') {
          await leases.release(lease);
          if (current) model = { holder: '', token: model.token, live: false };
          continue;
        }
        const asked = one.kind === 'renew' ? leases.renew(lease, LONG_MS) : held(lease);
        if (current && (one.kind === 'renew' || model.live)) await asked;
        else await expect(asked).rejects.toMatchObject({ code: 'lease_lost' });
        if (one.kind === 'renew' && current) model = { ...model, live: true };
      }
    }),
    { numRuns: 60 },
  );
});
