// Error codes of the agent.
import { entry } from './entry.ts';

export const AGENT_ERRORS = {
  // agent/snmp
  snmp_timeout: entry(
    504,
    'The device did not answer.',
    'Check address, port, community or user, and whether its access list lets this host in.',
  ),
  snmp_silent_after_discovery: entry(
    504,
    'The device told its SNMPv3 engine id, but stays silent to the requests of the user.',
    'Mostly a wrong priv_passphrase or priv_protocol; for AES192 and AES256 try both key extensions (AES256B, AES256R).',
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
  snmp_value_invalid: entry(
    400,
    'A value to be written does not fit its type.',
    'Give numbers in decimal within the bounds of the type, addresses and object identifiers with dots.',
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
    'Check priv_protocol and priv_passphrase; for AES192 and AES256 try both key extensions (AES256B, AES256R).',
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
  snmp_engine_unsteady: entry(
    502,
    'The device tells another SNMPv3 engine id again and again.',
    'See whether several units answer at one address, and poll each at its own.',
  ),
  key_worker_failed: entry(
    500,
    'The thread that derives SNMPv3 keys failed.',
    'It is started again with the next request; the message says what failed.',
  ),
  snmp_engine_unknown: entry(
    502,
    'The device does not tell a valid SNMPv3 engine id.',
    'Set an engine id on the device.',
  ),
  snmp_privacy_unsupported: entry(
    400,
    'This Node cannot do the authentication or privacy protocol.',
    'Use another auth_protocol or priv_protocol, or a Node built with it.',
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
  snmp_silent_but_reachable: entry(
    504,
    'The device answers ping, but not SNMP.',
    'See whether its SNMP agent runs, and check port, community or user and its access list.',
  ),
  device_silent: entry(
    504,
    'The device answers neither SNMP nor ping.',
    'See whether it is powered and reachable from the agent.',
  ),
  ping_timeout: entry(
    504,
    'The device, which is asked by ping alone, does not answer.',
    'See whether it is powered and reachable from the agent.',
  ),
  ping_unavailable: entry(
    501,
    'The device is to be asked by ping alone, and ping cannot be used here.',
    'Install ping (iputils-ping) on the machine of the agent and let its user run it, or set snmp: true with a credential.',
  ),
  device_unknown: entry(
    404,
    'The agent polls no device of this name.',
    'Check the name; devices shows those there are.',
  ),
  poll_queue_full: entry(429, 'Too many polls are asked for at once.', 'Ask again after those in hand.'),
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
  restart_needed: entry(
    409,
    'A change of the configuration cannot be taken up by an agent that runs.',
    'Start the agent again; no octet is lost by that.',
  ),
  set_not_allowed: entry(
    403,
    'A value was to be set that the configuration of the device does not allow to be set.',
    'Allow it with allow_set and write_credential of the device; where its configuration comes from the collector, agent.allow_set of the agent must be true too.',
  ),
  work_interrupted: entry(
    500,
    'The agent ended while it did what it was asked for.',
    'Look at the device before asking again: nobody knows how far it came.',
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
  network_too_large: entry(
    400,
    'A discovery is asked for more addresses than it asks at once.',
    'Name smaller networks (at most a /16 of IPv4, a /112 of IPv6), one run after another.',
  ),
  address_invalid: entry(400, 'An address cannot be read.', 'Write HOST, HOST:PORT, an IPv6 address or [IPv6]:PORT.'),
  address_unresolved: entry(502, 'A host name cannot be resolved.', 'Check the name and the resolver of this host.'),
  // agent/ship
  collector_unreachable: entry(
    502,
    'The collector does not answer.',
    'Check collector_url, the network between, and whether the collector runs. Polls stay in the spool meanwhile.',
  ),
  collector_refused: entry(
    502,
    'The collector does not answer a question of the agent.',
    'detail.code says why: mostly the token belongs to another agent, or the collector is of an older version.',
  ),
  collector_answer_too_large: entry(
    502,
    'An answer is longer than one of a collector can be.',
    'Check collector_url: something else seems to answer there.',
  ),
  collector_certificate_untrusted: entry(
    502,
    'The certificate of the collector is not signed by an authority that the agent trusts.',
    'Set agent.tls.ca_file to the certificate of the authority that signed it; let the collector send its whole chain.',
  ),
  collector_certificate_expired: entry(
    502,
    'The certificate of the collector is not valid at this time.',
    'Renew it, or set the clock of the machine that is wrong.',
  ),
  collector_certificate_name: entry(
    502,
    'The certificate of the collector is for another name.',
    'Use the name of the certificate in collector_url, or set agent.tls.server_name to it.',
  ),
  agent_certificate_refused: entry(
    502,
    'The collector refuses the certificate of the agent, or the agent has none.',
    'Set agent.tls.certificate_file and key_file to a certificate that the collector, or the proxy in front of it, trusts.',
  ),
  collector_tls_failed: entry(
    502,
    'No TLS connection with the collector could be made.',
    'Check that collector_url has the port on which it speaks TLS, and whether it wants a certificate of the agent; the message has the reason.',
  ),
  tls_files_unusable: entry(
    400,
    'The files under agent.tls or collector.tls cannot be used.',
    'Check that they exist, are PEM, may be read by Weir, and that the key belongs to the certificate.',
  ),
} as const;
