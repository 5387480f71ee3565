// The agent's part of the configuration: its schema, what must fit together in it, and the form in which the agent uses it.
import { z } from 'zod';
import {
  type CredentialConfiguration,
  type DeviceConfiguration,
  devicesShape,
  nameSchema,
} from '../common/runtime/device-configuration.ts';
import { WeirError } from '../common/runtime/errors.ts';
import type { TlsConfig } from '../common/runtime/tls-files.ts';
import type { SetAllowance } from './work/set-allowance.ts';
import type { CredentialSets } from './configure/credential-book.ts';
import { type LineConfig, lineConfigs, lineFinder, linesSchema } from './line/config.ts';
import { type HostPort, parseAddress } from './snmp/address.ts';
import { checkUser } from './snmp/usm.ts';
import { type TrapConfig, trapConfig, trapsSchema, unknownCredentials } from './trap/config.ts';

/** It stands in logs and pages, so no secret may be in it. */
const url = z
  .url({ protocol: /^https?$/ })
  .refine(
    (text) => !URL.canParse(text) || `${new URL(text).username}${new URL(text).password}` === '',
    'no name and password belong into the address: the agent shows its token',
  );

const tlsSchema = z
  .strictObject({
    ca_file: z.string().min(1).optional(),
    certificate_file: z.string().min(1).optional(),
    key_file: z.string().min(1).optional(),
    server_name: z.string().min(1).optional(),
  })
  .refine((tls) => (tls.certificate_file === undefined) === (tls.key_file === undefined), {
    message: 'certificate_file and key_file belong together',
  });

export const agentShape = {
  ...devicesShape,
  agent: z
    .strictObject({
      name: nameSchema.default('agent'),
      /** Several: the next is tried when one does not answer. */
      collector_url: z.union([url, z.array(url).min(1).max(16)]).default('http://127.0.0.1:8080'),
      token: z.string().optional(),
      /** Where the devices come from: this file, or the collector's, which says them to each agent. */
      configuration: z.enum(['file', 'collector']).default('file'),
      /** Whether devices that the collector says may have values set; those of a file say it themselves. */
      allow_set: z.boolean().default(false),
      tls: tlsSchema.optional(),
      poll_interval_ms: z.number().int().min(1000).max(86_400_000).default(60_000),
      timeout_ms: z.number().int().min(50).max(60_000).default(2000),
      retries: z.number().int().min(0).max(10).default(2),
      concurrency: z.number().int().min(1).max(10_000).default(200),
      /** Thin lines to sites or devices. */
      lines: linesSchema,
      slow_interval_ms: z.number().int().min(1000).max(86_400_000).default(60_000),
      inventory_interval_ms: z.number().int().min(10_000).max(86_400_000).default(3_600_000),
      first_poll_within_ms: z.number().int().min(0).max(3_600_000).default(15_000),
      profiles: z.string().optional(),
      health_port: z.number().int().min(1).max(65_535).default(9101),
      /** Without it no traps are received. */
      traps: trapsSchema.optional(),
      spool: z
        .strictObject({
          max_bytes: z
            .number()
            .int()
            .min(16 * 1024 * 1024)
            .default(4 * 1024 * 1024 * 1024),
          max_age_ms: z
            .number()
            .int()
            .min(3_600_000)
            .default(30 * 86_400_000),
        })
        .prefault({}),
    })
    .prefault({}),
};

const agentSchema = z.object(agentShape);
export type AgentConfiguration = z.output<typeof agentSchema>;

/** The agent's keys of a whole file; what belongs to other components is left alone. */
export const agentOnlySchema = agentSchema.superRefine((whole, context) => {
  checkAgent(whole, context);
  checkTraps(whole, context);
});

type Issues = Pick<z.core.$RefinementCtx, 'addIssue'>;
type CheckedConfiguration = Pick<AgentConfiguration, 'credentials' | 'devices'> & {
  readonly agent: Pick<AgentConfiguration['agent'], 'name'>;
};

