// A database that is away at the start, comes late, refuses, or hangs: what waits for it, and what does not.
import { expect, test } from 'vitest';
import { DatabasePreparation } from '../../../common/database/preparation.ts';
import { SteadyAuthenticator } from '../../../common/database/steady-authenticator.ts';
import type { Principal } from '../../../common/runtime/access.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const away = (): WeirError => new WeirError('database_unreachable', 'The database does not answer.');

function preparationOf(answers: (WeirError | null)[]) {
  const clock = new VirtualClock(0);
  const { reporter } = silentReporter();
  let tries = 0;
  const preparation = new DatabasePreparation(reporter, {
    clock,
    random: () => 0.5,
    prepare: async () => {
      tries += 1;
      const answer = answers.shift();
      if (answer instanceof WeirError) throw answer;
    },
  });
  return { clock, preparation, tries: () => tries, health: () => reporter.healthStates()['database schema'] };
}

test('a database that answers is prepared once, at the start', async () => {
  const { preparation, tries, health } = preparationOf([]);
  expect(health()).toMatchObject({ healthy: false });
  await preparation.start();
  await preparation.start();
  await preparation.settled();
  expect(preparation.done).toBe(true);
  expect(tries()).toBe(1);
  expect(health()).toEqual({ healthy: true, message: 'up to date' });
  await preparation.stop();
});

test('one that is away is asked on, with what is missing in the health, until it answers', async () => {
  const { clock, preparation, tries, health } = preparationOf([away(), away(), away()]);
  await preparation.start();
  expect(preparation.done).toBe(false);
  expect(health()?.message).toContain('database_unreachable');
  await clock.advance(60_000);
  await preparation.settled();
  expect(preparation.done).toBe(true);
  expect(tries()).toBe(4);
});

test.for(['database_refused', 'migration_changed', 'migration_failed'] as const)(
  'what does not mend itself fails the start: %s',
  async (code) => {
    const { preparation } = preparationOf([new WeirError(code, 'no')]);
    await expect(preparation.start()).rejects.toMatchObject({ code });
    await preparation.stop();
  },
);

test('the same found later is told and tried again: batches are taken meanwhile', async () => {
  const { clock, preparation, health } = preparationOf([away(), new WeirError('migration_failed', 'disk full')]);
  await preparation.start();
  await clock.advance(400);
  expect(health()?.message).toContain('migration_failed');
  await clock.advance(60_000);
  expect(preparation.done).toBe(true);
});

test('the stop ends the asking, and whoever waits', async () => {
  const { preparation } = preparationOf(Array.from({ length: 100 }, away));
  await preparation.start();
  const settled = preparation.settled();
  await preparation.stop();
  await settled;
  expect(preparation.done).toBe(false);
});

class SqlError extends Error {
  readonly code: string;

  constructor(code: string) {
    super('of a table or a column that is still to come');
    this.code = code;
  }
}

const ANNA: Principal = { name: 'anna', role: 'viewer', scope: null };

function authenticatorOf(registered = () => true) {
  const clock = new VirtualClock(0);
  const { reporter } = silentReporter();
  const state: {
    mode: 'answers' | 'away' | 'hangs' | 'unprepared';
    known: Map<string, Principal>;
    asked: number;
    lacks: string;
  } = {
    mode: 'answers',
    known: new Map([['of-anna', ANNA]]),
    asked: 0,
    lacks: '42P01',
  };
  const authenticator = new SteadyAuthenticator(reporter, {
    clock,
    registered,
    inner: {
      authenticate: (token) => {
        state.asked += 1;
        if (state.mode === 'unprepared') return Promise.reject(new SqlError(state.lacks));
        if (state.mode === 'hangs') return new Promise(() => undefined);
        return state.mode === 'away' ? Promise.reject(away()) : Promise.resolve(state.known.get(token) ?? null);
      },
    },
  });
  return { clock, state, authenticator };
}

