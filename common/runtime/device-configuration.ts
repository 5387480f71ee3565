// The part of the configuration that agent and collector share: which devices there are, and by which credential set they are reached.
import { z } from 'zod';

const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'expected a name of letters, digits, ".", "_" or "-", at most 63 long');

const addressPattern =
  /^(\[[0-9A-Fa-f:.]+(%[^\]]+)?\](:\d{1,5})?|[^\s:[\]/]+(:\d{1,5})?|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(%\S+)?)$/;

const oidPrefix = z
  .string()
  .regex(/^\.?[0-2](\.\d{1,10}){0,127}$/, 'expected an object identifier in numbers, such as 1.3.6.1.2.1.1.6');

export const deviceSchema = z.strictObject({
  name,
  address: z.string().regex(addressPattern, 'expected HOST, HOST:PORT, an IPv6 address or [IPv6]:PORT'),
  /** Empty only with `snmp: false`. */
  credential: z.string().default(''),
  /** False: the device is asked by ping alone. */
  snmp: z.boolean().optional(),
  /** The agent that polls it; default the only one. */
  agent: name.optional(),
  site: z.string().max(100).optional(),
  interval_ms: z.number().int().min(1000).max(86_400_000).optional(),
  /** Whether answers from another address than was asked may be learnt (agent/snmp/reply-address.ts). */
  reply_address: z.enum(['learn', 'strict']).default('learn'),
  /** Whether people may have values of it set: everything, nothing, or what lies below these object identifiers. */
  allow_set: z.union([z.boolean(), z.array(oidPrefix).min(1).max(100)]).default(false),
  /** The credential set that writes; needed where anything may be set. */
  write_credential: z.string().optional(),
  /** Names of devices through which this one is reached. */
  parents: z.array(name).max(16).optional(),
  /** Interfaces that carry no customer by intent, by ifName; `*` at the end matches the rest. */
  infrastructure: z
    .array(z.strictObject({ interface: z.string(), reason: z.string().min(1) }))
    .max(1000)
    .optional(),
});

/** How to reach devices; secrets are references (common/runtime/secrets.ts) resolved on the agent only. */
export const credentialSchema = z.discriminatedUnion('version', [
  z.strictObject({ version: z.enum(['1', '2c']), community: z.string().min(1) }),
  z.strictObject({
    version: z.literal('3'),
    user: z.string().min(1).max(32),
    level: z.enum(['noAuthNoPriv', 'authNoPriv', 'authPriv']).default('noAuthNoPriv'),
    auth_protocol: z.enum(['MD5', 'SHA', 'SHA224', 'SHA256', 'SHA384', 'SHA512']).optional(),
    auth_passphrase: z.string().min(1).optional(),
    priv_protocol: z.enum(['DES', 'AES', 'AES192B', 'AES192R', 'AES256B', 'AES256R']).optional(),
    priv_passphrase: z.string().min(1).optional(),
    context: z.string().default(''),
  }),
]);

export const devicesShape = {
  credentials: z.record(name, credentialSchema).default({}),
  devices: z.array(deviceSchema).max(20_000).default([]),
};

export type DeviceConfiguration = z.output<typeof deviceSchema>;
export type CredentialConfiguration = z.output<typeof credentialSchema>;
export const nameSchema = name;
