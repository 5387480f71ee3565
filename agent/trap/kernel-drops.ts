// What the system drops before we see it: Linux counts, for each socket, the datagrams its buffer had no room for.
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';

/** Datagrams dropped at a socket since it was opened; null where the system does not tell. */
export async function kernelDrops(address: string, port: number): Promise<number | null> {
  const place = isIP(address) === 6 ? '/proc/net/udp6' : '/proc/net/udp';
  try {
    return dropsIn(await readFile(place, 'utf8'), address, port);
  } catch {
    return null;
  }
}

/** The last column of the socket's line in /proc/net/udp (Linux: net/ipv4/udp.c, udp4_format_sock); null without one. */
export function dropsIn(table: string, address: string, port: number): number | null {
  const local = `${addressHex(address)}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
  for (const line of table.split('\n')) {
    const fields = line.trim().split(/\s+/);
    if (fields[1] !== local) continue;
    const drops = Number(fields.at(-1));
    return Number.isInteger(drops) ? drops : null;
  }
  return null;
}

/** As the kernel prints it on a machine of little-endian words: each four octets the other way round. */
function addressHex(address: string): string {
  const octets = isIP(address) === 4 ? address.split('.').map(Number) : ipv6Octets(address);
  let hex = '';
  for (let word = 0; word < octets.length; word += 4)
    for (let at = 3; at >= 0; at -= 1) hex += (octets[word + at] ?? 0).toString(16).padStart(2, '0');
  return hex;
}

function ipv6Octets(address: string): number[] {
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::');
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const [first, last] = [groups(head), groups(tail ?? '')];
  const zeros = tail === undefined ? 0 : 8 - first.length - last.length;
  return [...first, ...Array.from({ length: zeros }, () => 0), ...last].flatMap((group) => [group >> 8, group & 0xff]);
}
