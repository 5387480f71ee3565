// The reporter: lines that are one JSON object each, no secret in any of them, metrics that are asked for again, health that always answers.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { WeirError } from '../../../common/runtime/errors.ts';
import { createReporter, type Reporter } from '../../../common/runtime/reporter.ts';
import { silentReporter } from '../../support/silent-reporter.ts';

const SECRET = 's3cret-value';

function lineOf(write: (reporter: Reporter) => void): Record<string, unknown> {
  const { reporter, lines } = silentReporter();
  write(reporter);
  expect(lines).toHaveLength(1);
  const line = lines[0] ?? '';
  expect(line.endsWith('\n')).toBe(true);
  expect(line.indexOf('\n')).toBe(line.length - 1);
  return z.record(z.string(), z.unknown()).parse(JSON.parse(line));
}

describe('a line', () => {
  test('has a time, the component, the message and its fields', () => {
    const line = lineOf((reporter) => reporter.warn('poll failed', { device: 'r1', code: 'timeout', tries: 3 }));
    expect(line).toMatchObject({ level: 40, component: 'test', msg: 'poll failed', device: 'r1', tries: 3 });
    expect(line['time']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  test('of a child names the child, once', () => {
    const { reporter, lines } = silentReporter();
    reporter.child('spool').child('trim').info('x');
    expect(lines[0]?.match(/"component"/g)).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ component: 'trim' });
  });

  test('is not written below its level', () => {
    const lines: string[] = [];
    const reporter = createReporter({ component: 'test', level: 'warn', write: (line) => lines.push(line) });
    reporter.debug('a');
    reporter.info('b');
    reporter.child('c').info('d');
    reporter.error('e');
    expect(lines).toHaveLength(1);
  });

  test('holds octets exactly, errors with what they say, and things that go in circles', () => {
    const circle: Record<string, unknown> = { name: 'circle' };
    circle['self'] = circle;
    const line = lineOf((reporter) =>
      reporter.error('x', {
        octets: 2n ** 64n - 1n,
        error: new WeirError('not_found', 'No such thing.', {}, new Error('inner')),
        circle,
        when: new Date(0),
        nothing: undefined,
        none: null,
      }),
    );
    expect(line).toMatchObject({
      octets: '18446744073709551615',
      error: { code: 'not_found', message: 'No such thing.' },
      when: '1970-01-01T00:00:00.000Z',
      none: null,
    });
  });

  test('has a bound, however much it is given', () => {
    const deep = Array.from({ length: 100 }).reduce<object>((inner) => ({ inner }), { end: true });
    const { reporter, lines } = silentReporter();
    reporter.info('x'.repeat(100_000), {
      text: 'y'.repeat(100_000),
      list: Array.from({ length: 100_000 }, (_, at) => at),
      keys: Object.fromEntries(Array.from({ length: 100_000 }, (_, at) => [`key${at}`, at])),
      deep,
    });
    expect(lines[0]?.length).toBeLessThan(50_000);
  });

  test('cannot be broken by what it prints', () => {
    const line = lineOf((reporter) =>
      reporter.info('one\ntwo', {
        text: '"}\n{"level":60',
        thrower: {
          get value(): string {
            throw new Error('not now');
          },
        },
        json: {
          toJSON: () => {
            throw new Error('not now');
          },
        },
      }),
    );
    expect(line).toMatchObject({ msg: 'one\ntwo', text: '"}\n{"level":60' });
  });
});

const SECRET_KEYS = [
  'token',
  'password',
  'community',
  'authPassphrase',
  'privPassphrase',
  'auth_passphrase',
  'priv_passphrase',
  'authorization',
  'Authorization',
  'cookie',
  'set-cookie',
  'secret',
  'collector_token',
  'bridgeToken',
  'tokens',
  'passphrase',
  'private_key',
  'PGPASSWORD',
] as const;

describe('secrets', () => {
  test.each(SECRET_KEYS)('%s is not printed, however deep it lies', (key) => {
    for (const fields of [
      { [key]: SECRET },
      { a: { [key]: SECRET } },
      { a: { b: { c: { [key]: SECRET } } } },
      { list: [{ [key]: SECRET }, [{ [key]: [SECRET] }]] },
      { [key]: { value: SECRET } },
    ]) {
      const text = JSON.stringify(lineOf((reporter) => reporter.child('x').info('x', fields)));
      expect(text).not.toContain(SECRET);
      expect(text).toContain('[secret]');
    }
  });

  test.each([
    ['the password of an address', `connect to postgres://weir:${SECRET}@db:5432/weir failed`],
    ['the password of an address without a user', `redis://:${SECRET}@queue:6379`],
    ['a password with odd characters', `postgres://u:${SECRET}%40/:x@db/weir`],
    ['a header', `authorization: Bearer ${SECRET}`],
    ['a token of our own', `weir_${SECRET}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`],
    ['a login link', `http://127.0.0.1:8080/login?token=${SECRET}&x=1`],
    ['a session', `weir_session=${SECRET}; path=/`],
  ])('%s is taken out of texts', (_name, text) => {
    const line = lineOf((reporter) =>
      reporter.warn(text, {
        message: text,
        nested: { list: [text] },
        error: new Error(text, { cause: new Error(text) }),
      }),
    );
    expect(JSON.stringify(line)).not.toContain(SECRET);
  });

  test('what is none stays: numbers, codes, addresses, names that only look alike', () => {
    const fields = {
      tokens: 3,
      code: 'token_missing',
      address: 'postgres://db:5432/weir',
      mail: 'mailto:a@b.example',
      description: 'the community of users',
      tokenizer: 'x',
    };
    expect(lineOf((reporter) => reporter.info('at 10:00 a@b', fields))).toMatchObject({
      ...fields,
      msg: 'at 10:00 a@b',
    });
  });

  test('none ever reaches a line', () => {
    const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.constant(undefined));
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        leaf,
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(fc.string(), tie('value'), { maxKeys: 3 }),
        fc.record({ [SECRET_KEYS[0]]: fc.constant(SECRET) }),
        fc.constantFrom(...SECRET_KEYS).map((key) => ({ [key]: SECRET })),
        fc.constantFrom(...SECRET_KEYS).map((key) => new Map([[key, SECRET]])),
        fc.constant(Object.assign(new Error('x'), { password: SECRET })),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(fc.string(), value, { maxKeys: 4 }), (fields) => {
        expect(JSON.stringify(lineOf((reporter) => reporter.info('x', fields)))).not.toContain(SECRET);
      }),
      { numRuns: 500 },
    );
  });
});

