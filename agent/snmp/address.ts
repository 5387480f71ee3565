// Where a device is: ADDRESS[:PORT] taken apart, names looked up once per time to live instead of once per packet.
import { isIP, SocketAddress } from 'node:net';
import type { Clock } from '../../common/runtime/clock.ts';
import { messageOf, WeirError } from '../../common/runtime/errors.ts';
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
  readonly until: number;
  /** The place itself where no resolver was needed: a request then does not wait for it. */
  readonly place: Place | Promise<Place>;
}

/** Looks names up and remembers them; literal addresses never touch the resolver. */
export class AddressBook {
  readonly #clock: Clock;
  readonly #lookup: Lookup;
  readonly #known = new Map<string, Known>();

  constructor(deps: { readonly clock: Clock; readonly lookup: Lookup }) {
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
    if (known !== undefined && known.until > now) return known;
    if (this.#known.size >= MOST_NAMES) this.#known.clear();
    const version = isIP(host);
    const fresh: Known =
      version === 0
        ? { until: now + NAME_TTL_MS, place: this.#find(host, now) }
        : { until: Number.POSITIVE_INFINITY, place: placeOf(host, version) };
    this.#known.set(host, fresh);
    return fresh;
  }

  #find(host: string, now: number): Promise<Place> {
    const found = this.#lookup(host).then(
      ({ address, family }) => placeOf(address, family),
      (cause: unknown) => {
        throw new WeirError('address_unresolved', `Cannot resolve ${host}: ${messageOf(cause)}.`, { host }, cause);
      },
    );
    found.catch(() => this.#known.set(host, { until: now + FAILED_NAME_TTL_MS, place: found }));
    return found;
  }
}

function placeOf(address: string, family: number): Place {
  return family === 6 ? { address: canonicalIpv6(address), family: 6 } : { address, family: 4 };
}

/** The spelling in which answers name their source, or no IPv6 answer would match its request. */
function canonicalIpv6(address: string): string {
  const [plain = '', zone] = address.split('%');
  const canonical = new SocketAddress({ address: plain, family: 'ipv6' }).address;
  return zone === undefined ? canonical : `${canonical}%${zone}`;
}
