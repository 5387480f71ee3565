// What was discovered as a piece of configuration: devices that are new, with what a person needs to decide in comments. No secret is in it.
import { Document, isMap, isSeq, type YAMLMap } from 'yaml';
import type { DiscoveryResult, FoundDevice } from '../../agent/discover/discovery.ts';
import type { NamedCredential } from '../../agent/discover/sweep.ts';
import { referencedSet } from '../referenced-secrets.ts';
import { printable } from '../text-table.ts';

/** `given`: credential sets of the options, which no configuration has yet. */
export function discoveryYaml(result: DiscoveryResult, given: readonly NamedCredential[]): string {
  const fresh = result.devices.filter((device) => device.configuredAs === null);
  const used = given.filter((set) => fresh.some((device) => device.credential === set.name));
  const referenced = used.map(({ name, credential }) => ({
    name,
    ...referencedSet(`snmp ${name}`, credential, 'a person'),
  }));
  const document = new Document({
    ...(referenced.length === 0
      ? {}
      : { credentials: Object.fromEntries(referenced.map(({ name, set }) => [name, set])) }),
    devices: fresh.map(({ name, address, credential }) => ({ name, address, credential })),
  });
  const variables = referenced.flatMap((one) => one.variables);
  document.commentBefore = [
    ` Found by weir discover: ${fresh.length} new, ${result.devices.length - fresh.length} configured already.`,
    ...(result.complete ? [] : [' Not complete: it was stopped, or more neighbours were told of than are followed.']),
    ...(variables.length === 0 ? [] : [` Set in the environment of the agent: ${variables.join(', ')}`]),
  ].join('\n');
  const devices = document.get('devices');
  if (isSeq(devices)) {
    for (const [at, item] of devices.items.entries()) {
      const device = fresh[at];
      if (device !== undefined && isMap(item)) remark(item, device);
    }
  }
  return document.toString({ lineWidth: 0 });
}

function remark(item: YAMLMap, device: FoundDevice): void {
  const { identity, otherAddresses, adjacent, strangers } = device;
  const what = [identity.vendor, identity.model, identity.os, identity.version, identity.serial]
    .map((part) => printable(part))
    .filter((part) => part !== '');
  const lines = [
    ...(what.length === 0 ? [] : [what.join(', ')]),
    ...(identity.sysName === null || identity.sysName === device.name
      ? []
      : [`calls itself ${printable(identity.sysName)}`]),
    ...(identity.sysLocation === null ? [] : [`stands at: ${printable(identity.sysLocation)}`]),
    ...(otherAddresses.length === 0 ? [] : [`also at ${otherAddresses.map(printable).join(', ')}`]),
    ...(strangers.length === 0 ? [] : [`neighbours that were not found: ${strangers.map(printable).join(', ')}`]),
    ...(identity.complete ? [] : ['fell silent, or a table was cut short, before it had said everything']),
    ...(adjacent.length === 0
      ? []
      : [`parents: [${adjacent.join(', ')}]  # its neighbours: keep those it is reached through`]),
  ];
  if (lines.length > 0) item.comment = lines.map((line) => ` ${line}`).join('\n');
}
