// Loads the profile files of a folder, resolves what they inherit, and chooses by sysObjectID and what else a device says of itself.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { parseConfiguration, readConfigurationFile } from '../../common/runtime/configuration.ts';
import { messageOf, WeirError } from '../../common/runtime/errors.ts';
import { CompiledProfile } from './compiled-profile.ts';
import { ParsedFiles } from './parsed-files.ts';
import type { AskScalars, Profile, ProfileCatalogue, SystemFacts } from './profile.ts';
import { enterprisesSchema, type Match, type ProfileFile, profileSchema, RULE_KINDS, type RuleKind } from './schema.ts';

const ENTERPRISES = 'enterprises.yaml';
const BASE = 'base';
const ENTERPRISE_PREFIX = '1.3.6.1.4.1.';
/** Levels of inheritance; more is a circle. */
const MOST_LEVELS = 10;

/** Reads every `*.yaml` of the folder. Throws configuration_* for a file that cannot be read or is wrong in itself, profile_invalid for one that does not fit the others; both name file and line. */
export function loadProfiles(folder: string): Catalogue {
  const files = profileFiles(folder);
  const parsed = new ParsedFiles(folder);
  const enterprises = files.includes(ENTERPRISES) ? readFile(folder, ENTERPRISES, enterprisesSchema, parsed) : {};
  const places = new Map<ProfileFile, string>();
  for (const file of files) if (file !== ENTERPRISES) places.set(readFile(folder, file, profileSchema, parsed), file);
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
  parsed: ParsedFiles,
): ReturnType<typeof parseConfiguration<S>> {
  const place = path.join(folder, file);
  const text = readConfigurationFile(place);
  const value = parsed.valueOf(text);
  const known = value === undefined ? undefined : schema.safeParse(value);
  // What is wrong is told from the YAML, which knows its lines.
  return known?.success === true ? known.data : parseConfiguration(text, place, schema);
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

/** A profile and a way to be chosen. */
interface Candidate {
  readonly match: Match;
  readonly profile: Profile;
}

export class Catalogue implements ProfileCatalogue {
  /** By prefix; those with more conditions first. */
  readonly #candidates = new Map<string, Candidate[]>();
  readonly #profiles: ReadonlyMap<string, Profile>;
  readonly #base: Profile;

  constructor(files: readonly ProfileFile[], enterprises: Readonly<Record<string, string>>) {
    const byName = new Map<string, ProfileFile>();
    for (const file of files) {
      if (byName.has(file.name)) throw new ProfileMisfit(file, ['name'], `another profile is called ${file.name}`);
      byName.set(file.name, file);
    }
    const vendorOf = (sysObjectId: string | null): string | null => vendorBy(enterprises, sysObjectId);
    this.#profiles = new Map(files.map((file) => [file.name, compile(file, byName, vendorOf)]));
    const base = this.#profiles.get(BASE);
    if (base === undefined)
      throw new WeirError('profile_invalid', 'There is no profile called base.', { profile: BASE });
    this.#base = base;
    for (const file of files) this.#addCandidates(file);
    for (const candidates of this.#candidates.values()) {
      candidates.sort((a, b) => conditionsOf(b.match) - conditionsOf(a.match));
    }
  }

  /** The profile of that name, or null. */
  named(name: string): Profile | null {
    return this.#profiles.get(name) ?? null;
  }

  async choose(facts: SystemFacts, ask: AskScalars): Promise<Profile> {
    const candidates = this.#candidatesFor(facts);
    const asked = candidates.flatMap(({ match }) => (match.has === undefined ? [] : [match.has.oid]));
    const requests = [...new Set(asked)].map((oid) => ({ oid, form: 'value' as const }));
    const values = requests.length === 0 ? [] : (await ask(requests)).values;
    const valueOf = new Map(requests.map(({ oid }, at) => [oid, values[at] ?? null]));
    const chosen = candidates.find(({ match }) => {
      if (match.has === undefined) return true;
      const value = valueOf.get(match.has.oid) ?? null;
      return value !== null && (match.has.matches?.test(String(value)) ?? true);
    });
    return chosen?.profile ?? this.#base;
  }

  /** Best first, up to the one that needs nothing of the device. */
  #candidatesFor({ sysObjectID, sysDescr }: SystemFacts): Candidate[] {
    const found: Candidate[] = [];
    for (
      let prefix = sysObjectID ?? '';
      prefix !== '';
      prefix = prefix.slice(0, Math.max(0, prefix.lastIndexOf('.')))
    ) {
      for (const candidate of this.#candidates.get(prefix) ?? []) {
        const { descr, has } = candidate.match;
        if (descr !== undefined && !descr.test(sysDescr ?? '')) continue;
        found.push(candidate);
        if (has === undefined) return found;
      }
    }
    return found;
  }

  #addCandidates(file: ProfileFile): void {
    for (const [at, match] of file.matches.entries()) {
      const candidates = this.#candidates.get(match.oid) ?? [];
      const taken = candidates.find((one) => conditionsOf(one.match) === 0);
      if (taken !== undefined && conditionsOf(match) === 0)
        throw new ProfileMisfit(file, ['matches', at], `${taken.profile.name} matches ${match.oid} too`);
      candidates.push({ match, profile: this.#profiles.get(file.name) ?? this.#base });
      this.#candidates.set(match.oid, candidates);
    }
  }
}

function conditionsOf({ descr, has }: Match): number {
  return (descr === undefined ? 0 : 1) + (has === undefined ? 0 : 1);
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
    storage: inherited(lineage, 'storage'),
    bgp_peer: inherited(lineage, 'bgp_peer'),
    outlet: inherited(lineage, 'outlet'),
    entity: inherited(lineage, 'entity'),
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
function inherited<K extends RuleKind>(lineage: readonly ProfileFile[], kind: K): ProfileFile[K] {
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
