// LLDP-MIB (IEEE 802.1AB-2005) of a simulated device: its own ports, and what stands behind them.
import { columnOf, integerColumn, macBytes, scalar, textColumn } from './mib-columns.ts';
import { type MibColumn, Rows } from './mib-view.ts';
import type { PortDefinition } from './network.ts';
import { type Device, deviceOf, ifIndexOf, type Network } from './truth.ts';

const LOCAL = '1.0.8802.1.1.2.1.3';
const REMOTE = '1.0.8802.1.1.2.1.4.1.1';
const ADDRESS = '1.0.8802.1.1.2.1.4.2.1';
const CHASSIS_MAC = 4;
const PORT_MAC = 3;
const ETHERNET = 6;
/** lldpRemTimeMark: when it was learnt; the neighbours have been there since before the boot. */
const TIME_MARK = 0;
/** AddressFamilyNumbers of IANA, and the octets of such an address. */
const IPV4 = 1;
const IPV4_OCTETS = 4;
/** LldpManAddrIfSubtype: by ifIndex. */
const BY_IF_INDEX = 2;
const BRIDGE_AND_ROUTER = Buffer.from([0x28]);

/** `addresses`: where devices are managed, by name. */
export function lldp(
  network: Network,
  device: Device,
  boot: number,
  addresses: ReadonlyMap<string, string>,
): MibColumn[] {
  const { definition } = device;
  const ports = definition.ports
    .filter((port) => port.type === ETHERNET)
    .toSorted((left, right) => left.ifIndex - right.ifIndex);
  if (ports.every((port) => port.neighbour === null)) return [];
  const local = new Rows(ports.map((port) => [ifIndexOf(definition, port, boot)]));
  const name = Buffer.from(definition.name);
  const descr = Buffer.from(definition.model.sysDescr);
  return [
    scalar(`${LOCAL}.1`, (_instant, out) => out.integer(CHASSIS_MAC)),
    scalar(`${LOCAL}.2`, (_instant, out) => out.octets(chassisOf(device))),
    scalar(`${LOCAL}.3`, (_instant, out) => out.octets(name)),
    scalar(`${LOCAL}.4`, (_instant, out) => out.octets(descr)),
    integerColumn(
      `${LOCAL}.7.1.2`,
      local,
      ports.map(() => definition.lldpPortSubtype),
    ),
    textColumn(
      `${LOCAL}.7.1.3`,
      local,
      ports.map((port) => portId(device, port)),
    ),
    textColumn(
      `${LOCAL}.7.1.4`,
      local,
      ports.map((port) => port.descr),
    ),
    ...remotes(network, device, ports, boot, addresses),
  ];
}

interface Remote {
  readonly index: readonly number[];
  readonly far: Device;
  readonly farPort: PortDefinition;
}

function remotes(
  network: Network,
  device: Device,
  ports: readonly PortDefinition[],
  boot: number,
  addresses: ReadonlyMap<string, string>,
): MibColumn[] {
  const known = ports.flatMap((port): Remote[] => {
    if (port.neighbour === null) return [];
    const far = deviceOf(network, port.neighbour.device);
    const farPort = far.definition.ports.find((one) => one.name === port.neighbour?.port);
    if (farPort === undefined) throw new Error(`BUG: ${port.neighbour.device} has no port ${port.neighbour.port}`);
    return [{ index: [TIME_MARK, ifIndexOf(device.definition, port, boot), 1], far, farPort }];
  });
  const rows = new Rows(known.map((one) => one.index));
  const texts = (column: number, text: (one: Remote) => string | Uint8Array): MibColumn =>
    textColumn(
      `${REMOTE}.${column}`,
      rows,
      known.map((one) => text(one)),
    );
  return [
    columnOf(`${REMOTE}.4`, rows, known, (_one, _instant, out) => out.integer(CHASSIS_MAC)),
    texts(5, ({ far }) => chassisOf(far)),
    columnOf(`${REMOTE}.6`, rows, known, ({ far }, _instant, out) => out.integer(far.definition.lldpPortSubtype)),
    texts(7, ({ far, farPort }) => portId(far, farPort)),
    texts(8, ({ farPort }) => farPort.descr),
    texts(9, ({ far }) => far.definition.name),
    texts(10, ({ far }) => far.definition.model.sysDescr),
    texts(11, () => BRIDGE_AND_ROUTER),
    texts(12, () => BRIDGE_AND_ROUTER),
    ...managementAddresses(known, addresses),
  ];
}

/** lldpRemManAddrTable: the address stands in the index. */
function managementAddresses(known: readonly Remote[], addresses: ReadonlyMap<string, string>): MibColumn[] {
  const told = known.flatMap(({ index, far, farPort }) => {
    const address = addresses.get(far.definition.name);
    if (address === undefined) return [];
    return [{ index: [...index, IPV4, IPV4_OCTETS, ...address.split('.').map(Number)], farPort }];
  });
  if (told.length === 0) return [];
  const rows = new Rows(told.map((one) => one.index));
  return [
    integerColumn(
      `${ADDRESS}.3`,
      rows,
      told.map(() => BY_IF_INDEX),
    ),
    integerColumn(
      `${ADDRESS}.4`,
      rows,
      told.map((one) => one.farPort.ifIndex),
    ),
  ];
}

/** The MAC address of its first port. */
function chassisOf(device: Device): Uint8Array {
  return macBytes(device.definition.ports.find((port) => port.mac !== '')?.mac ?? '');
}

function portId({ definition }: Device, port: PortDefinition): string | Uint8Array {
  return definition.lldpPortSubtype === PORT_MAC ? macBytes(port.mac) : port.name;
}
