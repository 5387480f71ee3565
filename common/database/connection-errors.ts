// Tells a lost or refused connection from an error of SQL, and gives the first two their codes.
import { codeOf, messageOf, WeirError } from '../runtime/errors.ts';

/** Socket errors, and what `pg` says without a code when the stream ends or falls silent. */
const LOST_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ECONNABORTED',
  'ERR_SOCKET_CLOSED',
  'ERR_STREAM_DESTROYED',
  'EADDRNOTAVAIL',
]);
const LOST_MESSAGE = /^Connection terminated|^Query read timeout$|is not queryable$|^Client was closed/;

/** SQLSTATE of a server that ends the session or takes none: class 08, shutdowns, crash, start-up, idle timeouts, too many connections. */
const LOST_STATE = /^(08...|57P0[1-5]|25P03|25P04|53300)$/;

/** SQLSTATE of credentials or names that the server does not accept: invalid authorization (class 28), no such database. */
const REFUSED_STATE = /^(28...|3D000)$/;

/** Whether the connection that gave this error must not be used again. */
export function isConnectionLost(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof WeirError) return false;
  const code = codeOf(error);
  return LOST_CODES.has(code) || LOST_STATE.test(code) || LOST_MESSAGE.test(error.message);
}

/** database_unreachable or database_refused for what concerns the connection; anything else as it came. `address` has no password. */
export function codedError(error: unknown, address: string): unknown {
  if (!(error instanceof Error) || error instanceof WeirError) return error;
  if (isConnectionLost(error))
    return new WeirError(
      'database_unreachable',
      `The database ${address} does not answer: ${messageOf(error)}.`,
      { address, reason: codeOf(error) },
      error,
    );
  if (REFUSED_STATE.test(codeOf(error)))
    return new WeirError(
      'database_refused',
      `The database ${address} lets us not in: ${messageOf(error)}.`,
      { address, reason: codeOf(error) },
      error,
    );
  return error;
}
