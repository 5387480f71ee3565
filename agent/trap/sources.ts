// Which device an address belongs to, and which other addresses may speak.
import { BlockList, isIP } from 'node:net';

/** Addresses in the spelling in which the system names the source of a datagram. */
export class SourceBook {
  readonly #networks: BlockList;
  readonly #hasNetworks: boolean;
  #devicesAt: ReadonlyMap<string, readonly string[]> = new Map();

  constructor(networks: readonly string[]) {
    this.#networks = networksOf(networks);
    this.#hasNetworks = networks.length > 0;
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
    if (!this.#hasNetworks) return false;
    const [plain = ''] = address.split('%');
    const version = isIP(plain);
    return version !== 0 && this.#networks.check(plain, version === 4 ? 'ipv4' : 'ipv6');
  }
}

function networksOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix] = network.split('/');
    const [family, width] = isIP(address) === 4 ? (['ipv4', 32] as const) : (['ipv6', 128] as const);
    list.addSubnet(address, Number(prefix ?? width), family);
  }
  return list;
}
