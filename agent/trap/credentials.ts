// Which community a sender may use, and which credential set is whose.
import type { TrapSettings } from './exchange.ts';

export class CredentialBook {
  /** Community octets by credential set. */
  readonly #communityOf = new Map<string, string>();
  readonly #setOf: ReadonlyMap<string, string>;
  readonly #shared = new Set<string>();
  /** Those of the devices and the shared ones. */
  readonly #all = new Set<string>();

  constructor(settings: Pick<TrapSettings, 'devices' | 'credentials' | 'shared'>) {
    this.#setOf = new Map(settings.devices.map((device) => [device.name, device.credential]));
    for (const { name, set } of settings.credentials) {
      if (set.version === '3') continue;
      const community = Buffer.from(set.community, 'utf8').toString('latin1');
      this.#communityOf.set(name, community);
      this.#all.add(community);
      if (settings.shared.includes(name)) this.#shared.add(community);
    }
  }

  /** A device uses its own or a shared one; who may speak for others, any of theirs. */
  mayUse(sender: { readonly devices: readonly string[]; readonly named: boolean }, community: string): boolean {
    // What nobody uses, as in a flood, costs one look.
    if (!this.#all.has(community)) return false;
    if (this.#shared.has(community)) return true;
    if (sender.devices.length === 0 || sender.named) return true;
    return sender.devices.some((device) => this.isCommunityOf(device, community));
  }

  isCommunityOf(device: string, community: string): boolean {
    const set = this.#setOf.get(device);
    return set !== undefined && this.#communityOf.get(set) === community;
  }

  isSetOf(device: string, credential: string): boolean {
    return this.#setOf.get(device) === credential;
  }
}
