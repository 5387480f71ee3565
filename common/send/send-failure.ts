// Why something did not reach its receiver: surely nobody has it (channel_refused), or somebody may have it (channel_unsure).
import { messageOf, WeirError } from '../runtime/errors.ts';

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
