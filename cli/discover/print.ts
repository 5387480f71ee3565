// What was discovered as text for a person: a table of devices, what belongs to them, and who keeps us out.
import type { DiscoveryResult, FoundDevice } from '../../agent/discover/discovery.ts';
import { ERROR_TABLE } from '../../common/runtime/error-table.ts';
import { printable, printTable } from '../text-table.ts';

const HEADS = [
  'address',
  'name',
  'vendor',
  'model',
  'version',
  'interfaces',
  'credential',
  'neighbours',
  'configured',
] as const;

export function printDiscovery(result: DiscoveryResult, print: (line: string) => void): void {
  printTable(print, 'Devices', HEADS, result.devices.map(deviceRow));
  const several = result.devices.filter((device) => device.otherAddresses.length > 0);
  printTable(
    print,
    'Under several addresses',
    ['name', 'also at'],
    several.flatMap((device) => device.otherAddresses.map((address) => [device.name, address])),
  );
  printTable(
    print,
    'Not let in',
    ['address', 'credential', 'why'],
    result.refusing.map(({ address, credential, code }) => [
      printable(address),
      credential,
      `${code}: ${ERROR_TABLE[code].meaning}`,
    ]),
  );
  for (const line of summary(result)) print(line);
}

function deviceRow(device: FoundDevice): string[] {
  const { identity } = device;
  return [
    printable(device.address),
    device.name,
    printable(identity.vendor),
    printable(identity.model),
    printable([identity.os, identity.version].filter((part) => part !== null).join(' ')),
    printable(identity.interfaces),
    device.credential,
    neighbours(device),
    device.configuredAs === null ? 'no' : 'yes',
  ];
}

/** Those that were found by name, and how many others it tells of. */
function neighbours({ adjacent, strangers }: FoundDevice): string {
  return [...adjacent, ...(strangers.length > 0 ? [`+${strangers.length}`] : [])].join(' ');
}

function summary({ complete, addresses, durationMs, devices }: DiscoveryResult): string[] {
  const fresh = devices.filter((device) => device.configuredAs === null).length;
  const asked = `${addresses.done} of ${addresses.total} addresses in ${(durationMs / 1000).toFixed(1)} s`;
  return [
    '',
    `${devices.length} ${devices.length === 1 ? 'device' : 'devices'} on ${asked}; ${fresh} not configured yet`,
    ...(complete ? [] : ['Not complete: it was stopped, or more neighbours were told of than are followed.']),
    ...(fresh > 0 ? ['Nothing was added: the same with --yaml prints what to put into a configuration.'] : []),
  ];
}
