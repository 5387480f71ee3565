// Tokens while the database is away: those it confirmed a while ago, and those given at the start, still open the door.
import { createHash } from 'node:crypto';
import type { DurationMs } from '../model/time.ts';
import type { Authenticator, Principal } from '../runtime/access.ts';
import type { Clock } from '../runtime/clock.ts';
import { codeOf, WeirError } from '../runtime/errors.ts';
import type { CounterMetric, Reporter } from '../runtime/reporter.ts';

interface Remembered {
  readonly principal: Principal;
  /** On the monotonic clock; what was given at the start never ends by itself. */
  readonly untilMs: number;
}

const MAX_REMEMBERED = 10_000;
const REMEMBERED_MS = 86_400_000;
/** A database that hangs must not hold every request. */
const PATIENCE_MS = 2000;
/** So long after it failed it is not asked about tokens that are remembered. */
const PAUSE_MS = 2000;
/** SQLSTATEs of a database whose migrations are still to come: no table, or one that lacks a column. */
const UNPREPARED: readonly string[] = ['42P01', '42703'];

export interface SteadyAuthenticatorDeps {
  readonly inner: Authenticator;
  readonly clock: Clock;
  /** False while given tokens are not in the database yet: that it does not know one says nothing then. Default always true. */
  readonly registered?: () => boolean;
}

export class SteadyAuthenticator implements Authenticator {
  readonly #inner: Authenticator;
  readonly #clock: Clock;
  readonly #registered: () => boolean;
  readonly #remembered = new Map<string, Remembered>();
  readonly #fromMemory: CounterMetric;
  #askAgainAtMs = Number.NEGATIVE_INFINITY;

  constructor(reporter: Reporter, deps: SteadyAuthenticatorDeps) {
    this.#inner = deps.inner;
    this.#clock = deps.clock;
    this.#registered = deps.registered ?? (() => true);
    this.#fromMemory = reporter.counter(
      'access_from_memory_total',
      'Requests let in by a token remembered, because the database did not answer',
    );
  }

  /** A token that came from outside and is in the database, or will be once that answers. */
  give(token: string, principal: Principal): void {
    this.#remember(keyOf(token), { principal, untilMs: Number.POSITIVE_INFINITY });
  }

  async authenticate(token: string): Promise<Principal | null> {
    const key = keyOf(token);
    const nowMs = this.#clock.monotonicMs();
    const remembered = this.#remembered.get(key);
    const known =
      remembered !== undefined && remembered.untilMs > nowMs && !this.#hasEnded(remembered) ? remembered : null;
    if (known !== null && nowMs < this.#askAgainAtMs) return this.#let(known);
    try {
      const principal = await this.#answerInTime(token);
      if (principal === null && known !== null && !this.#registered()) return this.#let(known);
      this.#learn(key, principal, known);
      return principal;
    } catch (error) {
      if (!isAway(error)) throw error;
      this.#askAgainAtMs = this.#clock.monotonicMs() + PAUSE_MS;
      if (known !== null) return this.#let(known);
      if (!UNPREPARED.includes(codeOf(error))) throw error;
      throw new WeirError('not_ready', 'The database is not prepared yet.', {}, error);
    }
  }

  /** Its end does not wait for the database to be back. */
  #hasEnded({ principal }: Remembered): boolean {
    return principal.expiresAtMs !== undefined && principal.expiresAtMs <= this.#clock.now();
  }

  #let(known: Remembered): Principal {
    this.#fromMemory.add();
    return known.principal;
  }

  #learn(key: string, principal: Principal | null, known: Remembered | null): void {
    if (principal === null) this.#remembered.delete(key);
    else {
      const untilMs = Math.max(known?.untilMs ?? 0, this.#clock.monotonicMs() + REMEMBERED_MS);
      this.#remember(key, { principal, untilMs });
    }
  }

  #remember(key: string, remembered: Remembered): void {
    this.#remembered.delete(key);
    this.#remembered.set(key, remembered);
    for (const oldest of this.#remembered.keys()) {
      if (this.#remembered.size <= MAX_REMEMBERED) break;
      this.#remembered.delete(oldest);
    }
  }

  async #answerInTime(token: string): Promise<Principal | null> {
    const answered = new AbortController();
    const late = lateness(this.#clock, PATIENCE_MS, answered.signal);
    try {
      return await Promise.race([this.#inner.authenticate(token), late]);
    } finally {
      answered.abort();
    }
  }
}

async function lateness(clock: Clock, patienceMs: DurationMs, answered: AbortSignal): Promise<never> {
  await clock.sleep(patienceMs, answered);
  if (answered.aborted) return new Promise(() => undefined);
  throw new WeirError('database_busy', `The database gave no answer within ${patienceMs} ms.`);
}

/** Away, or there again and not prepared yet. */
function isAway(error: unknown): boolean {
  const code = codeOf(error);
  return code.startsWith('database_') || UNPREPARED.includes(code);
}

function keyOf(token: string): string {
  return createHash('sha256').update(token, 'utf8').digest('base64');
}
