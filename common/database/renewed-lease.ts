// A lease as a loop holds it: asked for where another has it, renewed before it ends, let go at the stop.
import type { DurationMs } from '../model/time.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Lease } from './database.ts';
import type { Leases } from './lease.ts';

export interface RenewedLeaseDeps {
  readonly clock: Clock;
  readonly leases: Pick<Leases, 'acquire' | 'renew' | 'release'>;
  /** Of this process, and of no other. */
  readonly holder: string;
}

export class RenewedLease {
  readonly #name: string;
  readonly #lengthMs: DurationMs;
  readonly #deps: RenewedLeaseDeps;
  #held: { readonly lease: Lease; readonly renewedAtMs: number } | null = null;

  constructor(name: string, lengthMs: DurationMs, deps: RenewedLeaseDeps) {
    this.#name = name;
    this.#lengthMs = lengthMs;
    this.#deps = deps;
  }

  /** Null where another has it; `anew`: another may have had it meanwhile. Throws lease_lost and what the database says: then `drop` it. */
  async hold(): Promise<{ readonly lease: Lease; readonly anew: boolean } | null> {
    const { leases, clock, holder } = this.#deps;
    const nowMs = clock.monotonicMs();
    if (this.#held === null) {
      const lease = await leases.acquire(this.#name, holder, this.#lengthMs);
      if (lease === null) return null;
      this.#held = { lease, renewedAtMs: nowMs };
      return { lease, anew: true };
    }
    const { lease, renewedAtMs } = this.#held;
    if (nowMs - renewedAtMs > this.#lengthMs / 3) {
      await leases.renew(lease, this.#lengthMs);
      this.#held = { lease, renewedAtMs: nowMs };
    }
    return { lease, anew: false };
  }

  /** Held no longer as far as we know: it is asked for anew. */
  drop(): void {
    this.#held = null;
  }

  /** Another need not wait for its end; without a database it ends by itself. */
  async release(): Promise<void> {
    const held = this.#held;
    this.#held = null;
    if (held !== null) await this.#deps.leases.release(held.lease).catch(() => undefined);
  }
}
