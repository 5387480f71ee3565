// Where the devices of a simulated network answer: each on a port of its own on 127.0.0.1, or each on an address of its own.
export interface PlaceConfig {
  /** Device i answers on this port + i; where devices have addresses of their own, each on this port. */
  readonly portBase: number;
  /** In 127.0.0.0/8: device i answers on this address + i. Null: all on 127.0.0.1. */
  readonly firstAddress: string | null;
}

export interface Place {
  readonly host: string;
  readonly port: number;
}

export const LOOPBACK = '127.0.0.1';

export function placeAt({ portBase, firstAddress }: PlaceConfig, device: number): Place {
  if (firstAddress === null) return { host: LOOPBACK, port: portBase + device };
  return { host: octetsAt(firstAddress, device).join('.'), port: portBase };
}

/** The octets of an IPv4 address so many further on. */
function octetsAt(first: string, device: number): number[] {
  const number = first.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0) + device;
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256);
}
