// Asks a device that answers what it is: the system group, its profile's identification, and what tells it from every other device.
import { WeirError } from '../../common/runtime/errors.ts';
import type { Identification, ProfileCatalogue, SystemFacts } from '../profile/profile.ts';
import type { DeviceReader, ScalarRequest } from '../snmp/table-reader.ts';
import { macText, type Neighbour, readNeighbours } from './neighbours.ts';

export interface Identity extends SystemFacts {
  readonly sysLocation: string | null;
  readonly vendor: string | null;
  readonly model: string | null;
  readonly os: string | null;
  readonly version: string | null;
  readonly serial: string | null;
  /** snmpEngineID (RFC 3411) as lower-case hex with colons. */
  readonly engineId: string | null;
  /** dot1dBaseBridgeAddress (RFC 4188) and lldpLocChassisId where it is a MAC address. */
  readonly chassisMacs: readonly string[];
  /** ifNumber (RFC 2863). */
  readonly interfaces: number | null;
  readonly neighbours: readonly Neighbour[];
  /** False where it fell silent or a table was cut short. */
  readonly complete: boolean;
}

const SYSTEM: readonly ScalarRequest[] = [1, 2, 5, 6].map((number) => ({
  oid: `1.3.6.1.2.1.1.${number}.0`,
  form: 'value',
}));
/** ifNumber, snmpEngineID, dot1dBaseBridgeAddress, lldpLocChassisIdSubtype, lldpLocChassisId. */
const MARKS: readonly ScalarRequest[] = [
  { oid: '1.3.6.1.2.1.2.1.0', form: 'value' },
  { oid: '1.3.6.1.6.3.10.2.1.1.0', form: 'hex' },
  { oid: '1.3.6.1.2.1.17.1.1.0', form: 'hex' },
  { oid: '1.0.8802.1.1.2.1.3.1.0', form: 'value' },
  { oid: '1.0.8802.1.1.2.1.3.2.0', form: 'hex' },
];
const CHASSIS_MAC = 4;
/** RFC 3411: 5 to 32 octets. */
const ENGINE_ID = /^[0-9a-f]{2}(:[0-9a-f]{2}){4,31}$/;

/** Never rejects on account of the device; a device that falls silent keeps what it said before. */
export async function identify(
  reader: DeviceReader,
  catalogue: ProfileCatalogue,
  signal: AbortSignal,
): Promise<Identity> {
  const system = await scalars(reader, SYSTEM, signal);
  const [sysDescr = null, sysObjectID = null, sysName = null, sysLocation = null] = system.values.map(textOf);
  const facts = { sysDescr, sysObjectID, sysName };
  const identified = await identification(reader, catalogue, facts, signal);
  const marks = await scalars(reader, MARKS, signal);
  const [count, engineId, bridge, chassisSubtype, chassis] = marks.values;
  const macs = [mac(bridge), chassisSubtype === CHASSIS_MAC ? mac(chassis) : null];
  const { neighbours, complete } = await readNeighbours(reader, signal);
  return {
    ...facts,
    sysLocation,
    ...identified,
    serial: meaningfulSerial(identified.serial),
    engineId: typeof engineId === 'string' && ENGINE_ID.test(engineId) ? engineId : null,
    chassisMacs: [...new Set(macs.filter((one) => one !== null))],
    interfaces: typeof count === 'number' ? count : null,
    neighbours,
    complete: system.complete && marks.complete && complete && !signal.aborted,
  };
}

const UNKNOWN: Identification = { vendor: null, model: null, os: null, version: null, serial: null };

async function identification(
  reader: DeviceReader,
  catalogue: ProfileCatalogue,
  facts: SystemFacts,
  signal: AbortSignal,
): Promise<Identification> {
  const rules = { emptyRules: new Set<object>(), fruitfulRules: new Set<object>() };
  const context = { reader, signal, lookups: new Map(), ...rules, interfaceKey: () => null };
  try {
    const profile = await catalogue.choose(facts, (requests) => reader.readScalars(requests, signal));
    return await profile.identify(context, facts);
  } catch (error) {
    if (!(error instanceof WeirError)) throw error;
    return UNKNOWN;
  }
}

async function scalars(
  reader: DeviceReader,
  requests: readonly ScalarRequest[],
  signal: AbortSignal,
): Promise<{ readonly values: readonly (string | number | null)[]; readonly complete: boolean }> {
  try {
    return { ...(await reader.readScalars(requests, signal)), complete: true };
  } catch (error) {
    if (!(error instanceof WeirError)) throw error;
    return { values: requests.map(() => null), complete: false };
  }
}

function textOf(value: string | number | null): string | null {
  const text = value === null ? '' : String(value).trim();
  return text === '' ? null : text;
}

function mac(value: string | number | null | undefined): string | null {
  return typeof value === 'string' ? macText(value.split(':').map((octet) => Number.parseInt(octet, 16))) : null;
}

/** Makers that print none fill the field with words or zeros: those would make one device of many. */
function meaningfulSerial(serial: string | null): string | null {
  if (serial === null || new Set(serial.replaceAll(/[^0-9A-Za-z]/g, '')).size < 3) return null;
  return /^(none|unknown|n\/?a|not (specified|available|applicable)|default string|to be filled.*)$/i.test(serial)
    ? null
    : serial;
}
