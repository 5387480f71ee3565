// Starting and stopping in order, waiting, and the form of errors: the small parts that everything stands on.
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { mayEnter, ROLES, type Role } from '../../../common/runtime/access.ts';
import { SystemClock } from '../../../common/runtime/clock.ts';
import { type Component, startAll, stopAll } from '../../../common/runtime/component.ts';
import { ERROR_TABLE, errorsPage } from '../../../common/runtime/error-table.ts';
import { codeOf, messageOf, WeirError } from '../../../common/runtime/errors.ts';
import { backoffDelay } from '../../../common/runtime/retry.ts';

function components(names: string, fails: { start?: string; stop?: string } = {}): { all: Component[]; log: string[] } {
  const log: string[] = [];
  const all = names.split('').map((name) => ({
    start: async () => {
      log.push(`start ${name}`);
      await Promise.resolve();
      if (fails.start === name) throw new Error(`${name} does not start`);
      log.push(`up ${name}`);
    },
    stop: async () => {
      await Promise.resolve();
      log.push(`stop ${name}`);
      if (fails.stop?.includes(name) === true) throw new Error(`${name} does not stop`);
    },
  }));
  return { all, log };
}

describe('components', () => {
  test('start one after the other, and stop the other way round', async () => {
    const { all, log } = components('abc');
    await startAll(all);
    expect(log).toEqual(['start a', 'up a', 'start b', 'up b', 'start c', 'up c']);
    log.length = 0;
    await stopAll(all);
    expect(log).toEqual(['stop c', 'stop b', 'stop a']);
  });

  test('one that does not start takes those before it down, itself too, and none after it is tried', async () => {
    const { all, log } = components('abcd', { start: 'c' });
    await expect(startAll(all)).rejects.toThrow('c does not start');
    expect(log).toEqual(['start a', 'up a', 'start b', 'up b', 'start c', 'stop c', 'stop b', 'stop a']);
  });

  test('a stop that fails on the way down does not hide why the start failed', async () => {
    const { all, log } = components('abc', { start: 'c', stop: 'b' });
    await expect(startAll(all)).rejects.toThrow('c does not start');
    expect(log.slice(-3)).toEqual(['stop c', 'stop b', 'stop a']);
  });

  test('a start that throws before it waits is the same', async () => {
    const { all, log } = components('a');
    const broken: Component = {
      start: () => {
        throw new Error('at once');
      },
      stop: () => Promise.resolve(),
    };
    await expect(startAll([...all, broken])).rejects.toThrow('at once');
    expect(log.at(-1)).toBe('stop a');
  });

  test('one that does not stop keeps no other from it; the first failure is told', async () => {
    const { all, log } = components('abcd', { stop: 'bd' });
    await expect(stopAll(all)).rejects.toThrow('d does not stop');
    expect(log).toEqual(['stop d', 'stop c', 'stop b', 'stop a']);
  });

  test('none at all', async () => {
    await startAll([]);
    await stopAll([]);
  });
});

describe('the clock', () => {
  test('a sleep ends with its signal, also one that was given before', async () => {
    const clock = new SystemClock();
    const controller = new AbortController();
    const sleeping = clock.sleep(3_600_000, controller.signal);
    controller.abort();
    await sleeping;
    await clock.sleep(3_600_000, controller.signal);
  });

  test('a sleep leaves nothing behind on its signal', async () => {
    const clock = new SystemClock();
    const { signal } = new AbortController();
    const [added, removed] = [vi.spyOn(signal, 'addEventListener'), vi.spyOn(signal, 'removeEventListener')];
    for (let time = 0; time < 20; time += 1) await clock.sleep(0, signal);
    expect(removed.mock.calls.length).toBe(added.mock.calls.length);
  });

  test('a sleep that is longer than a timer can count does not end at once', async () => {
    const clock = new SystemClock();
    const controller = new AbortController();
    let awake = false;
    const sleeping = clock.sleep(60 * 86_400_000, controller.signal).then(() => {
      awake = true;
    });
    await clock.sleep(50);
    expect(awake).toBe(false);
    controller.abort();
    await sleeping;
  });

  test('the monotonic time does not go back, the other is the time of day', async () => {
    const clock = new SystemClock();
    const before = clock.monotonicMs();
    await clock.sleep(1);
    expect(clock.monotonicMs()).toBeGreaterThan(before);
    expect(Math.abs(clock.now() - Date.now())).toBeLessThan(60_000);
  });
});

