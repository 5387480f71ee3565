// The port of a profile: what the poll asks of it, in the words of the model.
import type { Table } from '../../common/model/poll.ts';
import type { DeviceReader, ScalarRequest, ScalarsRead } from '../snmp/table-reader.ts';
import type { InterfaceColumns } from './schema.ts';

export type { InterfaceColumns };

/** What was read of the system group (RFC 3418), before a profile was chosen. */
export interface SystemFacts {
  readonly sysDescr: string | null;
  readonly sysObjectID: string | null;
  readonly sysName: string | null;
}

export interface Identification {
  readonly vendor: string | null;
  readonly model: string | null;
  readonly os: string | null;
  readonly version: string | null;
  readonly serial: string | null;
}

export interface ReadContext {
  readonly reader: DeviceReader;
  readonly signal?: AbortSignal;
  /** Values of other tables already fetched; the caller keeps it per device and empties it when names are read anew. */
  readonly lookups: Map<string, string | number | null>;
  /** Rules of whose objects the device has none; kept and emptied like `lookups`, and not asked for again until then. */
  readonly emptyRules: Set<object>;
  /** Rules that have found something: when they no longer do, that is told, and they are read on. */
  readonly fruitfulRules: Set<object>;
  /** The interface key that a name, description, address or `#ifIndex` stands for. */
  interfaceKey(text: string): string | null;
}

/** How often tables are worth reading: `slow` what moves (processor, sensor, …), `inventory` what only changes with hands or a restart (entity). */
export type ReadTier = 'slow' | 'inventory';

export interface Profile {
  readonly name: string;
  readonly interface: InterfaceColumns;
  /** Vendor, model and the like; null where the profile finds none. Never rejects on account of the device. */
  identify(context: ReadContext, facts: SystemFacts): Promise<Identification>;
  /** The tables of a tier that have rows or were cut short; a table is complete only if all its rules were. Never rejects on account of the device. */
  readTables(context: ReadContext, tier: ReadTier): Promise<readonly Table[]>;
}

/** Gives the values in the order asked for; null where the device has none. */
export type AskScalars = (requests: readonly ScalarRequest[]) => Promise<Pick<ScalarsRead, 'values'>>;

export interface ProfileCatalogue {
  /** The profile with the longest matching prefix whose other conditions hold, else base. Scalars are asked for only where such a condition needs them; rejects where `ask` does. */
  choose(facts: SystemFacts, ask: AskScalars): Promise<Profile>;
}
