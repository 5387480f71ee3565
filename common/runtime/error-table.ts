// Every error code of Weir: what it means and what to do. docs/errors.md is made from this table (npm run docs:errors), a test holds the two together.

export interface ErrorEntry {
  /** HTTP status where the error crosses HTTP. */
  readonly status: number;
  readonly meaning: string;
  readonly remedy: string;
}

const entry = (status: number, meaning: string, remedy: string): ErrorEntry => ({ status, meaning, remedy });

export const ERROR_TABLE = {
  // general
  unexpected: entry(
    500,
    'Something failed that Weir has no code for.',
    'Look at the log of the component; please report it.',
  ),
  misused: entry(400, 'The command line or request does not have the expected form.', 'See --help or docs/api.md.'),
  not_found: entry(404, 'No such resource.', 'Check the address and the id.'),
  not_ready: entry(
    503,
    'The component is still starting or cannot reach what it needs.',
    'Wait and try again; /readyz says what is missing.',
  ),
  invalid_request: entry(
    400,
    'A parameter or body does not have the expected form.',
    'detail.issues names each field and what was expected.',
  ),
  body_too_large: entry(413, 'The body is larger than the limit.', 'Send less at once.'),
  overloaded: entry(
    429,
    'The component is at a bound and takes no more for now.',
    'Wait as long as Retry-After says and send again; nothing was lost.',
  ),
  // access
  token_missing: entry(401, 'The request carries no token.', 'Send "authorization: Bearer TOKEN".'),
  token_unknown: entry(401, 'The token is not known.', 'Make one with: weir token create.'),
  forbidden: entry(403, 'The role of the token may not do this.', 'Use a token with the role that detail names.'),
  // configuration
  configuration_missing: entry(
    400,
    'The configuration file does not exist or cannot be read.',
    'Check the path and its permissions.',
  ),
  configuration_syntax: entry(400, 'The configuration is not YAML.', 'Correct the line named.'),
  configuration_invalid: entry(
    400,
    'The configuration has a value that is not allowed.',
    'Correct the path named; weir check shows all of them.',
  ),
  secret_unresolved: entry(
    400,
    'A secret is referred to that does not exist.',
    'Set the environment variable or make the file that the reference names.',
  ),
  // running
  port_in_use: entry(500, 'Another process listens on the port.', 'Stop it, or set another port in the configuration.'),
  listen_refused: entry(
    400,
    'Listening beyond loopback without TLS.',
    'Set tls, or say insecure: true if a proxy in front does it.',
  ),
  data_folder_unusable: entry(
    500,
    'The data folder cannot be written.',
    'Check its owner, its permissions and whether the disk is read-only or full.',
  ),
  data_folder_in_use: entry(409, 'Another Weir runs on this data folder.', 'Stop it, or give this one another --data.'),
  // agent/snmp
  snmp_timeout: entry(
    504,
    'The device did not answer.',
    'Check address, port, community or user, and whether its access list lets this host in.',
  ),
  snmp_unreachable: entry(
    502,
    'The system refuses to send to the device.',
    'Check the route to the address named in detail.',
  ),
  snmp_malformed: entry(
    502,
    'A message is not valid SNMP.',
    'If a device sends it often, report its model and software version.',
  ),
  snmp_oid_invalid: entry(
    400,
    'A text is not an object identifier.',
    'Write it as numbers with dots, such as 1.3.6.1.2.1.1.1.0.',
  ),
  snmp_refused: entry(
    502,
    'The device answered with an error.',
    'detail names it; check what the community or user may read.',
  ),
  snmp_authentication_failed: entry(
    502,
    'A digest of SNMPv3 does not hold.',
    'Check auth_protocol and auth_passphrase on both sides.',
  ),
  snmp_unknown_user: entry(
    502,
    'The device does not know the SNMPv3 user.',
    'Check the user name, and create it on the device.',
  ),
  snmp_decryption_failed: entry(
    502,
    'An SNMPv3 message cannot be decrypted.',
    'Check priv_protocol and priv_passphrase; for AES256 try both key extensions (AES256B, AES256R).',
  ),
  snmp_security_level_unsupported: entry(
    502,
    'The device does not allow the user this security level.',
    'Set the level that the device has for the user.',
  ),
  snmp_not_in_time_window: entry(
    502,
    'The device keeps refusing the SNMPv3 clock.',
    'See whether two devices share one engine id, or its clock jumps.',
  ),
  snmp_engine_unknown: entry(
    502,
    'The device does not tell a valid SNMPv3 engine id.',
    'Set an engine id on the device.',
  ),
  snmp_privacy_unsupported: entry(
    400,
    'This Node cannot do the privacy protocol.',
    'Use another priv_protocol, or a Node built with it.',
  ),
  snmp_too_big: entry(
    502,
    'The device cannot fit even one row into an answer.',
    'Raise the maximum message size on the device.',
  ),
  snmp_oid_not_increasing: entry(
    502,
    'The device gives a table out of order or in a circle.',
    'The table was cut short; a newer software of the device may repair it.',
  ),
  snmp_walk_limit: entry(
    502,
    'A table is larger than the bounds of a walk.',
    'The table was cut short at the bound that detail names.',
  ),
  poll_deadline: entry(
    504,
    'A poll was not finished when its time was over.',
    'Poll the device less often, or see why it answers slowly.',
  ),
  credential_unknown: entry(
    400,
    'A device names a credential set that does not exist.',
    'Add it under credentials, or correct the name.',
  ),
  credential_incomplete: entry(
    400,
    'An SNMPv3 credential set lacks what its level needs.',
    'Add the keys that the message names.',
  ),
  address_invalid: entry(400, 'An address cannot be read.', 'Write HOST, HOST:PORT, an IPv6 address or [IPv6]:PORT.'),
  address_unresolved: entry(502, 'A host name cannot be resolved.', 'Check the name and the resolver of this host.'),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERROR_TABLE;

/** The text of docs/errors.md. */
export function errorsPage(): string {
  const rows = Object.entries(ERROR_TABLE)
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([code, { status, meaning, remedy }]) => `| \`${code}\` | ${status} | ${meaning} | ${remedy} |`);
  return [
    '# Error codes',
    '',
    'Every refusal of Weir carries a code from this table: over HTTP as `{"error": {"code", "message", "detail"}}`, on the command line in brackets at the end of the message. Made from `common/runtime/error-table.ts` by `npm run docs:errors`.',
    '',
    '| code | HTTP | what it means | what to do |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}
