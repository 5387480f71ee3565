// What names a neighbour in its device: LLDP counts neighbours anew when they come again, so their index is no name.
import { cleanKey } from './table-columns.ts';

export interface NeighbourWords {
  readonly localInterface: string;
  readonly protocol: string;
  readonly remoteDevice: string;
  readonly remotePort: string;
}

/** What it says of itself; '' where it says nothing. */
export function neighbourKey({ localInterface, protocol, remoteDevice, remotePort }: NeighbourWords): string {
  const said = [localInterface, protocol, remoteDevice, remotePort].map((text) => (text === '' ? '-' : text));
  return cleanKey(said.join(' '));
}
