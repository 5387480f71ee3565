// Loads the profile files of a folder, resolves what they inherit, and chooses by sysObjectID.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { parseConfiguration, readConfigurationFile } from '../../common/runtime/configuration.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { CompiledProfile } from './compiled-profile.ts';
import type { Profile, ProfileCatalogue } from './profile.ts';
import { enterprisesSchema, type ProfileFile, profileSchema } from './schema.ts';

const ENTERPRISES = 'enterprises.yaml';
const BASE = 'base';
const ENTERPRISE_PREFIX = '1.3.6.1.4.1.';
/** Levels of inheritance; more is a circle. */
const MOST_LEVELS = 10;

const RULE_KINDS = ['system', 'processor', 'memory', 'sensor', 'neighbour'] as const;

/** Reads every `*.yaml` of the folder. Throws configuration_* for a file that is wrong, profile_invalid for one that does not fit the others. */
export function loadProfiles(folder: string): ProfileCatalogue {
  const files = readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .toSorted();
  const enterprises = files.includes(ENTERPRISES) ? readFile(folder, ENTERPRISES, enterprisesSchema) : {};
  const profiles = files.filter((file) => file !== ENTERPRISES).map((file) => readFile(folder, file, profileSchema));
  return new Catalogue(profiles, enterprises);
}

function readFile<S extends Parameters<typeof parseConfiguration>[2]>(
  folder: string,
  file: string,
  schema: S,
): ReturnType<typeof parseConfiguration<S>> {
  const place = path.join(folder, file);
  return parseConfiguration(readConfigurationFile(place), place, schema);
}

export class Catalogue implements ProfileCatalogue {
  readonly #prefixes = new Map<string, Profile>();
  readonly #base: Profile;

  constructor(files: readonly ProfileFile[], enterprises: Readonly<Record<string, string>>) {
    const byName = new Map<string, ProfileFile>();
    for (const file of files) {
      if (byName.has(file.name)) throw invalid(`Two profiles are called ${file.name}.`, file.name);
      byName.set(file.name, file);
    }
    const vendorOf = (sysObjectId: string | null): string | null => vendorBy(enterprises, sysObjectId);
    const profiles = new Map(files.map((file) => [file.name, compile(file, byName, vendorOf)]));
    const base = profiles.get(BASE);
    if (base === undefined) throw invalid('There is no profile called base.', BASE);
    this.#base = base;
    for (const file of files) {
      for (const prefix of file.matches) {
        const taken = this.#prefixes.get(prefix);
        if (taken !== undefined) throw invalid(`${file.name} and ${taken.name} both match ${prefix}.`, file.name);
        this.#prefixes.set(prefix, profiles.get(file.name) ?? base);
      }
    }
  }

  choose(sysObjectId: string | null): Profile {
    for (
      let prefix = sysObjectId ?? '';
      prefix !== '';
      prefix = prefix.slice(0, Math.max(0, prefix.lastIndexOf('.')))
    ) {
      const found = this.#prefixes.get(prefix);
      if (found !== undefined) return found;
    }
    return this.#base;
  }
}

function compile(
  file: ProfileFile,
  byName: ReadonlyMap<string, ProfileFile>,
  vendorOf: (sysObjectId: string | null) => string | null,
): Profile {
  const lineage = lineageOf(file, byName);
  const columns = lineage.find((one) => one.interface !== undefined)?.interface;
  if (columns === undefined) throw invalid(`${file.name} inherits no interface columns.`, file.name);
  const rules = {
    system: inherited(lineage, 'system'),
    processor: inherited(lineage, 'processor'),
    memory: inherited(lineage, 'memory'),
    sensor: inherited(lineage, 'sensor'),
    neighbour: inherited(lineage, 'neighbour'),
  };
  return new CompiledProfile(file.name, columns, rules, vendorOf);
}

/** The profile and those it builds on, nearest first. */
function lineageOf(file: ProfileFile, byName: ReadonlyMap<string, ProfileFile>): ProfileFile[] {
  const lineage = [file];
  for (let next = parentOf(file); next !== null; ) {
    const parent = byName.get(next);
    if (parent === undefined) throw invalid(`${file.name} builds on ${next}, which does not exist.`, file.name);
    lineage.push(parent);
    if (lineage.length > MOST_LEVELS) throw invalid(`${file.name} builds on itself.`, file.name);
    next = parentOf(parent);
  }
  return lineage;
}

function parentOf(file: ProfileFile): string | null {
  if (file.name === BASE) return null;
  return file.extends === undefined ? BASE : file.extends;
}

/** Own rules first; one inherited counts unless its name was taken or refused nearer by. */
function inherited<K extends (typeof RULE_KINDS)[number]>(lineage: readonly ProfileFile[], kind: K): ProfileFile[K] {
  const taken = new Set<string>();
  const rules: { name: string }[] = [];
  for (const file of lineage) {
    for (const rule of file[kind]) if (!taken.has(rule.name)) rules.push(rule);
    for (const rule of file[kind]) taken.add(rule.name);
    for (const name of file.without) taken.add(name);
  }
  return rules as ProfileFile[K];
}

function vendorBy(enterprises: Readonly<Record<string, string>>, sysObjectId: string | null): string | null {
  if (sysObjectId?.startsWith(ENTERPRISE_PREFIX) !== true) return null;
  return enterprises[sysObjectId.slice(ENTERPRISE_PREFIX.length).split('.')[0] ?? ''] ?? null;
}

function invalid(message: string, profile: string): WeirError {
  return new WeirError('profile_invalid', message, { profile });
}
