// Reads what `weir discover` is asked for: where, with which credentials, how fast; from options, a configuration and lists of hosts.
import { readFileSync } from 'node:fs';
import type { DiscoverRequest } from '../../agent/main.ts';
import { agentOnlySchema } from '../../agent/config.ts';
import type { NamedCredential } from '../../agent/discover/sweep.ts';
import { parseAddress } from '../../agent/snmp/address.ts';
import { parseConfiguration, readConfigurationFile } from '../../common/runtime/configuration.ts';
import { messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { CommandContext } from '../command.ts';
import { givenCredential, retriesOption, timeoutOption } from '../credential-options.ts';
import { portOption, textOption, textsOption, wholeNumberOption } from '../options.ts';

const SNMP_PORT = 161;
const TIMEOUT_MS = 1000;
const RETRIES = 1;
const RATE = { otherwise: 100, least: 1, most: 100_000 };
const CONCURRENCY = { otherwise: 64, least: 1, most: 5000 };
const HOPS = { otherwise: 1, least: 1, most: 100 };

export interface DiscoverWish {
  readonly request: DiscoverRequest;
  /** Those of the options; their secrets become references where they are printed. */
  readonly given: readonly NamedCredential[];
  /** The configuration that was read; null where none was. */
  readonly configuration: string | null;
}

/** Throws misused, configuration_*, credential_unknown and address_invalid. */
export function discoverWish(context: CommandContext): DiscoverWish {
  const file = textOption(context, 'config');
  const whole = file === undefined ? null : parsed(readConfigurationFile(file), file);
  const targets = [...context.positionals, ...textsOption(context, 'file').flatMap(hostList)];
  if (targets.length === 0) throw new WeirError('misused', 'Expected networks or addresses, or --file FILE.');
  const within = [...textsOption(context, 'within'), ...targets.filter((target) => target.includes('/'))];
  const beyond = context.options['beyond'] === true;
  const hops = hopsOf(context);
  if (hops > 0 && within.length === 0 && !beyond) {
    throw new WeirError('misused', '--expand follows neighbours into networks only: add --within CIDR, or --beyond.');
  }
  const sets = Object.entries(whole?.credentials ?? {}).map(([name, credential]) => ({ name, credential }));
  const given = givenSets(context, new Set(sets.map((set) => set.name)), whole === null);
  const request = {
    targets,
    configured: (whole?.devices ?? []).map(({ name, address }) => ({ name, address: parseAddress(address) })),
    credentials: [...chosen(sets, textsOption(context, 'credential')), ...given],
    port: portOption(context, 'port') ?? SNMP_PORT,
    timeoutMs: timeoutOption(context, TIMEOUT_MS),
    retries: retriesOption(context, RETRIES),
    packetsPerSecond: wholeNumberOption(context, 'rate', RATE),
    concurrency: wholeNumberOption(context, 'concurrency', CONCURRENCY),
    hops,
    within,
    beyond,
    profilesFolder: whole?.agent.profiles ?? null,
  };
  if (request.credentials.length === 0) throw new WeirError('misused', 'The configuration has no credential sets.');
  return { request, given, configuration: file ?? null };
}

function hopsOf(context: CommandContext): number {
  const asked = context.options['expand'] === true || context.options['hops'] !== undefined;
  return asked ? wholeNumberOption(context, 'hops', HOPS) : 0;
}

/** `--credential` names those to try, in its order; all of the file where it is left out. */
function chosen(sets: readonly NamedCredential[], names: readonly string[]): NamedCredential[] {
  if (names.length === 0) return [...sets];
  return names.map((name) => {
    const found = sets.find((set) => set.name === name);
    if (found !== undefined) return found;
    throw new WeirError('credential_unknown', `The configuration has no credential set called ${name}.`, {
      credential: name,
      known: sets.map((set) => set.name),
    });
  });
}

/** The sets of the options: one a community, or one user. Without a configuration and without any, the community public. */
function givenSets(context: CommandContext, taken: ReadonlySet<string>, needed: boolean): NamedCredential[] {
  const communities = textsOption(context, 'community');
  const asked = ['version', 'user'].some((option) => context.options[option] !== undefined);
  if (communities.length === 0 && !asked && !needed) return [];
  const raw =
    textOption(context, 'version') === '3'
      ? [givenCredential(context, '')]
      : (communities.length === 0 ? ['public'] : communities).map((community) => givenCredential(context, community));
  const free = (at: number): string => {
    const name = raw.length === 1 ? 'given' : `given-${at + 1}`;
    return taken.has(name) ? `${name}-by-option` : name;
  };
  const whole = agentOnlySchema.safeParse({
    credentials: Object.fromEntries(raw.map((credential, at) => [free(at), credential])),
  });
  if (whole.success) return Object.entries(whole.data.credentials).map(([name, credential]) => ({ name, credential }));
  const [issue] = whole.error.issues;
  throw new WeirError('misused', `${issue?.path.slice(2).join('.') ?? ''}: ${issue?.message ?? ''}.`);
}

function parsed(text: string, file: string): ReturnType<typeof agentOnlySchema.parse> {
  return parseConfiguration(text, file, agentOnlySchema);
}

/** A network, address or name a line; what follows a `#` is a remark. */
function hostList(file: string): string[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new WeirError('misused', `Cannot read the list of hosts ${file}: ${messageOf(cause)}.`, { file }, cause);
  }
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line) => line.replace(/#.*$/, '').trim())
    .filter((line) => line !== '');
}
