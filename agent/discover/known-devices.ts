// Which addresses the configured devices have: as they are written, and where the names in them lead.
import { isIP } from 'node:net';
import type { Clock } from '../../common/runtime/clock.ts';
import type { HostPort, Lookup } from '../snmp/address.ts';
import { addressOf, type KnownDevice } from './discovery.ts';

export interface ConfiguredDevice {
  readonly name: string;
  readonly address: HostPort;
}

export interface KnownDevicesDeps {
  readonly clock: Clock;
  readonly lookup: Lookup;
}

/** A resolver that is away must not hold up a discovery: names it did not tell by then are only known as names. */
const RESOLVE_MS = 10_000;
const LOOKUPS_AT_ONCE = 16;

export async function knownDevices(
  configured: readonly ConfiguredDevice[],
  deps: KnownDevicesDeps,
  signal: AbortSignal,
): Promise<KnownDevice[]> {
  const resolved = new Map<string, string>();
  const names = new Set(configured.map(({ address }) => address.host).filter((host) => isIP(host) === 0));
  const queue = names.values();
  const done = new AbortController();
  const worker = async (): Promise<void> => {
    for (const host of queue) {
      if (done.signal.aborted) return;
      try {
        resolved.set(host, (await deps.lookup(host)).address);
      } catch {
        // A name that leads nowhere now is no device that could be found.
      }
    }
  };
  const all = Promise.all(Array.from({ length: Math.min(LOOKUPS_AT_ONCE, names.size) }, worker));
  await Promise.race([all, deps.clock.sleep(RESOLVE_MS, AbortSignal.any([signal, done.signal]))]);
  done.abort();
  return configured.map(({ name, address }) => {
    const place = resolved.get(address.host);
    return { name, addresses: [address, ...(place === undefined ? [] : [{ ...address, host: place }])].map(addressOf) };
  });
}
