// Error codes of every component: requests, access, configuration, start.
import { entry } from './entry.ts';

export const GENERAL_ERRORS = {
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
  request_too_slow: entry(
    408,
    'The request did not come within its time.',
    'Send it again, a smaller one where the line is slow.',
  ),
  overloaded: entry(
    429,
    'The component is at a bound and takes no more for now.',
    'Wait as long as Retry-After says and send again; nothing was lost.',
  ),
  // access
  token_missing: entry(401, 'The request carries no token.', 'Send "authorization: Bearer TOKEN".'),
  scope_too_narrow: entry(
    403,
    'A token with a scope asked for what belongs to no site and no customer.',
    'Use a token without a scope for the state of Weir itself; docs/api.md says which addresses obey scopes.',
  ),
  token_outlives_maker: entry(
    403,
    'A token was to be made that ends later than the one that makes it, or never.',
    'Give expires, at the latest what detail.latest says, or make it with a token that lasts longer.',
  ),
  sign_in_link_unknown: entry(
    401,
    'The sign-in link is not known: it was used already, or has ended.',
    'Ask for another: POST /api/v1/sign-in-links, or weir token create --link.',
  ),
  sign_in_links_full: entry(
    429,
    'There are as many sign-in links as may be that nobody has used.',
    'Wait until some of them have ended; links of a few minutes make room soon.',
  ),
  token_unknown: entry(401, 'The token is not known.', 'Make one with: weir token create.'),
  client_certificate_required: entry(
    403,
    'An agent without a certificate of the client authority may not enter here.',
    'Give the agent a certificate (agent.tls.certificate_file and key_file) that an authority of collector.tls.client_ca_file signed.',
  ),
  too_many_attempts: entry(
    429,
    'Too many unknown tokens came from this address.',
    'Correct the token and come again after the time of Retry-After; good tokens that were used lately still enter.',
  ),
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
  import_unreadable: entry(
    400,
    'What is to be imported is not what it is said to be.',
    'Correct the line that the message names, or --from; detail.issues has every line.',
  ),
  import_refused: entry(
    409,
    'A configuration cannot take devices in; it was left as it is.',
    'The message says why: import without --into and merge by hand.',
  ),
  // running
  port_in_use: entry(500, 'Another process listens on the port.', 'Stop it, or set another port in the configuration.'),
  listen_refused: entry(
    400,
    'Listening beyond loopback without TLS.',
    'Set tls, or say insecure: true if a proxy in front does it.',
  ),
  output_unwritable: entry(
    500,
    'The file that something was to be written to cannot be written.',
    'Check the folder, its permissions and whether the disk is full; nothing stands under the name asked for.',
  ),
  data_folder_unusable: entry(
    500,
    'The data folder cannot be written.',
    'Check its owner, its permissions and whether the disk is read-only or full.',
  ),
  data_folder_in_use: entry(409, 'Another Weir runs on this data folder.', 'Stop it, or give this one another --data.'),
} as const;
