// Where a device is: ADDRESS[:PORT] taken apart, names looked up once per time to live instead of once per packet.
import { isIP, SocketAddress } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Clock } from '../../common/runtime/clock.ts';
import { messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import type { Endpoint } from './transport.ts';

export const SNMP_PORT = 161;
const NAME_TTL_MS = 300_000;
const FAILED_NAME_TTL_MS = 10_000;
/** Host names remembered. */
const MOST_NAMES = 50_000;

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Takes apart HOST, HOST:PORT, an IPv6 address (with zone) or [IPv6]:PORT; address_invalid for the rest. */
export function parseAddress(address: string, defaultPort: number = SNMP_PORT): HostPort {
  const bracketed = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(address);
  const [host, port] = bracketed?.slice(1) ?? plainParts(address);
  const number = port === undefined ? defaultPort : Number(port);
  if (host === undefined || host === '' || number < 1 || number > 65_535 || (bracketed !== null && isIP(host) !== 6)) {
    throw new WeirError('address_invalid', `"${address}" is not HOST, HOST:PORT or [IPv6]:PORT.`, { address });
  }
  return { host, port: number };
}

function plainParts(address: string): (string | undefined)[] {
  if (isIP(address) === 6) return [address];
  return /^([^\s:[\]/]+)(?::(\d{1,5}))?$/.exec(address)?.slice(1) ?? [];
}

export type Lookup = (host: string) => Promise<{ address: string; family: number }>;

type Place = Pick<Endpoint, 'address' | 'family'>;

interface Known {
  until: number;
  /** The place itself where it is known: a request then does not wait for a resolver. */
  place: Place | Promise<Place>;
  /** Whether the resolver's last answer was a failure, which was told. */
  failing: boolean;
}

/**
 * Looks names up and remembers them; literal addresses never touch the resolver. A name that resolved once never waits again: after its
 * time it is looked up beside the requests, which go to the last address until the answer is there, also while the resolver is away.
 */
export class AddressBook {
  readonly #reporter: Reporter;
  readonly #clock: Clock;
  readonly #lookup: Lookup;
  readonly #known = new Map<string, Known>();

  constructor(reporter: Reporter, deps: { readonly clock: Clock; readonly lookup: Lookup }) {
    this.#reporter = reporter;
    this.#clock = deps.clock;
    this.#lookup = deps.lookup;
  }

  /** Throws and rejects with address_unresolved. */
  resolve({ host, port }: HostPort): Endpoint | Promise<Endpoint> {
    const { place } = this.#knownPlace(host);
    if (place instanceof Promise) return place.then(({ address, family }) => ({ address, port, family }));
    return { address: place.address, port, family: place.family };
  }

  #knownPlace(host: string): Known {
    const now = this.#clock.monotonicMs();
    const known = this.#known.get(host);
    if (known !== undefined) {
      if (known.until <= now) this.#lookAgain(host, known, now);
      return known;
    }
    for (const oldest of this.#known.keys()) {
      if (this.#known.size < MOST_NAMES) break;
      this.#known.delete(oldest);
    }
    const version = isIP(host);
    const fresh: Known =
      version === 0
        ? { until: now + NAME_TTL_MS, place: this.#find(host), failing: false }
        : { until: Number.POSITIVE_INFINITY, place: placeOf(host, version), failing: false };
    this.#known.set(host, fresh);
    if (version === 0) this.#settle(host, fresh, fresh.place);
    return fresh;
  }

  /** A name never resolved is waited for again; one that was keeps its place meanwhile. */
  #lookAgain(host: string, known: Known, now: number): void {
    known.until = now + NAME_TTL_MS;
    const found = this.#find(host);
    if (known.place instanceof Promise) known.place = found;
    this.#settle(host, known, found);
  }

  #settle(host: string, known: Known, found: Place | Promise<Place>): void {
    Promise.resolve(found).then(
      (place) => {
        if (known.failing) this.#reporter.info('a name resolves again', { host, address: place.address });
        known.place = place;
        known.failing = false;
      },
      (error: unknown) => {
        known.until = this.#clock.monotonicMs() + FAILED_NAME_TTL_MS;
        if (known.failing || known.place instanceof Promise) return;
        known.failing = true;
        const { address } = known.place;
        this.#reporter.warn('a name does not resolve, its last address is used', {
          host,
          address,
          error: messageOf(error),
        });
      },
    );
  }

  async #find(host: string): Promise<Place> {
    try {
      const { address, family } = await this.#lookup(host);
      return placeOf(address, family);
    } catch (cause) {
      throw new WeirError('address_unresolved', `Cannot resolve ${host}: ${messageOf(cause)}.`, { host }, cause);
    }
  }
}

function placeOf(address: string, family: number): Place {
  if (family !== 6) return { address, family: 4 };
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(address)?.[1];
  // Our sockets of version 6 speak version 6 only.
  return mapped === undefined ? { address: canonicalIpv6(address), family: 6 } : { address: mapped, family: 4 };
}

/** The spelling in which answers name their source, or no IPv6 answer would match its request: shortest form, the zone by its interface's name. */
function canonicalIpv6(address: string): string {
  const [plain = '', zone] = address.split('%');
  const canonical = new SocketAddress({ address: plain, family: 'ipv6' }).address;
  return zone === undefined ? canonical : `${canonical}%${interfaceNamed(zone)}`;
}

function interfaceNamed(zone: string): string {
  if (!/^\d+$/.test(zone)) return zone;
  const named = Object.entries(networkInterfaces()).find(([, addresses]) =>
    addresses?.some((one) => one.family === 'IPv6' && String(one.scopeid) === zone),
  );
  return named?.[0] ?? zone;
}
