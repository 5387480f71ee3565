// What was discovered as the JSON object of `weir discover --json`.
import type { DiscoveryResult, FoundDevice } from '../../agent/discover/discovery.ts';

export function discoveryDocument(result: DiscoveryResult): Readonly<Record<string, unknown>> {
  return {
    complete: result.complete,
    addresses: result.addresses,
    duration_ms: result.durationMs,
    devices: result.devices.map(deviceOf),
    refusing: result.refusing,
  };
}

function deviceOf(device: FoundDevice): Readonly<Record<string, unknown>> {
  const { identity } = device;
  return {
    name: device.name,
    address: device.address,
    other_addresses: device.otherAddresses,
    credential: device.credential,
    hop: device.hop,
    configured_as: device.configuredAs,
    sysName: identity.sysName,
    sysDescr: identity.sysDescr,
    sysObjectID: identity.sysObjectID,
    sysLocation: identity.sysLocation,
    vendor: identity.vendor,
    model: identity.model,
    os: identity.os,
    version: identity.version,
    serial: identity.serial,
    engine_id: identity.engineId,
    chassis_macs: identity.chassisMacs,
    interfaces: identity.interfaces,
    neighbours: identity.neighbours.map(({ protocol, name, chassisMac, addresses }) => ({
      protocol,
      name,
      chassis_mac: chassisMac,
      addresses,
    })),
    adjacent: device.adjacent,
    strangers: device.strangers,
    complete: identity.complete,
  };
}
