// What a discovery asks: networks, addresses and names as a person writes them become a list of addresses, each once and within a bound.
import { BlockList, isIP, SocketAddress } from 'node:net';
import { WeirError } from '../../common/runtime/errors.ts';
import type { HostPort } from '../snmp/address.ts';

/** A network in CIDR notation; `base` is its first address as a number. */
export interface Network {
  readonly text: string;
  readonly family: 4 | 6;
  readonly base: bigint;
  readonly prefix: number;
}

const BITS = { 4: 32, 6: 128 } as const;
/** Addresses in one network: a /16 of IPv4, a /112 of IPv6. */
export const MOST_NETWORK_BITS = 16;
/** Addresses of a whole discovery. */
export const MOST_TARGETS = 262_144;

/** Null where the text has no `/`; address_invalid where it has one and is no network. */
export function parseNetwork(text: string): Network | null {
  const slash = text.indexOf('/');
  if (slash === -1) return null;
  const address = text.slice(0, slash);
  const length = text.slice(slash + 1);
  const family = isIP(address);
  if ((family !== 4 && family !== 6) || address.includes('%') || !/^\d{1,3}$/.test(length)) throw invalid(text);
  const prefix = Number(length);
  if (prefix > BITS[family]) throw invalid(text);
  const hostBits = BigInt(BITS[family] - prefix);
  return { text, family, base: (numberOf(address, family) >> hostBits) << hostBits, prefix };
}

/**
 * The addresses of networks, addresses and names, in the order given, each once. Of an IPv4 network the first and the last address are left
 * out (RFC 1122 §3.2.1.3), but not of a /31 or /32 (RFC 3021). Throws address_invalid and network_too_large.
 */
export function sweepPlan(
  texts: readonly string[],
  port: number,
  parse: (text: string, port: number) => HostPort,
): HostPort[] {
  const plan = new Map<string, HostPort>();
  const add = (target: HostPort): void => {
    plan.set(`${target.host} ${target.port}`, target);
    if (plan.size > MOST_TARGETS) throw tooMany();
  };
  for (const text of texts) {
    const network = parseNetwork(text);
    if (network === null) {
      const one = parse(text, port);
      add({ ...one, host: canonicalHost(one.host) });
    } else for (const host of hostsOf(network)) add({ host, port });
  }
  return [...plan.values()];
}

function* hostsOf(network: Network): Generator<string> {
  const hostBits = BITS[network.family] - network.prefix;
  if (hostBits > MOST_NETWORK_BITS) throw tooLarge(network);
  const size = 2 ** hostBits;
  const whole = network.family === 6 || hostBits < 2;
  const end = whole ? size : size - 1;
  for (let at = whole ? 0 : 1; at < end; at += 1) yield addressOf(network.base + BigInt(at), network.family);
}

/** Whether an address lies in one of the networks or is one of the addresses. */
export class Bounds {
  readonly #list = new BlockList();

  constructor(texts: readonly string[]) {
    for (const text of texts) {
      const network = parseNetwork(text);
      if (network !== null) {
        this.#list.addSubnet(
          addressOf(network.base, network.family),
          network.prefix,
          network.family === 4 ? 'ipv4' : 'ipv6',
        );
      } else if (isIP(text) !== 0 && !text.includes('%')) this.#list.addAddress(text, familyName(text));
    }
  }

  holds(address: string): boolean {
    return isIP(address) !== 0 && !address.includes('%') && this.#list.check(address, familyName(address));
  }
}

/** Addresses that mean no other machine from here: unspecified, loopback, link-local, multicast, broadcast. */
const NOWHERE = new Bounds([
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/4',
  '255.255.255.255/32',
  '::/128',
  '::1/128',
  'fe80::/10',
  'ff00::/8',
]);

/** Whether a device's word that a neighbour is at this address can be followed from here. */
export function isReachable(address: string): boolean {
  return isIP(address) !== 0 && !NOWHERE.holds(address);
}

/** One spelling of each address: IPv6 short and in lower case, names in lower case. */
export function canonicalHost(host: string): string {
  if (isIP(host) !== 6) return host.toLowerCase();
  const [plain = '', zone] = host.split('%');
  const { address } = new SocketAddress({ address: plain, family: 'ipv6' });
  return zone === undefined ? address : `${address}%${zone}`;
}

function numberOf(address: string, family: 4 | 6): bigint {
  if (family === 4) return address.split('.').reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
  const list = address.includes('.') ? withoutDots(address) : address;
  const [head = '', tail] = list.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return [...before, ...zeros, ...after].reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n);
}

/** `::ffff:192.0.2.1` with its last four octets as two groups. */
function withoutDots(address: string): string {
  const at = address.lastIndexOf(':') + 1;
  const number = Number(numberOf(address.slice(at), 4));
  return `${address.slice(0, at)}${Math.floor(number / 65_536).toString(16)}:${(number % 65_536).toString(16)}`;
}

function addressOf(number: bigint, family: 4 | 6): string {
  const [count, bits] = family === 4 ? [4, 8n] : [8, 16n];
  const parts = Array.from({ length: count }, (_, at) => (number >> (bits * BigInt(count - 1 - at))) % (1n << bits));
  if (family === 4) return parts.join('.');
  return canonicalHost(parts.map((part) => part.toString(16)).join(':'));
}

function familyName(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

function invalid(text: string): WeirError {
  return new WeirError('address_invalid', `"${text}" is not a network such as 192.0.2.0/24.`, { address: text });
}

function tooLarge({ text, family }: Network): WeirError {
  const least = BITS[family] - MOST_NETWORK_BITS;
  return new WeirError('network_too_large', `${text} is larger than a /${least}, the most that is asked at once.`, {
    network: text,
    most_addresses: 2 ** MOST_NETWORK_BITS,
  });
}

function tooMany(): WeirError {
  return new WeirError('network_too_large', `More than ${MOST_TARGETS} addresses are asked for.`, {
    most_addresses: MOST_TARGETS,
  });
}
