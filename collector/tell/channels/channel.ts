// The port to a way of telling people. A failure says whether surely nobody was told, or whether somebody may have been.
import type { DurationMs } from '../../../common/model/time.ts';
import { messageOf, WeirError } from '../../../common/runtime/errors.ts';
import type { Message, ToldItem } from '../told.ts';

export interface Channel {
  /**
   * Resolves once the other side has taken it, with a remark for people or null. Throws channel_refused where surely nobody was told,
   * channel_unsure else.
   */
  send(message: Message, signal: AbortSignal): Promise<string | null>;
  /** Of a receiver that forgets what it is not told again: told all that is raised, so often. */
  readonly refresh?: {
    readonly everyMs: DurationMs;
    readonly send: (items: readonly ToldItem[], signal: AbortSignal) => Promise<void>;
  };
}

/** What every channel rests on. */
export interface ChannelDeps {
  readonly now: () => number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly fetch: typeof fetch;
}

export function refused(what: string, cause?: unknown): WeirError {
  return new WeirError('channel_refused', what, {}, cause);
}

export function unsure(what: string, cause?: unknown): WeirError {
  return new WeirError('channel_unsure', what, {}, cause);
}

/** Before anything was sent. */
const BEFORE = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EACCES',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_HAS_EXPIRED',
]);

/** A failure of the connection: never with an address in which a secret may stand. */
export function failureOf(error: unknown): WeirError {
  if (error instanceof WeirError) return error;
  const code = innermostCode(error);
  if (code !== null && BEFORE.has(code)) return refused(`no connection (${code})`, error);
  // An address that cannot be one, or a port that fetch does not use.
  if (code === null && error instanceof TypeError) return refused('the address cannot be used', error);
  if (error instanceof Error && error.name === 'TimeoutError') return unsure('no answer in time', error);
  return unsure(`the connection failed (${code ?? messageOf(error).slice(0, 100)})`, error);
}

function innermostCode(error: unknown): string | null {
  let [at, found]: [unknown, string | null] = [error, null];
  for (let depth = 0; depth < 5 && at instanceof Error; depth += 1) {
    if ('code' in at && typeof at.code === 'string') found = at.code;
    at = at instanceof AggregateError ? at.errors[0] : at.cause;
  }
  return found;
}
