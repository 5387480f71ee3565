// Asks a device what it is: the system group, the profile that follows from it, and what that profile finds out.
import type { Table } from '../../common/model/poll.ts';
import type { Profile, ProfileCatalogue, ReadContext, SystemFacts } from '../profile/profile.ts';
import type { DeviceReader } from '../snmp/table-reader.ts';
import { deviceClock, SYSTEM_DATE } from './device-clock.ts';
import type { DeviceState } from './device-state.ts';

/** SNMPv2-MIB (RFC 3418). */
const SYSTEM = '1.3.6.1.2.1.1';
const SCALARS = ['sysDescr', 'sysObjectID', 'sysContact', 'sysName', 'sysLocation'] as const;
/** The clock of the device comes in the same answer. */
const REQUESTS = [
  ...[1, 2, 4, 5, 6].map((number) => ({ oid: `${SYSTEM}.${number}.0`, form: 'value' as const })),
  { oid: SYSTEM_DATE, form: 'hex' as const },
];

/** The profile, also kept in the state, and the table `system`. Rejects where the device is silent on the system group. */
export async function identify(
  reader: DeviceReader,
  state: DeviceState,
  catalogue: ProfileCatalogue,
  signal: AbortSignal,
): Promise<{ readonly profile: Profile; readonly table: Table }> {
  const { values, segment } = await reader.readScalars(REQUESTS, signal);
  const system = new Map(SCALARS.map((name, at) => [name, textOrNull(values[at])]));
  const facts: SystemFacts = {
    sysDescr: system.get('sysDescr') ?? null,
    sysObjectID: system.get('sysObjectID') ?? null,
    sysName: system.get('sysName') ?? null,
  };
  const profile = await catalogue.choose(facts, (asked) => reader.readScalars(asked, signal));
  state.profile = profile;
  state.sysObjectId = facts.sysObjectID;
  state.clock = deviceClock(values[SCALARS.length] ?? null, segment);
  const identified = await profile.identify(readContext(reader, state, signal), facts);
  state.identificationDue = signal.aborted;
  const texts = { ...Object.fromEntries(system), ...identified, profile: profile.name };
  const table: Table = {
    name: 'system',
    complete: true,
    index: ['0'],
    segments: segment === null ? [] : [segment],
    columns: Object.entries(texts).map(([name, value]) => ({ kind: 'text', name, values: [value] })),
  };
  return { profile, table };
}

/** What a profile needs to read from the device. */
export function readContext(reader: DeviceReader, state: DeviceState, signal: AbortSignal): ReadContext {
  const { names, lookups, emptyRules, fruitfulRules } = state;
  return { reader, signal, lookups, emptyRules, fruitfulRules, interfaceKey: (text) => names?.keyOf(text) ?? null };
}

function textOrNull(value: string | number | null | undefined): string | null {
  return value === null || value === undefined ? null : String(value);
}
