// RenewedLease: asked for, renewed after a third of its time, dropped after a failure, and let go at the stop, also without a database.
import { expect, test } from 'vitest';
import type { Lease } from '../../../common/database/database.ts';
import { RenewedLease } from '../../../common/database/renewed-lease.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

function rig() {
  const clock = new VirtualClock(0);
  const calls: string[] = [];
  const state = { free: true, away: false, token: 0n };
  const called = (what: string): void => {
    calls.push(what);
    if (state.away) throw new Error('no database');
  };
  const leases = {
    acquire: (name: string, holder: string): Promise<Lease | null> => {
      called('acquire');
      state.token += 1n;
      return Promise.resolve(state.free ? { name, holder, token: state.token } : null);
    },
    renew: async (lease: Lease): Promise<void> => called(`renew ${lease.token}`),
    release: async (lease: Lease): Promise<void> => called(`release ${lease.token}`),
  };
  return { clock, calls, state, lease: new RenewedLease('work', 30_000, { clock, leases, holder: 'me' }) };
}

test('another has it: asked again each time', async () => {
  const { lease, state, calls } = rig();
  state.free = false;
  expect([await lease.hold(), await lease.hold()]).toEqual([null, null]);
  state.free = true;
  expect(await lease.hold()).toMatchObject({ anew: true, lease: { token: 3n } });
  expect(calls).toEqual(['acquire', 'acquire', 'acquire']);
});

test('held: renewed once a third of its time is over, and no sooner', async () => {
  const { lease, clock, calls } = rig();
  await lease.hold();
  await clock.advance(10_000);
  expect(await lease.hold()).toMatchObject({ anew: false });
  await clock.advance(1);
  expect(await lease.hold()).toMatchObject({ anew: false, lease: { token: 1n } });
  await lease.hold();
  expect(calls).toEqual(['acquire', 'renew 1']);
});

test('dropped after a failure it is asked for anew; released it is free, with or without a database', async () => {
  const { lease, clock, state, calls } = rig();
  await lease.hold();
  state.away = true;
  await clock.advance(20_000);
  await expect(lease.hold()).rejects.toThrow('no database');
  lease.drop();
  state.away = false;
  expect(await lease.hold()).toMatchObject({ anew: true, lease: { token: 2n } });
  state.away = true;
  await lease.release();
  await lease.release();
  expect(calls).toEqual(['acquire', 'renew 1', 'acquire', 'release 2']);
});
