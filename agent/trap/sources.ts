// Which device an address belongs to, and which other addresses may speak.
import { BlockList, isIP } from 'node:net';

/** Addresses in the spelling in which the system names the source of a datagram. */
export class SourceBook {
  readonly #networks: NetworkSet;
  #devicesAt: ReadonlyMap<string, readonly string[]> = new Map();

  constructor(networks: readonly string[]) {
    this.#networks = new NetworkSet(networks);
  }

  setAddresses(addresses: readonly { readonly device: string; readonly address: string }[]): void {
    const devicesAt = new Map<string, string[]>();
    for (const { device, address } of addresses) {
      const there = devicesAt.get(address);
      if (there === undefined) devicesAt.set(address, [device]);
      else there.push(device);
    }
    this.#devicesAt = devicesAt;
  }

  /** Several where they share it; none for a stranger. */
  devicesAt(address: string): readonly string[] {
    return this.#devicesAt.get(address) ?? [];
  }

  /** Whether the configuration names the address or its network. */
  inNetworks(address: string): boolean {
    return this.#networks.has(address);
  }
}

/** Networks of both families. Of IPv4, where strangers flood from, a look costs one set for each length of prefix, however many networks there are. */
class NetworkSet {
  /** The networks of a length as numbers, the longest first. */
  readonly #byLength: readonly { readonly length: number; readonly networks: ReadonlySet<number> }[];
  readonly #ipv6 = new BlockList();
  readonly #hasIpv6: boolean;

  constructor(networks: readonly string[]) {
    const byLength = new Map<number, Set<number>>();
    let ipv6 = 0;
    for (const network of networks) {
      const [address = '', prefix] = network.split('/');
      if (isIP(address) === 6) {
        this.#ipv6.addSubnet(address, Number(prefix ?? 128), 'ipv6');
        ipv6 += 1;
        continue;
      }
      const length = Number(prefix ?? 32);
      const there = byLength.get(length) ?? new Set<number>();
      byLength.set(length, there.add(networkNumber(ipv4Number(address), length)));
    }
    this.#hasIpv6 = ipv6 > 0;
    this.#byLength = [...byLength]
      .map(([length, set]) => ({ length, networks: set }))
      .toSorted((a, b) => b.length - a.length);
  }

  has(address: string): boolean {
    if (address.includes(':')) {
      const [plain = ''] = address.split('%');
      return this.#hasIpv6 && isIP(plain) === 6 && this.#ipv6.check(plain, 'ipv6');
    }
    if (this.#byLength.length === 0 || isIP(address) !== 4) return false;
    const number = ipv4Number(address);
    return this.#byLength.some(({ length, networks }) => networks.has(networkNumber(number, length)));
  }
}

function ipv4Number(address: string): number {
  return address.split('.').reduce((number, octet) => number * 256 + Number(octet), 0);
}

function networkNumber(number: number, length: number): number {
  return length === 0 ? 0 : (number >>> (32 - length)) >>> 0;
}
