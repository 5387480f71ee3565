// Unknown tokens of an address are bounded; a good one enters whatever its neighbours show.
import { describe, expect, test } from 'vitest';
import { networkOf, SignInGuard } from '../../../common/http/sign-in-guard.ts';
import type { Authenticator, Principal } from '../../../common/runtime/access.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const ANNA: Principal = { name: 'anna', role: 'viewer', scope: null };

function rig(perMinute: number) {
  const clock = new VirtualClock(0);
  const { reporter } = silentReporter();
  const asked: string[] = [];
  const state = { known: new Set(['good']), broken: false };
  const inner: Authenticator = {
    authenticate: async (token) => {
      asked.push(token);
      if (state.broken) throw new Error('no database');
      return state.known.has(token) ? ANNA : null;
    },
  };
  const guard = new SignInGuard(reporter, perMinute, { inner, clock });
  const outcome = async (token: string, address = '192.0.2.1'): Promise<string> =>
    guard.authenticate(token, address).then(
      (principal) => principal?.name ?? 'unknown',
      (error: { code?: string; detail?: { retryAfterSeconds: number } }) =>
        `${error.code ?? 'failed'} ${error.detail?.retryAfterSeconds ?? ''}`.trim(),
    );
  return { clock, asked, state, outcome, reporter };
}

describe('unknown tokens', () => {
  test('beyond the bound they are not looked at, until time has passed', async () => {
    const { clock, asked, outcome, reporter } = rig(6);
    for (let at = 0; at < 6; at += 1) expect(await outcome(`guess${at}`)).toBe('unknown');
    expect(await outcome('guess6')).toBe('too_many_attempts 10');
    expect(asked).toHaveLength(6);
    await clock.advance(10_000);
    expect(await outcome('guess7')).toBe('unknown');
    expect(await outcome('guess8')).toBe('too_many_attempts 10');
    const metrics = await reporter.metricsText();
    expect(metrics).toMatch(/weir_sign_ins_failed_total 7\b/);
    expect(metrics).toMatch(/weir_sign_ins_refused_total 2\b/);
  });

  test('many at once do not pass together', async () => {
    const { outcome } = rig(6);
    const outcomes = await Promise.all(Array.from({ length: 20 }, (_, at) => outcome(`guess${at}`)));
    expect(outcomes.filter((one) => one === 'unknown')).toHaveLength(6);
  });

  test('of another address they are counted apart, of one network of IPv6 together', async () => {
    const { outcome } = rig(1);
    expect(await outcome('a', '2001:db8:1:2::1')).toBe('unknown');
    expect(await outcome('b', '2001:db8:1:2:ffff::9')).toMatch(/^too_many/);
    expect(await outcome('b', '2001:db8:1:3::1')).toBe('unknown');
    expect(await outcome('b', '192.0.2.7')).toBe('unknown');
    expect(await outcome('b', '::ffff:192.0.2.7')).toMatch(/^too_many/);
  });
});

describe('good tokens', () => {
  test('cost nothing, and enter from an address whose bound is used up', async () => {
    const { outcome } = rig(2);
    for (let at = 0; at < 50; at += 1) expect(await outcome('good')).toBe('anna');
    for (const guess of ['a', 'b']) expect(await outcome(guess)).toBe('unknown');
    expect(await outcome('c')).toMatch(/^too_many/);
    expect(await outcome('good')).toBe('anna');
  });

  test('one that is revoked is asked about once more, and then held to the bound', async () => {
    const { state, outcome } = rig(1);
    expect(await outcome('good')).toBe('anna');
    expect(await outcome('a')).toBe('unknown');
    state.known.clear();
    expect(await outcome('good')).toBe('unknown');
    expect(await outcome('good')).toMatch(/^too_many/);
  });

  test('a database that does not answer is no failure of the token', async () => {
    const { state, outcome } = rig(1);
    state.broken = true;
    for (let at = 0; at < 5; at += 1) expect(await outcome('good')).toBe('failed');
    state.broken = false;
    expect(await outcome('good')).toBe('anna');
  });
});

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::1', '0:0:0:0'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['2001:0db8:0001:0002:3:4:5:6', '2001:db8:1:2'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
])('the network of %s is %s', (address, network) => expect(networkOf(address)).toBe(network));