/** What a schema of one key cannot see: names that must be unique or exist, credentials that must be complete and possible. */
export function checkAgent(whole: CheckedConfiguration, context: Issues): void {
  const tell = (path: (string | number)[], message: string): void =>
    context.addIssue({ code: 'custom', path, message });
  for (const [name, set] of Object.entries(whole.credentials)) {
    const problem = set.version === '3' ? messageOfProblem(() => checkUser(set)) : null;
    if (problem !== null) tell(['credentials', name], problem);
  }
  const byName = new Map<string, DeviceConfiguration>();
  for (const [at, device] of whole.devices.entries()) {
    if (byName.has(device.name)) tell(['devices', at, 'name'], `there is another device called ${device.name}`);
    byName.set(device.name, device);
    const problemOfSet = setProblem(device, whole.credentials);
    if (problemOfSet !== null) tell(['devices', at, 'credential'], problemOfSet);
    const problem = messageOfProblem(() => parseAddress(device.address));
    if (problem !== null) tell(['devices', at, 'address'], problem);
    const { write_credential: writing } = device;
    if (writing !== undefined && !(writing in whole.credentials))
      tell(['devices', at, 'write_credential'], `there is no credential set called ${writing}`);
    if (device.allow_set !== false && writing === undefined)
      tell(['devices', at, 'allow_set'], 'what may be set needs a write_credential');
  }
  tellWithoutAgent(whole, tell);
  for (const [at, device] of whole.devices.entries()) {
    for (const [position, parent] of (device.parents ?? []).entries()) {
      if (!byName.has(parent)) tell(['devices', at, 'parents', position], `there is no device called ${parent}`);
    }
    if (reachesItself(device, byName)) tell(['devices', at, 'parents'], 'the device is reached through itself');
  }
}

/** The credential sets that traps are received under must exist. */
export function checkTraps(whole: Pick<AgentConfiguration, 'agent' | 'credentials'>, context: Issues): void {
  const { traps } = whole.agent;
  if (traps === undefined) return;
  for (const { path, name } of unknownCredentials(traps, whole.credentials)) {
    const message = `there is no credential set called ${name}`;
    context.addIssue({ code: 'custom', path: ['agent', 'traps', ...path], message });
  }
}

/** With one agent a device need not say whose it is. With several, what one agent takes for its own another would poll too. */
function tellWithoutAgent(
  { agent, devices }: CheckedConfiguration,
  tell: (path: (string | number)[], message: string) => void,
): void {
  const other = devices.find((device) => device.agent !== undefined && device.agent !== agent.name)?.agent;
  if (other === undefined) return;
  for (const [at, device] of devices.entries())
    if (device.agent === undefined)
      tell(
        ['devices', at],
        `${device.name} must name its agent, since there are several (${agent.name}, ${other}): set \`agent\``,
      );
}

function setProblem(device: DeviceConfiguration, credentials: AgentConfiguration['credentials']): string | null {
  if (device.snmp === false || device.credential in credentials) return null;
  if (device.credential !== '') return `there is no credential set called ${device.credential}`;
  return 'expected the name of a credential set, or snmp: false for a device that is asked by ping alone';
}

function messageOfProblem(check: () => void): string | null {
  try {
    check();
    return null;
  } catch (error) {
    if (error instanceof WeirError) return error.message;
    throw error;
  }
}

function reachesItself(device: DeviceConfiguration, byName: ReadonlyMap<string, DeviceConfiguration>): boolean {
  const seen = new Set<string>();
  const open = [...(device.parents ?? [])];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (name === device.name) return true;
    if (seen.has(name)) continue;
    seen.add(name);
    open.push(...(byName.get(name)?.parents ?? []));
  }
  return false;
}

export interface AgentDevice {
  readonly name: string;
  readonly address: HostPort;
  /** Null: it is asked by ping alone. */
  readonly credential: CredentialConfiguration | null;
  /** Devices that share a credential set share its keys. Empty where there is none. */
  readonly credentialName: string;
  readonly intervalMs: number;
  readonly allowSet: SetAllowance;
  /** Null where nothing may be set. */
  readonly writeCredential: CredentialConfiguration | null;
  readonly writeCredentialName: string | null;
  readonly replyAddress: 'learn' | 'strict';
  /** The thin line that it stands behind. */
  readonly line: string | null;
}