describe('metrics', () => {
  test('asked for again it is the same, also by a child', async () => {
    const { reporter } = silentReporter();
    reporter.counter('polls_total', 'Polls', ['outcome']).add(1, { outcome: 'complete' });
    reporter.child('poll').counter('polls_total', 'Polls', ['outcome']).add(2, { outcome: 'complete' });
    reporter.gauge('devices', 'Devices').set(3);
    reporter.gauge('devices', 'Devices').set(4);
    const seconds = reporter.histogram('poll_seconds', 'Time', [0.1, 1]);
    seconds.observe(0.5);
    reporter.histogram('poll_seconds', 'Time', [0.1, 1]).observe(0.05);
    const text = await reporter.metricsText();
    expect(text).toContain('weir_polls_total{outcome="complete"} 3');
    expect(text).toContain('weir_devices 4');
    expect(text).toContain('weir_poll_seconds_count 2');
    expect(text).toContain('weir_poll_seconds_bucket{le="0.1"} 1');
  });

  test('a name is of one kind and has one set of labels', () => {
    const { reporter } = silentReporter();
    reporter.counter('things_total', 'Things', ['kind']);
    expect(() => reporter.gauge('things_total', 'Things')).toThrow('BUG');
    expect(() => reporter.counter('things_total', 'Things')).toThrow('BUG');
    expect(() => reporter.counter('things_total', 'Things', ['kind', 'place'])).toThrow('BUG');
    reporter.counter('things_total', 'Things', ['kind']);
  });

  test('two reporters do not share them', async () => {
    const [one, other] = [silentReporter().reporter, silentReporter().reporter];
    one.counter('a_total', 'A').add();
    expect(await other.metricsText()).not.toContain('weir_a_total');
  });

  test('a value of a label cannot write a line of its own', async () => {
    const { reporter } = silentReporter();
    reporter.counter('a_total', 'A', ['name']).add(1, { name: 'x"} 1\nweir_b_total 7' });
    expect((await reporter.metricsText()).split('\n')).not.toContain('weir_b_total 7');
  });
});

describe('health', () => {
  test('is what its parts say; a part that fails to say is not healthy', () => {
    const { reporter } = silentReporter();
    reporter.health('queue', () => ({ healthy: true, message: 'open' }));
    reporter.child('x').health('database', () => {
      throw new Error(`no way to postgres://weir:${SECRET}@db/weir`);
    });
    const states = reporter.healthStates();
    expect(states['queue']).toEqual({ healthy: true, message: 'open' });
    expect(states['database']?.healthy).toBe(false);
    expect(JSON.stringify(states)).not.toContain(SECRET);
  });

  test('a part that is registered again is replaced', () => {
    const { reporter } = silentReporter();
    reporter.health('queue', () => ({ healthy: false, message: 'first' }));
    reporter.health('queue', () => ({ healthy: true, message: 'second' }));
    expect(reporter.healthStates()).toEqual({ queue: { healthy: true, message: 'second' } });
  });
});
