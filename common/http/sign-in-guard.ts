// Bounds how many unknown tokens an address may show; whoever shows a good one is not held up by others behind the same address.
import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { DurationMs } from '../model/time.ts';
import type { Authenticator, Principal } from '../runtime/access.ts';
import type { Clock } from '../runtime/clock.ts';
import { WeirError } from '../runtime/errors.ts';
import type { CounterMetric, Reporter } from '../runtime/reporter.ts';

export interface AddressedAuthenticator {
  /** Null where the token is not known; too_many_attempts where the address has shown too many that are not. */
  authenticate(token: string, address: string): Promise<Principal | null>;
}

export interface SignInGuardDeps {
  readonly inner: Authenticator;
  readonly clock: Clock;
}

export const FAILED_SIGN_INS_PER_MINUTE = 120;
const MINUTE_MS: DurationMs = 60_000;
const MAX_ADDRESSES = 10_000;
const MAX_GOOD = 10_000;

/** A bucket of failures of an address: full at first, filled again in a minute. */
interface Bucket {
  left: number;
  atMs: number;
}

export class SignInGuard implements AddressedAuthenticator {
  readonly #perMinute: number;
  readonly #deps: SignInGuardDeps;
  readonly #buckets = new Map<string, Bucket>();
  /** Hashes of tokens that were good when they were shown last: they are asked about whatever the address did. */
  readonly #good = new Set<string>();
  readonly #failed: CounterMetric;
  readonly #refused: CounterMetric;

  constructor(reporter: Reporter, perMinute: number, deps: SignInGuardDeps) {
    this.#perMinute = perMinute;
    this.#deps = deps;
    this.#failed = reporter.counter('sign_ins_failed_total', 'Requests with a token that is not known');
    this.#refused = reporter.counter(
      'sign_ins_refused_total',
      'Requests whose token was not looked at: too many failed',
    );
  }

  authenticate(token: string, address: string): Promise<Principal | null> {
    return this.look(token, address, () => this.#deps.inner.authenticate(token));
  }

  /** The same bound for whatever else a secret opens: `find` says null where it is not known. */
  async look<T>(token: string, address: string, find: () => Promise<T | null>): Promise<T | null> {
    const hash = createHash('sha256').update(token).digest('base64');
    const bucket = this.#bucketOf(networkOf(address));
    if (bucket.left < 1 && !this.#good.has(hash)) {
      this.#refused.add();
      throw new WeirError('too_many_attempts', 'Too many unknown tokens came from this address.', {
        most: this.#perMinute,
        retryAfterSeconds: Math.ceil(((1 - bucket.left) * MINUTE_MS) / this.#perMinute / 1000),
      });
    }
    // Taken before it is known, so that many at once do not pass together.
    bucket.left -= 1;
    const found = await find().catch((error: unknown) => {
      // A database that does not answer says nothing about the token.
      bucket.left += 1;
      throw error;
    });
    this.#good.delete(hash);
    if (found === null) {
      this.#failed.add();
      return null;
    }
    bucket.left += 1;
    this.#good.add(hash);
    dropOldest(this.#good, MAX_GOOD);
    return found;
  }

  #bucketOf(network: string): Bucket {
    const nowMs = this.#deps.clock.monotonicMs();
    const known = this.#buckets.get(network) ?? { left: this.#perMinute, atMs: nowMs };
    known.left = Math.min(this.#perMinute, known.left + ((nowMs - known.atMs) * this.#perMinute) / MINUTE_MS);
    known.atMs = nowMs;
    // The one used last is forgotten last.
    this.#buckets.delete(network);
    this.#buckets.set(network, known);
    dropOldest(this.#buckets, MAX_ADDRESSES);
    return known;
  }
}

/** An address of IPv4 itself; of IPv6 the first 64 bits, which one host has to itself (RFC 4291 §2.5.4). */
export function networkOf(address: string): string {
  const plain = address.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '');
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = plain.split('::');
  const groups = head === '' ? [] : head.split(':');
  const behind = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - groups.length - behind.length) }, () => '0');
  return [...groups, ...zeros, ...behind]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}

function dropOldest(known: Map<string, unknown> | Set<string>, most: number): void {
  if (known.size <= most) return;
  const [oldest] = known.keys();
  if (oldest !== undefined) known.delete(oldest);
}
