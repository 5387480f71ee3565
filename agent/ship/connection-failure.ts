// What an error of a connection to a collector means: which certificate is wrong and how, or only that nobody answers.
import { codeOf, messageOf, WeirError } from '../../common/runtime/errors.ts';

/** X509_V_ERR_* as Node names them (doc/api/tls.md, "X509 certificate error codes"). */
const UNTRUSTED = new Set([
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_SIGNATURE_FAILURE',
  'CERT_CHAIN_TOO_LONG',
  'CERT_REVOKED',
  'INVALID_CA',
  'PATH_LENGTH_EXCEEDED',
  'INVALID_PURPOSE',
  'CERT_UNTRUSTED',
  'CERT_REJECTED',
]);
const EXPIRED = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']);
/**
 * Alerts with which a server refuses the certificate of its client, or that it has none (RFC 8446 §6.2): bad, unsupported, revoked,
 * expired, unknown certificate, unknown authority, access denied, certificate required. OpenSSL writes their numbers into its messages.
 */
const REFUSED = /SSL alert number (42|43|44|45|46|48|49|116)\b/;

/** A coded error for one that node:http or node:tls gave; `origin` is the collector's. */
export function connectionFailure(error: unknown, origin: string): WeirError {
  const cause = codeOf(error);
  const code = codeFor(cause, reasonOf(error));
  return new WeirError(code, `${origin}: ${reasonOf(error).trim()}`, { origin, reason: cause }, error);
}

function codeFor(cause: string, reason: string): WeirError['code'] {
  if (cause === 'ERR_TLS_CERT_ALTNAME_INVALID' || cause === 'HOSTNAME_MISMATCH') return 'collector_certificate_name';
  if (EXPIRED.has(cause)) return 'collector_certificate_expired';
  if (UNTRUSTED.has(cause)) return 'collector_certificate_untrusted';
  if (REFUSED.test(reason)) return 'agent_certificate_refused';
  if (cause.startsWith('ERR_SSL_') || cause.startsWith('ERR_TLS_') || cause === 'EPROTO') return 'collector_tls_failed';
  return 'collector_unreachable';
}

/** Of a name with several addresses each failure stands in `errors`, and the message is empty. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map((one) => messageOf(one)).join('; ');
  return messageOf(error);
}
