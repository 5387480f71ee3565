// `weir discover`: who answers SNMP in a network, and what to put into the configuration for it. It adds nothing by itself.
import { discover } from '../../agent/main.ts';
import type { Command, CommandContext } from '../command.ts';
import { CREDENTIAL_HELP, CREDENTIAL_OPTIONS } from '../credential-options.ts';
import { discoveryDocument } from '../discover/document.ts';
import { printDiscovery } from '../discover/print.ts';
import { progressTeller } from '../discover/progress.ts';
import { discoverWish } from '../discover/request.ts';
import { discoveryYaml } from '../discover/yaml.ts';

export const discoverCommand: Command = {
  name: 'discover',
  summary: 'find devices in a network',
  help: `usage: weir discover CIDR|ADDRESS... [OPTIONS]

Asks every address of the networks (IPv4 up to a /16, IPv6 up to a /112), addresses and names for SNMP, with each
credential set in turn, and tells what answers. Network and broadcast address of an IPv4 network are left out.

  --file FILE      a network, address or name a line; may be given several times
  --port N         UDP port of addresses that name none; default 161
  --config FILE    tries its credential sets in their order; its devices are marked, and left out of --yaml
  --credential SET only this set of the configuration; several times: these, in this order
${CREDENTIAL_HELP}
                   -c may be given several times; these sets are tried after those of the configuration
  -t SECONDS       how long to wait for an answer; default 1
  -r NUMBER        how often to try again; default 1
  --rate N         packets a second at most, everything included; default 100
  --concurrency N  addresses asked at the same time; default 64
  --expand         follows the neighbours that LLDP and CDP tell of, into the networks given
  --hops N         how far; default 1
  --within CIDR    neighbours are followed into this network too, of whatever size; may be given several times
  --beyond         neighbours are followed wherever they are
  --yaml           prints a piece of configuration with the devices that are new: secrets of options as references
  --json           one JSON object

Exit code 0 when all were asked, whoever answered; 1 when it was stopped before (Ctrl-C prints what was found so far).`,
  options: {
    ...CREDENTIAL_OPTIONS,
    community: { type: 'string', short: 'c', multiple: true },
    timeout: { type: 'string', short: 't' },
    retries: { type: 'string', short: 'r' },
    file: { type: 'string', multiple: true },
    port: { type: 'string' },
    config: { type: 'string' },
    credential: { type: 'string', multiple: true },
    rate: { type: 'string' },
    concurrency: { type: 'string' },
    expand: { type: 'boolean' },
    hops: { type: 'string' },
    within: { type: 'string', multiple: true },
    beyond: { type: 'boolean' },
    yaml: { type: 'boolean' },
  },
  run,
};

async function run(context: CommandContext): Promise<0 | 1> {
  const { request, given } = discoverWish(context);
  const { environment, signal } = context;
  const onProgress = progressTeller(
    (line) => context.progress(line),
    () => Date.now(),
  );
  const result = await discover(request, { environment, signal, onProgress });
  if (context.json) context.print(JSON.stringify(discoveryDocument(result), null, 2));
  else if (context.options['yaml'] === true) context.print(discoveryYaml(result, given).trimEnd());
  else printDiscovery(result, (line) => context.print(line));
  return signal.aborted ? 1 : 0;
}
