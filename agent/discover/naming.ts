// Proposes names for found devices: what they call themselves, made valid for the configuration and told apart where several say the same.
import { isIP } from 'node:net';

/** As common/runtime/device-configuration.ts wants names. */
const MOST_LENGTH = 63;
/** Of what tells two devices apart: an IPv6 address with a port has room. */
const MOST_END_LENGTH = 48;

/** A text as the name of a device: letters, digits, `.`, `_`, `-`, at most 63 long and beginning with a letter or digit; '' where nothing is left. */
export function validName(text: string): string {
  return text
    .normalize('NFKD')
    .replaceAll(/\p{M}+/gu, '')
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replaceAll(/-{2,}/g, '-')
    .replace(/^[._-]+/, '')
    .slice(0, MOST_LENGTH)
    .replace(/[._-]+$/, '');
}

export interface Nameable {
  readonly sysName: string | null;
  /** Tells apart devices of the same name. */
  readonly address: string;
}

/**
 * A name each, none of them taken, in the order given: the first label of sysName where no other device has it, else the whole of it, else
 * with the address behind. A device without a sysName is called after its address.
 */
export function proposeNames(devices: readonly Nameable[], taken: Iterable<string>): string[] {
  const used = new Set(taken);
  const short = devices.map(({ sysName }) => validName(shortName(sysName ?? '')));
  const long = devices.map(({ sysName }) => validName(sysName ?? ''));
  const [shortCounts, longCounts] = [countsOf(short), countsOf(long)];
  return devices.map(({ address }, at) => {
    const [label = '', whole = ''] = [short[at], long[at]];
    const candidates = [
      ...(shortCounts.get(label) === 1 ? [label] : []),
      ...(longCounts.get(whole) === 1 ? [whole] : []),
      withEnd(whole === '' ? 'device' : whole, validName(address)),
    ];
    const name = candidates.find((one) => one !== '' && !used.has(one)) ?? numbered(candidates.at(-1) ?? '', used);
    used.add(name);
    return name;
  });
}

/** The name of a host without its domain; an address is no name with a domain. */
function shortName(sysName: string): string {
  return isIP(sysName) === 0 ? (sysName.split('.')[0] ?? '') : sysName;
}

function withEnd(name: string, end: string): string {
  const short = end.slice(0, MOST_END_LENGTH);
  return `${name.slice(0, MOST_LENGTH - short.length - 1)}-${short}`;
}

function numbered(name: string, used: ReadonlySet<string>): string {
  let number = 2;
  while (used.has(withEnd(name, String(number)))) number += 1;
  return withEnd(name, String(number));
}

function countsOf(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
