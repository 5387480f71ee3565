// `weir simulate`: a network of simulated SNMP devices on loopback, whose truth is known.
import { isIPv4 } from 'node:net';
import path from 'node:path';
import { SystemClock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { createReporter } from '../../common/runtime/reporter.ts';
import { demoNetwork } from '../../simulator/demo-network.ts';
import { fleet } from '../../simulator/fleet.ts';
import type { NetworkDefinition } from '../../simulator/network.ts';
import { type PlaceConfig, placeAt } from '../../simulator/place.ts';
import { createSimulator } from '../../simulator/simulator.ts';
import type { Command, CommandContext } from '../command.ts';
import { portOption, textOption } from '../options.ts';

const PORT_BASE = 16_100;
const LAST_PORT = 65_535;

export const simulateCommand: Command = {
  name: 'simulate',
  summary: 'run a network of simulated SNMP devices',
  help: `usage: weir simulate [OPTIONS]

  --network demo|fleet   demo: 13 devices with their troubles (default); fleet: equal switches without
  --devices N            of a fleet; default 200
  --ports M              of each switch of a fleet; default 48
  --port BASE            device i answers SNMP v1 and v2c on 127.0.0.1, port BASE+i; default ${PORT_BASE}
  --first-address A      device i answers on the address A+i in 127.0.0.0/8, each on port BASE, and tells it by LLDP: for weir discover
  --community TEXT       default public
  --write-community TEXT under it ports may be switched and their power taken (ifAdminStatus, pethPsePortAdminEnable); default: SET is refused
  --truth-port N         tells the truth over HTTP on 127.0.0.1:N (docs/simulator.md); default: it does not
  --seed N               another seed is another traffic; default 1
  --data DIR             keeps when the network began: the next start goes on as if this one had never stopped

Prints a line a device, then runs until it is stopped.`,
  options: {
    network: { type: 'string' },
    devices: { type: 'string' },
    ports: { type: 'string' },
    port: { type: 'string' },
    'first-address': { type: 'string' },
    community: { type: 'string' },
    'write-community': { type: 'string' },
    'truth-port': { type: 'string' },
    seed: { type: 'string' },
    data: { type: 'string' },
  },
  run: async (context) => {
    if (context.positionals.length > 0) throw new WeirError('misused', 'weir simulate takes no argument.');
    const portBase = portOption(context, 'port') ?? PORT_BASE;
    const data = textOption(context, 'data');
    const network = networkOf(context);
    const firstAddress = firstAddressOf(context, network);
    if (firstAddress === null && portBase + network.devices.length - 1 > LAST_PORT)
      throw new WeirError(
        'misused',
        `${network.devices.length} devices from port ${portBase} do not fit below 65,536.`,
      );
    const config = {
      network,
      seed: numberOption(context, 'seed', 1, 0, 2 ** 31),
      portBase,
      firstAddress,
      community: textOption(context, 'community') ?? 'public',
      writeCommunity: textOption(context, 'write-community') ?? null,
      truthPort: portOption(context, 'truth-port') ?? null,
      dataFolder: data === undefined ? null : path.resolve(data),
    };
    const reporter = createReporter({ component: 'simulator', level: 'warn' });
    const simulator = createSimulator(reporter, config, { clock: new SystemClock() });
    await simulator.start();
    printDevices(context, network, { portBase, firstAddress });
    if (!context.signal.aborted)
      await new Promise((resolve) => context.signal.addEventListener('abort', resolve, { once: true }));
    await simulator.stop();
    return 0;
  },
};

function printDevices(context: CommandContext, network: NetworkDefinition, places: PlaceConfig): void {
  for (const [at, device] of network.devices.entries()) {
    const { host, port } = placeAt(places, at);
    const address = `${host}:${port}`;
    const interfaces = device.ports.length;
    context.print(
      context.json
        ? JSON.stringify({ name: device.name, address, interfaces })
        : `${device.name.padEnd(12)}${address.padEnd(18)}${interfaces} interfaces`,
    );
  }
}

/** Devices must all find room in 127.0.0.0/8, where only this machine answers. */
function firstAddressOf(context: CommandContext, network: NetworkDefinition): string | null {
  const text = textOption(context, 'first-address');
  if (text === undefined) return null;
  const last = isIPv4(text) ? placeAt({ portBase: 0, firstAddress: text }, network.devices.length - 1).host : '';
  if (text.startsWith('127.') && last.startsWith('127.')) return text;
  throw new WeirError('misused', `--first-address takes an address in 127.0.0.0/8 with room, not ${text}.`);
}

function networkOf(context: CommandContext): NetworkDefinition {
  const kind = textOption(context, 'network') ?? 'demo';
  if (kind === 'fleet')
    return fleet(numberOption(context, 'devices', 200, 1, 20_000), numberOption(context, 'ports', 48, 1, 1000));
  if (kind !== 'demo') throw new WeirError('misused', `--network is demo or fleet, not ${kind}.`);
  if (context.options['devices'] !== undefined || context.options['ports'] !== undefined)
    throw new WeirError('misused', '--devices and --ports are options of --network fleet.');
  return demoNetwork();
}

function numberOption(context: CommandContext, name: string, otherwise: number, least: number, most: number): number {
  const text = textOption(context, name);
  const value = text === undefined ? otherwise : Number(text);
  if (!Number.isInteger(value) || value < least || value > most)
    throw new WeirError('misused', `--${name} takes a whole number from ${least} to ${most}, not ${text}.`);
  return value;
}
