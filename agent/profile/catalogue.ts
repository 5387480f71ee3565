// Loads the profile files of a folder, resolves what they inherit, and chooses by sysObjectID and what else a device says of itself.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { parseConfiguration, readConfigurationFile } from '../../common/runtime/configuration.ts';
import { messageOf, WeirError } from '../../common/runtime/errors.ts';
import { CompiledProfile } from './compiled-profile.ts';
import { BuiltProfiles } from './built-profiles.ts';
import type { AskScalars, Profile, ProfileCatalogue, SystemFacts } from './profile.ts';
import { builtSource, type ProfileSource, sourceOf } from './profile-source.ts';
import { enterprisesSchema, type Match, type ProfileFile, profileSchema, RULE_KINDS, type RuleKind } from './schema.ts';

const ENTERPRISES = 'enterprises.yaml';
const BASE = 'base';
const ENTERPRISE_PREFIX = '1.3.6.1.4.1.';
/** Levels of inheritance; more is a circle. */
const MOST_LEVELS = 10;

/**
 * Reads every `*.yaml` of the folder. Throws configuration_* for a file that cannot be read or is wrong in itself, profile_invalid for one
 * that does not fit the others; both name file and line. What a build has found sound is read when it is wanted.
 */
export function loadProfiles(folder: string): Catalogue {
  const built = new BuiltProfiles(folder);
  const places = new Map<ProfileSource, string>();
  const sources: ProfileSource[] = [];
  let enterprises: Readonly<Record<string, string>> = {};
  let asBuilt = true;
  for (const file of profileFiles(folder)) {
    const place = path.join(folder, file);
    const text = readConfigurationFile(place);
    const known = built.of(text);
    asBuilt &&= known !== null;
    if (file === ENTERPRISES) {
      enterprises = known === null ? parseConfiguration(text, place, enterprisesSchema) : parsedVendors(known.text);
      continue;
    }
    const source = known === null ? sourceOf(parseConfiguration(text, place, profileSchema)) : builtSource(known);
    sources.push(source);
    places.set(source, place);
  }
  try {
    const catalogue = new Catalogue(sources, enterprises);
    // One file that the build has not seen may change what others inherit.
    if (!asBuilt) catalogue.compileAll();
    return catalogue;
  } catch (error) {
    if (!(error instanceof ProfileMisfit)) throw error;
    throw located(error, places.get(error.profile) ?? folder);
  }
}

function parsedVendors(text: string): Readonly<Record<string, string>> {
  return enterprisesSchema.parse(JSON.parse(text));
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
  readonly profile: ProfileSource;
  readonly path: readonly (string | number)[];

  constructor(profile: ProfileSource, place: readonly (string | number)[], message: string) {
    super('profile_invalid', message, { profile: profile.name });
    this.profile = profile;
    this.path = place;
  }
}

/** A profile and a way to be chosen. */
interface Candidate {
  readonly match: Match;
  readonly profile: string;
}

export class Catalogue implements ProfileCatalogue {
  /** By prefix; those with more conditions first. */
  readonly #candidates = new Map<string, Candidate[]>();
  readonly #sources: ReadonlyMap<string, ProfileSource>;
  readonly #profiles = new Map<string, Profile>();
  readonly #vendorOf: (sysObjectId: string | null) => string | null;

  constructor(sources: readonly ProfileSource[], enterprises: Readonly<Record<string, string>>) {
    const byName = new Map<string, ProfileSource>();
    for (const source of sources) {
      if (byName.has(source.name))
        throw new ProfileMisfit(source, ['name'], `another profile is called ${source.name}`);
      byName.set(source.name, source);
    }
    if (!byName.has(BASE))
      throw new WeirError('profile_invalid', 'There is no profile called base.', { profile: BASE });
    this.#sources = byName;
    this.#vendorOf = (sysObjectId) => vendorBy(enterprises, sysObjectId);
    for (const source of sources) this.#addCandidates(source);
    for (const candidates of this.#candidates.values()) {
      candidates.sort((a, b) => conditionsOf(b.match) - conditionsOf(a.match));
    }
  }

  /** The profile of that name, or null. */
  named(name: string): Profile | null {
    const known = this.#profiles.get(name);
    if (known !== undefined) return known;
    const source = this.#sources.get(name);
    if (source === undefined) return null;
    const profile = compile(source, this.#sources, this.#vendorOf);
    this.#profiles.set(name, profile);
    return profile;
  }

  /** Finds every profile that does not fit the others: profile_invalid. */
  compileAll(): void {
    for (const name of this.#sources.keys()) this.named(name);
  }

  #profile(name: string): Profile {
    const profile = this.named(name);
    if (profile === null) throw new Error(`BUG: no profile ${name}`);
    return profile;
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
    return this.#profile(chosen?.profile ?? BASE);
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

  #addCandidates(source: ProfileSource): void {
    for (const [at, match] of source.matches.entries()) {
      const candidates = this.#candidates.get(match.oid) ?? [];
      const taken = candidates.find((one) => conditionsOf(one.match) === 0);
      if (taken !== undefined && conditionsOf(match) === 0)
        throw new ProfileMisfit(source, ['matches', at], `${taken.profile} matches ${match.oid} too`);
      candidates.push({ match, profile: source.name });
      this.#candidates.set(match.oid, candidates);
    }
  }
}

function conditionsOf({ descr, has }: Match): number {
  return (descr === undefined ? 0 : 1) + (has === undefined ? 0 : 1);
}

function compile(
  source: ProfileSource,
  byName: ReadonlyMap<string, ProfileSource>,
  vendorOf: (sysObjectId: string | null) => string | null,
): Profile {
  const file = source.whole();
  const lineage = lineageOf(source, byName).map((one) => one.whole());
  const columns = lineage.find((one) => one.interface !== undefined)?.interface;
  if (columns === undefined)
    throw new ProfileMisfit(source, ['name'], 'the profile has and inherits no interface columns');
  checkRefusals(source, lineage);
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
function lineageOf(source: ProfileSource, byName: ReadonlyMap<string, ProfileSource>): ProfileSource[] {
  const lineage = [source];
  let last = source;
  for (let next = parentOf(source); next !== null; next = parentOf(last)) {
    const parent = byName.get(next);
    if (parent === undefined) throw new ProfileMisfit(last, ['extends'], `there is no profile called ${next}`);
    lineage.push(parent);
    if (lineage.length > MOST_LEVELS) throw new ProfileMisfit(source, ['extends'], 'the profile builds on itself');
    last = parent;
  }
  return lineage;
}

/** A refusal that refuses nothing is a misspelt one. */
function checkRefusals(source: ProfileSource, lineage: readonly ProfileFile[]): void {
  const inheritable = new Set(
    lineage.slice(1).flatMap((one) => RULE_KINDS.flatMap((kind) => one[kind].map((rule) => rule.name))),
  );
  for (const [at, name] of source.whole().without.entries()) {
    if (!inheritable.has(name)) throw new ProfileMisfit(source, ['without', at], `no inherited rule is called ${name}`);
  }
}

function parentOf(source: ProfileSource): string | null {
  if (source.name === BASE) return null;
  return source.extends === undefined ? BASE : source.extends;
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