describe('waiting between tries', () => {
  test('is between half and all of what doubles, and never above the most', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000 }),
        fc.integer({ min: 1, max: 10_000_000 }),
        fc.integer({ min: 0, max: 5000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (firstMs, mostMs, attempt, random) => {
          const whole = Math.min(mostMs, firstMs * 2 ** attempt);
          const delay = backoffDelay({ firstMs, mostMs }, attempt, () => random);
          expect(Number.isSafeInteger(delay)).toBe(true);
          expect(delay).toBeGreaterThanOrEqual(Math.floor(whole / 2));
          expect(delay).toBeLessThanOrEqual(whole);
        },
      ),
    );
  });

  test.each([
    [0, 0, 500],
    [0, 0.999_999, 1000],
    [1, 0, 1000],
    [3, 0, 4000],
    [9, 0, 15_000],
    [9, 0.999_999, 30_000],
  ])('try %i at %d waits %i', (attempt, random, expected) => {
    expect(backoffDelay({ firstMs: 1000, mostMs: 30_000 }, attempt, () => random)).toBe(expected);
  });
});

describe('errors', () => {
  test('a refusal says its code, what happened and what to do', () => {
    const error = new WeirError('overloaded', 'Too much at once.', { retryAfterSeconds: 3 }, new Error('inner'));
    expect(error).toMatchObject({ name: 'WeirError', status: 429, cause: new Error('inner') });
    expect(error.toBody()).toEqual({
      error: {
        code: 'overloaded',
        message: `Too much at once. ${ERROR_TABLE.overloaded.remedy}`,
        detail: { retryAfterSeconds: 3 },
      },
    });
    expect('cause' in new WeirError('unexpected', 'x')).toBe(false);
  });

  test.each([
    [new WeirError('not_found', 'x'), 'not_found', 'x'],
    [Object.assign(new Error('full'), { code: 'ENOSPC' }), 'ENOSPC', 'full'],
    [Object.assign(new Error('odd'), { code: 7 }), 'unexpected', 'odd'],
    [new Error('plain'), 'unexpected', 'plain'],
    ['text', 'unexpected', 'text'],
    [null, 'unexpected', 'null'],
    [undefined, 'unexpected', 'undefined'],
    [{ code: 'EVIL' }, 'unexpected', '[object Object]'],
  ])('of anything thrown: %#', (thrown, code, message) => {
    expect([codeOf(thrown), messageOf(thrown)]).toEqual([code, message]);
  });

  test('what cannot be made a text has a message all the same', () => {
    expect(messageOf(Object.create(null))).toBe('something that is no error was thrown');
    expect(messageOf(Symbol('x'))).toBe('Symbol(x)');
    // As Node gives it where a name has several addresses and none answers.
    const refused = ['::1', '127.0.0.1'].map((address) => new Error(`connect ECONNREFUSED ${address}:1`));
    expect(messageOf(new AggregateError(refused))).toBe('connect ECONNREFUSED ::1:1; connect ECONNREFUSED 127.0.0.1:1');
    expect(messageOf(new RangeError())).toBe('RangeError');
  });

  test('each code of the table has a status, a meaning and a remedy, and stands on the page', () => {
    const page = errorsPage();
    for (const [code, { status, meaning, remedy }] of Object.entries(ERROR_TABLE)) {
      expect(code).toMatch(/^[a-z][a-z0-9_]*$/);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(600);
      expect(meaning.endsWith('.') && remedy.endsWith('.')).toBe(true);
      expect(page).toContain(`\`${code}\``);
    }
  });
});

describe('access', () => {
  test('a role enters where it is named, an administrator everywhere, nobody else', () => {
    for (const role of ROLES)
      for (const access of ROLES.map((one): readonly Role[] => [one]))
        expect(mayEnter({ name: 'x', role, scope: null }, access)).toBe(
          role === 'administrator' || access.includes(role),
        );
    expect(mayEnter({ name: 'x', role: 'viewer', scope: null }, [])).toBe(false);
    expect(mayEnter({ name: 'x', role: 'administrator', scope: null }, [])).toBe(true);
  });
});