test('while the database is away a token it confirmed still opens the door, another one is neither let in nor called unknown', async () => {
  const { state, authenticator } = authenticatorOf();
  expect(await authenticator.authenticate('of-anna')).toEqual(ANNA);
  state.mode = 'away';
  expect(await authenticator.authenticate('of-anna')).toEqual(ANNA);
  await expect(authenticator.authenticate('of-berta')).rejects.toMatchObject({ code: 'database_unreachable' });
});

test('a token that has ended opens no door, whether the database is away or not', async () => {
  const { clock, state, authenticator } = authenticatorOf();
  const ending: Principal = { ...ANNA, expiresAtMs: 5000 };
  state.known.set('of-ended', ending);
  expect(await authenticator.authenticate('of-ended')).toEqual(ending);
  state.mode = 'away';
  expect(await authenticator.authenticate('of-ended')).toEqual(ending);
  await clock.advance(5000);
  await expect(authenticator.authenticate('of-ended')).rejects.toMatchObject({ code: 'database_unreachable' });
});

test('a token given at the start opens it without a database ever', async () => {
  const { clock, state, authenticator } = authenticatorOf();
  state.mode = 'away';
  authenticator.give('of-agent-1', { name: 'agent-1', role: 'agent', scope: null });
  await clock.advance(10 * 86_400_000);
  expect(await authenticator.authenticate('of-agent-1')).toEqual({ name: 'agent-1', role: 'agent', scope: null });
});

test.each(['42P01', '42703'])(
  'a database that is there and not prepared yet is as one that is away: %s',
  async (lacks) => {
    const { state, authenticator } = authenticatorOf();
    state.lacks = lacks;
    authenticator.give('of-anna', ANNA);
    state.mode = 'unprepared';
    expect(await authenticator.authenticate('of-anna')).toEqual(ANNA);
    await expect(authenticator.authenticate('of-berta')).rejects.toMatchObject({ code: 'not_ready' });
  },
);

test('a given token that the database does not know yet opens the door until it must know it', async () => {
  let registered = false;
  const { authenticator } = authenticatorOf(() => registered);
  authenticator.give('of-agent-1', { name: 'agent-1', role: 'agent', scope: null });
  expect(await authenticator.authenticate('of-agent-1')).toEqual({ name: 'agent-1', role: 'agent', scope: null });
  expect(await authenticator.authenticate('of-berta')).toBeNull();
  registered = true;
  expect(await authenticator.authenticate('of-agent-1')).toBeNull();
});

test('one that was revoked is not remembered, given or not', async () => {
  const { state, authenticator } = authenticatorOf();
  authenticator.give('of-anna', ANNA);
  state.known.clear();
  expect(await authenticator.authenticate('of-anna')).toBeNull();
  state.mode = 'away';
  await expect(authenticator.authenticate('of-anna')).rejects.toMatchObject({ code: 'database_unreachable' });
});

test('a day later a confirmed token must be confirmed again', async () => {
  const { clock, state, authenticator } = authenticatorOf();
  await authenticator.authenticate('of-anna');
  state.mode = 'away';
  await clock.advance(25 * 3_600_000);
  await expect(authenticator.authenticate('of-anna')).rejects.toMatchObject({ code: 'database_unreachable' });
});

test('a database that hangs holds one request for a while, and not every one after it', async () => {
  const { clock, state, authenticator } = authenticatorOf();
  await authenticator.authenticate('of-anna');
  state.mode = 'hangs';
  const first = authenticator.authenticate('of-anna');
  await clock.advance(2000);
  expect(await first).toEqual(ANNA);
  const asked = state.asked;
  for (let count = 0; count < 10; count += 1) expect(await authenticator.authenticate('of-anna')).toEqual(ANNA);
  expect(state.asked).toBe(asked);
  state.mode = 'answers';
  state.known.clear();
  await clock.advance(2001);
  expect(await authenticator.authenticate('of-anna')).toBeNull();
});