export interface AgentConfig {
  readonly name: string;
  readonly collectorUrls: readonly string[];
  /** A reference (common/runtime/secrets.ts); null where none is set. */
  readonly token: string | null;
  /** Null: the authorities that Node brings along, no certificate of our own. */
  readonly tls: TlsConfig | null;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly concurrency: number;
  readonly lines: readonly LineConfig[];
  readonly slowIntervalMs: number;
  readonly inventoryIntervalMs: number;
  readonly firstPollWithinMs: number;
  /** Folder of profile files; null for those that come with Weir. */
  readonly profilesFolder: string | null;
  readonly healthPort: number;
  /** Null: no traps are received. */
  readonly traps: TrapConfig | null;
  readonly spool: { readonly maxBytes: number; readonly maxAgeMs: number };
  /** Where the devices come from. */
  readonly configuration: 'file' | 'collector';
  /** Whether devices that the collector says may have values set. */
  readonly allowSet: boolean;
  /** By name; the secrets in them are references. */
  readonly credentials: CredentialSets;
  readonly pollIntervalMs: number;
  /** Those of the file that are assigned to this agent; not used where they come from the collector. */
  readonly devices: readonly AgentDevice[];
}

/** What was parsed, as the agent uses it. WEIR_AGENT_TOKEN goes before `agent.token`. */
export function agentConfig(
  whole: Pick<AgentConfiguration, 'agent' | 'devices' | 'credentials'>,
  environment: Readonly<Record<string, string | undefined>>,
): AgentConfig {
  const { agent } = whole;
  const lines = lineConfigs(agent.lines, agent.timeout_ms);
  const givenToken = environment['WEIR_AGENT_TOKEN'] ?? '';
  return {
    name: agent.name,
    collectorUrls: typeof agent.collector_url === 'string' ? [agent.collector_url] : agent.collector_url,
    token: givenToken !== '' ? givenToken : (agent.token ?? null),
    tls: tlsConfig(agent.tls),
    timeoutMs: agent.timeout_ms,
    retries: agent.retries,
    concurrency: agent.concurrency,
    lines,
    slowIntervalMs: agent.slow_interval_ms,
    inventoryIntervalMs: agent.inventory_interval_ms,
    firstPollWithinMs: agent.first_poll_within_ms,
    profilesFolder: agent.profiles ?? null,
    healthPort: agent.health_port,
    traps: trapConfig(agent.traps),
    spool: { maxBytes: agent.spool.max_bytes, maxAgeMs: agent.spool.max_age_ms },
    configuration: agent.configuration,
    allowSet: agent.allow_set,
    credentials: whole.credentials,
    pollIntervalMs: agent.poll_interval_ms,
    devices: agentDevices(whole.devices, whole.credentials, {
      name: agent.name,
      pollIntervalMs: agent.poll_interval_ms,
      lines,
    }),
  };
}

/** The devices assigned to an agent, as it uses them. Throws credential_unknown, address_invalid. */
export function agentDevices(
  devices: readonly DeviceConfiguration[],
  credentials: CredentialSets,
  agent: Pick<AgentConfig, 'name' | 'pollIntervalMs' | 'lines'>,
): AgentDevice[] {
  const lineOf = lineFinder(agent.lines);
  return devices
    .filter((device) => device.agent === undefined || device.agent === agent.name)
    .map((device) => ({
      name: device.name,
      address: parseAddress(device.address),
      credential: device.snmp === false ? null : credentialOf(credentials, device.name, device.credential),
      credentialName: device.snmp === false ? '' : device.credential,
      intervalMs: device.interval_ms ?? agent.pollIntervalMs,
      replyAddress: device.reply_address,
      line: lineOf(device),
      allowSet: device.allow_set,
      writeCredential:
        device.write_credential === undefined ? null : credentialOf(credentials, device.name, device.write_credential),
      writeCredentialName: device.write_credential ?? null,
    }));
}

/** The same devices over other credential sets of the same names. */
export function withCredentials(devices: readonly AgentDevice[], credentials: CredentialSets): AgentDevice[] {
  return devices.map((device) => ({
    ...device,
    credential: device.credential === null ? null : credentialOf(credentials, device.name, device.credentialName),
    writeCredential:
      device.writeCredentialName === null ? null : credentialOf(credentials, device.name, device.writeCredentialName),
  }));
}

function tlsConfig(tls: AgentConfiguration['agent']['tls']): TlsConfig | null {
  if (tls === undefined) return null;
  return {
    caFile: tls.ca_file ?? null,
    certificateFile: tls.certificate_file ?? null,
    keyFile: tls.key_file ?? null,
    serverName: tls.server_name ?? null,
  };
}

function credentialOf(credentials: CredentialSets, device: string, name: string): CredentialConfiguration {
  const found = credentials[name];
  if (found !== undefined) return found;
  const message = `The device ${device} names the credential set ${name}, which does not exist.`;
  throw new WeirError('credential_unknown', message, { device, credential: name });
}
