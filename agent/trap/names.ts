// What notifications and objects are called: data in YAML, read once, looked up by OID.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { parseConfiguration, readConfigurationFile } from '../../common/runtime/configuration.ts';
import { messageOf, WeirError } from '../../common/runtime/errors.ts';
import { isOidText } from '../snmp/oid.ts';

const symbol = z.string().regex(/^[A-Za-z][A-Za-z0-9-]{0,63}$/, 'expected a name as a MIB has it');
const oid = z.string().refine(isOidText, 'expected an OID such as 1.3.6.1.6.3.1.1.5.3');

/** What a notification of that name suggests; rules of the collector decide. */
const severity = z.enum(['critical', 'major', 'minor', 'warning', 'information', 'cleared']);
/** How octets of an object are told: as text where they are text, or always as hex or as an address. */
const form = z.enum(['text', 'hex', 'address']);

export type OctetForm = z.output<typeof form>;

const namesSchema = z.strictObject({
  notifications: z.record(oid, z.union([symbol, z.strictObject({ name: symbol, severity })])).default({}),
  objects: z.record(oid, z.union([symbol, z.strictObject({ name: symbol, form })])).default({}),
  /** What they mean for alarms: the collector reads it. */
  rules: z.array(z.unknown()).optional(),
});

export interface NotificationName {
  readonly name: string;
  readonly severity: z.output<typeof severity> | null;
}

export interface ObjectName {
  readonly name: string;
  readonly form: OctetForm;
}

/** Plain data: it is copied into the thread of the receiver. */
export interface NotificationNames {
  readonly notifications: Readonly<Record<string, NotificationName>>;
  readonly objects: Readonly<Record<string, ObjectName>>;
}

/** Reads every `*.yaml` of the folders; a later folder goes before an earlier one. Throws configuration_* with file and line, trap_names_conflict where two files of a folder disagree. */
export function loadNames(folders: readonly string[]): NotificationNames {
  const notifications: Record<string, NotificationName> = {};
  const objects: Record<string, ObjectName> = {};
  for (const folder of folders) {
    const read = readFolder(folder);
    Object.assign(notifications, read.notifications);
    Object.assign(objects, read.objects);
  }
  return { notifications, objects };
}

function readFolder(folder: string): NotificationNames {
  const notifications: Record<string, NotificationName> = {};
  const objects: Record<string, ObjectName> = {};
  for (const file of yamlFiles(folder)) {
    const place = path.join(folder, file);
    const given = parseConfiguration(readConfigurationFile(place), place, namesSchema);
    for (const [key, entry] of Object.entries(given.notifications)) {
      const named = typeof entry === 'string' ? { name: entry, severity: null } : entry;
      put(notifications, key, named, place);
    }
    for (const [key, entry] of Object.entries(given.objects)) {
      const named = typeof entry === 'string' ? { name: entry, form: 'text' as const } : entry;
      put(objects, key, named, place);
    }
  }
  return { notifications, objects };
}

function put<T extends { readonly name: string }>(
  names: Record<string, T>,
  given: string,
  named: T,
  place: string,
): void {
  const key = given.replace(/^\./, '');
  const before = names[key];
  if (before !== undefined && before.name !== named.name) {
    const message = `${place}: ${key} is called ${named.name} here and ${before.name} in another file.`;
    throw new WeirError('trap_names_conflict', message, { file: place, oid: key });
  }
  names[key] = named;
}

function yamlFiles(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((file) => file.endsWith('.yaml'))
      .toSorted();
  } catch (cause) {
    const message = `Cannot read the folder of names of notifications ${folder}: ${messageOf(cause)}.`;
    throw new WeirError('configuration_missing', message, { folder }, cause);
  }
}

export class NameBook {
  readonly #notifications: ReadonlyMap<string, NotificationName>;
  readonly #objects: ReadonlyMap<string, ObjectName>;

  constructor(names: NotificationNames) {
    this.#notifications = new Map(Object.entries(names.notifications));
    this.#objects = new Map(Object.entries(names.objects));
  }

  /**
   * The notification of that snmpTrapOID. Devices and proxies do not agree on the zero before the last number: RFC 3584 §3.1 puts
   * one into every trap of version 1 that had none, so both spellings find the name.
   */
  notification(trapOid: string): NotificationName | null {
    const exact = this.#notifications.get(trapOid);
    if (exact !== undefined) return exact;
    const parts = trapOid.split('.');
    const last = parts.pop() ?? '';
    const other = parts.at(-1) === '0' ? parts.slice(0, -1) : [...parts, '0'];
    return this.#notifications.get([...other, last].join('.')) ?? null;
  }

  /** The object an instance belongs to and the rest of its OID as `.INDEX`: empty for a scalar. Null where nothing names it. */
  object(instance: string): { readonly object: ObjectName; readonly index: string } | null {
    for (let end = instance.length; end > 0; end = instance.lastIndexOf('.', end - 1)) {
      const object = this.#objects.get(instance.slice(0, end));
      if (object === undefined) continue;
      const index = instance.slice(end);
      return { object, index: index === '.0' ? '' : index };
    }
    return null;
  }
}
