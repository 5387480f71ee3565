// The settings of a metric store that is a server of line protocol: `collector.store.influxdb` of the configuration.
import { z } from 'zod';
import type { DurationMs } from '../../common/model/time.ts';

const INFLUX_VERSIONS = [1, 2, 3, 'victoriametrics'] as const;
type InfluxVersion = (typeof INFLUX_VERSIONS)[number];

const name = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}]+$/u, 'expected a name without control characters')
  .optional();
const secret = z.string().min(1).optional();
const MIB = 1024 * 1024;

const shape = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  version: z.literal(INFLUX_VERSIONS),
  /** 1 and 3: where points go. 2: the database of the DBRP mapping that reads go through; the bucket's name where it is left out. */
  database: name,
  retention_policy: name,
  org: name,
  bucket: name,
  token: secret,
  username: name,
  password: secret,
  /** Of one request, from its begin to the end of its answer. */
  timeout_ms: z.number().int().min(100).max(300_000).default(10_000),
  max_body_bytes: z
    .number()
    .int()
    .min(64 * 1024)
    .max(32 * MIB)
    .default(2 * MIB),
  max_body_lines: z.number().int().min(1).max(100_000).default(5000),
});

type Parsed = z.output<typeof shape>;
type Key = 'database' | 'retention_policy' | 'org' | 'bucket' | 'token' | 'username' | 'password';

/** Which keys a version must have, and which mean nothing to it. */
const KEYS: Readonly<Record<string, { readonly needed: readonly Key[]; readonly senseless: readonly Key[] }>> = {
  1: { needed: ['database'], senseless: ['org', 'bucket', 'token'] },
  2: { needed: ['org', 'bucket', 'token'], senseless: ['username', 'password'] },
  3: { needed: ['database'], senseless: ['org', 'bucket', 'retention_policy', 'username', 'password'] },
  victoriametrics: { needed: [], senseless: ['org', 'bucket', 'token', 'retention_policy'] },
};

export const influxSchema = shape.superRefine((parsed, context) => {
  const { needed, senseless } = KEYS[String(parsed.version)] ?? { needed: [], senseless: [] };
  const issue = (key: string, message: string): void =>
    context.addIssue({ code: 'custom', path: [key], message, input: parsed });
  for (const key of needed)
    if (parsed[key] === undefined) issue(key, `expected for version ${parsed.version}, and is missing`);
  for (const key of senseless) if (parsed[key] !== undefined) issue(key, `version ${parsed.version} has no use for it`);
  if ((parsed.username === undefined) !== (parsed.password === undefined))
    issue(parsed.username === undefined ? 'username' : 'password', 'username and password come together');
  const url = new URL(parsed.url);
  if (url.username !== '' || url.password !== '')
    issue('url', 'expected without a user; username and password are keys of their own');
  if (url.search !== '' || url.hash !== '') issue('url', 'expected without ? and #');
  if (/\/(write|query|api\/v[23].*)\/?$/.test(url.pathname))
    issue('url', 'expected the address of the server, without the path of a write or a query');
});

export interface InfluxConfig {
  readonly url: string;
  readonly version: InfluxVersion;
  readonly database: string;
  readonly retentionPolicy: string | null;
  readonly org: string;
  readonly bucket: string;
  readonly token: string | null;
  readonly user: { readonly name: string; readonly password: string } | null;
  readonly timeoutMs: DurationMs;
  readonly maxBodyBytes: number;
  readonly maxBodyLines: number;
  /** A write follows the one before after this long at the earliest, unless a chunk was large. */
  readonly commitIntervalMs: DurationMs;
}

/** `secretOf` resolves references to secrets; throws secret_unresolved. */
export function influxConfigOf(
  parsed: Parsed,
  commitIntervalMs: DurationMs,
  secretOf: (reference: string) => string,
): InfluxConfig {
  const { username, password, token } = parsed;
  const bucket = parsed.bucket ?? parsed.database ?? '';
  return {
    url: parsed.url,
    version: parsed.version,
    database: parsed.database ?? bucket,
    retentionPolicy: parsed.retention_policy ?? null,
    org: parsed.org ?? '',
    bucket,
    token: token === undefined ? null : secretOf(token),
    user: username === undefined || password === undefined ? null : { name: username, password: secretOf(password) },
    timeoutMs: parsed.timeout_ms,
    maxBodyBytes: parsed.max_body_bytes,
    maxBodyLines: parsed.max_body_lines,
    commitIntervalMs,
  };
}
