// The addresses of the devices, host names looked up again and again, in the spelling in which the system names a source.
import { isIP, SocketAddress } from 'node:net';
import type { DurationMs } from '../../common/model/time.ts';

export interface NamedHost {
  readonly device: string;
  readonly host: string;
}

export interface DeviceAddress {
  readonly device: string;
  readonly address: string;
}

/** All addresses of a host name; rejects where there is none. */
export type LookupAll = (host: string) => Promise<readonly string[]>;

export const LOOKUP_EVERY_MS: DurationMs = 300_000;
/** Lookups at once: the system has four threads for them, and polling needs them too. */
const MOST_LOOKUPS = 2;

export function hasNames(hosts: readonly NamedHost[]): boolean {
  return hosts.some(({ host }) => isIP(host) === 0);
}

/** The addresses as they are now; a name that does not resolve keeps those of `before`. Never rejects. */
export async function resolveAll(
  hosts: readonly NamedHost[],
  lookup: LookupAll,
  before: readonly DeviceAddress[],
): Promise<DeviceAddress[]> {
  const open = [...hosts];
  const found: DeviceAddress[] = [];
  const work = async (): Promise<void> => {
    for (let next = open.pop(); next !== undefined; next = open.pop())
      found.push(...(await resolveOne(next, lookup, before)));
  };
  await Promise.all(Array.from({ length: MOST_LOOKUPS }, work));
  return found;
}

async function resolveOne(
  { device, host }: NamedHost,
  lookup: LookupAll,
  before: readonly DeviceAddress[],
): Promise<DeviceAddress[]> {
  if (isIP(host) !== 0) return [{ device, address: canonicalAddress(host) }];
  try {
    return (await lookup(host)).map((address) => ({ device, address: canonicalAddress(address) }));
  } catch {
    return before.filter((known) => known.device === device);
  }
}

export function canonicalAddress(address: string): string {
  if (isIP(address) !== 6) return address;
  const [plain = '', zone] = address.split('%');
  const canonical = new SocketAddress({ address: plain, family: 'ipv6' }).address;
  return zone === undefined ? canonical : `${canonical}%${zone}`;
}
