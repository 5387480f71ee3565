// The configuration of the trap receiver: whom it listens to, where, and how much of it; and the form in which the receiver uses it.
import { isIP } from 'node:net';
import { z } from 'zod';
import { nameSchema } from '../../common/runtime/device-configuration.ts';

const CIDR = /^(.+)\/(\d{1,3})$/;

/** ADDRESS or ADDRESS/PREFIX of either family. */
export function isNetwork(text: string): boolean {
  const [, address = text, prefix] = CIDR.exec(text) ?? [];
  const version = isIP(address);
  return version !== 0 && Number(prefix ?? 0) <= (version === 4 ? 32 : 128);
}

const networkSchema = z.string().refine(isNetwork, 'expected an address or a network such as 10.1.0.0/16');
const listenSchema = z.string().refine((text) => isIP(text) !== 0, 'expected an address of this host');
/** RFC 3411 §5: 5 to 32 octets. */
const engineIdSchema = z
  .string()
  .regex(/^(0x)?([0-9A-Fa-f]{2}){5,32}$/, 'expected an engine ID of 5 to 32 octets in hex')
  .transform((text) => text.replace(/^0x/, '').toLowerCase());

export const trapsSchema = z.strictObject({
  port: z.number().int().min(1).max(65_535).default(162),
  listen: z.union([listenSchema, z.array(listenSchema).min(1).max(8)]).default('127.0.0.1'),
  /** Credential sets that every sender may use, beside the set of the device itself. */
  credentials: z.array(nameSchema).max(100).default([]),
  /** Senders of version 3 whose engine ID is not learnt by polling. */
  users: z
    .array(z.strictObject({ engine_id: engineIdSchema, credential: nameSchema }))
    .max(20_000)
    .default([]),
  /** Sources beside the addresses of the devices: proxies, further addresses of devices. */
  networks: z.array(networkSchema).max(1000).default([]),
  accept_unknown: z.boolean().default(false),
  receive_per_second: z.number().int().min(1).max(100_000).default(1000),
  receive_per_second_per_source: z.number().int().min(1).max(100_000).default(50),
  names: z.string().optional(),
});

export interface TrapConfig {
  readonly port: number;
  readonly listen: readonly string[];
  readonly credentials: readonly string[];
  readonly users: readonly { readonly engineId: string; readonly credential: string }[];
  readonly networks: readonly string[];
  readonly acceptUnknown: boolean;
  readonly perSecond: number;
  readonly perSecondPerSource: number;
  /** Folder of files with names of notifications; null for those that come with Weir. */
  readonly namesFolder: string | null;
}

export function trapConfig(given: z.output<typeof trapsSchema> | undefined): TrapConfig | null {
  if (given === undefined) return null;
  return {
    port: given.port,
    listen: typeof given.listen === 'string' ? [given.listen] : given.listen,
    credentials: given.credentials,
    users: given.users.map((user) => ({ engineId: user.engine_id, credential: user.credential })),
    networks: given.networks,
    acceptUnknown: given.accept_unknown,
    perSecond: given.receive_per_second,
    perSecondPerSource: given.receive_per_second_per_source,
    namesFolder: given.names ?? null,
  };
}

/** The credential sets it names that do not exist, with where they stand below `traps`. */
export function unknownCredentials(
  traps: z.output<typeof trapsSchema>,
  credentials: Readonly<Record<string, unknown>>,
): { readonly path: readonly (string | number)[]; readonly name: string }[] {
  const named = [
    ...traps.credentials.map((name, at) => ({ path: ['credentials', at], name })),
    ...traps.users.map((user, at) => ({ path: ['users', at, 'credential'], name: user.credential })),
  ];
  return named.filter(({ name }) => !Object.hasOwn(credentials, name));
}
