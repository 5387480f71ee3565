// Closed by default: without TLS a server listens on this machine only, unless the operator says that something in front does TLS.
import { isIP } from 'node:net';
import { WeirError } from '../runtime/errors.ts';

/** Throws listen_refused for an address that others can reach, unless `insecure` is said. */
export function requireLoopback(host: string, insecure: boolean): void {
  if (insecure || isLoopback(host)) return;
  throw new WeirError('listen_refused', `Listening on ${host} without TLS would send tokens in the open.`, { host });
}

export function isLoopback(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith('127.');
  return host === '::1' || host === 'localhost';
}
