// Loads the profile files of a folder, resolves what they inherit, and chooses by sysObjectID.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { parseConfiguration, readConfigurationFile } from '../../common/runtime/configuration.ts';
import { messageOf, WeirError } from '../../common/runtime/errors.ts';
import { CompiledProfile } from './compiled-profile.ts';
import type { Profile, ProfileCatalogue } from './profile.ts';
import { enterprisesSchema, type ProfileFile, profileSchema } from './schema.ts';

const ENTERPRISES = 'enterprises.yaml';
const BASE = 'base';
const ENTERPRISE_PREFIX = '1.3.6.1.4.1.';
/** Levels of inheritance; more is a circle. */
const MOST_LEVELS = 10;

const RULE_KINDS = ['system', 'processor', 'memory', 'sensor', 'neighbour'] as const;

/** Reads every `*.yaml` of the folder. Throws configuration_* for a file that cannot be read or is wrong in itself, profile_invalid for one that does not fit the others; both name file and line. */
export function loadProfiles(folder: string): ProfileCatalogue {
  const files = profileFiles(folder);
  const enterprises = files.includes(ENTERPRISES) ? readFile(folder, ENTERPRISES, enterprisesSchema) : {};
  const places = new Map<ProfileFile, string>();
  for (const file of files) if (file !== ENTERPRISES) places.set(readFile(folder, file, profileSchema), file);
  try {
    return new Catalogue([...places.keys()], enterprises);
  } catch (error) {
    if (!(error instanceof ProfileMisfit)) throw error;
    throw located(error, path.join(folder, places.get(error.profile) ?? ''));
  }
}

function profileFiles(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((file) => file.endsWith('.yaml'))
      .toSorted();
  } catch (cause) {
    const message = `Cannot read the folder of profiles ${folder}: ${messageOf(cause)}.`;
    throw new WeirError('configuration_missing', message, { folder }, cause);
  }
}

function readFile<S extends Parameters<typeof parseConfiguration>[2]>(
  folder: string,
  file: string,
  schema: S,
): ReturnType<typeof parseConfiguration<S>> {
  const place = path.join(folder, file);
  return parseConfiguration(readConfigurationFile(place), place, schema);
}

/** The file is read once more with the mistake put where it stands: that finds its line. */
function located(misfit: ProfileMisfit, place: string): WeirError {
  const schema = profileSchema.superRefine((_, context) => {
    context.addIssue({ code: 'custom', path: [...misfit.path], message: misfit.message });
  });
  try {
    parseConfiguration(readConfigurationFile(place), place, schema);
  } catch (error) {
    if (error instanceof WeirError) return new WeirError('profile_invalid', error.message, error.detail, misfit);
  }
  return misfit;
}

/** A profile that does not fit the others, and where in its file that stands. */
class ProfileMisfit extends WeirError {
  readonly profile: ProfileFile;
  readonly path: readonly (string | number)[];

  constructor(profile: ProfileFile, place: readonly (string | number)[], message: string) {
    super('profile_invalid', message, { profile: profile.name });
    this.profile = profile;
    this.path = place;
  }
}

export class Catalogue implements ProfileCatalogue {
  readonly #prefixes = new Map<string, Profile>();
  readonly #base: Profile;

  constructor(files: readonly ProfileFile[], enterprises: Readonly<Record<string, string>>) {
    const byName = new Map<string, ProfileFile>();
    for (const file of files) {
      if (byName.has(file.name)) throw new ProfileMisfit(file, ['name'], `another profile is called ${file.name}`);
      byName.set(file.name, file);
    }
    const vendorOf = (sysObjectId: string | null): string | null => vendorBy(enterprises, sysObjectId);
    const profiles = new Map(files.map((file) => [file.name, compile(file, byName, vendorOf)]));
    const base = profiles.get(BASE);
    if (base === undefined)
      throw new WeirError('profile_invalid', 'There is no profile called base.', { profile: BASE });
    this.#base = base;
    for (const file of files) {
      for (const [at, prefix] of file.matches.entries()) {
        const taken = this.#prefixes.get(prefix);
        if (taken !== undefined) throw new ProfileMisfit(file, ['matches', at], `${taken.name} matches ${prefix} too`);
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
  if (columns === undefined)
    throw new ProfileMisfit(file, ['name'], 'the profile has and inherits no interface columns');
  checkRefusals(file, lineage);
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
  let last = file;
  for (let next = parentOf(file); next !== null; next = parentOf(last)) {
    const parent = byName.get(next);
    if (parent === undefined) throw new ProfileMisfit(last, ['extends'], `there is no profile called ${next}`);
    lineage.push(parent);
    if (lineage.length > MOST_LEVELS) throw new ProfileMisfit(file, ['extends'], 'the profile builds on itself');
    last = parent;
  }
  return lineage;
}

/** A refusal that refuses nothing is a misspelt one. */
function checkRefusals(file: ProfileFile, lineage: readonly ProfileFile[]): void {
  const inheritable = new Set(
    lineage.slice(1).flatMap((one) => RULE_KINDS.flatMap((kind) => one[kind].map((rule) => rule.name))),
  );
  for (const [at, name] of file.without.entries()) {
    if (!inheritable.has(name)) throw new ProfileMisfit(file, ['without', at], `no inherited rule is called ${name}`);
  }
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
