// Decides what an import would change: devices that are new, known alike, known otherwise, or left out. Existing devices are never touched.
import { addressOf } from '../../agent/discover/discovery.ts';
import { parseAddress } from '../../agent/snmp/address.ts';
import type { CredentialConfiguration, DeviceConfiguration } from '../../common/runtime/device-configuration.ts';
import { resolveSecret } from '../../common/runtime/secrets.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { referencedSet } from '../referenced-secrets.ts';
import type { DeviceKeys, Imported, ImportedDevice, Skipped } from './imported.ts';

export interface ExistingConfiguration {
  readonly devices: readonly DeviceConfiguration[];
  readonly credentials: Readonly<Record<string, CredentialConfiguration>>;
}

export interface Difference {
  readonly key: string;
  readonly configured: string;
  readonly imported: string;
}

export interface Conflict {
  readonly place: string;
  /** As it is configured. */
  readonly name: string;
  readonly differences: readonly Difference[];
}

export interface NewSet {
  readonly name: string;
  /** Every secret is a reference. */
  readonly set: Readonly<Record<string, unknown>>;
  /** The export only names it: how it reaches devices has to be written by a person. */
  readonly placeholder: boolean;
}

export interface SecretToSet {
  readonly variable: string;
  readonly set: string;
  /** How many of the new devices need it, and one of them. */
  readonly devices: number;
  readonly example: string;
}

export interface ImportPlan {
  readonly added: readonly ImportedDevice[];
  readonly unchanged: readonly string[];
  readonly conflicting: readonly Conflict[];
  readonly skipped: readonly Skipped[];
  readonly sets: readonly NewSet[];
  readonly secrets: readonly SecretToSet[];
  readonly notes: readonly string[];
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** `existing`: null where the result becomes a file of its own. Throws credential_unknown where a configuration lacks a set that the export only names. */
export function planImport(
  imported: Imported,
  existing: ExistingConfiguration | null,
  environment: Environment,
): ImportPlan {
  const renamed = reusedSets(imported, existing, environment);
  const devices = imported.devices.map(({ place, keys }) => ({
    place,
    keys:
      keys.credential === undefined ? keys : { ...keys, credential: renamed.get(keys.credential) ?? keys.credential },
  }));
  const sorted = sortedOut(devices, existing?.devices ?? [], imported.named);
  const needed = new Set(sorted.added.flatMap((one) => one.keys.credential ?? []));
  const known = existing?.credentials ?? {};
  const kept = [...needed].filter((name) => Object.hasOwn(known, name) && imported.sets.has(name));
  const sets = [...needed]
    .filter((name) => !Object.hasOwn(known, name))
    .map((name) => newSet(name, imported.sets.get(name), existing !== null));
  return {
    ...sorted,
    skipped: [...imported.skipped, ...sorted.skipped],
    sets: sets.map(({ name, set, placeholder }) => ({ name, set, placeholder })),
    secrets: sets.flatMap(({ name, variables }) => {
      const users = sorted.added.filter((one) => one.keys.credential === name);
      const example = users[0]?.keys.name ?? '';
      return variables.map((variable) => ({ variable, set: name, devices: users.length, example }));
    }),
    notes: [
      ...imported.notes,
      ...kept.map(
        (name) =>
          `the credential set ${name} is configured already and stays as it is: see that its secrets are those of the export`,
      ),
    ],
  };
}

/** Sets of the export that are configured under another name, as far as secrets of the configuration resolve here. */
function reusedSets(
  imported: Imported,
  existing: ExistingConfiguration | null,
  environment: Environment,
): Map<string, string> {
  const byContent = new Map<string, string>();
  for (const [name, set] of Object.entries(existing?.credentials ?? {})) {
    const content = contentOf(set, environment);
    if (content !== null && !byContent.has(content)) byContent.set(content, name);
  }
  const renamed = new Map<string, string>();
  for (const [name, set] of imported.sets) {
    const known = byContent.get(contentOf(set, null) ?? '');
    if (known !== undefined) renamed.set(name, known);
  }
  return renamed;
}

/** Null where a secret does not resolve; without an environment none is a reference. Keys in one order, so that equal sets have equal texts. */
function contentOf(set: CredentialConfiguration, environment: Environment | null): string | null {
  try {
    const fields = Object.entries(set)
      .map(([key, value = '']) => [
        key,
        environment !== null && /^(community|.*_passphrase)$/.test(key) ? resolveSecret(value, environment) : value,
      ])
      .toSorted(([a = ''], [b = '']) => a.localeCompare(b));
    return JSON.stringify(fields);
  } catch (error) {
    if (error instanceof WeirError && error.code === 'secret_unresolved') return null;
    throw error;
  }
}

function newSet(
  name: string,
  found: CredentialConfiguration | undefined,
  merging: boolean,
): NewSet & { readonly variables: readonly string[] } {
  if (found !== undefined) return { name, ...referencedSet(name, found, 'elsewhere'), placeholder: false };
  if (merging) {
    throw new WeirError('credential_unknown', `The configuration has no credential set called ${name}.`, {
      credential: name,
    });
  }
  return { name, ...referencedSet(name, { version: '2c', community: 'to be set' }, 'elsewhere'), placeholder: true };
}

function sortedOut(
  devices: readonly ImportedDevice[],
  configured: readonly DeviceConfiguration[],
  named: boolean,
): Pick<ImportPlan, 'added' | 'unchanged' | 'conflicting' | 'skipped'> {
  const known = { byName: new Map<string, DeviceConfiguration>(), byAddress: new Map<string, DeviceConfiguration>() };
  for (const device of configured) {
    known.byName.set(device.name, device);
    known.byAddress.set(plainAddress(device.address), device);
  }
  const seen = new Map<string, string>();
  const added: ImportedDevice[] = [];
  const unchanged: string[] = [];
  const conflicting: Conflict[] = [];
  const skipped: Skipped[] = [];
  for (const device of devices) {
    const { place, keys } = device;
    const address = plainAddress(keys.address);
    const earlier = seen.get(`name ${keys.name}`) ?? seen.get(`at ${address}`);
    if (earlier !== undefined) {
      skipped.push({ place, name: keys.name, reason: `${earlier} has the same name or address` });
      continue;
    }
    seen.set(`name ${keys.name}`, place).set(`at ${address}`, place);
    const match = known.byAddress.get(address) ?? known.byName.get(keys.name);
    if (match === undefined) {
      added.push(device);
      continue;
    }
    const differences = differencesOf(match, keys, named || match.name === keys.name);
    if (differences.length === 0) unchanged.push(match.name);
    else conflicting.push({ place, name: match.name, differences });
  }
  return { added, unchanged, conflicting, skipped };
}

/** Of the keys that the export gives. Names that were only made from host names do not count. */
function differencesOf(configured: DeviceConfiguration, imported: DeviceKeys, named: boolean): Difference[] {
  const differences: Difference[] = [];
  for (const [key, value] of Object.entries(imported)) {
    const there = textOf(configured[key as keyof DeviceKeys]);
    const here = textOf(value);
    const same = key === 'address' ? plainAddress(there) === plainAddress(here) : there === here;
    if (!same && (key !== 'name' || named)) differences.push({ key, configured: there, imported: here });
  }
  return differences;
}

function textOf(value: string | number | boolean | readonly string[] | undefined): string {
  if (value === undefined) return '';
  return typeof value === 'object' ? value.join(' ') : String(value);
}

function plainAddress(address: string): string {
  return addressOf(parseAddress(address));
}
