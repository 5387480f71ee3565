// Work under a lease: granted to one at a time, kept while the work runs, given back when it ends.
import type { Lease, Queryable } from '../../common/database/database.ts';
import type { DurationMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';

/** The part of leases that is used here. */
export interface LeaseKeeper {
  acquire(name: string, holder: string, ttlMs: DurationMs): Promise<Lease | null>;
  renew(lease: Lease, ttlMs: DurationMs): Promise<void>;
  release(lease: Lease): Promise<void>;
  assertHeld(connection: Queryable, lease: Lease): Promise<void>;
}

export interface HeldLease {
  readonly holder: string;
  readonly token: bigint;
  /** Throws lease_lost; to be called in the transaction of every effect. */
  readonly fence: (connection: Queryable) => Promise<void>;
}

export interface HeldLeaseDeps {
  readonly leases: LeaseKeeper;
  readonly clock: Clock;
}

const LEASE_MS = 60_000;
const RENEW_MS = 15_000;
const LOOK_MS = 500;

/** Runs the work under the lease; null where another holds it. */
export async function underLease<T>(
  reporter: Reporter,
  deps: HeldLeaseDeps,
  name: string,
  holder: string,
  work: (lease: HeldLease) => Promise<T>,
): Promise<{ readonly result: T } | null> {
  const { leases } = deps;
  const lease = await leases.acquire(name, holder, LEASE_MS);
  if (lease === null) return null;
  const done = new AbortController();
  const renewing = keepLease(reporter, deps, lease, done.signal);
  try {
    const fence = (connection: Queryable): Promise<void> => leases.assertHeld(connection, lease);
    return { result: await work({ holder, token: lease.token, fence }) };
  } finally {
    done.abort();
    await renewing;
    await leases.release(lease).catch(() => undefined);
  }
}

/** Runs the work once the lease is free; throws run_elsewhere where it is not within the time. */
export async function onceLeaseIsFree<T>(
  reporter: Reporter,
  deps: HeldLeaseDeps & { readonly waitMs: DurationMs; readonly signal: AbortSignal; readonly onWait: () => void },
  name: string,
  holder: string,
  work: (lease: HeldLease) => Promise<T>,
): Promise<T> {
  const { clock, waitMs, signal, onWait } = deps;
  const until = clock.monotonicMs() + waitMs;
  for (let told = false; ; told = true) {
    const done = await underLease(reporter, deps, name, holder, work);
    if (done !== null) return done.result;
    if (signal.aborted || clock.monotonicMs() >= until)
      throw new WeirError('run_elsewhere', `Another process holds ${name}.`, { lease: name });
    if (!told) onWait();
    await clock.sleep(LOOK_MS, signal);
  }
}

/** A lease that cannot be renewed is left to run out: the fence then stops the run at its next effect. */
async function keepLease(reporter: Reporter, deps: HeldLeaseDeps, lease: Lease, done: AbortSignal): Promise<void> {
  for (;;) {
    await deps.clock.sleep(RENEW_MS, done);
    if (done.aborted) return;
    await deps.leases
      .renew(lease, LEASE_MS)
      .catch((error: unknown) => reporter.warn('lease not renewed', { lease: lease.name, message: messageOf(error) }));
  }
}
